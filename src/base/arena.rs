//! Slots that never move: pages with a hot half that is read without a lock, and a slab.
//!
//! A page is made once and lives as long as its arena. Its hot half is permanent words (or locks)
//! of every slot, readable by index at any time; what they mean is guarded by a generation in the
//! slot itself. They are [`Column`]s, each built in its place on the heap: a page is larger than the
//! stack of a fiber. Its other half is a [`slab::Slab`] behind the page's lock, which allocates the
//! slots and holds what is rarely looked at. The slab's key is the index of both.

use std::fmt;

use slab::Slab;

use crate::base::sync::{Arc, Mutex, OnceLock, count_items, rank};

/// The same word, or lock, of every slot of a page.
///
/// An array and not a slice: a place that is taken modulo the number of slots needs no bounds check.
pub(crate) type Column<T, const SLOTS: usize> = Box<[T; SLOTS]>;

/// A column of values, each made in its place on the heap; the whole of it is never on the stack.
pub(crate) fn column<T, const SLOTS: usize>(make: impl FnMut() -> T) -> Column<T, SLOTS> {
    let column: Box<[T]> = std::iter::repeat_with(make).take(SLOTS).collect();
    column.try_into().unwrap_or_else(|_| unreachable!("it was made of this length"))
}

/// How many bytes a column takes for each slot.
#[cfg(all(test, not(any(loom, shuttle))))]
pub(crate) fn bytes_per_slot<T, const SLOTS: usize>(_: &Column<T, SLOTS>) -> usize {
    size_of::<T>()
}

/// The hot half of a page, in [`Column`]s: what is moved is small.
pub(crate) trait HotPage: Default + Send + Sync {
    /// How many slots a page has; a power of two.
    const SLOTS: usize;
}

/// How many slots a page has: few under a model checker, which follows every word.
pub(crate) const fn slots(ordinary: usize) -> usize {
    if cfg!(any(loom, shuttle)) { 2 } else { ordinary }
}

const NO_PAGE: u32 = u32::MAX;
const FANOUT: usize = if cfg!(any(loom, shuttle)) { 16 } else { 1024 };
/// How many pages are found in one step less: as many as most arenas ever have.
const FIRST: usize = if cfg!(any(loom, shuttle)) { 4 } else { 128 };

/// A page of an [`Arena`]; reads of the hot half go straight through.
pub(crate) struct Page<H, C> {
    hot: H,
    number: u32,
    cold: Mutex<Cold<C>, { rank::ARENA_PAGE }>,
}

struct Cold<C> {
    slab: Slab<C>,
    /// The next page with room; meaningful while this page is on that list.
    next_vacant: u32,
}

impl<H: HotPage, C> Page<H, C> {
    /// The hot half.
    #[inline]
    pub(crate) fn hot(&self) -> &H {
        &self.hot
    }

    /// A page that is no arena's yet.
    fn blank() -> Self {
        count_items(H::SLOTS);
        Self {
            hot: H::default(),
            number: NO_PAGE,
            cold: Mutex::new(Cold { slab: Slab::with_capacity(H::SLOTS), next_vacant: NO_PAGE }),
        }
    }

    /// The index of a slot of this page.
    fn index(&self, key: usize) -> u32 {
        self.number * H::SLOTS as u32 + key as u32
    }
}

impl<H, C> fmt::Debug for Page<H, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("number", &self.number).finish_non_exhaustive()
    }
}

type Row<H, C> = Box<[OnceLock<Arc<Page<H, C>>>]>;

/// Pages of slots; see the module.
pub(crate) struct Arena<H, C> {
    first: Row<H, C>,
    /// The pages after the first ones.
    rows: Box<[OnceLock<Row<H, C>>]>,
    vacancy: Mutex<Vacancy, { rank::ARENA_VACANCY }>,
    /// How many slots may be taken at once.
    most: usize,
}

#[derive(Debug)]
struct Vacancy {
    pages: u32,
    first: u32,
    live: usize,
}

