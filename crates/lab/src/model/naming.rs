//! Operations that make and remove names (`docs/rules.md`, the table), with the checks of Linux in its order.

use vfsnotify::{Errno, EventMask, InodeKind};

use super::namespace::Place;
use super::reference::{Done, Model};
use super::walk::{EXEC, Last, Parent, Start, WRITE};
use crate::outcome::Outcome;

impl Model {
    /// The place for something new: the directory and the name.
    pub(super) fn new_name(&self, start: Start, path: &str, as_dir: bool) -> Done<(Place, String)> {
        let parent = self.names.parent(start, path)?;
        let name = parent.name(Errno::EEXIST)?;
        let dir = parent.dir;
        if self.names.child(dir.dentry, &name).is_some() {
            return Err(Errno::EEXIST);
        }
        if (parent.slash && !as_dir) || self.names.is_dead(dir.dentry) {
            return Err(Errno::ENOENT);
        }
        self.names.may_change(dir)?;
        Ok((dir, name))
    }

    /// RULE make: mkdir, mknod, symlink.
    pub(super) fn make(
        &mut self,
        start: Start,
        path: &str,
        kind: InodeKind,
        (mode, target): (u32, &str),
    ) -> Done {
        let (dir, name) = self.new_name(start, path, kind.is_dir())?;
        self.names.may(start.by, dir.dentry, WRITE | EXEC)?;
        if kind == InodeKind::CharDevice && !self.names.is_root(start.by) {
            return Err(Errno::EPERM);
        }
        let made = self.make_in(start.by, dir.dentry, &name, kind, mode)?;
        target.clone_into(&mut self.names.inode_mut(made).target);
        Ok(Outcome::Done)
    }

    /// An inode of the caller's, without a name yet.
    pub(super) fn new_inode(
        &mut self,
        by: usize,
        dir: u32,
        kind: InodeKind,
        mode: u32,
        nlink: u32,
    ) -> Done<u32> {
        let fs = self.names.inode(dir).fs;
        self.names.room_for_inode(fs)?;
        let cx = &self.names.contexts[by];
        let mode = if kind == InodeKind::Symlink { 0o777 } else { mode & !cx.umask };
        let owner = (cx.identity.uid, cx.identity.gid);
        Ok(self.names.make_inode(fs, kind, mode, owner, nlink))
    }

    /// RULE make, RULE open-creates.
    pub(super) fn make_in(
        &mut self,
        by: usize,
        dir: u32,
        name: &str,
        kind: InodeKind,
        mode: u32,
    ) -> Done<u32> {
        let inode = self.new_inode(by, dir, kind, mode, 1)?;
        let dentry = self.names.make_dentry(dir, name, inode, true);
        self.tell_dir(dir, EventMask::CREATE | self.isdir(dentry), name, 0);
        Ok(dentry)
    }

    /// RULE hard-link, RULE unnamed-file-linked.
    pub(super) fn link(&mut self, start: Start, old: Place, new: &str) -> Done {
        let (dir, name) = self.new_name(start, new, false)?;
        if dir.mount != old.mount {
            return Err(Errno::EXDEV);
        }
        self.names.may(start.by, dir.dentry, WRITE | EXEC)?;
        if self.names.is_dir(old.dentry) {
            return Err(Errno::EPERM);
        }
        let inode = self.names.inode(old.dentry).clone();
        if inode.nlink == 0 && !inode.linkable {
            return Err(Errno::ENOENT);
        }
        if inode.nlink > 0 {
            self.names.room_for_inode(inode.fs)?;
        }
        let inode = self.names.inode_mut(old.dentry);
        inode.nlink += 1;
        // Once only: when that name is gone it is as any other file.
        inode.linkable = false;
        let inode = self.names.dentries[&old.dentry].inode;
        self.names.make_dentry(dir.dentry, &name, inode, true);
        self.tell_inode(old.dentry, EventMask::ATTRIB);
        self.tell_dir(dir.dentry, EventMask::CREATE, &name, 0);
        Ok(Outcome::Done)
    }

    /// Linux's `may_delete`.
    pub(super) fn may_delete(&self, by: usize, dir: u32, child: u32, as_dir: bool) -> Done<()> {
        const STICKY: u32 = 0o1000;
        self.names.may(by, dir, WRITE | EXEC)?;
        let sticky = self.names.inode(dir).mode & STICKY != 0;
        if sticky && !self.names.owns(by, dir) && !self.names.owns(by, child) {
            return Err(Errno::EPERM);
        }
        match (as_dir, self.names.is_dir(child)) {
            (true, false) => Err(Errno::ENOTDIR),
            (false, true) => Err(Errno::EISDIR),
            _ => Ok(()),
        }
    }

    fn child(&self, parent: &Parent, name: &str) -> Done<u32> {
        self.names.may_change(parent.dir)?;
        self.names.child(parent.dir.dentry, name).ok_or(Errno::ENOENT)
    }

    /// RULE self-before-parent: ATTRIB to the inode, its death if the dentry has no reference, then DELETE.
    pub(super) fn unlink(&mut self, start: Start, path: &str) -> Done {
        let parent = self.names.parent(start, path)?;
        let name = parent.name(Errno::EISDIR)?;
        let (dir, dentry) = (parent.dir.dentry, self.child(&parent, &name)?);
        if parent.slash {
            let is_dir = self.names.is_dir(dentry);
            return Err(if is_dir { Errno::EISDIR } else { Errno::ENOTDIR });
        }
        self.may_delete(start.by, dir, dentry, false)?;
        if self.names.is_mountpoint(dentry) {
            return Err(Errno::EBUSY);
        }
        self.names.inode_mut(dentry).nlink -= 1;
        self.tell_inode(dentry, EventMask::ATTRIB);
        self.names.unhash(dentry);
        self.put(dentry);
        self.tell_dir(dir, EventMask::DELETE, &name, 0);
        Ok(Outcome::Done)
    }

    /// RULE rmdir: no ATTRIB.
    pub(super) fn rmdir(&mut self, start: Start, path: &str) -> Done {
        let parent = self.names.parent(start, path)?;
        let name = parent.name(match parent.last {
            Last::Dot => Errno::EINVAL,
            Last::DotDot => Errno::ENOTEMPTY,
            _ => Errno::EBUSY,
        })?;
        let (dir, dentry) = (parent.dir.dentry, self.child(&parent, &name)?);
        self.may_delete(start.by, dir, dentry, true)?;
        if self.names.is_mountpoint(dentry) {
            return Err(Errno::EBUSY);
        }
        if self.names.has_names(dentry) {
            return Err(Errno::ENOTEMPTY);
        }
        self.names.inode_mut(dentry).nlink = 0;
        self.names.unhash(dentry);
        self.put(dentry);
        self.tell_dir(dir, EventMask::DELETE | EventMask::ISDIR, &name, 0);
        Ok(Outcome::Done)
    }
}
