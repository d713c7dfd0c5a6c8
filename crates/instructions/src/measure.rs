//! One run under callgrind, and the count of each case.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The argument with which the program runs the cases: valgrind is around it.
pub(crate) const INSIDE: &str = "--under-callgrind";

/// How often a case is called before it is counted: arenas, queues and the file system have their memory then.
const WARM_UP: u32 = 64;
/// How often a case is called while it is counted.
const TURNS: u32 = 1000;
/// The function whose instructions callgrind counts: the demangled symbol of [`measured_turns`]. A pattern
/// with wildcards would switch the count on, and write no file.
const COUNTED: &str = "instructions::measure::measured_turns";

/// A counted case: a name and a call, which says how many operations it was.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) call: Box<dyn FnMut()>,
}

impl Case {
    pub(crate) fn new(name: &'static str, call: impl FnMut() + 'static) -> Self {
        Self { name, call: Box::new(call) }
    }
}

/// The number of instructions of one call of a case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) instructions: u64,
}

/// The calls that are counted. Callgrind counts while this function runs and writes a total when it returns.
#[inline(never)]
fn measured_turns(call: &mut dyn FnMut()) {
    for _ in 0..TURNS {
        call();
    }
}

/// Runs all cases, each with a warm-up, and prints their names in order.
pub(crate) fn run_cases(cases: Vec<Case>) {
    for mut case in cases {
        for _ in 0..WARM_UP {
            (case.call)();
        }
        measured_turns(&mut *case.call);
        println!("{}", case.name);
    }
}

/// The counts of all cases, without the loop around them.
pub(crate) fn counts() -> Result<Vec<Count>, String> {
    let own = std::env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
    let folder = own.with_file_name("instructions-out");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let out = folder.join("callgrind");
    let run = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--dump-after={COUNTED}"))
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(&own)
        .arg(INSIDE)
        .output()
        .map_err(|error| format!("valgrind: {error}; install it with: apt-get install valgrind"))?;
    if !run.status.success() {
        return Err(format!("valgrind: {}\n{}", run.status, String::from_utf8_lossy(&run.stderr)));
    }
    let names = String::from_utf8_lossy(&run.stdout).into_owned();
    let totals = names
        .lines()
        .enumerate()
        .map(|(number, name)| {
            let file = folder.join(format!("callgrind.{}", number + 1));
            let instructions = total(&file)? / u64::from(TURNS);
            Ok(Count { name: name.to_owned(), instructions })
        })
        .collect::<Result<Vec<_>, String>>()?;
    let [empty, rest @ ..] = &totals[..] else {
        return Err("callgrind counted nothing".to_owned());
    };
    Ok(rest
        .iter()
        .map(|count| Count {
            name: count.name.clone(),
            instructions: count.instructions.saturating_sub(empty.instructions),
        })
        .collect())
}

/// The total of one of callgrind's files.
fn total(file: &Path) -> Result<u64, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    total
        .and_then(|total| total.trim().parse().ok())
        .filter(|&total| total > 0)
        .ok_or_else(|| format!("{}: no total", file.display()))
}
