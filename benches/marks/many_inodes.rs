//! One group with a mark on each of many inodes.

use std::path::PathBuf;

use rustix::fs::inotify::WatchFlags;
use vfsnotify::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::tree::InodeRef;

use super::times::{self, Times, time};
use benches::{Args, Embedded, KernelDir, KernelInotify, Report, memory};

/// How many marks are compared with the kernel's.
const BESIDE_THE_KERNEL: usize = 10_000;

/// Files of the crate's, and nothing on them yet.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) world: Embedded,
    pub(crate) inodes: Vec<InodeRef>,
}

impl Files {
    pub(crate) fn new(count: usize) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "dir");
        let inodes = (0..count)
            .map(|number| {
                let file = world.file(&dir, &format!("{number}"));
                let inode = file.inode_ref();
                drop(file);
                inode
            })
            .collect();
        Self { world, inodes }
    }

    /// Puts a mark of a group on each.
    pub(crate) fn add_all(&self, inotify: &Inotify, mask: WatchMask) -> Vec<WatchDescriptor> {
        let add = |inode| inotify.add_watch(inode, mask).expect("a watch");
        self.inodes.iter().map(add).collect()
    }

    fn turn(&self) -> [std::time::Duration; 4] {
        let inotify = self.world.group();
        let (mut added, mut updated) = (Vec::new(), Vec::new());
        let add = time(|| added = self.add_all(&inotify, WatchMask::MODIFY));
        let update = time(|| updated = self.add_all(&inotify, WatchMask::ATTRIB));
        assert_eq!(added, updated, "the same marks, changed");
        assert_eq!(inotify.watch_count(), self.inodes.len());
        let remove = time(|| {
            for wd in &added {
                inotify.rm_watch(*wd).expect("a removal");
            }
        });
        assert_eq!(inotify.watch_count(), 0);
        assert_eq!(drain(&inotify), self.inodes.len(), "IGNORED for each");
        self.add_all(&inotify, WatchMask::MODIFY);
        let close = time(|| inotify.close());
        assert_eq!(self.world.notifier.usage(0).1, 0, "all marks are gone");
        [add, update, remove, close]
    }

    fn times(&self) -> Times {
        Times::of_turns(turns(self.inodes.len()), self.inodes.len(), || self.turn())
    }
}

/// Takes all events out, with the memory of a few.
fn drain(inotify: &Inotify) -> usize {
    let mut events: Vec<Event> = Vec::with_capacity(1024);
    let mut all = 0;
    while inotify.drain_into(&mut events, 1024) > 0 {
        all += events.len();
        events.clear();
    }
    all
}

/// A few marks are measured many times in one figure.
fn turns(marks: usize) -> usize {
    (10_000 / marks).max(1)
}

/// Files of the kernel's.
#[derive(Debug)]
struct KernelFiles {
    dir: KernelDir,
    files: Vec<PathBuf>,
}

impl KernelFiles {
    fn new(dir: KernelDir, count: usize) -> Self {
        let path = dir.subdir("many-inodes");
        let files: Vec<PathBuf> = (0..count).map(|n| path.join(format!("{n}"))).collect();
        for file in &files {
            std::fs::File::create(file).expect("a file");
        }
        Self { dir, files }
    }

    fn add_all(&self, inotify: &KernelInotify, mask: WatchFlags) -> Vec<i32> {
        let add = |file: &PathBuf| inotify.add(file, mask).expect("a watch");
        self.files.iter().map(add).collect()
    }

    fn times(&self) -> Times {
        Times::of_turns(turns(self.files.len()), self.files.len(), || {
            let inotify = KernelInotify::new().expect("an inotify instance");
            let (mut added, mut updated) = (Vec::new(), Vec::new());
            let add = time(|| added = self.add_all(&inotify, WatchFlags::MODIFY));
            let update = time(|| updated = self.add_all(&inotify, WatchFlags::ATTRIB));
            assert_eq!(added, updated, "the same watches, changed");
            let remove = time(|| {
                for wd in &added {
                    inotify.remove(*wd).expect("a removal");
                }
            });
            assert_eq!(inotify.drain(), self.files.len(), "IGNORED for each");
            self.add_all(&inotify, WatchFlags::MODIFY);
            let close = time(|| drop(inotify));
            [add, update, remove, close]
        })
    }
}

/// Measures marks on so many inodes; at one size beside the kernel's.
pub(crate) fn measure(args: &Args, report: &mut Report, sizes: &[usize]) {
    for &size in sizes {
        let files = Files::new(size);
        let is_beside = size == BESIDE_THE_KERNEL;
        let dirs = if is_beside { KernelDir::all(args) } else { Vec::new() };
        let kernels: Vec<KernelFiles> =
            dirs.into_iter().map(|dir| KernelFiles::new(dir, size)).collect();
        let mut own = Vec::new();
        let mut theirs: Vec<Vec<Times>> = kernels.iter().map(|_| Vec::new()).collect();
        for _ in 0..args.pick(3, 5) {
            own.push(files.times());
            for (kernel, times) in kernels.iter().zip(&mut theirs) {
                times.push(kernel.times());
            }
        }
        times::write(report, size, "vfsnotify", &own);
        for (kernel, times) in kernels.iter().zip(&theirs) {
            times::write(report, size, &kernel.dir.side, times);
        }
    }
}

/// Bytes of each mark, in a process of its own.
pub(crate) fn probe(what: &str, count: usize) -> Vec<f64> {
    assert_eq!(what, "marks", "the kernel does not say what others take");
    let files = Files::new(count);
    let inotify = files.world.group();
    let before = memory::resident();
    for inode in &files.inodes {
        inotify.add_watch(inode, WatchMask::MODIFY).expect("a watch");
    }
    let bytes = memory::resident().saturating_sub(before) as f64 / count as f64;
    assert_eq!(inotify.watch_count(), count);
    vec![bytes]
}
