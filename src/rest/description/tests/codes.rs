//! Every answer that is not a resource: its code stands in the description, under its status.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Description;
use crate::{
    domain::{
        data::BadData,
        detail::{Detail, Violation},
        object::ObjectKind,
    },
    relay::{DecisionId, Failure, Missing, Reason, Refusal, Under},
    token::TokenFault,
    wire::{
        fault::{Fault, Stop},
        problem::{Plane, Problem},
    },
};

/// A row of samples with their one variant, so that a new variant asks for its row.
macro_rules! reachable {
    ($($sample:expr => $reach:ident),* $(,)?) => { vec![$(($sample, Reach::$reach)),*] };
}

/// Whether a backend can meet it.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    Rest,
    Clients,
}

fn faults() -> Vec<(Fault, Reach)> {
    let mut rows = reachable![
        Fault::IfMatch => Rest,
        Fault::BodyTooLarge => Rest,
        Fault::BodyMissing => Rest,
        Fault::Body => Clients,
        Fault::Attribute { name: "data" } => Clients,
        Fault::DoubledAttribute => Clients,
        Fault::NoParameter => Rest,
        Fault::Ttl => Rest,
        Fault::WebhookUrl => Rest,
        Fault::FriendlyName => Rest,
        Fault::UniqueName => Rest,
        Fault::Key => Rest,
        Fault::Index => Rest,
        Fault::Identity => Rest,
        Fault::Order => Rest,
        Fault::Bounds => Rest,
        Fault::PageToken => Rest,
        Fault::PageSize => Rest,
        Fault::Parameter { name: "Page" } => Rest,
        Fault::Missing { name: "Read" } => Rest,
        Fault::UnknownPath => Rest,
        Fault::Method => Rest,
        Fault::ForeignOrigin => Rest,
        Fault::MediaType => Rest,
    ];
    for kind in ObjectKind::ALL {
        for fault in data_faults() {
            rows.push((Fault::Data { fault, kind }, Reach::Rest));
        }
    }
    rows
}

fn data_faults() -> Vec<BadData> {
    let pointer = || String::from("/a");
    vec![
        BadData::NotJson,
        BadData::Null,
        BadData::NotAnObject,
        BadData::TooDeep { pointer: pointer() },
        BadData::TooManyNodes,
        BadData::DoubledKey { pointer: pointer() },
        BadData::ForbiddenKey { pointer: pointer() },
    ]
}

fn reasons() -> Vec<(Reason, Reach)> {
    let mut rows = reachable![
        Reason::Credential(TokenFault::Basic) => Rest,
        Reason::Credential(TokenFault::Expired) => Clients,
        // What is closed to clients is not there for backends.
        Reason::Forbidden => Clients,
        Reason::NotConnected => Clients,
        // Of conditions and of what must stand for them, backends are free (decision 21).
        Reason::Condition => Clients,
        Reason::Lookup => Clients,
        Reason::Final => Clients,
        Reason::Fold => Rest,
        Reason::TooLarge { max_bytes: 9 } => Rest,
        Reason::UnsafeInteger => Rest,
        Reason::Schema => Rest,
        Reason::Rewrite => Rest,
        Reason::SharedSchema => Rest,
        // Of policies, backends have no limits (decision 21); of hosted Sync they have.
        Reason::Limit => Rest,
        Reason::Quota { what: "items" } => Rest,
        Reason::Watermark { what: "disk" } => Rest,
        Reason::NotFound(Missing::Service) => Rest,
        Reason::NotFound(Missing::Item(ObjectKind::Map)) => Rest,
        Reason::NotFound(Missing::Grant) => Rest,
        Reason::NameTaken => Rest,
        Reason::ItemExists => Rest,
        Reason::Private => Rest,
        Reason::BelowFloor => Clients,
        Reason::TooManySubscriptions => Clients,
        Reason::LiveQuery => Clients,
    ];
    for kind in [ObjectKind::Document, ObjectKind::List, ObjectKind::Map] {
        rows.push((Reason::RevisionMismatch { of: kind, current: None }, Reach::Rest));
        rows.push((Reason::NotFound(Missing::Sid(kind)), Reach::Rest));
        rows.push((Reason::NotFound(Missing::Name(kind)), Reach::Rest));
    }
    rows.extend(data_faults().into_iter().map(|it| (Reason::Data(it), Reach::Rest)));
    rows
}

