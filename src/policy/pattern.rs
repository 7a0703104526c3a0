//! Name patterns: segments joined by `/`, each a literal or one whole variable.
//!
//! Text goes in; what comes out matches names, captures and, with another pattern, tells whether
//! any name could match both. A variable takes one whole segment and never nothing, so rendering
//! a pattern with what it captured gives the name back.

use std::{fmt, iter, sync::Arc};

use crate::{
    domain::{limits::NAME_CHARS_MAX, name::UniqueName, sid::looks_like_a_sid},
    policy::fault::hides,
};

/// The variable that only the caller's own identity may fill.
pub(super) const IDENTITY: &str = "identity";
/// The variable of a map's item.
pub(super) const KEY: &str = "key";
/// The variable of the shared side that stands for an identity without naming it (decision 35).
pub(super) const PSEUDONYM: &str = "pseudonym";
/// Words that name something else in a policy.
const RESERVED: [&str; 10] =
    ["data", "previous", "claims", "vars", "now", "reader", "index", "true", "false", "null"];

/// One piece of a name between two `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// This text.
    Literal(String),
    /// Any text without `/`, remembered under this name.
    Variable(Arc<str>),
}

/// A pattern of names or of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Arc<[Segment]>,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPattern {
    #[error("a pattern needs at least one segment")]
    Empty,
    #[error("segment {number} of `{pattern}` is empty")]
    EmptySegment { pattern: String, number: usize },
    #[error("`{segment}` is neither a literal nor one whole variable")]
    Mixed { segment: String },
    #[error("`{name}` cannot be the name of a variable")]
    BadVariable { name: String },
    #[error("`{name}` cannot be the name of a variable: the word has a meaning of its own")]
    ReservedVariable { name: String },
    #[error("the variable `{name}` stands twice")]
    Doubled { name: String },
    #[error("a pattern cannot hold control or hidden characters")]
    Control,
    #[error("no name can match: a name has at most {NAME_CHARS_MAX} characters")]
    TooLong,
    #[error("no name can match: a name must not look like a SID")]
    LooksLikeASid,
}

impl BadPattern {
    /// How to mend it.
    pub(super) fn help(&self) -> String {
        let help = match self {
            Self::Empty => "write segments joined by `/`, such as \"rooms/{room}\"",
            Self::EmptySegment { .. } => "take out the `/` at the edge, or one of two",
            Self::Mixed { .. } => "a variable stands for a whole segment: write `{room}` between two `/`",
            Self::BadVariable { .. } => "use a small letter, then small letters, digits and `_`",
            Self::ReservedVariable { .. } => "choose another name",
            Self::Doubled { .. } => "name each variable once",
            Self::Control => "take it out",
            Self::TooLong => "shorten what is not a variable",
            Self::LooksLikeASid => "put a segment before it",
        };
        help.to_owned()
    }
}

impl Pattern {
    /// Parses a pattern.
    pub(super) fn parse(text: &str) -> Result<Self, BadPattern> {
        if text.is_empty() {
            return Err(BadPattern::Empty);
        }
        if text.chars().any(hides) {
            return Err(BadPattern::Control);
        }
        let mut segments: Vec<Segment> = Vec::new();
        for (at, piece) in text.split('/').enumerate() {
            if piece.is_empty() {
                return Err(BadPattern::EmptySegment { pattern: text.to_owned(), number: at + 1 });
            }
            let segment = segment(piece)?;
            if let Segment::Variable(name) = &segment
                && segments.contains(&segment)
            {
                return Err(BadPattern::Doubled { name: name.to_string() });
            }
            segments.push(segment);
        }
        let pattern = Self { segments: segments.into() };
        if NAME_CHARS_MAX < pattern.chars_min() {
            return Err(BadPattern::TooLong);
        }
        match &*pattern.segments {
            [Segment::Literal(only)] if looks_like_a_sid(only) => Err(BadPattern::LooksLikeASid),
            _ => Ok(pattern),
        }
    }

    /// Characters of the shortest text that matches.
    fn chars_min(&self) -> usize {
        let segments = self.segments.iter().map(|it| match it {
            Segment::Literal(text) => text.chars().count(),
            Segment::Variable(_) => 1,
        });
        segments.sum::<usize>() + self.segments.len().saturating_sub(1)
    }

    /// The segments.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of its variables, from left to right.
    pub fn variables(&self) -> impl Iterator<Item = &Arc<str>> {
        self.segments.iter().filter_map(|it| match it {
            Segment::Variable(name) => Some(name),
            Segment::Literal(_) => None,
        })
    }

    /// Whether it has this variable.
    pub fn has(&self, variable: &str) -> bool {
        self.variables().any(|it| &**it == variable)
    }

    /// What the variables capture of a name, if it matches.
    pub fn captures(&self, name: &UniqueName) -> Option<Captures> {
        self.matches(name).then(|| Captures { segments: self.segments.clone(), name: Some(name.clone()) })
    }

