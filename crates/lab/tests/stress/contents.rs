//! Operations on open files.

use lab::op::{Data, Mode, Op, Whence};
use lab::outcome::Outcome;
use lab::path::Path;
use lab::vfs_world::{files, names as calls};
use vfsnotify::{Access, Errno, FallocateFlags, File, LookupFlags, OpenFlags, Result};

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
    let (path, mode, resolve) = (place.path.into(), Mode(0), LookupFlags::empty());
    let file = worker.open(&Op::Open { slot: 0, path, flags, mode, resolve })?;
    worker.keep_file(Held { file, letter: place.letter });
    Ok(())
}

/// Makes a call on an open file at random.
fn call(worker: &mut Worker<'_>, op: &Op) -> Result<Outcome> {
    let (cx, world) = (worker.cx.clone(), worker.world);
    let file: &File = &worker.file()?.file;
    files::call(&world.vfs, &cx, None, file, op)
}

pub(crate) fn read(worker: &mut Worker<'_>) -> Result<()> {
    let (len, offset) = (worker.rng.usize(0..BYTES), worker.rng.u64(0..8192));
    let op = match worker.rng.bool() {
        true => Op::Pread { slot: 0, len, offset },
        false => Op::Read { slot: 0, len },
    };
    let Outcome::Bytes(bytes) = call(worker, &op)? else { unreachable!("a read gives bytes") };
    assert!(bytes.len() <= len, "more was read than fits");
    Ok(())
}

pub(crate) fn write(worker: &mut Worker<'_>) -> Result<()> {
    let (len, offset) = (worker.rng.usize(0..BYTES), worker.rng.u64(0..8192));
    let data = Data(vec![7; len]);
    let op = match worker.rng.u8(0..4) {
        0 => Op::Pwrite { slot: 0, data, offset },
        1 => {
            let (flags, len) = (FallocateFlags::empty(), len as u64 + 1);
            let allocated = call(worker, &Op::Fallocate { slot: 0, flags, offset, len });
            return allocated.and_then(|_| call(worker, &Op::Fsync { slot: 0 })).map(drop);
        }
        _ => Op::Write { slot: 0, data },
    };
    let Outcome::Count(written) = call(worker, &op)? else { unreachable!("a write gives a count") };
    assert!(written <= len as u64, "more was written than there was");
    Ok(())
}

pub(crate) fn truncate(worker: &mut Worker<'_>) -> Result<()> {
    let len = worker.rng.u64(0..20_000);
    if worker.rng.bool() {
        return call(worker, &Op::Ftruncate { slot: 0, len }).map(drop);
    }
    let path = names::anything(&mut worker.rng).path.into();
    worker.call(&Op::Truncate { path, len })
}

/// From one open file to another, in the three ways there are.
pub(crate) fn copy(worker: &mut Worker<'_>) -> Result<()> {
    let how = worker.rng.u8(0..3);
    let from = worker.file()?.file.dup();
    let to = &worker.file()?.file;
    let (input, out, len) = (0, 1, BYTES);
    let op = match how {
        0 => Op::CopyFileRange { input, out, len, offsets: (Some(0), None) },
        1 => Op::Sendfile { input, out, len, offset: None },
        _ => {
            let mut bytes = [0; BYTES];
            let len = from.splice_to(&mut bytes)?;
            return to.splice_from(&bytes[..len]).map(drop);
        }
    };
    files::between(&from, to, &op).map(drop)
}

pub(crate) fn dup(worker: &mut Worker<'_>) -> Result<()> {
    let held = worker.file()?;
    let again = Held { file: held.file.dup(), letter: held.letter };
    assert_eq!(again.file.id(), held.file.id());
    worker.keep_file(again);
    Ok(())
}

/// The object of a handle, for a path.
pub(crate) fn object(worker: &mut Worker<'_>) -> Result<()> {
    let what = worker.rng.u8(0..8);
    let (cx, vfs) = (worker.cx.clone(), &worker.world.vfs);
    let held = worker.file()?;
    let (file, letter) = (held.file.dup(), held.letter);
    let bases = (Some(&file), None);
    let (path, follow, mode) = (Path::Object, true, Mode(0));
    let op = match what {
        0 => Op::Stat { path, follow },
        1 => Op::Access { path, want: Access::READ | Access::WRITE, follow },
        2 => {
            let mode = if file.kind().is_dir() { 0o777 } else { 0o666 };
            Op::Chmod { path, mode: Mode(mode), follow }
        }
        3 => Op::Truncate { path, len: 100 },
        4 => Op::List { path },
        5 => Op::Readlink { path },
        _ => {
            let flags = if what == 6 { OpenFlags::PATH } else { OpenFlags::READ };
            let resolve = LookupFlags::empty();
            let op = Op::Open { slot: 0, path, flags, mode, resolve };
            let again = calls::open(vfs, &cx, bases.0, &op)?;
            assert_eq!(again.dentry(), file.dentry());
            worker.keep_file(Held { file: again, letter });
            return Ok(());
        }
    };
    if let Outcome::Stat(found) = calls::call(vfs, &cx, bases, &op)? {
        assert_eq!(found.ino, file.dentry().inode().ino(), "it is the object");
    }
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

/// Gives a file to any thread that takes it, or takes one.
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
    let (cx, world) = (worker.cx.clone(), worker.world);
    let file = &worker.file()?.file;
    let call = |op: &Op| files::call(&world.vfs, &cx, None, file, op).map(drop);
    if seek {
        call(&Op::Seek { slot: 0, whence: Whence::Start, offset: 0 })?;
    }
    call(&Op::ReadDir { slot: 0, budget })
}
