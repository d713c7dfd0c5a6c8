//! The words of positive dentries, in pages.

use crate::base::arena::{Arena, Column, HotPage, column, slots};
use crate::base::slot_index::{AtomicIx, Ix};
#[cfg(all(test, not(shuttle)))]
use crate::base::sync::model_helpers::Tally;
use crate::base::sync::{AtomicU8, AtomicU64, Ordering};
use crate::tree::directory::Link;
use crate::tree::ref_state::RefState;
use crate::tree::slot_kinds::{DentrySlot, InodeSlot};

const SLOTS: usize = slots(4096);

/// The dentries' arena. A dentry's name is stored in its parent, so there is no cold part.
pub(crate) type Dentries = Arena<DentryPage, ()>;

/// The hot half of a page of dentries, column by column: a walk that flags children in the order
/// they were made stores to neighbouring bytes.
pub(crate) struct DentryPage {
    /// "My parent is watched": 1 or 0. A byte of its own, so that a walk can use a plain store.
    /// Written under the parent's `children` lock, as the rules in `tree::child_watch` say.
    /// Relaxed: a hook that must see a set flag runs after the return of the add, and a stale flag costs a
    /// look at the parent.
    watched: Column<AtomicU8, SLOTS>,
    /// Bits of [`HASHED`], [`MOUNTED`] and [`REFERENCED`]. Written under the parent's `children` (write),
    /// under the mount table's lock, and under no lock, respectively, by atomic or/and. Relaxed: those
    /// locks order the first two, and the third is a hint.
    state: Column<AtomicU8, SLOTS>,
    /// The [`Link`]. Stored under the parent's `children` (write), with `Release`.
    link: Column<AtomicU64, SLOTS>,
    /// The inode. Written before other threads can find the dentry.
    inode: Column<AtomicIx<InodeSlot>, SLOTS>,
    refs: Column<RefState, SLOTS>,
    /// The next dentry in the reaper's list. Written under that list's lock.
    next: Column<AtomicIx<DentrySlot>, SLOTS>,
    /// How often a child's flag was stored: the cost of walks, clears and links.
    #[cfg(all(test, not(shuttle)))]
    pub(super) flag_stores: Tally,
}

/// The dentry is in the index of its directory.
const HASHED: u8 = 1;
/// Something is mounted on the dentry, in some mount.
#[cfg(feature = "vfs")]
const MOUNTED: u8 = 2;
/// The dentry was looked up since the CLOCK hand of dentries passed.
const REFERENCED: u8 = 4;

impl Default for DentryPage {
    fn default() -> Self {
        Self {
            watched: column(|| AtomicU8::new(0)),
            state: column(|| AtomicU8::new(0)),
            link: column(|| AtomicU64::new(Link::ROOT.bits())),
            inode: column(AtomicIx::default),
            refs: column(RefState::default),
            next: column(AtomicIx::default),
            #[cfg(all(test, not(shuttle)))]
            flag_stores: Tally::default(),
        }
    }
}

impl HotPage for DentryPage {
    type Slot = DentrySlot;
    const SLOTS: usize = SLOTS;
}

/// The flags of the dentries of a page, for a loop over many of them: the column is looked up once.
#[derive(Clone, Copy)]
pub(crate) struct WatchedFlags<'a> {
    flags: &'a [AtomicU8; SLOTS],
    #[cfg(all(test, not(shuttle)))]
    stores: &'a Tally,
}

impl WatchedFlags<'_> {
    /// Sets the flag of one child: the inner loop of the walk.
    #[inline(always)]
    pub(super) fn set(self, index: Ix<DentrySlot>, watched: bool) {
        #[cfg(all(test, not(shuttle)))]
        self.stores.count();
        self.flags[Dentries::place(index)].store(u8::from(watched), Ordering::Relaxed);
    }
}

