//! A vector that never moves its elements: pages of pages.

use crate::base::sync::count_items;

const PAGE: usize = 1024;

/// A vector of any length in which no single allocation, copy or release concerns more than 1024
/// elements: a push or a pop takes a bounded time whatever the length.
///
/// The first page grows as an ordinary vector does, so a short vector is small. Memory shrinks with the
/// length.
#[derive(Debug)]
pub(crate) struct PagedVec<T> {
    pages: Vec<Vec<Vec<T>>>,
    len: usize,
}

impl<T> Default for PagedVec<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }
}

impl<T> PagedVec<T> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> &T {
        &self.pages[index / (PAGE * PAGE)][index / PAGE % PAGE][index % PAGE]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: usize) -> &mut T {
        &mut self.pages[index / (PAGE * PAGE)][index / PAGE % PAGE][index % PAGE]
    }

    pub(crate) fn push(&mut self, value: T) {
        let at = self.len;
        if at.is_multiple_of(PAGE * PAGE) {
            self.pages.push(Vec::new());
        }
        let pages = &mut self.pages[at / (PAGE * PAGE)];
        if at.is_multiple_of(PAGE) {
            pages.push(if at == 0 { Vec::new() } else { Vec::with_capacity(PAGE) });
        }
        let page = &mut pages[at / PAGE % PAGE];
        if page.len() == page.capacity() {
            // The vector reallocates.
            count_items(page.len());
        }
        page.push(value);
        self.len += 1;
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        let at = self.len;
        let pages = &mut self.pages[at / (PAGE * PAGE)];
        let value = pages[at / PAGE % PAGE].pop();
        if at.is_multiple_of(PAGE) {
            pages.pop();
            shrink(pages);
        } else if at < PAGE {
            shrink(&mut pages[0]);
        }
        if at.is_multiple_of(PAGE * PAGE) {
            self.pages.pop();
        }
        value
    }

    /// Takes an element out; the last one moves to its place.
    pub(crate) fn swap_remove(&mut self, index: usize) -> T {
        debug_assert!(index < self.len);
        let last = self.pop();
        match last {
            Some(last) if index < self.len => std::mem::replace(self.get_mut(index), last),
            Some(last) => last,
            None => unreachable!("an index below the length of an empty vector"),
        }
    }

    /// The elements of `start..end` in descending order, a slice of one page at a time.
    pub(crate) fn slices_descending(&self, start: usize, end: usize) -> impl Iterator<Item = &[T]> {
        let mut end = end;
        std::iter::from_fn(move || {
            if end <= start {
                return None;
            }
            let first = start.max((end - 1) / PAGE * PAGE);
            let page = &self.pages[first / (PAGE * PAGE)][first / PAGE % PAGE];
            let slice = &page[first % PAGE..=(end - 1) % PAGE];
            end = first;
            Some(slice)
        })
    }

    /// Frees the last page, of at most 1024 elements; false when nothing is left.
    pub(crate) fn drop_page(&mut self) -> bool {
        let Some(at) = self.len.checked_sub(1) else {
            return false;
        };
        let first = at / PAGE * PAGE;
        count_items(self.len - first);
        self.pages[at / (PAGE * PAGE)].pop();
        if first.is_multiple_of(PAGE * PAGE) {
            self.pages.pop();
        }
        self.len = first;
        self.len > 0
    }
}

/// Frees the unused memory of a vector of at most 1024 elements. It moves a quarter of them, after at
/// least as many were removed.
fn shrink<T>(vec: &mut Vec<T>) {
    const SMALL: usize = 16;
    if vec.capacity() > SMALL && vec.len() <= vec.capacity() / 4 {
        vec.shrink_to(vec.len() * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_that_shrinks_frees_memory() {
        let mut paged = PagedVec::default();
        (0..PAGE * 300).for_each(|n| paged.push(n));
        while paged.len() > 3 {
            paged.pop();
        }
        assert!(paged.pages[0].capacity() <= 16, "{} pages", paged.pages[0].capacity());
        assert!(paged.pages[0][0].capacity() <= 16, "{}", paged.pages[0][0].capacity());
        assert_eq!((paged.pop(), paged.pop(), paged.pop()), (Some(2), Some(1), Some(0)));
    }

    #[test]
    fn it_behaves_like_a_vector_across_page_borders() {
        let mut paged = PagedVec::default();
        let mut plain = Vec::new();
        for n in 0..3000 {
            paged.push(n);
            plain.push(n);
        }
        for at in [0, 1023, 1024, 2047, 2048, 1500, 2000] {
            assert_eq!(paged.swap_remove(at), plain.swap_remove(at));
        }
        assert_eq!(paged.len(), plain.len());
        for (at, value) in plain.iter().enumerate() {
            assert_eq!(paged.get(at), value);
        }
        while let Some(value) = plain.pop() {
            assert_eq!(paged.pop(), Some(value));
        }
        assert_eq!(paged.pop(), None);
    }

    #[test]
    fn descending_slices_cover_a_range_once() {
        let mut paged = PagedVec::default();
        (0..5000).for_each(|n| paged.push(n));
        for (start, end) in [(0, 5000), (1000, 1050), (1024, 2048), (7, 7), (4999, 5000)] {
            let mut seen: Vec<i32> = Vec::new();
            for slice in paged.slices_descending(start, end) {
                seen.extend(slice.iter().rev());
            }
            let wanted: Vec<i32> = (start as i32..end as i32).rev().collect();
            assert_eq!(seen, wanted);
        }
    }

    #[test]
    fn pages_are_freed_one_at_a_time() {
        let mut paged = PagedVec::default();
        (0..2500).for_each(|n| paged.push(n));
        let mut steps = 1;
        while paged.drop_page() {
            steps += 1;
        }
        assert_eq!(steps, 3);
        paged.push(1);
        assert_eq!(paged.len(), 1);
    }
}
