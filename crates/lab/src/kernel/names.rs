//! Calls by path.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, OFlags, RenameFlags, ResolveFlags, XattrFlags};
use rustix::process::{Gid, Uid};
use vfsnotify::{Errno, InodeKind, OpenFlags, XattrMode};

use super::calls::done;
use super::convert::{filled, mode, open_flags, stat, timestamps};
use super::{KernelWorld, Res, errno, files, proc_path};
use crate::op::{Op, Step};
use crate::outcome::{Done, Outcome};
use crate::path::Path;

/// How often openat2(2) is called again after EAGAIN.
const MAX_RETRIES: usize = 1000;

/// The flags of a call that follows a symbolic link at the end or not.
fn following(follow: bool) -> AtFlags {
    if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW }
}

/// Makes the call of an [`Op::Open`].
pub(super) fn open(base: &OwnedFd, op: &Op) -> Res<OwnedFd> {
    let Op::Open { path, flags, mode: bits, resolve, .. } = op else {
        unreachable!("{op:?} opens nothing");
    };
    if path.is_object() {
        // A magic link is a link: there is no telling it from one at the end of the path.
        if !resolve.is_empty() || flags.contains(OpenFlags::NOFOLLOW) {
            return Err(Errno::ENOSYS);
        }
        return errno(rustix::fs::open(proc_path(base), open_flags(*flags), mode(bits.0)));
    }
    if resolve.is_empty() {
        return errno(rustix::fs::openat(base, path.bytes(), open_flags(*flags), mode(bits.0)));
    }
    // openat2(2) refuses what open(2) leaves aside.
    let makes = flags.intersects(OpenFlags::CREATE | OpenFlags::TMPFILE);
    let bits = if makes { bits.0 } else { 0 };
    let named = OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW;
    let flags = if flags.contains(OpenFlags::PATH) { *flags & named } else { *flags };
    let resolve = ResolveFlags::from_bits_retain(resolve.bits().into());
    // EAGAIN: a `..` met a rename or a mount of any process of the machine, and is to be tried again.
    let mut retries = MAX_RETRIES;
    loop {
        match errno(rustix::fs::openat2(base, path.bytes(), open_flags(flags), mode(bits), resolve))
        {
            Err(Errno::EAGAIN) if retries > 0 => retries -= 1,
            result => return result,
        }
    }
}

/// Makes the call of an operation on the object that a descriptor has.
fn on_object(world: &KernelWorld, step: &Step) -> Done {
    let (base, new_base) = (world.base(step.at), world.base(step.new_at));
    let magic = proc_path(base);
    let itself = AtFlags::EMPTY_PATH;
    match &step.op {
        Op::Link { old: Path::Object, new, .. } => {
            let flags = AtFlags::SYMLINK_FOLLOW;
            done(errno(rustix::fs::linkat(base, magic, new_base, new.bytes(), flags)))
        }
        Op::Stat { .. } => Ok(Outcome::Stat(stat(&errno(rustix::fs::statat(base, "", itself))?))),
        Op::Readlink { .. } => {
            let target = errno(rustix::fs::readlinkat(base, "", Vec::new()))?;
            Ok(Outcome::Bytes(target.into_bytes()))
        }
        Op::Access { want, .. } => {
            let want = rustix::fs::Access::from_bits_retain(want.bits());
            done(errno(rustix::fs::accessat(base, magic, want, AtFlags::EACCESS)))
        }
        Op::Statfs { .. } => errno(rustix::fs::fstatfs(base)).map(|_| Outcome::Done),
        Op::List { .. } => files::list(base, &magic),
        Op::Truncate { len, .. } => {
            let result = nix::unistd::truncate(magic.as_slice(), len.cast_signed());
            done(result.map_err(|error| super::number(error as i32)))
        }
        Op::Chmod { mode: bits, .. } => done(errno(rustix::fs::chmod(magic, mode(bits.0)))),
        Op::Chown { owner: (uid, gid), .. } => {
            let (uid, gid) = owner(*uid, *gid);
            done(errno(rustix::fs::chownat(base, "", uid, gid, itself)))
        }
        Op::Utimens { times, .. } => {
            done(errno(rustix::fs::utimensat(base, "", &timestamps(*times), itself)))
        }
        Op::SetXattr { name, value, mode, .. } => {
            let flags = xattr_flags(*mode);
            done(errno(rustix::fs::setxattr(magic, name.as_str(), &value.0, flags)))
        }
        Op::GetXattr { name, .. } => {
            let value =
                filled(1 << 16, |buffer| rustix::fs::getxattr(magic, name.as_str(), buffer));
            value.map(Outcome::Bytes)
        }
        Op::RemoveXattr { name, .. } => done(errno(rustix::fs::removexattr(magic, name.as_str()))),
        Op::ListXattr { .. } => listed(|buffer| rustix::fs::listxattr(&magic, buffer)),
        // A name it does not have.
        _ => by_name(world, step),
    }
}

