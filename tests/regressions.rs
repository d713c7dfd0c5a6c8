//! One test for each defect that was found, named after what it broke.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::{Limits, Notifier, NotifyConfig};
use vfsnotify::{
    Dentry, DentryRef, ErrorKind, EventMask, InodeKind, InodeSpec, SuperblockRef, Tree, TreeConfig,
};

struct World {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(TreeConfig::default());
        let limits = Limits { max_user_instances: 1 << 20, ..Limits::default() };
        let config = NotifyConfig { limits, ..NotifyConfig::default() };
        let notifier = Notifier::new(&tree, config).expect("a notifier");
        let (superblock, root) = tree.add_superblock(1).expect("a superblock");
        Self { tree, notifier, superblock, root }
    }

    fn make(&self, dir: Dentry<'_>, ino: u64, name: &[u8], kind: InodeKind) -> DentryRef {
        let spec = InodeSpec { ino, kind, nlink: 1 };
        let inode = self.tree.make_inode(&self.superblock, spec).expect("an inode");
        self.tree.instantiate(dir, name, inode).expect("a dentry")
    }

    fn file(&self, ino: u64, name: &[u8]) -> DentryRef {
        self.make(self.root.get(), ino, name, InodeKind::Regular)
    }

    fn dir(&self, ino: u64, name: &[u8]) -> DentryRef {
        self.make(self.root.get(), ino, name, InodeKind::Directory)
    }

    fn inotify(&self) -> Inotify {
        Inotify::new(&self.notifier, 0).expect("an instance")
    }
}

/// The group of a run of marks was read from the first mark after the connector's lock; when that
/// mark's slot had gone to another group, the event of the second mark did too.
#[test]
fn an_event_goes_to_no_group_that_took_over_a_marks_slot() {
    let world = World::new();
    let (a, b, other) = (world.dir(2, b"a"), world.dir(3, b"b"), world.dir(4, b"o"));
    let f = world.make(a.get(), 5, b"f", InodeKind::Regular);
    let (victim, thief) = (world.inotify(), world.inotify());
    victim.add_watch_on(&b.inode_ref(), WatchMask::MOVE).expect("a watch");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let churn = scope.spawn(|| {
            let mut stolen = 0;
            while !stop.load(Ordering::Relaxed) {
                let wd = victim.add_watch_on(&a.inode_ref(), WatchMask::MOVE).expect("a watch");
                // It may have fired: then it is gone already.
                let _ = victim.rm_watch(wd);
                let mask = WatchMask::DELETE;
                let wd = thief.add_watch_on(&other.inode_ref(), mask).expect("a watch");
                thief.rm_watch(wd).expect("it is there");
                let events = thief.drain();
                let real = events.iter().filter_map(|event| event.happened());
                stolen += real.filter(|event| event.mask != EventMask::IGNORED).count();
            }
            stolen
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            let (a, b, moved) = (a.get(), b.get(), f.get().inode());
            world.notifier.on_rename(a, b"secret", b, b"secret", moved, None);
            let _ = victim.drain();
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(churn.join().expect("the churn"), 0);
    });
}

/// An update with the same interest left the mark's word as it was, so the first adder's early
/// drop took the second one's watch away.
#[test]
fn dropping_a_pending_watch_keeps_the_watch_of_a_second_adder() {
    let world = World::new();
    let f = world.file(2, b"f");
    let inotify = world.inotify();
    let inode = world.root.inode_ref();
    let pending = inotify.start_watch_on(&inode, WatchMask::MODIFY).expect("a watch");
    inotify.add_watch_on(&inode, WatchMask::MODIFY).expect("the same watch");
    drop(pending);
    world.notifier.on_modify(f.get());
    assert_eq!((inotify.len(), inotify.watch_count()), (1, 1));
    let pending = inotify.start_watch_on(&f.inode_ref(), WatchMask::MODIFY).expect("a watch");
    drop(pending);
    assert_eq!(inotify.watch_count(), 1, "nobody else wanted that one");
}

