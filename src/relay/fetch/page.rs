//! One page of an ordered map: the rows beside a start, and whether there are others on either side.

use std::ops::Bound;

use imbl::OrdMap;

use crate::{
    domain::{
        limits::{PAGE_BYTES_MAX, PAGE_ROW_BYTES, PAGE_ROWS_MAX},
        query::{Bounds, Order, Range},
    },
    relay::receipt::Page,
};

/// The rows that a range asks for, up to [`PAGE_ROWS_MAX`] and, from the second row on, [`PAGE_BYTES_MAX`].
/// `stands` hides those that count as gone, `size_bytes` gives the bytes of a row's data.
pub(super) fn page<K: Ord + Clone, V: Clone, T>(
    rows: &OrdMap<K, V>,
    range: &Range<K>,
    stands: impl Fn(&K, &V) -> bool,
    row: impl Fn(&K, &V) -> T,
    size_bytes: impl Fn(&T) -> usize,
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
    let take = |found: &mut dyn Iterator<Item = (&K, &V)>| {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for (key, value) in found {
            let next = row(key, value);
            bytes += PAGE_ROW_BYTES + size_bytes(&next);
            if rows.len() == asked || (!rows.is_empty() && PAGE_BYTES_MAX < bytes) {
                return (rows, true);
            }
            rows.push(next);
        }
        (rows, false)
    };
    let ((rows, more), before) = match range.order {
        Order::Ascending => {
            (take(&mut up(range.bounds)), range.from.is_some() && down(opposite).next().is_some())
        }
        Order::Descending => {
            (take(&mut down(range.bounds)), range.from.is_some() && up(opposite).next().is_some())
        }
    };
    Page { rows, before, more }
}

/// The same range over other keys, where the two orders agree.
pub(super) fn over<K: Clone, L>(range: &Range<K>, key: impl Fn(K) -> L) -> Range<L> {
    let moved = |it: &Option<K>| it.clone().map(&key);
    let (only, from) = (moved(&range.only), moved(&range.from));
    Range { only, from, bounds: range.bounds, order: range.order, rows: range.rows }
}
