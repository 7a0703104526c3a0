//! Schemas that nothing fits: bounds that leave nothing, parts that exclude each other, keys that are asked for and not
//! allowed.
//!
//! What fits is looked at from above ([`Fit`]), so what is told here is true, and not all there is to tell: patterns, formats,
//! `not` and `if` alone are not looked into. `false` and `{"not": {}}` are a way to forbid, and no fault.

use serde_json::{Map, Value};

use super::{
    Graph, Problem,
    fit::{ARRAY, Fit, OBJECT},
};
use crate::{
    domain::{data::pointer_step, limits::DATA_DEPTH_MAX},
    policy::schema::keywords,
};

/// Lower bound, upper bound, and of what there is none when they exclude each other.
const BOUNDS: &[(&str, &str, &str)] = &[
    ("minimum", "maximum", "number"),
    ("exclusiveMinimum", "maximum", "number"),
    ("minimum", "exclusiveMaximum", "number"),
    ("exclusiveMinimum", "exclusiveMaximum", "number"),
    ("minLength", "maxLength", "text"),
    ("minItems", "maxItems", "array"),
    ("minContains", "maxContains", "array"),
    ("minProperties", "maxProperties", "object"),
];

/// What nothing fits; `order` has each schema after those that apply to the same value because of it.
pub(super) fn impossible(root: &Value, graph: &Graph, order: &[usize]) -> Vec<Problem> {
    Look::new(root, graph, order).problems(order)
}

struct Look<'s> {
    graph: &'s Graph,
    values: Vec<&'s Value>,
    /// What fits each schema.
    here: Vec<Fit<'s>>,
    /// Whether anything does, one level deeper in the data.
    below: Vec<bool>,
}

impl<'s> Look<'s> {
    fn new(root: &'s Value, graph: &'s Graph, order: &[usize]) -> Self {
        let values = graph.nodes.iter().map(|it| root.pointer(&it.pointer).unwrap_or(&Value::Null)).collect();
        let count = graph.nodes.len();
        let mut look = Self { graph, values, here: vec![Fit::any(); count], below: vec![false; count] };
        // Data of growing depth, until one more level changes nothing.
        for _ in 0..=DATA_DEPTH_MAX {
            for at in order {
                let fit = look.fit(*at);
                if let Some(slot) = look.here.get_mut(*at) {
                    *slot = fit;
                }
            }
            let possible: Vec<bool> = look.here.iter().map(|it| !it.is_empty()).collect();
            if possible == look.below {
                break;
            }
            look.below = possible;
        }
        look
    }

