//! Slots that never move: pages with a hot half that is read without a lock, and a slab.
//!
//! A page is made once and lives as long as its arena. Its hot half holds permanent words (or locks) of
//! every slot, which a thread may read by slot number at any time; a generation in the slot guards
//! their meaning. The words are in [`Column`]s, each built in its place on the heap, since a page is
//! larger than the stack of a fiber. The other half is a [`slab::Slab`] behind the page's lock, which
//! allocates the slots and holds rarely used data. A slot's number, an [`Ix`], is made of the number of
//! its page and its place there, which is the slab's key. Pages are numbered from 1, so that no slot
//! has the number 0.

use std::fmt;
use std::num::NonZeroU32;

use slab::Slab;

use crate::base::slot_index::Ix;
use crate::base::sync::{Arc, Mutex, OnceLock, count_items, rank};

/// The same word, or lock, of every slot of a page.
///
/// An array and not a slice: an index modulo the number of slots needs no bounds check.
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

/// The hot half of a page, in [`Column`]s: moving it moves pointers only.
pub(crate) trait HotPage: Default + Send + Sync {
    /// A slot, or a type that stands for one whose words are in columns.
    type Slot;
    /// How many slots a page has; a power of two.
    const SLOTS: usize;
}

/// How many slots a page has: few under a model checker, which follows every word.
pub(crate) const fn slots(ordinary: usize) -> usize {
    if cfg!(any(loom, shuttle)) { 2 } else { ordinary }
}

const FANOUT: usize = if cfg!(any(loom, shuttle)) { 16 } else { 1024 };
/// Pages with smaller numbers are found in one step less: as many pages as most arenas ever have.
const FIRST: usize = 1 + if cfg!(any(loom, shuttle)) { 4 } else { 128 };

/// The number of a page, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageNumber(NonZeroU32);

/// A page of an [`Arena`]; reads of the hot half go straight through.
pub(crate) struct Page<H, C> {
    hot: H,
    cold: Mutex<Cold<C>, { rank::ARENA_PAGE }>,
}

struct Cold<C> {
    slab: Slab<C>,
    /// The next page with room; meaningful while this page is on that list.
    next_vacant: Option<PageNumber>,
}

impl<H: HotPage, C> Page<H, C> {
    /// The hot half.
    #[inline]
    pub(crate) fn hot(&self) -> &H {
        &self.hot
    }

    /// A new page that is in no arena yet.
    fn blank() -> Self {
        count_items(H::SLOTS);
        Self {
            hot: H::default(),
            cold: Mutex::new(Cold { slab: Slab::with_capacity(H::SLOTS), next_vacant: None }),
        }
    }
}

impl<H, C> fmt::Debug for Page<H, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

/// Some pages, each made when it is first needed. An array, for the same reason as a column.
type Row<H, C, const PAGES: usize> = Column<OnceLock<Arc<Page<H, C>>>, PAGES>;

/// An allocated slot, and its page.
type Inserted<'a, H, C> = (Ix<<H as HotPage>::Slot>, &'a Arc<Page<H, C>>);

/// Pages of slots; see the module.
pub(crate) struct Arena<H, C> {
    /// The first pages by number; there is no page 0.
    first: Row<H, C, FIRST>,
    /// The pages after the first ones.
    rows: Column<OnceLock<Row<H, C, FANOUT>>, FANOUT>,
    vacancy: Mutex<Vacancy, { rank::ARENA_VACANCY }>,
    /// How many slots may be allocated at once.
    most: usize,
}

#[derive(Debug)]
struct Vacancy {
    pages: u32,
    first: Option<PageNumber>,
    live: usize,
}

impl Vacancy {
    /// Frees a slot of a locked page; returns its cold part, if it was allocated.
    fn take_back<H: HotPage, C>(&mut self, slot: Ix<H::Slot>, half: &mut Cold<C>) -> Option<C> {
        let was_full = half.slab.len() == H::SLOTS;
        let cold = half.slab.try_remove(Arena::<H, C>::place(slot))?;
        if was_full {
            half.next_vacant = self.first;
            self.first = Arena::<H, C>::page_number(slot);
        }
        self.live -= 1;
        Some(cold)
    }
}

fn blank<T, const LEN: usize>() -> Column<OnceLock<T>, LEN> {
    count_items(LEN);
    column(OnceLock::new)
}

impl<H: HotPage, C> Default for Arena<H, C> {
    fn default() -> Self {
        Self::with_limit(usize::MAX)
    }
}

