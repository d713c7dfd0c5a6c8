//! Limits that are reached in the middle of an operation: a clear error, and nothing half done.

use std::cell::RefCell;
use std::sync::Arc;

use vfsnotify::inotify::{Event, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    Context, Errno, File, InodeKind, MemFs, MountOptions, OpenFlags, RenameFlags, Result,
    TreeConfig, TreeLimits, Vfs, VfsBuilder,
};

use lab::faults::faulty::{Control, Fault, FaultyFs, When};

const RW: OpenFlags = OpenFlags::READ_WRITE;

/// A VFS over a file system that tells whether it was changed: `/d/f`, `/e`, and all is in the cache.
struct Room {
    vfs: Vfs,
    cx: Context,
    control: Arc<Control>,
    inner: Arc<MemFs>,
    /// The existing objects are in use, so that no room can be made by reclaiming it.
    held: RefCell<Vec<File>>,
}

impl Room {
    fn new(builder: VfsBuilder, inner: MemFs) -> Self {
        let (control, inner) = (Control::new(), Arc::new(inner));
        let fs = FaultyFs { inner: inner.clone(), control: control.clone() };
        let vfs = builder.build(fs).expect("a sound file system");
        let cx = vfs.context();
        vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
        vfs.mkdir(&cx, "/e", 0o755).expect("a directory");
        vfs.mknod(&cx, "/d/f", InodeKind::Regular, 0o644, 0).expect("a file");
        Self { vfs, cx, control, inner, held: RefCell::default() }
    }

    /// Uses all there is.
    fn hold(self) -> Self {
        let hold = |path| self.vfs.open(&self.cx, path, OpenFlags::PATH, 0).expect("it is there");
        self.held.replace(["/d", "/e", "/d/f"].map(hold).into());
        self
    }

    /// Uses nothing any more.
    fn release(&self) {
        self.held.take();
    }

    /// The error of an operation that changes nothing and has no event.
    #[track_caller]
    fn refused<T>(&self, act: impl FnOnce(&Vfs, &Context) -> Result<T>) -> Errno {
        let Self { vfs, cx, control, .. } = self;
        let group = vfs.inotify(cx).expect("an instance");
        for path in ["/", "/d", "/d/f", "/e"] {
            vfs.add_watch(cx, &group, path, WatchMask::ALL_EVENTS).expect("a watch");
        }
        let live = (vfs.tree().live_dentries(), vfs.tree().live_inodes());
        control.arm(usize::MAX, Fault::Panic, When::Before);
        let result = act(vfs, cx);
        control.disarm();
        let Err(error) = result else { panic!("there was room") };
        assert!(!control.has_changed(), "{error}: the file system was changed");
        assert!(group.is_empty(), "{error}: delivered as {:?}", group.drain());
        vfs.reap();
        assert_eq!((vfs.tree().live_dentries(), vfs.tree().live_inodes()), live, "{error}");
        vfs.verify().expect("the invariants");
        error.errno()
    }

    fn end(self) {
        self.release();
        let Self { vfs, cx, control, inner, .. } = self;
        vfs.verify().expect("the invariants");
        drop((vfs, cx));
        assert_eq!(control.balance(), (Vec::new(), 0, 0));
        assert_eq!(Arc::strong_count(&inner), 1);
    }
}

fn limited(limits: TreeLimits) -> Room {
    Room::new(Vfs::builder().tree_limits(limits), MemFs::new())
}

type Make = fn(&Vfs, &Context) -> Result<()>;

/// Every way to make a name.
const MAKERS: [(&str, Make); 5] = [
    ("mkdir", |vfs, cx| vfs.mkdir(cx, "/d/new", 0o755)),
    ("mknod", |vfs, cx| vfs.mknod(cx, "/d/new", InodeKind::Fifo, 0o644, 0)),
    ("symlink", |vfs, cx| vfs.symlink(cx, "f", "/d/new")),
    ("open", |vfs, cx| vfs.open(cx, "/d/new", RW | OpenFlags::CREATE, 0o644).map(drop)),
    ("link", |vfs, cx| vfs.link(cx, "/d/f", "/d/new")),
];

