//! The space of a file system: inodes, and the bytes of contents, by the documentation of `MemFs`.

use vfsnotify::Errno;

use super::namespace::{Inode, Namespace};
use super::reference::Done;

pub(crate) const PAGE: usize = 4096;
/// The bytes that an extended attribute takes besides its name and value.
const XATTR: usize = 64;

impl Namespace {
    fn of_system(&self, fs: u32) -> impl Iterator<Item = &Inode> {
        self.inodes.values().filter(move |inode| inode.fs == fs)
    }

    /// The inodes of a file system.
    pub(crate) fn nr_inodes(&self, fs: u32) -> u64 {
        self.of_system(fs).count() as u64
    }

    /// The bytes that a file system holds.
    pub(crate) fn nr_bytes(&self, fs: u32) -> u64 {
        let of = |inode: &Inode| {
            let xattrs = inode.xattrs.iter().map(|(name, value)| name.len() + value.len() + XATTR);
            inode.pages.len() * PAGE + xattrs.sum::<usize>()
        };
        self.of_system(fs).map(of).sum::<usize>() as u64
    }

    /// Whether there may be one more inode, or one more name of one: that counts too.
    pub(crate) fn room_for_inode(&self, fs: u32) -> Done<()> {
        let taken = self.of_system(fs).map(|inode| u64::from(inode.nlink.max(1))).sum::<u64>();
        if taken < self.setup.inodes { Ok(()) } else { Err(Errno::ENOSPC) }
    }

    /// How many pages more there may be.
    pub(crate) fn free_pages(&self, fs: u32) -> usize {
        (self.setup.bytes - self.nr_bytes(fs)) as usize / PAGE
    }

    /// Writes what there is room for; how much that was.
    pub(crate) fn put_bytes(&mut self, dentry: u32, offset: usize, data: &[u8]) -> Done<usize> {
        let mut free = self.free_pages(self.inode(dentry).fs);
        let inode = self.inode_mut(dentry);
        let mut end = offset + data.len();
        for page in offset / PAGE..=(end - 1) / PAGE {
            if inode.pages.contains(&page) {
                continue;
            }
            if free == 0 {
                end = offset.max(page * PAGE);
                break;
            }
            free -= 1;
            inode.pages.insert(page);
        }
        if end == offset {
            return Err(Errno::ENOSPC);
        }
        if inode.content.len() < end {
            inode.content.resize(end, 0);
        }
        inode.content[offset..end].copy_from_slice(&data[..end - offset]);
        Ok(end - offset)
    }

    /// The bytes that there are to read.
    pub(crate) fn get_bytes(&self, dentry: u32, offset: usize, len: usize) -> Vec<u8> {
        let content = &self.inode(dentry).content;
        let start = offset.min(content.len());
        content[start..(start + len).min(content.len())].to_vec()
    }

    /// Sets the size: what is cut off is given back.
    pub(crate) fn cut(&mut self, dentry: u32, len: usize) {
        let inode = self.inode_mut(dentry);
        if len <= inode.content.len() {
            inode.pages.retain(|page| *page < len.div_ceil(PAGE));
        }
        inode.content.resize(len, 0);
    }
}
