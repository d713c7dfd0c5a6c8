//! The clock, injected wherever time matters.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time as a file system stores it: seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970, negative before.
    pub seconds: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nanoseconds: u32,
}

impl Timestamp {
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
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self {
                seconds: i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                nanoseconds: after.subsec_nanos(),
            },
            Err(error) => {
                let before = error.duration();
                let seconds = -i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                match before.subsec_nanos() {
                    0 => Self { seconds, nanoseconds: 0 },
                    nanos => Self { seconds: seconds - 1, nanoseconds: 1_000_000_000 - nanos },
                }
            }
        }
    }
}

/// Where time comes from.
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
    fn a_time_before_1970_keeps_its_nanoseconds_positive() {
        let time = UNIX_EPOCH - Duration::from_millis(1_500);
        let stamp = Timestamp::from(time);
        assert_eq!(stamp, Timestamp { seconds: -2, nanoseconds: 500_000_000 });
    }
}
