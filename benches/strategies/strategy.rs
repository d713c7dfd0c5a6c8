//! The operations of an algorithm, however it does them.

/// An event of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// One that watches ask for.
    Wanted,
    /// One that no watch asks for.
    Unwanted,
}

/// One of the children that events happen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child {
    /// One of [`PROBED`], evenly over all.
    Probed(usize),
    /// The one that a walk comes to last.
    Last,
}

/// How many children others touch all the time; as many threads as in the reproducer of the mail
/// thread.
pub(crate) const PROBED: usize = 10;
/// How many watchers there are, each with at most one watch at a time.
pub(crate) const WATCHERS: usize = 2;

/// A directory with many children, whose watches see to it that each child has a flag.
pub(crate) trait Strategy: Sync {
    /// Its name in the records.
    fn name(&self) -> &'static str;

    /// How many children there are.
    fn children(&self) -> usize;

    /// A watcher adds its watch.
    fn add(&self, watcher: usize);

    /// It removes it.
    fn remove(&self, watcher: usize);

    /// An event of a child; true if this watcher got it.
    fn touch(&self, child: Child, event: Event, watcher: usize) -> bool;

    /// The need of a missed look-up, or of a new name: its lock, for a moment.
    fn miss(&self);

    /// Whether a child has its flag.
    fn is_flagged(&self, child: Child) -> bool;

    /// Nothing is watched: lets the next add be a first one again, all flags gone or as good as.
    fn forget(&self);

    /// Nothing is watched: sees to it that the next add has to walk, and leaves stale flags stale.
    fn lose(&self);

    /// How many walks over all children have begun since the start.
    fn walks(&self) -> u64;
}
