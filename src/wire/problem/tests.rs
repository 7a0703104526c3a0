//! The codes on both planes, the tail by detail, and its bounds.

use serde_json::{Value, json};

use super::*;
use crate::{
    domain::detail::Violation,
    relay::{DecisionId, Under},
};

fn code(reason: Reason, plane: Plane) -> (u16, u32) {
    let problem = Problem::of_error(&reason.into(), plane);
    (problem.status, problem.code)
}

#[test]
fn each_reason_has_its_code() {
    use ObjectKind::{Document, List, Map, Stream};
    let pointer = || String::from("/a");
    let rows = [
        (Reason::Credential(TokenFault::Basic), (401, 20_003), (401, 20_003)),
        (Reason::Credential(TokenFault::Expired), (401, 20_104), (401, 20_104)),
        (Reason::Credential(TokenFault::OtherIdentity), (401, 51_215), (401, 51_215)),
        (Reason::Forbidden, (403, 54_007), (403, 54_007)),
        (Reason::TooLarge { max_bytes: 9 }, (413, 54_006), (413, 54_006)),
        (Reason::Data(BadData::NotJson), (400, 54_008), (400, 54_008)),
        (Reason::Data(BadData::Null), (400, 54_101), (400, 54_101)),
        (Reason::Data(BadData::NotAnObject), (400, 54_008), (400, 54_101)),
        (Reason::Data(BadData::TooManyNodes), (400, 72_002), (400, 72_002)),
        (Reason::Data(BadData::DoubledKey { pointer: pointer() }), (400, 72_002), (400, 72_002)),
        (Reason::UnsafeInteger, (400, 72_002), (400, 72_002)),
        (Reason::Schema, (400, 72_001), (400, 72_001)),
        (Reason::Rewrite, (400, 72_003), (400, 72_003)),
        (Reason::SharedSchema, (400, 72_004), (400, 72_004)),
        (Reason::Limit, (429, 54_009), (429, 54_009)),
        (Reason::Quota { what: "objects" }, (429, 72_005), (429, 72_005)),
        (Reason::Watermark { what: "disk" }, (429, 72_011), (429, 72_011)),
        (Reason::NotFound(Missing::Service), (404, 20_404), (404, 54_050)),
        (Reason::NotFound(Missing::Sid(Document)), (404, 20_404), (404, 54_100)),
        (Reason::NotFound(Missing::Sid(List)), (404, 20_404), (404, 54_150)),
        (Reason::NotFound(Missing::Sid(Map)), (404, 20_404), (404, 54_200)),
        (Reason::NotFound(Missing::Sid(Stream)), (404, 20_404), (404, 54_250)),
        (Reason::NotFound(Missing::Name(Map)), (404, 20_404), (404, 54_300)),
        (Reason::NotFound(Missing::Item(Map)), (404, 20_404), (404, 54_201)),
        (Reason::NotFound(Missing::Item(List)), (404, 20_404), (404, 54_151)),
        (Reason::NameTaken, (409, 54_301), (409, 54_301)),
        (Reason::ItemExists, (409, 54_208), (409, 54_208)),
        (Reason::RevisionMismatch { of: Document, current: None }, (412, 54_103), (412, 54_103)),
        (Reason::RevisionMismatch { of: List, current: None }, (412, 54_155), (412, 54_155)),
        (Reason::RevisionMismatch { of: Map, current: None }, (412, 54_205), (412, 54_205)),
        (Reason::NotFound(Missing::Grant), (404, 20_404), (404, 54_354)),
        (Reason::NotConnected, (403, 72_014), (403, 72_014)),
        (Reason::Lookup, (400, 72_015), (400, 72_015)),
        (Reason::Condition, (400, 72_016), (400, 72_016)),
        (Reason::Final, (403, 72_017), (403, 72_017)),
        (Reason::Fold, (409, 72_018), (409, 72_018)),
        (Reason::Private, (409, 72_013), (409, 72_013)),
        (Reason::BelowFloor, (410, 72_009), (410, 72_009)),
        (Reason::TooManySubscriptions, (429, 54_419), (429, 54_419)),
        (Reason::LiveQuery, (501, 72_019), (501, 72_019)),
    ];
    for (reason, rest, sdk) in rows {
        assert_eq!(
            (code(reason.clone(), Plane::Rest), code(reason.clone(), Plane::Sdk)),
            (rest, sdk),
            "{reason}"
        );
    }
    let failed = |it: Failure| Problem::of_error(&it.into(), Plane::Sdk);
    let codes = [Failure::Store, Failure::Busy, Failure::Contended, Failure::Stopping].map(failed);
    assert_eq!(codes.each_ref().map(|it| it.code), [72_006, 72_007, 72_008, 72_012]);
    assert!(codes.iter().all(|it| it.status == 503));
    let null = Fault::Data { fault: BadData::Null, kind: ObjectKind::Map };
    assert_eq!(Problem::of_fault(&null, Plane::Rest).code, 54_206);
}

