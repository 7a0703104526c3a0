//! A whole relay on one thread, driven by a seed: clients that pipeline, retry, cut and resume, grants, expiry,
//! store failures and crashes, in every interleaving of writer, pump and `decide again` that the seed draws.
//!
//! The real gate, rewrite, lanes, `apply`, log, recovery and hub run on a store in memory; only the threads are
//! replaced by steps. `AIRLOCK_SEEDS` is the number of seeds, `AIRLOCK_SEED` runs one of them again.

mod client;
mod replica;
mod world;

use std::cell::Cell;

use super::settings::DRAW;
use world::World;

thread_local! {
    /// The generator behind [`draw`].
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// Fills bytes from the seed of the simulation that runs on this thread.
fn draw(bytes: &mut [u8]) {
    let mut random = Random(DRAWN.get());
    for chunk in bytes.chunks_mut(8) {
        let drawn = random.any().to_le_bytes();
        chunk.iter_mut().zip(drawn).for_each(|(to, from)| *to = from);
    }
    DRAWN.set(random.0);
}

/// Choices from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.any() % end
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// Seeds of an ordinary run; some seconds.
const SEEDS: u64 = 400;

#[test]
fn every_seed_keeps_every_promise() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|it| it.parse::<u64>().ok());
    let seeds = match setting("AIRLOCK_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..setting("AIRLOCK_SEEDS").unwrap_or(SEEDS),
    };
    let policies = std::sync::Arc::new(world::policies());
    for seed in seeds {
        DRAWN.set(seed ^ 0x5EED);
        DRAW.set(Some(draw));
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| World::run(seed, &policies)));
        DRAW.set(None);
        assert!(
            ran.is_ok(),
            "run it again: AIRLOCK_SEED={seed} cargo test --profile ci --lib every_seed_keeps_every_promise"
        );
    }
}
