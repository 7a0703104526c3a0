//! The relay's clock compared with the wall clock: readings in, corrections and transitions out. Pure.

use crate::domain::limits::{CLOCK_AGREE_MS, CLOCK_LOOK_MS_MAX, CLOCK_SLEW_DIVISOR, CLOCK_STEP_MS};

/// What is known of the wall clock.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    /// The monotonic time of the last observation.
    observed_ms: i64,
    /// How far the wall clock was ahead when an operator accepted it; negative when it was behind, else 0.
    accepted_ms: i64,
    suspended: bool,
    /// The monotonic time since which the clocks have agreed, while expiry is suspended.
    agreed_since_ms: Option<i64>,
}

/// What one observation leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Observation {
    /// What is to be added to the relay's clock.
    pub(super) correction_ms: i64,
    pub(super) transition: Option<Transition>,
}

/// A change of whether anything may expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    /// The wall clock was stepped.
    Suspended,
    /// The clocks have agreed for long enough.
    Resumed,
}

impl Comparison {
    pub(super) fn new(monotonic_ms: i64, suspended: bool) -> Self {
        Self { observed_ms: monotonic_ms, accepted_ms: 0, suspended, agreed_since_ms: None }
    }

    /// Whether nothing may expire.
    pub(super) fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// Compares the clocks at a monotonic time; `ahead_ms` is the wall clock's time minus the relay's.
    pub(super) fn observe(&mut self, monotonic_ms: i64, ahead_ms: i64) -> Observation {
        // A process that was stopped does not make up for all of that time at once.
        let elapsed_ms = monotonic_ms.saturating_sub(self.observed_ms).clamp(0, CLOCK_LOOK_MS_MAX);
        self.observed_ms = monotonic_ms;
        if is_small(ahead_ms) {
            self.accepted_ms = 0;
        } else if self.accepted_ms != 0 && is_small(ahead_ms.saturating_sub(self.accepted_ms)) {
            // The relay's clock slows down towards an accepted wall clock.
            self.accepted_ms = ahead_ms;
        } else {
            self.agreed_since_ms = None;
            let transition = (!self.suspended).then_some(Transition::Suspended);
            self.suspended = true;
            return Observation { correction_ms: 0, transition };
        }
        let slew_ms = elapsed_ms / CLOCK_SLEW_DIVISOR;
        let correction_ms = ahead_ms.clamp(-slew_ms, slew_ms);
        let mut transition = None;
        if self.suspended {
            let since_ms = *self.agreed_since_ms.get_or_insert(monotonic_ms);
            if CLOCK_AGREE_MS <= monotonic_ms.saturating_sub(since_ms) {
                (self.suspended, self.agreed_since_ms) = (false, None);
                transition = Some(Transition::Resumed);
            }
        }
        Observation { correction_ms, transition }
    }

    /// An operator says that the wall clock is right. Returns what is to be added to the relay's clock, which never
    /// goes back; `None` when nothing was suspended.
    pub(super) fn accept(&mut self, ahead_ms: i64) -> Option<i64> {
        if !self.suspended {
            return None;
        }
        (self.suspended, self.agreed_since_ms) = (false, None);
        self.accepted_ms = ahead_ms.min(0);
        Some(ahead_ms.max(0))
    }
}

