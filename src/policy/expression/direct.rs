//! The plain part of the language, evaluated without the crate: places, literals, comparisons, sums and choices.
//!
//! It is a shortcut and decides nothing: an expression that has any other part is not taken, and whenever a value is
//! missing, too large, of another sort, or a sum overflows, there is no result here, and the crate evaluates the whole
//! and tells the fault. What does come out is what the crate would give; a property test compares the two.

use std::cmp::Ordering;

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue, operators},
};
use serde_json::Value;

use crate::policy::expression::{
    Names,
    bind::{Numeric, number, numeric},
    check::Slot,
    path::{Look, Thing},
    shape::Shapes,
};

/// A checked part that is evaluated here.
#[derive(Debug)]
pub(super) enum Direct {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    /// What the slot of this number reads.
    Read(usize),
    /// An integer as a double.
    Widened(Box<Self>),
    Not(Box<Self>),
    Negated(Box<Self>),
    Both([Box<Self>; 2]),
    Either([Box<Self>; 2]),
    Equal(bool, [Box<Self>; 2]),
    Ordered(Order, [Box<Self>; 2]),
    Sum(Sum, [Box<Self>; 2]),
    /// Whether the first is one of the others.
    Among(Box<Self>, Vec<Self>),
    Choice([Box<Self>; 3]),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Sum {
    Add,
    Subtract,
    Multiply,
}

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scalar<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(&'v str),
}

impl Direct {
    /// A part as the check has left it, if all of it is of the plain kind.
    pub(super) fn of(part: &IdedExpr) -> Option<Self> {
        match &part.expr {
            Expr::Literal(literal) => Self::literal(literal),
            Expr::Ident(name) => name.strip_prefix('#')?.parse().ok().map(Self::Read),
            Expr::Call(call) if call.target.is_none() => Self::call(&call.func_name, &call.args),
            _ => None,
        }
    }

    fn literal(literal: &LiteralValue) -> Option<Self> {
        Some(match literal {
            LiteralValue::Null => Self::Null,
            LiteralValue::Boolean(it) => Self::Bool(*it.inner()),
            LiteralValue::Int(it) => Self::Int(*it.inner()),
            LiteralValue::Double(it) => Self::Double(*it.inner()),
            LiteralValue::String(it) => Self::Text(it.inner().into()),
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) => return None,
        })
    }

