//! A service: the tenant in which objects stand, with its settings (Sync).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{sid::ServiceSid, time::Timestamp};

/// The settings of a service; a change carries only those that were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// A name for people.
    pub friendly_name: Option<Arc<str>>,
    /// Where webhooks go.
    pub webhook_url: Option<Arc<str>>,
    /// Whether REST writes raise webhooks too.
    pub webhooks_from_rest: bool,
    /// Whether connects and disconnects raise webhooks.
    pub reachability_webhooks: bool,
    /// Whether clients need permissions on plain objects.
    pub acl: bool,
    /// Whether a disconnect is reported late, in case the endpoint comes back.
    pub debouncing: bool,
    /// How late, in milliseconds (1,000 to 30,000).
    pub debouncing_window_ms: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            friendly_name: None,
            webhook_url: None,
            webhooks_from_rest: false,
            reachability_webhooks: false,
            acl: false,
            debouncing: false,
            debouncing_window_ms: 5_000,
        }
    }
}

/// The settings that a request gives; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// A name for people.
    pub friendly_name: Option<Arc<str>>,
    /// Where webhooks go; the inner `None` clears it.
    pub webhook_url: Option<Option<Arc<str>>>,
    /// Whether REST writes raise webhooks too.
    pub webhooks_from_rest: Option<bool>,
    /// Whether connects and disconnects raise webhooks.
    pub reachability_webhooks: Option<bool>,
    /// Whether clients need permissions on plain objects.
    pub acl: Option<bool>,
    /// Whether a disconnect is reported late.
    pub debouncing: Option<bool>,
    /// How late, in milliseconds.
    pub debouncing_window_ms: Option<u32>,
}

impl SettingsChange {
    /// The settings after this change.
    pub fn applied_to(&self, old: &Settings) -> Settings {
        let new = self.clone();
        Settings {
            friendly_name: new.friendly_name.or_else(|| old.friendly_name.clone()),
            webhook_url: new.webhook_url.unwrap_or_else(|| old.webhook_url.clone()),
            webhooks_from_rest: new.webhooks_from_rest.unwrap_or(old.webhooks_from_rest),
            reachability_webhooks: new.reachability_webhooks.unwrap_or(old.reachability_webhooks),
            acl: new.acl.unwrap_or(old.acl),
            debouncing: new.debouncing.unwrap_or(old.debouncing),
            debouncing_window_ms: new.debouncing_window_ms.unwrap_or(old.debouncing_window_ms),
        }
    }
}

/// A service as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceHead {
    /// Its SID.
    pub sid: ServiceSid,
    /// `default` for the account's default service, else nothing (Sync).
    pub unique_name: Option<Arc<str>>,
    /// Its place in the order in which services were made.
    pub ordinal: u64,
    /// Its settings.
    pub settings: Settings,
    /// When it was made.
    pub date_created: Timestamp,
    /// When its settings last changed.
    pub date_updated: Timestamp,
}
