//! The description against the code: every route, every field, every code, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use warp::http::Method;

use super::TEXT;
use crate::{
    domain::object::ObjectKind,
    rest::{Named, Target, Verb, route},
    wire::resource::collection,
};

mod codes;
mod fields;
mod reference;

/// What else stands beneath a path is about all its methods.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The description, parsed.
struct Description {
    root: Value,
}

impl Description {
    fn read() -> Self {
        Self { root: serde_json::from_str(TEXT).expect("the description is JSON") }
    }

    /// What a value is, after its `$ref` was followed.
    fn follow<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str() {
            Some(text) => {
                let pointer = text.strip_prefix('#').expect("references stay in the file");
                self.follow(self.root.pointer(pointer).unwrap_or_else(|| panic!("`{text}` is not there")))
            }
            None => value,
        }
    }

    /// Method, path and operation, in the words of the description.
    fn operations(&self) -> impl Iterator<Item = (String, &str, &Value)> {
        let paths = self.root["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path item").iter();
            methods
                .filter(|(word, _)| METHODS.contains(&word.as_str()))
                .map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
        })
    }

    /// The answers of an operation, by status.
    fn answers<'v>(&'v self, operation: &'v Value) -> impl Iterator<Item = (u16, &'v Value)> {
        let answers = operation["responses"].as_object().expect("responses");
        answers.iter().map(|(status, it)| (status.parse().expect("a status"), self.follow(it)))
    }
}

/// The path of a target, in the words of the description. A new target has to be named here.
fn described(target: Target<'_>) -> String {
    let services = "/v1/Services";
    let all = |kind| format!("{services}/{{ServiceSid}}/{}", collection(kind));
    let part = |named: Named<'_>, word: &str| {
        let own = match named.kind {
            ObjectKind::Document => "DocumentSid",
            ObjectKind::List => "ListSid",
            ObjectKind::Map => "MapSid",
            ObjectKind::Stream => "StreamSid",
        };
        format!("{}/{{{own}}}/{word}", all(named.kind))
    };
    match target {
        Target::Services => services.to_owned(),
        Target::Service(_) => format!("{services}/{{Sid}}"),
        Target::Objects(_, kind) => all(kind),
        Target::Object(named) => format!("{}/{{Sid}}", all(named.kind)),
        Target::Items(named) => part(named, "Items"),
        Target::Item(named, _) if named.kind == ObjectKind::List => part(named, "Items/{Index}"),
        Target::Item(named, _) => part(named, "Items/{Key}"),
        Target::Messages(named) => part(named, "Messages"),
        Target::Permissions(named) => part(named, "Permissions"),
        Target::Permission(named, _) => part(named, "Permissions/{Identity}"),
    }
}

/// Walks all paths of words that mean something somewhere, longer than any that is routed.
fn routed(path: &mut Vec<&'static str>, found: &mut BTreeSet<(String, String)>) {
    const WORDS: [&str; 9] =
        ["x", "Services", "Documents", "Lists", "Maps", "Streams", "Items", "Messages", "Permissions"];
    for (method, verb) in [("GET", Verb::Get), ("POST", Verb::Post), ("DELETE", Verb::Delete)] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        if let Ok((target, taken)) = route(path, &method) {
            assert_eq!(taken, verb, "{method} {path:?}");
            found.insert((method.to_string(), described(target)));
        }
    }
    for method in ["HEAD", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        assert!(route(path, &method).is_err(), "{method} {path:?}");
    }
    if path.len() < 8 {
        for word in WORDS {
            path.push(word);
            // What can only lead nowhere is not followed.
            if path.len() < 4 || WORDS[2..6].contains(&path[3]) {
                routed(path, found);
            }
            path.pop();
        }
    }
}

#[test]
fn what_is_routed_is_described_and_nothing_else() {
    let description = Description::read();
    let mut found = BTreeSet::new();
    routed(&mut vec!["v1"], &mut found);
    let told: BTreeSet<_> =
        description.operations().map(|(method, path, _)| (method, path.to_owned())).collect();
    assert_eq!(found, told);
    assert_eq!(told.len(), 48);
}

#[test]
fn operations_are_whole() {
    let description = Description::read();
    let mut ids = BTreeMap::new();
    for (method, path, operation) in description.operations() {
        let place = format!("{method} {path}");
        let id = operation["operationId"].as_str().expect("an id");
        assert_eq!(ids.insert(id, place.clone()), None, "{id} stands twice");
        assert!(operation["summary"].is_string(), "{place}");

        let mut told: Vec<&str> = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = description.follow(parameter);
            let name = parameter["name"].as_str().expect("a name");
            if parameter["in"] == "path" {
                told.push(name);
            }
        }
        let named: Vec<&str> =
            path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(told, named, "{place}");

        let answers: BTreeMap<u16, &Value> = description.answers(operation).collect();
        let good: Vec<u16> = answers.keys().copied().filter(|it| (200..300).contains(it)).collect();
        let making = id.starts_with("create") || id == "sendMessage";
        let expected = match method.as_str() {
            "DELETE" => 204,
            "POST" if making => 201,
            _ => 200,
        };
        assert_eq!(good, [expected], "{place}");
        for (status, answer) in answers {
            let typed = answer["content"]["application/json"]["schema"].is_object();
            assert_eq!(typed, status != 204, "{place} {status}");
            if status < 400 {
                continue;
            }
            // The status is told in the body too, so the answer is one of problems.
            let schema = answer["content"]["application/json"]["schema"].to_string();
            assert!(schema.contains("#/components/schemas/Problem"), "{place} {status}");
        }
        for status in [401, 408, 500, 503] {
            assert!(description.answers(operation).any(|it| it.0 == status), "{place} lacks {status}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_part_is_used() {
    fn walk<'v>(value: &'v Value, used: &mut BTreeSet<&'v str>) {
        match value {
            Value::Object(fields) => {
                used.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|it| walk(it, used));
            }
            Value::Array(items) => items.iter().for_each(|it| walk(it, used)),
            _ => (),
        }
    }
    let description = Description::read();
    let mut used = BTreeSet::new();
    walk(&description.root, &mut used);
    let mut stands = BTreeSet::new();
    for part in ["parameters", "responses", "schemas"] {
        let names = description.root["components"][part].as_object().expect("components").keys();
        stands.extend(names.map(|it| format!("#/components/{part}/{it}")));
    }
    assert_eq!(used, stands.iter().map(String::as_str).collect());
}

#[tokio::test]
async fn everybody_may_read_it() {
    let answer = super::route();
    let service = hyper_util::service::TowerToHyperService::new(warp::service(answer));
    let request =
        warp::http::Request::get("/openapi.json").body(http_body_util::Empty::<bytes::Bytes>::new());
    let answer =
        hyper::service::Service::call(&service, request.expect("a request")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=3600");
}
