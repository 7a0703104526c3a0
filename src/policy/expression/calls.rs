//! Functions and comprehensions: which there are, what they take, what they give.

use std::ops::Range;

use cel::{
    IdedExpr,
    common::ast::{CallExpr, Expr, LiteralValue},
};

use crate::{
    domain::limits::{COMPREHENSION_DEPTH_MAX, EXPRESSION_ARGUMENTS_MAX, EXPRESSION_PATTERNS_MAX},
    policy::{
        expression::{
            Problem,
            build::{self, Loop},
            check::{Checker, Node},
            functions::Pattern,
            kinds::Kinds,
            path::{Look, Root, Step},
            shape::{ShapeId, Shapes, Size},
        },
        fault::meant,
        written::listed,
    },
};

/// Steps of one round of a comprehension beside its body: the condition, the variable, the result.
const ROUND_STEPS: u64 = 4;

/// How a function is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `f(x)`.
    Plain,
    /// `x.f()`.
    Member,
    /// Either.
    Both,
}

/// A function: its name, how it is written, what it takes (the target of a member first), what it gives.
struct Function(&'static str, Form, &'static [Kinds], Kinds);

const SIZED: Kinds = Kinds::STRING.or(Kinds::LIST).or(Kinds::MAP);
const TIMED: Kinds = Kinds::TIME.or(Kinds::SPAN);
const PRINTED: Kinds = Kinds::NUMBER.or(Kinds::STRING).or(Kinds::BOOL).or(Kinds::TIME);

#[rustfmt::skip]
const FUNCTIONS: [Function; 20] = [
    Function("size", Form::Both, &[SIZED], Kinds::INT),
    Function("contains", Form::Member, &[Kinds::STRING, Kinds::STRING], Kinds::BOOL),
    Function("startsWith", Form::Member, &[Kinds::STRING, Kinds::STRING], Kinds::BOOL),
    Function("endsWith", Form::Member, &[Kinds::STRING, Kinds::STRING], Kinds::BOOL),
    Function("matches", Form::Both, &[Kinds::STRING, Kinds::STRING], Kinds::BOOL),
    Function("int", Form::Plain, &[Kinds::NUMBER.or(Kinds::STRING).or(Kinds::TIME)], Kinds::INT),
    Function("double", Form::Plain, &[Kinds::NUMBER.or(Kinds::STRING)], Kinds::DOUBLE),
    Function("string", Form::Plain, &[PRINTED], Kinds::STRING),
    Function("duration", Form::Plain, &[Kinds::STRING], Kinds::SPAN),
    Function("timestamp", Form::Plain, &[Kinds::STRING.or(Kinds::TIME)], Kinds::TIME),
    Function("getFullYear", Form::Member, &[Kinds::TIME], Kinds::INT),
    Function("getMonth", Form::Member, &[Kinds::TIME], Kinds::INT),
    Function("getDate", Form::Member, &[Kinds::TIME], Kinds::INT),
    Function("getDayOfMonth", Form::Member, &[Kinds::TIME], Kinds::INT),
    Function("getDayOfWeek", Form::Member, &[Kinds::TIME], Kinds::INT),
    Function("getDayOfYear", Form::Member, &[Kinds::TIME], Kinds::INT),
    Function("getHours", Form::Member, &[TIMED], Kinds::INT),
    Function("getMinutes", Form::Member, &[TIMED], Kinds::INT),
    Function("getSeconds", Form::Member, &[TIMED], Kinds::INT),
    Function("getMilliseconds", Form::Member, &[TIMED], Kinds::INT),
];

/// The names that are checked by code of their own.
const MACROS: [&str; 8] = ["has", "all", "exists", "exists_one", "map", "filter", "min", "max"];

