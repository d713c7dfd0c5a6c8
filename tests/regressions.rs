//! One test for each defect that was found, named after what it broke.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask, decode};
use vfsnotify::notify::{Limits, Notifier, NotifyConfig};
use vfsnotify::{
    At, Credentials, Dentry, DentryRef, ErrorKind, EventMask, InodeKind, InodeSpec, MemFs,
    MountOptions, OpenFlags, OpenHow, RenameFlags, ResolveFlags, SuperblockRef, Tree, TreeConfig,
    Vfs, lockdep,
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

/// `ONLYDIR` is part of the look-up, which comes before the look at permissions; a watch on an open
/// file looked at them first, and who may not read a file was told `EACCES` instead of `ENOTDIR`.
#[test]
fn only_a_directory_is_asked_for_before_permission_to_watch_an_open_file() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let file = vfs.open(&cx, "/f", OpenFlags::READ | OpenFlags::CREATE, 0o600).expect("a file");
    let other = vfs.context().with_credentials(Credentials::new(1000, 1000));
    let inotify = vfs.inotify(&other).expect("an instance");
    let refused = |mask| vfs.add_watch_file(&other, &inotify, &file, mask).unwrap_err().kind();
    assert_eq!(refused(WatchMask::ALL_EVENTS | WatchMask::ONLYDIR), ErrorKind::NotDir);
    assert_eq!(refused(WatchMask::ALL_EVENTS), ErrorKind::AccessDenied);
}

/// An empty source of a bind mount was looked up like a path, and said to be missing.
#[test]
fn an_empty_source_of_a_bind_mount_is_invalid() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    let refused = |to| vfs.bind_mount(&cx, "", to).unwrap_err().kind();
    assert_eq!(refused("/d"), ErrorKind::Invalid);
    assert_eq!(refused("/missing"), ErrorKind::NotFound, "the target is looked up first");
}

/// The decoder took a field without a terminating zero, one that was padded to any length, and one
/// with more bytes after the name's end, which it dropped.
#[test]
fn the_decoder_takes_only_what_a_read_writes() {
    let event = |field: &[u8]| {
        let mut bytes = Vec::new();
        bytes.extend(1i32.to_ne_bytes());
        for word in [0x100, 0, field.len() as u32] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(field);
        bytes
    };
    let field = |name: &[u8], len: usize| {
        let mut field = name.to_vec();
        field.resize(len, 0);
        event(&field)
    };
    assert!(decode(&event(b"")).is_some());
    assert!(decode(&field(b"a", 16)).is_some());
    assert!(decode(&field(&[b'n'; 255], 256)).is_some());
    assert_eq!(decode(&field(b"a", 1)), None, "no zero");
    assert_eq!(decode(&field(b"a", 2)), None, "no multiple of 16");
    assert_eq!(decode(&field(b"a", 32)), None, "more padding than is written");
    assert_eq!(decode(&event(&[b'n'; 16])), None, "no zero in a whole field");
    assert_eq!(decode(&field(b"", 16)), None, "a field without a name");
    assert_eq!(decode(&field(b"a\0b", 16)), None, "something after the name");
    assert_eq!(decode(&field(&[b'n'; 256], 272)), None, "a name that is too long");
}

/// fdinfo's `sdev` was one less than the device that stat(2) shows, 0 for the first file system.
#[test]
fn a_watchs_fdinfo_names_the_device_of_its_object() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/", WatchMask::CREATE).expect("a watch");
    let device = vfs.stat(&cx, "/").expect("the root").device;
    let line = inotify.watches()[0].to_string();
    assert!(line.contains(&format!(" sdev:{device:x} ")), "{line}");
}

/// Only `Notifier::shut_down` told the readers; where a notifier was simply dropped, a blocking read
/// waited for ever.
#[test]
fn a_notifier_that_is_dropped_tells_its_readers() {
    let world = World::new();
    let inotify = world.inotify();
    inotify.add_watch_on(&world.root.inode_ref(), WatchMask::CREATE).expect("a watch");
    world.notifier.on_create(world.root.get(), b"n", InodeKind::Regular);
    drop(world);
    let mut buf = [0; 64];
    assert_eq!(inotify.read(&mut buf), Ok(32), "what is queued can be read");
    let end = inotify.read_wait(&mut buf, Some(Duration::ZERO), None);
    assert_eq!(end.map_err(|error| error.kind()), Err(ErrorKind::Shutdown));
    assert_eq!(inotify.next().map_err(|error| error.kind()), Err(ErrorKind::Shutdown));
    assert_eq!((inotify.watch_count(), inotify.watches().len()), (0, 0), "they have gone with it");
}

fn jail() -> (Vfs, vfsnotify::Context, vfsnotify::Context) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let outside = vfs.context();
    for path in ["/jail", "/jail/a", "/jail/a/b", "/vault", "/vault/secret"] {
        vfs.mkdir(&outside, path, 0o755).expect("a directory");
    }
    let inside = outside.clone().with_root(&vfs, "/jail").expect("the jail");
    (vfs, outside, inside)
}

