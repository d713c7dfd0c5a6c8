//! The dentry cache: names that are there, and names that are known to be missing.
//!
//! `cargo bench --bench dcache [-- --full] [SCENARIO]`; the short form takes at most 10 s, the full
//! one 300 s. `SCENARIO` is a part of a name below.
//!
//! | scenario | what |
//! |---|---|
//! | `grow, negative` | one directory grows by `remember_missing`, names of 20 bytes |
//! | `grow, positive` | one directory grows by `instantiate`, of inodes that were made before |
//! | `look-up` | a directory with as many files as negative dentries, names in random order: `hit` (with the `dput` of what was found), `cached miss` (a negative dentry), `new miss` (nothing is known) |
//! | `evict in one directory`, `evict among directories` | a new name when the directory's budget, or that of the whole tree over a hundred directories, is used up: each evicts another |
//! | `grow one directory` | each insertion of a negative dentry timed by itself |
//! | `remove the directory` | the same directory is removed and reaped, beside a thread that works elsewhere |
//!
//! **Memory.** Each growth runs in a process of its own, so that no freed memory is used again. `bytes
//! each` is the resident memory, less what it was with the empty directory, over the number of names:
//! at the end (`mean`), and the most at any look from a tenth of the end on (`peak`; a look every
//! 100,000 names). A negative dentry is its name, its entry and its share of the directory's index.
//! A positive one is the dentry's slot, the directory's entry with the name, and its share of the
//! index; its inode is there before and is counted apart (`bytes of its inode`: the inode's slot and
//! its share of the superblock's table).
//!
//! **Time per insert** is the mean over the whole growth, page faults of the fresh memory included,
//! the making of the names not; the curve says how it goes with the size.
//!
//! **Longest times** are taken once in a run, in wall time and in CPU time of the thread; a turn has
//! one reading of both clocks in it (about 0.3 us). Beside them, under `machine`, is the longest gap
//! that an empty loop saw: on the other core during the growth, and after the removal for as long
//! again. `longest step seen` is the longest time in which the number of names did not go down while
//! the directory was freed: one step of the reaper, or a pause of the machine.

mod eviction;
mod growth;
mod lookups;
mod names;
mod stalls;
mod turns;

use benches::{Args, Report, memory};
use growth::Growth;

fn main() {
    if memory::answer_probe(growth::probe) {
        return;
    }
    let args = Args::of_process();
    let mut report = Report::new("dcache", &args, (10, 300));
    grow(&args, &mut report);
    if args.wants("look-up") {
        let sizes: &[usize] = args.pick(&[500, 50_000], &[500, 50_000, 1_000_000]);
        lookups::measure(&args, &mut report, sizes, args.pick(100_000, 1_000_000));
    }
    if args.wants("evict in one directory") || args.wants("evict among directories") {
        eviction::measure(&args, &mut report, args.pick(100_000, 1_000_000));
    }
    if args.wants("grow one directory") || args.wants("remove the directory") {
        stalls::measure(&mut report, args.pick(500_000, 30_000_000));
    }
}

fn grow(args: &Args, report: &mut Report) {
    if args.wants("grow, negative") {
        let count = args.pick(500_000, 10_000_000);
        let growths: Vec<Growth> = (0..3).map(|_| Growth::of_negatives(count)).collect();
        growth::write(report, "grow, negative", count, &growths);
    }
    if args.wants("grow, positive") {
        let count = args.pick(200_000, 1_000_000);
        let growths: Vec<Growth> = (0..3).map(|_| Growth::of_positives(count)).collect();
        growth::write(report, "grow, positive", count, &growths);
        if args.full {
            // Once: what a byte is does not change from one run to the next.
            growth::write(report, "grow, positive", 7_000_000, &[Growth::of_positives(7_000_000)]);
        }
    }
}
