//! Named points of commit, checkpoint and recovery at which a test may have the process killed.
//!
//! A build without debug assertions has none of this.

/// Kills this process with `SIGKILL`'s effect when `AIRLOCK_CRASH_AT` names this point (and, after
/// a colon, the how-manieth passing of it). Only the test build looks.
#[inline]
pub(super) fn reached(name: &str) {
    #[cfg(debug_assertions)]
    debug::reached(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod debug {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    pub(super) fn reached(name: &str) {
        let wanted = WANTED.get_or_init(|| {
            let text = std::env::var("AIRLOCK_CRASH_AT").ok()?;
            let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
            Some((name.to_owned(), count.parse().ok()?))
        });
        let Some((point, count)) = wanted else { return };
        if point == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count {
            // `SIGKILL` to oneself: no destructor runs, nothing is flushed.
            let pid = std::process::id().to_string();
            let _kill = std::process::Command::new("kill").args(["-9", &pid]).status();
            std::process::abort();
        }
    }
}
