//! Unmounts of a full file system beside operations that free a little at their ends.
//!
//! Each operation frees a bounded number of dead objects. Whoever meets a file system that has been
//! unmounted prunes it, and must free all that it has pruned: when all have returned from what they
//! were doing, and nothing else is ever called, the file system has to be gone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::{Context, ErrorKind, EventMask, MemFs, OpenFlags, Vfs};

use crate::settings::Settings;
use crate::watchdog::{Progress, Watchdog};

/// How many names the file system has: many times what one operation frees.
const NAMES: usize = 1000;
/// How many of them are watched.
const WATCHED: usize = 50;

const DOING: [&str; 6] =
    ["mount and fill", "unmount", "wait for the others", "count", "fail", "watch"];

struct Scene {
    vfs: Vfs,
    cx: Context,
    inotify: Inotify,
    /// The others are to go on, or else to meet at the barrier.
    go_on: AtomicBool,
    end: AtomicBool,
    meet: Barrier,
}

/// Unmounts again and again for so long, and returns how often.
pub(crate) fn run(settings: &Settings, time: Duration) -> usize {
    let threads = settings.threads.max(3);
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a directory");
    let inotify = vfs.inotify(&cx).expect("an instance");
    let scene = Scene {
        vfs,
        cx,
        inotify,
        go_on: AtomicBool::new(false),
        end: AtomicBool::new(false),
        meet: Barrier::new(threads),
    };
    let progress: Vec<_> = (0..threads)
        .map(|thread| Arc::new(Progress::new(format!("unmounting {thread}"), &DOING)))
        .collect();
    let watchdog = Watchdog::new(progress.clone(), settings.patience);
    let mut unmounts = 0;
    thread::scope(|scope| {
        for (nth, progress) in progress[1..].iter().enumerate() {
            let scene = &scene;
            scope.spawn(move || scene.beside(nth, progress));
        }
        let start = Instant::now();
        while start.elapsed() < time {
            scene.once(&progress[0]);
            unmounts += 1;
        }
        scene.end.store(true, Ordering::SeqCst);
        scene.meet.wait();
        progress[0].rest();
    });
    drop(watchdog);
    scene.vfs.verify().expect("every invariant holds");
    unmounts
}

impl Scene {
    /// Mounts, fills, watches, unmounts, and looks what is left.
    fn once(&self, progress: &Progress) {
        let Self { vfs, cx, inotify, .. } = self;
        progress.step(0);
        let before = self.counts();
        let fs = Arc::new(MemFs::new());
        let gone = Arc::downgrade(&fs);
        vfs.mount_with(cx, "/m", fs, Default::default()).expect("a mount");
        let mut watched = HashMap::new();
        for nth in 0..NAMES {
            let path = format!("/m/{nth}");
            let flags = OpenFlags::WRITE | OpenFlags::CREATE;
            drop(vfs.open(cx, &path, flags, 0o644).expect("a file"));
            if nth % (NAMES / WATCHED) == 0 {
                let wd = vfs.add_watch(cx, inotify, &path, WatchMask::OPEN).expect("a watch");
                watched.insert(wd.as_raw(), Vec::new());
            }
        }
        progress.step(1);
        self.go_on.store(true, Ordering::SeqCst);
        self.meet.wait();
        // Somebody may be on the way to watch something in it.
        while let Err(error) = vfs.unmount(cx, "/m") {
            assert_eq!(error.kind(), ErrorKind::Busy);
            progress.step(1);
            thread::yield_now();
        }
        progress.step(2);
        self.go_on.store(false, Ordering::SeqCst);
        self.meet.wait();
        // Nobody does anything here, and nothing may be left to be done.
        progress.step(3);
        assert_eq!(gone.strong_count(), 0, "an unmounted file system is left behind");
        assert_eq!(self.counts(), before, "dentries, inodes and watches");
        for event in inotify.drain() {
            let event = event.happened().expect("no overflow").clone();
            watched.entry(event.wd.as_raw()).or_default().push(event.mask);
        }
        for (wd, masks) in watched {
            assert_eq!(masks, [EventMask::UNMOUNT, EventMask::IGNORED], "wd {wd}");
        }
    }

    fn counts(&self) -> (usize, usize, usize) {
        let tree = self.vfs.tree();
        (tree.live_dentries(), tree.live_inodes(), self.inotify.watch_count())
    }

    /// Fails again and again; one of them watches what is there, while it is there.
    fn beside(&self, nth: usize, progress: &Progress) {
        let Self { vfs, cx, inotify, .. } = self;
        let mut rounds = 0;
        loop {
            progress.step(2);
            self.meet.wait();
            if self.end.load(Ordering::SeqCst) {
                progress.rest();
                return;
            }
            while self.go_on.load(Ordering::SeqCst) {
                rounds += 1;
                if nth == 0 {
                    progress.step(5);
                    let path = format!("/m/{}", rounds % NAMES);
                    // There, or there no more.
                    let _ = vfs.add_watch(cx, inotify, path, WatchMask::OPEN);
                } else {
                    progress.step(4);
                    let failed = vfs.mkdir(cx, "/m", 0o755).expect_err("it is there");
                    assert_eq!(failed.kind(), ErrorKind::Exists);
                }
            }
            self.meet.wait();
        }
    }
}
