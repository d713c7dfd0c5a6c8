//! Reclaim: a dentry that only its name references is freed, beside threads that look it up.

use loom::thread;

use crate::base::kind::InodeKind;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::tree::slot_kinds::DentrySlot;
use crate::tree::test_references::{DeferringRef, Known};
use crate::tree::{InodeSpec, SuperblockRef, Tree};

/// A reclaimable file system with the file `f`, which is unreferenced.
struct World {
    tree: Arc<Tree>,
    superblock: SuperblockRef,
    root: DeferringRef,
    /// The slot of `f`.
    file: Ix<DentrySlot>,
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(Default::default());
        let (superblock, root) = tree.add_reclaimable_superblock(1).unwrap();
        let file = root.get().index;
        let world = Self { tree, superblock, root, file };
        Self { file: world.find().get().index, ..world }
    }

    /// The answer of the file system: the file, found in the cache or put there.
    fn find(&self) -> DeferringRef {
        loop {
            if let Known::Positive(found) = self.tree.lookup(self.root.get(), b"f").unwrap() {
                return found;
            }
            let spec = InodeSpec { ino: 2, kind: InodeKind::Regular, nlink: 1 };
            let inode = self.tree.make_inode(&self.superblock, spec).unwrap();
            if let Ok(made) = self.tree.instantiate(self.root.get(), b"f", inode) {
                return made;
            }
        }
    }

    fn reclaim(&self) -> bool {
        self.tree.prune_dentry(self.file, |_| true)
    }
}

/// A look-up keeps the dentry or does not find it. Fails (a dead dentry is found) if `prune_dentry` ends
/// the dentry before it takes `children`.
#[test]
fn loom_a_dentry_that_is_looked_up_is_not_reclaimed() {
    check("reclaim/look-up", Some(3), || {
        let world = Shared::new(World::new());
        let other = {
            let world = world.clone();
            thread::spawn(move || world.reclaim())
        };
        let found = match world.tree.lookup(world.root.get(), b"f").unwrap() {
            Known::Positive(found) => {
                assert!(found.get().is_hashed(), "it is referenced and has lost its name");
                assert_eq!(found.get().inode().ino(), 2);
                Some(found)
            }
            _ => None,
        };
        let is_gone = other.join().unwrap();
        assert!(!is_gone || found.is_none(), "it was found, and reclaimed");
        assert_eq!(world.tree.live_dentries(), if is_gone { 1 } else { 2 });
        world.tree.verify().unwrap();
    });
}

/// A reference by id is taken without the lock. Fails (freed in use) if `RefState::end_if_unreferenced` loads and
/// stores.
#[test]
fn loom_a_dentry_looked_up_by_id_is_reclaimed_or_kept() {
    check("reclaim/id", Some(3), || {
        let world = Shared::new(World::new());
        let id = world.find().get().id();
        let other = {
            let world = world.clone();
            thread::spawn(move || world.reclaim())
        };
        let kept = world.tree.dentry(id);
        let is_gone = other.join().unwrap();
        assert_eq!(is_gone, kept.is_err(), "{kept:?}");
        world.tree.verify().unwrap();
    });
}

/// Two CLOCK hands at one slot, and a look-up that puts the name back: the dentry is freed once for
/// each time it was made. Fails (a reference to a dead object is taken) if `prune_dentry` ends the
/// dentry before it takes `children`.
#[test]
fn loom_a_dentry_is_reclaimed_once_and_made_again_whole() {
    check("reclaim/reclaim", Some(2), || {
        let world = Shared::new(World::new());
        let other = {
            let world = world.clone();
            thread::spawn(move || usize::from(world.reclaim()))
        };
        let mut gone = usize::from(world.reclaim());
        let found = world.find();
        gone += other.join().unwrap();
        assert!(gone <= 2);
        assert!(found.get().is_hashed());
        assert_eq!(world.tree.live_dentries(), 2);
        world.tree.verify().unwrap();
    });
}

/// The slot that the CLOCK hand passes is freed and serves a name in another directory. That name stays, or
/// is removed from its own directory. Fails (a name of the first directory goes, or one that is not
/// there) if `prune_dentry` does not read the generation before the link, or if `DentryPage::begin`
/// leaves the link of the slot's last dentry.
#[test]
fn loom_a_slot_that_serves_another_directory_is_not_reclaimed_from_the_first() {
    check("reclaim/reuse", Some(3), || {
        let world = World::new();
        let spec = InodeSpec { ino: 3, kind: InodeKind::Directory, nlink: 2 };
        let inode = world.tree.make_inode(&world.superblock, spec).unwrap();
        let dir = Shared::new(world.tree.instantiate(world.root.get(), b"d", inode).unwrap());
        let world = Shared::new(world);
        let other = {
            let (world, dir) = (world.clone(), dir.clone());
            thread::spawn(move || {
                let tree = &world.tree;
                let Known::Positive(file) = tree.lookup(world.root.get(), b"f").unwrap() else {
                    return;
                };
                drop(tree.unhash(file.get(), false).unwrap());
                drop(file);
                let Some(dead) = tree.next_dead_dentry(world.superblock.id().index) else { return };
                tree.end_alias(dead);
                tree.free_dead_dentry(dead);
                let spec = InodeSpec { ino: 4, kind: InodeKind::Regular, nlink: 1 };
                let inode = tree.make_inode(&world.superblock, spec).unwrap();
                let made = tree.instantiate(dir.get(), b"g", inode).unwrap();
                assert_eq!(made.get().index, world.file, "the slot was used again");
            })
        };
        world.reclaim();
        other.join().unwrap();
        let d = world.tree.lookup(world.root.get(), b"d").unwrap();
        assert!(matches!(d, Known::Positive(found) if found == *dir));
        world.tree.verify().unwrap();
    });
}