    /// The text with what was captured put in; nothing stands for what was not.
    pub fn fill(&self, captures: &Captures) -> String {
        let piece = |it: &Segment| match it {
            Segment::Literal(text) => text.clone(),
            Segment::Variable(name) => captures.get(name).unwrap_or_default().to_owned(),
        };
        self.segments.iter().map(piece).collect::<Vec<_>>().join("/")
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &UniqueName) -> bool {
        let mut pieces = pieces(name.as_str());
        let fits = |segment: &Segment| {
            let piece = pieces.next().filter(|it| !it.is_empty());
            piece.is_some_and(|piece| match segment {
                Segment::Literal(text) => text == piece,
                Segment::Variable(_) => true,
            })
        };
        self.segments.iter().all(fits) && pieces.next().is_none()
    }

    /// Whether one text could match both patterns.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.segments.len() == other.segments.len()
            && self.segments.iter().zip(other.segments.iter()).all(|pair| match pair {
                (Segment::Literal(one), Segment::Literal(two)) => one == two,
                _ => true,
            })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.segments.iter().enumerate() {
            if at != 0 {
                out.write_str("/")?;
            }
            match segment {
                Segment::Literal(text) => out.write_str(text)?,
                Segment::Variable(name) => write!(out, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

fn segment(piece: &str) -> Result<Segment, BadPattern> {
    let Some(name) = piece.strip_prefix('{').and_then(|it| it.strip_suffix('}')) else {
        if piece.contains(['{', '}']) {
            return Err(BadPattern::Mixed { segment: piece.to_owned() });
        }
        return Ok(Segment::Literal(piece.to_owned()));
    };
    if name.contains(['{', '}']) {
        return Err(BadPattern::Mixed { segment: piece.to_owned() });
    }
    if RESERVED.contains(&name) {
        return Err(BadPattern::ReservedVariable { name: name.to_owned() });
    }
    if shaped(name) {
        Ok(Segment::Variable(name.into()))
    } else {
        Err(BadPattern::BadVariable { name: name.to_owned() })
    }
}

/// What stands between the `/` of a name. Names are short: to go byte by byte is faster than a search made ready.
pub(super) fn pieces(name: &str) -> impl Iterator<Item = &str> {
    let mut left = Some(name);
    iter::from_fn(move || {
        let text = left?;
        match text.bytes().position(|it| it == b'/') {
            Some(at) => {
                left = text.get(at + 1..);
                text.get(..at)
            }
            None => left.take(),
        }
    })
}

/// Whether expressions can call something by this name; else what to say about it.
pub(super) fn word(name: &str) -> Result<(), BadPattern> {
    if RESERVED.contains(&name) || [IDENTITY, KEY, PSEUDONYM].contains(&name) {
        return Err(BadPattern::ReservedVariable { name: name.to_owned() });
    }
    if shaped(name) { Ok(()) } else { Err(BadPattern::BadVariable { name: name.to_owned() }) }
}

fn shaped(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|it: char| it.is_ascii_lowercase())
        && name.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_')
}

/// What the variables of a pattern took from a name, from left to right: both are shared, nothing is copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures {
    segments: Arc<[Segment]>,
    /// A name that matches them; `None` where nothing was captured.
    name: Option<UniqueName>,
}

impl Captures {
    /// The text of a variable.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.iter().find(|it| it.0 == variable).map(|it| it.1)
    }

    /// The text that `{identity}` took: the caller compares it with the identity of the token.
    pub fn identity(&self) -> Option<&str> {
        self.get(IDENTITY)
    }

    /// Variables and texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pieces = self.name.iter().flat_map(|it| pieces(it.as_str()));
        self.segments.iter().zip(pieces).filter_map(|(segment, piece)| match segment {
            Segment::Variable(variable) => Some((&**variable, piece)),
            Segment::Literal(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).expect("a pattern")
    }

    fn name(text: &str) -> UniqueName {
        UniqueName::try_from(text).expect("a name")
    }

    #[test]
    fn variables_take_whole_segments() {
        let captured = |text: &str| {
            let captures = pattern("cursors/{room}/{identity}").captures(&name(text))?;
            Some(captures.iter().map(|it| format!("{}={}", it.0, it.1)).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(captured("cursors/7/ada").as_deref(), Some("room=7 identity=ada"));
        assert_eq!(captured("cursors/{room}/é x").as_deref(), Some("room={room} identity=é x"));
        for other in
            ["cursors/7", "cursors/7/ada/x", "cursors//ada", "cursors/7/", "Cursors/7/ada", "x/7/ada"]
        {
            assert_eq!(captured(other), None, "{other}");
        }
    }

    #[test]
    fn patterns_meet_where_one_name_matches_both() {
        let meets = |one: &str, two: &str| pattern(one).meets(&pattern(two));
        assert!(meets("a/{x}", "{y}/b"));
        assert!(meets("{identity}", "rooms"));
        assert!(meets("a/b", "a/b"));
        assert!(!meets("a/{x}", "b/{x}"));
        assert!(!meets("a/{x}", "a/{x}/b"));
    }

    #[test]
    fn a_pattern_reads_back() {
        for text in ["a", "{identity}", "a b/{room_2}/c.d-e"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        let sid = format!("ET{}", "0".repeat(32));
        assert_eq!(Pattern::parse(&sid), Err(BadPattern::LooksLikeASid));
        assert!(Pattern::parse(&format!("{sid}/{{identity}}")).is_ok());
        assert_eq!(Pattern::parse(&"x".repeat(321)), Err(BadPattern::TooLong));
        assert_eq!(Pattern::parse("a\n"), Err(BadPattern::Control));
    }
}
