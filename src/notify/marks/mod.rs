//! Attaching, changing and detaching marks.

pub(crate) mod attach;
mod close;
mod detach;
mod interest;
