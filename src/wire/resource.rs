//! Objects, items and services as the JSON of both planes.
//!
//! The clients' plane has dates in milliseconds and `last_event_id`; the backends' plane has dates
//! in whole seconds (twilio-python reads no others), accounts and authors. Data is spliced in as text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    domain::{
        data::Data,
        name::{Identity, ItemId},
        object::{EventId, Head, Item, ObjectKind, Revision},
        service::ServiceHead,
        sid::{AccountSid, MessageSid, ObjectSid, ServiceSid},
        time::Timestamp,
    },
    relay::Grant,
    wire::json::{Object, array},
};

/// What JavaScript's `encodeURIComponent` encodes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The author of what no identity made.
const SYSTEM: &str = "system";

/// A text as one segment of a URL.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// The value of the header ETag.
pub fn etag(revision: Revision) -> String {
    format!("\"{revision}\"")
}

/// The word for a kind in paths.
pub fn collection(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Document => "Documents",
        ObjectKind::List => "Lists",
        ObjectKind::Map => "Maps",
        ObjectKind::Stream => "Streams",
    }
}

/// The kind that a word in a path means.
pub fn kind_of(word: &str) -> Option<ObjectKind> {
    ObjectKind::ALL.into_iter().find(|it| collection(*it) == word)
}

/// Where the clients' plane is found, and the service that is spoken of.
#[derive(Clone, Copy, Debug)]
pub struct SdkPlace<'a> {
    /// Scheme, host and port, without a slash at the end.
    pub base: &'a str,
    /// The service.
    pub service: ServiceSid,
}

impl SdkPlace<'_> {
    /// The absolute URL of an object.
    pub fn object_url(&self, object: ObjectSid) -> String {
        format!("{}/v3/Services/{}/{}/{object}", self.base, self.service, collection(object.kind))
    }

    /// The absolute URL of an item.
    pub fn item_url(&self, collection: ObjectSid, item: &Item) -> String {
        format!("{}/Items/{}", self.object_url(collection), item_segment(&item.id))
    }

    /// The URLs from which the phone SDKs make all others: they begin with this question. What stands in braces
    /// is replaced by a SID, a name, an index or a key.
    pub fn configuration(&self) -> String {
        let plane = format!("{}/v3", self.base);
        let own = format!("{plane}/Services/{}", self.service);
        let links = Object::new()
            .text("subscriptions", &format!("{}/v4/Subscriptions", self.base))
            .text("documents", &format!("{plane}/Documents"))
            .text("document", &format!("{own}/Documents/{{documentId}}"))
            .text("lists", &format!("{plane}/Lists"))
            .text("list", &format!("{own}/Lists/{{listId}}"))
            .text("list_items", &format!("{own}/Lists/{{listId}}/Items"))
            .text("list_item", &format!("{own}/Lists/{{listId}}/Items/{{itemId}}"))
            .text("maps", &format!("{plane}/Maps"))
            .text("map", &format!("{own}/Maps/{{mapId}}"))
            .text("map_items", &format!("{own}/Maps/{{mapId}}/Items"))
            .text("map_item", &format!("{own}/Maps/{{mapId}}/Items/{{itemId}}"))
            .text("streams", &format!("{plane}/Streams"))
            .text("stream", &format!("{own}/Streams/{{streamId}}"))
            .text("stream_messages", &format!("{own}/Streams/{{streamId}}/Messages"))
            .text("insights_items", &format!("{plane}/Insights/{{indexName}}/Items"));
        Object::new().raw("links", &links.finish()).finish()
    }

    /// An object; `data` and `items` (JSON of items) where the answer has them.
    pub fn object(&self, head: &Head, data: Option<&Data>, items: Option<&[String]>) -> String {
        let url = self.object_url(head.sid);
        let links = match head.sid.kind {
            ObjectKind::List => Object::new()
                .text("items", &format!("{url}/Items"))
                .text("context", &format!("{url}/Context")),
            ObjectKind::Map => Object::new().text("items", &format!("{url}/Items")),
            ObjectKind::Stream => Object::new().text("messages", &format!("{url}/Messages")),
            ObjectKind::Document => Object::new(),
        };
        let mut object = Object::new()
            .text("sid", &head.sid.to_string())
            .optional("unique_name", head.unique_name.as_ref().map(|it| it.as_str()))
            .text("service_sid", &self.service.to_string())
            .text("url", &url)
            .text("date_created", &head.date_created.to_text())
            .text("date_updated", &head.date_updated.to_text())
            .optional("date_expires", head.date_expires.map(|it| it.to_string()).as_deref())
            .text("revision", &head.revision.to_string())
            .number("last_event_id", head.last_event_id.0)
            .raw("links", &links.finish());
        if let Some(data) = data {
            object = object.raw("data", data.as_str());
        }
        if let Some(items) = items {
            object = object.raw("items", &array(items.iter().map(String::as_str)));
        }
        object.finish()
    }

    /// The context of a list.
    pub fn context(&self, head: &Head, context: Option<&Data>) -> String {
        Object::new()
            .raw("data", context.map_or("{}", Data::as_str))
            .text("list_sid", &head.sid.to_string())
            .text("url", &format!("{}/Context", self.object_url(head.sid)))
            .text("revision", &head.revision.to_string())
            .number("last_event_id", head.last_event_id.0)
            .text("date_updated", &head.date_updated.to_text())
            .finish()
    }

    /// An item as a read shows it, with its data.
    pub fn item(&self, collection: ObjectSid, item: &Item) -> String {
        self.item_fields(collection, item, item.last_event_id, item.date_updated)
            .raw("data", item.data.as_str())
            .finish()
    }

    /// An item as the answer to a write shows it.
    pub fn written_item(&self, collection: ObjectSid, item: &Item) -> String {
        self.item_fields(collection, item, item.last_event_id, item.date_updated).finish()
    }

    /// An item as the answer to its removal shows it.
    pub fn removed_item(
        &self,
        collection: ObjectSid,
        item: &Item,
        event_id: EventId,
        at: Timestamp,
    ) -> String {
        self.item_fields(collection, item, event_id, at).finish()
    }

    fn item_fields(
        &self,
        collection: ObjectSid,
        item: &Item,
        event_id: EventId,
        updated: Timestamp,
    ) -> Object {
        named(&item.id)
            .text(sid_field(collection.kind), &collection.to_string())
            .text("service_sid", &self.service.to_string())
            .text("url", &self.item_url(collection, item))
            .text("revision", &item.revision.to_string())
            .number("last_event_id", event_id.0)
            .text("date_created", &item.date_created.to_text())
            .text("date_updated", &updated.to_string())
            .optional("date_expires", item.date_expires.map(|it| it.to_string()).as_deref())
    }
}

