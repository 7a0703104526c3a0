//! Parts that read nothing: what they would do at each evaluation, they do once when the policy is loaded.

use cel::{
    Context, IdedExpr, Value as CelValue,
    common::ast::{Expr, LiteralValue},
};
use serde_json::Value;

use crate::{
    domain::{limits::EXPRESSION_TRIED_STEPS_MAX, time::Timestamp},
    policy::{
        expression::{
            Names, Problem,
            bind::Binder,
            check::{Checker, Node},
            fault, functions,
            text::children,
        },
        pattern::Captures,
    },
};

impl Checker<'_> {
    /// Notes a part that reads nothing and has no result.
    pub(super) fn tried(&mut self, node: Node) -> Node {
        if EXPRESSION_TRIED_STEPS_MAX < node.cost || !reads_nothing(&node.expr) {
            return node;
        }
        let context = Context::with_env(functions::environment());
        let Err(error) = CelValue::resolve_val(&node.expr, &context) else { return node };
        let nothing = Names {
            data: &Value::Null,
            previous: None,
            identity: "",
            claims: &Value::Null,
            captures: &Captures::default(),
            key: None,
            now: Timestamp::from_millis(0),
            lookups: &[],
            reader: None,
        };
        let message =
            fault::of(&error, &Binder::new(&[], &[], &self.shapes, &nothing), &self.words, false).message;
        let help = match &node.expr.expr {
            Expr::Call(call) if call.func_name == "timestamp" => {
                Some("write a time as RFC 3339 has it: `timestamp('2026-01-31T08:30:00Z')`")
            }
            Expr::Call(call) if call.func_name == "duration" => {
                Some("write numbers with their units: `duration('1h30m')`, `duration('90s')`")
            }
            _ => None,
        };
        let what = format!("`{}` has no result: {message}", self.quoted(&node.at));
        // The part stands on: what is around it is checked against what it would have been.
        self.problems.push(Problem::new(node.at.clone(), what, help.map(str::to_owned)));
        node
    }
}

/// Whether the value of a part is always the same.
fn reads_nothing(part: &IdedExpr) -> bool {
    match &part.expr {
        Expr::Literal(_) => true,
        Expr::Call(_) | Expr::Select(_) | Expr::List(_) | Expr::Map(_) => children(part).all(reads_nothing),
        _ => false,
    }
}

/// Whether a part is a zero as it is written.
pub(super) fn is_zero(part: &IdedExpr) -> bool {
    match &part.expr {
        Expr::Literal(LiteralValue::Int(it)) => *it.inner() == 0,
        Expr::Literal(LiteralValue::Double(it)) => *it.inner() == 0.0,
        _ => false,
    }
}