impl Vacancy {
    /// Takes a slot of a locked page back; returns its cold part, if it was taken.
    fn take_back<H: HotPage, C>(
        &mut self,
        page: &Page<H, C>,
        half: &mut Cold<C>,
        place: usize,
    ) -> Option<C> {
        let was_full = half.slab.len() == H::SLOTS;
        let cold = half.slab.try_remove(place)?;
        if was_full {
            half.next_vacant = self.first;
            self.first = page.number;
        }
        self.live -= 1;
        Some(cold)
    }
}

fn blank<T>(len: usize) -> Box<[OnceLock<T>]> {
    count_items(len);
    (0..len).map(|_| OnceLock::new()).collect()
}

impl<H: HotPage, C> Default for Arena<H, C> {
    fn default() -> Self {
        Self::with_limit(usize::MAX)
    }
}

impl<H: HotPage, C> Arena<H, C> {
    /// An arena of which at most `most` slots are taken at once.
    pub(crate) fn with_limit(most: usize) -> Self {
        Self {
            first: blank(FIRST),
            rows: blank(FANOUT),
            vacancy: Mutex::new(Vacancy { pages: 0, first: NO_PAGE, live: 0 }),
            most,
        }
    }

    /// The page of a slot, if it was ever made.
    #[inline]
    pub(crate) fn page(&self, index: u32) -> Option<&Arc<Page<H, C>>> {
        let number = index as usize / H::SLOTS;
        match self.first.get(number) {
            Some(page) => page.get(),
            None => self.later_page(number - FIRST),
        }
    }

    fn later_page(&self, number: usize) -> Option<&Arc<Page<H, C>>> {
        self.rows.get(number / FANOUT)?.get()?[number % FANOUT].get()
    }

    /// The place of a slot in its page.
    #[inline(always)]
    pub(crate) const fn place(index: u32) -> usize {
        index as usize % H::SLOTS
    }

    /// Takes a free slot and stores its cold part. The caller fills the hot words in, and makes
    /// the index known only then. `None` when every slot an index can name is taken, or as many as
    /// there may be.
    ///
    /// Takes the vacancy list and one page; a page that has to be made is made with neither held.
    pub(crate) fn insert(&self, cold: C) -> Option<(u32, &Arc<Page<H, C>>)> {
        // Declared before the lock, so that one that is not needed is freed after it.
        let mut made;
        let mut vacancy = self.vacancy.lock();
        while vacancy.first == NO_PAGE {
            if vacancy.live >= self.most {
                return None;
            }
            drop(vacancy);
            made = Some(Arc::new(Page::blank()));
            vacancy = self.vacancy.lock();
            self.add_page(&mut vacancy, &mut made)?;
        }
        if vacancy.live >= self.most {
            return None;
        }
        let page = self.page(vacancy.first * H::SLOTS as u32)?;
        let mut half = page.cold.lock();
        let key = half.slab.insert(cold);
        if half.slab.len() == H::SLOTS {
            vacancy.first = half.next_vacant;
        }
        vacancy.live += 1;
        Some((page.index(key), page))
    }

    /// Lets the arena have one more page, unless it has got room meanwhile.
    fn add_page(&self, vacancy: &mut Vacancy, made: &mut Option<Arc<Page<H, C>>>) -> Option<()> {
        if vacancy.first != NO_PAGE {
            return Some(());
        }
        let number = vacancy.pages;
        // No index may be the one that stands for none, or more than an index can say.
        (number + 1).checked_mul(H::SLOTS as u32)?;
        let place = match (number as usize).checked_sub(FIRST) {
            None => &self.first[number as usize],
            Some(later) => {
                let row = self.rows.get(later / FANOUT)?.get_or_init(|| blank(FANOUT));
                &row[later % FANOUT]
            }
        };
        let mut page = made.take()?;
        Arc::get_mut(&mut page)?.number = number;
        place.get_or_init(|| page);
        vacancy.pages += 1;
        vacancy.first = number;
        Some(())
    }

