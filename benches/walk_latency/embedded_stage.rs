//! A tree and its notifier without a VFS: what takes the crate's locks, and nothing around it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Inotify, PendingWatch, WatchDescriptor, WatchMask};
use vfsnotify::notify::{DentryRef, Lookup};
use vfsnotify::tree::{InodeRef, InodeSpec};
use vfsnotify::{EventMask, InodeKind};

use crate::stage::{FreshNames, Operation, Round, Stage, VARIETY, names, some_of};
use benches::Embedded;

/// A directory with many files in a tree.
#[derive(Debug)]
pub(crate) struct EmbeddedStage {
    world: Embedded,
    dir: DentryRef,
    inode: InodeRef,
    children: usize,
    /// The child whose event after a removal loses a flag.
    loser: DentryRef,
    group: Inotify,
    /// Keeps the gate open, so that hooks look at children while the directory is not watched.
    _elsewhere: Inotify,
}

impl EmbeddedStage {
    pub(crate) fn new(children: usize) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "watched");
        world.files_in_creation_order(&dir, children);
        world.negatives(&dir, VARIETY);
        let loser = world.child(&dir, "0");
        let elsewhere = world.group();
        let other = world.dir(&world.root, "elsewhere");
        elsewhere.add_watch(&other.inode_ref(), WatchMask::MODIFY).expect("a watch elsewhere");
        let (inode, group) = (dir.inode_ref(), world.group());
        Self { world, dir, inode, children, loser, group, _elsewhere: elsewhere }
    }

    /// Begins an add that has to walk.
    pub(crate) fn start(&self) -> PendingWatch {
        let pending = self.group.start_watch(&self.inode, WatchMask::MODIFY).expect("a watch");
        assert!(!pending.is_ready(), "no flag was lost, nothing is walked");
        pending
    }

    fn child(&self, name: &[u8]) -> DentryRef {
        match self.world.notifier.lookup(self.dir.get(), name) {
            Ok(Lookup::Positive(child)) => child,
            other => panic!("{other:?}"),
        }
    }

    fn children_names(&self) -> Round<Vec<u8>> {
        Round::new(some_of(self.children).map(|number| number.to_string().into_bytes()).collect())
    }

    /// A file made and removed, each hook called, and what is left reaped, as a VFS does.
    fn create_and_unlink(&self, name: &[u8], ino: u64) {
        let Embedded { tree, notifier, superblock, .. } = &self.world;
        let kind = InodeKind::Regular;
        let inode = tree.make_inode(superblock, InodeSpec::new(ino, kind, 1));
        let inode = inode.expect("an inode");
        let file = notifier.instantiate(self.dir.get(), name, inode).expect("a dentry");
        let inode = file.inode_ref();
        notifier.hooks().on_create(self.dir.get(), name, inode.get());
        inode.get().set_nlink(0);
        notifier.hooks().on_link_count(inode.get());
        // The name is not remembered as missing, as `remove` does.
        let entry = notifier.unhash(file.get(), false).expect("a dentry of this tree");
        drop((file, entry));
        notifier.hooks().on_delete(self.dir.get(), name, inode.get());
        drop(inode);
        notifier.reap(|_, _, _| {});
    }

    fn lookups(&self) -> Vec<Operation<'_>> {
        let notifier = &self.world.notifier;
        let lookup = |name: &[u8]| notifier.lookup(self.dir.get(), name).expect("a look-up");
        let mut there = self.children_names();
        let mut missing = Round::new(
            (0..VARIETY).map(|number| format!("negative-{number:011}").into_bytes()).collect(),
        );
        let mut fresh = FreshNames::new("never-there-");
        vec![
            Operation::new(names::HIT, move || {
                drop(self.child(there.next()));
            }),
            Operation::new(names::CACHED_MISS, move || {
                assert!(matches!(lookup(missing.next()), Lookup::Negative), "not a cached miss");
            }),
            Operation::new(names::NEW_MISS, move || {
                let name = fresh.next();
                assert!(matches!(lookup(name), Lookup::Unknown), "not a new miss");
                notifier.remember_missing(self.dir.get(), name).expect("a negative dentry");
            }),
        ]
    }

    fn changes(&self) -> Vec<Operation<'_>> {
        let notifier = &self.world.notifier;
        // Beyond all numbers of files that are there.
        let mut ino = 1_u64 << 40;
        let mut fresh = FreshNames::new("new-file-");
        let [renamed, other] = [&b"renamed-to"[..], b"renamed-back"];
        let file = self.world.file(&self.dir, "renamed-back");
        let (mut from, mut to) = (other, renamed);
        vec![
            Operation::new(names::CREATE, move || {
                ino += 1;
                self.create_and_unlink(fresh.next(), ino);
            }),
            Operation::new(names::RENAME, move || {
                let dir = self.dir.get();
                let replaced = notifier.move_dentry(file.get(), dir, to).expect("a rename");
                assert!(replaced.is_none(), "the new name was taken");
                notifier.hooks().on_rename(dir, from, dir, to, file.get().inode(), None);
                std::mem::swap(&mut from, &mut to);
            }),
        ]
    }
}

/// How long to try: the flag of a child is not cleared while its parent's lock is busy.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Stage for EmbeddedStage {
    fn side(&self) -> &str {
        "vfsnotify"
    }

    fn children(&self) -> usize {
        self.children
    }

    fn add(&self) -> i32 {
        self.start().wait().expect("a watch that is ready").as_raw()
    }

    fn remove(&self, wd: i32) -> usize {
        self.group.rm_watch(WatchDescriptor::from_raw(wd)).expect("the watch is there");
        let start = Instant::now();
        while self.loser.get().is_parent_watched() {
            assert!(start.elapsed() < TIMEOUT, "the flag was not cleared");
            self.world.notifier.hooks().on_attrib(self.loser.get(), EventMask::ATTRIB);
        }
        delivered(&self.group)
    }

    fn operations(&self) -> Vec<Operation<'_>> {
        let notifier = &self.world.notifier;
        let child = self.child((self.children / 2).to_string().as_bytes());
        let written = child.clone();
        let mut opened = self.children_names();
        let mut operations = vec![
            Operation::new(names::NOTHING, || {
                black_box(());
            }),
            Operation::new(names::HOOK, move || notifier.hooks().on_access(child.get())),
            Operation::delivered(names::WRITE, move || notifier.hooks().on_modify(written.get())),
            Operation::new(names::OPEN, move || {
                let file = self.child(opened.next());
                notifier.hooks().on_open(file.get());
                notifier.hooks().on_close(file.get(), false);
                drop(file);
            }),
        ];
        operations.extend(self.lookups());
        operations.extend(self.changes());
        operations
    }
}

/// Empties a queue and counts the events of children in it.
pub(crate) fn delivered(group: &Inotify) -> usize {
    assert_eq!(group.stats().lost, 0, "the queue overflowed");
    let events = group.drain();
    let of_children = events
        .iter()
        .filter_map(|event| event.fs_event())
        .filter(|event| event.mask.contains(EventMask::MODIFY));
    of_children.count()
}
