//! The life of a one-shot mark: add, trigger, IGNORED, read.

use std::fs::File;
use std::mem::MaybeUninit;
use std::path::PathBuf;

use rustix::fs::inotify::WatchFlags;
use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::notify::DentryRef;

use super::times::time;
use benches::rounds::Side;
use benches::{Args, Embedded, KernelDir, KernelInotify, Report, interleave};

/// A file of the crate's, and a group.
#[derive(Debug)]
struct Own {
    world: Embedded,
    file: DentryRef,
    inotify: Inotify,
}

impl Own {
    fn new() -> Self {
        let world = Embedded::default();
        let file = world.file(&world.root, "file");
        let inotify = world.group();
        Self { world, file, inotify }
    }

    fn cycles(&self, cycles: u32) -> f64 {
        let inode = self.file.inode_ref();
        let mask = WatchMask::MODIFY | WatchMask::ONESHOT;
        let mut events: Vec<Event> = Vec::with_capacity(2);
        let took = time(|| {
            for _ in 0..cycles {
                self.inotify.add_watch(&inode, mask).expect("a watch");
                self.world.notifier.hooks().on_modify(self.file.get());
                let count = self.inotify.drain_into(&mut events, 64);
                assert_eq!(count, 2, "its event, and IGNORED");
                events.clear();
            }
        });
        assert_eq!(self.inotify.watch_count(), 0);
        took.as_nanos() as f64 / f64::from(cycles)
    }
}

/// A file of the kernel's, and an instance.
#[derive(Debug)]
struct Theirs {
    dir: KernelDir,
    path: PathBuf,
    file: File,
    inotify: KernelInotify,
}

impl Theirs {
    fn new(dir: KernelDir) -> Self {
        let path = dir.subdir("one-shot").join("file");
        let file = File::create(&path).expect("a file");
        let inotify = KernelInotify::new().expect("an inotify instance");
        Self { dir, path, file, inotify }
    }

    fn cycles(&self, cycles: u32) -> f64 {
        let mask = WatchFlags::MODIFY | WatchFlags::ONESHOT;
        let mut buffer = [MaybeUninit::uninit(); 512];
        let took = time(|| {
            for _ in 0..cycles {
                self.inotify.add(&self.path, mask).expect("a watch");
                rustix::io::pwrite(&self.file, b"x", 0).expect("a write");
                let count = self.inotify.read(&mut buffer);
                assert_eq!(count, 2, "its event, and IGNORED");
            }
        });
        took.as_nanos() as f64 / f64::from(cycles)
    }
}

/// Measures both, in turn.
pub(crate) fn measure(args: &Args, report: &mut Report) {
    let cycles = args.pick(5000, 50_000);
    let own = Own::new();
    let theirs: Vec<Theirs> = KernelDir::all(args).into_iter().map(Theirs::new).collect();
    let mut own_side = || own.cycles(cycles);
    let mut sides: Vec<Box<dyn FnMut() -> f64>> = theirs
        .iter()
        .map(|theirs| Box::new(|| theirs.cycles(cycles)) as Box<dyn FnMut() -> f64>)
        .collect();
    let mut all: Vec<Side<'_>> = vec![&mut own_side];
    all.extend(sides.iter_mut().map(|side| &mut **side as Side<'_>));
    let samples = interleave(args.pick(5, 15), &mut all);
    let names = std::iter::once("vfsnotify").chain(theirs.iter().map(|their| &*their.dir.side));
    for (side, sample) in names.zip(&samples) {
        report.sample("one-shot", 0, side, "time per cycle", "ns", sample);
    }
}
