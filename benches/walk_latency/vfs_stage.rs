//! The whole way through the public `Vfs` over `MemFs`.

use std::time::{Duration, Instant};

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::{Context, Errno, File, MemFs, OpenFlags, RenameFlags, Vfs};

use crate::embedded_stage::delivered;
use crate::stage::{FreshNames, Operation, Round, Stage, VARIETY, names, some_of};

const DIR: &str = "/watched";
/// How long to try: the flag of a child is not cleared while its parent's lock is busy.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A directory with many files in a `MemFs`.
#[derive(Debug)]
pub(crate) struct VfsStage {
    vfs: Vfs,
    cx: Context,
    children: usize,
    /// The file whose write after a removal loses a flag.
    loser: File,
    group: Inotify,
    /// Keeps the gate open, so that hooks look at children while the directory is not watched.
    _elsewhere: Inotify,
}

impl VfsStage {
    pub(crate) fn new(children: usize) -> Self {
        let vfs = Vfs::new(MemFs::new()).expect("a vfs");
        let cx = vfs.context();
        for dir in [DIR, "/elsewhere"] {
            vfs.mkdir(&cx, dir, 0o755).expect("a directory");
        }
        let create = |number: usize| {
            let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
            vfs.open(&cx, path(&number.to_string()), flags, 0o644).expect("a file")
        };
        let loser = create(0);
        (1..children).for_each(|number| create(number).close());
        let elsewhere = vfs.inotify(&cx).expect("an instance");
        vfs.add_watch(&cx, &elsewhere, "/elsewhere", WatchMask::MODIFY).expect("a watch");
        let group = vfs.inotify(&cx).expect("an instance");
        assert!(vfs.tree().live_dentries() > children, "children without a dentry");
        Self { vfs, cx, children, loser, group, _elsewhere: elsewhere }
    }

    fn children_paths(&self) -> Round<Vec<u8>> {
        Round::new(some_of(self.children).map(|number| path(&number.to_string())).collect())
    }

    fn assert_missing(&self, path: &[u8]) {
        let error = self.vfs.stat(&self.cx, path).expect_err("a missing name");
        assert_eq!(error.errno(), Errno::ENOENT);
    }

    fn lookups(&self) -> Vec<Operation<'_>> {
        let Self { vfs, cx, .. } = self;
        let mut there = self.children_paths();
        let missing: Vec<_> =
            (0..VARIETY).map(|number| path(&format!("missing-{number}"))).collect();
        missing.iter().for_each(|path| self.assert_missing(path));
        let mut missing = Round::new(missing);
        let mut fresh = FreshNames::new(&format!("{DIR}/never-there-"));
        vec![
            Operation::new(names::HIT, move || {
                vfs.stat(cx, there.next()).expect("a file");
            }),
            Operation::new(names::CACHED_MISS, move || self.assert_missing(missing.next())),
            Operation::new(names::NEW_MISS, move || self.assert_missing(fresh.next())),
        ]
    }

    fn changes(&self) -> Vec<Operation<'_>> {
        let Self { vfs, cx, .. } = self;
        let mut fresh = FreshNames::new(&format!("{DIR}/new-file-"));
        let (mut from, mut to) = (path("renamed-back"), path("renamed-to"));
        let flags = OpenFlags::WRITE | OpenFlags::CREATE;
        vfs.open(cx, &from, flags, 0o644).expect("a file").close();
        vec![
            Operation::new(names::CREATE, move || {
                let path = fresh.next();
                vfs.open(cx, path, flags | OpenFlags::EXCL, 0o644).expect("a new file").close();
                vfs.unlink(cx, path).expect("the file is there");
            }),
            Operation::new(names::RENAME, move || {
                vfs.rename(cx, &from, &to, RenameFlags::empty()).expect("a rename");
                std::mem::swap(&mut from, &mut to);
            }),
        ]
    }
}

fn path(name: &str) -> Vec<u8> {
    format!("{DIR}/{name}").into_bytes()
}

impl Stage for VfsStage {
    fn side(&self) -> &str {
        "vfsnotify"
    }

    fn suffix(&self) -> &'static str {
        ", through the vfs"
    }

    fn children(&self) -> usize {
        self.children
    }

    fn add(&self) -> i32 {
        let pending = self.vfs.start_watch(&self.cx, &self.group, DIR, WatchMask::MODIFY);
        let pending = pending.expect("a watch");
        assert!(!pending.is_ready(), "no flag was lost, nothing is walked");
        pending.wait().expect("a watch that is ready").as_raw()
    }

    fn remove(&self, wd: i32) -> usize {
        self.group.rm_watch(WatchDescriptor::from_raw(wd)).expect("the watch is there");
        let start = Instant::now();
        while self.loser.dentry().is_parent_watched() {
            assert!(start.elapsed() < TIMEOUT, "the flag was not cleared");
            self.loser.pwrite(b"x", 0).expect("a write");
        }
        delivered(&self.group)
    }

    fn operations(&self) -> Vec<Operation<'_>> {
        let Self { vfs, cx, .. } = self;
        let written = path(&(self.children / 2).to_string());
        let written = vfs.open(cx, written, OpenFlags::WRITE, 0).expect("a file");
        let mut opened = self.children_paths();
        let mut operations = vec![
            Operation::delivered(names::WRITE, move || {
                assert_eq!(written.pwrite(b"x", 0).expect("a write"), 1);
            }),
            Operation::new(names::OPEN, move || {
                vfs.open(cx, opened.next(), OpenFlags::READ, 0).expect("a file").close();
            }),
        ];
        operations.extend(self.lookups());
        operations.extend(self.changes());
        operations
    }
}
