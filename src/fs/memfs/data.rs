//! The contents of a regular file, sparse.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::mem;

use super::space::{Charge, Space};
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, count_items};
use crate::fs::{FallocateFlags, SeekTo, WriteData};

/// The size of a page, the unit of allocation.
pub(super) const PAGE: u64 = 4096;
const PAGE_LEN: usize = PAGE as usize;

/// The greatest size of a file.
pub(super) const MAX_SIZE: u64 = i64::MAX as u64;

/// Pages by index.
pub(super) type Pages = BTreeMap<u64, Box<[u8]>>;

/// The contents of a file: pages where data was written, holes elsewhere.
///
/// Every byte of a page that lies past the size is zero, so growing needs no work. Methods that remove
/// pages return them: the caller frees them after it has released the lock.
#[derive(Debug)]
pub(super) struct MemData {
    pages: Pages,
    size: u64,
    charge: Charge,
}

/// The part of one page that a range of bytes covers.
struct Piece {
    page: u64,
    from: usize,
    to: usize,
}

/// Splits the bytes from `start` to `end` at the borders of pages.
fn pieces(start: u64, end: u64) -> impl Iterator<Item = Piece> {
    let mut at = start;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let from = at % PAGE;
        let to = PAGE.min(from + (end - at));
        count_items(1);
        let piece = Piece { page: at / PAGE, from: from as usize, to: to as usize };
        at += to - from;
        Some(piece)
    })
}

fn blank() -> Box<[u8]> {
    vec![0; PAGE_LEN].into_boxed_slice()
}

impl Drop for MemData {
    fn drop(&mut self) {
        count_items(self.pages.len());
    }
}

