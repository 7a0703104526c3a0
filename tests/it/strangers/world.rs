//! A server with two services, and in each one object of each kind that is nobody's but the backend's.

use std::sync::atomic::{AtomicU64, Ordering};

use super::table::{Asked, Described, FORMS, GRANT, KINDS};
use crate::support::{
    http::{Answer, Http, Request, encoded},
    server::{House, Server, Start},
};

/// Who refuses, by status and code.
pub type Refused = (u16, u64);
/// What is another's, shared, or hidden.
pub const FORBIDDEN: Refused = (403, 54_007);

/// A running server and the things in it.
pub struct World {
    http: Http,
    pub here: Things,
    /// The same in another service of the account.
    pub there: Things,
    // Dropped in this order: the server before its directory.
    server: Server,
    _house: House,
}

/// The objects of one service, in the order of [`KINDS`].
pub struct Things {
    pub service: String,
    pub names: [String; 4],
    pub sids: [String; 4],
}

/// A name that nobody else uses.
pub fn fresh(word: &str) -> String {
    static NAMES: AtomicU64 = AtomicU64::new(0);
    format!("{word}-{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

impl World {
    pub fn new() -> Self {
        let house = House::new();
        let server = house.started("data", &Start::default());
        let service = |name| {
            let made = server.post("/v1/Services", &format!("FriendlyName={name}&AclEnabled=true"));
            made.body["sid"].as_str().expect("a SID").to_owned()
        };
        let (here, there) = (furnished(&server, service("here")), furnished(&server, service("elsewhere")));
        Self { http: server.http(), here, there, server, _house: house }
    }

    /// One more service with things in it.
    pub fn spare(&self) -> Things {
        let made = self.server.post("/v1/Services", "");
        furnished(&self.server, made.body["sid"].as_str().expect("a SID").to_owned())
    }

    /// Asks anything.
    pub fn ask(
        &mut self,
        (method, path): (&'static str, &str),
        authorization: &str,
        header: Option<(&'static str, String)>,
        (content_type, body): (&'static str, String),
    ) -> Answer {
        let (path, authorization) = (path.to_owned(), authorization.to_owned());
        let request = Request { method, path, authorization, attempt: header, content_type, body };
        self.http.send(&request).expect("an answer")
    }

    /// Asks for a described operation with its form.
    pub fn backend(&mut self, operation: &Described, path: &str, authorization: &str) -> Answer {
        let form = FORMS.iter().find(|it| it.0 == operation.id).and_then(|it| it.1);
        let form = form.unwrap_or_default().replace("{fresh}", &fresh("name"));
        let content_type = if form.is_empty() { "" } else { "application/x-www-form-urlencoded" };
        // A header that is there and empty is not one that is missing.
        let empty = (authorization == EMPTY).then(|| ("Authorization", String::new()));
        let authorization = if empty.is_some() { "" } else { authorization };
        self.ask((operation.method, path), authorization, empty, (content_type, form))
    }

    /// Asks on the clients' plane; `object` is a name or a SID, `service` says it in the path too.
    pub fn client(
        &mut self,
        asked: &Asked,
        object: &str,
        authorization: &str,
        service: Option<&str>,
    ) -> Answer {
        let service = service.map(|it| format!("/Services/{it}")).unwrap_or_default();
        let place = if asked.makes() { String::new() } else { format!("/{}{}", encoded(object), asked.rest) };
        let path = format!("/v3{service}/{}{place}", asked.kind);
        let body = asked.body.replace("{object}", object);
        let content_type = if body.is_empty() { "" } else { "application/json" };
        let condition = asked.if_match.map(|it| ("If-Match", it.to_owned()));
        self.ask((asked.method, &path), authorization, condition, (content_type, body))
    }
}

/// A credential that is there and says nothing.
pub const EMPTY: &str = "empty";

impl Things {
    fn at(all: &[String; 4], kind: &str) -> String {
        KINDS.iter().zip(all).find(|it| *it.0 == kind).map(|it| it.1.clone()).expect("a kind")
    }

    pub fn sid(&self, kind: &str) -> String {
        Self::at(&self.sids, kind)
    }

    pub fn name(&self, kind: &str) -> String {
        Self::at(&self.names, kind)
    }
}

fn furnished(server: &Server, service: String) -> Things {
    let post = |path: &str, form: &str| {
        let answer = server.post(&format!("/v1/Services/{service}/{path}"), form);
        assert!(answer.acknowledges(), "{path}: {}", answer.text);
        answer
    };
    let names = KINDS.map(|_| fresh("standing"));
    let mut made = KINDS.iter().zip(&names).map(|(kind, name)| {
        let answer = post(kind, &format!("UniqueName={name}"));
        let sid = answer.body["sid"].as_str().expect("a SID").to_owned();
        if *kind != "Streams" {
            post(&format!("{kind}/{sid}/Permissions/ada"), GRANT);
        }
        sid
    });
    let sids = KINDS.map(|_| made.next().expect("one of each kind"));
    drop(made);
    post(&format!("Lists/{}/Items", sids[1]), "Data=%7B%22n%22%3A1%7D");
    post(&format!("Maps/{}/Items", sids[2]), "Key=k&Data=%7B%22n%22%3A1%7D");
    Things { service, names, sids }
}

/// The path of an operation in a service; the objects may be another's.
pub fn filled(path: &str, service: &str, objects: &[String; 4]) -> String {
    let segments: Vec<&str> = path.split('/').collect();
    let fill = |(at, segment): (usize, &&str)| {
        let before = at.checked_sub(1).map_or("", |it| segments[it]);
        match *segment {
            "{Index}" => "0".to_owned(),
            "{Key}" => "k".to_owned(),
            "{Identity}" => "ada".to_owned(),
            it if it.starts_with('{') && before == "Services" => service.to_owned(),
            it if it.starts_with('{') => encoded(&Things::at(objects, before)),
            it => it.to_owned(),
        }
    };
    segments.iter().enumerate().map(fill).collect::<Vec<_>>().join("/")
}

/// Whether a path names an object.
pub fn names_an_object(path: &str) -> bool {
    KINDS.iter().any(|kind| path.contains(&format!("/{kind}/{{")))
}

/// What an answer refuses with.
pub fn refusal(answer: &Answer) -> Refused {
    (answer.status, answer.body["code"].as_u64().unwrap_or_default())
}

/// Checks a refusal.
pub fn is(answer: &Answer, expected: Refused, what: &str) {
    assert_eq!(refusal(answer), expected, "{what}: {}", answer.text);
}
