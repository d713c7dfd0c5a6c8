//! A group's queue, from the hook to the reader.
//!
//! `cargo bench --bench queue [-- --full] [SCENARIO]`; the short form takes at most 10 s, the full one
//! 120 s. `SCENARIO` is a part of a name below.
//!
//! | scenario | what |
//! |---|---|
//! | `fan-out` | one directory that 1, 10, 100 or 1000 groups watch; the size is their number |
//! | `latency, reader in wait` | from before the hook to after a blocked reader has its event: a thread in `Inotify::wait`, then `next`; on the kernel from before a 1-byte write to after poll and read; on the `machine` from unpark to a parked thread |
//! | `latency, reader on ready` | the same, with the reader blocked on the channel of `Inotify::ready` |
//! | `coalescing` | a hook whose event equals the one at the tail |
//! | `overflow` | a hook whose event is lost, since the queue is full; the overflow event must count it |
//!
//! **Fan-out.** A batch is 64 events, of two files in turn so that none merges; all groups get it,
//! then each is drained with one `drain_into` into a vector that is used again, and the events are
//! dropped. `of which delivery` and `of which drain` are timed apart, in one thread, and divided by
//! groups times events; `time per group and event` is their sum. The queues' memory is warm: after the
//! first batches nothing is allocated. `events per second, reader beside` is something else: one thread
//! calls the hooks as fast as it can while another goes round the groups and drains what it finds;
//! the queues grow and shrink as they please, and the memory is not warm.
//!
//! **Latency.** Reader and writer stay on two processors. The writer waits on its own until the reader
//! has said that it will block, and 50 us more; so a wake-up of a sleeping thread on another processor
//! is in each figure. The percentiles are those of each round, and their median over the rounds. All
//! pairs take turns within a round.

mod fan_out;
mod latency;
mod tail;

use benches::{Args, Report};

fn main() {
    let args = Args::of_process();
    let mut report = Report::new("queue", &args, (10, 120));
    if args.wants("fan-out") {
        fan_out::measure(&args, &mut report, &[1, 10, 100, 1000], args.pick(400_000, 4_000_000));
    }
    if args.wants("latency, reader in wait") || args.wants("latency, reader on ready") {
        latency::measure(&args, &mut report);
    }
    if args.wants("coalescing") || args.wants("overflow") {
        tail::measure(&args, &mut report);
    }
}
