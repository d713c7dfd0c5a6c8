//! A user and its groups.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::fs::Attr;

/// A user and its groups.
///
/// Clones, contexts and open files share the list of further groups.
///
/// ```
/// use vfsnotify::Credentials;
/// let alice = Credentials::new(1000, 1000).with_groups([100, 27]);
/// assert!(alice.is_in_group(27));
/// assert_eq!(alice.groups(), [27, 100]);
/// assert!(!alice.is_privileged());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// The group, which new files get.
    pub gid: u32,
    /// Further groups, in ascending order, each once.
    groups: Arc<[u32]>,
}

impl Credentials {
    /// How many further groups setgroups(2) takes on Linux (`NGROUPS_MAX`).
    ///
    /// [`Credentials::with_groups`] takes more: an embedder whose guest chooses the groups refuses a
    /// longer list with `EINVAL`, as Linux does, before it makes one.
    pub const MAX_GROUPS: usize = 65_536;

    /// A user and its group.
    #[must_use]
    pub fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid, groups: Arc::default() }
    }

    /// The same with these further groups, in place of those that there are. Their order does not matter,
    /// nor does how often one occurs. Takes four bytes for each; O(n log n).
    #[must_use]
    pub fn with_groups(mut self, groups: impl IntoIterator<Item = u32>) -> Self {
        let mut groups: Vec<u32> = groups.into_iter().collect();
        groups.sort_unstable();
        groups.dedup();
        self.groups = groups.into();
        self
    }

    /// The further groups, in ascending order, each once.
    #[must_use]
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// Whether this group is one of the user's; O(log n) for n further groups.
    #[must_use]
    pub fn is_in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.binary_search(&gid).is_ok()
    }

    /// Whether it is the superuser, whom mode bits do not stop.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        self.uid == 0
    }

    /// Whether an object with these attributes is the user's, or the user is the superuser.
    ///
    /// # Errors
    /// `EPERM`.
    pub(crate) fn require_owner(&self, attr: &Attr) -> Result<()> {
        if self.is_privileged() || attr.uid == self.uid { Ok(()) } else { Err(Errno::EPERM.into()) }
    }
}
