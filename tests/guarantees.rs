//! The table of guarantees, row by row. The README names these tests.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use vfsnotify::inotify::{Event, Happened, Inotify, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    Clock, Context, DentryRef, ErrorKind, EventMask, InodeKind, InodeSpec, Lookup, MemFs,
    OpenFlags, Pace, RenameFlags, Timestamp, Tree, TreeConfig, Vfs, Yielder, lockdep,
};

const NEW: OpenFlags = OpenFlags::READ_WRITE.union(OpenFlags::CREATE);

/// A clock that says how often a walk looked at it: twice for each chunk.
#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

struct World {
    vfs: Vfs,
    cx: Context,
    clock: Arc<Counting>,
}

impl World {
    fn new() -> Self {
        Self::with(Yielder::None, TreeConfig::default(), Limits::default())
    }

    fn with(yielder: Yielder, tree: TreeConfig, limits: Limits) -> Self {
        let clock = Arc::new(Counting::default());
        let pace = Pace::default()
            .with_clock(clock.clone())
            .with_yielder(yielder)
            .with_budget(Duration::from_micros(1));
        let vfs = Vfs::builder()
            .tree(tree)
            .notify(NotifyConfig { limits, pace })
            .build(MemFs::new())
            .expect("a VFS");
        let cx = vfs.context();
        Self { vfs, cx, clock }
    }

    /// How many chunks walks have had so far.
    fn chunks(&self) -> u64 {
        self.clock.0.load(Ordering::Relaxed) / 2
    }

    fn file(&self, path: &str) {
        self.vfs.open(&self.cx, path, NEW, 0o644).expect("a new file");
    }

    fn dir(&self, path: &str) {
        self.vfs.mkdir(&self.cx, path, 0o755).expect("a new directory");
    }

    fn inotify(&self) -> Inotify {
        self.vfs.inotify(&self.cx).expect("an instance")
    }

    fn watch(&self, inotify: &Inotify, path: &str, mask: WatchMask) -> i32 {
        self.vfs.add_watch(&self.cx, inotify, path, mask).expect("a watch").as_raw()
    }

    fn touch(&self, path: &str) {
        let file = self.vfs.open(&self.cx, path, OpenFlags::WRITE, 0).expect("an open file");
        file.write(b"x").expect("a write");
    }

    fn dentry(&self, path: &str) -> vfsnotify::File {
        self.vfs.open(&self.cx, path, OpenFlags::PATH, 0).expect("a handle")
    }
}

fn happened(inotify: &Inotify) -> Vec<Happened> {
    inotify.drain().iter().filter_map(|event| event.happened().cloned()).collect()
}

#[test]
fn g1_an_event_after_the_return_of_any_adder_is_seen() {
    // The first adder stops in the middle of its walk until the second has returned.
    let stopped = Arc::new(Barrier::new(2));
    let resumed = Arc::new(Barrier::new(2));
    let first_chunk = Arc::new(AtomicBool::new(true));
    let yielder = {
        let (stopped, resumed, first) = (stopped.clone(), resumed.clone(), first_chunk.clone());
        Yielder::Callback(Arc::new(move || {
            if first.swap(false, Ordering::Relaxed) {
                stopped.wait();
                resumed.wait();
            }
        }))
    };
    let world = World::with(yielder, TreeConfig::default(), Limits::default());
    world.dir("/d");
    for n in 0..3000 {
        world.file(&format!("/d/{n}"));
    }
    let (one, two) = (world.inotify(), world.inotify());
    thread::scope(|scope| {
        let adder = scope.spawn(|| world.watch(&one, "/d", WatchMask::MODIFY));
        stopped.wait();
        world.watch(&two, "/d", WatchMask::MODIFY);
        for n in 0..3000 {
            world.touch(&format!("/d/{n}"));
        }
        let heard: BTreeSet<Vec<u8>> =
            happened(&two).into_iter().map(|event| event.name.to_vec()).collect();
        assert_eq!(heard.len(), 3000, "the second adder returned early");
        resumed.wait();
        adder.join().expect("the first adder");
    });
    world.touch("/d/7");
    assert!(happened(&one).iter().any(|event| event.name == "7"));
    world.vfs.verify().expect("the invariants");
}

