//! The clients' plane, asked with tokens that do not hold, of another service, and without a grant.

use std::collections::BTreeSet;

use super::{
    table::{Asked, CLIENTS, KINDS, SHARED_PLANE, described},
    tokens::{claims, good, seconds, signed, spoiled, unsigned},
    world::{FORBIDDEN, World, filled, fresh, is},
};
use crate::support::server::House;

#[test]
fn clients_are_refused_without_a_token_a_service_and_a_grant_of_their_own() {
    let mut world = World::new();
    the_rest_of_the_backends_plane_is_nowhere(&mut world);
    with_a_token_that_does_not_hold_everything_is_401(&mut world);
    a_token_of_another_service_opens_nothing_of_this_one(&mut world);
    nothing_is_open_without_a_grant(&mut world);
    a_grant_to_read_opens_reading_only(&mut world);
}

fn the_rest_of_the_backends_plane_is_nowhere(world: &mut World) {
    let eve = good(&fresh("eve"), &world.here.service);
    for operation in described().iter().filter(|it| !SHARED_PLANE.iter().any(|(id, _)| *id == it.id)) {
        let path = filled(&operation.path, &world.here.service, &world.here.sids).replace("/v1/", "/v3/");
        let body = if operation.method == "POST" { "{}" } else { "" };
        let answer = world.ask((operation.method, &path), &eve, None, ("application/json", body.to_owned()));
        // A listing of objects is the path at which they are made: there it is the method that is wrong.
        let makes = KINDS.iter().any(|kind| operation.path.ends_with(&format!("/{kind}")));
        let expected = if makes { (405, 20_004) } else { (404, 20_404) };
        is(&answer, expected, &format!("{} by a client", operation.id));
    }
}

/// Tokens that do not hold, each with the code that says why.
fn bad_tokens(service: &str) -> Vec<(&'static str, String, u64)> {
    let spoil = |change: fn(&mut serde_json::Value)| spoiled("ada", service, change);
    vec![
        ("no token", String::new(), 20_101),
        ("no token at all in the header", "Bearer ".to_owned(), 20_101),
        ("the backend's own credential", House::backend(), 20_101),
        (
            "expired",
            spoil(|it| {
                it["iat"] = (seconds() - 7_200).into();
                it["exp"] = (seconds() - 3_600).into();
            }),
            20_104,
        ),
        ("a wrong signature", signed(&claims("ada", service), &"x".repeat(48)), 20_107),
        ("not valid yet", spoil(|it| it["nbf"] = (seconds() + 3_600).into()), 20_105),
        ("another account", spoil(|it| it["sub"] = "AC00000000000000000000000000000000".into()), 20_103),
        ("no signature", unsigned("ada", service), 20_101),
        (
            "no grant for Sync",
            spoil(|it| drop(it["grants"].as_object_mut().expect("grants").remove("data_sync"))),
            20_106,
        ),
        ("a service that is not here", good("ada", "IS00000000000000000000000000000000"), 20_106),
    ]
}

fn with_a_token_that_does_not_hold_everything_is_401(world: &mut World) {
    let service = world.here.service.clone();
    let strangers = bad_tokens(&service);
    for asked in CLIENTS {
        let objects = [world.here.sid(asked.kind), world.here.name(asked.kind)];
        let objects = objects.iter().map(String::as_str).chain(["cursors/7/ada", "rooms/7/cursors", "none"]);
        let objects: Vec<&str> = objects.collect();
        for (who, token, code) in &strangers {
            let (mut answers, what) = (BTreeSet::new(), format!("{}, {who}", asked.id));
            for object in &objects {
                let answer = world.client(asked, object, token, Some(&service));
                is(&answer, (401, *code), &what);
                assert!(answer.challenge.starts_with("Bearer"), "{what}: {}", answer.challenge);
                answers.insert(answer.text);
            }
            assert_eq!(answers.len(), 1, "{what}: one answer for all of them: {answers:?}");
        }
    }
}

fn a_token_of_another_service_opens_nothing_of_this_one(world: &mut World) {
    let (here, abroad) = (world.here.service.clone(), good("ada", &world.there.service));
    for asked in CLIENTS {
        let (sid, name) = (world.here.sid(asked.kind), world.here.name(asked.kind));
        for object in [sid.as_str(), &name, "none", "cursors/7/ada", "rooms/7/cursors"] {
            let answer = world.client(asked, object, &abroad, Some(&here));
            is(&answer, FORBIDDEN, &format!("{} of {object} by the path", asked.id));
        }
        if asked.makes() {
            continue; // It would make one of its own.
        }
        let answer = world.client(asked, &sid, &abroad, None);
        is(&answer, (404, missing(asked)), &format!("{} by SID", asked.id));
        let answer = world.client(asked, &name, &abroad, None);
        is(&answer, (404, 54_300), &format!("{} by name", asked.id));
    }
}

/// Sync's code for an object of this kind that is not there.
fn missing(asked: &Asked) -> u64 {
    match asked.kind {
        "Documents" => 54_100,
        "Lists" => 54_150,
        "Maps" => 54_200,
        _ => 54_250,
    }
}

fn nothing_is_open_without_a_grant(world: &mut World) {
    let (here, eve) = (world.here.service.clone(), good(&fresh("eve"), &world.here.service));
    for asked in CLIENTS {
        let (sid, name) = (world.here.sid(asked.kind), world.here.name(asked.kind));
        for service in [None, Some(here.as_str())] {
            // A name of nobody's policy is taken or free for everybody, as in Sync: no object is opened by that.
            let (of_sid, of_name) =
                if asked.makes() { ((400, 54_302), (409, 54_301)) } else { (FORBIDDEN, FORBIDDEN) };
            let answer = world.client(asked, &sid, &eve, service);
            is(&answer, of_sid, &format!("{} of a SID", asked.id));
            let answer = world.client(asked, &name, &eve, service);
            is(&answer, of_name, &format!("{} of a name", asked.id));
        }
    }
}

/// `ada` may read the things of the world and do nothing else with them (streams cannot be granted).
fn a_grant_to_read_opens_reading_only(world: &mut World) {
    let reader = good("ada", &world.here.service);
    for asked in CLIENTS.iter().filter(|it| it.kind != "Streams" && !it.makes()) {
        let answer = world.client(asked, &world.here.sid(asked.kind), &reader, None);
        if asked.reads() {
            assert_eq!(answer.status, 200, "{} by a reader: {}", asked.id, answer.text);
        } else {
            is(&answer, FORBIDDEN, &format!("{} by a reader", asked.id));
        }
    }
}
