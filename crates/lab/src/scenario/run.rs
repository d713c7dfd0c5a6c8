//! Runs scenarios on one world, or on two and compares them.

use std::collections::{BTreeMap, BTreeSet};

use vfsnotify::Errno;

use super::command::{Act, Command, Want};
use super::{Scenario, command};
use crate::compare::{Cookies, Wanted, compare_streams, mask_names, matches, show_event};
use crate::op::{GroupId, INIT_FLAGS, Limit, Op, Step, WatchRef};
use crate::outcome::{Event, Outcome as Given};
use crate::world::World;

/// How a scenario ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All went as wanted.
    Passed,
    /// Not run, and why.
    Skipped(String),
    /// The failure.
    Failed(String),
}

/// One group's events as some operation read them.
#[derive(Clone, Debug)]
pub struct Record {
    /// The group.
    pub group: GroupId,
    /// The way of reading: drain, discard, read, end, or rest.
    pub by: &'static str,
    /// The events.
    pub events: Vec<Event>,
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
    let mut runner = Runner {
        world,
        groups: &scenario.groups,
        state: State::default(),
        uid: None,
        check,
        log: Vec::new(),
        records: Vec::new(),
    };
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
            return Outcome::Failed(format!(
                "{names}: {} of group {}: streams {text}",
                a.by, a.group
            ));
        }
    }
    Outcome::Passed
}

/// The capability that the scenario needs and the world lacks, with the reason.
pub fn missing(scenario: &Scenario, world: &dyn World) -> Option<String> {
    scenario.needs.iter().find_map(|need| {
        let reason = world.lacks(need)?;
        Some(format!("{} has no {need}: {reason}", world.name()))
    })
}

/// Why a command did not go through.
enum Stop {
    /// The world said no.
    Errno(Errno),
    /// Something is not as wanted.
    Fail(String),
}

impl Stop {
    /// The reason as text.
    fn text(self) -> String {
        match self {
            Stop::Errno(errno) => errno.name().to_owned(),
            Stop::Fail(text) => text,
        }
    }
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Stop {
        Stop::Errno(errno)
    }
}

impl From<String> for Stop {
    fn from(text: String) -> Stop {
        Stop::Fail(text)
    }
}

/// The state of the process that runs: the groups that are made, and the watches by their labels.
#[derive(Clone, Default)]
struct State {
    groups: BTreeSet<GroupId>,
    watches: BTreeMap<String, (GroupId, i32)>,
}