/// Who stood in a directory of the jail that somebody outside moved out of it was led outside by `..`,
/// and on to everything there.
#[test]
fn a_directory_that_is_moved_out_of_the_root_leads_nowhere_up() {
    let (vfs, outside, mut inside) = jail();
    inside.chdir(&vfs, "/a/b").expect("it is there");
    let held = vfs.open(&inside, "/a", OpenFlags::PATH, 0).expect("it is there");
    vfs.rename(&outside, "/jail/a", "/vault/a", RenameFlags::empty()).expect("a move");
    let kind = |result: vfsnotify::Result<vfsnotify::Metadata>| result.map_err(|e| e.kind()).err();
    let not_found = Some(ErrorKind::NotFound);
    assert_eq!(kind(vfs.stat(&inside, "..")), not_found);
    assert_eq!(kind(vfs.stat(&inside, "../../secret")), not_found);
    assert_eq!(kind(vfs.statat(&inside, At::Dir(&held), "../secret", true)), not_found);
    assert_eq!(kind(vfs.statat(&inside, At::Dir(&held), "b/../..", true)), not_found);
    // What is in it is what was in it.
    assert!(vfs.statat(&inside, At::Dir(&held), "b", true).is_ok());
    assert_eq!(kind(vfs.stat(&inside, "/..")), None);
    vfs.rename(&outside, "/vault/a", "/jail/a", RenameFlags::empty()).expect("back");
    assert_eq!(kind(vfs.stat(&inside, "../..")), None);
}

/// Of something that was moved out of the caller's root, `shown_path` showed where it is now, from the
/// first root of all.
#[test]
fn what_is_moved_out_of_the_root_is_shown_without_its_path() {
    let (vfs, outside, inside) = jail();
    let held = vfs.open(&inside, "/a", OpenFlags::PATH, 0).expect("it is there");
    assert_eq!(held.shown_path(&inside), b"/a");
    vfs.rename(&outside, "/jail/a", "/vault/code-name", RenameFlags::empty()).expect("a move");
    assert_eq!(held.shown_path(&inside), b"(unreachable)");
    assert_eq!(held.shown_path(&outside), b"/vault/code-name");
}

/// Where something had been mounted on the caller's root since, `..` stayed below the mount at the
/// root and left it above it.
#[test]
fn going_up_at_a_root_that_was_mounted_on_leads_into_the_mount_and_stays_there() {
    let (vfs, _outside, inside) = jail();
    let before = vfs.stat(&inside, "/").expect("the root");
    vfs.mount(&inside, "/", MemFs::new()).expect("a mount");
    let at = |path: &str| vfs.stat(&inside, path).expect("it is there").device;
    assert_eq!([at("/"), at("/."), at("/a")], [before.device; 3]);
    let above = at("/..");
    assert_ne!(above, before.device);
    assert_eq!([at("/../.."), at("/a/.."), at("a/../.."), at("..")], [above; 4]);
}

/// Opening `..` with `CREATE` and `BENEATH` said that it is a directory, and not that it leads out.
#[test]
fn creating_what_lies_beyond_a_beneath_is_refused_for_that() {
    let (vfs, outside, _inside) = jail();
    let dir = vfs.open(&outside, "/jail", OpenFlags::PATH, 0).expect("it is there");
    for more in [OpenFlags::empty(), OpenFlags::EXCL] {
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE | more;
        let how = OpenHow { resolve: ResolveFlags::BENEATH, ..OpenHow::new(flags) };
        let open = |path: &str| vfs.open_with(&outside, At::Dir(&dir), path, how);
        let kind = |path: &str| open(path).map_err(|error| error.kind()).err();
        assert_eq!(kind(".."), Some(ErrorKind::CrossDevice));
        assert_eq!(kind("a/../.."), Some(ErrorKind::CrossDevice));
        let inside = if more.is_empty() { ErrorKind::IsDir } else { ErrorKind::Exists };
        assert_eq!(kind("a/.."), Some(inside));
    }
}

/// The check of the invariants took back only at its end what it had counted, and each of its holds had
/// ended by then: a hold of a large directory by `verify` hid all that operations had counted.
#[test]
fn what_verify_looks_at_counts_toward_no_hold() {
    let world = World::new();
    for n in 0..3000 {
        drop(world.file(10 + n, n.to_string().as_bytes()));
    }
    world.notifier.verify().expect("the invariants");
    lockdep::assert_bounds(&lockdep::BOUNDS);
}

/// Whatever is mounted over the place where a look-up begins is above it: umount("/") took the
/// first mount for what it was asked for, and was busy.
#[test]
fn unmount_of_a_covered_root_takes_away_what_covers_it() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let mut cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    vfs.mount(&cx, "/", MemFs::new()).expect("a mount over the root");
    assert!(vfs.exists(&cx, "/d").expect("a look-up"), "a look-up begins below it");
    vfs.unmount(&cx, "/").expect("it is not busy");
    assert_eq!(vfs.mounts(&cx).len(), 1);
    cx.chdir(&vfs, "/d").expect("a directory");
    vfs.mount(&cx, "/d", MemFs::new()).expect("a mount over the current directory");
    vfs.unmount(&cx, ".").expect("it is not busy");
    assert_eq!(vfs.unmount(&cx, ".").unwrap_err().kind(), ErrorKind::Invalid);
}

