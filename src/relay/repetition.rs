//! What an attempt is known by when it comes again.

use aws_lc_rs::digest::{Context, SHA256};

use crate::{
    domain::{
        change::{Change, Expect, IfMatch, Operation},
        name::Identity,
        object::ObjectRef,
        permission::Permission,
        service::SettingsChange,
        time::Ttl,
    },
    relay::authn::Caller,
};

/// Names an attempt by who made it, what it is called, and all that it says. It begins with four bytes that name its
/// maker alone: the memory of attempts is shared fairly among makers (`store/fair_memory.rs`).
pub(super) fn batch_id(caller: &Caller, change: &Change) -> Option<[u8; 16]> {
    let key = change.idempotency.as_ref()?;
    let mut digest = Digest(Context::new(&SHA256));
    digest.part(caller.identity().map_or("", Identity::as_str));
    digest.part(key.as_str());
    digest.operation(&change.operation);
    digest.part(&match change.if_match {
        None => String::new(),
        Some(IfMatch::Absent) => "absent".to_owned(),
        Some(IfMatch::Revision(it)) => it.to_string(),
    });
    let whole = digest.0.finish();
    let mut id = [0; 16];
    let owner = caller.identity_digest();
    id.iter_mut().zip(owner.iter().chain(whole.as_ref())).for_each(|(to, from)| *to = *from);
    Some(id)
}

struct Digest(Context);

impl Digest {
    /// One part, told apart from the next by its length.
    fn part(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn ttl(&mut self, ttl: Option<Ttl>) {
        self.part(&ttl.map(|it| it.seconds().to_string()).unwrap_or_default());
    }

    fn operation(&mut self, operation: &Operation) {
        self.part(word(operation));
        if let Some(address) = operation.created().as_ref().or(operation.address()) {
            self.part(address.kind.prefix());
            match &address.object {
                ObjectRef::Sid(sid) => self.part(&sid.to_string()),
                ObjectRef::Name(name) => self.part(name.as_str()),
            }
        }
        self.part(operation.data().map_or("", |it| it.data().as_str()));
        match operation {
            Operation::Create { kind, ttl, .. } => {
                self.part(kind.prefix());
                self.ttl(*ttl);
            }
            Operation::Update { ttl, .. } => self.ttl(*ttl),
            Operation::Push { ttl, collection_ttl, .. } => {
                self.ttl(*ttl);
                self.ttl(*collection_ttl);
            }
            Operation::SetItem { item, expect, ttl, collection_ttl, .. } => {
                self.part(&item.to_string());
                self.part(match expect {
                    Expect::Any => "any",
                    Expect::Absent => "absent",
                    Expect::Present => "present",
                });
                self.ttl(*ttl);
                self.ttl(*collection_ttl);
            }
            Operation::RemoveItem { item, .. } => self.part(&item.to_string()),
            Operation::Permit { identity, permission, .. } => {
                self.part(identity.as_str());
                if let Some(Permission { read, write, manage }) = permission {
                    self.part(&format!("{read} {write} {manage}"));
                }
            }
            Operation::CreateService { settings, .. } => self.settings(settings),
            Operation::UpdateService { service, settings } => {
                self.part(&service.to_string());
                self.settings(settings);
            }
            Operation::RemoveService { service } => self.part(&service.to_string()),
            Operation::Remove { .. } | Operation::Publish { .. } => (),
        }
    }

    fn settings(&mut self, settings: &SettingsChange) {
        let SettingsChange {
            friendly_name,
            webhook_url,
            webhooks_from_rest,
            reachability_webhooks,
            acl,
            debouncing,
            debouncing_window_ms,
        } = settings;
        self.part(friendly_name.as_deref().unwrap_or_default());
        // A URL that is taken away is not one that is left as it is.
        self.part(webhook_url.as_ref().map_or("as it is", |it| it.as_deref().unwrap_or_default()));
        for flag in [webhooks_from_rest, reachability_webhooks, acl, debouncing] {
            self.part(flag.map_or("", |it| if it { "true" } else { "false" }));
        }
        self.part(&debouncing_window_ms.map(|it| it.to_string()).unwrap_or_default());
    }
}

fn word(operation: &Operation) -> &'static str {
    match operation {
        Operation::Create { .. } => "create",
        Operation::Update { .. } => "update",
        Operation::Remove { .. } => "remove",
        Operation::Push { .. } => "push",
        Operation::SetItem { .. } => "set item",
        Operation::RemoveItem { .. } => "remove item",
        Operation::Publish { .. } => "publish",
        Operation::Permit { .. } => "permit",
        Operation::CreateService { .. } => "create service",
        Operation::UpdateService { .. } => "update service",
        Operation::RemoveService { .. } => "remove service",
    }
}
