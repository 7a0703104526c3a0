//! Whether a policy set may take force over what stands (decisions 14, 15, 36).

use crate::{
    domain::object::{Head, Space},
    policy::{PolicySet, Reserved},
    relay::store::view::{Tenant, View},
};

/// Why the policies in the folder cannot take force; each names the way back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// A policy is gone while objects stand under it.
    #[error(
        "policy `{policy}` is gone from the folder, but {objects} objects stand under it; put the old folder back, or remove them over REST first"
    )]
    Gone {
        /// The policy.
        policy: String,
        /// How many objects.
        objects: usize,
    },
    /// A policy's names, or a fold of it, have changed while objects stand under the old ones.
    #[error(
        "policy `{policy}` names other objects than before (`from`, `to` or `key`), or feeds a fold in another way, but {objects} objects stand under the old names; put the old folder back, or remove them over REST first"
    )]
    Renamed {
        /// The policy.
        policy: String,
        /// How many objects.
        objects: usize,
    },
    /// Objects that clients made stand where a policy's would.
    #[error(
        "policy `{policy}` governs `{name}`, which was made before without a policy; remove that object over REST first, or put the old folder back"
    )]
    Taken {
        /// The policy.
        policy: String,
        /// One of the objects.
        name: String,
    },
}

/// Compares the set with what stands.
///
/// # Errors
/// All conflicts, by policy.
pub(super) fn check(view: &View, set: &PolicySet) -> Result<(), Vec<Conflict>> {
    let new = set.reserved();
    let mut conflicts = Vec::new();
    for old in view.reserved.iter() {
        let objects = heads(view).filter(|(_, it)| under(it) == Some(&*old.policy)).count();
        if objects == 0 {
            continue;
        }
        let policy = old.policy.to_string();
        match new.iter().find(|it| it.policy == old.policy) {
            None => conflicts.push(Conflict::Gone { policy, objects }),
            Some(now) if !old.agrees(now) => {
                conflicts.push(Conflict::Renamed { policy, objects });
            }
            Some(_) => (),
        }
    }
    for policy in &new {
        let taken = heads(view).find(|(tenant, it)| it.space == Space::Plain && governs(policy, tenant, it));
        if let Some((_, head)) = taken {
            let name = head.unique_name.as_ref().map(ToString::to_string).unwrap_or_default();
            conflicts.push(Conflict::Taken { policy: policy.policy.to_string(), name });
        }
    }
    if conflicts.is_empty() { Ok(()) } else { Err(conflicts) }
}

fn heads(view: &View) -> impl Iterator<Item = (&Tenant, &Head)> {
    view.services
        .values()
        .flat_map(|tenant| tenant.objects.values().map(move |it| (tenant.as_ref(), &it.head)))
}

fn under(head: &Head) -> Option<&str> {
    match &head.space {
        Space::Private { policy, .. } | Space::Shared { policy } => Some(policy),
        Space::Plain => None,
    }
}

fn governs(policy: &Reserved, tenant: &Tenant, head: &Head) -> bool {
    let here = policy.services.as_ref().is_none_or(|list| {
        list.iter().any(|it| {
            *it == tenant.head.sid.to_string() || Some(it.as_str()) == tenant.head.unique_name.as_deref()
        })
    });
    let Some(name) = head.unique_name.as_ref().filter(|_| here) else {
        return false;
    };
    // A governed name is closed in every kind (decision 16).
    crate::domain::object::ObjectKind::ALL
        .into_iter()
        .any(|kind| policy.matches_private(kind, name) || policy.matches_shared(kind, name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::policy::tests::page::{self, AT_START};

    #[test]
    fn the_page_of_faults_tells_each_conflict() {
        let policy = || "chat".to_owned();
        let conflicts = [
            (
                Conflict::Gone { policy: policy(), objects: 3 },
                "policy `chat` is gone from the folder, but 3 objects stand under it; put the old folder back, or remove them over REST first",
            ),
            (
                Conflict::Renamed { policy: policy(), objects: 3 },
                "policy `chat` names other objects than before (`from`, `to` or `key`), or feeds a fold in another way, but 3 objects stand under the old names; put the old folder back, or remove them over REST first",
            ),
            (
                Conflict::Taken { policy: policy(), name: "rooms/7".to_owned() },
                "policy `chat` governs `rooms/7`, which was made before without a policy; remove that object over REST first, or put the old folder back",
            ),
        ];
        for (conflict, text) in &conflicts {
            assert_eq!(conflict.to_string(), *text);
        }
        let told: BTreeSet<String> = conflicts.iter().map(|it| it.0.to_string()).collect();
        let differ = page::differences(&told, |it| it == AT_START);
        assert!(differ.is_empty(), "docs/FAULTS.md\n{}", differ.join("\n"));
    }
}
