//! A file system that fails when it is told to, a VFS on it, and every operation of that VFS.

pub mod faulty;
pub mod operations;
pub mod stage;
pub mod threads;
