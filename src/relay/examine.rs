//! The data of a write: size, numbers, schema; in this order, the first that fails ends it.

use std::sync::Arc;

use crate::{
    domain::{data::Input, detail::Violation},
    policy::Policy,
    relay::refusal::{Reason, Refusal, Under},
};

/// Size, numbers, schema. `{}` says nothing and needs no schema (the policy language). `cap_bytes`
/// is what Sync allows for data of this kind.
pub(super) fn examine(data: &Input, cap_bytes: usize, policy: Option<&Arc<Policy>>) -> Result<(), Refusal> {
    let max_bytes = policy.map_or(cap_bytes, |it| it.from.max_bytes.min(cap_bytes));
    if max_bytes < data.data().size_bytes() {
        return Err(refused(Reason::TooLarge { max_bytes }, policy, "size", Vec::new()));
    }
    let Some(policy) = policy.filter(|_| !data.data().is_empty()) else {
        return Ok(());
    };
    if let Some(pointer) = data.unsafe_integer() {
        let violation = Violation {
            pointer: pointer.to_owned(),
            keyword: "integer".to_owned(),
            message: "integers are at most 2^53 - 1".to_owned(),
        };
        return Err(refused(Reason::UnsafeInteger, Some(policy), "size", vec![violation]));
    }
    match policy.from.schema.as_ref().map(|it| it.check(data.value())) {
        Some(Err(violations)) => Err(refused(Reason::Schema, Some(policy), "schema", violations)),
        Some(Ok(())) | None => Ok(()),
    }
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
