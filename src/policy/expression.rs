//! Expressions (CEL) of policies: checked and bounded when a policy is loaded, evaluated without a panic.
//!
//! In goes a text, a [`Scope`] and what is wanted; out comes an [`Expression`], or what is wrong with the text. It
//! is evaluated with [`Names`], and gives a value or a fault that names the place. No clock and no store is read.
//! An evaluation takes at most [`Expression::cost`] steps, whatever the names stand for.

mod bind;
mod build;
mod calls;
mod check;
mod constant;
mod cost;
mod direct;
mod fault;
mod functions;
mod guard;
mod kinds;
mod operators;
mod path;
mod place;
mod schema;
mod scope;
mod shape;
mod text;

#[cfg(test)]
pub(super) mod tests;

use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, atomic::AtomicUsize},
    thread,
};

use cel::{Context, IdedExpr, Value as CelValue, common::ast::Expr};
use serde_json::Value;

use crate::{
    domain::{
        limits::{EXPRESSION_COST_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_NODES_MAX, EXPRESSION_STACK_BYTES},
        time::Timestamp,
    },
    policy::{
        expression::{
            bind::Binder,
            check::{Checker, Node, Slot},
            direct::Direct,
            functions::Pattern,
            kinds::Kinds,
            path::Root,
            shape::Shapes,
        },
        pattern::Captures,
    },
};

pub(super) use self::place::{Closed, Needed, Places, misfit};
pub use self::shape::Size;

/// A checked expression; clones share it.
#[derive(Clone)]
pub struct Expression(Arc<Inner>);

struct Inner {
    source: Box<str>,
    program: Program,
    cost: u64,
    /// How large the result can be.
    size: Size,
    previous_read: bool,
    identity_read: bool,
    lookups_read: Vec<bool>,
}

/// Two are the same if their texts are: a policy's expressions have one scope.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

/// How it is evaluated.
enum Program {
    /// Always the same.
    Constant(Value),
    /// What stands at one place: read without the crate, which is ten times as fast.
    Place(Slot, Box<Shapes>),
    /// Everything else.
    Computed(Box<Computed>),
}

struct Computed {
    expr: IdedExpr,
    /// The same, if it can mostly be evaluated without the crate.
    direct: Option<Direct>,
    slots: Vec<Slot>,
    patterns: Vec<Pattern>,
    shapes: Shapes,
    words: BTreeSet<Arc<str>>,
    straight: bool,
}

/// Which names may stand, and what is known of their types.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'p> {
    /// The captures, by bare name and as `vars.NAME`; `identity` among them.
    pub variables: &'p [Arc<str>],
    /// Whether `key`, that of the source item, is in scope: the source is a map.
    pub key: bool,
    /// The lookups, in the order in which [`Names`] brings them.
    pub lookups: &'p [LookupName<'p>],
    /// What `data` and `previous` are.
    pub data: Typed<'p>,
    /// Whether `previous` is in scope.
    pub previous: bool,
    /// Whether `reader` is in scope; then only the captures are, beside it.
    pub reader: bool,
    /// How many regular expressions the policy's expressions have: they are counted here.
    pub patterns: &'p AtomicUsize,
}

/// A lookup: a JSON object, or null.
#[derive(Clone, Copy, Debug)]
pub struct LookupName<'p> {
    /// The name.
    pub name: &'p str,
    /// Whether a write is refused where it is absent: then it is never null.
    pub required: bool,
    /// What its author says of it: a JSON Schema.
    pub schema: Option<&'p Value>,
}

/// What is known of `data`.
#[derive(Clone, Copy, Debug)]
pub enum Typed<'p> {
    /// A JSON Schema, the root of its file.
    Schema(&'p Value),
    /// An object, and nothing more.
    Unknown,
}

/// What an expression must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// True or false.
    Condition,
    /// Any JSON.
    Value,
}

/// One thing that is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as bytes of its text.
    pub at: Range<usize>,
    /// What is wrong.
    pub what: String,
    /// How to mend it, where there is a way to say so.
    pub help: Option<String>,
}