#[test]
fn g2_only_adding_or_widening_a_mark_visits_children() {
    let world = World::new();
    world.dir("/d");
    for n in 0..500 {
        world.file(&format!("/d/{n}"));
    }
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::CREATE | WatchMask::DELETE);
    assert_eq!(world.chunks(), 0, "a watch for entries only needs no flags");
    let wd = world.vfs.add_watch(&world.cx, &inotify, "/d", WatchMask::MODIFY).expect("a watch");
    let after_add = world.chunks();
    assert!(after_add > 0);
    world.touch("/d/1");
    world.vfs.rename(&world.cx, "/d/2", "/d/two", RenameFlags::empty()).expect("a rename");
    world.vfs.rename(&world.cx, "/d/3", "/three", RenameFlags::empty()).expect("a rename");
    assert!(world.vfs.stat(&world.cx, "/d/none").is_err());
    world.vfs.unlink(&world.cx, "/d/4").expect("an unlink");
    inotify.rm_watch(wd).expect("a removal");
    world.touch("/d/1");
    world.touch("/d/5");
    assert_eq!(world.chunks(), after_add);
}

#[test]
fn g3_a_walk_holds_its_lock_for_one_chunk_at_a_time() {
    let yields = Arc::new(AtomicUsize::new(0));
    let counted = yields.clone();
    let yielder = Yielder::Callback(Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    }));
    let world = World::with(yielder, TreeConfig::default(), Limits::default());
    world.dir("/d");
    for n in 0..5000 {
        world.file(&format!("/d/{n}"));
    }
    // The clock moves by one microsecond at each look and the budget is one: whatever a chunk
    // had, the next may have no more, so the first chunk's 256 items are the most there are.
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::MODIFY);
    assert!(world.chunks() >= 5000 / 256, "{} chunks", world.chunks());
    assert!(yields.load(Ordering::Relaxed) >= 5000 / 256);
}

#[test]
fn g3_no_insert_touches_more_than_a_chain_while_a_directory_grows_to_three_million() {
    let tree = Tree::new(TreeConfig { negatives: 4_000_000, negatives_per_directory: 4_000_000 });
    let (_superblock, root) = tree.add_superblock(1).expect("a superblock");
    for n in 0..3_000_000 {
        tree.remember_missing(root.get(), format!("{n}").as_bytes()).expect("a name");
    }
    assert_eq!(tree.negatives(), 3_000_000);
    let worst = tree.worst_insert(root.get());
    assert!(worst <= 32, "one insert touched {worst} entries");
}

/// What one thread has removed is not for whoever comes by to free: each operation frees a part.
#[test]
fn g3_an_operation_frees_a_bounded_part_of_a_directory_that_was_removed() {
    const NAMES: usize = 50_000;
    const AT_MOST: usize = 8 * 1024;
    let world = World::new();
    world.vfs.mkdir(&world.cx, "/d", 0o755).unwrap();
    let dir = world.vfs.open(&world.cx, "/d", OpenFlags::READ, 0).unwrap();
    for name in 0..NAMES {
        let name = format!("{name}");
        world.vfs.tree().remember_missing(dir.dentry(), name.as_bytes()).unwrap();
    }
    drop(dir);
    let mut left = world.vfs.tree().negatives();
    assert!(left >= NAMES);
    world.vfs.rmdir(&world.cx, "/d").unwrap();
    let mut operations = 0;
    while world.vfs.tree().negatives() > 1 {
        let now = world.vfs.tree().negatives();
        // The directory itself is a name that is missing now.
        let freed = left.saturating_sub(now);
        assert!(freed <= AT_MOST, "one operation freed {freed} names");
        left = now;
        world.vfs.stat(&world.cx, "/").unwrap();
        operations += 1;
        assert!(operations < NAMES, "{now} names are left");
    }
    assert!(operations >= NAMES / AT_MOST);
    world.vfs.verify().unwrap();
}

