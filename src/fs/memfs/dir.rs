//! The entries of one directory.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::sync::{Arc, count_items};
use crate::fs::DirEntry;

/// The size that tmpfs counts in a directory for each entry; `.` and `..` are two.
const ENTRY_SIZE: u64 = 20;

/// The cursor of the first entry. 1 and 2 stay free for the `.` and `..` of the caller. Cursors ascend
/// and are never used again, so a directory has 2^63 of them: enough for a hundred thousand years, at a
/// million and more a second.
const FIRST_CURSOR: u64 = 3;

/// How many entries one hold of a directory's lock may copy.
pub(super) const LISTING_BATCH: usize = 32;

/// A name, shared by the two trees of a directory and by the listings under way.
pub(super) type MemName = Arc<[u8]>;

/// The inode of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemChild {
    pub(super) ino: u64,
    pub(super) kind: InodeKind,
}

#[derive(Clone, Debug)]
pub(super) struct MemEntry {
    pub(super) name: MemName,
    pub(super) child: MemChild,
}

/// A directory: its entries in the order of their cursors, and an index by name.
///
/// A cursor belongs to a *name* as long as the directory has that name without a break: it survives an
/// exchange, and a rename or link that replaces the name's inode. A rename to a new name in the same
/// directory keeps the cursor. So a listing reports a name that exists all the time exactly once, and a
/// program that renames the names it lists comes to an end.
///
/// Both trees change one node at a time, whatever the number of entries.
#[derive(Debug)]
pub(super) struct Dir {
    names: BTreeMap<MemName, u64>,
    entries: BTreeMap<u64, MemEntry>,
    next_cursor: u64,
    subdirs: u32,
    /// The directory has been removed: no name may be added to it any more.
    removed: bool,
}

