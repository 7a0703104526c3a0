//! Logs and states of earlier versions: folds get back what they have lost, and what was done is not judged again.

use std::sync::Arc;

use super::{
    applying::{done, rejected, stage, told},
    folding::{ballot, folded, shape, share},
    world::{SERVICE, World, data, identity, named, shell, sid},
};
use crate::{
    domain::{
        object::{EventId, ObjectKind::Document, Space},
        permission::Permission,
    },
    policy::fold,
    relay::{
        record::{By, Effect, Need, Record, RestoredShare},
        refusal::Reason,
        store::{
            apply::{Rejection, enact},
            view::Body,
        },
    },
};

/// Earlier versions wrote no fields beside a grant: their logs have it first, and the shares behind it.
#[test]
fn a_log_of_an_earlier_version_gives_the_fold_all_its_shares() {
    let world = World::default();
    let mut view = stage(&world);
    let shell = shell(Document, "tally", Space::Shared { policy: "cursors".into() });
    let (object, identity) = (shell.sid, identity("reader"));
    let permission = Some(Permission { read: true, ..Permission::default() });
    let grant = Effect::Permit { service: SERVICE, object, shell: Some(shell), identity, permission };
    enact(&mut view, &world.backend(grant)).expect("it was done");
    for (owner, value) in [("alice", 1), ("bob", 3)] {
        let record = ballot(&world, &view, owner, Some(value), None);
        enact(&mut view, &record).expect("it was done");
    }
    let fold = folded(&view).expect("it is a fold");
    assert_eq!(fold.data.as_str(), fold::batch(&shape(), fold.tally.shares()));
    assert_eq!(fold.tally.sources().count(), 2);
    assert_eq!(view.tenant(SERVICE).expect("the service").objects[&object].grants.len(), 1);
}

#[test]
fn lost_shares_are_put_back() {
    let world = World::default();
    let mut view = stage(&world);
    for (owner, value) in [("alice", 1), ("bob", 3)] {
        let record = ballot(&world, &view, owner, Some(value), None);
        done(&mut view, &record);
    }
    let expected = folded(&view).expect("a fold").data.clone();
    let tenant = Arc::make_mut(view.services.get_mut(&SERVICE).expect("the service"));
    let tally = Arc::make_mut(tenant.objects.get_mut(&sid(Document, "tally")).expect("the fold"));
    tally.body = Body::Document { data: data("{}"), contributions: Default::default() };
    tenant.sources.clear();
    let shell = shell(Document, "tally", Space::Shared { policy: "cursors".into() });
    let lost = |owner: &str, value| RestoredShare {
        source: sid(Document, owner),
        share: share(value),
        reached: u64::from(value),
    };
    let shares = vec![lost("alice", 1), lost("bob", 3), lost("nobody", 2)];
    let restore = Effect::RestoreFold { service: SERVICE, shell, shape: shape(), shares };
    let events = done(&mut view, &world.record(By::System, restore));
    assert_eq!(told(&events), ["document"], "who listens hears of it");
    assert_eq!(folded(&view).expect("a fold").data, expected, "what stands no longer brings nothing");
    let withdrawn = ballot(&world, &view, "alice", None, None);
    done(&mut view, &withdrawn);
    assert_eq!(folded(&view).expect("a fold").tally.sources().count(), 1, "they can be taken back");
}

/// What it had read is what an earlier version told, which may have told less.
#[test]
fn what_stands_in_the_log_is_not_judged_again() {
    let world = World::default();
    let mut view = stage(&world);
    let need = Need { kind: Document, name: named("board"), item: None, event: Some(EventId(77)) };
    let written = Record { needs: vec![need], ..ballot(&world, &view, "alice", Some(1), None) };
    assert_eq!(rejected(&mut view, &written), Rejection::Stale);
    let large = world.private("bob", "place", "{}", None);
    let By::Policy { identity, policy, version, claims, .. } = large.by.clone() else { panic!("no policy") };
    let by = By::Policy { identity, policy, version, claims, objects_max: 0, bytes_max: 0 };
    let large = Record { by, ..large };
    assert_eq!(rejected(&mut view, &large), Rejection::Refused(Reason::Quota { what: "objects" }));
    for record in [written, large] {
        enact(&mut view, &record).expect("it was done");
    }
    assert_eq!(folded(&view).expect("a fold").tally.sources().count(), 1);
}
