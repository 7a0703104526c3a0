//! One page of an ordered map: the rows beside a start, and whether there are others on either side.

use std::ops::Bound;

use imbl::OrdMap;

use crate::{
    domain::{
        limits::PAGE_ROWS_MAX,
        query::{Bounds, Order, Range},
    },
    relay::receipt::Page,
};

/// The rows that a range asks for. `stands` hides those that count as gone.
pub(super) fn page<K: Ord + Clone, V: Clone, T>(
    rows: &OrdMap<K, V>,
    range: &Range<K>,
    stands: impl Fn(&K, &V) -> bool,
    row: impl Fn(&K, &V) -> T,
) -> Page<T> {
    if let Some(only) = &range.only {
        let found = rows.get(only).filter(|it| stands(only, it)).map(|it| row(only, it));
        return Page { rows: found.into_iter().collect(), before: false, more: false };
    }
    let asked = range.rows.clamp(1, PAGE_ROWS_MAX);
    let edge = |bounds| match (&range.from, bounds) {
        (None, _) => Bound::Unbounded,
        (Some(key), Bounds::Inclusive) => Bound::Included(key.clone()),
        (Some(key), Bounds::Exclusive) => Bound::Excluded(key.clone()),
    };
    let opposite = match range.bounds {
        Bounds::Inclusive => Bounds::Exclusive,
        Bounds::Exclusive => Bounds::Inclusive,
    };
    let up = |bounds| rows.range((edge(bounds), Bound::Unbounded)).filter(|it| stands(it.0, it.1));
    let down = |bounds| rows.range((Bound::Unbounded, edge(bounds))).rev().filter(|it| stands(it.0, it.1));
    let (mut found, before): (Vec<_>, bool) = match range.order {
        Order::Ascending => (
            up(range.bounds).take(asked + 1).map(|it| row(it.0, it.1)).collect(),
            range.from.is_some() && down(opposite).next().is_some(),
        ),
        Order::Descending => (
            down(range.bounds).take(asked + 1).map(|it| row(it.0, it.1)).collect(),
            range.from.is_some() && up(opposite).next().is_some(),
        ),
    };
    let more = asked < found.len();
    found.truncate(asked);
    Page { rows: found, before, more }
}

/// The same range over other keys, where the two orders agree.
pub(super) fn over<K: Clone, L>(range: &Range<K>, key: impl Fn(K) -> L) -> Range<L> {
    let moved = |it: &Option<K>| it.clone().map(&key);
    let (only, from) = (moved(&range.only), moved(&range.from));
    Range { only, from, bounds: range.bounds, order: range.order, rows: range.rows }
}
