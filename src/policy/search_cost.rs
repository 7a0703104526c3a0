//! The cost of a search with a regular expression, known before there is a text: an upper bound in nanoseconds.
//!
//! The engines of `regex` take linear time for one search. A lazy automaton takes a few nanoseconds a byte; where its states
//! are too many, or a Unicode `\b` meets other letters than ASCII, the search follows each position of the pattern by
//! itself. All searches of one text together are linear only if no search reads on far beyond what it finds: the
//! automaton of the pattern shows whether that can be.

use std::collections::HashMap;

use regex_automata::{
    Anchored,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson,
    util::{primitives::StateID, start, syntax},
};
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use crate::domain::limits::{
    PATTERN_BYTES_MAX, SEARCH_AUTOMATON_BYTES_MAX, SEARCH_BYTE_NS, SEARCH_CALL_NS, SEARCH_FOUND_NS,
    SEARCH_POSITION_NS, SEARCH_SLOW_BYTE_NS,
};

/// What is known of one regular expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SearchCost {
    /// Letters and classes, each as often as it is repeated.
    positions: u64,
    /// Bytes of the shortest match.
    shortest: u64,
    /// Bytes of the longest match, if that has an end.
    longest: Option<u64>,
    /// Whether a match begins at the start of the text.
    anchored: bool,
    /// Whether it looks at what stands beside a match.
    looks: bool,
    /// Whether it asks for the words of Unicode, which the automaton cannot do.
    unicode_words: bool,
    /// Bytes that a search reads beyond what it finds; `None` if that has no end, or the automaton is too large.
    overscan: Option<u64>,
}

impl SearchCost {
    /// The cost of a pattern; of one that cannot be read, the dearest.
    pub(super) fn of(pattern: &str) -> Self {
        let overscan = overscan(pattern);
        match regex_syntax::Parser::new().parse(pattern) {
            Ok(hir) => Self::of_parsed(&hir, overscan),
            Err(_) => Self {
                // Each position takes a state of at least this size.
                positions: PATTERN_BYTES_MAX as u64 / 16,
                shortest: 1,
                longest: None,
                anchored: false,
                looks: true,
                unicode_words: true,
                overscan: None,
            },
        }
    }

    fn of_parsed(hir: &Hir, overscan: Option<u64>) -> Self {
        let properties = hir.properties();
        Self {
            positions: positions(hir),
            shortest: properties.minimum_len().map_or(1, |it| it.max(1) as u64),
            longest: properties.maximum_len().map(|it| it as u64),
            anchored: properties.look_set_prefix().contains(Look::Start),
            looks: !properties.look_set().is_empty(),
            unicode_words: properties.look_set().contains_word_unicode(),
            overscan,
        }
    }

    /// Whether a search looks at what stands beside a match.
    pub(super) fn looks(&self) -> bool {
        self.looks
    }

    /// Nanoseconds to ask so many texts, of so many bytes together, whether there is a match.
    pub(super) fn ask_ns(&self, texts: u64, bytes: u64) -> u64 {
        let read = match self.longest.filter(|_| self.anchored) {
            Some(longest) => bytes.min(texts.saturating_mul(longest.saturating_add(4))),
            None => bytes,
        };
        texts.saturating_mul(SEARCH_CALL_NS).saturating_add(read.saturating_mul(self.byte_ns()))
    }

    /// Nanoseconds to find all matches in so many texts, of so many bytes together.
    pub(super) fn find_ns(&self, texts: u64, bytes: u64) -> u64 {
        let found = bytes / self.shortest;
        let beyond = match (self.overscan, self.longest) {
            (Some(overscan), Some(longest)) => overscan.min(longest),
            (Some(some), None) | (None, Some(some)) => some.min(bytes),
            // On average half of the text is left.
            (None, None) => bytes / 2,
        };
        let beyond = SEARCH_FOUND_NS.saturating_add(beyond.saturating_mul(self.byte_ns()));
        let scanned = bytes.saturating_mul(self.byte_ns());
        texts
            .saturating_mul(SEARCH_CALL_NS)
            .saturating_add(scanned)
            .saturating_add(found.saturating_mul(beyond))
    }

    fn byte_ns(&self) -> u64 {
        if self.overscan.is_some() && !self.unicode_words {
            SEARCH_BYTE_NS
        } else {
            SEARCH_SLOW_BYTE_NS.saturating_add(self.positions.saturating_mul(SEARCH_POSITION_NS))
        }
    }
}

/// Whether a letter can be part of a match; yes, if the pattern cannot be read.
pub(super) fn may_hold(pattern: &str, letter: char) -> bool {
    regex_syntax::Parser::new().parse(pattern).map_or(true, |it| holds(&it, letter))
}

