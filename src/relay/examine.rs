//! The data of a write: size, numbers, then schema and conditions; in this order, the first that fails ends it.

use std::sync::Arc;

use crate::{
    domain::{data::Input, detail::Violation},
    policy::{Names, Policy},
    relay::refusal::{Reason, Refusal, Under},
};

/// Size and numbers. `cap_bytes` is what Sync allows for data of this kind.
pub(super) fn examine(data: &Input, cap_bytes: usize, policy: Option<&Arc<Policy>>) -> Result<(), Refusal> {
    let max_bytes = policy.map_or(cap_bytes, |it| it.from.max_bytes.min(cap_bytes));
    if max_bytes < data.data().size_bytes() {
        return Err(refused(Reason::TooLarge { max_bytes }, policy, "size", Vec::new()));
    }
    let Some(policy) = policy else { return Ok(()) };
    let unsafe_number = |pointer: String, keyword: &str, message: &str| {
        let (keyword, message) = (keyword.to_owned(), message.to_owned());
        let violation = Violation { pointer, keyword, message };
        Err(refused(Reason::UnsafeInteger, Some(policy), "size", vec![violation]))
    };
    if let Some(pointer) = data.unsafe_integer() {
        return unsafe_number(pointer.to_owned(), "integer", "integers are at most 2^53 - 1");
    }
    // A fold is exact: it does not count a number that was rounded on its way.
    let folds = policy.targets.iter().any(|it| it.fold.is_some());
    match folds.then(|| data.rounded_number()).flatten() {
        Some(pointer) => unsafe_number(pointer, "number", "the number has more digits than a double holds"),
        None => Ok(()),
    }
}

/// The schema of the private side. `{}` says nothing and needs none (the policy language).
pub(super) fn fits(data: &Input, policy: &Arc<Policy>) -> Result<(), Refusal> {
    match policy.from.schema.as_ref().map(|it| it.check(data.value())) {
        Some(Err(violations)) => Err(refused(Reason::Schema, Some(policy), "schema", violations)),
        Some(Ok(())) | None => Ok(()),
    }
}

/// The conditions. One that cannot be evaluated refuses, too, and names the place.
pub(super) fn holds(policy: &Arc<Policy>, names: &Names<'_>) -> Result<(), Refusal> {
    for rule in &policy.rules {
        let message = match rule.that.holds(names) {
            Ok(true) => continue,
            Ok(false) => {
                (String::new(), rule.message.as_deref().unwrap_or("the condition does not hold").to_owned())
            }
            Err(fault) => (fault.place, format!("the condition cannot be judged: {}", fault.message)),
        };
        let (pointer, message) = message;
        let violation = Violation { pointer, keyword: "when".to_owned(), message };
        return Err(refused(Reason::Condition, Some(policy), &rule.name, vec![violation]));
    }
    Ok(())
}

/// How a refusal names its policy.
pub(super) fn under(policy: &Policy) -> Under {
    Under { name: policy.name.clone(), version: policy.version.clone(), detail: policy.detail }
}

/// A refusal by a stage.
pub(super) fn refused(
    reason: Reason,
    policy: Option<&Arc<Policy>>,
    rule: &str,
    violations: Vec<Violation>,
) -> Refusal {
    let plain = Refusal::plain(reason).by_rule(rule);
    Refusal { policy: policy.map(|it| under(it)), violations, ..plain }
}
