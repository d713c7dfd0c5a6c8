//! Calls by path.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, RenameFlags, XattrFlags};
use rustix::process::{Gid, Uid};
use vfsnotify::{Access, Errno, InodeKind, XattrMode};

use super::calls::done;
use super::convert::{filled, mode, open_flags, stat, timestamps};
use super::{KernelWorld, Res, errno, files};
use crate::op::{Op, Step};
use crate::outcome::{Done, Outcome};

/// The device number of the character devices that are made.
const RDEV: u64 = 0x103;

/// The flags of a call that follows a symbolic link at the end or not.
fn following(follow: bool) -> AtFlags {
    if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW }
}

/// Makes the call of an [`Op::Open`].
pub(super) fn open(base: &OwnedFd, op: &Op) -> Res<OwnedFd> {
    let Op::Open { path, flags, mode: bits, resolve, .. } = op else {
        unreachable!("{op:?} opens nothing");
    };
    if !resolve.is_empty() {
        return Err(Errno::ENOSYS);
    }
    errno(rustix::fs::openat(base, path.bytes(), open_flags(*flags), mode(bits.0)))
}

/// Makes the call of an operation by path.
pub(super) fn call(world: &KernelWorld, step: &Step) -> Done {
    let (base, new_base) = (world.base(step.at), world.base(step.new_at));
    match &step.op {
        Op::Mkdir { path, mode: bits } => {
            done(errno(rustix::fs::mkdirat(base, path.bytes(), mode(bits.0))))
        }
        Op::Mknod { path, kind, mode: bits } => {
            let (kind, device) = match kind {
                InodeKind::Regular => (FileType::RegularFile, 0),
                InodeKind::Fifo => (FileType::Fifo, 0),
                InodeKind::Socket => (FileType::Socket, 0),
                InodeKind::CharDevice => (FileType::CharacterDevice, RDEV),
                _ => return Err(Errno::ENOSYS),
            };
            done(errno(rustix::fs::mknodat(base, path.bytes(), kind, mode(bits.0), device)))
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
        Op::Access { path, want } => {
            let want = [
                (Access::READ, rustix::fs::Access::READ_OK),
                (Access::WRITE, rustix::fs::Access::WRITE_OK),
                (Access::EXEC, rustix::fs::Access::EXEC_OK),
            ]
            .into_iter()
            .filter(|(flag, _)| want.contains(*flag))
            .fold(rustix::fs::Access::EXISTS, |all, (_, flag)| all | flag);
            done(errno(rustix::fs::accessat(base, path.bytes(), want, AtFlags::EACCESS)))
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
        Op::Chmod { path, mode: bits } => {
            let flags = AtFlags::empty();
            done(errno(rustix::fs::chmodat(base, path.bytes(), mode(bits.0), flags)))
        }
        Op::Chown { path, owner: (uid, gid), follow } => {
            let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
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
            let flags = match mode {
                XattrMode::Create => XattrFlags::CREATE,
                XattrMode::Replace => XattrFlags::REPLACE,
                _ => XattrFlags::empty(),
            };
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
        _ => Err(Errno::ENOSYS),
    }
}
