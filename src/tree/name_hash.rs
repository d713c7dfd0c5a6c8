//! The hash of a name.

use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};

use crate::base::bucket_index::HASH_MASK;

/// How the names of one tree are hashed.
///
/// Guests choose names, so the hash has a secret key. Under a model checker, and when instructions are
/// counted, the key is fixed: each run must be the same.
pub(super) enum NameHash {
    Secret(RandomState),
    Fixed(u64),
}

impl NameHash {
    /// A hash with this key, or with a secret one.
    pub(super) fn new(key: Option<u64>) -> Self {
        match key {
            Some(key) => Self::Fixed(key),
            None if cfg!(any(loom, shuttle)) => Self::Fixed(0),
            None => Self::Secret(RandomState::new()),
        }
    }

    /// The hash of a name, as an index of names keeps it.
    pub(super) fn hash(&self, name: &[u8]) -> u32 {
        let mut hasher = self.hasher();
        hasher.write(name);
        hasher.finish() as u32 & HASH_MASK
    }

    /// The hash of an inode number: a file system may let guests choose it too.
    pub(super) fn hash_number(&self, number: u64) -> u32 {
        let mut hasher = self.hasher();
        hasher.write_u64(number);
        hasher.finish() as u32
    }

    fn hasher(&self) -> DefaultHasher {
        match self {
            Self::Secret(state) => state.build_hasher(),
            Self::Fixed(key) => {
                let mut hasher = DefaultHasher::new();
                hasher.write_u64(*key);
                hasher
            }
        }
    }
}
