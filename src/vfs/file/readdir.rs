//! Listing directories.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::path_limits::NAME_MAX;
use crate::base::sync::count_items;
use crate::fs::{DirEntry, Handle};
use crate::notify::held_dentry::HeldDentry;
use crate::vfs::file::file_kind::FileKind;
use crate::vfs::file::listing_cycle::CycleCheck;
use crate::vfs::file::open_file::{Description, File};
use crate::vfs::file::read_write::MAX_OFFSET;

/// Where `..` is in a listing, and where the file system's entries begin. A cursor of the file
/// system is counted from there.
const DOT_DOT: u64 = 1;
const ENTRIES: u64 = 2;

/// The position behind an entry, by its cursor; `None` if that cannot be a cursor.
fn position_behind(cursor: u64) -> Option<u64> {
    match cursor {
        1..=DirEntry::MAX_CURSOR => Some(cursor + ENTRIES),
        DirEntry::END_CURSOR => Some(MAX_OFFSET),
        _ => None,
    }
}

/// The file system's cursor for a position; 0 among the dots.
fn cursor_at(position: u64) -> u64 {
    match position {
        MAX_OFFSET => DirEntry::END_CURSOR,
        _ => position.saturating_sub(ENTRIES),
    }
}

const _: () = assert!(DirEntry::MAX_CURSOR + ENTRIES < MAX_OFFSET, "a position is of one cursor");

/// The buffer that C libraries list with.
pub(crate) const BUDGET: usize = 32 * 1024;
/// No page is larger than this: it is memory of the process, and the budget may be a guest's.
const MAX_BUDGET: usize = 1 << 20;

/// One entry of a directory listing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirEntryBuf {
    /// The inode number.
    pub ino: u64,
    /// The kind of the entry.
    pub kind: InodeKind,
    /// The name.
    pub name: Vec<u8>,
    /// Where a listing goes on after this entry: a position for [`File::seek`], from 1 to `i64::MAX`.
    pub cursor: u64,
}

impl DirEntryBuf {
    /// How much of a budget it takes: the size of Linux's `struct linux_dirent64`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// vfs.mkdir(&cx, "/name", 0o755)?;
    /// assert_eq!(vfs.list(&cx, "/")?[0].size(), 24);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        size_of_name(&self.name)
    }
}

/// A number, an offset, a length, a type, the name, a NUL, and padding.
fn size_of_name(name: &[u8]) -> usize {
    (8 + 8 + 2 + 1 + name.len() + 1).next_multiple_of(8)
}

/// The entries that a call has collected so far.
struct ListingPage {
    entries: Vec<DirEntryBuf>,
    left: usize,
    full: bool,
    /// How many entries more the directory's lock may be held for.
    hold: usize,
    /// The file system gave a name or a cursor that there cannot be, or goes round.
    broken: bool,
    /// How many of the file system's own dots were left out. It has two at most.
    dots: u32,
    cycle: CycleCheck,
}

/// How many entries one hold of a directory's lock may list: another thread that makes or removes a name in it
/// waits no longer than for that, however large a reader's buffer is.
const ENTRIES_PER_HOLD: usize = 256;

impl ListingPage {
    /// Takes an entry of the file system's in, as [`ListingPage::push`]; what it must not show is left out,
    /// and what cannot be a name or a cursor ends the listing.
    fn push_checked(&mut self, entry: DirEntry<'_>) -> bool {
        if matches!(entry.name, b"." | b"..") {
            self.dots += 1;
            self.broken |= self.dots > 2;
            return !self.broken;
        }
        let is_name = (1..=NAME_MAX).contains(&entry.name.len())
            && !entry.name.iter().any(|byte| matches!(byte, 0 | b'/'));
        let cursor = entry.cursor;
        let behind = position_behind(cursor).filter(|_| is_name && cursor != self.cycle.seen);
        let Some(behind) = behind else {
            self.broken = true;
            return false;
        };
        if self.broken || !self.push(DirEntry { cursor: behind, ..entry }) {
            return false;
        }
        self.cycle.pass(cursor);
        true
    }

