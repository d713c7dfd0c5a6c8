//! The values of the world in the kernel's numbers, and back.

use rustix::event::Timespec;
use rustix::fs::{FileType, Mode, OFlags, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::super::world::{Kind, Open, Res, Stat, Times};
use super::errno;

/// The flags of `open` in the kernel's numbers.
pub(super) fn open_flags(flags: Open) -> OFlags {
    let table = [
        (Open::CREAT, OFlags::CREATE),
        (Open::EXCL, OFlags::EXCL),
        (Open::TRUNC, OFlags::TRUNC),
        (Open::APPEND, OFlags::APPEND),
        (Open::DIRECTORY, OFlags::DIRECTORY),
        (Open::NOFOLLOW, OFlags::NOFOLLOW),
        (Open::PATH, OFlags::PATH),
        (Open::TMPFILE, OFlags::TMPFILE),
        (Open::NONBLOCK, OFlags::NONBLOCK),
        (Open::WRONLY, OFlags::WRONLY),
        (Open::RDWR, OFlags::RDWR),
    ];
    let set = table.iter().filter(|(flag, _)| flags.contains(*flag));
    set.fold(OFlags::CLOEXEC, |all, (_, number)| all | *number)
}

/// The time stamps to set.
pub(super) fn timestamps(times: Times) -> Timestamps {
    let stamp = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let (now, omit) = (stamp(0, UTIME_NOW), stamp(0, UTIME_OMIT));
    let (last_access, last_modification) = match times {
        Times::Atime => (now, omit),
        Times::Mtime => (omit, now),
        Times::Both => (now, now),
        Times::BothExplicit => (stamp(1, 0), stamp(2, 0)),
        Times::Neither => (omit, omit),
    };
    Timestamps { last_access, last_modification }
}

/// The part of `struct stat` that is looked at.
pub(super) fn stat(found: &rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        _ => Kind::File,
    };
    Stat {
        kind,
        mode: found.st_mode & 0o7777,
        nlink: found.st_nlink,
        size: found.st_size.cast_unsigned(),
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