#[test]
fn g4_negative_dentries_cost_a_walk_nothing_and_a_second_add_walks_nothing() {
    let world = World::new();
    world.dir("/d");
    for n in 0..100_000 {
        assert!(world.vfs.stat(&world.cx, format!("/d/missing-{n}")).is_err());
    }
    for n in 0..100 {
        world.file(&format!("/d/{n}"));
    }
    let (one, two) = (world.inotify(), world.inotify());
    let wd = world.vfs.add_watch(&world.cx, &one, "/d", WatchMask::MODIFY).expect("a watch");
    let first = world.chunks();
    assert!(first <= 2, "{first} chunks for 100 children: the negatives were walked");
    world.watch(&two, "/d", WatchMask::ACCESS);
    assert_eq!(world.chunks(), first, "a second add");
    one.rm_watch(wd).expect("a removal");
    two.close();
    let one = world.inotify();
    world.watch(&one, "/d", WatchMask::MODIFY);
    assert_eq!(world.chunks(), first, "no flag was lost, so there is nothing to walk");
    world.touch("/d/99");
    assert_eq!(happened(&one).len(), 1);
}

#[test]
fn g5_a_stale_flag_is_cleared_by_its_own_child_alone() {
    let world = World::new();
    world.dir("/d");
    world.file("/d/one");
    world.file("/d/two");
    world.file("/other");
    let inotify = world.inotify();
    world.watch(&inotify, "/other", WatchMask::MODIFY);
    let wd = world.vfs.add_watch(&world.cx, &inotify, "/d", WatchMask::MODIFY).expect("a watch");
    inotify.rm_watch(wd).expect("a removal");
    let (one, two) = (world.dentry("/d/one"), world.dentry("/d/two"));
    assert!(one.dentry().is_parent_watched() && two.dentry().is_parent_watched());
    world.touch("/d/one");
    assert!(!one.dentry().is_parent_watched(), "its event found nobody");
    assert!(two.dentry().is_parent_watched(), "nobody touched it");
    world.watch(&inotify, "/d", WatchMask::MODIFY);
    assert!(one.dentry().is_parent_watched(), "a lost flag makes the next add walk");
}

#[test]
fn g6_every_hook_can_be_called_with_the_directory_locked_by_its_caller() {
    // Each operation below runs its hooks under the directory's own lock, with a one-shot as the
    // last mark on it; the lock order is checked on every acquisition.
    let world = World::new();
    world.dir("/d");
    type Operation = (WatchMask, fn(&World));
    let operations: [Operation; 6] = [
        (WatchMask::CREATE, |w| w.dir("/d/sub")),
        (WatchMask::CREATE, |w| w.file("/d/f")),
        (WatchMask::CREATE, |w| w.vfs.link(&w.cx, "/d/f", "/d/g", false).expect("a link")),
        (WatchMask::MOVED_FROM, |w| {
            w.vfs.rename(&w.cx, "/d/f", "/d/h", RenameFlags::empty()).expect("a rename");
        }),
        (WatchMask::DELETE, |w| w.vfs.unlink(&w.cx, "/d/g").expect("an unlink")),
        (WatchMask::DELETE, |w| w.vfs.rmdir(&w.cx, "/d/sub").expect("an rmdir")),
    ];
    for (mask, operation) in operations {
        let inotify = world.inotify();
        world.watch(&inotify, "/d", mask | WatchMask::ONESHOT);
        operation(&world);
        let events = happened(&inotify);
        assert_eq!(events.len(), 2, "{events:?}");
        assert_eq!(events[1].mask, EventMask::IGNORED);
        assert_eq!(inotify.watch_count(), 0);
    }
    world.vfs.verify().expect("the invariants");
}

