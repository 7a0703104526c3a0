//! The trusted backends' door: `/v1`, as Twilio's server libraries speak to it.
//!
//! Order of judgement (sync-rest, 5.3): 401, then path and method, then what must stand, then the
//! parameters. The relay judges everything else. Before all of it, what a browser sends for a page of another origin is
//! refused: it may carry a backend's credential that no backend meant to send.

mod description;
mod form;
mod items;
mod objects;
mod page;
mod permissions;
mod services;
mod visit;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Buf;
use futures::Stream;
use warp::{
    Filter,
    filters::BoxedFilter,
    http::{HeaderMap, HeaderValue, Method, header},
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
        origins,
        problem::{Plane, Problem},
        request::segments,
        resource::{self, RestPlace},
    },
};

/// The route of everything under `/v1`, and of its description.
pub fn routes(relay: Relay, base: BaseUrl) -> BoxedFilter<(reply::Response,)> {
    let door = http::door("v1", move |incoming| {
        let (relay, base) = (relay.clone(), base.clone());
        async move {
            let path = incoming.path.clone();
            answer(&relay, &base, incoming).await.unwrap_or_else(|stop| refused(&stop, &path))
        }
    });
    description::route().or(door).unify().boxed()
}

fn refused(stop: &Stop, path: &str) -> Response {
    let mut response =
        http::problem(&Problem::of(stop, Plane::Rest).at_path(path), "Basic realm=\"Airlock\"");
    if let Stop::Fault(Fault::Method) = stop
        && let Some(methods) = allowed(path)
    {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    response
}

/// The methods of a path, for those who tried another (RFC 9110, section 15.5.6).
fn allowed(path: &str) -> Option<&'static str> {
    let path = segments(path)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    Some(match find(&path).ok()?.verbs() {
        [Verb::Get] => "GET",
        [Verb::Post] => "POST",
        [Verb::Get, Verb::Post] => "GET, POST",
        _ => "GET, POST, DELETE",
    })
}

async fn answer<S, B>(relay: &Relay, base: &BaseUrl, incoming: Incoming<S>) -> Result<Response, Stop>
where
    S: Stream<Item = Result<B, warp::Error>> + Send,
    B: Buf,
{
    if origins::is_foreign(&incoming.headers, base) {
        return Err(Fault::ForeignOrigin.into());
    }
    let caller = authenticate(relay, &incoming)?;
    let path = segments(&incoming.path).ok_or(Fault::UnknownPath)?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let (target, verb) = route(&path, &incoming.method)?;
    let base = base.of(&incoming.headers);
    let query = incoming.query.clone();
    let (if_match, attempt) = (incoming.header("if-match"), incoming.header("idempotency-key"));
    let is_form = is_form(&incoming.headers);
    let body = match verb {
        Verb::Post => incoming.into_body().await.and_then(|body| {
            // Without a body there is nothing of another type.
            if is_form || body.is_empty() { Ok(body) } else { Err(Fault::MediaType) }
        }),
        Verb::Get | Verb::Delete => Ok(bytes::Bytes::new()),
    };
    if let Err(Fault::MediaType) = body {
        return Err(Fault::MediaType.into());
    }
    let visit = Visit {
        relay,
        caller: &caller,
        place: RestPlace { base: &base, account: relay.account() },
        query: Form::parse(query.as_bytes()),
        form: body.and_then(|it| Form::parse(&it)),
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
    let caller = relay.authenticate(credential, incoming.connection.peer())?;
    incoming.connection.set_authenticated();
    Ok(caller)
}

/// Whether the body is a form. Forms of pages may have other types (`text/plain`), which need no preflight either, but
/// no library of Sync uses them.
fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let essence = |it: &HeaderValue| {
        let essence = it.to_str().ok()?.split(';').next()?.trim();
        Some(essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    };
    matches!((types.next().and_then(essence), types.next()), (Some(true), None))
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
    Object(Named<'p>),
    Items(Named<'p>),
    Item(Named<'p>, &'p str),
    Messages(Named<'p>),
    Permissions(Named<'p>),
    Permission(Named<'p>, &'p str),
}

/// An object in the words of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named<'p> {
    service: &'p str,
    kind: ObjectKind,
    id: &'p str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
    Delete,
}

impl Target<'_> {
    /// What may be done with it.
    fn verbs(self) -> &'static [Verb] {
        match self {
            Self::Services | Self::Objects(..) | Self::Items(_) => &[Verb::Get, Verb::Post],
            Self::Messages(_) => &[Verb::Post],
            Self::Permissions(_) => &[Verb::Get],
            Self::Service(_) | Self::Object(_) | Self::Item(..) | Self::Permission(..) => {
                &[Verb::Get, Verb::Post, Verb::Delete]
            }
        }
    }
}

fn route<'p>(path: &[&'p str], method: &Method) -> Result<(Target<'p>, Verb), Fault> {
    let target = find(path)?;
    let verb = match method.as_str() {
        "GET" => Verb::Get,
        "POST" => Verb::Post,
        "DELETE" => Verb::Delete,
        _ => return Err(Fault::Method),
    };
    if target.verbs().contains(&verb) { Ok((target, verb)) } else { Err(Fault::Method) }
}