/// A variant that is missing here does not compile: give it a row above as well.
fn known(fault: &Fault, reason: &Reason, failure: Failure) {
    match fault {
        Fault::IfMatch | Fault::BodyTooLarge | Fault::BodyMissing | Fault::Body => {}
        Fault::Attribute { .. } | Fault::DoubledAttribute | Fault::Data { .. } | Fault::NoParameter => {}
        Fault::Ttl | Fault::WebhookUrl | Fault::FriendlyName | Fault::UniqueName | Fault::Key => {}
        Fault::Index | Fault::Identity | Fault::Order | Fault::Bounds | Fault::PageToken => {}
        Fault::PageSize | Fault::Parameter { .. } | Fault::Missing { .. } | Fault::UnknownPath => {}
        Fault::Method | Fault::ForeignOrigin | Fault::MediaType => {}
    }
    match reason {
        Reason::Credential(_) | Reason::Forbidden | Reason::TooLarge { .. } | Reason::Data(_) => {}
        Reason::UnsafeInteger | Reason::Schema | Reason::Rewrite | Reason::SharedSchema => {}
        Reason::Limit | Reason::Quota { .. } | Reason::Watermark { .. } | Reason::NotFound(_) => {}
        Reason::NameTaken | Reason::ItemExists | Reason::Private | Reason::NotConnected => {}
        Reason::RevisionMismatch { .. } | Reason::BelowFloor | Reason::TooManySubscriptions => {}
        Reason::Condition | Reason::Lookup | Reason::Final | Reason::Fold | Reason::LiveQuery => {}
    }
    match failure {
        Failure::Store | Failure::Busy | Failure::Contended | Failure::Stopping => {}
    }
}

/// Status and code of everything that a backend can be answered.
fn told() -> BTreeSet<(u16, u32)> {
    let failures = [Failure::Store, Failure::Busy, Failure::Contended, Failure::Stopping];
    known(&Fault::Method, &Reason::Forbidden, Failure::Busy);
    let rest = |(stop, reach): (Stop, Reach)| (reach == Reach::Rest).then_some(stop);
    let stops = faults()
        .into_iter()
        .map(|(it, reach)| (it.into(), reach))
        .chain(reasons().into_iter().map(|(it, reach)| (it.into(), reach)))
        .chain(failures.into_iter().map(|it| (it.into(), Reach::Rest)))
        .filter_map(rest);
    let problems = stops.map(|it| {
        let problem = Problem::of(&it, Plane::Rest);
        if let Stop::Error(error) = &it {
            assert_eq!(Problem::code_of_error(error, Plane::Rest), problem.code, "without the text");
        }
        problem
    });
    // Of the server itself: a panic, and an answer that took too long.
    let own = [500, 408].map(|it| Problem::of_status(it, "a sentence"));
    problems.chain(own).map(|it| (it.status, it.code)).collect()
}

/// Codes of an answer, from the part of its schema that narrows them.
fn codes(answer: &Value) -> Vec<u32> {
    let schema = &answer["content"]["application/json"]["schema"]["allOf"];
    let codes =
        schema.as_array().into_iter().flatten().filter_map(|it| it["properties"]["code"]["enum"].as_array());
    codes.flatten().filter_map(Value::as_u64).filter_map(|it| it.try_into().ok()).collect()
}

#[test]
fn every_code_is_described_under_its_status_and_no_other_is() {
    let description = Description::read();
    let mut listed = BTreeSet::new();
    for (_, _, operation) in description.operations() {
        for (status, answer) in description.answers(operation).filter(|it| 400 <= it.0) {
            let codes = codes(answer);
            assert!(!codes.is_empty(), "{} {status}: no codes", operation["operationId"]);
            listed.extend(codes.into_iter().map(|it| (status, it)));
        }
    }
    // A wrong method is no operation; the path says what it is told.
    for (path, item) in description.root["paths"].as_object().expect("paths") {
        let answer = description.follow(&item["x-other-methods"]);
        assert_eq!(codes(answer), [20_004], "{path}");
        listed.insert((405, 20_004));
    }
    assert_eq!(listed, told());

    let all = &description.root["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    let codes: BTreeSet<_> = listed.iter().map(|it| u64::from(it.1)).collect();
    assert_eq!(all, &json!(codes), "the codes of all problems, ascending");
}

#[test]
fn problems_fit_their_schema() {
    let description = Description::read();
    let schema =
        json!({ "$ref": "#/components/schemas/Problem", "components": description.root["components"] });
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let refusal = |detail| Refusal {
        policy: Some(Under { name: "chat".into(), version: "1f".into(), detail }),
        rule: Some("schema".into()),
        violations: vec![Violation { pointer: "/x".into(), keyword: "type".into(), message: "no".into() }],
        retry_ms: Some(250),
        decision: Some(DecisionId(0x1e)),
        ..Refusal::plain(Reason::Schema)
    };
    let mut fields = BTreeSet::new();
    for detail in [Detail::Code, Detail::Pointer, Detail::Full] {
        let problem = Problem::of_error(&refusal(detail).into(), Plane::Rest);
        let value: Value = serde_json::from_str(&problem.to_json()).expect("JSON");
        let faults: Vec<_> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        fields.extend(value["details"].as_object().expect("details").keys().cloned());
    }
    // Without a policy: the sentence is Sync's, and what is wrong stands beside it.
    let problem = Problem::of_fault(&Fault::Ttl, Plane::Rest);
    let value: Value = serde_json::from_str(&problem.to_json()).expect("JSON");
    assert!(validator.is_valid(&value), "{value}");
    fields.extend(value["details"].as_object().expect("details").keys().cloned());
    let told = description.root["components"]["schemas"]["ProblemDetails"]["properties"].as_object();
    assert_eq!(fields, told.expect("fields").keys().cloned().collect());
}