impl Checker<'_> {
    /// Checks a call that is no operator.
    pub(super) fn function(&mut self, part: &IdedExpr, call: &CallExpr, at: Range<usize>) -> Node {
        let (name, place) = (call.func_name.as_str(), self.parsed.place(part));
        match (name, call.target.as_deref(), call.args.as_slice()) {
            ("has", None, [field]) => self.presence(field, at),
            ("all" | "exists" | "exists_one" | "filter", Some(range), [variable, body]) => {
                self.comprehension(name, range, variable, None, body, at)
            }
            ("map", Some(range), [variable, body]) => {
                self.comprehension(name, range, variable, None, body, at)
            }
            ("map", Some(range), [variable, when, body]) => {
                self.comprehension(name, range, variable, Some(when), body, at)
            }
            ("min" | "max", None, [first, others @ ..])
                if !others.is_empty() && others.len() < EXPRESSION_ARGUMENTS_MAX =>
            {
                self.extreme(name, first, others, at)
            }
            _ if MACROS.contains(&name) => {
                let what = format!("`{name}` does not stand like this");
                self.problem(place, what, Some(format!("write `{}`", usage(name))))
            }
            _ => match FUNCTIONS.iter().find(|it| it.0 == name) {
                Some(function) => self.known_function(function, call, place, at),
                None => {
                    let known = FUNCTIONS.iter().map(|it| it.0).chain(MACROS);
                    let help = meant(name, known.clone()).map_or_else(
                        || format!("known are {}", listed(&known.collect::<Vec<_>>())),
                        |it| format!("did you mean `{it}`?"),
                    );
                    self.problem(place, format!("unknown function `{name}`"), Some(help))
                }
            },
        }
    }

    fn known_function(
        &mut self,
        function: &Function,
        call: &CallExpr,
        place: Range<usize>,
        at: Range<usize>,
    ) -> Node {
        let Function(name, form, takes, gives) = function;
        let args: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let written = if call.target.is_some() { Form::Member } else { Form::Plain };
        if (*form != Form::Both && *form != written) || args.len() != takes.len() {
            let what = format!("`{name}` does not stand like this");
            return self.problem(place, what, Some(format!("write `{}`", usage(name))));
        }
        if let ("matches", [text, pattern]) = (*name, args.as_slice()) {
            return self.matches(text, pattern, at);
        }
        let (mut cost, mut size, mut exprs) = (0_u64, Size { nodes: 0, bytes: 0 }, Vec::new());
        for (arg, wanted) in args.iter().zip(*takes) {
            let node = self.value(arg);
            let kinds = self.shapes.kinds(node.shape);
            if !kinds.meets(*wanted) {
                let what = format!("`{name}` wants {}, and this is {}", wanted.text(), kinds.text());
                let help = self.printed(name, &node, *wanted);
                return self.problem(node.at, what, help);
            }
            // Only texts are looked at whole.
            let looked = if kinds.meets(Kinds::STRING) { self.looked(&node, 1) } else { 0 };
            cost = cost.saturating_add(node.cost).saturating_add(looked);
            size.bytes = size.bytes.saturating_add(self.shapes.size(node.shape).bytes);
            exprs.push(node.expr);
        }
        // A number or a time prints shorter than this.
        const PRINTED_BYTES: u64 = 400;
        let shape = match *name {
            "string" => self.shapes.text(size.bytes.max(PRINTED_BYTES)),
            _ => self.shapes.computed(*gives, Size::ONE),
        };
        let expr = if written == Form::Member {
            let target = exprs.remove(0);
            build::member(target, name, exprs)
        } else {
            build::call(name, exprs)
        };
        self.node(expr, shape, cost, at)
    }

    /// `text.matches("pattern")`: the pattern is compiled here, once, with linear time and bounded size.
    fn matches(&mut self, text: &IdedExpr, pattern: &IdedExpr, at: Range<usize>) -> Node {
        let node = self.value(text);
        let kinds = self.shapes.kinds(node.shape);
        if !kinds.meets(Kinds::STRING) {
            let what = format!("`matches` wants a string, and this is {}", kinds.text());
            let help = self.printed("matches", &node, Kinds::STRING);
            return self.problem(node.at, what, help);
        }
        let place = self.parsed.extent(pattern);
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            let help = "a pattern is compiled when the policy is loaded: write it as a text".to_owned();
            return self.problem(place, "the pattern of `matches` must be a text in quotes", Some(help));
        };
        if EXPRESSION_PATTERNS_MAX < self.known.count_pattern() {
            let what =
                format!("the expressions of the policy have more than {EXPRESSION_PATTERNS_MAX} patterns");
            return self.problem(place, what, Some("join some of them with `|`".to_owned()));
        }
        let Some(pattern) = Pattern::compile(pattern.inner()) else {
            let help = "look-around and back-references are not known, and its compiled size is bounded";
            let what = "the regular expression cannot be compiled";
            return self.problem(place, what, Some(help.to_owned()));
        };
        let read = build::name(&format!("@{}", self.patterns.len()));
        self.patterns.push(pattern);
        // The automaton is built while it is used: a byte may cost a good deal more than one that is compared.
        let cost = node.cost.saturating_add(self.looked(&node, 8));
        self.node(build::call("@matches", vec![node.expr, read]), Shapes::BOOL, cost, at)
    }

    /// How to make a text of what is none, where only a text is wanted.
    fn printed(&self, function: &str, node: &Node, wanted: Kinds) -> Option<String> {
        let printed = wanted == Kinds::STRING && self.shapes.kinds(node.shape).meets(PRINTED);
        let text = self.quoted(&node.at);
        printed.then(|| match function {
            "duration" => format!("write `duration(string({text}) + 's')`"),
            _ => format!("write `string({text})`"),
        })
    }

    fn presence(&mut self, field: &IdedExpr, at: Range<usize>) -> Node {
        let Expr::Select(select) = &field.expr else {
            let what = "`has` asks for a field";
            return self.problem(at, what, Some("write `has(data.field)`".to_owned()));
        };
        let operand = self.place(&select.operand);
        let step = Step::Field(select.field.as_str().into());
        let node = self.step(operand, step, self.parsed.place(field), self.parsed.extent(field));
        match &node.path {
            Some(path) if !matches!(path.root, Root::Local(..)) => {
                let expr = self.slot(path.clone(), Look::Presence, Shapes::BOOL);
                self.node(expr, Shapes::BOOL, 1, at)
            }
            _ => {
                let expr = match node.expr.expr {
                    Expr::Select(mut it) => {
                        it.test = true;
                        IdedExpr { id: 0, expr: Expr::Select(it) }
                    }
                    expr => IdedExpr { id: 0, expr },
                };
                self.node(expr, Shapes::BOOL, node.cost, at)
            }
        }
    }

    /// `min(a, b, …)` and `max(a, b, …)` of numbers.
    fn extreme(&mut self, name: &str, first: &IdedExpr, others: &[IdedExpr], at: Range<usize>) -> Node {
        let mut node = self.number(name, first);
        for other in others {
            let next = self.number(name, other);
            let kinds = self.shapes.kinds(node.shape) | self.shapes.kinds(next.shape);
            let shape = if kinds.meets(Kinds::DOUBLE) { Shapes::DOUBLE } else { Shapes::INT };
            let cost = node.cost.saturating_add(next.cost);
            let (one, two) = self.aligned(node, next);
            node = self.node(build::call(&format!("@{name}"), vec![one, two]), shape, cost, at.clone());
        }
        node
    }

    fn number(&mut self, name: &str, part: &IdedExpr) -> Node {
        let node = self.value(part);
        let kinds = self.shapes.kinds(node.shape);
        if kinds.meets(Kinds::NUMBER) {
            return node;
        }
        let what = format!("`{name}` wants a number, and this is {}", kinds.text());
        self.problem(node.at, what, None)
    }

    fn comprehension(
        &mut self,
        name: &str,
        range: &IdedExpr,
        variable: &IdedExpr,
        when: Option<&IdedExpr>,
        body: &IdedExpr,
        at: Range<usize>,
    ) -> Node {
        let whole = self.value(range);
        let kinds = self.shapes.kinds(whole.shape);
        if !kinds.meets(Kinds::LIST | Kinds::MAP) {
            let text = self.quoted(&whole.at);
            let what = format!("`{name}` goes over a list or an object, and `{text}` is {}", kinds.text());
            return self.problem(whole.at, what, None);
        }
        let variable = match self.item_name(name, variable) {
            Ok(variable) => variable,
            Err(problem) => return problem,
        };
        if COMPREHENSION_DEPTH_MAX <= self.known.loops() {
            let what = format!("comprehensions lie in one another, more than {COMPREHENSION_DEPTH_MAX}");
            return self.problem(at, what, Some("each multiplies the cost of the next".to_owned()));
        }
        // Each item is copied into the variable, and into the result if it stays.
        let copies = self.looked(&whole, 2);
        let shape = self.shapes.get(whole.shape);
        let (count, size, items) = (shape.count, shape.size, shape.items);
        let item = match (kinds.meets(Kinds::LIST), kinds.meets(Kinds::MAP)) {
            (true, false) => items,
            (false, true) => self.shapes.text(size.bytes),
            _ => Shapes::UNTYPED,
        };
        let wants_truth = name != "map";
        let (when_node, body_node, copied) = self.with_local(variable, (item, size), |it| {
            let when_node = when.map(|when| it.boolean(when));
            let facts = when.map(|when| it.facts(when, true)).unwrap_or_default();
            let body_node =
                it.with_facts(facts, |it| if wants_truth { it.boolean(body) } else { it.value(body) });
            let copied = if wants_truth { 0 } else { it.looked(&body_node, 1) };
            (when_node, body_node, copied)
        });
        let round = body_node.cost.saturating_add(when_node.as_ref().map_or(0, |it| it.cost));
        let round = round.saturating_add(copied).saturating_add(ROUND_STEPS);
        let cost = whole.cost.saturating_add(count.saturating_mul(round)).saturating_add(copies);
        let shape = self.gathered(name, item, body_node.shape, count, size);
        // Whatever the schema says: data from before it, or admitted by `warn`, may be an object, whose keys have an order.
        let range = build::call("@keys", vec![whole.expr]);
        let turn = match name {
            "all" => Loop::All(body_node.expr),
            "exists" => Loop::Exists(body_node.expr),
            "exists_one" => Loop::ExistsOne(body_node.expr),
            "filter" => Loop::Filter(body_node.expr),
            _ => Loop::Map { when: when_node.map(|it| it.expr), to: body_node.expr },
        };
        self.node(build::comprehension(range, variable, turn), shape, cost, at)
    }

    /// The name that a comprehension gives each item: a new one.
    fn item_name<'e>(&mut self, function: &str, variable: &'e IdedExpr) -> Result<&'e str, Node> {
        let place = self.parsed.extent(variable);
        let name = match &variable.expr {
            Expr::Ident(it) if !it.starts_with('.') => it.as_str(),
            _ => {
                let help = format!("write `{}`", usage(function));
                let what = format!("`{function}` wants a new name for each item");
                return Err(self.problem(place, what, Some(help)));
            }
        };
        if self.known.root(name).is_some() {
            let what = format!("the name `{name}` is taken");
            return Err(self.problem(place, what, Some("choose another for the items".to_owned())));
        }
        Ok(name)
    }

    /// The shape of what a comprehension gives.
    fn gathered(&mut self, name: &str, item: ShapeId, body: ShapeId, count: u64, size: Size) -> ShapeId {
        match name {
            "map" => self.shapes.list(body, count),
            "filter" => self.shapes.list_of(item, count, size),
            _ => Shapes::BOOL,
        }
    }

    /// Notes what no part, but the whole is.
    #[cfg_attr(test, track_caller)]
    pub(super) fn whole_problem(&mut self, at: Range<usize>, what: String, help: &str) {
        self.problems.push(Problem::new(at, what, Some(help.to_owned())));
    }
}

/// How a function is written.
fn usage(name: &str) -> String {
    match name {
        "has" => "has(data.field)".to_owned(),
        "map" => "list.map(item, value)".to_owned(),
        "all" | "exists" | "exists_one" | "filter" => format!("list.{name}(item, condition)"),
        "min" | "max" => format!("{name}(a, b)"),
        "matches" => "text.matches(\"pattern\")".to_owned(),
        "contains" | "startsWith" | "endsWith" => format!("text.{name}(part)"),
        _ if name.starts_with("get") => format!("time.{name}()"),
        _ => format!("{name}(value)"),
    }
}
