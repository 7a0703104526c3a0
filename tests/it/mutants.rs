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
        println!("{policy}");
        noticed += policy["noticed"].as_u64().expect("a number");
        counted += policy["counted"].as_u64().expect("a number");
    }
    println!("in all: {noticed} of {counted}");
    assert!(400 < counted && noticed < counted, "{noticed} of {counted}");
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
    assert!(ran.out.contains("unnoticed: policy.toml: /when/0 deleted"), "{}", ran.out);
    assert!(ran.out.contains("unnoticed: score.schema.json:"), "{}", ran.out);
    assert!(ran.out.ends_with("1 passed, 0 failed\n"), "{}", ran.out);
    assert_eq!(airlock(&["policy", "test", &path, "--coverage", "--threshold", "95"]).code, 1);
    assert_eq!(airlock(&["policy", "test", &path, "--threshold", "95"]).code, 2);
}
