//! Coverage as one HTML page without scripts: each file with its lines, and what was changed there.

use std::fmt::Write as _;

use super::{Coverage, Share, Tried};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What the cases notice</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
  table.sum { border-collapse: collapse; }
  .sum td, .sum th { padding: .2rem .8rem .2rem 0; text-align: right; }
  .sum td:first-child, .sum th:first-child, .sum td:last-child, .sum th:last-child { text-align: left; }
  ol { font: 13px/1.5 ui-monospace, monospace; padding-left: 3.5rem; overflow-x: auto; }
  li::marker { color: GrayText; }
  li > code, summary { white-space: pre; padding-left: 1.2rem; }
  .all { background: color-mix(in srgb, #2a2 15%, transparent); }
  .some { background: color-mix(in srgb, #ca0 25%, transparent); }
  .none { background: color-mix(in srgb, #d22 22%, transparent); }
  summary { list-style: none; cursor: pointer; position: relative; }
  summary::before { content: "▸"; position: absolute; left: .2rem; color: GrayText; }
  details[open] > summary::before { content: "▾"; }
  ul { margin: 0; white-space: normal; }
  .un { font-weight: 600; }
</style>
<h1>What the cases notice</h1>
<p>Each rule, schema keyword, branch and rewrite was deleted, turned about or moved by one, one at a time.
<span class="all">A case noticed each change of the line</span>,
<span class="some">some of them</span>, <span class="none">none</span>; plain lines were not changed.
</p>
"#;

/// The page of these policies.
pub fn html(coverage: &[Coverage]) -> String {
    let mut out = HEAD.to_owned();
    summary(&mut out, coverage);
    for policy in coverage {
        let name = escaped(&policy.policy);
        // Nothing fails when a text is written.
        let _ = writeln!(out, "<h2 id=\"{name}\">{name}</h2>");
        policy.texts.iter().for_each(|(file, text)| listing(&mut out, policy, file, text));
    }
    out + "</html>\n"
}

fn summary(out: &mut String, coverage: &[Coverage]) {
    out.push_str("<table class=\"sum\"><tr><th>policy<th>cases<th>changes<th>noticed<th>of them\n");
    for Coverage { policy, cases, noticed, counted, kinds, .. } in coverage {
        let (name, percent) = (escaped(policy), Share { noticed: *noticed, counted: *counted }.percent());
        let kinds: Vec<_> = kinds
            .iter()
            .map(|(kind, it)| format!("{} {}/{}", kind.plural(), it.noticed, it.counted))
            .collect();
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#{name}\">{name}</a><td>{cases}<td>{counted}<td>{percent:.1} %<td>{}",
            kinds.join(", ")
        );
    }
    out.push_str("</table>\n");
}

fn listing(out: &mut String, policy: &Coverage, file: &str, text: &str) {
    let _ = writeln!(out, "<h3>{}</h3>\n<ol>", escaped(file));
    for (number, line) in text.lines().enumerate() {
        let changes: Vec<_> = policy.at(file, number + 1).collect();
        let noticed = changes.iter().filter(|it| it.noticed_by.is_some()).count();
        let class = match (noticed, changes.len()) {
            (_, 0) => {
                let _ = writeln!(out, "<li><code>{}</code>", escaped(line));
                continue;
            }
            (0, _) => "none",
            (some, all) if some < all => "some",
            _ => "all",
        };
        let items: String = changes.iter().map(|it| item(it)).collect();
        let _ = writeln!(
            out,
            "<li class=\"{class}\"><details><summary>{}</summary><ul>{items}</ul></details>",
            escaped(line)
        );
    }
    out.push_str("</ol>\n");
}

fn item(change: &Tried) -> String {
    let what = escaped(&change.what);
    match &change.noticed_by {
        Some(case) => format!("<li>{what}: noticed by “{}”", escaped(case)),
        None => format!("<li class=\"un\">{what}: no case notices"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
