//! The form and the compiler know the same keys; samples fit the form, hostile variants do not.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::{Section, form, form_text, keys};
use crate::policy::source;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_form_has_the_keys_that_the_compiler_knows_and_no_others() {
    let sections = [
        Section::Top,
        Section::From,
        Section::Vars,
        Section::Limit,
        Section::Lookup,
        Section::When,
        Section::To,
        Section::Mask,
        Section::Fold,
        Section::Refusal,
    ];
    let tables = source::tables();
    assert_eq!(
        tables.len(),
        sections.len(),
        "a table of keys has no section in the form, or the other way round"
    );
    for ((name, known), section) in tables.into_iter().zip(sections) {
        let known: BTreeSet<&str> = known.iter().copied().collect();
        let described: BTreeSet<&str> = keys::of(section).iter().map(|it| it.name).collect();
        assert_eq!(described, known, "{name}: left is the form, right the compiler");
    }
}

#[test]
fn the_published_form_is_this_one() {
    let published = fs::read_to_string(root().join("docs/policy.schema.json")).expect("the published form");
    assert!(published == form_text(), "write it again: `airlock policy schema > docs/policy.schema.json`");
}

/// What the form says to a policy's text.
fn fits(text: &str) -> Result<(), String> {
    let value: Value = toml::from_str(text).expect("TOML");
    let validator = jsonschema::draft202012::new(&form()).expect("the form is a schema");
    validator.validate(&value).map_err(|it| format!("{} {it}", it.instance_path()))
}

#[test]
fn the_samples_fit_the_form() {
    let mut seen = 0;
    for home in ["policies", "tests/sdk/policies"] {
        for folder in fs::read_dir(root().join(home)).expect("a folder of policies") {
            let file = folder.expect("an entry").path().join("policy.toml");
            let Ok(text) = fs::read_to_string(&file) else { continue };
            assert_eq!(fits(&text), Ok(()), "{}", file.display());
            seen += 1;
        }
    }
    assert!(2 < seen, "{seen} samples");
}

#[test]
fn hostile_variants_do_not_fit_the_form() {
    let sample = fs::read_to_string(root().join("policies/cursors/policy.toml")).expect("a sample");
    let list = "[from]\nlist = \"a/{identity}\"\n[[to]]\nlist = \"b\"\non_withdraw = \"all\"\nwhen_full = \"refuse\"\n";
    let rows: &[(&str, &str, &str)] = &[
        (&sample, "description = ", "descripton = "),
        (&sample, "description = ", "services = []\ndescription = "),
        (&sample, "description = ", "services = [\"a\", \"a\"]\ndescription = "),
        (&sample, "description = ", "mode = \"on\"\ndescription = "),
        (&sample, "[from]", "[form]"),
        (&sample, "[from]", "[[from]]"),
        (&sample, "[[limit]]", "[limit]"),
        (&sample, "[[to]]", "[to]"),
        (&sample, "document  =", "dokument  ="),
        (&sample, "document  =", "map = \"a/{identity}\"\ndocument  ="),
        (&sample, "{room}/{identity}", "{room}/{identitiy}"),
        (&sample, "{room}/{identity}", "{room}/x-{identity}"),
        (&sample, "{room}/{identity}", "{room}//{identity}"),
        (&sample, "\"cursor.schema.json\"", "\"../cursor.schema.json\""),
        (&sample, "\"cursor.schema.json\"", "\"cursor.schema\""),
        (&sample, "max_bytes = 512", "max_bytes = 0"),
        (&sample, "max_bytes = 512", "max_bytes = 16385"),
        (&sample, "max_bytes = 512", "max_bytes = \"512\""),
        (&sample, "max_bytes = 512", "max_bytes = 1.5"),
        (&sample, "until     = \"disconnect\"", "until     = \"midnight\""),
        (&sample, "document  =", "stream  ="),
        (&sample, "per   = \"identity\"", "per   = \"room\""),
        (&sample, "per   = \"identity\"", ""),
        (&sample, "\"20/s\"", "\"20/d\""),
        (&sample, "\"20/s\"", "20"),
        (&sample, "burst = 40", "burst = 1000001"),
        (&sample, "key     =", "keys     ="),
        (&sample, "key     = \"{identity}\"", ""),
        (&sample, "map     =", "document     ="),
        (&sample, "\"/x\"", "\"x\""),
        (&sample, "at = \"now\"", "at = [\"now\"]"),
        (&sample, "\"30s\"", "\"30 seconds\""),
        (&sample, "\"everyone\"", "\"anyone\""),
        (&sample, "\"full\"", "\"all\""),
        (&sample, "ttl     =", "when_full = \"refuse\"\nttl     ="),
        (list, "list = \"b\"", "list = \"b\"\nkey = \"{identity}\""),
        (list, "list = \"b\"", "document = \"b\""),
        ("[from]\nstream = \"a/{identity}\"\n[[to]]\nstream = \"b\"\n", "= \"b\"", "= \"b\"\nttl = \"1s\""),
        ("[from]\nstream = \"a/{identity}\"\n[[to]]\nstream = \"b\"\n", "= \"b\"", "= \"b\"\nitems_max = 1"),
        ("[from]\nstream = \"a/{identity}\"\n[[to]]\nstream = \"b\"\n", "[[to]]\nstream = \"b\"", ""),
    ];
    for (good, from, to) in rows {
        assert_eq!(fits(good), Ok(()));
        assert!(good.contains(from), "{from}");
        assert!(fits(&good.replacen(from, to, 1)).is_err(), "`{from}` as `{to}` fits");
    }
}
