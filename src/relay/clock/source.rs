//! The monotonic clock and the wall clock of the machine. A test build can shift both.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clocks of the machine.
pub(super) struct Source {
    #[cfg(not(target_os = "linux"))]
    started: std::time::Instant,
    #[cfg(debug_assertions)]
    shift: shift::Shift,
    /// Both clocks at the moment at which a test has stopped them, in milliseconds.
    #[cfg(test)]
    stopped: std::sync::OnceLock<(i64, i64)>,
}

impl Source {
    pub(super) fn new() -> Self {
        Self {
            #[cfg(not(target_os = "linux"))]
            started: std::time::Instant::now(),
            #[cfg(debug_assertions)]
            shift: shift::Shift::from_environment(),
            #[cfg(test)]
            stopped: std::sync::OnceLock::new(),
        }
    }

    /// Stops both clocks.
    #[cfg(test)]
    pub(super) fn stop(&self) {
        let now = (self.monotonic_ms(), self.wall_ms());
        self.stopped.get_or_init(|| now);
    }

    /// Milliseconds of a clock that nobody sets. On Linux it counts while the machine is suspended.
    pub(super) fn monotonic_ms(&self) -> i64 {
        #[cfg(test)]
        if let Some((monotonic_ms, _)) = self.stopped.get() {
            return *monotonic_ms;
        }
        #[cfg(target_os = "linux")]
        let passed = {
            let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            Duration::try_from(time).unwrap_or_default()
        };
        #[cfg(not(target_os = "linux"))]
        let passed = self.started.elapsed();
        let milliseconds = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        #[cfg(debug_assertions)]
        let milliseconds = milliseconds.saturating_add(self.shift.read().1);
        milliseconds
    }

    /// Milliseconds since 1970 by the wall clock, which anybody may set.
    pub(super) fn wall_ms(&self) -> i64 {
        #[cfg(test)]
        if let Some((_, wall_ms)) = self.stopped.get() {
            return *wall_ms;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        #[cfg(debug_assertions)]
        let milliseconds = milliseconds.saturating_add(self.shift.read().0);
        milliseconds
    }
}

#[cfg(debug_assertions)]
mod shift {
    use std::{
        path::PathBuf,
        sync::{Mutex, PoisonError},
        time::{Duration, Instant},
    };

    /// Between two reads of the file.
    const READ_PERIOD: Duration = Duration::from_millis(10);

    /// By how many milliseconds a test shifts the wall clock and the monotonic clock: two numbers in the file
    /// that `AIRLOCK_CLOCK_FILE` names, which may be replaced while the server runs.
    pub(super) struct Shift {
        file: Option<PathBuf>,
        known: Mutex<(Option<Instant>, (i64, i64))>,
    }

    impl Shift {
        pub(super) fn from_environment() -> Self {
            let file = std::env::var_os("AIRLOCK_CLOCK_FILE").map(PathBuf::from);
            Self { file, known: Mutex::default() }
        }

        pub(super) fn read(&self) -> (i64, i64) {
            let Some(file) = &self.file else { return (0, 0) };
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.0.is_none_or(|it| READ_PERIOD <= it.elapsed()) {
                let text = std::fs::read_to_string(file).unwrap_or_default();
                let mut numbers = text.split_whitespace().map(|it| it.parse().unwrap_or_default());
                known.1 = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
                known.0 = Some(Instant::now());
            }
            known.1
        }
    }
}
