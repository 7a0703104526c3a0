//! JSON Schema as policies use it: compiled at load, hardened, and silent about the client's values.
//!
//! Offline, formats on, linear regular expressions of bounded size, no reference out of the file,
//! no unknown keyword, and a static bound on how often one value can be looked at.

mod keywords;
mod lint;
mod violation;

use std::{fmt, ops::Range, sync::Arc};

use jsonschema::{PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

use crate::{
    domain::{
        data::{BadData, Input},
        limits::{
            DATA_DEPTH_MAX, DATA_NODES_MAX, PATTERN_BYTES_MAX, PATTERN_CACHE_BYTES_MAX,
            SCHEMA_PATTERNS_BYTES_MAX, VIOLATION_LOOKS_MAX, VIOLATIONS_MAX,
        },
    },
    policy::{fault::Faults, locate},
};

/// A compiled schema; clones share it.
#[derive(Clone)]
pub struct Schema {
    file: Arc<str>,
    document: Arc<Value>,
    validator: Arc<Validator>,
    cost: u64,
    price: Price,
}

use lint::Price;

pub use crate::domain::detail::Violation;
use violation::{bounded, violations};

impl Schema {
    /// Compiles the text of one file.
    pub(super) fn compile(file: &str, text: &str, faults: &mut Faults<'_>) -> Option<Self> {
        let input = match Input::parse(text) {
            Ok(input) => input,
            Err(bad) => {
                note_bad_json(&bad, text, faults);
                return None;
            }
        };
        let draft = lint::draft(input.value());
        let lint = draft.and_then(|it| lint::lint(input.value(), it).map(|cost| (it, cost)));
        let (draft, (cost, price)) = match lint {
            Ok(it) => it,
            Err(problems) => {
                for problem in problems {
                    let at = locate::offset(text, &problem.pointer);
                    faults.note(&(at..at), problem.what, problem.help);
                }
                return None;
            }
        };
        let patterns = patterns(input.value());
        let each = (SCHEMA_PATTERNS_BYTES_MAX / patterns.max(1)).min(PATTERN_BYTES_MAX);
        let built = jsonschema::options()
            .with_draft(draft)
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_pattern_options(
                PatternOptions::regex().size_limit(each).dfa_size_limit(PATTERN_CACHE_BYTES_MAX),
            )
            .build(input.value());
        match built {
            Ok(validator) => {
                let (document, validator) = (Arc::new(input.value().clone()), Arc::new(validator));
                Some(Self { file: file.into(), document, validator, cost, price })
            }
            Err(error) => {
                let size = match each < PATTERN_BYTES_MAX {
                    true => {
                        format!("of the {patterns} patterns each may have {each} bytes when it is compiled")
                    }
                    false => "its compiled size is bounded".to_owned(),
                };
                note_build_error(&error, &size, text, faults);
                None
            }
        }
    }

    /// The name of its file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Nanoseconds of a check of so many values and bytes, at the most.
    pub(super) fn check_ns(&self, values: u64, bytes: u64) -> u64 {
        let Price { fixed_ns, value_ns, byte_ns } = self.price;
        let values = values.saturating_mul(value_ns);
        fixed_ns.saturating_add(values).saturating_add(bytes.saturating_mul(byte_ns))
    }

    /// What the file holds.
    pub(super) fn document(&self) -> &Value {
        &self.document
    }

    /// Checks one value.
    ///
    /// # Errors
    /// At least one violation, at most [`VIOLATIONS_MAX`].
    pub fn check(&self, value: &Value) -> Result<(), Vec<Violation>> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        // Collecting builds every error before it yields one; large data under a dear schema gets the first only.
        let looks = self.cost.saturating_mul(nodes(value));
        let mut violations: Vec<Violation> = if looks <= VIOLATION_LOOKS_MAX {
            self.validator.iter_errors(value).take(VIOLATIONS_MAX).flat_map(|it| violations(&it)).collect()
        } else {
            self.validator.validate(value).err().iter().flat_map(violations).collect()
        };
        violations.truncate(VIOLATIONS_MAX);
        if violations.is_empty() {
            violations.push(Violation {
                pointer: String::new(),
                keyword: "schema".to_owned(),
                message: "the data does not fit the schema".to_owned(),
            });
        }
        Err(violations)
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Schema({})", self.file)
    }
}

fn nodes(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(nodes).sum::<u64>(),
        Value::Object(entries) => 1 + entries.values().map(nodes).sum::<u64>(),
        _ => 1,
    }
}

/// How many regular expressions stand in a schema, at the most.
fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Array(items) => items.iter().map(patterns).sum(),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("pattern", Value::String(_)) => 1,
                ("patternProperties", Value::Object(inner)) => inner.len() + patterns(value),
                _ => patterns(value),
            })
            .sum(),
        _ => 0,
    }
}

