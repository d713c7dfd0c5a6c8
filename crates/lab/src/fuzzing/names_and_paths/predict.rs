//! The result of an operation, by the rules of Linux and the model: the errno, or what it changes.

use vfsnotify::{Access, Errno, InodeKind, OpenFlags, RenameFlags};

use super::model::{Entry, Loc, Model};
use super::oracle::{Kind, Last, Walk, check_path, may};

type Outcome<T> = Result<T, Errno>;

/// A change in the names of one file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    /// A name comes; of this inode, if it is a further one.
    Made(usize, Entry, Option<u64>),
    Gone(usize, Entry),
    Moved {
        fs: usize,
        from: Entry,
        to: Entry,
        exchange: bool,
    },
}

/// A caller's view: every prediction begins with one or two walks.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'m> {
    pub(crate) model: &'m Model,
    pub(crate) uid: u32,
    pub(crate) root: &'m Loc,
}

impl<'m> Caller<'m> {
    pub(crate) fn walk(&self, start: &'m Loc, follow: bool) -> Walk<'m> {
        Walk {
            model: self.model,
            uid: self.uid,
            root: self.root,
            start,
            follow,
            must_be_dir: false,
            beneath: false,
            no_symlinks: false,
        }
    }

    pub(crate) fn check(&self, at: &Loc, want: Access) -> Outcome<()> {
        let on_disk =
            matches!(self.kind(at), InodeKind::Regular | InodeKind::Directory | InodeKind::Symlink);
        if want.contains(Access::WRITE) && on_disk && self.model.fs[self.fs(at)].read_only {
            return Err(Errno::EROFS);
        }
        let granted = may(self.model.node(at), self.uid, want);
        if granted { Ok(()) } else { Err(Errno::EACCES) }
    }

    fn want_write(&self, at: &Loc) -> Outcome<()> {
        let read_only = self.model.mounts[at.mount].read_only;
        if read_only { Err(Errno::EROFS) } else { Ok(()) }
    }

    fn fs(&self, at: &Loc) -> usize {
        self.model.mounts[at.mount].fs
    }

    fn kind(&self, at: &Loc) -> InodeKind {
        self.model.node(at).kind
    }

    fn is_dir(&self, at: &Loc) -> bool {
        self.kind(at).is_dir()
    }

    /// A directory to stand in.
    pub(crate) fn directory(&self, start: &'m Loc, path: &[u8]) -> Outcome<Loc> {
        let walk = Walk { must_be_dir: true, ..self.walk(start, true) };
        let found = walk.resolve(path)?;
        self.check(&found, Access::EXEC)?;
        Ok(found)
    }

    pub(crate) fn access(&self, start: &'m Loc, path: &[u8], want: Access) -> Outcome<Loc> {
        let found = self.walk(start, true).resolve(path)?;
        self.check(&found, want)?;
        if want.contains(Access::WRITE) {
            self.want_write(&found)?;
        }
        Ok(found)
    }

    pub(crate) fn readlink(&self, start: &'m Loc, path: &[u8]) -> Outcome<Vec<u8>> {
        let found = self.walk(start, false).resolve(path)?;
        let node = self.model.node(&found);
        if node.kind == InodeKind::Symlink { Ok(node.target.clone()) } else { Err(Errno::EINVAL) }
    }

    pub(crate) fn list(&self, start: &'m Loc, path: &[u8]) -> Outcome<Loc> {
        let found = self.walk(start, true).resolve(path)?;
        if !self.is_dir(&found) {
            return Err(Errno::ENOTDIR);
        }
        self.check(&found, Access::READ)?;
        if self.model.node(&found).dead {
            return Err(Errno::ENOENT);
        }
        Ok(found)
    }

    pub(crate) fn chmod(&self, start: &'m Loc, path: &[u8]) -> Outcome<Loc> {
        let found = self.walk(start, true).resolve(path)?;
        self.want_write(&found)?;
        if self.uid != 0 && self.model.node(&found).uid != self.uid {
            return Err(Errno::EPERM);
        }
        Ok(found)
    }

    /// The object that a name in a directory stands for, if one may be made there.
    fn vacant(&self, last: &Last) -> Outcome<Effect> {
        if self.model.node(&last.dir).dead {
            return Err(Errno::ENOENT);
        }
        if self.model.child(&last.dir, &last.name)?.is_some() {
            return Err(Errno::EEXIST);
        }
        self.want_write(&last.dir)?;
        Ok(Effect::Made(self.fs(&last.dir), (last.dir.ino, last.name.clone()), None))
    }

    fn new_name(&self, start: &'m Loc, path: &[u8], as_dir: bool) -> Outcome<(Last, Effect)> {
        let last = self.walk(start, false).parent(path)?;
        if last.kind != Kind::Name {
            return Err(Errno::EEXIST);
        }
        if last.slash && !as_dir {
            let found = self.model.child(&last.dir, &last.name)?;
            return Err(found.map_or(Errno::ENOENT, |_| Errno::EEXIST));
        }
        let effect = self.vacant(&last)?;
        Ok((last, effect))
    }

    pub(crate) fn make(&self, start: &'m Loc, path: &[u8], as_dir: bool) -> Outcome<Effect> {
        let (last, effect) = self.new_name(start, path, as_dir)?;
        self.check(&last.dir, Access::WRITE | Access::EXEC)?;
        Ok(effect)
    }

    pub(crate) fn symlink(&self, target: &[u8], start: &'m Loc, path: &[u8]) -> Outcome<Effect> {
        check_path(target)?;
        self.make(start, path, false)
    }

    pub(crate) fn link(
        &self,
        (old_start, old): (&'m Loc, &[u8]),
        (new_start, new): (&'m Loc, &[u8]),
        follow: bool,
    ) -> Outcome<(Loc, Effect)> {
        let old = self.walk(old_start, follow).resolve(old)?;
        let (last, effect) = self.new_name(new_start, new, false)?;
        if old.mount != last.dir.mount {
            return Err(Errno::EXDEV);
        }
        self.check(&last.dir, Access::WRITE | Access::EXEC)?;
        if self.is_dir(&old) {
            return Err(Errno::EPERM);
        }
        if self.model.node(&old).dead {
            return Err(Errno::ENOENT);
        }
        match effect {
            Effect::Made(fs, entry, _) => Ok((old.clone(), Effect::Made(fs, entry, Some(old.ino)))),
            _ => unreachable!("a new name is one"),
        }
    }

    /// The checks of Linux's `may_delete`.
    fn may_delete(&self, dir: &Loc, child: &Loc, as_dir: bool) -> Outcome<()> {
        self.check(dir, Access::WRITE | Access::EXEC)?;
        match (as_dir, self.is_dir(child)) {
            (true, false) => Err(Errno::ENOTDIR),
            (false, true) => Err(Errno::EISDIR),
            _ => Ok(()),
        }
    }

    fn not_busy(&self, child: &Loc) -> Outcome<()> {
        if self.model.is_mountpoint(child) { Err(Errno::EBUSY) } else { Ok(()) }
    }

    fn not_full(&self, child: &Loc) -> Outcome<()> {
        let empty = self.model.node(child).entries.is_empty();
        if empty { Ok(()) } else { Err(Errno::ENOTEMPTY) }
    }

    fn is_there(&self, last: &Last) -> Outcome<Loc> {
        self.model.child(&last.dir, &last.name)?.ok_or(Errno::ENOENT)
    }

    pub(crate) fn remove(
        &self,
        start: &'m Loc,
        path: &[u8],
        as_dir: bool,
    ) -> Outcome<(Loc, Effect)> {
        let last = self.walk(start, false).parent(path)?;
        match (last.kind, as_dir) {
            (Kind::Name, _) => {}
            (_, false) => return Err(Errno::EISDIR),
            (Kind::Dot, _) => return Err(Errno::EINVAL),
            (Kind::DotDot, _) => return Err(Errno::ENOTEMPTY),
            (Kind::Root, _) => return Err(Errno::EBUSY),
        }
        self.want_write(&last.dir)?;
        let child = self.is_there(&last)?;
        if last.slash && !as_dir {
            let is_dir = self.is_dir(&child);
            return Err(if is_dir { Errno::EISDIR } else { Errno::ENOTDIR });
        }
        self.may_delete(&last.dir, &child, as_dir)?;
        self.not_busy(&child)?;
        self.not_full(&child)?;
        let fs = self.fs(&last.dir);
        Ok((child, Effect::Gone(fs, (last.dir.ino, last.name))))
    }

    pub(crate) fn rename(
        &self,
        (old_start, old): (&'m Loc, &[u8]),
        (new_start, new): (&'m Loc, &[u8]),
        flags: RenameFlags,
    ) -> Outcome<(Loc, Option<Loc>, Effect)> {
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let no_replace = flags.contains(RenameFlags::NOREPLACE);
        if exchange && no_replace {
            return Err(Errno::EINVAL);
        }
        let from = self.walk(old_start, false).parent(old)?;
        let to = self.walk(new_start, false).parent(new)?;
        if from.dir.mount != to.dir.mount {
            return Err(Errno::EXDEV);
        }
        if from.kind != Kind::Name {
            return Err(Errno::EBUSY);
        }
        if to.kind != Kind::Name {
            return Err(if no_replace { Errno::EEXIST } else { Errno::EBUSY });
        }
        self.want_write(&from.dir)?;
        let source = self.is_there(&from)?;
        let target = self.model.child(&to.dir, &to.name)?;
        if self.model.node(&to.dir).dead {
            return Err(Errno::ENOENT);
        }
        if target.is_some() && no_replace {
            return Err(Errno::EEXIST);
        }
        let source_is_dir = self.is_dir(&source);
        let target_is_dir = target.as_ref().is_some_and(|target| self.is_dir(target));
        if exchange {
            if target.is_none() {
                return Err(Errno::ENOENT);
            }
            if !target_is_dir && to.slash {
                return Err(Errno::ENOTDIR);
            }
        }
        if !source_is_dir && (from.slash || (!exchange && to.slash)) {
            return Err(Errno::ENOTDIR);
        }
        let across = from.dir.ino != to.dir.ino;
        let fs = self.model.fs_of(&from.dir);
        if across {
            if source_is_dir && fs.is_above(source.ino, to.dir.ino) {
                return Err(Errno::EINVAL);
            }
            if let Some(target) = &target
                && target_is_dir
                && fs.is_above(target.ino, from.dir.ino)
            {
                return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
            }
        }
        if target.as_ref().is_some_and(|target| target.ino == source.ino) {
            return Ok((source, target, Effect::Nothing));
        }
        self.may_delete(&from.dir, &source, source_is_dir)?;
        match &target {
            None => self.check(&to.dir, Access::WRITE | Access::EXEC)?,
            Some(target) => {
                let as_dir = if exchange { target_is_dir } else { source_is_dir };
                self.may_delete(&to.dir, target, as_dir)?;
            }
        }
        if across {
            // Its `..` changes.
            if source_is_dir {
                self.check(&source, Access::WRITE)?;
            }
            if let Some(target) = target.as_ref().filter(|_| exchange && target_is_dir) {
                self.check(target, Access::WRITE)?;
            }
        }
        self.not_busy(&source)?;
        if let Some(target) = &target {
            self.not_busy(target)?;
            if !exchange {
                self.not_full(target)?;
            }
        }
        let (from, to) = ((from.dir.ino, from.name), (to.dir.ino, to.name));
        let effect = Effect::Moved { fs: self.fs(&source), from, to, exchange };
        Ok((source, target, effect))
    }

    /// The object opened, or made: then there is nothing yet to say where it is.
    pub(crate) fn open(
        &self,
        start: &'m Loc,
        path: &[u8],
        mut flags: OpenFlags,
        (beneath, no_symlinks): (bool, bool),
    ) -> Outcome<(Option<Loc>, Effect)> {
        if flags.contains(OpenFlags::PATH) {
            flags &= OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW;
        }
        if flags.contains(OpenFlags::CREATE | OpenFlags::DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let exclusive = flags.contains(OpenFlags::CREATE | OpenFlags::EXCL);
        let follow = !exclusive && !flags.contains(OpenFlags::NOFOLLOW);
        let walk = Walk { beneath, no_symlinks, ..self.walk(start, follow) };
        let found = if flags.contains(OpenFlags::CREATE) {
            let last = walk.parent(path)?;
            if last.kind != Kind::Name {
                // `..` is gone to before anything else is looked at.
                walk.resolve(path)?;
                return Err(if exclusive { Errno::EEXIST } else { Errno::EISDIR });
            }
            if last.slash {
                return Err(Errno::EISDIR);
            }
            match self.model.child(&last.dir, &last.name)? {
                None => {
                    let effect = self.vacant(&last)?;
                    self.check(&last.dir, Access::WRITE | Access::EXEC)?;
                    return Ok((None, effect));
                }
                Some(_) if exclusive => return Err(Errno::EEXIST),
                Some(found) => self.model.top(found),
            }
        } else {
            walk.resolve(path)?
        };
        let kind = self.kind(&found);
        if kind.is_dir() && flags.contains(OpenFlags::CREATE) {
            return Err(Errno::EISDIR);
        }
        if flags.contains(OpenFlags::DIRECTORY) && !kind.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        if flags.contains(OpenFlags::PATH) {
            return Ok((Some(found), Effect::Nothing));
        }
        let mut want = Access::empty();
        let reads = flags.contains(OpenFlags::READ) || !flags.contains(OpenFlags::WRITE);
        want.set(Access::READ, reads);
        want.set(Access::WRITE, flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC));
        match kind {
            InodeKind::Symlink => return Err(Errno::ELOOP),
            InodeKind::Directory if want.contains(Access::WRITE) => return Err(Errno::EISDIR),
            _ => {}
        }
        // The mount is asked before the mode bits where a file is cut, and after them where it is to
        // be written to.
        if flags.contains(OpenFlags::TRUNC) && kind == InodeKind::Regular {
            self.want_write(&found)?;
        }
        self.check(&found, want)?;
        if flags.contains(OpenFlags::WRITE) {
            self.want_write(&found)?;
        }
        Ok((Some(found), Effect::Nothing))
    }

    /// Where something can be mounted.
    pub(crate) fn mount(&self, start: &'m Loc, path: &[u8]) -> Outcome<Loc> {
        let target = self.walk(start, true).resolve(path)?;
        if self.uid != 0 {
            return Err(Errno::EPERM);
        }
        if !self.is_dir(&target) {
            return Err(Errno::ENOTDIR);
        }
        self.place(target)
    }

    fn place(&self, target: Loc) -> Outcome<Loc> {
        let target = self.model.top(target);
        if self.model.node(&target).dead {
            return Err(Errno::ENOENT);
        }
        Ok(target)
    }

    /// The file system to be shown, and where.
    pub(crate) fn bind(&self, start: &'m Loc, from: &[u8], to: &[u8]) -> Outcome<(Loc, Loc)> {
        let target = self.walk(start, true).resolve(to)?;
        if self.uid != 0 {
            return Err(Errno::EPERM);
        }
        if from.is_empty() {
            return Err(Errno::EINVAL);
        }
        let source = self.walk(start, true).resolve(from)?;
        if self.is_dir(&source) != self.is_dir(&target) {
            return Err(Errno::ENOTDIR);
        }
        if self.model.node(&source).dead {
            return Err(Errno::ENOENT);
        }
        Ok((source, self.place(target)?))
    }

    /// The mount that would be taken away.
    pub(crate) fn unmount(&self, start: &'m Loc, path: &[u8]) -> Outcome<usize> {
        let target = self.walk(start, true).resolve(path)?;
        if self.uid != 0 {
            return Err(Errno::EPERM);
        }
        // A directory over the place where the look-up began is above it.
        let target = self.model.top(target);
        let mount = &self.model.mounts[target.mount];
        if mount.root != target {
            return Err(Errno::EINVAL);
        }
        if mount.on.is_none() {
            return Err(Errno::EBUSY);
        }
        Ok(target.mount)
    }
}
