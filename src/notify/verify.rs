//! Checks of the notifier's invariants, for tests, fuzzers and benches.

use std::collections::BTreeMap;

use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
use crate::notify::notifier::Notifier;
use crate::notify::watched_object::Watched;
use crate::tree::superblock::SuperblockSlot;

/// The counts in the gate of a superblock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct BehindGate {
    objects: u32,
    marked_mounts: u32,
}

impl Notifier {
    /// Checks every invariant of the tree and of the notifier. Call it while no other thread uses them.
    ///
    /// # Errors
    /// A description of the first invariant that does not hold.
    #[doc(hidden)]
    pub fn verify(&self) -> Result<(), String> {
        self.tree().verify()?;
        let (mut on_objects, mut objects) = (0, 0);
        let mut behind_gates: BTreeMap<Ix<SuperblockSlot>, BehindGate> = BTreeMap::new();
        // Each connector: its object, its marks, and the interest that hooks read.
        for index in self.connectors().all() {
            let connected = self.connector(index).lock();
            let Some(object) = connected.object() else { continue };
            objects += 1;
            on_objects += connected.marks().len();
            let watched = self.watched_at(object);
            if watched.key() != object || watched.notify().connector() != Some(index) {
                return Err(format!("{object:?} does not point to its connector {index}"));
            }
            if connected.marks().is_empty() {
                return Err(format!("{object:?} has a connector without marks"));
            }
            let sole = match connected.marks() {
                [mark] => Some(*mark),
                _ => None,
            };
            if self.connector(index).sole() != sole {
                return Err(format!("{object:?} has another sole mark in its connector"));
            }
            let (mut all, mut child) = (0, EventMask::empty());
            let (mut last, mut may_ignore) = (None, false);
            for mark in connected.marks() {
                let order = self.order_of_mark(*mark);
                let word = self.mark(*mark).word();
                if !word.is_alive() {
                    return Err(format!("{object:?} keeps a mark that has ended"));
                }
                if Some(order) < last {
                    return Err(format!("the marks of {object:?} are out of order"));
                }
                last = Some(order);
                may_ignore |= word.has_ignore();
                let bits = self.live_bits(*mark).unwrap_or_default();
                all |= bits;
                child |= EventMask::from_bits_retain(bits).child_interest();
            }
            // A MODIFY that clears ignore words leaves the interest as wide as it was.
            let is_expected = |seen: u32, wanted: u32| match may_ignore {
                true => seen & wanted == wanted,
                false => seen == wanted,
            };
            if !is_expected(watched.interest(), all) {
                return Err(format!("the interest of {object:?} is not that of its marks"));
            }
            let behind = behind_gates.entry(watched.superblock().index()).or_default();
            behind.objects += 1;
            behind.marked_mounts +=
                u32::from(matches!(watched, Watched::Mount { .. }) && watched.interest() != 0);
            let dir = watched.dir().map(|dir| self.tree().dir_at(dir).child_interest());
            if dir.is_some_and(|interest| !is_expected(interest, child.bits())) {
                return Err(format!("the child interest of {object:?} is not that of its marks"));
            }
        }
        // Each gate counts the connectors and marked mounts of its superblock.
        for index in self.tree().superblocks() {
            let behind = behind_gates.get(&index).copied().unwrap_or_default();
            let gate = self.tree().superblock_at(index).gate();
            let seen = gate.load();
            let counted =
                BehindGate { objects: seen.objects(), marked_mounts: gate.marked_mounts() };
            if counted != behind || seen.has_marked_mounts() != (behind.marked_mounts != 0) {
                return Err(format!("behind the gate of {index} are {behind:?}, not {counted:?}"));
            }
        }
        // Groups, connectors and the arena have the same number of marks.
        let in_groups: usize =
            self.groups().all().map(|group| self.group(group).marks.lock().count).sum();
        if in_groups != on_objects || in_groups != self.marks().live() {
            let live = self.marks().live();
            return Err(format!(
                "{in_groups} marks in groups, {on_objects} on objects, {live} live"
            ));
        }
        // The charges of the queues sum up to the counted total.
        let charged: usize =
            self.groups().all().map(|group| self.group(group).queue.lock().charged()).sum();
        if charged != self.users().memory().used() {
            let used = self.users().memory().used();
            return Err(format!("queues are charged {charged} bytes, {used} are counted"));
        }
        if self.groups().live() == 0 && self.users().known() != 0 {
            return Err(format!("{} users have no group and are known", self.users().known()));
        }
        if objects != self.connectors().live() {
            return Err(format!("{objects} connectors in use, {}", self.connectors().live()));
        }
        Ok(())
    }
}
