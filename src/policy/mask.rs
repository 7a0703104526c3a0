//! Masks: words, patterns and digits of a text, each letter covered; the length stays as it was.

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde_json::Value;

use crate::domain::limits::{
    MASK_ENTRIES_MAX, MASKS_ENTRIES_MAX, MASKS_MAX, PATTERN_BYTES_MAX, PATTERN_CACHE_BYTES_MAX,
};

/// What is covered in the texts of one place, and with which letter.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    /// Says at once whether anything is to be covered.
    any: RegexSet,
    each: Vec<Regex>,
    with: char,
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
        let mut texts: Vec<String> = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let word = word.trim();
            let edge = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
            if !(edge(word.chars().next()) && edge(word.chars().last())) {
                return Err(BadMask::Word(at));
            }
            texts.push(format!(r"(?i)\b{}\b", regex::escape(word)));
        }
        for (at, pattern) in patterns.iter().enumerate() {
            // Without room nothing is compiled, and only the form is looked at.
            if let Err(regex::Error::Syntax(_)) = RegexBuilder::new(pattern).size_limit(0).build() {
                return Err(BadMask::Pattern(at));
            }
            texts.push(pattern.clone());
        }
        if digits {
            texts.push(r"\d".to_owned());
        }
        if texts.is_empty() {
            return Err(BadMask::Nothing);
        }
        // First all together, within the bound of one: each alone is smaller.
        let any = together(&texts).map_err(|_| BadMask::Large(too_large(&texts)))?;
        if let Some(at) = any.matches("").iter().next() {
            return Err(BadMask::Pattern(at.saturating_sub(words.len())));
        }
        let each: Vec<Regex> = texts.iter().map_while(|it| one(it).ok()).collect();
        if each.len() < texts.len() {
            return Err(BadMask::Large(each.len()));
        }
        Ok(Self { any, each, with })
    }

    /// Covers the texts of a value: itself, or those of an array.
    pub(super) fn cover(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for at in self.any.matches(text) {
                    let Some(pattern) = self.each.get(at) else { continue };
                    let covered = pattern.replace_all(text, |found: &regex::Captures<'_>| {
                        let length = found.get(0).map_or(0, |it| it.as_str().chars().count());
                        self.with.to_string().repeat(length)
                    });
                    *text = covered.into_owned();
                }
            }
            Value::Array(items) => items.iter_mut().filter(|it| it.is_string()).for_each(|it| self.cover(it)),
            _ => (),
        }
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn covered(words: &[&str], patterns: &[&str], digits: bool, text: &str) -> String {
        let owned = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let mask =
            Mask::new(&owned(words), &owned(patterns), digits, "*", &mut Room::whole()).expect("a mask");
        let mut value = json!(text);
        mask.cover(&mut value);
        value.as_str().expect("a text").to_owned()
    }

    #[test]
    fn what_is_named_is_covered_letter_by_letter() {
        assert_eq!(covered(&["darn"], &[], false, "Darn, darned DARN"), "****, darned ****");
        assert_eq!(covered(&["crème"], &[], false, "une crème"), "une *****");
        assert_eq!(covered(&["a.b"], &[], false, "axb a.b"), "axb ***");
        assert_eq!(
            covered(&[], &[r"\S+@\S+"], false, "mail ada@example.org now"),
            "mail *************** now"
        );
        assert_eq!(covered(&[], &[], true, "call 555-0100"), "call ***-****");
        assert_eq!(covered(&["darn"], &[], false, "fine"), "fine");
    }

    #[test]
    fn texts_in_an_array_are_covered_and_nothing_else() {
        let mask = Mask::new(&["darn".into()], &[], false, "#", &mut Room::whole()).expect("a mask");
        let mut value = json!(["darn", 4, {"a": "darn"}, ["darn"]]);
        mask.cover(&mut value);
        assert_eq!(value, json!(["####", 4, {"a": "darn"}, ["darn"]]));
    }

    #[test]
    fn what_is_no_mask_says_why() {
        let new = |words: &[&str], patterns: &[&str], with: &str| {
            let owned = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
            Mask::new(&owned(words), &owned(patterns), false, with, &mut Room::whole()).map(|_| ())
        };
        assert_eq!(new(&[], &[], "*"), Err(BadMask::Nothing));
        assert_eq!(new(&["a", "-"], &[], "*"), Err(BadMask::Word(1)));
        assert_eq!(new(&[], &["a*"], "*"), Err(BadMask::Pattern(0)));
        assert_eq!(new(&[], &["(?=a)"], "*"), Err(BadMask::Pattern(0)));
        assert_eq!(new(&["a"], &[], "**"), Err(BadMask::With));
        assert_eq!(new(&["a"], &[], "7"), Err(BadMask::With));
        assert_eq!(new(&["a"; MASK_ENTRIES_MAX + 1], &[], "*"), Err(BadMask::TooMany));
    }
}