#[test]
fn sentences_of_sync_are_word_by_word() {
    use ObjectKind::{Document, List, Map, Stream};
    let data = |fault, kind| Problem::of_fault(&Fault::Data { fault, kind }, Plane::Sdk);
    let sdk = |reason: Reason| Problem::of_error(&refusal(reason, None).into(), Plane::Sdk);
    let token = |fault| sdk(Reason::Credential(fault));
    let invalid = "Invalid request body: the type of one of the attributes is invalid";
    for (problem, expected) in [
        (data(BadData::NotJson, Map), invalid),
        (data(BadData::Null, Document), "Invalid Document data"),
        (data(BadData::NotAnObject, Stream), "Invalid Message Stream Message data"),
        (Problem::of_fault(&Fault::Ttl, Plane::Rest), "Invalid TTL"),
        (Problem::of_fault(&Fault::Order, Plane::Rest), "Invalid 'Order' query parameter"),
        (sdk(Reason::TooLarge { max_bytes: 9 }), "Request entity too large"),
        (sdk(Reason::NotFound(Missing::Name(Map))), "Unique name not found"),
        (sdk(Reason::NotFound(Missing::Sid(Document))), "Document not found"),
        (sdk(Reason::NotFound(Missing::Item(List))), "Item not found"),
        (sdk(Reason::NotFound(Missing::Item(Map))), "Item not found"),
        (sdk(Reason::NameTaken), "Unique name already exists"),
        (sdk(Reason::ItemExists), "An Item with given key already exists in the Map"),
        (
            sdk(Reason::RevisionMismatch { of: Document, current: None }),
            "The revision of the Document does not match the expected revision",
        ),
        (sdk(Reason::Limit), "Rate limit exceeded"),
        (token(TokenFault::Invalid), "Invalid Access Token"),
        (token(TokenFault::Expired), "Access Token expired or expiration date invalid"),
    ] {
        assert_eq!(problem.message, expected);
    }
}

#[test]
fn what_no_policy_refused_has_no_tail() {
    for (reason, detail, policy) in [
        (Reason::NotFound(Missing::Name(ObjectKind::Map)), Some(Detail::Full), true),
        (Reason::RevisionMismatch { of: ObjectKind::Document, current: None }, Some(Detail::Full), true),
        (Reason::Watermark { what: "disk" }, Some(Detail::Full), true),
        (Reason::Quota { what: "objects" }, None, false),
        (Reason::Limit, None, false),
    ] {
        let (message, details) = body(reason, detail);
        assert!(!message.contains('['), "{message}");
        // What helps stands beside the message.
        assert_eq!((details["retry_ms"].as_u64(), details["policy"].is_string()), (Some(250), policy));
        assert!(details["decision"].is_string(), "{details}");
    }
    let problem = Problem::of_fault(&Fault::Ttl, Plane::Rest);
    let body: Value = serde_json::from_str(&problem.to_json()).expect("JSON");
    assert_eq!(body["details"]["reason"], "a TTL is an integer from 0 to 31536000");
}

fn refusal(reason: Reason, detail: Option<Detail>) -> Refusal {
    let under = |detail| Under { name: "chat".into(), version: "1f".into(), detail };
    Refusal {
        policy: detail.map(under),
        rule: Some("schema".into()),
        violations: vec![
            Violation { pointer: "/x".into(), keyword: "type".into(), message: "not a [string]".into() },
            Violation { pointer: "/y".into(), keyword: "required".into(), message: "missing".into() },
        ],
        retry_ms: Some(250),
        decision: Some(DecisionId(0x1e)),
        ..Refusal::plain(reason)
    }
}

fn body(reason: Reason, detail: Option<Detail>) -> (String, Value) {
    let problem = Problem::of_error(&refusal(reason, detail).into(), Plane::Sdk);
    let mut body: Value = serde_json::from_str(&problem.to_json()).expect("JSON");
    (problem.message, body["details"].take())
}

