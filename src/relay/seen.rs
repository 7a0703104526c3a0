//! What the rules of a policy read besides the data: `previous` and the lookups. Each thing that is
//! read becomes a need: the batch is committed only where it still stands (decision 5).

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{
        change::Operation,
        data::Data,
        detail::Violation,
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{EventId, ObjectKind},
        time::Timestamp,
    },
    policy::{Bindings, Captures, Names, Policy, Withdraw},
    relay::{
        authn::Caller,
        examine::refused,
        record::Need,
        refusal::{Reason, Refusal},
    },
};

/// What stands at a name.
pub(super) struct Found {
    /// The document's or the item's data.
    pub(super) data: Data,
    /// The event at which it was last written.
    pub(super) event: EventId,
    /// Whether something was said in it, or in an item of it: then it was published.
    pub(super) speaks: bool,
    /// Whether a client made it: nobody's word but its own.
    pub(super) by_client: bool,
}

/// Looks an object, or an item of one, up in the view of this passage.
pub(super) type Eye<'v> = &'v dyn Fn((ObjectKind, &UniqueName, Option<&ItemId>)) -> Option<Found>;

/// What was read.
#[derive(Default)]
pub(super) struct Seen {
    previous: Option<Value>,
    lookups: Vec<Option<Value>>,
    needs: Vec<Need>,
}

impl Seen {
    /// What the batch needs.
    pub(super) fn needs(&self) -> &[Need] {
        &self.needs
    }

    /// What was found, as expressions take it.
    pub(super) fn lookups(&self) -> Vec<Option<&Value>> {
        self.lookups.iter().map(Option::as_ref).collect()
    }

    /// The admitted data before; `None` when nothing was said.
    pub(super) fn previous(&self) -> Option<&Value> {
        self.previous.as_ref()
    }
}

/// Whose write is looked at, and where.
pub(super) struct Scene<'s> {
    pub(super) caller: &'s Caller,
    pub(super) policy: &'s Arc<Policy>,
    pub(super) captures: &'s Captures,
    pub(super) owner: &'s Identity,
    /// The claims under which the owner writes.
    pub(super) claims: &'s Value,
    /// The private object's name, if it is known.
    pub(super) name: Option<&'s UniqueName>,
    pub(super) at: Timestamp,
}

impl Scene<'_> {
    /// Reads what the rules need, and refuses what must stand and does not.
    pub(super) fn see(&self, operation: &Operation, eye: Eye<'_>) -> Result<Seen, Refusal> {
        let mut seen = Seen::default();
        let item = written_item(operation);
        let client = self.caller.identity().is_some();
        // `{}` says nothing, and needs nothing to stand.
        let speaks = operation.data().is_some_and(|it| !it.data().is_empty());
        let final_ = self.policy.from.withdraw == Withdraw::Never && client;
        // A new item of a list and a message have nothing before them, and need nothing of their list or stream.
        let is_appended = matches!(operation, Operation::Push { .. } | Operation::Publish { .. });
        if let Some(name) = self.name.filter(|_| final_ || self.policy.reads_previous) {
            let kind = self.policy.from.kind;
            let found = if is_appended { None } else { eye((kind, name, item)) };
            if !is_appended {
                seen.needs.push(need(kind, name, item, found.as_ref()));
            }
            let taken_back = found.as_ref().is_some_and(|it| it.speaks) && takes_back(operation);
            // What expires is taken back, too, only later.
            if final_ && (taken_back || operation.expires()) {
                return Err(refused(Reason::Final, Some(self.policy), "address", Vec::new()));
            }
            seen.previous = found.and_then(|it| spoken(&it.data));
        }
        for lookup in &self.policy.lookups {
            let (name, key) = match self.place(&lookup.pattern, lookup.key.as_ref()) {
                Ok(it) => it,
                Err(refusal) if client && speaks => return Err(refusal),
                Err(_) => {
                    seen.lookups.push(None);
                    continue;
                }
            };
            let item = key.map(ItemId::Key);
            let found = eye((lookup.kind, &name, item.as_ref()));
            seen.needs.push(need(lookup.kind, &name, item.as_ref(), found.as_ref()));
            let found = found.filter(|it| !it.by_client);
            let value = found.and_then(|it| serde_json::from_str::<Value>(it.data.as_str()).ok());
            if value.is_none() && lookup.required && client && speaks {
                return Err(
                    self.lacking(&format!("the object that `{}` looks up does not stand", lookup.name))
                );
            }
            seen.lookups.push(value);
        }
        for bound in &self.policy.bounds {
            let Some((kind, pattern)) = bound.exists.as_ref().filter(|_| client) else {
                continue;
            };
            let (name, _) = self.place(pattern, None)?;
            let found = eye((*kind, &name, None));
            seen.needs.push(need(*kind, &name, None, found.as_ref()));
            if found.is_none_or(|it| it.by_client) {
                return Err(self.lacking(&format!("there is no such `{}`", bound.variable)));
            }
        }
        Ok(seen)
    }

    /// The names that expressions see.
    pub(super) fn names<'n>(
        &'n self,
        data: &'n Value,
        key: Option<&'n ItemKey>,
        seen: &'n Seen,
        lookups: &'n [Option<&'n Value>],
    ) -> Names<'n> {
        let (captures, identity, claims, now) = (self.captures, self.owner, self.claims, self.at);
        let (previous, pseudonym) = (seen.previous(), "");
        Bindings { captures, identity, claims, now, item_key: key, previous, lookups, pseudonym }.names(data)
    }

    fn place(
        &self,
        pattern: &crate::policy::Pattern,
        key: Option<&crate::policy::Pattern>,
    ) -> Result<(UniqueName, Option<ItemKey>), Refusal> {
        let unfit = || self.lacking("what was captured makes no name that could be looked up");
        let name = UniqueName::try_from(pattern.fill(self.captures)).map_err(|_| unfit())?;
        let key = key.map(|it| ItemKey::try_from(it.fill(self.captures))).transpose().map_err(|_| unfit())?;
        Ok((name, key))
    }

    fn lacking(&self, message: &str) -> Refusal {
        let violation =
            Violation { pointer: String::new(), keyword: "lookup".to_owned(), message: message.to_owned() };
        refused(Reason::Lookup, Some(self.policy), "lookup", vec![violation])
    }
}

/// The item that an operation is about, if it stands already.
pub(super) fn written_item(operation: &Operation) -> Option<&ItemId> {
    match operation {
        Operation::SetItem { item, .. } | Operation::RemoveItem { item, .. } => Some(item),
        _ => None,
    }
}

/// Whether a change takes back what was said.
fn takes_back(operation: &Operation) -> bool {
    match operation {
        Operation::Remove { .. } | Operation::RemoveItem { .. } => true,
        other => other.data().is_some_and(|it| it.data().is_empty()),
    }
}

fn need(kind: ObjectKind, name: &UniqueName, item: Option<&ItemId>, found: Option<&Found>) -> Need {
    Need { kind, name: name.clone(), item: item.cloned(), event: found.map(|it| it.event) }
}

/// The value, unless nothing is said.
fn spoken(data: &Data) -> Option<Value> {
    if data.is_empty() { None } else { serde_json::from_str(data.as_str()).ok() }
}
