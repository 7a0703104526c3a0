//! What operators, literals and choices ask of their operands, and what they give.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use cel::{
    IdedExpr,
    common::ast::{CallExpr, EntryExpr, Expr, IdedEntryExpr, LiteralValue, MapEntryExpr, MapExpr, operators},
};

use crate::policy::expression::{
    Problem, build,
    check::{Checker, Node},
    constant::is_zero,
    guard::{is_null, literal_step},
    kinds::{Kinds, Operator},
    path::{Look, Path, Root},
    shape::{Field, ShapeId, Shapes, Size},
};

impl Checker<'_> {
    /// Checks an operator, a function or a macro.
    pub(super) fn call(&mut self, part: &IdedExpr, call: &CallExpr, at: Range<usize>) -> Node {
        let name = call.func_name.as_str();
        let order = [operators::LESS, operators::LESS_EQUALS, operators::GREATER, operators::GREATER_EQUALS];
        match (name, call.args.as_slice()) {
            (operators::CONDITIONAL, [when, then, otherwise]) => self.choice(when, then, otherwise, at),
            (operators::LOGICAL_AND, [left, right]) => self.logic(name, left, right, at),
            (operators::LOGICAL_OR, [left, right]) => self.logic(name, left, right, at),
            (operators::LOGICAL_NOT, [operand]) => {
                let node = self.boolean(operand);
                self.node(build::not(node.expr), Shapes::BOOL, node.cost, at)
            }
            (operators::NEGATE, [operand]) => self.negated(operand, at),
            (operators::EQUALS, [left, right]) => self.equality(true, left, right, at),
            (operators::NOT_EQUALS, [left, right]) => self.equality(false, left, right, at),
            (operators::IN, [left, right]) => self.membership(left, right, at),
            (operators::INDEX, [operand, index]) => match literal_step(call) {
                Some((_, step)) => {
                    let operand = self.place(operand);
                    let place = self.parsed.extent(index);
                    self.step(operand, step, place, at)
                }
                None => self.indexed(operand, index, at),
            },
            (_, [left, right]) if call.target.is_none() && order.contains(&name) => {
                self.operation(Operator::Order, name, left, right, at)
            }
            (operators::ADD, [left, right]) => self.operation(Operator::Add, name, left, right, at),
            (operators::SUBSTRACT, [left, right]) => {
                self.operation(Operator::Subtract, name, left, right, at)
            }
            (operators::MULTIPLY, [left, right]) => self.operation(Operator::Multiply, name, left, right, at),
            (operators::DIVIDE, [left, right]) => self.operation(Operator::Divide, name, left, right, at),
            (operators::MODULO, [left, right]) => self.operation(Operator::Modulo, name, left, right, at),
            _ => self.function(part, call, at),
        }
    }

    fn logic(&mut self, name: &str, left: &IdedExpr, right: &IdedExpr, at: Range<usize>) -> Node {
        let goes_on = name == operators::LOGICAL_AND;
        let first = self.boolean(left);
        let facts = self.facts(left, goes_on);
        let second = self.with_facts(facts, |it| it.boolean(right));
        let cost = first.cost.saturating_add(second.cost);
        self.node(build::call(name, vec![first.expr, second.expr]), Shapes::BOOL, cost, at)
    }

    fn choice(&mut self, when: &IdedExpr, then: &IdedExpr, otherwise: &IdedExpr, at: Range<usize>) -> Node {
        let condition = self.boolean(when);
        let facts = (self.facts(when, true), self.facts(when, false));
        let first = self.with_facts(facts.0, |it| it.value(then));
        let second = self.with_facts(facts.1, |it| it.value(otherwise));
        let shape = self.shapes.either(first.shape, second.shape);
        let cost = condition.cost.saturating_add(first.cost.max(second.cost));
        let args = vec![condition.expr, first.expr, second.expr];
        self.node(build::call(operators::CONDITIONAL, args), shape, cost, at)
    }

    fn negated(&mut self, operand: &IdedExpr, at: Range<usize>) -> Node {
        let node = self.value(operand);
        let kinds = self.shapes.kinds(node.shape);
        if !kinds.meets(Kinds::NUMBER) {
            let what = format!("`-` cannot take {}", kinds.text());
            return self.problem(at, what, None);
        }
        let shape = self.shapes.computed(kinds & Kinds::NUMBER, Size::ONE);
        self.node(build::call(operators::NEGATE, vec![node.expr]), shape, node.cost, at)
    }

    fn equality(&mut self, equal: bool, left: &IdedExpr, right: &IdedExpr, at: Range<usize>) -> Node {
        let place = match (is_null(left), is_null(right)) {
            (false, true) => Some(left),
            (true, false) => Some(right),
            _ => None,
        };
        if let Some(place) = place {
            let node = self.place(place);
            return self.absence(node, equal, at);
        }
        let (first, second) = (self.value(left), self.value(right));
        let kinds = (self.shapes.kinds(first.shape), self.shapes.kinds(second.shape));
        if !kinds.0.can_equal(kinds.1) {
            let what = format!("{} is never equal to {}", kinds.0.text(), kinds.1.text());
            return self.problem(at, what, None);
        }
        let looked = self.compared(&first, &second);
        let cost = first.cost.saturating_add(second.cost).saturating_add(looked);
        let name = if equal { operators::EQUALS } else { operators::NOT_EQUALS };
        self.node(build::call(name, vec![first.expr, second.expr]), Shapes::BOOL, cost, at)
    }

    /// `place == null`, which holds too if there is nothing at the place.
    fn absence(&mut self, node: Node, equal: bool, at: Range<usize>) -> Node {
        let whole = match &node.path {
            Some(Path { root: Root::Local(..), steps }) => steps.is_empty(),
            Some(Path { root: Root::Variables | Root::Reader, steps }) => steps.is_empty(),
            Some(path) => {
                let absent = self.slot(path.clone(), Look::Absence, Shapes::BOOL);
                let expr = if equal { absent } else { build::not(absent) };
                return self.node(expr, Shapes::BOOL, 1, at);
            }
            None => true,
        };
        let (cost, test) = (node.cost.saturating_mul(2), presence(&node.expr).filter(|_| !whole));
        let Some(there) = test else {
            let node = self.settle(node);
            let name = if equal { operators::EQUALS } else { operators::NOT_EQUALS };
            let null = build::literal(LiteralValue::Null);
            return self.node(build::call(name, vec![node.expr, null]), Shapes::BOOL, node.cost, at);
        };
        let null = build::literal(LiteralValue::Null);
        let differs = build::call(operators::NOT_EQUALS, vec![node.expr, null]);
        let present = build::call(operators::LOGICAL_AND, vec![there, differs]);
        self.node(if equal { build::not(present) } else { present }, Shapes::BOOL, cost.saturating_add(3), at)
    }

    fn membership(&mut self, left: &IdedExpr, right: &IdedExpr, at: Range<usize>) -> Node {
        let (first, second) = (self.value(left), self.value(right));
        let (kinds, container) = (self.shapes.kinds(first.shape), self.shapes.kinds(second.shape));
        if !container.meets(Kinds::LIST | Kinds::MAP) {
            let text = self.quoted(&second.at);
            let what = format!("`in` wants a list or an object, and `{text}` is {}", container.text());
            let help = container.meets(Kinds::STRING).then(|| format!("write `{text}.contains(…)`"));
            return self.problem(second.at, what, help);
        }
        let mut among = Kinds::NONE;
        if container.meets(Kinds::LIST) {
            among = among | self.shapes.kinds(self.shapes.get(second.shape).items);
        }
        if container.meets(Kinds::MAP) {
            among = among | Kinds::STRING;
        }
        if !among.can_equal(kinds) {
            let what = format!("{} is never in there: each is {}", kinds.text(), among.text());
            return self.problem(first.at, what, None);
        }
        let looked = self.looked(&second, 1);
        let cost = first.cost.saturating_add(second.cost).saturating_add(looked);
        self.node(build::call(operators::IN, vec![first.expr, second.expr]), Shapes::BOOL, cost, at)
    }

    /// `operand[index]` where the index is computed.
    fn indexed(&mut self, operand: &IdedExpr, index: &IdedExpr, at: Range<usize>) -> Node {
        self.straight = false;
        let (whole, place) = (self.value(operand), self.value(index));
        let kinds = (self.shapes.kinds(whole.shape), self.shapes.kinds(place.shape));
        let list = kinds.0.meets(Kinds::LIST) && kinds.1.meets(Kinds::NUMBER);
        let map = kinds.0.meets(Kinds::MAP) && kinds.1.meets(Kinds::STRING);
        let shape = match (list, map) {
            (true, true) => Shapes::UNTYPED,
            (true, false) => self.shapes.get(whole.shape).items,
            (false, true) => self.shapes.entry(whole.shape),
            (false, false) => {
                let what = format!("{} has no place for {}", kinds.0.text(), kinds.1.text());
                return self.problem(at, what, None);
            }
        };
        // An element of a computed list is copied out.
        let copied = if whole.path.is_some() { 0 } else { self.shapes.size(shape).steps() };
        let cost = whole.cost.saturating_add(place.cost).saturating_add(copied);
        self.node(build::call(operators::INDEX, vec![whole.expr, place.expr]), shape, cost, at)
    }

    fn operation(
        &mut self,
        operator: Operator,
        name: &str,
        left: &IdedExpr,
        right: &IdedExpr,
        at: Range<usize>,
    ) -> Node {
        let (first, second) = (self.value(left), self.value(right));
        let kinds = (self.shapes.kinds(first.shape), self.shapes.kinds(second.shape));
        let result = operator.result(kinds.0, kinds.1);
        if result == Kinds::NONE {
            let sign = name.trim_matches('_');
            let what = format!("`{sign}` cannot take {} and {}", kinds.0.text(), kinds.1.text());
            let text = kinds.0.meets(Kinds::STRING) != kinds.1.meets(Kinds::STRING);
            let joined = operator == Operator::Add && text && (kinds.0 | kinds.1).meets(Kinds::NUMBER);
            let help = joined.then(|| "write `string(…)` around the number".to_owned());
            return self.problem(at, what, help);
        }
        if matches!(operator, Operator::Divide | Operator::Modulo) && is_zero(&second.expr) {
            let what = "nothing can be divided by zero";
            self.problems.push(Problem::new(second.at.clone(), what, None));
        }
        let cost = first.cost.saturating_add(second.cost);
        let parts = Kinds::STRING | Kinds::LIST;
        let (size, looked) = match operator {
            Operator::Add if result.meets(parts) => {
                let sizes = self.shapes.size(first.shape).and(self.shapes.size(second.shape));
                (sizes, self.looked(&first, 1).saturating_add(self.looked(&second, 1)))
            }
            Operator::Order => (Size::ONE, self.compared(&first, &second)),
            _ => (Size::ONE, 1),
        };
        let shape = self.result_shape(result, (first.shape, second.shape), size);
        let double = result.meets(Kinds::DOUBLE);
        let function = match operator {
            Operator::Divide if double => "@divide",
            Operator::Modulo if double => "@modulo",
            _ => name,
        };
        let (first, second) = match operator {
            Operator::Order => (first.expr, second.expr),
            _ => self.aligned(first, second),
        };
        // Whatever the schema says: data from before it, or admitted by `warn`, may be an object.
        let mixed = operator == Operator::Add && kinds.0.meets(Kinds::LIST);
        let second = if mixed { build::call("@no_map", vec![second]) } else { second };
        self.node(build::call(function, vec![first, second]), shape, cost.saturating_add(looked), at)
    }

    fn result_shape(&mut self, result: Kinds, operands: (ShapeId, ShapeId), size: Size) -> ShapeId {
        if result != Kinds::LIST {
            return self.shapes.computed(result, size);
        }
        let (left, right) = (self.shapes.get(operands.0), self.shapes.get(operands.1));
        let (items, count) = ((left.items, right.items), left.count.saturating_add(right.count));
        let items = self.shapes.either(items.0, items.1);
        self.shapes.list_of(items, count, size)
    }

    /// Both operands as doubles, if one can be: the crate computes with numbers of one sort only.
    pub(super) fn aligned(&self, left: Node, right: Node) -> (IdedExpr, IdedExpr) {
        let kinds = (self.shapes.kinds(left.shape), self.shapes.kinds(right.shape));
        if !(kinds.0 | kinds.1).meets(Kinds::DOUBLE) {
            return (left.expr, right.expr);
        }
        let double = |node: Node, kinds: Kinds| match node.expr.expr {
            _ if !kinds.meets(Kinds::INT) => node.expr,
            Expr::Literal(LiteralValue::Int(it)) => {
                // Exact: whoever writes more digits than a double holds has compared them with a double anyway.
                #[expect(clippy::cast_precision_loss, reason = "a double is what the other operand is")]
                let value = *it.inner() as f64;
                build::literal(LiteralValue::Double(value.into()))
            }
            _ => build::call("@number", vec![node.expr]),
        };
        (double(left, kinds.0), double(right, kinds.1))
    }

    pub(super) fn literal(&mut self, value: &LiteralValue, at: Range<usize>) -> Node {
        let shape = match value {
            LiteralValue::Boolean(_) => Shapes::BOOL,
            LiteralValue::Double(_) => Shapes::DOUBLE,
            LiteralValue::Int(_) => Shapes::INT,
            LiteralValue::Null => Shapes::NULL,
            LiteralValue::String(text) => self.shapes.text(text.inner().len() as u64),
            LiteralValue::UInt(_) => {
                let help = Some("leave out the `u`".to_owned());
                return self.problem(at, "unsigned integers are not known here", help);
            }
            LiteralValue::Bytes(_) => {
                let help = Some("leave out the `b`".to_owned());
                return self.problem(at, "bytes are not known here", help);
            }
        };
        self.node(build::literal(value.clone()), shape, 0, at)
    }

    pub(super) fn list(&mut self, elements: &[IdedExpr], at: Range<usize>) -> Node {
        let (mut cost, mut size, mut exprs) = (0_u64, Size::ONE, Vec::new());
        let mut items = None;
        for element in elements {
            let node = self.value(element);
            let its = self.shapes.size(node.shape);
            // Each is copied into the list.
            cost = cost.saturating_add(node.cost).saturating_add(self.looked(&node, 1));
            size = size.and(its);
            items = Some(items.map_or(node.shape, |it| self.shapes.either(it, node.shape)));
            exprs.push(node.expr);
        }
        let shape = self.shapes.list_of(items.unwrap_or(Shapes::UNTYPED), elements.len() as u64, size);
        self.node(build::list(exprs), shape, cost, at)
    }

    pub(super) fn map(&mut self, map: &MapExpr, at: Range<usize>) -> Node {
        let (mut cost, mut size) = (0_u64, Size::ONE);
        let (mut entries, mut fields, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { continue };
            let (key, value) = (self.value(&entry.key), self.value(&entry.value));
            let kinds = self.shapes.kinds(key.shape);
            if !kinds.meets(Kinds::STRING) {
                let what = format!("a key must be a string, and this is {}", kinds.text());
                let help = "put it into quotes, or write `string(…)`".to_owned();
                self.problem(key.at.clone(), what, Some(help));
            }
            if let Expr::Literal(LiteralValue::String(name)) = &key.expr.expr {
                let name: Arc<str> = name.inner().into();
                if !names.insert(name.clone()) {
                    let what = format!("the key `{name}` stands twice");
                    self.problem(key.at.clone(), what, Some("take one out".to_owned()));
                }
                fields.push(Field { name, shape: value.shape, required: true });
            }
            let its = self.shapes.size(key.shape).and(self.shapes.size(value.shape));
            let copied = self.looked(&key, 1).saturating_add(self.looked(&value, 1));
            cost = cost.saturating_add(key.cost).saturating_add(value.cost).saturating_add(copied);
            size = size.and(its);
            let pair = MapEntryExpr { key: key.expr, value: value.expr, optional: false };
            entries.push(IdedEntryExpr { id: 0, expr: EntryExpr::MapEntry(pair) });
        }
        let shape = if fields.len() == map.entries.len() {
            self.shapes.object(fields)
        } else {
            self.shapes.computed(Kinds::MAP, size)
        };
        self.node(IdedExpr { id: 0, expr: Expr::Map(MapExpr { entries }) }, shape, cost, at)
    }
}

/// Whether the field is there that an expression of a comprehension's variable names.
fn presence(expr: &IdedExpr) -> Option<IdedExpr> {
    match &expr.expr {
        Expr::Select(select) => Some(build::select((*select.operand).clone(), &select.field, true)),
        _ => None,
    }
}