    fn call(function: &str, args: &[IdedExpr]) -> Option<Self> {
        let of = |part: &IdedExpr| Self::of(part).map(Box::new);
        Some(match (function, args) {
            ("@number", [one]) => Self::Widened(of(one)?),
            (operators::LOGICAL_NOT, [one]) => Self::Not(of(one)?),
            (operators::NEGATE, [one]) => Self::Negated(of(one)?),
            (operators::IN, [one, list]) => {
                let Expr::List(list) = &list.expr else { return None };
                Self::Among(of(one)?, list.elements.iter().map(Self::of).collect::<Option<_>>()?)
            }
            (operators::CONDITIONAL, [when, then, otherwise]) => {
                Self::Choice([of(when)?, of(then)?, of(otherwise)?])
            }
            (operator, [left, right]) => {
                let both = [of(left)?, of(right)?];
                match operator {
                    operators::LOGICAL_AND => Self::Both(both),
                    operators::LOGICAL_OR => Self::Either(both),
                    operators::EQUALS => Self::Equal(true, both),
                    operators::NOT_EQUALS => Self::Equal(false, both),
                    operators::LESS => Self::Ordered(Order::Less, both),
                    operators::LESS_EQUALS => Self::Ordered(Order::LessOrEqual, both),
                    operators::GREATER => Self::Ordered(Order::Greater, both),
                    operators::GREATER_EQUALS => Self::Ordered(Order::GreaterOrEqual, both),
                    operators::ADD => Self::Sum(Sum::Add, both),
                    operators::SUBSTRACT => Self::Sum(Sum::Subtract, both),
                    operators::MULTIPLY => Self::Sum(Sum::Multiply, both),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// The result as JSON, if there is one here.
    pub(super) fn value(&self, slots: &[Slot], shapes: &Shapes, names: &Names<'_>) -> Option<Value> {
        Some(match self.scalar(&World { slots, shapes, names })? {
            Scalar::Null => Value::Null,
            Scalar::Bool(it) => it.into(),
            Scalar::Int(it) => it.into(),
            Scalar::Double(it) => number(it)?,
            Scalar::Text(it) => it.into(),
        })
    }

    fn scalar<'v>(&'v self, world: &World<'v>) -> Option<Scalar<'v>> {
        let truth = |it: &'v Self| it.truth(world);
        Some(match self {
            Self::Null => Scalar::Null,
            Self::Bool(it) => Scalar::Bool(*it),
            Self::Int(it) => Scalar::Int(*it),
            Self::Double(it) => Scalar::Double(*it),
            Self::Text(it) => Scalar::Text(it),
            Self::Read(slot) => world.read(*slot)?,
            Self::Widened(one) => {
                let one = one.scalar(world)?;
                one.double().map_or(one, Scalar::Double)
            }
            Self::Not(one) => Scalar::Bool(!truth(one)?),
            Self::Negated(one) => match one.scalar(world)? {
                Scalar::Int(it) => Scalar::Int(it.checked_neg()?),
                Scalar::Double(it) => Scalar::Double(-it),
                _ => return None,
            },
            Self::Both([left, right]) => Scalar::Bool(truth(left)? && truth(right)?),
            Self::Either([left, right]) => Scalar::Bool(truth(left)? || truth(right)?),
            Self::Equal(wanted, [left, right]) => {
                Scalar::Bool(left.scalar(world)?.equals(right.scalar(world)?) == *wanted)
            }
            Self::Ordered(order, [left, right]) => {
                let found = left.scalar(world)?.compared(right.scalar(world)?)?;
                Scalar::Bool(order.holds(found))
            }
            Self::Sum(sum, [left, right]) => sum.of(left.scalar(world)?, right.scalar(world)?)?,
            Self::Among(one, others) => {
                let one = one.scalar(world)?;
                let mut found = false;
                // All of them, as the crate makes the list first.
                for other in others {
                    found |= one.equals(other.scalar(world)?);
                }
                Scalar::Bool(found)
            }
            Self::Choice([when, then, otherwise]) => {
                if truth(when)? {
                    then.scalar(world)?
                } else {
                    otherwise.scalar(world)?
                }
            }
        })
    }

    fn truth(&self, world: &World<'_>) -> Option<bool> {
        match self.scalar(world)? {
            Scalar::Bool(it) => Some(it),
            _ => None,
        }
    }
}

impl Scalar<'_> {
    /// Whether both are the same; what is of another sort differs, but for numbers.
    fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            _ => self.compared(other).is_some_and(Ordering::is_eq),
        }
    }

    /// Which of two numbers or two texts comes first.
    fn compared(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(one), Self::Int(two)) => Some(one.cmp(&two)),
            (Self::Text(one), Self::Text(two)) => Some(one.cmp(two)),
            _ => self.double()?.partial_cmp(&other.double()?),
        }
    }

    fn double(self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a double is what the other operand is")]
            Self::Int(it) => Some(it as f64),
            Self::Double(it) => Some(it),
            Self::Null | Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

impl Order {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
        }
    }
}

impl Sum {
    fn of<'v>(self, left: Scalar<'v>, right: Scalar<'v>) -> Option<Scalar<'v>> {
        match (left, right) {
            (Scalar::Int(left), Scalar::Int(right)) => {
                let sum = match self {
                    Self::Add => left.checked_add(right),
                    Self::Subtract => left.checked_sub(right),
                    Self::Multiply => left.checked_mul(right),
                };
                sum.map(Scalar::Int)
            }
            (Scalar::Double(left), Scalar::Double(right)) => Some(Scalar::Double(match self {
                Self::Add => left + right,
                Self::Subtract => left - right,
                Self::Multiply => left * right,
            })),
            _ => None,
        }
    }
}

/// What the names stand for at one evaluation.
struct World<'v> {
    slots: &'v [Slot],
    shapes: &'v Shapes,
    names: &'v Names<'v>,
}

impl<'v> World<'v> {
    fn read(&self, slot: usize) -> Option<Scalar<'v>> {
        let slot = self.slots.get(slot)?;
        let found = slot.path.seek(self.names);
        match slot.look {
            Look::Presence => return Some(Scalar::Bool(found.is_some())),
            Look::Absence => {
                return Some(Scalar::Bool(matches!(found, None | Some(Thing::Json(Value::Null)))));
            }
            Look::Value => (),
        }
        let known = self.shapes.get(slot.shape);
        let text = |it: &'v str| (it.len() as u64 <= known.size.bytes).then_some(Scalar::Text(it));
        match found? {
            Thing::Json(Value::Null) => Some(Scalar::Null),
            Thing::Json(Value::Bool(it)) => Some(Scalar::Bool(*it)),
            Thing::Json(Value::Number(it)) => match numeric(it, known.kinds).ok()? {
                Numeric::Int(it) => Some(Scalar::Int(it)),
                Numeric::Double(it) => Some(Scalar::Double(it)),
            },
            Thing::Json(Value::String(it)) => text(it),
            Thing::Text(it) => text(it),
            Thing::Json(Value::Array(_) | Value::Object(_)) | Thing::Time(_) => None,
        }
    }
}
