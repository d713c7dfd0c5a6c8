//! The back ends: the meaning of an event to one kind of listener.

pub mod inotify;
