//! Guards: what holds where a part of an expression is evaluated, because of what was asked before it.

use std::{collections::BTreeSet, sync::Arc};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue, operators},
};

use crate::policy::expression::{
    check::Checker,
    path::{Path, Step},
};

/// What is certain of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certain {
    /// It is there.
    Present,
    /// It is not null.
    NotNull,
}

/// What is certain at one place of an expression.
pub(super) type Facts = BTreeSet<(Path, Certain)>;

impl Checker<'_> {
    /// What is certain once `part` was evaluated and was `truth`.
    pub(super) fn facts(&self, part: &IdedExpr, truth: bool) -> Facts {
        let Expr::Call(call) = &part.expr else { return Facts::new() };
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [inner]) => self.facts(inner, !truth),
            (operators::LOGICAL_AND, [left, right]) => self.joined(left, right, truth, truth),
            (operators::LOGICAL_OR, [left, right]) => self.joined(left, right, truth, !truth),
            (operators::CONDITIONAL, [when, then, otherwise]) => {
                let mut first = self.facts(when, true);
                first.append(&mut self.facts(then, truth));
                let mut second = self.facts(when, false);
                second.append(&mut self.facts(otherwise, truth));
                first.intersection(&second).cloned().collect()
            }
            (operators::NOT_EQUALS, [left, right]) if truth => self.not_null(left, right),
            (operators::EQUALS, [left, right]) if !truth => self.not_null(left, right),
            (operators::IN, [left, right]) if truth => self.key_in(left, right),
            ("has", [inner]) if truth && call.target.is_none() => {
                self.path(inner).map(|it| (it, Certain::Present)).into_iter().collect()
            }
            _ => Facts::new(),
        }
    }

    /// Of two operands both are known to be `truth`, or at least one.
    fn joined(&self, left: &IdedExpr, right: &IdedExpr, truth: bool, both: bool) -> Facts {
        let (mut left, mut right) = (self.facts(left, truth), self.facts(right, truth));
        if both {
            left.append(&mut right);
            left
        } else {
            left.intersection(&right).cloned().collect()
        }
    }

    fn not_null(&self, left: &IdedExpr, right: &IdedExpr) -> Facts {
        let path = match (is_null(left), is_null(right)) {
            (false, true) => self.path(left),
            (true, false) => self.path(right),
            _ => None,
        };
        let both = |it: Path| [(it.clone(), Certain::Present), (it, Certain::NotNull)];
        path.into_iter().flat_map(both).collect()
    }

    /// `"x" in data` is as good as `has(data.x)`.
    fn key_in(&self, left: &IdedExpr, right: &IdedExpr) -> Facts {
        let Expr::Literal(LiteralValue::String(key)) = &left.expr else { return Facts::new() };
        let step = Step::Field(Arc::from(key.inner()));
        self.path(right).map(|it| (it.then(step), Certain::Present)).into_iter().collect()
    }

    /// The path that a part of an expression is, if it is one.
    fn path(&self, part: &IdedExpr) -> Option<Path> {
        match &part.expr {
            Expr::Ident(name) => self.known.root(name).map(|it| it.0),
            Expr::Select(select) => {
                Some(self.path(&select.operand)?.then(Step::Field(select.field.as_str().into())))
            }
            Expr::Call(call) => {
                let (operand, step) = literal_step(call)?;
                Some(self.path(operand)?.then(step))
            }
            _ => None,
        }
    }
}

/// Whether a part of an expression is the word `null`.
pub(super) fn is_null(part: &IdedExpr) -> bool {
    matches!(part.expr, Expr::Literal(LiteralValue::Null))
}

/// `operand["field"]` and `operand[0]`.
pub(super) fn literal_step(call: &CallExpr) -> Option<(&IdedExpr, Step)> {
    let (operators::INDEX, [operand, index]) = (call.func_name.as_str(), call.args.as_slice()) else {
        return None;
    };
    let step = match &index.expr {
        Expr::Literal(LiteralValue::String(name)) => Step::Field(name.inner().into()),
        Expr::Literal(LiteralValue::Int(at)) => Step::Item(u64::try_from(*at.inner()).ok()?),
        _ => return None,
    };
    Some((operand, step))
}
