//! The close of a group with all its marks.

use smallvec::SmallVec;

use crate::base::slot_index::Ix;
use crate::base::sync::count_items;
use crate::notify::delivery_order::Group;
use crate::notify::limits::User;
use crate::notify::mark::MarkSlot;
use crate::notify::mark_table::MarkChains;
use crate::notify::marks::detach::{FreedConnector, Recalc};
use crate::notify::notifier::Notifier;
use crate::notify::watched_object::Kept;
use crate::tree::notify_slot::Connector;

impl Notifier {
    /// Closes a group: first its queue, then its marks, a batch of them under each hold of its lock.
    pub(crate) fn close_group(&self, group: Ix<Group>) {
        let slot = self.group(group);
        let user = {
            let mut marks = slot.marks.lock();
            marks.open = false;
            marks.user.clone()
        };
        self.close_queue(slot);
        let mut bucket = 0;
        loop {
            let mut marks = slot.marks.lock();
            if marks.count == 0 {
                // The grown table is freed here, with the lock released.
                let rest = std::mem::take(&mut *marks);
                drop(marks);
                drop(rest);
                break;
            }
            // Pop a batch of marks from the table.
            let mut batch = Batch::default();
            let mut popped: SmallVec<[Ix<MarkSlot>; BATCH]> = (0..BATCH)
                .map_while(|_| {
                    marks.by_tag.pop_any(&mut MarkChains(self), &mut bucket, BUCKETS_PER_MARK)
                })
                .collect();
            fetch(
                popped.iter().map(|mark| {
                    Ix::word_or_zero(self.connector(self.mark(*mark).connector()).sole())
                }),
            );
            // Detaching a mark from an object with many marks searches all of them, so each hold detaches at
            // most one such mark.
            let mut shared = 0;
            let at_second = popped.iter().position(|mark| {
                let is_sole = self.connector(self.mark(*mark).connector()).sole().is_some();
                shared += usize::from(!is_sole);
                shared > 1
            });
            for mark in popped.drain(at_second.unwrap_or(popped.len())..) {
                marks.by_tag.insert(&mut MarkChains(self), mark);
            }
            // Detach the marks of the batch.
            for mark in popped {
                count_items(1);
                let slot = self.mark(mark);
                // A one-shot that is firing now has claimed the mark already. In both cases its life is over.
                slot.claim_any(slot.word().generation());
                batch.connectors.extend(self.detach_from_object(mark, Recalc::Now));
                marks.count -= 1;
                batch.ended += 1;
                if slot.end() {
                    batch.marks.push(mark);
                }
            }
            // A hook whose one-shot fired may wait for this lock to detach it.
            marks.unlock_fair();
            self.free_batch(&batch, user.as_deref());
        }
        if let Some(user) = user {
            self.users().release_instance(&user);
        }
    }

    fn free_batch(&self, batch: &Batch, user: Option<&User>) {
        if let Some(user) = user {
            user.release_watches(batch.ended);
        }
        self.marks().remove_all(&batch.marks);
        let connectors: SmallVec<[Ix<Connector>; BATCH]> =
            batch.connectors.iter().map(|(connector, _)| *connector).collect();
        self.connectors().remove_all(&connectors);
        let uses = |kept: &Option<Kept>| match *kept {
            Some(Kept::Inode(inode)) => self.tree().inode_page(inode).hot().refs_of(inode).count(),
            _ => 0,
        };
        fetch(batch.connectors.iter().map(|(_, kept)| uses(kept)));
        for (_, kept) in &batch.connectors {
            self.put_kept(*kept);
        }
    }
}

/// Reads a word of each object that is changed next, so that the cache lines are loaded at the same time.
/// Changing one object after the other would wait for each line before it requests the next.
fn fetch(words: impl Iterator<Item = u32>) {
    std::hint::black_box(words.fold(0, |all, word| all ^ word));
}

/// The number of marks that a close ends under one hold of the group's lock, and the number of empty chains
/// that it skips for each of them.
const BATCH: usize = 8;
const BUCKETS_PER_MARK: usize = 8;

/// The parts of a batch of marks that are freed with no lock held.
#[derive(Debug, Default)]
struct Batch {
    ended: u32,
    marks: SmallVec<[Ix<MarkSlot>; BATCH]>,
    /// Connectors, with the objects that they kept.
    connectors: SmallVec<[FreedConnector; BATCH]>,
}
