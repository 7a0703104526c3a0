//! The trusted backends' door: `/v1`, as Twilio's server libraries speak to it.
//!
//! Order of judgement (sync-rest, 5.3): 401, then path and method, then what must stand, then the
//! parameters. The relay judges everything else.

mod documents;
mod form;
mod maps;
mod page;
mod services;
mod visit;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Buf;
use futures::Stream;
use warp::{
    filters::BoxedFilter,
    http::Method,
    reply::{self, Response},
};

use self::{form::Form, visit::Visit};
use crate::{
    domain::object::ObjectKind,
    relay::{Caller, Credential, Reason, Relay},
    token::TokenFault,
    wire::{
        fault::{Fault, Stop},
        http::{self, BaseUrl, Incoming},
        problem::{Plane, Problem},
        request::segments,
        resource::RestPlace,
    },
};

/// The route of everything under `/v1`.
pub fn routes(relay: Relay, base: BaseUrl) -> BoxedFilter<(reply::Response,)> {
    http::door("v1", move |incoming| {
        let (relay, base) = (relay.clone(), base.clone());
        async move {
            let path = incoming.path.clone();
            answer(&relay, &base, incoming).await.unwrap_or_else(|stop| {
                let problem = Problem::of(&stop, Plane::Rest).at_path(&path);
                http::problem(&problem, "Basic realm=\"Airlock\"")
            })
        }
    })
}

async fn answer<S, B>(relay: &Relay, base: &BaseUrl, incoming: Incoming<S>) -> Result<Response, Stop>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let caller = authenticate(relay, &incoming)?;
    let path = segments(&incoming.path).ok_or(Fault::UnknownPath)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let (target, verb) = route(&path, &incoming.method)?;
    let base = base.of(&incoming.headers);
    let query = incoming.query.clone();
    let (if_match, attempt) = (incoming.header("if-match"), incoming.header("idempotency-key"));
    let body = match verb {
        Verb::Post => incoming.into_body().await?,
        Verb::Get | Verb::Delete => bytes::Bytes::new(),
    };
    let visit = Visit {
        relay,
        caller: &caller,
        place: RestPlace { base: &base, account: relay.account() },
        query: Form::parse(query.as_bytes()),
        form: Form::parse(&body),
        if_match,
        attempt,
    };
    serve(&visit, target, verb).await
}

fn authenticate<S, B>(relay: &Relay, incoming: &Incoming<S>) -> Result<Caller, Stop>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    let (user, password) = incoming
        .header("authorization")
        .and_then(|it| basic(&it))
        .ok_or(Reason::Credential(TokenFault::Basic))?;
    let credential = Credential::Basic { user: &user, password: &password };
    Ok(relay.authenticate(credential, incoming.peer)?)
}

