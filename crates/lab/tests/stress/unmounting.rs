//! Unmounts of a full file system beside operations that free a little at their ends.
//!
//! Each operation frees a bounded number of dead objects. A thread that meets a file system that has been
//! unmounted prunes it, and must free all that it has pruned: when all have returned from what they
//! were doing, and nothing else is ever called, the file system has to be gone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::{Context, Errno, EventMask, MemFs, OpenFlags, Vfs};

use crate::settings::Settings;
use crate::watchdog::{Progress, Watchdog};

/// How many names the file system has, now and then: many times what one operation frees.
const MANY: usize = 1000;
/// How many it has else: some times what one operation frees, and soon made.
const SOME: usize = 60;
/// How often it has many.
const EVERY: usize = 16;
/// Of how many one is watched.
const ONE_WATCHED_OF: usize = 20;

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
    let watchdog = Watchdog::new(progress.clone(), settings.timeout);
    let (mut unmounts, mut outcome) = (0, Ok(()));
    thread::scope(|scope| {
        for (nth, progress) in progress[1..].iter().enumerate() {
            let scene = &scene;
            scope.spawn(move || scene.beside(nth, progress));
        }
        let start = Instant::now();
        while start.elapsed() < time && outcome.is_ok() {
            let names = if unmounts % EVERY == 0 { MANY } else { SOME };
            outcome = scene.once(names, &progress[0]);
            unmounts += 1;
        }
        scene.end.store(true, Ordering::SeqCst);
        scene.meet.wait();
        progress[0].rest();
    });
    drop(watchdog);
    if let Err(what) = outcome {
        panic!("after unmount {unmounts}: {what}");
    }
    scene.vfs.verify().expect("every invariant holds");
    unmounts
}

impl Scene {
    /// Mounts, fills, watches, unmounts, and looks what is left.
    fn once(&self, names: usize, progress: &Progress) -> Result<(), String> {
        let Self { vfs, cx, inotify, .. } = self;
        progress.step(0);
        let before = self.counts();
        let fs = Arc::new(MemFs::new());
        let gone = Arc::downgrade(&fs);
        vfs.mount_with(cx, "/m", fs, Default::default()).expect("a mount");
        let mut watched = HashMap::new();
        for nth in 0..names {
            let path = format!("/m/{nth}");
            let flags = OpenFlags::WRITE | OpenFlags::CREATE;
            drop(vfs.open(cx, &path, flags, 0o644).expect("a file"));
            if nth % ONE_WATCHED_OF == 0 {
                let wd = vfs.add_watch(cx, inotify, &path, WatchMask::OPEN).expect("a watch");
                watched.insert(wd.as_raw(), Vec::new());
            }
        }
        progress.step(1);
        self.go_on.store(true, Ordering::SeqCst);
        self.meet.wait();
        // Another thread may be about to watch something in it.
        while let Err(error) = vfs.unmount(cx, "/m") {
            assert_eq!(error.errno(), Errno::EBUSY);
            progress.step(1);
            thread::yield_now();
        }
        progress.step(2);
        self.go_on.store(false, Ordering::SeqCst);
        self.meet.wait();
        progress.step(3);
        // Not by a panic: the others would wait for ever.
        self.find_nothing_left(gone.strong_count(), before, watched)
    }

    /// No thread does anything here, and nothing may be left to be done.
    fn find_nothing_left(
        &self,
        users: usize,
        before: (usize, usize, usize),
        mut watched: HashMap<i32, Vec<EventMask>>,
    ) -> Result<(), String> {
        if users != 0 {
            return Err("an unmounted file system is left behind".to_owned());
        }
        let after = self.counts();
        if after != before {
            return Err(format!("dentries, inodes and watches: {before:?} before, now {after:?}"));
        }
        for event in self.inotify.drain() {
            let Some(event) = event.fs_event() else { return Err(format!("{event:?}")) };
            watched.entry(event.wd.as_raw()).or_default().push(event.mask);
        }
        match watched.iter().find(|(_, seen)| **seen != [EventMask::UNMOUNT, EventMask::IGNORED]) {
            Some((wd, seen)) => Err(format!("wd {wd} got {seen:?}")),
            None => Ok(()),
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
                    let path = format!("/m/{}", rounds % SOME);
                    // There, or there no more.
                    let _ = vfs.add_watch(cx, inotify, path, WatchMask::OPEN);
                } else {
                    progress.step(4);
                    let failed = vfs.mkdir(cx, "/m", 0o755).expect_err("it is there");
                    assert_eq!(failed.errno(), Errno::EEXIST);
                }
            }
            self.meet.wait();
        }
    }
}
