//! The rows of the longer tables.

use crate::tables::{Row, of, row};

/// The rows of `hot_path`: the states of the world.
pub(crate) const HOOK_STATES: &[Row] = &[
    of("no watch", "time per hook", "(a) no watch anywhere"),
    of("watch elsewhere", "time per hook", "(b) a watch elsewhere"),
    of("parent watched for another event", "time per hook", "(c) parent watched for another event"),
    of("match", "time per event", "(d) a match, queued and drained"),
    of("match", "of which hook", "of which the hook"),
    of("match", "of which drain", "of which the drain"),
    of("after the watch went", "first touch", "(e) after the watch went, first touch"),
    of("after the watch went", "later touch", "(e) later touch of each"),
    of("after the watch went", "later touch, one file", "(e) later touch of one file"),
];

pub(crate) const OPERATIONS: &[Row] = &[
    row("hook"),
    row("write"),
    row("open and close"),
    row("lookup hit"),
    row("lookup cached miss"),
    row("lookup new miss"),
    row("create and unlink"),
    row("rename"),
];

/// Without the hook, which cannot be called alone through the VFS.
pub(crate) const CALLS: &[Row] = &[
    row("write"),
    row("open and close"),
    row("lookup hit"),
    row("lookup cached miss"),
    row("lookup new miss"),
    row("create and unlink"),
    row("rename"),
];

pub(crate) const PHASES: &[Row] =
    &[row("before"), row("a watch every 10 ms"), row("watches without a pause"), row("after")];

pub(crate) const STRATEGIES: &[Row] = &[
    row("eager set and clear"),
    row("in-progress flag"),
    row("eager set, lazy clear"),
    row("vfsnotify"),
];

/// The rows of the table, in its order.
pub(crate) const VERSUS: &[Row] = &[
    same("first add per positive child, creation order", "time per child"),
    same("first add per positive child, random order", "time per child"),
    same("first add per negative child, creation order", "time per child"),
    same("first add per negative child, random order", "time per child"),
    same("stall during a walk, open and close, longest", "latency"),
    same("stall during a walk, open and close, p99.9", "latency"),
    same("stall during a walk, write, longest", "latency"),
    same("stall during a walk, write, p99.9", "latency"),
    same("stall during a walk, create and unlink, longest", "latency"),
    same("stall during a walk, create and unlink, p99.9", "latency"),
    same("stall during a walk, missed lookup, longest", "latency"),
    same("stall during a walk, missed lookup, p99.9", "latency"),
    same("second adder during a walk, returned before it was ready", "trials"),
    same("second adder during a walk, lost its next event", "trials"),
    same("1-byte read, no watch", "time per call"),
    same("1-byte read, a watch elsewhere", "time over no watch"),
    same("1-byte read, a watch elsewhere, hook alone", "time of the hook"),
    same("1-byte read, parent watched for something else", "time over no watch"),
    same("1-byte read, parent watched for something else, hook alone", "time of the hook"),
    same("1-byte read, event queued and read", "time over no watch"),
    same("1-byte read, event queued and read, hook alone", "time of the hook"),
    same("1-byte write, no watch", "time per call"),
    same("1-byte write, a watch elsewhere", "time over no watch"),
    same("1-byte write, a watch elsewhere, hook alone", "time of the hook"),
    same("1-byte write, parent watched for something else", "time over no watch"),
    same("1-byte write, parent watched for something else, hook alone", "time of the hook"),
    same("1-byte write, event queued and read", "time over no watch"),
    same("1-byte write, event queued and read, hook alone", "time of the hook"),
    same("1-byte read, two threads, no watch", "time per call"),
    same("1-byte read, two threads, a watch elsewhere", "time over no watch"),
    same("1-byte read, two threads, a watch elsewhere, hook alone", "time of the hook"),
    same("1-byte read, two threads, parent watched for something else", "time over no watch"),
    same(
        "1-byte read, two threads, parent watched for something else, hook alone",
        "time of the hook",
    ),
    same("1-byte write, two threads, no watch", "time per call"),
    same("1-byte write, two threads, a watch elsewhere", "time over no watch"),
    same("1-byte write, two threads, a watch elsewhere, hook alone", "time of the hook"),
    same("1-byte write, two threads, parent watched for something else", "time over no watch"),
    same(
        "1-byte write, two threads, parent watched for something else, hook alone",
        "time of the hook",
    ),
    same("write to a blocked reader, p50", "latency"),
    same("write to a blocked reader, p99", "latency"),
    same("one-shot: add, trigger, remove, read", "time of all four"),
    same("one-shot: add, trigger, remove, read, without path and file system", "time of all four"),
    same("renames, unwatched", "renames per second"),
    same("renames, unwatched, without path and file system", "renames per second"),
    same("renames, parent watched", "renames per second"),
    same("renames, parent watched, without path and file system", "renames per second"),
    same("renames, parent watched by ten groups", "renames per second"),
    same(
        "renames, parent watched by ten groups, without path and file system",
        "renames per second",
    ),
    same("memory of a negative dentry", "bytes each"),
    same("memory of a watch", "bytes each"),
    same("add_watch on many files, by path", "time per watch"),
    same("add_watch on many files, look-up not counted", "time per watch"),
    same("rm_watch on many files", "time per watch"),
    same("closing a group, per mark", "time per mark"),
    same("closing a group", "time"),
];