/// What an item is called, as the first field of it.
fn named(id: &ItemId) -> Object {
    match id {
        ItemId::Index(index) => Object::new().number("index", *index),
        ItemId::Key(key) => Object::new().text("key", key.as_str()),
    }
}

/// The field that says in which object something stands.
fn sid_field(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Document => "document_sid",
        ObjectKind::List => "list_sid",
        ObjectKind::Map => "map_sid",
        ObjectKind::Stream => "stream_sid",
    }
}

fn item_segment(id: &ItemId) -> String {
    segment(&id.to_string())
}

/// A message as the answer to its sending shows it, on both planes.
pub fn message(message: MessageSid, data: &Data) -> String {
    Object::new().text("sid", &message.to_string()).raw("data", data.as_str()).finish()
}

/// A page of items of the clients' plane.
pub fn sdk_items(items: &[String], previous_token: Option<&str>, next_token: Option<&str>) -> String {
    let meta = Object::new().optional("previous_token", previous_token).optional("next_token", next_token);
    Object::new().raw("items", &array(items.iter().map(String::as_str))).raw("meta", &meta.finish()).finish()
}

/// Where a page of the backends' plane stands among the others.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Its number, as the client counts.
    pub page: u64,
    /// Rows of a page.
    pub page_size: usize,
    /// Its own URL.
    pub url: String,
    /// Where the listing begins.
    pub first_page_url: String,
    /// The next page, if there is one.
    pub next_page_url: Option<String>,
    /// The page before, if there is one.
    pub previous_page_url: Option<String>,
}

/// A page of the backends' plane; `key` is the word for its rows.
pub fn rest_page(key: &'static str, rows: &[String], meta: &Meta) -> String {
    let meta = Object::new()
        .text("first_page_url", &meta.first_page_url)
        .text("key", key)
        .optional("next_page_url", meta.next_page_url.as_deref())
        .number("page", meta.page)
        .number("page_size", meta.page_size.try_into().unwrap_or(u64::MAX))
        .optional("previous_page_url", meta.previous_page_url.as_deref())
        .text("url", &meta.url);
    Object::new().raw(key, &array(rows.iter().map(String::as_str))).raw("meta", &meta.finish()).finish()
}

/// Where the backends' plane is found, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct RestPlace<'a> {
    /// Scheme, host and port, without a slash at the end.
    pub base: &'a str,
    /// The account.
    pub account: AccountSid,
}