/// Whether a difference is one that ordinary clocks have.
fn is_small(difference_ms: i64) -> bool {
    difference_ms.unsigned_abs() <= CLOCK_STEP_MS.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600_000;

    /// Two clocks, and a relay that compares them once a second.
    struct Bench {
        monotonic_ms: i64,
        relay_ms: i64,
        wall_ms: i64,
        comparison: Comparison,
        transitions: Vec<Transition>,
    }

    impl Bench {
        fn new() -> Self {
            let (monotonic_ms, relay_ms) = (5_000, 1_000 * DAY_MS);
            let comparison = Comparison::new(monotonic_ms, false);
            Self { monotonic_ms, relay_ms, wall_ms: relay_ms, comparison, transitions: Vec::new() }
        }

        fn run(&mut self, seconds: i64) {
            for _ in 0..seconds {
                self.stop(1_000);
            }
        }

        /// The process does nothing for so long, then looks.
        fn stop(&mut self, pause_ms: i64) {
            self.monotonic_ms += pause_ms;
            self.relay_ms += pause_ms;
            self.wall_ms += pause_ms;
            let seen = self.comparison.observe(self.monotonic_ms, self.wall_ms - self.relay_ms);
            self.relay_ms += seen.correction_ms;
            self.transitions.extend(seen.transition);
        }

        fn accept(&mut self) {
            self.relay_ms += self.comparison.accept(self.wall_ms - self.relay_ms).expect("it is suspended");
        }
    }

    #[test]
    fn a_small_difference_is_slewed_and_suspends_nothing() {
        for ahead_ms in [240_000, -240_000] {
            let mut bench = Bench::new();
            bench.wall_ms += ahead_ms;
            bench.run(60);
            let left_ms = (bench.wall_ms - bench.relay_ms).abs();
            assert_eq!(left_ms, 240_000 - 60 * 50, "a twentieth of the time that passes");
            bench.run(6_000);
            assert_eq!(bench.wall_ms, bench.relay_ms);
            assert_eq!(bench.transitions, []);
        }
    }

    #[test]
    fn a_step_suspends_until_the_clocks_agree_for_a_minute() {
        for step_ms in [400 * DAY_MS, -400 * DAY_MS, 360_000, -360_000] {
            let mut bench = Bench::new();
            bench.wall_ms += step_ms;
            bench.run(2);
            assert_eq!(bench.wall_ms - bench.relay_ms, step_ms, "the relay's clock does not follow");
            bench.wall_ms -= step_ms;
            bench.run(60);
            assert_eq!(bench.transitions, [Transition::Suspended], "said once");
            bench.run(1);
            assert_eq!(bench.transitions, [Transition::Suspended, Transition::Resumed]);
        }
    }

    #[test]
    fn a_step_within_the_minute_begins_it_anew() {
        let mut bench = Bench::new();
        bench.wall_ms += 400 * DAY_MS;
        bench.run(1);
        for _ in 0..3 {
            bench.wall_ms -= 400 * DAY_MS;
            bench.run(50);
            bench.wall_ms += 400 * DAY_MS;
            bench.run(1);
        }
        assert_eq!(bench.transitions, [Transition::Suspended]);
    }

    #[test]
    fn many_small_steps_are_a_step() {
        let mut bench = Bench::new();
        for _ in 0..3 {
            bench.wall_ms += 200_000;
            bench.run(1);
        }
        assert_eq!(bench.transitions, [Transition::Suspended]);
        assert!(bench.relay_ms < 1_000 * DAY_MS + 4_000, "nobody moves it fast: {}", bench.relay_ms);
    }

    #[test]
    fn a_stopped_process_suspends_nothing() {
        let mut bench = Bench::new();
        bench.run(5);
        bench.stop(3_600_000);
        bench.run(5);
        assert_eq!((bench.transitions.as_slice(), bench.relay_ms), (&[][..], bench.wall_ms));
    }

    #[test]
    fn an_accepted_clock_that_is_ahead_is_the_relays_time() {
        let mut bench = Bench::new();
        bench.wall_ms += DAY_MS;
        bench.run(10);
        bench.accept();
        assert_eq!(bench.relay_ms, bench.wall_ms);
        bench.run(100);
        assert!(!bench.comparison.is_suspended());
        bench.wall_ms += DAY_MS;
        bench.run(1);
        assert!(bench.comparison.is_suspended(), "the next step is another one");
    }

    #[test]
    fn an_accepted_clock_that_is_behind_is_waited_for_and_never_jumped_back_to() {
        let mut bench = Bench::new();
        bench.wall_ms -= 3_600_000;
        bench.run(10);
        let before = bench.relay_ms;
        bench.accept();
        assert_eq!(bench.relay_ms, before);
        bench.run(20 * 3_600);
        assert_eq!(
            (bench.transitions.as_slice(), bench.wall_ms),
            (&[Transition::Suspended][..], bench.relay_ms)
        );
        bench.wall_ms += DAY_MS;
        bench.run(1);
        assert!(bench.comparison.is_suspended(), "what was accepted is used up");
    }
}
