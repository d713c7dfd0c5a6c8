//! An embedder with a VFS of its own: its locks, and a few dentries in a `Tree`.

use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockWriteGuard};
use std::time::Duration;

use vfsnotify::notify::{DentryRef, Notifier, NotifyConfig};
use vfsnotify::tree::{InodeRef, InodeSpec, SuperblockRef};
use vfsnotify::{InodeKind, Pace, Tree, TreeConfig, Yielder};

use super::hooks::{Arguments, On};

/// The locks that an embedder may hold when it calls a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    Directory,
    ParentDirectory,
    BothDirectories,
    Rename,
    Inode,
    Mount,
    Global,
    /// As a rename over a mountpoint's neighbour would, in an embedder that takes all it has.
    All,
}

pub const LOCKS: [Lock; 8] = [
    Lock::Directory,
    Lock::ParentDirectory,
    Lock::BothDirectories,
    Lock::Rename,
    Lock::Inode,
    Lock::Mount,
    Lock::Global,
    Lock::All,
];

#[derive(Debug, Default)]
pub struct Locks {
    global: Mutex<()>,
    mount: RwLock<()>,
    rename: Mutex<()>,
    parent: RwLock<()>,
    dir: RwLock<()>,
    new_dir: RwLock<()>,
    inode: Mutex<()>,
}

/// The references held.
#[derive(Debug)]
pub struct Guards<'a> {
    inode: Option<MutexGuard<'a, ()>>,
    directories: Vec<RwLockWriteGuard<'a, ()>>,
    #[expect(dead_code, reason = "held for its drop")]
    rename: Option<MutexGuard<'a, ()>>,
    #[expect(dead_code, reason = "held for its drop")]
    mount: Option<RwLockWriteGuard<'a, ()>>,
    #[expect(dead_code, reason = "held for its drop")]
    global: Option<MutexGuard<'a, ()>>,
}

impl Locks {
    /// Takes these, always in the same order: the embedder itself is without fault.
    pub fn take(&self, which: Lock) -> Guards<'_> {
        use Lock::{
            All, BothDirectories, Directory, Global, Inode, Mount, ParentDirectory, Rename,
        };
        let is = |locks: &[Lock]| which == All || locks.contains(&which);
        let fine = "no panic under the lock";
        // The fields are evaluated in this order.
        let mut guards = Guards {
            global: is(&[Global]).then(|| self.global.lock().expect(fine)),
            mount: is(&[Mount]).then(|| self.mount.write().expect(fine)),
            rename: is(&[Rename]).then(|| self.rename.lock().expect(fine)),
            directories: Vec::new(),
            inode: None,
        };
        let directories = [
            (is(&[ParentDirectory]), &self.parent),
            (is(&[Directory, BothDirectories]), &self.dir),
            (is(&[BothDirectories]), &self.new_dir),
        ];
        for (wanted, lock) in directories {
            guards.directories.extend(wanted.then(|| lock.write().expect(fine)));
        }
        guards.inode = is(&[Inode]).then(|| self.inode.lock().expect(fine));
        guards
    }
}

type Callback = Arc<dyn Fn() + Send + Sync>;

/// The action of the yielder; nothing, unless a case says so.
#[derive(Clone, Default)]
pub struct Yields(Arc<Mutex<Option<Callback>>>);

impl Yields {
    pub fn set(&self, callback: Option<Callback>) {
        *self.0.lock().expect("no panic under the lock") = callback;
    }

    fn run(&self) {
        // Not called under the lock of this test's own.
        let callback = self.0.lock().expect("no panic under the lock").clone();
        if let Some(callback) = callback {
            callback();
        }
    }
}

pub struct World {
    pub tree: Arc<Tree>,
    pub notifier: Arc<Notifier>,
    pub superblock: SuperblockRef,
    pub locks: Locks,
    pub yields: Yields,
    _root: DentryRef,
    pub dir: DentryRef,
    pub new_dir: DentryRef,
    pub child: DentryRef,
    pub replaced: DentryRef,
    pub elsewhere: DentryRef,
}

impl World {
    pub fn new() -> Self {
        let tree = Tree::new(TreeConfig::default());
        let yields = Yields::default();
        let on_yield = yields.clone();
        let pace = Pace::default()
            .with_budget(Duration::ZERO)
            .with_yielder(Yielder::Callback(Arc::new(move || on_yield.run())));
        let config = NotifyConfig::default().with_pace(pace);
        let notifier = Notifier::new(&tree, config).expect("a notifier");
        let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
        let mut ino = 1;
        let mut make = |dir: &DentryRef, name: &[u8], kind| {
            ino += 1;
            let inode = tree.make_inode(&superblock, InodeSpec::new(ino, kind, 1));
            notifier.instantiate(dir.get(), name, inode.expect("an inode")).expect("a dentry")
        };
        let dir = make(&root, b"dir", InodeKind::Directory);
        let new_dir = make(&root, b"new", InodeKind::Directory);
        let elsewhere = make(&root, b"elsewhere", InodeKind::Directory);
        let child = make(&dir, b"child", InodeKind::Regular);
        let replaced = make(&new_dir, b"replaced", InodeKind::Regular);
        // So that there is something to walk over wherever a watch is added.
        make(&dir, b"sibling", InodeKind::Regular);
        make(&elsewhere, b"other", InodeKind::Regular);
        let locks = Locks::default();
        Self {
            tree,
            notifier,
            superblock,
            locks,
            yields,
            _root: root,
            dir,
            new_dir,
            child,
            replaced,
            elsewhere,
        }
    }

    /// The object that a mark is put on.
    pub fn object(&self, on: On) -> InodeRef {
        match on {
            On::Object => self.child.inode_ref(),
            On::Parent => self.dir.inode_ref(),
            On::NewParent => self.new_dir.inode_ref(),
            On::Replaced => self.replaced.inode_ref(),
        }
    }

    /// The arguments of hooks, with references of their own.
    pub fn arguments(&self) -> Arguments {
        Arguments {
            dir: self.dir.clone(),
            new_dir: self.new_dir.clone(),
            child: self.child.clone(),
            replaced: self.replaced.clone(),
            dying: self.unlinked(),
            superblock: self.superblock.clone(),
        }
    }

    /// The child's inode under another dentry that has lost its name, as its inode has all names: the
    /// use that is returned is its last.
    fn unlinked(&self) -> DentryRef {
        let inode = self.child.inode_ref();
        let dentry = self.notifier.instantiate_unnamed(self.dir.get(), b"#gone", inode);
        dentry.expect("a dentry")
    }

    /// Lets an inode wait for the reaper.
    pub fn leave_something_dead(&self) {
        let spec = InodeSpec::new(1000, InodeKind::Regular, 0);
        drop(self.tree.make_inode(&self.superblock, spec).expect("an inode"));
    }
}
