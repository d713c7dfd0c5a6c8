//! This crate: a VFS over its file system in memory.

use std::hint::black_box;

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::{Context, EventMask, File, MemFs, OpenFlags, TreeConfig, Vfs};

use crate::side::{PROBE, Side, Sizes, child_name, herd_names, missing_name};

const DIR: &str = "/herd";

/// A directory of a VFS, with a watch elsewhere in it.
#[derive(Debug)]
pub(crate) struct VfsSide {
    vfs: Vfs,
    cx: Context,
    sizes: Sizes,
    dir: File,
    probe: File,
    names: Vec<String>,
    inotify: Inotify,
    _elsewhere: Inotify,
}

impl VfsSide {
    /// A directory of these sizes.
    pub(crate) fn new(sizes: Sizes) -> Self {
        let tree = TreeConfig::default()
            .with_negatives(1 << 30)
            .with_negatives_per_directory(1 << 30)
            .with_dentries(1 << 30);
        let vfs = Vfs::builder().tree(tree).build(MemFs::new()).expect("a VFS");
        let cx = vfs.context();
        let names = herd_names();
        vfs.mkdir(&cx, DIR, 0o755).expect("a directory");
        vfs.mkdir(&cx, "/elsewhere", 0o755).expect("a directory");
        let dir = vfs.open(&cx, DIR, OpenFlags::PATH, 0).expect("it was just made");
        let make = |name: &str| {
            let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
            vfs.open(&cx, dir.at(name), flags, 0o644).expect("a new file")
        };
        for name in &names {
            make(name).close();
        }
        for number in 0..sizes.children {
            make(&child_name(number)).close();
        }
        let probe = make(PROBE);
        let before = vfs.tree().negatives();
        for number in 0..sizes.negatives {
            let name = missing_name(number);
            vfs.notifier()
                .remember_missing(dir.dentry(), name.as_bytes())
                .expect("a negative dentry");
        }
        assert_eq!(vfs.tree().negatives() - before, sizes.negatives);

        let elsewhere = vfs.inotify(&cx).expect("an instance");
        vfs.add_watch(&cx, &elsewhere, "/elsewhere", WatchMask::MODIFY).expect("a watch");
        let inotify = vfs.inotify(&cx).expect("an instance");
        Self { vfs, cx, sizes, dir, probe, names, inotify, _elsewhere: elsewhere }
    }

    fn write(&self) {
        assert_eq!(self.probe.pwrite(b"x", 0).expect("a file open for writing"), 1);
    }
}

impl Side for VfsSide {
    fn name(&self) -> &str {
        "vfsnotify"
    }

    fn negatives(&self) -> usize {
        self.sizes.negatives
    }

    fn open_close(&self, file: usize) {
        let path = self.dir.at(&self.names[file]);
        let file = self.vfs.open(&self.cx, path, OpenFlags::READ, 0);
        black_box(file.expect("it is there")).close();
    }

    fn watch(&self) {
        let added = self.vfs.add_watch(&self.cx, &self.inotify, DIR, WatchMask::MODIFY);
        let wd = added.expect("a watch");
        self.write();
        let events = self.inotify.drain();
        let [event] = &events[..] else { panic!("one event, and not {events:?}") };
        let event = event.fs_event().expect("one event is no overflow");
        assert_eq!((event.wd, event.mask), (wd, EventMask::MODIFY));
        assert_eq!(event.name, PROBE);
        self.inotify.rm_watch(wd).expect("it is there");
        // This one matches no mark; it clears the flag of the file.
        self.write();
        let events = self.inotify.drain();
        let [event] = &events[..] else { panic!("IGNORED, and not {events:?}") };
        assert_eq!(event.fs_event().map(|event| event.mask), Some(EventMask::IGNORED));
    }

    fn check(&self) {
        let dir = self.dir.dentry();
        let is_flagged = |name: &str| {
            let file = self.vfs.open(&self.cx, self.dir.at(name), OpenFlags::PATH, 0);
            file.expect("it is there").dentry().is_parent_watched()
        };
        // Each file of the herd was touched after the last watch; the others were not.
        assert!(!self.names.iter().any(|name| is_flagged(name)), "a flag was not cleared");
        assert!(
            (0..self.sizes.children).all(|n| is_flagged(&child_name(n))),
            "a walk cleared flags"
        );
        assert!(!dir.is_parent_watched());
        assert_eq!(self.inotify.watch_count(), 0);
        self.vfs.verify().expect("every invariant holds");
    }
}
