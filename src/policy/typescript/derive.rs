//! The type of a shared side without a schema: that of the private side, taken through the rewrite. And of a fold's
//! document, which no schema describes.
//!
//! Only whole fields of the top are followed; a field of which a part is moved or set is `unknown`.

use serde_json::Value;

use super::form::{Field, Presence, Type};
use crate::policy::{fold::Kind, folding::Folding, pointer::Pointer, rewrite::Rewrite, setting::Setting};

/// Data of which nothing is known.
pub(super) fn unknown() -> Type {
    Type::object(Vec::new(), Some(Type::Unknown))
}

/// What a rewrite makes of data of this type, or of any data.
pub(super) fn shared(private: Option<&Type>, rewrite: &Rewrite) -> Type {
    let (mut fields, mut open) = match private {
        Some(Type::Object { fields, others }) => (Fields(fields.clone()), others.is_some()),
        _ => (Fields(Vec::new()), true),
    };
    if let Some(taken) = &rewrite.take {
        (fields, open) = (fields.taken(taken), false);
    }
    let moved: Vec<_> = rewrite.rename.iter().map(|(from, to)| (to, fields.remove(from))).collect();
    for (to, (presence, value)) in moved {
        fields.put(to, presence, value);
    }
    for (place, value) in &rewrite.default {
        let other = match fields.find(place) {
            Some(field) => field.value.clone(),
            None if open => Type::Unknown,
            None => Type::Never,
        };
        fields.put(place, Presence::Required, Type::union([other, kind(value)]));
    }
    for (place, setting) in &rewrite.set {
        let value = match setting {
            Setting::Constant(value) => Type::Literal(value.clone()),
            Setting::Claim(_) | Setting::Expression(_) => Type::Unknown,
            Setting::Identity
            | Setting::Pseudonym
            | Setting::Now
            | Setting::Capture(_)
            | Setting::Key
            | Setting::Text(_) => Type::Plain("string"),
        };
        fields.put(place, Presence::Required, value);
    }
    Type::object(fields.0, open.then_some(Type::Unknown))
}

/// The document of a fold; `input` is the type of what each source brings.
pub(super) fn folded(fold: &Folding, input: Option<&Type>) -> Type {
    let number = || Type::Plain("number");
    let object = |fields: Vec<(&str, Type)>| {
        let field = |(name, value): (&str, Type)| Field::bare(name, Presence::Required, value);
        Type::object(fields.into_iter().map(field).collect(), None)
    };
    let kept = |name: &String| {
        let known = match input {
            Some(Type::Object { fields, .. }) => fields.iter().find(|it| it.name == *name),
            _ => None,
        };
        match known {
            Some(it) if is_plain(&it.value) => Field::bare(name, it.presence, it.value.clone()),
            _ => Field::bare(name, Presence::Optional, Type::Unknown),
        }
    };
    let of = |kind: &Kind, keep: &[String]| match kind {
        Kind::Count | Kind::Sum | Kind::Distinct => number(),
        Kind::Mean | Kind::Min | Kind::Max => Type::union([number(), Type::Plain("null")]),
        Kind::CountBy { top: None } => Type::object(Vec::new(), Some(number())),
        Kind::CountBy { top: Some(_) } => {
            let one = object(vec![("value", Type::Unknown), ("count", number())]);
            object(vec![("top", Type::Array(Box::new(one))), ("other", number())])
        }
        Kind::Top { .. } => Type::Array(Box::new(Type::object(keep.iter().map(kept).collect(), None))),
    };
    let fields = fold.shape.fields().iter().zip(&fold.inputs);
    let fields = fields.map(|(it, input)| (&*it.name, of(&it.kind, &input.keep)));
    object(fields.collect())
}

/// Whether a type refers to no other by name.
fn is_plain(of: &Type) -> bool {
    match of {
        Type::Plain(_) | Type::Literal(_) => true,
        Type::Union(parts) => parts.iter().all(is_plain),
        Type::Array(inner) => is_plain(inner),
        _ => false,
    }
}

/// The type of a default: not the value alone, since others may stand in its place.
fn kind(value: &Value) -> Type {
    match value {
        Value::Null => Type::Plain("null"),
        Value::Bool(_) => Type::Plain("boolean"),
        Value::Number(_) => Type::Plain("number"),
        Value::String(_) => Type::Plain("string"),
        Value::Array(_) | Value::Object(_) => Type::Unknown,
    }
}

struct Fields(Vec<Field>);

impl Fields {
    fn find(&self, place: &Pointer) -> Option<&Field> {
        self.0.iter().find(|it| [it.name.as_str()] == *place.steps())
    }

    /// What is kept; of a field that was taken in part nobody knows whether it is there.
    fn taken(&self, pointers: &[Pointer]) -> Self {
        let mut kept = Self(Vec::new());
        for pointer in pointers {
            match self.find(pointer) {
                Some(field) => kept.0.push(field.clone()),
                None => kept.put(pointer, Presence::Optional, Type::Unknown),
            }
        }
        kept
    }

    /// Takes a place out and says what stood there.
    fn remove(&mut self, place: &Pointer) -> (Presence, Type) {
        if let Some(at) = self.0.iter().position(|it| [it.name.as_str()] == *place.steps()) {
            let field = self.0.remove(at);
            return (field.presence, field.value);
        }
        if let Some(field) = self.0.iter_mut().find(|it| place.steps().first() == Some(&it.name)) {
            field.value = Type::Unknown;
        }
        (Presence::Optional, Type::Unknown)
    }

    /// Puts something at a place, if it is there; of what stands within a field, only the field is known.
    fn put(&mut self, place: &Pointer, presence: Presence, value: Type) {
        let [name, within @ ..] = place.steps() else { return };
        let value = if within.is_empty() { value } else { Type::Unknown };
        let Some(field) = self.0.iter_mut().find(|it| it.name == *name) else {
            self.0.push(Field::bare(name, presence, value));
            return;
        };
        if presence == Presence::Required {
            (field.presence, field.value) = (presence, value);
        } else {
            field.value = Type::union([field.value.clone(), value]);
        }
    }
}
