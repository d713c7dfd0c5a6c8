//! Operations on names and on what they stand for.

use lab::op::{Data, Mode, Op, Stamp, Times};
use lab::outcome::{Outcome, Stat};
use lab::vfs_world::{files, names as calls, places};
use vfsnotify::{
    Access, Context, Errno, InodeKind, LookupFlags, OpenFlags, RenameFlags, Result, XattrMode,
};

use crate::listeners::USERS;
use crate::names::{self, FIXED};
use crate::worker::Worker;
use crate::world::{FILL, Held, context};

/// An open of a path, as an operation.
fn opening(path: &str, flags: OpenFlags, mode: u32) -> Op {
    let (mode, resolve) = (Mode(mode), LookupFlags::empty());
    Op::Open { slot: 0, path: path.into(), flags, mode, resolve }
}

fn mkdir_of(path: &str) -> Op {
    Op::Mkdir { path: path.into(), mode: Mode(0o777) }
}

pub(crate) fn create(worker: &mut Worker<'_>) -> Result<()> {
    let place = names::entry(&mut worker.rng);
    let mut flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    flags.set(OpenFlags::EXCL, worker.rng.u8(0..4) == 0);
    flags.set(OpenFlags::TRUNC, worker.rng.u8(0..4) == 0);
    let file = worker.open(&opening(&place.path, flags, 0o666))?;
    worker.keep_file(Held { file, letter: place.letter });
    Ok(())
}

pub(crate) fn mkdir(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::entry(&mut worker.rng).path;
    worker.call(&mkdir_of(&path))
}

pub(crate) fn mknod(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::entry(&mut worker.rng).path.into();
    let kinds = [InodeKind::Regular, InodeKind::Fifo, InodeKind::Socket, InodeKind::CharDevice];
    let kind = kinds[worker.rng.usize(0..kinds.len())];
    worker.call(&Op::Mknod { path, kind, mode: Mode(0o666), rdev: 0 })
}

pub(crate) fn link(worker: &mut Worker<'_>) -> Result<()> {
    let (old, new) = names::two_entries(&mut worker.rng);
    let follow = worker.rng.bool();
    worker.call(&Op::Link { old: old.path.into(), new: new.path.into(), follow })
}

pub(crate) fn symlink(worker: &mut Worker<'_>) -> Result<()> {
    let (target, path) = names::two_entries(&mut worker.rng);
    let path = lab::path::Path::from(path.path);
    worker.call(&Op::Symlink { target: target.path.into(), path: path.clone() })?;
    worker.call(&Op::Readlink { path })
}

/// Takes a name away, whatever it stands for.
pub(crate) fn unlink(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::entry(&mut worker.rng).path;
    match worker.call(&Op::Unlink { path: path.as_str().into() }) {
        Err(error) if error.errno() == Errno::EISDIR => empty_and_remove(worker, &path),
        unlinked => unlinked,
    }
}

/// Removes a directory with what is in it, while others fill it.
fn empty_and_remove(worker: &Worker<'_>, path: &str) -> Result<()> {
    for entry in worker.world.vfs.list(&worker.cx, path)? {
        let child = [path.as_bytes(), b"/", &entry.name].concat().into();
        // It may be gone, not empty, or another thread's: then the directory stays.
        let _ = worker.call(&match entry.kind.is_dir() {
            true => Op::Rmdir { path: child },
            false => Op::Unlink { path: child },
        });
    }
    worker.call(&Op::Rmdir { path: path.into() })
}

pub(crate) fn rmdir(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::entry(&mut worker.rng).path.into();
    worker.call(&Op::Rmdir { path })
}

fn rename_of(old: &str, new: &str, flags: RenameFlags) -> Op {
    Op::Rename { old: old.into(), new: new.into(), flags }
}

