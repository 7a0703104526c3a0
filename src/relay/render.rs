//! Private data → what each target of its policy publishes, with the checks of the shared side.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{
        data::Data,
        detail::Violation,
        limits::{DATA_BYTES_MAX, MESSAGE_DATA_BYTES_MAX},
        object::{ObjectKind, Space},
        sid::MessageSid,
        time::Timestamp,
    },
    policy::{Bindings, OnWithdraw, Policy, RenderFault, Rendered, Target, WhenFull},
    relay::{
        derived, examine,
        record::{Publication, Shell, Spot},
        refusal::{Reason, Refusal},
        standing::Standing,
    },
};

/// Where and when something is rendered.
pub(super) struct Canvas<'c> {
    pub(super) policy: &'c Arc<Policy>,
    pub(super) standing: &'c Standing<'c>,
    pub(super) at: Timestamp,
    /// Random bytes for the SIDs of messages.
    pub(super) drawn: [u8; 16],
}

impl Canvas<'_> {
    /// All that this data publishes.
    ///
    /// # Errors
    /// When something cannot be made of it, is too large, or would break its schema.
    pub(super) fn publications(
        &self,
        data: &Value,
        bindings: &Bindings<'_>,
    ) -> Result<Vec<Publication>, Refusal> {
        let policy = self.policy;
        let mut publications = Vec::with_capacity(policy.targets.len());
        for (at, target) in policy.targets.iter().enumerate() {
            let rendered = target.render(data, bindings).map_err(|it| unrendered(policy, it))?;
            if let Some(Err(violations)) = target.schema.as_ref().map(|it| it.check(&rendered.data)) {
                return Err(examine::refused(
                    Reason::SharedSchema,
                    Some(policy),
                    "shared-schema",
                    violations,
                ));
            }
            let too_large = || examine::refused(Reason::Rewrite, Some(policy), "rewrite", Vec::new());
            let max_bytes =
                if target.kind == ObjectKind::Stream { MESSAGE_DATA_BYTES_MAX } else { DATA_BYTES_MAX };
            let share = match &target.fold {
                Some(fold) => {
                    Some(fold.share(&rendered.data, bindings).map_err(|it| unrendered(policy, it))?)
                }
                None => None,
            };
            let data =
                Data::of(&rendered.data).filter(|it| it.size_bytes() <= max_bytes).ok_or_else(too_large)?;
            let sid = derived::sid(self.standing.secret, self.standing.service, target.kind, &rendered.name);
            let space = Space::Shared { policy: policy.name.clone() };
            let (spot, data) = match (&target.fold, share) {
                (Some(fold), Some(share)) => (Spot::Fold { shape: fold.shape.clone(), share }, Data::empty()),
                _ => (self.spot(target, &rendered, at), data),
            };
            publications.push(Publication {
                shell: Shell { sid, name: Some(rendered.name), space },
                spot,
                data,
                expires: target.ttl.and_then(|it| self.at.after(it)),
            });
        }
        Ok(publications)
    }

    /// Where in the shared object a target's output stands; `at` is the target's place in its policy.
    fn spot(&self, target: &Target, rendered: &Rendered, at: usize) -> Spot {
        let items_max = target.items_max;
        match (target.kind, &rendered.key) {
            (ObjectKind::Map, Some(key)) => Spot::Key { key: key.clone(), items_max },
            (ObjectKind::List, _) => Spot::Append {
                // A message cannot be withdrawn, and neither can what was made of it.
                keep: self.policy.from.kind == ObjectKind::Stream || target.on_withdraw == OnWithdraw::Keep,
                items_max,
                drop_oldest: target.when_full == WhenFull::DropOldest,
            },
            (ObjectKind::Stream, _) => {
                let mut sid = self.drawn;
                if let Some(last) = sid.last_mut() {
                    // One drawn SID names the message and, one step on each, those made of it.
                    *last = last.wrapping_add(u8::try_from(at + 1).unwrap_or(u8::MAX));
                }
                Spot::Message(MessageSid::new(sid))
            }
            (ObjectKind::Document, _) if target.on_withdraw == OnWithdraw::Keep => Spot::Kept,
            (ObjectKind::Document | ObjectKind::Map, _) => Spot::Document,
        }
    }
}

fn unrendered(policy: &Arc<Policy>, fault: RenderFault) -> Refusal {
    let violation =
        Violation { pointer: fault.pointer, keyword: "rewrite".to_owned(), message: fault.message };
    examine::refused(Reason::Rewrite, Some(policy), "rewrite", vec![violation])
}
