//! The same through a `Vfs`.

use std::sync::Arc;

use vfsnotify::inotify::{Inotify, PendingWatch, WatchMask};
use vfsnotify::notify::Notifier;
use vfsnotify::{Context, Errno, File, InodeKind, MemFs, OpenFlags, RenameFlags, Vfs};

use super::world::{Limited, Path, Target, World};

pub(crate) struct ThroughVfs {
    vfs: Vfs,
    cx: Context,
    slots: Vec<Option<File>>,
    mounted: bool,
}

fn bytes(path: &Path) -> Vec<u8> {
    let mut bytes = vec![b'/'];
    bytes.extend(path.join(&b'/'));
    bytes
}

impl ThroughVfs {
    pub(crate) fn new(limited: Limited) -> Self {
        let vfs = Vfs::builder().notify(limited.config()).build(MemFs::new()).expect("a VFS");
        let cx = vfs.context();
        vfs.mkdir(&cx, "/m", 0o755).expect("a directory");
        vfs.mount(&cx, "/m", MemFs::new()).expect("a mount");
        Self { vfs, cx, slots: vec![None, None, None], mounted: true }
    }

    fn slot(&self, slot: usize) -> &File {
        self.slots[slot].as_ref().expect("it is open")
    }
}

impl World for ThroughVfs {
    fn notifier(&self) -> &Arc<Notifier> {
        self.vfs.notifier()
    }

    fn group(&self, user: u32) -> Result<Inotify, Errno> {
        let cx = self.cx.clone().with_user(user);
        self.vfs.inotify(&cx).map_err(|error| error.errno())
    }

    fn start(
        &self,
        inotify: &Inotify,
        _object: usize,
        target: &Target,
        mask: WatchMask,
    ) -> Option<Result<PendingWatch, Errno>> {
        let started = match target {
            Target::Path(path) => self.vfs.start_watch(&self.cx, inotify, bytes(path), mask),
            Target::Slot(slot) => self.vfs.start_watch(&self.cx, inotify, self.slot(*slot), mask),
            Target::Dead => return None,
        };
        Some(started.map_err(|error| error.errno()))
    }

    fn make(&mut self, _object: usize, path: &Path, is_dir: bool) {
        let path = bytes(path);
        let made = match is_dir {
            true => self.vfs.mkdir(&self.cx, path, 0o755),
            false => self.vfs.mknod(&self.cx, path, InodeKind::Regular, 0o644, 0),
        };
        made.expect("the name was free");
    }

    fn remove(&mut self, path: &Path, is_dir: bool) {
        let path = bytes(path);
        let removed = match is_dir {
            true => self.vfs.rmdir(&self.cx, path),
            false => self.vfs.unlink(&self.cx, path),
        };
        removed.expect("it can be removed");
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let (from, to) = (bytes(from), bytes(to));
        self.vfs.rename(&self.cx, from, to, RenameFlags::empty()).expect("it can move");
    }

    fn touch(&mut self, path: &Path) {
        self.vfs.chmod(&self.cx, bytes(path), 0o755).expect("it is there");
    }

    fn open(&mut self, slot: usize, path: &Path) {
        let path = bytes(path);
        let is_dir = self.vfs.stat(&self.cx, &path).expect("it is there").kind.is_dir();
        let flags = if is_dir { OpenFlags::DIRECTORY } else { OpenFlags::READ_WRITE };
        self.slots[slot] = Some(self.vfs.open(&self.cx, path, flags, 0).expect("it is there"));
    }

    fn modify(&mut self, slot: usize) {
        assert_eq!(self.slot(slot).write(b"x"), Ok(1));
    }

    fn close(&mut self, slot: usize) {
        self.slots[slot].take().expect("it is open").close();
    }

    fn is_flagged(&self, path: &Path) -> bool {
        let flags = OpenFlags::PATH | OpenFlags::NOFOLLOW;
        let named = self.vfs.open(&self.cx, bytes(path), flags, 0).expect("it is there");
        named.dentry().is_parent_watched()
    }

    fn is_slot_flagged(&self, slot: usize) -> bool {
        self.slot(slot).dentry().is_parent_watched()
    }

    fn unmount(&mut self) {
        self.vfs.unmount(&self.cx, "/m").expect("nothing is open");
        self.mounted = false;
    }

    fn verify(&self) {
        self.vfs.verify().expect("the invariants");
    }

    fn end(self) {
        let Self { vfs, cx, slots, mounted } = self;
        drop(slots);
        vfs.reap();
        assert_eq!(vfs.nr_open_files(), 0);
        // The root and the mountpoint, and the other root.
        let left = if mounted { 3 } else { 2 };
        assert_eq!((vfs.tree().live_dentries(), vfs.tree().live_inodes()), (left, left));
        vfs.verify().expect("the invariants");
        drop((vfs, cx));
    }
}
