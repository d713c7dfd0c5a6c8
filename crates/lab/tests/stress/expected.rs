//! The events that an instance must get: exactly what its thread did.

use vfsnotify::EventMask;
use vfsnotify::inotify::{Event, Inotify, WatchDescriptor, WatchMask};

/// A watch, what happened, to which name, in which rename of the step.
type Wanted = (WatchDescriptor, EventMask, String, u8);

/// A watch on a directory, and what it wants.
pub(crate) type Watch = Option<(WatchDescriptor, WatchMask)>;

/// The events of one step.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    wanted: Vec<Wanted>,
    /// Renames made in this step: the events of one have one cookie.
    renames: u8,
    /// Events that came as they must, in all steps.
    pub(crate) delivered: u64,
}

impl Expected {
    /// The events of a rename come next.
    pub(crate) fn rename(&mut self) {
        self.renames += 1;
    }

    /// An event of a name in a directory: reported if that is watched for it, and the last one if the
    /// watch is a one-shot.
    pub(crate) fn want(&mut self, watch: &mut Watch, what: EventMask, name: &str) {
        let Some((wd, mask)) = *watch else { return };
        if mask.bits() & what.bits() & WatchMask::ALL_EVENTS.bits() == 0 {
            return;
        }
        let is_half = what.intersects(EventMask::MOVED_FROM | EventMask::MOVED_TO);
        let rename = if is_half { self.renames } else { 0 };
        self.wanted.push((wd, what, name.to_owned(), rename));
        if mask.contains(WatchMask::ONESHOT) {
            self.want_ignored(watch);
        }
    }

    /// The watch goes.
    pub(crate) fn want_ignored(&mut self, watch: &mut Watch) {
        if let Some((wd, _)) = watch.take() {
            self.wanted.push((wd, EventMask::IGNORED, String::new(), 0));
        }
    }

    /// Ends the step: reads everything, and compares what is about its own names, its own directory
    /// and its own watches with what was done, in order.
    pub(crate) fn compare(
        &mut self,
        inotify: &Inotify,
        thread: usize,
        private: Watch,
        is_own_name: impl Fn(&[u8]) -> bool,
    ) {
        let wanted = std::mem::take(&mut self.wanted);
        self.renames = 0;
        let mut came: Vec<Wanted> = Vec::new();
        let mut cookies = Vec::new();
        for event in inotify.drain() {
            let Event::Fs(event) = event else { panic!("its queue has no end: {event:?}") };
            let is_own = is_own_name(&event.name)
                || private.is_some_and(|(wd, _)| wd == event.wd)
                || event.mask.contains(EventMask::IGNORED);
            // Attributes are for others to change.
            if !is_own || event.mask.contains(EventMask::ATTRIB) {
                continue;
            }
            let mut rename = 0;
            if event.cookie != 0 {
                if cookies.last() != Some(&event.cookie) {
                    assert!(!cookies.contains(&event.cookie), "the events of a rename are apart");
                    cookies.push(event.cookie);
                }
                rename = cookies.len() as u8;
            }
            let name = String::from_utf8_lossy(&event.name).into_owned();
            // A listing reads twice, and what another does may keep the two events from merging.
            let next = (event.wd, event.mask, name, rename);
            if !(event.mask.contains(EventMask::ACCESS) && came.last() == Some(&next)) {
                came.push(next);
            }
        }
        assert_eq!(came, wanted, "thread {thread}: what came, and what it did");
        self.delivered += came.len() as u64;
    }
}
