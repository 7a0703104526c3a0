//! Which sorts of values an expression can have: what is known of its type before anything is evaluated.

use std::ops::{BitAnd, BitOr};

/// A set of sorts of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u16);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOL: Self = Self(1 << 1);
    pub(super) const INT: Self = Self(1 << 2);
    pub(super) const DOUBLE: Self = Self(1 << 3);
    pub(super) const STRING: Self = Self(1 << 4);
    pub(super) const LIST: Self = Self(1 << 5);
    pub(super) const MAP: Self = Self(1 << 6);
    pub(super) const TIME: Self = Self(1 << 7);
    pub(super) const SPAN: Self = Self(1 << 8);
    /// Integers and other numbers.
    pub(super) const NUMBER: Self = Self(1 << 2 | 1 << 3);
    /// Whatever JSON has, where no schema says more: its numbers are doubles.
    pub(super) const JSON: Self = Self(1 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6);

    /// Whether at least one sort is in both.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether a value of these can equal one of the others: numbers of both sorts can.
    pub(super) const fn can_equal(self, other: Self) -> bool {
        self.meets(other) || self.meets(Self::NUMBER) && other.meets(Self::NUMBER)
    }

    /// Whether all of these are in the other.
    pub(super) const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether there is one sort only.
    pub(super) const fn is_one(self) -> bool {
        self.0.count_ones() == 1
    }

    /// These without the others.
    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Both sets.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// As people say it: `a string or null`.
    pub(super) fn text(self) -> String {
        const WORDS: [(Kinds, &str); 8] = [
            (Kinds::BOOL, "true or false"),
            (Kinds::STRING, "a string"),
            (Kinds::LIST, "a list"),
            (Kinds::MAP, "an object"),
            (Kinds::TIME, "a time"),
            (Kinds::SPAN, "a duration"),
            (Kinds::NULL, "null"),
            (Kinds::NONE, ""),
        ];
        if Self::JSON.within(self) {
            return "anything".to_owned();
        }
        let number = match (self.meets(Self::INT), self.meets(Self::DOUBLE)) {
            (false, false) => None,
            (true, false) => Some("an integer"),
            _ => Some("a number"),
        };
        let others = WORDS.iter().filter(|it| self.meets(it.0)).map(|it| it.1);
        number.into_iter().chain(others).collect::<Vec<_>>().join(" or ")
    }
}

impl BitOr for Kinds {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Kinds {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// An operator that computes or orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// `<`, `<=`, `>`, `>=`.
    Order,
}

impl Operator {
    /// The sorts of results for operands of these sorts; none if no pair of them fits.
    pub(super) fn result(self, left: Kinds, right: Kinds) -> Kinds {
        let both = |kind: Kinds| left.meets(kind) && right.meets(kind);
        let pair = |one: Kinds, two: Kinds| left.meets(one) && right.meets(two);
        let when = |fits: bool, result: Kinds| if fits { result } else { Kinds::NONE };
        if self == Self::Order {
            let fits = both(Kinds::NUMBER) || both(Kinds::STRING) || both(Kinds::TIME) || both(Kinds::SPAN);
            return when(fits, Kinds::BOOL);
        }
        let double = (left | right).meets(Kinds::DOUBLE);
        let numbers = when(both(Kinds::NUMBER), if double { Kinds::DOUBLE } else { Kinds::INT });
        let (time, span) = (Kinds::TIME, Kinds::SPAN);
        match self {
            Self::Add => {
                let times = when(pair(time, span) || pair(span, time), time);
                let lists = when(both(Kinds::LIST), Kinds::LIST);
                numbers | when(both(Kinds::STRING), Kinds::STRING) | lists | times | when(both(span), span)
            }
            Self::Subtract => numbers | when(both(time) || both(span), span) | when(pair(time, span), time),
            _ => numbers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_read_as_people_say_them() {
        for (kinds, text) in [
            (Kinds::INT, "an integer"),
            (Kinds::NUMBER, "a number"),
            (Kinds::STRING | Kinds::NULL, "a string or null"),
            (Kinds::JSON, "anything"),
            (Kinds::JSON | Kinds::INT, "anything"),
        ] {
            assert_eq!(kinds.text(), text);
        }
    }

    #[test]
    fn operators_take_what_fits_them() {
        for (operator, left, right, result) in [
            (Operator::Add, Kinds::STRING, Kinds::INT, Kinds::NONE),
            (Operator::Add, Kinds::STRING, Kinds::JSON, Kinds::STRING),
            (Operator::Add, Kinds::INT, Kinds::DOUBLE, Kinds::DOUBLE),
            (Operator::Add, Kinds::SPAN, Kinds::TIME, Kinds::TIME),
            (Operator::Subtract, Kinds::TIME, Kinds::TIME, Kinds::SPAN),
            (Operator::Subtract, Kinds::STRING, Kinds::STRING, Kinds::NONE),
            (Operator::Divide, Kinds::INT, Kinds::INT, Kinds::INT),
            (Operator::Modulo, Kinds::INT, Kinds::JSON, Kinds::DOUBLE),
            (Operator::Order, Kinds::BOOL, Kinds::BOOL, Kinds::NONE),
            (Operator::Order, Kinds::INT, Kinds::DOUBLE, Kinds::BOOL),
        ] {
            assert_eq!(operator.result(left, right), result, "{operator:?} {left:?} {right:?}");
        }
    }
}
