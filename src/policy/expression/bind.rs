//! Binds what an expression reads: JSON that lies elsewhere, as values of the crate, each only when it is asked for.

use std::{collections::HashMap, sync::OnceLock};

use cel::{
    common::{
        types::{
            CelBool, CelDouble, CelDuration, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString,
            CelTimestamp,
        },
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use serde_json::{Number, Value};

use crate::{
    domain::{limits::SAFE_INTEGER_MAX, time::Timestamp},
    policy::expression::{
        EvalFault, Names,
        check::Slot,
        functions::Pattern,
        kinds::Kinds,
        path::{Look, Path, Thing},
        shape::{Found, ShapeId, Shapes, Size},
    },
};

type Bound<'w> = Box<dyn Val + 'w>;

/// Only a shape bounds what reading costs: what is larger is not read.
const TOO_LARGE: &str = "holds more than its schema, or the limit of data, allows";

/// What the names stand for at one evaluation; each slot is bound at most once.
pub(super) struct Binder<'w> {
    slots: &'w [Slot],
    patterns: &'w [Pattern],
    shapes: &'w Shapes,
    names: &'w Names<'w>,
    bound: Vec<OnceLock<Result<Bound<'w>, EvalFault>>>,
    #[cfg(test)]
    pub(super) work: std::sync::atomic::AtomicU64,
}

impl<'w> Binder<'w> {
    pub(super) fn new(
        slots: &'w [Slot],
        patterns: &'w [Pattern],
        shapes: &'w Shapes,
        names: &'w Names<'w>,
    ) -> Self {
        let bound = slots.iter().map(|_| OnceLock::new()).collect();
        Self {
            slots,
            patterns,
            shapes,
            names,
            bound,
            #[cfg(test)]
            work: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// Why a slot could not be bound, if that is what the crate stumbled over.
    pub(super) fn fault(&self, name: &str) -> Option<EvalFault> {
        let place: usize = name.strip_prefix('#')?.parse().ok()?;
        self.bound.get(place)?.get()?.as_ref().err().cloned()
    }

    /// What was read and could have been of several sorts, with the name of the type that it had.
    pub(super) fn surprises(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.slots.iter().zip(&self.bound).filter_map(|(slot, bound)| {
            let bound = bound.get()?.as_ref().ok()?;
            (!self.shapes.kinds(slot.shape).is_one()).then(|| (&slot.path, bound.get_type().name()))
        })
    }

    fn bind(&self, slot: &Slot) -> Result<Bound<'w>, EvalFault> {
        let found = slot.path.find(self.names);
        match slot.look {
            Look::Presence => Ok(Box::new(CelBool::from(found.is_ok()))),
            Look::Absence => {
                let absent = matches!(found, Err(_) | Ok(Thing::Json(Value::Null)));
                Ok(Box::new(CelBool::from(absent)))
            }
            Look::Value => {
                let mut reader = Reader::new(slot, self.shapes);
                let bound = reader.thing(found?, slot.shape)?;
                self.worked(self.shapes.size(slot.shape).nodes.saturating_sub(reader.left.nodes));
                Ok(bound)
            }
        }
    }

    #[cfg(test)]
    fn worked(&self, steps: u64) {
        self.work.fetch_add(steps, std::sync::atomic::Ordering::Relaxed);
    }

    #[cfg(not(test))]
    fn worked(&self, _: u64) {}
}

impl VariableResolver for Binder<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let (sort, place) = variable.split_at_checked(1)?;
        let place: usize = place.parse().ok()?;
        self.worked(1);
        if sort == "@" {
            return self.patterns.get(place).map(|it| CowVal::Borrowed(it));
        }
        let (slot, bound) = (self.slots.get(place)?, self.bound.get(place)?);
        let bound = bound.get_or_init(|| self.bind(slot));
        bound.as_ref().ok().map(|it| CowVal::Borrowed(it.as_ref()))
    }
}

/// Turns what stands at one path into values of the crate, no larger than its shape says.
struct Reader<'r> {
    path: &'r Path,
    shapes: &'r Shapes,
    left: Size,
}

impl<'r> Reader<'r> {
    fn new(slot: &'r Slot, shapes: &'r Shapes) -> Self {
        Self { path: &slot.path, shapes, left: shapes.size(slot.shape) }
    }

    /// Takes so much from what may still be read.
    fn take(&mut self, nodes: u64, bytes: usize) -> Result<(), EvalFault> {
        let left = (self.left.nodes.checked_sub(nodes), self.left.bytes.checked_sub(bytes as u64));
        let (Some(nodes), Some(bytes)) = left else { return Err(self.fault(TOO_LARGE)) };
        self.left = Size { nodes, bytes };
        Ok(())
    }

    fn fault(&self, message: &str) -> EvalFault {
        EvalFault { place: self.path.to_string(), message: message.to_owned() }
    }

