//! Coverage as LCOV, the form that editors, forges and `genhtml` read (geninfo(1)).
//!
//! A line has as many hits as changes of it were noticed; each change is a branch, taken when it was noticed. So a line
//! without a hit decides something that no case looks at.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Coverage, Tried};

/// The tracefile of these policies.
pub fn lcov(coverage: &[Coverage]) -> String {
    let mut out = String::new();
    for policy in coverage {
        policy.texts.keys().for_each(|file| record(&mut out, policy, file));
    }
    out
}

fn record(out: &mut String, policy: &Coverage, file: &str) {
    let mut lines = BTreeMap::<usize, Vec<&Tried>>::new();
    for change in policy.changes.iter().filter(|it| it.file == file) {
        lines.entry(change.line).or_default().push(change);
    }
    let hits = |of: &[&Tried]| of.iter().filter(|it| it.noticed_by.is_some()).count();
    let (mut branches, mut data) = (String::new(), String::new());
    for (line, changes) in &lines {
        for (number, change) in changes.iter().enumerate() {
            let taken = u8::from(change.noticed_by.is_some());
            // Nothing fails when a text is written.
            let _ = writeln!(branches, "BRDA:{line},0,{number},{taken}");
        }
        let _ = writeln!(data, "DA:{line},{}", hits(changes));
    }
    let found: usize = lines.values().map(Vec::len).sum();
    let hit: usize = lines.values().map(|it| hits(it)).sum();
    let lines_hit = lines.values().filter(|it| hits(it) != 0).count();
    let _ = write!(
        out,
        "TN:\nSF:{file}\n{branches}BRF:{found}\nBRH:{hit}\n{data}LF:{}\nLH:{lines_hit}\nend_of_record\n",
        lines.len()
    );
}
