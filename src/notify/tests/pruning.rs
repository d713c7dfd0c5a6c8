//! Pruning of all names of a file system.

use std::cell::Cell;

use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::notify::{DentryRef, Lookup, Notifier, NotifyConfig, Pruning};
use crate::tree::{Dentry, InodeSpec, SuperblockRef, Tree};

/// The names of one file system, without a group.
struct Cache {
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
    next_ino: Cell<u64>,
}

impl Cache {
    fn new() -> Self {
        let notifier = Notifier::new(&Tree::new(Default::default()), NotifyConfig::default());
        let notifier = notifier.unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        Self { notifier, superblock, root, next_ino: Cell::new(2) }
    }

    fn make(&self, dir: Dentry<'_>, name: &str, kind: InodeKind) -> DentryRef {
        let ino = self.next_ino.replace(self.next_ino.get() + 1);
        let spec = InodeSpec { ino, kind, nlink: 1 };
        let inode = self.notifier.tree().make_inode(&self.superblock, spec).unwrap();
        self.notifier.instantiate(dir, name.as_bytes(), inode).unwrap()
    }

    fn file(&self, dir: &DentryRef, name: &str) -> DentryRef {
        self.make(dir.get(), name, InodeKind::Regular)
    }

    fn dir(&self, name: &str) -> DentryRef {
        self.make(self.root.get(), name, InodeKind::Directory)
    }

    /// The inode number of a name; `None` if the cache has no positive dentry for it.
    fn ino(&self, dir: &DentryRef, name: &str) -> Option<u64> {
        match self.notifier.lookup(dir.get(), name.as_bytes()).unwrap() {
            Lookup::Positive(dentry) => Some(dentry.get().inode().ino()),
            Lookup::Negative | Lookup::Unknown => None,
        }
    }

    /// Unhashes a dentry; true if it had a name.
    fn unhash(&self, dentry: &DentryRef) -> bool {
        self.notifier.unhash(dentry.get(), false).unwrap().is_some()
    }

    /// Frees all dead objects.
    fn reap(&self) {
        self.notifier.reap(|_, _, _| {});
    }

    /// The numbers of dentries and inodes after a reap.
    fn live(&self) -> (usize, usize) {
        self.reap();
        self.notifier.verify().unwrap();
        (self.notifier.tree().live_dentries(), self.notifier.tree().live_inodes())
    }
}

/// Prunes to the end in a bounded number of steps; returns how many dentries were freed.
fn prune(cache: &Cache) -> usize {
    let (before, mut pruning, mut steps) = (cache.live().0, Pruning::below(cache.root.clone()), 0);
    while pruning.step() {
        steps += 1;
        assert!(steps < 1000, "it does not end");
    }
    assert_eq!(pruning.into_root().get(), cache.root.get());
    before - cache.live().0
}

/// Prunes to the end in any number of steps; returns how many dentries were freed.
fn prune_all(cache: &Cache) -> usize {
    let (before, mut pruning) = (cache.live().0, Pruning::below(cache.root.clone()));
    while pruning.step() {}
    drop(pruning);
    before - cache.live().0
}

#[test]
fn unreferenced_dentries_are_pruned_from_the_bottom_up() {
    let cache = Cache::new();
    for name in ["a", "b"] {
        let dir = cache.dir(name);
        for name in ["x", "y", "z"] {
            drop(cache.file(&dir, name));
            let below = cache.make(dir.get(), &format!("{name} dir"), InodeKind::Directory);
            drop(cache.file(&below, "deep"));
        }
    }
    drop(cache.file(&cache.root, "f"));
    assert_eq!(cache.live().0, 1 + 2 * 10 + 1);
    assert_eq!(prune(&cache), 21);
    assert_eq!(cache.live(), (1, 1));
    assert_eq!(prune(&cache), 0);
}

#[test]
fn a_referenced_dentry_stays_until_it_is_put() {
    let cache = Cache::new();
    let dir = cache.dir("a");
    let used = cache.file(&dir, "used");
    drop((cache.file(&dir, "free"), cache.file(&cache.root, "f")));
    drop(dir);
    prune(&cache);
    assert!(used.get().is_hashed());
    assert!(cache.live().0 >= 3, "the file, its directory and the root at least");
    drop(used);
    prune(&cache);
    assert_eq!(cache.live(), (1, 1));
}

/// Regression: the walk ended at the first child, which was in use, and nothing was pruned.
#[test]
fn one_file_in_use_keeps_no_other_file() {
    let cache = Cache::new();
    let dir = cache.dir("d");
    for n in 0..1000 {
        drop(cache.file(&dir, &n.to_string()));
        drop(cache.file(&cache.root, &n.to_string()));
    }
    let newest = [cache.file(&dir, "newest"), cache.file(&cache.root, "newest")];
    assert_eq!(prune_all(&cache), 2000);
    assert!(newest.iter().all(|file| file.get().is_hashed()));
    drop((newest, dir));
    assert_eq!(prune_all(&cache), 3);
    assert_eq!(cache.live(), (1, 1));
}

