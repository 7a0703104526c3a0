//! Keys that name a place of the data: what the schemas let stand there must be what the key works on.

use crate::policy::{
    expression::{Needed, misfit},
    fault::Faults,
    fold::Kind,
    folding::{Folding, Origin},
    pointer::Pointer,
    rewrite::Rewrite,
    schema::Schema,
    written::Table,
};

/// What is known of the data of a target.
pub(super) struct Data<'d> {
    pub(super) private: Option<&'d Schema>,
    pub(super) rewrite: &'d Rewrite,
    pub(super) shared: Option<&'d Schema>,
}

impl Data<'_> {
    /// What stands at a place of the published data, in words, if it is never what is needed. What `set` overwrites
    /// says nothing of what stood there before.
    fn misfit(&self, place: &Pointer, needed: Needed, after_set: bool) -> Option<String> {
        let set = self.rewrite.set.iter().any(|it| it.0.overlaps(place));
        let own = || {
            let steps = self.rewrite.origin(place).filter(|_| !(set && after_set))?;
            misfit(self.private?.document(), &steps, needed)
        };
        let published = || {
            let steps: Vec<&str> = place.steps().iter().map(String::as_str).collect();
            misfit(self.shared.filter(|_| !set || after_set)?.document(), &steps, needed)
        };
        own().or_else(published)
    }
}

/// Checks the places of `clamp`, `mask` and the fold.
pub(super) fn check(table: &Table<'_>, data: &Data<'_>, fold: Option<&Folding>, faults: &mut Faults<'_>) {
    let clamps = data.rewrite.clamp.iter().map(|it| ("clamp", &it.0, Needed::Number));
    let masks = data.rewrite.mask.iter().map(|it| ("mask", &it.0, Needed::Text));
    for (key, place, needed) in clamps.chain(masks) {
        if let Some(is) = data.misfit(place, needed, false) {
            let what = format!("`{key}` wants {}, and `{place}` is {is}", needed.text());
            faults.add_with_help(&table.key_span(key), what, "take it out, or name another place");
        }
    }
    let Some(fold) = fold else { return };
    for (field, input) in fold.shape.fields().iter().zip(&fold.inputs) {
        let Some(Origin::Place(place)) = &input.value else { continue };
        let needed = match field.kind {
            Kind::Count => continue,
            Kind::CountBy { .. } | Kind::Distinct => Needed::Scalar,
            Kind::Sum | Kind::Mean | Kind::Min | Kind::Max | Kind::Top { .. } => Needed::Number,
        };
        if let Some(is) = data.misfit(place, needed, true) {
            let what = format!("the fold's `{}` wants {}, and `{place}` is {is}", field.name, needed.text());
            let help = "name another field, or compute it: an expression stands here as well";
            faults.add_with_help(&table.key_span("fold"), what, help);
        }
    }
}
