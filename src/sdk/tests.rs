//! What the SDK's requests ask of the relay, and how those are refused that ask nothing.

use super::*;
use crate::domain::{
    change::Expect,
    object::ObjectRef,
    query::{Bounds, Order},
};

const SERVICE: ServiceSid = ServiceSid::new([0x15; 16]);

fn request(method: &str, path: &str, body: &str) -> Request {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    Request {
        method: Method::from_bytes(method.as_bytes()).expect("a method"),
        path: path.replace("{S}", &format!("/v3/Services/{SERVICE}")),
        params: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        if_match: None,
        request_id: Some("RQ1".into()),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn call(method: &str, path: &str, body: &str) -> Call {
    plan(SERVICE, &request(method, path, body)).expect("a call")
}

fn write(method: &str, path: &str, body: &str) -> Operation {
    match call(method, path, body) {
        Call::Write(change) => {
            assert_eq!(change.idempotency.as_ref().map(IdempotencyKey::as_str), Some("RQ1"));
            change.operation
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn objects_are_opened_made_and_changed() {
    let Call::Read(Query::Object(address)) = call("GET", "/v3/Documents/a%2Fb%20c", "") else { panic!() };
    assert!(matches!(address.object, ObjectRef::Name(name) if name.as_str() == "a/b c"));
    assert!(matches!(call("GET", "/v3/Maps/m?Include=items", ""), Call::OpenWithItems(_)));
    assert!(matches!(call("GET", "/v3/Maps/m?Include=links", ""), Call::Read(Query::Object(_))));
    let made = write("POST", "/v3/Documents", r#"{"unique_name":"d","data":{"n":1},"ttl":0}"#);
    assert!(matches!(
        made,
        Operation::Create { kind: ObjectKind::Document, name: Some(_), ttl: Some(_), .. }
    ));
    let bare = write("POST", "/v3/Documents", "{}");
    assert!(matches!(&bare, Operation::Create { name: None, data, ttl: None, .. } if data.data().is_empty()));
    assert!(matches!(
        write("POST", "{S}/Documents/d", r#"{"ttl":5}"#),
        Operation::Update { data: None, ttl: Some(_), .. }
    ));
    assert!(matches!(write("DELETE", "{S}/Maps/m", "data_sync"), Operation::Remove { .. }));
}

#[test]
fn the_configuration_has_the_urls_of_the_own_service() {
    let Call::Configuration(service) = call("GET", "/v3/Configuration", "") else { panic!() };
    let body = SdkPlace { base: "http://h", service }.configuration();
    let body: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let links = body["links"].as_object().expect("links");
    assert_eq!(links["map_item"], format!("http://h/v3/Services/{SERVICE}/Maps/{{mapId}}/Items/{{itemId}}"));
    assert_eq!((&links["subscriptions"], links.len()), (&"http://h/v4/Subscriptions".into(), 15));
}

#[test]
fn items_are_listed_and_set() {
    let path = "{S}/Maps/m/Items?HideExpired=true&PageSize=1001&Order=desc&From=k%2F1";
    let Call::Read(Query::Items(_, range)) = call("GET", path, "") else { panic!() };
    assert_eq!((range.rows, range.order, range.bounds), (100, Order::Descending, Bounds::Inclusive));
    assert_eq!(range.from.map(|it| it.to_string()).as_deref(), Some("k/1"));
    let Call::Read(Query::Items(_, range)) = call("GET", "{S}/Maps/m/Items?Key=k", "") else { panic!() };
    assert_eq!(range.only.map(|it| it.to_string()).as_deref(), Some("k"));
    let expected = |operation: Operation| match operation {
        Operation::SetItem { item, expect, .. } => (item.to_string(), expect),
        other => panic!("{other:?}"),
    };
    let data = r#"{"data":{}}"#;
    assert_eq!(expected(write("PUT", "{S}/Maps/m/Items/a%2Fb", data)), ("a/b".into(), Expect::Any));
    assert_eq!(expected(write("POST", "{S}/Maps/m/Items/a", r#"{"ttl":1}"#)), ("a".into(), Expect::Present));
    let posted = write("POST", "{S}/Maps/m/Items", r#"{"key":"a","data":{}}"#);
    assert_eq!(expected(posted), ("a".into(), Expect::Absent));
    assert!(matches!(write("DELETE", "{S}/Maps/m/Items/a", "data_sync"), Operation::RemoveItem { .. }));
    assert!(matches!(write("POST", "/v3/Lists/l/Items", data), Operation::Push { .. }));
    assert_eq!(expected(write("POST", "{S}/Lists/l/Items/7", data)), ("7".into(), Expect::Present));
    let Call::Read(Query::Items(_, range)) = call("GET", "{S}/Lists/l/Items?From=10", "") else { panic!() };
    assert_eq!(range.from, Some(crate::domain::name::ItemId::Index(10)), "indexes are numbers");
    assert!(matches!(write("POST", "/v3/Streams/t/Messages", data), Operation::Publish { .. }));
}

#[test]
fn conditions_reach_the_relay() {
    let check = |method: &str, text: &str, expected: Result<Option<IfMatch>, u32>| {
        let asked = Request {
            if_match: Some(text.into()),
            ..request(method, "{S}/Maps/m/Items/k", r#"{"data":{}}"#)
        };
        let result = match plan(SERVICE, &asked) {
            Ok(Call::Write(change)) => Ok(change.if_match),
            Ok(other) => panic!("{other:?}"),
            Err(stop) => Err(Problem::of(&stop, Plane::Sdk).code),
        };
        assert_eq!(result, expected, "{method} {text}");
    };
    let one = IfMatch::Revision(crate::domain::object::Revision(0x1e));
    check("PUT", "-1", Ok(Some(IfMatch::Absent)));
    check("PUT", "1e", Ok(Some(one)));
    check("PUT", "*", Ok(None));
    check("POST", "\"1e\"", Ok(Some(one)));
    check("POST", "-1", Err(54_003));
    check("DELETE", "x", Err(54_003));
}

#[test]
fn the_rest_is_refused() {
    let other = format!("/v3/Services/IS{}/Documents/d", "9".repeat(32));
    let long = format!("{{S}}/Maps/m/Items/{}", "k".repeat(321));
    for (method, path, body, expected) in [
        ("GET", other.as_str(), "", (403, 54_007)),
        ("GET", "/v3/Services/default/Documents/d", "", (403, 54_007)),
        ("POST", "/v3/Lists", r#"{"context":1}"#, (400, 54_156)),
        ("POST", "/v3/Lists/l/Items", "{}", (400, 54_156)),
        ("PUT", "/v3/Lists/l/Items/0", r#"{"data":{}}"#, (405, 20_004)),
        ("POST", "/v3/Lists/l/Items/x", r#"{"data":{}}"#, (400, 54_458)),
        ("GET", "/v3/Lists/l/Items?Index=-1", "", (400, 54_458)),
        ("POST", "/v3/Lists/l/Context", "{}", (404, 20_404)),
        ("GET", "/v3/Streams/t/Messages", "", (405, 20_004)),
        ("POST", "/v3/Streams/t/Messages", "{}", (400, 54_251)),
        ("POST", "/v3/Streams/t", r#"{"data":{}}"#, (400, 54_010)),
        ("POST", "/v3/Insights/x/Items", "{}", (501, 72_019)),
        ("POST", "/v3/Configuration", "{}", (405, 20_004)),
        ("GET", "/v4/Documents/d", "", (404, 20_404)),
        ("GET", "/v3/Documents//x", "", (404, 20_404)),
        ("GET", "/v3", "", (404, 20_404)),
        ("GET", "/v3/Documents", "", (405, 20_004)),
        ("PUT", "/v3/Documents/d", "{}", (405, 20_004)),
        ("PUT", "{S}/Maps/m/Items", "{}", (405, 20_004)),
        ("POST", "/v3/Documents", "", (400, 54_008)),
        ("POST", "/v3/Documents", "[]", (400, 54_008)),
        ("POST", "/v3/Documents", r#"{"data":1}"#, (400, 54_101)),
        ("POST", "/v3/Documents", r#"{"data":null}"#, (400, 54_101)),
        ("POST", "/v3/Documents", r#"{"data":{"a":1,"a":2}}"#, (400, 72_002)),
        ("POST", "/v3/Documents", r#"{"data":{},"data":{}}"#, (400, 72_002)),
        ("POST", "/v3/Documents", r#"{"unique_name":""}"#, (400, 54_302)),
        ("POST", "/v3/Documents", r#"{"unique_name":1}"#, (400, 54_008)),
        ("POST", "/v3/Maps", r#"{"ttl":-1}"#, (400, 54_011)),
        ("POST", "/v3/Documents/d", "{}", (400, 54_010)),
        ("POST", "/v3/Maps/m", r#"{"data":{}}"#, (400, 54_010)),
        ("PUT", "{S}/Maps/m/Items/k", r#"{"ttl":1}"#, (400, 54_206)),
        ("PUT", "{S}/Maps/m/Items/k", r#"{"data":[]}"#, (400, 54_206)),
        ("POST", "{S}/Maps/m/Items/k", "{}", (400, 54_010)),
        ("POST", "{S}/Maps/m/Items", r#"{"data":{}}"#, (400, 54_209)),
        ("PUT", &long, r#"{"data":{}}"#, (400, 54_209)),
        ("GET", "{S}/Maps/m/Items?PageSize=0", "", (400, 54_454)),
        ("GET", "{S}/Maps/m/Items?Order=up", "", (400, 54_451)),
        ("GET", "{S}/Maps/m/Items?Bounds=x", "", (400, 54_452)),
    ] {
        let stop = plan(SERVICE, &request(method, path, body)).expect_err("a refusal");
        let problem = Problem::of(&stop, Plane::Sdk);
        assert_eq!((problem.status, problem.code), expected, "{method} {path} {body}");
    }
}