#[test]
fn detail_cuts_the_tail() {
    let decision = "DE000000000000001e";
    let (message, details) = body(Reason::Schema, Some(Detail::Code));
    assert_eq!(message, "The data does not fit the schema [retry_ms=250]");
    assert_eq!(details, json!({"retry_ms": 250}));

    let (message, details) = body(Reason::Schema, Some(Detail::Pointer));
    let tail = format!("[policy=chat rule=schema at=/x retry_ms=250 decision={decision}]");
    assert_eq!(message, format!("The data does not fit the schema {tail}"));
    let mut told =
        json!({"policy": "chat", "rule": "schema", "at": "/x", "retry_ms": 250, "decision": decision});
    assert_eq!(details, told);

    let (message, details) = body(Reason::Schema, Some(Detail::Full));
    assert_eq!(message, format!("The data does not fit the schema: not a  string  {tail}"));
    told["violations"] = json!([
        {"at": "/x", "keyword": "type", "message": "not a [string]"},
        {"at": "/y", "keyword": "required", "message": "missing"},
    ]);
    assert_eq!(details, told);

    let (message, _) = body(Reason::Schema, None);
    assert_eq!(message, "The data does not fit the schema: at `/x`");
    let plain = Problem::of_error(&Reason::Schema.into(), Plane::Sdk);
    assert_eq!((plain.message.as_str(), plain.details), ("The data does not fit the schema", None));
    let (message, _) = body(Reason::Data(BadData::NotJson), Some(Detail::Code));
    assert_eq!(message, "The data is malformed [retry_ms=250]");
}

#[test]
fn forbidden_tells_nothing_of_the_object() {
    let (message, details) = body(Reason::Forbidden, Some(Detail::Full));
    assert_eq!(message, "Access forbidden for identity [policy=chat rule=schema]");
    assert_eq!(details, json!({"policy": "chat", "rule": "schema"}));
    let (message, details) = body(Reason::Forbidden, None);
    assert_eq!((message.as_str(), details), ("Access forbidden for identity", Value::Null));
}

#[test]
fn messages_are_bounded_and_cannot_forge_a_tail() {
    let mut long = refusal(Reason::Schema, Some(Detail::Full));
    long.violations[0].pointer = format!("/a] [policy=b {}", "é".repeat(9_000));
    long.violations[0].message = "ü".repeat(9_000);
    long.rule = Some("r".repeat(9_000).into());
    let message = Problem::of_error(&long.into(), Plane::Sdk).message;
    assert!(message.len() <= MESSAGE_BYTES_MAX, "{}", message.len());
    assert_eq!(message.matches('[').count(), 1);
    assert!(message.ends_with("decision=DE000000000000001e]"), "{message}");
}

#[test]
fn bodies_are_those_of_twilio() {
    let problem = Problem::of_error(&Reason::NotFound(Missing::Name(ObjectKind::Map)).into(), Plane::Rest)
        .at_path("/v1/Services/IS1/Maps/x");
    assert_eq!(
        problem.to_json(),
        r#"{"code":20404,"message":"The requested resource /Services/IS1/Maps/x was not found","more_info":"https://www.twilio.com/docs/errors/20404","status":404}"#
    );
    let doubled = Fault::Data { fault: BadData::DoubledKey { pointer: "/a".into() }, kind: ObjectKind::Map };
    assert_eq!(Problem::of_fault(&doubled, Plane::Sdk).message, "A key stands twice in one object: at `/a`");
}

#[test]
fn with_the_detail_code_two_policies_answer_alike() {
    let pointer = || String::from("/secret");
    // Each pair has one code, and differs in all that a policy's author has written or a client has sent.
    for (one, two) in [
        (Reason::Condition, Reason::Condition),
        (Reason::Schema, Reason::Schema),
        (Reason::Lookup, Reason::Lookup),
        (Reason::Final, Reason::Final),
        (Reason::Rewrite, Reason::Rewrite),
        (Reason::SharedSchema, Reason::SharedSchema),
        (Reason::TooLarge { max_bytes: 64 }, Reason::TooLarge { max_bytes: 9_000 }),
        (Reason::Quota { what: "objects" }, Reason::Quota { what: "items" }),
        (Reason::UnsafeInteger, Reason::Data(BadData::TooDeep { pointer: pointer() })),
        (Reason::Limit, Reason::Limit),
    ] {
        let refusal = |reason: Reason, name: &str, decision: u64| Refusal {
            policy: Some(Under { name: name.into(), version: name.into(), detail: Detail::Code }),
            rule: Some(name.into()),
            violations: vec![Violation { pointer: pointer(), keyword: name.into(), message: name.into() }],
            retry_ms: Some(250),
            decision: Some(DecisionId(decision)),
            ..Refusal::plain(reason)
        };
        for plane in [Plane::Rest, Plane::Sdk] {
            let told = |refusal: Refusal| Problem::of_error(&refusal.into(), plane).to_json();
            let (one, two) = (refusal(one.clone(), "chat", 1), refusal(two.clone(), "poll", 2));
            assert_eq!(told(one), told(two));
        }
    }
}
