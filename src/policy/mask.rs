//! Masks: words, patterns and digits of a text, each letter covered; the length stays as it was.
//!
//! Each word and each pattern is looked for in the original text, in NFC, and all that was found is covered: no entry hides
//! a match from another, and their order means nothing. What comes out is looked at again, for what is a whole word only
//! since its neighbour is covered.

mod text;
mod words;

#[cfg(test)]
mod tests;

use std::ops::Range;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use self::{text::Form, words::Words};
use crate::{
    domain::limits::{
        MASK_BYTE_NS, MASK_ENTRIES_MAX, MASK_LOOKS_MAX, MASKS_ENTRIES_MAX, MASKS_MAX, PATTERN_BYTES_MAX,
        PATTERN_CACHE_BYTES_MAX,
    },
    policy::search_cost::{SearchCost, may_hold},
};

/// What is covered in the texts of one place, and with which letter.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    words: Option<Words>,
    patterns: Vec<Pattern>,
    digits: bool,
    with: char,
}

/// A regular expression of a mask.
#[derive(Clone, Debug)]
struct Pattern {
    regex: Regex,
    cost: SearchCost,
    /// Whether it can find something in a covered text that it has not found in the original.
    again: bool,
}

/// What the masks of one policy may still have: refused before anything of a mask is compiled.
#[derive(Debug)]
pub(super) struct Room {
    masks: usize,
    entries: usize,
}

impl Room {
    /// That of a whole policy.
    pub(super) fn whole() -> Self {
        Self { masks: MASKS_MAX, entries: MASKS_ENTRIES_MAX }
    }

    /// Takes what one mask needs.
    fn take(&mut self, entries: usize) -> Result<(), BadMask> {
        self.masks = self.masks.checked_sub(1).ok_or(BadMask::Masks)?;
        self.entries = self.entries.checked_sub(entries).ok_or(BadMask::Entries)?;
        Ok(())
    }
}

/// Why a mask cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadMask {
    #[error("the mask covers nothing")]
    Nothing,
    #[error("a mask has at most {MASK_ENTRIES_MAX} words and patterns")]
    TooMany,
    #[error("the masks of a policy are at most {MASKS_MAX}")]
    Masks,
    #[error("all masks of a policy have at most {MASKS_ENTRIES_MAX} words and patterns")]
    Entries,
    /// With this entry, words before patterns.
    #[error("up to here the mask has more than {PATTERN_BYTES_MAX} bytes when compiled")]
    Large(usize),
    #[error("a word of a mask must hold a letter or digit")]
    Word(usize),
    #[error("the regular expression cannot be compiled, or matches nothing at all")]
    Pattern(usize),
    #[error("`with` must be one letter that is no digit")]
    With,
}

impl BadMask {
    /// How to mend it.
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::Nothing => "write `words`, `patterns` or `digits = true`",
            Self::TooMany => "join some of them into one pattern",
            Self::Masks => "mask fewer places, or put the texts of several into one array",
            Self::Entries => "mask in fewer targets, or join words into patterns",
            Self::Large(_) => {
                "`{10}` is compiled ten times, so count less; and `[a-z]` is smaller than `\\w` or `(?i)`"
            }
            Self::Word(_) => "take it out, or write a pattern",
            Self::Pattern(_) => {
                "look-around and back-references are not known, and it must not match the empty text"
            }
            Self::With => "write for example `with = \"*\"`",
        }
    }
}

impl Mask {
    /// A mask of whole words (whatever their case), of patterns, and of digits.
    pub(super) fn new(
        words: &[String],
        patterns: &[String],
        digits: bool,
        with: &str,
        room: &mut Room,
    ) -> Result<Self, BadMask> {
        if MASK_ENTRIES_MAX < words.len() + patterns.len() {
            return Err(BadMask::TooMany);
        }
        room.take(words.len() + patterns.len())?;
        let mut letters = with.chars();
        let with = match (letters.next(), letters.next()) {
            (Some(it), None) if !it.is_numeric() && !it.is_control() => it,
            _ => return Err(BadMask::With),
        };
        for (at, word) in words.iter().enumerate() {
            let word = word.trim();
            let edge = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
            if !(edge(word.chars().next()) && edge(word.chars().last())) {
                return Err(BadMask::Word(at));
            }
        }
        let mut texts: Vec<String> = Vec::new();
        for (at, pattern) in patterns.iter().enumerate() {
            let pattern: String = pattern.nfc().collect();
            // Without room nothing is compiled, and only the form is looked at.
            if let Err(regex::Error::Syntax(_)) = RegexBuilder::new(&pattern).size_limit(0).build() {
                return Err(BadMask::Pattern(at));
            }
            texts.push(pattern);
        }
        if words.is_empty() && texts.is_empty() && !digits {
            return Err(BadMask::Nothing);
        }
        // First all together, within the bound of one: each alone is smaller.
        let large = |at: usize| BadMask::Large(words.len() + at);
        let any = together(&texts).map_err(|_| large(too_large(&texts)))?;
        if let Some(at) = any.matches("").iter().next() {
            return Err(BadMask::Pattern(at));
        }
        let each: Vec<Pattern> = texts.iter().map_while(|it| Pattern::new(it, with)).collect();
        if each.len() < texts.len() {
            return Err(large(each.len()));
        }
        let found = Words::new(words);
        if found.is_none() && !words.is_empty() {
            return Err(large(0));
        }
        Ok(Self { words: found, patterns: each, digits, with })
    }