pub(crate) fn rename(worker: &mut Worker<'_>) -> Result<()> {
    let (old, new) = names::two_entries(&mut worker.rng);
    let all = [
        RenameFlags::empty(),
        RenameFlags::empty(),
        RenameFlags::NOREPLACE,
        RenameFlags::EXCHANGE,
        RenameFlags::WHITEOUT,
        RenameFlags::WHITEOUT | RenameFlags::NOREPLACE,
    ];
    let flags = all[worker.rng.usize(0..all.len())];
    worker.call(&rename_of(&old.path, &new.path, flags))
}

/// A file without a name, which may get one.
pub(crate) fn tmpfile(worker: &mut Worker<'_>) -> Result<()> {
    let dir = names::anything(&mut worker.rng).path;
    let flags = OpenFlags::READ_WRITE | OpenFlags::TMPFILE;
    let file = worker.open(&opening(&dir, flags, 0o600))?;
    file.write(b"unnamed")?;
    let linked = if worker.rng.bool() {
        let path = names::entry(&mut worker.rng).path.into();
        let op = Op::LinkFile { slot: 0, path };
        files::call(&worker.world.vfs, &worker.cx, None, &file, &op).map(drop)
    } else {
        Ok(())
    };
    if worker.rng.bool() {
        worker.keep_file(Held { file, letter: b'm' });
    }
    linked
}

pub(crate) fn list(worker: &mut Worker<'_>) -> Result<()> {
    let place = names::anything(&mut worker.rng);
    let Outcome::Names(entries) = worker.outcome(&Op::List { path: place.path.as_str().into() })?
    else {
        unreachable!("a listing gives names");
    };
    let mut stays = 0;
    for name in entries {
        let is_dots = name == b"." || name == b"..";
        // In a directory that may stand anywhere there are only names that may stand anywhere.
        let fits = name.first() == Some(&place.letter) && name.get(1) == Some(&b'.');
        assert!(fits || is_dots, "{:?} in {}", name.escape_ascii().to_string(), place.path);
        stays += usize::from(name.starts_with(b"g.fill-"));
    }
    // A name that goes and comes again may be listed twice, one that is there all the time is listed
    // once.
    let there = if place.path == "/g" { FILL } else { 0 };
    assert_eq!(stays, there, "names that stay, in {}", place.path);
    Ok(())
}

pub(crate) fn stat(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::anything(&mut worker.rng).path;
    let draw = worker.rng.u8(0..5);
    let stat = |path: &str, follow| worker.call(&Op::Stat { path: path.into(), follow });
    match draw {
        0 => stat(&path, false),
        1 => {
            let want = Access::READ | Access::WRITE;
            worker.call(&Op::Access { path: path.into(), want, follow: true })
        }
        2 => worker.call(&Op::Statfs { path: path.into() }),
        3 => stat(&format!("{path}/.."), true),
        _ => stat(&path, true),
    }
}

/// The path of what is open, which may be gone or on the move.
pub(crate) fn path(worker: &mut Worker<'_>) -> Result<()> {
    let cx = worker.cx.clone();
    let held = worker.file()?;
    let shown = held.file.shown_path(&cx)?;
    assert!(!shown.is_empty(), "a path is never empty");
    held.file.path(&cx).map(drop)
}

pub(crate) fn chdir(worker: &mut Worker<'_>) -> Result<()> {
    let place = if worker.rng.bool() {
        names::anything(&mut worker.rng)
    } else {
        names::fixed(&mut worker.rng)
    };
    let op = Op::Chdir { path: place.path.into() };
    places::enter(&worker.world.vfs, &mut worker.cx, None, &op)?;
    worker.cwd_letter = Some(place.letter);
    if worker.rng.u8(0..4) == 0 {
        // The clone keeps the directory in use until a thread drops it.
        worker.hands.contexts.push(worker.cx.clone());
        if worker.hands.contexts.len() > 3 {
            worker.hands.contexts.swap_remove(0);
        }
    }
    Ok(())
}