fn find<'p>(path: &[&'p str]) -> Result<Target<'p>, Fault> {
    let ["v1", "Services", rest @ ..] = path else { return Err(Fault::UnknownPath) };
    Ok(match *rest {
        [] => Target::Services,
        [service] => Target::Service(service),
        [service, word, ref rest @ ..] => {
            let kind = resource::kind_of(word).ok_or(Fault::UnknownPath)?;
            within(service, kind, rest).ok_or(Fault::UnknownPath)?
        }
    })
}

/// What stands beneath the word for a kind.
fn within<'p>(service: &'p str, kind: ObjectKind, rest: &[&'p str]) -> Option<Target<'p>> {
    use ObjectKind::{List, Map, Stream};
    let [id, rest @ ..] = rest else { return Some(Target::Objects(service, kind)) };
    let named = Named { service, kind, id };
    match (kind, rest) {
        (_, []) => Some(Target::Object(named)),
        (List | Map, ["Items"]) => Some(Target::Items(named)),
        (List | Map, ["Items", item]) => Some(Target::Item(named, item)),
        (Stream, ["Messages"]) => Some(Target::Messages(named)),
        (Stream, _) => None,
        (_, ["Permissions"]) => Some(Target::Permissions(named)),
        (_, ["Permissions", identity]) => Some(Target::Permission(named, identity)),
        _ => None,
    }
}

async fn serve(visit: &Visit<'_>, target: Target<'_>, verb: Verb) -> Result<Response, Stop> {
    let find = async |named: Named<'_>| {
        let service = services::find(visit, named.service).await?;
        visit.address(service, named.kind, named.id)
    };
    match (target, verb) {
        (Target::Services, Verb::Get) => services::all(visit),
        (Target::Services, _) => services::create(visit).await,
        (Target::Service(text), Verb::Get) => services::fetch(visit, services::find(visit, text).await?),
        (Target::Service(text), Verb::Post) => {
            services::update(visit, services::find(visit, text).await?).await
        }
        (Target::Service(text), Verb::Delete) => services::remove(visit, text).await,
        (Target::Objects(text, kind), Verb::Get) => {
            objects::all(visit, services::find(visit, text).await?, kind)
        }
        (Target::Objects(text, kind), _) => {
            objects::create(visit, services::find(visit, text).await?, kind).await
        }
        (Target::Object(named), Verb::Get) => visit.fetch(find(named).await?),
        (Target::Object(named), Verb::Post) => objects::update(visit, find(named).await?).await,
        (Target::Object(named), Verb::Delete) => visit.remove(find(named).await?).await,
        (Target::Items(named), Verb::Get) => items::all(visit, find(named).await?),
        (Target::Items(named), _) => items::create(visit, find(named).await?).await,
        (Target::Item(named, item), Verb::Get) => items::fetch(visit, find(named).await?, item),
        (Target::Item(named, item), Verb::Post) => items::update(visit, find(named).await?, item).await,
        (Target::Item(named, item), Verb::Delete) => items::remove(visit, find(named).await?, item).await,
        (Target::Messages(named), _) => objects::publish(visit, find(named).await?).await,
        (Target::Permissions(named), _) => permissions::all(visit, find(named).await?),
        (Target::Permission(named, who), Verb::Get) => permissions::fetch(visit, find(named).await?, who),
        (Target::Permission(named, who), Verb::Post) => {
            permissions::set(visit, find(named).await?, who).await
        }
        (Target::Permission(named, who), Verb::Delete) => {
            permissions::remove(visit, find(named).await?, who).await
        }
    }
}

