//! What the passage promises of every set of policies, whatever it says, and that the matrix would show it.

use std::{path::Path, sync::Arc};

use super::{Asker, Side, Space, Verb, matrix};
use crate::policy::{PolicySet, folder};

fn asked(home: &str) -> Vec<Space> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(home);
    matrix(&Arc::new(folder::load(&path).unwrap_or_else(|faults| panic!("{faults:?}"))))
}

/// The verbs that an asker may do.
fn may(space: &Space, asker: Asker) -> Vec<Verb> {
    let row = space.answers.iter().find(|it| it.0 == asker).expect("a row");
    let verbs = Verb::of(space.kind).iter().zip(&row.1);
    verbs.filter(|it| it.1.is_ok()).map(|it| *it.0).collect()
}

#[test]
fn nobody_writes_what_is_shared_and_nobody_but_the_owner_what_is_private() {
    let spaces: Vec<Space> = ["policies", "tests/sdk/policies"].into_iter().flat_map(asked).collect();
    let looks = [Verb::Read, Verb::Watch];
    let clients = [Asker::Anonymous, Asker::Owner, Asker::Other, Asker::Unclaimed, Asker::Granted];
    for space in &spaces {
        assert_eq!(may(space, Asker::Anonymous), [], "{space:?}");
        match &space.side {
            Side::Shared(_) => {
                for client in clients {
                    assert!(may(space, client).iter().all(|it| looks.contains(it)), "{client:?} {space:?}");
                }
                assert_eq!(may(space, Asker::Granted), looks, "{space:?}");
            }
            Side::Private(policy) => {
                assert_eq!(may(space, Asker::Other), [], "{space:?}");
                assert_eq!(may(space, Asker::Unclaimed), [], "{space:?}");
                assert_eq!(may(space, Asker::Granted), [], "{space:?}");
                let own = may(space, Asker::Owner);
                assert!(looks.iter().all(|it| own.contains(it)) && !own.contains(&Verb::Permit), "{space:?}");
                // `closed` has `mode = "off"`; where it is not off, the owner may do everything but grant.
                let verbs = if &**policy == "closed" { looks.len() } else { Verb::of(space.kind).len() - 1 };
                assert_eq!(own.len(), verbs, "{space:?}");
            }
            Side::Plain => {
                assert_eq!(may(space, Asker::Other), [Verb::Create], "{space:?}");
                assert!(may(space, Asker::Owner).contains(&Verb::Remove), "{space:?}");
                assert!(may(space, Asker::Granted).contains(&Verb::Remove), "{space:?}");
            }
        }
    }
}

#[test]
fn plain_objects_are_asked_about_without_policies_too() {
    let spaces = matrix(&Arc::new(PolicySet::empty()));
    assert!(spaces.len() == 4 && spaces.iter().all(|it| it.side == Side::Plain));
}

/// The sample `chat` asks for `reader.claims.rooms`: who has the claim reads, who has none does not.
#[test]
fn a_condition_of_read_is_asked_with_and_without_its_claims() {
    let spaces = asked("policies");
    let chat = |it: &&Space| it.side == Side::Shared("chat".into());
    let room = spaces.iter().find(chat).expect("the sample");
    assert_eq!(may(room, Asker::Other), [Verb::Read, Verb::Watch]);
    assert_eq!(may(room, Asker::Unclaimed), []);
}
