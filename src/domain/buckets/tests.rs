//! The bounds hold, whatever comes, and the waits are exact.

use proptest::prelude::*;

use super::*;
use crate::domain::limits::{RATE_KEYS_MAX, RATE_KEYS_PER_IDENTITY_MAX};

const MS: u64 = 1_000_000;

fn quota(per_second: u32, burst: u32) -> Quota {
    Quota::per_second(NonZeroU32::new(per_second).unwrap()).allow_burst(NonZeroU32::new(burst).unwrap())
}

#[test]
fn a_bucket_lets_the_burst_in_and_then_the_rate() {
    let (mut bucket, ten) = (Bucket::default(), quota(10, 3));
    let one = NonZeroU32::MIN;
    for _ in 0..3 {
        assert_eq!(bucket.take(one, ten, 7), Ok(()));
    }
    assert_eq!(bucket.take(one, ten, 7), Err(Duration::from_millis(100)));
    assert_eq!(bucket.take(one, ten, 6 + 100 * MS), Err(Duration::from_nanos(1)));
    assert_eq!(bucket.take(one, ten, 7 + 100 * MS), Ok(()));
    assert_eq!(bucket.take(NonZeroU32::new(4).unwrap(), ten, 900 * MS), Err(Duration::MAX));
    assert_eq!(bucket.take(NonZeroU32::new(3).unwrap(), ten, 900 * MS), Ok(()));
    assert_eq!(bucket.take(one, ten, u64::MAX), Ok(()));
}

#[test]
fn more_than_a_million_keys_are_not_held() {
    let mut buckets = Buckets::new(RATE_KEYS_MAX, RATE_KEYS_PER_IDENTITY_MAX);
    let slow = quota(1, 1);
    let (mut let_in, more) = (0, 100_000);
    for key in 0..(RATE_KEYS_MAX + more) as u64 {
        let_in += usize::from(buckets.take(key, Some(key / 100), NonZeroU32::MIN, slow, 0).is_ok());
    }
    assert_eq!((let_in, buckets.len()), (RATE_KEYS_MAX, RATE_KEYS_MAX));
    // Those that are held go on; a new one comes in when one of them is full.
    assert_eq!(buckets.take(7, None, NonZeroU32::MIN, slow, 0), Err(Duration::from_secs(1)));
    assert_eq!(buckets.take(7, None, NonZeroU32::MIN, slow, 1_000 * MS), Ok(()));
    assert!(buckets.take(u64::MAX, None, NonZeroU32::MIN, slow, 1_000 * MS).is_ok());
    assert_eq!(buckets.len(), RATE_KEYS_MAX);
    let mut slices = 0;
    while buckets.sweep(2_000 * MS) == Swept::Some {
        slices += 1;
    }
    assert!(buckets.is_empty() && RATE_KEYS_MAX / RATE_SWEEP_SLICE <= slices);
    assert!(buckets.due.is_empty() && buckets.owned.is_empty());
}

#[test]
fn one_owner_cannot_keep_the_others_out() {
    let mut buckets = Buckets::new(1_000, 256);
    let slow = quota(1, 2);
    let greedy =
        (0..1_000_000).filter(|key| buckets.take(*key, Some(1), NonZeroU32::MIN, slow, 0).is_ok()).count();
    assert_eq!((greedy, buckets.len()), (256, 256));
    assert_eq!(buckets.take(2_000_000, Some(2), NonZeroU32::MIN, slow, 0), Ok(()));
    // A key that another has opened is no burden to who uses it.
    assert_eq!(buckets.take(2_000_000, Some(1), NonZeroU32::MIN, slow, 0), Ok(()));
    assert_eq!(buckets.take(2_000_000, Some(1), NonZeroU32::MIN, slow, 0), Err(Duration::from_secs(1)));
    assert_eq!(buckets.take(3_000_000, Some(1), NonZeroU32::MIN, slow, 0), Err(Duration::from_secs(1)));
}

proptest! {
    /// However it came to a refusal: who comes back after the wait is let in, and a nanosecond before it is not. Who
    /// asks for more than the burst never is.
    #[test]
    fn waits_are_exact(
        steps in prop::collection::vec((0_u64..40, 0_u64..3, 1_u32..6, 0_u64..400), 1..200),
        max in 1_usize..20,
        owned_max in 1_usize..10,
    ) {
        let mut buckets = Buckets::new(max, owned_max);
        let quotas = [quota(3, 1), quota(7, 2), quota(1, 4)];
        let mut now = 0;
        for (key, owner, tokens, passed) in steps {
            now += passed * MS;
            let quota = quotas[(key % 3) as usize];
            let owner = (owner != 0).then_some(owner);
            let tokens = NonZeroU32::new(tokens).unwrap();
            let asked = buckets.wait(key, tokens, quota, now);
            let stood = buckets.held.contains_key(&key);
            let outcome = buckets.take(key, owner, tokens, quota, now);
            if stood {
                prop_assert_eq!(asked, outcome.err().unwrap_or_default());
            }
            prop_assert!(buckets.len() <= max);
            prop_assert!(buckets.owned.iter().filter(|it| Some(it.0) == owner).count() <= owned_max);
            prop_assert_eq!(buckets.due.len(), buckets.len());
            if quota.burst_size() < tokens {
                prop_assert!(outcome.is_err());
                prop_assert_eq!(buckets.wait(key, tokens, quota, LATEST), Duration::MAX);
            } else if let Err(wait) = outcome {
                let then = now + u64::try_from(wait.as_nanos()).unwrap();
                // Forgetting is no use of the time that passed: the original is asked at neither.
                prop_assert!(buckets.clone().take(key, owner, tokens, quota, then - 1).is_err());
                prop_assert_eq!(buckets.clone().take(key, owner, tokens, quota, then), Ok(()));
            }
        }
    }

    /// Whether a bucket is swept or not makes no difference to who uses it.
    #[test]
    fn forgetting_changes_nothing(steps in prop::collection::vec((0_u64..4, 0_u64..900), 1..100)) {
        let (mut swept, mut kept, quota) = (Buckets::new(10, 10), Buckets::new(10, 10), quota(2, 3));
        let mut now = 0;
        for (key, passed) in steps {
            now += passed * MS;
            while swept.sweep(now) == Swept::Some {}
            prop_assert_eq!(swept.take(key, None, NonZeroU32::MIN, quota, now), kept.take(key, None, NonZeroU32::MIN, quota, now));
        }
    }
}
