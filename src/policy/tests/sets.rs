//! What a compiled set says of names, and what its hashes depend on.

use proptest::prelude::*;
use serde_json::json;

use super::{files, set};
use crate::{
    domain::{
        name::{Identity, UniqueName},
        object::ObjectKind,
        sid::ServiceSid,
        time::Timestamp,
    },
    policy::{Bindings, Detail, Mode, Per, PolicySet, Read, Route, compile},
};

const CURSORS: &str = r#"
[from]
document = "cursors/{room}/{identity}"
[[limit]]
per = "identity"
allow = "20/s"
burst = 40
[[limit]]
per = "{room}"
allow = "100/m"
[[to]]
map = "rooms/{room}/cursors"
key = "{identity}"
set = { name = "identity", at = "now", fixed = 1.5, vip = false }
ttl = "30s"
read = "everyone"
[refusal]
detail = "full"
"#;
const STATUS: &str = r#"
services = ["default", "IS00000000000000000000000000000001"]
mode = "off"
[from]
map = "status/{identity}"
max_bytes = 100
objects_max = 2
[[to]]
document = "people/{identity}/{key}"
[[to]]
map = "{identity}"
key = "{key}"
contended = true
"#;

fn service(last: u8) -> ServiceSid {
    let mut bytes = [0; 16];
    bytes[15] = last;
    ServiceSid::new(bytes)
}

fn name(text: &str) -> UniqueName {
    UniqueName::try_from(text).expect("a name")
}

fn both() -> PolicySet {
    set(&[("status", STATUS), ("cursors", CURSORS)]).expect("a set")
}

#[test]
fn a_policy_is_compiled_as_written() {
    let set = both();
    let cursors = set.by_name("cursors").expect("there");
    assert_eq!((cursors.mode, cursors.detail), (Mode::Enforce, Detail::Full));
    assert_eq!((cursors.from.max_bytes, cursors.from.objects_max), (16_384, 64));
    let limits: Vec<_> =
        cursors.limits.iter().map(|it| (it.name.as_str(), &it.per, it.interval_ns, it.burst.get())).collect();
    let room = Per::Captures(vec!["room".into()]);
    assert_eq!(limits, [("limit-1", &Per::Identity, 50_000_000, 40), ("limit-2", &room, 600_000_000, 100)]);
    let to = &cursors.targets[0];
    assert_eq!(
        (to.kind, to.read.clone(), to.ttl.map(|it| it.seconds())),
        (ObjectKind::Map, Read::Everyone, Some(30))
    );
    let status = set.by_name("status").expect("there");
    assert_eq!((status.mode, status.detail, status.from.max_bytes), (Mode::Off, Detail::Pointer, 100));
    assert_eq!(status.targets[1].read, Read::Permission);
    assert_eq!(set.by_name("none").map(|it| it.name.clone()), None);
    assert_eq!(set.reserved().len(), 2);
    assert_eq!(set.reserved()[0].to[0].2.as_deref(), Some("{identity}"));
}

#[test]
fn names_are_routed_by_kind_and_service() {
    let set = both();
    let route = |last: u8, alias: Option<&str>, kind: ObjectKind, text: &str| match set.route(
        service(last),
        alias,
        kind,
        &name(text),
    ) {
        Route::Plain => "plain".to_owned(),
        Route::Reserved { policy } => format!("reserved by {}", policy.name),
        Route::Private { policy, captures } => {
            format!("private {} of {}", policy.name, captures.identity().unwrap_or_default())
        }
        Route::Shared { policy, target } => format!("shared {} {target}", policy.name),
        Route::Closed { policy } => format!("closed {}", policy.name),
    };
    use ObjectKind::{Document, List, Map, Stream};
    assert_eq!(route(9, None, Document, "cursors/7/ada"), "private cursors of ada");
    assert_eq!(route(9, None, Map, "cursors/7/ada"), "closed cursors");
    assert_eq!(route(9, None, Map, "rooms/7/cursors"), "shared cursors 0");
    assert_eq!(route(9, None, Stream, "rooms/7/cursors"), "closed cursors");
    assert_eq!(route(9, None, Document, "cursors/7"), "plain");
    assert_eq!(route(9, None, Map, "status/ada"), "plain");
    assert_eq!(route(9, Some("default"), Map, "status/ada"), "private status of ada");
    assert_eq!(route(1, None, Map, "status/ada"), "private status of ada");
    assert_eq!(route(1, None, Document, "people/ada/x"), "shared status 0");
    assert_eq!(route(1, None, Map, "anything"), "shared status 1");
    assert_eq!(route(1, None, List, "anything"), "closed status");
    assert_eq!(route(2, None, Map, "anything"), "plain");
    let empty = PolicySet::empty();
    assert!(matches!(empty.route(service(1), None, Document, &name("cursors/7/ada")), Route::Plain));
}

