//! A file that leaves a directory that is not watched any more for one that is watched, while others
//! look at it: the race in which Linux loses events for good.
//!
//! The watch on the directory that the file is in goes, so that the flag in the file is stale; the thread that
//! does something with the file clears it. At the same time the file moves to a directory that is
//! watched, or its own directory is watched again. Clearing it then would make it deaf to that watch.
//! The mover's own next operation must be reported, every time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::notify::DentryRef;
use vfsnotify::{EventMask, InodeKind};

use crate::server::Server;
use crate::settings::Settings;
use crate::watchdog::{Progress, Watchdog};

/// The directories of a mover, and its name for the file in each.
const TOPS: usize = 2;
/// How many look at the file of a mover.
const ONLOOKERS: usize = 2;

const DOING: [&str; 2] = ["move", "look"];

/// The counts of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moved {
    pub(crate) moves: u64,
    pub(crate) looks: u64,
}

/// Does this for so long.
pub(crate) fn run(settings: &Settings, time: Duration) -> Moved {
    let movers = (settings.threads / (1 + ONLOOKERS)).max(1);
    let server = Server::new(&vec![b'h'; movers * TOPS]).expect("a server");
    let files: Vec<_> = (0..movers)
        .map(|mover| {
            let dir = server.tops[mover * TOPS].dentry.get();
            server.make(dir, b"file", InodeKind::Regular).expect("a file")
        })
        .collect();
    let threads = movers * (1 + ONLOOKERS);
    let progress: Vec<_> = (0..threads)
        .map(|thread| Arc::new(Progress::new(format!("handover {thread}"), &DOING)))
        .collect();
    let watchdog = Watchdog::new(progress.clone(), settings.timeout);
    let stop = AtomicBool::new(false);
    let (moves, looks) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        let (server, stop, moves, looks) = (&server, &stop, &moves, &looks);
        let mut works = Vec::new();
        for (nth, progress) in progress.iter().enumerate() {
            let (mover, file) = (nth / (1 + ONLOOKERS), &files[nth / (1 + ONLOOKERS)]);
            works.push(scope.spawn(move || {
                if nth % (1 + ONLOOKERS) == 0 {
                    let done = move_about(server, mover * TOPS, file, stop, progress);
                    moves.fetch_add(done, Ordering::Relaxed);
                } else {
                    let done = look_on(server, file, stop, progress);
                    looks.fetch_add(done, Ordering::Relaxed);
                }
                progress.rest();
            }));
        }
        let start = Instant::now();
        while start.elapsed() < time && !works.iter().any(|work| work.is_finished()) {
            thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(watchdog);
    server.notifier.verify().expect("every invariant holds");
    Moved { moves: moves.into_inner(), looks: looks.into_inner() }
}

fn move_about(
    server: &Server,
    first: usize,
    file: &DentryRef,
    stop: &AtomicBool,
    progress: &Progress,
) -> u64 {
    let inotify = Inotify::new(&server.notifier, 0).expect("an instance");
    let watch = |top: usize| {
        let inode = server.tops[top].dentry.inode_ref();
        inotify.add_watch(&inode, WatchMask::MODIFY).expect("a watch")
    };
    let (mut here, mut there) = (first, first + 1);
    let mut old = watch(here);
    let mut moves = 0;
    while !stop.load(Ordering::Relaxed) {
        progress.step(0);
        let new = if moves % 2 == 0 {
            let new = watch(there);
            inotify.rm_watch(old).expect("its own watch");
            let _locked = server.lock(here, there);
            server
                .rename((server.tops[there].dentry.get(), b"file"), file.clone())
                .expect("a move");
            (here, there) = (there, here);
            new
        } else {
            inotify.rm_watch(old).expect("its own watch");
            watch(here)
        };
        server.notifier.hooks().on_modify(file.get());
        let delivered: Vec<_> =
            inotify.drain().iter().filter_map(Event::fs_event).cloned().collect();
        let came: Vec<_> = delivered.iter().map(|event| (event.wd, event.mask)).collect();
        let wanted = [(old, EventMask::IGNORED), (new, EventMask::MODIFY)];
        assert_eq!(came, wanted, "step {moves}, to what is watched");
        old = new;
        moves += 1;
    }
    moves
}

/// Does with the file what matches no mark.
fn look_on(server: &Server, file: &DentryRef, stop: &AtomicBool, progress: &Progress) -> u64 {
    let mut looks = 0;
    while !stop.load(Ordering::Relaxed) {
        progress.step(1);
        for _ in 0..100 {
            server.notifier.hooks().on_open(file.get());
            server.notifier.hooks().on_attrib(file.get(), EventMask::ATTRIB);
        }
        looks += 200;
    }
    looks
}
