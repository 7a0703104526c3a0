//! Replay and live events beside what the object really is, when it changes at the worst moments.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, ThreadId},
};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    domain::{
        change::{Change, Expect, Operation},
        data::Input,
        event::{EventProtocol, Happening},
        name::{Identity, ItemId, ItemKey},
        object::{Address, ObjectKind, ObjectRef},
        permission::Permission,
        query::{Query, Range},
        service::SettingsChange,
        sid::{AccountSid, Sid},
    },
    policy::PolicySet,
    relay::{Answer, Credential, LogIdentities, Queued, Reading, Receipt, Relay, Settings},
};

struct House {
    relay: Relay,
    backend: Caller,
    service: ServiceSid,
}

impl House {
    fn new() -> Self {
        Self::with_acl(false)
    }

    fn with_acl(acl: bool) -> Self {
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
            plain_objects_max: 10_000,
            plain_bytes_max: 1 << 30,
            memory_max_bytes: 0,
            erase_within: std::time::Duration::from_secs(24 * 3_600),
            disk_min_free_bytes: 0,
        })
        .unwrap();
        let user = account.to_string();
        let credential = Credential::Basic { user: &user, password: &secret };
        let backend = relay.authenticate(credential, Ipv4Addr::LOCALHOST.into()).unwrap();
        let mut house = Self { relay, backend, service: ServiceSid::new([0; 16]) };
        let settings = SettingsChange { acl: Some(acl), ..SettingsChange::default() };
        let Receipt::Service { head, .. } = house.done(Operation::CreateService { default: true, settings })
        else {
            panic!("no service")
        };
        house.service = head.sid;
        house
    }

    /// One change by a backend; returns when it is answered, and the view published.
    fn done(&self, operation: Operation) -> Receipt {
        let (tell, told) = mpsc::channel();
        let then = Box::new(move |it| tell.send(it).unwrap());
        let change = Change { operation, if_match: None, idempotency: None };
        self.relay.submit(&self.backend, change, Answer { then, through: None });
        told.recv().unwrap().unwrap()
    }

    fn make(&self, kind: ObjectKind) -> ObjectSid {
        let data = Input::empty();
        match self.done(Operation::Create { service: self.service, kind, name: None, data, ttl: None }) {
            Receipt::Object { head, .. } => head.sid,
            other => panic!("{other:?}"),
        }
    }

    fn address(&self, object: ObjectSid) -> Address {
        Address { service: self.service, kind: object.kind, object: ObjectRef::Sid(object) }
    }

    /// Sets one of a few keys of a map, or removes it.
    fn change(&self, map: ObjectSid, step: u64) {
        let (address, item) = (self.address(map), ItemId::from(item_key(step)));
        let query = Query::Item(address.clone(), item.clone());
        if step.is_multiple_of(3) && self.relay.read(&self.backend, &query).is_ok() {
            self.done(Operation::RemoveItem { address, item });
            return;
        }
        let data = Some(Input::parse(&format!(r#"{{"step":{step}}}"#)).unwrap());
        let (expect, ttl, collection_ttl) = (Expect::Any, None, None);
        self.done(Operation::SetItem { address, item, expect, data, ttl, collection_ttl });
    }

    fn items(&self, map: ObjectSid) -> BTreeMap<String, String> {
        let range = Range { rows: 100, ..Range::default() };
        match self.relay.read(&self.backend, &Query::Items(self.address(map), range)).unwrap() {
            Reading::Items { page, .. } => {
                page.rows.iter().map(|it| (format!("{:?}", it.id), it.data.as_str().to_owned())).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn client(&self) -> Caller {
        Caller::rehearsed(Some(Identity::try_from("ada").unwrap()), self.service, Value::Null)
    }

    /// Waits until what was answered is told.
    fn told(&self) {
        self.relay.unwatch_all(u64::MAX);
    }

    fn subscribe(
        &self,
        watches: &[Watch],
        ear: &Arc<Ear>,
        judge: &Judge<'_>,
        notice: &mut dyn FnMut(&Watch, Watched) -> Option<Bytes>,
    ) -> Vec<Result<Watched, Error>> {
        let watcher: &Arc<dyn Watcher> = &(Arc::clone(ear) as _);
        let (service, caller) = (self.service, &self.client());
        self.relay.inner.hub.subscribe(watches, Subscription { service, watcher, caller, judge, notice })
    }
}

fn item_key(step: u64) -> ItemKey {
    ItemKey::try_from(format!("k{}", step % 7).as_str()).unwrap()
}

/// Keeps what it hears, and sees to it that nothing of a replay is encoded under the lock.
struct Ear {
    subscriber: ThreadId,
    heard: Mutex<Vec<Arc<Event>>>,
    encoded_early: AtomicUsize,
    flushes: AtomicUsize,
}

impl Ear {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            subscriber: thread::current().id(),
            heard: Mutex::default(),
            encoded_early: AtomicUsize::new(0),
            flushes: AtomicUsize::new(0),
        })
    }
}

impl Watcher for Ear {
    fn id(&self) -> u64 {
        1
    }
    fn encode(&self, event: &Event) {
        // The pump may have the lock for a moment; this thread has it only in the last round.
        self.encoded_early.fetch_add(1, Ordering::Relaxed);
        event.frame(EventProtocol::V4, |_| Bytes::from_static(b"event"));
    }
    fn queue(&self, event: &Arc<Event>) -> Queued {
        let replayed = thread::current().id() == self.subscriber;
        event.frame(EventProtocol::V4, |_| {
            if replayed { panic!("encoded under the lock") } else { Bytes::new() }
        });
        self.heard.lock().unwrap().push(Arc::clone(event));
        Queued::Again
    }
    fn revoke(&self, _: ObjectSid, _: &Error) -> Queued {
        Queued::Again
    }
    fn flush(&self) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
    }
}

/// The state of a map as its events say it.
fn folded(mut items: BTreeMap<String, String>, heard: &[Arc<Event>]) -> BTreeMap<String, String> {
    for event in heard {
        match &event.what {
            Happening::ItemSet { item, .. } => {
                items.insert(format!("{:?}", item.id), item.data.as_str().to_owned());
            }
            Happening::ItemRemoved { item, .. } => {
                items.remove(&format!("{:?}", item.id));
            }
            other => panic!("{other:?}"),
        }
    }
    items
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    /// Changes come between the view and the lock, as often as the lock is taken: nothing is lost and nothing told twice.
    #[test]
    fn a_subscription_has_no_gap_and_no_double(
        before in 0_u64..30,
        between in proptest::collection::vec(0_u64..25, 4),
        knows in any::<bool>(),
    ) {
        let house = House::new();
        let map = house.make(ObjectKind::Map);
        (0..before).for_each(|step| house.change(map, step));
        let known = if knows { house.items(map) } else { BTreeMap::new() };
        let newest = |house: &House| match house.relay.read(&house.backend, &Query::Object(house.address(map))) {
            Ok(Reading::Object { head, .. }) => head.last_event_id,
            other => panic!("{other:?}"),
        };
        let since = if knows { newest(&house) } else { EventId(0) };
        let (ear, mut step) = (Ear::new(), before);
        let mut watch = Watch { object: map, since: Some(since), anew: None };
        let mut between = between.into_iter();
        // The first rounds announce without the lock: there, anything may happen.
        let at = loop {
            let mut announced = 0;
            let outcomes = house.subscribe(&[watch], &ear, &|_, _, _, _, _| Ok(()), &mut |_, _| {
                announced += 1;
                for _ in 0..between.next().filter(|_| announced <= SUBSCRIBE_ROUNDS_MAX).unwrap_or(0) {
                    step += 1;
                    house.change(map, step);
                }
                Some(Bytes::new())
            });
            match outcomes.as_slice() {
                [Ok(Watched::Established(at))] => break *at,
                [Ok(Watched::Interrupted { at, newest })] => {
                    let anew = watch.anew.or((watch.since == Some(EventId(0))).then_some(*newest));
                    watch = Watch { since: Some(*at), anew, ..watch };
                }
                other => panic!("{other:?}"),
            }
        };
        prop_assert_eq!(at, newest(&house).max(since));
        (0..5).for_each(|more| house.change(map, step + more));
        house.told();
        let heard = ear.heard.lock().unwrap();
        prop_assert!(heard.is_sorted_by(|one, other| one.id < other.id), "ids ascend");
        prop_assert_eq!(folded(known, &heard), house.items(map));
    }
}

#[test]
fn a_batch_is_judged_once_for_each_object_and_flushed_by_its_caller() {
    let house = House::new();
    let changed = |_| {
        let map = house.make(ObjectKind::Map);
        house.change(map, 1);
        Watch { object: map, since: Some(EventId(0)), anew: None }
    };
    let watches: Vec<Watch> = (0..SUBSCRIPTION_SLICE + 5).map(changed).collect();
    let (ear, judged) = (Ear::new(), AtomicUsize::new(0));
    let judge: &Judge<'_> = &|_, _, _, _, _| {
        judged.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let outcomes = house.subscribe(&watches, &ear, judge, &mut |_, _| None);
    assert_eq!(outcomes.len(), SUBSCRIPTION_SLICE, "a slice, and not the rest");
    assert_eq!(judged.load(Ordering::Relaxed), SUBSCRIPTION_SLICE);
    assert_eq!(ear.encoded_early.load(Ordering::Relaxed), SUBSCRIPTION_SLICE, "each was replayed");
    assert_eq!(ear.flushes.load(Ordering::Relaxed), 0);
    // Changes elsewhere in the service are no reason to judge again.
    let other = house.make(ObjectKind::Map);
    judged.store(0, Ordering::Relaxed);
    let mut once = Some(());
    house.subscribe(&watches, &ear, judge, &mut |_, _| {
        once.take().inspect(|()| house.change(other, 1));
        None
    });
    assert_eq!(judged.load(Ordering::Relaxed), SUBSCRIPTION_SLICE);
    // A token update judges the subscriptions of its own connection.
    judged.store(0, Ordering::Relaxed);
    house.relay.inner.hub.renew(1, &house.client(), judge);
    assert_eq!(judged.load(Ordering::Relaxed), SUBSCRIPTION_SLICE);
    house.relay.inner.hub.renew(2, &house.client(), judge);
    assert_eq!(judged.load(Ordering::Relaxed), SUBSCRIPTION_SLICE, "and of no other");
}

#[test]
fn what_a_slice_replays_is_one_piece() {
    let house = House::new();
    let watches: Vec<Watch> = (0..4)
        .map(|_| {
            let map = house.make(ObjectKind::Map);
            (0..7).filter(|step| step % 3 != 0).for_each(|step| house.change(map, step));
            for n in 0..80 {
                let (address, item) =
                    (house.address(map), ItemKey::try_from(format!("n{n}").as_str()).unwrap());
                let (expect, data) = (Expect::Any, Some(Input::empty()));
                let item = item.into();
                house.done(Operation::SetItem {
                    address,
                    item,
                    expect,
                    data,
                    ttl: None,
                    collection_ttl: None,
                });
            }
            Watch { object: map, since: Some(EventId(0)), anew: None }
        })
        .collect();
    let (ear, mut rest, mut slices) = (Ear::new(), watches.as_slice(), Vec::new());
    while !rest.is_empty() {
        let outcomes = house.subscribe(rest, &ear, &|_, _, _, _, _| Ok(()), &mut |_, _| None);
        assert!(outcomes.iter().all(|it| matches!(it, Ok(Watched::Established(_)))));
        slices.push(std::mem::take(&mut *ear.heard.lock().unwrap()).len());
        rest = &rest[outcomes.len()..];
    }
    assert_eq!(slices, [168, 168], "two maps of 84 items each, and no more");
}

/// By the state alone: no event of the object says that a grant has ended.
#[test]
fn a_right_that_is_taken_meanwhile_ends_the_subscription_before_it_begins() {
    let house = House::with_acl(true);
    let map = house.make(ObjectKind::Map);
    house.change(map, 1);
    let permit = |permission| {
        let identity = Identity::try_from("ada").unwrap();
        house.done(Operation::Permit { address: house.address(map), identity, permission });
    };
    permit(Some(Permission::ALL));
    let (ear, judge) = (Ear::new(), house.relay.judge());
    let watch = Watch { object: map, since: Some(EventId(0)), anew: None };
    let outcomes = house.subscribe(&[watch], &ear, &judge, &mut |_, _| {
        permit(None);
        None
    });
    assert!(matches!(outcomes.as_slice(), [Err(Error::Refused(_))]), "{outcomes:?}");
    house.change(map, 4);
    house.told();
    assert!(ear.heard.lock().unwrap().is_empty(), "nothing was handed over");
    permit(Some(Permission::ALL));
    assert!(house.subscribe(&[watch], &ear, &judge, &mut |_, _| None).iter().all(Result::is_ok));
    house.done(Operation::Permit {
        address: house.address(map),
        identity: Identity::try_from("bob").unwrap(),
        permission: Some(Permission::ALL),
    });
    house.change(map, 5);
    house.told();
    assert_eq!(ear.heard.lock().unwrap().len(), 3, "two that were missed, and a live one");
}
