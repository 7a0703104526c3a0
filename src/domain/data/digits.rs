//! Numbers whose digits a double does not hold: rules would compute with another number than the client sent.

use serde_json::Number;

use super::pointer_step;

/// The JSON pointer of the first number in compact JSON text whose digits a double does not hold.
pub(super) fn rounded(text: &str) -> Option<String> {
    let at = numbers(text).find(|it| !is_exact(&text[it.clone()]))?.start;
    Some(pointer_at(text, at))
}

/// The places of all numbers.
fn numbers(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            match bytes.get(at)? {
                b'"' => at = string_end(bytes, at),
                b'-' | b'0'..=b'9' => {
                    let start = at;
                    let part = |it: &u8| matches!(it, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                    while bytes.get(at).is_some_and(part) {
                        at += 1;
                    }
                    return Some(start..at);
                }
                _ => at += 1,
            }
        }
    })
}

/// The place behind the string that begins at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    at += 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// Whether the number that a parser reads has the digits of the text.
fn is_exact(text: &str) -> bool {
    // A double holds 15 digits, whatever they are.
    if text.len() <= 15 && !text.contains(['e', 'E']) {
        return true;
    }
    let Ok(read) = serde_json::from_str::<Number>(text) else { return false };
    plain(text) == plain(&read.to_string())
}

/// Sign, digits without zeros at either end, and the power of ten of the last of them.
fn plain(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |it| (true, it));
    let (digits, power) = match text.split_once(['e', 'E']) {
        Some((digits, power)) => (digits, power.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let kept = all.trim_end_matches('0');
    let behind = i64::try_from(fraction.len()).ok()?;
    let dropped = i64::try_from(all.len() - kept.len()).ok()?;
    let kept = kept.trim_start_matches('0');
    if kept.is_empty() {
        return Some((false, String::new(), 0));
    }
    Some((negative, kept.to_owned(), power.checked_sub(behind)?.checked_add(dropped)?))
}

/// The pointer of the value that begins at a place.
fn pointer_at(text: &str, place: usize) -> String {
    let bytes = text.as_bytes();
    // Of each object or list around the place: the last key, or how many elements came before.
    let mut around: Vec<Step> = Vec::new();
    let mut at = 0;
    while at < place {
        match bytes.get(at) {
            Some(b'"') => {
                let end = string_end(bytes, at);
                if bytes.get(end) == Some(&b':')
                    && let Some(Step::Key(key)) = around.last_mut()
                {
                    *key = serde_json::from_str(&text[at..end]).unwrap_or_default();
                }
                at = end;
                continue;
            }
            Some(b'{') => around.push(Step::Key(String::new())),
            Some(b'[') => around.push(Step::Element(0)),
            Some(b'}' | b']') => drop(around.pop()),
            Some(b',') => {
                if let Some(Step::Element(count)) = around.last_mut() {
                    *count += 1;
                }
            }
            _ => (),
        }
        at += 1;
    }
    around.iter().fold(String::new(), |pointer, step| match step {
        Step::Key(key) => pointer_step(&pointer, key),
        Step::Element(count) => pointer_step(&pointer, &count.to_string()),
    })
}

enum Step {
    Key(String),
    Element(usize),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_that_a_double_does_not_hold_are_named() {
        for (text, expected) in [
            (r#"{"a":0.1,"b":[1.10,1e2,-0.0,123456789.123456]}"#, None),
            (r#"{"a":0.30000000000000004}"#, None),
            (r#"{"a":123456789.123456789}"#, Some("/a")),
            (r#"{"a":{"b/c":[1,"2,3",123456789012345678.123456789]}}"#, Some("/a/b~1c/2")),
            (r#"{"a":"123456789.123456789","b":0.1234567890123456789}"#, Some("/b")),
            (r#"{"a":9007199254740993}"#, None),
            (r#"{"a":100000000000000000001}"#, Some("/a")),
            (r#"{"a":1e-400}"#, Some("/a")),
            (r#"{"\"":{"x":[]},"k":[{},{"y":1.00000000000000001}]}"#, Some("/k/1/y")),
        ] {
            assert_eq!(rounded(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        /// What a program writes of a double, it reads again.
        #[test]
        fn what_a_double_says_is_exact(number in any::<f64>(), whole in any::<i64>()) {
            prop_assume!(number.is_finite());
            let text = serde_json::json!({ "a": [number, whole] }).to_string();
            prop_assert_eq!(rounded(&text), None, "{}", text);
        }

        #[test]
        fn more_digits_than_seventeen_are_rounded(digits in "[1-9][0-9]{17}[1-9]") {
            let text = format!("{{\"a\":0.{digits}}}");
            prop_assert_eq!(rounded(&text), Some("/a".to_owned()));
        }
    }
}