/// A rename took its place from the link before it had the lock.
#[test]
fn a_rename_within_a_directory_survives_a_move_out_of_it() {
    let world = World::new();
    let (a, b) = (world.dir(2, b"a"), world.dir(3, b"b"));
    for n in 0..5 {
        drop(world.make(a.get(), 10 + n, format!("a{n}").as_bytes(), InodeKind::Regular));
    }
    let f = world.make(a.get(), 5, b"f", InodeKind::Regular);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let between = scope.spawn(|| {
            for to in [&b, &a].into_iter().cycle() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                world.tree.rename(f.get(), to.get(), b"f").expect("a move");
            }
        });
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(1) {
            // Within one directory or the other, wherever the file is when the lock is taken.
            world.tree.rename(f.get(), a.get(), b"f").expect("a rename");
        }
        stop.store(true, Ordering::Relaxed);
        between.join().expect("the mover");
    });
    world.notifier.verify().expect("the invariants");
}

/// A directory's dentry that was dropped and not yet reaped kept the directory from being named.
#[test]
fn a_directory_whose_dentry_died_unreaped_can_be_named_again() {
    let world = World::new();
    let d = world.dir(2, b"d");
    drop(world.tree.unhash(d.get(), false).expect("of this tree"));
    drop(d);
    let again = world.dir(2, b"d");
    world.notifier.reap(|_, _, _| {});
    assert_eq!(again.get().name(), "d");
    world.notifier.verify().expect("the invariants");
}

