//! Operations on names and on what they stand for.

use vfsnotify::{
    Access, At, Errno, InodeKind, OpenFlags, OpenHow, RenameFlags, ResolveFlags, Result,
    TimeSetting, Timestamp, XattrMode,
};

use crate::listeners::USERS;
use crate::names::{self, FIXED};
use crate::worker::Worker;
use crate::world::{FILL, Held, context};

pub(crate) fn create(worker: &mut Worker<'_>) -> Result<()> {
    let place = names::entry(&mut worker.rng);
    let mut flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    flags.set(OpenFlags::EXCL, worker.rng.u8(0..4) == 0);
    flags.set(OpenFlags::TRUNC, worker.rng.u8(0..4) == 0);
    let file = worker.world.vfs.open(&worker.cx, place.path, flags, 0o666)?;
    worker.keep_file(Held { file, letter: place.letter });
    Ok(())
}

pub(crate) fn mkdir(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::entry(&mut worker.rng).path;
    worker.world.vfs.mkdir(&worker.cx, path, 0o777)
}

pub(crate) fn mknod(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::entry(&mut worker.rng).path;
    let kinds = [InodeKind::Regular, InodeKind::Fifo, InodeKind::Socket, InodeKind::CharDevice];
    let kind = kinds[worker.rng.usize(0..kinds.len())];
    worker.world.vfs.mknod(&worker.cx, path, kind, 0o666, 0)
}

pub(crate) fn link(worker: &mut Worker<'_>) -> Result<()> {
    let (old, new) = names::two_entries(&mut worker.rng);
    let follow = worker.rng.bool();
    worker.world.vfs.link(&worker.cx, old.path, new.path, follow)
}

pub(crate) fn symlink(worker: &mut Worker<'_>) -> Result<()> {
    let (target, path) = names::two_entries(&mut worker.rng);
    worker.world.vfs.symlink(&worker.cx, target.path, &path.path)?;
    worker.world.vfs.readlink(&worker.cx, path.path).map(drop)
}

/// Takes a name away, whatever it stands for.
pub(crate) fn unlink(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::entry(&mut worker.rng).path;
    let (vfs, cx) = (&worker.world.vfs, &worker.cx);
    match vfs.unlink(cx, &path) {
        Err(error) if error.errno() == Errno::EISDIR => empty_and_remove(worker, &path),
        unlinked => unlinked,
    }
}

/// Removes a directory with what is in it, while others fill it.
fn empty_and_remove(worker: &Worker<'_>, path: &str) -> Result<()> {
    let (vfs, cx) = (&worker.world.vfs, &worker.cx);
    for entry in vfs.list(cx, path)? {
        let child = [path.as_bytes(), b"/", &entry.name].concat();
        // It may be gone, not empty, or somebody else's: then the directory stays.
        let _ = if entry.kind.is_dir() { vfs.rmdir(cx, child) } else { vfs.unlink(cx, child) };
    }
    vfs.rmdir(cx, path)
}

pub(crate) fn rmdir(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::entry(&mut worker.rng).path;
    worker.world.vfs.rmdir(&worker.cx, path)
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
    worker.world.vfs.rename(&worker.cx, old.path, new.path, flags)
}

