//! Resources as exact JSON.

use super::*;
use crate::domain::{
    data::Input,
    name::{ItemKey, UniqueName},
    object::Space,
    service::Settings,
};

const AT: Timestamp = Timestamp::from_millis(1_795_488_426_825);

fn service() -> ServiceSid {
    ServiceSid::new([0x15; 16])
}

fn head(kind: ObjectKind, name: Option<&str>) -> Head {
    Head {
        sid: ObjectSid { kind, bytes: [0xe7; 16] },
        unique_name: name.map(|it| UniqueName::try_from(it).expect("a name")),
        space: Space::Plain,
        created_by: Some(Identity::try_from("alice").expect("an identity")),
        date_created: AT,
        date_updated: AT,
        date_expires: None,
        revision: Revision(0x1e),
        last_event_id: EventId(7),
    }
}

fn item() -> Item {
    Item {
        id: ItemKey::try_from("a b/ü(1)").expect("a key").into(),
        data: Input::parse(r#"{"b": 1.10, "a": 2}"#).expect("data").data().clone(),
        created_by: None,
        date_created: AT,
        date_updated: AT,
        date_expires: Some(AT),
        revision: Revision(0),
        created_event_id: EventId(3),
        last_event_id: EventId(3),
    }
}

fn hex(byte: &str) -> String {
    byte.repeat(16)
}

#[test]
fn a_document_for_clients() {
    let place = SdkPlace { base: "http://h:1", service: service() };
    let data = Input::parse(r#"{"z":1.0,"a":12345678901234567890}"#).expect("data");
    let (is, et) = (hex("15"), hex("e7"));
    assert_eq!(
        place.object(&head(ObjectKind::Document, Some("d\"1")), Some(data.data()), None),
        format!(
            r#"{{"sid":"ET{et}","unique_name":"d\"1","service_sid":"IS{is}","url":"http://h:1/v3/Services/IS{is}/Documents/ET{et}","date_created":"2026-11-24T02:47:06.825Z","date_updated":"2026-11-24T02:47:06.825Z","date_expires":null,"revision":"1e","last_event_id":7,"links":{{}},"data":{{"z":1.0,"a":12345678901234567890}}}}"#
        )
    );
}

#[test]
fn a_map_with_items_for_clients() {
    let place = SdkPlace { base: "http://h:1", service: service() };
    let map = head(ObjectKind::Map, None);
    let (is, mp) = (hex("15"), hex("e7"));
    let fields = format!(
        r#""key":"a b/ü(1)","map_sid":"MP{mp}","service_sid":"IS{is}","url":"http://h:1/v3/Services/IS{is}/Maps/MP{mp}/Items/a%20b%2F%C3%BC(1)","revision":"0","#
    );
    let dates = r#""date_created":"2026-11-24T02:47:06.825Z","date_updated":"2026-11-24T02:47:06.825Z","date_expires":"2026-11-24T02:47:06.825Z""#;
    let one = place.item(map.sid, &item());
    assert_eq!(one, format!(r#"{{{fields}"last_event_id":3,{dates},"data":{{"b":1.10,"a":2}}}}"#));
    assert_eq!(place.written_item(map.sid, &item()), format!(r#"{{{fields}"last_event_id":3,{dates}}}"#));
    assert_eq!(
        place.removed_item(map.sid, &item(), EventId(9), AT),
        format!(r#"{{{fields}"last_event_id":9,{dates}}}"#)
    );
    let whole = place.object(&map, None, Some(std::slice::from_ref(&one)));
    assert!(whole.contains(&format!(
        r#""links":{{"items":"http://h:1/v3/Services/IS{is}/Maps/MP{mp}/Items"}},"items":[{one}]}}"#
    )));
    assert_eq!(
        sdk_items(&[], None, Some("t")),
        r#"{"items":[],"meta":{"previous_token":null,"next_token":"t"}}"#
    );
}

#[test]
fn resources_for_backends() {
    let place = RestPlace { base: "https://x.example", account: AccountSid::new([0xac; 16]) };
    let (ac, is, id) = (hex("ac"), hex("15"), hex("e7"));
    let dates = r#""date_created":"2026-11-24T02:47:06Z","date_updated":"2026-11-24T02:47:06Z""#;
    let url = format!("https://x.example/v1/Services/IS{is}");
    assert_eq!(
        place.object(service(), &head(ObjectKind::Document, None), Some(&Data::empty())),
        format!(
            r#"{{"sid":"ET{id}","unique_name":null,"account_sid":"AC{ac}","service_sid":"IS{is}","url":"{url}/Documents/ET{id}","links":{{"permissions":"{url}/Documents/ET{id}/Permissions"}},"revision":"1e","data":{{}},"date_expires":null,{dates},"created_by":"alice"}}"#
        )
    );
    assert_eq!(
        place.item(service(), head(ObjectKind::Map, None).sid, &item()),
        format!(
            r#"{{"key":"a b/ü(1)","account_sid":"AC{ac}","service_sid":"IS{is}","map_sid":"MP{id}","url":"{url}/Maps/MP{id}/Items/a%20b%2F%C3%BC(1)","revision":"0","data":{{"b":1.10,"a":2}},"date_expires":"2026-11-24T02:47:06Z",{dates},"created_by":"system"}}"#
        )
    );
    let head = ServiceHead {
        sid: service(),
        ordinal: 0,
        unique_name: Some("default".into()),
        settings: Settings::default(),
        date_created: AT,
        date_updated: AT,
    };
    assert_eq!(
        place.service(&head),
        format!(
            r#"{{"sid":"IS{is}","unique_name":"default","account_sid":"AC{ac}","friendly_name":null,{dates},"url":"{url}","webhook_url":null,"webhooks_from_rest_enabled":false,"reachability_webhooks_enabled":false,"acl_enabled":false,"reachability_debouncing_enabled":false,"reachability_debouncing_window":5000,"links":{{"documents":"{url}/Documents","lists":"{url}/Lists","maps":"{url}/Maps","streams":"{url}/Streams"}}}}"#
        )
    );
    assert_eq!(etag(Revision(0x1e)), "\"1e\"");
}
