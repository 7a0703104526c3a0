//! The cost of one write under a policy: each part of it that looks at the data, as large as data may be.

use std::ops::Range;

use serde_json::Value;

use crate::{
    domain::limits::{
        COPY_BYTES_NS, COPY_VALUE_NS, DATA_BYTES_MAX, DATA_NODES_MAX, EXPRESSION_NS, EXPRESSION_STEP_NS,
        NAME_CHARS_MAX, TARGET_NS, UNTYPED_BYTES_MAX, UNTYPED_VALUES_MAX,
    },
    policy::{
        compiled::{Bound, Mode, Read, Rule, Source, Target},
        expression::{Expression, Places, Size},
        folding::Origin,
        pointer::Pointer,
        schema::Schema,
        search_cost::SearchCost,
        setting::Setting,
        write_cost::{CostPart, PartKind, WriteCost},
        written::At,
    },
};

/// Bytes of a name, or of what it captures.
const NAME_BYTES: u64 = 4 * NAME_CHARS_MAX as u64;

/// The parts of a policy that a write comes to.
pub(super) struct Parts<'p> {
    pub(super) mode: Mode,
    pub(super) from: &'p At<Source>,
    pub(super) bounds: &'p [At<Bound>],
    pub(super) rules: &'p [At<Rule>],
    pub(super) targets: &'p [At<Target>],
}

impl Parts<'_> {
    /// What all of them cost together.
    pub(super) fn cost(&self) -> WriteCost {
        let mut sum = Sum(Vec::new());
        let (all, private) = (self.all(), self.from.value.schema.as_ref());
        if let Some(schema) = private {
            sum.add(&self.from.span, PartKind::Schema, format!("`{}`", schema.file()), check_ns(schema, all));
        }
        for bound in self.bounds {
            if let Some(pattern) = &bound.value.pattern {
                let ns = SearchCost::of(pattern.as_str()).ask_ns(1, NAME_BYTES);
                let what = format!("the pattern of `{}`", bound.value.variable);
                sum.add(&bound.span, PartKind::Pattern, what, ns);
            }
        }
        for rule in self.rules {
            let what = format!("the condition `{}`", rule.value.name);
            sum.add(&rule.span, PartKind::Expression, what, expression_ns(&rule.value.that));
        }
        // Under `warn`, data comes through that breaks the schema.
        let schema = private.filter(|_| self.mode != Mode::Warn);
        let places = schema.map(|it| Places::of(it.document()));
        let data = Data { all, places };
        for target in self.targets {
            data.add_target(target, &mut sum);
        }
        WriteCost::of(sum.0)
    }

    /// What the dearest condition of `read` costs: it is judged by itself, at each read.
    pub(super) fn read_cost(&self) -> WriteCost {
        let condition = |target: &At<Target>| match &target.value.read {
            Read::Condition(it) => Some(CostPart {
                ns: expression_ns(it),
                what: format!("`read` of `{}`", target.value.name),
                kind: PartKind::Expression,
                at: target.span.start,
            }),
            Read::Everyone | Read::Permission => None,
        };
        let dearest = self.targets.iter().filter_map(condition).max_by_key(|it| it.ns);
        WriteCost::of(dearest.into_iter().collect())
    }

    /// How large any data is that a client can send: each value has at least two bytes.
    fn all(&self) -> Size {
        let bytes = (self.from.value.max_bytes as u64).min(DATA_BYTES_MAX as u64);
        Size { nodes: (bytes / 2 + 1).min(DATA_NODES_MAX as u64), bytes }
    }
}

struct Sum(Vec<CostPart>);

impl Sum {
    fn add(&mut self, span: &Range<usize>, kind: PartKind, what: String, ns: u64) {
        self.0.push(CostPart { ns, what, kind, at: span.start });
    }
}

/// What is known of the private data.
struct Data {
    all: Size,
    places: Option<Places>,
}

impl Data {
    /// How large what stands at a place of the private data can be.
    fn size(&self, steps: &[&str]) -> Size {
        self.places.as_ref().map_or(self.all, |it| it.size(steps)).at_most(self.all)
    }