impl<H: HotPage, C> Arena<H, C> {
    /// An arena of which at most `most` slots are allocated at once.
    pub(crate) fn with_limit(most: usize) -> Self {
        Self {
            first: blank(),
            rows: blank(),
            vacancy: Mutex::new(Vacancy { pages: 0, first: None, live: 0 }),
            most,
        }
    }

    /// The page of a slot, if it was ever made.
    #[inline]
    pub(crate) fn page(&self, slot: Ix<H::Slot>) -> Option<&Arc<Page<H, C>>> {
        self.page_at(slot.word() as usize / H::SLOTS)
    }

    #[inline]
    fn page_at(&self, number: usize) -> Option<&Arc<Page<H, C>>> {
        match self.first.get(number) {
            Some(page) => page.get(),
            None => self.later_page(number - FIRST),
        }
    }

    // Inlined: a call would make the code around every look-up save its registers.
    #[inline]
    fn later_page(&self, number: usize) -> Option<&Arc<Page<H, C>>> {
        self.rows.get(number / FANOUT)?.get()?[number % FANOUT].get()
    }

    /// The place of a slot in its page.
    #[inline(always)]
    pub(crate) const fn place(slot: Ix<H::Slot>) -> usize {
        slot.word() as usize % H::SLOTS
    }

    /// The number of a slot's page; `None` for a slot of no arena.
    #[inline(always)]
    pub(crate) fn page_number(slot: Ix<H::Slot>) -> Option<PageNumber> {
        NonZeroU32::new(slot.word() / H::SLOTS as u32).map(PageNumber)
    }

    /// The slot that has this many slots before it, in its page and in earlier ones.
    pub(crate) fn nth(nth: u32) -> Ix<H::Slot> {
        Ix::new(NonZeroU32::MIN.saturating_add(H::SLOTS as u32 - 1 + nth))
    }

    /// How many slots come before this one.
    pub(crate) fn ordinal(slot: Ix<H::Slot>) -> u32 {
        slot.word() - H::SLOTS as u32
    }

    /// Allocates a slot and stores its cold part. The caller fills in the hot words before it publishes
    /// the slot's number. `None` when every number of a slot is allocated, or the limit is reached.
    ///
    /// Takes the vacancy list and one page. A new page is made with neither lock held.
    pub(crate) fn insert(&self, cold: C) -> Option<Inserted<'_, H, C>> {
        // Declared before the lock, so that an unneeded page is freed after it.
        let mut made;
        let mut vacancy = self.vacancy.lock();
        let PageNumber(number) = loop {
            if vacancy.live >= self.most {
                return None;
            }
            if let Some(number) = vacancy.first {
                break number;
            }
            drop(vacancy);
            made = Some(Arc::new(Page::blank()));
            vacancy = self.vacancy.lock();
            self.add_page(&mut vacancy, &mut made)?;
        };
        let page = self.page_at(number.get() as usize)?;
        let mut half = page.cold.lock();
        let key = half.slab.insert(cold);
        if half.slab.len() == H::SLOTS {
            vacancy.first = half.next_vacant;
        }
        vacancy.live += 1;
        Some((Ix::from_word(number.get() * H::SLOTS as u32 + key as u32)?, page))
    }

    /// Adds a page to the arena, unless the arena has room by now.
    fn add_page(&self, vacancy: &mut Vacancy, made: &mut Option<Arc<Page<H, C>>>) -> Option<()> {
        if vacancy.first.is_some() {
            return Some(());
        }
        let number = vacancy.pages + 1;
        // No slot of the page may have a number that an `Ix` cannot hold.
        (number + 1).checked_mul(H::SLOTS as u32)?;
        let place = match (number as usize).checked_sub(FIRST) {
            None => &self.first[number as usize],
            Some(later) => {
                let row = self.rows.get(later / FANOUT)?.get_or_init(blank);
                &row[later % FANOUT]
            }
        };
        let page = made.take()?;
        place.get_or_init(|| page);
        vacancy.pages = number;
        vacancy.first = NonZeroU32::new(number).map(PageNumber);
        Some(())
    }

    /// Frees a slot and returns its cold part; `None` if it is not allocated.
    pub(crate) fn remove(&self, slot: Ix<H::Slot>) -> Option<C> {
        let page = self.page(slot)?;
        let mut vacancy = self.vacancy.lock();
        vacancy.take_back::<H, C>(slot, &mut page.cold.lock())
    }

    /// Reads or changes the cold part of an allocated slot.
    pub(crate) fn with_cold<R>(
        &self,
        slot: Ix<H::Slot>,
        look: impl FnOnce(&mut C) -> R,
    ) -> Option<R> {
        let mut half = self.page(slot)?.cold.lock();
        half.slab.get_mut(Self::place(slot)).map(look)
    }

    /// How many slots are allocated.
    pub(crate) fn live(&self) -> usize {
        self.vacancy.lock().live
    }

    #[cfg(feature = "vfs")]
    /// Whether as many slots are allocated as the limit allows.
    pub(crate) fn is_full(&self) -> bool {
        self.live() >= self.most
    }

    /// How many slots its pages have, allocated or not.
    pub(crate) fn capacity(&self) -> u32 {
        self.vacancy.lock().pages * H::SLOTS as u32
    }

    /// All slots of its present pages, allocated or not.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = Ix<H::Slot>> + use<H, C> {
        (0..self.capacity()).map(Self::nth)
    }
}