/// A deep directory in use is skipped once, on the way up as on the way down.
#[test]
fn a_walk_skips_dentries_in_use_at_any_depth_and_ends() {
    let cache = Cache::new();
    let mut dirs = vec![cache.dir("d")];
    for depth in 0..20 {
        let dir = dirs.last().unwrap().clone();
        for n in 0..5 {
            let side = cache.make(dir.get(), &format!("side {n}"), InodeKind::Directory);
            drop(cache.file(&side, "f"));
        }
        let below = cache.make(dir.get(), &format!("d{depth}"), InodeKind::Directory);
        drop(cache.file(&below, "last"));
        dirs.push(below);
    }
    let held = [dirs[20].clone(), dirs[7].clone()];
    drop(dirs);
    assert_eq!(prune_all(&cache), 20 * 11, "all but the directories down to the deepest in use");
    assert_eq!(prune_all(&cache), 0);
    drop(held);
    assert_eq!(prune_all(&cache), 21);
    assert_eq!(cache.live(), (1, 1));
}

/// Regression: the walk went on from the new place, upwards and over everything beside its root.
#[test]
fn a_walk_does_not_follow_a_directory_that_is_moved_out_of_its_root() {
    let cache = Cache::new();
    let (inside, outside) = (cache.dir("inside"), cache.dir("outside"));
    drop(cache.file(&outside, "not to go"));
    let deep = cache.make(inside.get(), "deep", InodeKind::Directory);
    for n in 0..3 {
        drop(cache.file(&deep, &n.to_string()));
    }
    drop(cache.file(&inside, "first"));
    let mut pruning = Pruning::below(inside.clone());
    // The last file is pruned first; then the walk enters the directory.
    assert!(pruning.step() && pruning.step() && pruning.step());
    cache.notifier.move_dentry(deep.get(), outside.get(), b"moved").unwrap();
    drop((deep, outside));
    while pruning.step() {}
    drop(pruning);
    let outside = cache.notifier.lookup(cache.root.get(), b"outside").unwrap();
    let Lookup::Positive(outside) = outside else { panic!("it was pruned") };
    assert!(cache.ino(&outside, "not to go").is_some(), "what is outside was pruned");
    assert!(cache.ino(&outside, "moved").is_some());
    drop((inside, outside));
    prune_all(&cache);
    assert_eq!(cache.live(), (1, 1));
}

/// Only its children keep such a directory.
#[test]
fn an_unlinked_directory_goes_with_its_last_child() {
    let cache = Cache::new();
    let outer = cache.dir("outer");
    let inner = cache.make(outer.get(), "inner", InodeKind::Directory);
    drop((cache.file(&inner, "x"), cache.file(&inner, "y"), cache.file(&cache.root, "f")));
    for dir in [inner, outer] {
        drop(cache.notifier.unhash(dir.get(), false).unwrap());
    }
    prune(&cache);
    assert_eq!(cache.live(), (1, 1));
}

/// Regression: one step went over all of them, however deep the tree had been.
#[test]
fn a_walk_goes_back_over_directories_that_have_gone_in_bounded_steps() {
    const DEPTH: usize = 3_000;
    let cache = Cache::new();
    let mut dirs = vec![cache.dir("d")];
    for _ in 0..DEPTH {
        let last = dirs.last().unwrap();
        dirs.push(cache.make(last.get(), "d", InodeKind::Directory));
    }
    let files = [cache.file(&dirs[DEPTH], "one"), cache.file(&dirs[DEPTH], "two")];
    let mut pruning = Pruning::below(cache.root.clone());
    for _ in 0..=DEPTH {
        assert!(pruning.step());
    }
    // The directory that the walk is in is moved elsewhere.
    let elsewhere = cache.dir("elsewhere");
    cache.notifier.move_dentry(dirs[DEPTH].get(), elsewhere.get(), b"d").unwrap();
    dirs.iter().take(DEPTH).for_each(|dir| assert!(cache.unhash(dir)));
    drop(dirs);
    cache.reap();
    let mut steps = 0;
    while pruning.step() {
        steps += 1;
    }
    assert!(steps >= DEPTH / 256, "{steps} steps");
    assert!(files.iter().all(|file| file.get().is_hashed()));
    drop((pruning, files, elsewhere));
    prune_all(&cache);
    assert_eq!(cache.live(), (1, 1));
}
