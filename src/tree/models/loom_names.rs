//! Names: which dentry has one, and how a reader sees them while they change.

use loom::thread;

use crate::base::errno::Errno;
use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::tree::test_references::DeferringRef;
use crate::tree::{InodeRef, InodeSpec, SuperblockRef, Tree};

/// A root with the directories `a` and `b`.
struct World {
    tree: Arc<Tree>,
    superblock: SuperblockRef,
    root: DeferringRef,
    dirs: [DeferringRef; 2],
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(Default::default());
        let (superblock, root) = tree.add_superblock(1).unwrap();
        let dirs = [(b"a", 2), (b"b", 3)].map(|(name, ino)| {
            let spec = InodeSpec { ino, kind: InodeKind::Directory, nlink: 2 };
            let inode = tree.make_inode(&superblock, spec).unwrap();
            tree.instantiate(root.get(), name, inode).unwrap()
        });
        Self { tree, superblock, root, dirs }
    }

    fn inode(&self, ino: u64, kind: InodeKind) -> InodeRef {
        self.tree.make_inode(&self.superblock, InodeSpec { ino, kind, nlink: 1 }).unwrap()
    }

    fn name(
        &self,
        dir: &DeferringRef,
        name: &[u8],
        inode: InodeRef,
    ) -> crate::Result<DeferringRef> {
        self.tree.instantiate(dir.get(), name, inode)
    }
}

/// A directory has one dentry: the first thread makes it, the other is refused. Fails (two names for
/// one directory) if `claim_dentry` in `directory.rs` loads and stores.
#[test]
fn loom_one_of_two_names_made_for_a_directory_is_refused() {
    check("two names", Some(3), || {
        let world = Shared::new(World::new());
        let inode = world.inode(9, InodeKind::Directory);
        let other = {
            let (world, inode) = (world.clone(), inode.clone());
            thread::spawn(move || world.name(&world.dirs[0], b"d", inode))
        };
        let mine = world.name(&world.dirs[1], b"d", inode);
        let theirs = other.join().unwrap();
        assert!(mine.is_ok() != theirs.is_ok(), "{mine:?} {theirs:?}");
        for refused in [mine, theirs].into_iter().filter_map(Result::err) {
            assert_eq!(refused.errno(), Errno::EEXIST);
        }
        world.tree.verify().unwrap();
    });
}

/// A directory that is found by its inode is in the directory in which it was made. Fails (it is in the
/// directory of its slot's last dentry) if `d_add` in `dcache.rs` does not set the link before the
/// claim.
#[test]
fn loom_a_directory_that_is_found_by_its_inode_has_its_parent() {
    check("found by its inode", Some(2), || {
        let world = Shared::new(World::new());
        let tree = &world.tree;
        let before = world.name(&world.dirs[0], b"f", world.inode(8, InodeKind::Regular)).unwrap();
        drop((tree.unhash(before.get(), false).unwrap(), before));
        let dead = tree.next_dead_dentry(world.superblock.id().index).unwrap();
        tree.end_alias(dead);
        tree.free_dead_dentry(dead);
        let inode = world.inode(9, InodeKind::Directory);
        let other = {
            let (world, inode) = (world.clone(), inode.clone());
            thread::spawn(move || {
                let Some(found) = world.tree.directory_dentry(&inode) else { return };
                assert_eq!(found.parent().unwrap(), world.dirs[1]);
                assert_eq!(found.get().name(), "d");
            })
        };
        let made = world.name(&world.dirs[1], b"d", inode).unwrap();
        other.join().unwrap();
        drop(made);
        world.tree.verify().unwrap();
    });
}

/// Two callers with one number get one inode, also while a third puts its reference. Fails (two inodes
/// of one number) if `make_inode` in `icache.rs` releases the table between lookup and insertion.
#[test]
fn loom_two_threads_that_make_an_inode_of_one_number_get_one() {
    check("two inodes", Some(2), || {
        let world = Shared::new(World::new());
        let first = world.inode(9, InodeKind::Regular);
        let others = [0, 1].map(|_| {
            let world = world.clone();
            thread::spawn(move || world.inode(9, InodeKind::Regular))
        });
        // The first reference may be the last, before or after the others look the number up.
        drop(first);
        let [one, two] = others.map(|other| other.join().unwrap());
        assert_eq!(one.get().id(), two.get().id());
    });
}

