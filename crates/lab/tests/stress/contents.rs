//! Operations on open files.

use vfsnotify::{Errno, FallocateFlags, OpenFlags, Result};

use crate::names;
use crate::worker::Worker;
use crate::world::Held;

/// The longest read or write.
const BYTES: usize = 2000;

pub(crate) fn open(worker: &mut Worker<'_>) -> Result<()> {
    let place = names::anything(&mut worker.rng);
    let all = [
        OpenFlags::READ,
        OpenFlags::READ,
        OpenFlags::WRITE,
        OpenFlags::READ_WRITE | OpenFlags::TRUNC,
        OpenFlags::WRITE | OpenFlags::APPEND,
        OpenFlags::PATH,
        OpenFlags::READ | OpenFlags::DIRECTORY,
        OpenFlags::READ | OpenFlags::NOFOLLOW,
        OpenFlags::READ_WRITE | OpenFlags::NONBLOCK,
    ];
    let flags = all[worker.rng.usize(0..all.len())];
    let file = worker.world.vfs.open(&worker.cx, place.path, flags, 0)?;
    worker.keep_file(Held { file, letter: place.letter });
    Ok(())
}

pub(crate) fn read(worker: &mut Worker<'_>) -> Result<()> {
    let mut bytes = [0; BYTES];
    let (len, offset) = (worker.rng.usize(0..BYTES), worker.rng.u64(0..8192));
    let at_offset = worker.rng.bool();
    let file = &worker.file()?.file;
    let read = if at_offset {
        file.pread(&mut bytes[..len], offset)?
    } else {
        file.read(&mut bytes[..len])?
    };
    assert!(read <= len, "more was read than fits");
    Ok(())
}

pub(crate) fn write(worker: &mut Worker<'_>) -> Result<()> {
    let (len, offset) = (worker.rng.usize(0..BYTES), worker.rng.u64(0..8192));
    let how = worker.rng.u8(0..4);
    let file = &worker.file()?.file;
    let bytes = [7; BYTES];
    let written = match how {
        0 => file.pwrite(&bytes[..len], offset)?,
        1 => {
            file.fallocate(FallocateFlags::empty(), offset, len as u64 + 1)?;
            file.fsync()?;
            0
        }
        _ => file.write(&bytes[..len])?,
    };
    assert!(written <= len, "more was written than there was");
    Ok(())
}

pub(crate) fn truncate(worker: &mut Worker<'_>) -> Result<()> {
    let len = worker.rng.u64(0..20_000);
    if worker.rng.bool() {
        return worker.file()?.file.truncate(len);
    }
    let path = names::anything(&mut worker.rng).path;
    worker.world.vfs.truncate(&worker.cx, path, len)
}

/// From one open file to another, in the three ways there are.
pub(crate) fn copy(worker: &mut Worker<'_>) -> Result<()> {
    let how = worker.rng.u8(0..3);
    let from = worker.file()?.file.dup();
    let to = &worker.file()?.file;
    match how {
        0 => from.copy_file_range(Some(&mut 0), to, None, BYTES)?,
        1 => from.sendfile(None, to, BYTES)?,
        _ => {
            let mut bytes = [0; BYTES];
            let len = from.splice_to(&mut bytes)?;
            to.splice_from(&bytes[..len])?
        }
    };
    Ok(())
}

pub(crate) fn dup(worker: &mut Worker<'_>) -> Result<()> {
    let held = worker.file()?;
    let again = Held { file: held.file.dup(), letter: held.letter };
    assert_eq!(again.file.id(), held.file.id());
    worker.keep_file(again);
    Ok(())
}

pub(crate) fn close(worker: &mut Worker<'_>) -> Result<()> {
    if worker.hands.files.is_empty() {
        return Err(Errno::EBADF.into());
    }
    let at = worker.rng.usize(0..worker.hands.files.len());
    worker.hands.files.swap_remove(at).file.close();
    Ok(())
}

/// Gives a file to whoever takes it, or takes one.
pub(crate) fn hand_on(worker: &mut Worker<'_>) -> Result<()> {
    if worker.world.files.len() > worker.threads * 2 || worker.rng.bool() {
        if let Some(held) = worker.world.files.take() {
            worker.keep_file(held);
        }
    } else if let Some(held) = worker.hands.files.pop() {
        worker.world.files.put(held);
    }
    Ok(())
}

pub(crate) fn read_dir(worker: &mut Worker<'_>) -> Result<()> {
    let budget = worker.rng.usize(30..4000);
    let seek = worker.rng.bool();
    let file = &worker.file()?.file;
    if seek {
        file.seek(std::io::SeekFrom::Start(0))?;
    }
    file.read_dir(budget).map(drop)
}
