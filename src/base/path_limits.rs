//! The limits of names and paths in bytes, as on Linux.

/// The longest name of a directory entry.
pub(crate) const NAME_MAX: usize = 255;

/// The longest path plus one, for the NUL behind it.
pub(crate) const PATH_MAX: usize = 4096;

/// The longest name of an extended attribute.
#[cfg(feature = "vfs")]
pub(crate) const XATTR_NAME_MAX: usize = 255;

/// The longest value of an extended attribute.
#[cfg(feature = "vfs")]
pub(crate) const XATTR_SIZE_MAX: usize = 64 << 10;
