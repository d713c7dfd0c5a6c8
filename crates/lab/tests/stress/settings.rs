//! How long, with how many threads, and from which seed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The settings of the environment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Decides what each thread tries, though not how the threads interleave.
    pub(crate) seed: u64,
    /// How long all tests of this file take together.
    pub(crate) time: Duration,
    /// How many threads work at once, readers and the watchdog not counted.
    pub(crate) threads: usize,
    /// How long a thread may stand still before the watchdog barks.
    pub(crate) timeout: Duration,
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let Ok(number) = text.parse() else { panic!("{name}={text:?} is no number") };
    Some(number)
}

impl Settings {
    /// Reads the environment, and says what came of it, so that a failure can be tried again.
    pub(crate) fn read(test: &str) -> Self {
        let by_clock =
            || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_nanos() as u64);
        let settings = Self {
            seed: number("VFSNOTIFY_SEED").unwrap_or_else(by_clock),
            time: Duration::from_secs(number("VFSNOTIFY_SECONDS").unwrap_or(5)),
            threads: number("VFSNOTIFY_THREADS").map_or(6, |threads| (threads as usize).max(2)),
            timeout: Duration::from_secs(number("VFSNOTIFY_TIMEOUT").unwrap_or(30)),
        };
        let Self { seed, time, threads, .. } = settings;
        println!(
            "{test}: VFSNOTIFY_SEED={seed} VFSNOTIFY_SECONDS={} VFSNOTIFY_THREADS={threads}",
            time.as_secs()
        );
        settings
    }

    /// This share of the time, in percent.
    pub(crate) fn share(&self, percent: u32) -> Duration {
        self.time * percent / 100
    }

    /// The random numbers of one thread in one round.
    pub(crate) fn rng(&self, round: usize, thread: usize) -> fastrand::Rng {
        // Far apart, so that neighbours do not do the same things.
        let place = (round as u64) << 32 | thread as u64;
        fastrand::Rng::with_seed(self.seed ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}
