//! What masks cover, and what they leave alone.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn covered(words: &[&str], patterns: &[&str], digits: bool, text: &str) -> String {
    let owned = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let mask = Mask::new(&owned(words), &owned(patterns), digits, "*", &mut Room::whole()).expect("a mask");
    let mut value = json!(text);
    mask.cover(&mut value);
    value.as_str().expect("a text").to_owned()
}

#[test]
fn what_is_named_is_covered_letter_by_letter() {
    assert_eq!(covered(&["darn"], &[], false, "Darn, darned DARN"), "****, darned ****");
    assert_eq!(covered(&["crème"], &[], false, "une crème"), "une *****");
    assert_eq!(covered(&["a.b"], &[], false, "axb a.b"), "axb ***");
    assert_eq!(covered(&[], &[r"\S+@\S+"], false, "mail ada@example.org now"), "mail *************** now");
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

/// The sample `chat`, whose covered word uncovered the rest of an address.
#[test]
fn no_entry_hides_a_match_from_another() {
    let mail = r"[\w.+-]+@[\w-]+(\.[\w-]+)+";
    assert_eq!(covered(&["darn"], &[mail], false, "ada.darn@example.org"), "********************");
    assert_eq!(covered(&["new york", "york city"], &[], false, "New York City!"), "*************!");
    assert_eq!(covered(&[], &["ab+", "b+c"], false, "xabbcx"), "x****x");
    assert_eq!(covered(&[], &[mail], true, "a1@b2.org"), "*********");
}

#[test]
fn texts_are_compared_in_nfc_and_without_case() {
    let crème = "cre\u{300}me";
    assert_eq!(covered(&["crème"], &[], false, &format!("une {crème}!")), "une ******!");
    assert_eq!(covered(&[crème], &[], false, "une CRÈME"), "une *****");
    assert_eq!(covered(&[], &[&format!("{crème}+")], false, "une crème"), "une *****");
    assert_eq!(covered(&["kiss"], &[], false, "\u{212a}i\u{17f}s"), "****");
    assert_eq!(covered(&["strasse"], &[], false, "Straße"), "******");
    // What is beside a match stays as it was written.
    assert_eq!(covered(&["darn"], &[], false, "e\u{300} darn e\u{300}"), "e\u{300} **** e\u{300}");
}

#[test]
fn what_is_a_word_since_its_neighbour_is_covered_is_covered_too() {
    assert_eq!(covered(&["darn"], &[], true, "1darn darn2x"), "***** *****x");
    // A chain without an end is covered as a whole.
    assert_eq!(covered(&[], &["x", r"\bab"], false, "xabababab c"), "***********");
}

fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("darn"),
        Just("Heck"),
        Just("crème"),
        Just("cre\u{300}me"),
        Just("ada@example.org"),
        Just(" "),
        Just("-"),
        Just("."),
        Just("@"),
        Just("1"),
        Just("555"),
        Just("x"),
        Just("ß"),
        Just("e\u{301}"),
        Just("\u{212a}"),
    ];
    prop::collection::vec(part, 0..12).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn what_is_covered_matches_nothing_and_the_rest_is_as_it_was(
        text in texts(), words in prop::sample::subsequence(vec!["darn", "heck", "crème", "x", "kelvin"], 0..5).prop_shuffle(),
        patterns in prop::sample::subsequence(vec![r"[\w.+-]+@[\w-]+(\.[\w-]+)+", r"\d{2,}", r"\bx", "e\u{301}", "a.n"], 0..5)
            .prop_shuffle(), digits in any::<bool>(),
    ) {
        prop_assume!(digits || !(words.is_empty() && patterns.is_empty()));
        let cover = |words: &[&str], patterns: &[&str]| covered(words, patterns, digits, &text);
        let out = cover(&words, &patterns);
        let (mut turned, mut others) = (words.clone(), patterns.clone());
        turned.reverse();
        others.reverse();
        prop_assert_eq!(&out, &cover(&turned, &others), "the order means nothing");
        prop_assert_eq!(out.chars().count(), text.chars().count());
        prop_assert!(out.chars().zip(text.chars()).all(|(shown, was)| shown == was || shown == '*'));
        // Each entry by itself, as plainly as it can be written, in the covered text.
        let plain: String = out.nfc().collect();
        let shown = |it: &str| RegexBuilder::new(it).case_insensitive(true).build().expect("a pattern");
        for word in &words {
            prop_assert!(!shown(&format!(r"\b{word}\b")).is_match(&plain), "{} in {:?}", word, plain);
        }
        for pattern in &patterns {
            let pattern: String = pattern.nfc().collect();
            let found: Vec<_> = Regex::new(&pattern).expect("a pattern").find_iter(&plain).collect();
            prop_assert!(found.iter().all(|it| it.as_str().chars().all(|it| it == '*')), "{} in {:?}", pattern, plain);
        }
        // What none of them touches is not covered: each covered letter lies in what one entry alone would cover, or
        // beside something that is covered.
        let alone: Vec<String> = words.iter().map(|it| cover_alone(&[it], &[], &text))
            .chain(patterns.iter().map(|it| cover_alone(&[], &[it], &text))).collect();
        if !text.chars().any(char::is_numeric) && !patterns.contains(&r"\bx") && alone.iter().all(|it| *it == text) {
            prop_assert_eq!(&out, &text);
        }
        for it in &alone {
            let kept = it.chars().zip(out.chars()).all(|(one, all)| one != '*' || all == '*');
            prop_assert!(kept, "what one covers, all cover: {:?} {:?}", it, out);
        }
    }
}

fn cover_alone(words: &[&str], patterns: &[&str], text: &str) -> String {
    covered(words, patterns, false, text)
}