/// Makes the call of an operation by path.
pub(super) fn call(world: &KernelWorld, step: &Step) -> Done {
    if step.op.clone().paths().0.iter().any(|path| path.is_object()) {
        return on_object(world, step);
    }
    by_name(world, step)
}

fn by_name(world: &KernelWorld, step: &Step) -> Done {
    let (base, new_base) = (world.base(step.at), world.base(step.new_at));
    match &step.op {
        Op::Mkdir { path, mode: bits } => {
            done(errno(rustix::fs::mkdirat(base, path.bytes(), mode(bits.0))))
        }
        Op::Mknod { path, kind, mode: bits, rdev } => {
            let kind = match kind {
                InodeKind::Regular => FileType::RegularFile,
                InodeKind::Fifo => FileType::Fifo,
                InodeKind::Socket => FileType::Socket,
                InodeKind::CharDevice => FileType::CharacterDevice,
                _ => return Err(Errno::ENOSYS),
            };
            done(errno(rustix::fs::mknodat(base, path.bytes(), kind, mode(bits.0), *rdev)))
        }
        Op::Symlink { target, path } => {
            done(errno(rustix::fs::symlinkat(target.bytes(), base, path.bytes())))
        }
        Op::Link { old, new, follow } => {
            let flags = if *follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
            done(errno(rustix::fs::linkat(base, old.bytes(), new_base, new.bytes(), flags)))
        }
        Op::Unlink { path } => {
            done(errno(rustix::fs::unlinkat(base, path.bytes(), AtFlags::empty())))
        }
        Op::Rmdir { path } => {
            done(errno(rustix::fs::unlinkat(base, path.bytes(), AtFlags::REMOVEDIR)))
        }
        Op::Rename { old, new, flags } if flags.is_empty() => {
            done(errno(rustix::fs::renameat(base, old.bytes(), new_base, new.bytes())))
        }
        Op::Rename { old, new, flags } => {
            let flags = RenameFlags::from_bits_retain(flags.bits());
            let (old, new) = (old.bytes(), new.bytes());
            done(errno(rustix::fs::renameat_with(base, old, new_base, new, flags)))
        }
        Op::Stat { path, follow } => {
            let found = errno(rustix::fs::statat(base, path.bytes(), following(*follow)))?;
            Ok(Outcome::Stat(stat(&found)))
        }
        Op::Readlink { path } => {
            let target = errno(rustix::fs::readlinkat(base, path.bytes(), Vec::new()))?;
            Ok(Outcome::Bytes(target.into_bytes()))
        }
        Op::Access { path, want, follow } => {
            let want = rustix::fs::Access::from_bits_retain(want.bits());
            let flags = following(*follow) | AtFlags::EACCESS;
            done(errno(rustix::fs::accessat(base, path.bytes(), want, flags)))
        }
        Op::Statfs { path } => {
            errno(rustix::fs::statfs(world.whole(None, path.bytes())))?;
            Ok(Outcome::Done)
        }
        Op::List { path } => files::list(base, path.bytes()),
        _ => attributes(world, step),
    }
}