/// The file system had made the file when the tree found that it had no room for it.
#[test]
fn a_name_for_which_the_tree_has_no_room_is_not_made() {
    let full = TreeLimits::default().with_dentries(4);
    let no_inode = TreeLimits::default().with_inodes(4);
    let no_dir = TreeLimits::default().with_directories(3);
    let no_child = TreeLimits::default().with_children_per_directory(2);
    for (what, make) in MAKERS {
        let room = limited(full).hold();
        assert_eq!(room.refused(make), Errno::ENOMEM, "{what}");
        room.release();
        room.vfs.unlink(&room.cx, "/d/f").expect("it is there");
        if what != "link" {
            make(&room.vfs, &room.cx).expect("there is room again");
        }
        room.end();
        if what != "link" {
            let room = limited(no_inode).hold();
            assert_eq!(room.refused(make), Errno::ENOMEM, "{what}");
            room.release();
            room.vfs.unlink(&room.cx, "/d/f").expect("it is there");
            make(&room.vfs, &room.cx).expect("there is room again");
            room.end();
        }
        let room = limited(no_child);
        room.vfs.mknod(&room.cx, "/d/g", InodeKind::Regular, 0o644, 0).expect("the last one");
        assert_eq!(room.refused(make), Errno::ENOSPC, "{what}");
        room.vfs.unlink(&room.cx, "/d/g").expect("it is there");
        make(&room.vfs, &room.cx).expect("there is room again");
        room.end();
    }
    let room = limited(no_dir).hold();
    assert_eq!(room.refused(MAKERS[0].1), Errno::ENOMEM);
    room.vfs.mknod(&room.cx, "/d/file", InodeKind::Regular, 0o644, 0).expect("no directory");
    room.release();
    room.vfs.rmdir(&room.cx, "/e").expect("an empty one");
    room.vfs.mkdir(&room.cx, "/d/new", 0o755).expect("there is room again");
    room.end();
}

#[test]
fn a_rename_into_a_full_directory_is_refused_before_it_is_begun() {
    let room = limited(TreeLimits::default().with_children_per_directory(2));
    for name in ["/e/1", "/e/2"] {
        room.vfs.mknod(&room.cx, name, InodeKind::Regular, 0o644, 0).expect("there is room");
    }
    for to in ["/e/3", "/e/1"] {
        let rename = |vfs: &Vfs, cx: &Context| vfs.rename(cx, "/d/f", to, RenameFlags::empty());
        assert_eq!(room.refused(rename), Errno::ENOSPC, "to {to}");
    }
    let Room { vfs, cx, .. } = &room;
    vfs.rename(cx, "/d/f", "/e/1", RenameFlags::EXCHANGE).expect("no room is needed");
    vfs.rename(cx, "/e/1", "/e/3", RenameFlags::empty()).expect("nor here");
    vfs.unlink(cx, "/e/3").expect("it is there");
    vfs.rename(cx, "/d/f", "/e/1", RenameFlags::empty()).expect("there is room again");
    room.end();
}

#[test]
fn a_name_that_cannot_be_remembered_is_forgotten_at_once() {
    let fill = |limits: TreeLimits, wanted: Errno| {
        let room = limited(limits).hold();
        let Room { vfs, cx, inner, .. } = &room;
        if limits.children_per_directory == 2 {
            vfs.mknod(cx, "/d/g", InodeKind::Regular, 0o644, 0).expect("the last one");
        }
        // From behind: the tree does not know it.
        let other = Vfs::new(inner.clone()).expect("a sound file system");
        other.mkdir(&other.context(), "/d/hidden", 0o755).expect("a directory");
        drop(other);
        for _ in 0..3 {
            assert_eq!(vfs.stat(cx, "/d/hidden").unwrap_err().errno(), wanted);
        }
        assert_eq!(room.refused(|vfs, cx| vfs.rmdir(cx, "/d/hidden")), wanted);
        room.release();
        vfs.unlink(cx, "/d/f").expect("it is there");
        vfs.rmdir(cx, "/e").expect("an empty one");
        vfs.rmdir(cx, "/d/hidden").expect("there is room again");
        room.end();
    };
    let none = TreeLimits::default();
    fill(none.with_dentries(4), Errno::ENOMEM);
    fill(none.with_inodes(4), Errno::ENOMEM);
    fill(none.with_directories(3), Errno::ENOMEM);
    fill(none.with_children_per_directory(2), Errno::ENOSPC);
}

