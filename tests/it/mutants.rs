//! The cases of the samples notice what is changed in them: `airlock policy test --coverage`, through the binary.

use std::fs;

use crate::tools::run::{airlock, root};

#[test]
fn the_cases_of_the_samples_notice_their_mutants() {
    let ran = airlock(&["policy", "test", "policies", "--coverage", "--threshold", "95", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let answer = ran.json();
    let (mut noticed, mut counted) = (0, 0);
    for policy in answer["coverage"].as_array().expect("a coverage of each policy") {
        println!("{}: {} of {}", policy["policy"], policy["noticed"], policy["counted"]);
        noticed += policy["noticed"].as_u64().expect("a number");
        counted += policy["counted"].as_u64().expect("a number");
    }
    println!("in all: {noticed} of {counted}");
    assert!(380 < counted, "{noticed} of {counted}");
}

#[test]
fn a_rule_without_a_case_is_told_and_misses_the_threshold() {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("scores");
    fs::create_dir_all(copy.join("cases")).expect("made");
    for file in ["policy.toml", "score.schema.json", "entry.schema.json"] {
        fs::copy(root().join("policies/scores").join(file), copy.join(file)).expect("copied");
    }
    let case = "[[case]]\nname = \"a score\"\nas = { identity = \"ada\", claims = { name = \"Ada\" } }\n\
        write = { document = \"scores/g/ada\", data = { score = 1 } }\npublished = []\n";
    fs::write(copy.join("cases/one.toml"), case).expect("written");
    let path = copy.display().to_string();
    let ran = airlock(&["policy", "test", &path, "--coverage"]);
    assert_eq!(ran.code, 0, "without a threshold it is told only: {}{}", ran.out, ran.err);
    assert!(ran.out.contains("/scores/policy.toml:19 /when/0: deleted\n"), "{}", ran.out);
    assert!(ran.out.contains("/score.schema.json:"), "{}", ran.out);
    assert!(ran.out.ends_with("1 passed, 0 failed\n"), "{}", ran.out);
    assert_eq!(airlock(&["policy", "test", &path, "--coverage", "--threshold", "95"]).code, 1);
    assert_eq!(airlock(&["policy", "test", &path, "--threshold", "95"]).code, 2);
}

/// A policy whose schema has two branches, of which the one case tries the first.
fn branches() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("shapes");
    fs::create_dir_all(home.join("cases")).expect("made");
    let policy = "[from]\ndocument = \"shapes/{identity}\"\nschema = \"shape.json\"\n\n[[to]]\ndocument = \"shown/{identity}\"\n";
    let schema = r#"{
  "oneOf": [
    { "required": ["radius"] },
    { "required": ["<width>"] }
  ]
}
"#;
    let case = "[[case]]\nname = \"round & small\"\nas = { identity = \"ada\" }\n\
        write = { document = \"shapes/ada\", data = { radius = 1 } }\n\
        published = [{ document = \"shown/ada\", data = { radius = 1 } }]\n";
    fs::write(home.join("policy.toml"), policy).expect("written");
    fs::write(home.join("shape.json"), schema).expect("written");
    fs::write(home.join("cases/one.toml"), case).expect("written");
    folder
}

