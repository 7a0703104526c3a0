//! Exact decimals: at most 18 digits before the point and 9 behind it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Number;

/// Digits behind the point that are kept.
const PLACES: u32 = 9;
/// 1, scaled.
const ONE: i128 = 1_000_000_000;
/// The first number that has too many digits before the point, scaled.
const BEYOND: i128 = 1_000_000_000_000_000_000 * ONE;

/// A decimal number, as a multiple of 10^-9. 2^64 of them sum up within an `i128`: 27 digits and 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Decimal(i128);

impl Decimal {
    /// The number that a JSON number says: of one with a point, the shortest decimal that JavaScript reads as the
    /// same. `None` when it has more digits than are kept.
    pub fn parse(number: &Number) -> Option<Self> {
        let text = number.to_string();
        let (negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |it| (true, it));
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        let (all, fraction) = (all.trim_start_matches('0'), i32::try_from(fraction.len()).ok()?);
        let kept = all.trim_end_matches('0');
        if kept.is_empty() {
            return Some(Self(0));
        }
        let dropped = i32::try_from(all.len() - kept.len()).ok()?;
        // The number is `kept` × 10^`shift`, counted in 10^-9.
        let shift =
            u32::try_from(exponent.checked_sub(fraction)?.checked_add(dropped)?.checked_add(9)?).ok()?;
        let scaled = 10_i128.checked_pow(shift)?.checked_mul(kept.parse().ok()?)?;
        (scaled < BEYOND).then_some(Self(if negative { -scaled } else { scaled }))
    }

    /// From a multiple of 10^-9.
    pub(super) fn of_scaled(scaled: i128) -> Self {
        Self(scaled)
    }

    /// As a multiple of 10^-9.
    pub(super) fn scaled(self) -> i128 {
        self.0
    }

    /// A fraction of scaled numbers, rounded half to even to six places.
    pub(super) fn mean(sum: i128, count: u64) -> Self {
        let divisor = i128::from(count.max(1)) * 1_000;
        let (whole, rest) = (sum.div_euclid(divisor), sum.rem_euclid(divisor));
        let up = match (rest * 2).cmp(&divisor) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => whole.rem_euclid(2),
            std::cmp::Ordering::Greater => 1,
        };
        Self((whole + up) * 1_000)
    }
}

impl fmt::Display for Decimal {
    /// The shortest text: no zeros at its end, no point without a digit behind it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) =
            (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        if self.0 < 0 {
            out.write_str("-")?;
        }
        write!(out, "{whole}")?;
        if fraction == 0 {
            return Ok(());
        }
        let digits = format!("{fraction:0width$}", width = PLACES as usize);
        write!(out, ".{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let number: Number = serde_json::from_str(text).expect("a number");
        Decimal::parse(&number).map(|it| it.to_string())
    }

    #[test]
    fn numbers_are_read_exactly() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1.0", "1"),
            ("1.50", "1.5"),
            ("-12.25", "-12.25"),
            ("0.1", "0.1"),
            ("1e3", "1000"),
            ("1.5e-3", "0.0015"),
            ("0.000000001", "0.000000001"),
            ("-0.000000001", "-0.000000001"),
            ("999999999999999999", "999999999999999999"),
            ("100000000000000000", "100000000000000000"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["1000000000000000000", "1e18", "0.0000000001", "1.0000000001", "1e300", "1e-300"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn means_are_rounded_half_to_even() {
        let mean = |sum: &str, count: u64| {
            let number: Number = serde_json::from_str(sum).expect("a number");
            Decimal::mean(Decimal::parse(&number).expect("a decimal").scaled(), count).to_string()
        };
        assert_eq!(mean("1", 3), "0.333333");
        assert_eq!(mean("2", 3), "0.666667");
        assert_eq!(mean("0.000001", 2), "0");
        assert_eq!(mean("0.000003", 2), "0.000002");
        assert_eq!(mean("-0.000001", 2), "0");
        assert_eq!(mean("-0.000003", 2), "-0.000002");
        assert_eq!(mean("-2", 3), "-0.666667");
        assert_eq!(mean("10", 4), "2.5");
    }
}