impl<H: HotPage> Arena<H, ()> {
    /// Frees several slots under one hold of the vacancy list; neighbours share one hold of their page.
    pub(crate) fn remove_all(&self, slots: &[Ix<H::Slot>]) {
        if slots.is_empty() {
            return;
        }
        let mut vacancy = self.vacancy.lock();
        let is_near = |one: &Ix<_>, two: &Ix<_>| Self::page_number(*one) == Self::page_number(*two);
        for run in slots.chunk_by(is_near) {
            let Some(page) = self.page(run[0]) else { continue };
            let mut half = page.cold.lock();
            count_items(run.len());
            for slot in run {
                vacancy.take_back::<H, ()>(*slot, &mut half);
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
        type Slot = AtomicU32;
        const SLOTS: usize = 4;
    }

    #[test]
    fn slots_are_reused_and_keep_their_place() {
        let arena = Arena::<Words, u32>::default();
        let nth = Arena::<Words, u32>::nth;
        let all: Vec<_> = (0..10).map(|n| arena.insert(n).unwrap().0).collect();
        assert_eq!(all, (0..10).map(nth).collect::<Vec<_>>());
        assert_eq!(arena.remove(nth(5)), Some(5));
        assert_eq!(arena.remove(nth(5)), None);
        assert_eq!(arena.remove(nth(1)), Some(1));
        let mut again = [arena.insert(50).unwrap().0, arena.insert(51).unwrap().0];
        again.sort_unstable();
        assert_eq!(again, [nth(1), nth(5)]);
        assert_eq!(arena.insert(52).unwrap().0, nth(10));
        assert_eq!(arena.live(), 11);
        assert_eq!(arena.with_cold(nth(3), |cold| *cold), Some(3));
    }

    #[test]
    fn no_more_slots_are_allocated_than_the_limit_allows() {
        let arena = Arena::<Words, ()>::with_limit(5);
        let nth = Arena::<Words, ()>::nth;
        let all: Vec<_> = std::iter::from_fn(|| arena.insert(()).map(|(slot, _)| slot)).collect();
        assert_eq!(all, [0, 1, 2, 3, 4].map(nth));
        arena.remove(nth(2));
        assert_eq!(arena.insert(()).map(|(slot, _)| slot), Some(nth(2)));
        assert!(arena.insert(()).is_none());
        assert_eq!((arena.live(), arena.capacity()), (5, 8));
    }

    #[test]
    fn a_hot_word_is_readable_by_index_without_a_lock() {
        let arena = Arena::<Words, ()>::default();
        let (slot, page) = arena.insert(()).unwrap();
        page.hot().0[Arena::<Words, ()>::place(slot)].store(9, Ordering::Relaxed);
        let read = arena.page(slot).unwrap().hot().0[0].load(Ordering::Relaxed);
        assert_eq!(read, 9);
        assert!(arena.page(Arena::<Words, ()>::nth(400)).is_none());
    }

    /// 0 stands for "none" in every word that names a slot.
    #[test]
    fn slots_are_numbered_from_the_first_page_on_and_none_is_0() {
        let arena = Arena::<Words, u32>::default();
        // Goes beyond the pages that are found in one step.
        let slots: Vec<_> =
            (0..4 * FIRST as u32 + 9).map(|n| (n, arena.insert(n).unwrap().0)).collect();
        for (n, slot) in &slots {
            assert_eq!((slot.word(), Arena::<Words, u32>::ordinal(*slot)), (n + 4, *n));
            assert_eq!(arena.with_cold(*slot, |cold| *cold), Some(*n));
        }
        let all: Vec<_> = arena.all().collect();
        assert!(all.iter().zip(&slots).all(|(one, (_, two))| one == two));
        assert_eq!(all.len(), arena.capacity() as usize);
        for before in (1..4).filter_map(Ix::from_word) {
            assert!(arena.page(before).is_none() && arena.remove(before).is_none());
            assert_eq!(Arena::<Words, u32>::page_number(before), None);
        }
    }
}
