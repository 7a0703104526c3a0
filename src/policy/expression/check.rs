//! Checks an expression against its scope, and makes of it what can be evaluated.
//!
//! Each part becomes a [`Node`]: what is to be evaluated, the shape of its value, and the steps that it can take.
//! Paths that begin with a name of the scope are read by the binder, in one step, and are only numbered here.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use cel::{
    IdedExpr,
    common::ast::{Expr, LiteralValue},
};

use crate::policy::{
    expression::{
        Problem, Scope, build,
        functions::Pattern,
        guard::{Certain, Facts},
        kinds::Kinds,
        path::{Look, Path, Root, Step},
        scope::Known,
        shape::{Found, ShapeId, Shapes},
        text::Parsed,
    },
    fault::meant,
    written::listed,
};

/// A checked part of an expression.
pub(super) struct Node {
    pub(super) expr: IdedExpr,
    pub(super) shape: ShapeId,
    /// Steps that its evaluation can take.
    pub(super) cost: u64,
    /// The place that it is, if it is one.
    pub(super) path: Option<Path>,
    /// Whether it may be missing, and nothing guards it.
    pub(super) unguarded: bool,
    /// The whole of its text.
    pub(super) at: Range<usize>,
}

/// What the binder reads for an expression: one look at one path.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) path: Path,
    pub(super) look: Look,
    pub(super) shape: ShapeId,
}

/// The state of a check.
pub(super) struct Checker<'s> {
    pub(super) parsed: &'s Parsed,
    text: &'s str,
    pub(super) known: Known<'s>,
    pub(super) shapes: Shapes,
    pub(super) facts: Facts,
    pub(super) slots: Vec<Slot>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) problems: Vec<Problem>,
    pub(super) previous_read: bool,
    pub(super) lookups_read: Vec<bool>,
    /// The fields that the text names: these may be told when one is missing.
    pub(super) words: BTreeSet<Arc<str>>,
    /// Whether no value comes from inside of another, but by a path.
    pub(super) straight: bool,
    /// Steps that are taken once: to bind what is read, and to look at all items of a comprehension.
    pub(super) once: u64,
}

impl<'s> Checker<'s> {
    pub(super) fn new(parsed: &'s Parsed, text: &'s str, scope: &'s Scope<'s>) -> Self {
        let mut shapes = Shapes::new();
        let known = Known::new(scope, &mut shapes);
        Self {
            parsed,
            text,
            known,
            shapes,
            facts: Facts::new(),
            slots: Vec::new(),
            patterns: Vec::new(),
            problems: Vec::new(),
            previous_read: false,
            lookups_read: vec![false; scope.lookups.len()],
            words: BTreeSet::new(),
            straight: true,
            once: 0,
        }
    }

    /// Notes a problem; the check goes on with a value of which nothing is known.
    #[cfg_attr(test, track_caller)]
    pub(super) fn problem(
        &mut self,
        at: Range<usize>,
        what: impl Into<String>,
        help: Option<String>,
    ) -> Node {
        self.problems.push(Problem::new(at.clone(), what, help));
        self.node(build::literal(LiteralValue::Null), Shapes::UNTYPED, 0, at)
    }

    pub(super) fn node(&self, expr: IdedExpr, shape: ShapeId, cost: u64, at: Range<usize>) -> Node {
        Node { expr, shape, cost: cost.saturating_add(1), path: None, unguarded: false, at }
    }

