//! The values that operations carry.

use std::fmt;

use crate::compare::mask_names;

/// Permission bits with the set-id and sticky bits, shown in octal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#o}", self.0)
    }
}

/// The mask of a watch as inotify_add_watch(2) takes it, wrong ones included, shown by names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mask(pub u32);

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = if self.0 & 0xfff == 0xfff { "IN_ALL_EVENTS|" } else { "" };
        let rest = if all.is_empty() { self.0 } else { self.0 & !0xfff };
        write!(f, "{:?}", format!("{all}{}", mask_names(rest)).trim_end_matches('|'))
    }
}

/// Bytes to write, shown by their number and the first ones.
#[derive(Clone, PartialEq, Eq)]
pub struct Data(pub Vec<u8>);

impl Data {
    /// So many letters, which tell the length.
    pub fn of_len(len: usize) -> Self {
        let letter = b'a' + u8::try_from(len % 26).unwrap_or_default();
        Self(vec![letter; len])
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.0[..self.0.len().min(8)];
        write!(f, "{} bytes {}", self.0.len(), start.escape_ascii())
    }
}

/// Owner and group to change to; `None` leaves one as it is.
pub type Owner = (Option<u32>, Option<u32>);

/// Which time stamps utimensat(2) sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The access time to now, the other left alone.
    Atime,
    /// The modification time to now, the other left alone.
    Mtime,
    /// Both to now.
    Both,
    /// Both to given values: access 1 s, modification 2 s after the epoch.
    BothExplicit,
    /// Neither: both are to be left alone.
    Neither,
}

impl Times {
    /// Those of the two that are set to now.
    pub fn now(atime: bool, mtime: bool) -> Self {
        match (atime, mtime) {
            (true, false) => Self::Atime,
            (false, true) => Self::Mtime,
            (true, true) => Self::Both,
            (false, false) => Self::Neither,
        }
    }
}

/// Which watch of a group is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchRef {
    /// The one with this descriptor, if there is one.
    Wd(i32),
    /// One of those there are, by descriptor; nothing to do if there are fewer.
    Nth(usize),
    /// One of the descriptors that the group has given out, removed ones included, counted round;
    /// descriptor 1 if it has given none.
    Given(usize),
}

/// A limit that Linux keeps under `/proc/sys/fs/inotify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `max_queued_events`: captured by a group when it is made.
    QueuedEvents,
    /// `max_user_watches`: looked at by every call that adds a watch.
    UserWatches,
    /// `max_user_instances`: looked at by every call that makes a group.
    UserInstances,
}

/// All limits on groups and watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Events in a queue; fixed when a group is made.
    pub events: usize,
    /// Watches of a user.
    pub watches: u32,
    /// Groups of a user.
    pub instances: u32,
    /// Watches on one object, of all groups.
    pub object_marks: usize,
}

/// A user, and the user whose quotas it uses up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// Further group ids.
    pub groups: &'static [u32],
    /// Against whom groups and watches are counted.
    pub user: u32,
}
