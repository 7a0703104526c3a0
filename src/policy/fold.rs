//! Folds as an algebra: what each source brings, and the document that all of them give.
//!
//! A [`Tally`] holds the share of each source that stands; all else in it is made of them, so taking one
//! back leaves what was there without it. Pure: no clock, no store, no policy text. Numbers are exact.

mod batch;
mod decimal;
mod scalar;
mod text;
mod worst;

use std::{cmp::Reverse, sync::Arc};

use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use batch::batch;
pub use decimal::Decimal;
pub use scalar::{BadScalar, Scalar};
pub use worst::{Bounds, value_bytes};

/// The fields of a fold's document, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape(Arc<[Field]>);

/// One field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name in the document.
    pub name: Arc<str>,
    /// What it is.
    pub kind: Kind,
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// How many sources stand.
    Count,
    /// How many have each value; with `top` the most frequent ones, and the rest together.
    CountBy {
        /// How many are shown; `None` all.
        top: Option<u32>,
    },
    /// The sum.
    Sum,
    /// The mean, rounded half to even to six places; `null` of nothing.
    Mean,
    /// The least; `null` of nothing.
    Min,
    /// The greatest; `null` of nothing.
    Max,
    /// How many different values there are.
    Distinct,
    /// The best, each by what it keeps; of equal ones the one that was there first.
    Top {
        /// How many.
        count: u32,
    },
}

impl Kind {
    /// What a value brings to a field of this kind; `keep` is what a `Top` shows of its source.
    ///
    /// # Errors
    /// When the value cannot be counted so; the text does not hold it.
    pub fn part(&self, value: &Value, keep: Option<&Value>) -> Result<Part, BadScalar> {
        match self {
            Self::Count => Ok(Part::One),
            Self::CountBy { .. } | Self::Distinct => Scalar::parse(value).map(Part::Value),
            Self::Sum | Self::Mean | Self::Min | Self::Max => Scalar::number(value).map(Part::Value),
            Self::Top { .. } => {
                let keep = keep.map_or_else(|| "{}".to_owned(), Value::to_string).into();
                Ok(Part::Ranked { by: Scalar::number(value)?, keep })
            }
        }
    }
}

impl Shape {
    /// A shape; `None` without a field, or if two have one name.
    pub fn new(fields: Vec<Field>) -> Option<Self> {
        let doubled = fields
            .iter()
            .enumerate()
            .any(|(at, it)| fields.iter().take(at).any(|other| other.name == it.name));
        (!fields.is_empty() && !doubled).then(|| Self(fields.into()))
    }

    /// The fields.
    pub fn fields(&self) -> &[Field] {
        &self.0
    }
}

/// What one source brings, by field; `None` is nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share(Arc<[Option<Part>]>);

impl Share {
    /// A share of so many parts as the shape has fields; what is missing at the end is nothing.
    pub fn new(parts: Vec<Option<Part>>) -> Self {
        Self(parts.into())
    }

    /// The part for a field.
    fn part(&self, at: usize) -> Option<&Part> {
        self.0.get(at).and_then(Option::as_ref)
    }
}

/// What a source brings to one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Itself.
    One,
    /// A value.
    Value(Scalar),
    /// A place among the best, and what is shown there: the compact text of a JSON object.
    Ranked {
        /// The number that ranks it.
        by: Scalar,
        /// What is shown.
        keep: Arc<str>,
    },
}

/// All that stands. A clone shares its maps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    from = "Stored<S>",
    bound(serialize = "S: Ord + Clone + Serialize", deserialize = "S: Ord + Clone + Deserialize<'de>")
)]
pub struct Tally<S: Ord + Clone> {
    shape: Shape,
    shares: OrdMap<S, Placed>,
    /// Made of the shares.
    #[serde(skip)]
    states: Vec<State<S>>,
}

/// A share, and for each field the sequence number at which the source reached its rank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Placed {
    share: Share,
    reached: Arc<[u64]>,
}

