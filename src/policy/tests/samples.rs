//! The sample policies compile, and so do their cases.

use std::path::Path;

use crate::policy::folder;

#[test]
fn samples_compile_with_their_cases() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let set = folder::load(&path).unwrap_or_else(|faults| panic!("{faults:?}"));
    let cases = folder::load_cases(&path).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert!(set.by_name("cursors").is_some() && set.by_name("status").is_some());
    for policy in set.policies() {
        let own = cases.iter().filter(|it| it.policy == policy.name).count();
        assert!(6 <= own, "`{}` has {own} cases", policy.name);
        assert!(path.join(&*policy.name).join("README.md").is_file());
    }
}
