//! The tables of the page, and which records are in them.

use crate::records::{LINUX, OWN};
use crate::table_rows::{
    CALLS, FAN_OUT, FLOOD, FLOOD_PROCESS, HOOK_STATES, OPERATIONS, PHASES, STRATEGIES, VERSUS,
};
use crate::tables::{Column, Each, Table, column, if_there, of, row};

macro_rules! latency_columns {
    ($side:expr, $scenario:literal) => {
        &[
            column("p50, idle", $side, $scenario, "p50 wall, idle"),
            column("during the walk", $side, $scenario, "p50 wall, during the walk"),
            column("p99.9, idle", $side, $scenario, "p99.9 wall, idle"),
            column("beside a busy thread", $side, $scenario, "p99.9 wall, beside a busy thread"),
            column("during the walk", $side, $scenario, "p99.9 wall, during the walk"),
            column("over idle", $side, $scenario, "p99.9 wall, walk / idle"),
            column("longest, idle", $side, $scenario, "max wall, idle"),
            column("during the walk", $side, $scenario, "max wall, during the walk"),
        ]
    };
}

const LATENCY_COLUMNS: &[Column] = latency_columns!(OWN, "{}");
const LATENCY_VFS_COLUMNS: &[Column] = latency_columns!(OWN, "{}, through the vfs");
const LATENCY_MACHINE_COLUMNS: &[Column] = latency_columns!("machine", "{}");

const VERSUS_COLUMNS: &[Column] = &[
    column("vfsnotify", OWN, "{}", "{}"),
    column("{}", LINUX, "{}", "{}"),
    column("{} / vfsnotify", LINUX, "{}", "kernel / vfsnotify"),
];

