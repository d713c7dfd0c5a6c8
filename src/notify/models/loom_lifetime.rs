//! References to dentries that are put beside a removal and beside the reaper: each death is reported once.
//!
//! Each change that a test names under "Fails" was made once, and the test failed.

use loom::thread;

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::inotify::{Event, Inotify, WatchMask};
use crate::notify::{DentryRef, Notifier, NotifyConfig};
use crate::tree::{InodeSpec, SuperblockRef, Tree};

/// A file system, and an instance that watches files for their death.
struct World {
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
    inotify: Inotify,
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let inotify = Inotify::new(&notifier, 0).unwrap();
        Self { notifier, superblock, root, inotify }
    }

    /// Makes a file and watches it for its death.
    fn file(&self, ino: u64) -> DentryRef {
        let spec = InodeSpec { ino, kind: InodeKind::Regular, nlink: 1 };
        let inode = self.notifier.tree().make_inode(&self.superblock, spec).unwrap();
        let name = [b'a' + ino as u8];
        let file = self.notifier.instantiate(self.root.get(), &name, inode).unwrap();
        self.inotify.add_watch(&file.inode_ref(), WatchMask::DELETE_SELF).unwrap();
        file
    }

    /// Makes a file without a name that is in use.
    fn removed(&self, ino: u64) -> DentryRef {
        let file = self.file(ino);
        self.notifier.hooks().remove(file.clone()).unwrap();
        file
    }

    fn reap(&self) {
        self.notifier.reap(|_, _, _| {});
    }

    /// Asserts that the deaths of the first `files` files were reported, each once, and that nothing is left.
    fn assert_reported(&self, files: i32) {
        let delivered = self.inotify.drain().into_iter().map(|event| match event {
            Event::Fs(event) => (event.wd.as_raw(), event.mask),
            Event::Overflow { .. } => panic!("an overflow"),
        });
        let mut delivered: Vec<_> = delivered.collect();
        delivered.sort_unstable_by_key(|(wd, mask)| (*wd, mask.bits()));
        let both = [EventMask::DELETE_SELF, EventMask::IGNORED];
        let wanted: Vec<_> = (1..=files).flat_map(|wd| both.map(|mask| (wd, mask))).collect();
        assert_eq!(delivered, wanted);
        self.notifier.verify().unwrap();
        self.reap();
        let tree = self.notifier.tree();
        assert_eq!((tree.live_dentries(), tree.live_inodes()), (1, 1));
        self.notifier.verify().unwrap();
    }
}

/// The last name is removed while another reference is put: the last put reports the death. Fails (it is not
/// reported) if `remove` in `recipes.rs` lowers the link count after it has put the references, and (none or
/// two puts are the last) if `put` in `ref_state.rs` loads and stores.
#[test]
fn loom_a_reference_that_ends_beside_a_removal_reports_the_death_once() {
    check("drop/remove", Some(3), || {
        let world = Shared::new(World::new());
        let file = world.file(2);
        let open = file.clone();
        let other = thread::spawn(move || drop(open));
        world.notifier.hooks().remove(file).unwrap();
        other.join().unwrap();
        world.assert_reported(1);
    });
}

/// Two references to a file without a name are put at once, one of them where a lock is held that hooks take:
/// that put or the reaper reports the death. Fails (it is not reported) if `defer_dentry_without_lock` in
/// `deferred.rs` does nothing, or `has_deferred` does not check the stack.
#[test]
fn loom_a_death_that_is_deferred_without_a_lock_is_reported_by_the_reaper() {
    check("drop/deferred drop", Some(3), || {
        let world = Shared::new(World::new());
        let file = world.removed(2);
        let open = file.clone();
        let other = thread::spawn(move || open.drop_deferred());
        drop(file);
        other.join().unwrap();
        world.reap();
        world.assert_reported(1);
    });
}

/// Two threads defer deaths without a lock while a third reaps. Fails (one death is lost) if
/// `defer_dentry_without_lock` stores the head of the stack instead of exchanging the head that it read, or if
/// `list_unlisted` loads the stack and then stores that it is empty. Fails (a death is not reported) if the
/// exchange is `Relaxed`: the next dentry of the stack is not visible.
#[test]
fn loom_no_death_that_is_deferred_without_a_lock_is_lost_beside_the_reaper() {
    check("deferred drops/reap", Some(2), || {
        let world = Shared::new(World::new());
        let files = [2, 3].map(|ino| world.removed(ino));
        let others = files.map(|file| thread::spawn(move || file.drop_deferred()));
        world.reap();
        for other in others {
            other.join().unwrap();
        }
        world.reap();
        world.assert_reported(2);
    });
}
