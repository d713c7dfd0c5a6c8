//! The model: what each operation does.

use vfsnotify::{Access, Errno, InodeKind};

use super::case::{GROUPS, Hint, PENDING, SLOTS, Setup};
use super::groups::Group;
use super::namespace::{Namespace, Place};
use super::walk::{Start, WRITE};
use super::watching::Pending;
use crate::op::{Caps, Op, Step, Times, WatchRef, Whence};
pub(crate) use crate::outcome::Done;
use crate::outcome::Outcome;
use crate::path::{Path, There};

/// The reference model of a VFS with its inotify instances.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) names: Namespace,
    pub(crate) groups: [Option<Group>; GROUPS],
    pub(crate) pending: [Option<Pending>; PENDING],
    /// Which description each handle is of.
    pub(crate) slots: [Option<u32>; SLOTS],
    pub(super) caps: Caps,
    pub(super) max_open: usize,
    /// RULE cookie-per-rename: counted up by every rename, watched or not.
    pub(super) cookie: u32,
}

impl Model {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            names: Namespace::new(setup),
            groups: Default::default(),
            pending: Default::default(),
            slots: [None; SLOTS],
            caps: setup.caps,
            max_open: setup.files,
            cookie: 0,
        }
    }

    /// Does one operation.
    pub(crate) fn apply(&mut self, step: &Step, hint: &Hint) -> Done {
        let by = step.by;
        let cwd = self.names.contexts[by].cwd;
        let at =
            step.at.and_then(|slot| self.slots[slot]).map_or(cwd, |id| self.names.open[&id].at);
        let start = Start { by, at };
        match &step.op {
            op @ (Op::Mkdir { .. }
            | Op::Mknod { .. }
            | Op::Symlink { .. }
            | Op::Link { .. }
            | Op::Unlink { .. }
            | Op::Rmdir { .. }
            | Op::Rename { .. }) => self.on_names(start, op),
            op @ (Op::Stat { .. }
            | Op::Readlink { .. }
            | Op::Access { .. }
            | Op::Truncate { .. }
            | Op::Chmod { .. }
            | Op::Chown { .. }
            | Op::Utimens { .. }
            | Op::SetXattr { .. }
            | Op::GetXattr { .. }
            | Op::RemoveXattr { .. }) => self.on_attributes(start, op),
            Op::List { path } => self.list(start, path.text()),
            Op::Open { slot, path, flags, mode, .. } => {
                let opened = self.open(start, path.text(), (*flags, mode.0), hint)?;
                self.fill(*slot, opened);
                Ok(Outcome::Done)
            }
            Op::Dup { from, to } => {
                let Some(opened) = self.slots[*from] else { return Ok(Outcome::Nothing) };
                if from != to {
                    self.fill(*to, opened);
                }
                Ok(Outcome::Done)
            }
            Op::Close { slot } => Ok(self.empty(*slot)),
            Op::Chdir { path } => self.chdir(start, path.text()),
            Op::Chroot { path } => self.chroot(start, path.text()),
            Op::Leave => self.leave(by),
            Op::Umask { umask } => {
                self.names.contexts[by].umask = umask.0;
                Ok(Outcome::Done)
            }
            Op::MountTmpfs { path, read_only } => self.mount(start, path.text(), *read_only),
            Op::MountBind { source, path, read_only } => {
                self.bind(start, source.text(), path.text(), *read_only)
            }
            Op::Umount { path } => self.unmount(start, path.text()),
            Op::Limits { caps } => {
                self.caps = *caps;
                Ok(Outcome::Done)
            }
            Op::Init { group, .. } => self.new_group(by, *group),
            op @ (Op::AddWatch { .. } | Op::AddWatchFile { .. } | Op::StartWatch { .. }) => {
                self.watch(start, op)
            }
            Op::StepWatch { .. } => Ok(Outcome::Done),
            Op::WaitWatch { pending } => self.wait_watch(*pending),
            Op::DropWatch { pending } => {
                let old = self.pending[*pending].take();
                self.withdraw(old);
                Ok(Outcome::Done)
            }
            op @ (Op::Shutdown { group }
            | Op::RmWatch { group, watch: WatchRef::Nth(_) | WatchRef::Wd(_) }
            | Op::SetNextWd { group, .. }
            | Op::Take { group }
            | Op::Next { group }
            | Op::ReadEvents { group, .. }) => match self.groups[*group].take() {
                Some(mut own) => {
                    let done = self.on_group(op, &mut own, hint);
                    self.groups[*group] = Some(own);
                    done
                }
                None => Ok(Outcome::Nothing),
            },
            op => self.on_files(start, op),
        }
    }

    fn on_names(&mut self, start: Start, op: &Op) -> Done {
        match op {
            Op::Mkdir { path, mode } => {
                self.make(start, path.text(), InodeKind::Directory, (mode.0, ""))
            }
            Op::Mknod { path, kind, mode, .. } => {
                self.make(start, path.text(), *kind, (mode.0, ""))
            }
            Op::Symlink { target, path } => {
                self.make(start, path.text(), InodeKind::Symlink, (0, target.text()))
            }
            Op::Link { old, new, follow } => {
                let old = self.names.walk(start, old.text(), *follow)?;
                self.link(start, old, new.text())
            }
            Op::Unlink { path } => self.unlink(start, path.text()),
            Op::Rmdir { path } => self.rmdir(start, path.text()),
            Op::Rename { old, new, flags } => self.rename(start, old.text(), new.text(), *flags),
            _ => unreachable!("these make, move and remove names"),
        }
    }

    fn on_attributes(&mut self, start: Start, op: &Op) -> Done {
        let by = start.by;
        match op {
            Op::Stat { path, follow } => Ok(self.stat(self.find(start, path, *follow)?.dentry)),
            Op::Readlink { path } => {
                let inode = self.names.inode(self.find(start, path, false)?.dentry);
                match inode.kind {
                    InodeKind::Symlink => Ok(Outcome::Bytes(inode.target.clone().into_bytes())),
                    _ => Err(Errno::EINVAL),
                }
            }
            Op::Access { path, want, follow } => {
                let found = self.find(start, path, *follow)?;
                self.names.may(by, found.dentry, want.bits())?;
                if want.contains(Access::WRITE) && !self.names.kind(found.dentry).is_special() {
                    self.names.may_change(found)?;
                }
                Ok(Outcome::Done)
            }
            Op::Truncate { path, len } => {
                let found = self.find(start, path, true)?;
                match self.names.kind(found.dentry) {
                    InodeKind::Regular => {}
                    InodeKind::Directory => return Err(Errno::EISDIR),
                    _ => return Err(Errno::EINVAL),
                }
                self.names.may(by, found.dentry, WRITE)?;
                self.names.may_change(found)?;
                self.set_size(found.dentry, *len);
                Ok(Outcome::Done)
            }
            Op::Chmod { path, mode, follow: true } => {
                self.chmod(by, self.find(start, path, true)?, mode.0)
            }
            Op::Chown { path, owner, follow } => {
                self.chown(by, self.find(start, path, *follow)?, *owner)
            }
            // There is nothing to do, and not even the path is looked at.
            Op::Utimens { times: Times::NEITHER, .. } => Ok(Outcome::Done),
            Op::Utimens { path, times, follow } => {
                self.utimens(by, self.find(start, path, *follow)?, *times)
            }
            Op::SetXattr { path, name, value, mode, follow } => {
                self.setxattr(by, self.find(start, path, *follow)?, (name, &value.0), *mode)
            }
            Op::GetXattr { path, name, follow } => {
                self.getxattr(by, self.find(start, path, *follow)?, name)
            }
            Op::RemoveXattr { path, name, follow } => {
                self.removexattr(by, self.find(start, path, *follow)?, name)
            }
            _ => unreachable!("these are of attributes"),
        }
    }

    fn find(&self, start: Start, path: &Path, follow: bool) -> Done<Place> {
        self.names.walk(start, path.text(), follow)
    }

    /// Operations on handles; nothing where one is of nothing.
    fn on_files(&mut self, start: Start, op: &Op) -> Done {
        let by = start.by;
        let slots = self.slots;
        let get = |slot: &usize| slots[*slot];
        let done = (|| {
            Some(match op {
                Op::LinkFile { slot, path } => {
                    let at = self.names.open[&get(slot)?].at;
                    self.link(start, at, path.text())
                }
                Op::Fchdir { slot } => self.fchdir(by, self.names.open[&get(slot)?].at),
                Op::Fstat { slot } => Ok(self.stat(self.names.open[&get(slot)?].at.dentry)),
                Op::Read { slot, len } => self.read(get(slot)?, *len, None, false),
                Op::Readv { slot, lens, offset } => {
                    self.read(get(slot)?, lens.iter().sum(), *offset, true)
                }
                Op::Pread { slot, len, offset } => {
                    self.read(get(slot)?, *len, Some(*offset), false)
                }
                Op::Write { slot, data } => self.write(get(slot)?, &data.0, None),
                Op::Pwrite { slot, data, offset } => self.write(get(slot)?, &data.0, Some(*offset)),
                Op::ReadDir { slot, budget } => self.read_dir(get(slot)?, *budget),
                Op::Seek { slot, whence: Whence::Start, offset } => {
                    self.seek(get(slot)?, offset.cast_unsigned())
                }
                Op::Ftruncate { slot, len } => self.ftruncate(get(slot)?, *len),
                Op::Fallocate { slot, flags, offset, len } => {
                    self.allocate(get(slot)?, *flags, *offset, *len)
                }
                Op::Fchmod { slot, mode } => {
                    let id = get(slot)?;
                    self.real_file(id).and_then(|at| self.chmod(by, at, mode.0))
                }
                Op::Fchown { slot, owner } => {
                    let id = get(slot)?;
                    self.real_file(id).and_then(|at| self.chown(by, at, *owner))
                }
                // The handle is looked at only where there is something to do.
                Op::Futimens { slot, times: Times::NEITHER } => {
                    get(slot)?;
                    Ok(Outcome::Done)
                }
                Op::Futimens { slot, times } => {
                    let id = get(slot)?;
                    self.real_file(id).and_then(|at| self.utimens(by, at, *times))
                }
                Op::CopyFileRange { input, out, len, offsets } => {
                    self.copy((get(input)?, get(out)?), *len, *offsets)
                }
                Op::Sendfile { input, out, len, offset } => {
                    self.send((get(input)?, get(out)?), *len, *offset)
                }
                op => unreachable!("the model does not know {op:?}"),
            })
        })();
        done.unwrap_or(Ok(Outcome::Nothing))
    }

    /// The object of a description, if it is not only named.
    fn real_file(&self, id: u32) -> Done<Place> {
        let opened = &self.names.open[&id];
        if opened.flags.contains(vfsnotify::OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        Ok(opened.at)
    }

    pub(crate) fn place_of_slot(&self, slot: usize) -> Place {
        let cwd = self.names.first;
        self.slots[slot].map_or(cwd, |id| self.names.open[&id].at)
    }

    pub(crate) fn is_dir_slot(&self, slot: usize) -> bool {
        self.slots[slot].is_some() && self.names.is_dir(self.place_of_slot(slot).dentry)
    }

    /// The names below a place.
    pub(crate) fn there(&self, from: Place) -> There {
        self.names.there(from)
    }
}
