//! G3, counted: how many items the crate does under one hold of each lock.
//!
//! Every loop that may run under a lock counts its items (`base::sync::count_items`), and the most
//! under one hold is kept for each lock. Here everything is made large that a guest can make large, and
//! the counts are compared with [`BOUNDS`], in which no size occurs. No time is measured, so a busy
//! machine changes nothing; walks go by a clock that an item moves by 50 ns.
//!
//! Sizes are a tenth of those meant, unless `VFSNOTIFY_FULL=1` says that there is time.
//! `-- --nocapture` prints the longest holds of each test.

mod directories;
mod files;
mod mounts;
mod trees;
mod watches;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::lockdep::{self, BOUNDS, LongestHold};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    Clock, Context, File, MemFs, OpenFlags, Pace, SystemClock, Timestamp, TreeConfig, Vfs, Yielder,
};

const NEW: OpenFlags = OpenFlags::READ_WRITE.union(OpenFlags::CREATE);

/// Time that passes with the items of the thread that asks, 50 ns each.
#[derive(Debug, Default)]
struct WorkClock(SystemClock);

impl Clock for WorkClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_nanos(50 * lockdep::work_done())
    }
}

/// A size that a guest may reach: all of it, or a tenth.
fn size(full: usize) -> usize {
    if std::env::var_os("VFSNOTIFY_FULL").is_some() { full } else { full / 10 }
}

/// The longest holds are those of the whole program, so one test runs at a time.
struct Turn(&'static Sender<()>);

impl Turn {
    fn take() -> Self {
        static TURN: OnceLock<(Sender<()>, Receiver<()>)> = OnceLock::new();
        let (sender, receiver) = TURN.get_or_init(|| {
            let (sender, receiver) = bounded(1);
            sender.send(()).expect("room for one");
            (sender, receiver)
        });
        receiver.recv().expect("the other end is here");
        lockdep::reset_longest_holds();
        Self(sender)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.send(()).expect("the other end is here");
    }
}

struct World {
    vfs: Vfs,
    cx: Context,
    // Dropped last.
    _turn: Turn,
}

impl World {
    fn new() -> Self {
        Self::with(TreeConfig::default(), Limits::default())
    }

    fn with(tree: TreeConfig, limits: Limits) -> Self {
        let turn = Turn::take();
        let pace = Pace::default()
            .with_clock(Arc::new(WorkClock::default()))
            .with_yielder(Yielder::None)
            .with_budget(Duration::from_micros(10));
        let vfs = Vfs::builder()
            .tree(tree)
            .notify(NotifyConfig::default().with_limits(limits).with_pace(pace))
            .max_open_files(1 << 20)
            .build(MemFs::new())
            .expect("a VFS");
        let cx = vfs.context();
        Self { vfs, cx, _turn: turn }
    }

    fn dir(&self, path: &str) {
        self.vfs.mkdir(&self.cx, path, 0o755).expect("a new directory");
    }

    fn file(&self, path: &str) -> File {
        self.vfs.open(&self.cx, path, NEW, 0o644).expect("a new file")
    }

    fn inotify(&self) -> Inotify {
        self.vfs.inotify(&self.cx).expect("an instance")
    }

    fn watch(&self, inotify: &Inotify, path: &str, mask: WatchMask) -> i32 {
        self.vfs.add_watch(&self.cx, inotify, path, mask).expect("a watch").as_raw()
    }

    /// Looks at what was held longest since the last time, and asserts the bounds.
    #[track_caller]
    fn assert_bounded(&self, about: &str) {
        assert_bounded(about);
    }
}

#[track_caller]
fn assert_bounded(about: &str) {
    assert!(lockdep::is_on(), "nothing is counted in this build");
    let holds = lockdep::longest_holds();
    println!("{about}");
    for hold in &holds {
        println!("    {hold}");
    }
    assert!(!holds.is_empty(), "no lock was taken");
    for (lock, most) in BOUNDS {
        assert!(
            most >= longest(&holds, lock),
            "{about}: more than {most} items under one hold: {:?}",
            holds.iter().find(|hold| hold.lock == lock),
        );
    }
    lockdep::assert_bounds(&BOUNDS);
    lockdep::reset_longest_holds();
}

/// The most items under one hold of a lock.
fn longest(holds: &[LongestHold], lock: &str) -> u64 {
    holds.iter().find(|hold| hold.lock == lock).map_or(0, |hold| hold.items)
}
