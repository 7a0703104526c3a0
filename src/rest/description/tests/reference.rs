//! The published description of hosted Sync, where it is at hand: nothing of it is missing here.

use std::{collections::BTreeSet, env, fs, io::Write, path::Path};

use serde_json::{Map, Value};

use super::Description;

/// A folder in which `twilio_sync_v1.json` lies.
const FOLDER: &str = "AIRLOCK_REFERENCE";

#[test]
fn nothing_of_the_published_description_is_missing() {
    let Some(folder) = env::var_os(FOLDER) else {
        // Past the capture of the test runner, so that a skip is seen.
        let _unseen = writeln!(
            std::io::stderr(),
            "skipped: {FOLDER} is not set; hosted Sync's description was not compared"
        );
        return;
    };
    let text = fs::read_to_string(Path::new(&folder).join("twilio_sync_v1.json")).expect("the file is there");
    let theirs = Description { root: serde_json::from_str(&text).expect("JSON") };
    let ours = Description::read();
    let (mut faults, mut count) = (Vec::new(), 0);
    for (method, path, operation) in theirs.operations() {
        count += 1;
        let place = format!("{method} {path}");
        let Some((_, _, own)) = ours.operations().find(|it| (it.0.as_str(), it.1) == (method.as_str(), path))
        else {
            faults.push(format!("{place} is missing"));
            continue;
        };
        let missing: Vec<_> = inputs(&theirs, operation).difference(&inputs(&ours, own)).cloned().collect();
        faults.extend(missing.into_iter().map(|it| format!("{place}: no parameter {it}")));
        for (status, answer) in theirs.answers(operation) {
            let Some((_, told)) = ours.answers(own).find(|it| it.0 == status) else {
                faults.push(format!("{place}: no answer {status}"));
                continue;
            };
            let schema = |it: &Value| it["content"]["application/json"]["schema"].clone();
            fields(&theirs, &schema(answer), &ours, &schema(told), &place, &mut faults);
        }
    }
    assert_eq!(count, 48, "the file is another one");
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Parameters with their places; those of a form have theirs too.
fn inputs(description: &Description, operation: &Value) -> BTreeSet<String> {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let mut all: BTreeSet<String> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| description.follow(it))
        .map(|it| format!("{} in {}", text(&it["name"]), text(&it["in"])))
        .collect();
    let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"];
    let form = description.follow(form)["properties"].as_object();
    all.extend(form.into_iter().flat_map(Map::keys).map(|it| format!("{it} in form")));
    all
}

/// Every field of their answer stands in ours.
fn fields(
    theirs: &Description,
    their: &Value,
    ours: &Description,
    own: &Value,
    place: &str,
    faults: &mut Vec<String>,
) {
    let (their, own) = (theirs.follow(their), ours.follow(own));
    let own = own["allOf"].get(0).map_or(own, |it| ours.follow(it));
    for (name, value) in their["properties"].as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        match own["properties"].get(name) {
            Some(same) => fields(theirs, value, ours, same, &place, faults),
            // What the links lead to is not told there.
            None => faults.push(format!("{place} is missing")),
        }
    }
    if their["items"].is_object() {
        fields(theirs, &their["items"], ours, &own["items"], &format!("{place}[]"), faults);
    }
}
