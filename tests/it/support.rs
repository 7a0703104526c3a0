//! What the tests stand on: seeded choices, a small HTTP client, and the server as a child process.

pub mod http;
pub mod random;
pub mod server;

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds on the clock that this machine's servers read, too.
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_millis()).expect("a clock before the year 292000000")
}

/// Whether the longer run is asked for.
pub fn long() -> bool {
    std::env::var("AIRLOCK_LONG").is_ok_and(|it| it == "1")
}
