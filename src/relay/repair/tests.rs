//! Stores that hold a fold which an earlier version killed: at the next start it counts all who stand.

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use serde_json::json;

use crate::{
    domain::{
        change::{Change, Operation},
        data::{Data, Input},
        name::{Identity, UniqueName},
        object::{Address, ObjectKind, ObjectRef},
        permission::Permission,
        query::Query,
        service::SettingsChange,
        sid::{AccountSid, ServiceSid, Sid},
    },
    policy::{PolicySet, folder},
    relay::{
        Caller, Conflict, Credential, LogIdentities, Reading, Receipt, Relay, Settings, StartError,
        store::{
            Embedded, Store,
            view::{Body, Tenant, View},
        },
        verify,
    },
};

const PRIVATE: &str =
    r#"{"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}"#;
const POLICY: &str = r#"
[from]
document = "scores/{game}/{identity}"
schema = "private.json"
[[to]]
document = "games/{game}"
read = "everyone"
[to.fold]
players = { count = true }
sum = { sum = "data.score" }
best = { top = 2, by = "data.score", keep = ["score"] }
"#;

struct House {
    folder: tempfile::TempDir,
    policy: String,
}

struct Open {
    relay: Relay,
    backend: Caller,
    service: ServiceSid,
}

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), policy: POLICY.to_owned() }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn policies(&self) -> PolicySet {
        let own = self.folder.path().join("policies/scores");
        std::fs::create_dir_all(&own).expect("made");
        std::fs::write(own.join("policy.toml"), &self.policy).expect("written");
        std::fs::write(own.join("private.json"), PRIVATE).expect("written");
        folder::load(&self.folder.path().join("policies")).unwrap_or_else(|it| panic!("{it:?}"))
    }

    fn start(&self) -> Result<Relay, StartError> {
        let secret = "s".repeat(32);
        Relay::start(Settings {
            account: account(),
            auth_token: secret.clone(),
            keys: format!("SK{}:{secret}", "1".repeat(32)).parse().expect("keys"),
            data: Some(self.data()),
            code_of: |_| 0,
            log_identities: LogIdentities::Plain,
            hosted_limits: false,
            policies: self.policies().into(),
            plain_objects_max: 100,
            plain_bytes_max: 1 << 30,
            memory_max_bytes: 0,
            erase_within: std::time::Duration::from_secs(24 * 3_600),
            disk_min_free_bytes: 0,
        })
    }

    async fn open(&self) -> Open {
        let relay = self.start().expect("it starts");
        let peer = Ipv4Addr::LOCALHOST.into();
        let (user, password) = (account().to_string(), "s".repeat(32));
        let credential = Credential::Basic { user: &user, password: &password };
        let backend = relay.authenticate(credential, peer).expect("a backend");
        let settings = SettingsChange::default();
        let change = Operation::CreateService { default: true, settings };
        let made = relay.submitted(&backend, plain(change)).await.expect("a service");
        let Receipt::Service { head, .. } = made else { panic!("{made:?}") };
        Open { relay, backend, service: head.sid }
    }

    /// Changes what is at rest, as an earlier version would have left it.
    fn damage(&self, damage: impl FnOnce(&mut Tenant)) {
        let mut view = view(&self.data());
        let service = view.default_service.expect("a service");
        damage(Arc::make_mut(view.services.get_mut(&service).expect("the service")));
        let store = Store::Embedded(Embedded::open(&self.data()).expect("the store opens"));
        store.checkpointer().write(&view).expect("it is written");
    }
}

fn account() -> AccountSid {
    Sid::new([1; 16])
}

fn view(directory: &Path) -> View {
    let mut store = Store::Embedded(Embedded::open(directory).expect("the store opens"));
    store.replay(&mut |_| ()).expect("it is read").view
}

fn plain(operation: Operation) -> Change {
    Change { operation, if_match: None, idempotency: None }
}

fn name(text: &str) -> UniqueName {
    UniqueName::try_from(text).expect("a name")
}

impl Open {
    fn at(&self, text: &str) -> Address {
        Address { service: self.service, kind: ObjectKind::Document, object: ObjectRef::Name(name(text)) }
    }

    async fn score(&self, player: &str, score: i64) {
        let identity = Identity::try_from(player).expect("an identity");
        let caller = Caller::rehearsed(Some(identity), self.service, json!({}));
        let (kind, name) = (ObjectKind::Document, Some(name(&format!("scores/7/{player}"))));
        let data = Input::parse(&json!({ "score": score }).to_string()).expect("data");
        let create = Operation::Create { service: self.service, kind, name, data, ttl: None };
        self.relay.submitted(&caller, plain(create)).await.expect("it is written");
    }

    async fn grant(&self, reader: &str) {
        let identity = Identity::try_from(reader).expect("an identity");
        let permission = Some(Permission { read: true, ..Permission::default() });
        let permit = Operation::Permit { address: self.at("games/7"), identity, permission };
        self.relay.submitted(&self.backend, plain(permit)).await.expect("it is granted");
    }