#[test]
fn g7_a_oneshot_fires_once_under_mkdir_create_rename_and_unlink_from_eight_threads() {
    for round in 0..20 {
        let world = World::new();
        world.dir("/d");
        let inotify = world.inotify();
        world.watch(&inotify, "/d", WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
        let start = Barrier::new(8);
        thread::scope(|scope| {
            for thread in 0..8 {
                let (world, start) = (&world, &start);
                scope.spawn(move || {
                    start.wait();
                    for n in 0..20 {
                        let path = format!("/d/{thread}-{n}");
                        match thread % 4 {
                            0 => world.dir(&path),
                            1 => world.file(&path),
                            2 => {
                                world.file(&path);
                                let to = format!("{path}-moved");
                                let flags = RenameFlags::empty();
                                world.vfs.rename(&world.cx, &path, to, flags).expect("a rename");
                            }
                            _ => {
                                world.file(&path);
                                world.vfs.unlink(&world.cx, &path).expect("an unlink");
                            }
                        }
                    }
                });
            }
        });
        let events = happened(&inotify);
        assert_eq!(events.len(), 2, "round {round}: {events:?}");
        assert_eq!(events[1].mask, EventMask::IGNORED);
        assert_eq!(world.vfs.notifier().usage(0), (1, 0));
        world.vfs.verify().expect("the invariants");
    }
}

#[test]
fn g8_a_lazy_clear_never_loses_a_flag_to_a_rename() {
    // The Linux bug of SEMANTICS 1.7, tried often; the model tests try every interleaving.
    let world = World::new();
    world.dir("/a");
    world.dir("/b");
    world.file("/a/f");
    let (heard, stale) = (world.inotify(), world.inotify());
    world.watch(&heard, "/b", WatchMask::ACCESS);
    let file = world.vfs.open(&world.cx, "/a/f", NEW, 0o644).expect("an open file");
    file.pwrite(b"x", 0).expect("a write");
    for round in 0..2000 {
        let wd = world.vfs.add_watch(&world.cx, &stale, "/a", WatchMask::ACCESS).expect("a watch");
        stale.rm_watch(wd).expect("a removal");
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                file.pread(&mut [0], 0).expect("a read");
            });
            start.wait();
            let flags = RenameFlags::empty();
            world.vfs.rename(&world.cx, "/a/f", "/b/f", flags).expect("a rename");
        });
        let _ = heard.drain();
        file.pread(&mut [0], 0).expect("a read");
        assert_eq!(happened(&heard).len(), 1, "round {round}: the event is lost");
        world.vfs.rename(&world.cx, "/b/f", "/a/f", RenameFlags::empty()).expect("back");
        let _ = (heard.drain(), stale.drain());
    }
}

#[test]
fn g9_parent_and_name_of_an_event_belong_together() {
    let world = World::new();
    world.dir("/a");
    world.dir("/b");
    world.file("/a/in-a");
    let inotify = world.inotify();
    let a = world.watch(&inotify, "/a", WatchMask::ACCESS);
    let b = world.watch(&inotify, "/b", WatchMask::ACCESS);
    let file = world.vfs.open(&world.cx, "/a/in-a", OpenFlags::READ_WRITE, 0).expect("a file");
    file.write(b"x").expect("a write");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3000 {
                let flags = RenameFlags::empty();
                world.vfs.rename(&world.cx, "/a/in-a", "/b/in-b", flags).expect("there");
                world.vfs.rename(&world.cx, "/b/in-b", "/a/in-a", flags).expect("back");
            }
            stop.store(true, Ordering::Relaxed);
        });
        while !stop.load(Ordering::Relaxed) {
            file.pread(&mut [0], 0).expect("a read");
            for event in happened(&inotify) {
                let wanted = if event.wd.as_raw() == a { "in-a" } else { "in-b" };
                assert!(event.wd.as_raw() == a || event.wd.as_raw() == b);
                assert_eq!(event.name, wanted);
            }
        }
    });
}

#[test]
fn g10_the_two_halves_of_a_rename_are_adjacent() {
    let world = World::new();
    world.dir("/a");
    world.dir("/b");
    let inotify = world.inotify();
    world.watch(&inotify, "/a", WatchMask::MOVE);
    world.watch(&inotify, "/b", WatchMask::MOVE);
    thread::scope(|scope| {
        for thread in 0..4 {
            let world = &world;
            scope.spawn(move || {
                let (one, two) = (format!("/a/{thread}"), format!("/b/{thread}"));
                world.file(&one);
                for _ in 0..300 {
                    let flags = RenameFlags::empty();
                    world.vfs.rename(&world.cx, &one, &two, flags).expect("there");
                    world.vfs.rename(&world.cx, &two, &one, flags).expect("back");
                }
            });
        }
    });
    let events = happened(&inotify);
    assert_eq!(events.len(), 4 * 300 * 4);
    for pair in events.chunks(2) {
        assert_eq!(pair[0].mask, EventMask::MOVED_FROM);
        assert_eq!(pair[1].mask, EventMask::MOVED_TO);
        assert_eq!(pair[0].cookie, pair[1].cookie);
        assert_ne!(pair[0].cookie, 0);
    }
}

