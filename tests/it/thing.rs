//! The objects that are written: how a write is asked for, what stands after it, where it is read.
//!
//! What a write leaves is computed here from the policies' text, not taken from the server.

use serde_json::{Value, json};

use crate::{
    ledger::{Side, Span, State},
    support::{
        http::{Request, encoded},
        server::House,
    },
};

/// How long a cursor is shown, as the house has it.
const CURSOR_LIFE_MS: i64 = 2_000;
/// How long a status is shown.
const STATUS_LIFE_MS: i64 = 86_400_000;
/// How long an item stands that is to expire.
const FLEETING_LIFE_MS: i64 = 1_000;
/// The largest coordinate of a cursor, and one more.
const BOARD: u64 = 10_001;

/// An object or an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A client's document outside any policy.
    Plain { owner: String, number: u64 },
    /// An item of a client's map outside any policy.
    Item { owner: String, key: String },
    /// An item that expires.
    Fleeting { owner: String, key: String },
    /// A private document, shown as an item of its room.
    Cursor { room: String, owner: String },
    /// A private document, shown as a document.
    Status { owner: String },
    /// An item of a private map, shown as an item of the wall.
    Pin { owner: String, key: String },
    /// A backend's own item in a shared map.
    Posted { room: String, key: String },
}

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Data that holds this number.
    Set(u64),
    /// `{}`: nothing is shown of it any more.
    Empty,
    Remove,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Client,
    Backend,
}

/// One write; the number names it, so that it can be repeated as the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub op: Op,
    pub door: Door,
    pub number: u64,
}

/// Where something is read: the name of a document, or of a map with a key.
#[derive(Clone, Debug)]
pub enum Place {
    Document(String),
    Item(String, String),
}

impl Thing {
    /// Who may write it as a client.
    pub fn owner(&self) -> Option<&str> {
        match self {
            Self::Plain { owner, .. }
            | Self::Item { owner, .. }
            | Self::Fleeting { owner, .. }
            | Self::Cursor { owner, .. }
            | Self::Status { owner }
            | Self::Pin { owner, .. } => Some(owner),
            Self::Posted { .. } => None,
        }
    }

    /// Where it is stored.
    pub fn own_place(&self) -> Place {
        match self {
            Self::Plain { owner, number } => Place::Document(format!("notes {owner}/{number}")),
            Self::Item { owner, key } | Self::Fleeting { owner, key } => {
                Place::Item(format!("bag {owner}"), key.clone())
            }
            Self::Cursor { room, owner } => Place::Document(format!("cursors/{room}/{owner}")),
            Self::Status { owner } => Place::Document(format!("status/{owner}")),
            Self::Pin { owner, key } => Place::Item(format!("pins/{owner}"), key.clone()),
            Self::Posted { room, key } => Place::Item(format!("rooms/{room}/cursors"), key.clone()),
        }
    }

    /// Where the others see it.
    pub fn shared_place(&self) -> Option<Place> {
        match self {
            Self::Cursor { room, owner } => Some(Place::Item(format!("rooms/{room}/cursors"), owner.clone())),
            Self::Status { owner } => Some(Place::Document(format!("people/{owner}/status"))),
            Self::Pin { owner, key } => Some(Place::Item("walls/pins".into(), format!("{owner}/{key}"))),
            Self::Plain { .. } | Self::Item { .. } | Self::Fleeting { .. } | Self::Posted { .. } => None,
        }
    }

    /// How it is before its first write: a shared document reads as `{}` then.
    pub fn nothing(&self) -> State {
        let shared = matches!(self, Self::Status { .. }).then(|| Side {
            data: json!({}),
            revision: Some(0),
            stamp: None,
            wrote: Span { from: 0, to: 0 },
            life_ms: None,
        });
        State { own: None, shared }
    }

    /// What stands after a write that was done within `wrote`.
    pub fn after(&self, before: &State, op: Op, wrote: Span) -> State {
        let own = (op != Op::Remove).then(|| {
            let fleeting = matches!(self, Self::Fleeting { .. });
            let next = before.own.as_ref().map_or(Some(0), |it| it.revision.map(|it| it + 1));
            Side {
                data: self.data(op),
                revision: if fleeting { None } else { next },
                stamp: None,
                wrote,
                life_ms: fleeting.then_some(FLEETING_LIFE_MS),
            }
        });
        State { own, shared: self.shared_after(before.shared.as_ref(), op, wrote) }
    }