    /// Covers the texts of a value: itself, or those of an array.
    pub(super) fn cover(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(covered) = self.covered(text) {
                    *text = covered;
                }
            }
            Value::Array(items) => items.iter_mut().filter(|it| it.is_string()).for_each(|it| self.cover(it)),
            _ => (),
        }
    }

    /// A text with all that is to be covered; `None` if that is nothing.
    fn covered(&self, text: &str) -> Option<String> {
        let mut marks = Vec::new();
        if !self.mark(text, Look::First, &mut marks) {
            return None;
        }
        let mut shown = self.shown(text, &marks);
        if self.looks() == 1 {
            return Some(shown);
        }
        for _ in 1..MASK_LOOKS_MAX {
            if !self.mark(&shown, Look::Again, &mut marks) {
                return Some(shown);
            }
            shown = self.shown(text, &marks);
        }
        // Each look has uncovered a further match: no more are taken for one text.
        Some(text.chars().map(|_| self.with).collect())
    }

    /// Marks the letters that are to be covered; says whether one was not marked before. The letters of `text` are as
    /// many as those of the original.
    fn mark(&self, text: &str, look: Look, marks: &mut Vec<bool>) -> bool {
        let normalized = Form::normalized(text);
        let mut ranges: Vec<Range<usize>> = Vec::new();
        if let Some(words) = &self.words {
            words.find(normalized.text(), |it| ranges.push(normalized.back(it)));
        }
        for pattern in self.patterns.iter().filter(|it| look == Look::First || it.again) {
            let found = pattern.regex.find_iter(normalized.text());
            ranges.extend(found.map(|it| normalized.back(it.range())));
        }
        let digits = self.digits && text.chars().any(is_digit);
        if ranges.is_empty() && !digits {
            return false;
        }
        ranges.sort_unstable_by_key(|it| it.start);
        let (mut ranges, mut end, mut new) = (ranges.into_iter().peekable(), 0, false);
        for (number, (at, letter)) in text.char_indices().enumerate() {
            while let Some(range) = ranges.next_if(|it| it.start <= at) {
                end = end.max(range.end);
            }
            if marks.len() == number {
                marks.push(false);
            }
            if let Some(mark) = marks.get_mut(number)
                && !*mark
                && (at < end || self.digits && is_digit(letter))
            {
                (*mark, new) = (true, true);
            }
        }
        new
    }

    /// The text with each marked letter covered.
    fn shown(&self, text: &str, marks: &[bool]) -> String {
        text.chars().zip(marks).map(|(letter, mark)| if *mark { self.with } else { letter }).collect()
    }

    /// How often one text is looked at, at the most.
    fn looks(&self) -> usize {
        if self.words.is_some() || self.patterns.iter().any(|it| it.again) { MASK_LOOKS_MAX } else { 1 }
    }

    /// Nanoseconds that it takes, at the most, to cover so many texts, of so many bytes together.
    pub(super) fn cost_ns(&self, texts: u64, bytes: u64) -> u64 {
        let looks = self.looks() as u64;
        let words = self.words.as_ref().map_or(0, |it| it.find_ns(bytes)).saturating_mul(looks);
        let patterns = self.patterns.iter().map(|it| {
            let looks = if it.again { looks } else { 1 };
            it.cost.find_ns(texts, bytes).saturating_mul(looks)
        });
        let written = bytes.saturating_mul(MASK_BYTE_NS).saturating_mul(looks);
        patterns.fold(words.saturating_add(written), u64::saturating_add)
    }
}

/// Which time a text is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// What was written.
    First,
    /// What the looks before have left.
    Again,
}

impl Pattern {
    fn new(pattern: &str, with: char) -> Option<Self> {
        let (regex, cost) = (one(pattern).ok()?, SearchCost::of(pattern));
        let again = cost.looks() || may_hold(pattern, with);
        Some(Self { regex, cost, again })
    }
}

/// Whether a letter is a digit, of whatever script.
fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit() || !letter.is_ascii() && letter.is_numeric()
}

fn one(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_CACHE_BYTES_MAX).build()
}

fn together(texts: &[String]) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(texts).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_CACHE_BYTES_MAX).build()
}

/// The entry with which a mask becomes too large, found by halves: each try is bounded like the mask.
fn too_large(texts: &[String]) -> usize {
    let counts: Vec<usize> = (1..=texts.len()).collect();
    let fits = |count: &usize| texts.get(..*count).is_some_and(|it| together(it).is_ok());
    counts.partition_point(fits)
}