/// The stored form of a tally.
#[derive(Deserialize)]
#[serde(bound(deserialize = "S: Ord + Clone + Deserialize<'de>"))]
struct Stored<S: Ord + Clone> {
    shape: Shape,
    shares: OrdMap<S, Placed>,
}

impl<S: Ord + Clone> From<Stored<S>> for Tally<S> {
    fn from(stored: Stored<S>) -> Self {
        let mut tally = Self::new(stored.shape);
        for (source, placed) in &stored.shares {
            tally.enter(source, placed);
        }
        tally.shares = stored.shares;
        tally
    }
}

/// What one field has counted.
#[derive(Clone, Debug, PartialEq)]
enum State<S: Ord + Clone> {
    Count(u64),
    Values(OrdMap<Scalar, u64>),
    /// How often each value is there, the most frequent first besides.
    Frequent {
        values: OrdMap<Scalar, u64>,
        order: OrdSet<(Reverse<u64>, Scalar)>,
        total: u64,
    },
    Sum {
        sum: i128,
        count: u64,
    },
    Ranks(OrdMap<(Reverse<Scalar>, u64, S), Arc<str>>),
}

impl<S: Ord + Clone> State<S> {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Count => Self::Count(0),
            Kind::CountBy { top: Some(_) } => {
                Self::Frequent { values: OrdMap::new(), order: OrdSet::new(), total: 0 }
            }
            Kind::CountBy { top: None } | Kind::Distinct | Kind::Min | Kind::Max => {
                Self::Values(OrdMap::new())
            }
            Kind::Sum | Kind::Mean => Self::Sum { sum: 0, count: 0 },
            Kind::Top { .. } => Self::Ranks(OrdMap::new()),
        }
    }

    fn add(&mut self, source: &S, part: &Part, reached: u64) {
        match (self, part) {
            (Self::Count(count), _) => *count = count.saturating_add(1),
            (Self::Values(values), Part::Value(value)) => {
                let count = values.get(value).copied().unwrap_or_default();
                values.insert(value.clone(), count.saturating_add(1));
            }
            (Self::Frequent { values, order, total }, Part::Value(value)) => {
                let count = values.get(value).copied().unwrap_or_default();
                order.remove(&(Reverse(count), value.clone()));
                order.insert((Reverse(count.saturating_add(1)), value.clone()));
                values.insert(value.clone(), count.saturating_add(1));
                *total = total.saturating_add(1);
            }
            (Self::Sum { sum, count }, Part::Value(Scalar::Number(number))) => {
                *sum = sum.saturating_add(number.scaled());
                *count = count.saturating_add(1);
            }
            (Self::Ranks(ranks), Part::Ranked { by, keep }) => {
                ranks.insert((Reverse(by.clone()), reached, source.clone()), keep.clone());
            }
            _ => (),
        }
    }

    fn remove(&mut self, source: &S, part: &Part, reached: u64) {
        match (self, part) {
            (Self::Count(count), _) => *count = count.saturating_sub(1),
            (Self::Values(values), Part::Value(value)) => match values.get(value).copied() {
                Some(count) if 1 < count => drop(values.insert(value.clone(), count - 1)),
                _ => drop(values.remove(value)),
            },
            (Self::Frequent { values, order, total }, Part::Value(value)) => {
                let Some(count) = values.get(value).copied() else { return };
                order.remove(&(Reverse(count), value.clone()));
                *total = total.saturating_sub(1);
                if 1 < count {
                    order.insert((Reverse(count - 1), value.clone()));
                    values.insert(value.clone(), count - 1);
                } else {
                    values.remove(value);
                }
            }
            (Self::Sum { sum, count }, Part::Value(Scalar::Number(number))) => {
                *sum = sum.saturating_sub(number.scaled());
                *count = count.saturating_sub(1);
            }
            (Self::Ranks(ranks), Part::Ranked { by, .. }) => {
                ranks.remove(&(Reverse(by.clone()), reached, source.clone()));
            }
            _ => (),
        }
    }
}