/// A mark on an inode whose death had been reported would never have been told.
#[test]
fn the_dead_get_no_watch() {
    let world = World::new();
    let inotify = world.inotify();
    let f = world.file(2, b"f");
    let inode = f.inode_ref();
    inode.get().set_nlink(0);
    let entry = world.tree.unhash(f.get(), false).expect("of this tree").expect("it had a name");
    world.notifier.dput(entry);
    world.notifier.dput(f);
    let error = inotify.add_watch_on(&inode, WatchMask::MODIFY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    drop(inode);
    world.notifier.reap(|_, _, _| {});
    assert_eq!(world.tree.live_inodes(), 1);
}

/// The next tag was searched one by one under the lock of an object that others use.
#[test]
fn a_next_wd_in_a_long_run_is_found_at_once() {
    let world = World::new();
    let inotify = world.inotify();
    let files: Vec<DentryRef> =
        (0..20_000).map(|n| world.file(10 + n, format!("{n}").as_bytes())).collect();
    for file in &files {
        inotify.add_watch_on(&file.inode_ref(), WatchMask::MODIFY).expect("a watch");
    }
    let root = world.root.inode_ref();
    for _ in 0..20_000 {
        inotify.set_next_wd(WatchDescriptor::from_raw(1)).expect("a descriptor");
        let wd = inotify.add_watch_on(&root, WatchMask::CREATE).expect("a watch");
        assert_eq!(wd.as_raw(), 20_001);
        inotify.rm_watch(wd).expect("it is there");
        let _ = inotify.drain();
    }
    assert_eq!(inotify.watches().len(), 20_000);
}

/// The number of marks on one object bounds how long its lock is held.
#[test]
fn marks_on_one_object_have_a_limit() {
    let world = World::new();
    let limits = Limits { max_object_marks: 3, ..world.notifier.limits() };
    world.notifier.set_limits(limits);
    let root = world.root.inode_ref();
    let groups: Vec<Inotify> = (0..4).map(|_| world.inotify()).collect();
    for group in &groups[..3] {
        group.add_watch_on(&root, WatchMask::CREATE).expect("a watch");
    }
    let error = groups[3].add_watch_on(&root, WatchMask::CREATE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    groups[0].close();
    groups[3].add_watch_on(&root, WatchMask::CREATE).expect("there is room again");
}

/// Objects of one tree on another's notifier hit whatever had their index there.
#[test]
fn what_is_of_another_tree_is_refused_or_ignored() {
    let (one, two) = (World::new(), World::new());
    let (here, there) = (one.inotify(), two.inotify());
    here.add_watch_on(&one.root.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
    there.add_watch_on(&two.root.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
    let (mine, other) = (one.file(2, b"f"), two.file(2, b"f"));
    two.notifier.on_create(one.root.get(), b"x", InodeKind::Regular);
    two.notifier.on_modify(mine.get());
    assert!(there.is_empty() && here.is_empty());
    two.notifier.on_unmount(&one.superblock);
    assert_eq!((here.watch_count(), there.watch_count()), (1, 1));
    two.notifier.dput(mine);
    two.notifier.reap(|_, _, _| {});
    assert!(other.get().is_hashed());
    let spec = InodeSpec { ino: 9, kind: InodeKind::Regular, nlink: 1 };
    let error = two.tree.make_inode(&one.superblock, spec).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let inode = one.tree.make_inode(&one.superblock, spec).expect("an inode");
    let error = there.add_watch_on(&inode, WatchMask::MODIFY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = two.tree.instantiate(two.root.get(), b"y", inode).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    two.notifier.verify().expect("the invariants");
}

/// A notifier left its connectors, and the uses of inodes that they are, in the tree.
#[test]
fn a_notifier_takes_itself_off_its_tree_and_another_can_follow() {
    let World { tree, notifier, superblock: _superblock, root } = World::new();
    let error = Notifier::new(&tree, NotifyConfig::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    let inotify = Inotify::new(&notifier, 0).expect("an instance");
    inotify.add_watch_on(&root.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
    drop(notifier);
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("another");
    notifier.on_create(root.get(), b"x", InodeKind::Regular);
    notifier.verify().expect("the invariants");
    assert!(inotify.is_empty());
    drop(root);
    notifier.reap(|_, _, _| {});
    assert_eq!(tree.live_inodes(), 0);
}

/// A group could be made after the end had been announced, and would never have ended.
#[test]
fn no_instance_is_made_after_shut_down() {
    let world = World::new();
    world.notifier.shut_down();
    let error = Inotify::new(&world.notifier, 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shutdown);
}

/// A superblock's slot was free for another while its last inode was still being forgotten.
#[test]
fn a_forgotten_inode_names_its_own_superblock() {
    let World { tree, notifier, superblock, root } = World::new();
    let old = superblock.id();
    drop((superblock, root));
    let mut next = None;
    notifier.reap(|id, _, _| {
        assert_eq!(id, old);
        next = Some(tree.add_superblock(99).expect("another file system"));
    });
    assert_ne!(next.expect("the root was forgotten").0.id(), old);
}

/// A directory looked whether the budget for names that do not exist had room, and counted its name
/// afterwards: two directories took the last place both, and the tree was over its budget for good.
#[test]
fn directories_that_remember_missing_names_at_once_keep_the_budget() {
    const THREADS: u64 = 4;
    const BUDGET: usize = 3;
    let tree = Tree::new(TreeConfig { negatives: BUDGET, ..TreeConfig::default() });
    let (superblock, root) = tree.add_superblock(1).expect("a superblock");
    let dirs: Vec<DentryRef> = (0..THREADS)
        .map(|n| {
            let spec = InodeSpec { ino: n + 2, kind: InodeKind::Directory, nlink: 2 };
            let inode = tree.make_inode(&superblock, spec).expect("an inode");
            tree.instantiate(root.get(), format!("{n}").as_bytes(), inode).expect("a dentry")
        })
        .collect();
    let most = AtomicUsize::new(0);
    thread::scope(|scope| {
        for dir in &dirs {
            scope.spawn(|| {
                for n in 0..50_000 {
                    let name = format!("{n}");
                    tree.remember_missing(dir.get(), name.as_bytes()).expect("a directory");
                    most.fetch_max(tree.negatives(), Ordering::Relaxed);
                }
            });
        }
    });
    tree.verify().expect("all invariants");
    assert!(most.into_inner() <= BUDGET, "over the budget");
}
