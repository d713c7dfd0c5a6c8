//! open(2) and close(2), with the checks of Linux in its order.

use vfsnotify::{Errno, EventMask, InodeKind, OpenFlags};

use super::case::Hint;
use super::delivery::Data;
use super::namespace::{Opened, Place};
use super::reference::{Done, Model};
use super::walk::{EXEC, READ, Start, WRITE};
use crate::outcome::Outcome;

/// The flags that are left when those without effect are dropped.
fn checked(mut flags: OpenFlags) -> Done<OpenFlags> {
    if flags.contains(OpenFlags::PATH) {
        return Ok(flags & (OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW));
    }
    if !flags.contains(OpenFlags::WRITE) {
        flags |= OpenFlags::READ;
    }
    let has = |flag| flags.contains(flag);
    if has(OpenFlags::TMPFILE) && (!has(OpenFlags::WRITE) || has(OpenFlags::CREATE))
        || has(OpenFlags::CREATE | OpenFlags::DIRECTORY)
    {
        return Err(Errno::EINVAL);
    }
    Ok(flags)
}

impl Model {
    /// RULE open, RULE open-creates, RULE open-existing, RULE open-truncates; returns the description.
    pub(super) fn open(
        &mut self,
        start: Start,
        path: &str,
        (flags, mode): (OpenFlags, u32),
        hint: &Hint,
    ) -> Done<u32> {
        let flags = checked(flags)?;
        if self.names.open.len() >= self.max_open {
            return Err(Errno::ENFILE);
        }
        if flags.contains(OpenFlags::CREATE) {
            return self.open_or_make(start, path, (flags, mode), &mut 0);
        }
        let found = self.names.walk(start, path, !flags.contains(OpenFlags::NOFOLLOW))?;
        if flags.contains(OpenFlags::TMPFILE) {
            return self.open_unnamed(start.by, found, (flags, mode), hint);
        }
        self.open_found(start.by, found, flags)
    }

    /// RULE unnamed-file, RULE excl-unlink: it never had a name, so watches with EXCL_UNLINK get nothing.
    fn open_unnamed(
        &mut self,
        by: usize,
        dir: Place,
        (flags, mode): (OpenFlags, u32),
        hint: &Hint,
    ) -> Done<u32> {
        if !self.names.is_dir(dir.dentry) {
            return Err(Errno::ENOTDIR);
        }
        self.names.may_change(dir)?;
        self.names.may(by, dir.dentry, WRITE | EXEC)?;
        let inode = self.new_inode(by, dir.dentry, InodeKind::Regular, mode, 0)?;
        let name = format!("#{}", hint.ino.unwrap_or_default());
        let dentry = self.names.make_dentry(dir.dentry, &name, inode, false);
        self.names.inode_mut(dentry).linkable = !flags.contains(OpenFlags::EXCL);
        Ok(self.opened(Place { dentry, ..dir }, flags))
    }

    /// With CREATE, which follows a symbolic link to what may not be there.
    fn open_or_make(
        &mut self,
        start: Start,
        path: &str,
        (flags, mode): (OpenFlags, u32),
        links: &mut u32,
    ) -> Done<u32> {
        let exclusive = flags.contains(OpenFlags::EXCL);
        let parent = self.names.parent_of(start, path, links)?;
        let Ok(name) = parent.name(Errno::EISDIR) else {
            self.names.resolve(start, path, true, &mut 0)?;
            return Err(if exclusive { Errno::EEXIST } else { Errno::EISDIR });
        };
        if parent.slash {
            return Err(Errno::EISDIR);
        }
        let dir = parent.dir;
        let Some(dentry) = self.names.child(dir.dentry, &name) else {
            if self.names.is_dead(dir.dentry) {
                return Err(Errno::ENOENT);
            }
            self.names.may_change(dir)?;
            self.names.may(start.by, dir.dentry, WRITE | EXEC)?;
            // Neither the mode that it gets nor O_TRUNC count for the caller that makes it.
            let dentry = self.make_in(start.by, dir.dentry, &name, InodeKind::Regular, mode)?;
            return Ok(self.opened(Place { dentry, ..dir }, flags));
        };
        if exclusive {
            return Err(Errno::EEXIST);
        }
        let found = self.names.top(Place { dentry, ..dir });
        let inode = self.names.inode(found.dentry);
        if inode.kind == InodeKind::Symlink && !flags.contains(OpenFlags::NOFOLLOW) {
            *links += 1;
            if *links > 40 {
                return Err(Errno::ELOOP);
            }
            let target = inode.target.clone();
            return self.open_or_make(Start { at: dir, ..start }, &target, (flags, mode), links);
        }
        if inode.kind.is_dir() {
            return Err(Errno::EISDIR);
        }
        self.may_create_in_sticky(start.by, dir.dentry, found.dentry)?;
        self.open_found(start.by, found, flags)
    }

