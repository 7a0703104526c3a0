//! What objects and items hold: one JSON object, kept as the text that the client sent.
//!
//! Text goes in; [`Data`] (compact text, digits and key order as they came) and, for the rules,
//! a parsed value come out. Depth, nodes, doubled keys and `__proto__` are judged while parsing,
//! so a small body cannot claim much memory (reliability: 32 bytes of heap for each byte).

mod compact;
mod digits;

use std::{cell::Cell, fmt, sync::Arc};

use serde::{
    Deserialize, Serialize,
    de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::domain::limits::{DATA_DEPTH_MAX, DATA_NODES_MAX, SAFE_INTEGER_MAX};
use compact::compact;

/// A JSON object as compact text. It was well-formed and within depth and nodes when it came in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data(Arc<str>);

impl Data {
    /// The empty object.
    pub fn empty() -> Self {
        Self("{}".into())
    }

    /// The compact text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Size in bytes: what quotas and size limits count.
    pub fn size_bytes(&self) -> usize {
        self.0.len()
    }

    /// Whether it is `{}`: "nothing said" (the policy language).
    pub fn is_empty(&self) -> bool {
        &*self.0 == "{}"
    }

    /// The text of a value that the rewrite made; `None` when it is no object.
    pub fn of(value: &Value) -> Option<Self> {
        // Not `to_string`, which goes through `fmt`, piece by piece.
        serde_json::to_string(value).ok().filter(|_| value.is_object()).map(|it| Self(it.into()))
    }

    /// A text that was built as the compact text of a JSON object: a fold's document.
    pub fn built(text: String) -> Self {
        debug_assert!(serde_json::from_str::<Map<String, Value>>(&text).is_ok());
        Self(text.into())
    }
}

impl fmt::Debug for Data {
    /// Its size only: client data does not reach a log by accident.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Data({} bytes)", self.0.len())
    }
}

/// The data of one write: the text to keep and the value to judge.
#[derive(Clone)]
pub struct Input {
    data: Data,
    /// Shared: an attempt that comes again is a clone.
    value: Arc<Value>,
    unsafe_integer: Option<String>,
}

impl Input {
    /// Parses one JSON object.
    ///
    /// # Errors
    /// [`BadData`] says what is wrong and, where there is one, at which JSON pointer.
    pub fn parse(text: &str) -> Result<Self, BadData> {
        let walk = Walk::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let parsed = Node { walk: &walk, at: &Place::Top, depth: 0 }
            .deserialize(&mut deserializer)
            .and_then(|it| deserializer.end().map(|()| it));
        let value = match (parsed, walk.fault.take()) {
            (_, Some(fault)) => return Err(fault),
            (Err(_), None) => return Err(BadData::NotJson),
            (Ok(Value::Null), None) => return Err(BadData::Null),
            (Ok(value @ Value::Object(_)), None) => Arc::new(value),
            (Ok(_), None) => return Err(BadData::NotAnObject),
        };
        Ok(Self { data: Data(compact(text)), value, unsafe_integer: walk.unsafe_integer.take() })
    }

    /// The empty object.
    pub fn empty() -> Self {
        Self { data: Data::empty(), value: Arc::new(Value::Object(Map::new())), unsafe_integer: None }
    }

    /// The text to keep.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The value to judge.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where the first integer beyond ±(2^53 − 1) stands, if there is one (decision 32).
    pub fn unsafe_integer(&self) -> Option<&str> {
        self.unsafe_integer.as_deref()
    }

    /// Where the first number stands whose digits are more than a double holds: the value has another one.
    pub fn rounded_number(&self) -> Option<String> {
        digits::rounded(self.data.as_str())
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(out)
    }
}

/// Why a text cannot be data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadData {
    /// No well-formed JSON.
    #[error("the data is not JSON")]
    NotJson,
    /// `null`.
    #[error("the data is missing or null")]
    Null,
    /// An array, a string, a number or a boolean.
    #[error("the data is not a JSON object")]
    NotAnObject,
    /// More than [`DATA_DEPTH_MAX`] levels.
    #[error("the data is nested deeper than {DATA_DEPTH_MAX} levels")]
    TooDeep {
        /// JSON pointer of the place.
        pointer: String,
    },
    /// More than [`DATA_NODES_MAX`] values.
    #[error("the data has more than {DATA_NODES_MAX} values")]
    TooManyNodes,
    /// One key twice in one object.
    #[error("a key stands twice in one object")]
    DoubledKey {
        /// JSON pointer of the second.
        pointer: String,
    },
    /// `__proto__`: harmless here, not in every subscriber's language.
    #[error("the key `__proto__` is not allowed")]
    ForbiddenKey {
        /// JSON pointer of the key's object.
        pointer: String,
    },
}

impl BadData {
    /// The JSON pointer of the place, where there is one.
    pub fn pointer(&self) -> Option<&str> {
        match self {
            Self::TooDeep { pointer } | Self::DoubledKey { pointer } | Self::ForbiddenKey { pointer } => {
                Some(pointer)
            }
            Self::NotJson | Self::Null | Self::NotAnObject | Self::TooManyNodes => None,
        }
    }
}

/// The value of a key. Of few keys each is looked at, which costs less than to hash the one that is sought.
pub fn field<'v>(object: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    const FEW: usize = 8;
    if FEW < object.len() {
        return object.get(key);
    }
    object.iter().find(|it| it.0 == key).map(|it| it.1)
}

