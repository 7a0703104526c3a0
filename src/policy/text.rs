//! Texts with holes: `"{identity} in room {room}"`, filled natively.

use std::sync::Arc;

/// A text and its holes, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    Hole(Arc<str>),
}

/// Why a text is no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadText {
    #[error("a `{{` is not closed")]
    Open,
    #[error("a `}}` was not opened")]
    Close,
    #[error("a hole holds one name")]
    Hole,
}

impl Text {
    /// Parses a template; `{{` and `}}` stand for the braces themselves.
    pub(super) fn parse(text: &str) -> Result<Self, BadText> {
        let (mut pieces, mut literal) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, here) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = here.strip_prefix("{{").or_else(|| here.strip_prefix("}}")) {
                literal.push_str(here.get(..1).unwrap_or_default());
                rest = after;
                continue;
            }
            let inner = here.strip_prefix('{').ok_or(BadText::Close)?;
            let (name, after) = inner.split_once('}').ok_or(BadText::Open)?;
            let shaped = name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
            if name.is_empty() || !shaped {
                return Err(BadText::Hole);
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Hole(name.into()));
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self(pieces))
    }

    /// The names in its holes.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter_map(|it| match it {
            Piece::Hole(name) => Some(name),
            Piece::Literal(_) => None,
        })
    }

    /// Bytes of what stands between the holes.
    pub(super) fn literal_bytes(&self) -> usize {
        let literal = |it: &Piece| match it {
            Piece::Literal(text) => text.len(),
            Piece::Hole(_) => 0,
        };
        self.0.iter().map(literal).sum()
    }

    /// The text with its holes filled; a name that stands for nothing is given back.
    pub(super) fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, Arc<str>> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Hole(name) => out.push_str(&value(name).ok_or_else(|| name.clone())?),
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_doubled_braces_stay() {
        let text = Text::parse("{{{who}}} in {room}").expect("a template");
        let fill = |it: &str| Some(format!("<{it}>"));
        assert_eq!(text.fill(fill).as_deref(), Ok("{<who>} in <room>"));
        assert_eq!(text.variables().map(|it| &**it).collect::<Vec<_>>(), ["who", "room"]);
        assert_eq!(text.fill(|_| None), Err("who".into()));
        assert_eq!(Text::parse("").map(|it| it.fill(fill)), Ok(Ok(String::new())));
    }

    #[test]
    fn braces_that_do_not_match_are_told() {
        assert_eq!(Text::parse("a {b"), Err(BadText::Open));
        assert_eq!(Text::parse("a }b"), Err(BadText::Close));
        assert_eq!(Text::parse("a {b c}"), Err(BadText::Hole));
        assert_eq!(Text::parse("a {}"), Err(BadText::Hole));
    }
}