    /// The text of a part, for a message.
    pub(super) fn quoted(&self, at: &Range<usize>) -> String {
        const LETTERS: usize = 40;
        let text = self.text.get(at.clone()).unwrap_or_default();
        match text.char_indices().nth(LETTERS) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        }
    }

    /// Checks a part whose value is wanted.
    pub(super) fn value(&mut self, part: &IdedExpr) -> Node {
        let node = self.part(part);
        self.settle(node)
    }

    /// Checks a part that must be true or false.
    pub(super) fn boolean(&mut self, part: &IdedExpr) -> Node {
        let node = self.value(part);
        let kinds = self.shapes.kinds(node.shape);
        if !kinds.meets(Kinds::BOOL) {
            let text = self.quoted(&node.at);
            let what = format!("`{text}` is {}, where true or false is wanted", kinds.text());
            let help = match (kinds.meets(Kinds::NUMBER), kinds.meets(Kinds::STRING)) {
                (true, _) => Some(format!("compare it: `{text} > 0`")),
                (_, true) => Some(format!("compare it: `{text} != ''`")),
                _ => None,
            };
            return self.problem(node.at, what, help);
        }
        node
    }

    fn part(&mut self, part: &IdedExpr) -> Node {
        let at = self.parsed.extent(part);
        match &part.expr {
            Expr::Ident(name) => self.name(name, at),
            Expr::Select(select) => {
                let operand = self.part(&select.operand);
                let place = self.parsed.place(part);
                self.step(operand, Step::Field(select.field.as_str().into()), place, at)
            }
            Expr::Literal(value) => self.literal(value, at),
            Expr::List(list) => self.list(&list.elements, at),
            Expr::Map(map) => self.map(map, at),
            Expr::Call(call) => {
                let known = self.problems.len();
                let node = self.call(part, call, at);
                if self.problems.len() == known { self.tried(node) } else { node }
            }
            Expr::Struct(_) => {
                let help = "write an object: `{'name': value}`".to_owned();
                self.problem(at, "messages are not known here", Some(help))
            }
            Expr::Comprehension(_) | Expr::Unspecified => self.problem(at, "not an expression", None),
        }
    }

    /// Checks a part that may be a path; what it stands for is not read yet.
    pub(super) fn place(&mut self, part: &IdedExpr) -> Node {
        self.part(part)
    }

    fn name(&mut self, name: &str, at: Range<usize>) -> Node {
        let Some((path, shape)) = self.known.root(name) else {
            let known = self.known.names();
            let help =
                meant(name, known.iter().map(String::as_str)).map(|it| format!("did you mean `{it}`?"));
            let all = || format!("known here: {}", known.join(", "));
            return self.problem(at, format!("unknown name `{name}`"), help.or_else(|| Some(all())));
        };
        match &path.root {
            Root::Previous => self.previous_read = true,
            Root::Lookup(at, _) => {
                if let Some(read) = self.lookups_read.get_mut(*at) {
                    *read = true;
                }
            }
            _ => (),
        }
        Node { path: Some(path), ..self.node(build::name(name), shape, 0, at) }
    }

    /// One step further along a path, or into a computed value. `place` is where the step itself is written.
    pub(super) fn step(&mut self, operand: Node, step: Step, place: Range<usize>, at: Range<usize>) -> Node {
        let operand = if operand.path.is_none() { self.settle(operand) } else { self.guarded(operand) };
        let wanted = match step {
            Step::Field(_) => Kinds::MAP,
            Step::Item(_) => Kinds::LIST,
        };
        let kinds = self.shapes.kinds(operand.shape);
        if !kinds.meets(wanted) {
            let has = if wanted == Kinds::MAP { "no fields" } else { "no items by number" };
            let text = self.quoted(&operand.at);
            let counted = matches!(&step, Step::Field(it) if matches!(&**it, "length" | "size" | "count"));
            let sized = counted && kinds.meets(Kinds::STRING | Kinds::LIST);
            let help = sized.then(|| format!("write `size({text})`"));
            return self.problem(place, format!("`{text}` is {} and has {has}", kinds.text()), help);
        }
        if kinds == wanted | Kinds::NULL && !self.certain(&operand, Certain::NotNull) {
            return self.may_be_null(&operand);
        }
        let (shape, required) = match &step {
            Step::Item(_) => (self.shapes.get(operand.shape).items, true),
            Step::Field(name) => match self.shapes.field(operand.shape, name) {
                Found::Field(shape, required) => (shape, required),
                Found::Unnamed(shape) => (shape, false),
                Found::Closed => return self.no_such_field(&operand, name, place),
            },
        };
        let lenient = required || self.shapes.get(operand.shape).lenient;
        let expr = match &step {
            Step::Field(name) => {
                self.words.insert(name.clone());
                build::select(operand.expr, name, false)
            }
            Step::Item(at) => build::call(
                cel::common::ast::operators::INDEX,
                vec![
                    operand.expr,
                    build::literal(LiteralValue::Int(i64::try_from(*at).unwrap_or(i64::MAX).into())),
                ],
            ),
        };
        let mut node = self.node(expr, shape, operand.cost, at);
        node.path = operand.path.map(|it| it.then(step));
        node.unguarded = !lenient && node.path.is_some() && !self.certain(&node, Certain::Present);
        node
    }

    fn certain(&self, node: &Node, what: Certain) -> bool {
        node.path.as_ref().is_some_and(|it| self.facts.contains(&(it.clone(), what)))
    }

    fn may_be_null(&mut self, node: &Node) -> Node {
        let text = self.quoted(&node.at);
        let mut help = format!("guard it: `{text} != null && …`");
        if matches!(&node.path, Some(Path { root: Root::Lookup(..), .. })) {
            help.push_str(", or write `required = true` at the lookup");
        }
        self.problem(node.at.clone(), format!("`{text}` may be null here"), Some(help))
    }

    fn no_such_field(&mut self, operand: &Node, name: &str, place: Range<usize>) -> Node {
        let near = {
            let fields = &self.shapes.get(operand.shape).fields;
            meant(name, fields.iter().map(|it| &*it.name)).map(|it| format!("did you mean `{it}`?"))
        };
        let text = self.quoted(&operand.at);
        let help = near.or_else(|| self.fields(operand.shape));
        self.problem(place, format!("`{text}` has no field `{name}`"), help)
    }

    /// The fields that are known of an object, for a help.
    fn fields(&self, shape: ShapeId) -> Option<String> {
        let fields = &self.shapes.get(shape).fields;
        let names: Vec<&str> = fields.iter().map(|it| &*it.name).collect();
        (!names.is_empty()).then(|| format!("it has {}", listed(&names)))
    }

    /// Notes a problem if the value may be missing.
    fn guarded(&mut self, mut node: Node) -> Node {
        if std::mem::take(&mut node.unguarded) {
            let text = self.quoted(&node.at);
            let help = match text.ends_with(']') {
                true => {
                    "ask for the key first, `\"key\" in object && …`, or let the schema require it".to_owned()
                }
                false => format!("guard it: `has({text}) && …`, or let the schema require it"),
            };
            let what = format!("`{text}` may be missing here");
            self.problems.push(Problem::new(node.at.clone(), what, Some(help)));
        }
        node
    }

    /// A node whose value is read: its path becomes a slot.
    pub(super) fn settle(&mut self, node: Node) -> Node {
        let node = self.guarded(node);
        let Some(path) = node.path.clone() else { return node };
        if matches!(path.root, Root::Local(..)) {
            return node;
        }
        if path.steps.is_empty() && matches!(path.root, Root::Variables | Root::Reader) {
            let text = self.quoted(&node.at);
            let help = self.fields(node.shape);
            return self.problem(node.at, format!("`{text}` stands only before one of its fields"), help);
        }
        let time = path.root == Root::Now;
        let read = self.slot(path, Look::Value, node.shape);
        let expr = if time { build::call("timestamp", vec![read]) } else { read };
        Node { expr, path: node.path, ..self.node(build::name(""), node.shape, 1, node.at) }
    }

    /// The name under which the binder knows one look at one path.
    pub(super) fn slot(&mut self, path: Path, look: Look, shape: ShapeId) -> IdedExpr {
        let known = self.slots.iter().position(|it| it.path == path && it.look == look);
        let at = known.unwrap_or_else(|| {
            let size = if look == Look::Value { self.shapes.size(shape).steps() } else { 1 };
            self.once = self.once.saturating_add(size);
            self.slots.push(Slot { path, look, shape });
            self.slots.len() - 1
        });
        build::name(&format!("#{at}"))
    }
}