fn note_bad_json(bad: &BadData, text: &str, faults: &mut Faults<'_>) {
    let at = |pointer: &str| -> Range<usize> {
        let offset = locate::offset(text, pointer);
        offset..offset
    };
    match bad {
        BadData::NotJson if text.starts_with('\u{feff}') => {
            let help = "save it as UTF-8 without the mark";
            faults.add_with_help(&(0..0), "not JSON: the file begins with a byte order mark", help);
        }
        BadData::NotJson => {
            let error = serde_json::from_str::<Value>(text).err();
            let offset = error.as_ref().map_or(0, |it| locate::line_offset(text, it.line(), it.column()));
            let what = error.map_or_else(String::new, |it| {
                // The place stands below the message already.
                let text = it.to_string();
                text.split_once(" at line ").map_or(text.clone(), |it| it.0.to_owned())
            });
            faults.add(&(offset..offset), format!("not JSON: {what}"));
        }
        BadData::Null | BadData::NotAnObject => faults.add_with_help(
            &(0..0),
            "a schema file must hold a JSON object",
            "write `{}` to accept every object",
        ),
        BadData::TooDeep { .. } => {
            faults.add(&(0..0), format!("the schema is nested deeper than {DATA_DEPTH_MAX} levels"));
        }
        BadData::TooManyNodes => {
            faults.add(&(0..0), format!("the schema has more than {DATA_NODES_MAX} values"));
        }
        BadData::DoubledKey { pointer } => {
            let key = pointer.rsplit('/').next().unwrap_or_default();
            let second = locate::doubled(text, pointer);
            let what = format!("the key `{key}` stands twice in one object");
            faults.add_with_help(
                &(second..second),
                what,
                "take out one of the two: only the last would count",
            );
        }
        BadData::ForbiddenKey { pointer } => {
            faults.add_with_help(&at(pointer), "the key `__proto__` is not allowed", "choose another key");
        }
    }
}

fn note_build_error(error: &ValidationError<'_>, size: &str, text: &str, faults: &mut Faults<'_>) {
    let offset = locate::offset(text, error.instance_path().as_str());
    let in_pattern = matches!(error.kind(), ValidationErrorKind::Format { format } if format == "regex")
        || error.instance_path().as_str().ends_with("/pattern");
    if in_pattern {
        faults.add_with_help(
            &(offset..offset),
            "the regular expression cannot be compiled",
            format!("look-around and back-references are not known, and {size}"),
        );
    } else {
        faults.add(&(offset..offset), format!("not a valid schema: {}", bounded(&error.to_string())));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::limits::VIOLATION_BYTES_MAX;

    fn schema(value: &Value) -> Schema {
        let text = value.to_string();
        let mut faults = Faults::new("x.json", &text);
        let schema = Schema::compile("x.json", &text, &mut faults);
        assert_eq!(faults.into_list(), []);
        schema.expect("compiled")
    }

    #[test]
    fn violations_name_the_place_and_never_the_value() {
        let schema = schema(&json!({
            "type": "object",
            "properties": {"x": {"maximum": 9}, "e": {"format": "email"}, "p": {"pattern": "^a+$"}},
            "required": ["x"],
            "additionalProperties": false,
        }));
        assert_eq!(schema.check(&json!({"x": 3})), Ok(()));
        let violations = schema.check(&json!({"x": 77, "e": "secret", "p": "secret"})).expect_err("three");
        let told: Vec<_> = violations.iter().map(|it| format!("{} {}", it.pointer, it.keyword)).collect();
        assert_eq!(told, ["/x maximum", "/e format", "/p pattern"]);
        assert!(violations.iter().all(|it| !it.message.contains("secret") && !it.message.contains("77")));
        assert_eq!(schema.check(&json!({})).expect_err("one")[0].keyword, "required");
    }

    #[test]
    fn violations_are_bounded_in_number_and_size() {
        let wide =
            schema(&json!({"additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 2}}));
        let data: serde_json::Map<_, _> = (0..50).map(|it| (format!("key{it}"), json!(it))).collect();
        assert_eq!(wide.check(&Value::Object(data)).expect_err("many").len(), VIOLATIONS_MAX);
        let long = wide.check(&json!({ ("k".repeat(9_000)): 1 })).expect_err("two");
        assert!(long.iter().all(|it| it.pointer.len() <= VIOLATION_BYTES_MAX));
        assert!(long.iter().all(|it| !it.message.contains("kkk")), "{long:?}");
        let dear =
            schema(&json!({"properties": {"a": {"items": {"allOf": vec![json!({"type": "string"}); 100]}}}}));
        assert_eq!(dear.check(&json!({"a": vec![1; 1_000]})).expect_err("first").len(), 1);
    }

    #[test]
    fn drafts_from_4_on_are_understood() {
        for draft in [
            "http://json-schema.org/draft-04/schema#",
            "http://json-schema.org/draft-07/schema#",
            "https://json-schema.org/draft/2019-09/schema",
            "https://json-schema.org/draft/2020-12/schema",
        ] {
            let schema = schema(&json!({
                "$schema": draft,
                "definitions": {"n": {"type": "integer"}},
                "properties": {"a": {"$ref": "#/definitions/n"}},
            }));
            assert!(schema.check(&json!({"a": 1})).is_ok() && schema.check(&json!({"a": "1"})).is_err());
        }
    }

    #[test]
    fn the_longest_way_fits_a_small_stack() {
        let links = crate::domain::limits::SCHEMA_WAY_MAX / (DATA_DEPTH_MAX as u64 + 1) - 3;
        let mut defs: serde_json::Map<_, _> = (0..links)
            .map(|it| (format!("d{it}"), json!({"$ref": format!("#/$defs/d{}", it + 1)})))
            .collect();
        defs.insert(format!("d{links}"), json!({"type": "object", "properties": {"a": {"$ref": "#"}}}));
        let schema = schema(&json!({"$defs": defs, "$ref": "#/$defs/d0"}));
        let data = (1..DATA_DEPTH_MAX).fold(json!(1), |it, _| json!({ "a": it }));
        let run = move || schema.check(&data).map_err(|it| it.len());
        let small = std::thread::Builder::new().stack_size(1024 * 1024).spawn(run).expect("a thread");
        assert_eq!(small.join().expect("it ends"), Err(1));
    }
}
