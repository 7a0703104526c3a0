//! The backends' plane, asked by those who are none, and for what is not there.

use std::collections::BTreeSet;

use super::{
    table::{KINDS, described},
    tokens::{good, signed},
    world::{EMPTY, World, filled, is, names_an_object},
};
use crate::support::{
    http::basic,
    server::{AUTH_TOKEN, House, TRUSTED},
};

const NOBODY: &str = "IS00000000000000000000000000000000";

#[test]
fn backends_are_refused_without_their_credential_and_for_what_is_not_there() {
    let mut world = World::new();
    without_the_right_credential_everything_is_401(&mut world);
    what_is_elsewhere_or_nowhere_is_404(&mut world);
    none_of_that_has_changed_anything(&mut world);
    the_right_caller_succeeds_with_the_same_requests(&mut world);
}

fn without_the_right_credential_everything_is_401(world: &mut World) {
    let [account, key, secret] = TRUSTED;
    let client = good("ada", &world.here.service);
    let expired = {
        let mut claims = super::tokens::claims("ada", &world.here.service);
        claims["exp"] = (super::tokens::seconds() - 3_600).into();
        signed(&claims, secret)
    };
    let strangers = [
        ("no credential", String::new()),
        ("an empty one", EMPTY.to_owned()),
        ("a wrong secret", basic(key, &"x".repeat(48))),
        ("the account with a wrong secret", basic(account, &"x".repeat(48))),
        ("no secret", basic(key, "")),
        ("the secret of another kind", basic(key, AUTH_TOKEN)),
        ("the account with a key's secret", basic(account, secret)),
        ("another account with our token", basic("AC00000000000000000000000000000000", AUTH_TOKEN)),
        ("another key with our secret", basic("SK00000000000000000000000000000000", secret)),
        ("a client's access token", client.clone()),
        ("a client's expired token", expired),
        ("a client's access token as a password", basic(key, client.trim_start_matches("Bearer "))),
    ];
    let none = KINDS.map(|_| "none".to_owned());
    for operation in &described() {
        let there = filled(&operation.path, &world.here.service, &world.here.sids);
        let nowhere = filled(&operation.path, NOBODY, &none);
        let mut answers = BTreeSet::new();
        for (who, credential) in &strangers {
            for path in [&there, &nowhere] {
                let (answer, what) =
                    (world.backend(operation, path, credential), format!("{}, {who}", operation.id));
                is(&answer, (401, 20_003), &what);
                assert!(answer.challenge.starts_with("Basic"), "{what}: {}", answer.challenge);
                answers.insert(answer.text);
            }
        }
        assert_eq!(answers.len(), 1, "{}: one answer for all of them: {answers:?}", operation.id);
    }
}

fn what_is_elsewhere_or_nowhere_is_404(world: &mut World) {
    let good = House::backend();
    let [document, list, map, _] = world.here.sids.clone();
    let turned = [map.clone(), document.clone(), list, map];
    let (here, there) = (world.here.service.clone(), world.there.service.clone());
    let (sids, names) = (world.here.sids.clone(), world.here.names.clone());
    for operation in described().iter().filter(|it| it.path != "/v1/Services") {
        let mut missing = |path: String, what: &str| {
            let answer = world.backend(operation, &path, &good);
            is(&answer, (404, 20_404), &format!("{}, {what}", operation.id));
        };
        for service in [NOBODY, "nosuch", TRUSTED[0], document.as_str()] {
            missing(filled(&operation.path, service, &sids), service);
        }
        if names_an_object(&operation.path) {
            missing(filled(&operation.path, &there, &sids), "a SID of another service");
            missing(filled(&operation.path, &there, &names), "a name of another service");
            missing(filled(&operation.path, &here, &turned), "a SID of another kind");
        }
    }
}

fn none_of_that_has_changed_anything(world: &mut World) {
    let good = House::backend();
    for kind in ["Documents", "Lists", "Maps"] {
        for (service, sid) in [
            (world.here.service.clone(), world.here.sid(kind)),
            (world.there.service.clone(), world.there.sid(kind)),
        ] {
            let path = format!("/v1/Services/{service}/{kind}/{sid}");
            let answer = world.ask(("GET", &path), &good, None, ("", String::new()));
            // The item that was made by us is the only change.
            let revision = u64::from(kind != "Documents");
            assert_eq!(answer.revision(), Some(revision), "{kind} were not written by strangers");
            assert!(answer.body["date_expires"].is_null(), "{kind}: {}", answer.text);
        }
    }
}

fn the_right_caller_succeeds_with_the_same_requests(world: &mut World) {
    let (good, spare) = (House::backend(), world.spare());
    let mut operations = described();
    // What is removed is removed last, the innermost first.
    let depth = |path: &str| path.split('/').count();
    operations.sort_by_key(|it| match it.method {
        "DELETE" => (true, usize::MAX - depth(&it.path)),
        _ => (false, 0),
    });
    for operation in &operations {
        let answer = world.backend(operation, &filled(&operation.path, &spare.service, &spare.sids), &good);
        assert_eq!(answer.status, operation.success, "{}: {}", operation.id, answer.text);
    }
}
