//! The plots of the page, and which records they show.

use crate::bars::{Bars, Group};
use crate::charts::{Chart, Plot, Tone};
use crate::figure::Figure;
use crate::lines::Scale::{Linear, Log, Nines};
use crate::lines::{Axis, Lines, Panel, Series, Source};
use crate::records::{Key, LINUX, OWN, key};

/// Panels of the four states that an operation was measured in: idle and during the walk, here and
/// on the kernel.
macro_rules! latency_panels {
    ($suffix:literal, $($operation:literal),*) => {
        &[$(Panel {
            title: $operation,
            series: &[
                latency("vfsnotify, idle", Tone::Light, &[
                    key("walk_latency", concat!($operation, $suffix), OWN, IDLE),
                ]),
                latency("{}, idle", Tone::Light, &[
                    key("walk_latency", $operation, LINUX, IDLE),
                ]),
                latency("vfsnotify, during the walk", Tone::Strong, &[
                    key("walk_latency", concat!($operation, $suffix), OWN, DURING),
                ]),
                latency("{}, during the walk", Tone::Strong, &[
                    key("walk_latency", $operation, LINUX, DURING),
                ]),
            ],
        }),*]
    };
}

const IDLE: &str = "wall distribution over nines, idle";
const DURING: &str = "wall distribution over nines, during the walk";

const fn latency(label: &'static str, tone: Tone, keys: &'static [Key]) -> Series {
    Series { label, tone, source: Source::Curves(keys) }
}

const SHARE: Axis =
    Axis { title: "nines of all calls (2: 99 %, 3: 99.9 %)", scale: Nines, unit: "" };
const LATENCY: Axis = Axis { title: "latency", scale: Log, unit: "ns" };
const CHILDREN: Axis = Axis { title: "children of the directory", scale: Log, unit: "" };
const GROUPS: Axis = Axis { title: "groups on one directory", scale: Log, unit: "" };

const fn phase(scenario: &'static str, side: &'static str) -> Key {
    key("herd", scenario, side, "throughput over time")
}

const BEFORE: &str = "herd, before";
const AT_INTERVALS: &str = "herd, a watch every 10 ms";
const WITHOUT_PAUSE: &str = "herd, watches without a pause";
const AFTER: &str = "herd, after";

/// What is called of a bench that all plots of strategies are of.
const fn strategy(scenario: &'static str, what: &'static str) -> Figure {
    Figure::One(key("strategies", scenario, "*", what))
}

/// What the kernel's hook takes above a call that finds nothing watched, beside the hook alone.
const fn hook(scenario: &'static str) -> Figure {
    Figure::One(key("vs_kernel", scenario, "*", "time of the hook"))
}

