//! `X-Twilio-Signature`: the URL and the sorted fields, under the account's auth token.

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::domain::time::Timestamp;

/// Signs as the official validators check. SHA-1 is theirs; as a MAC it is not broken.
pub(super) fn signature(key: &str, url: &str, fields: &[(&'static str, String)]) -> String {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_by_key(|it| it.0);
    let mut text = url.to_owned();
    for (name, value) in sorted {
        text.push_str(name);
        text.push_str(value);
    }
    STANDARD.encode(sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes()), text.as_bytes()))
}

/// What a hook without a number of its own is known by when it comes again: when it happened, and all that it says.
pub(super) fn token(at: Timestamp, body: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{}\n{body}", at.as_millis()).as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_official_example_says() {
        let fields = [
            ("Digits", "1234"),
            ("To", "+18005551212"),
            ("From", "+12349013030"),
            ("Caller", "+12349013030"),
            ("CallSid", "CA1234567890ABCDE"),
        ];
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        assert_eq!(signature("12345", url, &fields), "0/KCTR6DLpKmkAf8muzZqo1nDgQ=");
    }
}