#[test]
fn each_branch_counts_in_text_and_json() {
    let folder = branches();
    let path = folder.path().display().to_string();
    let ran = airlock(&["policy", "test", &path, "--coverage"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("branches 1 of 2"), "{}", ran.out);
    assert!(ran.out.contains("/shapes/shape.json:4 /oneOf/1: deleted\n"), "{}", ran.out);
    assert!(!ran.out.contains("/oneOf/0: deleted"), "{}", ran.out);
    let answer = airlock(&["policy", "test", &path, "--coverage", "--format", "json"]).json();
    let shapes = &answer["coverage"][0];
    assert_eq!(shapes["kinds"]["branch"], serde_json::json!({ "noticed": 1, "counted": 2 }));
    let changes = shapes["changes"].as_array().expect("the changes");
    let of = |what: &str| changes.iter().find(|it| it["what"] == what).expect(what);
    let first = of("/oneOf/0: deleted");
    assert_eq!(
        (&first["line"], &first["kind"], &first["noticed_by"]),
        (&3.into(), &"branch".into(), &"round & small".into())
    );
    assert!(of("/oneOf/1: deleted")["noticed_by"].is_null());
}

#[test]
fn pages_of_lines_are_written_where_one_says() {
    let folder = branches();
    let path = folder.path().display().to_string();
    let (html, lcov) = (folder.path().join("seen.html"), folder.path().join("seen.info"));
    let (page, trace) = (html.display().to_string(), lcov.display().to_string());
    let ran = airlock(&["policy", "test", &path, "--coverage", "--html", &page, "--lcov", &trace]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let trace = fs::read_to_string(&lcov).expect("a tracefile");
    let of_schema = format!("SF:{path}/shapes/shape.json\n");
    let record = trace.split("end_of_record\n").find(|it| it.contains(&of_schema)).expect("the schema's");
    let lines = |prefix: &str| record.lines().filter(|it| it.starts_with(prefix)).collect::<Vec<_>>();
    // Each line's hits are its noticed changes; each change is a branch.
    let hits: usize = lines("DA:")
        .iter()
        .map(|it| it.rsplit_once(',').expect("hits").1.parse::<usize>().expect("a number"))
        .sum();
    let taken = lines("BRDA:").iter().filter(|it| it.ends_with(",1")).count();
    assert_eq!(lines("BRF:"), [format!("BRF:{}", lines("BRDA:").len())]);
    assert_eq!((lines("BRH:"), hits), (vec![&*format!("BRH:{taken}")], taken));
    assert!(lines("BRDA:3,0,0,").ends_with(&["BRDA:3,0,0,1"]), "a case tries the first branch: {record}");
    assert!(lines("BRDA:4,0,0,").ends_with(&["BRDA:4,0,0,0"]), "none tries the second: {record}");
    let page = fs::read_to_string(&html).expect("a page");
    assert!(page.contains("<li class=\"some\"><details><summary>    { &quot;required&quot;: [&quot;&lt;width&gt;&quot;] }</summary>"), "{page}");
    assert!(page.contains("/oneOf/0: deleted: noticed by “round &amp; small”"), "{page}");
    assert!(page.contains("<li class=\"un\">/oneOf/1: deleted: no case notices"), "{page}");
    assert!(!page.contains("<script") && !page.contains("http"), "a page of its own");
    // What cannot be written is a failure of ours, and a page without coverage a wrong call.
    let nowhere = folder.path().join("none/x.html").display().to_string();
    assert_eq!(airlock(&["policy", "test", &path, "--coverage", "--html", &nowhere]).code, 3);
    assert_eq!(airlock(&["policy", "test", &path, "--lcov", &trace[..3]]).code, 2);
}

/// Two policies, of which the second looks up what the first publishes; all of its cases need that.
fn looked_up() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |policy: &str, file: &str, text: &str| {
        let path = folder.path().join(policy).join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    };
    write(
        "doors",
        "policy.toml",
        "[from]\ndocument = \"keys/{room}/{identity}\"\n[[to]]\ndocument = \"doors/{room}/{identity}\"\ntake = [\"/open\"]\n",
    );
    write(
        "notes",
        "policy.toml",
        "[from]\ndocument = \"notes/{room}/{identity}\"\nmax_bytes = 1000\n\n\
        [[lookup]]\nname = \"door\"\ndocument = \"doors/{room}/{identity}\"\nrequired = true\n\n\
        [[when]]\nrule = \"open\"\nthat = \"door.open == true\"\n\n\
        [[to]]\ndocument = \"shown/{room}/{identity}\"\ntake = [\"/text\"]\n",
    );
    write(
        "notes",
        "cases/one.toml",
        "[[case]]\nname = \"behind an open door\"\nas = { identity = \"ada\" }\n\
        given = [{ document = \"keys/7/ada\", data = { open = true } }]\n\
        write = { document = \"notes/7/ada\", data = { text = \"hi\", more = 1 } }\n\
        published = [{ document = \"shown/7/ada\", data = { text = \"hi\" } }]\n",
    );
    folder
}

#[test]
fn a_change_is_judged_within_its_set() {
    let folder = looked_up();
    let path = folder.path().display().to_string();
    let ran = airlock(&["policy", "test", &path, "--coverage", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let answer = ran.json();
    let policies = answer["coverage"].as_array().expect("a coverage of each policy");
    let notes = policies.iter().find(|it| it["policy"] == "notes").expect("the second policy");
    let unnoticed = |pointer: &str| {
        let changes = notes["changes"].as_array().expect("changes");
        let mut of =
            changes.iter().filter(|it| it["what"].as_str().is_some_and(|it| it.starts_with(pointer)));
        of.all(|it| it["noticed_by"].is_null())
    };
    // Alone, the door would be a plain object, no lookup: each case would fail, and each change would seem to be noticed.
    assert!(unnoticed("/from/max_bytes"), "{notes}");
    assert!(unnoticed("/lookup/0/required"), "{notes}");
    assert!(!unnoticed("/to/0/take"), "{notes}");
}
