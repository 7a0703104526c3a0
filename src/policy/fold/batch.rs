//! The document of a fold, computed at once and in the plainest way: what `airlock verify` and the property tests
//! hold a [`Tally`](super::Tally) against. It shares nothing with it but the text of numbers and lists.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Part, Shape, Share, decimal::Decimal, scalar::Scalar, text};

/// The document that these shares give; each with its source and, by field, the sequence number at which it
/// reached its rank.
pub fn batch<'b, S: Ord + 'b>(
    shape: &Shape,
    shares: impl Iterator<Item = (&'b S, &'b Share, &'b [u64])>,
) -> String {
    let shares: Vec<_> = shares.collect();
    let fields = shape.fields().iter().enumerate().map(|(at, field)| {
        let parts = || {
            shares
                .iter()
                .filter_map(move |it| Some((it.0, it.1.part(at)?, it.2.get(at).copied().unwrap_or_default())))
        };
        let values = || {
            parts().filter_map(|it| match it.1 {
                Part::Value(value) => Some(value),
                Part::One | Part::Ranked { .. } => None,
            })
        };
        let numbers = || {
            values().filter_map(|it| match it {
                Scalar::Number(number) => Some(number.scaled()),
                Scalar::Bool(_) | Scalar::Text(_) => None,
            })
        };
        let value = match field.kind {
            Kind::Count => parts().count().to_string(),
            Kind::Distinct => values().collect::<BTreeSet<_>>().len().to_string(),
            Kind::Min => text::scalar(values().min()),
            Kind::Max => text::scalar(values().max()),
            Kind::Sum => Decimal::of_scaled(numbers().sum()).to_string(),
            Kind::Mean => text::mean(numbers().sum(), numbers().count() as u64),
            Kind::CountBy { top } => {
                let mut counts: BTreeMap<&Scalar, u64> = BTreeMap::new();
                values().for_each(|it| *counts.entry(it).or_default() += 1);
                let Some(top) = top else { return (&*field.name, text::counts(counts.into_iter())) };
                let total = counts.values().sum();
                let mut all: Vec<_> = counts.into_iter().collect();
                all.sort_by(|one, two| two.1.cmp(&one.1).then(one.0.cmp(two.0)));
                all.truncate(usize::try_from(top).unwrap_or(usize::MAX));
                text::frequent(all.into_iter(), total)
            }
            Kind::Top { count } => {
                let mut ranked: Vec<_> = parts()
                    .filter_map(|(source, part, reached)| match part {
                        Part::Ranked { by, keep } => Some((by, reached, source, keep)),
                        Part::One | Part::Value(_) => None,
                    })
                    .collect();
                ranked.sort_by(|one, two| two.0.cmp(one.0).then(one.1.cmp(&two.1)).then(one.2.cmp(two.2)));
                text::list(
                    ranked.into_iter().take(usize::try_from(count).unwrap_or(usize::MAX)).map(|it| it.3),
                )
            }
        };
        (&*field.name, value)
    });
    text::object(fields)
}
