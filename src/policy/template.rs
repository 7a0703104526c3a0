//! From an admitted write to what one target publishes: the name, the key and the data.
//!
//! Rendering is total and gives the same result each time; whatever cannot be made is a
//! [`RenderFault`] that says where and why.

use serde_json::{Map, Number, Value};

use crate::{
    domain::{
        limits::DATA_DEPTH_MAX,
        name::{Identity, ItemKey, UniqueName},
        time::Timestamp,
    },
    policy::{
        expression::Names,
        mask::Mask,
        pattern::{Captures, KEY, PSEUDONYM, Pattern, Segment},
        pointer::{InTheWay, Pointer},
        setting::Setting,
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
            "now" => Some(self.now.to_string()),
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

/// The native rewrite of one target, in the order in which it is done.
#[derive(Clone, Debug, Default)]
pub(super) struct Rewrite {
    /// What is kept; `None` keeps everything.
    pub(super) take: Option<Vec<Pointer>>,
    /// From where to where. All are taken out before any is put in, so two can change places.
    pub(super) rename: Vec<(Pointer, Pointer)>,
    /// What fills a place that is absent.
    pub(super) default: Vec<(Pointer, Value)>,
    /// The bounds into which a number is put.
    pub(super) clamp: Vec<(Pointer, Clamp)>,
    /// What is covered in a text, or in the texts of an array.
    pub(super) mask: Vec<(Pointer, Mask)>,
    /// What is put in at last, whatever stood there.
    pub(super) set: Vec<(Pointer, Setting)>,
}

/// The bounds of a number, both allowed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clamp {
    pub(super) least: Number,
    pub(super) most: Number,
}

impl Clamp {
    /// The bound that a value has passed, if it is a number that has.
    fn passed(&self, value: &Value) -> Option<&Number> {
        let number = value.as_f64()?;
        if self.least.as_f64().is_some_and(|it| number < it) {
            Some(&self.least)
        } else {
            Some(&self.most).filter(|it| it.as_f64().is_some_and(|it| it < number))
        }
    }
}

impl Rewrite {
    /// Whether an expression in it reads what was admitted before.
    pub(super) fn reads_previous(&self) -> bool {
        self.set.iter().any(|(_, it)| matches!(it, Setting::Expression(it) if it.reads_previous()))
    }

    /// Whether an expression in it reads a lookup.
    pub(super) fn looks_up(&self, lookups: usize) -> bool {
        let looks = |it: &Setting| match it {
            Setting::Expression(it) => (0..lookups).any(|at| it.reads_lookup(at)),
            _ => false,
        };
        self.set.iter().any(|(_, it)| looks(it))
    }

    /// Whether a field of the private data is published as it is, under its own name.
    pub(super) fn keeps(&self, field: &str) -> bool {
        let Ok(place) = Pointer::parse_key(field) else { return false };
        let touched = |it: &Pointer| it.overlaps(&place);
        let taken = self.take.as_ref().is_none_or(|it| it.contains(&place));
        let renamed = self.rename.iter().any(|(from, to)| touched(from) || touched(to));
        taken
            && !renamed
            && !self.default.iter().any(|it| touched(&it.0))
            && !self.set.iter().any(|it| touched(&it.0))
    }

    /// Where in the private data stands what is at a place before `set`, if it is known to come from there.
    pub(super) fn origin<'r>(&'r self, place: &'r Pointer) -> Option<Vec<&'r str>> {
        if self.default.iter().any(|it| it.0.overlaps(place)) {
            return None;
        }
        let moved = self.rename.iter().find_map(|(from, to)| {
            let rest = place.steps().strip_prefix(to.steps())?;
            Some(from.steps().iter().chain(rest).map(String::as_str).collect())
        });
        let renamed = self.rename.iter().any(|(from, to)| from.overlaps(place) || to.overlaps(place));
        let steps: Vec<&str> = match moved {
            Some(steps) => steps,
            None if renamed => return None,
            None => place.steps().iter().map(String::as_str).collect(),
        };
        let taken = |it: &Pointer| {
            it.steps().len() <= steps.len() && it.steps().iter().zip(&steps).all(|(one, two)| one == two)
        };
        self.take.as_ref().is_none_or(|it| it.iter().any(taken)).then_some(steps)
    }

    /// The published data.
    pub(super) fn apply(&self, data: &Value, bindings: &Bindings<'_>) -> Result<Value, RenderFault> {
        let mut out = match &self.take {
            None => data.clone(),
            Some(pointers) => {
                // Room for all that comes: growing costs a copy each time.
                let room = pointers.len() + self.default.len() + self.set.len();
                let mut kept = Value::Object(Map::with_capacity(room));
                for pointer in pointers {
                    if let Some(value) = pointer.get(data) {
                        pointer.put(&mut kept, value.clone())?;
                    }
                }
                kept
            }
        };
        let moved: Vec<_> =
            self.rename.iter().filter_map(|(from, to)| Some((to, from.remove(&mut out)?))).collect();
        for (to, value) in moved {
            to.put(&mut out, value)?;
        }
        for (pointer, value) in &self.default {
            if pointer.get(&out).is_none() {
                pointer.put(&mut out, value.clone())?;
            }
        }
        for (pointer, clamp) in &self.clamp {
            if let Some(bound) = pointer.get(&out).and_then(|it| clamp.passed(it)) {
                pointer.put(&mut out, Value::Number(bound.clone()))?;
            }
        }
        for (pointer, mask) in &self.mask {
            if let Some(mut value) = pointer.get(&out).cloned() {
                mask.cover(&mut value);
                pointer.put(&mut out, value)?;
            }
        }
        for (pointer, setting) in &self.set {
            let value = setting.value(data, bindings);
            let value = value.map_err(|it| RenderFault::about(pointer.to_string(), it))?;
            pointer.put(&mut out, value)?;
        }
        if !within(&out, DATA_DEPTH_MAX) {
            return Err(RenderFault::about("", format!("nested deeper than {DATA_DEPTH_MAX} levels")));
        }
        Ok(out)
    }
}

/// Renders the name of a shared object.
pub(super) fn name(pattern: &Pattern, bindings: &Bindings<'_>) -> Result<UniqueName, RenderFault> {
    let text = text(pattern, bindings)?;
    UniqueName::try_from(text).map_err(|it| RenderFault::about("", format!("the shared object's name: {it}")))
}

/// Renders the key of a shared item.
pub(super) fn key(pattern: &Pattern, bindings: &Bindings<'_>) -> Result<ItemKey, RenderFault> {
    let text = text(pattern, bindings)?;
    ItemKey::try_from(text).map_err(|it| RenderFault::about("", format!("the shared item's key: {it}")))
}

fn text(pattern: &Pattern, bindings: &Bindings<'_>) -> Result<String, RenderFault> {
    let mut out = String::new();
    for (at, segment) in pattern.segments().iter().enumerate() {
        if at != 0 {
            out.push('/');
        }
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
        out.push_str(piece);
    }
    Ok(out)
}

/// Whether a value is nested at most so deep.
fn within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels != 0 && items.iter().all(|it| within(it, levels - 1)),
        Value::Object(entries) => levels != 0 && entries.values().all(|it| within(it, levels - 1)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
    }

    fn with_bindings<T>(claims: &Value, run: impl FnOnce(&Bindings<'_>) -> T) -> T {
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

    fn apply(rewrite: &Rewrite, data: &Value) -> Result<Value, RenderFault> {
        with_bindings(&json!({"name": "Ada"}), |it| rewrite.apply(data, it))
    }

    #[test]
    fn the_steps_run_in_their_order() {
        let rewrite = Rewrite {
            take: Some(vec![pointer("/x"), pointer("/y"), pointer("/deep/a")]),
            rename: vec![(pointer("/x"), pointer("/y")), (pointer("/y"), pointer("/x"))],
            default: vec![(pointer("/z"), json!(0)), (pointer("/x"), json!(0))],
            clamp: vec![(pointer("/y"), Clamp { least: 3.into(), most: 9.into() })],
            mask: Vec::new(),
            set: vec![
                (pointer("/who"), Setting::Claim(vec!["name".into()])),
                (pointer("/at"), Setting::Now),
                (pointer("/in/room"), Setting::Capture("room".into())),
            ],
        };
        assert_eq!(
            apply(&rewrite, &json!({"x": 1, "y": 2, "secret": 3, "deep": {"a": 4, "b": 5}})),
            Ok(json!({"deep": {"a": 4}, "y": 3, "x": 2, "z": 0, "who": "Ada",
                "at": "1970-01-01T00:00:00.000Z", "in": {"room": "7"}}))
        );
    }

    #[test]
    fn what_cannot_be_rendered_names_its_place() {
        let fault = |rewrite: &Rewrite, data: Value| apply(rewrite, &data).expect_err("a fault");
        let missing = Rewrite {
            set: vec![(pointer("/n"), Setting::Claim(vec!["team".into(), "name".into()]))],
            ..Rewrite::default()
        };
        assert_eq!(fault(&missing, json!({})).pointer, "/n");
        assert_eq!(fault(&missing, json!({})).message, "the token has no claim `claims.team.name`");
        let blocked = Rewrite { set: vec![(pointer("/a/b"), Setting::Now)], ..Rewrite::default() };
        assert_eq!(fault(&blocked, json!({"a": 1})).pointer, "/a");
        let deep = Rewrite { rename: vec![(pointer("/a"), pointer("/b/b/b"))], ..Rewrite::default() };
        let nested = (0..31).fold(json!(1), |it, _| json!({ "a": it }));
        assert_eq!(fault(&deep, nested).message, "nested deeper than 32 levels");
    }

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

    proptest! {
        #[test]
        fn rendering_twice_gives_the_same(
            x in any::<i64>(), y in ".{0,9}", from in "/[a-d](/[a-d])?", to in "/[a-d](/[a-d])?", take in any::<bool>(),
        ) {
            let rewrite = Rewrite {
                take: take.then(|| vec![pointer("/a"), pointer("/b/a")]),
                rename: vec![(pointer(&from), pointer(&to))],
                default: vec![(pointer("/c"), json!({"d": 1}))],
                clamp: vec![(pointer("/a"), Clamp { least: (-5).into(), most: 5.into() })],
                mask: Vec::new(),
                set: vec![(pointer("/b/c"), Setting::Identity), (pointer("/e"), Setting::Key)],
            };
            let data = json!({"a": x, "b": {"a": y}, "d": [x]});
            let once = apply(&rewrite, &data);
            let again = apply(&rewrite, &data);
            prop_assert_eq!(&once, &again);
            // The order of keys, too, is the same.
            prop_assert_eq!(once.map(|it| it.to_string()), again.map(|it| it.to_string()));
        }
    }
}
