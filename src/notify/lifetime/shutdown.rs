//! The end of the queues of groups, and the shutdown of a notifier.

use crate::notify::group::{GroupKind, GroupSlot};
use crate::notify::notifier::Notifier;
use crate::notify::path_pin::EventPin;

impl Notifier {
    /// Ends every group, for an embedder that shuts down. No further event is queued and no mark is added
    /// (`ESHUTDOWN`). Queued events can still be read. Waiting readers are woken and get `ESHUTDOWN`. `Vfs`
    /// calls this when it is dropped.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (_, notifier, _, _) = new_tree()?;
    /// let inotify = Inotify::new(&notifier, 0)?;
    /// notifier.shut_down();
    /// assert_eq!(inotify.next().unwrap_err().errno(), Errno::ESHUTDOWN);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn shut_down(&self) {
        self.set_shut();
        for group in self.groups().all() {
            let slot = self.group(group);
            slot.marks.lock().open = false;
            let (records, wakeup) = slot.queue.lock().seal();
            wakeup.wake();
            self.free_records(records);
        }
    }

    /// Closes a queue, and frees its records with no lock held.
    pub(crate) fn close_queue(&self, slot: &GroupSlot) {
        let (records, wakeup) = slot.queue.lock().close();
        wakeup.wake();
        self.free_records(records);
    }

    /// Frees the records of a closed queue, with no lock held: their paths may be the last references to files
    /// without a name.
    fn free_records(&self, mut records: GroupKind) {
        while let Some(pin) = records.pop_pin() {
            self.release_pin(pin);
        }
    }

    /// Puts the references of a path that a record kept. The caller holds no lock: a death may be reported.
    pub(crate) fn release_pin(&self, pin: EventPin) {
        let EventPin { dentry, mount } = pin;
        self.put(dentry);
        if let Some(mount) = mount {
            self.put_mount(mount);
        }
    }
}