impl Problem {
    #[cfg_attr(test, track_caller)]
    fn new(at: Range<usize>, what: impl Into<String>, help: Option<String>) -> Self {
        let what = what.into();
        #[cfg(test)]
        crate::policy::fault::sites::hit(&what);
        Self { at, what, help }
    }
}

/// What the names stand for at one evaluation. Values are borrowed, and bound when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Names<'w> {
    /// The new private data, or what the scope says it is.
    pub data: &'w Value,
    /// The data that was admitted before, if there was some.
    pub previous: Option<&'w Value>,
    /// The caller's identity.
    pub identity: &'w str,
    /// The caller's claims, an object.
    pub claims: &'w Value,
    /// What the source's name captured.
    pub captures: &'w Captures,
    /// The key of the source item.
    pub key: Option<&'w str>,
    /// The time of the attempt.
    pub now: Timestamp,
    /// The lookups, in the order of the scope.
    pub lookups: &'w [Option<&'w Value>],
    /// Who reads, where a condition of `read` is judged.
    pub reader: Option<Reader<'w>>,
}

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'w> {
    /// The reader's identity.
    pub identity: &'w str,
    /// The reader's claims, an object.
    pub claims: &'w Value,
}

/// Why an evaluation has no result. Holds no value of anybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{}{message}", if place.is_empty() { "" } else { " " })]
pub struct EvalFault {
    /// The path that was missing or of the wrong type, `claims.team`; empty if there is none to name.
    pub place: String,
    /// What is wrong with it.
    pub message: String,
}

impl Expression {
    /// Checks the text of an expression.
    ///
    /// # Errors
    /// At least one problem, in the order of their places.
    pub(super) fn compile(text: &str, scope: &Scope<'_>, wanted: Wanted) -> Result<Self, Vec<Problem>> {
        // The parser recurses as deep as the text is nested: on a stack of its own, whoever calls.
        let checked = thread::scope(|threads| {
            let builder = thread::Builder::new().stack_size(EXPRESSION_STACK_BYTES);
            builder.spawn_scoped(threads, || check(text, scope, wanted)).map(thread::ScopedJoinHandle::join)
        });
        match checked {
            Ok(Ok(result)) => result,
            _ => {
                let what = "the expression could not be checked";
                Err(vec![Problem::new(0..text.len(), what, None)])
            }
        }
    }

    /// The text.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Whether it may read `previous`.
    pub fn reads_previous(&self) -> bool {
        self.0.previous_read
    }

    /// Whether it may read the identity of the owner.
    pub(super) fn reads_identity(&self) -> bool {
        self.0.identity_read
    }

    /// Whether it may read the lookup at this place in the scope.
    pub fn reads_lookup(&self, at: usize) -> bool {
        self.0.lookups_read.get(at).is_some_and(|it| *it)
    }

    /// Steps that an evaluation takes at the most.
    pub fn cost(&self) -> u64 {
        self.0.cost
    }

    /// How large the result can be.
    pub(super) fn size(&self) -> Size {
        self.0.size
    }

    /// Evaluates it.
    ///
    /// # Errors
    /// Something is missing or of the wrong sort, a number overflows, or the result is not JSON.
    pub fn value(&self, names: &Names<'_>) -> Result<Value, EvalFault> {
        match &self.0.program {
            Program::Constant(value) => Ok(value.clone()),
            Program::Place(slot, shapes) => bind::plain(slot, shapes, names),
            Program::Computed(computed) => match computed.direct(names) {
                Some(value) => Ok(value),
                None => computed.evaluate(&computed.binder(names)),
            },
        }
    }

    /// Evaluates a condition.
    ///
    /// # Errors
    /// As [`Self::value`], and if the result is neither true nor false.
    pub fn holds(&self, names: &Names<'_>) -> Result<bool, EvalFault> {
        self.value(names)?.as_bool().ok_or_else(|| {
            let place = match &self.0.program {
                Program::Place(slot, _) => slot.path.to_string(),
                _ => String::new(),
            };
            EvalFault { place, message: "is neither true nor false".to_owned() }
        })
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Expression({})", self.source())
    }
}