pub(crate) const FAN_OUT: &[Row] = &[
    same("delivery to many groups", "time per group and event"),
    same("reading in many groups", "time per group and event"),
];

/// A row that is called what its scenario is called.
const fn same(scenario: &'static str, what: &'static str) -> Row {
    of(scenario, what, scenario)
}

const IN: &str = "ten threads in the directory, before";
const IN_BESIDE: &str = "ten threads in the directory, while a watch comes and goes";
const IN_AFTER: &str = "ten threads in the directory, after";
const ELSEWHERE: &str = "ten threads elsewhere, before the removal";
const ELSEWHERE_BESIDE: &str = "ten threads elsewhere, during the removal";
const NEGATIVE: &str = "filling the directory, negative dentries";
const POSITIVE: &str = "filling the directory, positive dentries, with inode";
const ADD: &str = "add_watch, nobody else at work";
const REMOVAL: &str = "removing the directory";

pub(crate) const FLOOD: &[Row] = &[
    of(NEGATIVE, "count", "negative dentries"),
    of(NEGATIVE, "memory each", "memory of each, names of 20 bytes"),
    of(NEGATIVE, "inserts", "rate of insertion"),
    of(NEGATIVE, "longest insert", "longest insertion, wall time"),
    of(NEGATIVE, "longest 16 inserts, cpu", "longest 16 insertions in a row, CPU time"),
    of(POSITIVE, "count", "positive dentries"),
    of(POSITIVE, "memory each", "memory of each, with its inode"),
    of(POSITIVE, "inserts", "rate of insertion"),
    of(POSITIVE, "longest insert", "longest insertion, wall time"),
    of(POSITIVE, "longest 16 inserts, cpu", "longest 16 insertions in a row, CPU time"),
    of(ADD, "first, in the flooded directory", "add_watch, the first one"),
    of(ADD, "first, without negative dentries", "the same, with the files alone"),
    of(ADD, "in the flooded directory", "add_watch after a lost flag"),
    of(ADD, "without negative dentries", "the same, with the files alone"),
    of(ADD, "flooded over plain", "flooded over plain"),
    of(IN, "operations", "ten threads in the directory, before"),
    of(IN_BESIDE, "operations", "while a watch comes and goes"),
    of(IN_AFTER, "operations", "after"),
    of(IN_BESIDE, "operations over before", "while over before"),
    of(IN_AFTER, "operations over before", "after over before"),
    of(IN_BESIDE, "watches", "watches meanwhile"),
    of(IN_BESIDE, "add_watch", "add_watch meanwhile"),
    of(IN, "open and close, p99.9 wall", "their open and close, p99.9, before"),
    of(IN_BESIDE, "open and close, p99.9 wall", "while a watch comes and goes"),
    of(IN, "lookup, p99.9 wall", "their look-up, p99.9, before"),
    of(IN_BESIDE, "lookup, p99.9 wall", "while a watch comes and goes"),
    of(IN, "create, p99.9 wall", "their create, p99.9, before"),
    of(IN_BESIDE, "create, p99.9 wall", "while a watch comes and goes"),
    of(IN_BESIDE, "open and close, max wall", "their longest open and close meanwhile"),
    of(REMOVAL, "unlinks", "removing the files"),
    of(REMOVAL, "longest 16 unlinks, cpu", "longest 16 removals in a row, CPU time"),
    of(REMOVAL, "rmdir", "rmdir"),
    of(REMOVAL, "rmdir, cpu", "rmdir, CPU time"),
    of(REMOVAL, "freeing it", "freeing everything, beside the others' work"),
    of(REMOVAL, "freeing it, cpu", "freeing everything, CPU time"),
    of(REMOVAL, "longest step of freeing it, cpu", "the longest step of that, CPU time"),
    of(REMOVAL, "resident memory given back", "memory given back"),
    of(ELSEWHERE, "operations", "ten threads elsewhere, before the removal"),
    of(ELSEWHERE_BESIDE, "operations", "during the removal"),
    of(ELSEWHERE, "open and close, p99.9 wall", "their open and close, p99.9, before"),
    of(ELSEWHERE_BESIDE, "open and close, p99.9 wall", "during the removal"),
];

/// What only this crate's process can tell.
pub(crate) const FLOOD_PROCESS: &[Row] = &[
    of("the process", "memory at its peak", "memory of the process at its peak"),
    of("the process", "memory at the end", "memory at the end"),
    of("the process", "total time", "time of everything"),
];