#[test]
fn a_file_without_a_name_for_which_there_is_no_room_is_gone_at_once() {
    let limits = TreeLimits::default().with_children_per_directory(2);
    let makers: [TreeLimits; 3] =
        [TreeLimits::default().with_dentries(5), TreeLimits::default().with_inodes(5), limits];
    for limits in makers {
        let room = limited(limits).hold();
        let open = || room.vfs.open(&room.cx, "/d", RW | OpenFlags::TMPFILE, 0o644);
        let before = room.inner.stats();
        let first = open().expect("the last one");
        assert!(open().is_err());
        assert_eq!(room.inner.stats().inodes, before.inodes + 1);
        drop(first);
        drop(open().expect("there is room again"));
        assert_eq!(room.inner.stats(), before);
        room.end();
    }
}

/// The root that a file system had given out was not given back.
#[test]
fn a_mount_for_which_there_is_no_room_lets_the_file_system_go() {
    let none = TreeLimits::default();
    let limits = [
        none.with_superblocks(1),
        none.with_inodes(4),
        none.with_dentries(4),
        none.with_directories(3),
    ];
    for limits in limits {
        let room = limited(limits).hold();
        let (control, inner) = (Control::new(), Arc::new(MemFs::new()));
        let fs = FaultyFs { inner: inner.clone(), control: control.clone() };
        let fs = Arc::new(fs);
        let kind =
            room.refused(|vfs, cx| vfs.mount_with(cx, "/e", fs.clone(), MountOptions::default()));
        assert_eq!(kind, Errno::ENOMEM, "{limits:?}");
        assert_eq!(control.balance(), (Vec::new(), 0, 0));
        assert_eq!(Arc::strong_count(&fs), 1);
        room.end();
        let inner = Arc::new(MemFs::new());
        let none = limits.with_superblocks(0);
        let error = Vfs::builder().tree_limits(none).build(inner.clone()).unwrap_err();
        assert_eq!((error.errno(), Arc::strong_count(&inner)), (Errno::ENOMEM, 1));
    }
}

#[test]
fn open_files_run_out_before_anything_is_made() {
    let room = Room::new(Vfs::builder().max_open_files(1), MemFs::new());
    let one = room.vfs.open(&room.cx, "/d/f", RW, 0).expect("the only one");
    for flags in [RW | OpenFlags::CREATE, OpenFlags::READ, OpenFlags::PATH] {
        let open = |vfs: &Vfs, cx: &Context| vfs.open(cx, "/d/new", flags, 0o644);
        assert_eq!(room.refused(open), Errno::ENFILE);
    }
    let cut = |vfs: &Vfs, cx: &Context| vfs.open(cx, "/d/f", RW | OpenFlags::TRUNC, 0);
    assert_eq!(room.refused(cut), Errno::ENFILE);
    let unnamed = |vfs: &Vfs, cx: &Context| vfs.open(cx, "/d", RW | OpenFlags::TMPFILE, 0o644);
    assert_eq!(room.refused(unnamed), Errno::ENFILE);
    assert_eq!(room.refused(|vfs, cx| vfs.list(cx, "/d")), Errno::ENFILE);
    drop(one);
    assert_eq!(room.vfs.list(&room.cx, "/d").expect("there is room").len(), 1);
    room.end();
}

#[test]
fn a_full_file_system_makes_nothing_and_sends_no_event() {
    let room = Room::new(Vfs::builder(), MemFs::builder().inode_limit(4).build());
    for (what, make) in MAKERS {
        assert_eq!(room.refused(make), Errno::ENOSPC, "{what}");
    }
    // The name that was known not to exist still does not.
    assert!(!room.vfs.exists(&room.cx, "/d/new").expect("an answer"));
    room.end();

    let room = Room::new(Vfs::builder(), MemFs::builder().size_limit(8192).build());
    let Room { vfs, cx, .. } = &room;
    let file = vfs.open(cx, "/d/f", RW, 0).expect("it is there");
    let written = file.write(&[1; 100_000]).expect("a part of it");
    assert!((1..100_000).contains(&written));
    assert_eq!(file.position().expect("a position"), written as u64);
    assert_eq!(room.refused(|_, _| file.write(b"more")), Errno::ENOSPC);
    assert_eq!(file.position().expect("a position"), written as u64, "it has not moved");
    drop(file);
    room.end();
}

fn notify_limits(limits: Limits) -> VfsBuilder {
    Vfs::builder().notify(NotifyConfig::default().with_limits(limits))
}