#[test]
fn g11_everything_is_bounded_and_loss_is_counted() {
    let limits = Limits {
        max_queued_events: 10,
        max_user_instances: 3,
        max_user_watches: 5,
        ..Limits::default()
    };
    let tree = TreeConfig { negatives: 100, negatives_per_directory: 60 };
    let world = World::with(Yielder::None, tree, limits);
    let inotify = world.inotify();
    world.watch(&inotify, "/", WatchMask::CREATE);
    for n in 0..25 {
        world.file(&format!("/{n}"));
    }
    let events = inotify.drain();
    assert_eq!(events.len(), 11);
    assert_eq!(events[10], Event::Overflow { lost: 15 });
    assert_eq!(inotify.stats().lost, 15);

    for n in 0..4 {
        world.watch(&inotify, &format!("/{n}"), WatchMask::OPEN);
    }
    let error = world.vfs.add_watch(&world.cx, &inotify, "/9", WatchMask::OPEN).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSpace);
    let _two = [world.inotify(), world.inotify()];
    let error = world.vfs.inotify(&world.cx).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyInstances);
    let other_user = world.cx.clone().with_user(7);
    assert!(world.vfs.inotify(&other_user).is_ok(), "limits are per user");

    for dir in 0..4 {
        world.dir(&format!("/dir{dir}"));
        for n in 0..200 {
            assert!(world.vfs.stat(&world.cx, format!("/dir{dir}/missing-{n}")).is_err());
        }
        assert!(world.vfs.tree().negatives() <= 100, "{}", world.vfs.tree().negatives());
    }
    world.vfs.verify().expect("the invariants");
}

#[test]
fn g12_failed_operations_emit_nothing() {
    let world = World::new();
    world.dir("/d");
    world.dir("/d/full");
    world.file("/d/full/f");
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::ALL_EVENTS);
    world.watch(&inotify, "/d/full", WatchMask::ALL_EVENTS);
    let (vfs, cx) = (&world.vfs, &world.cx);
    assert!(vfs.mkdir(cx, "/d/full", 0o755).is_err());
    assert!(vfs.rmdir(cx, "/d/full").is_err());
    assert!(vfs.unlink(cx, "/d/full").is_err());
    assert!(vfs.unlink(cx, "/d/none").is_err());
    assert!(vfs.rename(cx, "/d/none", "/d/x", RenameFlags::empty()).is_err());
    assert!(vfs.rename(cx, "/d/full", "/d/full/in", RenameFlags::empty()).is_err());
    assert!(vfs.open(cx, "/d/full/f", NEW | OpenFlags::EXCL, 0o644).is_err());
    assert!(vfs.open(cx, "/d/full", OpenFlags::WRITE, 0).is_err());
    assert!(vfs.link(cx, "/d/full/f", "/d/full", false).is_err());
    assert_eq!(inotify.drain(), []);
}

#[test]
fn g13_everything_can_be_dropped_in_any_order() {
    // Four owners; every order of letting them go.
    for order in 0..24_usize {
        let world = World::new();
        world.dir("/d");
        world.file("/d/f");
        let inotify = world.inotify();
        world.watch(&inotify, "/d", WatchMask::ALL_EVENTS);
        world.watch(&inotify, "/d/f", WatchMask::ALL_EVENTS);
        let file = world.vfs.open(&world.cx, "/d/f", OpenFlags::READ, 0).expect("a file");
        world.vfs.unlink(&world.cx, "/d/f").expect("an unlink");
        let tree = Arc::downgrade(world.vfs.tree());
        let World { vfs, cx, .. } = world;
        let mut owners: Vec<Option<Box<dyn std::any::Any>>> = vec![
            Some(Box::new(vfs)),
            Some(Box::new(cx)),
            Some(Box::new(inotify)),
            Some(Box::new(file)),
        ];
        let mut left: Vec<usize> = (0..4).collect();
        let mut code = order;
        for sides in (1..=4).rev() {
            let owner = left.remove(code % sides);
            code /= sides;
            drop(owners[owner].take());
        }
        assert!(tree.upgrade().is_none(), "order {order} leaves the tree behind");
    }
}

