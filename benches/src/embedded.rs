//! A tree and its notifier, as a program with a VFS of its own has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vfsnotify::inotify::Inotify;
use vfsnotify::notify::{DentryRef, Limits, Lookup, Notifier, NotifyConfig};
use vfsnotify::tree::{InodeSpec, SuperblockRef};
use vfsnotify::{InodeKind, Tree, TreeConfig};

/// A tree with one superblock, and limits that are out of the way.
#[derive(Debug)]
pub struct Embedded {
    /// The dentries and inodes.
    pub tree: Arc<Tree>,
    /// The hooks of the tree.
    pub notifier: Arc<Notifier>,
    /// The only superblock.
    pub superblock: SuperblockRef,
    /// Its root directory.
    pub root: DentryRef,
    last_ino: AtomicU64,
}

impl Default for Embedded {
    fn default() -> Self {
        let limits = Limits::default()
            .with_max_queued_events(1 << 20)
            .with_max_user_instances(1 << 20)
            .with_max_user_watches(1 << 30);
        Self::new(NotifyConfig::default().with_limits(limits))
    }
}

impl Embedded {
    /// A tree with this configuration of its notification side.
    pub fn new(config: NotifyConfig) -> Self {
        let tree = Tree::new(
            TreeConfig::default().with_negatives(1 << 30).with_negatives_per_directory(1 << 30),
        );
        let notifier = Notifier::new(&tree, config).expect("a notifier");
        let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
        Self { tree, notifier, superblock, root, last_ino: AtomicU64::new(1) }
    }

    fn make(&self, dir: &DentryRef, name: &[u8], kind: InodeKind) -> DentryRef {
        let ino = self.last_ino.fetch_add(1, Ordering::Relaxed) + 1;
        let nlink = if kind.is_dir() { 2 } else { 1 };
        let spec = InodeSpec::new(ino, kind, nlink);
        let inode = self.tree.make_inode(&self.superblock, spec).expect("an inode");
        self.notifier.instantiate(dir.get(), name, inode).expect("a dentry")
    }

    /// Makes a directory; no hook is called.
    pub fn dir(&self, parent: &DentryRef, name: &str) -> DentryRef {
        self.make(parent, name.as_bytes(), InodeKind::Directory)
    }

    /// Makes a file; no hook is called.
    pub fn file(&self, dir: &DentryRef, name: &str) -> DentryRef {
        self.make(dir, name.as_bytes(), InodeKind::Regular)
    }

    /// Makes `count` files, named by number, whose order in the directory is that of their slots
    /// in memory. Their dentries stay because of their names.
    pub fn files_in_creation_order(&self, dir: &DentryRef, count: usize) {
        for number in 0..count {
            drop(self.file(dir, &format!("{number}")));
        }
    }

    /// Makes `count` files whose order in the directory has nothing to do with that of their slots
    /// in memory: made elsewhere and moved in, in random order.
    pub fn files_in_random_order(&self, dir: &DentryRef, count: usize) {
        let aside =
            self.dir(&self.root, &format!("aside-{}", self.last_ino.load(Ordering::Relaxed)));
        let mut files: Vec<DentryRef> =
            (0..count).map(|number| self.file(&aside, &format!("{number}"))).collect();
        let mut seed = 12_345_u64;
        for at in (1..files.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            files.swap(at, (seed >> 33) as usize % (at + 1));
        }
        for (number, file) in files.into_iter().enumerate() {
            let name = format!("{number}");
            self.notifier.move_dentry(file.get(), dir.get(), name.as_bytes()).expect("a rename");
            drop(file);
        }
    }

    /// Remembers `count` names of 20 bytes as missing.
    pub fn negatives(&self, dir: &DentryRef, count: usize) {
        for number in 0..count {
            let name = format!("negative-{number:011}");
            self.notifier.remember_missing(dir.get(), name.as_bytes()).expect("a negative dentry");
        }
    }

    /// The child of this name, which is there.
    pub fn child(&self, dir: &DentryRef, name: &str) -> DentryRef {
        match self.notifier.lookup(dir.get(), name.as_bytes()) {
            Ok(Lookup::Positive(child)) => child,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// A group of the root user.
    pub fn group(&self) -> Inotify {
        Inotify::new(&self.notifier, 0).expect("a group")
    }
}
