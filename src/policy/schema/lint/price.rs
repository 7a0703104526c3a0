//! What a check by a schema costs at the most: nanoseconds, by how many values and bytes the data has.
//!
//! A schema that does not lead back to itself is priced part by part: what `properties` names is there once, however
//! large the data is. One that does is priced by the dearest look at any value.

use serde_json::{Map, Value};

use super::Graph;
use crate::{
    domain::limits::{
        SCHEMA_ENTRY_NS, SCHEMA_FORMAT_BYTE_NS, SCHEMA_FORMAT_NS, SCHEMA_KEYWORD_NS, SCHEMA_LOOK_NS,
        SCHEMA_UNIQUE_NS,
    },
    policy::search_cost::SearchCost,
};

/// An upper bound, linear in the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Whatever the data.
    pub fixed_ns: u64,
    /// For each value in the data.
    pub value_ns: u64,
    /// For each byte of the data.
    pub byte_ns: u64,
}

impl Price {
    fn and(self, other: Self) -> Self {
        Self {
            fixed_ns: self.fixed_ns.saturating_add(other.fixed_ns),
            value_ns: self.value_ns.saturating_add(other.value_ns),
            byte_ns: self.byte_ns.saturating_add(other.byte_ns),
        }
    }

    /// The same for each value instead of once.
    fn for_each(self) -> Self {
        Self { fixed_ns: 0, value_ns: self.value_ns.saturating_add(self.fixed_ns), ..self }
    }

    /// What covers both, where the data is divided between them.
    fn or(self, other: Self) -> Self {
        Self {
            fixed_ns: self.fixed_ns.max(other.fixed_ns),
            value_ns: self.value_ns.max(other.value_ns),
            byte_ns: self.byte_ns.max(other.byte_ns),
        }
    }

    /// What covers all of them, each of which is there once: the fixed parts add up.
    fn once(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::default(), |sum, it| Self {
            fixed_ns: sum.fixed_ns.saturating_add(it.fixed_ns),
            ..sum.or(it)
        })
    }
}

/// What the keywords of one schema cost at one value, without the schemas below.
pub(super) fn own(schema: &Map<String, Value>) -> Price {
    let mut price = Price { fixed_ns: SCHEMA_LOOK_NS, ..Price::default() };
    for (keyword, value) in schema {
        price.fixed_ns = price.fixed_ns.saturating_add(SCHEMA_KEYWORD_NS);
        let entries = |count: u64| count.saturating_mul(SCHEMA_ENTRY_NS);
        match keyword.as_str() {
            "enum" | "const" | "required" | "dependentRequired" => {
                price.fixed_ns = price.fixed_ns.saturating_add(entries(values(value)));
            }
            "properties" | "dependentSchemas" | "dependencies" => {
                let count = value.as_object().map_or(0, Map::len) as u64;
                price.fixed_ns = price.fixed_ns.saturating_add(entries(count));
            }
            "minLength" | "maxLength" => price.byte_ns = price.byte_ns.saturating_add(1),
            "uniqueItems" => {
                price.value_ns = price.value_ns.saturating_add(SCHEMA_UNIQUE_NS);
                price.byte_ns = price.byte_ns.saturating_add(2);
            }
            "format" => {
                price.fixed_ns = price.fixed_ns.saturating_add(SCHEMA_FORMAT_NS);
                // What has one form is refused at the first letter that is wrong, or by its length.
                let short = ["date-time", "date", "time", "uuid", "ipv4", "ipv6"];
                if !value.as_str().is_some_and(|it| short.contains(&it)) {
                    price.byte_ns = price.byte_ns.saturating_add(SCHEMA_FORMAT_BYTE_NS);
                }
            }
            "pattern" => price = price.and(asked(value.as_str().unwrap_or_default())),
            "patternProperties" => {
                // Each key is compared with each of them, and by `additionalProperties` again.
                let patterns = value.as_object().into_iter().flat_map(Map::keys);
                let twice = |it: Price| it.and(it).for_each();
                price = patterns.map(|it| twice(asked(it))).fold(price, Price::and);
            }
            _ => (),
        }
    }
    price
}

