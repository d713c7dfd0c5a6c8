//! The acts: each is predicted, done, and compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::Arbitrary;
use vfsnotify::fs::{FileSystem, Request};
use vfsnotify::inotify::WatchMask;
use vfsnotify::{
    Access, Errno, Error, File, InodeKind, LookupFlags, MemFs, OpenFlags, RenameFlags,
};

use super::model::{Fs, Loc, Mount};
use super::paths::PathSpec;
use super::predict::Effect;
use super::stage::{Handle, Stage};
use crate::op::{Mode, Op};
use crate::outcome::{Done, Outcome, Stat};
use crate::path::Path;
use crate::vfs_world::{names, places};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum What {
    Stat,
    Lstat,
    Access,
    Readlink,
    List,
    Chdir,
    Fchdir,
    Open,
    Create,
    Close,
    Mkdir,
    Mknod,
    Symlink,
    Unlink,
    Rmdir,
    Rename,
    Link,
    Chmod,
    Watch,
    Nest,
    Mount,
    Bind,
    Unmount,
    Paths,
}

/// One operation; not every kind looks at every part.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct Act {
    what: What,
    by: u8,
    /// Where relative paths begin.
    from: u8,
    bits: u8,
    path: PathSpec,
    other: PathSpec,
}

/// How many mounts there are in one run, those that have gone included.
const MOUNTS: usize = 10;
const ACTORS: usize = 5;

fn kind(error: Error) -> Errno {
    error.errno()
}

/// Where a relative path begins, for the VFS and for the model.
struct Start<'a> {
    at: Option<&'a File>,
    loc: &'a Loc,
}