impl RestPlace<'_> {
    /// The absolute URL of a service.
    pub fn service_url(&self, service: ServiceSid) -> String {
        format!("{}/v1/Services/{service}", self.base)
    }

    /// The absolute URL of an object.
    pub fn object_url(&self, service: ServiceSid, object: ObjectSid) -> String {
        format!("{}/{}/{object}", self.service_url(service), collection(object.kind))
    }

    /// A service.
    pub fn service(&self, head: &ServiceHead) -> String {
        let url = self.service_url(head.sid);
        let settings = &head.settings;
        let links = Object::new()
            .text("documents", &format!("{url}/Documents"))
            .text("lists", &format!("{url}/Lists"))
            .text("maps", &format!("{url}/Maps"))
            .text("streams", &format!("{url}/Streams"));
        Object::new()
            .text("sid", &head.sid.to_string())
            .optional("unique_name", head.unique_name.as_deref())
            .text("account_sid", &self.account.to_string())
            .optional("friendly_name", settings.friendly_name.as_deref())
            .text("date_created", &head.date_created.to_seconds_text())
            .text("date_updated", &head.date_updated.to_seconds_text())
            .text("url", &url)
            .optional("webhook_url", settings.webhook_url.as_deref())
            .flag("webhooks_from_rest_enabled", settings.webhooks_from_rest)
            .flag("reachability_webhooks_enabled", settings.reachability_webhooks)
            .flag("acl_enabled", settings.acl)
            .flag("reachability_debouncing_enabled", settings.debouncing)
            .number("reachability_debouncing_window", settings.debouncing_window_ms.into())
            .raw("links", &links.finish())
            .finish()
    }

    /// An object; `data` of documents.
    pub fn object(&self, service: ServiceSid, head: &Head, data: Option<&Data>) -> String {
        let url = self.object_url(service, head.sid);
        let permissions = format!("{url}/Permissions");
        let links = match head.sid.kind {
            ObjectKind::Document => Object::new().text("permissions", &permissions),
            ObjectKind::List | ObjectKind::Map => {
                Object::new().text("items", &format!("{url}/Items")).text("permissions", &permissions)
            }
            ObjectKind::Stream => Object::new().text("messages", &format!("{url}/Messages")),
        };
        let mut object = Object::new()
            .text("sid", &head.sid.to_string())
            .optional("unique_name", head.unique_name.as_ref().map(|it| it.as_str()))
            .text("account_sid", &self.account.to_string())
            .text("service_sid", &service.to_string())
            .text("url", &url)
            .raw("links", &links.finish());
        if head.sid.kind != ObjectKind::Stream {
            object = object.text("revision", &head.revision.to_string());
        }
        // A list's context is the clients' plane's alone.
        if let Some(data) = data.filter(|_| head.sid.kind == ObjectKind::Document) {
            object = object.raw("data", data.as_str());
        }
        let dates = (head.date_expires, head.date_created, head.date_updated);
        dated(object, dates, head.created_by.as_ref()).finish()
    }

    /// An item.
    pub fn item(&self, service: ServiceSid, collection: ObjectSid, item: &Item) -> String {
        let url = format!("{}/Items/{}", self.object_url(service, collection), item_segment(&item.id));
        let object = named(&item.id)
            .text("account_sid", &self.account.to_string())
            .text("service_sid", &service.to_string())
            .text(sid_field(collection.kind), &collection.to_string())
            .text("url", &url)
            .text("revision", &item.revision.to_string())
            .raw("data", item.data.as_str());
        let dates = (item.date_expires, item.date_created, item.date_updated);
        dated(object, dates, item.created_by.as_ref()).finish()
    }
}

impl RestPlace<'_> {
    /// What an identity may do with an object.
    pub fn grant(&self, grant: &Grant) -> String {
        let Grant { service, object, identity, permission } = grant;
        let url =
            format!("{}/Permissions/{}", self.object_url(*service, *object), segment(identity.as_str()));
        Object::new()
            .text("account_sid", &self.account.to_string())
            .text("service_sid", &service.to_string())
            .text(sid_field(object.kind), &object.to_string())
            .text("identity", identity.as_str())
            .flag("read", permission.read)
            .flag("write", permission.write)
            .flag("manage", permission.manage)
            .text("url", &url)
            .finish()
    }
}

fn dated(
    object: Object,
    (expires, created, updated): (Option<Timestamp>, Timestamp, Timestamp),
    author: Option<&Identity>,
) -> Object {
    object
        .optional("date_expires", expires.map(Timestamp::to_seconds_text).as_deref())
        .text("date_created", &created.to_seconds_text())
        .text("date_updated", &updated.to_seconds_text())
        .text("created_by", author.map_or(SYSTEM, Identity::as_str))
}

#[cfg(test)]
mod tests;
