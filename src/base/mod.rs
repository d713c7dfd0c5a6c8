//! Building blocks of every layer: errors, masks, names, time, locks and storage.

pub(crate) mod arena;
pub(crate) mod bucket_index;
pub(crate) mod chain_index;
pub(crate) mod clock;
pub(crate) mod errno;
pub(crate) mod error;
pub(crate) mod kind;
pub(crate) mod mask;
#[cfg(feature = "vfs")]
pub(crate) mod mode;
pub(crate) mod name;
pub(crate) mod paged_vec;
pub(crate) mod path_limits;
pub(crate) mod slot_index;
pub(crate) mod sync;
pub(crate) mod walk_pace;