impl<S: Ord + Clone> Tally<S> {
    /// A tally of nothing.
    pub fn new(shape: Shape) -> Self {
        let states = shape.fields().iter().map(|it| State::of(it.kind)).collect();
        Self { shape, shares: OrdMap::new(), states }
    }

    /// The fields.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Who stands.
    pub fn sources(&self) -> impl Iterator<Item = &S> {
        self.shares.keys()
    }

    /// Whether a source stands.
    pub fn counts(&self, source: &S) -> bool {
        self.shares.contains_key(source)
    }

    /// What each source brings, and at which sequence numbers it reached its ranks.
    pub fn shares(&self) -> impl Iterator<Item = (&S, &Share, &[u64])> {
        self.shares.iter().map(|(source, it)| (source, &it.share, &*it.reached))
    }

    /// Replaces what a source brings. `at` ascends; an equal rank keeps the place that it has.
    pub fn put(&mut self, source: S, share: Share, at: u64) {
        let before = self.shares.get(&source).cloned();
        let reached = (0..self.shape.fields().len()).map(|field| {
            let rank = |it: &Share| match it.part(field) {
                Some(Part::Ranked { by, .. }) => Some(by.clone()),
                _ => None,
            };
            let earlier = before.as_ref().filter(|it| rank(&it.share) == rank(&share));
            earlier.and_then(|it| it.reached.get(field).copied()).unwrap_or(at)
        });
        let placed = Placed { reached: reached.collect(), share };
        self.take(&source);
        self.enter(&source, &placed);
        self.shares.insert(source, placed);
    }

    /// Takes back what a source brings.
    pub fn take(&mut self, source: &S) {
        let Some(placed) = self.shares.remove(source) else { return };
        for (at, state) in self.states.iter_mut().enumerate() {
            if let Some(part) = placed.share.part(at) {
                state.remove(source, part, placed.reached.get(at).copied().unwrap_or_default());
            }
        }
    }

    fn enter(&mut self, source: &S, placed: &Placed) {
        for (at, state) in self.states.iter_mut().enumerate() {
            if let Some(part) = placed.share.part(at) {
                state.add(source, part, placed.reached.get(at).copied().unwrap_or_default());
            }
        }
    }

    /// The document: the compact text of a JSON object.
    pub fn render(&self) -> String {
        let fields = self.shape.fields().iter().zip(&self.states).map(|(field, state)| {
            let value = match (field.kind, state) {
                (_, State::Count(count)) => count.to_string(),
                (Kind::Distinct, State::Values(values)) => values.len().to_string(),
                (Kind::Min, State::Values(values)) => text::scalar(values.get_min().map(|it| &it.0)),
                (Kind::Max, State::Values(values)) => text::scalar(values.get_max().map(|it| &it.0)),
                (Kind::CountBy { .. }, State::Values(values)) => {
                    text::counts(values.iter().map(|(value, count)| (value, *count)))
                }
                (Kind::CountBy { top }, State::Frequent { order, total, .. }) => {
                    let top = top.and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX);
                    text::frequent(order.iter().take(top).map(|it| (&it.1, it.0.0)), *total)
                }
                (Kind::Mean, State::Sum { sum, count }) => text::mean(*sum, *count),
                (_, State::Sum { sum, .. }) => Decimal::of_scaled(*sum).to_string(),
                (Kind::Top { count }, State::Ranks(ranks)) => {
                    text::list(ranks.values().take(usize::try_from(count).unwrap_or(usize::MAX)))
                }
                (_, State::Ranks(_) | State::Values(_) | State::Frequent { .. }) => "null".to_owned(),
            };
            (&*field.name, value)
        });
        text::object(fields)
    }
}

#[cfg(test)]
mod tests;