    fn shared_after(&self, before: Option<&Side>, op: Op, wrote: Span) -> Option<Side> {
        let revision = before.map_or(Some(0), |it| next_revision(it, wrote));
        let side = |data: Value, stamp, life_ms| Some(Side { data, revision, stamp, wrote, life_ms });
        match (self, op) {
            (Self::Cursor { owner, .. }, Op::Set(number)) => {
                let (x, y) = coordinates(number);
                let data = json!({ "x": x, "y": y, "color": "#808080", "name": owner });
                side(data, Some("at"), Some(CURSOR_LIFE_MS))
            }
            (Self::Pin { owner, .. }, Op::Set(number)) => {
                side(json!({ "title": number.to_string(), "by": owner }), None, None)
            }
            (Self::Status { owner }, Op::Set(number)) => {
                let data = json!({ "status": number.to_string(), "mood": "neutral", "who": owner });
                side(data, Some("since"), Some(STATUS_LIFE_MS))
            }
            // A shared document stays, and shows nothing.
            (Self::Status { .. }, _) if before.is_some_and(|it| it.data == json!({})) => before.cloned(),
            (Self::Status { .. }, _) => side(json!({}), None, None),
            _ => None,
        }
    }

    fn data(&self, op: Op) -> Value {
        let Op::Set(number) = op else { return json!({}) };
        let (x, y) = coordinates(number);
        match self {
            Self::Plain { .. } | Self::Item { .. } | Self::Fleeting { .. } => {
                json!({ "number": number, "text": format!("é😀{number}"), "list": [number, null, 1.5] })
            }
            Self::Cursor { .. } => json!({ "x": x, "y": y, "tool": format!("brush {number}") }),
            Self::Status { .. } => json!({ "text": number.to_string(), "note": format!("private {number}") }),
            Self::Pin { .. } => json!({ "title": number.to_string() }),
            Self::Posted { .. } => json!({
                "x": x, "y": y, "color": "#000000", "name": "the backend", "at": "2026-01-01T00:00:00.000Z",
            }),
        }
    }

    /// The request of a write; `stands` is what is known of the object before it.
    pub fn request(&self, attempt: Attempt, stands: bool, service: &str, authorization: &str) -> Request {
        let Attempt { op, door, number } = attempt;
        let data = self.data(op).to_string();
        let (name, key) = match self.own_place() {
            Place::Document(name) => (name, None),
            Place::Item(map, key) => (map, Some(key)),
        };
        let root = match door {
            Door::Client => "/v3".to_owned(),
            Door::Backend => format!("/v1/Services/{service}"),
        };
        let objects = if key.is_some() { format!("{root}/Maps") } else { format!("{root}/Documents") };
        let object = format!("{objects}/{}", encoded(&name));
        let items = format!("{object}/Items");
        let item = format!("{items}/{}", encoded(key.as_deref().unwrap_or_default()));
        let ttl = matches!(self, Self::Fleeting { .. }).then_some(FLEETING_LIFE_MS / 1000);
        let (method, path, body) = match (op, door, &key) {
            (Op::Remove, _, None) => ("DELETE", object, String::new()),
            (Op::Remove, _, Some(_)) => ("DELETE", item, String::new()),
            (_, Door::Client, None) if stands => ("POST", object, format!(r#"{{"data":{data}}}"#)),
            (_, Door::Client, None) => {
                ("POST", objects, format!(r#"{{"unique_name":{},"data":{data}}}"#, json!(name)))
            }
            (_, Door::Client, Some(_)) => {
                let ttl = ttl.map(|it| format!(r#","ttl":{it}"#)).unwrap_or_default();
                ("PUT", item, format!(r#"{{"data":{data}{ttl}}}"#))
            }
            (_, Door::Backend, None) if stands => ("POST", object, format!("Data={}", encoded(&data))),
            (_, Door::Backend, None) => {
                ("POST", objects, format!("UniqueName={}&Data={}", encoded(&name), encoded(&data)))
            }
            (_, Door::Backend, Some(_)) if stands => ("POST", item, format!("Data={}", encoded(&data))),
            (_, Door::Backend, Some(key)) => {
                ("POST", items, format!("Key={}&Data={}", encoded(key), encoded(&data)))
            }
        };
        let (header, content_type, authorization) = match door {
            Door::Client => ("Twilio-Request-Id", "application/json", authorization.to_owned()),
            Door::Backend => ("Idempotency-Key", "application/x-www-form-urlencoded", House::backend()),
        };
        let attempt = Some((header, format!("attempt-{number}")));
        Request { method, path, authorization, attempt, content_type, body }
    }
}

/// The revision after one more change that was done within `wrote`; `None` when nobody knows
/// whether an expiry came before it. What is made anew begins at 0.
fn next_revision(before: &Side, wrote: Span) -> Option<u64> {
    match before.life_ms {
        Some(life) if before.wrote.to + life <= wrote.from => Some(0),
        Some(life) if before.wrote.from + life <= wrote.to => None,
        _ => before.revision.map(|it| it + 1),
    }
}

fn coordinates(number: u64) -> (u64, u64) {
    (number % BOARD, number / BOARD % BOARD)
}
