//! What hooks look at of an object with marks: kept in step with its marks, under its connector's lock.

use crate::base::index::Ix;
use crate::base::mask::EventMask;
use crate::base::sync::count_items;
use crate::notify::connector::ConnectorGuard;
use crate::notify::mark::MarkSlot;
use crate::notify::notifier::Notifier;
use crate::notify::watched::Watched;

fn child_interest(bits: u32) -> EventMask {
    EventMask::from_bits_retain(bits).child_interest()
}

impl Notifier {
    /// Adds what a new mark wants to what hooks look at. The connector is locked.
    pub(super) fn widen(&self, target: Watched<'_>, bits: u32) {
        // Children first: whoever sees the directory's own interest finds the flags' epoch begun.
        if let Some(dir) = target.dir() {
            let children = &self.tree().dir_at(dir).children;
            children.publish(u64::from(dir), children.interest() | child_interest(bits).bits());
        }
        target.set_interest(target.interest() | bits);
    }

    /// Rebuilds what hooks look at from the live marks of an object.
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

    /// [`Notifier::recalc`] after a mark was taken away. If one that is left wants all that hooks
    /// look at, nothing has changed: with many marks of one interest, the first says so.
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

    /// What a live mark adds to the interest of its object.
    pub(crate) fn live_bits(&self, mark: Ix<MarkSlot>) -> Option<u32> {
        let page = self.marks().page(mark).expect("an index that was given out has a page").hot();
        let word = page.slot(mark).word();
        word.is_alive().then(|| page.calc(mark, word))
    }
}

/// Takes a connector without marks off its object, with the connector locked; true if it did, and
/// the caller is to free it.
pub(crate) fn release_if_empty(connected: &mut ConnectorGuard<'_>, target: Watched<'_>) -> bool {
    if !connected.marks().is_empty() {
        return false;
    }
    connected.set_object(None);
    target.notify().remove();
    target.disconnected();
    true
}