fn attributes(world: &KernelWorld, step: &Step) -> Done {
    let base = world.base(step.at);
    match &step.op {
        Op::Truncate { path, len } => {
            let whole = world.whole(None, path.bytes());
            let result = nix::unistd::truncate(whole.as_slice(), len.cast_signed());
            done(result.map_err(|error| super::number(error as i32)))
        }
        Op::Chmod { path, mode: bits, follow: true } => {
            let flags = AtFlags::empty();
            done(errno(rustix::fs::chmodat(base, path.bytes(), mode(bits.0), flags)))
        }
        Op::Chmod { path, mode: bits, follow: false } => {
            // rustix does not pass the flag on, and older C libraries say themselves what a symbolic
            // link is answered with. The magic link leads to the link itself.
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let fd = errno(rustix::fs::openat(base, path.bytes(), flags, mode(0)))?;
            done(errno(rustix::fs::chmod(proc_path(&fd), mode(bits.0))))
        }
        Op::Chown { path, owner: (uid, gid), follow } => {
            let (uid, gid) = owner(*uid, *gid);
            let flags = following(*follow);
            done(errno(rustix::fs::chownat(base, path.bytes(), uid, gid, flags)))
        }
        Op::Utimens { path, times, follow } => {
            let (path, times) = (path.bytes(), timestamps(*times));
            done(errno(rustix::fs::utimensat(base, path, &times, following(*follow))))
        }
        Op::SetXattr { path, name, value, mode, follow } => {
            let whole = world.whole(step.at, path.bytes());
            let (name, value) = (name.as_str(), &value.0);
            let flags = xattr_flags(*mode);
            done(errno(if *follow {
                rustix::fs::setxattr(whole, name, value, flags)
            } else {
                rustix::fs::lsetxattr(whole, name, value, flags)
            }))
        }
        Op::GetXattr { path, name, follow } => {
            let whole = world.whole(step.at, path.bytes());
            let value = filled(1 << 16, |buffer| {
                if *follow {
                    rustix::fs::getxattr(whole, name.as_str(), buffer)
                } else {
                    rustix::fs::lgetxattr(whole, name.as_str(), buffer)
                }
            });
            value.map(Outcome::Bytes)
        }
        Op::RemoveXattr { path, name, follow } => {
            let whole = world.whole(step.at, path.bytes());
            done(errno(if *follow {
                rustix::fs::removexattr(whole, name.as_str())
            } else {
                rustix::fs::lremovexattr(whole, name.as_str())
            }))
        }
        Op::ListXattr { path, follow } => {
            let whole = world.whole(step.at, path.bytes());
            listed(|buffer| match follow {
                true => rustix::fs::listxattr(&whole, buffer),
                false => rustix::fs::llistxattr(&whole, buffer),
            })
        }
        _ => Err(Errno::ENOSYS),
    }
}

/// The flags of setxattr(2).
pub(super) fn xattr_flags(mode: XattrMode) -> XattrFlags {
    match mode {
        XattrMode::Create => XattrFlags::CREATE,
        XattrMode::Replace => XattrFlags::REPLACE,
        _ => XattrFlags::empty(),
    }
}

/// Owner and group; the greatest number stands for none, too.
pub(super) fn owner(uid: Option<u32>, gid: Option<u32>) -> (Option<Uid>, Option<Gid>) {
    let some = |id: Option<u32>| id.filter(|id| *id != u32::MAX);
    (some(uid).map(Uid::from_raw), some(gid).map(Gid::from_raw))
}

/// The names of extended attributes.
pub(super) fn listed(list: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>) -> Done {
    let bytes = filled(1 << 16, |buffer| list(buffer))?;
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(Outcome::Names(names.map(<[u8]>::to_vec).collect()))
}
