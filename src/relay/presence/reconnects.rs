//! Whoever is back is not withdrawn, however late it comes: a whole relay in memory, and many who reconnect.

use std::{net::Ipv4Addr, path::Path, time::Duration};

use serde_json::json;

use crate::{
    domain::{
        change::{Change, Operation},
        data::Input,
        name::{Identity, UniqueName},
        object::{Address, ObjectKind, ObjectRef},
        query::Query,
        service::SettingsChange,
        sid::{AccountSid, ServiceSid, Sid},
    },
    policy::{PolicySet, folder},
    relay::{
        Caller, Credential, LogIdentities, Reading, Receipt, Relay, Settings,
        presence::{later, withdrawn},
    },
};

/// A relay in memory under these policies, and a backend.
pub(in crate::relay) fn in_memory(policies: PolicySet) -> (Relay, Caller) {
    let (account, secret): (AccountSid, _) = (Sid::new([1; 16]), "s".repeat(32));
    let relay = Relay::start(Settings {
        account,
        auth_token: secret.clone(),
        keys: format!("SK{}:{secret}", "1".repeat(32)).parse().expect("a key"),
        data: None,
        code_of: |_| 0,
        log_identities: LogIdentities::Plain,
        hosted_limits: false,
        policies: policies.into(),
        plain_objects_max: 10_000,
        plain_bytes_max: 1 << 30,
        memory_max_bytes: 0,
        erase_within: std::time::Duration::from_secs(24 * 3_600),
        disk_min_free_bytes: 0,
    })
    .expect("a relay");
    let user = account.to_string();
    let credential = Credential::Basic { user: &user, password: &secret };
    let backend = relay.authenticate(credential, Ipv4Addr::LOCALHOST.into()).expect("a backend");
    (relay, backend)
}

/// Does something that must be admitted.
pub(in crate::relay) async fn done(relay: &Relay, caller: &Caller, operation: Operation) -> Receipt {
    let change = Change { operation, if_match: None, idempotency: None };
    relay.submitted(caller, change).await.expect("admitted")
}

/// Identities that leave together.
const IDENTITIES: u64 = 300;

fn identity(number: u64) -> Identity {
    Identity::try_from(format!("p{number:03}")).expect("an identity")
}

/// Whether the identity's document says something.
fn shows(relay: &Relay, backend: &Caller, service: ServiceSid, number: u64) -> bool {
    let name = UniqueName::try_from(format!("here/lobby/{}", identity(number))).expect("a name");
    let address = Address { service, kind: ObjectKind::Document, object: ObjectRef::Name(name) };
    match relay.read(backend, &Query::Object(address)) {
        Ok(Reading::Object { data, .. }) => data.is_some_and(|it| !it.is_empty()),
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn who_comes_back_after_it_was_due_and_before_it_is_withdrawn_keeps_what_it_shows() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/policies");
    let (relay, backend) = in_memory(folder::load(&folder).expect("the policies of the tests"));
    let create = Operation::CreateService { default: true, settings: SettingsChange::default() };
    done(&relay, &backend, create).await;
    let service = relay.default_service().expect("a service");
    for number in 0..IDENTITIES {
        let client = Caller::rehearsed(Some(identity(number)), service, json!({}));
        relay.arrived(number, &client);
        let name = UniqueName::try_from(format!("here/lobby/{}", identity(number))).expect("a name");
        let (kind, data) = (ObjectKind::Document, Input::parse(r#"{"mood":"calm"}"#).expect("data"));
        done(&relay, &client, Operation::Create { service, kind, name: Some(name), data, ttl: None }).await;
    }
    (0..IDENTITIES).for_each(|it| relay.left(it));

    // Later than each of them was to be back; the relay's own sweep still waits.
    let now = later(relay.now(), Duration::from_secs(60));
    let mut looks = 0;
    loop {
        let due = relay.inner.presence.due(now, Duration::ZERO);
        if due.is_empty() {
            break;
        }
        looks += 1;
        // Every third of them is back after the look.
        for number in (0..IDENTITIES).step_by(3) {
            if due.iter().any(|(_, who)| who.1 == identity(number)) {
                let client = Caller::rehearsed(Some(identity(number)), service, json!({}));
                relay.arrived(1_000 + number, &client);
            }
        }
        let view = relay.inner.hub.view();
        for gone in &due {
            let answers = relay.hand_over_withdrawals(&view, gone, now);
            assert!(withdrawn(answers).is_ok(), "the writer works");
            relay.inner.presence.settle(gone.0, &gone.1);
        }
    }
    assert!(1 < looks, "they are too many for one look");
    for number in 0..IDENTITIES {
        assert_eq!(shows(&relay, &backend, service, number), number % 3 == 0, "{}", identity(number));
    }
    relay.stop().await;
}
