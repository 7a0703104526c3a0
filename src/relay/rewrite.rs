//! Private change → private and shared writes. Mints [`Batch`]: its births stand here, one by one.
//!
//! Everything is computed here, from values; `apply` only swaps them in (decision 1).

use std::sync::Arc;

use crate::{
    domain::{
        change::{Change, Expect, IfMatch, Operation},
        data::{Data, Input},
        limits::PRIVATE_BYTES_MAX,
        name::{ItemId, ItemKey},
        object::{Address, ObjectKind, ObjectRef, Revision, Space},
        service::Settings,
        sid::{MessageSid, ObjectSid, ServiceSid},
        time::{Timestamp, Ttl},
    },
    policy::{Bindings, PolicySet, Reserved, fold::Shape},
    relay::{
        authn::Caller,
        derived,
        gate::{self, Admitted, Grounds, Opened},
        record::{By, Effect, Publication, Record, RestoredShare, Shell},
        refusal::{DecisionId, Missing, Reason, Refusal},
        render::Canvas,
        seen::Seen,
        standing::Standing,
    },
};

/// A private write with all its shared writes: committed together or not at all.
#[must_use]
pub(super) struct Batch {
    record: Record,
}

impl Batch {
    /// Takes the batch apart, for the log.
    pub(super) fn into_record(self) -> Record {
        self.record
    }
}

/// What a batch needs besides the admission: nothing here is drawn or read in this file.
pub(super) struct Given {
    pub(super) decision: DecisionId,
    /// Random bytes for the SID of what may be made.
    pub(super) sid: [u8; 16],
    pub(super) plain_objects_max: u32,
    pub(super) plain_bytes_max: u64,
    /// The settings of the service, for a change of them.
    pub(super) settings: Option<Settings>,
    /// What the attempt is known by when it comes again.
    pub(super) batch: Option<[u8; 16]>,
}

/// Birth 1: a caller's admitted change.
///
/// # Errors
/// When the shared side cannot be made of this data, or would break its schema.
pub(super) fn rewrite(admitted: Admitted<'_, Change>, given: &Given) -> Result<Batch, Refusal> {
    let Opened { request: change, caller, at, under: grounds, standing, policies, seen } = admitted.open();
    let batch = given.batch;
    let (decision, endpoint, policies) =
        (given.decision, caller.endpoint().cloned(), policies.hash().clone());
    let by = by(caller, &grounds, &change.operation, given);
    let effect = match standing {
        _ if matches!(grounds, Grounds::Service) => service_effect(change.operation, given),
        Some(standing) => {
            let pen = Pen { caller, at, grounds: &grounds, standing: &standing, seen: &seen, given };
            let in_context = !seen.needs().is_empty();
            pen.effect(change).map_err(|it| Refusal { in_context, ..it })
        }
        None => Err(Refusal::plain(Reason::NotFound(Missing::Service))),
    }?;
    let needs = seen.needs().to_vec();
    Ok(Batch { record: Record { at, decision, by, endpoint, policies, batch, needs, effect } })
}

/// Birth 2: the sweep removes what is due.
pub(super) fn expiry(
    service: ServiceSid,
    due: Vec<(ObjectSid, Option<ItemId>)>,
    decision: DecisionId,
    at: Timestamp,
) -> Batch {
    own(Effect::Expire { service, due }, "".into(), decision, at)
}

/// Birth 3: the first record of a store.
pub(super) fn founding(secret: [u8; 32], decision: DecisionId, at: Timestamp) -> Batch {
    own(Effect::Begin { secret }, "".into(), decision, at)
}

/// Birth 4: a policy set takes force (decision 3).
pub(super) fn activation(set: &PolicySet, decision: DecisionId, at: Timestamp) -> Batch {
    let reserved: Vec<Reserved> = set.reserved();
    own(Effect::Activate { reserved }, set.hash().clone(), decision, at)
}

