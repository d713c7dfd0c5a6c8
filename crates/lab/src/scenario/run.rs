//! Runs scenarios on one world, or on two and compares them.

mod files;

use std::collections::BTreeMap;

use super::super::compare::{
    Cookies, RawEvent, Wanted, compare_streams, errno_name, errno_number, mask_names, matches,
    parse_events, show_event,
};
use super::super::world::{Group, Handle, Limit, World};
use super::{Op, Scenario, wanted};
use files::init_flags;

/// The group that is made on first use.
const DEFAULT_GROUP: &str = "g0";

/// `IN_NONBLOCK | IN_CLOEXEC`.
const INIT_FLAGS: u32 = 0o4000 | 0o2_000_000;

/// The errno of a read that finds nothing.
const EAGAIN: i32 = 11;

/// A buffer for draining, larger than any event.
const BUFFER: usize = 1 << 16;

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All went as wanted.
    Passed,
    /// Not run, and why.
    Skipped(String),
    /// What went wrong.
    Failed(String),
}

/// One group's events as some operation read them.
#[derive(Clone, Debug)]
pub struct Record {
    /// The group.
    pub group: String,
    /// What read them: drain, discard, read, or end.
    pub by: &'static str,
    /// The events.
    pub events: Vec<RawEvent>,
}

/// A run with all that was seen on the way.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Every operation and, indented, every event, a line each.
    pub log: Vec<String>,
    /// Every group of events read, in order.
    pub records: Vec<Record>,
}

/// Runs a scenario and compares the events with those it wants.
pub fn run(scenario: &Scenario, world: &mut dyn World) -> Outcome {
    run_logged(scenario, world, true).outcome
}

/// Runs a scenario; `check` says whether the events wanted are compared with those that came.
///
/// Without `check`, an operation that wants events only records them; everything else is still
/// checked.
pub fn run_logged(scenario: &Scenario, world: &mut dyn World, check: bool) -> Report {
    if let Some(reason) = missing(scenario, world) {
        return Report { outcome: Outcome::Skipped(reason), log: Vec::new(), records: Vec::new() };
    }
    let mut runner =
        Runner { world, names: Names::default(), check, log: Vec::new(), records: Vec::new() };
    let outcome = match runner.all(scenario) {
        Ok(()) => Outcome::Passed,
        Err(stop) => {
            let text = stop.text();
            Outcome::Failed(format!("{} on {}: {text}", scenario.id, runner.world.name()))
        }
    };
    Report { outcome, log: runner.log, records: runner.records }
}

