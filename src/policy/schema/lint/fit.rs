//! What can fit a schema, from above: whatever fits is in it, and if nothing is, nothing fits.

use serde_json::{Map, Value};

pub(super) const NULL: u8 = 1;
pub(super) const BOOLEAN: u8 = 2;
pub(super) const OBJECT: u8 = 4;
pub(super) const ARRAY: u8 = 8;
pub(super) const INTEGER: u8 = 16;
/// Numbers that are no integers.
pub(super) const FRACTION: u8 = 32;
pub(super) const STRING: u8 = 64;
const ALL: u8 = NULL | BOOLEAN | OBJECT | ARRAY | INTEGER | FRACTION | STRING;

/// Values that are told one by one are followed up to so many.
const AMONG_MAX: usize = 200;

/// A set that holds each value that fits.
#[derive(Clone, Debug)]
pub(super) struct Fit<'s> {
    /// The kinds of value.
    pub(super) kinds: u8,
    /// Of numbers.
    number: Range,
    /// Characters of a text.
    text: Range,
    /// Elements of an array.
    elements: Range,
    /// Entries of an object.
    entries: Range,
    /// Keys that an object must have.
    needs: Vec<&'s str>,
    /// The only keys that it may have.
    open: Option<Vec<&'s str>>,
    /// The only values, where they are told one by one.
    among: Option<Vec<&'s Value>>,
}

/// Numbers from `low` to `high`; without an end that is open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) low_open: bool,
    pub(super) high: f64,
    pub(super) high_open: bool,
}

impl Range {
    const ALL: Self = Self { low: f64::NEG_INFINITY, low_open: false, high: f64::INFINITY, high_open: false };

    fn and(self, other: Self) -> Self {
        let (low, low_open) = match self.low.total_cmp(&other.low) {
            std::cmp::Ordering::Less => (other.low, other.low_open),
            std::cmp::Ordering::Greater => (self.low, self.low_open),
            std::cmp::Ordering::Equal => (self.low, self.low_open || other.low_open),
        };
        let (high, high_open) = match self.high.total_cmp(&other.high) {
            std::cmp::Ordering::Less => (self.high, self.high_open),
            std::cmp::Ordering::Greater => (other.high, other.high_open),
            std::cmp::Ordering::Equal => (self.high, self.high_open || other.high_open),
        };
        Self { low, low_open, high, high_open }
    }

    /// The smallest range around both; an end that one of them has closed is closed.
    fn or(self, other: Self) -> Self {
        let low_open = self.low_open && other.low_open;
        let high_open = self.high_open && other.high_open;
        Self { low: self.low.min(other.low), low_open, high: self.high.max(other.high), high_open }
    }

    pub(super) fn is_empty(self) -> bool {
        self.high < self.low || (self.low == self.high && (self.low_open || self.high_open))
    }

    /// Whether it holds no whole number.
    pub(super) fn is_empty_of_integers(self) -> bool {
        let first = if self.low_open { (self.low + 1.0).floor() } else { self.low.ceil() };
        let last = if self.high_open { (self.high - 1.0).ceil() } else { self.high.floor() };
        last < first
    }

    fn holds(self, number: f64) -> bool {
        let low = if self.low_open { self.low < number } else { self.low <= number };
        low && if self.high_open { number < self.high } else { number <= self.high }
    }
}

impl<'s> Fit<'s> {
    /// Every value.
    pub(super) fn any() -> Self {
        let (number, text, elements, entries) = (Range::ALL, Range::ALL, Range::ALL, Range::ALL);
        Self { kinds: ALL, number, text, elements, entries, needs: Vec::new(), open: None, among: None }
    }

    /// No value.
    pub(super) fn none() -> Self {
        Self { kinds: 0, ..Self::any() }
    }

    /// What the keywords say that have no schema below them; `exclusive…` of draft 4 is a boolean.
    pub(super) fn of(keywords: &'s Map<String, Value>) -> Self {
        let number = |key: &str| keywords.get(key).and_then(Value::as_f64);
        let flag = |key: &str| keywords.get(key) == Some(&Value::Bool(true));
        let between = |low: &str, high: &str| Range {
            low: number(low).unwrap_or(f64::NEG_INFINITY),
            high: number(high).unwrap_or(f64::INFINITY),
            ..Range::ALL
        };
        let closed = Range {
            low_open: flag("exclusiveMinimum"),
            high_open: flag("exclusiveMaximum"),
            ..between("minimum", "maximum")
        };
        let open = Range {
            low_open: number("exclusiveMinimum").is_some(),
            high_open: number("exclusiveMaximum").is_some(),
            ..between("exclusiveMinimum", "exclusiveMaximum")
        };
        let texts = |key: &str| keywords.get(key).and_then(Value::as_array);
        let needs = texts("required").into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
        let many = Range { low: needs.len() as f64, ..Range::ALL };
        let among = match (keywords.get("const"), texts("enum")) {
            (Some(value), _) => Some(vec![value]),
            (None, Some(values)) if values.len() <= AMONG_MAX => Some(values.iter().collect()),
            (None, _) => None,
        };
        Self {
            kinds: kinds(keywords.get("type")),
            number: closed.and(open),
            text: between("minLength", "maxLength"),
            elements: between("minItems", "maxItems"),
            entries: between("minProperties", "maxProperties").and(many),
            needs,
            open: None,
            among,
        }
        .settled()
    }