#[test]
fn a_target_renders_name_key_and_data() {
    let set = both();
    let Route::Private { policy, captures } =
        set.route(service(1), None, ObjectKind::Document, &name("cursors/7/ada"))
    else {
        panic!("private")
    };
    let identity = Identity::try_from("ada").expect("an identity");
    let claims = json!({});
    let bindings = Bindings {
        captures: &captures,
        identity: &identity,
        claims: &claims,
        now: Timestamp::from_seconds(0),
        item_key: None,
        previous: None,
        lookups: &[],
        pseudonym: "",
    };
    let rendered = policy.targets[0].render(&json!({"x": 1}), &bindings).expect("rendered");
    assert_eq!(rendered.name.as_str(), "rooms/7/cursors");
    assert_eq!(rendered.key.as_ref().map(|it| it.as_str()), Some("ada"));
    let expected = r#"{"x":1,"name":"ada","at":"1970-01-01T00:00:00.000Z","fixed":1.5,"vip":false}"#;
    assert_eq!(rendered.data.to_string(), expected);
}

#[test]
fn services_that_differ_may_use_the_same_names() {
    let one = "services = [\"IS00000000000000000000000000000001\"]\n[from]\ndocument = \"a/{identity}\"\n[[to]]\ndocument = \"b/{identity}\"\n";
    let two = one.replace("01\"]", "02\"]");
    assert!(set(&[("one", one), ("two", &two)]).is_ok());
    let alias = one.replace("IS00000000000000000000000000000001", "default");
    assert!(set(&[("one", one), ("two", &alias)]).is_err());
}

#[test]
fn hashes_depend_on_names_and_on_files_that_are_used() {
    let policy =
        "[from]\ndocument = \"a/{identity}\"\nschema = \"a.json\"\n[[to]]\ndocument = \"b/{identity}\"\n";
    let hash = |name: &str, policy: &str, schemas: &[(&str, &str)]| {
        let set = compile(&[files(name, policy, schemas)]).expect("a set");
        (set.hash().clone(), set.policies()[0].version.to_string())
    };
    let base = hash("one", policy, &[("a.json", "{}")]);
    assert_eq!((base.0.len(), base.1.len()), (64, 12));
    assert_eq!(base, hash("one", policy, &[("a.json", "{}"), ("b.json", "{}")]));
    let renamed = hash("two", policy, &[("a.json", "{}")]);
    assert!(renamed.0 != base.0 && renamed.1 == base.1);
    let other_schema = hash("one", policy, &[("a.json", "{ }")]);
    assert!(other_schema.0 != base.0 && other_schema.1 != base.1);
    let other_text = hash("one", &format!("{policy}\n"), &[("a.json", "{}")]);
    assert!(other_text.0 != base.0 && other_text.1 != base.1);
    assert_ne!(PolicySet::empty().hash(), &base.0);
    assert_eq!(both().hash(), set(&[("cursors", CURSORS), ("status", STATUS)]).expect("a set").hash());
}

fn pattern() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof!["[a-c]", Just("{identity}".to_owned()), Just("{x}".to_owned())],
        1..4,
    )
    .prop_map(|it| it.join("/"))
}

