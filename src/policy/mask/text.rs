//! A text in another form for a search, with the way back: normalized (NFC), or without differences of case.

use std::{borrow::Cow, iter, ops::Range};

use unicode_normalization::{
    IsNormalized, UnicodeNormalization, char::canonical_combining_class, char::decompose_canonical,
    is_nfc_quick,
};

/// A text in another form, and where each of its parts comes from.
#[derive(Debug)]
pub(super) struct Form<'t> {
    text: Cow<'t, str>,
    /// The ends of the parts, here and in the original; empty if the text is the original.
    ends: Vec<(usize, usize)>,
}

impl<'t> Form<'t> {
    /// The text in NFC. A part is what one letter and its marks may be written as.
    pub(super) fn normalized(original: &'t str) -> Self {
        if original.is_ascii() || is_nfc_quick(original.chars()) == IsNormalized::Yes {
            return Self { text: original.into(), ends: Vec::new() };
        }
        let mut form = Self::empty(original.len());
        let mut begin = 0;
        for (at, letter) in original.char_indices() {
            if at != 0 && begins(letter) {
                form.push_normalized(original, begin..at);
                begin = at;
            }
        }
        form.push_normalized(original, begin..original.len());
        form
    }

    /// The text without differences of case: as its capitals are written small.
    pub(super) fn folded(original: &'t str) -> Self {
        if original.is_ascii() {
            // One byte stays one byte.
            return Self { text: original.to_ascii_lowercase().into(), ends: Vec::new() };
        }
        let mut form = Self::empty(original.len());
        for (at, letter) in original.char_indices() {
            let text = form.text.to_mut();
            if letter.is_ascii() {
                text.push(letter.to_ascii_lowercase());
            } else {
                text.extend(folded(letter));
            }
            form.ends.push((text.len(), at + letter.len_utf8()));
        }
        form
    }

    fn empty(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes).into(), ends: Vec::new() }
    }

    fn push_normalized(&mut self, original: &str, range: Range<usize>) {
        let Some(part) = original.get(range.clone()) else { return };
        let text = self.text.to_mut();
        let before = text.len();
        let mut letters = part.chars();
        if let (Some(only), None) = (letters.next(), letters.next())
            && (only.is_ascii() || is_nfc_quick(iter::once(only)) == IsNormalized::Yes)
        {
            text.push(only);
            self.ends.push((text.len(), range.end));
            return;
        }
        text.extend(part.nfc());
        let same = text.get(before..) == Some(part);
        if same {
            // Each letter by itself: a match covers no more than it must.
            let letters = part.char_indices().map(|(at, it)| at + it.len_utf8());
            self.ends.extend(letters.map(|it| (before + it, range.start + it)));
        } else {
            self.ends.push((text.len(), range.end));
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The range of the original from which a range of this text comes, whole parts.
    pub(super) fn back(&self, range: Range<usize>) -> Range<usize> {
        if self.ends.is_empty() {
            return range;
        }
        let first = self.ends.partition_point(|it| it.0 <= range.start);
        let start = first.checked_sub(1).and_then(|it| self.ends.get(it)).map_or(0, |it| it.1);
        let last = self.ends.partition_point(|it| it.0 < range.end);
        let end = self.ends.get(last).or(self.ends.last()).map_or(start, |it| it.1);
        start..end.max(start)
    }

    /// The same, if the range begins and ends where parts do.
    pub(super) fn back_exactly(&self, range: Range<usize>) -> Option<Range<usize>> {
        let edge = |at: usize| {
            at == 0 || self.ends.is_empty() || self.ends.binary_search_by_key(&at, |it| it.0).is_ok()
        };
        (edge(range.start) && edge(range.end)).then(|| self.back(range))
    }
}

/// A text as [`Form::normalized`] and [`Form::folded`] make it.
pub(super) fn compared(text: &str) -> String {
    let normalized = Form::normalized(text);
    Form::folded(normalized.text()).text.into_owned()
}

/// A letter as its capital is written small: `ſ` is `s`, `ß` is `ss`.
fn folded(letter: char) -> impl Iterator<Item = char> {
    letter.to_uppercase().flat_map(char::to_lowercase)
}

/// Whether nothing before a letter can become one with it.
fn begins(letter: char) -> bool {
    if letter.is_ascii() {
        return true;
    }
    let mut first = None;
    decompose_canonical(letter, |it| {
        first.get_or_insert(it);
    });
    first.is_none_or(|it| {
        canonical_combining_class(it) == 0 && is_nfc_quick(iter::once(it)) == IsNormalized::Yes
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_lead_back_to_what_was_written() {
        let decomposed = "une cre\u{300}me \u{212a}";
        let form = Form::normalized(decomposed);
        assert_eq!(form.text(), "une crème K");
        let at = form.text().find("crème").expect("there");
        assert_eq!(&decomposed[form.back(at..at + 6)], "cre\u{300}me");
        let form = Form::folded("ﬁne Straße");
        assert_eq!(form.text(), "fine strasse");
        assert_eq!(form.back(0..1), 0..3, "a part is one");
        assert_eq!(form.back_exactly(0..1), None);
        assert_eq!(form.back_exactly(5..12), Some(6..13));
    }

    proptest! {
        #[test]
        fn the_form_is_nfc_and_each_part_leads_back(text in "[a-eàéíẹ\u{300}\u{301}\u{323}각\u{1100}\u{1161}\u{11a8}\u{212a}\u{958}x ]{0,20}") {
            let form = Form::normalized(&text);
            prop_assert_eq!(form.text(), text.nfc().collect::<String>());
            prop_assert_eq!(form.back(0..form.text().len()), 0..text.len());
            for (at, letter) in form.text().char_indices() {
                let range = form.back(at..at + letter.len_utf8());
                let whole: String = text.get(range).expect("at letters").nfc().collect();
                prop_assert!(whole.contains(letter), "{:?} of {:?}", letter, whole);
            }
        }
    }
}