    fn keywords(&self, at: usize) -> Option<&'s Map<String, Value>> {
        self.values.get(at).and_then(|it| it.as_object())
    }

    fn child(&self, at: usize, steps: &[&str]) -> Option<usize> {
        let pointer = self.graph.nodes.get(at)?.pointer.clone();
        let pointer = steps.iter().fold(pointer, |it, step| pointer_step(&it, step));
        self.graph.by_pointer.get(&pointer).copied()
    }

    /// What was found of the schema at a keyword.
    fn at(&self, at: usize, steps: &[&str]) -> Option<&Fit<'s>> {
        self.here.get(self.child(at, steps)?)
    }

    /// Whether something one level deeper may be there: what has no schema may.
    fn possible(&self, at: usize, steps: &[&str]) -> bool {
        self.child(at, steps).and_then(|it| self.below.get(it)).copied().unwrap_or(true)
    }

    fn branches(&self, at: usize, keyword: &str) -> Option<Vec<usize>> {
        let count = self.keywords(at)?.get(keyword)?.as_array()?.len();
        Some((0..count).filter_map(|it| self.child(at, &[keyword, &it.to_string()])).collect())
    }

    fn fit(&self, at: usize) -> Fit<'s> {
        let Some(node) = self.graph.nodes.get(at) else { return Fit::any() };
        let Some(keywords) = self.keywords(at) else {
            return if self.values.get(at) == Some(&&Value::Bool(false)) { Fit::none() } else { Fit::any() };
        };
        let target = node.target.and_then(|it| self.here.get(it));
        if let Some(target) = target
            && keywords::ignores_siblings(self.graph.draft)
        {
            return target.clone();
        }
        let mut fit = Fit::of(keywords);
        if let Some(target) = target {
            fit = fit.and(target);
        }
        for branch in self.branches(at, "allOf").into_iter().flatten() {
            fit = self.here.get(branch).map_or(fit.clone(), |it| fit.and(it));
        }
        for keyword in ["anyOf", "oneOf"] {
            let Some(branches) = self.branches(at, keyword) else { continue };
            let any = branches.iter().filter_map(|it| self.here.get(*it)).fold(Fit::none(), Fit::or);
            fit = fit.and(&any);
        }
        if let (Some(then), Some(otherwise)) = (self.at(at, &["then"]), self.at(at, &["else"]))
            && let Some(condition) = self.at(at, &["if"])
        {
            fit = fit.and(&then.clone().and(condition).or(otherwise));
        }
        if keywords.get("not").is_some_and(is_anything) {
            return Fit::none();
        }
        self.array(at, keywords, self.object(at, keywords, fit))
    }

    fn object(&self, at: usize, keywords: &'s Map<String, Value>, mut fit: Fit<'s>) -> Fit<'s> {
        let properties = keywords.get("properties").and_then(Value::as_object);
        let closed = !self.possible(at, &["additionalProperties"]);
        if closed && !keywords.contains_key("patternProperties") {
            let named = properties.into_iter().flat_map(Map::keys).map(String::as_str);
            let keys = named.filter(|it| self.possible(at, &["properties", it])).collect();
            fit = fit.closed(keys);
        }
        let needs = keywords.get("required").and_then(Value::as_array).into_iter().flatten();
        let lacking = needs.filter_map(Value::as_str).any(|it| !self.possible(at, &["properties", it]));
        if lacking { fit.without(OBJECT) } else { fit }
    }

    fn array(&self, at: usize, keywords: &'s Map<String, Value>, mut fit: Fit<'s>) -> Fit<'s> {
        let (first, rest) = match keywords.get("items") {
            Some(Value::Array(_)) => ("items", "additionalItems"),
            _ => ("prefixItems", "items"),
        };
        let firsts = self.branches(at, first).unwrap_or_default();
        let stop = firsts.iter().position(|it| self.below.get(*it) == Some(&false));
        let end = match stop {
            Some(stop) => stop as f64,
            None if !self.possible(at, &[rest]) => firsts.len() as f64,
            None => f64::INFINITY,
        };
        fit = fit.elements(0.0, end);
        if self.child(at, &["contains"]).is_some() {
            let least = keywords.get("minContains").and_then(Value::as_f64).unwrap_or(1.0);
            let most = keywords.get("maxContains").and_then(Value::as_f64).unwrap_or(f64::INFINITY);
            fit = fit.elements(least, f64::INFINITY);
            if 0.0 < least && (!self.possible(at, &["contains"]) || most < least) {
                fit = fit.without(ARRAY);
            }
        }
        fit
    }

    fn problems(&self, order: &[usize]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for at in order {
            if let (Some(node), Some(keywords)) = (self.graph.nodes.get(*at), self.keywords(*at)) {
                let before = problems.len();
                self.own(*at, &node.pointer, keywords, &mut problems);
                if problems.len() == before {
                    problems.extend(self.whole(*at, &node.pointer, keywords));
                }
            }
        }
        let root = self.here.first();
        if problems.is_empty() && root.is_some_and(Fit::is_empty) {
            problems.push(Problem::new(
                String::new(),
                "no data fits: it would have to hold itself without end".to_owned(),
                "take what leads back out of `required`, or give it another way to end",
            ));
        } else if problems.is_empty() && root.is_some_and(|it| it.kinds & OBJECT == 0) {
            problems.push(Problem::new(
                String::new(),
                "no data fits: data is an object, and the schema allows none".to_owned(),
                "write `\"type\": \"object\"`, and what is in it under `properties`",
            ));
        }
        problems
    }

    /// What keywords that stand side by side exclude.
    fn own(&self, at: usize, pointer: &str, keywords: &Map<String, Value>, problems: &mut Vec<Problem>) {
        for (low, high, what) in BOUNDS {
            let number = |key: &str| keywords.get(key).and_then(Value::as_f64);
            let (Some(least), Some(most)) = (number(low), number(high)) else { continue };
            let open = low.starts_with("exclusive") || high.starts_with("exclusive");
            let flag = |key: &str| keywords.get(key) == Some(&Value::Bool(true));
            let open = open || (*low == "minimum" && (flag("exclusiveMinimum") || flag("exclusiveMaximum")));
            if most < least || (open && most == least) {
                let what = format!("`{low}` {least} and `{high}` {most} leave no {what}");
                problems.push(Problem::new(
                    pointer_step(pointer, low),
                    what,
                    "exchange them, or take one out",
                ));
            }
        }
        let needs = keywords.get("required").and_then(Value::as_array).into_iter().flatten();
        for need in needs.filter_map(Value::as_str) {
            let named = self.child(at, &["properties", need]);
            let forbidden = named.map_or_else(
                || {
                    keywords.get("additionalProperties").is_some_and(is_nothing)
                        && !keywords.contains_key("patternProperties")
                },
                |it| self.values.get(it).is_some_and(|it| is_nothing(it)),
            );
            if forbidden {
                problems.push(Problem::new(
                    pointer_step(pointer, "required"),
                    format!("`required` asks for `{need}`, which is not allowed"),
                    "name it in `properties`, or take it out of `required`",
                ));
            }
        }
        let branches = keywords.get("oneOf").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, branch) in branches.iter().enumerate() {
            if let Some(first) = branches.iter().take(index).position(|it| it == branch) {
                problems.push(Problem::new(
                    pointer_step(&pointer_step(pointer, "oneOf"), &index.to_string()),
                    format!(
                        "branch {} of `oneOf` equals branch {}: what fits one fits both",
                        index + 1,
                        first + 1
                    ),
                    "take one out, or write `anyOf`",
                ));
            }
        }
    }

    /// Whether nothing fits, though something fits each of its parts.
    fn whole(&self, at: usize, pointer: &str, keywords: &Map<String, Value>) -> Option<Problem> {
        let fit = self.here.get(at).filter(|it| it.is_empty())?;
        let (node, value) = (self.graph.nodes.get(at)?, self.values.get(at)?);
        let empty = |it: &usize| self.here.get(*it).is_some_and(Fit::is_empty);
        // What its parts are told for explains it; and what lies deeper stands below a key that is asked for.
        let told =
            node.same.iter().any(|it| empty(it) && self.values.get(*it).is_some_and(|it| !is_nothing(it)));
        let needs = keywords.get("required").and_then(Value::as_array).into_iter().flatten();
        let deeper = needs.filter_map(Value::as_str).any(|it| !self.possible(at, &["properties", it]));
        if told || deeper || is_nothing(value) {
            return None;
        }
        let values = ["const", "enum"].into_iter().find(|it| keywords.contains_key(*it));
        Some(match (fit.missing(), values) {
            (Some(key), _) => Problem::new(
                pointer.to_owned(),
                format!("no object fits: one part asks for `{key}`, another does not allow it"),
                "name the key in `properties` beside each `\"additionalProperties\": false`",
            ),
            (None, Some(keyword)) => Problem::new(
                pointer_step(pointer, keyword),
                format!("no value of `{keyword}` fits what stands beside it"),
                "compare it with `type` and the bounds",
            ),
            (None, None) => Problem::new(
                pointer.to_owned(),
                "no value fits: the parts of this schema exclude each other".to_owned(),
                "compare `type` and the bounds here with those of `$ref`, `allOf`, `anyOf` and `oneOf`",
            ),
        })
    }
}

/// A schema that everything fits.
fn is_anything(schema: &Value) -> bool {
    schema == &Value::Bool(true) || schema.as_object().is_some_and(Map::is_empty)
}

/// A schema that is written to forbid.
fn is_nothing(schema: &Value) -> bool {
    let not = schema.as_object().filter(|it| it.len() == 1).and_then(|it| it.get("not"));
    schema == &Value::Bool(false) || not.is_some_and(is_anything)
}

#[cfg(test)]
mod tests;
