//! What rules read and bound, each tried at its edge: lookups, captured variables, what is final.

use super::told;

/// One policy with more in it, and one write of ada's; what came of it otherwise than expected.
fn tried(from: &str, more: &str, given: &str, step: &str) -> Vec<String> {
    let policy = format!(
        "[from]\ndocument = \"seats/{{room}}/{{identity}}\"\n{from}\n{more}\n[[to]]\nmap = \"rooms/{{room}}/seats\"\nkey = \"{{identity}}\"\n"
    );
    let case = format!(
        "[[case]]\nname = \"a\"\nas = {{ identity = \"ada\", claims = {{ rooms = [\"7\"] }} }}\ngiven = [{given}]\n{step}\n"
    );
    told(&policy, &case)
}

const SIT: &str = "write = { document = \"seats/7/ada\", data = { x = 1 } }\n";
const SEATED: &str = "published = [{ map = \"rooms/7/seats\", key = \"ada\", data = { x = 1 } }]";

fn refused(rule: &str) -> String {
    format!("{SIT}refused = {{ rule = \"{rule}\" }}")
}

fn seated() -> String {
    format!("{SIT}{SEATED}")
}

#[test]
fn what_a_lookuprequires_must_stand() {
    let empty = "write = { document = \"seats/7/ada\", data = {} }\npublished = []";
    let lookup = "[[lookup]]\nname = \"plan\"\ndocument = \"plans/{room}\"\nrequired = true";
    assert_eq!(tried("", lookup, "", empty), [""; 0], "`{{}}` needs nothing");
    let plan = "{ document = \"plans/7\", data = { seats = 9 } }";
    assert_eq!(tried("", lookup, "", &refused("lookup")), [""; 0]);
    assert_eq!(tried("", lookup, plan, &seated()), [""; 0]);
    assert_eq!(tried("", &lookup.replace("true", "false"), "", &seated()), [""; 0]);
    let item = "[[lookup]]\nname = \"plan\"\nmap = \"plans\"\nkey = \"{room}\"\nrequired = true";
    assert_eq!(tried("", item, "", &refused("lookup")), [""; 0]);
    assert_eq!(tried("", item, "{ map = \"plans\", key = \"8\", data = {} }", &refused("lookup")), [""; 0]);
    assert_eq!(tried("", item, "{ map = \"plans\", key = \"7\", data = {} }", &seated()), [""; 0]);
}

#[test]
fn what_is_looked_up_is_closed_to_clients() {
    let lookup = "[[lookup]]\nname = \"plan\"\ndocument = \"plans/{room}\"";
    let write = "write = { document = \"plans/7\", data = { seats = 9 } }\nrefused = { rule = \"address\" }";
    assert_eq!(tried("", lookup, "", write), [""; 0]);
    let plan = "{ document = \"plans/7\", data = { seats = 9 } }";
    assert_eq!(tried("", lookup, plan, write), [""; 0]);
    assert_eq!(
        tried("", lookup, plan, "remove = { document = \"plans/7\" }\nrefused = { rule = \"address\" }"),
        [""; 0]
    );
    let exists = "[vars.room]\nexists = \"plans/{room}\"";
    assert_eq!(tried("", exists, "", write), [""; 0]);
}

#[test]
fn captured_variables_are_bounded() {
    for (bound, fits) in [
        ("pattern = \"[0-9]{1,3}\"", true),
        ("pattern = \"[a-z]+\"", false),
        // The whole text, not a part of it.
        ("pattern = \"|[0-9]\"", true),
        ("pattern = \"7|8x\"", true),
        ("in = \"claims.rooms\"", true),
        ("in = \"claims.games\"", false),
        ("in = \"claims.rooms.all\"", false),
    ] {
        let step = if fits { seated() } else { refused("address") };
        assert_eq!(tried("", &format!("[vars.room]\n{bound}"), "", &step), [""; 0], "{bound}");
    }
    let other = "write = { document = \"seats/8/ada\", data = { x = 1 } }\nrefused = { rule = \"address\" }";
    assert_eq!(tried("", "[vars.room]\nin = \"claims.rooms\"", "", other), [""; 0]);
    let empty = "write = { document = \"seats/8/ada\", data = {} }\nrefused = { rule = \"address\" }";
    assert_eq!(tried("", "[vars.room]\nin = \"claims.rooms\"", "", empty), [""; 0], "`{{}}` too");
    let exists = "[vars.room]\nexists = \"plans/{room}\"";
    assert_eq!(tried("", exists, "", &refused("lookup")), [""; 0]);
    assert_eq!(tried("", exists, "{ document = \"plans/7\", data = {} }", &seated()), [""; 0]);
}

