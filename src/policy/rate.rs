//! How often something may be tried: `allow = "20/s"`, `burst = 40`, counted for each `per`.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    domain::limits::RATE_EVENTS_MAX,
    policy::pattern::{BadPattern, Captures, IDENTITY, Pattern, Segment},
};

/// One limit of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// `limit-1` for the policy's first, and so on.
    pub name: String,
    /// For whom it counts.
    pub per: Per,
    /// Nanoseconds after which one more attempt is allowed.
    pub interval_ns: u64,
    /// Attempts, or bytes, that may come at once.
    pub burst: NonZeroU32,
    /// What one attempt takes.
    pub cost: Cost,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Each attempt is one.
    Attempts,
    /// Each attempt is as much as its data has bytes, and at least one.
    Bytes,
}

impl Cost {
    /// What an attempt with so many bytes of data takes.
    pub fn of(self, size_bytes: usize) -> NonZeroU32 {
        let bytes = u32::try_from(size_bytes).unwrap_or(u32::MAX);
        match self {
            Self::Attempts => NonZeroU32::MIN,
            Self::Bytes => NonZeroU32::new(bytes).unwrap_or(NonZeroU32::MIN),
        }
    }
}

impl Limit {
    /// The same as a quota of `governor`.
    pub fn quota(&self) -> governor::Quota {
        // `with_period` refuses a period of nothing only, and `parse_allow` makes none.
        governor::Quota::with_period(Duration::from_nanos(self.interval_ns.max(1)))
            .unwrap_or_else(|| governor::Quota::per_hour(NonZeroU32::MIN))
            .allow_burst(self.burst)
    }
}

/// For whom a limit counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Per {
    /// The caller's identity.
    Identity,
    /// The caller's address.
    Address,
    /// All callers of the policy together.
    Policy,
    /// Each combination of what these variables captured.
    Captures(Vec<Arc<str>>),
}

impl Per {
    /// Parses `identity`, `address`, `policy`, or variables such as `{room}/{identity}`.
    pub(super) fn parse(text: &str) -> Result<Self, BadPer> {
        match text {
            "identity" | "{identity}" => return Ok(Self::Identity),
            "address" => return Ok(Self::Address),
            "policy" => return Ok(Self::Policy),
            _ => (),
        }
        let pattern = Pattern::parse(text).map_err(BadPer::Pattern)?;
        let mut variables = Vec::new();
        for segment in pattern.segments() {
            match segment {
                Segment::Variable(name) => variables.push(name.clone()),
                Segment::Literal(text) => return Err(BadPer::Literal(text.clone())),
            }
        }
        Ok(Self::Captures(variables))
    }

    /// Whether it is the caller's own and charged on each attempt; shared ones are charged on
    /// admission only (decision 24).
    pub fn own(&self) -> bool {
        match self {
            Self::Identity | Self::Address => true,
            Self::Policy => false,
            Self::Captures(variables) => variables.iter().any(|it| &**it == IDENTITY),
        }
    }

    /// Whether this own limit bounds what one caller can take of that shared one.
    pub(super) fn guards(&self, shared: &Self) -> bool {
        match (self, shared) {
            (Self::Identity | Self::Address, _) => true,
            (Self::Captures(own), Self::Captures(other)) => {
                self.own() && own.iter().all(|it| &**it == IDENTITY || other.contains(it))
            }
            _ => false,
        }
    }

    /// The variables that it names.
    pub fn variables(&self) -> &[Arc<str>] {
        match self {
            Self::Captures(variables) => variables,
            _ => &[],
        }
    }

    /// The captured part of its key; no two combinations give the same text, for no capture holds a `/`.
    pub fn key(&self, captures: &Captures) -> String {
        let texts: Vec<&str> =
            self.variables().iter().map(|it| captures.get(it).unwrap_or_default()).collect();
        texts.join("/")
    }
}

impl fmt::Display for Per {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => out.write_str("per identity"),
            Self::Address => out.write_str("per address"),
            Self::Policy => out.write_str("for the whole policy"),
            Self::Captures(variables) => {
                let names: Vec<String> = variables.iter().map(|it| format!("{{{it}}}")).collect();
                write!(out, "per `{}`", names.join("/"))
            }
        }
    }
}

/// Why a text is no `per`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPer {
    #[error(transparent)]
    Pattern(BadPattern),
    #[error("`per` cannot be `{0}`")]
    Literal(String),
}

/// Why a text is no `allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadAllow {
    #[error("`allow` must be a number per `s`, `m` or `h`")]
    Shape,
    #[error("`allow` must be from 1 to {RATE_EVENTS_MAX}")]
    Bounds,
}

/// Parses `20/s`: the interval in nanoseconds and the number itself, which is the burst by default.
pub(super) fn parse_allow(text: &str) -> Result<(u64, NonZeroU32), BadAllow> {
    let (number, unit) = text.split_once('/').ok_or(BadAllow::Shape)?;
    let unit_ns: u64 = match unit {
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(BadAllow::Shape),
    };
    if number.is_empty() || !number.bytes().all(|it| it.is_ascii_digit()) {
        return Err(BadAllow::Shape);
    }
    let count: u32 = number.parse().map_err(|_| BadAllow::Bounds)?;
    let count = NonZeroU32::new(count).filter(|it| it.get() <= RATE_EVENTS_MAX).ok_or(BadAllow::Bounds)?;
    Ok((unit_ns / u64::from(count.get()), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        let interval = |text: &str| parse_allow(text).map(|it| it.0);
        assert_eq!(interval("20/s"), Ok(50_000_000));
        assert_eq!(interval("1/h"), Ok(3_600_000_000_000));
        assert_eq!(interval("1000000/s"), Ok(1_000));
        assert_eq!(interval("0/s"), Err(BadAllow::Bounds));
        assert_eq!(interval("1000001/s"), Err(BadAllow::Bounds));
        for text in ["20", "20/d", "/s", "+5/s", "2.5/s", "20/s "] {
            assert_eq!(interval(text), Err(BadAllow::Shape), "{text}");
        }
    }

    #[test]
    fn a_quota_says_the_same() {
        let (interval_ns, burst) = parse_allow("30/m").expect("a rate");
        let quota =
            Limit { name: "limit-1".into(), per: Per::Identity, interval_ns, burst, cost: Cost::Attempts }
                .quota();
        assert_eq!(quota.replenish_interval(), Duration::from_secs(2));
        assert_eq!(quota.burst_size().get(), 30);
    }

    #[test]
    fn only_a_callers_own_limit_guards_a_shared_one() {
        let per = |text: &str| Per::parse(text).expect("per");
        assert!(per("{room}/{identity}").own() && per("{identity}") == Per::Identity);
        assert!(!per("policy").own() && !per("{room}").own());
        assert!(per("identity").guards(&per("policy")) && per("address").guards(&per("{room}")));
        assert!(per("{room}/{identity}").guards(&per("{room}")));
        assert!(!per("{room}/{identity}").guards(&per("policy")));
        assert!(!per("{room}/{identity}").guards(&per("{game}")));
        assert!(!per("{room}").guards(&per("{room}")));
    }
}