/// Parses a form body and reads what each resource reads of it. Only fuzz targets see this.
#[cfg(fuzzing)]
pub fn fuzz_form(bytes: &[u8]) {
    use crate::domain::object::ObjectKind;

    let Ok(form) = form::Form::parse(bytes) else { return };
    let _name = (form.text("UniqueName"), form.filled("Key"));
    let _data = (form.data(ObjectKind::Document), form.data(ObjectKind::Stream));
    let _numbers = (form.ttl("Ttl"), form.flag("AclEnabled"));
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
        use ObjectKind::{Document, List, Map, Stream};
        let named = |kind, id| Named { service: "s", kind, id };
        check("POST", "/v1/Services/", Ok((Target::Services, Verb::Post)));
        check("GET", "/v1/Services/default", Ok((Target::Service("default"), Verb::Get)));
        check("POST", "/v1/Services/s/Documents", Ok((Target::Objects("s", Document), Verb::Post)));
        check("DELETE", "/v1/Services/s/Maps/m/", Ok((Target::Object(named(Map, "m")), Verb::Delete)));
        check(
            "GET",
            "/v1/Services/s/Maps/m/Items/a%2Fb",
            Ok((Target::Item(named(Map, "m"), "a/b"), Verb::Get)),
        );
        check("DELETE", "/v1/Services/s/Maps/m/Items", Err(Fault::Method));
        check("PUT", "/v1/Services/s/Maps/m/Items/k", Err(Fault::Method));
        check("HEAD", "/v1/Services", Err(Fault::Method));
        check("TRACE", "/v1/Services/s/Lists", Err(Fault::Method));
        check(
            "POST",
            "/v1/Services/s/Lists/l/Items/0",
            Ok((Target::Item(named(List, "l"), "0"), Verb::Post)),
        );
        let grant = Target::Permission(named(Map, "m"), "a");
        check("GET", "/v1/Services/s/Maps/m/Permissions/a", Ok((grant, Verb::Get)));
        let messages = Target::Messages(named(Stream, "t"));
        check("POST", "/v1/Services/s/Streams/t/Messages", Ok((messages, Verb::Post)));
        check("GET", "/v1/Services/s/Streams/t/Messages", Err(Fault::Method));
        check("POST", "/v1/Services/s/Maps/m/Permissions", Err(Fault::Method));
        for path in [
            "/v1",
            "/v1/services",
            "/v1/Services/s/maps",
            "/v1/Services/s/Maps/m/Items/k/x",
            "/v1/Services/s/Documents/d/Items",
            "/v1/Services/s/Streams/t/Permissions",
            "/v1/Services/s/Lists/l/Messages",
        ] {
            check("GET", path, Err(Fault::UnknownPath));
        }
    }

    #[test]
    fn a_wrong_method_hears_of_the_right_ones() {
        for (path, methods) in [
            ("/v1/Services", Some("GET, POST")),
            ("/v1/Services/s/", Some("GET, POST, DELETE")),
            ("/v1/Services/s/Streams/t/Messages", Some("POST")),
            ("/v1/Services/s/Maps/m/Permissions", Some("GET")),
            ("/v1/Elsewhere", None),
        ] {
            assert_eq!(allowed(path), methods, "{path}");
        }
    }

    #[test]
    fn forms_are_known_by_their_type() {
        for (types, expected) in [
            (&["application/x-www-form-urlencoded"][..], true),
            (&["Application/X-WWW-Form-URLEncoded; charset=utf-8"], true),
            (&[], false),
            (&["text/plain"], false),
            (&["application/json"], false),
            (&["multipart/form-data; boundary=application/x-www-form-urlencoded"], false),
            (&["application/x-www-form-urlencoded", "text/plain"], false),
        ] {
            let pair = |it: &&'static str| (header::CONTENT_TYPE, HeaderValue::from_static(it));
            let mut headers = HeaderMap::new();
            types.iter().map(pair).for_each(|(name, value)| {
                headers.append(name, value);
            });
            assert_eq!(is_form(&headers), expected, "{types:?}");
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
