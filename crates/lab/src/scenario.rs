//! The scenario format: one line of JSON with operations on a small tree, the watches on it, and
//! the events that each group must hold afterwards. `scenarios/README.md` describes it.

mod call;
pub mod command;
pub mod run;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use self::call::{Call, is_events};
use self::command::{Command, Names};
use crate::compare::Wanted;
use crate::op::GroupId;

/// A line of a scenario file as it stands there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The name of the scenario.
    id: String,
    /// Where it comes from.
    #[serde(default)]
    source: String,
    /// core or extra.
    #[serde(default)]
    tier: String,
    /// The capabilities it needs.
    #[serde(default)]
    needs: Vec<String>,
    /// Limits in force while `g0` is made.
    #[serde(default)]
    sysctl: BTreeMap<String, u32>,
    /// Limits of the user, in force throughout.
    #[serde(default)]
    userns_limits: BTreeMap<String, u32>,
    /// Operations before the watches.
    #[serde(default)]
    setup: Vec<Value>,
    /// The watches, each the arguments of an `add_watch`.
    #[serde(default)]
    watches: Vec<Vec<Value>>,
    /// Operations after the watches.
    ops: Vec<Value>,
    /// The events that `g0` must hold at the end.
    expect: Option<Value>,
    /// The events that other groups must hold at the end.
    #[serde(default)]
    expect_g: BTreeMap<String, Value>,
    /// A remark for the reader.
    #[serde(default)]
    note: String,
}

/// One scenario, checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of the scenario.
    pub id: String,
    /// Where it comes from, and a remark.
    pub source: String,
    /// core or extra.
    pub tier: String,
    /// The capabilities it needs, those of its operations included.
    pub needs: Vec<String>,
    /// Limits in force while `g0` is made.
    pub sysctl: BTreeMap<String, u32>,
    /// Limits of the user, in force throughout.
    pub userns_limits: BTreeMap<String, u32>,
    /// Everything to do, watches included, in order.
    pub commands: Vec<Command>,
    /// The names of the groups.
    groups: BTreeMap<GroupId, String>,
    /// The events that each group must hold at the end.
    expect: BTreeMap<GroupId, Result<Vec<Wanted>, String>>,
}

impl Scenario {
    /// Parses one line; errors name the scenario and the operation.
    pub fn parse(text: &str) -> Result<Scenario, String> {
        let line: Line = serde_json::from_str(text).map_err(|error| {
            let start: String = text.chars().take(60).collect();
            format!("{error} in {start}...")
        })?;
        let id = line.id.clone();
        Scenario::check(line).map_err(|error| format!("scenario {id}: {error}"))
    }

    /// Checks the operations and collects what is needed.
    fn check(line: Line) -> Result<Scenario, String> {
        let watches = line.watches.into_iter().map(|mut watch| {
            watch.insert(0, Value::from("add_watch"));
            Value::from(watch)
        });
        let all: Vec<Value> = line.setup.into_iter().chain(watches).chain(line.ops).collect();
        let calls: Vec<Call> = all.iter().map(Call::parse).collect::<Result<_, _>>()?;
        let mut expect = line.expect_g;
        expect.extend(line.expect.map(|events| ("g0".to_owned(), events)));
        if let Some((group, _)) = expect.iter().find(|(_, events)| !is_events(events)) {
            return Err(format!("the events wanted of {group} are malformed"));
        }
        let mut needs = line.needs;
        if line.sysctl.contains_key("max_queued_events") {
            needs.push("queue_limit".to_owned());
        }
        if line.sysctl.len() > usize::from(line.sysctl.contains_key("max_queued_events"))
            || !line.userns_limits.is_empty()
        {
            needs.push("watch_limit".to_owned());
        }
        collect_needs(&calls, &mut needs);
        let mut names = Names::default();
        let commands = names.commands(&calls)?;
        let expect = expect.into_iter().map(|(group, events)| {
            let events = events.as_array().into_iter().flatten().map(call::wanted);
            (names.group(&group), events.collect())
        });
        let expect = expect.collect();
        let note = if line.note.is_empty() { String::new() } else { format!(" ({})", line.note) };
        Ok(Scenario {
            id: line.id,
            source: line.source + &note,
            tier: line.tier,
            needs,
            sysctl: line.sysctl,
            userns_limits: line.userns_limits,
            commands,
            groups: names.into_group_names(),
            expect,
        })
    }

    /// Parses a file, one scenario a line.
    pub fn load(path: &Path) -> Result<Vec<Scenario>, String> {
        let inside = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| inside(error.to_string()))?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.map(Scenario::parse).collect::<Result<_, _>>().map_err(inside)
    }
}

/// Adds what operations need to the list, each once.
fn collect_needs(calls: &[Call], needs: &mut Vec<String>) {
    for op in calls {
        // Giving something away needs privilege, leaving the owner as it is does not.
        let owner = matches!(op.kind.name, "chown" | "lchown");
        let given = owner && [1, 2].iter().any(|at| op.try_int(*at) != Some(-1));
        let need = if given { "permissions" } else { op.kind.needs };
        if !need.is_empty() && !needs.iter().any(|known| known == need) {
            needs.push(need.to_owned());
        }
        collect_needs(op.inner(), needs);
    }
}
