//! Code of the embedder's that panics, blocks or calls back: yielders, clocks, what is told of freed
//! inodes, and file systems.

mod reentrance;
mod walks;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vfsnotify::fs::Layer;
use vfsnotify::inotify::WatchMask;
use vfsnotify::notify::{Notifier, NotifyConfig};
use vfsnotify::tree::InodeSpec;
use vfsnotify::{
    InodeKind, IntoPath, MemFs, OpenFlags, PathArg, RenameFlags, Tree, TreeConfig, TreeLimits, Vfs,
};

use lab::faults::faulty::Call;
use lab::faults::stage::{Setup, Stage};
use lab::faults::threads::{Outcome, Worker, caught, meant, wait};

/// A reaper's callback that panicked kept the superblock's slot for ever.
#[test]
fn a_panic_of_the_forget_callback_keeps_no_superblock() {
    let limits = TreeLimits::default().with_superblocks(1);
    let tree = Tree::with_limits(TreeConfig::default(), limits);
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    for _ in 0..3 {
        let (superblock, root) = notifier.add_superblock(1).expect("the only one");
        let spec = InodeSpec::new(2, InodeKind::Regular, 1);
        let inode = tree.make_inode(&superblock, spec).expect("an inode");
        let file = notifier.instantiate(root.get(), b"f", inode).expect("a dentry");
        let name = notifier.unhash(file.get(), false).expect("of this tree");
        drop((file, name, root, superblock));
        for _ in 0..10 {
            if let Outcome::Done(()) = caught(|| notifier.reap(|_, _, _| meant())) {
                break;
            }
        }
        notifier.verify().expect("the invariants");
        assert_eq!((tree.live_dentries(), tree.live_inodes()), (0, 0));
    }
}

#[test]
fn the_forget_callback_may_call_everything() {
    let tree = Tree::new(TreeConfig::default());
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
    for ino in 2..10 {
        let spec = InodeSpec::new(ino, InodeKind::Directory, 2);
        drop(tree.make_inode(&superblock, spec).expect("an inode"));
    }
    let inotify = vfsnotify::inotify::Inotify::new(&notifier, 0).expect("an instance");
    let mut told = 0;
    notifier.reap(|_, ino, lookups| {
        told += 1;
        assert_eq!(lookups, 1);
        // The same number again, a watch, an event, and the reaper itself.
        let spec = InodeSpec::new(ino, InodeKind::Regular, 1);
        let again = tree.make_inode(&superblock, spec).expect("an inode");
        let name = format!("{ino}");
        let file = notifier.instantiate(root.get(), name.as_bytes(), again).expect("a dentry");
        inotify.add_watch(&file.inode_ref(), WatchMask::MODIFY).expect("a watch");
        notifier.hooks().on_modify(file.get());
        notifier.reap(|_, _, _| {});
    });
    assert!(told >= 1);
    assert_eq!(inotify.len(), told);
    notifier.verify().expect("the invariants");
}