/// `..` in the root of a context stayed below what is mounted there; on Linux it is a step into it.
/// From there, it led down again.
#[test]
fn dot_dot_in_a_covered_root_leads_into_what_covers_it_and_stays_there() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/below", 0o755).expect("a directory");
    vfs.mount(&cx, "/", MemFs::new()).expect("a mount over the root");
    vfs.mkdir(&cx, "/../above", 0o755).expect("a directory");
    assert!(vfs.exists(&cx, "/../above").expect("a look-up"));
    assert!(vfs.exists(&cx, "/../../above").expect("a look-up"));
    assert!(!vfs.exists(&cx, "/../below").expect("a look-up"));
    assert!(!vfs.exists(&cx, "/above").expect("a look-up"));
}

/// A file that may not be written to is EACCES, on a read-only mount too; that came second.
#[test]
fn who_may_not_write_is_told_so_before_that_the_mount_is_read_only() {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mknod(&cx, "/f", InodeKind::Regular, 0o644, 0).expect("a file");
    vfs.mknod(&cx, "/seen", InodeKind::Regular, 0, 0).expect("a file");
    let read_only = MountOptions::default().read_only(true);
    vfs.bind_mount_with(&cx, "/f", "/seen", read_only).expect("a mount");
    let bob = vfs.context().with_credentials(Credentials::new(1, 1));
    let open = |cx, flags| vfs.open(cx, "/seen", flags, 0).unwrap_err().kind();
    assert_eq!(open(&bob, OpenFlags::WRITE), ErrorKind::AccessDenied);
    assert_eq!(open(&bob, OpenFlags::WRITE | OpenFlags::CREATE), ErrorKind::AccessDenied);
    assert_eq!(open(&bob, OpenFlags::TRUNC), ErrorKind::ReadOnly);
    assert_eq!(open(&cx, OpenFlags::WRITE), ErrorKind::ReadOnly);
}

/// A whiteout belonged to the owner of the directory, not to who left it behind.
#[test]
fn a_whiteout_belongs_to_who_renames() {
    let vfs = Vfs::new(MemFs::builder().root_mode(0o777).build()).expect("a VFS");
    let bob = vfs.context().with_credentials(Credentials::new(1, 2));
    vfs.mknod(&bob, "/f", InodeKind::Regular, 0o644, 0).expect("a file");
    vfs.rename(&bob, "/f", "/g", RenameFlags::WHITEOUT).expect("a rename");
    let left = vfs.lstat(&bob, "/f").expect("a whiteout");
    assert_eq!((left.kind, left.uid, left.gid), (InodeKind::CharDevice, 1, 2));
}

/// Where there was no room for a whiteout that was said first, even if the rename was impossible.
#[test]
fn a_rename_that_cannot_be_is_not_refused_for_want_of_room_for_its_whiteout() {
    let vfs = Vfs::new(MemFs::builder().inode_limit(4).build()).expect("a VFS");
    let cx = vfs.context();
    for path in ["/a", "/b", "/b/c"] {
        vfs.mkdir(&cx, path, 0o755).expect("a directory");
    }
    let rename = |to| vfs.rename(&cx, "/a", to, RenameFlags::WHITEOUT).unwrap_err().kind();
    assert_eq!(rename("/b"), ErrorKind::NotEmpty);
    assert_eq!(rename("/d"), ErrorKind::NoSpace);
    assert!(vfs.exists(&cx, "/a").expect("a look-up"), "nothing has changed");
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

/// One that was unmounted, and of which an inode was in use, had every operation free all there was.
#[test]
fn an_unmounted_file_system_in_use_lets_no_operation_free_without_bound() {
    const NAMES: usize = 50_000;
    let vfs = Vfs::new(MemFs::new()).unwrap();
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).unwrap();
    vfs.mount(&cx, "/m", MemFs::new()).unwrap();
    vfs.mkdir(&cx, "/m/d", 0o755).unwrap();
    vfs.mkdir(&cx, "/m/d/child", 0o755).unwrap();
    let inotify = vfs.inotify(&cx).unwrap();
    let pending = vfs.start_watch(&cx, &inotify, "/m/d", WatchMask::MODIFY).unwrap();
    assert!(!pending.is_ready(), "it has the inode in use");
    vfs.unmount(&cx, "/m").unwrap();
    vfs.mkdir(&cx, "/big", 0o755).unwrap();
    for n in 0..NAMES {
        assert!(!vfs.exists(&cx, format!("/big/{n}")).unwrap());
    }
    vfs.rmdir(&cx, "/big").unwrap();
    let left = vfs.notifier().tree().negatives();
    assert!(left > NAMES / 2, "{left} names are left");
    drop(pending);
    vfs.reap();
    assert!(vfs.notifier().tree().negatives() < 10);
    assert_eq!(vfs.notifier().tree().live_inodes(), 2);
    vfs.verify().unwrap();
}
