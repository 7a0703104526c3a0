//! What must stand after a crash, from what was acknowledged: pure, so that it can be checked itself.
//!
//! An object has one writer and at most one write in flight. What is found must be the newest
//! acknowledged state or the one in flight, with both its sides, the private and the shared one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::thing::{Attempt, Thing};

/// From when to when something happened, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    pub from: i64,
    pub to: i64,
}

/// Milliseconds by which the server's clock may differ from the wall clock of the tests: it is monotonic, counts whole
/// milliseconds, and follows the wall clock slowly (docs/adr/0019-one-clock.md).
const CLOCK_MS: i64 = 2;

impl Span {
    /// A span of the wall clock, as the server's clock may see it.
    pub fn of_server(from: i64, to: i64) -> Self {
        Self { from: from - CLOCK_MS, to: to + CLOCK_MS }
    }
}

/// One side of an object: what is stored for its owner, or what the others see of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    pub data: Value,
    /// `None` when an expiry has made it uncertain.
    pub revision: Option<u64>,
    /// The key under which the server has put the time of the write.
    pub stamp: Option<&'static str>,
    /// When it was written: the server's time lies in it.
    pub wrote: Span,
    /// How long it stands after that; `None` is for ever.
    pub life_ms: Option<i64>,
}

/// Both sides of an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub own: Option<Side>,
    pub shared: Option<Side>,
}

/// Data and revision of both sides as they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub own: Option<(Value, u64)>,
    pub shared: Option<(Value, u64)>,
}

/// A write of which nobody knows whether it was done, and what stands if it was.
#[derive(Clone, Debug)]
pub struct Pending {
    pub attempt: Attempt,
    pub state: State,
}

#[derive(Clone, Debug)]
struct Entry {
    sure: State,
    pending: Option<Pending>,
}

/// What was acknowledged, and what is unknown.
#[derive(Clone, Default)]
pub struct Ledger {
    entries: BTreeMap<Thing, Entry>,
}

impl Ledger {
    /// Takes in an object that does not stand.
    pub fn admit(&mut self, thing: Thing) {
        let sure = thing.nothing();
        self.entries.insert(thing, Entry { sure, pending: None });
    }

    /// All objects.
    pub fn things(&self) -> impl Iterator<Item = &Thing> {
        self.entries.keys()
    }

    /// The newest acknowledged state.
    pub fn sure(&self, thing: &Thing) -> &State {
        &self.entries[thing].sure
    }

    /// The write in flight.
    pub fn pending(&self, thing: &Thing) -> Option<&Pending> {
        self.entries[thing].pending.as_ref()
    }

    /// A write was acknowledged, or one in flight was settled.
    pub fn acknowledged(&mut self, thing: &Thing, state: State) {
        let entry = self.entries.get_mut(thing).expect("an object of this ledger");
        *entry = Entry { sure: state, pending: None };
    }

    /// A write, or its repetition, got no answer, or one that leaves its outcome open.
    pub fn unknown(&mut self, thing: &Thing, pending: Pending) {
        let entry = self.entries.get_mut(thing).expect("an object of this ledger");
        let same = entry.pending.as_ref().is_none_or(|it| it.attempt == pending.attempt);
        assert!(same, "an object has one write in flight");
        entry.pending = Some(pending);
    }

    /// Nothing of what is in flight was done.
    pub fn forget_pending(&mut self) {
        self.entries.values_mut().for_each(|it| it.pending = None);
    }

    /// Compares one object with what was read of it in the time `read`, and gives the state that it
    /// is in: the acknowledged one, or the one in flight.
    ///
    /// # Errors
    /// What is wrong when it is in neither.
    pub fn judge(&self, thing: &Thing, found: &Found, read: Span) -> Result<State, String> {
        let entry = &self.entries[thing];
        let lost = match fits(&entry.sure, found, read) {
            Ok(()) => return Ok(entry.sure.clone()),
            Err(lost) => lost,
        };
        let Some(pending) = &entry.pending else { return Err(format!("{thing:?}: {lost}")) };
        match fits(&pending.state, found, read) {
            Ok(()) => Ok(pending.state.clone()),
            Err(half) => Err(format!("{thing:?}: {lost}; and as if the write in flight was done: {half}")),
        }
    }
}

fn fits(state: &State, found: &Found, read: Span) -> Result<(), String> {
    side_fits(state.own.as_ref(), found.own.as_ref(), read).map_err(|it| format!("the private side {it}"))?;
    side_fits(state.shared.as_ref(), found.shared.as_ref(), read)
        .map_err(|it| format!("the shared side {it}"))
}

fn side_fits(expected: Option<&Side>, found: Option<&(Value, u64)>, read: Span) -> Result<(), String> {
    let ends = |side: &Side, wrote: i64| side.life_ms.map(|it| wrote + it);
    match (expected, found) {
        (None, None) => Ok(()),
        (None, Some(found)) => Err(format!("stands as {found:?}, and nothing should")),
        (Some(side), None) if ends(side, side.wrote.from).is_some_and(|it| it <= read.to) => Ok(()),
        (Some(side), None) => Err(format!("is gone, it should be {side:?}")),
        (Some(side), Some((data, revision))) => {
            let mut data = data.clone();
            let stamp = side.stamp.and_then(|it| data.as_object_mut()?.remove(it));
            let stamped = stamp.as_ref().and_then(Value::as_str).and_then(milliseconds);
            let wrote = stamped.unwrap_or(side.wrote.to);
            let timely = ends(side, wrote).is_none_or(|it| read.from < it);
            let same = data == side.data
                && side.revision.is_none_or(|it| it == *revision)
                && side.stamp.is_some() == stamped.is_some()
                && (side.wrote.from..=side.wrote.to).contains(&wrote);
            match (same, timely) {
                (true, true) => Ok(()),
                (true, false) => Err(format!("stands as {found:?} beyond its end, {side:?}")),
                (false, _) => Err(format!("is {found:?}, it should be {side:?}")),
            }
        }
    }
}