/// All plots of the page.
pub(crate) const PLOTS: &[Plot] = &[
    Plot {
        name: "walk_time",
        alt: "Time of adding a watch over the number of children, on Linux and on this crate: both grow with \
              the number, this crate's some tens of times faster; adding it again is flat",
        chart: Chart::Lines(Lines {
            title: "Adding a watch to a directory with many files",
            x: CHILDREN,
            y: Axis { title: "time of the call", scale: Log, unit: "ns" },
            across: 1,
            panel_height: 430,
            panels: &[Panel {
                title: "",
                series: &[
                    Series {
                        label: "{}, shuffled",
                        tone: Tone::Middle,
                        source: Source::TimesSize(&[key(
                            "child_walk",
                            "first add, shuffled order",
                            LINUX,
                            "time per child",
                        )]),
                    },
                    Series {
                        label: "{}, in creation order",
                        tone: Tone::Strong,
                        source: Source::TimesSize(&[key(
                            "child_walk",
                            "first add, creation order",
                            LINUX,
                            "time per child",
                        )]),
                    },
                    Series {
                        label: "vfsnotify, shuffled",
                        tone: Tone::Middle,
                        source: Source::TimesSize(&[key(
                            "child_walk",
                            "first add, shuffled order",
                            OWN,
                            "time per child",
                        )]),
                    },
                    Series {
                        label: "vfsnotify, in creation order",
                        tone: Tone::Strong,
                        source: Source::TimesSize(&[key(
                            "child_walk",
                            "first add, creation order",
                            OWN,
                            "time per child",
                        )]),
                    },
                    Series {
                        label: "vfsnotify, added again, no flag lost",
                        tone: Tone::Light,
                        source: Source::BySize(&[key(
                            "child_walk",
                            "re-add with no flag lost, creation order",
                            OWN,
                            "time per call",
                        )]),
                    },
                ],
            }],
            parts: &[],
        }),
    },
    Plot {
        name: "walk_latency",
        alt: "Latency of six operations over the share of calls, idle and during a walk, on Linux and on this crate",
        chart: Chart::Lines(Lines {
            title: "What others feel in a directory that is walked over",
            x: SHARE,
            y: LATENCY,
            across: 2,
            panel_height: 290,
            panels: latency_panels!(
                "",
                "write",
                "open and close",
                "lookup hit",
                "lookup new miss",
                "create and unlink",
                "rename"
            ),
            parts: &[],
        }),
    },
    Plot {
        name: "walk_latency_vfs",
        alt: "The same through this crate's VFS",
        chart: Chart::Lines(Lines {
            title: "The same through the VFS: whole operations, with path look-up and file system",
            x: SHARE,
            y: LATENCY,
            across: 2,
            panel_height: 290,
            panels: latency_panels!(
                ", through the vfs",
                "write",
                "open and close",
                "lookup hit",
                "lookup new miss",
                "create and unlink",
                "rename"
            ),
            parts: &[],
        }),
    },
    Plot {
        name: "herd",
        alt: "Files opened and closed in a second by ten threads, before, while and after a watch comes and goes, \
              on Linux and on this crate",
        chart: Chart::Lines(Lines {
            title: "Ten threads open and close files while a watch comes and goes",
            x: Axis { title: "time", scale: Linear, unit: "s" },
            y: Axis { title: "open and close, all threads", scale: Linear, unit: "1/s" },
            across: 1,
            panel_height: 380,
            panels: &[Panel {
                title: "",
                series: &[
                    Series {
                        label: "vfsnotify",
                        tone: Tone::Strong,
                        source: Source::Curves(&[
                            phase(BEFORE, OWN),
                            phase(AT_INTERVALS, OWN),
                            phase(WITHOUT_PAUSE, OWN),
                            phase(AFTER, OWN),
                        ]),
                    },
                    Series {
                        label: "{}",
                        tone: Tone::Strong,
                        source: Source::Curves(&[
                            phase(BEFORE, LINUX),
                            phase(AT_INTERVALS, LINUX),
                            phase(WITHOUT_PAUSE, LINUX),
                            phase(AFTER, LINUX),
                        ]),
                    },
                ],
            }],
            parts: &[
                ("before", phase(BEFORE, OWN)),
                ("a watch every 10 ms", phase(AT_INTERVALS, OWN)),
                ("watches without a pause", phase(WITHOUT_PAUSE, OWN)),
                ("after", phase(AFTER, OWN)),
            ],
        }),
    },
    Plot {
        name: "strategies",
        alt: "Stalls, throughput and lost events of four algorithms",
        chart: Chart::Bars(Bars {
            title: "What each step of the history bought",
            bench: "strategies",
            sides: &[
                ("before 6.11: eager set and clear", "eager set and clear"),
                ("2022: in-progress flag", "in-progress flag"),
                ("since 6.11: eager set, lazy clear", "eager set, lazy clear"),
                ("vfsnotify", OWN),
            ],
            groups: &[
                Group {
                    title: "p99.9 of an event (log)",
                    figure: strategy("stall of others", "p99.9 touch"),
                    is_log: true,
                },
                Group {
                    title: "p99.9 of a miss (log)",
                    figure: strategy("stall of others", "p99.9 miss"),
                    is_log: true,
                },
                Group {
                    title: "herd over quiet",
                    figure: strategy("herd", "come and go / quiet"),
                    is_log: false,
                },
                Group {
                    title: "events lost",
                    figure: strategy("second add during the walk", "events lost"),
                    is_log: false,
                },
            ],
        }),
    },
    Plot {
        name: "hooks",
        alt: "What the hook of a read of one byte costs, on Linux and on this crate",
        chart: Chart::Bars(Bars {
            title: "What the hook of a 1-byte read takes",
            bench: "vs_kernel",
            sides: &[("vfsnotify", OWN), ("{}", LINUX)],
            groups: &[
                Group {
                    title: "a watch elsewhere",
                    figure: hook("1-byte read, a watch elsewhere, hook alone"),
                    is_log: false,
                },
                Group {
                    title: "parent watched for another event",
                    figure: hook("1-byte read, parent watched for something else, hook alone"),
                    is_log: false,
                },
                Group {
                    title: "event queued and read",
                    figure: hook("1-byte read, event queued and read, hook alone"),
                    is_log: false,
                },
            ],
        }),
    },
    Plot {
        name: "fan_out",
        alt: "Time of delivering and reading one event over the number of groups, on Linux and on this crate",
        chart: Chart::Lines(Lines {
            title: "One event for many groups: delivery and reading, for each of them",
            x: GROUPS,
            y: Axis { title: "time per group and event", scale: Log, unit: "ns" },
            across: 1,
            panel_height: 340,
            panels: &[Panel {
                title: "",
                series: &[
                    Series {
                        label: "{}",
                        tone: Tone::Strong,
                        source: Source::BySize(&[
                            key(
                                "vs_kernel",
                                "delivery to many groups",
                                LINUX,
                                "time per group and event",
                            ),
                            key(
                                "vs_kernel",
                                "reading in many groups",
                                LINUX,
                                "time per group and event",
                            ),
                        ]),
                    },
                    Series {
                        label: "vfsnotify, read one by one",
                        tone: Tone::Middle,
                        source: Source::BySize(&[
                            key(
                                "vs_kernel",
                                "delivery to many groups",
                                OWN,
                                "time per group and event",
                            ),
                            key(
                                "vs_kernel",
                                "reading in many groups",
                                OWN,
                                "time per group and event",
                            ),
                        ]),
                    },
                    Series {
                        label: "vfsnotify, read in batches",
                        tone: Tone::Strong,
                        source: Source::BySize(&[key(
                            "queue",
                            "fan-out",
                            OWN,
                            "time per group and event",
                        )]),
                    },
                ],
            }],
            parts: &[],
        }),
    },
    Plot {
        name: "growth",
        alt: "Time of one insertion over the number of names in the directory",
        chart: Chart::Lines(Lines {
            title: "A directory that grows: time of one insertion",
            x: Axis { title: "names in the directory", scale: Linear, unit: "" },
            y: Axis { title: "time per insertion", scale: Linear, unit: "ns" },
            across: 1,
            panel_height: 300,
            panels: &[Panel {
                title: "",
                series: &[
                    Series {
                        label: "negative dentries",
                        tone: Tone::Strong,
                        source: Source::Curves(&[key(
                            "dcache",
                            "grow, negative",
                            OWN,
                            "time per insert, by size",
                        )]),
                    },
                    Series {
                        label: "positive dentries",
                        tone: Tone::Middle,
                        source: Source::Curves(&[key(
                            "dcache",
                            "grow, positive",
                            OWN,
                            "time per insert, by size",
                        )]),
                    },
                ],
            }],
            parts: &[],
        }),
    },
];