    /// Takes an entry in if there is room; true if there was.
    fn push(&mut self, entry: DirEntry<'_>) -> bool {
        let size = size_of_name(entry.name);
        // After an entry that did not fit, no later one may be taken.
        if self.full || size > self.left {
            self.full = true;
            return false;
        }
        if self.hold == 0 {
            return false;
        }
        self.hold -= 1;
        self.left -= size;
        count_items(1);
        let DirEntry { ino, kind, name, cursor } = entry;
        self.entries.push(DirEntryBuf { ino, kind, name: name.to_vec(), cursor });
        true
    }
}

impl File {
    /// The next entries of a directory, `.` and `..` among them, as many as fit into `budget`
    /// bytes of [`DirEntryBuf::size`], or into 1 MiB if that is less; nothing at the end.
    ///
    /// Each call reports ACCESS, also that which returns nothing. What is there for the whole of
    /// a listing is listed exactly once, whatever is made or removed on the way. Moving the
    /// position to 0 starts again. Holds the directory's lock for reading, as getdents(2) does,
    /// but for 256 entries at a time; O(entries returned).
    ///
    /// # Errors
    /// `ENOTDIR`; `EBADF` if it is only named; `ENOENT` if it has been removed; `EINVAL` if
    /// the budget is too small for the next entry; `EIO` where the file system's next entry has no
    /// proper name or cursor, or was listed before and the listing goes round; what the file system says.
    /// The error comes once what is before it has been returned.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let root = vfs.open(&cx, "/", OpenFlags::DIRECTORY, 0)?;
    /// let names: Vec<_> = root.read_dir(1000)?.into_iter().map(|entry| entry.name).collect();
    /// assert_eq!(names, [&b"."[..], b"..", b"d"]);
    /// assert!(root.read_dir(1000)?.is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn read_dir(&self, budget: usize) -> Result<Vec<DirEntryBuf>> {
        self.act(|open| {
            open.check_open()?;
            let (&FileKind::Directory(handle), Some(dir)) =
                (&open.kind, open.dentry().inode().dir())
            else {
                return Err(Errno::ENOTDIR.into());
            };
            let _operation = open.operation();
            let mut position = open.position().lock();
            let mut page = ListingPage {
                entries: Vec::new(),
                left: budget.min(MAX_BUDGET),
                full: false,
                hold: 0,
                broken: false,
                dots: 0,
                cycle: open.cycle.lock().going_on_at(*position),
            };
            let listed = loop {
                let state = open.vfs().tree().dir_lock(dir).read_keyed(u64::from(dir));
                if state.dead && page.entries.is_empty() {
                    return Err(Errno::ENOENT.into());
                }
                page.hold = ENTRIES_PER_HOLD;
                page.dots = 0;
                let listed =
                    if state.dead { Ok(()) } else { open.list_from(handle, *position, &mut page) };
                if let Some(last) = page.entries.last() {
                    *position = last.cursor;
                }
                if page.hold > 0 || page.full || page.broken || listed.is_err() {
                    open.hooks().on_access(open.event_path());
                    break listed;
                }
            };
            page.cycle.at = *position;
            *open.cycle.lock() = page.cycle;
            match listed {
                Err(error) if page.entries.is_empty() => Err(error),
                Ok(()) if page.broken && page.entries.is_empty() => Err(Errno::EIO.into()),
                _ if page.full && page.entries.is_empty() => Err(Errno::EINVAL.into()),
                _ => Ok(page.entries),
            }
        })
    }
}

impl Description {
    fn list_from(&self, handle: Handle, position: u64, page: &mut ListingPage) -> Result<()> {
        let mut dots = |at: u64, name: &[u8], ino: u64| {
            let cursor = at + 1;
            position > at || page.push(DirEntry::new(ino, InodeKind::Directory, name, cursor))
        };
        let fits = dots(0, b".", self.ino) && dots(DOT_DOT, b"..", self.parent_ino());
        if !fits {
            return Ok(());
        }
        let mut emit = |entry: DirEntry<'_>| page.push_checked(entry);
        self.fs.readdir(&self.request, self.ino, handle, cursor_at(position), &mut emit)
    }

    /// The number of the directory that it is in; its own if it is the root of its file system.
    fn parent_ino(&self) -> u64 {
        let vfs = self.vfs();
        let parent = vfs.tree().parent_of(self.dentry().index);
        let parent = parent.map(|parent| HeldDentry::new(vfs.notifier(), parent));
        parent.map_or(self.ino, |parent| parent.get().inode().ino())
    }
}
