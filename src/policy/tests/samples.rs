//! The sample policies are complete; what their cases say is the relay's to try.

use std::path::Path;

use crate::policy::folder;

#[test]
fn each_sample_says_what_it_is_for_and_has_cases() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let set = folder::load(&path).unwrap_or_else(|faults| panic!("{faults:?}"));
    let cases = folder::load_cases(&path).unwrap_or_else(|faults| panic!("{faults:?}"));
    for policy in set.policies() {
        let own = cases.iter().filter(|it| it.policy == policy.name).count();
        assert!(6 <= own, "`{}` has {own} cases", policy.name);
        assert!(policy.description.is_some(), "`{}` has a description", policy.name);
        assert!(path.join(&*policy.name).join("README.md").is_file());
    }
}
