//! Trees of programs with a VFS of their own.

use std::sync::Arc;

use vfsnotify::notify::{DentryRef, Lookup, Notifier, NotifyConfig, Pruning};
use vfsnotify::tree::{InodeRef, InodeSpec, SuperblockRef};
use vfsnotify::{Errno, InodeKind, Tree, TreeConfig, lockdep};

struct Stage {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
}

impl Stage {
    fn new(config: TreeConfig) -> Self {
        let tree = Tree::new(config);
        let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
        let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
        Self { tree, notifier, superblock, root }
    }

    fn inode(&self, ino: u64, kind: InodeKind) -> InodeRef {
        let spec = InodeSpec::new(ino, kind, 1);
        self.tree.make_inode(&self.superblock, spec).expect("an inode")
    }

    fn file(&self, name: &str, ino: u64) -> DentryRef {
        let inode = self.inode(ino, InodeKind::Regular);
        self.notifier.instantiate(self.root.get(), name.as_bytes(), inode).expect("a name")
    }

    fn dir(&self, name: &str, ino: u64) -> DentryRef {
        let inode = self.inode(ino, InodeKind::Directory);
        self.notifier.instantiate(self.root.get(), name.as_bytes(), inode).expect("a name")
    }

    /// Takes the name away, as where a cache is made smaller, and gives all uses back.
    fn evict(&self, dentry: DentryRef) {
        let name = self.notifier.unhash(dentry.get(), false).expect("of this tree");
        drop(name.expect("it has a name"));
        drop(dentry);
    }

    fn is_negative(&self, dir: &DentryRef, name: &str) -> bool {
        let found = self.notifier.lookup(dir.get(), name.as_bytes()).expect("a directory");
        matches!(found, Lookup::Negative)
    }

    fn verify(&self) {
        self.notifier.verify().expect("the invariants");
        self.tree.verify().expect("the invariants");
    }
}

/// Each time the inode was made anew while the last one waited for the reaper, and all of them stayed in
/// one chain.
#[test]
fn a_number_that_is_made_again_and_again_makes_no_long_chain() {
    let stage = Stage::new(TreeConfig::default());
    for _ in 0..5000 {
        stage.evict(stage.file("f", 2));
    }
    lockdep::assert_bounds(&lockdep::BOUNDS);
    stage.verify();
    let mut given_back = Vec::new();
    stage.notifier.reap(|_, ino, lookups| given_back.push((ino, lookups)));
    assert_eq!(given_back, [(2, 5000)], "all of them, with the last inode of the number");
    assert_eq!(stage.tree.live_inodes(), 1);
    stage.verify();
}

#[test]
fn the_look_ups_of_a_number_that_is_alive_again_are_kept() {
    let stage = Stage::new(TreeConfig::default());
    stage.evict(stage.file("f", 2));
    let again = stage.file("f", 2);
    stage.notifier.reap(|_, ino, _| panic!("{ino} is alive"));
    assert_eq!(stage.tree.live_inodes(), 2, "the dead one is gone");
    stage.evict(again);
    let mut given_back = Vec::new();
    stage.notifier.reap(|_, ino, lookups| given_back.push((ino, lookups)));
    assert_eq!(given_back, [(2, 2)]);
    stage.verify();
}

#[test]
fn a_number_of_another_kind_is_refused() {
    let stage = Stage::new(TreeConfig::default());
    let file = stage.file("f", 2);
    let spec = InodeSpec::new(2, InodeKind::Directory, 7);
    let refused = stage.tree.make_inode(&stage.superblock, spec);
    assert_eq!(refused.expect_err("it is a file").errno(), Errno::ESTALE);
    assert_eq!(file.get().inode().nlink(), 1);
    stage.evict(file);
    stage
        .notifier
        .reap(|_, ino, lookups| assert_eq!((ino, lookups), (2, 1), "refused: not counted"));
}

/// There was no way to.
#[test]
fn an_unmount_frees_what_was_ever_found() {
    let Stage { tree, notifier, superblock, root } = Stage::new(TreeConfig::default());
    let stage = Stage { tree: tree.clone(), notifier: notifier.clone(), superblock, root };
    for n in 0..50 {
        let dir = stage.dir(&format!("{n}"), 1000 + n);
        for m in 0..20 {
            let inode = stage.inode(10_000 + n * 20 + m, InodeKind::Regular);
            let name = format!("{m}");
            drop(notifier.instantiate(dir.get(), name.as_bytes(), inode).expect("a name"));
        }
        drop(dir);
    }
    let used = stage.file("used", 2);
    notifier.on_unmount(&stage.superblock);
    let mut pruning = Pruning::below(stage.root.clone());
    while pruning.step() {}
    assert!(used.get().is_hashed(), "it is in use");
    drop(used);
    while pruning.step() {}
    drop(pruning.into_root());
    drop(stage);
    notifier.reap(|_, _, _| {});
    assert_eq!((tree.live_dentries(), tree.live_inodes()), (0, 0));
    notifier.verify().expect("the invariants");
}

/// The CLOCK hand left a directory after eight, and was then on the way through thousands that had nothing.
#[test]
fn one_directory_does_not_keep_all_negative_dentries_from_others() {
    const BUDGET: usize = 10_000;
    let config = TreeConfig::default().with_negatives(BUDGET).with_negatives_per_directory(BUDGET);
    let stage = Stage::new(config);
    let missing = |dir: &DentryRef, n: usize| {
        stage.notifier.remember_missing(dir.get(), format!("{n}").as_bytes()).expect("a directory");
    };
    let hog = stage.dir("hog", 2);
    (0..BUDGET).for_each(|n| missing(&hog, n));
    let dirs: Vec<_> = (0..20_000).map(|n| stage.dir(&format!("d{n}"), 3 + n)).collect();
    (0..2000).for_each(|n| missing(&dirs[7], n));
    let remembered = (0..2000).filter(|n| stage.is_negative(&dirs[7], &format!("{n}"))).count();
    assert!(remembered > 1500, "{remembered} of 2000");
    assert!(stage.tree.negatives() <= BUDGET);
    stage.verify();
}

#[test]
fn a_name_that_is_refused_stays_known_not_to_exist() {
    let stage = Stage::new(TreeConfig::default());
    let _dir = stage.dir("d", 2);
    stage.notifier.remember_missing(stage.root.get(), b"x").expect("a directory");
    let again = stage.inode(2, InodeKind::Directory);
    let refused = stage.notifier.instantiate(stage.root.get(), b"x", again);
    assert_eq!(refused.expect_err("it has a name").errno(), Errno::EEXIST);
    assert!(stage.is_negative(&stage.root, "x"));
    stage.verify();
}

/// A context's current directory, say, whose name was taken for gone.
#[test]
fn a_directory_that_has_lost_its_name_can_have_one_again() {
    let stage = Stage::new(TreeConfig::default());
    let dir = stage.dir("d", 2);
    drop(stage.notifier.unhash(dir.get(), false).expect("of this tree").expect("named"));
    let inode = stage.inode(2, InodeKind::Directory);
    let known = stage.notifier.directory_dentry(&inode).expect("in use");
    assert_eq!(known.get().id(), dir.get().id());
    assert!(
        stage.notifier.move_dentry(known.get(), stage.root.get(), b"d").expect("a name").is_none()
    );
    assert!(dir.get().is_hashed());
    drop((known, dir, inode));
    assert!(stage.notifier.directory_dentry(&stage.inode(3, InodeKind::Regular)).is_none());
    assert!(
        stage.notifier.directory_dentry(&stage.inode(4, InodeKind::Directory)).is_none(),
        "unnamed"
    );
    stage.verify();
}
