//! The watchdog: every thread says what it does, and one that stands still ends the test.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use vfsnotify::lockdep;

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(200);

/// The state that one thread publishes. Relaxed throughout: nothing hangs on it.
#[derive(Debug)]
pub(crate) struct Progress {
    name: String,
    steps: AtomicU64,
    /// The place in `what` of what it does now.
    doing: AtomicUsize,
    what: &'static [&'static str],
    /// It has nothing to do, and may stand still.
    idle: AtomicBool,
}

impl Progress {
    /// A thread by this name, which will say which of `what` it does.
    pub(crate) fn new(name: String, what: &'static [&'static str]) -> Self {
        Self {
            name,
            steps: AtomicU64::new(0),
            doing: AtomicUsize::new(0),
            what,
            idle: AtomicBool::new(false),
        }
    }

    /// It begins the next thing.
    pub(crate) fn step(&self, doing: usize) {
        self.doing.store(doing, Ordering::Relaxed);
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended, or waits for others that are watched themselves.
    pub(crate) fn rest(&self) {
        self.idle.store(true, Ordering::Relaxed);
    }

    /// How many things it has begun.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    fn show(&self) -> String {
        let doing = self.what.get(self.doing.load(Ordering::Relaxed)).unwrap_or(&"?");
        let state = if self.idle.load(Ordering::Relaxed) { "has ended after" } else { "is at" };
        format!("{} {state} {doing}, step {}", self.name, self.steps())
    }
}

/// Watches threads until it is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches these threads. If one makes no step for as long as `timeout`, it prints what each of
    /// them does and which thread holds which lock, and ends the process: a thread that is stuck cannot be
    /// joined.
    pub(crate) fn new(threads: Vec<Arc<Progress>>, timeout: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let watch = move || {
            let mut last: Vec<_> =
                threads.iter().map(|thread| (thread.steps(), Instant::now())).collect();
            while !stopped.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
                for (thread, (steps, since)) in threads.iter().zip(&mut last) {
                    let now = thread.steps();
                    if now != *steps || thread.idle.load(Ordering::Relaxed) {
                        (*steps, *since) = (now, Instant::now());
                    } else if since.elapsed() > timeout {
                        bark(thread, &threads, since.elapsed());
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("watchdog".into()).spawn(watch);
        Self { stop, thread: Some(thread.expect("a thread")) }
    }
}

fn bark(stuck: &Progress, threads: &[Arc<Progress>], since: Duration) -> ! {
    let mut text = format!("watchdog: no step for {} s: {}\n", since.as_secs(), stuck.show());
    for thread in threads {
        text.push_str(&format!("  {}\n", thread.show()));
    }
    let held = lockdep::held_by_all();
    text.push_str(match (lockdep::is_on(), held.is_empty()) {
        (false, _) => {
            "which thread holds which lock is not known: the check is off in this build\n"
        }
        (true, true) => "no thread holds a lock of the crate or waits for one\n",
        (true, false) => "locks of the crate:\n",
    });
    text.push_str(&held);
    // Straight to the end: what a test prints is kept back until it has ended, and this one never
    // will. If it cannot be written there is no way to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
    std::process::abort();
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the watchdog");
        }
    }
}
