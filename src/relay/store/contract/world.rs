//! A small world for the suite: one service, its clock, and who writes into it.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    domain::{
        change::{Change, Expect, Operation},
        data::{Data, Input},
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{EventId, ObjectKind, Space},
        permission::Right,
        service::{Settings, SettingsChange},
        sid::{ObjectSid, ServiceSid},
        time::Timestamp,
    },
    policy::PolicySet,
    relay::{
        authn::Caller,
        fetch,
        gate::Gate,
        record::{By, Effect, Publication, Record, Shell, Spot},
        refusal::DecisionId,
        rewrite::{self, Batch, Given},
        store::{
            attempts::{BatchId, Known},
            pending::Pending,
            view::{Holder, Object, Place, Source, Usage, View},
        },
        ticket::Charge,
    },
};

/// The one service.
pub(super) const SERVICE: ServiceSid = ServiceSid::new([1; 16]);

/// Mints batches through the gate, and writes records as they would stand in a log.
pub(super) struct World {
    gate: Gate,
    policies: Arc<PolicySet>,
    drawn: Cell<u8>,
    pub(super) now: Cell<i64>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            gate: Gate::new(false),
            policies: Arc::new(PolicySet::empty()),
            drawn: Cell::new(1),
            now: Cell::new(1_000),
        }
    }
}

impl World {
    pub(super) fn at(&self) -> Timestamp {
        Timestamp::from_seconds(self.now.get())
    }

    /// The batches with which a relay starts, and the service.
    pub(super) fn founded(&self) -> Vec<Batch> {
        let settings = SettingsChange::default();
        vec![
            rewrite::founding([7; 32], DecisionId(0), self.at()),
            rewrite::activation(&self.policies, DecisionId(0), self.at()),
            self.passed(&View::default(), Operation::CreateService { default: true, settings }),
        ]
    }

    /// A document made by a backend, by the passage itself.
    pub(super) fn made(&self, view: &View, name: &str) -> Batch {
        let (kind, name) = (ObjectKind::Document, Some(named(name)));
        self.passed(view, Operation::Create { service: SERVICE, kind, name, data: Input::empty(), ttl: None })
    }

    /// The service's settings changed by a backend, by the passage itself.
    pub(super) fn settled(&self, view: &View, settings: SettingsChange) -> Batch {
        self.passed(view, Operation::UpdateService { service: SERVICE, settings })
    }

    fn passed(&self, view: &View, operation: Operation) -> Batch {
        let caller = Caller::rehearsed(None, SERVICE, Value::Null);
        let standing = operation
            .service()
            .and_then(|it| fetch::standing(view, it, operation.address(), &caller, self.at()));
        let settings = operation.service().and_then(|it| view.tenant(it)).map(|it| it.head.settings.clone());
        let change = Change { operation, if_match: None, idempotency: None };
        let admitted = self.gate.admit_change(
            &caller,
            change,
            (standing, &|_| None),
            &self.policies,
            self.at(),
            Charge::Nothing,
        );
        let sid = [self.drawn.get(); 16];
        self.drawn.set(self.drawn.get().wrapping_add(1));
        let decision = DecisionId(0);
        let (plain_objects_max, plain_bytes_max, batch) = (1_000, 1 << 20, None);
        let given = Given { decision, sid, plain_objects_max, plain_bytes_max, settings, batch };
        rewrite::rewrite(admitted.expect("admitted"), &given).expect("rewritten")
    }

    pub(super) fn record(&self, by: By, effect: Effect) -> Record {
        Record {
            at: self.at(),
            decision: DecisionId(0),
            by,
            endpoint: None,
            policies: "".into(),
            batch: None,
            needs: Vec::new(),
            effect,
        }
    }

    pub(super) fn founding(&self) -> Record {
        self.record(By::System, Effect::Found { secret: [7; 32] })
    }

    pub(super) fn service(&self) -> Record {
        let settings = Settings::default();
        self.record(By::System, Effect::CreateService { service: SERVICE, default: true, settings })
    }

    pub(super) fn backend(&self, effect: Effect) -> Record {
        self.record(By::Backend, effect)
    }

    /// A client under Sync's own rules.
    pub(super) fn client(&self, effect: Effect) -> Record {
        let (identity, right) = (identity("alice"), Right::Write);
        self.record(By::Client { identity, right, objects_max: 1_000, bytes_max: 1 << 20 }, effect)
    }

    /// A client under the policy.
    pub(super) fn policy(&self, name: &str, effect: Effect) -> Record {
        let (identity, policy, version) = (identity(name), "cursors".into(), "1".into());
        self.record(
            By::Policy {
                identity,
                policy,
                version,
                objects_max: 1_000,
                bytes_max: 1 << 20,
                claims: "{}".into(),
            },
            effect,
        )
    }

    pub(super) fn create(&self, kind: ObjectKind, name: &str, text: &str) -> Effect {
        let data = (kind == ObjectKind::Document).then(|| data(text));
        let shell = shell(kind, name, Space::Plain);
        Effect::Create { service: SERVICE, shell, data, expires: None, publications: Vec::new() }
    }

    pub(super) fn update(&self, name: &str, text: &str) -> Effect {
        Effect::Update {
            service: SERVICE,
            object: sid(ObjectKind::Document, name),
            shell: None,
            if_match: None,
            data: Some(data(text)),
            expires: None,
            publications: None,
        }
    }