/// All tables of the page.
pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "child_walk",
        bench: "child_walk",
        head: "per child",
        each: Each::Size("children"),
        rows: &[row("creation order"), row("shuffled order")],
        columns: &[
            column("first add", OWN, "first add, {}", "time per child"),
            column("plain store scan", "machine", "first add, {}", "plain store scan"),
            column("first add, {}", LINUX, "first add, {}", "time per child*"),
            column("kernel / vfsnotify", OWN, "first add, {}", "kernel / vfsnotify"),
            column("re-add with lost flags", OWN, "re-add with lost flags, {}", "time per child"),
            column("the same, {}", LINUX, "re-add with lost flags, {}", "time per child*"),
        ],
    },
    Table {
        name: "child_walk",
        bench: "child_walk",
        head: "beside negative children, per child",
        each: Each::Size("positive children"),
        rows: &[row("creation order")],
        columns: &[
            column("first add", OWN, "first add, {}, beside negatives", "time per child"),
            column(
                "with / without",
                OWN,
                "first add, {}, beside negatives",
                "with / without negatives",
            ),
        ],
    },
    Table {
        name: "child_walk",
        bench: "child_walk",
        head: "negative children alone",
        each: Each::Size("children"),
        rows: &[row("first add, per child")],
        columns: &[
            column("vfsnotify", OWN, "first add, negative children alone", "time per name"),
            column("{}", LINUX, "first add, negative children alone", "time per name"),
        ],
    },
    Table {
        name: "child_walk",
        bench: "child_walk",
        head: "per call, vfsnotify",
        each: Each::Size("children"),
        rows: &[row("creation order"), row("shuffled order")],
        columns: &[
            column("second add", OWN, "second add, {}", "time per call"),
            column(
                "re-add with no flag lost",
                OWN,
                "re-add with no flag lost, {}",
                "time per call",
            ),
            column("remove", OWN, "remove, {}", "time per call"),
        ],
    },
    Table {
        name: "walk_latency",
        bench: "walk_latency",
        head: "wall time",
        each: Each::Side("children"),
        rows: OPERATIONS,
        columns: LATENCY_COLUMNS,
    },
    Table {
        name: "walk_latency",
        bench: "walk_latency",
        head: "the clock alone",
        each: Each::Row,
        rows: &[row("nothing")],
        columns: LATENCY_MACHINE_COLUMNS,
    },
    Table {
        name: "walk_latency",
        bench: "walk_latency",
        head: "through the VFS",
        each: Each::Side("children"),
        rows: CALLS,
        columns: LATENCY_VFS_COLUMNS,
    },
    Table {
        name: "walk_latency",
        bench: "walk_latency",
        head: "the holder, one chunk",
        each: Each::Size("children"),
        rows: &[row("cpu"), row("wall")],
        columns: &[
            column("p50", OWN, "holder, one chunk", "p50 {}"),
            column("p99", OWN, "holder, one chunk", "p99 {}"),
            column("p99.9", OWN, "holder, one chunk", "p99.9 {}"),
            column("longest", OWN, "holder, one chunk", "max {}"),
            column("an empty loop", "machine", "holder, one chunk", "longest gap, {}"),
        ],
    },
    Table {
        name: "herd",
        bench: "herd",
        head: "open and close, by phase",
        each: Each::Side("negative dentries"),
        rows: PHASES,
        columns: &[
            column("in a second", OWN, "herd, {}", "throughput"),
            column("in the lowest 50 ms", OWN, "herd, {}", "lowest 50 ms"),
            column("CPU of each", OWN, "herd, {}", "cpu per open and close"),
            column("longest", OWN, "herd, {}", "longest open and close"),
        ],
    },
    Table {
        name: "herd",
        bench: "herd",
        head: "over before",
        each: Each::Side("negative dentries"),
        rows: &[row("a watch every 10 ms"), row("watches without a pause"), row("after")],
        columns: &[column("open and close in a second", OWN, "herd, {}", "throughput over before")],
    },
    Table {
        name: "herd",
        bench: "herd",
        head: "the watch",
        each: Each::Side("negative dentries"),
        rows: &[row("a watch every 10 ms"), row("watches without a pause")],
        columns: &[
            column("share of the processors left", OWN, "herd, {}", "cpu share left"),
            column("watches in a second", OWN, "herd, {}", "watches"),
            column("turn of the watch", OWN, "herd, {}", "turn of the watch"),
            column("longest", OWN, "herd, {}", "longest turn of the watch"),
        ],
    },
    Table {
        name: "strategies",
        bench: "strategies",
        head: "algorithm",
        each: Each::Row,
        rows: STRATEGIES,
        columns: &[
            column("first add", "{}", "first add", "time per add"),
            column("event of a child, p99.9", "{}", "stall of others", "p99.9 touch"),
            column("longest", "{}", "stall of others", "longest touch"),
            column("missed look-up, p99.9", "{}", "stall of others", "p99.9 miss"),
            column("longest", "{}", "stall of others", "longest miss"),
        ],
    },
    Table {
        name: "strategies",
        bench: "strategies",
        head: "algorithm",
        each: Each::Row,
        rows: STRATEGIES,
        columns: &[
            column("herd, events", "{}", "herd", "touches per second, quiet"),
            column("while watched", "{}", "herd", "touches per second, watches come and go"),
            column("over quiet", "{}", "herd", "come and go / quiet"),
            column("walks per watch", "{}", "herd", "walks per watch"),
            column("second adds", "{}", "second add during the walk", "trials"),
            column("returned early", "{}", "second add during the walk", "returned early"),
            column("events lost", "{}", "second add during the walk", "events lost"),
        ],
    },
    Table {
        name: "hot_path",
        bench: "hot_path",
        head: "per hook or event",
        each: Each::Row,
        rows: HOOK_STATES,
        columns: &[
            column("read", OWN, "read hook, {}", "{}, 1 thread"),
            column("write", OWN, "write hook, {}", "{}, 1 thread"),
            column("open and close", OWN, "open and close hooks, {}", "{}, 1 thread"),
            column("two threads over one: read", OWN, "read hook, {}", "{}, 2 threads over 1"),
            column("write", OWN, "write hook, {}", "{}, 2 threads over 1"),
            column("open and close", OWN, "open and close hooks, {}", "{}, 2 threads over 1"),
        ],
    },
    Table {
        name: "queue",
        bench: "queue",
        head: "one directory",
        each: Each::Size("groups"),
        rows: &[row("per group and event")],
        columns: &[
            column("together", OWN, "fan-out", "time per group and event"),
            column("delivery", OWN, "fan-out", "of which delivery"),
            column("drain", OWN, "fan-out", "of which drain"),
            column(
                "events in a second, reader beside",
                OWN,
                "fan-out",
                "events per second, reader beside",
            ),
        ],
    },
    Table {
        name: "queue",
        bench: "queue",
        head: "hook to a blocked reader",
        each: Each::Row,
        rows: &[row("p50"), row("p99")],
        columns: &[
            column("in `wait`", OWN, "latency, reader in wait", "{}"),
            column("on `ready`", OWN, "latency, reader on ready", "{}"),
            column("a parked thread", "machine", "latency, reader in wait", "{}"),
            column("{}", LINUX, "latency, reader in wait", "{}"),
        ],
    },
    Table {
        name: "queue",
        bench: "queue",
        head: "a hook",
        each: Each::Row,
        rows: &[
            of("coalescing", "time per merged event", "whose event merges with the tail"),
            of("overflow", "time per lost event", "whose event is lost, the queue being full"),
        ],
        columns: &[column("time", OWN, "{}", "{}")],
    },
    Table {
        name: "marks",
        bench: "marks",
        head: "one group, per mark",
        each: Each::SideAndSize("marks"),
        rows: &[row("many inodes")],
        columns: &[
            column("add", OWN, "{}", "time per mark, add"),
            column("update", OWN, "{}", "time per mark, update"),
            column("remove", OWN, "{}", "time per mark, remove"),
            column("close", OWN, "{}", "time per mark, close"),
            column("close, all", OWN, "{}", "time of all, close"),
        ],
    },
    Table {
        name: "marks",
        bench: "marks",
        head: "many groups, per mark",
        each: Each::Size("groups"),
        rows: &[row("one inode")],
        columns: &[
            column("add", OWN, "{}", "time per mark, add"),
            column("remove", OWN, "{}", "time per mark, remove"),
        ],
    },
    Table {
        name: "marks",
        bench: "marks",
        head: "memory",
        each: Each::Size("marks"),
        rows: &[row("of each, with its connector")],
        columns: &[column("vfsnotify", OWN, "memory", "bytes each")],
    },
    Table {
        name: "marks",
        bench: "marks",
        head: "one-shot",
        each: Each::Row,
        rows: &[row("add, trigger, read")],
        columns: &[
            column("vfsnotify", OWN, "one-shot", "time per cycle"),
            column("{}", LINUX, "one-shot", "time per cycle"),
        ],
    },
    Table {
        name: "marks",
        bench: "marks",
        head: "a hook beside",
        each: Each::Row,
        rows: &[
            of("close beside hooks", "firing hook", "a close, its group's one-shot fires"),
            of("close beside hooks", "other hook", "a close, of another group"),
            of("close beside hooks", "hook, nothing closed", "nothing"),
        ],
        columns: &[
            column("p50", OWN, "{}", "{}, p50 wall"),
            column("p99.9", OWN, "{}", "{}, p99.9 wall"),
            column("longest", OWN, "{}", "{}, longest wall"),
            column("longest, CPU", OWN, "{}", "{}, longest CPU"),
            column("an empty loop", "machine", "{}", "longest wall"),
            column("its CPU", "machine", "{}", "longest CPU"),
        ],
    },
    Table {
        name: "dcache",
        bench: "dcache",
        head: "a directory that grows",
        each: Each::Size("names"),
        rows: &[
            of("grow, negative", "", "negative dentries"),
            of("grow, positive", "", "positive dentries"),
        ],
        columns: &[
            column("time per insert", OWN, "{}", "time per insert"),
            column("in a second", OWN, "{}", "inserts per second"),
            column("bytes each, mean", OWN, "{}", "bytes each, mean"),
            column("peak", OWN, "{}", "bytes each, peak"),
        ],
    },
    Table {
        name: "dcache",
        bench: "dcache",
        head: "its inode, counted apart",
        each: Each::Size("inodes"),
        rows: &[of("grow, positive", "", "an inode")],
        columns: &[
            column("time", OWN, "{}", "time per inode"),
            column("bytes each", OWN, "{}", "bytes of its inode"),
        ],
    },
    Table {
        name: "dcache",
        bench: "dcache",
        head: "look-up, random order",
        each: Each::Size("names"),
        rows: &[of("look-up", "", "time of each")],
        columns: &[
            column("hit", OWN, "{}", "time per look-up, hit"),
            column("cached miss", OWN, "{}", "time per look-up, cached miss"),
            column("new miss", OWN, "{}", "time per look-up, new miss"),
        ],
    },
    Table {
        name: "dcache",
        bench: "dcache",
        head: "a new name that evicts another",
        each: Each::Size("names"),
        rows: &[
            of("evict in one directory", "", "in one directory"),
            of("evict among directories", "", "among a hundred directories"),
        ],
        columns: &[
            column("mean", OWN, "{}", "time per insert, mean"),
            column("p99.9", OWN, "{}", "insert, p99.9 wall"),
            column("longest", OWN, "{}", "insert, longest wall"),
            column("longest, CPU", OWN, "{}", "insert, longest CPU"),
        ],
    },
    Table {
        name: "dcache",
        bench: "dcache",
        head: "longest times, taken once",
        each: Each::Size("names"),
        rows: &[
            of("grow one directory", "insert", "insertion of a name"),
            of(
                "remove the directory",
                "another's look-up and insert",
                "another's work while it is freed",
            ),
        ],
        columns: &[
            column("p99.99", OWN, "{}", "{}, p99.99 wall"),
            column("longest", OWN, "{}", "{}, longest wall"),
            column("longest, CPU", OWN, "{}", "{}, longest CPU"),
            column("an empty loop", "machine", "{}", "{}, longest wall"),
            column("its CPU", "machine", "{}", "{}, longest CPU"),
        ],
    },
    Table {
        name: "dcache",
        bench: "dcache",
        head: "removing it",
        each: Each::Size("names"),
        rows: &[of("remove the directory", "", "time")],
        columns: &[
            column("rmdir", OWN, "{}", "time of rmdir"),
            column("freeing", OWN, "{}", "time of reaping"),
            column("of each name", OWN, "{}", "time of reaping, each name"),
            column("longest step", OWN, "{}", "longest step seen, wall"),
            column("memory given back", OWN, "{}", "share of memory given back"),
        ],
    },
    Table {
        name: "vs_kernel",
        bench: "vs_kernel",
        head: "row",
        each: Each::Size("size"),
        rows: VERSUS,
        columns: VERSUS_COLUMNS,
    },
    Table {
        name: "vs_kernel",
        bench: "vs_kernel",
        head: "row",
        each: Each::Size("groups"),
        rows: FAN_OUT,
        columns: VERSUS_COLUMNS,
    },
    Table {
        name: "negative_flood",
        bench: "negative_flood",
        head: "one directory",
        each: Each::Row,
        rows: FLOOD,
        columns: &[column("vfsnotify", OWN, "{}", "{}"), if_there("{}", LINUX, "{}", "{}")],
    },
    Table {
        name: "negative_flood",
        bench: "negative_flood",
        head: "everything",
        each: Each::Row,
        rows: FLOOD_PROCESS,
        columns: &[column("vfsnotify", OWN, "{}", "{}")],
    },
];