impl MemData {
    pub(super) fn new(space: &Arc<Space>) -> Self {
        Self { pages: Pages::new(), size: 0, charge: Charge::new(space) }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes allocated.
    pub(super) fn allocated(&self) -> u64 {
        self.charge.bytes()
    }

    pub(super) fn read(&self, offset: u64, buf: &mut [u8]) -> usize {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = left.min(buf.len());
        let mut rest = &mut buf[..len];
        for piece in pieces(offset, offset.saturating_add(len as u64)) {
            let (part, after) = mem::take(&mut rest).split_at_mut(piece.to - piece.from);
            match self.pages.get(&piece.page) {
                Some(page) if !page.is_empty() => part.copy_from_slice(&page[piece.from..piece.to]),
                _ => part.fill(0),
            }
            rest = after;
        }
        len
    }

    /// Writes several buffers in order, as much as the limits allow, and returns how many bytes that
    /// was.
    ///
    /// # Errors
    /// `EFBIG` or `ENOSPC` if no byte was written.
    pub(super) fn write_all(&mut self, offset: u64, data: WriteData<'_>) -> Result<usize> {
        let mut done = 0;
        for buf in data.buffers() {
            match self.write(offset + done as u64, buf) {
                Ok(count) => {
                    done += count;
                    if count < buf.len() {
                        break;
                    }
                }
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    /// Writes as much as the limits allow and returns how many bytes that was.
    ///
    /// # Errors
    /// `EFBIG` or `ENOSPC` if no byte was written.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) -> Result<usize> {
        let room = usize::try_from(MAX_SIZE.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = room.min(data.len());
        if len == 0 {
            return if data.is_empty() { Ok(0) } else { Err(Errno::EFBIG.into()) };
        }
        let mut done = 0;
        for piece in pieces(offset, offset + len as u64) {
            let part = &data[done..][..piece.to - piece.from];
            match self.pages.entry(piece.page) {
                btree_map::Entry::Occupied(page) => {
                    let page = page.into_mut();
                    if page.is_empty() {
                        *page = blank();
                    }
                    page[piece.from..piece.to].copy_from_slice(part);
                }
                btree_map::Entry::Vacant(gap) => {
                    match self.charge.take(PAGE) {
                        Ok(()) => {}
                        Err(error) if done == 0 => return Err(error),
                        Err(_) => break,
                    }
                    if part.len() == PAGE_LEN {
                        gap.insert(part.into());
                    } else {
                        gap.insert(blank())[piece.from..piece.to].copy_from_slice(part);
                    }
                }
            }
            done += part.len();
        }
        self.size = self.size.max(offset + done as u64);
        Ok(done)
    }

    /// Sets the size. Growing makes a hole; any other size also frees the pages allocated past it.
    ///
    /// # Errors
    /// `EFBIG`.
    pub(super) fn set_size(&mut self, size: u64) -> Result<Pages> {
        if size > MAX_SIZE {
            return Err(Errno::EFBIG.into());
        }
        let mut freed = Pages::new();
        if size <= self.size {
            // In the worst case `split_off` counts the remaining pages.
            count_items(self.pages.len());
            freed = self.pages.split_off(&size.div_ceil(PAGE));
            self.charge.give(freed.len() as u64 * PAGE);
            self.zero(size, size.next_multiple_of(PAGE));
        }
        self.size = size;
        Ok(freed)
    }

    /// Carries out fallocate(2) with this mode.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for an unknown mode, `EINVAL` for an empty range, `EFBIG`,
    /// `ENOSPC`; nothing has changed then.
    pub(super) fn allocate(
        &mut self,
        mode: FallocateFlags,
        offset: u64,
        len: u64,
    ) -> Result<Pages> {
        let keeps_size = mode.contains(FallocateFlags::KEEP_SIZE);
        let (punches, zeroes) = match mode.difference(FallocateFlags::KEEP_SIZE) {
            FallocateFlags::PUNCH_HOLE if keeps_size => (true, false),
            FallocateFlags::ZERO_RANGE => (false, true),
            other if other.is_empty() => (false, false),
            _ => return Err(Errno::EOPNOTSUPP.into()),
        };
        if len == 0 {
            return Err(Errno::EINVAL.into());
        }
        let end = offset.checked_add(len).filter(|end| *end <= MAX_SIZE);
        let end = end.ok_or(Errno::EFBIG)?;
        if punches {
            return Ok(self.punch(offset, end));
        }
        self.fill(offset / PAGE, (end - 1) / PAGE)?;
        if zeroes {
            self.zero(offset, end);
        }
        if !keeps_size {
            self.size = self.size.max(end);
        }
        Ok(Pages::new())
    }

    /// The next data or hole at or after `offset`. An allocated page counts as data.
    ///
    /// # Errors
    /// `ENXIO` at or past the end, or if no data follows.
    pub(super) fn seek(&self, offset: u64, to: SeekTo) -> Result<u64> {
        if offset >= self.size {
            return Err(Errno::ENXIO.into());
        }
        let first = offset / PAGE;
        // An allocated page that was never written to is a hole.
        let written = self.pages.range(first..).filter(|(_, page)| !page.is_empty());
        let mut from_here = written.map(|(index, _)| *index);
        if to == SeekTo::Hole {
            let together = (first..).zip(from_here).take_while(|(at, index)| at == index);
            let pages = together.count();
            count_items(pages);
            let end = first + pages as u64;
            return Ok((end * PAGE).clamp(offset, self.size));
        }
        let data = from_here.next().map(|index| offset.max(index * PAGE));
        Ok(data.filter(|at| *at < self.size).ok_or(Errno::ENXIO)?)
    }

    /// Allocates the pages from `first` to `last` that are missing, all of them or none.
    fn fill(&mut self, first: u64, last: u64) -> Result<()> {
        let there = self.pages.range(first..=last).count() as u64;
        count_items(there as usize);
        // At most 2^51 pages of 2^12 bytes: this does not overflow.
        self.charge.take((last - first + 1 - there) * PAGE)?;
        for index in first..=last {
            count_items(1);
            self.pages.entry(index).or_default();
        }
        Ok(())
    }

    /// Removes the pages wholly between `start` and `end` and zeroes the rest of the range.
    fn punch(&mut self, start: u64, end: u64) -> Pages {
        let mut freed = Pages::new();
        let whole = start.div_ceil(PAGE)..end / PAGE;
        while !whole.is_empty() {
            let Some((&index, _)) = self.pages.range(whole.clone()).next() else { break };
            count_items(1);
            if let Some(page) = self.pages.remove(&index) {
                freed.insert(index, page);
            }
        }
        self.charge.give(freed.len() as u64 * PAGE);
        self.zero(start, end);
        freed
    }

    /// Zeroes the allocated pages between `start` and `end`.
    fn zero(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        for (index, page) in self.pages.range_mut(start / PAGE..=(end - 1) / PAGE) {
            count_items(1);
            let base = index * PAGE;
            let from = start.saturating_sub(base).min(PAGE) as usize;
            let to = end.saturating_sub(base).min(PAGE) as usize;
            if !page.is_empty() {
                page[from..to].fill(0);
            }
        }
    }
}
