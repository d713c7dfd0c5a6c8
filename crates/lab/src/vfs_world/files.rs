//! Calls on open files.

use std::io::{IoSlice, IoSliceMut, SeekFrom};

use vfsnotify::{Context, DirEntryBuf, File, OpenFlags, Result, Vfs};

use super::names::{listed, path_from, settings, stat};
use crate::op::{Op, Slot, Whence};
use crate::outcome::Outcome;

/// A buffer for directory entries; as large as the C library's.
const ENTRIES: usize = 32 * 1024;

/// The open file that an operation is a method of.
pub fn first_slot(op: &Op) -> Option<Slot> {
    match op {
        Op::Sendfile { input: slot, .. }
        | Op::CopyFileRange { input: slot, .. }
        | Op::LinkFile { slot, .. }
        | Op::Read { slot, .. }
        | Op::Pread { slot, .. }
        | Op::Readv { slot, .. }
        | Op::Write { slot, .. }
        | Op::Pwrite { slot, .. }
        | Op::Writev { slot, .. }
        | Op::Seek { slot, .. }
        | Op::Fsync { slot }
        | Op::GetFlags { slot }
        | Op::SetFlags { slot, .. }
        | Op::Ftruncate { slot, .. }
        | Op::Fallocate { slot, .. }
        | Op::Fchmod { slot, .. }
        | Op::Fchown { slot, .. }
        | Op::Futimens { slot, .. }
        | Op::Fstat { slot }
        | Op::Fstatfs { slot }
        | Op::FsetXattr { slot, .. }
        | Op::FgetXattr { slot, .. }
        | Op::FremoveXattr { slot, .. }
        | Op::FlistXattr { slot }
        | Op::ReadDir { slot, .. }
        | Op::Getdents { slot, .. }
        | Op::SpliceIn { slot, .. }
        | Op::SpliceOut { slot, .. } => Some(*slot),
        _ => None,
    }
}

fn count(bytes: usize) -> Outcome {
    Outcome::Count(bytes as u64)
}

fn filled(len: usize, read: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<Outcome> {
    let mut buf = vec![0; len];
    let count = read(&mut buf)?;
    buf.truncate(count);
    Ok(Outcome::Bytes(buf))
}

fn names(entries: Vec<DirEntryBuf>) -> Outcome {
    Outcome::Names(entries.into_iter().map(|entry| entry.name).collect())
}

/// Everything from the position to the end.
fn all_names(file: &File) -> Result<Outcome> {
    let mut all = Vec::new();
    loop {
        let entries = file.read_dir(ENTRIES)?;
        if entries.is_empty() {
            return Ok(names(all));
        }
        all.extend(entries);
    }
}

/// The result of `F_GETFL`, without the flag that Linux sets by itself.
fn flags_of(file: &File) -> u64 {
    (file.flags() - OpenFlags::LARGEFILE).to_linux().into()
}

/// Makes the call of an operation on one open file; `at` is where the path of [`Op::LinkFile`]
/// starts.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// If it is an operation of another sort.
pub fn call(vfs: &Vfs, cx: &Context, at: Option<&File>, file: &File, op: &Op) -> Result<Outcome> {
    match op {
        Op::LinkFile { path, .. } => vfs.link(cx, file, path_from(at, path))?,
        Op::Fsync { .. } => file.fsync()?,
        Op::GetFlags { .. } => return Ok(Outcome::Count(flags_of(file))),
        Op::SetFlags { flags, .. } => file.set_status(cx, *flags)?,
        Op::Ftruncate { len, .. } => file.truncate(*len)?,
        Op::Fallocate { flags, offset, len, .. } => file.fallocate(*flags, *offset, *len)?,
        Op::Fchmod { mode, .. } => file.chmod(cx, mode.0)?,
        Op::Fchown { owner: (uid, gid), .. } => file.chown(cx, *uid, *gid)?,
        Op::Futimens { times, .. } => {
            let (atime, mtime) = settings(*times);
            file.utimens(cx, atime, mtime)?;
        }
        Op::Fstat { .. } => return file.stat().map(|found| Outcome::Stat(stat(&found))),
        Op::Fstatfs { .. } => drop(file.statfs()?),
        Op::FsetXattr { name, value, mode, .. } => file.setxattr(cx, name, &value.0, *mode)?,
        Op::FgetXattr { name, .. } => return file.getxattr(cx, name).map(Outcome::Bytes),
        Op::FremoveXattr { name, .. } => file.removexattr(cx, name)?,
        Op::FlistXattr { .. } => return file.listxattr(cx).map(listed),
        Op::ReadDir { budget, .. } => return file.read_dir(*budget).map(names),
        Op::Getdents { rewind: false, .. } => return all_names(file),
        Op::Getdents { rewind: true, .. } => {
            let start = SeekFrom::Start(0);
            let names = file.seek(start).and_then(|_| all_names(file));
            let back = file.seek(start);
            return names.and_then(|names| back.map(|_| names));
        }
        op => return contents(file, op),
    }
    Ok(Outcome::Done)
}

/// Reads and writes.
fn contents(file: &File, op: &Op) -> Result<Outcome> {
    match op {
        Op::Read { len, .. } => filled(*len, |buf| file.read(buf)),
        Op::Pread { len, offset, .. } => filled(*len, |buf| file.pread(buf, *offset)),
        Op::Readv { lens: [first, second], offset, .. } => filled(first + second, |buf| {
            let (one, two) = buf.split_at_mut(*first);
            let mut bufs = [IoSliceMut::new(one), IoSliceMut::new(two)];
            match offset {
                None => file.readv(&mut bufs),
                Some(offset) => file.preadv(&mut bufs, *offset),
            }
        }),
        Op::Write { data, .. } => file.write(&data.0).map(count),
        Op::Pwrite { data, offset, .. } => file.pwrite(&data.0, *offset).map(count),
        Op::Writev { data, offset, .. } => {
            let slices: Vec<IoSlice<'_>> = data.iter().map(|data| IoSlice::new(&data.0)).collect();
            let written = match offset {
                None => file.writev(&slices),
                Some(offset) => file.pwritev(&slices, *offset),
            };
            written.map(count)
        }
        Op::Seek { whence, offset, .. } => {
            let place = offset.cast_unsigned();
            let found = match whence {
                Whence::Start => file.seek(SeekFrom::Start(place)),
                Whence::Current => file.seek(SeekFrom::Current(*offset)),
                Whence::End => file.seek(SeekFrom::End(*offset)),
                Whence::Data => file.seek_data(place),
                Whence::Hole => file.seek_hole(place),
            };
            found.map(Outcome::Count)
        }
        Op::SpliceIn { data, .. } => file.splice_from(&data.0).map(count),
        Op::SpliceOut { len, .. } => file.splice_to(&mut vec![0; *len]).map(count),
        op => unreachable!("{op:?} is not of one open file"),
    }
}

/// Makes the call of an operation between two open files.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// If it is an operation of another sort.
pub fn between(from: &File, to: &File, op: &Op) -> Result<Outcome> {
    match op {
        Op::Sendfile { len, offset, .. } => {
            let mut offset = *offset;
            from.sendfile(offset.as_mut(), to, *len).map(count)
        }
        Op::CopyFileRange { len, offsets, .. } => {
            let (mut source, mut target) = *offsets;
            from.copy_file_range(source.as_mut(), to, target.as_mut(), *len).map(count)
        }
        op => unreachable!("{op:?} is not between two open files"),
    }
}