impl Stage {
    /// The current directory, or a handle that this actor may have.
    fn start(&self, by: usize, from: u8) -> Start<'_> {
        let actor = &self.actors[by];
        let handle = self.handles.get(usize::from(from % 16)).and_then(Option::as_ref);
        match handle.filter(|handle| handle.jailed || !actor.jailed) {
            Some(Handle { file, loc, .. }) => Start { at: Some(file), loc },
            None => Start { at: None, loc: &actor.cwd },
        }
    }

    /// Makes the call of an operation by path.
    fn call(&self, act: &Act, by: usize, op: &Op) -> Done {
        let bases = (self.start(by, act.from).at, self.start(by, act.from / 16).at);
        names::call(&self.vfs, &self.actors[by].cx, bases, op).map_err(kind)
    }

    pub(crate) fn act(&mut self, act: &Act) {
        let by = usize::from(act.by) % self.actors.len();
        let (path, other) = (act.path.bytes(), act.other.bytes());
        let (path, other) = (&path[..], &other[..]);
        match act.what {
            What::Stat | What::Lstat | What::Access | What::Readlink | What::List => {
                self.look(act, by, path);
            }
            What::Chdir | What::Fchdir | What::Nest => self.stand(act, by, path),
            What::Open | What::Create | What::Close => self.open(act, by, path),
            What::Mkdir | What::Mknod | What::Symlink => self.make(act, by, path, other),
            What::Unlink | What::Rmdir => self.remove(act, by, path),
            What::Rename => self.rename(act, by, path, other),
            What::Link => self.link(act, by, path, other),
            What::Chmod => self.chmod(act, by, path),
            What::Watch => self.watch(act, by, path),
            What::Mount | What::Bind | What::Unmount => self.mounts(act, by, path, other),
            What::Paths => {
                self.scene(act.bits);
                self.check_paths();
            }
        }
        // The events are not compared here: what is watched is (`check_paths`).
        for actor in &self.actors {
            drop(actor.inotify.drain());
        }
    }

    /// Operations that change nothing.
    fn look(&self, act: &Act, by: usize, path: &[u8]) {
        let (caller, loc) = (self.caller(by), self.start(by, act.from).loc);
        let call = |op: &Op| self.call(act, by, op);
        let to = || Path::from(path);
        match act.what {
            What::Stat | What::Lstat => {
                let follow = matches!(act.what, What::Stat);
                let wanted = caller.walk(loc, follow).resolve(path);
                self.compare(by, &found(call(&Op::Stat { path: to(), follow })), &wanted);
            }
            What::Access => {
                let want = Access::from_bits_truncate(u32::from(act.bits));
                let wanted = caller.access(loc, path, want).map(|_| Outcome::Done);
                assert_eq!(call(&Op::Access { path: to(), want, follow: true }), wanted);
            }
            What::Readlink => {
                let wanted = caller.readlink(loc, path).map(Outcome::Bytes);
                assert_eq!(call(&Op::Readlink { path: to() }), wanted);
            }
            _ => self.list(act, by, path),
        }
    }

    /// Compares the names, and sees that no entry is a secret.
    fn list(&self, act: &Act, by: usize, path: &[u8]) {
        let Start { at, loc } = self.start(by, act.from);
        let wanted = self.caller(by).list(loc, path);
        // The operation gives the names; the entries have the inode numbers too.
        let got =
            self.vfs.list(&self.actors[by].cx, names::path_from(at, &path.into())).map_err(kind);
        let names = wanted.as_ref().map(|loc| self.model.node(loc).entries.clone());
        let got = got.map(|entries| {
            let first = wanted.as_ref().is_ok_and(|loc| self.is_of_first(loc));
            for entry in entries.iter().filter(|_| first) {
                self.no_secret(by, self.model.device_of(0, 0), entry.ino);
            }
            let pairs = entries.into_iter().map(|entry| (entry.name, entry.ino));
            pairs.collect::<BTreeMap<_, _>>()
        });
        assert_eq!(got, names.map_err(|kind| *kind));
    }

    /// The current directory of an actor, or a new one.
    fn stand(&mut self, act: &Act, by: usize, path: &[u8]) {
        let caller = self.caller(by);
        let mut cx = self.actors[by].cx.clone();
        let (done, wanted) = match act.what {
            What::Fchdir => {
                let Start { at: Some(file), loc } = self.start(by, act.from) else { return };
                let is_dir = self.model.node(loc).is_dir();
                let wanted = match is_dir {
                    true => caller.check(loc, Access::EXEC).map(|()| loc.clone()),
                    false => Err(Errno::ENOTDIR),
                };
                (places::enter(&self.vfs, &mut cx, Some(file), &Op::Fchdir { slot: 0 }), wanted)
            }
            What::Chdir => {
                let wanted = caller.directory(&self.actors[by].cwd, path);
                (places::enter(&self.vfs, &mut cx, None, &Op::Chdir { path: path.into() }), wanted)
            }
            _ => {
                let wanted = caller.directory(&self.actors[by].cwd, path);
                (places::enter(&self.vfs, &mut cx, None, &Op::Chroot { path: path.into() }), wanted)
            }
        };
        let done = done.map_err(kind);
        assert_eq!(done, wanted.clone().map(|_| Outcome::Done), "{wanted:?}");
        let Ok(loc) = wanted else { return };
        let here = Op::Stat { path: ".".into(), follow: true };
        let here = names::call(&self.vfs, &cx, names::HERE, &here).map_err(kind);
        self.compare(by, &found(here), &Ok(loc.clone()));
        let actor = &mut self.actors[by];
        if !matches!(act.what, What::Nest) {
            (actor.cx, actor.cwd) = (cx, loc);
        } else if actor.jailed {
            let uid = actor.uid;
            self.actors.truncate(ACTORS - 1);
            self.join(cx, uid, loc, true);
        }
    }

    fn open(&mut self, act: &Act, by: usize, path: &[u8]) {
        let slot = usize::from(act.bits) % self.handles.len();
        self.handles[slot] = None;
        let mut flags = match act.what {
            What::Close => return,
            What::Open => OpenFlags::empty(),
            _ => OpenFlags::CREATE,
        };
        for (bit, flag) in [
            (4, OpenFlags::PATH),
            (8, OpenFlags::DIRECTORY),
            (16, OpenFlags::NOFOLLOW),
            (32, OpenFlags::EXCL),
            (64, OpenFlags::WRITE),
            (128, OpenFlags::TRUNC),
        ] {
            flags.set(flag, act.bits & bit != 0);
        }
        let (beneath, no_symlinks) = (act.from & 32 != 0, act.from & 64 != 0);
        let mut resolve = LookupFlags::empty();
        resolve.set(LookupFlags::BENEATH, beneath);
        resolve.set(LookupFlags::NO_SYMLINKS, no_symlinks);
        let Start { at, loc } = self.start(by, act.from);
        let wanted = self.caller(by).open(loc, path, flags, (beneath, no_symlinks));
        let op = Op::Open { slot, path: path.into(), flags, mode: Mode(0o666), resolve };
        let got = names::open(&self.vfs, &self.actors[by].cx, at, &op).map_err(kind);
        let jailed = self.actors[by].jailed;
        match wanted {
            Ok((Some(loc), _)) => {
                self.compare(by, &opened(&got), &Ok(loc.clone()));
                self.handles[slot] = got.ok().map(|file| Handle { file, loc, jailed });
            }
            Ok((None, effect)) => {
                let file = got.unwrap_or_else(|error| panic!("{error:?}, wanted {effect:?}"));
                self.changed(&effect);
                let made = file.stat().expect("it is open");
                let Effect::Made(fs, (dir, name), _) = effect else { return };
                assert_eq!(self.model.fs[fs].nodes[&dir].entries.get(&name), Some(&made.ino));
                self.no_secret(by, made.device, made.ino);
            }
            Err(error) => self.compare(by, &opened(&got), &Err(error)),
        }
    }

    fn make(&mut self, act: &Act, by: usize, path: &[u8], other: &[u8]) {
        let (caller, loc) = (self.caller(by), self.start(by, act.from).loc);
        let mode = Mode(u32::from(act.bits) << 1 & 0o777 | 0o500);
        let to = Path::from(path);
        let (wanted, op) = match act.what {
            What::Mkdir => (caller.make(loc, path, true), Op::Mkdir { path: to, mode }),
            What::Mknod => {
                let op = Op::Mknod { path: to, kind: InodeKind::Regular, mode, rdev: 0 };
                (caller.make(loc, path, false), op)
            }
            _ => {
                let op = Op::Symlink { target: other.into(), path: to };
                (caller.symlink(other, loc, path), op)
            }
        };
        self.has_changed(self.call(act, by, &op), wanted);
    }

    fn has_changed(&mut self, done: Done, wanted: Result<Effect, Errno>) {
        assert_eq!(done, wanted.clone().map(|_| Outcome::Done), "{wanted:?}");
        if let Ok(effect) = wanted {
            self.changed(&effect);
        }
    }

    /// Whether an actor outside would give a secret away, or take it away.
    fn spares(&self, by: usize, concerned: &[Option<&Loc>]) -> bool {
        self.actors[by].jailed || !concerned.iter().flatten().any(|loc| self.is_secret(loc))
    }

    fn remove(&mut self, act: &Act, by: usize, path: &[u8]) {
        let loc = self.start(by, act.from).loc;
        let as_dir = matches!(act.what, What::Rmdir);
        let wanted = self.caller(by).remove(loc, path, as_dir);
        if !self.spares(by, &[wanted.as_ref().ok().map(|(child, _)| child)]) {
            return;
        }
        let path = Path::from(path);
        let op = if as_dir { Op::Rmdir { path } } else { Op::Unlink { path } };
        self.has_changed(self.call(act, by, &op), wanted.map(|(_, effect)| effect));
    }

    fn rename(&mut self, act: &Act, by: usize, path: &[u8], other: &[u8]) {
        let mut flags = RenameFlags::empty();
        flags.set(RenameFlags::NOREPLACE, act.bits & 3 == 1);
        flags.set(RenameFlags::EXCHANGE, act.bits & 3 == 2 || act.bits == 3);
        flags.set(RenameFlags::NOREPLACE, act.bits == 3);
        let old = self.start(by, act.from);
        let new = self.start(by, act.from / 16);
        let wanted = self.caller(by).rename((old.loc, path), (new.loc, other), flags);
        if let Ok((source, target, _)) = &wanted
            && !self.spares(by, &[Some(source), target.as_ref()])
        {
            return;
        }
        let op = Op::Rename { old: path.into(), new: other.into(), flags };
        self.has_changed(self.call(act, by, &op), wanted.map(|(_, _, effect)| effect));
    }

    fn link(&mut self, act: &Act, by: usize, path: &[u8], other: &[u8]) {
        let old = self.start(by, act.from);
        let new = self.start(by, act.from / 16);
        let follow = act.bits & 1 != 0;
        let wanted = self.caller(by).link((old.loc, path), (new.loc, other), follow);
        if !self.spares(by, &[wanted.as_ref().ok().map(|(source, _)| source)]) {
            return;
        }
        let op = Op::Link { old: path.into(), new: other.into(), follow };
        self.has_changed(self.call(act, by, &op), wanted.map(|(_, effect)| effect));
    }

    fn chmod(&mut self, act: &Act, by: usize, path: &[u8]) {
        let loc = self.start(by, act.from).loc;
        let wanted = self.caller(by).chmod(loc, path);
        if !self.spares(by, &[wanted.as_ref().ok()]) {
            return;
        }
        let mode = u32::from(act.bits) << 1 & 0o777;
        let done =
            self.call(act, by, &Op::Chmod { path: path.into(), mode: Mode(mode), follow: true });
        if let Ok(loc) = &wanted {
            let fs = self.model.fs_of(loc).fs.clone();
            let now = FileSystem::getattr(&*fs, &Request::SUPERUSER, loc.ino, None);
            assert_eq!(u32::from(now.expect("it is there").mode) & 0o777, mode);
        }
        self.has_changed(done, wanted.map(|_| Effect::Nothing));
    }

    fn watch(&mut self, act: &Act, by: usize, path: &[u8]) {
        let Start { at, loc } = self.start(by, act.from);
        let mut mask = WatchMask::ALL_EVENTS;
        mask.set(WatchMask::DONT_FOLLOW, act.bits & 1 != 0);
        mask.set(WatchMask::ONLYDIR, act.bits & 2 != 0);
        let caller = self.caller(by);
        let mut walk = caller.walk(loc, act.bits & 1 == 0);
        walk.must_be_dir = act.bits & 2 != 0;
        let wanted = walk.resolve(path);
        let wanted = wanted.and_then(|loc| caller.check(&loc, Access::READ).map(|()| loc));
        let actor = &self.actors[by];
        let started = {
            let path = Path::from(path);
            self.vfs.start_watch(&actor.cx, &actor.inotify, names::path_from(at, &path), mask)
        };
        let wd = started.and_then(|pending| pending.wait()).map_err(kind);
        let Ok(loc) = wanted else {
            assert_eq!(wd.map(drop), wanted.map(drop));
            return;
        };
        let watches = actor.inotify.watches();
        let info = watches.iter().find(|info| Ok(info.wd) == wd).expect("a watch");
        assert_eq!(info.ino, loc.ino);
        assert!(!actor.jailed || !self.is_secret(&loc), "{by} watches a secret");
    }

    fn mounts(&mut self, act: &Act, by: usize, path: &[u8], other: &[u8]) {
        let read_only = act.bits & 1 != 0;
        let full = self.model.mounts.len() >= MOUNTS;
        let (caller, actor) = (self.caller(by), &self.actors[by]);
        let number = self.model.mounts.len();
        match act.what {
            What::Mount if !full => {
                let wanted = caller.mount(&actor.cwd, path);
                let fs = Arc::new(MemFs::new());
                let op = Op::MountTmpfs { path: path.into(), read_only };
                let done = places::mount(&self.vfs, &actor.cx, || fs.clone(), &op);
                assert_eq!(done.map_err(kind), wanted.clone().map(|_| Outcome::Done));
                let Ok(on) = wanted else { return };
                self.model.fs.push(Fs::new(fs, read_only));
                let fs = self.model.fs.len() - 1;
                let root = Loc { mount: number, ino: self.model.fs[fs].root, entry: None };
                let on = Some(on);
                self.model.mounts.push(Mount { on, root, fs, read_only, gone: false });
            }
            What::Bind if !full => {
                let wanted = caller.bind(&actor.cwd, path, other);
                if let Ok((source, target)) = &wanted {
                    // A file that is mounted keeps the name it had, which the model does not
                    // follow up to a second mount on it.
                    let stacks = target.entry.is_some()
                        && self.model.mounts.iter().any(|mount| mount.root == *target);
                    if stacks || !self.spares(by, &[Some(source)]) {
                        return;
                    }
                }
                let op = Op::MountBind { source: path.into(), path: other.into(), read_only };
                let done = places::mount(&self.vfs, &actor.cx, no_system, &op);
                assert_eq!(done.map_err(kind), wanted.clone().map(|_| Outcome::Done));
                let Ok((source, on)) = wanted else { return };
                let of = &self.model.mounts[source.mount];
                let (fs, read_only) = (of.fs, of.read_only || read_only);
                let root = Loc { mount: number, ..source };
                let on = Some(on);
                self.model.mounts.push(Mount { on, root, fs, read_only, gone: false });
            }
            What::Unmount => {
                let mut wanted = caller.unmount(&actor.cwd, path);
                if wanted.is_ok_and(|mount| self.is_busy(mount)) {
                    wanted = Err(Errno::EBUSY);
                }
                let op = Op::Umount { path: path.into() };
                let done = places::mount(&self.vfs, &actor.cx, no_system, &op).map_err(kind);
                assert_eq!(done, wanted.map(|_| Outcome::Done));
                if let Ok(mount) = wanted {
                    self.model.mounts[mount].gone = true;
                    self.model.mounts[mount].on = None;
                }
            }
            _ => {}
        }
    }
}

