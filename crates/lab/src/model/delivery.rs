//! Which watches an event is delivered to (`docs/rules.md`, "Which objects receive an event").

use vfsnotify::EventMask;

use super::groups::Event;
use super::reference::Model;

/// RULE path-data: an event without a path reaches watches with EXCL_UNLINK, and the parent of a
/// special file (RULE special-file).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Path,
    Dentry,
}

impl Model {
    pub(super) fn tell(&mut self, event: &Event<'_>) {
        self.groups.iter_mut().flatten().for_each(|group| group.deliver(event));
    }

    pub(super) fn isdir(&self, dentry: u32) -> EventMask {
        if self.names.is_dir(dentry) { EventMask::ISDIR } else { EventMask::empty() }
    }

    /// An event of a dentry: to the directory it is in, then to the inode
    /// (RULE parent-before-child). The directory is that of the dentry, not of any other name of the
    /// inode (RULE parent-of-the-dentry), as it is now (RULE parent-at-event-time), and also when
    /// the name is gone (RULE unlinked-keeps-its-parent). RULE not-across-a-root.
    pub(super) fn tell_dentry(&mut self, dentry: u32, what: EventMask, data: Data) {
        let mask = what | self.isdir(dentry);
        let own = self.names.dentries[&dentry].clone();
        let unlinked = data == Data::Path && !own.hashed;
        let quiet = data == Data::Path
            && self.names.kind(dentry).is_special()
            && what.intersects(EventMask::ACCESS | EventMask::MODIFY);
        if let Some(parent) = own.parent
            && !quiet
        {
            let inode = self.names.dentries[&parent].inode;
            let name = &own.name;
            self.tell(&Event { inode, mask, cookie: 0, name, of_child: true, unlinked });
        }
        let inode = own.inode;
        self.tell(&Event { inode, mask, cookie: 0, name: "", of_child: false, unlinked });
    }

    /// RULE self-events: an event of the inode alone, ATTRIB of its link count and the two SELF events.
    pub(super) fn tell_inode(&mut self, dentry: u32, what: EventMask) {
        let mask = what | self.isdir(dentry);
        let inode = self.names.dentries[&dentry].inode;
        let event = Event { inode, mask, cookie: 0, name: "", of_child: false, unlinked: false };
        self.tell(&event);
    }

    /// RULE entry-events: an event of a directory's entries, to that directory alone.
    pub(super) fn tell_dir(&mut self, dir: u32, mask: EventMask, name: &str, cookie: u32) {
        let inode = self.names.dentries[&dir].inode;
        self.tell(&Event { inode, mask, cookie, name, of_child: false, unlinked: false });
    }

    /// A reference to a dentry has ended; with the last it dies, and perhaps the directory it was in.
    pub(super) fn put(&mut self, dentry: u32) {
        let mut at = Some(dentry);
        while let Some(dentry) = at
            && self.names.dentries.contains_key(&dentry)
            && !self.names.is_used(dentry)
        {
            if self.names.inode(dentry).nlink == 0 {
                self.tell_inode(dentry, EventMask::DELETE_SELF);
                let inode = self.names.dentries[&dentry].inode;
                self.groups.iter_mut().flatten().for_each(|group| group.object_died(inode));
            }
            at = self.names.dentries[&dentry].parent;
            self.names.mark_dead(dentry);
        }
    }
}