/// A file without a name, which may get one.
pub(crate) fn tmpfile(worker: &mut Worker<'_>) -> Result<()> {
    let dir = names::anything(&mut worker.rng).path;
    let flags = OpenFlags::READ_WRITE | OpenFlags::TMPFILE;
    let file = worker.world.vfs.open(&worker.cx, dir, flags, 0o600)?;
    file.write(b"unnamed")?;
    let linked = if worker.rng.bool() {
        let path = names::entry(&mut worker.rng).path;
        worker.world.vfs.link_file(&worker.cx, &file, At::Cwd, path)
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
    let entries = worker.world.vfs.list(&worker.cx, &place.path)?;
    let mut stays = 0;
    for entry in entries {
        let is_dots = entry.name == b"." || entry.name == b"..";
        // In a directory that may stand anywhere there are only names that may stand anywhere.
        let fits = entry.name.first() == Some(&place.letter) && entry.name.get(1) == Some(&b'.');
        assert!(fits || is_dots, "{:?} in {}", entry.name.escape_ascii().to_string(), place.path);
        stays += usize::from(entry.name.starts_with(b"g.fill-"));
    }
    // A name that goes and comes again may be listed twice, one that is there all the time is listed
    // once.
    let there = if place.path == "/g" { FILL } else { 0 };
    assert_eq!(stays, there, "names that stay, in {}", place.path);
    Ok(())
}

pub(crate) fn stat(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::anything(&mut worker.rng).path;
    let vfs = &worker.world.vfs;
    match worker.rng.u8(0..5) {
        0 => vfs.lstat(&worker.cx, path).map(drop),
        1 => vfs.access(&worker.cx, path, Access::READ | Access::WRITE),
        2 => vfs.statfs(&worker.cx, path).map(drop),
        3 => vfs.stat(&worker.cx, format!("{path}/..")).map(drop),
        _ => vfs.stat(&worker.cx, path).map(drop),
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
    worker.cx.chdir(&worker.world.vfs, place.path)?;
    worker.cwd_letter = Some(place.letter);
    if worker.rng.u8(0..4) == 0 {
        // It keeps the directory in use until somebody lets go of it.
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
        let name = names::name_in(&mut worker.rng, letter);
        return match worker.rng.u8(0..3) {
            0 => worker.world.vfs.mkdir(&worker.cx, name, 0o777),
            1 => worker.world.vfs.rmdir(&worker.cx, name),
            _ => worker.world.vfs.stat(&worker.cx, name).map(drop),
        };
    }
    let (cx, vfs) = (worker.cx.clone(), &worker.world.vfs);
    let mut rng = worker.rng.fork();
    let held = worker.file()?;
    let at = At::Dir(&held.file);
    let name = names::name_in(&mut rng, held.letter);
    match rng.u8(0..7) {
        0 => vfs.mkdirat(&cx, at, name, 0o777),
        1 => vfs.unlinkat(&cx, at, name),
        2 => vfs.rmdirat(&cx, at, name),
        3 => {
            let other = names::name_in(&mut rng, held.letter);
            vfs.renameat(&cx, (at, name), (at, other), RenameFlags::empty())
        }
        4 => {
            let mut how = OpenHow::new(OpenFlags::READ);
            how.resolve = ResolveFlags::BENEATH;
            vfs.open_with(&cx, at, name, how).map(drop)
        }
        5 => {
            let mut there = cx.clone();
            there.fchdir(vfs, &held.file)
        }
        _ => vfs.statat(&cx, at, name, false).map(drop),
    }
}

/// A smaller world, from which nothing above can be seen.
pub(crate) fn jail(worker: &mut Worker<'_>) -> Result<()> {
    let vfs = &worker.world.vfs;
    let (dir, letter) = FIXED[worker.rng.usize(0..FIXED.len())];
    let jailed = worker.cx.clone().with_root(vfs, dir)?;
    let name = names::name_in(&mut worker.rng, letter);
    let inside = vfs.stat(&jailed, "/../../..")?;
    assert_eq!(inside.attr.ino, vfs.stat(&worker.cx, dir)?.attr.ino, "the way up is closed");
    let result = match worker.rng.u8(0..3) {
        0 => vfs.mkdir(&jailed, format!("/../{name}"), 0o777),
        1 => vfs.unlink(&jailed, format!("/{name}")),
        _ => vfs.list(&jailed, "/").map(drop),
    };
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
            Ok(there) => assert!(!there, "nobody makes this name"),
            Err(error) if error.errno() == Errno::ENOENT => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What makes no event, in a directory of which another thread hears everything: the owner will see.
pub(crate) fn fail_elsewhere(worker: &mut Worker<'_>) -> Result<()> {
    let other = worker.rng.usize(0..worker.threads);
    let (dir, name) = (names::own_dir(other), names::own_file(other, b'w'));
    let (vfs, cx) = (&worker.world.vfs, &worker.cx);
    let failed = match worker.rng.u8(0..6) {
        0 => vfs.mkdir(cx, &dir, 0o777),
        1 => vfs.unlink(cx, &dir),
        2 => vfs.rename(cx, format!("{dir}/missing"), "/a/a.0", RenameFlags::empty()),
        3 => vfs.rename(cx, format!("{dir}/{name}"), "/none/here", RenameFlags::empty()),
        4 => vfs.mkdir(cx, format!("{dir}/{name}/below"), 0o777),
        _ => {
            // No failure, and no event either.
            return vfs.stat(cx, format!("{dir}/{name}")).map(drop).or_else(|error| {
                assert_eq!(error.errno(), Errno::ENOENT);
                Ok(())
            });
        }
    };
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
        match worker.world.vfs.chmod(&cx, path, 0o644) {
            Err(error) if error.errno() == Errno::ENOENT => {}
            done => done?,
        }
    }
    Ok(())
}

pub(crate) fn attributes(worker: &mut Worker<'_>) -> Result<()> {
    // What nobody can remove stays open to everybody, or soon all would fail.
    let (path, modes) = if worker.rng.bool() {
        (names::entry(&mut worker.rng).path, [0o777, 0o755, 0o700, 0o4777])
    } else {
        (names::fixed(&mut worker.rng).path, [0o777, 0o777, 0o777, 0o1777])
    };
    let (vfs, cx) = (&worker.world.vfs, &worker.cx);
    let uid = USERS[worker.rng.usize(0..USERS.len())];
    match worker.rng.u8(0..4) {
        0 => vfs.chmod(cx, path, modes[worker.rng.usize(0..modes.len())]),
        1 => vfs.chown(cx, path, Some(uid), None),
        2 => vfs.lchown(cx, path, None, Some(uid)),
        _ => {
            let past = TimeSetting::At(Timestamp::from_seconds(7));
            vfs.utimens(cx, path, Some(TimeSetting::Now), worker.rng.bool().then_some(past))
        }
    }
}

pub(crate) fn xattrs(worker: &mut Worker<'_>) -> Result<()> {
    let path = names::anything(&mut worker.rng).path;
    let (vfs, cx) = (&worker.world.vfs, &worker.cx);
    let name = ["user.one", "user.two"][worker.rng.usize(0..2)];
    match worker.rng.u8(0..4) {
        0 => vfs.setxattr(cx, path, name, &vec![1; worker.rng.usize(0..100)], XattrMode::Set),
        1 => vfs.getxattr(cx, path, name).map(drop),
        2 => vfs.listxattr(cx, path).map(drop),
        _ => vfs.removexattr(cx, path, name),
    }
}
