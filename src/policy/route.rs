//! Whose business a name is: found by its first segment, or where that is a variable by the number of them.

use std::{collections::HashMap, sync::Arc};

use crate::{
    domain::{name::UniqueName, object::ObjectKind, sid::ServiceSid},
    policy::{
        compiled::Policy,
        pattern::{Captures, Pattern, Segment, pieces},
    },
};

/// What a name is under a set of policies.
#[derive(Clone, Debug)]
pub enum Route {
    /// No policy governs it.
    Plain,
    /// A client's own object, if the identity that it captures is the caller's.
    Private {
        /// The policy; its mode may be `off`.
        policy: Arc<Policy>,
        /// What its `from` captured.
        captures: Captures,
    },
    /// An object that a policy publishes to.
    Shared {
        /// The policy.
        policy: Arc<Policy>,
        /// The first of its targets with this name; others with this name have the same `read`.
        target: usize,
    },
    /// A plain object that the rules of a policy read: clients cannot write it (decision 17).
    Reserved {
        /// The policy.
        policy: Arc<Policy>,
    },
    /// A governed name, asked for under another kind: closed to clients (decision 16).
    Closed {
        /// The policy.
        policy: Arc<Policy>,
    },
}

/// One pattern that governs names.
#[derive(Clone, Copy, Debug)]
enum Entry {
    From { policy: usize },
    To { policy: usize, target: usize },
    Lookup { policy: usize, number: usize },
}

/// The patterns of a set, by what a name shows at once.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_first: HashMap<String, Vec<Entry>>,
    by_length: HashMap<usize, Vec<Entry>>,
}

impl Index {
    pub(super) fn of(policies: &[Arc<Policy>]) -> Self {
        let mut index = Self::default();
        for (policy, it) in policies.iter().enumerate() {
            index.add(&it.from.pattern, Entry::From { policy });
            for (target, to) in it.targets.iter().enumerate() {
                index.add(&to.name, Entry::To { policy, target });
            }
        }
        // A name that a policy publishes to may be looked up, too: what publishes is found first.
        for (policy, it) in policies.iter().enumerate() {
            for (number, (_, pattern)) in it.looked_up().enumerate() {
                index.add(pattern, Entry::Lookup { policy, number });
            }
        }
        index
    }

    fn add(&mut self, pattern: &Pattern, entry: Entry) {
        let entries = match pattern.segments().first() {
            Some(Segment::Literal(first)) => self.by_first.entry(first.clone()).or_default(),
            _ => self.by_length.entry(pattern.segments().len()).or_default(),
        };
        entries.push(entry);
    }

    pub(super) fn route(
        &self,
        policies: &[Arc<Policy>],
        service: (ServiceSid, Option<&str>),
        kind: ObjectKind,
        name: &UniqueName,
    ) -> Route {
        let mut pieces = pieces(name.as_str());
        let found = pieces.next().and_then(|it| self.by_first.get(it)).into_iter();
        let mut reserved = None;
        for entry in found.chain(self.by_length.get(&(1 + pieces.count()))).flatten() {
            let (Entry::From { policy } | Entry::To { policy, .. } | Entry::Lookup { policy, .. }) = entry;
            let Some(policy) = policies.get(*policy).filter(|it| it.governs(service.0, service.1)) else {
                continue;
            };
            // INVARIANT: private and shared patterns are disjoint in each service, so the first match is the only one.
            match entry {
                Entry::From { .. } => {
                    let Some(captures) = policy.from.pattern.captures(name) else { continue };
                    let policy = policy.clone();
                    return if policy.from.kind == kind {
                        Route::Private { policy, captures }
                    } else {
                        Route::Closed { policy }
                    };
                }
                Entry::To { target, .. } => {
                    let Some(to) = policy.targets.get(*target).filter(|it| it.name.matches(name)) else {
                        continue;
                    };
                    let (policy, target) = (policy.clone(), *target);
                    return if to.kind == kind {
                        Route::Shared { policy, target }
                    } else {
                        Route::Closed { policy }
                    };
                }
                Entry::Lookup { number, .. } => {
                    if policy.looked_up().nth(*number).is_some_and(|it| it.1.matches(name)) {
                        reserved.get_or_insert_with(|| policy.clone());
                    }
                }
            }
        }
        reserved.map_or(Route::Plain, |policy| Route::Reserved { policy })
    }
}
