//! Conditions on what is removed.

use super::{House, KINDS, called};
use crate::{
    domain::{
        change::{Change, IfMatch, Operation},
        object::{ObjectKind, Revision},
    },
    relay::{Error, Reason},
};

#[tokio::test]
async fn a_removal_on_condition_waits_for_its_revision() {
    let house = House::new().await;
    for caller in [&house.client("ada"), &house.backend] {
        for kind in KINDS {
            let sid = house.made(caller, kind, None).await;
            let remove = |if_match| Change {
                if_match: Some(if_match),
                ..called("r", Operation::Remove { address: house.of(sid) })
            };
            for other in [IfMatch::Revision(Revision(7)), IfMatch::Absent] {
                match (kind, house.ask(caller, remove(other)).await) {
                    (ObjectKind::Document, Err(Error::Refused(refusal))) => {
                        let (of, current) = (kind, Some(Revision(0)));
                        assert_eq!(refusal.reason, Reason::RevisionMismatch { of, current });
                        assert!(house.newest(house.of(sid)).is_some(), "it stands");
                    }
                    // Of a list or map only the items have conditions (Sync); it is gone after the first.
                    (ObjectKind::List | ObjectKind::Map, Ok(_) | Err(_)) => (),
                    (_, other) => panic!("{other:?}"),
                }
            }
            if kind == ObjectKind::Document {
                let right = remove(IfMatch::Revision(Revision(0)));
                house.twice("the right revision", caller, right, vec![]).await;
            }
            assert!(house.newest(house.of(sid)).is_none());
        }
    }
}