impl Dir {
    pub(super) fn new() -> Self {
        Self {
            names: BTreeMap::new(),
            entries: BTreeMap::new(),
            next_cursor: FIRST_CURSOR,
            subdirs: 0,
            removed: false,
        }
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<MemChild> {
        let cursor = self.names.get(name)?;
        self.entries.get(cursor).map(|entry| entry.child)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The size to show in the attributes.
    pub(super) fn size(&self) -> u64 {
        (self.entries.len() as u64).saturating_add(2).saturating_mul(ENTRY_SIZE)
    }

    /// The link count to show in the attributes.
    pub(super) fn nlink(&self) -> u32 {
        if self.removed { 0 } else { 2 + self.subdirs }
    }

    /// Forbids additions, because the directory itself is being removed.
    pub(super) fn mark_removed(&mut self) {
        self.removed = true;
    }

    /// Whether an inode of this kind can be added under a new or an existing name.
    ///
    /// # Errors
    /// `ENOENT` if the directory has been removed, `EMLINK`, `ENOSPC` if there is no cursor
    /// left.
    pub(super) fn check_room(&self, kind: InodeKind) -> Result<()> {
        if self.removed {
            return Err(Errno::ENOENT.into());
        }
        if kind.is_dir() && self.subdirs >= u32::MAX - 2 {
            return Err(Errno::EMLINK.into());
        }
        if self.next_cursor > DirEntry::MAX_CURSOR {
            return Err(Errno::ENOSPC.into());
        }
        Ok(())
    }

    /// Adds a name. The caller has asked [`Dir::check_room`].
    ///
    /// # Errors
    /// `EEXIST`.
    pub(super) fn insert(&mut self, name: &[u8], child: MemChild) -> Result<()> {
        if self.names.contains_key(name) {
            return Err(Errno::EEXIST.into());
        }
        self.put(name, child);
        Ok(())
    }

    /// Sets the inode of a name and returns the one that it had before.
    pub(super) fn put(&mut self, name: &[u8], child: MemChild) -> Option<MemChild> {
        let there = self.names.get(name).and_then(|cursor| self.entries.get_mut(cursor));
        let old = if let Some(entry) = there {
            Some(std::mem::replace(&mut entry.child, child))
        } else {
            let cursor = self.next_cursor;
            self.next_cursor += 1;
            let name = MemName::from(name);
            self.names.insert(Arc::clone(&name), cursor);
            self.entries.insert(cursor, MemEntry { name, child });
            None
        };
        self.subdirs += u32::from(child.kind.is_dir());
        self.subdirs -= old.map_or(0, |old| u32::from(old.kind.is_dir()));
        old
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<MemChild> {
        let cursor = self.names.remove(name)?;
        let entry = self.entries.remove(&cursor)?;
        self.subdirs -= u32::from(entry.child.kind.is_dir());
        Some(entry.child)
    }

    /// Changes a name into an unused one; the entry keeps its cursor.
    pub(super) fn rename(&mut self, name: &[u8], new_name: &[u8]) {
        let Some(cursor) = self.names.remove(name) else { return };
        let new_name = MemName::from(new_name);
        self.names.insert(Arc::clone(&new_name), cursor);
        if let Some(entry) = self.entries.get_mut(&cursor) {
            entry.name = new_name;
        }
    }

    /// The next cursor: no entry has it yet.
    pub(super) fn end(&self) -> u64 {
        self.next_cursor
    }

    /// The first few entries after `cursor` and before `end`, with their cursors.
    pub(super) fn batch(
        &self,
        cursor: u64,
        end: u64,
    ) -> SmallVec<[(u64, MemEntry); LISTING_BATCH]> {
        if cursor >= end {
            return SmallVec::new();
        }
        let range = self.entries.range(cursor + 1..end).take(LISTING_BATCH);
        let batch: SmallVec<_> = range.map(|(cursor, entry)| (*cursor, entry.clone())).collect();
        count_items(batch.len());
        batch
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn file(ino: u64) -> MemChild {
        MemChild { ino, kind: InodeKind::Regular }
    }

    fn listing(dir: &Dir) -> Vec<(u64, &[u8], u64)> {
        dir.entries.iter().map(|(at, entry)| (*at, &*entry.name, entry.child.ino)).collect()
    }

    #[test]
    fn a_cursor_belongs_to_a_name() {
        let mut dir = Dir::new();
        dir.insert(b"a", file(10)).unwrap();
        dir.insert(b"b", file(11)).unwrap();
        dir.insert(b"c", file(12)).unwrap();
        assert_eq!(dir.insert(b"c", file(13)).unwrap_err().errno(), Errno::EEXIST);

        assert_eq!(dir.put(b"a", file(13)), Some(file(10)));
        dir.rename(b"b", b"z");
        assert_eq!(dir.remove(b"c"), Some(file(12)));
        dir.insert(b"c", file(14)).unwrap();
        let expected: [(u64, &[u8], u64); 3] = [(3, b"a", 13), (4, b"z", 11), (6, b"c", 14)];
        assert_eq!(listing(&dir), expected);
        assert_eq!((dir.get(b"b"), dir.get(b"z")), (None, Some(file(11))));
    }

    #[test]
    fn the_link_count_follows_the_subdirectories() {
        let subdir = |ino| MemChild { ino, kind: InodeKind::Directory };
        let mut dir = Dir::new();
        dir.insert(b"d", subdir(2)).unwrap();
        dir.insert(b"e", subdir(3)).unwrap();
        dir.insert(b"f", file(4)).unwrap();
        assert_eq!((dir.nlink(), dir.size()), (4, 100));
        dir.put(b"d", file(5));
        assert_eq!(dir.nlink(), 3);
        dir.put(b"f", subdir(6));
        assert_eq!(dir.nlink(), 4);
        dir.remove(b"e");
        assert_eq!(dir.nlink(), 3);
        dir.mark_removed();
        assert_eq!(dir.nlink(), 0);
        assert_eq!(dir.check_room(InodeKind::Fifo).unwrap_err().errno(), Errno::ENOENT);
    }

    #[test]
    fn a_directory_has_a_greatest_number_of_subdirectories() {
        let dir = Dir { subdirs: u32::MAX - 2, ..Dir::new() };
        assert_eq!(dir.nlink(), u32::MAX);
        let error = dir.check_room(InodeKind::Directory).unwrap_err();
        assert_eq!(error.errno(), Errno::EMLINK);
        dir.check_room(InodeKind::Regular).unwrap();
    }

    #[test]
    fn a_directory_whose_cursors_are_used_up_is_full() {
        let mut dir = Dir { next_cursor: DirEntry::MAX_CURSOR, ..Dir::new() };
        dir.check_room(InodeKind::Regular).unwrap();
        dir.insert(b"last", file(10)).unwrap();
        let error = dir.check_room(InodeKind::Regular).unwrap_err();
        assert_eq!(error.errno(), Errno::ENOSPC);
        let listed = dir.batch(DirEntry::MAX_CURSOR - 1, dir.end());
        assert_eq!(
            listed.iter().map(|(cursor, _)| *cursor).collect::<Vec<_>>(),
            [DirEntry::MAX_CURSOR]
        );
    }

    #[test]
    fn a_batch_stops_at_its_end() {
        let mut dir = Dir::new();
        for at in 0..100_u64 {
            dir.insert(&at.to_be_bytes(), file(at)).unwrap();
        }
        let end = dir.end();
        assert_eq!(dir.batch(0, end).len(), LISTING_BATCH);
        assert_eq!(dir.batch(end - 3, end).len(), 2);
        assert_eq!(dir.batch(end, end).len(), 0);
        assert_eq!(dir.batch(u64::MAX, end).len(), 0);
        assert_eq!(dir.batch(u64::MAX, u64::MAX).len(), 0);
    }
}