#[test]
fn a_watch_that_is_refused_leaves_nothing_on_its_object() {
    let limits = Limits::default().with_max_user_watches(2).with_max_object_marks(2);
    let room = Room::new(notify_limits(limits), MemFs::new());
    let Room { vfs, cx, .. } = &room;
    let groups: Vec<_> = (0..3).map(|_| vfs.inotify(cx).expect("an instance")).collect();
    let add = |group: usize, path: &str| {
        vfs.add_watch(cx, &groups[group], path, WatchMask::ALL_EVENTS).map_err(|e| e.errno())
    };
    add(0, "/d").expect("a watch");
    add(0, "/d/f").expect("a watch");
    for _ in 0..3 {
        // On an object that has none, and on one that has another's.
        assert_eq!(add(0, "/e"), Err(Errno::ENOSPC));
        assert_eq!(add(1, "/d"), Err(Errno::ENOSPC));
        vfs.verify().expect("the invariants");
        assert_eq!(vfs.notifier().usage(0), (3, 2));
        assert_eq!((groups[0].watch_count(), groups[1].watch_count()), (2, 0));
    }
    // Existing objects can be changed.
    add(0, "/d").expect("an update");
    vfs.notifier().set_limits(limits.with_max_user_watches(100));
    add(1, "/d").expect("a watch");
    assert_eq!(add(2, "/d"), Err(Errno::ENOSPC), "the object has as many as it may");
    vfs.verify().expect("the invariants");
    vfs.open(cx, "/d/f", OpenFlags::READ, 0).expect("it is there").close();
    assert_eq!((groups[0].len(), groups[1].len(), groups[2].len()), (4, 2, 0));
    vfs.notifier().set_limits(limits.with_max_object_marks(0));
    assert_eq!(add(0, "/e"), Err(Errno::ENOSPC), "its connector is taken off again");
    vfs.verify().expect("the invariants");
    drop(groups);
    assert_eq!(vfs.notifier().usage(0), (0, 0));
    room.end();
}

#[test]
fn an_instance_that_is_refused_costs_nothing() {
    let limits = Limits::default().with_max_user_instances(1);
    let room = Room::new(notify_limits(limits), MemFs::new());
    let Room { vfs, cx, .. } = &room;
    let one = vfs.inotify(cx).expect("the only one");
    for _ in 0..3 {
        assert_eq!(vfs.inotify(cx).unwrap_err().errno(), Errno::EMFILE);
        assert_eq!(vfs.notifier().usage(0), (1, 0));
    }
    let another = cx.clone().with_user(7);
    drop(vfs.inotify(&another).expect("another user's"));
    drop(one);
    drop(vfs.inotify(cx).expect("there is room again"));
    drop(another);
    room.end();
}

/// The operation does not fail because a group does not read; and what is lost is counted.
#[test]
fn a_queue_that_is_full_stops_no_operation() {
    let limits = Limits::default().with_max_queued_events(2);
    let room = Room::new(notify_limits(limits), MemFs::new());
    let Room { vfs, cx, .. } = &room;
    let group = vfs.inotify(cx).expect("an instance");
    vfs.add_watch(cx, &group, "/d", WatchMask::ALL_EVENTS).expect("a watch");
    for n in 0..10 {
        vfs.mkdir(cx, format!("/d/{n}"), 0o755).expect("a directory");
        vfs.rename(cx, format!("/d/{n}"), format!("/e/{n}"), RenameFlags::empty()).expect("a move");
        vfs.rename(cx, format!("/e/{n}"), "/d/f2", RenameFlags::empty()).expect("a move");
        vfs.rmdir(cx, "/d/f2").expect("an empty one");
    }
    assert_eq!(group.len(), 3);
    let events = group.drain();
    assert_eq!(events[2], Event::Overflow { lost: 38 });
    vfs.mkdir(cx, "/d/again", 0o755).expect("a directory");
    assert_eq!(group.len(), 1);
    drop(group);
    room.end();
}

#[test]
fn nothing_is_remembered_of_missing_names_where_there_is_no_room() {
    let tree = TreeConfig::default().with_negatives(0).with_negatives_per_directory(0);
    let room = Room::new(Vfs::builder().tree(tree), MemFs::new());
    for (what, make) in MAKERS {
        let Room { vfs, cx, .. } = &room;
        assert!(!vfs.exists(cx, "/d/new").expect("an answer"), "{what}");
        make(vfs, cx).expect("there is room");
        if what == "mkdir" { vfs.rmdir(cx, "/d/new") } else { vfs.unlink(cx, "/d/new") }
            .expect("it is there");
        assert_eq!(vfs.tree().negatives(), 0);
    }
    room.end();
}