#[test]
fn g13_what_is_queued_can_be_read_when_the_vfs_is_gone() {
    let World { vfs, cx, .. } = World::new();
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE).expect("a watch");
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    let reader = inotify.clone();
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut heard = 0;
            loop {
                match reader.read_wait(&mut [0; 256], None, None) {
                    Ok(bytes) => heard += bytes / 32,
                    Err(error) => return (heard, error.kind()),
                }
            }
        });
        thread::sleep(Duration::from_millis(20));
        drop((vfs, cx));
        assert_eq!(reading.join().expect("the reader"), (1, ErrorKind::Shutdown));
    });
    let error = inotify.rm_watch(vfsnotify::inotify::WatchDescriptor::from_raw(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shutdown);
}

#[test]
fn g13_closing_a_group_wakes_its_reader() {
    let world = World::new();
    let inotify = world.inotify();
    let reader = inotify.clone();
    thread::scope(|scope| {
        let waiting = scope.spawn(move || reader.read_wait(&mut [0; 256], None, None));
        thread::sleep(Duration::from_millis(20));
        inotify.close();
        let error = waiting.join().expect("the reader").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Shutdown);
    });
}

#[test]
fn g14_there_is_no_unsafe_code() {
    let front = include_str!("../src/lib.rs");
    assert!(front.starts_with("#![forbid(unsafe_code)]"));
}

#[test]
fn an_unlinked_file_lives_as_long_as_it_is_in_use_and_its_memory_comes_back() {
    let tree = Tree::new(TreeConfig::default());
    let notifier =
        vfsnotify::notify::Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    let (superblock, root) = tree.add_superblock(1).expect("a superblock");
    let spec = InodeSpec { ino: 2, kind: InodeKind::Regular, nlink: 1 };
    let inode = tree.make_inode(&superblock, spec).expect("an inode");
    let open: DentryRef = tree.instantiate(root.get(), b"f", inode).expect("a dentry");
    let id = open.get().id();
    let entry = tree.unhash(open.get(), false).expect("it is of this tree").expect("it had a name");
    notifier.dput(entry);
    assert!(matches!(tree.lookup(root.get(), b"f"), Ok(Lookup::Unknown)));
    assert_eq!(open.get().name(), "f");
    assert!(tree.dentry(id).is_ok(), "still open");
    notifier.dput(open);
    assert_eq!(tree.dentry(id).unwrap_err().kind(), ErrorKind::Stale);
    let mut forgotten = Vec::new();
    notifier.reap(|_, ino, lookups| forgotten.push((ino, lookups)));
    assert_eq!(forgotten, [(2, 1)]);
    assert_eq!((tree.live_dentries(), tree.live_inodes()), (1, 1));
}

/// Debug builds check the order of locks, and so does whoever says `VFSNOTIFY_EXPECT_LOCKDEP=1`, as CI
/// does where it runs these tests optimised: if the switch were lost, all would pass and show nothing.
#[test]
fn the_order_of_locks_is_checked_where_it_should_be() {
    let is_expected = std::env::var_os("VFSNOTIFY_EXPECT_LOCKDEP").is_some_and(|on| on != "0");
    if is_expected || cfg!(debug_assertions) {
        assert!(lockdep::is_on(), "this build does not check the order of locks");
    }
    // What the rest of this file does is seen by the check: a lock was taken, and let go again.
    let world = World::new();
    world.dir("/d");
    assert_eq!(lockdep::is_on(), !lockdep::longest_holds().is_empty());
}
