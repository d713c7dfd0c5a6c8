//! From a path to a location, and back.

pub(crate) mod confine;
pub(crate) mod location;
pub(crate) mod lookup;
pub(crate) mod lookup_flags;
pub(crate) mod path_of;
pub(crate) mod walk;
