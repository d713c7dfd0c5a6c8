//! The values of the world in the kernel's numbers, and back.

use rustix::event::Timespec;
use rustix::fs::{FileType, Mode, OFlags, Timestamps, UTIME_NOW, UTIME_OMIT};

use vfsnotify::{InodeKind, OpenFlags};

use super::{Res, errno};
use crate::op::{Stamp, Times};
use crate::outcome::Stat;

/// The flags of `open` in the kernel's numbers.
pub(super) fn open_flags(flags: OpenFlags) -> OFlags {
    OFlags::from_bits_retain(flags.to_linux()) | OFlags::CLOEXEC
}

/// The time stamps to set.
pub(super) fn timestamps(times: Times) -> Timestamps {
    let spec = |stamp| match stamp {
        Stamp::Omit => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        Stamp::Now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
        Stamp::At(seconds, nanoseconds) => {
            Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() }
        }
    };
    Timestamps { last_access: spec(times.0), last_modification: spec(times.1) }
}

/// The part of `struct stat` that is looked at.
pub(super) fn stat(found: &rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => InodeKind::Directory,
        FileType::Symlink => InodeKind::Symlink,
        FileType::Fifo => InodeKind::Fifo,
        FileType::Socket => InodeKind::Socket,
        FileType::CharacterDevice => InodeKind::CharDevice,
        FileType::BlockDevice => InodeKind::BlockDevice,
        _ => InodeKind::Regular,
    };
    Stat {
        kind,
        mode: found.st_mode & 0o7777,
        owner: (found.st_uid, found.st_gid),
        nlink: found.st_nlink,
        size: found.st_size.cast_unsigned(),
        blocks: found.st_blocks.cast_unsigned(),
        ino: found.st_ino,
        device: found.st_dev,
    }
}

/// The permission bits of a mode.
pub(super) fn mode(bits: u32) -> Mode {
    Mode::from_bits_retain(bits)
}

/// Fills a buffer by `read` and keeps what came.
pub(super) fn filled(
    len: usize,
    read: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>,
) -> Res<Vec<u8>> {
    let mut buffer = vec![0; len];
    let got = errno(read(&mut buffer))?;
    buffer.truncate(got);
    Ok(buffer)
}
