//! Several threads act on one tree at random, as an embedder's may: nothing panics or hangs, and the invariants
//! hold at the end. (`tests/fuzzing/tree_nonsense` has one thread, and more to do.)

#![expect(clippy::disallowed_types, reason = "an embedder has locks of its own")]

use std::sync::{Arc, Mutex};
use std::thread;

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::{DentryRef, Lookup, Notifier, NotifyConfig, Pruning};
use vfsnotify::tree::{Dentry, InodeRef, InodeSpec, SuperblockRef};
use vfsnotify::{InodeKind, Tree, TreeConfig, TreeLimits};

const ROUNDS: u64 = 60;
const THREADS: u64 = 3;
const ACTS: usize = 400;
const NAMES: [&[u8]; 4] = [b"a", b"b", b"c", b"f"];
/// How many dentries, and inodes, the threads share.
const DENTRIES: usize = 12;
const INODES: usize = 6;

/// The state that the threads share.
struct Soup {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    group: Inotify,
    root: DentryRef,
    dentries: Mutex<Vec<DentryRef>>,
    inodes: Mutex<Vec<InodeRef>>,
}

struct Dice(u64);

impl Dice {
    /// A number below another one.
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % below
    }
}

/// Adds to a pool. What makes way for it is returned.
fn keep<T>(pool: &Mutex<Vec<T>>, most: usize, dice: &mut Dice, new: T) -> Option<T> {
    let mut pool = pool.lock().expect("no panic");
    if pool.len() < most {
        pool.push(new);
        return None;
    }
    let at = dice.roll(most);
    Some(std::mem::replace(&mut pool[at], new))
}

impl Soup {
    fn new(seed: u64) -> Self {
        let config = TreeConfig::default().with_negatives(8).with_dentries(12);
        let low = TreeLimits::default()
            .with_dentries(24)
            .with_inodes(20)
            .with_directories(14)
            .with_superblocks(1)
            .with_children_per_directory(4);
        let limits = if seed.is_multiple_of(3) { low } else { TreeLimits::default() };
        let tree = Tree::with_limits(config, limits);
        let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
        let (superblock, root) = match seed % 2 {
            0 => notifier.add_superblock(1),
            _ => notifier.add_reclaimable_superblock(1),
        }
        .expect("a superblock");
        let group = Inotify::new(&notifier, 0).expect("an instance");
        let dentries = Mutex::new(vec![root.clone(); 3]);
        Self { tree, notifier, superblock, group, root, dentries, inodes: Mutex::default() }
    }

    fn any_dentry(&self, dice: &mut Dice) -> DentryRef {
        let dentries = self.dentries.lock().expect("no panic");
        dentries[dice.roll(dentries.len())].clone()
    }

    fn make(&self, dice: &mut Dice, dir: Dentry<'_>, name: &[u8]) -> Option<DentryRef> {
        let ino = 2 + dice.roll(6) as u64;
        let kind = if ino < 6 { InodeKind::Directory } else { InodeKind::Regular };
        let spec = InodeSpec::new(ino, kind, 1);
        let inode = self.tree.make_inode(&self.superblock, spec).ok()?;
        if dice.roll(3) == 0 {
            drop(keep(&self.inodes, INODES, dice, inode.clone()));
        }
        match dice.roll(4) {
            0 => self.notifier.instantiate_unnamed(dir, name, inode).ok(),
            _ => self.notifier.instantiate(dir, name, inode).ok(),
        }
    }

    fn by_inode(&self, dice: &mut Dice) -> Option<DentryRef> {
        let inode = {
            let inodes = self.inodes.lock().expect("no panic");
            (!inodes.is_empty()).then(|| inodes[dice.roll(inodes.len())].clone())
        };
        self.notifier.directory_dentry(&inode?)
    }

    /// A climb from each dentry ends at the root.
    fn climb(&self, from: &DentryRef) {
        let mut here = from.clone();
        for level in 0.. {
            assert!(level < 100_000, "the climb from {from:?} has no end");
            let Some(parent) = here.parent() else { break };
            here = parent;
        }
        assert_eq!(here, self.root);
    }

    fn act(&self, dice: &mut Dice) {
        let (one, two) = (self.any_dentry(dice), self.any_dentry(dice));
        let name = NAMES[dice.roll(NAMES.len())];
        let notifier = &self.notifier;
        let found = match dice.roll(17) {
            0..3 => self.make(dice, one.get(), name),
            3 | 4 => match notifier.lookup(one.get(), name) {
                Ok(Lookup::Positive(dentry)) => Some(dentry),
                _ => None,
            },
            5 => {
                let _ = notifier.remember_missing(one.get(), name);
                None
            }
            6 | 7 => notifier.move_dentry(one.get(), two.get(), name).ok().flatten(),
            8 => {
                let _ = notifier.exchange_dentries(one.get(), two.get());
                None
            }
            9 => notifier.unhash(one.get(), dice.roll(2) == 0).ok().flatten(),
            10 => {
                let mut pruning = Pruning::below(one.clone());
                (0..20).take_while(|_| pruning.step()).for_each(drop);
                None
            }
            11 => {
                notifier.reap(|_, _, _| {});
                None
            }
            12 | 13 => self.by_inode(dice),
            14 => {
                let watch = self.group.add_watch(&one.inode_ref(), WatchMask::ALL_EVENTS);
                if let Some(watch) = watch.ok().filter(|_| dice.roll(2) == 0) {
                    let _ = self.group.rm_watch(watch);
                }
                None
            }
            15 => {
                notifier.hooks().on_open(one.get());
                notifier.hooks().on_modify(two.get());
                let inode = one.get().inode();
                notifier.hooks().on_rename(one.get(), name, two.get(), b"n", inode, None);
                drop(self.group.drain());
                None
            }
            _ => {
                self.climb(&one);
                None
            }
        };
        if let Some(found) = found {
            let _ = found.get().name();
            let old = keep(&self.dentries, DENTRIES, dice, found);
            if let Some(old) = old.filter(|_| dice.roll(2) == 0) {
                let _ = notifier.hooks().remove(old);
            }
        }
        match dice.roll(4) {
            0 => drop(notifier.hooks().rename(one.get(), two.get(), name)),
            1 => drop(notifier.hooks().exchange(one.get(), two.get())),
            _ => {}
        }
    }

    /// Nothing is left at the end.
    fn end(self) {
        let Self { tree, notifier, superblock, group, root, dentries, inodes } = self;
        notifier.verify().expect("the invariants hold");
        drop((dentries, inodes));
        group.close();
        drop(group);
        let mut pruning = Pruning::below(root);
        // A dead object is in the way until it is freed.
        let mut before = usize::MAX;
        while tree.live_dentries() < before {
            before = tree.live_dentries();
            while pruning.step() {}
            notifier.reap(|_, _, _| {});
        }
        drop(pruning.into_root());
        drop(superblock);
        notifier.reap(|_, _, _| {});
        notifier.verify().expect("the invariants hold");
        assert_eq!((tree.live_dentries(), tree.live_inodes()), (0, 0));
    }
}

#[test]
fn threads_that_act_on_one_tree_at_random_corrupt_nothing() {
    for seed in 1..=ROUNDS {
        let soup = Soup::new(seed);
        thread::scope(|scope| {
            for thread in 1..=THREADS {
                let soup = &soup;
                scope.spawn(move || {
                    let mut dice = Dice((seed << 8 | thread).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                    (0..ACTS).for_each(|_| soup.act(&mut dice));
                });
            }
        });
        soup.end();
    }
}
