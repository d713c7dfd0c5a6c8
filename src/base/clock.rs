//! The clock, which the caller may replace.

use std::fmt::{self, Debug};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::errno::Errno;
use crate::base::error::{Error, Result};

/// The nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;

/// A point in time as a file system stores it: seconds and nanoseconds since 1970.
///
/// It converts from and to [`SystemTime`], also before 1970.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use vfsnotify::Timestamp;
/// let time = SystemTime::UNIX_EPOCH - Duration::from_millis(1_500);
/// let stamp = Timestamp::from(time);
/// assert_eq!(stamp, Timestamp { seconds: -2, nanoseconds: 500_000_000 });
/// assert_eq!(stamp.to_string(), "-1.500000000");
/// assert_eq!(SystemTime::try_from(stamp)?, time);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970, negative before.
    pub seconds: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nanoseconds: u32,
}

impl Timestamp {
    const EARLIEST: Self = Self { seconds: i64::MIN, nanoseconds: 0 };
    const LATEST: Self = Self { seconds: i64::MAX, nanoseconds: SECOND - 1 };

    /// The timestamp of this many seconds since 1970.
    ///
    /// ```
    /// use vfsnotify::Timestamp;
    /// assert_eq!(Timestamp::from_seconds(7).seconds, 7);
    /// ```
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self { seconds, nanoseconds: 0 }
    }
}

impl From<SystemTime> for Timestamp {
    /// The same moment. Linux hosts have no time that a timestamp cannot hold; on other hosts such a
    /// time becomes the nearest timestamp.
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => match i64::try_from(after.as_secs()) {
                Ok(seconds) => Self { seconds, nanoseconds: after.subsec_nanos() },
                Err(_) => Self::LATEST,
            },
            Err(error) => {
                let before = error.duration();
                let (seconds, nanoseconds) = match before.subsec_nanos() {
                    0 => (0_i64.checked_sub_unsigned(before.as_secs()), 0),
                    nanos => ((-1_i64).checked_sub_unsigned(before.as_secs()), SECOND - nanos),
                };
                seconds.map_or(Self::EARLIEST, |seconds| Self { seconds, nanoseconds })
            }
        }
    }
}

impl TryFrom<Timestamp> for SystemTime {
    type Error = Error;

    /// The same moment.
    ///
    /// # Errors
    /// `EINVAL` for a billion nanoseconds or more; `EOVERFLOW` for a moment that the host cannot express.
    fn try_from(time: Timestamp) -> Result<Self> {
        if time.nanoseconds >= SECOND {
            return Err(Errno::EINVAL.into());
        }
        let whole = Duration::from_secs(time.seconds.unsigned_abs());
        let second = match time.seconds {
            0.. => UNIX_EPOCH.checked_add(whole),
            _ => UNIX_EPOCH.checked_sub(whole),
        };
        let moment =
            second.and_then(|second| second.checked_add(Duration::new(0, time.nanoseconds)));
        moment.ok_or_else(|| Errno::EOVERFLOW.into())
    }
}

impl fmt::Display for Timestamp {
    /// Seconds since 1970 with nine decimals, as `stat -c %.9Y` prints them; negative before 1970.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 128 bits: the number of nanoseconds is not checked and may be large.
        let nanos = i128::from(self.seconds) * i128::from(SECOND) + i128::from(self.nanoseconds);
        let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
        let second = u128::from(SECOND);
        write!(f, "{sign}{}.{:09}", nanos / second, nanos % second)
    }
}

/// A source of time.
///
/// File systems stamp their inodes with [`Clock::now`]; a walk measures its chunks with
/// [`Clock::monotonic`]. A test passes its own clock and gets the same run every time.
///
/// ```
/// use std::time::Duration;
/// use vfsnotify::{Clock, Timestamp};
///
/// #[derive(Debug)]
/// struct Frozen;
/// impl Clock for Frozen {
///     fn now(&self) -> Timestamp { Timestamp::from_seconds(1) }
///     fn monotonic(&self) -> Duration { Duration::ZERO }
/// }
/// assert_eq!(Frozen.now().seconds, 1);
/// ```
pub trait Clock: Debug + Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, never going back.
    fn monotonic(&self) -> Duration;
}

/// The clock of the operating system; the default everywhere.
///
/// ```
/// use vfsnotify::{Clock, SystemClock};
/// let clock = SystemClock::default();
/// assert!(clock.now().seconds > 1_600_000_000);
/// assert!(clock.monotonic() <= clock.monotonic());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_from_the_system() {
        let moments = [
            Timestamp::default(),
            Timestamp { seconds: 0, nanoseconds: 1 },
            Timestamp { seconds: -1, nanoseconds: 999_999_900 },
            Timestamp { seconds: -2, nanoseconds: 0 },
            Timestamp { seconds: 1_700_000_000, nanoseconds: 123_456_700 },
            Timestamp { seconds: -11_000_000_000, nanoseconds: 500 },
        ];
        for moment in moments {
            assert_eq!(Timestamp::from(SystemTime::try_from(moment).unwrap()), moment);
        }
    }

    /// Linux keeps the seconds in 64 bits, so every timestamp is a time of the system.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_earliest_and_the_latest_time_come_back() {
        for seconds in [i64::MIN, i64::MIN + 1, i64::MAX] {
            for nanoseconds in [0, 1, SECOND - 1] {
                let moment = Timestamp { seconds, nanoseconds };
                assert_eq!(Timestamp::from(SystemTime::try_from(moment).unwrap()), moment);
            }
        }
    }

    #[test]
    fn a_billion_nanoseconds_are_no_time() {
        let wrong = Timestamp { seconds: 1, nanoseconds: SECOND };
        assert_eq!(SystemTime::try_from(wrong).unwrap_err(), Errno::EINVAL);
    }

    #[test]
    fn a_time_is_shown_in_seconds() {
        let shown = |seconds, nanoseconds| Timestamp { seconds, nanoseconds }.to_string();
        assert_eq!(shown(0, 0), "0.000000000");
        assert_eq!(shown(12, 5), "12.000000005");
        assert_eq!(shown(-1, 0), "-1.000000000");
        assert_eq!(shown(-1, 999_999_999), "-0.000000001");
        assert_eq!(shown(i64::MIN, 1), "-9223372036854775807.999999999");
        assert_eq!(shown(i64::MAX, u32::MAX), "9223372036854775811.294967295");
    }
}
