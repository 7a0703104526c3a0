//! What the library lets pass: unknown keywords, references out of the file or without an end,
//! schemas that look at one value too often, and schemas that nothing fits.

mod bounds;
mod fit;
mod price;
mod satisfy;

use std::collections::HashMap;

use jsonschema::Draft;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::keywords::{self, Shape};
use crate::{
    domain::{
        data::pointer_step,
        limits::{SCHEMA_COST_MAX, SCHEMA_WAY_MAX},
    },
    policy::{fault::meant, written::listed},
};

/// Something wrong at a place of a schema.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) pointer: String,
    pub(super) what: String,
    pub(super) help: Option<String>,
}

impl Problem {
    /// A problem with a cure.
    #[cfg_attr(test, track_caller)]
    fn new(pointer: String, what: String, help: &str) -> Self {
        #[cfg(test)]
        crate::policy::fault::sites::hit(&what);
        Self { pointer, what, help: Some(help.to_owned()) }
    }
}

/// The draft that `$schema` names; 2020-12 when it does not stand.
pub(super) fn draft(schema: &Value) -> Result<Draft, Vec<Problem>> {
    let Some(named) = schema.get("$schema") else { return Ok(Draft::Draft202012) };
    match named.as_str().unwrap_or_default().trim_end_matches('#') {
        "http://json-schema.org/draft-04/schema" => Ok(Draft::Draft4),
        "http://json-schema.org/draft-06/schema" => Ok(Draft::Draft6),
        "http://json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        "https://json-schema.org/draft/2019-09/schema" => Ok(Draft::Draft201909),
        "https://json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        _ => Err(vec![Problem {
            pointer: "/$schema".to_owned(),
            what: format!("`$schema` cannot be {named}"),
            help: Some(
                "write \"https://json-schema.org/draft/2020-12/schema\", or a draft from 4 on".to_owned(),
            ),
        }]),
    }
}

pub use self::price::Price;

/// Checks a schema; gives the most often that it can look at one value, and the price of a check.
pub(super) fn lint(schema: &Value, draft: Draft) -> Result<(u64, Price), Vec<Problem>> {
    let mut graph = Graph::new(draft);
    graph.walk(schema, String::new());
    graph.resolve();
    if graph.problems.is_empty() {
        let order = graph.order();
        if let Some(order) = order {
            let (cost, way) = (graph.cost(&order), graph.way(&order));
            if cost <= SCHEMA_COST_MAX && way <= SCHEMA_WAY_MAX {
                graph.problems = satisfy::impossible(schema, &graph, &order);
                return if graph.problems.is_empty() {
                    Ok((cost, graph.price(&order)))
                } else {
                    Err(graph.problems)
                };
            }
            let (what, help) = if SCHEMA_COST_MAX < cost {
                (
                    format!("the schema can look at one value {cost} times, {SCHEMA_COST_MAX} are allowed"),
                    "use fewer alternatives, or fewer references that multiply each other",
                )
            } else {
                (
                    format!(
                        "the schema can lead through {way} schemas at once, {SCHEMA_WAY_MAX} are allowed"
                    ),
                    "use fewer references between a schema and itself",
                )
            };
            graph.problem(String::new(), what, Some(help.to_owned()));
        }
    }
    Err(graph.problems)
}

/// One schema, with the schemas that apply because of it.
#[derive(Default)]
struct Node {
    pointer: String,
    reference: Option<String>,
    /// The schema that it refers to.
    target: Option<usize>,
    same: Vec<usize>,
    properties: Vec<usize>,
    additional: Vec<usize>,
    patterns: Vec<usize>,
    entries: Vec<usize>,
    first_elements: Vec<usize>,
    /// `unevaluated…` runs what stands beside it a second time.
    twice: bool,
    /// What its own keywords cost at one value.
    own: Price,
}

struct Graph {
    draft: Draft,
    nodes: Vec<Node>,
    by_pointer: HashMap<String, usize>,
    anchors: HashMap<String, usize>,
    problems: Vec<Problem>,
}

impl Graph {
    fn new(draft: Draft) -> Self {
        let (by_pointer, anchors) = (HashMap::new(), HashMap::new());
        Self { draft, nodes: Vec::new(), by_pointer, anchors, problems: Vec::new() }
    }

