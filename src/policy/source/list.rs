//! What a target of many items may hold, and what becomes of the items: `items_max`, `when_full`, `on_withdraw`.

use crate::{
    domain::{
        limits::{LIST_ITEMS_MAX, MAP_ITEMS_MAX, SHARED_ITEMS_DEFAULT},
        object::ObjectKind,
    },
    policy::{
        compiled::{OnWithdraw, WhenFull},
        fault::Faults,
        written::Table,
    },
};

/// What the three keys say.
pub(super) struct Bounds {
    pub(super) on_withdraw: OnWithdraw,
    pub(super) items_max: u32,
    pub(super) when_full: WhenFull,
}

/// Reads the three keys of a target of this kind.
pub(super) fn read(
    table: &Table<'_>,
    from: Option<ObjectKind>,
    kind: ObjectKind,
    faults: &mut Faults<'_>,
) -> Bounds {
    let (list, map) = (kind == ObjectKind::List, kind == ObjectKind::Map);
    stray(table, "items_max", list || map, "only a list or a map has items", faults);
    stray(table, "when_full", list, "only a list can drop its oldest items", faults);
    stray(table, "ttl", kind != ObjectKind::Stream, "a message is not kept", faults);
    let kept = list || kind == ObjectKind::Document;
    let of_document = kept && matches!(from, None | Some(ObjectKind::Document));
    let why =
        "it is for a document that feeds a list or a document; an item stands and falls with its source";
    stray(table, "on_withdraw", of_document, why, faults);
    let cap = if map { MAP_ITEMS_MAX } else { LIST_ITEMS_MAX };
    let items_max = table.number("items_max", 1..=u32::try_from(cap).unwrap_or(u32::MAX), faults);
    let full = [("refuse", WhenFull::Refuse), ("drop_oldest", WhenFull::DropOldest)];
    let withdrawn = [("all", OnWithdraw::All), ("keep", OnWithdraw::Keep)];
    Bounds {
        on_withdraw: table.word("on_withdraw", &withdrawn, faults).map_or(OnWithdraw::All, |it| it.value),
        items_max: items_max.unwrap_or(SHARED_ITEMS_DEFAULT),
        when_full: table.word("when_full", &full, faults).map_or(WhenFull::Refuse, |it| it.value),
    }
}

fn stray(table: &Table<'_>, key: &str, fits: bool, why: &str, faults: &mut Faults<'_>) {
    if !fits && table.has(key) {
        faults.add_with_help(&table.key_span(key), format!("`{key}` has no meaning here"), why);
    }
}
