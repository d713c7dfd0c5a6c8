//! Calls on open files.

use std::io::{IoSlice, IoSliceMut, SeekFrom};

use vfsnotify::{At, Context, DirEntryBuf, Errno, File, Result, Vfs};

use super::names::{settings, stat};
use super::refused;
use crate::op::{Op, Slot};
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
        | Op::Ftruncate { slot, .. }
        | Op::Fallocate { slot, .. }
        | Op::Fchmod { slot, .. }
        | Op::Fchown { slot, .. }
        | Op::Futimens { slot, .. }
        | Op::Fstat { slot }
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

/// Makes the call of an operation on one open file; `at` is where the path of [`Op::LinkFile`]
/// starts.
///
/// # Errors
/// Those of the call.
///
/// # Panics
/// If it is an operation of another sort.
pub fn call(vfs: &Vfs, cx: &Context, at: At<'_>, file: &File, op: &Op) -> Result<Outcome> {
    match op {
        Op::LinkFile { path, .. } => vfs.link_file(cx, file, at, path.bytes())?,
        Op::Fsync { .. } => file.fsync()?,
        Op::Ftruncate { len, .. } => file.truncate(*len)?,
        Op::Fallocate { flags, offset, len, .. } => file.fallocate(*flags, *offset, *len)?,
        Op::Fchmod { mode, .. } => file.chmod(cx, mode.0)?,
        Op::Fchown { owner: (uid, gid), .. } => file.chown(cx, *uid, *gid)?,
        Op::Futimens { times, .. } => {
            let (atime, mtime) = settings(*times);
            file.utimens(cx, atime, mtime)?;
        }
        Op::Fstat { .. } => return file.stat().map(|found| Outcome::Stat(stat(&found))),
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
        Op::Readv { lens: [first, second], .. } => filled(first + second, |buf| {
            let (one, two) = buf.split_at_mut(*first);
            file.readv(&mut [IoSliceMut::new(one), IoSliceMut::new(two)])
        }),
        Op::Write { data, .. } => file.write(&data.0).map(count),
        Op::Pwrite { data, offset, .. } => file.pwrite(&data.0, *offset).map(count),
        Op::Writev { data, .. } => {
            let slices: Vec<IoSlice<'_>> = data.iter().map(|data| IoSlice::new(&data.0)).collect();
            file.writev(&slices).map(count)
        }
        Op::Seek { offset, .. } => match u64::try_from(*offset) {
            Ok(offset) => file.seek(SeekFrom::Start(offset)).map(Outcome::Count),
            // No `SeekFrom` says it; the handle is looked at first all the same.
            Err(_) => file.position().and(refused(Errno::EINVAL)),
        },
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