fn holds(hir: &Hir, letter: char) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => str::from_utf8(&literal.0).map_or(true, |it| it.contains(letter)),
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().any(|it| (it.start()..=it.end()).contains(&letter))
        }
        HirKind::Class(Class::Bytes(class)) => class.ranges().iter().any(|it| {
            !letter.is_ascii() || (char::from(it.start())..=char::from(it.end())).contains(&letter)
        }),
        HirKind::Repetition(repetition) => holds(&repetition.sub, letter),
        HirKind::Capture(capture) => holds(&capture.sub, letter),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(|it| holds(it, letter)),
    }
}

fn positions(hir: &Hir) -> u64 {
    let all = |parts: &[Hir]| parts.iter().fold(0_u64, |sum, it| sum.saturating_add(positions(it)));
    match hir.kind() {
        HirKind::Empty => 0,
        HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.max(1));
            positions(&repetition.sub).saturating_add(1).saturating_mul(u64::from(times))
        }
        HirKind::Capture(capture) => positions(&capture.sub).saturating_add(1),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => all(parts),
    }
}

/// Bytes that a search can read beyond the end of what it finds. The pattern is taken for ASCII where it can be: that
/// leaves the order of its parts, and an automaton of a few states.
fn overscan(pattern: &str) -> Option<u64> {
    let build = |unicode: bool| {
        let limit = Some(SEARCH_AUTOMATON_BYTES_MAX);
        let config = dense::Config::new().start_kind(StartKind::Unanchored);
        dense::Builder::new()
            .syntax(syntax::Config::new().unicode(unicode).utf8(unicode))
            // Before there is an automaton: counted repetitions of counted repetitions have no end.
            .thompson(thompson::Config::new().nfa_size_limit(limit))
            .configure(config.dfa_size_limit(limit).determinize_size_limit(limit))
            .build(pattern)
            .ok()
    };
    let automaton = build(false).or_else(|| build(true))?;
    let mut ends = Vec::new();
    let mut known: HashMap<StateID, Vec<StateID>> = HashMap::new();
    let mut waiting: Vec<StateID> = [None, Some(b'a'), Some(b' '), Some(b'\n'), Some(b'\r')]
        .into_iter()
        .filter_map(|it| {
            let config = start::Config::new().anchored(Anchored::No).look_behind(it);
            automaton.start_state(&config).ok()
        })
        .collect();
    while let Some(state) = waiting.pop() {
        if known.contains_key(&state) || automaton.is_quit_state(state) {
            continue;
        }
        let mut next: Vec<StateID> = (0..=u8::MAX).map(|it| automaton.next_state(state, it)).collect();
        next.sort_unstable();
        next.dedup();
        next.retain(|it| !automaton.is_dead_state(*it));
        waiting.extend(&next);
        if automaton.is_match_state(state) {
            ends.push(state);
        }
        known.insert(state, next);
    }
    // Whether what is read after a match, up to the next one or to the end of the search, can go in a circle.
    let mut marks: HashMap<StateID, bool> = HashMap::new();
    for end in ends {
        let mut path = vec![(end, 0_usize)];
        while let Some((state, at)) = path.pop() {
            let Some(next) = known.get(&state).and_then(|it| it.get(at)).copied() else {
                marks.insert(state, true);
                continue;
            };
            path.push((state, at + 1));
            if automaton.is_match_state(next) {
                continue;
            }
            match marks.get(&next) {
                Some(true) => (),
                Some(false) => return None,
                None => {
                    marks.insert(next, false);
                    path.push((next, 0));
                }
            }
        }
    }
    Some(marks.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_reads_on_is_known() {
        for pattern in
            [r"[\w.+-]+@[\w-]+(\.[\w-]+)+", r"\d([ -]?\d){8,}", r"\S+@\S+", r"https?://\S+", "a", "é+"]
        {
            assert!(overscan(pattern).is_some_and(|it| it < 30), "{pattern} {:?}", overscan(pattern));
        }
        for pattern in [".*x|.", "a.*b|c", "(?s)<.*>|<"] {
            assert_eq!(overscan(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn positions_are_counted_as_often_as_they_are_repeated() {
        let of = |it: &str| SearchCost::of(it).positions;
        assert_eq!(of("abc"), 3);
        assert!(of("[ab]{100}") >= 100);
        assert!(of("([ab]{100}){100}") >= 10_000);
        assert_eq!(SearchCost::of("(").positions, 32_768);
        assert_eq!(overscan(r"(((\w{100}){100}){100}){100}"), None, "too large, and nothing is made of it");
    }

    #[test]
    fn what_is_anchored_reads_no_more_than_a_match_has() {
        let (anchored, free) = (SearchCost::of("^[a-z]{1,32}$"), SearchCost::of("[a-z]{1,32}$"));
        assert!(anchored.ask_ns(1, 16_384) < free.ask_ns(1, 16_384) / 50);
    }

    #[test]
    fn a_class_with_the_letter_holds_it() {
        assert!(may_hold(r"\S+@\S+", '*') && may_hold("[^a]", '*') && may_hold("a\\*", '*'));
        assert!(!may_hold(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", '*') && !may_hold(r"\d", '*'));
    }
}
