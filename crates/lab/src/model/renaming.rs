//! Rename, in all its forms (RULE rename), with the checks of Linux in its order.

use vfsnotify::{Errno, EventMask, InodeKind, RenameFlags};

use super::reference::{Done, Model};
use super::walk::{EXEC, Start, WRITE};
use crate::outcome::Outcome;

/// A rename that has found its names: dentries of directories and of what is in them.
struct Move {
    from: u32,
    old_name: String,
    moved: u32,
    to: u32,
    new_name: String,
    target: Option<u32>,
    exchange: bool,
}

impl Model {
    pub(super) fn rename(
        &mut self,
        start: Start,
        old: &str,
        new: &str,
        flags: RenameFlags,
    ) -> Done {
        let no_replace = flags.contains(RenameFlags::NOREPLACE);
        let whiteout = flags.contains(RenameFlags::WHITEOUT);
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if exchange && (no_replace || whiteout) {
            return Err(Errno::EINVAL);
        }
        let old = self.names.parent(start, old)?;
        let new = self.names.parent(start, new)?;
        if old.dir.mount != new.dir.mount {
            return Err(Errno::EXDEV);
        }
        let old_name = old.name(Errno::EBUSY)?;
        let new_name = new.name(if no_replace { Errno::EEXIST } else { Errno::EBUSY })?;
        self.names.may_change(old.dir)?;
        let (from, to) = (old.dir.dentry, new.dir.dentry);
        let moved = self.names.child(from, &old_name).ok_or(Errno::ENOENT)?;
        let target = self.names.child(to, &new_name);
        if no_replace && target.is_some() {
            return Err(Errno::EEXIST);
        }
        if target.is_none() && (exchange || self.names.is_dead(to)) {
            return Err(Errno::ENOENT);
        }
        if exchange && new.slash && !target.is_some_and(|target| self.names.is_dir(target)) {
            return Err(Errno::ENOTDIR);
        }
        if !self.names.is_dir(moved) && (old.slash || (new.slash && !exchange)) {
            return Err(Errno::ENOTDIR);
        }
        if from != to && self.names.is_ancestor(moved, to) {
            return Err(Errno::EINVAL);
        }
        if from != to && target.is_some_and(|target| self.names.is_ancestor(target, from)) {
            return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
        }
        let go = Move { from, old_name, moved, to, new_name, target, exchange };
        // Two links of one inode: nothing to do, not even a cookie (RULE rename-same-inode).
        let inode = |dentry: u32| self.names.dentries[&dentry].inode;
        if target.is_some_and(|target| inode(target) == inode(moved)) {
            return Ok(Outcome::Done);
        }
        self.may_rename(start.by, &go)?;
        let whiteout = whiteout.then(|| self.new_whiteout(start.by, from)).transpose()?;
        self.carry_out(&go, whiteout);
        Ok(Outcome::Done)
    }

    fn may_rename(&self, by: usize, go: &Move) -> Done<()> {
        let is_dir = self.names.is_dir(go.moved);
        self.may_delete(by, go.from, go.moved, is_dir)?;
        match go.target {
            None => self.names.may(by, go.to, WRITE | EXEC)?,
            Some(target) => {
                let as_dir = if go.exchange { self.names.is_dir(target) } else { is_dir };
                self.may_delete(by, go.to, target, as_dir)?;
            }
        }
        // The name `..` in a directory that moves elsewhere changes.
        if go.from != go.to {
            if is_dir {
                self.names.may(by, go.moved, WRITE)?;
            }
            if let Some(target) =
                go.target.filter(|target| go.exchange && self.names.is_dir(*target))
            {
                self.names.may(by, target, WRITE)?;
            }
        }
        let busy = |dentry: u32| self.names.is_mountpoint(dentry);
        if busy(go.moved) || go.target.is_some_and(busy) {
            return Err(Errno::EBUSY);
        }
        let full = |target: u32| !go.exchange && is_dir && self.names.has_names(target);
        if go.target.is_some_and(full) { Err(Errno::ENOTEMPTY) } else { Ok(()) }
    }

    /// The character device 0:0 that no caller may open.
    fn new_whiteout(&mut self, by: usize, dir: u32) -> Done<u32> {
        let inode = self.new_inode(by, dir, InodeKind::CharDevice, 0, 1)?;
        self.names.inodes.get_mut(&inode).expect("just made").whiteout = true;
        Ok(inode)
    }

    fn carry_out(&mut self, go: &Move, whiteout: Option<u32>) {
        let (old, new) = ((go.from, go.old_name.as_str()), (go.to, go.new_name.as_str()));
        let own_cursor = self.names.dentries[&go.moved].cursor;
        // A place in a listing belongs to a name as long as the name is there; within a
        // directory a name that changes keeps its own.
        let cursor = match go.target {
            Some(target) => self.names.dentries[&target].cursor,
            None if go.from == go.to && whiteout.is_none() => own_cursor,
            None => u64::from(self.names.fresh()),
        };
        if let Some(target) = go.target {
            if go.exchange {
                self.names.rename(go.moved, go.to, &go.new_name, cursor);
                self.names.rename(target, go.from, &go.old_name, own_cursor);
                self.tell_rename(old, new, go.moved, None);
                self.tell_rename(new, old, target, None);
                return;
            }
            self.names.inode_mut(target).nlink -= 1;
            self.names.unhash(target);
        }
        self.names.rename(go.moved, go.to, &go.new_name, cursor);
        if let Some(inode) = whiteout {
            let left = self.names.make_dentry(go.from, &go.old_name, inode, true);
            self.names.dentries.get_mut(&left).expect("just made").cursor = own_cursor;
        }
        self.tell_rename(old, new, go.moved, go.target);
        if let Some(target) = go.target {
            self.put(target);
        }
    }

    /// RULE rename-over: both events with one cookie, ATTRIB to the replaced object, MOVE_SELF.
    fn tell_rename(
        &mut self,
        (from, old_name): (u32, &str),
        (to, new_name): (u32, &str),
        moved: u32,
        replaced: Option<u32>,
    ) {
        self.cookie += 1;
        let isdir = self.isdir(moved);
        self.tell_dir(from, EventMask::MOVED_FROM | isdir, old_name, self.cookie);
        self.tell_dir(to, EventMask::MOVED_TO | isdir, new_name, self.cookie);
        if let Some(replaced) = replaced {
            self.tell_inode(replaced, EventMask::ATTRIB);
        }
        self.tell_inode(moved, EventMask::MOVE_SELF);
    }
}
