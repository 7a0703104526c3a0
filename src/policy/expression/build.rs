//! The pieces of which a checked expression is put together again, as the crate evaluates them.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, ListExpr, LiteralValue, SelectExpr, operators},
};

/// Where a comprehension gathers its result; no expression can write this name.
const RESULT: &str = "@result";

fn piece(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

pub(super) fn literal(value: LiteralValue) -> IdedExpr {
    piece(Expr::Literal(value))
}

pub(super) fn name(name: &str) -> IdedExpr {
    piece(Expr::Ident(name.to_owned()))
}

pub(super) fn call(function: &str, args: Vec<IdedExpr>) -> IdedExpr {
    piece(Expr::Call(CallExpr { func_name: function.to_owned(), target: None, args }))
}

pub(super) fn member(target: IdedExpr, function: &str, args: Vec<IdedExpr>) -> IdedExpr {
    let target = Some(Box::new(target));
    piece(Expr::Call(CallExpr { func_name: function.to_owned(), target, args }))
}

pub(super) fn list(elements: Vec<IdedExpr>) -> IdedExpr {
    piece(Expr::List(ListExpr::new(elements)))
}

/// `operand.field`, or whether it is there.
pub(super) fn select(operand: IdedExpr, field: &str, test: bool) -> IdedExpr {
    piece(Expr::Select(SelectExpr { operand: Box::new(operand), field: field.to_owned(), test }))
}

pub(super) fn not(operand: IdedExpr) -> IdedExpr {
    call(operators::LOGICAL_NOT, vec![operand])
}

/// What a comprehension does with the items.
pub(super) enum Loop {
    All(IdedExpr),
    Exists(IdedExpr),
    ExistsOne(IdedExpr),
    Filter(IdedExpr),
    Map { when: Option<IdedExpr>, to: IdedExpr },
}

/// The expansion of a macro, as the crate's own parser would give it.
pub(super) fn comprehension(range: IdedExpr, variable: &str, body: Loop) -> IdedExpr {
    let result = || name(RESULT);
    let truth = |it: bool| literal(LiteralValue::Boolean(it.into()));
    let number = |it: i64| literal(LiteralValue::Int(it.into()));
    let while_not_false = |it| call(operators::NOT_STRICTLY_FALSE, vec![it]);
    let append = |it| call(operators::ADD, vec![result(), list(vec![it])]);
    let choose = |when, then| call(operators::CONDITIONAL, vec![when, then, result()]);
    let (init, condition, step, end) = match body {
        Loop::All(body) => (
            truth(true),
            while_not_false(result()),
            call(operators::LOGICAL_AND, vec![result(), body]),
            result(),
        ),
        Loop::Exists(body) => (
            truth(false),
            while_not_false(not(result())),
            call(operators::LOGICAL_OR, vec![result(), body]),
            result(),
        ),
        Loop::ExistsOne(body) => {
            let more = call(operators::ADD, vec![result(), number(1)]);
            let end = call(operators::EQUALS, vec![result(), number(1)]);
            (number(0), truth(true), choose(body, more), end)
        }
        Loop::Filter(body) => (list(Vec::new()), truth(true), choose(body, append(name(variable))), result()),
        Loop::Map { when: None, to } => (list(Vec::new()), truth(true), append(to), result()),
        Loop::Map { when: Some(when), to } => {
            (list(Vec::new()), truth(true), choose(when, append(to)), result())
        }
    };
    piece(Expr::Comprehension(Box::new(ComprehensionExpr {
        iter_range: range,
        iter_var: variable.to_owned(),
        iter_var2: None,
        accu_var: RESULT.to_owned(),
        accu_init: init,
        loop_cond: condition,
        loop_step: step,
        result: end,
    })))
}
