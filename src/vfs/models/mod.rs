//! Model tests of whole operations: a [`Vfs`](crate::Vfs) over [`MemFs`](crate::MemFs), three threads
//! or more, and schedules drawn by shuttle.
//!
//! Each model says which events must have been delivered and which must not, and ends with
//! [`World::end`](shuttle_harness::World::end): every invariant holds, and after everything was
//! removed and dropped nothing is left. How to run them is in `notify::models`; each test says what
//! to take out of the code to see it fail, and each thing was taken out once.

mod shuttle_files;
mod shuttle_harness;
mod shuttle_limits;
mod shuttle_mounts;
mod shuttle_names;
mod shuttle_random;
mod shuttle_unmounts;
mod shuttle_watches;