/// A pattern, looked for in one text.
fn asked(pattern: &str) -> Price {
    let cost = SearchCost::of(pattern);
    let (none, byte) = (cost.ask_ns(1, 0), cost.ask_ns(0, 1));
    match cost.ask_ns(1, u64::MAX) {
        u64::MAX => Price { fixed_ns: none, value_ns: 0, byte_ns: cost.ask_ns(1, 1).saturating_sub(none) },
        // It reads no more than its longest match, if that is cheaper than all of a text of some length.
        most if most < none.saturating_add(byte.max(6).saturating_mul(512)) => {
            Price { fixed_ns: most, ..Price::default() }
        }
        _ => Price { fixed_ns: none, value_ns: 0, byte_ns: cost.ask_ns(1, 1).saturating_sub(none) },
    }
}

fn values(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(values).sum::<u64>(),
        Value::Object(entries) => 1 + entries.values().map(values).sum::<u64>(),
        _ => 1,
    }
}

impl Graph {
    /// The price of a check by the first schema.
    pub(super) fn price(&self, order: &[usize]) -> Price {
        let mut known = vec![None; self.nodes.len()];
        if let Some(price) = self.plain_price(0, &mut known) {
            return price;
        }
        let most = |of: fn(Price) -> u64| self.most(order, |it| of(it.own));
        let levels = crate::domain::limits::DATA_DEPTH_MAX as u64 + 1;
        Price {
            fixed_ns: 0,
            // What is paid for each value below is paid by each level above it.
            value_ns: most(|it| it.fixed_ns).saturating_add(most(|it| it.value_ns).saturating_mul(levels)),
            byte_ns: most(|it| it.byte_ns),
        }
    }

    /// The price of one schema, if it does not lead back to itself. `Some(None)` is on the way.
    fn plain_price(&self, at: usize, known: &mut [Option<Option<Price>>]) -> Option<Price> {
        match known.get(at) {
            Some(Some(price)) => return *price,
            Some(None) => (),
            None => return None,
        }
        if let Some(slot) = known.get_mut(at) {
            *slot = Some(None);
        }
        let node = self.nodes.get(at)?;
        let mut all = |list: &[usize]| -> Option<Vec<Price>> {
            list.iter().map(|it| self.plain_price(*it, known)).collect()
        };
        let (same, properties, first) =
            (all(&node.same)?, all(&node.properties)?, all(&node.first_elements)?);
        let (additional, patterns, entries) =
            (all(&node.additional)?, all(&node.patterns)?, all(&node.entries)?);
        let sum = |list: Vec<Price>| list.into_iter().fold(Price::default(), Price::and);
        let below = Price::once(properties.into_iter())
            .or(Price::default())
            .and(Price::once(first.into_iter()))
            .and(sum(additional).for_each())
            .and(sum(patterns).for_each())
            .and(sum(entries).for_each());
        let mut price = node.own.and(sum(same)).and(below);
        if node.twice {
            price = price.and(price);
        }
        if let Some(slot) = known.get_mut(at) {
            *slot = Some(Some(price));
        }
        Some(price)
    }
}

#[cfg(test)]
mod tests {
    use jsonschema::Draft;
    use serde_json::json;

    use super::*;

    fn price(schema: &Value) -> Price {
        crate::policy::schema::lint::lint(schema, Draft::Draft202012)
            .map(|it| it.1)
            .unwrap_or_else(|it| panic!("{it:?}"))
    }

    #[test]
    fn what_is_named_is_there_once_and_items_are_as_many_as_fit() {
        let text = json!({"type": "string", "pattern": "^#[0-9a-f]{6}$"});
        let named = price(&json!({"properties": {"a": text, "b": text}, "additionalProperties": false}));
        let listed = price(&json!({"properties": {"a": {"items": text}}}));
        assert!(named.value_ns < 100 && 200 < named.fixed_ns, "{named:?}");
        assert!(100 < listed.value_ns && listed.fixed_ns < 500, "{listed:?}");
        assert_eq!((named.byte_ns, listed.byte_ns), (0, 0), "the pattern reads seven letters");
    }

    #[test]
    fn a_schema_that_leads_back_is_priced_by_its_dearest_look() {
        let deep = price(&json!({"properties": {"a": {"$ref": "#"}, "b": {"enum": vec![1; 100]}}}));
        assert!(deep.fixed_ns == 0 && 100 * SCHEMA_ENTRY_NS < deep.value_ns, "{deep:?}");
    }
}
