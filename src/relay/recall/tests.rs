//! Every change that comes again under its request id has its first answer and no second effect.

mod conditions;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::Value;

use crate::{
    domain::{
        change::{Change, Expect, IdempotencyKey, IfMatch, Operation},
        data::Input,
        event::Event,
        name::{Identity, ItemId, ItemKey, UniqueName},
        object::{Address, ObjectKind, ObjectRef, Revision},
        permission::Permission,
        query::Query,
        service::SettingsChange,
        sid::{AccountSid, ObjectSid, ServiceSid, Sid},
        time::Ttl,
    },
    policy::PolicySet,
    relay::{
        Caller, Credential, Error, LogIdentities, Queued, Reading, Reason, Receipt, Relay, Settings, Watch,
        Watcher,
    },
};

const KINDS: [ObjectKind; 3] = [ObjectKind::Document, ObjectKind::List, ObjectKind::Map];

struct House {
    relay: Relay,
    backend: Caller,
    service: ServiceSid,
}

impl House {
    async fn new() -> Self {
        let (account, secret): (AccountSid, _) = (Sid::new([1; 16]), "s".repeat(32));
        let relay = Relay::start(Settings {
            account,
            auth_token: secret.clone(),
            keys: format!("SK{}:{secret}", "1".repeat(32)).parse().unwrap(),
            data: None,
            code_of: |_| 0,
            log_identities: LogIdentities::Plain,
            hosted_limits: false,
            policies: PolicySet::empty().into(),
            plain_objects_max: 100,
            plain_bytes_max: 1 << 30,
            memory_max_bytes: 0,
            disk_min_free_bytes: 0,
            erase_within: std::time::Duration::from_secs(24 * 3600),
        })
        .unwrap();
        let peer = Ipv4Addr::LOCALHOST.into();
        let user = account.to_string();
        let backend = relay.authenticate(Credential::Basic { user: &user, password: &secret }, peer).unwrap();
        let settings = SettingsChange { acl: Some(true), ..SettingsChange::default() };
        let service = made_service(&relay, &backend, "first", settings).await;
        Self { relay, backend, service }
    }

    fn client(&self, name: &str) -> Caller {
        Caller::rehearsed(Some(identity(name)), self.service, Value::Null)
    }

    fn at(&self, object: ObjectRef, kind: ObjectKind) -> Address {
        Address { service: self.service, kind, object }
    }

    fn of(&self, sid: ObjectSid) -> Address {
        self.at(ObjectRef::Sid(sid), sid.kind)
    }

    async fn ask(&self, caller: &Caller, change: Change) -> Result<Receipt, Error> {
        self.relay.submitted(caller, change).await
    }

    /// What a backend does, and never again.
    async fn done(&self, operation: Operation) -> Receipt {
        self.ask(&self.backend, Change { operation, if_match: None, idempotency: None }).await.unwrap()
    }

    async fn made(&self, caller: &Caller, kind: ObjectKind, name: Option<&str>) -> ObjectSid {
        let change = Change { operation: self.create(kind, name), if_match: None, idempotency: None };
        match self.ask(caller, change).await.unwrap() {
            Receipt::Object { head, .. } => head.sid,
            other => panic!("{other:?}"),
        }
    }

    fn create(&self, kind: ObjectKind, name: Option<&str>) -> Operation {
        let name = name.map(|it| UniqueName::try_from(it).unwrap());
        Operation::Create { service: self.service, kind, name, data: Input::empty(), ttl: None }
    }

    fn set(&self, map: ObjectSid, expect: Expect, text: &str) -> Operation {
        let (address, item, data) = (self.of(map), key(), Some(Input::parse(text).unwrap()));
        Operation::SetItem { address, item, expect, data, ttl: None, collection_ttl: None }
    }

    fn update(&self, document: ObjectSid, text: &str) -> Operation {
        Operation::Update { address: self.of(document), data: Some(Input::parse(text).unwrap()), ttl: None }
    }

    fn permit(&self, object: ObjectSid, who: &str, permission: Option<Permission>) -> Operation {
        Operation::Permit { address: self.of(object), identity: identity(who), permission }
    }

