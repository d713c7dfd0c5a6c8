//! Marks: what they cost to add, to change and to be rid of, and what they weigh.
//!
//! `cargo bench --bench marks [-- --full] [SCENARIO]`; the short form takes at most 10 s, the full one
//! 120 s. `SCENARIO` is a part of a name below; the size is the number of marks.
//!
//! | scenario | what |
//! |---|---|
//! | `many inodes` | one group with a mark on each of so many files: add, update (another mask), remove, and, with all added again, close |
//! | `one inode` | so many groups with a mark each on one file: add and remove |
//! | `one-shot` | one cycle of a one-shot mark on a file: add, the write that fires it, read of the event and of IGNORED |
//! | `memory` | resident bytes of each mark with its connector, the inodes not counted |
//! | `close beside hooks` | a group is closed while another thread calls hooks |
//!
//! Of 10,000 marks the kernel's figures are taken in the same rounds, on the directories of
//! `--kernel`: `inotify_add_watch` on a path (so with the path look-up, which the crate's side does not
//! have), `inotify_rm_watch`, and `close`. A removal queues IGNORED on both sides.
//!
//! **Memory** is measured in a process of its own: the files are made, then a mark on each is added;
//! the figure is by how much the resident memory grew, over the number of marks.
//!
//! **Close beside hooks.** Each mark of the group is one-shot. The hooks go through 10,000 of the
//! files in turn: the first on each fires the mark, and so takes part in removing marks from the very
//! group (`firing hook`); these and all later ones (`other hook`) are delivered to a second group. The
//! longest times of each close stand beside those of the same hooks while nothing is closed (`hook,
//! nothing closed`), and the longest gap of an empty loop at that time (`machine`). CPU time is that of the thread that called the hook. The close is
//! slower here than alone: marks are fired under its hands, and the machine is shared.

mod close_beside_hooks;
mod many_inodes;
mod one_inode;
mod one_shot;
mod times;

use benches::{Args, Report, Sample, memory};

fn main() {
    if memory::answer_probe(many_inodes::probe) {
        return;
    }
    let args = Args::of_process();
    let mut report = Report::new("marks", &args, (10, 120));
    if args.wants("memory") {
        measure_memory(&args, &mut report);
    }
    if args.wants("many inodes") {
        let short: &[usize] = &[1, 1000, 10_000];
        let full = &[1, 1000, 10_000, 100_000, 1_000_000];
        many_inodes::measure(&args, &mut report, args.pick(short, full));
    }
    if args.wants("one inode") {
        one_inode::measure(&args, &mut report, &[1, 10, 100, 1000]);
    }
    if args.wants("one-shot") {
        one_shot::measure(&args, &mut report);
    }
    if args.wants("close beside hooks") {
        close_beside_hooks::measure(&mut report, args.pick(100_000, 1_000_000));
    }
}

fn measure_memory(args: &Args, report: &mut Report) {
    for &size in args.pick(&[10_000, 100_000][..], &[100_000, 1_000_000]) {
        let bytes = (0..3).map(|_| memory::in_fresh_process("marks", size)[0]).collect();
        report.sample("memory", size as u64, "vfsnotify", "bytes each", "B", &Sample(bytes));
    }
}
