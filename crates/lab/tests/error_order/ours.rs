//! The crate's side: the same tree in a `MemFs`.

use std::sync::Arc;

use lab::op::Op;
use lab::vfs_world::VfsWorld;
use vfsnotify::{MemFs, MountOptions, Vfs};

use crate::calls::{Mounted, must, plant};

/// Where the file system is mounted.
const AT: &str = "/m";

/// A world on a VFS, whose current directory is the root of all.
fn on(vfs: &Vfs, fs: &Arc<MemFs>) -> VfsWorld {
    let cx = vfs.context().with_umask(0);
    VfsWorld::of(vfs.clone(), vec![cx], Arc::downgrade(fs), MemFs::new)
}

/// A world with the tree in it, mounted so.
pub(crate) fn world(mounted: Mounted) -> VfsWorld {
    let fs = Arc::new(MemFs::new());
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let root = vfs.context().with_umask(0);
    vfs.mkdir(&root, AT, 0o755).expect("a directory");
    let mut world = on(&vfs, &fs);
    let read_only = MountOptions::default().read_only(true);
    let chdir = |path: &str| Op::Chdir { path: path.into() };
    if mounted == Mounted::ReadOnlySuperblock {
        // The tree is made first, with a VFS of its own.
        let mut maker = on(&Vfs::new(fs.clone()).expect("a VFS"), &fs);
        crate::enter_fresh_tree(&mut maker, 1);
        plant(&mut maker);
        drop(maker);
        vfs.mount_with(&root, AT, fs, read_only).expect("a mount");
    } else {
        vfs.mount_with(&root, AT, fs, MountOptions::default()).expect("a mount");
        must(&mut world, chdir(AT));
        crate::enter_fresh_tree(&mut world, 1);
        plant(&mut world);
        if mounted == Mounted::ReadOnlyBind {
            vfs.bind_mount_with(&root, AT, AT, read_only).expect("a mount");
        }
    }
    must(&mut world, chdir(&format!("{AT}/tree1")));
    world
}
