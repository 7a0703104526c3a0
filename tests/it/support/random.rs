//! Choices from a seed (SplitMix64): a failure prints the seed, and the seed repeats the choices.

use std::time::{SystemTime, UNIX_EPOCH};

/// A source of choices.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    /// The same seed gives the same choices.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.any() % (most - least + 1)
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.any().is_multiple_of(times)
    }

    /// One of several.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.between(0, from.len() as u64 - 1) as usize]
    }

    /// Another source, for a thread of its own.
    pub fn fork(&mut self) -> Self {
        Self(self.any())
    }
}

/// The seed of `AIRLOCK_SEED`, else a new one. It is printed: who fails shows it.
pub fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let new = u64::from(since.subsec_nanos()) ^ since.as_secs();
    let given = std::env::var("AIRLOCK_SEED").ok();
    let seed = given.map_or(new, |it| it.parse().expect("AIRLOCK_SEED is a number"));
    println!("AIRLOCK_SEED={seed}");
    seed
}
