//! What a write brings along, and the names and keys that are made of it.
//!
//! Rendering is total and gives the same result each time; whatever cannot be made is a
//! [`RenderFault`] that says where and why.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    domain::{
        name::{Identity, ItemKey, UniqueName},
        time::Timestamp,
    },
    policy::{
        expression::Names,
        pattern::{Captures, KEY, PSEUDONYM, Pattern, Segment},
        pointer::InTheWay,
    },
};

/// What a write brings along besides its data.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'w> {
    /// The private data as it was admitted before; `None` when there was none, or `{}`.
    pub previous: Option<&'w Value>,
    /// What the policy's lookups found, in their order.
    pub lookups: &'w [Option<&'w Value>],
    /// What stands for `{pseudonym}`; empty when no target asks for it.
    pub pseudonym: &'w str,
    /// What the policy's `from` captured of the private object's name.
    pub captures: &'w Captures,
    /// The owner of the private object.
    pub identity: &'w Identity,
    /// The owner's claims, `{}` when there are none.
    pub claims: &'w Value,
    /// The time of the write.
    pub now: Timestamp,
    /// The key of the written item when the source is a map.
    pub item_key: Option<&'w ItemKey>,
}

impl<'w> Bindings<'w> {
    /// The same, for expressions over this data.
    pub fn names(&self, data: &'w Value) -> Names<'w> {
        Names {
            data,
            previous: self.previous,
            identity: self.identity.as_str(),
            claims: self.claims,
            captures: self.captures,
            key: self.item_key.map(ItemKey::as_str),
            now: self.now,
            lookups: self.lookups,
            reader: None,
        }
    }

    /// The text of a variable in a pattern or a template.
    pub(super) fn text(&self, variable: &str) -> Option<String> {
        match variable {
            KEY => self.item_key.map(|it| it.as_str().to_owned()),
            PSEUDONYM => Some(self.pseudonym.to_owned()).filter(|it| !it.is_empty()),
            "now" => Some(self.now.to_text()),
            other => self.captures.get(other).map(str::to_owned),
        }
    }
}

/// What one target publishes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rendered {
    /// The shared object.
    pub name: UniqueName,
    /// The item, when the target is a map.
    pub key: Option<ItemKey>,
    /// The data; its size is not checked here.
    pub data: Value,
}

/// Why nothing can be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderFault {
    /// JSON pointer of the place in the published data; empty when it is about the name or the key.
    pub pointer: String,
    /// What is wrong; the client's data is not in it.
    pub message: String,
}

impl RenderFault {
    pub(super) fn about(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl From<InTheWay> for RenderFault {
    fn from(found: InTheWay) -> Self {
        Self::about(found.pointer, "something that is no object stands in the way")
    }
}

/// Renders the name of a shared object.
pub(super) fn name(pattern: &Pattern, bindings: &Bindings<'_>) -> Result<UniqueName, RenderFault> {
    let text = text(pattern, bindings)?;
    UniqueName::try_from(&*text)
        .map_err(|it| RenderFault::about("", format!("the shared object's name: {it}")))
}

/// Renders the key of a shared item.
pub(super) fn key(pattern: &Pattern, bindings: &Bindings<'_>) -> Result<ItemKey, RenderFault> {
    let text = text(pattern, bindings)?;
    ItemKey::try_from(&*text).map_err(|it| RenderFault::about("", format!("the shared item's key: {it}")))
}

fn text<'w>(pattern: &'w Pattern, bindings: &Bindings<'w>) -> Result<Cow<'w, str>, RenderFault> {
    let piece = |segment: &'w Segment| {
        let piece = match segment {
            Segment::Literal(text) => text.as_str(),
            Segment::Variable(name) if &**name == KEY => bindings.item_key.map_or("", ItemKey::as_str),
            Segment::Variable(name) if &**name == PSEUDONYM => bindings.pseudonym,
            Segment::Variable(name) => bindings.captures.get(name).unwrap_or_default(),
        };
        // INVARIANT: no segment holds a `/` or nothing, so different sources make different texts.
        if piece.is_empty() || (piece.contains('/') && matches!(segment, Segment::Variable(_))) {
            let what = "a key that is part of a shared name must not be empty or hold `/`";
            return Err(RenderFault::about("", what));
        }
        Ok(piece)
    };
    if let [only] = pattern.segments() {
        return piece(only).map(Cow::Borrowed);
    }
    // Most names are shorter.
    let mut out = String::with_capacity(64);
    for (at, segment) in pattern.segments().iter().enumerate() {
        if at != 0 {
            out.push('/');
        }
        out.push_str(piece(segment)?);
    }
    Ok(out.into())
}

/// Runs something with bindings of somebody's write.
#[cfg(test)]
pub(super) fn with_bindings<T>(claims: &Value, run: impl FnOnce(&Bindings<'_>) -> T) -> T {
    let source = Pattern::parse("cursors/{room}/{identity}").expect("a pattern");
    let captures = source.captures(&UniqueName::try_from("cursors/7/ada").expect("a name"));
    run(&Bindings {
        captures: &captures.expect("a match"),
        identity: &Identity::try_from("ada").expect("an identity"),
        claims,
        now: Timestamp::from_seconds(0),
        item_key: Some(&ItemKey::try_from("k").expect("a key")),
        previous: None,
        lookups: &[],
        pseudonym: "p",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_keys_stay_within_their_limits() {
        let render = |text: &str, item: &str| {
            let pattern = Pattern::parse(text).expect("a pattern");
            with_bindings(&json!({}), |it| {
                let item = ItemKey::try_from(item).expect("a key");
                let bindings = Bindings { item_key: Some(&item), ..*it };
                name(&pattern, &bindings).map(|it| it.to_string()).map_err(|it| it.message)
            })
        };
        assert_eq!(render("rooms/{room}/{key}", "k"), Ok("rooms/7/k".into()));
        assert!(render("rooms/{key}", "a/b").is_err());
        assert!(render("rooms/{key}", &"k".repeat(320)).is_err_and(|it| it.contains("at most 320")));
        assert!(render("{key}", &format!("ET{}", "0".repeat(32))).is_err_and(|it| it.contains("SID")));
    }
}
