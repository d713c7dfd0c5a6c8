//! A server with a file system of its own, which keeps its names in a `Tree` and calls the hooks
//! under its own locks.
//!
//! It has a few directories at the top, each with a lock that is held around every change of it and
//! of all that is below it, hooks included; two are taken in order. One more lock stands for the
//! links of all inodes.

#![expect(clippy::disallowed_types, reason = "an embedder has locks of its own")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard};
use vfsnotify::notify::{DentryRef, Limits, Lookup, Notifier, NotifyConfig};
use vfsnotify::tree::{Dentry, InodeSpec, SuperblockRef};
use vfsnotify::{InodeKind, Pace, Result, Tree, TreeConfig};

use crate::world::{NEGATIVES, WorkClock};

/// A directory at the top, with the letter of its names.
#[derive(Debug)]
pub(crate) struct Top {
    pub(crate) dentry: DentryRef,
    pub(crate) letter: u8,
    /// The embedder's lock of the directory and of all below it.
    lock: Mutex<()>,
}

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) tree: Arc<Tree>,
    pub(crate) notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
    /// Those that all change, then one for each thread alone.
    pub(crate) tops: Vec<Top>,
    links: Mutex<()>,
    last_ino: AtomicU64,
}

/// The locks of one or two tops.
pub(crate) type Locked<'a> = (MutexGuard<'a, ()>, Option<MutexGuard<'a, ()>>);

impl Server {
    /// A server with these directories at the top.
    pub(crate) fn new(letters: &[u8]) -> Result<Self> {
        let config = TreeConfig::default()
            .with_negatives(NEGATIVES)
            .with_negatives_per_directory(NEGATIVES / 2);
        let tree = Tree::new(config);
        let limits = Limits::default().with_max_queued_events(1 << 20);
        let pace = Pace::default().with_clock(Arc::new(WorkClock::default()));
        let notifier =
            Notifier::new(&tree, NotifyConfig::default().with_limits(limits).with_pace(pace))?;
        let (superblock, root) = notifier.add_superblock(1)?;
        let last_ino = AtomicU64::new(1);
        let links = Mutex::new(());
        let mut server =
            Self { tree, notifier, superblock, root, tops: Vec::new(), links, last_ino };
        for (nth, letter) in letters.iter().enumerate() {
            let name = format!("{}-{nth}", char::from(*letter));
            let dentry = server.make(server.root.get(), name.as_bytes(), InodeKind::Directory)?;
            server.tops.push(Top { dentry, letter: *letter, lock: Mutex::new(()) });
        }
        Ok(server)
    }

    /// Locks a top, and another if it is another.
    pub(crate) fn lock(&self, one: usize, other: usize) -> Locked<'_> {
        let (first, second) = (one.min(other), one.max(other));
        let guard = self.tops[first].lock.lock();
        (guard, (first != second).then(|| self.tops[second].lock.lock()))
    }

    /// Makes something with a first name; the lock is held, unless no other thread is there yet.
    pub(crate) fn make(&self, dir: Dentry<'_>, name: &[u8], kind: InodeKind) -> Result<DentryRef> {
        let ino = self.last_ino.fetch_add(1, Ordering::Relaxed) + 1;
        let nlink = if kind.is_dir() { 2 } else { 1 };
        let inode = self.tree.make_inode(&self.superblock, InodeSpec::new(ino, kind, nlink))?;
        self.notifier.hooks().create(dir, name, inode)
    }

    /// Makes a file that has no name, and reports to a directory as long as it is in use.
    pub(crate) fn make_unnamed(&self, dir: Dentry<'_>) -> Result<DentryRef> {
        let ino = self.last_ino.fetch_add(1, Ordering::Relaxed) + 1;
        let spec = InodeSpec::new(ino, InodeKind::Regular, 0);
        let inode = self.tree.make_inode(&self.superblock, spec)?;
        self.notifier.instantiate_unnamed(dir, format!("#{ino}").as_bytes(), inode)
    }

    /// The file known by this name.
    pub(crate) fn find(&self, dir: Dentry<'_>, name: &[u8]) -> Option<DentryRef> {
        match self.notifier.lookup(dir, name).expect("a directory of this tree") {
            Lookup::Positive(dentry) => Some(dentry),
            Lookup::Negative | Lookup::Unknown => None,
        }
    }

    /// Gives a file one more name.
    pub(crate) fn link(&self, file: &DentryRef, dir: Dentry<'_>, name: &[u8]) -> Result<()> {
        let _links = self.links.lock();
        let inode = file.inode_ref();
        if inode.get().nlink() == 0 {
            return Err(vfsnotify::Errno::ENOENT.into());
        }
        drop(self.notifier.hooks().link(dir, name, inode)?);
        Ok(())
    }

    /// Takes a name away; `by_hand` is to call each hook, where [`Notifier::remove`] calls them.
    pub(crate) fn remove(&self, dir: Dentry<'_>, name: &[u8], what: DentryRef, by_hand: bool) {
        // Of two last names one sees none left.
        let links = self.links.lock();
        if !by_hand {
            return self.notifier.hooks().remove(what).expect("it has a name, and no children");
        }
        let inode = what.inode_ref();
        let kind = inode.get().kind();
        let left = if kind.is_dir() { 0 } else { inode.get().nlink() - 1 };
        inode.get().set_nlink(left);
        self.notifier.hooks().on_link_count(inode.get());
        let entry = self.notifier.unhash(what.get(), false).expect("a dentry of this tree");
        // The death of the last name, if it comes now, comes under this lock.
        drop((what, entry.expect("it had a name")));
        drop(links);
        self.notifier.hooks().on_delete(dir, name, inode.get());
    }

    /// Moves a file over whatever file is there; the locks of both tops are held.
    pub(crate) fn rename(
        &self,
        (new_dir, new_name): (Dentry<'_>, &[u8]),
        moved: DentryRef,
    ) -> Result<()> {
        let _links = self.links.lock();
        self.notifier.hooks().rename(moved.get(), new_dir, new_name)
    }

    /// Ends the server: all watches go with the file system. What is left of the tree is counted by
    /// the caller.
    pub(crate) fn end(self) -> (Arc<Tree>, Arc<Notifier>) {
        self.notifier.on_unmount(&self.superblock);
        (self.tree, self.notifier)
    }
}