/// One run.
struct Runner<'w> {
    /// Where it runs.
    world: &'w mut dyn World,
    /// The names of the groups.
    groups: &'w BTreeMap<GroupId, String>,
    /// The groups and watches there are.
    state: State,
    /// The user that makes the calls, if it is not the first one.
    uid: Option<u32>,
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
            self.apply(Op::Limit { limit, value: Some(*value) })?;
            let made = self.make(command::DEFAULT_GROUP);
            self.apply(Op::Limit { limit, value: None })?;
            made?;
        }
        for (name, value) in &scenario.userns_limits {
            self.apply(Op::Limit { limit: limit(name)?, value: Some(*value) })?;
        }
        self.list(&scenario.commands)?;
        let mut failures = Vec::new();
        for (group, want) in &scenario.expect {
            let want = want.as_ref().map_err(Clone::clone)?;
            if want.is_empty() && !self.state.groups.contains(group) {
                continue;
            }
            let got = self.events(Op::Drain { group: *group }, "end")?;
            match self.compare(*group, &got, want, "expect") {
                Err(Stop::Fail(text)) => failures.push(text),
                other => other?,
            }
        }
        for group in self.state.groups.clone() {
            self.events(Op::Drain { group }, "rest")?;
        }
        if failures.is_empty() { Ok(()) } else { Err(Stop::Fail(failures.join("\n"))) }
    }

    /// Commands in order; what goes wrong names the command.
    fn list(&mut self, commands: &[Command]) -> Result<(), Stop> {
        for command in commands {
            let text = &command.text;
            self.log.push(text.clone());
            self.one(command).map_err(|stop| Stop::Fail(format!("{text}: {}", stop.text())))?;
        }
        Ok(())
    }

    /// Makes a group if there is none yet.
    fn make(&mut self, group: GroupId) -> Result<(), Stop> {
        if !self.state.groups.contains(&group) {
            self.apply(Op::Init { group, flags: INIT_FLAGS, queue: None })?;
        }
        Ok(())
    }

    /// Does one operation as the user whose turn it is.
    fn apply(&mut self, op: Op) -> Result<Given, Stop> {
        if let Some(group) = op.group() {
            match op {
                Op::CloseGroup { .. } => {
                    self.state.groups.remove(&group);
                }
                _ => self.make(group)?,
            }
        }
        let made = match op {
            Op::Init { group, .. } => Some(group),
            _ => None,
        };
        let op = match (self.uid, op) {
            (Some(uid), op) if !matches!(op, Op::Fork | Op::Exit | Op::Limit { .. }) => {
                Op::As { uid, op: Box::new(op) }
            }
            (_, op) => op,
        };
        let given = self.world.apply(&Step::from(op))?;
        self.state.groups.extend(made);
        match given {
            Given::Nothing => Err(Stop::Fail("no such open file or group".to_owned())),
            Given::Broken(text) => Err(Stop::Fail(text)),
            given => Ok(given),
        }
    }

    /// One command.
    fn one(&mut self, command: &Command) -> Result<(), Stop> {
        match &command.act {
            Act::Do(ops) => ops.iter().try_for_each(|op| self.apply(op.clone()).map(drop)),
            Act::Expect(op, want) => {
                let given = self.apply(op.clone());
                self.is_wanted(given, want)
            }
            Act::Watch(label, op) => {
                let Given::Wd(wd) = self.apply(op.clone())? else {
                    return Err(Stop::Fail("no descriptor was given".to_owned()));
                };
                let group = op.group().expect("a watch has a group");
                self.state.watches.insert(label.clone(), (group, wd));
                Ok(())
            }
            Act::RmWatch(label) => {
                let (group, wd) = self.watch(label)?;
                if !self.state.groups.contains(&group) {
                    return Err(Stop::Fail("its group is closed".to_owned()));
                }
                self.apply(Op::RmWatch { group, watch: WatchRef::Wd(wd) }).map(drop)
            }
            Act::Wd(label, wd) => same(self.watch(label)?.1, *wd),
            Act::SameWd(one, other) => same(self.watch(one)?, self.watch(other)?),
            Act::DifferentWd(one, other) if self.watch(one)? == self.watch(other)? => {
                Err(Stop::Fail("the descriptors are equal".to_owned()))
            }
            Act::DifferentWd(..) => Ok(()),
            Act::Events(op, by, want) => {
                let got = self.events(op.clone(), by)?;
                let Some(want) = want else { return Ok(()) };
                let group = op.group().expect("events are of a group");
                self.compare(group, &got, want.as_ref().map_err(Clone::clone)?, by)
            }
            Act::FdinfoMask(label, mask) => {
                let (group, wd) = self.watch(label)?;
                let Given::Watches(all) = self.apply(Op::Fdinfo { group })? else {
                    return Err(Stop::Fail("no watches were given".to_owned()));
                };
                let found = all.iter().find(|(known, _)| *known == wd).map(|(_, mask)| *mask);
                same(found.map(mask_names), Some(mask_names(*mask)))
            }
            Act::Fails(errno, inner) => self.fails(*errno, inner),
            Act::AsUid(uid, inner) => {
                let before = self.uid.replace(*uid);
                let result = self.one(inner);
                self.uid = before;
                result
            }
            Act::Repeat(times, inner) => {
                (0..*times).try_for_each(|_| inner.iter().try_for_each(|command| self.one(command)))
            }
            Act::Fork(inner) => {
                let state = self.state.clone();
                self.apply(Op::Fork)?;
                let result = self.list(inner);
                self.apply(Op::Exit)?;
                self.state = state;
                result.map_err(|stop| Stop::Fail(format!("in the child: {}", stop.text())))
            }
            Act::Unknown => Err(Stop::Fail("it is not run by this runner".to_owned())),
        }
    }

    /// Whether an operation has the wanted result.
    fn is_wanted(&self, given: Result<Given, Stop>, want: &Want) -> Result<(), Stop> {
        match (want, given) {
            (Want::Errno(want), Err(Stop::Errno(errno))) => same(errno.name(), want.name()),
            (Want::Errno(want), Ok(given)) => {
                Err(Stop::Fail(format!("want {}, got {given:?}", want.name())))
            }
            (_, Err(stop)) => Err(stop),
            (Want::Len(want), Ok(Given::Bytes(bytes))) => same(bytes.len(), *want),
            (Want::Len(want), Ok(Given::Watches(watches))) => same(watches.len(), *want),
            (Want::Count(want), Ok(Given::Count(count))) => same(count, *want),
            (Want::Flag(want), Ok(Given::Flag(flag))) => same(flag, *want),
            (want, Ok(given)) => Err(Stop::Fail(format!("want {want:?}, got {given:?}"))),
        }
    }

    /// One command that must fail with `errno`.
    fn fails(&mut self, errno: Errno, command: &Command) -> Result<(), Stop> {
        let name = errno.name();
        match self.one(command) {
            Ok(()) => Err(Stop::Fail(format!("want {name}, got success"))),
            Err(Stop::Errno(got)) if got == errno => Ok(()),
            Err(stop) => Err(Stop::Fail(format!("want {name}, got {}", stop.text()))),
        }
    }

    /// The group and descriptor of a watch.
    fn watch(&self, label: &str) -> Result<(GroupId, i32), Stop> {
        let known = self.state.watches.get(label).copied();
        known.ok_or_else(|| Stop::Fail(format!("no watch {label:?}")))
    }

    /// Reads events, records and logs them.
    fn events(&mut self, op: Op, by: &'static str) -> Result<Vec<Event>, Stop> {
        let group = op.group().expect("events are of a group");
        let Given::Events(events) = self.apply(op)? else {
            return Err(Stop::Fail("no events were given".to_owned()));
        };
        let shown = events.iter().map(|event| self.show(group, event));
        let shown: Vec<String> =
            shown.map(|text| format!("    {} {text}", self.name(group))).collect();
        self.log.extend(shown);
        self.records.push(Record { group, by, events: events.clone() });
        Ok(events)
    }

    /// The name of a group.
    fn name(&self, group: GroupId) -> &str {
        self.groups.get(&group).map_or("g0", String::as_str)
    }

    /// One event with the label of its watch.
    fn show(&self, group: GroupId, event: &Event) -> String {
        let label = |wd: i32| {
            let mut watches = self.state.watches.iter();
            let known = watches.find(|(_, watch)| **watch == (group, wd));
            known.map_or_else(|| format!("wd{wd}"), |(label, _)| label.clone())
        };
        show_event(event, &label)
    }

    /// Compares events with those wanted, unless this run only records.
    fn compare(
        &self,
        group: GroupId,
        got: &[Event],
        want: &[Wanted],
        by: &str,
    ) -> Result<(), Stop> {
        let wd_of = |label: &str| self.state.watches.get(label).map(|watch| watch.1);
        if !self.check || matches(got, want, &wd_of) {
            return Ok(());
        }
        let got: Vec<String> = got.iter().map(|event| self.show(group, event)).collect();
        let want: Vec<String> = want.iter().map(show_wanted).collect();
        let (got, want) = (got.join("; "), want.join("; "));
        Err(Stop::Fail(format!("{by} of {}:\n   want {want}\n   got  {got}", self.name(group))))
    }
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