    fn shown(&self) -> String {
        match self.relay.read(&self.backend, &Query::Object(self.at("games/7"))) {
            Ok(Reading::Object { data: Some(data), .. }) => data.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }
}

const NOTHING: &str = r#"{"players":0,"sum":0,"best":[]}"#;
const ALL: &str = r#"{"players":3,"sum":12,"best":[{"score":5},{"score":5}]}"#;

fn fold_of(tenant: &Tenant) -> crate::domain::sid::ObjectSid {
    tenant.names[&(ObjectKind::Document, name("games/7"))]
}

#[tokio::test]
async fn a_grant_before_the_first_share_leaves_the_fold_exact() {
    let house = House::new();
    let open = house.open().await;
    assert_eq!(open.shown(), NOTHING);
    open.grant("reader").await;
    assert_eq!(open.shown(), NOTHING, "it stands, and nobody feeds it");
    for (player, score) in [("ada", 2), ("bob", 5), ("eve", 5)] {
        open.score(player, score).await;
    }
    assert_eq!(open.shown(), ALL);
    open.relay.stop().await;
    drop(open);
    let open = house.open().await;
    assert_eq!(open.shown(), ALL);
    open.relay.stop().await;
}

#[tokio::test]
async fn a_fold_that_was_killed_is_repaired_at_a_start() {
    let house = House::new();
    let open = house.open().await;
    for (player, score) in [("ada", 2), ("bob", 5), ("eve", 5)] {
        open.score(player, score).await;
    }
    open.grant("reader").await;
    open.relay.stop().await;
    drop(open);
    // Killed: it stands as a document.
    let kill = |tenant: &mut Tenant| {
        let sid = fold_of(tenant);
        let object = Arc::make_mut(tenant.objects.get_mut(&sid).expect("the fold"));
        object.body = Body::Document { data: Data::empty(), contributions: Default::default() };
    };
    // Killed, forgotten, and made anew by who came later.
    let forget = |tenant: &mut Tenant| {
        let sid = fold_of(tenant);
        let object = Arc::make_mut(tenant.objects.get_mut(&sid).expect("the fold"));
        let Body::Fold(fold) = &mut object.body else { panic!("no fold") };
        let sources: Vec<_> = fold.tally.sources().take(2).cloned().collect();
        sources.iter().for_each(|it| fold.tally.take(it));
        fold.data = Data::built(fold.tally.render());
    };
    // Killed and forgotten, and nobody came.
    let drop_all = |tenant: &mut Tenant| {
        let sid = fold_of(tenant);
        tenant.objects.remove(&sid);
    };
    let damages: [&dyn Fn(&mut Tenant); 3] = [&kill, &forget, &drop_all];
    for (at, damage) in damages.into_iter().enumerate() {
        house.damage(damage);
        assert_ne!(verify(&house.data(), &house.policies()).expect("read").differences.len(), 0, "{at}");
        let open = house.open().await;
        assert_eq!(open.shown(), ALL, "damage {at}");
        open.relay.stop().await;
        drop(open);
        let verified = verify(&house.data(), &house.policies()).expect("read");
        assert_eq!(verified.differences, Vec::<String>::new(), "damage {at}");
        let (before, open) = (view(&house.data()).seq, house.open().await);
        open.relay.stop().await;
        drop(open);
        assert_eq!(view(&house.data()).seq, before, "what is whole is not repaired");
    }
}

#[tokio::test]
async fn a_rewrite_that_has_changed_under_shares_is_refused_at_a_start() {
    let mut house = House::new();
    let open = house.open().await;
    open.score("ada", 2).await;
    open.relay.stop().await;
    drop(open);
    let clamped = POLICY.replace("read = ", "clamp = { \"/score\" = [0, 1] }\nread = ");
    house.policy = clamped.clone();
    match house.start().err() {
        Some(StartError::Policies(conflicts)) => {
            assert!(matches!(&conflicts[..], [Conflict::Renamed { .. }]), "{conflicts:?}");
        }
        other => panic!("{other:?}"),
    }
    house.policy = POLICY.to_owned();
    // A store of an earlier version knows what is counted, and no more; the same set teaches it the rest.
    let mut view = view(&house.data());
    let mut reserved = view.reserved.as_ref().clone();
    for (_, _, fold) in reserved.iter_mut().flat_map(|it| &mut it.to) {
        *fold = fold.as_ref().and_then(|it| it.lines().next()).map(str::to_owned);
    }
    view.reserved = Arc::new(reserved);
    let store = Store::Embedded(Embedded::open(&house.data()).expect("the store opens"));
    store.checkpointer().write(&view).expect("it is written");
    drop(store);
    house.open().await.relay.stop().await;
    house.policy = clamped;
    assert!(matches!(house.start(), Err(StartError::Policies(_))));
}