    fn thing<'w>(&mut self, thing: Thing<'w>, shape: ShapeId) -> Result<Bound<'w>, EvalFault> {
        match thing {
            Thing::Json(value) => self.value(value, shape),
            Thing::Text(text) => {
                self.take(1, text.len())?;
                Ok(Box::new(CelString::from(text)))
            }
            Thing::Time(time) => Ok(Box::new(CelString::from(time.to_text()))),
        }
    }

    fn value<'w>(&mut self, value: &'w Value, shape: ShapeId) -> Result<Bound<'w>, EvalFault> {
        let shapes = self.shapes;
        let known = shapes.get(shape);
        self.take(1, 0)?;
        let fits = |reader: &Self, count: usize, most: u64| {
            if most < count as u64 { Err(reader.fault(TOO_LARGE)) } else { Ok(()) }
        };
        Ok(match value {
            Value::Null => Box::new(CelNull),
            Value::Bool(it) => Box::new(CelBool::from(*it)),
            Value::Number(it) => self.number(it, known.kinds)?,
            Value::String(it) => {
                fits(self, it.len(), known.size.bytes)?;
                self.take(0, it.len())?;
                Box::new(CelString::from(it.as_str()))
            }
            Value::Array(items) => {
                fits(self, items.len(), known.count)?;
                let inner = known.items;
                let items = items.iter().map(|it| self.value(it, inner)).collect::<Result<Vec<_>, _>>()?;
                Box::new(CelList::from(items))
            }
            Value::Object(entries) => {
                fits(self, entries.len(), known.count)?;
                let mut map = HashMap::with_capacity(entries.len());
                for (name, value) in entries {
                    self.take(0, name.len())?;
                    let inner = match self.shapes.field(shape, name) {
                        Found::Field(inner, _) | Found::Unnamed(inner) => inner,
                        Found::Closed => Shapes::UNTYPED,
                    };
                    map.insert(CelMapKey::String(CelString::from(name.as_str())), self.value(value, inner)?);
                }
                Box::new(CelMap::from(map))
            }
        })
    }

    fn number<'w>(&self, number: &Number, kinds: Kinds) -> Result<Bound<'w>, EvalFault> {
        Ok(match numeric(number, kinds).map_err(|it| self.fault(it))? {
            Numeric::Int(it) => Box::new(CelInt::from(it)),
            Numeric::Double(it) => Box::new(CelDouble::from(it)),
        })
    }
}

/// A number as expressions compute with it.
pub(super) enum Numeric {
    Int(i64),
    Double(f64),
}

/// A number of JSON, where its schema allows these kinds; or why it is none to compute with.
pub(super) fn numeric(number: &Number, kinds: Kinds) -> Result<Numeric, &'static str> {
    let value = number.as_f64().ok_or("is not a number that can be computed with")?;
    let whole = number.as_i64().or_else(|| whole(value));
    if !number.is_f64() && whole.is_none_or(|it| SAFE_INTEGER_MAX.unsigned_abs() < it.unsigned_abs()) {
        return Err("is an integer beyond 2^53 - 1");
    }
    let integer = kinds.meets(Kinds::INT) && !kinds.meets(Kinds::DOUBLE);
    Ok(whole.filter(|_| integer).map_or(Numeric::Double(value), Numeric::Int))
}

/// The integer that a double is, if it is one and loses nothing.
fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_precision_loss, reason = "the bound itself is exact")]
    let safe = value.fract() == 0.0 && value.abs() <= SAFE_INTEGER_MAX as f64;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within the bound")]
    safe.then_some(value as i64)
}

/// A result of the crate as JSON.
pub(super) fn json(value: &dyn Val) -> Result<Value, EvalFault> {
    let fault = |message: &str| EvalFault { place: String::new(), message: message.to_owned() };
    if let Some(text) = value.downcast_ref::<CelString>() {
        return Ok(text.inner().into());
    }
    if let Some(list) = value.downcast_ref::<CelList>() {
        return list.inner().iter().map(|it| json(it.as_ref())).collect();
    }
    if let Some(map) = value.downcast_ref::<CelMap>() {
        let mut entries: Vec<_> = map.inner().iter().collect();
        entries.sort_by_key(|it| it.0);
        let named = entries.into_iter().map(|(key, value)| match key {
            CelMapKey::String(name) => Ok((name.inner().to_owned(), json(value.as_ref())?)),
            _ => Err(fault("a key of the result is not a string")),
        });
        return named.collect::<Result<_, _>>().map(Value::Object);
    }
    if let Some(it) = value.downcast_ref::<CelBool>() {
        return Ok((*it.inner()).into());
    }
    if let Some(it) = value.downcast_ref::<CelInt>() {
        return Ok((*it.inner()).into());
    }
    if let Some(it) = value.downcast_ref::<CelDouble>() {
        return number(*it.inner()).ok_or_else(|| fault("the result is not a finite number"));
    }
    if let Some(it) = value.downcast_ref::<CelTimestamp>() {
        return Ok(Timestamp::from_millis(it.inner().timestamp_millis()).to_string().into());
    }
    if value.downcast_ref::<CelDuration>().is_some() {
        return Err(fault("a duration is not JSON"));
    }
    if value.downcast_ref::<CelNull>().is_some() {
        Ok(Value::Null)
    } else {
        Err(fault("the result is not JSON"))
    }
}

/// A double as JSON: as an integer, where it is one.
pub(super) fn number(value: f64) -> Option<Value> {
    match whole(value) {
        Some(whole) => Some(whole.into()),
        None => Number::from_f64(value).map(Value::Number),
    }
}

/// What stands at a path, without the crate: with the same faults, and the same numbers.
pub(super) fn plain(slot: &Slot, shapes: &Shapes, names: &Names<'_>) -> Result<Value, EvalFault> {
    let found = slot.path.find(names);
    let mut reader = Reader::new(slot, shapes);
    match (slot.look, found) {
        (Look::Presence, found) => Ok(found.is_ok().into()),
        (Look::Absence, found) => Ok(matches!(found, Err(_) | Ok(Thing::Json(Value::Null))).into()),
        (Look::Value, Ok(Thing::Text(text))) => Ok(text.into()),
        (Look::Value, Ok(Thing::Time(time))) => Ok(time.to_text().into()),
        (Look::Value, Ok(Thing::Json(value))) => match value {
            Value::Null | Value::Bool(_) => Ok(value.clone()),
            // These have bounds of their own, which the reader knows.
            _ => json(reader.value(value, slot.shape)?.as_ref()),
        },
        (Look::Value, Err(fault)) => Err(fault),
    }
}