    /// The newest event of the service's object, if it stands.
    fn newest(&self, address: Address) -> Option<u64> {
        match self.relay.read(&self.backend, &Query::Object(address)) {
            Ok(Reading::Object { head, .. }) => Some(head.last_event_id.0),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    /// Asks, lets `between` happen, asks the same again: the answers agree, and the second did nothing.
    async fn twice(&self, what: &str, caller: &Caller, change: Change, between: Vec<Operation>) -> Receipt {
        let first = self.ask(caller, change.clone()).await;
        let first = first.unwrap_or_else(|error| panic!("{what}: {error}"));
        for operation in between {
            self.done(operation).await;
        }
        let address = change.operation.address().cloned().or(change.operation.created());
        let before = address.clone().map(|it| self.newest(it));
        let again = self.ask(caller, change).await;
        let again = again.unwrap_or_else(|error| panic!("{what}, again: {error}"));
        assert_eq!(meaning(&again), meaning(&first), "{what}");
        assert_eq!(address.map(|it| self.newest(it)), before, "{what}: nothing came of it");
        again
    }
}

async fn made_service(relay: &Relay, backend: &Caller, word: &str, settings: SettingsChange) -> ServiceSid {
    let change = called(word, Operation::CreateService { default: false, settings });
    match relay.submitted(backend, change).await.unwrap() {
        Receipt::Service { head, .. } => head.sid,
        other => panic!("{other:?}"),
    }
}

fn identity(text: &str) -> Identity {
    Identity::try_from(text).unwrap()
}

fn key() -> ItemId {
    ItemKey::try_from("k").unwrap().into()
}

/// A change under a request id.
fn called(word: &str, operation: Operation) -> Change {
    Change { operation, if_match: None, idempotency: IdempotencyKey::parse(word) }
}

/// What an answer says that a client acts on.
fn meaning(receipt: &Receipt) -> String {
    match receipt {
        Receipt::Object { head, data, created, .. } => {
            let data = data.as_ref().map(|it| it.as_str().to_owned());
            format!(
                "{} {:?} {} {} {data:?} {created}",
                head.sid, head.unique_name, head.revision, head.last_event_id.0
            )
        }
        Receipt::Item { collection, item, created, .. } => format!(
            "{collection} {} {} {} {} {created}",
            item.id,
            item.revision,
            item.last_event_id.0,
            item.data.as_str()
        ),
        Receipt::ItemRemoved { collection, item, event_id, .. } => {
            format!("{collection} {} {} {}", item.id, item.revision, event_id.0)
        }
        Receipt::Message { message, data } => format!("{message} {}", data.as_str()),
        Receipt::Service { head, created } => format!("{} {created}", head.sid),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repeated_removal_is_a_removal() {
    let house = House::new().await;
    let ada = house.client("ada");
    for caller in [&ada, &house.backend] {
        for kind in KINDS {
            let sid = house.made(caller, kind, None).await;
            house
                .twice("by SID", caller, called("one", Operation::Remove { address: house.of(sid) }), vec![])
                .await;
            let address = house.at(ObjectRef::Name(UniqueName::try_from("again").unwrap()), kind);
            house.made(caller, kind, Some("again")).await;
            let remove = called("two", Operation::Remove { address: address.clone() });
            let anew = vec![house.create(kind, Some("again"))];
            house.twice("by name, made anew since", caller, remove, anew).await;
            house.done(Operation::Remove { address }).await;
        }
        let map = house.made(caller, ObjectKind::Map, None).await;
        house.done(house.set(map, Expect::Any, r#"{"n":1}"#)).await;
        let remove = called("three", Operation::RemoveItem { address: house.of(map), item: key() });
        house.twice("an item", caller, remove.clone(), vec![]).await;
        house.done(house.set(map, Expect::Any, r#"{"n":2}"#)).await;
        house.twice("an item that was made anew", caller, remove.clone(), vec![]).await;
        assert!(house.relay.read(&house.backend, &Query::Item(house.of(map), key())).is_ok());
        house.done(Operation::Remove { address: house.of(map) }).await;
        house.twice("an item of a map that is gone", caller, remove, vec![]).await;
    }
}

#[tokio::test]
async fn a_repeated_write_does_not_look_at_what_stands() {
    let house = House::new().await;
    let ada = house.client("ada");
    for caller in [&ada, &house.backend] {
        let document = house.made(caller, ObjectKind::Document, None).await;
        let gone = |sid| vec![Operation::Remove { address: house.of(sid) }];
        house.twice("an update", caller, called("a", house.update(document, r#"{"n":1}"#)), vec![]).await;
        let conditional = Change {
            if_match: Some(IfMatch::Revision(Revision(1))),
            ..called("b", house.update(document, r#"{"n":2}"#))
        };
        let other = vec![house.update(document, r#"{"n":3}"#)];
        house.twice("an update of a revision that has passed", caller, conditional.clone(), other).await;
        house.twice("an update of what is gone", caller, conditional, gone(document)).await;
        let map = house.made(caller, ObjectKind::Map, None).await;
        let add = called("c", house.set(map, Expect::Absent, r#"{"n":1}"#));
        house.twice("an item that must not stand", caller, add.clone(), vec![]).await;
        let anew = vec![
            Operation::RemoveItem { address: house.of(map), item: key() },
            house.set(map, Expect::Any, r#"{"n":9}"#),
        ];
        house.twice("an item that another has replaced", caller, add, anew).await;
        let list = house.made(caller, ObjectKind::List, None).await;
        let data = Input::parse(r#"{"n":1}"#).unwrap();
        let push = Operation::Push { address: house.of(list), data, ttl: None, collection_ttl: None };
        house.twice("an item of a list that is gone", caller, called("d", push), gone(list)).await;
        for kind in KINDS {
            let made =
                house.twice("a name", caller, called("e", house.create(kind, Some("name"))), vec![]).await;
            let Receipt::Object { head, created: true, .. } = made else { panic!("{made:?}") };
            house
                .twice("what is gone", caller, called("e", house.create(kind, Some("name"))), gone(head.sid))
                .await;
            assert!(house.newest(house.of(head.sid)).is_none(), "it is not made again");
        }
    }
}

#[tokio::test]
async fn who_may_no_longer_write_learns_that_its_write_was_done_and_nothing_else() {
    let house = House::new().await;
    let (ada, all) = (house.client("ada"), Permission::ALL);
    let document = house.made(&house.backend, ObjectKind::Document, None).await;
    house.done(house.permit(document, "ada", Some(all))).await;
    let write = called("w", house.update(document, r#"{"by":"ada"}"#));
    let since = vec![house.update(document, r#"{"secret":1}"#), house.permit(document, "ada", None)];
    let again = house.twice("a write", &ada, write.clone(), since).await;
    assert!(meaning(&again).contains(r#"{\"by\":\"ada\"}"#), "{again:?}");
    let life = Operation::Update { address: house.of(document), data: None, ttl: Some(Ttl::NEVER) };
    house.done(house.permit(document, "ada", Some(all))).await;
    house.ask(&ada, called("t", life.clone())).await.unwrap();
    house.done(house.permit(document, "ada", None)).await;
    let again = house.ask(&ada, called("t", life)).await.unwrap();
    assert!(!meaning(&again).contains("secret"), "a client is shown no data but its own: {again:?}");

    // Another identity that says the same is another caller, and so is another body, or another service.
    let forbidden = |result: Result<Receipt, Error>| match result {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.reason, Reason::Forbidden),
        other => panic!("{other:?}"),
    };
    forbidden(house.ask(&house.client("bob"), write.clone()).await);
    forbidden(house.ask(&ada, called("w", house.update(document, r#"{"by":"eve"}"#))).await);
    let conditional = Change { if_match: Some(IfMatch::Revision(Revision(1))), ..write.clone() };
    forbidden(house.ask(&ada, conditional).await);
    let elsewhere = Caller::rehearsed(Some(identity("ada")), ServiceSid::new([9; 16]), Value::Null);
    forbidden(house.ask(&elsewhere, write).await);
}

#[tokio::test]
async fn grants_and_services_are_answered_again_too() {
    let house = House::new().await;
    let backend = &house.backend;
    let document = house.made(backend, ObjectKind::Document, None).await;
    let (all, none) = (Some(Permission::ALL), Some(Permission::default()));
    let set = called("g", house.permit(document, "ada", all));
    house.twice("a grant that was taken away", backend, set, vec![house.permit(document, "ada", None)]).await;
    house.done(house.permit(document, "ada", none)).await;
    let take = called("g", house.permit(document, "ada", None));
    house.twice("the end of a grant", backend, take.clone(), vec![]).await;
    house
        .twice("the end of one that was set anew", backend, take, vec![house.permit(document, "ada", all)])
        .await;
    let held = house.relay.read(backend, &Query::Permission(house.of(document), identity("ada")));
    assert!(held.is_ok(), "the new grant stands");
    // One key for two identities: two attempts.
    house.done(house.permit(document, "bob", all)).await;
    house.ask(backend, called("g", house.permit(document, "bob", None))).await.unwrap();
    let held = house.relay.read(backend, &Query::Permission(house.of(document), identity("bob")));
    assert!(held.is_err(), "bob's is taken away as well");

    let settings = || SettingsChange { friendly_name: Some("one".into()), ..SettingsChange::default() };
    let made = made_service(&house.relay, backend, "s", settings()).await;
    assert_eq!(made_service(&house.relay, backend, "s", settings()).await, made, "one service");
    let other = SettingsChange { friendly_name: Some("two".into()), ..SettingsChange::default() };
    assert_ne!(made_service(&house.relay, backend, "s", other.clone()).await, made, "other settings");
    let change = called("u", Operation::UpdateService { service: made, settings: other });
    house.twice("settings", backend, change.clone(), vec![]).await;
    let remove = called("r", Operation::RemoveService { service: made });
    house.twice("a service", backend, remove, vec![]).await;
    house.twice("settings of one that is gone", backend, change, vec![]).await;
}

/// Counts what it hears.
#[derive(Default)]
struct Ear(AtomicUsize);

impl Watcher for Ear {
    fn id(&self) -> u64 {
        1
    }
    fn queue(&self, _: &Arc<Event>) -> Queued {
        self.0.fetch_add(1, Ordering::Relaxed);
        Queued::Again
    }
    fn revoke(&self, _: ObjectSid, _: &Error) -> Queued {
        Queued::Gone
    }
    fn flush(&self) {}
}

#[tokio::test]
async fn a_repeated_message_is_told_once() {
    let house = House::new().await;
    let ear = Arc::new(Ear::default());
    let listener: Arc<dyn Watcher> = ear.clone();
    for (name, caller) in [("ada", &house.client("ada")), ("", &house.backend)] {
        let stream = house.made(caller, ObjectKind::Stream, None).await;
        house.done(house.permit(stream, "ear", Some(Permission::ALL))).await;
        let watch = Watch { object: stream, since: None, anew: None };
        let who = house.client("ear");
        let mut batch = house.relay.watch_batch(&who);
        let watched = house.relay.watch(&who, &mut batch, &[watch], &listener, &mut |_, _| None);
        assert!(matches!(watched.as_slice(), [Ok(_)]));
        let send = |word, text| {
            let (address, data) = (house.of(stream), Input::parse(text).unwrap());
            called(word, Operation::Publish { address, data })
        };
        let heard = || {
            // The answer comes before the events of its batch: this waits until they are told.
            house.relay.unwatch_all(2);
            ear.0.swap(0, Ordering::Relaxed)
        };
        house.twice("one after the other", caller, send("a", r#"{"n":1}"#), vec![]).await;
        assert_eq!(heard(), 1, "`{name}` is heard once");
        let both = (house.ask(caller, send("b", r#"{"n":1}"#)), house.ask(caller, send("b", r#"{"n":1}"#)));
        let (one, two) = tokio::join!(both.0, both.1);
        assert_eq!(meaning(&one.unwrap()), meaning(&two.unwrap()), "both at once");
        assert_eq!(heard(), 1, "`{name}` is heard once");
        house.ask(caller, send("b", r#"{"n":2}"#)).await.unwrap();
        assert_eq!(heard(), 1, "other words are another message");
        let gone = vec![Operation::Remove { address: house.of(stream) }];
        house.twice("through a stream that is gone", caller, send("c", "{}"), gone).await;
        // The message, and the end of the stream.
        assert_eq!(heard(), 2);
    }
}
