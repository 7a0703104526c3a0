//! JSON pointers through objects (RFC 6901): parsed at load, followed, taken out and put in.
//!
//! A pointer never goes through an array: what stands behind one counts as absent, because taking
//! an element away would move its neighbours.

use std::fmt;

use serde_json::{Map, Value};

use crate::domain::{
    data::{field, pointer_step},
    limits::POINTER_STEPS_MAX,
};

/// A place in a JSON object, below its top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    steps: Vec<String>,
}

/// Why a text is no such pointer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPointer {
    #[error("`{0}` is no JSON pointer")]
    NoSlash(String),
    #[error("the pointer `{0}` is the whole object")]
    Whole(String),
    #[error("`~` in the pointer `{0}` is not followed by 0 or 1")]
    Escape(String),
    #[error("the pointer `{0}` has more than {POINTER_STEPS_MAX} steps")]
    TooLong(String),
    #[error("the key `__proto__` is not allowed")]
    Forbidden,
}

impl BadPointer {
    /// How to mend it.
    pub(super) fn help(&self) -> String {
        match self {
            Self::NoSlash(text) => format!("write `/{text}`"),
            Self::Whole(_) => "leave `take` out to keep everything".to_owned(),
            Self::Escape(_) => "write `~0` for `~` and `~1` for `/` within a key".to_owned(),
            Self::TooLong(_) => "name an outer place".to_owned(),
            Self::Forbidden => "choose another key".to_owned(),
        }
    }
}

/// Something that is no object stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InTheWay {
    pub(super) pointer: String,
}

impl Pointer {
    /// Parses `/a/b`.
    pub(super) fn parse(text: &str) -> Result<Self, BadPointer> {
        let Some(rest) = text.strip_prefix('/') else {
            return Err(if text.is_empty() {
                BadPointer::Whole(text.to_owned())
            } else {
                BadPointer::NoSlash(text.to_owned())
            });
        };
        let mut steps = Vec::new();
        for step in rest.split('/') {
            let bare = step.replace("~0", "").replace("~1", "");
            if bare.contains('~') {
                return Err(BadPointer::Escape(text.to_owned()));
            }
            steps.push(step.replace("~1", "/").replace("~0", "~"));
        }
        Self::of(steps, text)
    }

    /// Parses `/a/b`, or takes a text without a slash at its start as one key.
    pub(super) fn parse_key(text: &str) -> Result<Self, BadPointer> {
        if text.starts_with('/') { Self::parse(text) } else { Self::of(vec![text.to_owned()], text) }
    }

    fn of(steps: Vec<String>, text: &str) -> Result<Self, BadPointer> {
        if POINTER_STEPS_MAX < steps.len() {
            return Err(BadPointer::TooLong(text.to_owned()));
        }
        if steps.iter().any(|it| it == "__proto__") {
            return Err(BadPointer::Forbidden);
        }
        Ok(Self { steps })
    }

    /// The keys on the way, from the top.
    pub(super) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Whether one is the other, or stands within it.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.steps.iter().zip(&other.steps).all(|(one, two)| one == two)
    }

    /// The key, if it names one of the top.
    pub(super) fn only_step(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The value at this place.
    pub(super) fn get<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |it, step| field(it.as_object()?, step))
    }

    /// Takes the value at this place out; the order of the others stays.
    pub(super) fn remove(&self, value: &mut Value) -> Option<Value> {
        let (last, path) = self.steps.split_last()?;
        let parent = path.iter().try_fold(value, |it, step| it.as_object_mut()?.get_mut(step))?;
        parent.as_object_mut()?.shift_remove(last)
    }

    /// Puts a value at this place and makes the objects on the way.
    pub(super) fn put(&self, target: &mut Value, value: Value) -> Result<(), InTheWay> {
        let Some((last, path)) = self.steps.split_last() else { return Ok(()) };
        let mut here = target;
        let mut walked = String::new();
        for step in path {
            let Value::Object(object) = here else { return Err(InTheWay { pointer: walked }) };
            walked = pointer_step(&walked, step);
            here = object.entry(step.as_str()).or_insert_with(|| Value::Object(Map::new()));
        }
        match here {
            Value::Object(object) => {
                object.insert(last.clone(), value);
                Ok(())
            }
            _ => Err(InTheWay { pointer: walked }),
        }
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.steps.iter().fold(String::new(), |it, step| pointer_step(&it, step)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
    }

    #[test]
    fn pointers_are_parsed_once() {
        assert_eq!(pointer("/a~1b/~01").to_string(), "/a~1b/~01");
        assert_eq!(pointer("/a~1b/~01").steps, ["a/b", "~1"]);
        assert_eq!(Pointer::parse("a"), Err(BadPointer::NoSlash("a".into())));
        assert_eq!(Pointer::parse("/a~2"), Err(BadPointer::Escape("/a~2".into())));
        assert_eq!(Pointer::parse(""), Err(BadPointer::Whole(String::new())));
        assert_eq!(Pointer::parse("/x/__proto__"), Err(BadPointer::Forbidden));
        assert!(matches!(Pointer::parse(&"/a".repeat(17)), Err(BadPointer::TooLong(_))));
        assert_eq!(Pointer::parse_key("a~b").map(|it| it.to_string()), Ok("/a~0b".into()));
    }

    #[test]
    fn values_are_taken_out_and_put_in() {
        let mut value = json!({"a": {"b": 1, "c": 2}, "d": [{"e": 3}]});
        assert_eq!(pointer("/a/b").get(&value), Some(&json!(1)));
        assert_eq!(pointer("/d/0/e").get(&value), None);
        assert_eq!(pointer("/a/b").remove(&mut value), Some(json!(1)));
        assert_eq!(pointer("/x/y").remove(&mut value), None);
        assert_eq!(pointer("/x/y").put(&mut value, json!(4)), Ok(()));
        assert_eq!(pointer("/a/c/z").put(&mut value, json!(5)), Err(InTheWay { pointer: "/a/c".into() }));
        assert_eq!(value, json!({"a": {"c": 2}, "d": [{"e": 3}], "x": {"y": 4}}));
    }

    #[test]
    fn a_place_within_another_overlaps_it() {
        assert!(pointer("/a/b").overlaps(&pointer("/a")));
        assert!(pointer("/a").overlaps(&pointer("/a")));
        assert!(!pointer("/a/b").overlaps(&pointer("/a/c")));
    }
}