/// Appends one step to a JSON pointer (RFC 6901).
pub fn pointer_step(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// What is found on the way through the text.
#[derive(Default)]
struct Walk {
    nodes: Cell<usize>,
    fault: Cell<Option<BadData>>,
    unsafe_integer: Cell<Option<String>>,
}

impl Walk {
    fn fail<E: serde::de::Error>(&self, fault: BadData) -> E {
        self.fault.set(Some(fault));
        E::custom("refused")
    }
}

/// Where a value stands; its pointer is made only when it is asked for.
enum Place<'p> {
    Top,
    Field(&'p Place<'p>, &'p str),
    Element(&'p Place<'p>, usize),
}

impl Place<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Top => String::new(),
            Self::Field(parent, key) => pointer_step(&parent.pointer(), key),
            Self::Element(parent, at) => pointer_step(&parent.pointer(), &at.to_string()),
        }
    }
}

struct Node<'w> {
    walk: &'w Walk,
    at: &'w Place<'w>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let nodes = self.walk.nodes.get() + 1;
        self.walk.nodes.set(nodes);
        if DATA_NODES_MAX < nodes {
            return Err(self.walk.fail(BadData::TooManyNodes));
        }
        deserializer.deserialize_any(self)
    }
}

impl Node<'_> {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        if DATA_DEPTH_MAX <= self.depth {
            return Err(self.walk.fail(BadData::TooDeep { pointer: self.at.pointer() }));
        }
        Ok(self.depth + 1)
    }

    fn integer(&self, small: bool) {
        if !small {
            let first = self.walk.unsafe_integer.take().unwrap_or_else(|| self.at.pointer());
            self.walk.unsafe_integer.set(Some(first));
        }
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        self.integer((-SAFE_INTEGER_MAX..=SAFE_INTEGER_MAX).contains(&value));
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        self.integer(value <= SAFE_INTEGER_MAX.unsigned_abs());
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // An integer of more than 20 digits arrives here, its digits already lost.
        self.integer(value.fract() != 0.0 || value.abs() < 9_007_199_254_740_992.0);
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| self.walk.fail(BadData::NotJson))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut array = Vec::new();
        loop {
            let at = &Place::Element(self.at, array.len());
            match items.next_element_seed(Node { walk: self.walk, at, depth })? {
                Some(value) => array.push(value),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == "__proto__" {
                return Err(self.walk.fail(BadData::ForbiddenKey { pointer: self.at.pointer() }));
            }
            let at = &Place::Field(self.at, &key);
            if field(&object, &key).is_some() {
                return Err(self.walk.fail(BadData::DoubledKey { pointer: at.pointer() }));
            }
            let value = entries.next_value_seed(Node { walk: self.walk, at, depth })?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(Input::parse(text).map(|it| it.data().as_str().to_owned()), Ok(expected.to_owned()));
    }

    #[test]
    fn digits_and_key_order_survive() {
        check(
            r#" { "b" : 1.10 , "a" : [ 1e2 , 100000000000000000000 ] } "#,
            r#"{"b":1.10,"a":[1e2,100000000000000000000]}"#,
        );
        check(r#"{"k":"a \"b\" \u00e9 \u000a"}"#, r#"{"k":"a \"b\" é \n"}"#);
        check(r#"{"a b":" "}"#, r#"{"a b":" "}"#);
    }

    #[test]
    fn hostile_data_is_refused_with_its_place() {
        let fault = |text: &str| Input::parse(text).err();
        assert_eq!(fault("[]"), Some(BadData::NotAnObject));
        assert_eq!(fault("null"), Some(BadData::Null));
        assert_eq!(fault("{} x"), Some(BadData::NotJson));
        assert_eq!(fault(r#"{"a":{"b":1,"b":2}}"#), Some(BadData::DoubledKey { pointer: "/a/b".into() }));
        assert_eq!(
            fault(r#"{"a":[{"__proto__":1}]}"#),
            Some(BadData::ForbiddenKey { pointer: "/a/0".into() })
        );
        assert_eq!(fault(&format!("{{\"a\":[{}0]}}", "0,".repeat(2_000))), Some(BadData::TooManyNodes));
        let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(fault(&deep(31)), None);
        assert!(matches!(fault(&deep(32)), Some(BadData::TooDeep { .. })));
        assert!(matches!(fault(&deep(100_000)), Some(BadData::TooDeep { .. })));
    }

    #[test]
    fn large_integers_are_named() {
        let at = |text: &str| Input::parse(text).ok().and_then(|it| it.unsafe_integer().map(str::to_owned));
        assert_eq!(at(r#"{"a":[1,9007199254740993]}"#), Some("/a/1".into()));
        assert_eq!(at(r#"{"a":1e30}"#), Some("/a".into()));
        assert_eq!(at(r#"{"a":-9007199254740991,"b":0.5}"#), None);
    }

    proptest! {
        #[test]
        fn compact_text_means_the_same(key in ".{0,8}", text in ".{0,20}", number in any::<f64>(), whole in any::<i64>()) {
            prop_assume!(key != "__proto__");
            let value = serde_json::json!({ key: [text, number, whole, null] });
            let input = Input::parse(&serde_json::to_string_pretty(&value).expect("JSON")).expect("data");
            let again: Value = serde_json::from_str(input.data().as_str()).expect("JSON");
            prop_assert_eq!(&again, input.value());
            let twice = Input::parse(input.data().as_str()).expect("data");
            prop_assert_eq!(twice.data(), input.data());
        }
    }
}