    #[cfg_attr(test, track_caller)]
    fn problem(&mut self, pointer: String, what: impl Into<String>, help: Option<String>) {
        let what = what.into();
        #[cfg(test)]
        crate::policy::fault::sites::hit(&what);
        self.problems.push(Problem { pointer, what, help });
    }

    /// Adds a schema and all below it; the depth was bounded when the file was parsed.
    fn walk(&mut self, schema: &Value, pointer: String) -> usize {
        let this = self.nodes.len();
        self.nodes.push(Node { pointer: pointer.clone(), ..Node::default() });
        self.by_pointer.insert(pointer.clone(), this);
        let Value::Object(object) = schema else { return this };
        let mut node = Node { pointer: pointer.clone(), own: price::own(object), ..Node::default() };
        for (keyword, value) in object {
            let place = pointer_step(&pointer, keyword);
            let Some(shape) = keywords::shape(self.draft, keyword) else {
                self.unknown(keyword, place);
                continue;
            };
            self.special(object, keyword, value, &place, this);
            if shape == Shape::Reference {
                node.reference = value.as_str().map(str::to_owned);
                continue;
            }
            node.twice |= keyword.starts_with("unevaluated");
            let found = self.below(shape, value, &place);
            match shape {
                Shape::Same | Shape::SameEach | Shape::SameNamed => node.same.extend(found),
                Shape::Properties => node.properties.extend(found),
                Shape::Patterns => node.patterns.extend(found),
                Shape::Additional => node.additional.extend(found),
                Shape::Elements if value.is_array() => node.first_elements.extend(found),
                Shape::FirstElements => node.first_elements.extend(found),
                Shape::Entries | Shape::Elements => node.entries.extend(found),
                Shape::Plain | Shape::Definitions | Shape::Reference => (),
            }
        }
        if let Some(slot) = self.nodes.get_mut(this) {
            *slot = node;
        }
        this
    }

    fn below(&mut self, shape: Shape, value: &Value, place: &str) -> Vec<usize> {
        match (shape, value) {
            (Shape::Plain | Shape::Reference, _) => Vec::new(),
            (Shape::SameEach | Shape::FirstElements | Shape::Elements, Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(at, it)| self.walk(it, pointer_step(place, &at.to_string())))
                .collect(),
            (
                Shape::SameNamed | Shape::Properties | Shape::Patterns | Shape::Definitions,
                Value::Object(named),
            ) => {
                let schemas = named.iter().filter(|it| !it.1.is_array());
                let schemas: Vec<_> = schemas.map(|(key, it)| (pointer_step(place, key), it)).collect();
                schemas.into_iter().map(|(place, it)| self.walk(it, place)).collect()
            }
            (Shape::Same | Shape::Additional | Shape::Entries | Shape::Elements, _) => {
                vec![self.walk(value, place.to_owned())]
            }
            // Not what the keyword wants: the meta-schema will say so.
            _ => Vec::new(),
        }
    }

    fn unknown(&mut self, keyword: &str, place: String) {
        if keyword.starts_with("x-") {
            return;
        }
        let draft = keywords::name(self.draft);
        if matches!(
            keyword,
            "$dynamicRef" | "$dynamicAnchor" | "$recursiveRef" | "$recursiveAnchor" | "$vocabulary"
        ) {
            self.problem(
                place,
                format!("`{keyword}` is not supported"),
                Some("use `$ref` and `$defs`".to_owned()),
            );
        } else if keywords::of_another_draft(keyword) {
            let help = "name the draft that was meant in `$schema`, or use this draft's keyword";
            self.problem(place, format!("`{keyword}` has no effect in {draft}"), Some(help.to_owned()));
        } else {
            let help = meant(keyword, keywords::all(self.draft)).map_or_else(
                || "a keyword of your own begins with `x-`".to_owned(),
                |it| format!("did you mean `{it}`?"),
            );
            self.problem(place, format!("unknown keyword `{keyword}` in {draft}"), Some(help));
        }
    }

