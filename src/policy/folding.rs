//! What one private object brings to a fold: its inputs, taken from the result of the target's rewrite.

use std::{fmt, sync::Arc};

use serde_json::{Map, Value};

use crate::policy::{
    expression::Expression,
    fold::{Kind, Shape, Share},
    pointer::Pointer,
    template::{Bindings, RenderFault},
};

/// A fold, and where its inputs come from.
#[derive(Clone, Debug)]
pub struct Folding {
    /// The fields.
    pub shape: Shape,
    /// One for each field.
    pub(super) inputs: Vec<Input>,
    /// What makes it what it is, as text (see [`footprint`](super::footprint)).
    pub(super) footprint: Arc<str>,
}

/// Where one field's input comes from.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// What is counted, summed or compared; nothing for `count`.
    pub(super) value: Option<Origin>,
    /// The fields that a `top` keeps.
    pub(super) keep: Vec<String>,
}

/// A place in the published data, or an expression over it.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Place(Pointer),
    Expression(Expression),
}

impl Folding {
    /// Whether an expression in it reads what was admitted before.
    pub(super) fn reads_previous(&self) -> bool {
        let reads = |it: &Origin| matches!(it, Origin::Expression(it) if it.reads_previous());
        self.inputs.iter().any(|it| it.value.as_ref().is_some_and(reads))
    }

    /// Whether an expression stands in it.
    pub(super) fn computes(&self) -> bool {
        self.inputs.iter().any(|it| matches!(it.value, Some(Origin::Expression(_))))
    }

    /// Whether an expression in it reads a lookup.
    pub(super) fn looks_up(&self, lookups: usize) -> bool {
        let looks = |it: &Origin| match it {
            Origin::Expression(it) => (0..lookups).any(|at| it.reads_lookup(at)),
            Origin::Place(_) => false,
        };
        self.inputs.iter().any(|it| it.value.as_ref().is_some_and(looks))
    }

    /// What the published data brings.
    ///
    /// # Errors
    /// When an input is there and cannot be counted so.
    pub fn share(&self, data: &Value, bindings: &Bindings<'_>) -> Result<Share, RenderFault> {
        let mut parts = Vec::with_capacity(self.inputs.len());
        for (field, input) in self.shape.fields().iter().zip(&self.inputs) {
            let (found, place) = match &input.value {
                None => (Some(Value::Bool(true)), String::new()),
                Some(Origin::Place(pointer)) => (pointer.get(data).cloned(), pointer.to_string()),
                Some(Origin::Expression(it)) => {
                    let value = it.value(&bindings.names(data));
                    (
                        Some(value.map_err(|fault| RenderFault::about(fault.place, fault.message))?),
                        String::new(),
                    )
                }
            };
            // What is missing contributes nothing (decision 34).
            let Some(value) = found.filter(|it| !it.is_null()) else {
                parts.push(None);
                continue;
            };
            let kept = matches!(field.kind, Kind::Top { .. }).then(|| {
                let entry = |it: &String| Some((it.clone(), data.get(it)?.clone()));
                Value::Object(input.keep.iter().filter_map(entry).collect::<Map<_, _>>())
            });
            let part = field.kind.part(&value, kept.as_ref());
            parts.push(Some(
                part.map_err(|bad| RenderFault::about(place, format!("the fold's `{}`: {bad}", field.name)))?,
            ));
        }
        Ok(Share::new(parts))
    }
}

impl fmt::Display for Folding {
    /// What it counts, as text: two that say the same count the same.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (field, input) in self.shape.fields().iter().zip(&self.inputs) {
            let origin = match &input.value {
                None => String::new(),
                Some(Origin::Place(place)) => place.to_string(),
                Some(Origin::Expression(it)) => it.source().to_owned(),
            };
            write!(out, "{:?} {:?} {origin:?} {:?};", field.name, field.kind, input.keep)?;
        }
        Ok(())
    }
}
