//! What an event means to one kind of listener.

pub mod inotify;