    fn add_target(&self, target: &At<Target>, sum: &mut Sum) {
        let At { span, value: target } = target;
        let name = format!("`[[to]]` `{}`", target.name);
        let rewrite = &target.rewrite;
        let steps = |it: &Pointer| it.steps().iter().map(String::clone).collect::<Vec<_>>();
        let at = |it: &Pointer| {
            let steps = steps(it);
            self.size(&steps.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let taken = match &rewrite.take {
            None => self.size(&[]),
            Some(places) => places.iter().fold(Size::ONE, |sum, it| sum.and(at(it))),
        };
        let mut published = taken.at_most(self.all);
        published = rewrite.default.iter().fold(published, |sum, it| sum.and(size(&it.1)));
        for (place, mask) in &rewrite.mask {
            let steps = rewrite.origin(place);
            let texts = steps.map_or(self.all, |it| self.size(&it));
            let ns = mask.cost_ns(texts.nodes, texts.bytes);
            sum.add(span, PartKind::Mask, format!("the mask of `{place}` in {name}"), ns);
        }
        for (place, setting) in &rewrite.set {
            let (kind, ns, put) = setting_ns(setting);
            published = published.and(put);
            if ns != 0 {
                sum.add(span, kind, format!("`set` of `{place}` in {name}"), ns);
            }
        }
        if let Some(schema) = &target.schema {
            sum.add(
                span,
                PartKind::Schema,
                format!("`{}` in {name}", schema.file()),
                check_ns(schema, published),
            );
        }
        let mut copies = TARGET_NS.saturating_add(copy_ns(published));
        for input in target.fold.iter().flat_map(|it| &it.inputs) {
            copies = copies.saturating_add(input.keep.len().min(1) as u64 * copy_ns(published));
            match &input.value {
                Some(Origin::Expression(it)) => {
                    let what = format!("the fold of {name}");
                    sum.add(span, PartKind::Expression, what, expression_ns(it));
                }
                Some(Origin::Place(place)) => copies = copies.saturating_add(copy_ns(at(place))),
                None => (),
            }
        }
        sum.add(span, PartKind::Copy, format!("what is copied for {name}"), copies);
    }
}

/// What one value of `set` costs, and how large it is.
fn setting_ns(setting: &Setting) -> (PartKind, u64, Size) {
    let name = Size { nodes: 1, bytes: NAME_BYTES };
    let size = match setting {
        Setting::Expression(it) => {
            return (PartKind::Expression, expression_ns(it), it.size().at_most(Size::DATA));
        }
        Setting::Text(text) => {
            let holes = text.variables().count() as u64;
            Size { nodes: 1, bytes: text.literal_bytes() as u64 + holes.saturating_mul(NAME_BYTES) }
        }
        Setting::Constant(value) => size(value),
        Setting::Claim(_) => Size { nodes: UNTYPED_VALUES_MAX, bytes: UNTYPED_BYTES_MAX },
        Setting::Identity | Setting::Capture(_) | Setting::Key | Setting::Pseudonym => name,
        Setting::Now => Size { nodes: 1, bytes: 24 },
    };
    let ns = if matches!(setting, Setting::Text(_) | Setting::Constant(_)) { copy_ns(size) } else { 0 };
    (PartKind::Copy, ns, size)
}

fn expression_ns(expression: &Expression) -> u64 {
    expression.cost().saturating_mul(EXPRESSION_STEP_NS).saturating_add(EXPRESSION_NS)
}

fn check_ns(schema: &Schema, size: Size) -> u64 {
    schema.check_ns(size.nodes, size.bytes)
}

fn copy_ns(size: Size) -> u64 {
    let values = size.nodes.saturating_mul(COPY_VALUE_NS);
    values.saturating_add((size.bytes / 16).saturating_mul(COPY_BYTES_NS))
}

/// How large a constant is.
fn size(value: &Value) -> Size {
    match value {
        Value::Array(items) => items.iter().fold(Size::ONE, |sum, it| sum.and(size(it))),
        Value::Object(entries) => entries.iter().fold(Size::ONE, |sum, (key, it)| {
            sum.and(size(it)).and(Size { nodes: 0, bytes: key.len() as u64 })
        }),
        Value::String(text) => Size { nodes: 1, bytes: text.len() as u64 },
        Value::Null | Value::Bool(_) | Value::Number(_) => Size::ONE,
    }
}