/// The milliseconds of a time such as `2026-01-01T00:00:00.000Z`.
fn milliseconds(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, milli) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    // Days since 1970 in the Gregorian calendar, with years that begin in March.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + milli)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::thing::{Door, Op};

    const READ: Span = Span { from: 10_000, to: 10_010 };

    fn written(ledger: &mut Ledger, thing: &Thing, op: Op, at: i64) {
        let state = thing.after(ledger.sure(thing), op, Span { from: at, to: at + 5 });
        ledger.acknowledged(thing, state);
    }

    /// What a faultless server would show at 9,000.
    fn shown(state: &State) -> Found {
        let shown = |side: &Side| {
            let mut data = side.data.clone();
            if let Some(stamp) = side.stamp {
                data[stamp] = json!(format!("1970-01-01T00:00:0{}.00{}Z", 9, side.wrote.from % 10));
            }
            (data, side.revision.unwrap_or_default())
        };
        Found { own: state.own.as_ref().map(shown), shared: state.shared.as_ref().map(shown) }
    }

    /// A cursor that was written twice.
    fn moved() -> (Ledger, Thing, State) {
        let thing = Thing::Cursor { room: "r".into(), owner: "ada".into() };
        let mut ledger = Ledger::default();
        ledger.admit(thing.clone());
        written(&mut ledger, &thing, Op::Set(1), 8_990);
        let before = ledger.sure(&thing).clone();
        written(&mut ledger, &thing, Op::Set(2), 9_000);
        (ledger, thing, before)
    }

    #[test]
    fn a_lost_write_is_found() {
        let (ledger, thing, before) = moved();
        let judged = |found: &Found| ledger.judge(&thing, found, READ);
        assert!(judged(&shown(ledger.sure(&thing))).is_ok());
        assert!(judged(&shown(&before)).is_err_and(|it| it.contains("the private side is")));
        assert!(judged(&Found::default()).is_err_and(|it| it.contains("is gone")));
    }

    #[test]
    fn half_a_write_is_found() {
        let (mut ledger, thing, before) = moved();
        let (new, old) = (shown(ledger.sure(&thing)), shown(&before));
        let half = Found { own: new.own.clone(), shared: old.shared };
        assert!(ledger.judge(&thing, &half, READ).is_err_and(|it| it.contains("the shared side is")));
        // And so it is when the write is in flight: all of it, or nothing.
        let sure = ledger.sure(&thing).clone();
        let state = thing.after(&sure, Op::Remove, Span { from: 9_000, to: 9_005 });
        let attempt = Attempt { op: Op::Remove, door: Door::Client, number: 3 };
        ledger.unknown(&thing, Pending { attempt, state: state.clone() });
        assert_eq!(ledger.judge(&thing, &new, READ), Ok(sure));
        assert_eq!(ledger.judge(&thing, &Found::default(), READ), Ok(state));
        for half in [Found { own: None, ..new.clone() }, Found { shared: None, ..new }] {
            assert!(ledger.judge(&thing, &half, READ).is_err());
        }
    }

    #[test]
    fn what_was_removed_stays_removed_and_what_expired_does_not_stand() {
        let (mut ledger, thing, _) = moved();
        let (state, late) = (ledger.sure(&thing).clone(), Span { from: 12_000, to: 12_001 });
        let found = shown(&state);
        assert!(ledger.judge(&thing, &found, late).is_err_and(|it| it.contains("beyond its end")));
        assert!(ledger.judge(&thing, &Found { shared: None, ..found.clone() }, late).is_ok());
        written(&mut ledger, &thing, Op::Remove, 9_010);
        assert!(ledger.judge(&thing, &found, READ).is_err_and(|it| it.contains("nothing should")));
        assert!(ledger.judge(&thing, &Found::default(), READ).is_ok());
    }

    #[test]
    fn a_revision_or_a_time_that_goes_back_is_found() {
        let (ledger, thing, _) = moved();
        let found = shown(ledger.sure(&thing));
        let (data, revision) = found.shared.clone().expect("a shared side");
        let back = Found { shared: Some((data, revision - 1)), ..found.clone() };
        assert!(ledger.judge(&thing, &back, READ).is_err());
        let mut early = found;
        early.shared.as_mut().expect("a shared side").0["at"] = json!("1970-01-01T00:00:08.990Z");
        assert!(ledger.judge(&thing, &early, READ).is_err());
    }

    #[test]
    fn times_are_read() {
        assert_eq!(milliseconds("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(milliseconds("2026-01-01T00:00:00.007Z"), Some(1_767_225_600_007));
        assert_eq!(milliseconds("2024-02-29T12:30:01.500Z"), Some(1_709_209_801_500));
        assert_eq!(milliseconds("soon"), None);
    }
}
