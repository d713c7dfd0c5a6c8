//! The targets: what they say, and which records tell whether they are met.

use crate::figure::Figure::{One, Quotient, Sum, Worst};
use crate::records::{Key, LINUX, OWN, key};
use crate::verdict::Bound::{AtMost, ByTest, KernelAtLeast};
use crate::verdict::{Kernel, Ratio, TARGET, Target};

const WALK: &str = "child_walk";
const LATENCY: &str = "walk_latency";
const HOOKS: &str = "hot_path";
const VERSUS: &str = "vs_kernel";
const FLOOD: &str = "negative_flood";

/// How far two times may be apart that are to be the same: medians of a few rounds are no better.
const SAME: f64 = 1.1;
/// How far the shortest and the longest time may be apart of what is to be flat.
const FLAT: f64 = 1.5;

/// The p99.9 of an operation during a walk, over the idle one.
const fn felt(operation: &'static str, side: &'static str) -> Key {
    key(LATENCY, operation, side, "p99.9 wall, walk / idle")
}

/// A row of the second target for one operation.
const fn calm(number: &'static str, text: &'static str, operation: &'static str) -> Target {
    Target {
        number,
        text,
        bound: AtMost(3.0, "x"),
        measured: One(felt(operation, OWN)),
        kernel: Kernel::Wanted(One(felt(operation, LINUX))),
        ..TARGET
    }
}

/// All three kinds of hooks in one state.
macro_rules! hooks {
    ($state:literal, $what:literal) => {
        Worst(&[
            key(HOOKS, concat!("read hook, ", $state), OWN, $what),
            key(HOOKS, concat!("write hook, ", $state), OWN, $what),
            key(HOOKS, concat!("open and close hooks, ", $state), OWN, $what),
        ])
    };
}

/// Both orders of the children.
macro_rules! orders {
    ($call:literal, $what:literal) => {
        Worst(&[
            key(WALK, concat!($call, ", creation order"), OWN, $what),
            key(WALK, concat!($call, ", shuffled order"), OWN, $what),
        ])
    };
}

/// What the kernel's hook takes above a call that finds nothing watched.
const fn kernel_hook(scenario: &'static str) -> Kernel {
    Kernel::Wanted(One(key(VERSUS, scenario, LINUX, "time of the hook")))
}

