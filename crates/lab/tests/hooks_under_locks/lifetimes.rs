//! References to dentries that end under an embedder's locks, and where no line of the embedder's says so: by an
//! early return, by a panic that unwinds, after the notifier was shut down, inside a file system.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use vfsnotify::fs::{Layer, Request, Unlinked};
use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::DentryRef;
use vfsnotify::{Errno, EventMask, FileSystem, InodeKind, MemFs, Result, Vfs};

use lab::embedder::world::{LOCKS, Lock, World};

const DEATH: [EventMask; 2] = [EventMask::DELETE_SELF, EventMask::IGNORED];

fn delivered(inotify: &Inotify) -> Vec<EventMask> {
    let events = inotify.drain();
    events.iter().map(|event| event.fs_event().expect("no overflow").mask).collect()
}

/// A world, an instance that is told of the child's death, and the last reference to a dentry of the child.
fn dying() -> (World, Inotify, DentryRef) {
    let world = World::new();
    let inotify = Inotify::new(&world.notifier, 0).expect("an instance");
    inotify.add_watch(&world.child.inode_ref(), WatchMask::DELETE_SELF).expect("a watch");
    let dying = world.arguments().dying;
    world.child.get().inode().set_nlink(0);
    (world, inotify, dying)
}

/// An embedder's operation that fails in the middle, with a lock held.
fn fails_under(world: &World, lock: Lock, dentry: DentryRef) -> Result<()> {
    let _held = world.locks.take(lock);
    // It is in use here, and dropped by the `?` while the lock is held.
    let dentry = dentry;
    world.notifier.lookup(dentry.get(), b"name")?;
    drop(dentry);
    Ok(())
}

#[test]
fn g6_an_early_return_reports_a_death_under_every_lock_of_an_embedder() {
    for lock in LOCKS {
        let (world, inotify, dying) = dying();
        let error = fails_under(&world, lock, dying).unwrap_err();
        assert_eq!(error.errno(), Errno::ENOTDIR);
        assert_eq!(delivered(&inotify), DEATH, "under {lock:?}");
        world.notifier.verify().expect("the invariants");
    }
}

#[test]
fn g6_a_panic_that_unwinds_reports_a_death_under_every_lock_of_an_embedder() {
    for lock in LOCKS {
        let (world, inotify, dying) = dying();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _held = world.locks.take(lock);
            let _dying = dying;
            panic!("in the middle of an operation");
        }));
        panic.unwrap_err();
        assert_eq!(delivered(&inotify), DEATH, "under {lock:?}");
        world.notifier.verify().expect("the invariants");
    }
}

#[test]
fn a_reference_that_ends_after_the_shut_down_frees_what_it_kept() {
    for lock in LOCKS {
        let (world, inotify, dying) = dying();
        world.notifier.shut_down();
        let dentries = world.tree.live_dentries();
        let held = world.locks.take(lock);
        drop(dying);
        drop(held);
        assert!(inotify.is_closed() && inotify.drain().is_empty());
        assert_eq!(world.tree.live_dentries(), dentries - 1);
        world.notifier.verify().expect("the invariants");
    }
}

/// The reference keeps the notifier, which goes with the last one.
#[test]
fn a_reference_may_outlive_every_other_handle_of_an_embedder() {
    let (world, inotify, dying) = dying();
    let notifier = Arc::downgrade(&world.notifier);
    let tree = world.tree.clone();
    drop(world);
    assert!(!inotify.is_closed(), "the notifier is there");
    drop(dying);
    assert!(notifier.upgrade().is_none() && inotify.is_closed());
    let mut events = delivered(&inotify);
    events.dedup();
    assert_eq!(events, DEATH);
    tree.verify().expect("the invariants");
}

/// A file system that drops a reference of the embedder's while it is called.
#[derive(Debug)]
struct Dropping {
    inner: MemFs,
    held: Mutex<Option<DentryRef>>,
}

impl Layer for Dropping {
    type Inner = MemFs;

    fn inner(&self) -> &MemFs {
        &self.inner
    }

    fn unlink(&self, request: &Request, dir: u64, name: &[u8]) -> Result<Unlinked> {
        // The locks of the directory, and of the links of what is unlinked, are held.
        drop(self.held.lock().expect("no panic").take());
        self.inner.unlink(request, dir, name)
    }
}

#[test]
fn g6_a_reference_that_ends_inside_a_file_system_reports_the_death() {
    let fs = Arc::new(Dropping { inner: MemFs::new(), held: Mutex::default() });
    let shared: Arc<dyn FileSystem> = fs.clone();
    let vfs = Vfs::new(shared).expect("a VFS");
    let cx = vfs.context();
    for path in ["/dying", "/other"] {
        vfs.mknod(&cx, path, InodeKind::Regular, 0o644, 0).expect("a file");
    }
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/dying", WatchMask::DELETE_SELF).expect("a watch");
    let open = vfs.open(&cx, "/dying", vfsnotify::OpenFlags::PATH, 0).expect("a handle");
    let held = vfs.notifier().reference(open.dentry()).expect("a dentry of this VFS");
    open.close();
    vfs.unlink(&cx, "/dying").expect("a file");
    assert!(delivered(&inotify).is_empty(), "it is in use");
    *fs.held.lock().expect("no panic") = Some(held);
    vfs.unlink(&cx, "/other").expect("a file");
    assert_eq!(delivered(&inotify), DEATH);
    vfs.verify().expect("the invariants");
}
