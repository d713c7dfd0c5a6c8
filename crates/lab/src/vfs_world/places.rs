//! Calls that say where a context is, and what is mounted where.

use std::sync::Arc;

use vfsnotify::{Context, File, MemFs, MountOptions, Result, Vfs};

use crate::op::Op;
use crate::outcome::Outcome;

/// Makes the call of an operation that changes a context; `file` is what [`Op::Fchdir`] is given.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// If it is an operation of another sort, or there is no file where it takes one.
pub fn enter(vfs: &Vfs, cx: &mut Context, file: Option<&File>, op: &Op) -> Result<Outcome> {
    match op {
        Op::Chdir { path } => cx.chdir(vfs, path.bytes())?,
        Op::Fchdir { .. } => cx.chdir(vfs, file.expect("an open file"))?,
        Op::Chroot { path } => *cx = cx.clone().with_root(vfs, path.bytes())?,
        Op::Umask { umask } => *cx = cx.clone().with_umask(umask.0),
        op => unreachable!("{op:?} is not of a context"),
    }
    Ok(Outcome::Done)
}

/// Makes the call of an operation on mounts; `system` makes what [`Op::MountTmpfs`] mounts.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// If it is an operation of another sort.
pub fn mount(
    vfs: &Vfs,
    cx: &Context,
    system: impl FnOnce() -> Arc<MemFs>,
    op: &Op,
) -> Result<Outcome> {
    let options = |read_only| MountOptions::default().read_only(read_only);
    match op {
        Op::MountTmpfs { path, read_only } => {
            vfs.mount_with(cx, path.bytes(), system(), options(*read_only))?;
        }
        Op::MountBind { source, path, read_only } => {
            vfs.bind_mount_with(cx, source.bytes(), path.bytes(), options(*read_only))?;
        }
        Op::Umount { path } => vfs.unmount(cx, path.bytes())?,
        op => unreachable!("{op:?} is not of mounts"),
    }
    Ok(Outcome::Done)
}
