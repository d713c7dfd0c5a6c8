//! The interest of an object, which hooks read: the union of what its marks want, changed under its connector's
//! lock.

use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
use crate::base::sync::count_items;
use crate::notify::connector::ConnectorGuard;
use crate::notify::mark::MarkSlot;
use crate::notify::notifier::Notifier;
use crate::notify::watched_object::Watched;

fn child_interest(bits: u32) -> EventMask {
    EventMask::from_bits_retain(bits).child_interest()
}

impl Notifier {
    /// Adds the bits of a new mark to the interest of its object. The connector is locked.
    pub(super) fn widen(&self, target: Watched<'_>, bits: u32) {
        // Children first: a thread that sees the directory's own interest sees that the epoch of the flags has
        // begun.
        if let Some(dir) = target.dir() {
            let children = &self.tree().dir_at(dir).children;
            children.publish(u64::from(dir), children.interest() | child_interest(bits).bits());
        }
        target.set_interest(target.interest() | bits);
    }

    /// Recalculates the interest from the live marks of an object.
    pub(crate) fn recalc(&self, target: Watched<'_>, connected: &ConnectorGuard<'_>) {
        let (mut all, mut child) = (0, EventMask::empty());
        count_items(connected.marks().len());
        for mark in connected.marks() {
            if let Some(bits) = self.live_bits(*mark) {
                all |= bits;
                child |= child_interest(bits);
            }
        }
        if let Some(dir) = target.dir() {
            self.tree().dir_at(dir).children.publish(u64::from(dir), child.bits());
        }
        target.set_interest(all);
    }

    /// [`Notifier::recalc`] after a mark was detached. It is skipped if a remaining mark wants the whole
    /// interest: with many equal marks, the first one shows it.
    pub(super) fn recalc_if_needed(&self, target: Watched<'_>, connected: &ConnectorGuard<'_>) {
        let before = target.interest();
        let wants_all = |mark: &Ix<MarkSlot>| {
            count_items(1);
            self.live_bits(*mark) == Some(before)
        };
        if !connected.marks().iter().any(wants_all) {
            self.recalc(target, connected);
        }
    }

    /// The bits that a live mark adds to the interest of its object.
    pub(crate) fn live_bits(&self, mark: Ix<MarkSlot>) -> Option<u32> {
        let page = self.marks().page(mark).expect("an index that was given out has a page").hot();
        let word = page.slot(mark).word();
        word.is_alive().then(|| page.calc(mark, word))
    }
}

/// Takes a connector off its object if it has no marks. The connector is locked. If true, the caller frees it.
pub(crate) fn release_if_empty(connected: &mut ConnectorGuard<'_>, target: Watched<'_>) -> bool {
    if !connected.marks().is_empty() {
        return false;
    }
    connected.set_object(None);
    target.notify().remove();
    target.disconnected();
    true
}