proptest! {
    /// Whatever compiles keeps the two spaces apart, in every kind.
    #[test]
    fn no_name_is_private_and_shared(
        patterns in proptest::collection::vec((pattern(), pattern(), any::<bool>()), 1..4),
        names in proptest::collection::vec("[a-c](/[a-c]){0,2}", 20),
    ) {
        let texts: Vec<_> = patterns
            .iter()
            .map(|(from, to, map)| {
                let kind = if *map { "map" } else { "document" };
                format!("[from]\n{kind} = \"{from}\"\n[[to]]\ndocument = \"{to}\"\ncontended = true\n")
            })
            .collect();
        let policies: Vec<_> = texts.iter().zip(["one", "two", "three"]).map(|(text, name)| (name, text.as_str())).collect();
        let Ok(set) = set(&policies) else { return Ok(()) };
        for name in names.iter().map(|it| self::name(it)) {
            let private = set.policies().iter().filter(|it| it.from.pattern.matches(&name)).count();
            let shared = set.policies().iter().filter(|it| it.targets.iter().any(|to| to.name.matches(&name))).count();
            prop_assert!(private + shared <= 1, "{}", name);
            let kinds = [ObjectKind::Document, ObjectKind::Map, ObjectKind::List, ObjectKind::Stream];
            let routes = kinds.map(|kind| set.route(service(1), None, kind, &name));
            let plain = routes.iter().filter(|it| matches!(it, Route::Plain)).count();
            let closed = routes.iter().filter(|it| matches!(it, Route::Closed { .. })).count();
            prop_assert_eq!((plain, closed), if private + shared == 0 { (4, 0) } else { (0, 3) });
        }
    }

    /// Two private objects never publish to one place, unless the target says that they may.
    #[test]
    fn sources_do_not_meet_in_a_place(
        from in pattern(), to in pattern(), key in pattern(),
        one in "[a-c](/[a-c]){0,2}", two in "[a-c](/[a-c]){0,2}",
    ) {
        let text = format!("[from]\ndocument = \"{from}\"\n[[to]]\nmap = \"{to}\"\nkey = \"{key}\"\n");
        let Ok(set) = set(&[("one", &text)]) else { return Ok(()) };
        let policy = &set.policies()[0];
        let place = |text: &str| {
            let captures = policy.from.pattern.captures(&name(text))?;
            let identity = Identity::try_from(captures.identity()?).ok()?;
            let bindings = Bindings {
                captures: &captures, identity: &identity, claims: &json!({}), now: Timestamp::default(), item_key: None,
        previous: None,
        lookups: &[],
        pseudonym: "",
            };
            let rendered = policy.targets[0].render(&json!({}), &bindings).ok()?;
            Some((rendered.name, rendered.key))
        };
        if let (Some(first), Some(second)) = (place(&one), place(&two)) {
            prop_assert_eq!(first == second, one == two);
        }
    }

    /// No text makes the compiler panic.
    #[test]
    fn the_compiler_ends_on_any_text(text in "[\\[\\]{}=\"'a-z0-9./\n ]{0,80}") {
        let _ = set(&[("one", &text)]);
    }
}

#[test]
fn targets_of_one_object_share_the_least_of_their_bounds() {
    let target = |key: &str, more: &str| format!("[[to]]\nmap = \"b/{{room}}\"\nkey = \"{key}\"\n{more}\n");
    let policy = format!(
        "[from]\ndocument = \"a/{{room}}/{{identity}}\"\n{}{}{}[[to]]\nmap = \"c\"\nkey = \"{{room}}/{{identity}}\"\n",
        target("{identity}", ""),
        target("{identity}/x", "items_max = 7"),
        target("{identity}/x/y", "items_max = 9"),
    );
    let set = set(&[("rooms", &policy)]).unwrap_or_else(|it| panic!("{it:?}"));
    let bounds: Vec<u32> = set.policies()[0].targets.iter().map(|it| it.items_max).collect();
    assert_eq!(bounds, [7, 7, 7, 10_000]);
}
