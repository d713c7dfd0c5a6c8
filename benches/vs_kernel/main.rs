//! The crate beside the real kernel: the rows of the table from which the work on speed started.
//!
//! `cargo bench --bench vs_kernel [-- [--full] [--kernel DIR].. [ROW]]`
//!
//! Each row is measured on real inotify, in a fresh directory below each `--kernel DIR` (a tmpfs
//! and an ext4 by default), and on the crate, in one process and in turn, round by round, since a
//! machine may change its speed between two runs, and within one. At the end comes a table of both
//! columns and their ratio: how many times as long the kernel takes, as the median of the rounds'
//! own ratios. Where figures are small differences it is the ratio of their medians, and none is
//! given where such a difference is too small to be told from noise.
//!
//! *No watch* means none of this process: where another program watches something on the same file
//! system, the kernel's figure for a watch elsewhere is nil. Longest times are those of the wall, so
//! they need a machine with nothing else to do; the longest gap that an empty loop saw stands beside
//! them.
//!
//! Limits that a kernel sets without root (many groups, many watches) are raised for the time of
//! the row if the process may, and else left out; the table says what, and why.
//!
//! | module | rows |
//! |---|---|
//! | `memory_use` | bytes per negative dentry and per watch |
//! | `byte_io` | the hook on a 1-byte read or write, on one core and on two |
//! | `oneshot` | add, trigger, remove and read of a one-shot |
//! | `rename` | renames per second |
//! | `wakeup` | from a write to a blocked reader |
//! | `fan_out` | delivery to many groups, and reading |
//! | `first_add` | the first add, per child |
//! | `second_adder` | a second adder while the first walks |
//! | `stall` | what others feel during a walk |
//! | `marks` | watches on many files; closing the group |
//!
//! On the crate's side there are two ways in. `vfs_side` is the whole VFS over its file system in
//! memory, beside the system call; `hook_side` is the hooks alone on resolved references, beside
//! what the system call takes above an unwatched one where the row is of the hook.

mod byte_io;
mod children;
mod fan_out;
mod first_add;
mod hook_side;
mod kernel_side;
mod marks;
mod memory_use;
mod oneshot;
mod rename;
mod second_adder;
mod side;
mod stall;
mod table;
mod vfs_side;
mod wakeup;

use benches::{Args, KernelDir, Report};
use children::Forest;
use table::Table;

fn main() {
    let args = Args::of_process();
    let report = Report::new("vs_kernel", &args, (20, 300));
    let forests = Forest::all(&args);
    let sides = forests.iter().map(|forest| forest.side().to_owned()).collect();
    let mut table = Table::new(report, sides);
    if forests.is_empty() {
        table.left_out("all", "linux", "no directory to work in");
        return;
    }
    for forest in forests.iter().filter(|forest| args.full && forest.lacks_room()) {
        table.left_out("a million children", forest.side(), "no room for so many names");
    }
    // First, while nothing has been freed that the crate could use again.
    memory_use::run(&args, &forests, &mut table);
    small(&args, &mut table);
    first_add::run(&args, &forests, &mut table);
    second_adder::run(&args, &forests, &mut table);
    stall::run(&args, &forests, &mut table);
    marks::run(&args, &forests, &mut table);
    table.print();
    // Removing a million files is part of the time.
    drop(forests);
}

/// The rows that need no more than a few files.
fn small(args: &Args, table: &mut Table) {
    let dirs = KernelDir::all(args);
    byte_io::run(args, &dirs, table);
    oneshot::run(args, &dirs, table);
    rename::run(args, &dirs, table);
    wakeup::run(args, &dirs, table);
    fan_out::run(args, &dirs, table);
}
