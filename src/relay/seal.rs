//! Groups of records: versioned, sealed into a hash chain.
//!
//! A group is one blob: version, hash of the group before, records, hash over all of it. A group
//! that does not open, or does not follow its predecessor, stops the process. Later versions keep this frame, so that a
//! group of a later version is known as such, and one whose version was changed by damage is not taken for it.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;
#[cfg(test)]
use serde::Serialize;

use crate::{
    domain::time::Timestamp,
    relay::{
        record::{By, Effect, Record},
        refusal::DecisionId,
    },
};

/// The version of the form that is written.
const VERSION: u8 = 4;
/// Those before it, which are read: their records need nothing, and in the older one they name no endpoint.
const VERSION_WITHOUT_NEEDS: u8 = 3;
const VERSION_WITHOUT_ENDPOINT: u8 = 2;
/// Version, hash before, hash after.
const FRAME_BYTES: usize = 1 + 32 + 32;

/// The head of the chain: the hash of the newest group.
pub(in crate::relay) type Chain = [u8; 32];

/// Why a stored group cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::relay) enum Broken {
    #[error("the group was written by a newer version of this program")]
    Newer,
    #[error("the group has a version that this program does not read any more")]
    Older,
    #[error("the group does not follow the one before it")]
    Chain,
    #[error("the group was changed after it was written")]
    Hash,
    #[error("the group holds a record that this program does not know")]
    Unknown,
}

/// Seals the records of one group; gives the blob and the new head of the chain.
pub(in crate::relay) fn seal(
    before: &Chain,
    seq: u64,
    records: &[Record],
) -> Result<(Vec<u8>, Chain), Broken> {
    let mut blob = vec![VERSION];
    blob.extend_from_slice(before);
    let mut blob = postcard::to_extend(records, blob).map_err(|_| Broken::Unknown)?;
    let head = hash(seq, &blob);
    blob.extend_from_slice(&head);
    Ok((blob, head))
}

/// Opens a group that must follow `before`.
pub(in crate::relay) fn open(before: &Chain, seq: u64, blob: &[u8]) -> Result<(Vec<Record>, Chain), Broken> {
    let version = blob.first().copied();
    if blob.len() < FRAME_BYTES {
        return Err(Broken::Hash);
    }
    let (sealed, stored) = blob.split_at(blob.len() - 32);
    let head = hash(seq, sealed);
    if stored != head {
        return Err(Broken::Hash);
    }
    match version {
        Some(VERSION_WITHOUT_ENDPOINT..=VERSION) => (),
        Some(newer) if VERSION < newer => return Err(Broken::Newer),
        _ => return Err(Broken::Older),
    }
    let body = sealed.get(1..).unwrap_or_default();
    let Some(records) = body.strip_prefix(before.as_slice()) else {
        return Err(Broken::Chain);
    };
    let unknown = |_| Broken::Unknown;
    let (records, rest) = match version {
        Some(VERSION) => postcard::take_from_bytes::<Vec<Record>>(records).map_err(unknown)?,
        Some(VERSION_WITHOUT_NEEDS) => {
            let (records, rest) =
                postcard::take_from_bytes::<Vec<RecordWithoutNeeds>>(records).map_err(unknown)?;
            (records.into_iter().map(Record::from).collect(), rest)
        }
        _ => {
            let (records, rest) =
                postcard::take_from_bytes::<Vec<RecordWithoutEndpoint>>(records).map_err(unknown)?;
            (records.into_iter().map(Record::from).collect(), rest)
        }
    };
    if rest.is_empty() { Ok((records, head)) } else { Err(Broken::Unknown) }
}

/// A record of version 3.
#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct RecordWithoutNeeds {
    at: Timestamp,
    decision: DecisionId,
    by: By,
    endpoint: Option<Arc<str>>,
    policies: Arc<str>,
    batch: Option<[u8; 16]>,
    effect: Effect,
}

impl From<RecordWithoutNeeds> for Record {
    fn from(before: RecordWithoutNeeds) -> Self {
        let RecordWithoutNeeds { at, decision, by, endpoint, policies, batch, effect } = before;
        Self { at, decision, by, endpoint, policies, batch, needs: Vec::new(), effect }
    }
}

/// A record of version 2.
#[derive(Deserialize)]
#[cfg_attr(test, derive(Serialize))]
struct RecordWithoutEndpoint {
    at: Timestamp,
    decision: DecisionId,
    by: By,
    policies: Arc<str>,
    batch: Option<[u8; 16]>,
    effect: Effect,
}

impl From<RecordWithoutEndpoint> for Record {
    fn from(before: RecordWithoutEndpoint) -> Self {
        let RecordWithoutEndpoint { at, decision, by, policies, batch, effect } = before;
        Self { at, decision, by, endpoint: None, policies, batch, needs: Vec::new(), effect }
    }
}

fn hash(seq: u64, sealed: &[u8]) -> Chain {
    let mut context = Context::new(&SHA256);
    context.update(&seq.to_be_bytes());
    context.update(sealed);
    let mut head = [0; 32];
    head.copy_from_slice(context.finish().as_ref());
    head
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            object::{EventId, ObjectKind, Revision},
            sid::{ObjectSid, ServiceSid},
        },
        relay::record::Spot,
    };

    fn record() -> Record {
        Record {
            at: Timestamp::from_seconds(7),
            decision: DecisionId(1),
            by: By::System,
            endpoint: None,
            policies: "".into(),
            batch: Some([3; 16]),
            needs: Vec::new(),
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
    fn groups_of_the_versions_before_are_read() {
        fn opened(version: u8, body: &impl Serialize) -> Result<(Vec<Record>, Chain), Broken> {
            let blob = [&[version][..], &[0; 32]].concat();
            let mut blob = postcard::to_extend(body, blob).expect("written");
            let head = hash(1, &blob);
            blob.extend_from_slice(&head);
            open(&[0; 32], 1, &blob)
        }
        let Record { at, decision, by, policies, batch, effect, endpoint, .. } = record();
        let (by_, policies_, effect_) = (by.clone(), policies.clone(), effect.clone());
        let before = RecordWithoutEndpoint { at, decision, by, policies, batch, effect };
        let read = opened(VERSION_WITHOUT_ENDPOINT, &vec![before]).map(|it| it.0);
        assert_eq!(read, Ok(vec![record()]));
        let (by, policies, effect) = (by_, policies_, effect_);
        let before = RecordWithoutNeeds { at, decision, by, endpoint, policies, batch, effect };
        assert_eq!(opened(VERSION_WITHOUT_NEEDS, &vec![before]).map(|it| it.0), Ok(vec![record()]));
        let none: Vec<Record> = Vec::new();
        assert_eq!(opened(VERSION_WITHOUT_ENDPOINT - 1, &none), Err(Broken::Older));
        assert_eq!(opened(VERSION + 1, &none), Err(Broken::Newer));
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
            (17, Effect::LimitExpiry { until: None }),
            (21, Effect::Restore { gap: 1, floor: EventId(1) }),
            (22, Effect::Begin { secret: [9; 32] }),
        ];
        for (place, effect) in placed {
            let bytes = postcard::to_allocvec(&effect).expect("written");
            assert_eq!(bytes.first(), Some(&place), "{effect:?}");
        }
    }

    #[test]
    fn spots_keep_their_places_in_the_log() {
        for (place, spot) in [(0, Spot::Document), (4, Spot::Kept)] {
            let bytes = postcard::to_allocvec(&spot).expect("written");
            assert_eq!(bytes.first(), Some(&place), "{spot:?}");
        }
    }
}
