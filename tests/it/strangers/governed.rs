//! What policies govern: another's private object, and what is shared, asked for every operation.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    table::{CLIENTS, What},
    tokens::good,
    world::{FORBIDDEN, World, fresh, is},
};
use crate::support::http::{Answer, encoded};

#[test]
fn clients_are_refused_what_policies_govern() {
    let mut world = World::new();
    anothers_private_object_answers_the_same_whether_it_stands_or_not(&mut world);
    what_is_shared_is_read_by_whom_it_names_and_written_by_nobody(&mut world);
}

fn sent(world: &mut World, by: &str, request: (&'static str, &str), body: &Value) -> Answer {
    let answer = world.ask(request, by, None, ("application/json", body.to_string()));
    assert_eq!(answer.status, 201, "its owner writes: {}", answer.text);
    answer
}

fn read(world: &mut World, by: &str, kind: &str, name: &str) -> Answer {
    world.ask(("GET", &format!("/v3/{kind}/{}", encoded(name))), by, None, ("", String::new()))
}

fn sid(answer: &Answer) -> String {
    answer.body["sid"].as_str().expect("a SID").to_owned()
}

fn anothers_private_object_answers_the_same_whether_it_stands_or_not(world: &mut World) {
    let here = world.here.service.clone();
    let (ada, room) = (fresh("ada"), fresh("room"));
    let (own, eve) = (good(&ada, &here), good(&fresh("eve"), &here));
    let (cursor, pins) = (format!("cursors/{room}/{ada}"), format!("pins/{ada}"));
    let attempts = |world: &mut World| {
        let mut answers = BTreeMap::new();
        for asked in CLIENTS {
            // A governed name is closed in every kind, not only in that of its policy (decision 16).
            for name in [&cursor, &pins] {
                for service in [None, Some(here.as_str())] {
                    let answer = world.client(asked, name, &eve, service);
                    is(&answer, FORBIDDEN, &format!("{} of {name}", asked.id));
                    assert_eq!(answer.content_type, "application/json");
                    answers.insert((asked.id, name.clone(), service), answer.text);
                }
            }
        }
        answers
    };
    let absent = attempts(world);
    let data = json!({ "x": 1, "y": 1 });
    let made = sent(world, &own, ("POST", "/v3/Documents"), &json!({ "unique_name": cursor, "data": data }));
    let document = sid(&made);
    let map = sid(&sent(world, &own, ("POST", "/v3/Maps"), &json!({ "unique_name": pins })));
    let item = format!("/v3/Maps/{map}/Items/k");
    sent(world, &own, ("PUT", &item), &json!({ "data": { "title": "mine" } }));
    assert_eq!(attempts(world), absent, "the same bytes");
    for asked in CLIENTS.iter().filter(|it| !it.makes()) {
        let sid = match asked.kind {
            "Documents" => &document,
            "Maps" => &map,
            _ => continue,
        };
        is(&world.client(asked, sid, &eve, None), FORBIDDEN, &format!("{} by SID", asked.id));
    }
    let mine = read(world, &own, "Documents", &cursor);
    assert_eq!((mine.status, &mine.body["data"]), (200, &data), "the owner still has what it had");
}

/// A shared object, and whether its policy shows it to everyone.
struct Shared {
    kind: &'static str,
    name: String,
    open: bool,
}

fn what_is_shared_is_read_by_whom_it_names_and_written_by_nobody(world: &mut World) {
    let here = world.here.service.clone();
    let (ada, eve, room) = (fresh("ada"), fresh("eve"), fresh("room"));
    let own = good(&ada, &here);
    for (name, data) in [
        (format!("cursors/{room}/{ada}"), json!({ "x": 1, "y": 1 })),
        (format!("status/{ada}"), json!({ "text": "here" })),
        (format!("sealed/{ada}"), json!({ "n": 1 })),
    ] {
        sent(world, &own, ("POST", "/v3/Documents"), &json!({ "unique_name": name, "data": data }));
    }
    let shared = [
        Shared { kind: "Maps", name: format!("rooms/{room}/cursors"), open: true },
        Shared { kind: "Documents", name: format!("people/{ada}/status"), open: true },
        // Nothing stands there yet (decision 18).
        Shared { kind: "Maps", name: format!("rooms/{}/cursors", fresh("empty")), open: true },
        Shared { kind: "Documents", name: format!("vault/{ada}/sealed"), open: false },
        Shared { kind: "Documents", name: format!("vault/{}/sealed", fresh("nobody")), open: false },
    ];
    // Its author is no exception.
    for by in [&own, &good(&eve, &here)] {
        for it in &shared {
            let known = it.open.then(|| sid(&read(world, by, it.kind, &it.name)));
            operations_on(world, by, it, known.as_deref());
        }
    }
    let status = read(world, &own, "Documents", &format!("people/{ada}/status"));
    assert_eq!(status.body["data"]["status"], "here", "nobody has written it: {}", status.text);
    let path = format!("/v3/Maps/{}/Items", encoded(&format!("rooms/{room}/cursors")));
    let items = world.ask(("GET", &path), &own, None, ("", String::new()));
    // A cursor is shown for two seconds; whoever stands here is its author.
    for item in items.body["items"].as_array().expect("items") {
        assert_eq!(item["key"], ada.as_str(), "{}", items.text);
    }
}

fn operations_on(world: &mut World, by: &str, shared: &Shared, sid: Option<&str>) {
    for asked in CLIENTS {
        let same_kind = asked.kind == shared.kind;
        let by_sid = sid.filter(|_| same_kind && !asked.makes());
        for object in [Some(shared.name.as_str()), by_sid].into_iter().flatten() {
            let (answer, what) = (world.client(asked, object, by, None), format!("{} of {object}", asked.id));
            match asked.what {
                What::Read if shared.open && same_kind => {
                    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
                }
                // No item has this key.
                What::ReadItem if shared.open && same_kind => is(&answer, (404, 54_201), &what),
                _ => is(&answer, FORBIDDEN, &what),
            }
        }
    }
}
