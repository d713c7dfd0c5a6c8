//! Reclaim: a dentry that nothing but its name refers to goes, beside those who look for it.

use loom::thread;

use crate::base::index::Ix;
use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::base::sync::models::{Shared, check};
use crate::tree::dentry::DentrySlot;
use crate::tree::{DentryRef, InodeSpec, Lookup, Pruning, SuperblockRef, Tree};

/// A reclaimable file system with the file `f`, which is unreferenced.
struct World {
    tree: Arc<Tree>,
    superblock: SuperblockRef,
    root: DentryRef,
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

    /// What the file system answers: the file, found in the cache or put there.
    fn find(&self) -> DentryRef {
        loop {
            if let Lookup::Positive(found) = self.tree.lookup(self.root.get(), b"f").unwrap() {
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
fn loom_what_is_looked_up_is_not_reclaimed() {
    check("reclaim/look-up", Some(3), || {
        let world = Shared::new(World::new());
        let other = {
            let world = world.clone();
            thread::spawn(move || world.reclaim())
        };
        let found = match world.tree.lookup(world.root.get(), b"f").unwrap() {
            Lookup::Positive(found) => {
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

/// A reference by id is taken without the lock. Fails (freed in use) if `Life::end_unused` loads and
/// stores.
#[test]
fn loom_a_dentry_that_is_asked_for_by_id_is_reclaimed_or_kept() {
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

/// Two clocks at one slot, and a look-up that puts the name back: it goes once for each time it came.
/// Fails (a reference to a dead object is taken) if `prune_dentry` ends the dentry before it takes
/// `children`.
#[test]
fn loom_a_dentry_is_reclaimed_once_and_comes_back_whole() {
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

/// The slot that the clock looks at is freed and serves a name in another directory: that one is left alone,
/// or goes from the directory that it is in. Fails (a name of the first directory goes, or one that is not
/// there) if `prune_dentry` does not read the generation before the link, or if `DentryPage::begin` leaves
/// the link of the life before.
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
                let Lookup::Positive(file) = tree.lookup(world.root.get(), b"f").unwrap() else {
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
        assert!(matches!(d, Lookup::Positive(found) if found == *dir));
        world.tree.verify().unwrap();
    });
}

/// The slot of a child that a pruning looks at is freed and serves a directory of another file system: the
/// pruning does not go into that. Fails (the other file system loses a name) if `PruneWalk::go_down` does not
/// look where the child is once it is referenced.
#[test]
fn loom_a_pruning_does_not_go_into_a_directory_that_is_elsewhere() {
    check("prune/reuse", Some(2), || {
        let tree = Tree::new(Default::default());
        let (superblock, root) = tree.add_superblock(1).unwrap();
        let (other, elsewhere) = tree.add_superblock(1).unwrap();
        let make = |of: &SuperblockRef, dir: &DentryRef, ino, kind| {
            let inode = of.tree().make_inode(of, InodeSpec { ino, kind, nlink: 1 }).unwrap();
            of.tree().instantiate(dir.get(), b"d", inode).unwrap()
        };
        let dir = make(&superblock, &root, 2, InodeKind::Directory);
        let slot = dir.get().index;
        let thread = {
            let (tree, elsewhere) = (tree.clone(), elsewhere.clone());
            thread::spawn(move || {
                drop(tree.unhash(dir.get(), false).unwrap());
                drop(dir);
                let Some(dead) = tree.next_dead_dentry(superblock.id().index) else {
                    return false;
                };
                tree.end_alias(dead);
                tree.free_dead_dentry(dead);
                let made = make(&other, &elsewhere, 3, InodeKind::Directory);
                assert_eq!(made.get().index, slot, "the slot was used again");
                drop(make(&other, &made, 4, InodeKind::Regular));
                true
            })
        };
        let mut pruning = Pruning::below(root);
        while pruning.step() {}
        if !thread.join().unwrap() {
            // The pruning had a reference to the directory, and has left it to the reaper.
            return;
        }
        let Lookup::Positive(dir) = tree.lookup(elsewhere.get(), b"d").unwrap() else {
            panic!("the directory is gone");
        };
        assert!(matches!(tree.lookup(dir.get(), b"d").unwrap(), Lookup::Positive(_)));
        tree.verify().unwrap();
    });
}