/// User and password of a header `Basic …`.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'p> {
    Services,
    Service(&'p str),
    Objects(&'p str, ObjectKind),
    Object(&'p str, ObjectKind, &'p str),
    Items(&'p str, &'p str),
    Item(&'p str, &'p str, &'p str),
    NotYet(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
    Delete,
}

fn route<'p>(path: &[&'p str], method: &Method) -> Result<(Target<'p>, Verb), Fault> {
    let ["v1", "Services", rest @ ..] = path else { return Err(Fault::UnknownPath) };
    let target = match *rest {
        [] => Target::Services,
        [service] => Target::Service(service),
        [service, "Documents"] => Target::Objects(service, ObjectKind::Document),
        [service, "Documents", id] => Target::Object(service, ObjectKind::Document, id),
        [service, "Maps"] => Target::Objects(service, ObjectKind::Map),
        [service, "Maps", id] => Target::Object(service, ObjectKind::Map, id),
        [service, "Maps", map, "Items"] => Target::Items(service, map),
        [service, "Maps", map, "Items", key] => Target::Item(service, map, key),
        [_, "Documents" | "Maps" | "Lists", _, "Permissions"]
        | [_, "Documents" | "Maps" | "Lists", _, "Permissions", _] => Target::NotYet("permissions"),
        [_, "Lists"] | [_, "Lists", _] | [_, "Lists", _, "Items"] | [_, "Lists", _, "Items", _] => {
            Target::NotYet("lists")
        }
        [_, "Streams"] | [_, "Streams", _] | [_, "Streams", _, "Messages"] => Target::NotYet("streams"),
        _ => return Err(Fault::UnknownPath),
    };
    let verb = match method.as_str() {
        "GET" => Verb::Get,
        "POST" => Verb::Post,
        "DELETE" => Verb::Delete,
        _ => return Err(Fault::Method),
    };
    match (target, verb) {
        (Target::Services | Target::Objects(..) | Target::Items(..), Verb::Delete) => Err(Fault::Method),
        _ => Ok((target, verb)),
    }
}

async fn serve(visit: &Visit<'_>, target: Target<'_>, verb: Verb) -> Result<Response, Stop> {
    match (target, verb) {
        (Target::NotYet(what), _) => Err(Reason::NotSupported { what }.into()),
        (Target::Services | Target::Objects(..), Verb::Get) => {
            Err(Reason::NotSupported { what: "listings of services and objects" }.into())
        }
        (Target::Services, _) => services::create(visit).await,
        (Target::Service(text), Verb::Get) => services::fetch(visit, services::find(visit, text).await?),
        (Target::Service(text), Verb::Post) => {
            services::update(visit, services::find(visit, text).await?).await
        }
        (Target::Service(text), Verb::Delete) => services::remove(visit, text).await,
        (Target::Objects(text, kind), _) => {
            let service = services::find(visit, text).await?;
            match kind {
                ObjectKind::Document => documents::create(visit, service).await,
                _ => maps::create(visit, service).await,
            }
        }
        (Target::Object(text, kind, id), verb) => {
            let address = visit.address(services::find(visit, text).await?, kind, id)?;
            match (verb, kind) {
                (Verb::Get, _) => visit.fetch(address),
                (Verb::Post, ObjectKind::Document) => documents::update(visit, address).await,
                (Verb::Post, _) => maps::update(visit, address).await,
                (Verb::Delete, _) => visit.remove(address).await,
            }
        }
        (Target::Items(text, map), verb) => {
            let address = visit.address(services::find(visit, text).await?, ObjectKind::Map, map)?;
            match verb {
                Verb::Get => maps::items(visit, address),
                Verb::Post | Verb::Delete => maps::create_item(visit, address).await,
            }
        }
        (Target::Item(text, map, key), verb) => {
            let address = visit.address(services::find(visit, text).await?, ObjectKind::Map, map)?;
            match verb {
                Verb::Get => maps::fetch_item(visit, address, key),
                Verb::Post => maps::update_item(visit, address, key).await,
                Verb::Delete => maps::remove_item(visit, address, key).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, path: &str, expected: Result<(Target<'_>, Verb), Fault>) {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let path = segments(path).expect("a path");
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        assert_eq!(route(&path, &method), expected, "{method} {path:?}");
    }

    #[test]
    fn paths_and_methods_are_routed() {
        use ObjectKind::{Document, Map};
        check("POST", "/v1/Services/", Ok((Target::Services, Verb::Post)));
        check("GET", "/v1/Services/default", Ok((Target::Service("default"), Verb::Get)));
        check("POST", "/v1/Services/s/Documents", Ok((Target::Objects("s", Document), Verb::Post)));
        check("DELETE", "/v1/Services/s/Maps/m/", Ok((Target::Object("s", Map, "m"), Verb::Delete)));
        check("GET", "/v1/Services/s/Maps/m/Items/a%2Fb", Ok((Target::Item("s", "m", "a/b"), Verb::Get)));
        check("DELETE", "/v1/Services/s/Maps/m/Items", Err(Fault::Method));
        check("PUT", "/v1/Services/s/Maps/m/Items/k", Err(Fault::Method));
        check("HEAD", "/v1/Services", Err(Fault::Method));
        check("TRACE", "/v1/Services/s/Lists", Err(Fault::Method));
        check("POST", "/v1/Services/s/Lists/l/Items/0", Ok((Target::NotYet("lists"), Verb::Post)));
        check("GET", "/v1/Services/s/Maps/m/Permissions/a", Ok((Target::NotYet("permissions"), Verb::Get)));
        check("POST", "/v1/Services/s/Streams/t/Messages", Ok((Target::NotYet("streams"), Verb::Post)));
        for path in
            ["/v1", "/v1/services", "/v1/Services/s/Maps/m/Items/k/x", "/v1/Services/s/Documents/d/Items"]
        {
            check("GET", path, Err(Fault::UnknownPath));
        }
    }

    #[test]
    fn basic_credentials_are_read() {
        let header = |text: &str| basic(&format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(header("SK1:a:b"), Some(("SK1".into(), "a:b".into())));
        assert_eq!(header("SK1"), None);
        for text in ["", "Basic", "Basic %", "Bearer U0sxOmE=", "Basic /w=="] {
            assert_eq!(basic(text), None, "{text}");
        }
    }
}
