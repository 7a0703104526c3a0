//! Sync's own hosted rates, for who wants to be as strict as the hosted service (sync-rest, 14).
//!
//! They count what callers do, on both planes, and never the relay's own writes. A window of ten
//! seconds may be spent at once. The documents give two points for writes, up to 1 KiB and from
//! 10 KiB on; between them each KiB costs one write more.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use governor::Quota;

use crate::{
    domain::{
        buckets::{Buckets, Swept},
        change::Operation,
        limits::{HOSTED_BURST_SECONDS, HOSTED_KEYS_MAX},
        object::{Address, ObjectRef},
        query::Query,
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::throttle::{TooFast, millis},
};

/// One of the rates: its name, and how many per second.
type Rate = (&'static str, u32);

const READS: Rate = ("read", 20);
const WRITES: Rate = ("write", 20);
const MESSAGES: Rate = ("publish", 30);
const PERMISSIONS: Rate = ("permission", 80);
const CREATIONS: Rate = ("create", 20);

/// The rates, if they hold.
pub(super) struct Hosted {
    hash: RandomState,
    kept: Option<Mutex<(u64, Buckets)>>,
}

impl Hosted {
    pub(super) fn new(on: bool) -> Self {
        let kept = on.then(|| Mutex::new((0, Buckets::new(HOSTED_KEYS_MAX, HOSTED_KEYS_MAX))));
        Self { hash: RandomState::new(), kept }
    }

    /// Charges a change of a caller; `stands` is the object that it is about, by whatever name it was called.
    pub(super) fn change(
        &self,
        operation: &Operation,
        stands: Option<ObjectSid>,
        now: Timestamp,
    ) -> Result<(), TooFast> {
        if self.kept.is_none() {
            return Ok(());
        }
        let (rate, address) = match operation {
            Operation::Create { service, .. } => return self.charge(CREATIONS, *service, "", 1, now),
            Operation::Publish { address, .. } => (MESSAGES, address),
            Operation::Permit { address, .. } => (PERMISSIONS, address),
            Operation::Update { address, .. }
            | Operation::Remove { address }
            | Operation::Push { address, .. }
            | Operation::SetItem { address, .. }
            | Operation::RemoveItem { address, .. } => (WRITES, address),
            Operation::CreateService { .. }
            | Operation::UpdateService { .. }
            | Operation::RemoveService { .. } => return Ok(()),
        };
        let size_bytes = operation.data().map_or(0, |it| it.data().size_bytes());
        let cost = if rate == WRITES { size_bytes.div_ceil(1024).clamp(1, 10) } else { 1 };
        self.charge(rate, address.service, &object(address, stands), u32::try_from(cost).unwrap_or(10), now)
    }

    /// Charges a question of a caller; `stands` as above.
    pub(super) fn query(
        &self,
        query: &Query,
        stands: Option<ObjectSid>,
        now: Timestamp,
    ) -> Result<(), TooFast> {
        let Some(address) = query.address().filter(|_| self.kept.is_some()) else { return Ok(()) };
        let rate = match query {
            Query::Permissions(..) | Query::Permission(..) => PERMISSIONS,
            _ => READS,
        };
        self.charge(rate, address.service, &object(address, stands), 1, now)
    }

    /// Forgets what is full again.
    pub(super) fn sweep(&self, now: Timestamp) {
        let Some(kept) = &self.kept else { return };
        loop {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.0 = kept.0.max(nanos(now));
            let at = kept.0;
            if kept.1.sweep(at) == Swept::All {
                return;
            }
        }
    }

    fn charge(
        &self,
        (what, per_second): Rate,
        service: ServiceSid,
        object: &str,
        cost: u32,
        now: Timestamp,
    ) -> Result<(), TooFast> {
        let (Some(kept), Some(rate), Some(cost)) =
            (&self.kept, NonZeroU32::new(per_second), NonZeroU32::new(cost))
        else {
            return Ok(());
        };
        let burst = NonZeroU32::new(per_second.saturating_mul(HOSTED_BURST_SECONDS)).unwrap_or(rate);
        let quota = Quota::per_second(rate).allow_burst(burst);
        let key = self.hash.hash_one((what, service, object));
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0 = kept.0.max(nanos(now));
        let at = kept.0;
        kept.1
            .take(key, None, cost, quota, at)
            .map_err(|wait| TooFast { retry_ms: Some(millis(wait)), limit: None })
    }
}

fn object(address: &Address, stands: Option<ObjectSid>) -> String {
    match (&stands, &address.object) {
        (Some(sid), _) | (None, ObjectRef::Sid(sid)) => sid.to_string(),
        (None, ObjectRef::Name(name)) => format!("{}/{name}", address.kind),
    }
}

fn nanos(now: Timestamp) -> u64 {
    now.as_millis().unsigned_abs().saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{data::Input, name::UniqueName, object::ObjectKind};

    fn write(bytes: usize) -> Operation {
        let name = UniqueName::try_from("doc").expect("a name");
        let address = Address {
            service: ServiceSid::new([1; 16]),
            kind: ObjectKind::Document,
            object: ObjectRef::Name(name),
        };
        let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes.saturating_sub(8)));
        Operation::Update { address, data: Some(Input::parse(&text).expect("data")), ttl: None }
    }

    #[test]
    fn a_window_may_be_spent_at_once_and_large_writes_cost_more() {
        let at = |seconds: i64| Timestamp::from_seconds(1_000 + seconds);
        for (bytes, writes) in [(8, 200), (1_024, 200), (1_025, 100), (10 * 1_024, 20), (16 * 1_024, 20)] {
            let hosted = Hosted::new(true);
            let done = (0..1_000).take_while(|_| hosted.change(&write(bytes), None, at(0)).is_ok()).count();
            assert_eq!(done, writes, "{bytes} bytes");
            let done = (0..1_000).take_while(|_| hosted.change(&write(bytes), None, at(1)).is_ok()).count();
            assert_eq!(done, writes / 10, "{bytes} bytes, a second later");
        }
        let (hosted, sid) = (Hosted::new(true), ObjectSid { kind: ObjectKind::Document, bytes: [7; 16] });
        let mut by_sid = write(8);
        if let Operation::Update { address, .. } = &mut by_sid {
            address.object = ObjectRef::Sid(sid);
        }
        let turns = [write(8), by_sid];
        let done = turns.iter().cycle().take_while(|it| hosted.change(it, Some(sid), at(0)).is_ok()).count();
        assert_eq!(done, 200, "one object, by name or by SID");
        let off = Hosted::new(false);
        assert!((0..1_000).all(|_| off.change(&write(8), None, at(0)).is_ok()));
    }
}
