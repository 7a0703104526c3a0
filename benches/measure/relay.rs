//! A relay in this very process, with one service in it: what the passage costs without sockets.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use airlock::{
    domain::{
        change::{Change, Operation},
        service::SettingsChange,
        sid::ServiceSid,
    },
    policy::{PolicySet, folder},
    relay::{Caller, Credential, LogIdentities, Receipt, Relay, Settings},
};

use super::airlock::{ACCOUNT, AUTH_TOKEN, KEY, SECRET, token};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The relay and its service.
pub struct House {
    pub relay: Relay,
    pub service: ServiceSid,
    pub runtime: tokio::runtime::Runtime,
}

impl House {
    /// On a store in this folder, or in memory.
    pub fn new(data: Option<PathBuf>) -> Self {
        let relay = Relay::start(Settings {
            account: ACCOUNT.parse().unwrap(),
            auth_token: AUTH_TOKEN.to_owned(),
            keys: format!("{KEY}:{SECRET}").parse().unwrap(),
            data,
            code_of: |_| 0,
            policies: policies().into(),
            log_identities: LogIdentities::Plain,
            hosted_limits: false,
            plain_objects_max: 1,
            plain_bytes_max: 1,
            memory_max_bytes: 0,
            disk_min_free_bytes: 0,
            erase_within: std::time::Duration::from_secs(24 * 3600),
        })
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let backend = Credential::Basic { user: ACCOUNT, password: AUTH_TOKEN };
        let backend = relay.authenticate(backend, HERE).unwrap();
        let settings = SettingsChange { acl: Some(true), ..SettingsChange::default() };
        let operation = Operation::CreateService { default: false, settings };
        let made = Change { operation, if_match: None, idempotency: None };
        let made = runtime.block_on(relay.submitted(&backend, made)).unwrap();
        let Receipt::Service { head, .. } = made else { panic!("a service was made") };
        Self { relay, service: head.sid, runtime }
    }

    /// A client of the service.
    pub fn caller(&self, identity: &str) -> Caller {
        let token = token(&self.service.to_string(), identity);
        self.relay.authenticate(Credential::Token(&token), HERE).unwrap()
    }
}

/// The policies of the benches.
pub fn policies() -> PolicySet {
    folder::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/policies")).unwrap()
}
