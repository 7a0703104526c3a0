//! What a plain rewrite publishes, its keys laid out when the policy is loaded: at a write they are filled in by their
//! order, and none of them is hashed. A rewrite is plain if it names keys of the top only, and moves none.

use serde_json::{Map, Value};

use crate::{
    domain::limits::DATA_DEPTH_MAX,
    policy::{
        pointer::Pointer,
        rewrite::{Rewrite, within},
        template::Bindings,
    },
};

/// Levels of what stands under a key of the top. What is taken from there has no more: it was data.
const INNER_LEVELS: usize = DATA_DEPTH_MAX - 1;

/// The result as far as it is known before: its keys in their order, with what `default` puts there.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    out: Map<String, Value>,
    columns: Vec<Column>,
}

/// What is done for one key: the places in the lists of the rewrite.
#[derive(Clone, Copy, Debug)]
struct Column {
    take: Option<usize>,
    clamp: Option<usize>,
    mask: Option<usize>,
    set: Option<usize>,
}

impl Frame {
    /// That of a rewrite, if it is a plain one.
    pub(super) fn of(rewrite: &Rewrite) -> Option<Self> {
        let Rewrite { take, rename, default, clamp, mask, set, .. } = rewrite;
        let take = take.as_ref()?;
        let mut out = Map::new();
        let none = Value::Null;
        let taken = take.iter().map(|it| (it, &none));
        let defaults = default.iter().map(|(place, value)| (place, value));
        let places = taken.chain(defaults.clone()).chain(set.iter().map(|(place, _)| (place, &none)));
        for (place, value) in places {
            out.entry(place.only_step()?).or_insert_with(|| value.clone());
        }
        // What is nowhere in the result can be neither clamped nor masked.
        if !rename.is_empty() || clamp.iter().any(|it| it.0.only_step().is_none()) {
            return None;
        }
        if mask.iter().any(|it| it.0.only_step().is_none()) {
            return None;
        }
        let at = |place: &Pointer, key: &String| place.only_step() == Some(key);
        let column = |key: &String| Column {
            take: take.iter().position(|it| at(it, key)),
            clamp: clamp.iter().position(|it| at(&it.0, key)),
            mask: mask.iter().position(|it| at(&it.0, key)),
            set: set.iter().position(|it| at(&it.0, key)),
        };
        if !defaults.into_iter().all(|it| within(it.1, INNER_LEVELS)) {
            return None;
        }
        let columns = out.keys().map(column).collect();
        Some(Self { out, columns })
    }

    /// The result; `None` if something is missing, and the steps are to say what comes of it.
    pub(super) fn filled(&self, rewrite: &Rewrite, data: &Value, bindings: &Bindings<'_>) -> Option<Value> {
        let mut out = self.out.clone();
        for (place, column) in out.values_mut().zip(&self.columns) {
            if let Some(at) = column.take {
                *place = rewrite.take.as_ref()?.get(at)?.get(data)?.clone();
            }
            if let Some(at) = column.clamp
                && let Some(bound) = rewrite.clamp.get(at)?.1.passed(place)
            {
                *place = Value::Number(bound.clone());
            }
            if let Some(at) = column.mask {
                rewrite.mask.get(at)?.1.cover(place);
            }
            if let Some(at) = column.set {
                *place = rewrite
                    .set
                    .get(at)?
                    .1
                    .value(data, bindings)
                    .ok()
                    .filter(|it| within(it, INNER_LEVELS))?;
            }
        }
        Some(Value::Object(out))
    }
}
