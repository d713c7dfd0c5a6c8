//! Marks of many groups on one inode.

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::tree::InodeRef;

use super::times::time;
use benches::{Args, Embedded, Report, Sample};

/// A file, and groups that watch nothing yet.
#[derive(Debug)]
struct Crowd {
    /// Keeps the notifier.
    _world: Embedded,
    inode: InodeRef,
    groups: Vec<Inotify>,
}

impl Crowd {
    fn new(groups: usize) -> Self {
        let world = Embedded::default();
        let inode = world.file(&world.root, "file").inode_ref();
        let groups = (0..groups).map(|_| world.group()).collect();
        Self { _world: world, inode, groups }
    }

    /// Nanoseconds of adding a mark of each group, and of removing each.
    fn times(&self, turns: usize) -> (f64, f64) {
        let (mut add, mut remove) = (0.0, 0.0);
        let mut wds: Vec<WatchDescriptor> = Vec::with_capacity(self.groups.len());
        for _ in 0..turns {
            wds.clear();
            let added = time(|| {
                for group in &self.groups {
                    wds.push(group.add_watch(&self.inode, WatchMask::MODIFY).expect("a watch"));
                }
            });
            let removed = time(|| {
                for (group, wd) in self.groups.iter().zip(&wds) {
                    group.rm_watch(*wd).expect("a removal");
                }
            });
            for group in &self.groups {
                assert_eq!(group.drain().len(), 1, "IGNORED");
            }
            add += added.as_nanos() as f64;
            remove += removed.as_nanos() as f64;
        }
        let marks = (turns * self.groups.len()) as f64;
        (add / marks, remove / marks)
    }
}

/// Measures so many groups.
pub(crate) fn measure(args: &Args, report: &mut Report, sizes: &[usize]) {
    for &size in sizes {
        let crowd = Crowd::new(size);
        let turns = (args.pick(2000, 10_000) / size).max(1);
        let (mut add, mut remove) = (Sample::default(), Sample::default());
        for _ in 0..args.pick(3, 9) {
            let times = crowd.times(turns);
            add.0.push(times.0);
            remove.0.push(times.1);
        }
        let size = size as u64;
        report.sample("one inode", size, "vfsnotify", "time per mark, add", "ns", &add);
        report.sample("one inode", size, "vfsnotify", "time per mark, remove", "ns", &remove);
    }
}
