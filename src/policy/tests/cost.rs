//! The cost of a write: the sum of all that a policy does for it, and which part is told.

use std::path::Path;

use super::{
    files,
    golden::{FROM, Row, TO, check, rows},
};
use crate::{
    domain::limits::WRITE_COST_NS_MAX,
    policy::{PolicySet, WriteCost, compile, folder},
};

/// Thirteen conditions, each of which is cheap enough by itself.
fn many_rules() -> String {
    let rule = |it: usize| {
        format!("[[when]]\nrule = \"r{it}\"\nthat = \"claims.a.all(a, a > 1) && claims.b.all(b, b > 1)\"\n")
    };
    format!("{FROM}{TO}{}", (0..13).map(rule).collect::<String>())
}

pub(super) fn all() -> Vec<Row> {
    rows(&[(
        many_rules(),
        "7:1 one write may take 4404 µs, and 1000 µs are allowed: 323 µs for the condition `r0`, 323 µs for the condition `r1`, 323 µs for the condition `r2`, 3437 µs for the rest [bound what it looks at in the schema: `maxItems`, `maxLength`, `maxProperties`; or ask less of it]",
    )])
}

#[test]
fn what_is_dear_is_told_with_its_part_and_a_cure() {
    check(&all());
}

fn cost(policy: &str, schemas: &[(&str, &str)]) -> Result<WriteCost, String> {
    let compiled = compile(&[files("chat", policy, schemas)]);
    compiled.map(|it| it.policies()[0].cost.clone()).map_err(|it| it[0].what.clone())
}

/// The dearest part of a policy with these lines in its target; its texts have so many letters.
fn dearest(letters: usize, lines: &str) -> (u64, String) {
    let schema = format!(
        r#"{{"type": "object", "additionalProperties": false, "properties": {{"t": {{"type": "string", "maxLength": {letters}}}}}}}"#
    );
    let policy = format!("{FROM}schema = \"a.json\"\n{TO}{lines}\n");
    match cost(&policy, &[("a.json", &schema)]) {
        Ok(cost) => (cost.total_ns(), cost.parts()[0].what.clone()),
        Err(what) => (WRITE_COST_NS_MAX + 1, what),
    }
}

#[test]
fn each_part_is_counted() {
    let small = dearest(10, "").0;
    let masks = ["[to.mask]\nt = { words = [\"a\"] }", "[to.mask]\nt = { patterns = ['x.*y|x'] }"];
    for lines in masks {
        let (ns, what) = dearest(60, lines);
        assert!(small < ns && what.contains("the mask of `/t` in `[[to]]`"), "{lines}: {ns} {what}");
    }
    let (ns, what) = dearest(60, "[to.set]\nu = \"claims.list.filter(i, i > 1).size()\"");
    assert!(small < ns && what.contains("`set` of `/u` in `[[to]]`"), "{ns} {what}");
    // A condition of `read` is judged by itself, and alone.
    let read = format!(
        "{FROM}[[to]]\ndocument = \"b/{{room}}/{{identity}}\"\nread = \"reader.claims.a.all(a, reader.claims.b.all(b, a == b))\""
    );
    let told = cost(&read, &[]).expect_err("too dear");
    assert!(told.starts_with("the expression may take"), "{told}");
    let read = format!(
        "{FROM}[[to]]\ndocument = \"b/{{room}}/{{identity}}\"\nread = \"{}\"",
        ["reader.claims.a.all(a, a > 1)"; 8].join(" && ")
    );
    let told = cost(&read, &[]).expect_err("too dear");
    assert!(told.starts_with("one read may take"), "{told}");
    let fold = format!(
        "{FROM}[[to]]\ndocument = \"tally/{{room}}\"\n[to.fold]\nn = {{ sum = \"size(claims.list.filter(i, i > 1))\" }}"
    );
    let parts = cost(&fold, &[]).expect("accepted");
    assert!(parts.parts().iter().any(|it| it.what.starts_with("the fold of")), "{:?}", parts.parts());
    let vars = format!("{FROM}[vars.room]\npattern = \"[a-z]{{1,30}}\\\\b\"\n{TO}");
    let parts = cost(&vars, &[]).expect("accepted");
    assert!(parts.parts().iter().any(|it| it.what == "the pattern of `room`"), "{:?}", parts.parts());
}

#[test]
fn what_is_cheap_alone_is_refused_together() {
    let with = |targets: usize| {
        let to = |it: usize| {
            format!(
                "[[to]]\ndocument = \"t{it}/{{room}}/{{identity}}\"\n[to.mask]\nt = {{ words = [\"darn\"] }}\n"
            )
        };
        let policy = format!("{FROM}max_bytes = 2000\n{}", (0..targets).map(to).collect::<String>());
        cost(&policy, &[]).map(|it| it.total_ns())
    };
    let one = with(1).expect("one is accepted");
    assert!(one < WRITE_COST_NS_MAX / 2, "{one}");
    let told = with(16).expect_err("sixteen are not");
    assert!(told.starts_with("one write may take ") && told.contains("the mask of `/t`"), "{told}");
}

#[test]
fn less_data_costs_less() {
    let with = |bytes: usize| {
        let policy = format!("{FROM}max_bytes = {bytes}\n{TO}[to.mask]\nt = {{ digits = true }}\n");
        cost(&policy, &[]).expect("accepted").total_ns()
    };
    assert!(with(500) * 4 < with(8_000), "{} {}", with(500), with(8_000));
}

fn load(home: &str) -> PolicySet {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(home);
    folder::load(&path).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// What people write is far from the bound: half of it at the most.
#[test]
fn the_samples_are_far_from_the_bound() {
    for home in ["policies", "benches/policies"] {
        for policy in load(home).policies() {
            let ns = policy.cost.total_ns();
            println!("{}: {} µs, first {:?}", policy.name, ns / 1_000, policy.cost.parts().first());
            assert!(ns * 2 <= WRITE_COST_NS_MAX, "{}: {ns} {:?}", policy.name, policy.cost.parts());
        }
    }
    for policy in load("tests/sdk/policies").policies() {
        println!("{}: {} µs", policy.name, policy.cost.total_ns() / 1_000);
    }
}
