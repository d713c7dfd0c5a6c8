//! How long a path may be.

/// The longest path plus one, for the NUL behind it, as on Linux.
pub(crate) const PATH_MAX: usize = 4096;
