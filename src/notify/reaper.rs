//! Freeing what is dead, in bounded steps.

use crate::base::sync::assert_nothing_held;
use crate::notify::notifier::Notifier;
use crate::tree::{Buried, Step, SuperblockId};

/// A use of a superblock that a freed inode was.
struct SuperblockUse<'a>(&'a Notifier, SuperblockId);

impl Drop for SuperblockUse<'_> {
    fn drop(&mut self) {
        self.0.tree().put_superblock(self.1.index);
    }
}

impl Notifier {
    /// Frees what operations and hooks have left behind, in bounded steps under each lock, and
    /// tells `forget` of each inode that is gone: its superblock, its number, and how many look-ups
    /// ([`Tree::make_inode`](crate::Tree::make_inode)) were counted on it. Where the number has been
    /// made again before, that inode has taken the look-ups over. A program that makes inodes on
    /// several threads frees its own when as many look-ups were given back as were made: another
    /// thread may make the number again while `forget` runs.
    ///
    /// `forget` may call anything; a `reap` in it goes as deep as there are inodes to free.
    ///
    /// Deaths that a plain drop of a [`DentryRef`](crate::DentryRef) left unreported are reported
    /// first. Call it with no lock held that a hook's caller may hold, after operations or when
    /// idle; it costs one load when there is nothing to do.
    ///
    /// ```
    /// # let tree = vfsnotify::Tree::new(Default::default());
    /// # use vfsnotify::notify::{Notifier, NotifyConfig};
    /// let notifier = Notifier::new(&tree, NotifyConfig::default())?;
    /// notifier.reap(|superblock, ino, lookups| println!("{superblock:?} {ino} {lookups}"));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn reap(&self, mut forget: impl FnMut(SuperblockId, u64, u64)) {
        while self.reap_step(&mut forget) {}
    }

    /// One step of [`Notifier::reap`]: an object, with up to 255 directories above it that only it kept,
    /// or up to 1024 names of a directory that is gone.
    /// False when nothing is left. For programs that free a little after each operation, so that none
    /// of them has to wait for a large directory that another has removed.
    ///
    /// ```
    /// # let tree = vfsnotify::Tree::new(Default::default());
    /// # use vfsnotify::notify::{Notifier, NotifyConfig};
    /// let notifier = Notifier::new(&tree, NotifyConfig::default())?;
    /// assert!(!notifier.reap_step(|_, _, _| {}));
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn reap_step(&self, forget: impl FnOnce(SuperblockId, u64, u64)) -> bool {
        if !self.tree().has_dead() {
            return false;
        }
        assert_nothing_held("the reaper ran", self.tree().domain());
        if let Some(dentry) = self.tree().next_dead_dentry() {
            self.bury(dentry);
            return true;
        }
        match self.tree().bury_inode_step() {
            Step::Done => return self.tree().has_dead(),
            Step::More => {}
            Step::Buried(Buried { superblock, ino, lookups }) => {
                // Only afterwards may the superblock's id be another's; and whatever becomes of the
                // call, the inode was a use of it.
                let _use = SuperblockUse(self, superblock);
                if lookups > 0 {
                    forget(superblock, ino, lookups);
                }
            }
        }
        true
    }

    /// Reports the deaths that wait for the reaper.
    pub(super) fn report_deaths(&self) {
        while let Some(dentry) = self.tree().next_dead_dentry() {
            self.bury(dentry);
        }
    }
}
