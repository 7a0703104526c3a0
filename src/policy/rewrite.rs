//! The native rewrite: from private data to published data, by `take`, `rename`, `default`, `clamp`, `mask`, `set`.
//!
//! It gives the same result each time; whatever cannot be made is a [`RenderFault`] that says where and why.

mod frame;

use serde_json::{Map, Number, Value};

use self::frame::Frame;
use crate::{
    domain::limits::DATA_DEPTH_MAX,
    policy::{
        mask::Mask,
        pointer::Pointer,
        setting::Setting,
        template::{Bindings, RenderFault},
    },
};

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
    /// The result's keys, where they are known before.
    frame: Option<Frame>,
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
    /// The same, with all that can be made ready before the first write.
    pub(super) fn ready(mut self) -> Self {
        self.frame = Frame::of(&self);
        self
    }

    /// Whether an expression in it reads what was admitted before.
    pub(super) fn reads_previous(&self) -> bool {
        self.set.iter().any(|(_, it)| matches!(it, Setting::Expression(it) if it.reads_previous()))
    }

    /// Whether an expression stands in it.
    pub(super) fn computes(&self) -> bool {
        self.set.iter().any(|(_, it)| matches!(it, Setting::Expression(_)))
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
        if let Some(out) = self.frame.as_ref().and_then(|it| it.filled(self, data, bindings)) {
            return Ok(out);
        }
        let out = self.steps(data, bindings)?;
        if !within(&out, DATA_DEPTH_MAX) {
            return Err(RenderFault::about("", format!("nested deeper than {DATA_DEPTH_MAX} levels")));
        }
        Ok(out)
    }

    /// One step after the other.
    fn steps(&self, data: &Value, bindings: &Bindings<'_>) -> Result<Value, RenderFault> {
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
        Ok(out)
    }
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
    use crate::policy::template::with_bindings;

    fn pointer(text: &str) -> Pointer {
        Pointer::parse(text).expect("a pointer")
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
            frame: None,
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
    fn only_a_plain_rewrite_has_a_frame() {
        let plain = Rewrite { take: Some(vec![pointer("/a")]), ..Rewrite::default() };
        let framed = |it: Rewrite| it.ready().frame.is_some();
        assert!(framed(plain.clone()));
        assert!(!framed(Rewrite::default()), "what is kept is not known");
        assert!(!framed(Rewrite { take: Some(vec![pointer("/a/b")]), ..plain.clone() }));
        assert!(!framed(Rewrite { set: vec![(pointer("/b/c"), Setting::Now)], ..plain.clone() }));
        assert!(!framed(Rewrite { default: vec![(pointer("/b/c"), json!(1))], ..plain.clone() }));
        assert!(!framed(Rewrite { rename: vec![(pointer("/a"), pointer("/b"))], ..plain.clone() }));
        let bounds = Clamp { least: 1.into(), most: 2.into() };
        assert!(!framed(Rewrite { clamp: vec![(pointer("/a/b"), bounds)], ..plain }));
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
                frame: None,
            };
            let data = json!({"a": x, "b": {"a": y}, "d": [x]});
            let once = apply(&rewrite, &data);
            let again = apply(&rewrite, &data);
            prop_assert_eq!(&once, &again);
            // The order of keys, too, is the same.
            prop_assert_eq!(once.map(|it| it.to_string()), again.map(|it| it.to_string()));
        }

        /// A frame is a shortcut: values, faults and the order of keys are those of the steps.
        #[test]
        fn a_frame_gives_what_the_steps_give(
            data in prop::collection::btree_map("[a-d]", prop_oneof![
                (-9..9).prop_map(Value::from), Just(Value::Null), Just(json!({"e": ["x"]})), Just(json!("ab")),
            ], 0..4),
            take in prop::sample::subsequence(vec!["/a", "/b", "/c", "/d"], 0..4).prop_shuffle(),
            default in prop::sample::subsequence(vec!["/a", "/d", "/f"], 0..3),
            clamp in prop::sample::subsequence(vec!["/a", "/b", "/g"], 0..3),
            set in prop::sample::subsequence(vec!["/a", "/c", "/f", "/h"], 0..4).prop_shuffle(),
            named in any::<bool>(), levels in prop_oneof![Just(1_usize), 30..34_usize],
        ) {
            let bounds = || Clamp { least: (-3).into(), most: 3.into() };
            let deep = (0..levels).fold(json!(1), |it, _| json!([it]));
            let settings = [Setting::Now, Setting::Claim(vec!["name".into()]), Setting::Constant(deep)];
            let rewrite = Rewrite {
                take: Some(take.into_iter().map(pointer).collect()),
                default: default.into_iter().map(|it| (pointer(it), json!(7))).collect(),
                clamp: clamp.into_iter().map(|it| (pointer(it), bounds())).collect(),
                set: set.into_iter().map(pointer).zip(settings).collect(),
                ..Rewrite::default()
            };
            let data = json!(data);
            let claims = if named { json!({"name": "Ada"}) } else { json!({}) };
            let ready = rewrite.clone().ready();
            prop_assert!(ready.frame.is_some());
            let [framed, stepped] = [ready, rewrite].map(|it| {
                with_bindings(&claims, |bindings| it.apply(&data, bindings)).map(|it| it.to_string())
            });
            prop_assert_eq!(framed, stepped);
        }
    }
}
