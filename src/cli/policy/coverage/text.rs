//! Coverage for people: a line for each policy, and one for each change that no case noticed.

use super::{Coverage, Share};

impl Coverage {
    /// The lines.
    pub fn text(&self) -> String {
        let Self { policy, cases, noticed, counted, .. } = self;
        let percent = Share { noticed: *noticed, counted: *counted }.percent();
        let of_kind = |(kind, it): (&super::Kind, &Share)| {
            format!("{} {} of {}", kind.plural(), it.noticed, it.counted)
        };
        let kinds: Vec<_> = self.kinds.iter().map(of_kind).collect();
        let unnoticed: String = self
            .changes
            .iter()
            .filter(|it| it.noticed_by.is_none())
            .map(|it| format!("  unnoticed: {}:{} {}\n", it.file, it.line, it.what))
            .collect();
        format!(
            "{policy}: {noticed} of {counted} changes noticed by {cases} cases ({percent:.1} %)\n  {}\n{unnoticed}",
            kinds.join(", ")
        )
    }
}
