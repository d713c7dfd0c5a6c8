//! The directory that is walked, and the operations of others there meanwhile.

/// A directory that one thread watches and unwatches, each add a walk over all children, while
/// another works in it.
pub(crate) trait Stage: Sync {
    /// As the records call it.
    fn side(&self) -> &str;

    /// The suffix of the names of its scenarios.
    fn suffix(&self) -> &'static str {
        ""
    }

    /// How many children are walked over.
    fn children(&self) -> usize;

    /// Adds a watch for `MODIFY`, the only one on the directory: walks.
    fn add(&self) -> i32;

    /// Removes it, sees to it that the next add walks too, and returns how many events of
    /// children the watch had reported.
    fn remove(&self, wd: i32) -> usize;

    /// The operations of others.
    fn operations(&self) -> Vec<Operation<'_>>;
}

/// Something done in the directory, again and again.
pub(crate) struct Operation<'a> {
    pub(crate) name: &'static str,
    /// Whether the watch is told of it.
    pub(crate) is_delivered: bool,
    pub(crate) run: Box<dyn FnMut() + 'a>,
}

impl<'a> Operation<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { name, is_delivered: false, run: Box::new(run) }
    }

    /// One of which the watch is told.
    pub(crate) fn delivered(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { name, is_delivered: true, run: Box::new(run) }
    }
}

/// The names of the operations, the same for all stages.
pub(crate) mod names {
    pub(crate) const NOTHING: &str = "nothing";
    pub(crate) const HOOK: &str = "hook";
    pub(crate) const OPEN: &str = "open and close";
    pub(crate) const WRITE: &str = "write";
    pub(crate) const HIT: &str = "lookup hit";
    pub(crate) const CACHED_MISS: &str = "lookup cached miss";
    pub(crate) const NEW_MISS: &str = "lookup new miss";
    pub(crate) const CREATE: &str = "create and unlink";
    pub(crate) const RENAME: &str = "rename";
    pub(crate) const ALL: [&str; 9] =
        [NOTHING, HOOK, OPEN, WRITE, HIT, CACHED_MISS, NEW_MISS, CREATE, RENAME];
}

/// How many different children, or missing names, an operation goes through.
pub(crate) const VARIETY: usize = 1000;

/// Names that never came before: a prefix and a number, counted up in place, so that making them
/// takes no time that counts.
#[derive(Debug)]
pub(crate) struct FreshNames(Vec<u8>);

impl FreshNames {
    pub(crate) fn new(prefix: &str) -> Self {
        Self(format!("{prefix}00000000").into_bytes())
    }

    pub(crate) fn next(&mut self) -> &[u8] {
        for digit in self.0.iter_mut().rev() {
            if *digit == b'9' {
                *digit = b'0';
            } else {
                *digit += 1;
                break;
            }
        }
        &self.0
    }
}

/// Goes round a list for ever.
#[derive(Debug)]
pub(crate) struct Round<T> {
    items: Vec<T>,
    at: usize,
}

impl<T> Round<T> {
    pub(crate) fn new(items: Vec<T>) -> Self {
        assert!(!items.is_empty(), "nothing to go round");
        Self { items, at: 0 }
    }

    pub(crate) fn next(&mut self) -> &T {
        self.at = if self.at + 1 == self.items.len() { 0 } else { self.at + 1 };
        &self.items[self.at]
    }
}

/// The numbers of `VARIETY` children, evenly over all.
pub(crate) fn some_of(children: usize) -> impl Iterator<Item = usize> {
    let step = children.div_ceil(VARIETY).max(1);
    (0..children).step_by(step)
}
