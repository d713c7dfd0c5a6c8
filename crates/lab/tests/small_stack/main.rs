//! Every operation runs on a small stack: in a fiber, or in a thread of a pool with many threads.
//!
//! Each runs in a thread of its own whose stack is [`stack_kib`] large, and that thread makes the VFS too, so
//! that the first page of each arena is made there. A thread that needs more ends the test binary; the
//! message names the thread, and the thread is named after the operation.
//!
//! `VFSNOTIFY_STACK_KIB` sets another size, to find the least that is enough.

mod embedded;
mod shapes;

use std::thread;

use lab::faults::operations::table;
use lab::faults::stage::{Setup, Stage};
use vfsnotify::Result;

/// How much stack an operation may need: 48 KiB, and twice that in a debug build, which keeps each value in a
/// place of its own and checks the lock order.
fn stack_kib() -> usize {
    let default = if cfg!(debug_assertions) { 96 } else { 48 };
    let chosen = std::env::var("VFSNOTIFY_STACK_KIB").ok();
    chosen.map_or(default, |kib| kib.parse().expect("a number of KiB"))
}

/// Runs `act` in a thread with a small stack that has its name.
pub(crate) fn on_a_small_stack<R: Send>(name: &str, act: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let builder = thread::Builder::new().name(name.to_owned()).stack_size(stack_kib() << 10);
        let thread = builder.spawn_scoped(scope, act).expect("a thread");
        thread.join().unwrap_or_else(|_| panic!("{name} has panicked"))
    })
}

#[test]
fn every_operation_of_the_vfs_runs_on_a_small_stack() {
    for op in table() {
        on_a_small_stack(op.name, || {
            let stage = Stage::new(Setup { privileged: true, warm: false });
            let open = |(path, flags): &(&str, _)| stage.vfs.open(&stage.cx, path, *flags, 0o644);
            let files: Result<Vec<_>> = op.files.iter().map(open).collect();
            let files = files.unwrap_or_else(|error| panic!("{}: {error}", op.name));
            (op.run)(&stage, &files).unwrap_or_else(|error| panic!("{}: {error}", op.name));
            drop(files);
            stage.end().unwrap_or_else(|error| panic!("{}: {error}", op.name));
        });
    }
}