/// An act by the actor that can see everything, or by an actor in the jail.
fn act(what: What, by: u8, bits: u8, path: &[u8], other: &[u8]) -> Act {
    let (path, other) = (PathSpec::of(path), PathSpec::of(other));
    // From the current directory, and with no limits to where a path may lead.
    Act { what, by, from: 0x8f, bits, path, other }
}

impl Stage {
    /// States that chance seldom leads to: to go on from there is left to the acts that follow.
    fn scene(&mut self, number: u8) {
        let scene = match number {
            // An actor stands in a directory, and holds one, that is moved out of the jail.
            250 => vec![
                act(What::Chdir, 1, 0, b"/a/b", b""),
                act(What::Open, 1, 4, b"/a", b""),
                act(What::Rename, 0, 0, b"/jail/a", b"/vault/a"),
                act(What::Stat, 1, 0, b"..", b""),
                act(What::Stat, 1, 0, b"../../secret", b""),
            ],
            // The same, out of a bind mount.
            251 => vec![
                act(What::Chdir, 0, 0, b"/jail/share/a", b""),
                act(What::Rename, 0, 0, b"/srv/share/a", b"/vault/b"),
                act(What::Stat, 0, 0, b"..", b""),
            ],
            // An actor stands in a directory that is removed.
            252 => vec![
                act(What::Mkdir, 1, 255, b"/new", b""),
                act(What::Chdir, 1, 0, b"/new", b""),
                act(What::Rmdir, 1, 0, b"/new", b""),
                act(What::Mkdir, 1, 255, b"a", b""),
                act(What::Create, 1, 1, b"f", b""),
                act(What::Rename, 1, 0, b"/f", b"f"),
                act(What::Stat, 1, 0, b"..", b""),
            ],
            // The root of the jail is mounted on.
            253 => vec![
                act(What::Mount, 1, 0, b"/", b""),
                act(What::Stat, 1, 0, b"/a/../..", b""),
                act(What::Nest, 1, 0, b"/..", b""),
            ],
            _ => return,
        };
        scene.iter().for_each(|act| self.act(act));
    }
}

/// The result of a stat.
fn found(done: Done) -> Result<Stat, Errno> {
    done.map(|outcome| match outcome {
        Outcome::Stat(stat) => stat,
        other => panic!("a stat gave {other:?}"),
    })
}

fn opened(got: &Result<File, Errno>) -> Result<Stat, Errno> {
    match got {
        Ok(file) => Ok(names::stat(&file.stat().expect("it is open"))),
        Err(error) => Err(*error),
    }
}

/// For the operations that mount no new file system.
fn no_system() -> Arc<MemFs> {
    unreachable!("no file system is made")
}