/// Birth 5: what an identity has shown until it disconnects is withdrawn, as if it had written `{}`.
pub(super) fn disconnect(
    service: ServiceSid,
    object: ObjectSid,
    revision: Revision,
    decision: DecisionId,
    at: Timestamp,
) -> Batch {
    let (data, publications) = (Some(Data::empty()), Some(Vec::new()));
    let (shell, if_match, expires) = (None, Some(revision), None);
    let effect = Effect::Update { service, object, shell, if_match, data, expires, publications };
    own(effect, "".into(), decision, at)
}

/// Birth 6: webhooks were sent, or given up on.
pub(super) fn settlement(service: ServiceSid, hooks: Vec<u64>, decision: DecisionId, at: Timestamp) -> Batch {
    own(Effect::Settle { service, hooks }, "".into(), decision, at)
}

/// Birth 7: the sweep forgets shared objects that are empty and quiet.
pub(super) fn oblivion(
    service: ServiceSid,
    objects: Vec<ObjectSid>,
    before: Timestamp,
    decision: DecisionId,
    at: Timestamp,
) -> Batch {
    own(Effect::Forget { service, objects, before }, "".into(), decision, at)
}

/// Birth 8: expiry is suspended, or goes on.
pub(super) fn expiry_limit(until: Option<Timestamp>, decision: DecisionId, at: Timestamp) -> Batch {
    own(Effect::LimitExpiry { until }, "".into(), decision, at)
}

/// Birth 9: a start puts back what a fold has lost.
pub(super) fn restore_fold(
    service: ServiceSid,
    (shell, shape): (Shell, Shape),
    shares: Vec<RestoredShare>,
    decision: DecisionId,
    at: Timestamp,
) -> Batch {
    own(Effect::RestoreFold { service, shell, shape, shares }, "".into(), decision, at)
}

fn own(effect: Effect, policies: Arc<str>, decision: DecisionId, at: Timestamp) -> Batch {
    let (by, endpoint, batch, needs) = (By::System, None, None, Vec::new());
    Batch { record: Record { at, decision, by, endpoint, policies, batch, needs, effect } }
}

fn by(caller: &Caller, grounds: &Grounds, operation: &Operation, given: &Given) -> By {
    let (Some(identity), Some(claims)) = (caller.identity().cloned(), caller.claims_text()) else {
        return By::Backend;
    };
    match grounds {
        Grounds::Private { policy, .. } => By::Policy {
            identity,
            policy: policy.name.clone(),
            version: policy.version.clone(),
            objects_max: policy.from.objects_max,
            bytes_max: PRIVATE_BYTES_MAX,
            claims: claims.clone(),
        },
        _ => By::Client {
            identity,
            right: gate::right(operation),
            objects_max: given.plain_objects_max,
            bytes_max: given.plain_bytes_max,
        },
    }
}

fn service_effect(operation: Operation, given: &Given) -> Result<Effect, Refusal> {
    match operation {
        Operation::CreateService { default, settings } => {
            let settings = settings.applied_to(&Settings::default());
            Ok(Effect::CreateService { service: ServiceSid::new(given.sid), default, settings })
        }
        Operation::UpdateService { service, settings } => {
            let Some(old) = &given.settings else {
                return Err(Refusal::plain(Reason::NotFound(Missing::Service)));
            };
            Ok(Effect::UpdateService { service, settings: settings.applied_to(old) })
        }
        Operation::RemoveService { service } => Ok(Effect::RemoveService { service }),
        _ => Err(Refusal::plain(Reason::Forbidden)),
    }
}

/// Writes the effect of one change.
struct Pen<'p> {
    caller: &'p Caller,
    at: Timestamp,
    grounds: &'p Grounds,
    standing: &'p Standing<'p>,
    seen: &'p Seen,
    given: &'p Given,
}

