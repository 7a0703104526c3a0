//! What went wrong at an evaluation, in words that hold no value of anybody.

use std::{collections::BTreeSet, sync::Arc};

use cel::ExecutionError;

use crate::policy::expression::{EvalFault, bind::Binder};

/// The fault that an error of the crate means.
pub(super) fn of(error: &ExecutionError, binder: &Binder<'_>, words: &BTreeSet<Arc<str>>) -> EvalFault {
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
            ("", unfit(operator, &types))
        }
        ExecutionError::NoSuchOverload(overload) => {
            ("", unfit(overload.function(), overload.argument_types()))
        }
        ExecutionError::ValuesNotComparable(left, right) => {
            let types = [left.type_of().to_string(), right.type_of().to_string()];
            ("", unfit("<", &types))
        }
        ExecutionError::UnexpectedType { got, want } => ("", format!("{} is not {}", sort(got), sort(want))),
        ExecutionError::FunctionError { function, .. } => {
            ("", format!("`{}` cannot take this value", sign(function)))
        }
        ExecutionError::DuplicateKey(_) => ("", "a key stands twice in one object".to_owned()),
        _ => ("", "the expression cannot be evaluated with these values".to_owned()),
    };
    EvalFault { place: place.to_owned(), message }
}

fn unfit(operator: &str, types: &[String]) -> String {
    let types: Vec<&str> = types.iter().map(|it| sort(it)).collect();
    format!("`{}` cannot take {}", sign(operator), types.join(" and "))
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
        "@keys" => "map",
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
