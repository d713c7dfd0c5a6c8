//! Calls by path.

use vfsnotify::{
    Context, File, IntoPath, LookupFlags, Metadata, PathArg, Result, TimeSetting, Timestamp, Vfs,
};

use crate::op::{Op, Stamp, Times};
use crate::outcome::{Outcome, Stat};
use crate::path::Path;

/// The open files that the two paths of a call start from; without one it is the current directory.
pub type Bases<'a> = (Option<&'a File>, Option<&'a File>);

/// Both paths of a call start from the current directory.
pub const HERE: Bases<'static> = (None, None);

/// A path from an open file, or from the current directory.
pub fn path_from<'a>(base: Option<&'a File>, path: &'a Path) -> PathArg<'a> {
    let from = base.map_or_else(|| path.bytes().to_path(), |base| base.at(path.bytes()));
    if path.is_object() { from.empty_path() } else { from }
}

/// Whether a symbolic link at the end of a path is followed.
fn last_link(follow: bool) -> LookupFlags {
    if follow { LookupFlags::FOLLOW } else { LookupFlags::NO_FOLLOW }
}

/// Makes the call of an operation by path, from these directories.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// If it is an operation of another sort.
pub fn call(vfs: &Vfs, cx: &Context, (at, new_at): Bases<'_>, op: &Op) -> Result<Outcome> {
    let from = |path| path_from(at, path);
    match op {
        Op::Mkdir { path, mode } => vfs.mkdir(cx, from(path), mode.0)?,
        Op::Mknod { path, kind, mode, rdev } => {
            vfs.mknod(cx, from(path), *kind, mode.0, *rdev)?;
        }
        Op::Symlink { target, path } => vfs.symlink(cx, target.bytes(), from(path))?,
        Op::Link { old, new, follow } => {
            let old = from(old).with_flags(last_link(*follow));
            vfs.link(cx, old, path_from(new_at, new))?;
        }
        Op::Unlink { path } => vfs.unlink(cx, from(path))?,
        Op::Rmdir { path } => vfs.rmdir(cx, from(path))?,
        Op::Rename { old, new, flags } => {
            vfs.rename(cx, from(old), path_from(new_at, new), *flags)?;
        }
        Op::Stat { path, follow } => {
            let found = vfs.stat(cx, from(path).with_flags(last_link(*follow)))?;
            return Ok(Outcome::Stat(stat(&found)));
        }
        Op::Readlink { path } => return vfs.readlink(cx, from(path)).map(Outcome::Bytes),
        Op::Access { path, want, follow } => {
            vfs.access(cx, from(path).with_flags(last_link(*follow)), *want)?;
        }
        Op::Statfs { path } => drop(vfs.statfs(cx, from(path))?),
        Op::List { path } => {
            let entries = vfs.list(cx, from(path))?;
            return Ok(Outcome::Names(entries.into_iter().map(|entry| entry.name).collect()));
        }
        op => return attributes(vfs, cx, at, op),
    }
    Ok(Outcome::Done)
}

fn attributes(vfs: &Vfs, cx: &Context, at: Option<&File>, op: &Op) -> Result<Outcome> {
    let from = |path, follow| path_from(at, path).with_flags(last_link(follow));
    match op {
        Op::Truncate { path, len } => vfs.truncate(cx, from(path, true), *len)?,
        Op::Chmod { path, mode, follow } => vfs.chmod(cx, from(path, *follow), mode.0)?,
        Op::Chown { path, owner: (uid, gid), follow } => {
            vfs.chown(cx, from(path, *follow), *uid, *gid)?;
        }
        Op::Utimens { path, times, follow } => {
            let (atime, mtime) = settings(*times);
            vfs.utimens(cx, from(path, *follow), atime, mtime)?;
        }
        Op::SetXattr { path, name, value, mode, follow } => {
            vfs.setxattr(cx, from(path, *follow), name, &value.0, *mode)?;
        }
        Op::GetXattr { path, name, follow } => {
            return vfs.getxattr(cx, from(path, *follow), name).map(Outcome::Bytes);
        }
        Op::RemoveXattr { path, name, follow } => {
            vfs.removexattr(cx, from(path, *follow), name)?;
        }
        Op::ListXattr { path, follow } => {
            return vfs.listxattr(cx, from(path, *follow)).map(listed);
        }
        op => unreachable!("{op:?} is not by path"),
    }
    Ok(Outcome::Done)
}

/// Makes the call of an [`Op::Open`].
///
/// # Errors
/// Those of open(2) and openat2(2).
///
/// # Panics
/// If it is another operation.
pub fn open(vfs: &Vfs, cx: &Context, at: Option<&File>, op: &Op) -> Result<File> {
    let Op::Open { path, flags, mode, resolve, .. } = op else {
        unreachable!("{op:?} opens nothing");
    };
    vfs.open(cx, path_from(at, path).with_flags(*resolve), *flags, mode.0)
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
