//! Points in time and spans; the clock itself is read elsewhere and handed in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::limits::TTL_SECONDS_MAX;

/// Milliseconds since 1970 (UTC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since 1970.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time and `ttl` more; the instant after which the thing is gone. `None` never comes.
    pub fn after(self, ttl: Ttl) -> Option<Self> {
        (ttl.seconds() != 0).then(|| Self(self.0.saturating_add(i64::from(ttl.seconds()) * 1000)))
    }

    /// RFC 3339 in whole seconds, `2026-11-24T02:47:06Z`: the only form that twilio-python reads.
    pub fn to_seconds_text(self) -> String {
        let mut text = self.to_text();
        // What is cut off is ASCII.
        text.truncate(text.len().saturating_sub(".000Z".len()));
        text.push('Z');
        text
    }

    /// RFC 3339 with milliseconds, `2026-11-24T02:47:06.825Z`. Times stand in each answer: each digit is put in its
    /// place, since formatting them was a tenth of a write.
    pub fn to_text(self) -> String {
        let ((year, month, day), seconds) =
            (civil(self.as_seconds().div_euclid(86_400)), self.as_seconds().rem_euclid(86_400));
        let ([c, d], [y, z]) = (two_digits(year / 100), two_digits(year % 100));
        let ([m, n], [a, b]) = (two_digits(month), two_digits(day));
        let ([h, i], [j, k]) = (two_digits(seconds / 3600), two_digits(seconds / 60 % 60));
        let ([s, t], millis) = (two_digits(seconds % 60), self.0.rem_euclid(1000));
        let ([_, e], [f, g]) = (two_digits(millis / 100), two_digits(millis % 100));
        let text =
            [c, d, y, z, b'-', m, n, b'-', a, b, b'T', h, i, b':', j, k, b':', s, t, b'.', e, f, g, b'Z'];
        let text = str::from_utf8(&text).unwrap_or_default();
        match year {
            0..=9999 => text.to_owned(),
            // No clock shows such a year; what a client's `exp` may say does.
            _ => format!("{year}{}", text.get(4..).unwrap_or_default()),
        }
    }
}

/// The last two digits of a number.
fn two_digits(number: i64) -> [u8; 2] {
    let [.., low] = (number.unsigned_abs() % 100).to_be_bytes();
    [b'0' + low / 10, b'0' + low % 10]
}

impl fmt::Display for Timestamp {
    /// As [`Self::to_text`].
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_text())
    }
}

/// A time to live in whole seconds; 0 is "for ever" (Sync).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Ttl(u32);

impl Ttl {
    /// For ever: on an update it takes an expiry back.
    pub const NEVER: Self = Self(0);

    /// The seconds; 0 is "for ever".
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Ttl {
    type Error = TtlTooLong;
    fn try_from(seconds: u32) -> Result<Self, TtlTooLong> {
        if TTL_SECONDS_MAX < seconds { Err(TtlTooLong) } else { Ok(Self(seconds)) }
    }
}
impl From<Ttl> for u32 {
    fn from(ttl: Ttl) -> u32 {
        ttl.0
    }
}

/// A time to live above one year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time to live is at most {TTL_SECONDS_MAX} seconds")]
pub struct TtlTooLong;

/// Year, month and day of a day number since 1970 (proleptic Gregorian calendar).
fn civil(days: i64) -> (i64, i64, i64) {
    // Count from 0000-03-01, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_rfc_3339() {
        let at = Timestamp::from_millis(1_795_488_426_825);
        assert_eq!(at.to_string(), "2026-11-24T02:47:06.825Z");
        assert_eq!(at.to_seconds_text(), "2026-11-24T02:47:06Z");
        assert_eq!(Timestamp::from_seconds(951_782_400).to_seconds_text(), "2000-02-29T00:00:00Z");
        assert_eq!(Timestamp::from_seconds(253_402_300_800).to_seconds_text(), "10000-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_millis(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn zero_never_comes() {
        assert_eq!(Timestamp::from_seconds(5).after(Ttl::NEVER), None);
        assert!(Ttl::try_from(TTL_SECONDS_MAX + 1).is_err());
    }
}