    /// Gives a slot back and returns its cold part; `None` if it is not taken.
    pub(crate) fn remove(&self, index: u32) -> Option<C> {
        let page = self.page(index)?;
        let mut vacancy = self.vacancy.lock();
        vacancy.take_back(page, &mut page.cold.lock(), Self::place(index))
    }

    /// Looks at, or changes, the cold part of a slot that is taken.
    pub(crate) fn with_cold<R>(&self, index: u32, look: impl FnOnce(&mut C) -> R) -> Option<R> {
        let mut half = self.page(index)?.cold.lock();
        half.slab.get_mut(Self::place(index)).map(look)
    }

    /// How many slots are taken.
    pub(crate) fn live(&self) -> usize {
        self.vacancy.lock().live
    }

    /// Whether as many slots are taken as there may be.
    pub(crate) fn is_full(&self) -> bool {
        self.live() >= self.most
    }

    /// More than the highest index that was ever given out: the end of the last page.
    pub(crate) fn end(&self) -> u32 {
        self.vacancy.lock().pages * H::SLOTS as u32
    }
}

impl<H: HotPage> Arena<H, ()> {
    /// Gives several slots back under one hold of the vacancy list; neighbours share that of a page.
    pub(crate) fn remove_all(&self, indices: &[u32]) {
        if indices.is_empty() {
            return;
        }
        let mut vacancy = self.vacancy.lock();
        let page_of = |index: &u32| *index as usize / H::SLOTS;
        for run in indices.chunk_by(|one, two| page_of(one) == page_of(two)) {
            let Some(page) = self.page(run[0]) else { continue };
            let mut half = page.cold.lock();
            count_items(run.len());
            for index in run {
                vacancy.take_back(page, &mut half, Self::place(*index));
            }
        }
    }
}

impl<H, C> fmt::Debug for Arena<H, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::base::sync::{AtomicU32, Ordering};

    struct Words(Column<AtomicU32, 4>);
    impl Default for Words {
        fn default() -> Self {
            Self(column(|| AtomicU32::new(0)))
        }
    }
    impl HotPage for Words {
        const SLOTS: usize = 4;
    }

    #[test]
    fn slots_are_reused_and_keep_their_place() {
        let arena = Arena::<Words, u32>::default();
        let all: Vec<u32> = (0..10).map(|n| arena.insert(n).unwrap().0).collect();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        assert_eq!(arena.remove(5), Some(5));
        assert_eq!(arena.remove(5), None);
        assert_eq!(arena.remove(1), Some(1));
        let mut again = [arena.insert(50).unwrap().0, arena.insert(51).unwrap().0];
        again.sort_unstable();
        assert_eq!(again, [1, 5]);
        assert_eq!(arena.insert(52).unwrap().0, 10);
        assert_eq!(arena.live(), 11);
        assert_eq!(arena.with_cold(3, |cold| *cold), Some(3));
    }

    #[test]
    fn no_more_slots_are_taken_than_the_limit_says() {
        let arena = Arena::<Words, ()>::with_limit(5);
        let all: Vec<u32> = std::iter::from_fn(|| arena.insert(()).map(|(slot, _)| slot)).collect();
        assert_eq!(all, [0, 1, 2, 3, 4]);
        arena.remove(2);
        assert_eq!(arena.insert(()).map(|(slot, _)| slot), Some(2));
        assert!(arena.insert(()).is_none());
        assert_eq!((arena.live(), arena.end()), (5, 8));
    }

    #[test]
    fn a_hot_word_is_readable_by_index_without_a_lock() {
        let arena = Arena::<Words, ()>::default();
        let (index, page) = arena.insert(()).unwrap();
        page.hot().0[Arena::<Words, ()>::place(index)].store(9, Ordering::Relaxed);
        let read = arena.page(index).unwrap().hot().0[0].load(Ordering::Relaxed);
        assert_eq!(read, 9);
        assert!(arena.page(400).is_none());
    }
}
