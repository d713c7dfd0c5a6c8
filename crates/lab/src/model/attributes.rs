//! Mode, owner, times, extended attributes, and what stat(2) says of them.

use vfsnotify::{Errno, EventMask, InodeKind, XattrMode};

use super::delivery::Data;
use super::namespace::Place;
use super::reference::{Done, Model};
use super::walk::{READ, WRITE};
use crate::op::{Owner, Stamp, Times};
use crate::outcome::{Outcome, Stat};

/// RULE set-times: one timestamp alone is ACCESS or MODIFY, none is no event.
fn what_of_times(times: Times) -> EventMask {
    match (times.0 == Stamp::Omit, times.1 == Stamp::Omit) {
        (false, true) => EventMask::ACCESS,
        (true, false) => EventMask::MODIFY,
        _ => EventMask::ATTRIB,
    }
}

impl Model {
    pub(super) fn stat(&self, dentry: u32) -> Outcome {
        let inode = self.names.inode(dentry);
        let is_dir = inode.kind.is_dir();
        let subdirs =
            || self.names.children(dentry).into_iter().filter(|id| self.names.is_dir(*id));
        Outcome::Stat(Stat {
            kind: inode.kind,
            mode: inode.mode,
            owner: inode.owner,
            nlink: if is_dir && inode.nlink > 0 {
                2 + subdirs().count() as u64
            } else {
                inode.nlink.into()
            },
            size: match inode.kind {
                InodeKind::Symlink => inode.target.len() as u64,
                _ => inode.content.len() as u64,
            },
            blocks: inode.pages.len() as u64 * 8,
            ino: 0,
            device: 0,
        })
    }

    /// Also to the mode that it has.
    pub(super) fn chmod(&mut self, by: usize, at: Place, mode: u32) -> Done {
        self.names.may_change(at)?;
        if !self.names.owns(by, at.dentry) {
            return Err(Errno::EPERM);
        }
        self.names.inode_mut(at.dentry).mode = mode;
        self.tell_dentry(at.dentry, EventMask::ATTRIB, Data::Dentry);
        Ok(Outcome::Done)
    }

    /// RULE set-attributes: to no user and no group is no event.
    pub(super) fn chown(&mut self, by: usize, at: Place, (uid, gid): Owner) -> Done {
        self.names.may_change(at)?;
        let identity = self.names.contexts[by].identity;
        let old = self.names.inode(at.dentry).owner;
        let owns = identity.uid == old.0;
        let may_uid = |uid: u32| owns && uid == old.0;
        let may_gid = |gid: u32| {
            owns && (gid == old.1 || gid == identity.gid || identity.groups.contains(&gid))
        };
        if identity.uid != 0
            && (uid.is_some_and(|uid| !may_uid(uid)) || gid.is_some_and(|gid| !may_gid(gid)))
        {
            return Err(Errno::EPERM);
        }
        if (uid, gid) == (None, None) {
            return Ok(Outcome::Done);
        }
        self.names.inode_mut(at.dentry).owner = (uid.unwrap_or(old.0), gid.unwrap_or(old.1));
        self.tell_dentry(at.dentry, EventMask::ATTRIB, Data::Dentry);
        Ok(Outcome::Done)
    }

    /// Both to now is allowed to a caller that may write, one alone to the owner.
    pub(super) fn utimens(&mut self, by: usize, at: Place, times: Times) -> Done {
        self.names.may_change(at)?;
        if !self.names.owns(by, at.dentry) {
            if times != Times::BOTH {
                return Err(Errno::EPERM);
            }
            self.names.may(by, at.dentry, WRITE)?;
        }
        self.tell_dentry(at.dentry, what_of_times(times), Data::Dentry);
        Ok(Outcome::Done)
    }

    /// xattr(7). A caller that may not see it gets different errors for looking and changing.
    fn may_xattr(&self, by: usize, dentry: u32, name: &str, want: u32) -> Done<()> {
        const STICKY: u32 = 0o1000;
        let refused = if want == WRITE { Errno::EPERM } else { Errno::ENODATA };
        let inode = self.names.inode(dentry);
        if name.starts_with("trusted.") {
            return if self.names.is_root(by) { Ok(()) } else { Err(refused) };
        }
        if !matches!(inode.kind, InodeKind::Regular | InodeKind::Directory) {
            return Err(refused);
        }
        let sticky = inode.kind.is_dir() && inode.mode & STICKY != 0;
        if sticky && want == WRITE && !self.names.owns(by, dentry) {
            return Err(refused);
        }
        self.names.may(by, dentry, want)
    }

    pub(super) fn getxattr(&self, by: usize, at: Place, name: &str) -> Done {
        self.may_xattr(by, at.dentry, name, READ)?;
        let value = self.names.inode(at.dentry).xattrs.get(name).cloned();
        value.map(Outcome::Bytes).ok_or(Errno::ENODATA)
    }

    pub(super) fn setxattr(
        &mut self,
        by: usize,
        at: Place,
        (name, value): (&str, &[u8]),
        mode: XattrMode,
    ) -> Done {
        self.names.may_change(at)?;
        self.may_xattr(by, at.dentry, name, WRITE)?;
        let inode = self.names.inode(at.dentry);
        let old = inode.xattrs.get(name);
        match (mode, old) {
            (XattrMode::Create, Some(_)) => return Err(Errno::EEXIST),
            (XattrMode::Replace, None) => return Err(Errno::ENODATA),
            _ => {}
        }
        let size = |value: &[u8]| (name.len() + value.len() + 64) as u64;
        let taken = self.names.nr_bytes(inode.fs) - old.map_or(0, |old| size(old));
        if taken + size(value) > self.names.setup.bytes {
            return Err(Errno::ENOSPC);
        }
        self.names.inode_mut(at.dentry).xattrs.insert(name.to_owned(), value.to_vec());
        self.tell_dentry(at.dentry, EventMask::ATTRIB, Data::Dentry);
        Ok(Outcome::Done)
    }

    pub(super) fn removexattr(&mut self, by: usize, at: Place, name: &str) -> Done {
        self.names.may_change(at)?;
        self.may_xattr(by, at.dentry, name, WRITE)?;
        self.names.inode_mut(at.dentry).xattrs.remove(name).ok_or(Errno::ENODATA)?;
        self.tell_dentry(at.dentry, EventMask::ATTRIB, Data::Dentry);
        Ok(Outcome::Done)
    }
}
