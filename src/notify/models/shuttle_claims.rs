//! Names that are made while other threads end dentries and inodes, without any lock of an embedder's.

use std::sync::Mutex;

use super::shuttle_harness::{check, events, thread, together};
use crate::base::errno::Errno;
use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::inotify::{Inotify, WatchMask};
use crate::notify::{DentryRef, Lookup, Notifier, NotifyConfig, Pruning};
use crate::tree::{InodeRef, InodeSpec, SuperblockRef, Tree};

struct World {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
}

impl World {
    fn new() -> Arc<Self> {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        Arc::new(Self { tree, notifier, superblock, root })
    }

    fn inode(&self, ino: u64, kind: InodeKind) -> InodeRef {
        self.tree.make_inode(&self.superblock, InodeSpec { ino, kind, nlink: 1 }).unwrap()
    }

    fn file(&self, name: &[u8], ino: u64) -> DentryRef {
        let inode = self.inode(ino, InodeKind::Regular);
        self.notifier.instantiate(self.root.get(), name, inode).unwrap()
    }

    /// Removes a name, and puts both references.
    fn remove(&self, dentry: DentryRef) {
        drop(self.notifier.unhash(dentry.get(), false).unwrap().unwrap());
        drop(dentry);
    }
}

/// A directory has a dentry that is dead and not yet freed, and two threads give it a name: one succeeds. Fails
/// (an index without a page) if `claim_dentry` in `directory.rs` reads a dentry that was freed meanwhile, and
/// (none or two names are made) if it does not compare generations.
#[test]
fn shuttle_a_directory_whose_dentry_is_freed_meanwhile_gets_one_name() {
    check(|| {
        let world = World::new();
        let inode = world.inode(2, InodeKind::Directory);
        let first = world.notifier.instantiate(world.root.get(), b"d", inode.clone()).unwrap();
        // The put is deferred: no death is reported here.
        drop(world.notifier.unhash(first.get(), false).unwrap());
        first.drop_deferred();
        let made = Arc::new(Mutex::new(Vec::new()));
        let make = |name: &'static [u8]| {
            let (inode, made) = (inode.clone(), made.clone());
            thread(&world, move |world: &World| {
                match world.notifier.instantiate(world.root.get(), name, inode) {
                    Ok(dentry) => made.lock().unwrap().push(dentry),
                    Err(error) => assert_eq!(error.errno(), Errno::EEXIST),
                }
            })
        };
        let reaper = thread(&world, |world: &World| {
            world.notifier.reap(|_, _, _| {});
            // The file may get the slot of the freed dentry.
            world.file(b"f", 3);
        });
        together(vec![reaper, make(b"x"), make(b"y")]);
        let mut made = std::mem::take(&mut *made.lock().unwrap());
        assert_eq!(made.len(), 1, "{made:?}");
        let dir = made.pop().unwrap();
        let below = world.inode(9, InodeKind::Regular);
        let below = world.notifier.instantiate(dir.get(), b"f", below).unwrap();
        world.remove(dir);
        assert!(below.parent().is_some(), "its child keeps it");
        world.remove(below);
        drop(inode);
        world.notifier.reap(|_, _, _| {});
        world.notifier.verify().unwrap();
        assert_eq!((world.tree.live_dentries(), world.tree.live_inodes()), (2, 2));
    });
}

/// A refused name has no effect: the inode dies as without it. Fails (a watch is left on a dead inode) if
/// `new_dentry` in `dcache.rs` counts the dentry as an alias before the refusal, and uncounts it after.
#[test]
fn shuttle_g13_a_refused_name_lets_no_watch_stay_on_a_dead_inode() {
    check(|| {
        let world = World::new();
        let (file, _taken) = (world.file(b"f", 4), world.file(b"taken", 5));
        let inotify = Inotify::new(&world.notifier, 0).unwrap();
        let (one, two) = (file.inode_ref(), file.inode_ref());
        drop(world.notifier.unhash(file.get(), false).unwrap().unwrap());
        together(vec![
            thread(&world, move |world: &World| {
                let refused = world.notifier.instantiate(world.root.get(), b"taken", one);
                assert_eq!(refused.unwrap_err().errno(), Errno::EEXIST);
            }),
            thread(&world, move |_: &World| {
                file.get().inode().set_nlink(0);
                drop(file);
            }),
            thread(&world, {
                let inotify = inotify.clone();
                move |_: &World| {
                    // The add may come before or after the death.
                    let _ = inotify.add_watch(&two, WatchMask::DELETE_SELF);
                }
            }),
        ]);
        world.notifier.reap(|_, _, _| {});
        assert_eq!(inotify.watch_count(), 0, "on a dead inode; events {:?}", events(&inotify));
    });
}

/// Two threads make the inode of a number again while its last one is being freed. Every lookup is returned
/// once, and none while an inode of that number is alive. Fails (a node that is not in the table is removed) if
/// `free_inode` in `icache.rs` does not check `is_chained`.
#[test]
fn shuttle_a_number_that_is_made_again_as_its_inode_is_freed_counts_each_look_up_once() {
    check(|| {
        let world = World::new();
        let file = world.file(b"f", 2);
        world.remove(file);
        let given_back = Arc::new(Mutex::new(0));
        let reap = |world: &World, given_back: &Mutex<u64>| {
            world.notifier.reap(|_, ino, lookups| {
                assert_eq!(ino, 2);
                *given_back.lock().unwrap() += lookups;
            });
        };
        let make = || thread(&world, |world: &World| drop(world.inode(2, InodeKind::Regular)));
        let reaper = {
            let given_back = given_back.clone();
            thread(&world, move |world: &World| reap(world, &given_back))
        };
        together(vec![reaper, make(), make()]);
        reap(&world, &given_back);
        assert_eq!(*given_back.lock().unwrap(), 3);
        world.notifier.verify().unwrap();
        assert_eq!(world.tree.live_inodes(), 1);
    });
}

/// A lookup's reference keeps the name from being pruned. Fails (a dentry in use without its name) if
/// `prune_dentry` in `prune_dentry.rs` reads the reference count before it has the lock.
#[test]
fn shuttle_a_dentry_that_was_looked_up_is_not_pruned() {
    check(|| {
        let world = World::new();
        for (name, ino) in [(&b"f"[..], 2), (b"g", 3)] {
            drop(world.file(name, ino));
        }
        let found = Arc::new(Mutex::new(Vec::new()));
        let find = |name: &'static [u8]| {
            let found = found.clone();
            thread(&world, move |world: &World| {
                if let Ok(Lookup::Positive(dentry)) = world.notifier.lookup(world.root.get(), name)
                {
                    found.lock().unwrap().push(dentry);
                }
            })
        };
        let pruner = thread(&world, |world: &World| {
            let mut pruning = Pruning::below(world.root.clone());
            while pruning.step() {}
        });
        together(vec![pruner, find(b"f"), find(b"g")]);
        let found = std::mem::take(&mut *found.lock().unwrap());
        assert!(found.iter().all(|dentry| dentry.get().is_hashed()), "{found:?}");
        drop(found);
        world.notifier.reap(|_, _, _| {});
        world.notifier.verify().unwrap();
    });
}