/// Paths from the current directory and from an open one.
pub(crate) fn relative(worker: &mut Worker<'_>) -> Result<()> {
    if let Some(letter) = worker.cwd_letter.filter(|_| worker.rng.bool()) {
        let path = names::name_in(&mut worker.rng, letter).into();
        let op = match worker.rng.u8(0..3) {
            0 => Op::Mkdir { path, mode: Mode(0o777) },
            1 => Op::Rmdir { path },
            _ => Op::Stat { path, follow: true },
        };
        return worker.call(&op);
    }
    let (cx, vfs) = (worker.cx.clone(), &worker.world.vfs);
    let mut rng = worker.rng.fork();
    let held = worker.file()?;
    let at = Some(&held.file);
    let name = names::name_in(&mut rng, held.letter);
    let path = name.as_str().into();
    let op = match rng.u8(0..7) {
        0 => Op::Mkdir { path, mode: Mode(0o777) },
        1 => Op::Unlink { path },
        2 => Op::Rmdir { path },
        3 => {
            let other = names::name_in(&mut rng, held.letter);
            rename_of(&name, &other, RenameFlags::empty())
        }
        4 => {
            let (flags, resolve) = (OpenFlags::READ, LookupFlags::BENEATH);
            let op = Op::Open { slot: 0, path, flags, mode: Mode(0), resolve };
            return calls::open(vfs, &cx, at, &op).map(drop);
        }
        5 => {
            let mut there = cx.clone();
            let op = Op::Fchdir { slot: 0 };
            return places::enter(vfs, &mut there, Some(&held.file), &op).map(drop);
        }
        _ => Op::Stat { path, follow: false },
    };
    calls::call(vfs, &cx, (at, at), &op).map(drop)
}

/// The inode that a path leads to.
fn ino(worker: &Worker<'_>, cx: &Context, path: &str) -> Result<u64> {
    let op = Op::Stat { path: path.into(), follow: true };
    match calls::call(&worker.world.vfs, cx, calls::HERE, &op)? {
        Outcome::Stat(Stat { ino, .. }) => Ok(ino),
        other => unreachable!("a stat gives {other:?}"),
    }
}

/// A smaller world, from which nothing above can be seen.
pub(crate) fn jail(worker: &mut Worker<'_>) -> Result<()> {
    let (dir, letter) = FIXED[worker.rng.usize(0..FIXED.len())];
    let mut jailed = worker.cx.clone();
    let op = Op::Chroot { path: dir.into() };
    places::enter(&worker.world.vfs, &mut jailed, None, &op)?;
    let name = names::name_in(&mut worker.rng, letter);
    let inside = ino(worker, &jailed, "/../../..")?;
    assert_eq!(inside, ino(worker, &worker.cx, dir)?, "the way up is closed");
    let op = match worker.rng.u8(0..3) {
        0 => mkdir_of(&format!("/../{name}")),
        1 => Op::Unlink { path: format!("/{name}").into() },
        _ => Op::List { path: "/".into() },
    };
    let result = calls::call(&worker.world.vfs, &jailed, calls::HERE, &op).map(drop);
    worker.hands.contexts.push(jailed);
    if worker.hands.contexts.len() > 3 {
        worker.hands.contexts.swap_remove(0);
    }
    result
}

/// Goes on as another user.
pub(crate) fn be_another(worker: &mut Worker<'_>) -> Result<()> {
    let uid = USERS[worker.rng.usize(0..USERS.len())];
    let cx = context(&worker.world.vfs, uid);
    drop(std::mem::replace(&mut worker.cx, cx));
    worker.cwd_letter = None;
    Ok(())
}

