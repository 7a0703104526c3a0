//! What went wrong at an evaluation, in words that hold no value of anybody.

use std::{collections::BTreeSet, sync::Arc};

use cel::ExecutionError;

use crate::policy::expression::{EvalFault, bind::Binder};

/// The fault that an error of the crate means; `words` are the fields that the expression itself names, and it is
/// `straight` if it has neither comprehensions nor computed indices.
pub(super) fn of(
    error: &ExecutionError,
    binder: &Binder<'_>,
    words: &BTreeSet<Arc<str>>,
    straight: bool,
) -> EvalFault {
    let (place, message) = match error {
        ExecutionError::UndeclaredReference(name) => {
            if let Some(fault) = binder.fault(name) {
                return fault;
            }
            ("", "a name is not known here".to_owned())
        }
        // A key may be a client's; a field that the expression itself names is not.
        ExecutionError::NoSuchKey(name) => match words.get(name.as_str()) {
            Some(word) => (&**word, "is missing".to_owned()),
            None => ("", "a key is missing".to_owned()),
        },
        ExecutionError::IndexOutOfBounds(_) => ("", "a list has no item of that number".to_owned()),
        ExecutionError::DivisionByZero(_) => ("", "division by zero".to_owned()),
        ExecutionError::RemainderByZero(_) => ("", "remainder of a division by zero".to_owned()),
        ExecutionError::Overflow(operator, ..) => ("", format!("`{}` overflows", sign(operator))),
        ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
            let types = [left.type_of().to_string(), right.type_of().to_string()];
            return unfit(operator, &types, binder, straight);
        }
        ExecutionError::NoSuchOverload(overload) => {
            return unfit(overload.function(), overload.argument_types(), binder, straight);
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            let types = [left.type_of().to_string(), right.type_of().to_string()];
            return unfit("<", &types, binder, straight);
        }
        ExecutionError::UnexpectedType { got, want } => {
            let message = format!("{} is not {}", sort(got), sort(want));
            return EvalFault { place: culprit(std::slice::from_ref(got), binder, straight), message };
        }
        ExecutionError::UnsupportedKeyType(_) => ("", "a key is not a string".to_owned()),
        ExecutionError::FunctionError { function, .. } => {
            ("", format!("`{}` cannot take this value", sign(function)))
        }
        ExecutionError::DuplicateKey(_) => ("", "a key stands twice in one object".to_owned()),
        _ => ("", "the expression cannot be evaluated with these values".to_owned()),
    };
    EvalFault { place: place.to_owned(), message }
}

fn unfit(operator: &str, types: &[String], binder: &Binder<'_>, straight: bool) -> EvalFault {
    let place = culprit(types, binder, straight);
    let sorts: Vec<&str> = types.iter().map(|it| sort(it)).collect();
    let message = match (operator, sorts.as_slice()) {
        ("@keys", [one]) => format!("a comprehension goes over a list or an object, not over {one}"),
        ("@matches", [one, ..]) => format!("`matches` cannot take {one}"),
        _ => format!("`{}` cannot take {}", sign(operator), sorts.join(" and ")),
    };
    EvalFault { place, message }
}

/// The one place whose value has such a type, and was not known to have it. An expression that is not straight
/// gets values from inside of others: there, a type does not tell the place.
fn culprit(types: &[String], binder: &Binder<'_>, straight: bool) -> String {
    let mut places =
        binder.surprises().filter(|it| straight && types.iter().any(|its| sort(its) == sort(it.1)));
    match (places.next(), places.next()) {
        (Some((path, _)), None) => path.to_string(),
        _ => String::new(),
    }
}

/// An operator as it is written.
fn sign(operator: &str) -> &str {
    match operator {
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" | "@divide" => "/",
        "rem" | "@modulo" => "%",
        "@in" => "in",
        "_._" => ".",
        "_[_]" => "[ ]",
        "_?_:_" => "?",
        _ => operator.trim_matches(['_', '@']),
    }
}

/// A type of the crate, as people say it.
fn sort(name: &str) -> &str {
    match name {
        "bool" => "true or false",
        "int" | "uint" => "an integer",
        "double" | "float" => "a number",
        "string" => "a string",
        "list" | "iterable" => "a list",
        "map" => "an object",
        "null" | "null_type" => "null",
        "timestamp" | "google.protobuf.Timestamp" => "a time",
        "duration" | "google.protobuf.Duration" => "a duration",
        _ => "a value",
    }
}
