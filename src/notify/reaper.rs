//! Freeing what is dead, in bounded steps.

use crate::base::sync::assert_nothing_held;
use crate::notify::notifier::Notifier;
use crate::tree::{Buried, Step, SuperblockId};

impl Notifier {
    /// Frees what operations and hooks have left behind, in bounded steps under each lock, and
    /// tells `forget` of each inode that is gone: its superblock, its number, and how many
    /// look-ups the file system had counted on it.
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
        while self.tree().has_dead() {
            assert_nothing_held("the reaper ran");
            while let Some(dentry) = self.tree().next_dead_dentry() {
                self.bury(dentry);
            }
            loop {
                match self.tree().bury_inode_step() {
                    Step::Done => break,
                    Step::More => {}
                    Step::Buried(Buried { superblock, ino, lookups }) => {
                        forget(superblock, ino, lookups);
                        // Only now may the superblock's id be another's.
                        self.tree().put_superblock(superblock.0);
                    }
                }
            }
        }
    }
}
