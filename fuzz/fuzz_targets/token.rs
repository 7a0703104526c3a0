//! Access tokens: as text, and as `header newline claims` that is signed rightly.

#![no_main]

use airlock::{
    domain::{
        sid::{AccountSid, Sid},
        time::Timestamp,
    },
    token::{self, Keys},
};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;

const SECRET: &str = "a secret of the fuzz targets that is long enough";
const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);

fuzz_target!(|text: &str| {
    let keys: Keys = format!("SK{}:{SECRET}", "1".repeat(32)).parse().expect("a key");
    let account: AccountSid = Sid::new([0; 16]);
    let judge = |text: &str| {
        let Ok(claims) = token::verify(text, &keys, account, NOW) else { return };
        assert!(NOW < claims.expires, "an expired token is refused");
    };
    judge(text);
    let Some((header, claims)) = text.split_once('\n') else { return };
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), signed.as_bytes());
    judge(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)));
});
