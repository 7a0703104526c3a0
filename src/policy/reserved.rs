//! The names that a policy reserves, as text: stored in the log, compared at the next start.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{name::UniqueName, object::ObjectKind},
    policy::{
        compiled::{Policy, ServiceName},
        footprint,
    },
};

/// The patterns of one policy (decision 14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// The policy's name.
    pub policy: Arc<str>,
    /// The private names.
    pub from: (ObjectKind, String),
    /// The shared names, each with the pattern of its keys, or with the footprint of its fold.
    pub to: Vec<(ObjectKind, String, Option<String>)>,
    /// The services that it governs, by SID or unique name; `None` is each.
    pub services: Option<Vec<String>>,
}

impl Reserved {
    /// Whether a name is private under this policy.
    pub fn matches_private(&self, kind: ObjectKind, name: &UniqueName) -> bool {
        self.from.0 == kind && matches(&self.from.1, name)
    }

    /// Whether a name is shared under this policy.
    pub fn matches_shared(&self, kind: ObjectKind, name: &UniqueName) -> bool {
        self.to.iter().any(|it| it.0 == kind && matches(&it.1, name))
    }
}

impl Reserved {
    /// Whether what stands under these names may stand under the others.
    pub fn agrees(&self, now: &Self) -> bool {
        let same = |(old, new): (&(_, _, Option<String>), &(_, _, Option<String>))| {
            let last = match (&old.2, &new.2) {
                // The pattern of a key has one line and nothing else.
                (Some(old), Some(new)) => footprint::agree(old, new),
                (old, new) => old == new,
            };
            (&old.0, &old.1) == (&new.0, &new.1) && last
        };
        self.from == now.from && self.to.len() == now.to.len() && self.to.iter().zip(&now.to).all(same)
    }
}

impl Policy {
    /// The names that it reserves.
    pub fn reserved(&self) -> Reserved {
        let target = |it: &super::compiled::Target| {
            let key = it.key.as_ref().map(ToString::to_string);
            (
                it.kind,
                it.name.to_string(),
                key.or_else(|| it.fold.as_ref().map(|it| it.footprint.to_string())),
            )
        };
        let service = |it: &ServiceName| match it {
            ServiceName::Sid(sid) => sid.to_string(),
            ServiceName::Unique(name) => name.to_string(),
        };
        Reserved {
            policy: self.name.clone(),
            from: (self.from.kind, self.from.pattern.to_string()),
            to: self.targets.iter().map(target).collect(),
            services: self.services.as_ref().map(|list| list.iter().map(service).collect()),
        }
    }
}

/// Matches without parsing: a pattern in the log may come from another version of this program.
fn matches(pattern: &str, name: &UniqueName) -> bool {
    let (mut segments, mut pieces) = (pattern.split('/'), name.as_str().split('/'));
    loop {
        match (segments.next(), pieces.next()) {
            (None, None) => return true,
            (Some(segment), Some(piece)) => {
                let variable = segment.starts_with('{') && segment.ends_with('}');
                if if variable { piece.is_empty() } else { segment != piece } {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::pattern::Pattern;

    #[test]
    fn text_matches_by_kind() {
        let reserved = Reserved {
            policy: "cursors".into(),
            from: (ObjectKind::Document, "cursors/{room}/{identity}".into()),
            to: vec![(ObjectKind::Map, "rooms/{room}".into(), Some("{identity}".into()))],
            services: None,
        };
        let name = |text: &str| UniqueName::try_from(text).expect("a name");
        assert!(reserved.matches_private(ObjectKind::Document, &name("cursors/7/ada")));
        assert!(!reserved.matches_private(ObjectKind::Map, &name("cursors/7/ada")));
        assert!(reserved.matches_shared(ObjectKind::Map, &name("rooms/7")));
        assert!(!reserved.matches_shared(ObjectKind::Map, &name("rooms/")));
    }

    proptest! {
        #[test]
        fn text_matches_what_the_pattern_matches(text in "[a-b]|\\{x\\}(/([a-b]|\\{y\\})){0,2}", name in "[a-b/]{1,5}") {
            let name = UniqueName::try_from(name).expect("a name");
            // A variable that stands twice makes none.
            let Ok(pattern) = Pattern::parse(&text) else { return Ok(()) };
            prop_assert_eq!(matches(&text, &name), pattern.matches(&name));
        }
    }
}