impl DentryPage {
    #[inline(always)]
    pub(super) fn watched_flags(&self) -> WatchedFlags<'_> {
        WatchedFlags {
            flags: &self.watched,
            #[cfg(all(test, not(shuttle)))]
            stores: &self.flag_stores,
        }
    }

    #[inline(always)]
    pub(super) fn set_watched(&self, index: Ix<DentrySlot>, watched: bool) {
        self.watched_flags().set(index, watched);
    }

    #[inline(always)]
    pub(crate) fn is_watched(&self, index: Ix<DentrySlot>) -> bool {
        self.watched[Dentries::place(index)].load(Ordering::Relaxed) != 0
    }

    #[inline(always)]
    pub(crate) fn link(&self, index: Ix<DentrySlot>) -> Link {
        Link::from_bits(self.link[Dentries::place(index)].load(Ordering::Acquire))
    }

    pub(crate) fn set_link(&self, index: Ix<DentrySlot>, link: Link) {
        self.link[Dentries::place(index)].store(link.bits(), Ordering::Release);
    }

    #[inline]
    pub(crate) fn inode(&self, index: Ix<DentrySlot>) -> Ix<InodeSlot> {
        self.inode[Dentries::place(index)].load_some(Ordering::Relaxed)
    }

    pub(crate) fn refs(&self, index: Ix<DentrySlot>) -> &RefState {
        &self.refs[Dentries::place(index)]
    }

    pub(crate) fn next(&self, index: Ix<DentrySlot>) -> Option<Ix<DentrySlot>> {
        self.next[Dentries::place(index)].load(Ordering::Relaxed)
    }

    pub(crate) fn set_next(&self, index: Ix<DentrySlot>, next: Option<Ix<DentrySlot>>) {
        self.next[Dentries::place(index)].store(next, Ordering::Relaxed);
    }

    /// Fills in the words of a new slot and sets its first reference. No other thread knows the slot yet.
    pub(crate) fn begin(&self, index: Ix<DentrySlot>, inode: Ix<InodeSlot>) {
        let place = Dentries::place(index);
        self.inode[place].store(Some(inode), Ordering::Relaxed);
        self.watched[place].store(0, Ordering::Relaxed);
        self.state[place].store(0, Ordering::Relaxed);
        // A hook that finds it must not take it for a child of the directory that the slot's last dentry was
        // in.
        self.set_link(index, Link::ROOT);
        self.refs[place].begin();
    }

    pub(crate) fn is_hashed(&self, index: Ix<DentrySlot>) -> bool {
        self.state[Dentries::place(index)].load(Ordering::Relaxed) & HASHED != 0
    }

    #[cfg(feature = "vfs")]
    pub(crate) fn is_mounted_on(&self, index: Ix<DentrySlot>) -> bool {
        self.state[Dentries::place(index)].load(Ordering::Relaxed) & MOUNTED != 0
    }

    fn set_state(&self, index: Ix<DentrySlot>, bit: u8, on: bool) {
        let state = &self.state[Dentries::place(index)];
        if on {
            state.fetch_or(bit, Ordering::Relaxed);
        } else {
            state.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    /// Notes that the dentry was looked up; stores only if that is not noted yet.
    #[inline]
    pub(super) fn set_referenced(&self, index: Ix<DentrySlot>) {
        if self.state[Dentries::place(index)].load(Ordering::Relaxed) & REFERENCED == 0 {
            self.set_state(index, REFERENCED, true);
        }
    }

    /// Whether the dentry was looked up since the last call.
    pub(super) fn take_referenced(&self, index: Ix<DentrySlot>) -> bool {
        let state = &self.state[Dentries::place(index)];
        state.load(Ordering::Relaxed) & REFERENCED != 0
            && state.fetch_and(!REFERENCED, Ordering::Relaxed) & REFERENCED != 0
    }

    pub(crate) fn set_hashed(&self, index: Ix<DentrySlot>, hashed: bool) {
        self.set_state(index, HASHED, hashed);
    }

    #[cfg(feature = "vfs")]
    pub(crate) fn set_mounted_on(&self, index: Ix<DentrySlot>, mounted: bool) {
        self.set_state(index, MOUNTED, mounted);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
impl DentryPage {
    /// How many bytes a dentry takes in all columns; a new column does not compile until it is counted.
    pub(crate) fn bytes_per_slot(&self) -> usize {
        use crate::base::arena::bytes_per_slot as of;
        let Self { watched, state, link, inode, refs, next, flag_stores: _ } = self;
        of(watched) + of(state) + of(link) + of(inode) + of(refs) + of(next)
    }
}
