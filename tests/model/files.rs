//! Operations on open files (SEMANTICS 2.4).

use vfsnotify::{ErrorKind, EventMask, InodeKind, OpenFlags};

use super::delivery::Data;
use super::namespace::Opened;
use super::ops::{Op, Outcome, Path};
use super::reference::{Done, Model};

impl Model {
    /// Rows open; returns the description.
    pub(super) fn open(&mut self, path: &Path, flags: OpenFlags, ino: Option<u64>) -> Done<u32> {
        let mut flags = flags;
        if flags.contains(OpenFlags::PATH) {
            flags &= OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW;
        } else if !flags.contains(OpenFlags::WRITE) {
            flags |= OpenFlags::READ;
        }
        let has = |flag| flags.contains(flag);
        if has(OpenFlags::TMPFILE) && (!has(OpenFlags::WRITE) || has(OpenFlags::CREATE))
            || has(OpenFlags::CREATE | OpenFlags::DIRECTORY)
        {
            return Err(ErrorKind::Invalid);
        }
        if self.names.open.len() >= self.max_open {
            return Err(ErrorKind::TooManyOpenFiles);
        }
        if has(OpenFlags::TMPFILE) {
            let dir = self.names.walk(path.names(), !has(OpenFlags::NOFOLLOW))?;
            if !self.names.is_dir(dir) {
                return Err(ErrorKind::NotDir);
            }
            // It never was a name, so watches with EXCL_UNLINK do not hear of it (8.20, 3).
            let inode = self.names.make_inode(InodeKind::Regular, 0);
            let name = format!("#{}", ino.expect("the number of what was opened"));
            let dentry = self.names.make_dentry(dir, &name, inode, false);
            self.names.inode_mut(dentry).linkable = !has(OpenFlags::EXCL);
            return Ok(self.opened(dentry, flags));
        }
        if !has(OpenFlags::CREATE) {
            let found = self.names.walk(path.names(), !has(OpenFlags::NOFOLLOW))?;
            return self.open_found(found, flags);
        }
        let exclusive = has(OpenFlags::EXCL);
        let (dir, name) = self.names.parent(path)?;
        let Some(name) = name else {
            return Err(if exclusive { ErrorKind::Exists } else { ErrorKind::IsDir });
        };
        let Some(found) = self.names.child(dir, name) else {
            // O_TRUNC on a file just made: no MODIFY.
            let made = self.make_in(dir, name, InodeKind::Regular);
            return Ok(self.opened(made, flags));
        };
        match self.names.kind(found) {
            _ if exclusive => Err(ErrorKind::Exists),
            InodeKind::Symlink if !has(OpenFlags::NOFOLLOW) => Err(ErrorKind::NotFound),
            InodeKind::Directory => Err(ErrorKind::IsDir),
            _ => self.open_found(found, flags),
        }
    }

