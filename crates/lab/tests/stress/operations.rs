//! The list of everything a worker may do, and how often.

use vfsnotify::Result;

use crate::worker::Worker;
use crate::{contents, mounts, namespace, watching};

type Operation = (&'static str, u32, fn(&mut Worker<'_>) -> Result<()>);

/// Each operation with its weight.
pub(crate) const OPERATIONS: [Operation; 46] = [
    ("witness", 60, |worker| worker.hands.witness.step(&mut worker.rng)),
    ("create", 12, namespace::create),
    ("mkdir", 10, namespace::mkdir),
    ("mknod", 3, namespace::mknod),
    ("link", 4, namespace::link),
    ("symlink", 4, namespace::symlink),
    ("unlink", 12, namespace::unlink),
    ("rmdir", 6, namespace::rmdir),
    ("rename", 16, namespace::rename),
    ("tmpfile", 4, namespace::tmpfile),
    ("list", 4, namespace::list),
    ("stat", 6, namespace::stat),
    ("path", 3, namespace::path),
    ("chdir", 3, namespace::chdir),
    ("relative", 4, namespace::relative),
    ("jail", 2, namespace::jail),
    ("be another", 2, namespace::be_another),
    ("look up what is missing", 12, namespace::look_up_missing),
    ("fail in another's directory", 6, namespace::fail_elsewhere),
    ("pester", 16, namespace::pester),
    ("attributes", 8, namespace::attributes),
    ("extended attributes", 5, namespace::xattrs),
    ("open", 14, contents::open),
    ("read", 8, contents::read),
    ("write", 8, contents::write),
    ("truncate", 3, contents::truncate),
    ("copy", 4, contents::copy),
    ("dup", 3, contents::dup),
    ("use an object", 6, contents::object),
    ("close", 10, contents::close),
    ("hand a file on", 3, contents::hand_on),
    ("read a directory", 3, contents::read_dir),
    ("mount", 2, mounts::mount),
    ("bind", 2, mounts::bind),
    ("unmount", 5, mounts::unmount),
    ("list mounts", 1, mounts::list),
    ("reap", 2, mounts::reap),
    ("watch", 24, watching::watch),
    ("watch another's directory", 16, watching::watch_elsewhere),
    ("stop watching", 10, watching::unwatch),
    ("pending watch", 8, watching::pending),
    ("look at an instance", 3, watching::look),
    ("read events", 12, watching::read),
    ("wait for events", 3, watching::wait),
    ("replace an instance", 3, watching::replace),
    ("change limits", 2, watching::change_limits),
];

/// The titles alone, for the watchdog.
pub(crate) const TITLES: [&str; OPERATIONS.len()] = {
    let mut titles = [""; OPERATIONS.len()];
    let mut at = 0;
    while at < titles.len() {
        titles[at] = OPERATIONS[at].0;
        at += 1;
    }
    titles
};