impl Pen<'_> {
    fn effect(&self, change: Change) -> Result<Effect, Refusal> {
        let service = self.standing.service;
        let revision = match change.if_match {
            Some(IfMatch::Revision(it)) => Some(it),
            // "Only if it does not stand" is a condition on items; no document has this revision.
            Some(IfMatch::Absent) => Some(Revision(u64::MAX)),
            None => None,
        };
        Ok(match change.operation {
            Operation::Create { kind, name, data, ttl, .. } => {
                let shell = self.shell(kind, name);
                let publications = self.publications(Some(&data), Written::Object)?.unwrap_or_default();
                // A document always has data, a list may have a context, the others have nothing.
                let kept =
                    kind == ObjectKind::Document || (kind == ObjectKind::List && !data.data().is_empty());
                let data = kept.then(|| data.data().clone());
                let expires = ttl.and_then(|it| self.at.after(it));
                Effect::Create { service, shell, data, expires, publications }
            }
            Operation::Update { address, data: None, ttl } => Effect::SetExpiry {
                service,
                object: self.object(&address)?,
                shell: self.shared_shell(),
                item: None,
                if_match: revision.map(IfMatch::Revision),
                expires: self.expires(ttl),
                collection_expires: None,
            },
            Operation::Update { address, data, ttl } => Effect::Update {
                service,
                object: self.object(&address)?,
                shell: self.shared_shell(),
                if_match: revision,
                publications: self.publications(data.as_ref(), Written::Object)?,
                data: data.map(|it| it.data().clone()),
                expires: self.expires(ttl),
            },
            Operation::Remove { address } => {
                let object = self.object(&address)?;
                match revision.filter(|_| address.kind == ObjectKind::Document) {
                    Some(revision) => Effect::RemoveAt { service, object, revision },
                    None => Effect::Remove { service, object },
                }
            }
            Operation::Push { address, data, ttl, collection_ttl } => Effect::Push {
                service,
                list: self.object(&address)?,
                shell: self.shared_shell(),
                publications: self.publications(Some(&data), Written::Item(None))?.unwrap_or_default(),
                data: data.data().clone(),
                expires: ttl.and_then(|it| self.at.after(it)),
                collection_expires: self.expires(collection_ttl),
            },
            Operation::SetItem { address, item, data: None, ttl, collection_ttl, .. } => Effect::SetExpiry {
                service,
                object: self.object(&address)?,
                shell: self.shared_shell(),
                item: Some(item),
                if_match: change.if_match,
                expires: self.expires(ttl),
                collection_expires: self.expires(collection_ttl),
            },
            Operation::SetItem { address, item, expect, data, ttl, collection_ttl } => Effect::SetItem {
                service,
                collection: self.object(&address)?,
                shell: self.shared_shell(),
                publications: self.publications(data.as_ref(), Written::Item(item.key()))?,
                item,
                expect: if change.if_match == Some(IfMatch::Absent) { Expect::Any } else { expect },
                if_match: change.if_match,
                data: data.map(|it| it.data().clone()),
                expires: self.expires(ttl),
                collection_expires: self.expires(collection_ttl),
            },
            Operation::RemoveItem { address, item } => {
                Effect::RemoveItem { service, collection: self.object(&address)?, item, if_match: revision }
            }
            Operation::Publish { address, data } => Effect::Message {
                service,
                stream: self.object(&address)?,
                shell: self.shared_shell(),
                publications: self.publications(Some(&data), Written::Object)?.unwrap_or_default(),
                message: MessageSid::new(self.given.sid),
                data: data.data().clone(),
            },
            Operation::Permit { address, identity, permission } => {
                match (self.shared_shell(), self.shape()) {
                    // What stands, or does not, is a fold from its first moment.
                    (Some(shell), Some(shape)) => {
                        Effect::PermitFold { service, shell, shape, identity, permission }
                    }
                    (shell, _) => Effect::Permit {
                        service,
                        object: self.object(&address)?,
                        shell,
                        identity,
                        permission,
                    },
                }
            }
            other => service_effect(other, self.given)?,
        })
    }

    fn expires(&self, ttl: Option<Ttl>) -> Option<Option<Timestamp>> {
        ttl.map(|it| self.at.after(it))
    }

    fn shell(&self, kind: ObjectKind, name: Option<crate::domain::name::UniqueName>) -> Shell {
        let fresh = ObjectSid { kind, bytes: self.given.sid };
        match self.grounds {
            Grounds::Private { policy, owner, .. } => {
                let space = Space::Private { owner: owner.clone(), policy: policy.name.clone() };
                Shell { sid: fresh, name, space }
            }
            Grounds::Shared { policy, sid, .. } => {
                Shell { sid: *sid, name, space: Space::Shared { policy: policy.name.clone() } }
            }
            Grounds::Plain | Grounds::Reserved { .. } | Grounds::Service => {
                Shell { sid: fresh, name, space: Space::Plain }
            }
        }
    }

    /// A shared object is made by the first write to it (decision 18).
    fn shared_shell(&self) -> Option<Shell> {
        match self.grounds {
            Grounds::Shared { policy, sid, name: Some(name) } => Some(Shell {
                sid: *sid,
                name: Some(name.clone()),
                space: Space::Shared { policy: policy.name.clone() },
            }),
            _ => None,
        }
    }

    /// The fields of the fold that the shared object is, if it is one.
    fn shape(&self) -> Option<Shape> {
        match self.grounds {
            Grounds::Shared { policy, name: Some(name), .. } => {
                policy.fold_at(name).map(|it| it.shape.clone())
            }
            _ => None,
        }
    }

    fn object(&self, address: &Address) -> Result<ObjectSid, Refusal> {
        match (&self.standing.head, self.grounds, &address.object) {
            (Some(head), _, _) => Ok(head.sid),
            (None, Grounds::Shared { sid, .. }, _) | (None, _, ObjectRef::Sid(sid)) => Ok(*sid),
            (None, _, ObjectRef::Name(_)) => {
                Err(Refusal::plain(Reason::NotFound(Missing::Name(address.kind))))
            }
        }
    }

    /// All that this source publishes from now on; `None` when the write does not touch it.
    fn publications(
        &self,
        data: Option<&Input>,
        written: Written<'_>,
    ) -> Result<Option<Vec<Publication>>, Refusal> {
        let (Grounds::Private { policy, captures, owner }, Some(data)) = (self.grounds, data) else {
            return Ok(None);
        };
        let of_items = matches!(policy.from.kind, ObjectKind::List | ObjectKind::Map);
        let key = match written {
            Written::Item(key) if of_items => key,
            Written::Object if !of_items => None,
            _ => return Ok(Some(Vec::new())),
        };
        if data.data().is_empty() {
            return Ok(Some(Vec::new()));
        }
        let owners = self.caller.identity().is_none().then(|| self.standing.claims());
        let claims = owners.as_ref().unwrap_or_else(|| self.caller.claims());
        let lookups = self.seen.lookups();
        let veiled = policy.targets.iter().any(|it| it.veiled);
        let pseudonym = match veiled {
            true => derived::pseudonym(self.standing.secret, self.standing.service, &policy.name, owner),
            false => String::new(),
        };
        let bindings = Bindings {
            captures,
            identity: owner,
            claims,
            now: self.at,
            item_key: key,
            previous: self.seen.previous(),
            lookups: &lookups,
            pseudonym: &pseudonym,
        };
        let drawn = self.given.sid;
        Canvas { policy, standing: self.standing, at: self.at, drawn }
            .publications(data.value(), &bindings)
            .map(Some)
    }
}

/// What a write is about: a whole object or message, or one item; of a map's item the key is known.
#[derive(Clone, Copy)]
enum Written<'w> {
    Object,
    Item(Option<&'w ItemKey>),
}