    pub(super) fn set(&self, map: &str, key: &str, text: &str) -> Effect {
        Effect::SetItem {
            service: SERVICE,
            collection: sid(ObjectKind::Map, map),
            shell: None,
            item: key_of(key),
            expect: Expect::Any,
            if_match: None,
            data: Some(data(text)),
            expires: None,
            collection_expires: None,
            publications: None,
        }
    }

    /// A time of expiry alone, so many seconds from now; `None`: never.
    pub(super) fn expires(&self, object: ObjectSid, item: Option<&str>, seconds: Option<i64>) -> Effect {
        Effect::SetExpiry {
            service: SERVICE,
            object,
            shell: None,
            item: item.map(key_of),
            if_match: None,
            expires: Some(seconds.map(|it| Timestamp::from_seconds(self.now.get() + it))),
            collection_expires: None,
        }
    }

    pub(super) fn unset(&self, map: &str, key: &str) -> Effect {
        let collection = sid(ObjectKind::Map, map);
        Effect::RemoveItem { service: SERVICE, collection, item: key_of(key), if_match: None }
    }

    /// The private document of somebody, shown at the shared map `room` under `key` for `ttl` seconds.
    pub(super) fn private(&self, owner: &str, key: &str, text: &str, ttl: Option<i64>) -> Record {
        let space = Space::Private { owner: identity(owner), policy: "cursors".into() };
        let shell = shell(ObjectKind::Document, owner, space);
        let publications = vec![self.shown(key, text, ttl)];
        self.policy(
            owner,
            Effect::Create { service: SERVICE, shell, data: Some(data(text)), expires: None, publications },
        )
    }

    /// What a private document says from now on.
    pub(super) fn says(&self, owner: &str, publications: Vec<Publication>) -> Record {
        let mut effect = self.update(owner, r#"{"private":1}"#);
        if let Effect::Update { publications: all, .. } = &mut effect {
            *all = Some(publications);
        }
        self.policy(owner, effect)
    }

    pub(super) fn shown(&self, key: &str, text: &str, ttl: Option<i64>) -> Publication {
        let space = Space::Shared { policy: "cursors".into() };
        let expires = ttl.map(|it| Timestamp::from_seconds(self.now.get() + it));
        Publication {
            shell: shell(ObjectKind::Map, "room", space),
            spot: Spot::Key { key: ItemKey::try_from(key).expect("a key"), items_max: 100 },
            data: data(text),
            expires,
        }
    }
}

pub(super) fn identity(text: &str) -> Identity {
    Identity::try_from(text).expect("an identity")
}

pub(super) fn named(text: &str) -> UniqueName {
    UniqueName::try_from(text).expect("a name")
}

pub(super) fn key_of(text: &str) -> ItemId {
    ItemKey::try_from(text).expect("a key").into()
}

pub(super) fn data(text: &str) -> Data {
    Input::parse(text).expect("data").data().clone()
}

/// The SID of the object of this name.
pub(super) fn sid(kind: ObjectKind, name: &str) -> ObjectSid {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    ObjectSid { kind, bytes }
}

pub(super) fn shell(kind: ObjectKind, name: &str, space: Space) -> Shell {
    Shell { sid: sid(kind, name), name: Some(named(name)), space }
}

/// All that a service shows or decides by, in an order that can be compared.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    newest: EventId,
    settings: Settings,
    objects: BTreeMap<ObjectSid, Object>,
    names: BTreeMap<(ObjectKind, UniqueName), ObjectSid>,
    due: Vec<(Timestamp, ObjectSid, Option<ItemId>)>,
    due_by_holder: Vec<(Holder, Timestamp, ObjectSid, Option<ItemId>)>,
    sources: BTreeMap<Source, BTreeSet<Place>>,
    usage: BTreeMap<Holder, (u32, u64)>,
    attempts: Vec<(BatchId, Known)>,
    pending: Pending,
}

/// A view as a picture: its time, its services, and what is remembered beside them.
pub(super) fn pictured(view: &View) -> (Timestamp, Vec<Picture>, Vec<(BatchId, Known)>) {
    let used = |it: &Usage| (it.objects, it.bytes);
    let picture = |tenant: &Arc<crate::relay::store::view::Tenant>| Picture {
        newest: tenant.newest,
        settings: tenant.head.settings.clone(),
        objects: tenant.objects.iter().map(|(sid, it)| (*sid, it.as_ref().clone())).collect(),
        names: tenant.names.iter().map(|(name, sid)| (name.clone(), *sid)).collect(),
        due: tenant.due.iter().cloned().collect(),
        due_by_holder: tenant.due_by_holder.iter().cloned().collect(),
        sources: tenant.sources.iter().map(|(it, places)| (it.clone(), places.iter().collect())).collect(),
        usage: tenant.usage.iter().map(|(holder, it)| (holder.clone(), used(it))).collect(),
        attempts: tenant.attempts.iter().map(|(id, it)| (id, it.clone())).collect(),
        pending: tenant.pending.clone(),
    };
    let beside = view.attempts.iter().map(|(id, it)| (id, it.clone())).collect();
    (view.at, view.services.values().map(picture).collect(), beside)
}