#[test]
fn what_is_final_cannot_be_taken_back() {
    let never = "withdraw = \"never\"";
    let mine = "{ document = \"seats/7/ada\", data = { x = 1 } }";
    let empty = "write = { document = \"seats/7/ada\", data = {} }\n";
    let remove = "remove = { document = \"seats/7/ada\" }\n";
    let refused = "refused = { rule = \"address\" }";
    assert_eq!(tried(never, "", mine, &format!("{empty}{refused}")), [""; 0]);
    assert_eq!(tried(never, "", mine, &format!("{remove}{refused}")), [""; 0]);
    assert_eq!(tried("", "", mine, &format!("{empty}published = []")), [""; 0]);
    assert_eq!(tried("", "", mine, &format!("{remove}published = []")), [""; 0]);
    // Nothing is published yet: nothing is taken back.
    let nothing = "{ document = \"seats/7/ada\", data = {} }";
    assert_eq!(tried(never, "", nothing, &format!("{remove}published = []")), [""; 0]);
    // What a list or a board keeps was published all the same.
    let board = "[[to]]\ndocument = \"boards/{room}\"\ncontended = true\non_withdraw = \"keep\"";
    assert_eq!(tried(never, board, mine, &format!("{empty}{refused}")), [""; 0]);
    let changed = "write = { document = \"seats/7/ada\", data = { x = 2 } }\npublished = [{ map = \"rooms/7/seats\", key = \"ada\", data = { x = 2 } }]";
    assert_eq!(tried(never, "", mine, changed), [""; 0]);
}

#[test]
fn a_limit_of_bytes_counts_bytes() {
    let limit = |burst: u32| {
        format!("[[limit]]\nper = \"identity\"\nallow = \"1/h\"\nburst = {burst}\ncost = \"bytes\"")
    };
    // `{"x":1}` has seven bytes.
    assert_eq!(tried("", &limit(14), "", &format!("{SIT}times = 2\n{SEATED}")), [""; 0]);
    assert_eq!(
        tried("", &limit(13), "", &format!("{SIT}times = 2\nrefused = {{ rule = \"limit\" }}")),
        [""; 0]
    );
    assert_eq!(tried("", &limit(6), "", &refused("limit")), [""; 0]);
}

#[test]
fn a_rule_that_nobody_is_called_is_told() {
    let small = "[[when]]\nrule = \"is-small\"\nthat = \"int(data.x) < 1\"";
    let told = |rule: &str| tried("", small, "", &refused(rule));
    assert_eq!(told("is-small"), [""; 0]);
    let hint = "no stage and no condition is called `is-smal`: did you mean `is-small`?";
    assert_eq!(
        told("is-smal"),
        [format!("it was refused: a condition of the policy does not hold (rule `is-small` at ``); {hint}")]
    );
    assert_eq!(
        tried("", "", "", &refused("scheme")),
        ["it was admitted; no stage and no condition is called `scheme`: did you mean `schema`?"]
    );
    assert_eq!(tried("", "", "", &refused("schema")), ["it was admitted"]);
}

#[test]
fn a_warning_admits_what_conditions_refuse_and_nothing_that_cannot_be_shown() {
    let policy = |mode: &str, set: &str| {
        format!(
            "mode = \"{mode}\"\n[from]\ndocument = \"seats/{{room}}/{{identity}}\"\n[[when]]\nrule = \"small\"\nthat = \"int(data.x) < 1\"\n[[to]]\nmap = \"rooms/{{room}}/seats\"\nkey = \"{{identity}}\"\n{set}"
        )
    };
    let case =
        |outcome: &str| format!("[[case]]\nname = \"a\"\nas = {{ identity = \"ada\" }}\n{SIT}{outcome}");
    assert_eq!(told(&policy("enforce", ""), &case("refused = { rule = \"small\" }")), [""; 0]);
    assert_eq!(told(&policy("warn", ""), &case(SEATED)), [""; 0]);
    let team = "set = { team = \"claims.team\" }";
    assert_eq!(told(&policy("warn", team), &case("refused = { rule = \"rewrite\" }")), [""; 0]);
    assert_eq!(told(&policy("off", ""), &case("refused = { rule = \"address\" }")), [""; 0]);
}

#[test]
fn a_condition_that_cannot_be_judged_refuses() {
    let rule = |that: &str| format!("[[when]]\nrule = \"judged\"\nthat = \"{that}\"");
    for that in ["claims.team == 'red'", "99 / (size(claims.rooms) - 1) > 1"] {
        assert_eq!(tried("", &rule(that), "", &refused("judged")), [""; 0], "{that}");
    }
    // One object that stands is not enough for what its fields do not say.
    let lookup = "[[lookup]]\nname = \"plan\"\ndocument = \"plans/{room}\"\nrequired = true\n";
    let plan = "{ document = \"plans/7\", data = { seats = 9 } }";
    let with = |that: &str| format!("{lookup}{}", rule(that));
    assert_eq!(tried("", &with("plan.seats > 3"), plan, &seated()), [""; 0]);
    assert_eq!(tried("", &with("plan.seats > 9"), plan, &refused("judged")), [""; 0]);
    assert_eq!(tried("", &with("plan.rows > 3"), plan, &refused("judged")), [""; 0]);
}

#[test]
fn what_was_before_decides() {
    let rule = "[[when]]\nrule = \"grows\"\nthat = \"previous == null || (has(previous.x) && has(data.x) && data.x > previous.x)\"";
    let mine = |x: u8| format!("{{ document = \"seats/7/ada\", data = {{ x = {x} }} }}");
    assert_eq!(tried("", rule, "", &seated()), [""; 0]);
    assert_eq!(tried("", rule, &mine(0), &seated()), [""; 0]);
    assert_eq!(tried("", rule, &mine(1), &refused("grows")), [""; 0]);
    // `{}` says nothing, and nothing was before it.
    let emptied = format!("{}, {{ document = \"seats/7/ada\", data = {{}} }}", mine(9));
    assert_eq!(tried("", rule, &emptied, &seated()), [""; 0]);
}