/// While a file system thinks about one directory, no thread that does not need that directory waits,
/// and no thread at all that needs no answer.
#[test]
fn a_blocked_file_system_delays_no_unrelated_operation() {
    let held: [(Call, &str); 4] = [
        (Call::Lookup, "look"),
        (Call::Unlink, "unlink"),
        (Call::Create, "make"),
        (Call::Readdir, "list"),
    ];
    for (call, what) in held {
        let stage = Arc::new(Stage::new(Setup { privileged: true, warm: false }));
        let (slow, mount, quick) = (Worker::new(), Worker::new(), Worker::new());
        // In the cache, so that it can be found without asking.
        stage.vfs.stat(&stage.cx, "/m/dir/file").expect("it is there");
        stage.control.hold(call);
        let blocked = Arc::clone(&stage);
        let result = slow.start(move || match what {
            "look" => blocked.vfs.stat(&blocked.cx, "/m/dir/sub").map(drop),
            "unlink" => blocked.vfs.unlink(&blocked.cx, "/m/dir/file"),
            "make" => blocked.vfs.mkdir(&blocked.cx, "/m/dir/new", 0o755),
            _ => blocked.vfs.list(&blocked.cx, "/m/dir").map(drop),
        });
        stage.control.wait_for_held();
        // It waits for the directory, and holds up no other thread either.
        let mounting = Arc::clone(&stage);
        let path = "/m/dir/file";
        let mounted = mount.start(move || mounting.vfs.bind_mount(&mounting.cx, path, path));
        std::thread::sleep(Duration::from_millis(50));
        let other = Arc::clone(&stage);
        quick.run("what others do meanwhile", move || {
            let Stage { vfs, cx, group, .. } = &*other;
            vfs.mkdir(cx, "/m/other/new", 0o755).expect("another directory");
            vfs.rename(cx, "/m/twin", "/m/other/moved", RenameFlags::empty()).expect("two others");
            // The directory itself can be watched, its children found in the cache and written to.
            let inotify = vfs.inotify(cx).expect("an instance");
            let mask = WatchMask::ALL_EVENTS;
            vfs.add_watch(cx, &inotify, "/m/dir", mask).expect("a watch");
            let file = vfs.open(cx, "/m/dir/file", OpenFlags::WRITE, 0).expect("it is known");
            file.write(b"x").expect("contents");
            file.close();
            assert_eq!(inotify.drain().len(), 3, "open, modify, close");
            inotify.close();
            assert!(!group.is_empty());
            vfs.reap();
        });
        stage.control.let_go();
        wait("what was blocked", &result).expect("it goes on");
        match wait("the mount", &mounted) {
            Ok(()) => stage.vfs.unmount(&stage.cx, path).expect("it is unused"),
            Err(error) => {
                assert_eq!((error.errno(), what), (vfsnotify::Errno::ENOENT, "unlink"))
            }
        }
        stage.check().expect("a sound world");
        Arc::into_inner(stage).expect("the workers are done").end().expect("nothing is left");
    }
}

/// A file system that panics when it is dropped.
#[derive(Debug, Default)]
struct LastWords {
    inner: MemFs,
    silent: Arc<AtomicBool>,
}

impl Drop for LastWords {
    fn drop(&mut self) {
        if !self.silent.load(Ordering::Relaxed) {
            meant();
        }
    }
}

impl Layer for LastWords {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
}

#[test]
fn a_file_system_that_panics_when_it_is_dropped_is_gone_all_the_same() {
    let vfs = Vfs::new(MemFs::new()).expect("a sound file system");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a place");
    for _ in 0..3 {
        vfs.mount(&cx, "/m", LastWords::default()).expect("a mount");
        vfs.mkdir(&cx, "/m/d", 0o755).expect("a directory");
        assert!(matches!(caught(|| vfs.unmount(&cx, "/m")), Outcome::Panicked));
        vfs.verify().expect("the invariants");
        assert_eq!(vfs.mounts(&cx).len(), 1);
        vfs.reap();
        assert_eq!((vfs.tree().live_dentries(), vfs.tree().live_inodes()), (2, 2));
    }
    // Two at once, of which each panics: one after the other.
    for place in ["/a", "/b"] {
        vfs.mkdir(&cx, place, 0o755).expect("a place");
        vfs.mount(&cx, place, LastWords::default()).expect("a mount");
    }
    for place in ["/a", "/b"] {
        assert!(matches!(caught(|| vfs.unmount(&cx, place)), Outcome::Panicked));
    }
    vfs.reap();
    assert_eq!(vfs.tree().live_inodes(), 4);
    vfs.verify().expect("the invariants");
}

/// A path that panics when it is read: nothing was begun.
#[test]
fn a_path_that_panics_leaves_no_trace() {
    struct Panics;
    impl AsRef<[u8]> for Panics {
        fn as_ref(&self) -> &[u8] {
            meant()
        }
    }
    impl IntoPath for Panics {
        fn to_path(&self) -> PathArg<'_> {
            meant()
        }
    }
    let vfs = Vfs::new(MemFs::new()).expect("a sound file system");
    let cx = vfs.context();
    let none = RenameFlags::empty();
    assert!(matches!(caught(|| vfs.mkdir(&cx, Panics, 0o755)), Outcome::Panicked));
    assert!(matches!(caught(|| vfs.rename(&cx, "/a", Panics, none)), Outcome::Panicked));
    assert!(matches!(caught(|| vfs.getxattr(&cx, "/", Panics)), Outcome::Panicked));
    assert!(matches!(
        caught(|| vfs.open(&cx, Panics, OpenFlags::READ, 0).map(drop)),
        Outcome::Panicked
    ));
    vfs.verify().expect("the invariants");
    assert_eq!((vfs.nr_open_files(), vfs.tree().live_dentries()), (0, 1));
    vfs.mkdir(&cx, "/a", 0o755).expect("it works");
}