    /// Keywords with rules of their own.
    fn special(
        &mut self,
        object: &Map<String, Value>,
        keyword: &str,
        value: &Value,
        place: &str,
        this: usize,
    ) {
        let text = value.as_str().unwrap_or_default();
        match keyword {
            "$id" | "id" | "$schema" if this != 0 => {
                self.problem(place.to_owned(), format!("`{keyword}` may stand at the top only"), None);
            }
            "type" => self.types(value, place),
            "$anchor" => {
                self.anchors.insert(text.to_owned(), this);
            }
            "format" if text == "regex" => {
                let help = "a client could send one that is dear to compile";
                self.problem(place.to_owned(), "the format `regex` is not supported", Some(help.to_owned()));
            }
            "format" if value.is_string() && !jsonschema::options().is_known_format(self.draft, text) => {
                self.problem(
                    place.to_owned(),
                    format!("unknown format `{text}`"),
                    Some("use `pattern`".to_owned()),
                );
            }
            "$ref" if keywords::ignores_siblings(self.draft) => {
                let ignored = object.keys().find(|it| {
                    *it != "$ref"
                        && !it.starts_with("x-")
                        && !keywords::BESIDE_REFERENCE.contains(&it.as_str())
                });
                if let Some(ignored) = ignored {
                    let what =
                        format!("`{ignored}` beside `$ref` has no effect in {}", keywords::name(self.draft));
                    self.problem(place.to_owned(), what, Some("put both into `allOf`".to_owned()));
                }
            }
            _ => (),
        }
    }

    /// The names of types: the library would say that they are none, and not which there are.
    fn types(&mut self, value: &Value, place: &str) {
        let several = value.as_array().map(Vec::as_slice).unwrap_or(std::slice::from_ref(value));
        for (at, name) in several.iter().enumerate() {
            let Some(name) = name.as_str().filter(|it| !keywords::TYPES.contains(it)) else { continue };
            let place =
                if value.is_array() { pointer_step(place, &at.to_string()) } else { place.to_owned() };
            let help = match keywords::type_meant(name) {
                Some(it) => format!("did you mean `{it}`?"),
                None => format!("the types are {}", listed(&keywords::TYPES)),
            };
            self.problem(place, format!("`{name}` is no type of JSON Schema"), Some(help));
        }
    }

    fn resolve(&mut self) {
        for at in 0..self.nodes.len() {
            let Some((pointer, text)) =
                self.nodes.get(at).and_then(|it| Some((it.pointer.clone(), it.reference.clone()?)))
            else {
                continue;
            };
            let place = pointer_step(&pointer, "$ref");
            let Some(fragment) = text.strip_prefix('#') else {
                let help = "copy it into `$defs` and write `#/$defs/…`";
                self.problem(place, format!("`$ref` leads out of the file: `{text}`"), Some(help.to_owned()));
                continue;
            };
            let fragment = percent_decode_str(fragment).decode_utf8_lossy();
            let named = if fragment.is_empty() || fragment.starts_with('/') {
                &self.by_pointer
            } else {
                &self.anchors
            };
            match named.get(&*fragment).copied() {
                Some(target) => {
                    if let Some(node) = self.nodes.get_mut(at) {
                        node.target = Some(target);
                        node.same.push(target);
                    }
                }
                None => self.problem(place, format!("`$ref` names no schema of this file: `{text}`"), None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cost(schema: &Value) -> Result<u64, String> {
        lint(schema, Draft::Draft202012).map(|it| it.0).map_err(|it| it[0].what.clone())
    }

    #[test]
    fn cost_counts_looks_at_one_value() {
        assert_eq!(cost(&json!({})), Ok(1));
        assert_eq!(cost(&json!({"properties": {"a": {}, "b": {"allOf": [{}, {}]}}})), Ok(3));
        assert_eq!(cost(&json!({"properties": {"a": {"$ref": "#"}}})), Ok(2));
    }

    #[test]
    fn references_that_double_are_refused() {
        let mut defs = serde_json::Map::new();
        for at in 0..20 {
            let next = json!({"$ref": format!("#/$defs/d{}", at + 1)});
            defs.insert(format!("d{at}"), json!({"allOf": [next, next]}));
        }
        defs.insert("d20".into(), json!({}));
        let flat = json!({"$defs": defs, "$ref": "#/$defs/d0"});
        assert!(cost(&flat).is_err_and(|it| it.contains("the schema can look at one value")));
        // Doubling level by level: the values are few, the paths to them are not.
        let again = json!({"properties": {"x": {"$ref": "#"}}});
        let deep = json!({"allOf": [again, again]});
        assert!(cost(&deep).is_err_and(|it| it.contains("the schema can look at one value")));
    }

    #[test]
    fn circles_are_found() {
        for schema in [json!({"$ref": "#"}), json!({"$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}})] {
            assert_eq!(cost(&schema), Err("the schema refers to itself without end".into()));
        }
    }
}