/// More names than the budget has room for.
pub(crate) fn look_up_missing(worker: &mut Worker<'_>) -> Result<()> {
    for _ in 0..8 {
        let path = names::missing(&mut worker.rng);
        match worker.world.vfs.exists(&worker.cx, path) {
            Ok(there) => assert!(!there, "this name is never made"),
            Err(error) if error.errno() == Errno::ENOENT => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Operations without an event, in a directory of which another thread gets all events: the owner will see.
pub(crate) fn fail_elsewhere(worker: &mut Worker<'_>) -> Result<()> {
    let other = worker.rng.usize(0..worker.threads);
    let (dir, name) = (names::own_dir(other), names::own_file(other, b'w'));
    let file = format!("{dir}/{name}");
    let draw = worker.rng.u8(0..6);
    let failed = worker.call(&match draw {
        0 => mkdir_of(&dir),
        1 => Op::Unlink { path: dir.into() },
        2 => rename_of(&format!("{dir}/missing"), "/a/a.0", RenameFlags::empty()),
        3 => rename_of(&file, "/none/here", RenameFlags::empty()),
        4 => mkdir_of(&format!("{file}/below")),
        _ => {
            // No failure, and no event either.
            let op = Op::Stat { path: file.into(), follow: true };
            return worker.call(&op).or_else(|error| {
                assert_eq!(error.errno(), Errno::ENOENT);
                Ok(())
            });
        }
    });
    assert!(failed.is_err(), "what cannot be done was done");
    Ok(())
}

/// Changes the attributes of another thread's own file, wherever it is on its way.
pub(crate) fn pester(worker: &mut Worker<'_>) -> Result<()> {
    let other = worker.rng.usize(0..worker.threads);
    let cx = context(&worker.world.vfs, 0);
    for _ in 0..4 {
        let (dir, letter) = match worker.rng.usize(0..FIXED.len() + 1) {
            0 => (names::own_dir(other), b'w'),
            nth => (FIXED[nth - 1].0.to_owned(), FIXED[nth - 1].1),
        };
        let path = format!("{dir}/{}", names::own_file(other, letter));
        let op = Op::Chmod { path: path.into(), mode: Mode(0o644), follow: true };
        match calls::call(&worker.world.vfs, &cx, calls::HERE, &op) {
            Err(error) if error.errno() == Errno::ENOENT => {}
            done => drop(done?),
        }
    }
    Ok(())
}

pub(crate) fn attributes(worker: &mut Worker<'_>) -> Result<()> {
    // A directory that no thread can remove stays open to all, or soon all would fail.
    let (path, modes) = if worker.rng.bool() {
        (names::entry(&mut worker.rng).path, [0o777, 0o755, 0o700, 0o4777])
    } else {
        (names::fixed(&mut worker.rng).path, [0o777, 0o777, 0o777, 0o1777])
    };
    let (path, rng) = (path.into(), &mut worker.rng);
    let uid = Some(USERS[rng.usize(0..USERS.len())]);
    let op = match rng.u8(0..4) {
        0 => {
            let mode = Mode(modes[rng.usize(0..modes.len())]);
            Op::Chmod { path, mode, follow: true }
        }
        1 => Op::Chown { path, owner: (uid, None), follow: true },
        2 => Op::Chown { path, owner: (None, uid), follow: false },
        _ => {
            let times = if rng.bool() { Times(Stamp::Now, Stamp::At(7, 0)) } else { Times::ATIME };
            Op::Utimens { path, times, follow: true }
        }
    };
    worker.call(&op)
}

pub(crate) fn xattrs(worker: &mut Worker<'_>) -> Result<()> {
    let (path, follow) = (names::anything(&mut worker.rng).path, true);
    let name = ["user.one", "user.two"][worker.rng.usize(0..2)].to_owned();
    let op = match worker.rng.u8(0..4) {
        0 => {
            let value = Data(vec![1; worker.rng.usize(0..100)]);
            Op::SetXattr { path: path.into(), name, value, mode: XattrMode::Set, follow }
        }
        1 => Op::GetXattr { path: path.into(), name, follow },
        2 => Op::ListXattr { path: path.into(), follow },
        _ => Op::RemoveXattr { path: path.into(), name, follow },
    };
    worker.call(&op)
}