    /// Objects that another user may have put into a directory as a trap, files and fifos
    /// apart.
    fn may_create_in_sticky(&self, by: usize, dir: u32, found: u32) -> Done<()> {
        const STICKY: u32 = 0o1000;
        const OTHERS: u32 = 0o002;
        let (dir, inode) = (self.names.inode(dir), self.names.inode(found));
        let mine = [dir.owner.0, self.names.contexts[by].identity.uid].contains(&inode.owner.0);
        let harmless = matches!(inode.kind, InodeKind::Regular | InodeKind::Fifo);
        if harmless || mine || dir.mode & STICKY == 0 || dir.mode & OTHERS == 0 {
            return Ok(());
        }
        Err(Errno::EACCES)
    }

    fn open_found(&mut self, by: usize, found: Place, flags: OpenFlags) -> Done<u32> {
        let dentry = found.dentry;
        let kind = self.names.kind(dentry);
        if flags.contains(OpenFlags::DIRECTORY) && !kind.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        if flags.contains(OpenFlags::PATH) {
            return Ok(self.opened(found, flags));
        }
        let cuts = flags.contains(OpenFlags::TRUNC);
        if cuts && kind == InodeKind::Regular {
            self.names.may_change(found)?;
        }
        match kind {
            InodeKind::Symlink => return Err(Errno::ELOOP),
            InodeKind::Directory if flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC) => {
                return Err(Errno::EISDIR);
            }
            _ => {}
        }
        let writes = flags.contains(OpenFlags::WRITE);
        let want = if flags.contains(OpenFlags::READ) { READ } else { 0 }
            | if writes || cuts { WRITE } else { 0 };
        self.names.may(by, dentry, want)?;
        if writes && !kind.is_special() {
            self.names.may_change(found)?;
        }
        let inode = self.names.dentries[&dentry].inode;
        let is_unread =
            !flags.contains(OpenFlags::READ) && self.names.ends(inode, OpenFlags::READ) == 0;
        let whiteout = self.names.inode(dentry).whiteout;
        if kind == InodeKind::Socket || whiteout || (kind == InodeKind::Fifo && is_unread) {
            return Err(Errno::ENXIO);
        }
        let opened = self.opened(found, flags);
        if cuts && kind == InodeKind::Regular {
            self.set_size(dentry, 0);
        }
        Ok(opened)
    }

    /// O_PATH says nothing.
    fn opened(&mut self, at: Place, flags: OpenFlags) -> u32 {
        let opened = self.names.fresh();
        self.names.open.insert(opened, Opened { at, flags, position: 0 });
        if !flags.contains(OpenFlags::PATH) {
            self.tell_dentry(at.dentry, EventMask::OPEN, Data::Path);
        }
        opened
    }

    /// Lets a handle be of this description; what it was of before is closed after.
    pub(super) fn fill(&mut self, slot: usize, opened: u32) {
        let old = self.slots[slot].replace(opened);
        self.release(old);
    }

    pub(super) fn empty(&mut self, slot: usize) -> Outcome {
        let old = self.slots[slot].take();
        self.release(old);
        old.map_or(Outcome::Nothing, |_| Outcome::Done)
    }

    /// RULE close: with the last handle only.
    fn release(&mut self, opened: Option<u32>) {
        if let Some(opened) = opened
            && !self.slots.contains(&Some(opened))
        {
            self.close(opened);
        }
    }

    pub(super) fn close(&mut self, opened: u32) {
        let Opened { at, flags, .. } = self.names.open[&opened].clone();
        let wrote = flags.contains(OpenFlags::WRITE);
        let what = if wrote { EventMask::CLOSE_WRITE } else { EventMask::CLOSE_NOWRITE };
        if !flags.contains(OpenFlags::PATH) {
            self.tell_dentry(at.dentry, what, Data::Path);
        }
        self.names.open.remove(&opened);
        // A fifo is emptied when it is not open.
        let inode = self.names.dentries[&at.dentry].inode;
        if self.names.ends(inode, OpenFlags::empty()) == 0 {
            self.names.inode_mut(at.dentry).piped.clear();
        }
        self.put(at.dentry);
    }
}
