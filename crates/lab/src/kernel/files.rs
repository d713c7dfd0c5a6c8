//! Calls on open files.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;

use rustix::fs::{FallocateFlags, Mode, OFlags, RawDir, SeekFrom};
use rustix::pipe::SpliceFlags;
use vfsnotify::{Errno, OpenFlags};

use super::calls::done;
use super::convert::{filled, mode, open_flags, stat, timestamps};
use super::names::{listed, owner, xattr_flags};
use super::{Res, errno};
use crate::op::{Op, Whence};
use crate::outcome::{Done, Outcome};

/// A buffer for directory entries; as large as the C library's.
const ENTRIES: usize = 32768;

fn count(result: rustix::io::Result<usize>) -> Done {
    errno(result).map(|count| Outcome::Count(count as u64))
}

/// Reads entries from the position until a call gives none, so a small directory takes two calls.
fn names(fd: &OwnedFd) -> Res<Vec<Vec<u8>>> {
    let mut buffer = Vec::with_capacity(ENTRIES);
    let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        names.push(errno(entry)?.file_name().to_bytes().to_vec());
    }
    Ok(names)
}

/// Opens a directory, reads it to the end, and closes it.
pub(super) fn list(base: &OwnedFd, path: &[u8]) -> Done {
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = errno(rustix::fs::openat(base, path, flags, Mode::empty()))?;
    names(&dir).map(Outcome::Names)
}

/// Makes the call of an operation on one open file.
pub(super) fn call(fd: &OwnedFd, op: &Op) -> Done {
    match op {
        Op::Fsync { .. } => done(errno(rustix::fs::fsync(fd))),
        Op::GetFlags { .. } => {
            let flags = errno(rustix::fs::fcntl_getfl(fd))? - OFlags::LARGEFILE;
            Ok(Outcome::Count((flags.bits() & !OpenFlags::LARGEFILE.bits()).into()))
        }
        Op::SetFlags { flags, .. } => done(errno(rustix::fs::fcntl_setfl(fd, open_flags(*flags)))),
        Op::Ftruncate { len, .. } => done(errno(rustix::fs::ftruncate(fd, *len))),
        Op::Fallocate { flags, offset, len, .. } => {
            let flags = FallocateFlags::from_bits_retain(flags.bits());
            done(errno(rustix::fs::fallocate(fd, flags, *offset, *len)))
        }
        Op::Fchmod { mode: bits, .. } => done(errno(rustix::fs::fchmod(fd, mode(bits.0)))),
        Op::Fchown { owner: (uid, gid), .. } => {
            let (uid, gid) = owner(*uid, *gid);
            done(errno(rustix::fs::fchown(fd, uid, gid)))
        }
        Op::Futimens { times, .. } => done(errno(rustix::fs::futimens(fd, &timestamps(*times)))),
        Op::Fstat { .. } => Ok(Outcome::Stat(stat(&errno(rustix::fs::fstat(fd))?))),
        Op::Fstatfs { .. } => {
            errno(rustix::fs::fstatfs(fd))?;
            Ok(Outcome::Done)
        }
        Op::FsetXattr { name, value, mode, .. } => {
            let flags = xattr_flags(*mode);
            done(errno(rustix::fs::fsetxattr(fd, name.as_str(), &value.0, flags)))
        }
        Op::FgetXattr { name, .. } => {
            let value = filled(1 << 16, |buffer| rustix::fs::fgetxattr(fd, name.as_str(), buffer));
            value.map(Outcome::Bytes)
        }
        Op::FremoveXattr { name, .. } => done(errno(rustix::fs::fremovexattr(fd, name.as_str()))),
        Op::FlistXattr { .. } => listed(|buffer| rustix::fs::flistxattr(fd, buffer)),
        Op::Getdents { rewind: false, .. } => names(fd).map(Outcome::Names),
        Op::Getdents { rewind: true, .. } => {
            let start = || errno(rustix::fs::seek(fd, SeekFrom::Start(0)));
            let names = start().and_then(|_| names(fd));
            let back = start();
            names.and_then(|names| back.map(|_| Outcome::Names(names)))
        }
        op => contents(fd, op),
    }
}

fn contents(fd: &OwnedFd, op: &Op) -> Done {
    let bytes = |read: Res<Vec<u8>>| read.map(Outcome::Bytes);
    match op {
        Op::Read { len, .. } => bytes(filled(*len, |buffer| rustix::io::read(fd, buffer))),
        Op::Pread { len, offset, .. } => {
            bytes(filled(*len, |buffer| rustix::io::pread(fd, buffer, *offset)))
        }
        Op::Readv { lens: [first, second], offset, .. } => {
            bytes(filled(first + second, |buffer| {
                let (one, two) = buffer.split_at_mut(*first);
                let mut bufs = [IoSliceMut::new(one), IoSliceMut::new(two)];
                match offset {
                    None => rustix::io::readv(fd, &mut bufs),
                    Some(offset) => rustix::io::preadv(fd, &mut bufs, *offset),
                }
            }))
        }
        Op::Write { data, .. } => count(rustix::io::write(fd, &data.0)),
        Op::Pwrite { data, offset, .. } => count(rustix::io::pwrite(fd, &data.0, *offset)),
        Op::Writev { data, offset, .. } => {
            let slices: Vec<IoSlice<'_>> = data.iter().map(|data| IoSlice::new(&data.0)).collect();
            count(match offset {
                None => rustix::io::writev(fd, &slices),
                Some(offset) => rustix::io::pwritev(fd, &slices, *offset),
            })
        }
        Op::Seek { whence, offset, .. } => {
            let to = match whence {
                Whence::Start => SeekFrom::Start(offset.cast_unsigned()),
                Whence::Current => SeekFrom::Current(*offset),
                Whence::End => SeekFrom::End(*offset),
                Whence::Data => SeekFrom::Data(offset.cast_unsigned()),
                Whence::Hole => SeekFrom::Hole(offset.cast_unsigned()),
            };
            errno(rustix::fs::seek(fd, to)).map(Outcome::Count)
        }
        Op::SpliceIn { data, .. } => {
            let (reader, writer) = errno(rustix::pipe::pipe())?;
            errno(rustix::io::write(&writer, &data.0))?;
            let flags = SpliceFlags::empty();
            count(rustix::pipe::splice(&reader, None, fd, None, data.0.len(), flags))
        }
        Op::SpliceOut { len, .. } => {
            let (_reader, writer) = errno(rustix::pipe::pipe())?;
            let flags = SpliceFlags::empty();
            count(rustix::pipe::splice(fd, None, &writer, None, *len, flags))
        }
        _ => Err(Errno::ENOSYS),
    }
}

/// Makes the call of an operation between two open files.
pub(super) fn between(from: &OwnedFd, to: &OwnedFd, op: &Op) -> Done {
    match op {
        Op::Sendfile { len, offset, .. } => {
            let mut offset = *offset;
            count(rustix::fs::sendfile(to, from, offset.as_mut(), *len))
        }
        Op::CopyFileRange { len, offsets, .. } => {
            let (mut source, mut target) = *offsets;
            let (source, target) = (source.as_mut(), target.as_mut());
            count(rustix::fs::copy_file_range(from, source, to, target, *len))
        }
        op => unreachable!("{op:?} is not between two open files"),
    }
}
