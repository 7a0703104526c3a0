//! The sample policies compile, and what their cases expect is what the pure stages do.

use std::path::Path;

use crate::{
    domain::{data::Input, object::ObjectKind, sid::ServiceSid},
    policy::{Bindings, CASE_NOW, Case, Expected, PolicySet, Publication, Route, folder},
};

/// The stages that need neither a store nor a limiter.
fn run(set: &PolicySet, case: &Case) -> Result<Vec<Publication>, (&'static str, Option<String>)> {
    let write = &case.write;
    let route = set.route(ServiceSid::new([0; 16]), Some("default"), write.kind, &write.name);
    let Route::Private { policy, captures } = route else { return Err(("address", None)) };
    if captures.identity() != Some(case.identity.as_str()) {
        return Err(("address", None));
    }
    if policy.limits.iter().any(|it| it.burst.get() < case.times) {
        return Err(("limit", None));
    }
    let Some(input) = write.data.as_deref().map(|it| Input::parse(it).expect("JSON")) else {
        return Ok(Vec::new());
    };
    if policy.from.max_bytes < input.data().size_bytes() {
        return Err(("size", None));
    }
    if input.data().is_empty() {
        return Ok(Vec::new());
    }
    if let Some(Err(list)) = policy.from.schema.as_ref().map(|it| it.check(input.value())) {
        return Err(("schema", list.first().map(|it| it.pointer.clone())));
    }
    let bindings = Bindings {
        captures: &captures,
        identity: &case.identity,
        claims: &case.claims,
        now: CASE_NOW,
        item_key: write.item.as_ref().and_then(crate::domain::name::ItemId::key),
    };
    let mut published = Vec::new();
    for target in &policy.targets {
        let rendered = target.render(input.value(), &bindings).map_err(|it| ("rewrite", Some(it.pointer)))?;
        if let Some(Err(list)) = target.schema.as_ref().map(|it| it.check(&rendered.data)) {
            return Err(("shared-schema", list.first().map(|it| it.pointer.clone())));
        }
        published.push(Publication {
            kind: target.kind,
            name: rendered.name,
            key: rendered.key,
            data: rendered.data,
        });
    }
    Ok(published)
}

#[test]
fn samples_do_what_their_cases_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let set = folder::load(&path).unwrap_or_else(|faults| panic!("{faults:?}"));
    let cases = folder::load_cases(&path).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(set.by_name("cursors").is_some() && set.by_name("status").is_some());
    for policy in set.policies() {
        let own = cases.iter().filter(|it| it.policy == policy.name).count();
        assert!(6 <= own, "`{}` has {own} cases", policy.name);
        assert!(path.join(&*policy.name).join("README.md").is_file());
    }
    for case in &cases {
        match (run(&set, case), &case.expected) {
            (Ok(published), Expected::Published(expected)) => {
                assert_eq!(published, *expected, "{}", case.name)
            }
            (Err((rule, at)), Expected::Refused { rule: expected, pointer }) => {
                assert_eq!(rule, expected, "{}", case.name);
                assert!(pointer.is_none() || *pointer == at, "{}: {at:?}", case.name);
            }
            (found, _) => panic!("{}: {found:?}", case.name),
        }
        assert!(case.write.kind != ObjectKind::Map || case.write.item.is_some());
    }
}
