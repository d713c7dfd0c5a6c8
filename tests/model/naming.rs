//! Operations that make, move and remove names (SEMANTICS 2.4).

use vfsnotify::{ErrorKind, EventMask, InodeKind, RenameFlags};

use super::ops::{Outcome, Path};
use super::reference::{Done, Model};

impl Model {
    pub(super) fn make(&mut self, path: &Path, kind: InodeKind) -> Done {
        let (dir, name) = self.names.parent(path)?;
        let name = name.ok_or(ErrorKind::Exists)?;
        if self.names.child(dir, name).is_some() {
            return Err(ErrorKind::Exists);
        }
        self.make_in(dir, name, kind);
        Ok(Outcome::Done)
    }

    /// Rows mkdir, mknod, open(O_CREAT).
    pub(super) fn make_in(&mut self, dir: u32, name: &str, kind: InodeKind) -> u32 {
        let inode = self.names.make_inode(kind, 1);
        let dentry = self.names.make_dentry(dir, name, inode, true);
        self.tell_dir(dir, EventMask::CREATE | self.isdir(dentry), name, 0);
        dentry
    }

    /// Rows link, linkat of a tmpfile.
    pub(super) fn link(&mut self, old: u32, new: &Path) -> Done {
        let (dir, name) = self.names.parent(new)?;
        let name = name.ok_or(ErrorKind::Exists)?;
        if self.names.child(dir, name).is_some() {
            return Err(ErrorKind::Exists);
        }
        if self.names.is_dir(old) {
            return Err(ErrorKind::NotPermitted);
        }
        let inode = self.names.inode_mut(old);
        if inode.nlink == 0 && !inode.linkable {
            return Err(ErrorKind::NotFound);
        }
        inode.nlink += 1;
        // Once only: when that name is gone it is as any other file.
        inode.linkable = false;
        let inode = self.names.dentries[&old].inode;
        self.names.make_dentry(dir, name, inode, true);
        self.tell_inode(old, EventMask::ATTRIB);
        self.tell_dir(dir, EventMask::CREATE, name, 0);
        Ok(Outcome::Done)
    }

    /// Rows unlink: ATTRIB to the inode, its death if nobody uses the dentry, then DELETE (8.1).
    pub(super) fn unlink(&mut self, path: &Path) -> Done {
        let (dir, name) = self.names.parent(path)?;
        let name = name.ok_or(ErrorKind::IsDir)?;
        let dentry = self.names.child(dir, name).ok_or(ErrorKind::NotFound)?;
        if self.names.is_dir(dentry) {
            return Err(ErrorKind::IsDir);
        }
        self.names.inode_mut(dentry).nlink -= 1;
        self.tell_inode(dentry, EventMask::ATTRIB);
        self.names.unhash(dentry);
        self.put(dentry);
        self.tell_dir(dir, EventMask::DELETE, name, 0);
        Ok(Outcome::Done)
    }

    /// Rows rmdir: no ATTRIB.
    pub(super) fn rmdir(&mut self, path: &Path) -> Done {
        let (dir, name) = self.names.parent(path)?;
        let name = name.ok_or(ErrorKind::Busy)?;
        let dentry = self.names.child(dir, name).ok_or(ErrorKind::NotFound)?;
        if !self.names.is_dir(dentry) {
            return Err(ErrorKind::NotDir);
        }
        if self.names.has_names(dentry) {
            return Err(ErrorKind::NotEmpty);
        }
        self.names.inode_mut(dentry).nlink = 0;
        self.names.unhash(dentry);
        self.put(dentry);
        self.tell_dir(dir, EventMask::DELETE | EventMask::ISDIR, name, 0);
        Ok(Outcome::Done)
    }

    /// Rows rename and RENAME_EXCHANGE.
    pub(super) fn rename(&mut self, old: &Path, new: &Path, flags: RenameFlags) -> Done {
        let no_replace = flags.contains(RenameFlags::NOREPLACE);
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if no_replace && exchange {
            return Err(ErrorKind::Invalid);
        }
        let (from, old_name) = self.names.parent(old)?;
        let (to, new_name) = self.names.parent(new)?;
        let old_name = old_name.ok_or(ErrorKind::Busy)?;
        let taken = if no_replace { ErrorKind::Exists } else { ErrorKind::Busy };
        let new_name = new_name.ok_or(taken)?;
        let moved = self.names.child(from, old_name).ok_or(ErrorKind::NotFound)?;
        let target = self.names.child(to, new_name);
        if no_replace && target.is_some() {
            return Err(ErrorKind::Exists);
        }
        if exchange && target.is_none() {
            return Err(ErrorKind::NotFound);
        }
        if from != to && self.names.is_ancestor(moved, to) {
            return Err(ErrorKind::Invalid);
        }
        let Some(target) = target else {
            self.names.rename(moved, to, new_name);
            self.tell_rename((from, old_name), (to, new_name), moved, None);
            return Ok(Outcome::Done);
        };
        if from != to && self.names.is_ancestor(target, from) {
            return Err(if exchange { ErrorKind::Invalid } else { ErrorKind::NotEmpty });
        }
        // Two links of one inode: nothing to do, not even a cookie (8.19).
        if self.names.dentries[&moved].inode == self.names.dentries[&target].inode {
            return Ok(Outcome::Done);
        }
        if exchange {
            self.names.rename(moved, to, new_name);
            self.names.rename(target, from, old_name);
            self.tell_rename((from, old_name), (to, new_name), moved, None);
            self.tell_rename((to, new_name), (from, old_name), target, None);
            return Ok(Outcome::Done);
        }
        match (self.names.is_dir(moved), self.names.is_dir(target)) {
            (true, false) => return Err(ErrorKind::NotDir),
            (false, true) => return Err(ErrorKind::IsDir),
            (true, true) if self.names.has_names(target) => return Err(ErrorKind::NotEmpty),
            _ => {}
        }
        self.names.inode_mut(target).nlink -= 1;
        self.names.unhash(target);
        self.names.rename(moved, to, new_name);
        self.tell_rename((from, old_name), (to, new_name), moved, Some(target));
        self.put(target);
        Ok(Outcome::Done)
    }

    /// One move: both halves with one cookie, ATTRIB to what is replaced, MOVE_SELF (8.2).
    pub(super) fn tell_rename(
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
