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

/// Owner and group to change to; `None`, or `u32::MAX` as chown(2) has it, leaves one as it is.
pub type Owner = (Option<u32>, Option<u32>);

/// The device that character devices are made as: 1:3, which nothing happens to.
pub const NULL: u64 = 0x103;

/// One time stamp of utimensat(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// It is left alone.
    Omit,
    /// To the time of the call.
    Now,
    /// To these seconds and nanoseconds, which may be too many.
    At(i64, u32),
}

/// The access time and the modification time that utimensat(2) sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times(pub Stamp, pub Stamp);

impl Times {
    /// The access time to now, the other left alone.
    pub const ATIME: Self = Self(Stamp::Now, Stamp::Omit);
    /// The modification time to now, the other left alone.
    pub const MTIME: Self = Self(Stamp::Omit, Stamp::Now);
    /// Both to now.
    pub const BOTH: Self = Self(Stamp::Now, Stamp::Now);
    /// Both to given values: access 1 s, modification 2 s after the epoch.
    pub const GIVEN: Self = Self(Stamp::At(1, 0), Stamp::At(2, 0));
    /// Neither: both are to be left alone.
    pub const NEITHER: Self = Self(Stamp::Omit, Stamp::Omit);
}

/// The place that an offset of lseek(2) counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// The start.
    Start,
    /// The position.
    Current,
    /// The end.
    End,
    /// The start, and on to data.
    Data,
    /// The start, and on to a hole.
    Hole,
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
pub struct Identity {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// Further group ids.
    pub groups: &'static [u32],
    /// The user that groups and watches are charged to.
    pub user: u32,
}
