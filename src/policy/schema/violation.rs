//! What data breaks, as its sender is told: the place and the keyword, never the value. Of branches that all do not fit,
//! the closest is told.

use jsonschema::{ValidationError, error::ValidationErrorKind};

use crate::domain::{
    detail::Violation,
    limits::{VIOLATION_BYTES_MAX, VIOLATIONS_MAX},
};

/// What one error of the library says: one violation, or those of the closest branch.
pub(super) fn violations(error: &ValidationError<'_>) -> Vec<Violation> {
    let context = match error.kind() {
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => context,
        _ => return vec![violation(error)],
    };
    let base = depth(error);
    // How often each branch says that this is another kind of data, and how much it says in all.
    let others = |branch: &[ValidationError<'_>]| branch.iter().filter(|it| is_other_kind(it, base)).count();
    let fewest = context.iter().map(|it| others(it)).min().unwrap_or(0);
    let near: Vec<_> = context.iter().enumerate().filter(|it| others(it.1) == fewest).collect();
    let least = near.iter().map(|it| it.1.len()).min().unwrap_or(0);
    let mut closest = match (fewest, near.as_slice()) {
        (_, [one]) => vec![*one],
        (0, several) => several.iter().filter(|it| it.1.len() == least).copied().collect(),
        _ => Vec::new(),
    };
    let keyword = error.kind().keyword();
    if let (Some((at, branch)), true) = (closest.pop(), closest.is_empty()) {
        let of = format!(" (branch {} of `{keyword}`, the closest)", at + 1);
        let inner = branch.iter().flat_map(violations).take(VIOLATIONS_MAX);
        return inner.map(|it| Violation { message: bounded(&(it.message + &of)), ..it }).collect();
    }
    // No branch is closer than others: at least the place may be one at which all tell themselves apart.
    let mut places = near.iter().flat_map(|it| it.1.iter().filter(|it| is_other_kind(it, base)));
    let place = places.next().map(|it| it.instance_path().as_str());
    let place = place.filter(|it| places.all(|other| other.instance_path().as_str() == *it));
    let pointer = place.unwrap_or(error.instance_path().as_str());
    let message = format!("fits none of the {} branches of `{keyword}`", context.len());
    vec![Violation { pointer: bounded(pointer), keyword: keyword.to_owned(), message }]
}

/// Whether the branch is about other data: the type, or a constant at the top or one level below it, by which branches
/// tell themselves apart.
fn is_other_kind(error: &ValidationError<'_>, base: usize) -> bool {
    let tells = matches!(
        error.kind(),
        ValidationErrorKind::Type { .. }
            | ValidationErrorKind::Constant { .. }
            | ValidationErrorKind::Enum { .. }
            | ValidationErrorKind::FalseSchema
    );
    tells && depth(error) <= base + 1
}

fn depth(error: &ValidationError<'_>) -> usize {
    error.instance_path().as_str().matches('/').count()
}

fn violation(error: &ValidationError<'_>) -> Violation {
    let message = match error.kind() {
        // The masked text of this one would hold the key.
        ValidationErrorKind::PropertyNames { .. } => "a key is not allowed here".to_owned(),
        _ => error.masked().to_string(),
    };
    Violation {
        pointer: bounded(error.instance_path().as_str()),
        keyword: bounded(error.kind().keyword()),
        message: bounded(&message),
    }
}

/// The text, or as much of it as [`VIOLATION_BYTES_MAX`] holds and `…`.
pub(super) fn bounded(text: &str) -> String {
    if text.len() <= VIOLATION_BYTES_MAX {
        return text.to_owned();
    }
    let room = VIOLATION_BYTES_MAX.saturating_sub('…'.len_utf8());
    let mut out: String =
        text.char_indices().take_while(|(at, it)| at + it.len_utf8() <= room).map(|it| it.1).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// `pointer keyword message` of each violation.
    fn told(schema: &Value, data: &Value) -> Vec<String> {
        let validator = jsonschema::validator_for(schema).expect("a schema");
        let errors = validator.iter_errors(data).flat_map(|it| violations(&it));
        errors.map(|it| format!("{} {} {}", it.pointer, it.keyword, it.message)).collect()
    }

    /// Moves of two kinds, told apart by `kind`.
    fn moves(keyword: &str) -> Value {
        json!({"properties": {"move": {keyword: [
            {"properties": {"kind": {"const": "go"}, "x": {"type": "integer", "maximum": 9}}, "required": ["kind", "x"]},
            {"properties": {"kind": {"const": "say"}, "text": {"maxLength": 3}}, "required": ["kind", "text"]},
        ]}}})
    }

    #[test]
    fn the_branch_of_the_same_kind_is_told() {
        for keyword in ["oneOf", "anyOf"] {
            let of = |branch: u8| format!("(branch {branch} of `{keyword}`, the closest)");
            let go = told(&moves(keyword), &json!({"move": {"kind": "go", "x": 77}}));
            assert_eq!(go, [format!("/move/x maximum value is greater than the maximum of 9 {}", of(1))]);
            // The wrong kind, though it has less to say against it.
            let bare = told(&moves(keyword), &json!({"move": {"kind": "say", "x": 3}}));
            assert_eq!(bare, [format!("/move required \"text\" is a required property {}", of(2))]);
            let long = told(&moves(keyword), &json!({"move": {"kind": "say", "text": "secret"}}));
            assert!(long.len() == 1 && long[0].starts_with("/move/text maxLength "), "{long:?}");
            assert!(!long[0].contains("secret"), "{long:?}");
        }
    }

    #[test]
    fn a_kind_that_no_branch_knows_is_told_at_its_place() {
        let none = told(&moves("oneOf"), &json!({"move": {"kind": "fly"}}));
        assert_eq!(none, ["/move/kind oneOf fits none of the 2 branches of `oneOf`"]);
    }

    #[test]
    fn without_a_kind_the_branch_with_least_to_say_is_told() {
        let shapes = json!({"oneOf": [
            {"required": ["radius"]},
            {"required": ["width", "height", "depth"]},
        ]});
        let one = told(&shapes, &json!({}));
        assert_eq!(one, [" required \"radius\" is a required property (branch 1 of `oneOf`, the closest)"]);
        let equal = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
        assert_eq!(told(&equal, &json!({})), [" oneOf fits none of the 2 branches of `oneOf`"]);
    }

    #[test]
    fn more_than_one_branch_is_no_question_of_closeness() {
        let both = json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
        let told = told(&both, &json!({"a": 1, "b": 1}));
        assert!(told.len() == 1 && told[0].starts_with(" oneOf "), "{told:?}");
    }

    #[test]
    fn branches_in_branches_are_told_from_the_inside() {
        let inner = json!({"oneOf": [{"properties": {"n": {"const": 1}, "x": {"maximum": 3}}}, {"properties": {"n": {"const": 2}}}]});
        let outer = json!({"oneOf": [{"type": "string"}, inner]});
        let deep = told(&outer, &json!({"n": 1, "x": 5}));
        assert!(deep.len() == 1 && deep[0].starts_with("/x maximum "), "{deep:?}");
        assert!(
            deep[0].ends_with("(branch 1 of `oneOf`, the closest) (branch 2 of `oneOf`, the closest)"),
            "{deep:?}"
        );
    }
}
