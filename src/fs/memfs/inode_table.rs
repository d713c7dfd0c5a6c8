//! The inode table: from a number to an inode.

use std::collections::BTreeMap;

use super::inode::MemInode;
use crate::base::arena::slots;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, AtomicU64, Ordering, RwLock, rank};

/// A power of two, so that the shard of a number is a mask.
const SHARDS: usize = slots(64);

/// The number of the root; [`InodeTable::next_ino`] never returns it.
pub(super) const ROOT_INO: u64 = 1;

type Shard = RwLock<BTreeMap<u64, Arc<MemInode>>, { rank::FS_TABLE }>;

/// All inodes of one file system, spread over independently locked trees.
///
/// A tree splits one node at a time, so no insertion ever pays for the size of the table. No inode's
/// lock is taken under a shard's, and no inode is freed under one: [`InodeTable::remove`] returns it to
/// the caller.
#[derive(Debug)]
pub(super) struct InodeTable {
    shards: Box<[Shard]>,
    next: AtomicU64,
}

impl InodeTable {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Shard::new(BTreeMap::new())).collect();
        Self { shards, next: AtomicU64::new(ROOT_INO + 1) }
    }

    /// A number that was never used before: 64 bits do not run out.
    pub(super) fn next_ino(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The inode of this number.
    ///
    /// # Errors
    /// `ESTALE` if it has been freed or never existed.
    pub(super) fn get(&self, ino: u64) -> Result<Arc<MemInode>> {
        match self.shard(ino).read().get(&ino) {
            Some(inode) => Ok(Arc::clone(inode)),
            None => Err(Errno::ESTALE.into()),
        }
    }

    pub(super) fn insert(&self, inode: Arc<MemInode>) {
        self.shard(inode.ino).write().insert(inode.ino, inode);
    }

    /// Removes an inode. The caller drops it with no lock held: its contents may be large.
    pub(super) fn remove(&self, ino: u64) -> Option<Arc<MemInode>> {
        self.shard(ino).write().remove(&ino)
    }

    fn shard(&self, ino: u64) -> &Shard {
        &self.shards[ino as usize % SHARDS]
    }
}
