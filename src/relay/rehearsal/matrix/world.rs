//! The state of which is asked: a service with ACL on, and one object with whatever can be in it.

use std::{net::IpAddr, sync::Arc};

use serde_json::Value;

use super::{Asker, GRANTED, Side, Verb};
use crate::{
    domain::{
        change::{Change, Expect, Operation},
        data::Input,
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{Address, ObjectKind, ObjectRef},
        permission::Permission,
        query::{Query, Range},
        service::SettingsChange,
        sid::{AccountSid, ServiceSid},
        time::Timestamp,
    },
    policy::{CASE_NOW, PolicySet},
    relay::{
        authn::{Authn, Caller, Credential},
        fetch,
        gate::Gate,
        refusal::{DecisionId, Reason, Refusal},
        rewrite::{self, Batch, Given},
        seen::Eye,
        standing::Standing,
        store::{
            apply::{Rejection, apply},
            view::View,
        },
        ticket::Charge,
        veil::LogIdentities,
    },
    token::{Keys, TokenFault},
};

/// The key of the item that stands in a map.
const KEY: &str = "key";
/// Somebody to whom rights are granted, to see who may grant them.
const SOMEBODY: &str = "dave";

/// A state, and the policies over it.
#[derive(Clone)]
pub(super) struct World<'p> {
    policies: &'p Arc<PolicySet>,
    gate: Arc<Gate>,
    view: View,
    service: ServiceSid,
    /// Every client's: they list what a policy asks of a captured variable.
    claims: Value,
    steps: u64,
}

impl<'p> World<'p> {
    /// A service in which nothing stands: the default service, or one with this SID.
    pub(super) fn new(policies: &'p Arc<PolicySet>, service: Option<ServiceSid>) -> Self {
        let (view, gate) = (View::default(), Arc::new(Gate::new(false)));
        let default = service.is_none();
        let service = service.unwrap_or_else(|| ServiceSid::new([1; 16]));
        let mut world = Self { policies, gate, view, service, claims: claims(policies), steps: 0 };
        world.commit(rewrite::founding([7; 32], DecisionId(0), now()));
        world.commit(rewrite::activation(policies, DecisionId(0), now()));
        let settings = SettingsChange { acl: Some(true), ..SettingsChange::default() };
        let made = world.submit(&world.client(None), Operation::CreateService { default, settings });
        debug_assert!(made.is_ok(), "a service can be made on an empty view");
        world
    }

    fn commit(&mut self, batch: Batch) {
        let applied = apply(&mut self.view, &batch.into_record());
        debug_assert!(applied.is_ok(), "the relay's own records apply to an empty view");
    }

    /// The same state with one object, an item in it, and grants on it.
    pub(super) fn with(&self, side: &Side, kind: ObjectKind, name: &UniqueName) -> Self {
        let mut world = self.clone();
        // A backend makes private objects in their owners' names, even where `mode = "off"` keeps these from it.
        let maker = match side {
            Side::Plain => Asker::Owner,
            Side::Private(_) | Side::Shared(_) => Asker::Backend,
        };
        let maker = self.client(maker.identity());
        let item = match kind {
            ObjectKind::List => Some(Verb::Push),
            ObjectKind::Map => Some(Verb::Set),
            ObjectKind::Document | ObjectKind::Stream => None,
        };
        let made = [Some(Verb::Create), item].into_iter().flatten();
        for operation in made.filter_map(|it| self.operation(it, kind, name)) {
            // What cannot be made is missing in the answers, and they say so.
            let _refused = world.submit(&maker, operation);
        }
        let grant = Identity::try_from(GRANTED).ok().map(|it| self.permit(kind, name, it));
        // A private object cannot be granted: then nobody has more than before.
        let _refused = grant.map(|it| world.submit(&self.client(None), it));
        world
    }

    /// One question; the state stays as it is.
    pub(super) fn ask(
        &self,
        asker: Asker,
        verb: Verb,
        kind: ObjectKind,
        name: &UniqueName,
    ) -> Result<(), Refusal> {
        let caller = match asker {
            Asker::Anonymous => anonymous()?,
            Asker::Unclaimed => self.client_with(asker.identity(), Value::Object(Default::default())),
            known => self.client(known.identity()),
        };
        let address = self.address(kind, name);
        match verb {
            Verb::Read if matches!(kind, ObjectKind::List | ObjectKind::Map) => {
                self.query(&caller, Query::Items(address, Range::default()))
            }
            Verb::Read => self.query(&caller, Query::Object(address)),
            // As the verb `watch` has it: whoever has no service of its own has nothing to subscribe to.
            Verb::Watch if caller.service().is_none() => Err(Refusal::plain(Reason::Forbidden)),
            Verb::Watch => self.query(&caller, Query::Object(address)),
            change => match self.operation(change, kind, name) {
                Some(operation) => self.clone().submit(&caller, operation),
                None => Err(Refusal::plain(Reason::Forbidden)),
            },
        }
    }

    /// A client with this identity, or a backend.
    fn client(&self, identity: Option<&str>) -> Caller {
        self.client_with(identity, self.claims.clone())
    }

    fn client_with(&self, identity: Option<&str>, claims: Value) -> Caller {
        let identity = identity.and_then(|it| Identity::try_from(it).ok());
        Caller::rehearsed(identity, self.service, claims)
    }