    pub(super) fn open_found(&mut self, dentry: u32, flags: OpenFlags) -> Done<u32> {
        let kind = self.names.kind(dentry);
        if flags.contains(OpenFlags::DIRECTORY) && !kind.is_dir() {
            return Err(ErrorKind::NotDir);
        }
        if flags.contains(OpenFlags::PATH) {
            return Ok(self.opened(dentry, flags));
        }
        let inode = self.names.dentries[&dentry].inode;
        let nobody_reads =
            !flags.contains(OpenFlags::READ) && self.names.ends(inode, OpenFlags::READ) == 0;
        match kind {
            InodeKind::Symlink => return Err(ErrorKind::TooManyLinksFollowed),
            InodeKind::Directory if flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC) => {
                return Err(ErrorKind::IsDir);
            }
            InodeKind::Socket => return Err(ErrorKind::NoDevice),
            InodeKind::Fifo if nobody_reads => return Err(ErrorKind::NoDevice),
            _ => {}
        }
        let opened = self.opened(dentry, flags);
        if flags.contains(OpenFlags::TRUNC) && kind == InodeKind::Regular {
            self.set_size(dentry, 0);
        }
        Ok(opened)
    }

    /// O_PATH says nothing.
    pub(super) fn opened(&mut self, dentry: u32, flags: OpenFlags) -> u32 {
        let opened = self.names.fresh();
        self.names.open.insert(opened, Opened { dentry, flags, position: 0 });
        if !flags.contains(OpenFlags::PATH) {
            self.tell_dentry(dentry, EventMask::OPEN, Data::Path);
        }
        opened
    }

    /// Lets a handle be of this description; what it was of before is closed after.
    pub(super) fn fill(&mut self, slot: usize, opened: u32) {
        let old = self.slots[slot].replace(opened);
        self.release(old);
    }

    pub(crate) fn empty(&mut self, slot: usize) {
        let old = self.slots[slot].take();
        self.release(old);
    }

    /// Row close: with the last handle only.
    pub(super) fn release(&mut self, opened: Option<u32>) {
        if let Some(opened) = opened
            && !self.slots.contains(&Some(opened))
        {
            self.close(opened);
        }
    }

    pub(super) fn close(&mut self, opened: u32) {
        let Opened { dentry, flags, .. } = self.names.open[&opened].clone();
        let wrote = flags.contains(OpenFlags::WRITE);
        let what = if wrote { EventMask::CLOSE_WRITE } else { EventMask::CLOSE_NOWRITE };
        if !flags.contains(OpenFlags::PATH) {
            self.tell_dentry(dentry, what, Data::Path);
        }
        self.names.open.remove(&opened);
        // A fifo is emptied when nobody has it open.
        let inode = self.names.dentries[&dentry].inode;
        if self.names.ends(inode, OpenFlags::empty()) == 0 {
            self.names.inode_mut(dentry).piped = 0;
        }
        self.put(dentry);
    }

    /// Rows open, getdents, close: one ACCESS for the entries, one for the end.
    pub(super) fn list(&mut self, path: &Path) -> Done {
        let opened = self.open(path, OpenFlags::DIRECTORY, None)?;
        let dentry = self.names.open[&opened].dentry;
        self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
        self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
        self.close(opened);
        Ok(Outcome::Done)
    }

    /// Row truncate: the same size too, and no path data.
    pub(super) fn set_size(&mut self, dentry: u32, len: u64) {
        self.names.inode_mut(dentry).size = len;
        self.tell_dentry(dentry, EventMask::MODIFY, Data::Dentry);
    }

    pub(super) fn on_file(&mut self, op: &Op, id: u32) -> Done {
        let Opened { dentry, flags, .. } = self.names.open[&id].clone();
        let kind = self.names.kind(dentry);
        let named = flags.contains(OpenFlags::PATH);
        match op {
            Op::LinkFile(_, path) => return self.link(dentry, path),
            Op::Read(_, len) => return self.read(id, *len),
            Op::Write(_, len) => return self.write(id, *len),
            Op::UtimensFile { atime, mtime, .. } => {
                let Some(what) = what_of_times(*atime, *mtime) else { return Ok(Outcome::Done) };
                if named {
                    return Err(ErrorKind::BadHandle);
                }
                self.tell_dentry(dentry, what, Data::Dentry);
            }
            _ if named => return Err(ErrorKind::BadHandle),
            Op::ReadDir(_) => {
                if !kind.is_dir() {
                    return Err(ErrorKind::NotDir);
                }
                if self.names.inode(dentry).nlink == 0 {
                    return Err(ErrorKind::NotFound);
                }
                self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
            }
            Op::TruncateFile(_, len) => {
                if kind != InodeKind::Regular || !flags.contains(OpenFlags::WRITE) {
                    return Err(ErrorKind::Invalid);
                }
                self.set_size(dentry, *len);
            }
            _ => self.tell_dentry(dentry, EventMask::ATTRIB, Data::Dentry),
        }
        Ok(Outcome::Done)
    }

    /// Row read: ACCESS if something was read (8.17).
    pub(super) fn read(&mut self, id: u32, len: usize) -> Done {
        let Opened { dentry, flags, position } = self.names.open[&id].clone();
        if !flags.contains(OpenFlags::READ) {
            return Err(ErrorKind::BadHandle);
        }
        let inode = self.names.inode(dentry).clone();
        let count = match inode.kind {
            InodeKind::Directory => return Err(ErrorKind::IsDir),
            InodeKind::Fifo => {
                let has_writer =
                    self.names.ends(self.names.dentries[&dentry].inode, OpenFlags::WRITE) > 0;
                if len > 0 && inode.piped == 0 && has_writer {
                    return Err(ErrorKind::WouldBlock);
                }
                let count = len.min(inode.piped);
                self.names.inode_mut(dentry).piped -= count;
                count
            }
            InodeKind::Regular => len.min(inode.size.saturating_sub(position) as usize),
            _ => 0,
        };
        self.advance(id, position + count as u64);
        if count > 0 {
            self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
        }
        Ok(Outcome::Count(count))
    }

    /// Row write: MODIFY if something was written.
    pub(super) fn write(&mut self, id: u32, len: usize) -> Done {
        let Opened { dentry, flags, position } = self.names.open[&id].clone();
        if !flags.contains(OpenFlags::WRITE) {
            return Err(ErrorKind::BadHandle);
        }
        if len == 0 {
            return Ok(Outcome::Count(0));
        }
        let inode = self.names.dentries[&dentry].inode;
        let has_reader = self.names.ends(inode, OpenFlags::READ) > 0;
        let end = position + len as u64;
        let file = self.names.inode_mut(dentry);
        match file.kind {
            InodeKind::Fifo if !has_reader => return Err(ErrorKind::BrokenPipe),
            InodeKind::Fifo => file.piped += len,
            InodeKind::Regular => file.size = file.size.max(end),
            _ => {}
        }
        self.advance(id, end);
        self.tell_dentry(dentry, EventMask::MODIFY, Data::Path);
        Ok(Outcome::Count(len))
    }

    pub(super) fn advance(&mut self, id: u32, position: u64) {
        self.names.open.get_mut(&id).expect("an open file").position = position;
    }
}

/// Row utimes: one timestamp alone is ACCESS or MODIFY, none is nothing at all (8.16).
pub(super) fn what_of_times(atime: bool, mtime: bool) -> Option<EventMask> {
    match (atime, mtime) {
        (true, true) => Some(EventMask::ATTRIB),
        (true, false) => Some(EventMask::ACCESS),
        (false, true) => Some(EventMask::MODIFY),
        (false, false) => None,
    }
}
