//! Marks on their objects: attached, changed, detached.

pub(crate) mod attach;
mod close;
mod detach;
mod interest;
