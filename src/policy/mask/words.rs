//! The words of a mask: all of them are looked for at once, whatever their case.

use std::{collections::BTreeSet, ops::Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::text::{Form, compared};
use crate::domain::limits::{MASK_WORD_BYTE_NS, MASK_WORD_FOUND_NS};

/// Words, and how they are found.
#[derive(Clone, Debug)]
pub(super) struct Words {
    finder: AhoCorasick,
    /// Words that can end at one place.
    nested: u64,
}

impl Words {
    /// The words; `None` if there are none, or they are too many to be looked for.
    pub(super) fn new(words: &[String]) -> Option<Self> {
        let words: BTreeSet<String> = words.iter().map(|it| compared(it.trim())).collect();
        let ends = |whole: &String| words.iter().filter(|it| whole.ends_with(it.as_str())).count() as u64;
        let nested = words.iter().map(ends).max()?;
        let mut builder = AhoCorasick::builder();
        // Linear, and of a size that grows with the words only.
        let finder = builder.kind(Some(AhoCorasickKind::ContiguousNFA)).build(&words).ok()?;
        Some(Self { finder, nested })
    }

    /// Where whole words are, in a text in NFC.
    pub(super) fn find(&self, text: &str, mut found: impl FnMut(Range<usize>)) {
        let folded = Form::folded(text);
        for it in self.finder.find_overlapping_iter(folded.text()) {
            if let Some(range) = folded.back_exactly(it.range())
                && is_whole(text, &range)
            {
                found(range);
            }
        }
    }

    /// Nanoseconds to look through so many bytes.
    pub(super) fn find_ns(&self, bytes: u64) -> u64 {
        bytes.saturating_mul(MASK_WORD_BYTE_NS + self.nested.saturating_mul(MASK_WORD_FOUND_NS))
    }
}

/// Whether a word goes on neither before nor behind a range.
fn is_whole(text: &str, range: &Range<usize>) -> bool {
    let (before, found, behind) = (text.get(..range.start), text.get(range.clone()), text.get(range.end..));
    let joined = |left: Option<char>, right: Option<char>| {
        left.is_some_and(is_of_a_word) && right.is_some_and(is_of_a_word)
    };
    let first = |it: Option<&str>| it.and_then(|it| it.chars().next());
    let last = |it: Option<&str>| it.and_then(|it| it.chars().next_back());
    !joined(last(before), first(found)) && !joined(last(found), first(behind))
}

/// Whether a letter is one of a word, as `\w` says it.
fn is_of_a_word(letter: char) -> bool {
    if letter.is_ascii() {
        letter.is_ascii_alphanumeric() || letter == '_'
    } else {
        regex_syntax::try_is_word_character(letter).unwrap_or(true)
    }
}