    /// What fits both.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.kinds &= other.kinds;
        self.number = self.number.and(other.number);
        self.text = self.text.and(other.text);
        self.elements = self.elements.and(other.elements);
        self.entries = self.entries.and(other.entries);
        self.needs.extend(other.needs.iter().copied());
        self.needs.sort_unstable();
        self.needs.dedup();
        self.open = match (self.open, &other.open) {
            (Some(own), Some(other)) => Some(own.into_iter().filter(|it| other.contains(it)).collect()),
            (own, other) => own.or_else(|| other.clone()),
        };
        self.among = match (self.among, &other.among) {
            (Some(own), Some(other)) => {
                Some(own.into_iter().filter(|it| other.iter().any(|other| equal(it, other))).collect())
            }
            (own, other) => own.or_else(|| other.clone()),
        };
        self.settled()
    }

    /// What fits one of them, or both.
    pub(super) fn or(self, other: &Self) -> Self {
        if self.kinds == 0 || other.kinds == 0 {
            return if self.kinds == 0 { other.clone() } else { self };
        }
        let of = |kinds: u8, own: Range, others: Range| match (self.kinds & kinds, other.kinds & kinds) {
            (0, _) => others,
            (_, 0) => own,
            _ => own.or(others),
        };
        let both = |own: &Option<Vec<&'s str>>, others: &Option<Vec<&'s str>>| {
            own.as_ref().zip(others.as_ref()).map(|(own, others)| [own.as_slice(), others].concat())
        };
        let objects = (self.kinds & OBJECT != 0, other.kinds & OBJECT != 0);
        let among = self.among.as_ref().zip(other.among.as_ref());
        Self {
            kinds: self.kinds | other.kinds,
            number: of(INTEGER | FRACTION, self.number, other.number),
            text: of(STRING, self.text, other.text),
            elements: of(ARRAY, self.elements, other.elements),
            entries: of(OBJECT, self.entries, other.entries),
            needs: match objects {
                (true, true) => self.needs.iter().copied().filter(|it| other.needs.contains(it)).collect(),
                (true, false) => self.needs.clone(),
                (false, _) => other.needs.clone(),
            },
            open: match objects {
                (true, true) => both(&self.open, &other.open),
                (true, false) => self.open.clone(),
                (false, _) => other.open.clone(),
            },
            among: among
                .map(|(own, others)| [own.as_slice(), others].concat())
                .filter(|it| it.len() <= AMONG_MAX),
        }
    }

    /// Only these keys may stand in an object.
    pub(super) fn closed(mut self, keys: Vec<&'s str>) -> Self {
        self.entries = self.entries.and(Range { high: keys.len() as f64, ..Range::ALL });
        self.open = Some(keys);
        self.settled()
    }

    /// An array has at least, or at most, so many elements.
    pub(super) fn elements(mut self, low: f64, high: f64) -> Self {
        self.elements = self.elements.and(Range { low, high, ..Range::ALL });
        self.settled()
    }

    /// Without values of these kinds.
    pub(super) fn without(mut self, kinds: u8) -> Self {
        self.kinds &= !kinds;
        self.settled()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kinds == 0
    }

    /// A key that an object must have and may not.
    pub(super) fn missing(&self) -> Option<&'s str> {
        let open = self.open.as_ref()?;
        self.needs.iter().copied().find(|it| !open.contains(it))
    }

    /// Whether a kind for which nothing is left is taken out.
    fn settled(mut self) -> Self {
        if self.number.is_empty_of_integers() {
            self.kinds &= !INTEGER;
        }
        // Between two whole numbers there are others.
        if self.number.is_empty() || (self.number.low == self.number.high && self.number.low.fract() == 0.0) {
            self.kinds &= !FRACTION;
        }
        for (kind, range) in [(STRING, self.text), (ARRAY, self.elements), (OBJECT, self.entries)] {
            if range.is_empty() {
                self.kinds &= !kind;
            }
        }
        if self.missing().is_some() {
            self.kinds &= !OBJECT;
        }
        if let Some(among) = self.among.take() {
            let among: Vec<_> = among.into_iter().filter(|it| self.holds(it)).collect();
            self.kinds = among.iter().fold(0, |kinds, it| kinds | kind(it));
            self.among = Some(among);
        }
        self
    }

    /// Whether a value is in the set.
    #[cfg(test)]
    pub(super) fn contains(&self, value: &Value) -> bool {
        let among = self.among.as_ref().is_none_or(|it| it.iter().any(|it| equal(it, value)));
        among && self.holds(value)
    }

    fn holds(&self, value: &Value) -> bool {
        let size = |range: Range, count: usize| range.holds(count as f64);
        self.kinds & kind(value) != 0
            && match value {
                Value::Number(it) => it.as_f64().is_none_or(|it| self.number.holds(it)),
                Value::String(it) => size(self.text, it.chars().count()),
                Value::Array(it) => size(self.elements, it.len()),
                Value::Object(it) => {
                    size(self.entries, it.len()) && self.needs.iter().all(|need| it.contains_key(*need))
                }
                Value::Null | Value::Bool(_) => true,
            }
    }
}

fn kinds(of: Option<&Value>) -> u8 {
    let one = |name: &str| match name {
        "null" => NULL,
        "boolean" => BOOLEAN,
        "object" => OBJECT,
        "array" => ARRAY,
        "integer" => INTEGER,
        "number" => INTEGER | FRACTION,
        "string" => STRING,
        // The meta-schema will say so.
        _ => ALL,
    };
    match of {
        Some(Value::String(name)) => one(name),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).fold(0, |kinds, it| kinds | one(it))
        }
        _ => ALL,
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => NULL,
        Value::Bool(_) => BOOLEAN,
        Value::Number(it) if it.as_f64().is_some_and(|it| it.fract() != 0.0) => FRACTION,
        Value::Number(_) => INTEGER,
        Value::String(_) => STRING,
        Value::Array(_) => ARRAY,
        Value::Object(_) => OBJECT,
    }
}

/// Equal as JSON Schema has it: 1 and 1.0 are one.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}