impl Computed {
    fn binder<'w>(&'w self, names: &'w Names<'w>) -> Binder<'w> {
        Binder::new(&self.slots, &self.patterns, &self.shapes, names)
    }

    /// The result, if it can be had without the crate.
    fn direct(&self, names: &Names<'_>) -> Option<Value> {
        self.direct.as_ref()?.value(&self.slots, &self.shapes, names)
    }

    fn evaluate(&self, binder: &Binder<'_>) -> Result<Value, EvalFault> {
        let mut context = Context::with_env(functions::environment());
        context.set_variable_resolver(binder);
        match CelValue::resolve_val(&self.expr, &context) {
            Ok(value) => bind::json(value.as_ref()),
            Err(error) => Err(fault::of(&error, binder, &self.words, self.straight)),
        }
    }
}

fn check(text: &str, scope: &Scope<'_>, wanted: Wanted) -> Result<Expression, Vec<Problem>> {
    let parsed = text::parse(text).map_err(|it| vec![it])?;
    let whole = 0..text.len();
    let (nodes, depth) = measure(&parsed.root);
    if EXPRESSION_NODES_MAX < nodes {
        let what = format!("the expression has more than {EXPRESSION_NODES_MAX} parts");
        let help = "split it into several rules".to_owned();
        return Err(vec![Problem::new(whole, what, Some(help))]);
    }
    if EXPRESSION_DEPTH_MAX < depth {
        return Err(vec![text::too_deep(whole)]);
    }
    let mut checker = Checker::new(&parsed, text, scope);
    let node = match wanted {
        Wanted::Condition => checker.boolean(&parsed.root),
        Wanted::Value => checker.value(&parsed.root),
    };
    if wanted == Wanted::Value && checker.shapes.kinds(node.shape) == Kinds::SPAN {
        let help = "give its seconds: `(…).getSeconds()`";
        checker.whole_problem(whole.clone(), "a duration is not JSON".to_owned(), help);
    }
    let cost = node.cost.saturating_add(checker.once);
    if EXPRESSION_COST_MAX < cost && checker.problems.is_empty() {
        let what = format!("the expression may take {cost} steps, more than {EXPRESSION_COST_MAX}");
        let help = "bound its lists and texts in the schema: `maxItems`, `maxProperties`, `maxLength`";
        checker.whole_problem(whole, what, help);
    }
    if !checker.problems.is_empty() {
        let mut problems = checker.problems;
        problems.sort_by_key(|it| (it.at.start, it.at.end));
        problems.dedup();
        return Err(problems);
    }
    let size = checker.shapes.size(node.shape);
    let (previous_read, lookups_read) = (checker.previous_read, std::mem::take(&mut checker.lookups_read));
    let names_it = |it: &Slot| {
        it.path.root == Root::Identity || matches!(it.path.to_string().as_str(), "vars" | "vars.identity")
    };
    let identity_read = checker.slots.iter().any(names_it);
    let program = program(node, checker);
    Ok(Expression(Arc::new(Inner {
        source: text.into(),
        program,
        cost,
        size,
        previous_read,
        identity_read,
        lookups_read,
    })))
}

/// The simplest way to evaluate what was checked.
fn program(node: Node, checker: Checker<'_>) -> Program {
    let now = node.path.as_ref().is_some_and(|it| it.root == Root::Now);
    let slot = match &node.expr.expr {
        Expr::Ident(_) => checker.slots.first(),
        Expr::Call(_) if now => checker.slots.first(),
        _ => None,
    };
    if let (Some(slot), 1) = (slot, checker.slots.len()) {
        return Program::Place(slot.clone(), Box::new(checker.shapes));
    }
    if let Expr::Literal(literal) = &node.expr.expr
        && let Ok(value) = bind::json(literal.to_val().as_ref())
    {
        return Program::Constant(value);
    }
    let Checker { slots, patterns, shapes, words, straight, .. } = checker;
    let direct = Direct::of(&node.expr);
    Program::Computed(Box::new(Computed {
        expr: node.expr,
        direct,
        slots,
        patterns,
        shapes,
        words,
        straight,
    }))
}

/// Parts and levels of an expression.
fn measure(part: &IdedExpr) -> (usize, usize) {
    let parts = text::children(part).map(measure);
    let (nodes, depth) = parts.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1.max(it.1)));
    (nodes + 1, depth + 1)
}
