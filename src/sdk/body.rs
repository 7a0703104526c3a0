//! The JSON bodies of the SDK: a handful of attributes, each at most once.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    domain::{
        data::Input,
        name::{ItemKey, UniqueName},
        object::ObjectKind,
        time::Ttl,
    },
    wire::{fault::Fault, request},
};

/// What the visitor says when a key stands twice; told from other errors by it.
const DOUBLED: &str = "an attribute is given twice";

/// A body's attributes, as they stand in it. Unknown ones are ignored.
#[derive(Debug, Default)]
pub(super) struct Body<'b> {
    unique_name: Option<&'b RawValue>,
    key: Option<&'b RawValue>,
    data: Option<&'b RawValue>,
    context: Option<&'b RawValue>,
    ttl: Option<&'b RawValue>,
}

impl<'b> Body<'b> {
    /// # Errors
    /// When it is no JSON object, or an attribute stands twice in it.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::Body)?;
        serde_json::from_str(text).map_err(|error| {
            if error.to_string().starts_with(DOUBLED) { Fault::DoubledAttribute } else { Fault::Body }
        })
    }

    /// The name of a new object; null is none.
    pub(super) fn unique_name(&self) -> Result<Option<UniqueName>, Fault> {
        text(self.unique_name, "unique_name")?.map(|it| request::unique_name(&it)).transpose()
    }

    /// The key of a new item.
    pub(super) fn key(&self) -> Result<ItemKey, Fault> {
        request::key(&text(self.key, "key")?.ok_or(Fault::Key)?)
    }

    /// The data, as the text that it is.
    pub(super) fn data(&self, kind: ObjectKind) -> Result<Option<Input>, Fault> {
        self.data.map(|it| request::data(it.get(), kind)).transpose()
    }

    /// The context of a new list; null is none.
    pub(super) fn context(&self) -> Result<Option<Input>, Fault> {
        match self.context.map(RawValue::get) {
            None | Some("null") => Ok(None),
            Some(text) => request::data(text, ObjectKind::List).map(Some),
        }
    }

    /// The time to live; null is none.
    pub(super) fn ttl(&self) -> Result<Option<Ttl>, Fault> {
        match self.ttl.map(RawValue::get) {
            None | Some("null") => Ok(None),
            Some(text) => request::ttl(text),
        }
    }
}

fn text(value: Option<&RawValue>, name: &'static str) -> Result<Option<String>, Fault> {
    value.map_or(Ok(None), |it| serde_json::from_str(it.get()).map_err(|_| Fault::Attribute { name }))
}

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Attributes)
    }
}

struct Attributes;

impl<'de> Visitor<'de> for Attributes {
    type Value = Body<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Body<'de>, A::Error> {
        let (mut body, mut seen) = (Body::default(), HashSet::new());
        while let Some(Key(name)) = entries.next_key()? {
            let place = match name.as_ref() {
                "unique_name" => Some(&mut body.unique_name),
                "key" => Some(&mut body.key),
                "data" => Some(&mut body.data),
                "context" => Some(&mut body.context),
                "ttl" => Some(&mut body.ttl),
                _ => None,
            };
            match place {
                Some(place) => *place = Some(entries.next_value()?),
                None => _ = entries.next_value::<IgnoredAny>()?,
            }
            if !seen.insert(name) {
                return Err(A::Error::custom(DOUBLED));
            }
        }
        Ok(body)
    }
}

/// A key, borrowed where it has no escapes.
struct Key<'b>(Cow<'b, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::data::BadData;

    #[test]
    fn attributes_are_taken_as_they_stand() {
        let body = Body::parse(br#"{"unique_name":"a\u0062","data":{"n":1.10},"ttl":60,"purpose":[1]}"#);
        let body = body.expect("a body");
        assert_eq!(body.unique_name().ok().flatten().expect("a name").as_str(), "ab");
        let data = body.data(ObjectKind::Document).ok().flatten().expect("data");
        assert_eq!(data.data().as_str(), r#"{"n":1.10}"#);
        assert_eq!(body.ttl().map(|it| it.map(Ttl::seconds)), Ok(Some(60)));
        let none = Body::parse(br#"{"unique_name":null,"ttl":null}"#).expect("a body");
        assert_eq!((none.unique_name(), none.ttl()), (Ok(None), Ok(None)));
        assert!(none.data(ObjectKind::Map).is_ok_and(|it| it.is_none()));
    }

    #[test]
    fn bad_bodies_are_refused() {
        let fault = |text: &str| Body::parse(text.as_bytes()).err();
        for text in ["", "[]", "null", "{", "{} x", r#""text""#, "{\"data\":}", "data_sync"] {
            assert_eq!(fault(text), Some(Fault::Body), "{text}");
        }
        assert!(Body::parse(b"{\"a\":\"\xff\"}").is_err());
        for text in [r#"{"data":{},"data":{}}"#, r#"{"x":1,"\u0078":2}"#] {
            assert_eq!(fault(text), Some(Fault::DoubledAttribute), "{text}");
        }
        let body = |text: &'static str| Body::parse(text.as_bytes()).expect("a body");
        assert_eq!(body(r#"{"unique_name":7}"#).unique_name(), Err(Fault::Attribute { name: "unique_name" }));
        assert_eq!(body(r#"{"unique_name":""}"#).unique_name(), Err(Fault::UniqueName));
        for text in
            [r#"{"ttl":"60"}"#, r#"{"ttl":-1}"#, r#"{"ttl":6.0}"#, r#"{"ttl":""}"#, r#"{"ttl":31536001}"#]
        {
            assert_eq!(body(text).ttl(), Err(Fault::Ttl), "{text}");
        }
        let null = Fault::Data { fault: BadData::Null, kind: ObjectKind::Map };
        assert_eq!(body(r#"{"data":null}"#).data(ObjectKind::Map).err(), Some(null));
    }
}