/// All clauses of all targets.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        number: "1a",
        text: "first add, per positive child, creation order: at least 20 times less than the kernel",
        bound: KernelAtLeast(20.0),
        measured: One(key(WALK, "first add, creation order", OWN, "time per child")),
        kernel: Kernel::Wanted(One(key(
            WALK,
            "first add, creation order",
            LINUX,
            "time per child*",
        ))),
        ratio: Ratio::Of(key(WALK, "first add, creation order", OWN, "kernel / vfsnotify")),
        ..TARGET
    },
    Target {
        number: "1b",
        text: "first add, creation order, over scanning an array of flags with plain stores: at most 4x",
        bound: AtMost(4.0, "x"),
        measured: One(key(WALK, "first add, creation order", OWN, "vfsnotify / plain store scan")),
        ..TARGET
    },
    Target {
        number: "1c",
        text: "first add, per positive child, shuffled order: at least 12 times less than the kernel",
        bound: KernelAtLeast(12.0),
        measured: One(key(WALK, "first add, shuffled order", OWN, "time per child")),
        kernel: Kernel::Wanted(One(key(
            WALK,
            "first add, shuffled order",
            LINUX,
            "time per child*",
        ))),
        ratio: Ratio::Of(key(WALK, "first add, shuffled order", OWN, "kernel / vfsnotify")),
        ..TARGET
    },
    Target {
        number: "1d",
        text: "first add with 10 million negative children over the same without: no difference (up to 1.1x; \
               kernel: its time of each negative child)",
        bound: AtMost(SAME, "x"),
        measured: One(key(
            WALK,
            "first add, creation order, beside negatives",
            OWN,
            "with / without negatives",
        )),
        kernel: Kernel::Wanted(One(key(
            WALK,
            "first add, negative children alone",
            LINUX,
            "time per name",
        ))),
        ratio: Ratio::None,
        ..TARGET
    },
    Target {
        number: "2a",
        text: "the longest that a walk holds a lock: at most 20 us of CPU \
               (kernel: the longest write beside its walk, wall time)",
        bound: AtMost(20.0, "us"),
        measured: One(key(LATENCY, "holder, one chunk", OWN, "max cpu")),
        floor: Some(One(key(LATENCY, "holder, one chunk", "machine", "longest gap, cpu"))),
        kernel: Kernel::Wanted(One(key(LATENCY, "write", LINUX, "max wall, during the walk"))),
        ..TARGET
    },
    Target {
        number: "2b",
        text: "p99.9 of a hook that nobody hears, during the walk over idle: at most 3x",
        bound: AtMost(3.0, "x"),
        // The kernel's cannot be called alone.
        measured: One(felt("hook", OWN)),
        ..TARGET
    },
    calm("2c", "p99.9 of a write that is heard, during the walk over idle: at most 3x", "write"),
    calm(
        "2d",
        "p99.9 of an open and close, during the walk over idle: at most 3x",
        "open and close",
    ),
    calm("2e", "p99.9 of a look-up that hits, during the walk over idle: at most 3x", "lookup hit"),
    calm(
        "2f",
        "p99.9 of a look-up of a name known to be missing, during the walk over idle: at most 3x",
        "lookup cached miss",
    ),
    calm(
        "2g",
        "p99.9 of a look-up of a new missing name, during the walk over idle: at most 3x",
        "lookup new miss",
    ),
    calm(
        "2h",
        "p99.9 of a create and unlink, during the walk over idle: at most 3x",
        "create and unlink",
    ),
    calm("2i", "p99.9 of a rename, during the walk over idle: at most 3x", "rename"),
    Target {
        number: "3a",
        text: "hook, one thread, no watch anywhere: at most 1.5 ns",
        bound: AtMost(1.5, "ns"),
        measured: hooks!("no watch", "time per hook, 1 thread"),
        ..TARGET
    },
    Target {
        number: "3b",
        text: "hook, one thread, a watch elsewhere: at most 3 ns",
        bound: AtMost(3.0, "ns"),
        measured: hooks!("watch elsewhere", "time per hook, 1 thread"),
        kernel: kernel_hook("1-byte read, a watch elsewhere, hook alone"),
        ..TARGET
    },
    Target {
        number: "3c",
        text: "hook, one thread, the parent watched for another event: at most 8 ns",
        bound: AtMost(8.0, "ns"),
        measured: hooks!("parent watched for another event", "time per hook, 1 thread"),
        kernel: kernel_hook("1-byte read, parent watched for something else, hook alone"),
        ..TARGET
    },
    Target {
        number: "3d",
        text: "from a hook to a drained event, one thread: at most 80 ns",
        bound: AtMost(80.0, "ns"),
        measured: hooks!("match", "time per event, 1 thread"),
        kernel: kernel_hook("1-byte read, event queued and read, hook alone"),
        ..TARGET
    },
    Target {
        number: "3e",
        text: "no allocation in 3a to 3c, and none in 3d once the queue is warm",
        bound: ByTest("tests/allocations.rs"),
        ..TARGET
    },
    Target {
        number: "3f",
        text: "two threads over one, no watch anywhere: at most 1.2x",
        bound: AtMost(1.2, "x"),
        measured: hooks!("no watch", "time per hook, 2 threads over 1"),
        ..TARGET
    },
    Target {
        number: "3g",
        text: "two threads over one, a watch elsewhere: at most 1.2x",
        bound: AtMost(1.2, "x"),
        measured: hooks!("watch elsewhere", "time per hook, 2 threads over 1"),
        ..TARGET
    },
    Target {
        number: "3h",
        text: "two threads over one, the parent watched for another event: at most 1.2x",
        bound: AtMost(1.2, "x"),
        measured: hooks!("parent watched for another event", "time per hook, 2 threads over 1"),
        ..TARGET
    },
    Target {
        number: "3i",
        text: "two threads over one, events of different directories and groups: at most 1.2x",
        bound: AtMost(1.2, "x"),
        measured: hooks!("match", "time per event, 2 threads over 1"),
        ..TARGET
    },
    Target {
        number: "4a",
        text: "second add: at most 1 us (kernel: no walk either, not measured at this size)",
        bound: AtMost(1.0, "us"),
        measured: orders!("second add", "time per call"),
        ..TARGET
    },
    Target {
        number: "4b",
        text: "second add, largest directory over smallest: flat (up to 1.5x)",
        bound: AtMost(FLAT, "x"),
        measured: orders!("second add", "largest / smallest size"),
        ..TARGET
    },
    Target {
        number: "4c",
        text: "re-add with no flag lost: at most 1 us (kernel: walks again; of each child)",
        bound: AtMost(1.0, "us"),
        measured: orders!("re-add with no flag lost", "time per call"),
        kernel: Kernel::Wanted(One(key(
            WALK,
            "re-add with lost flags, creation order",
            LINUX,
            "time per child*",
        ))),
        ratio: Ratio::None,
        ..TARGET
    },
    Target {
        number: "4d",
        text: "re-add with no flag lost, largest directory over smallest: flat (up to 1.5x)",
        bound: AtMost(FLAT, "x"),
        measured: orders!("re-add with no flag lost", "largest / smallest size"),
        ..TARGET
    },
    Target {
        number: "4e",
        text: "remove: at most 1 us (kernel: of a watch on a file)",
        bound: AtMost(1.0, "us"),
        measured: orders!("remove", "time per call"),
        kernel: Kernel::Wanted(One(key(VERSUS, "rm_watch on many files", LINUX, "time per watch"))),
        ..TARGET
    },
    Target {
        number: "4f",
        text: "remove, largest directory over smallest: flat (up to 1.5x)",
        bound: AtMost(FLAT, "x"),
        measured: orders!("remove", "largest / smallest size"),
        ..TARGET
    },
    Target {
        number: "5a",
        text: "memory of a negative dentry, mean: at most 48 bytes",
        bound: AtMost(48.0, "B"),
        measured: One(key("dcache", "grow, negative", OWN, "bytes each, mean")),
        kernel: Kernel::Wanted(One(key(
            VERSUS,
            "memory of a negative dentry",
            LINUX,
            "bytes each",
        ))),
        ..TARGET
    },
    Target {
        number: "5b",
        text: "memory of a negative dentry, peak while growing: at most 48 bytes",
        bound: AtMost(48.0, "B"),
        measured: One(key("dcache", "grow, negative", OWN, "bytes each, peak")),
        ..TARGET
    },
    Target {
        number: "5c",
        text: "memory of a positive dentry with its directory entry and index, mean: at most 160 bytes",
        bound: AtMost(160.0, "B"),
        measured: One(key("dcache", "grow, positive", OWN, "bytes each, mean")),
        ..TARGET
    },
    Target {
        number: "5d",
        text: "memory of a positive dentry, peak while growing: at most 160 bytes",
        bound: AtMost(160.0, "B"),
        measured: One(key("dcache", "grow, positive", OWN, "bytes each, peak")),
        ..TARGET
    },
    Target {
        number: "5e",
        text: "memory of an inotify watch with its share of the connector: at most 112 bytes",
        bound: AtMost(112.0, "B"),
        measured: One(key("marks", "memory", OWN, "bytes each")),
        kernel: Kernel::Wanted(One(key(VERSUS, "memory of a watch", LINUX, "bytes each"))),
        ..TARGET
    },
    Target {
        number: "6a",
        text: "100 million negative and 1 million positive dentries in one directory, the whole \
               process at its peak: within 8 GB",
        bound: AtMost(8e9, "B"),
        measured: One(key(FLOOD, "the process", OWN, "memory at its peak")),
        ..TARGET
    },
    Target {
        number: "6b",
        text: "the longest 16 insertions of negative dentries in a row: at most 1 ms of CPU",
        measured: One(key(
            FLOOD,
            "filling the directory, negative dentries",
            OWN,
            "longest 16 inserts, cpu",
        )),
        kernel: Kernel::IfThere(One(key(
            FLOOD,
            "filling the directory, negative dentries",
            LINUX,
            "longest 16 inserts, cpu",
        ))),
        ..ONE_MS
    },
    Target {
        number: "6c",
        text: "the longest 16 insertions of files in a row: at most 1 ms of CPU",
        measured: One(key(
            FLOOD,
            "filling the directory, positive dentries, with inode",
            OWN,
            "longest 16 inserts, cpu",
        )),
        kernel: Kernel::IfThere(One(key(
            FLOOD,
            "filling the directory, positive dentries, with inode",
            LINUX,
            "longest 16 inserts, cpu",
        ))),
        ..ONE_MS
    },
    Target {
        number: "6d",
        text: "the longest single insertion while one directory grows to 30 million: at most 1 ms of CPU",
        measured: One(key("dcache", "grow one directory", OWN, "insert, longest CPU")),
        floor: Some(One(key("dcache", "grow one directory", "machine", "insert, longest CPU"))),
        ..ONE_MS
    },
    Target {
        number: "6e",
        text: "the longest 16 removals of files in a row: at most 1 ms of CPU",
        measured: One(key(FLOOD, "removing the directory", OWN, "longest 16 unlinks, cpu")),
        kernel: Kernel::IfThere(One(key(
            FLOOD,
            "removing the directory",
            LINUX,
            "longest 16 unlinks, cpu",
        ))),
        ..ONE_MS
    },
    Target {
        number: "6f",
        text: "removing the directory itself, with all negative dentries: at most 1 ms of CPU",
        measured: One(key(FLOOD, "removing the directory", OWN, "rmdir, cpu")),
        kernel: Kernel::IfThere(One(key(FLOOD, "removing the directory", LINUX, "rmdir, cpu"))),
        ..ONE_MS
    },
    Target {
        number: "6g",
        text: "ten threads elsewhere while it is removed, the longest 16 operations in a row: \
               at most 1 ms of CPU",
        measured: One(key(
            FLOOD,
            "ten threads elsewhere, during the removal",
            OWN,
            "longest 16 operations, cpu",
        )),
        kernel: Kernel::IfThere(One(key(
            FLOOD,
            "ten threads elsewhere, during the removal",
            LINUX,
            "longest 16 operations, cpu",
        ))),
        ..ONE_MS
    },
    Target {
        number: "6h",
        text: "p99.9 of an open and close of theirs, during the removal over before: at most 3x",
        bound: AtMost(3.0, "x"),
        measured: Quotient(
            key(
                FLOOD,
                "ten threads elsewhere, during the removal",
                OWN,
                "open and close, p99.9 wall",
            ),
            key(
                FLOOD,
                "ten threads elsewhere, before the removal",
                OWN,
                "open and close, p99.9 wall",
            ),
        ),
        ..TARGET
    },
    Target {
        number: "6i",
        text: "add_watch in that directory over one with the files alone: no difference (up to 1.1x)",
        bound: AtMost(SAME, "x"),
        measured: One(key(FLOOD, "add_watch, nobody else at work", OWN, "flooded over plain")),
        kernel: Kernel::IfThere(One(key(
            FLOOD,
            "add_watch, nobody else at work",
            LINUX,
            "flooded over plain",
        ))),
        ..TARGET
    },
    Target {
        number: "7a",
        text: "delivery to 1000 groups and reading in batches, per group and event: at most 40 ns",
        bound: AtMost(40.0, "ns"),
        measured: One(key("queue", "fan-out", OWN, "time per group and event")),
        kernel: Kernel::Wanted(Sum(&[
            key(VERSUS, "delivery to many groups", LINUX, "time per group and event"),
            key(VERSUS, "reading in many groups", LINUX, "time per group and event"),
        ])),
        ..TARGET
    },
    Target {
        number: "7b",
        text: "closing a group with a million marks: at most 0.2 s",
        bound: AtMost(0.2, "s"),
        measured: One(key("marks", "many inodes", OWN, "time of all, close")),
        kernel: Kernel::Wanted(One(key(VERSUS, "closing a group", LINUX, "time"))),
        ..TARGET
    },
    Target {
        number: "7c",
        text: "a hook beside such a close, the longest: at most 20 us of CPU",
        bound: AtMost(20.0, "us"),
        measured: One(key("marks", "close beside hooks", OWN, "firing hook, longest CPU")),
        floor: Some(One(key("marks", "close beside hooks", "machine", "longest CPU"))),
        ..TARGET
    },
    Target {
        number: "7d",
        text: "a hook beside such a close, the longest: at most 20 us of wall time",
        bound: AtMost(20.0, "us"),
        measured: One(key("marks", "close beside hooks", OWN, "firing hook, longest wall")),
        floor: Some(One(key("marks", "close beside hooks", "machine", "longest wall"))),
        ..TARGET
    },
    Target {
        number: "7e",
        text: "a hook beside such a close, p99.9: at most 20 us of wall time",
        bound: AtMost(20.0, "us"),
        measured: One(key("marks", "close beside hooks", OWN, "firing hook, p99.9 wall")),
        ..TARGET
    },
];

/// At most a millisecond, beside the longest gap that an empty loop saw.
const ONE_MS: Target = Target {
    bound: AtMost(1.0, "ms"),
    floor: Some(One(key(
        FLOOD,
        "removing the directory",
        OWN,
        "longest gap of an empty loop, cpu",
    ))),
    ..TARGET
};
