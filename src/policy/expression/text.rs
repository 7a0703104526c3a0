//! The text of an expression: bounded before it is parsed, parsed by the crate, and its places found again.

use std::ops::Range;

use cel::{
    Env, IdedExpr, ParseErrors,
    common::ast::{Expr, SourceInfo},
};

use crate::{
    domain::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_DEPTH_MAX},
    policy::expression::Problem,
};

/// A parsed expression; macros are still the calls as which they are written.
pub(super) struct Parsed {
    pub(super) root: IdedExpr,
    places: SourceInfo,
}

/// Parses an expression.
pub(super) fn parse(text: &str) -> Result<Parsed, Problem> {
    bounded(text)?;
    match Env::default().with_optional_support(false).parser().parse_with_source_info(text) {
        Ok((root, places)) => Ok(Parsed { root, places }),
        Err(errors) => Err(syntax(text, &errors)),
    }
}

/// Refuses what would cost the parser too much: it recurses, and its time is not linear.
fn bounded(text: &str) -> Result<(), Problem> {
    if EXPRESSION_BYTES_MAX < text.len() {
        return Err(Problem::new(
            0..0,
            format!("the expression has more than {EXPRESSION_BYTES_MAX} bytes"),
            Some("split it into several rules".to_owned()),
        ));
    }
    let (mut depth, mut choices, mut quoted, mut escaped) = (0_usize, 0_usize, None, false);
    for (at, letter) in text.char_indices() {
        match (quoted, letter) {
            (Some(_), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(quote), _) if quote == letter && !escaped => quoted = None,
            (Some(_), _) => (),
            (None, '"' | '\'') => quoted = Some(letter),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, '?') => choices += 1,
            _ => (),
        }
        escaped = false;
        if EXPRESSION_DEPTH_MAX < depth || EXPRESSION_DEPTH_MAX < choices {
            return Err(too_deep(at..at + letter.len_utf8()));
        }
    }
    Ok(())
}

/// The problem of an expression that is nested too deep.
#[cfg_attr(test, track_caller)]
pub(super) fn too_deep(at: Range<usize>) -> Problem {
    Problem::new(
        at,
        format!("the expression is nested deeper than {EXPRESSION_DEPTH_MAX} levels"),
        Some("split it into several rules".to_owned()),
    )
}

/// The first thing that the parser did not understand, in our words.
fn syntax(text: &str, errors: &ParseErrors) -> Problem {
    let Some(error) = errors.errors.first() else {
        return Problem::new(0..0, "not an expression", None);
    };
    let at = offset(text, error.pos);
    let message = error.msg.strip_prefix("Syntax error: ").unwrap_or(&error.msg);
    let wanted = |it: &str| it.split(" expecting ").next().unwrap_or_default().to_owned();
    let choice = message.starts_with("Incomplete") && message.contains("_?_:_");
    let help = choice.then(|| "put a choice that lies in another in parentheses".to_owned());
    let what = if choice {
        "a choice lacks its `:`".to_owned()
    } else if message.contains("'<EOF>'") && text.len() <= at {
        "the expression ends too early".to_owned()
    } else if let Some(rest) = message.strip_prefix("token recognition error at: ") {
        let end = rest.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')).unwrap_or(rest);
        if end.starts_with(['"', '\'']) {
            "a text has no end".to_owned()
        } else {
            format!("unknown sign `{end}`")
        }
    } else if matches!(message, "invalid int literal" | "invalid double literal") {
        "the number is too large".to_owned()
    } else if let Some((_, token)) = message.split_once(" input ") {
        format!("`{}` does not fit here", wanted(token).trim_matches('\''))
    } else {
        message.to_owned()
    };
    let end = text.get(at..).and_then(|it| it.chars().next()).map_or(at, |it| at + it.len_utf8());
    Problem::new(at..end, what, help)
}

/// The byte at a line (from 1) and a column (in characters, from 1).
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let (line, column) = (usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1));
    let lines = text.split_inclusive('\n').map(str::len);
    let start: usize = lines.take(line.saturating_sub(1)).sum();
    let rest = text.get(start..).unwrap_or_default();
    rest.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |it| start + it.0)
}

impl Parsed {
    /// Where a part of the expression stands: its name or its operator.
    pub(super) fn place(&self, part: &IdedExpr) -> Range<usize> {
        let text = self.places.source.as_str();
        let (start, stop) = match self.places.offset_for(part.id) {
            Some((start, stop)) => (start as usize, stop as usize + 1),
            None => return 0..text.len(),
        };
        match &part.expr {
            Expr::Select(select) => {
                let rest = text.get(stop..).unwrap_or_default();
                let blank = rest.len() - rest.trim_start().len();
                stop + blank..stop + blank + select.field.len()
            }
            Expr::Call(call) if text.get(start..stop) == Some("(") => {
                let before = text.get(..start).unwrap_or_default().trim_end();
                before.len().saturating_sub(call.func_name.len())..before.len()
            }
            _ => start..stop.min(text.len()),
        }
    }

    /// From where a part of the expression begins to where it ends.
    pub(super) fn extent(&self, part: &IdedExpr) -> Range<usize> {
        balanced(&self.places.source, self.bare_extent(part))
    }

    fn bare_extent(&self, part: &IdedExpr) -> Range<usize> {
        let mut own = self.place(part);
        if let (Expr::Call(_), Some((_, stop))) = (&part.expr, self.places.offset_for(part.id)) {
            own.end = own.end.max(stop as usize + 1);
        }
        children(part).fold(own, |sum, it| {
            let it = self.bare_extent(it);
            sum.start.min(it.start)..sum.end.max(it.end)
        })
    }
}

/// The range, made longer until each bracket in it has its other half: the parser says where parts begin only.
fn balanced(text: &str, range: Range<usize>) -> Range<usize> {
    let (mut opened, mut closed, mut quoted) = (0_usize, 0_usize, None);
    for letter in text.get(range.clone()).unwrap_or_default().chars() {
        match (quoted, letter) {
            (Some(quote), _) if quote == letter => quoted = None,
            (Some(_), _) => (),
            (None, '"' | '\'') => quoted = Some(letter),
            (None, '(' | '[' | '{') => opened += 1,
            (None, ')' | ']' | '}') if opened == 0 => closed += 1,
            (None, ')' | ']' | '}') => opened -= 1,
            _ => (),
        }
    }
    let before = text.get(..range.start).unwrap_or_default();
    let mut openers = before.rmatch_indices(['(', '[', '{']);
    let start = closed.checked_sub(1).and_then(|it| openers.nth(it)).map_or(range.start, |it| it.0);
    let mut closers = text.get(range.end..).unwrap_or_default().match_indices([')', ']', '}']);
    let end =
        opened.checked_sub(1).and_then(|it| closers.nth(it)).map_or(range.end, |it| range.end + it.0 + 1);
    start..end
}

/// The parts of which an expression is made.
pub(super) fn children(part: &IdedExpr) -> impl Iterator<Item = &IdedExpr> {
    use cel::common::ast::EntryExpr;
    let parts: Vec<&IdedExpr> = match &part.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|it| match &it.expr {
                EntryExpr::MapEntry(it) => [Some(&it.key), Some(&it.value)],
                EntryExpr::StructField(it) => [Some(&it.value), None],
            })
            .flatten()
            .collect(),
        _ => Vec::new(),
    };
    parts.into_iter()
}
