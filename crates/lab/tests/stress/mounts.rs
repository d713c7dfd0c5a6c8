//! Mounts that come and go.

use std::sync::Arc;

use lab::op::Op;
use lab::vfs_world::places;
use vfsnotify::{MemFs, Result};

use crate::names;
use crate::worker::Worker;
use crate::world::context;

/// How many mounts there may be.
const MOUNTS: usize = 10;

/// Mounts need the superuser.
pub(crate) fn mount(worker: &mut Worker<'_>) -> Result<()> {
    let world = worker.world;
    let cx = context(&world.vfs, 0);
    if world.vfs.mounts(&cx).len() >= MOUNTS {
        return unmount(worker);
    }
    let fs =
        Arc::new(MemFs::builder().size_limit(32 << 10).inode_limit(24).root_mode(0o777).build());
    world.mounted.put(Arc::downgrade(&fs));
    let (path, _) = names::mount_pair(&mut worker.rng);
    let op = Op::MountTmpfs { path: path.into(), read_only: worker.rng.u8(0..20) == 0 };
    places::mount(&world.vfs, &cx, || fs, &op).map(drop)
}

pub(crate) fn bind(worker: &mut Worker<'_>) -> Result<()> {
    let vfs = &worker.world.vfs;
    let cx = context(vfs, 0);
    if vfs.mounts(&cx).len() >= MOUNTS {
        return unmount(worker);
    }
    let (from, to) = names::mount_pair(&mut worker.rng);
    let op = Op::MountBind { source: from.into(), path: to.into(), read_only: false };
    places::mount(vfs, &cx, no_system, &op).map(drop)
}

/// A mount in use stays.
pub(crate) fn unmount(worker: &mut Worker<'_>) -> Result<()> {
    let vfs = &worker.world.vfs;
    let cx = context(vfs, 0);
    let mounts = vfs.mounts(&cx);
    let mount = &mounts[worker.rng.usize(0..mounts.len())];
    if mount.parent.is_none() {
        return Ok(());
    }
    let op = Op::Umount { path: mount.path.clone().into() };
    places::mount(vfs, &cx, no_system, &op).map(drop)
}

/// For the operations that mount no new file system.
fn no_system() -> Arc<MemFs> {
    unreachable!("no file system is made")
}

pub(crate) fn list(worker: &mut Worker<'_>) -> Result<()> {
    let mounts = worker.world.vfs.mounts(&worker.cx);
    assert_eq!(mounts[0].path, b"/", "the first is the root");
    for pair in mounts.windows(2) {
        assert_ne!(pair[0].id, pair[1].id);
    }
    Ok(())
}

pub(crate) fn reap(worker: &mut Worker<'_>) -> Result<()> {
    worker.world.vfs.reap();
    Ok(())
}