/// G9, for a reader of a name or a parent: it never gets those of another dentry. Fails (an index out
/// of bounds, or the name of a neighbour) if `name_of` in `dcache.rs` does not check the link again
/// under the lock.
#[test]
fn loom_g9_a_name_read_during_a_move_is_the_old_or_the_new_one() {
    check("name/move", Some(3), || {
        let world = Shared::new(World::new());
        let file = world.name(&world.dirs[0], b"f", world.inode(9, InodeKind::Regular)).unwrap();
        // Moves to the place in the array that `f` frees.
        let _neighbour = world.name(&world.dirs[0], b"n", world.inode(10, InodeKind::Regular));
        let reader = {
            let (world, file) = (world.clone(), file.clone());
            thread::spawn(move || {
                let name = file.get().name();
                assert!([b"f", b"g"].contains(&&[name[0]]), "{name:?}");
                let parent = file.parent().unwrap();
                assert!(world.dirs.contains(&parent), "{parent:?}");
            })
        };
        let moved = world.tree.rename(file.get(), world.dirs[1].get(), b"g").unwrap();
        assert!(moved.is_none());
        reader.join().unwrap();
        world.tree.verify().unwrap();
    });
}

/// Two renames in opposite directions lock the directories in one order. Fails (a deadlock) if
/// `lock_two` in `dcache.rs` locks the first argument first.
#[test]
fn loom_two_moves_in_opposite_directions_do_not_deadlock() {
    check("move/move", Some(3), || {
        let world = Shared::new(World::new());
        let files = [0, 1].map(|dir| {
            let inode = world.inode(9 + dir as u64, InodeKind::Regular);
            world.name(&world.dirs[dir], b"f", inode).unwrap()
        });
        let [one, two] = files;
        let other = {
            let world = world.clone();
            thread::spawn(move || {
                drop(world.tree.rename(one.get(), world.dirs[1].get(), b"x").unwrap());
            })
        };
        drop(world.tree.rename(two.get(), world.dirs[0].get(), b"y").unwrap());
        other.join().unwrap();
        world.tree.verify().unwrap();
    });
}

/// A dentry is hashed again while something is mounted on it: each under its own lock, both in one
/// byte. Fails (one is lost) if `set_state` in `dentry.rs` loads and stores.
#[test]
fn loom_a_hash_and_a_mount_of_a_dentry_at_once_are_both_kept() {
    check("hashed/mounted", None, || {
        let world = Shared::new(World::new());
        let dentry = world.dirs[0].clone();
        let other = {
            let dentry = dentry.clone();
            thread::spawn(move || {
                let dentry = dentry.get();
                dentry.page.set_mounted_on(dentry.index, true);
            })
        };
        let entry = world.tree.unhash(dentry.get(), false).unwrap();
        assert!(entry.is_some());
        other.join().unwrap();
        let (page, index) = (dentry.get().page, dentry.get().index);
        assert!(!page.is_hashed(index), "it is hashed again");
        assert!(page.is_mounted_on(index), "the mount was forgotten");
    });
}

/// Of two threads that unhash one dentry, one gets the reference of the entry. Fails (a reference is
/// put twice) if `d_unhash` in `dcache.rs` checks `is_hashed` before it has the lock.
#[test]
fn loom_one_of_two_unhashes_gets_the_reference_of_the_name() {
    check("unhash/unhash", None, || {
        let world = Shared::new(World::new());
        let dentry = world.dirs[0].clone();
        let other = {
            let (world, dentry) = (world.clone(), dentry.clone());
            thread::spawn(move || world.tree.unhash(dentry.get(), false).unwrap().is_some())
        };
        let mine = world.tree.unhash(dentry.get(), true).unwrap().is_some();
        assert!(mine != other.join().unwrap(), "one name is one reference");
        world.tree.verify().unwrap();
        assert_eq!(world.root.get().page.refs(dentry.get().index).count(), 2, "of this test");
    });
}
