//! Calls by path.

use vfsnotify::{At, Context, File, Metadata, OpenHow, Result, TimeSetting, Timestamp, Vfs};

use crate::op::{Op, Stamp, Times};
use crate::outcome::{Outcome, Stat};

/// Both paths of a call start from the current directory.
pub const HERE: (At<'static>, At<'static>) = (At::Cwd, At::Cwd);

/// Makes the call of an operation by path, from these directories.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// If it is an operation of another sort.
pub fn call(vfs: &Vfs, cx: &Context, (at, new_at): (At<'_>, At<'_>), op: &Op) -> Result<Outcome> {
    match op {
        Op::Mkdir { path, mode } => vfs.mkdirat(cx, at, path.bytes(), mode.0)?,
        Op::Mknod { path, kind, mode, rdev } => {
            vfs.mknodat(cx, at, path.bytes(), *kind, mode.0, *rdev)?;
        }
        Op::Symlink { target, path } => vfs.symlinkat(cx, target.bytes(), at, path.bytes())?,
        Op::Link { old, new, follow } => {
            vfs.linkat(cx, (at, old.bytes()), (new_at, new.bytes()), *follow)?;
        }
        Op::Unlink { path } => vfs.unlinkat(cx, at, path.bytes())?,
        Op::Rmdir { path } => vfs.rmdirat(cx, at, path.bytes())?,
        Op::Rename { old, new, flags } => {
            vfs.renameat(cx, (at, old.bytes()), (new_at, new.bytes()), *flags)?;
        }
        Op::Stat { path, follow } => {
            return vfs
                .statat(cx, at, path.bytes(), *follow)
                .map(|found| Outcome::Stat(stat(&found)));
        }
        Op::Readlink { path } => return vfs.readlinkat(cx, at, path.bytes()).map(Outcome::Bytes),
        Op::Access { path, want, follow } => vfs.accessat(cx, at, path.bytes(), *want, *follow)?,
        Op::Statfs { path } => drop(vfs.statfs(cx, path.bytes())?),
        Op::List { path } => {
            let entries = vfs.listat(cx, at, path.bytes())?;
            return Ok(Outcome::Names(entries.into_iter().map(|entry| entry.name).collect()));
        }
        op => return attributes(vfs, cx, at, op),
    }
    Ok(Outcome::Done)
}

fn attributes(vfs: &Vfs, cx: &Context, at: At<'_>, op: &Op) -> Result<Outcome> {
    match op {
        Op::Truncate { path, len } => vfs.truncate(cx, path.bytes(), *len)?,
        Op::Chmod { path, mode, follow } => vfs.chmodat(cx, at, path.bytes(), mode.0, *follow)?,
        Op::Chown { path, owner: (uid, gid), follow } => {
            vfs.chownat(cx, at, path.bytes(), *uid, *gid, *follow)?;
        }
        Op::Utimens { path, times, follow } => {
            let (atime, mtime) = settings(*times);
            vfs.utimensat(cx, at, path.bytes(), atime, mtime, *follow)?;
        }
        Op::SetXattr { path, name, value, mode, follow } => {
            vfs.setxattrat(cx, at, path.bytes(), name, &value.0, *mode, *follow)?;
        }
        Op::GetXattr { path, name, follow } => {
            return vfs.getxattrat(cx, at, path.bytes(), name, *follow).map(Outcome::Bytes);
        }
        Op::RemoveXattr { path, name, follow } => {
            vfs.removexattrat(cx, at, path.bytes(), name, *follow)?;
        }
        Op::ListXattr { path, follow } => {
            return vfs.listxattrat(cx, at, path.bytes(), *follow).map(listed);
        }
        op => unreachable!("{op:?} is not by path"),
    }
    Ok(Outcome::Done)
}

/// Makes the call of an [`Op::Open`].
///
/// # Errors
/// Those of open(2).
///
/// # Panics
/// If it is another operation.
pub fn open(vfs: &Vfs, cx: &Context, at: At<'_>, op: &Op) -> Result<File> {
    let Op::Open { path, flags, mode, resolve, .. } = op else {
        unreachable!("{op:?} opens nothing");
    };
    let how = OpenHow { flags: *flags, mode: mode.0, resolve: *resolve };
    vfs.open_with(cx, at, path.bytes(), how)
}

/// The settings that utimensat(2) takes.
pub(super) fn settings(times: Times) -> (Option<TimeSetting>, Option<TimeSetting>) {
    let setting = |stamp| match stamp {
        Stamp::Omit => None,
        Stamp::Now => Some(TimeSetting::Now),
        Stamp::At(seconds, nanoseconds) => {
            Some(TimeSetting::At(Timestamp { seconds, nanoseconds }))
        }
    };
    (setting(times.0), setting(times.1))
}

/// The names of extended attributes.
pub(super) fn listed<N: Into<Vec<u8>>>(names: Vec<N>) -> Outcome {
    Outcome::Names(names.into_iter().map(Into::into).collect())
}

/// The attributes of an object, from those of the VFS.
pub(crate) fn stat(found: &Metadata) -> Stat {
    let attr = found.attr;
    Stat {
        kind: attr.kind,
        mode: attr.mode.into(),
        owner: (attr.uid, attr.gid),
        nlink: attr.nlink.into(),
        size: attr.size,
        blocks: attr.blocks,
        ino: attr.ino,
        device: found.device,
    }
}
