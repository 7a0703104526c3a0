//! What the policy of one write may cost, part by part: known before the first write.

use std::sync::Arc;

use crate::domain::limits::WRITE_COST_NS_MAX;

/// The cost of a write under one policy: an upper bound, whatever the data.
#[derive(Clone, Debug, Default)]
pub struct WriteCost(Arc<[CostPart]>);

/// One part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostPart {
    /// Nanoseconds.
    pub ns: u64,
    /// Which part of the policy, as its author calls it.
    pub what: String,
    /// How its author can lower it.
    pub(super) kind: PartKind,
    /// Where it stands in the file, as a byte.
    pub(super) at: usize,
}

/// What a part is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartKind {
    Expression,
    Mask,
    Schema,
    Copy,
    Pattern,
}

impl PartKind {
    /// How such a part is made cheaper.
    fn help(self) -> &'static str {
        match self {
            Self::Expression => {
                "bound what it looks at in the schema: `maxItems`, `maxLength`, `maxProperties`; or ask less of it"
            }
            Self::Mask => {
                "lower `maxLength` of the text, or `max_bytes`; a pattern without `\\b` and with an end, `{1,64}`, is cheaper"
            }
            Self::Schema => {
                "lower `max_bytes`; a closed object is cheaper than any list, `^[a-z]{1,32}$` than a pattern without an end"
            }
            Self::Copy => "lower `max_bytes`, name fields in `take`, or publish to fewer targets",
            Self::Pattern => "let it match less: each letter and class counts as often as it is repeated",
        }
    }
}

impl WriteCost {
    /// The sum of these parts.
    pub(super) fn of(mut parts: Vec<CostPart>) -> Self {
        parts.sort_by(|one, two| two.ns.cmp(&one.ns).then_with(|| one.at.cmp(&two.at)));
        Self(parts.into())
    }

    /// The parts, the dearest first.
    pub fn parts(&self) -> &[CostPart] {
        &self.0
    }

    /// Nanoseconds in all.
    pub fn total_ns(&self) -> u64 {
        self.0.iter().fold(0, |sum, it| sum.saturating_add(it.ns))
    }

    /// What is wrong with it, where, and how to mend it; if it is more than one write, or one read, may cost.
    pub(super) fn fault(&self, one: &str) -> Option<(usize, String, &'static str)> {
        /// So many parts are named, the dearest ones.
        const NAMED: usize = 3;
        let total = self.total_ns();
        let first = self.0.first().filter(|_| WRITE_COST_NS_MAX < total)?;
        let mut named: Vec<String> =
            self.0.iter().take(NAMED).map(|it| format!("{} for {}", shown(it.ns), it.what)).collect();
        let rest = self.0.iter().skip(NAMED).fold(0_u64, |sum, it| sum.saturating_add(it.ns));
        if rest != 0 {
            named.push(format!("{} for the rest", shown(rest)));
        }
        let most = shown(WRITE_COST_NS_MAX);
        let what =
            format!("one {one} may take {}, and {most} are allowed: {}", shown(total), named.join(", "));
        Some((first.at, what, first.kind.help()))
    }
}

/// Microseconds up to ten milliseconds, then milliseconds, then seconds.
fn shown(ns: u64) -> String {
    match ns.div_ceil(1_000) {
        us @ ..10_000 => format!("{us} µs"),
        us @ 10_000..10_000_000 => format!("{} ms", us.div_ceil(1_000)),
        us => format!("{} s", us.div_ceil(1_000_000)),
    }
}
