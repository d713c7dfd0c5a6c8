//! Reading and writing open files (`docs/rules.md`, the table).

use vfsnotify::{Errno, EventMask, FallocateFlags, InodeKind, OpenFlags};

use super::delivery::Data;
use super::namespace::{Opened, Piped};
use super::reference::{Done, Model};
use super::space::PAGE;
use crate::outcome::Outcome;

/// How many pages a fifo holds.
const PIPE_PAGES: usize = 16;

impl Model {
    /// RULE truncate: the same size too, and no path.
    pub(super) fn set_size(&mut self, dentry: u32, len: u64) {
        self.names.cut(dentry, len as usize);
        self.tell_dentry(dentry, EventMask::MODIFY, Data::Dentry);
    }

    fn is_fifo(&self, id: u32) -> bool {
        self.names.kind(self.names.open[&id].at.dentry) == InodeKind::Fifo
    }

    /// The bytes that one read gets, from the position if there is no offset.
    fn get(&mut self, id: u32, len: usize, offset: Option<u64>, vector: bool) -> Done<Vec<u8>> {
        let Opened { at, flags, position } = self.names.open[&id].clone();
        if !flags.contains(OpenFlags::READ) {
            return Err(Errno::EBADF);
        }
        let inode = self.names.dentries[&at.dentry].inode;
        match self.names.kind(at.dentry) {
            // A vector of nothing does not get as far as the directory.
            InodeKind::Directory if vector && len == 0 => Ok(Vec::new()),
            InodeKind::Directory => Err(Errno::EISDIR),
            InodeKind::Fifo => {
                let has_writer = self.names.ends(inode, OpenFlags::WRITE) > 0;
                let piped = &mut self.names.inode_mut(at.dentry).piped;
                if len > 0 && piped.is_empty() && has_writer {
                    return Err(Errno::EAGAIN);
                }
                let mut data = Vec::new();
                while data.len() < len && !piped.is_empty() {
                    let part = piped[0].left.len().min(len - data.len());
                    data.extend(piped[0].left.drain(..part));
                    if piped[0].left.is_empty() {
                        piped.remove(0);
                    }
                }
                Ok(data)
            }
            InodeKind::Regular => {
                let start = offset.unwrap_or(position);
                let data = self.names.get_bytes(at.dentry, start as usize, len);
                if offset.is_none() {
                    self.advance(id, position + data.len() as u64);
                }
                Ok(data)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// RULE read: ACCESS if something was read; of a vector, always (RULE read-vector).
    pub(super) fn read(&mut self, id: u32, len: usize, offset: Option<u64>, vector: bool) -> Done {
        if self.names.open[&id].flags.contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        if offset.is_some() && self.is_fifo(id) {
            return Err(Errno::ESPIPE);
        }
        let data = self.get(id, len, offset, vector)?;
        if vector || !data.is_empty() {
            self.tell_dentry(self.names.open[&id].at.dentry, EventMask::ACCESS, Data::Path);
        }
        Ok(Outcome::Bytes(data))
    }

    /// The bytes that one write puts, with APPEND to the end whatever the offset is.
    fn set(&mut self, id: u32, data: &[u8], offset: Option<u64>) -> Done<usize> {
        let Opened { at, flags, position } = self.names.open[&id].clone();
        let inode = self.names.dentries[&at.dentry].inode;
        match self.names.kind(at.dentry) {
            InodeKind::Fifo => {
                if self.names.ends(inode, OpenFlags::READ) == 0 {
                    return Err(Errno::EPIPE);
                }
                let piped = &mut self.names.inode_mut(at.dentry).piped;
                // The bytes beyond whole pages go into the last one, if it fits there.
                let odd = data.len() % PAGE;
                let joins = piped.last().is_some_and(|last| last.end + odd <= PAGE);
                let (first, rest) = data.split_at(if joins { odd } else { 0 });
                if let Some(last) = piped.last_mut() {
                    last.end += first.len();
                    last.left.extend(first);
                }
                let room = PIPE_PAGES - piped.len();
                let pages: Vec<_> = rest.chunks(PAGE).take(room).collect();
                piped.extend(
                    pages.iter().map(|page| Piped { end: page.len(), left: page.to_vec() }),
                );
                match first.len() + pages.concat().len() {
                    0 => Err(Errno::EAGAIN),
                    count => Ok(count),
                }
            }
            InodeKind::Regular => {
                let end = self.names.inode(at.dentry).content.len() as u64;
                let appends = flags.contains(OpenFlags::APPEND);
                let start = if appends { end } else { offset.unwrap_or(position) };
                let count = self.names.put_bytes(at.dentry, start as usize, data)?;
                if offset.is_none() {
                    self.advance(id, start + count as u64);
                }
                Ok(count)
            }
            _ => Ok(data.len()),
        }
    }

    /// RULE write: MODIFY if something was written.
    pub(super) fn write(&mut self, id: u32, data: &[u8], offset: Option<u64>) -> Done {
        let flags = self.names.open[&id].flags;
        if offset.is_some() && !flags.contains(OpenFlags::PATH) && self.is_fifo(id) {
            return Err(Errno::ESPIPE);
        }
        if !flags.contains(OpenFlags::WRITE) {
            return Err(Errno::EBADF);
        }
        if data.is_empty() {
            return Ok(Outcome::Count(0));
        }
        let count = self.set(id, data, offset)?;
        self.tell_dentry(self.names.open[&id].at.dentry, EventMask::MODIFY, Data::Path);
        Ok(Outcome::Count(count as u64))
    }

    fn advance(&mut self, id: u32, position: u64) {
        self.names.open.get_mut(&id).expect("an open file").position = position;
    }

    pub(super) fn seek(&mut self, id: u32, position: u64) -> Done {
        if self.names.open[&id].flags.contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        match self.names.kind(self.names.open[&id].at.dentry) {
            InodeKind::Fifo => return Err(Errno::ESPIPE),
            // As of /dev/null.
            InodeKind::CharDevice => return Ok(Outcome::Count(0)),
            _ => self.advance(id, position),
        }
        Ok(Outcome::Count(position))
    }

    pub(super) fn ftruncate(&mut self, id: u32, len: u64) -> Done {
        let Opened { at, flags, .. } = self.names.open[&id].clone();
        if flags.contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        if self.names.kind(at.dentry) != InodeKind::Regular || !flags.contains(OpenFlags::WRITE) {
            return Err(Errno::EINVAL);
        }
        self.set_size(at.dentry, len);
        Ok(Outcome::Done)
    }

    /// RULE fallocate.
    pub(super) fn allocate(
        &mut self,
        id: u32,
        flags: FallocateFlags,
        offset: u64,
        len: u64,
    ) -> Done {
        let Opened { at, flags: how, .. } = self.names.open[&id].clone();
        if how.contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        let (keeps, punches) =
            (flags.contains(FallocateFlags::KEEP_SIZE), flags.contains(FallocateFlags::PUNCH_HOLE));
        let zeroes = flags.contains(FallocateFlags::ZERO_RANGE);
        if punches && (!keeps || zeroes) {
            return Err(Errno::EOPNOTSUPP);
        }
        if !how.contains(OpenFlags::WRITE) {
            return Err(Errno::EBADF);
        }
        match self.names.kind(at.dentry) {
            InodeKind::Regular => {}
            InodeKind::Fifo => return Err(Errno::ESPIPE),
            _ => return Err(Errno::ENODEV),
        }
        let (start, end) = (offset as usize, (offset + len) as usize);
        let free = self.names.free_pages(self.names.inode(at.dentry).fs);
        let inode = self.names.inode_mut(at.dentry);
        let size = inode.content.len();
        if punches {
            inode.pages.retain(|page| page * PAGE < start || (page + 1) * PAGE > end);
        } else {
            let missing =
                (start / PAGE..end.div_ceil(PAGE)).filter(|page| !inode.pages.contains(page));
            let missing: Vec<usize> = missing.collect();
            if missing.len() > free {
                return Err(Errno::ENOSPC);
            }
            inode.pages.extend(missing);
        }
        if punches || zeroes {
            inode.content[start.min(size)..end.min(size)].fill(0);
        }
        if !keeps && size < end {
            inode.content.resize(end, 0);
        }
        self.tell_dentry(at.dentry, EventMask::MODIFY, Data::Path);
        Ok(Outcome::Done)
    }

    /// RULE copy: copy_file_range.
    pub(super) fn copy(
        &mut self,
        (from, to): (u32, u32),
        len: usize,
        offsets: (Option<u64>, Option<u64>),
    ) -> Done {
        let (source, sink) = (self.names.open[&from].clone(), self.names.open[&to].clone());
        let kinds = [source.at, sink.at].map(|at| self.names.kind(at.dentry));
        if source.flags.contains(OpenFlags::PATH) || sink.flags.contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        if kinds.contains(&InodeKind::Directory) {
            return Err(Errno::EISDIR);
        }
        if kinds != [InodeKind::Regular; 2] {
            return Err(Errno::EINVAL);
        }
        if !source.flags.contains(OpenFlags::READ)
            || !sink.flags.contains(OpenFlags::WRITE)
            || sink.flags.contains(OpenFlags::APPEND)
        {
            return Err(Errno::EBADF);
        }
        if self.names.inode(source.at.dentry).fs != self.names.inode(sink.at.dentry).fs {
            return Err(Errno::EXDEV);
        }
        let inode = |opened: &Opened| self.names.dentries[&opened.at.dentry].inode;
        let start = offsets.0.unwrap_or(source.position);
        let target = offsets.1.unwrap_or(sink.position);
        let size = self.names.inode(source.at.dentry).content.len() as u64;
        let len = (len as u64).min(size.saturating_sub(start));
        if inode(&source) == inode(&sink) && target + len > start && target < start + len {
            return Err(Errno::EINVAL);
        }
        let offsets = (offsets.0.is_none(), offsets.1.is_none());
        self.carry((from, start, offsets.0), (to, target, offsets.1), len as usize)
    }

    /// RULE copy: sendfile.
    pub(super) fn send(&mut self, (from, to): (u32, u32), len: usize, offset: Option<u64>) -> Done {
        let (source, sink) = (self.names.open[&from].clone(), self.names.open[&to].clone());
        if !source.flags.contains(OpenFlags::READ) {
            return Err(Errno::EBADF);
        }
        if offset.is_some() && self.is_fifo(from) {
            return Err(Errno::ESPIPE);
        }
        if !sink.flags.contains(OpenFlags::WRITE) {
            return Err(Errno::EBADF);
        }
        if self.is_fifo(to) {
            let inode = self.names.dentries[&sink.at.dentry].inode;
            if self.names.ends(inode, OpenFlags::READ) == 0 {
                return Err(Errno::EPIPE);
            }
            if self.names.inode(sink.at.dentry).piped.len() == PIPE_PAGES {
                return Err(Errno::EAGAIN);
            }
        } else if sink.flags.contains(OpenFlags::APPEND) || self.is_fifo(from) {
            return Err(Errno::EINVAL);
        }
        if len == 0 {
            return Ok(Outcome::Count(0));
        }
        if self.names.kind(source.at.dentry) != InodeKind::Regular {
            return Err(Errno::EINVAL);
        }
        let start = offset.unwrap_or(source.position);
        self.carry((from, start, offset.is_none()), (to, sink.position, true), len)
    }

    /// Moves what there is: ACCESS, then MODIFY, if that was anything. The positions move where
    /// they are what counted.
    fn carry(&mut self, from: (u32, u64, bool), to: (u32, u64, bool), len: usize) -> Done {
        let place = |id: u32| self.names.open[&id].at.dentry;
        let (source, sink) = (place(from.0), place(to.0));
        let mut count = 0;
        // A file that is sent to itself may find more and more.
        while count < len {
            let data = self.names.get_bytes(source, from.1 as usize + count, len - count);
            if data.is_empty() {
                break;
            }
            let offset = Some(to.1 + count as u64);
            let written = match self.set(to.0, &data, offset) {
                Err(error) if count == 0 => return Err(error),
                written => written.unwrap_or(0),
            };
            count += written;
            if written < data.len() {
                break;
            }
        }
        if count == 0 {
            return Ok(Outcome::Count(0));
        }
        if from.2 {
            self.advance(from.0, from.1 + count as u64);
        }
        if to.2 && self.names.kind(sink) == InodeKind::Regular {
            self.advance(to.0, to.1 + count as u64);
        }
        self.tell_dentry(source, EventMask::ACCESS, Data::Path);
        self.tell_dentry(sink, EventMask::MODIFY, Data::Path);
        Ok(Outcome::Count(count as u64))
    }
}