/// Runs a scenario in two worlds and compares every group of events read, with each other and, if
/// `check` is set, with those wanted.
pub fn run_both(
    scenario: &Scenario,
    left: &mut dyn World,
    right: &mut dyn World,
    check: bool,
) -> Outcome {
    if let Some(reason) = missing(scenario, left).or_else(|| missing(scenario, right)) {
        return Outcome::Skipped(reason);
    }
    let names = format!("{} on {} and {}", scenario.id, left.name(), right.name());
    let reports = [run_logged(scenario, left, check), run_logged(scenario, right, check)];
    let failures: Vec<&str> = reports
        .iter()
        .filter_map(|report| match &report.outcome {
            Outcome::Failed(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    if !failures.is_empty() {
        return Outcome::Failed(failures.join("\n"));
    }
    let mut cookies = (Cookies::default(), Cookies::default());
    let [left, right] = &reports;
    if left.records.len() != right.records.len() {
        return Outcome::Failed(format!("{names}: a different number of reads"));
    }
    for (a, b) in left.records.iter().zip(&right.records) {
        if let Err(text) = compare_streams(&a.events, &b.events, &mut cookies) {
            return Outcome::Failed(format!("{names}: {} of {}: streams {text}", a.by, a.group));
        }
    }
    Outcome::Passed
}

/// What the world lacks that the scenario needs, with the reason.
pub fn missing(scenario: &Scenario, world: &dyn World) -> Option<String> {
    scenario.needs.iter().find_map(|need| {
        let reason = world.lacks(need)?;
        Some(format!("{} has no {need}: {reason}", world.name()))
    })
}

/// Why an operation did not go through.
enum Stop {
    /// The world said no.
    Errno(i32),
    /// Something is not as wanted.
    Fail(String),
}

impl Stop {
    /// The reason as text.
    fn text(self) -> String {
        match self {
            Stop::Errno(errno) => errno_name(errno),
            Stop::Fail(text) => text,
        }
    }
}

impl From<i32> for Stop {
    fn from(errno: i32) -> Stop {
        Stop::Errno(errno)
    }
}

impl From<String> for Stop {
    fn from(text: String) -> Stop {
        Stop::Fail(text)
    }
}

/// What the names of a scenario stand for.
#[derive(Clone, Default)]
struct Names {
    /// Open files.
    handles: BTreeMap<String, Handle>,
    /// Groups.
    groups: BTreeMap<String, Group>,
    /// Watches: the group's name and the descriptor.
    watches: BTreeMap<String, (String, i32)>,
}

/// One run.
struct Runner<'w> {
    /// Where it runs.
    world: &'w mut dyn World,
    /// What its names stand for.
    names: Names,
    /// Whether events are compared with those wanted.
    check: bool,
    /// The log so far.
    log: Vec<String>,
    /// The events read so far.
    records: Vec<Record>,
}

/// The number of a limit's name in a scenario.
fn limit(name: &str) -> Result<Limit, String> {
    match name {
        "max_queued_events" => Ok(Limit::QueuedEvents),
        "max_user_watches" | "max_inotify_watches" => Ok(Limit::UserWatches),
        "max_user_instances" | "max_inotify_instances" => Ok(Limit::UserInstances),
        _ => Err(format!("unknown limit {name:?}")),
    }
}

impl Runner<'_> {
    /// Everything, from the limits to the comparison at the end.
    fn all(&mut self, scenario: &Scenario) -> Result<(), Stop> {
        for (name, value) in &scenario.sysctl {
            let limit = limit(name)?;
            self.world.set_limit(limit, Some(*value))?;
            let made = self.group(DEFAULT_GROUP);
            self.world.set_limit(limit, None)?;
            made?;
        }
        for (name, value) in &scenario.userns_limits {
            self.world.set_limit(limit(name)?, Some(*value))?;
        }
        self.list(&scenario.ops)?;
        let mut failures = Vec::new();
        for (group, events) in scenario.expectations() {
            let unused = !self.names.groups.contains_key(group);
            if unused && events.as_array().is_none_or(Vec::is_empty) {
                continue;
            }
            let want: Vec<Wanted> =
                events.as_array().into_iter().flatten().map(wanted).collect::<Result<_, _>>()?;
            let got = self.drain(group, "end")?;
            match self.compare(group, &got, &want, "expect") {
                Err(Stop::Fail(text)) => failures.push(text),
                other => other?,
            }
        }
        let groups: Vec<String> = self.names.groups.keys().cloned().collect();
        for group in groups {
            self.drain(&group, "rest")?;
        }
        if failures.is_empty() { Ok(()) } else { Err(Stop::Fail(failures.join("\n"))) }
    }

    /// Operations in order; what goes wrong names the operation.
    fn list(&mut self, ops: &[Op]) -> Result<(), Stop> {
        for op in ops {
            self.log.push(op.to_string());
            self.one(op).map_err(|stop| Stop::Fail(format!("{op}: {}", stop.text())))?;
        }
        Ok(())
    }

    /// One operation: one on groups, one with operations inside, or one on files.
    fn one(&mut self, op: &Op) -> Result<(), Stop> {
        match op.kind.name {
            "repeat" => {
                for _ in 0..op.int::<u32>(0)? {
                    for inner in op.inner() {
                        self.one(inner)?;
                    }
                }
                Ok(())
            }
            "err" => {
                let errno = errno_number(op.text(0));
                let errno = errno.ok_or_else(|| format!("unknown errno {}", op.text(0)))?;
                self.fails(errno, &op.inner()[0])
            }
            "as_uid" => {
                self.world.as_uid_begin(op.int(0)?)?;
                let result = self.one(&op.inner()[0]);
                self.world.as_uid_end()?;
                result
            }
            "fork" => {
                let names = self.names.clone();
                self.world.fork_begin()?;
                let result = self.list(op.inner());
                self.world.fork_end()?;
                self.names = names;
                result.map_err(|stop| Stop::Fail(format!("in the child: {}", stop.text())))
            }
            _ if op.kind.needs == "fanotify" || op.kind.needs == "dnotify" => {
                Err(Stop::Fail(format!("{} is not run by this runner", op.kind.name)))
            }
            _ => match self.watching(op)? {
                true => Ok(()),
                false => self.files(op),
            },
        }
    }

    /// One operation that must fail with `errno`.
    fn fails(&mut self, errno: i32, op: &Op) -> Result<(), Stop> {
        let name = errno_name(errno);
        match self.one(op) {
            Ok(()) => Err(Stop::Fail(format!("want {name}, got success"))),
            Err(Stop::Errno(got)) if got == errno => Ok(()),
            Err(stop) => Err(Stop::Fail(format!("want {name}, got {}", stop.text()))),
        }
    }

    /// The descriptor of a name.
    fn handle(&self, op: &Op, at: usize) -> Result<Handle, Stop> {
        let name = op.text(at);
        let known = self.names.handles.get(name).copied();
        known.ok_or_else(|| Stop::Fail(format!("no open file {name:?}")))
    }

    /// The group of a name, made if there is none yet.
    fn group(&mut self, name: &str) -> Result<Group, Stop> {
        if let Some(group) = self.names.groups.get(name) {
            return Ok(*group);
        }
        let group = self.world.init(INIT_FLAGS)?;
        self.names.groups.insert(name.to_owned(), group);
        Ok(group)
    }

    /// The group that argument number `at` names, or `g0`.
    fn group_at(&mut self, op: &Op, at: usize) -> Result<Group, Stop> {
        self.group(group_name(op, at))
    }

    /// The group and descriptor of a watch.
    fn watch(&self, name: &str) -> Result<(String, i32), Stop> {
        let known = self.names.watches.get(name).cloned();
        known.ok_or_else(|| Stop::Fail(format!("no watch {name:?}")))
    }

    /// Operations on groups; false if it is none of them.
    fn watching(&mut self, op: &Op) -> Result<bool, Stop> {
        match op.kind.name {
            "init" => {
                let flags = if op.try_text(1).is_some() || op.try_int(1).is_some() {
                    op.flags(1, init_flags)?
                } else {
                    INIT_FLAGS
                };
                let group = self.world.init(flags)?;
                self.names.groups.insert(op.text(0).to_owned(), group);
            }
            "init_err" => {
                let group = self.world.init(op.flags(0, init_flags)?)?;
                self.world.close_group(group)?;
            }
            "add_watch" | "add_watch_fd" => {
                let group = self.group_at(op, 3)?;
                let wd = if op.kind.name == "add_watch" {
                    self.world.add_watch(group, op.path(1), op.mask(2)?)?
                } else {
                    let handle = self.handle(op, 1)?;
                    self.world.add_watch_fd(group, handle, op.mask(2)?)?
                };
                let watch = (group_name(op, 3).to_owned(), wd);
                self.names.watches.insert(op.text(0).to_owned(), watch);
            }
            "add_watch_on" => {
                let handle = match op.text(0) {
                    "BAD" => None,
                    _ => Some(self.handle(op, 0)?),
                };
                self.world.add_watch_on(handle, op.path(1), op.mask(2)?)?;
            }
            "rm_watch" => {
                let (group, wd) = self.watch(op.text(0))?;
                let known = self.names.groups.get(&group).copied();
                let group = known.ok_or_else(|| format!("group {group} is closed"))?;
                self.world.rm_watch(group, wd)?;
            }
            "rm_wd" => {
                let group = self.group_at(op, 0)?;
                self.world.rm_watch(group, op.int(1)?)?;
            }
            "close_group" => {
                let group = self.names.groups.remove(op.text(0));
                let group = group.ok_or_else(|| format!("no group {:?}", op.text(0)))?;
                self.world.close_group(group)?;
            }
            "wd" => same(self.watch(op.text(0))?.1, op.int(1)?)?,
            "same_wd" => same(self.watch(op.text(0))?, self.watch(op.text(1))?)?,
            "diff_wd" => {
                if self.watch(op.text(0))? == self.watch(op.text(1))? {
                    return Err(Stop::Fail("the descriptors are equal".to_owned()));
                }
            }
            _ => return self.reading(op),
        }
        Ok(true)
    }

    /// Operations that read from groups or look at them; false if it is none of them.
    fn reading(&mut self, op: &Op) -> Result<bool, Stop> {
        match op.kind.name {
            "drain" => {
                let name = group_name(op, 1);
                let got = self.drain(name, "drain")?;
                self.compare(name, &got, &op.wanted(0)?, "drain")?;
            }
            "discard" => {
                self.drain(group_name(op, 0), "discard")?;
            }
            "read_events" => {
                let name = group_name(op, 2);
                let group = self.group(name)?;
                let got = parse_events(&self.world.read_raw(group, op.int(0)?)?)?;
                self.keep(name, "read", &got);
                self.compare(name, &got, &op.wanted(1)?, "read")?;
            }
            "read_err" => {
                let group = self.group_at(op, 2)?;
                let want = errno_number(op.text(1));
                match self.world.read_raw(group, op.int(0)?) {
                    Err(errno) if Some(errno) == want => {}
                    Err(errno) => return Err(Stop::Fail(format!("got {}", errno_name(errno)))),
                    Ok(bytes) => return Err(Stop::Fail(format!("read {} bytes", bytes.len()))),
                }
            }
            "fionread" => {
                let group = self.group_at(op, 1)?;
                same(self.world.fionread(group)?, op.int(0)?)?;
            }
            "poll" => {
                let group = self.group_at(op, 1)?;
                same(Some(self.world.poll(group)?), op.try_bool(0))?;
            }
            "fdinfo_mask" => {
                let (group, wd) = self.watch(op.text(0))?;
                let group = self.group(&group)?;
                let all = self.world.fdinfo(group)?;
                let mask = all.iter().find(|(known, _)| *known == wd).map(|(_, mask)| *mask);
                same(mask.map(mask_names), Some(mask_names(op.mask(1)?)))?;
            }
            "fdinfo_count" => {
                let group = self.group_at(op, 1)?;
                same(self.world.fdinfo(group)?.len(), op.int(0)?)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Everything a group holds.
    fn drain(&mut self, name: &str, by: &'static str) -> Result<Vec<RawEvent>, Stop> {
        let group = self.group(name)?;
        let mut events = Vec::new();
        loop {
            match self.world.read_raw(group, BUFFER) {
                Ok(bytes) => events.extend(parse_events(&bytes)?),
                Err(EAGAIN) => break,
                Err(errno) => return Err(Stop::Errno(errno)),
            }
        }
        self.keep(name, by, &events);
        Ok(events)
    }

    /// Records and logs events that were read.
    fn keep(&mut self, group: &str, by: &'static str, events: &[RawEvent]) {
        let shown = events.iter().map(|event| self.show(group, event));
        let shown: Vec<String> = shown.map(|text| format!("    {group} {text}")).collect();
        self.log.extend(shown);
        self.records.push(Record { group: group.to_owned(), by, events: events.to_vec() });
    }

    /// One event with the label of its watch.
    fn show(&self, group: &str, event: &RawEvent) -> String {
        let label = |wd: i32| {
            let mut watches = self.names.watches.iter();
            let known = watches.find(|(_, watch)| watch.0 == group && watch.1 == wd);
            known.map_or_else(|| format!("wd{wd}"), |(label, _)| label.clone())
        };
        show_event(event, &label)
    }

    /// Compares events with those wanted, unless this run only records.
    fn compare(
        &self,
        group: &str,
        got: &[RawEvent],
        want: &[Wanted],
        by: &str,
    ) -> Result<(), Stop> {
        let wd_of = |label: &str| self.names.watches.get(label).map(|watch| watch.1);
        if !self.check || matches(got, want, &wd_of) {
            return Ok(());
        }
        let got: Vec<String> = got.iter().map(|event| self.show(group, event)).collect();
        let want: Vec<String> = want.iter().map(show_wanted).collect();
        let (got, want) = (got.join("; "), want.join("; "));
        Err(Stop::Fail(format!("{by} of {group}:\n   want {want}\n   got  {got}")))
    }
}

/// The group that argument number `at` names, or `g0`.
fn group_name(op: &Op, at: usize) -> &str {
    op.try_text(at).unwrap_or(DEFAULT_GROUP)
}

/// A wanted event in the style of [`show_event`].
fn show_wanted(wanted: &Wanted) -> String {
    let names = mask_names(wanted.mask).replace('|', ",").replace("IN_", "");
    let name = if wanted.name.is_empty() { String::new() } else { format!(" {}", wanted.name) };
    let cookie = wanted.cookie.as_ref().map(|label| format!(" cookie={label}"));
    format!("{} {names}{name}{}", wanted.watch, cookie.unwrap_or_default())
}

/// Fails unless two values are equal.
fn same<T: PartialEq + std::fmt::Debug>(got: T, want: T) -> Result<(), Stop> {
    if got == want { Ok(()) } else { Err(Stop::Fail(format!("got {got:?}, want {want:?}"))) }
}