    fn address(&self, kind: ObjectKind, name: &UniqueName) -> Address {
        Address { service: self.service, kind, object: ObjectRef::Name(name.clone()) }
    }

    fn permit(&self, kind: ObjectKind, name: &UniqueName, identity: Identity) -> Operation {
        Operation::Permit { address: self.address(kind, name), identity, permission: Some(Permission::ALL) }
    }

    fn operation(&self, verb: Verb, kind: ObjectKind, name: &UniqueName) -> Option<Operation> {
        let (service, address, data) = (self.service, self.address(kind, name), Input::empty());
        let (ttl, collection_ttl) = (None, None);
        let item = || match kind {
            ObjectKind::Map => ItemKey::try_from(KEY).ok().map(ItemId::from),
            _ => Some(ItemId::Index(0)),
        };
        Some(match verb {
            Verb::Read | Verb::Watch => return None,
            Verb::Create => Operation::Create { service, kind, name: Some(name.clone()), data, ttl },
            Verb::Write => Operation::Update { address, data: Some(data), ttl },
            Verb::Push => Operation::Push { address, data, ttl, collection_ttl },
            Verb::Set => {
                let (item, expect, data) = (item()?, Expect::Any, Some(data));
                Operation::SetItem { address, item, expect, data, ttl, collection_ttl }
            }
            Verb::Publish => Operation::Publish { address, data },
            Verb::RemoveItem => Operation::RemoveItem { address, item: item()? },
            Verb::Remove => Operation::Remove { address },
            Verb::Permit => self.permit(kind, name, Identity::try_from(SOMEBODY).ok()?),
        })
    }

    fn query(&self, caller: &Caller, query: Query) -> Result<(), Refusal> {
        let standing =
            query.service().and_then(|it| fetch::standing(&self.view, it, query.address(), caller, now()));
        let admitted =
            self.gate.admit_query(caller, query, standing, self.policies, now(), Charge::Nothing)?;
        fetch::fetch(&self.view, &admitted).map(|_| ()).map_err(Refusal::plain)
    }

    /// One passage, without a store; the caller has an open socket.
    fn submit(&mut self, caller: &Caller, operation: Operation) -> Result<(), Refusal> {
        self.steps += 1;
        let named = operation.created();
        let address = operation.address().or(named.as_ref());
        let standing =
            operation.service().and_then(|it| fetch::standing(&self.view, it, address, caller, now()));
        let standing = standing.map(|it| Standing { present: true, ..it });
        let change = Change { operation, if_match: None, idempotency: None };
        let (view, service) = (&self.view, self.service);
        let eye: Eye<'_> = &|it| fetch::sought(view, service, now(), it);
        let admitted =
            self.gate.admit_change(caller, change, (standing, eye), self.policies, now(), Charge::Nothing)?;
        let mut sid = *self.service.as_bytes();
        if self.steps != 1 {
            // The service has the SID that it must have; what comes later needs another one.
            for (to, from) in sid.iter_mut().zip(self.steps.to_be_bytes()) {
                *to ^= from;
            }
        }
        let (plain_objects_max, plain_bytes_max) = (u32::MAX, u64::MAX);
        let decision = DecisionId(self.steps);
        let given = Given { decision, sid, plain_objects_max, plain_bytes_max, settings: None, batch: None };
        let record = rewrite::rewrite(admitted, &given)?.into_record();
        match apply(&mut self.view, &record) {
            Ok(_) => Ok(()),
            Err(Rejection::Refused(reason)) => Err(Refusal::of_apply(reason)),
            Err(Rejection::Stale | Rejection::Known) => Err(Refusal::plain(Reason::Forbidden)),
        }
    }
}

/// When everything is asked.
const fn now() -> Timestamp {
    CASE_NOW
}

/// What becomes of whoever brings no token.
fn anonymous() -> Result<Caller, Refusal> {
    let refused = |fault: TokenFault| Refusal::plain(Reason::Credential(fault)).by_rule("token");
    // Any key will do: nothing is signed with it.
    let keys: Keys =
        format!("SK{0}:{0}", "0".repeat(32)).parse().map_err(|_| refused(TokenFault::Invalid))?;
    let authn = Authn {
        account: AccountSid::new([0; 16]),
        auth_token: String::new(),
        keys,
        log_identities: LogIdentities::Plain,
    };
    let peer = IpAddr::from([127, 0, 0, 1]);
    authn.authenticate(&Credential::Token(""), peer, None, &[0; 32], now()).map_err(refused)
}

/// Claims with which each captured variable is allowed: in the names that are asked for, it is its own name.
fn claims(policies: &PolicySet) -> Value {
    let mut claims = Value::Object(Default::default());
    for bound in policies.policies().iter().flat_map(|it| &it.bounds) {
        let Some((last, path)) = bound.one_of.as_ref().and_then(|it| it.split_last()) else { continue };
        let mut here = &mut claims;
        for step in path {
            let Value::Object(entries) = here else { return claims };
            here = entries.entry(step.as_str()).or_insert_with(|| Value::Object(Default::default()));
        }
        let Value::Object(entries) = here else { return claims };
        let list = entries.entry(last.as_str()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::String(bound.variable.to_string()));
        }
    }
    claims
}
