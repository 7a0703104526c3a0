//! What a log holds is read as it was written, by this version and by later ones.

use super::*;
use crate::domain::object::ObjectKind;

fn record() -> Record {
    Record {
        at: Timestamp::from_seconds(7),
        decision: DecisionId(1),
        by: By::System,
        endpoint: None,
        policies: "".into(),
        batch: Some([3; 16]),
        effect: Effect::Found { secret: [9; 32] },
    }
}

#[test]
fn groups_round_trip_and_name_what_is_broken() {
    let (blob, head) = seal(&[0; 32], 1, &[record()]).expect("sealed");
    assert_eq!(open(&[0; 32], 1, &blob), Ok((vec![record()], head)));
    assert_eq!(open(&[1; 32], 1, &blob), Err(Broken::Chain));
    assert_eq!(open(&[0; 32], 2, &blob), Err(Broken::Hash));
    for at in 0..blob.len() {
        let mut flipped = blob.clone();
        flipped[at] ^= 1;
        assert!(open(&[0; 32], 1, &flipped).is_err(), "byte {at} was flipped unnoticed");
    }
    assert!(open(&[0; 32], 1, &[]).is_err());
}

#[test]
fn effects_keep_their_places_in_the_log() {
    let (service, object) =
        (ServiceSid::new([1; 16]), ObjectSid { kind: ObjectKind::Document, bytes: [2; 16] });
    let placed = [
        (0, Effect::Found { secret: [9; 32] }),
        (7, Effect::Remove { service, object }),
        (14, Effect::Settle { service, hooks: Vec::new() }),
        (15, Effect::RemoveAt { service, object, revision: Revision(1) }),
        (16, Effect::Forget { service, objects: vec![object], before: Timestamp::from_seconds(1) }),
    ];
    for (place, effect) in placed {
        let bytes = postcard::to_allocvec(&effect).expect("written");
        assert_eq!(bytes.first(), Some(&place), "{effect:?}");
    }
}

#[test]
fn a_group_of_the_version_before_is_read() {
    let Record { at, decision, by, policies, batch, effect, .. } = record();
    let before = RecordBefore { at, decision, by, policies, batch, effect };
    let blob = [&[VERSION_BEFORE][..], &[0; 32]].concat();
    let mut blob = postcard::to_extend(&vec![before], blob).expect("written");
    let head = hash(1, &blob);
    blob.extend_from_slice(&head);
    assert_eq!(open(&[0; 32], 1, &blob), Ok((vec![record()], head)));
    blob[0] = VERSION_BEFORE - 1;
    assert_eq!(open(&[0; 32], 1, &blob), Err(Broken::Version));
}
