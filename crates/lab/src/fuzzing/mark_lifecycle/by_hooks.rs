//! A program with a VFS of its own: it keeps its names in a `Tree` and calls the hooks itself.

use std::sync::Arc;

use vfsnotify::inotify::{Inotify, PendingWatch, WatchMask};
use vfsnotify::notify::Notifier;
use vfsnotify::notify::{DentryRef, Lookup};
use vfsnotify::tree::{InodeRef, InodeSpec, SuperblockRef};
use vfsnotify::{Errno, EventMask, InodeKind, Tree, TreeConfig};

use super::world::{Limited, Path, Target, World};

pub(crate) struct ByHooks {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    superblocks: [SuperblockRef; 2],
    roots: [DentryRef; 2],
    /// Every object there ever was: a watch on a dead one must be refused.
    inodes: Vec<InodeRef>,
    slots: Vec<Option<DentryRef>>,
}

impl ByHooks {
    pub(crate) fn new(limited: Limited) -> Self {
        let tree = Tree::new(TreeConfig::default());
        let notifier = Notifier::new(&tree, limited.config()).expect("a notifier");
        let (first, one) = notifier.add_superblock(1).expect("a superblock");
        let (second, two) = notifier.add_superblock(1).expect("a superblock");
        let inodes = vec![one.inode_ref(), two.inode_ref()];
        let (superblocks, roots) = ([first, second], [one, two]);
        Self { tree, notifier, superblocks, roots, inodes, slots: vec![None, None, None] }
    }

    fn find(&self, path: &Path) -> DentryRef {
        let second = path.first().is_some_and(|name| name == b"m");
        let mut at = self.roots[usize::from(second)].clone();
        for name in &path[usize::from(second)..] {
            let found = self.notifier.lookup(at.get(), name).expect("a directory");
            let Lookup::Positive(found) = found else { panic!("{name:?} is not there") };
            drop(std::mem::replace(&mut at, found));
        }
        at
    }

    fn split(path: &Path) -> (Path, &[u8]) {
        let (name, dir) = path.split_last().expect("no root");
        (dir.to_vec(), name)
    }

    fn slot(&self, slot: usize) -> &DentryRef {
        self.slots[slot].as_ref().expect("it is open")
    }
}

impl World for ByHooks {
    fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    fn group(&self, user: u32) -> Result<Inotify, Errno> {
        Inotify::new(&self.notifier, user).map_err(|error| error.errno())
    }

    fn start(
        &self,
        inotify: &Inotify,
        object: usize,
        target: &Target,
        mask: WatchMask,
    ) -> Option<Result<PendingWatch, Errno>> {
        let inode = match target {
            Target::Path(path) => {
                let found = self.find(path);
                let inode = found.inode_ref();
                drop(found);
                inode
            }
            Target::Slot(slot) => self.slot(*slot).inode_ref(),
            Target::Dead => self.inodes[object].clone(),
        };
        Some(inotify.start_watch(&inode, mask).map_err(|error| error.errno()))
    }

    fn make(&mut self, object: usize, path: &Path, is_dir: bool) {
        let (dir, name) = Self::split(path);
        let second = dir.first().is_some_and(|name| name == b"m");
        let dir = self.find(&dir);
        let kind = if is_dir { InodeKind::Directory } else { InodeKind::Regular };
        let ino = object as u64 + 10;
        let spec = InodeSpec::new(ino, kind, if is_dir { 2 } else { 1 });
        let superblock = &self.superblocks[usize::from(second)];
        let inode = self.tree.make_inode(superblock, spec).expect("an inode");
        assert_eq!(self.inodes.len(), object);
        self.inodes.push(inode.clone());
        let dentry = self.notifier.instantiate(dir.get(), name, inode).expect("a dentry");
        self.notifier.hooks().on_create(dir.get(), name, dentry.get().inode());
        drop(dentry);
        drop(dir);
    }

    fn remove(&mut self, path: &Path, is_dir: bool) {
        let (dir, name) = Self::split(path);
        let (dir, dentry) = (self.find(&dir), self.find(path));
        let inode = dentry.inode_ref();
        inode.get().set_nlink(0);
        if !is_dir {
            self.notifier.hooks().on_link_count(inode.get());
        }
        let entry = self.notifier.unhash(dentry.get(), true).expect("of this tree");
        drop(dentry);
        drop(entry.expect("it had a name"));
        self.notifier.hooks().on_delete(dir.get(), name, inode.get());
        drop(dir);
        self.notifier.reap(|_, _, _| {});
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let ((old_dir, old_name), (new_dir, new_name)) = (Self::split(from), Self::split(to));
        let (old, new, dentry) = (self.find(&old_dir), self.find(&new_dir), self.find(from));
        let replaced =
            self.notifier.move_dentry(dentry.get(), new.get(), new_name).expect("it can move");
        assert!(replaced.is_none(), "the new name was free");
        let inode = dentry.inode_ref();
        self.notifier.hooks().on_rename(
            old.get(),
            old_name,
            new.get(),
            new_name,
            inode.get(),
            None,
        );
        for dentry in [old, new, dentry] {
            drop(dentry);
        }
    }

    fn touch(&mut self, path: &Path) {
        let dentry = self.find(path);
        self.notifier.hooks().on_attrib(dentry.get(), EventMask::ATTRIB);
        drop(dentry);
    }

    fn open(&mut self, slot: usize, path: &Path) {
        let dentry = self.find(path);
        self.notifier.hooks().on_open(dentry.get());
        self.slots[slot] = Some(dentry);
    }

    fn modify(&mut self, slot: usize) {
        self.notifier.hooks().on_modify(self.slot(slot).get());
    }

    fn close(&mut self, slot: usize) {
        let dentry = self.slots[slot].take().expect("it is open");
        let wrote = !dentry.inode_ref().get().kind().is_dir();
        self.notifier.hooks().on_close(dentry.get(), wrote);
        drop(dentry);
        self.notifier.reap(|_, _, _| {});
    }

    fn is_flagged(&self, path: &Path) -> bool {
        let dentry = self.find(path);
        let flagged = dentry.get().is_parent_watched();
        drop(dentry);
        flagged
    }

    fn is_slot_flagged(&self, slot: usize) -> bool {
        self.slot(slot).get().is_parent_watched()
    }

    fn unmount(&mut self) {
        self.notifier.on_unmount(&self.superblocks[1]);
        // Its watches are removed without an event.
        self.take_away(&self.roots[1].clone());
    }

    fn verify(&self) {
        self.notifier.verify().expect("the invariants");
    }

    fn end(self) {
        let Self { tree, notifier, superblocks, roots, inodes, slots } = self;
        drop((inodes, slots, superblocks));
        for root in roots {
            drop(root);
        }
        notifier.reap(|_, _, _| {});
        assert_eq!((tree.live_dentries(), tree.live_inodes()), (0, 0));
        notifier.verify().expect("the invariants");
    }
}

impl ByHooks {
    /// Takes the names below a directory away, without events, as a dentry cache is emptied.
    fn take_away(&self, dir: &DentryRef) {
        for name in super::acts::names(self.inodes.len()) {
            if let Ok(Lookup::Positive(found)) = self.notifier.lookup(dir.get(), &name) {
                if found.get().is_dir() {
                    self.take_away(&found);
                }
                if let Some(entry) = self.notifier.unhash(found.get(), false).expect("of this tree")
                {
                    drop(entry);
                }
                drop(found);
            }
        }
    }
}
