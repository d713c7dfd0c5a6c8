//! The recorded counts: what a change is compared with.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::measure::Count;

/// By how much of a hundred a count may exceed the recorded one.
const MARGIN_PERCENT: u64 = 5;
/// Below this many instructions a few more are no regression.
const MARGIN_INSTRUCTIONS: u64 = 2;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recorded.tsv")
}

/// The compiler and the processor's architecture: counts of others cannot be compared.
fn toolchain() -> Result<String, String> {
    let run =
        Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown").trim().to_owned()
    };
    Ok(format!("rustc {} {}", field("release:"), field("host:")))
}

/// Writes the counts into the file.
pub(crate) fn write(counts: &[Count]) -> Result<bool, String> {
    let mut text = format!("{}\n", toolchain()?);
    for count in counts {
        let _ = writeln!(text, "{}\t{}", count.name, count.instructions);
    }
    fs::write(file(), text).map_err(|error| format!("{}: {error}", file().display()))?;
    println!("recorded {} counts", counts.len());
    Ok(true)
}

/// Prints the counts beside the recorded ones; whether all are within the margin.
pub(crate) fn compare(counts: &[Count]) -> Result<bool, String> {
    let text =
        fs::read_to_string(file()).map_err(|error| format!("{}: {error}", file().display()))?;
    let mut lines = text.lines();
    let (recorded_by, here) = (lines.next().unwrap_or_default(), toolchain()?);
    if recorded_by != here {
        return Err(format!(
            "the counts are of {recorded_by}, this is {here}: record them anew in a commit of its own \
             (scripts/instructions --record)"
        ));
    }
    let recorded = lines.map(parse).collect::<Result<Vec<_>, _>>()?;
    let mut fine = true;
    println!("{:<44} {:>9} {:>9} {:>8}", "instructions", "recorded", "now", "change");
    for count in counts {
        let Some(before) = recorded.iter().find(|before| before.name == count.name) else {
            println!("{:<44} {:>9} {:>9}  not recorded", count.name, "", count.instructions);
            fine = false;
            continue;
        };
        let (old, new) = (before.instructions, count.instructions);
        let change = (new as f64 / old.max(1) as f64 - 1.0) * 100.0;
        let verdict = if is_within(old, new) { "" } else { "  TOO MANY" };
        println!("{:<44} {old:>9} {new:>9} {change:>+7.1}%{verdict}", count.name);
        fine &= is_within(old, new);
    }
    for before in &recorded {
        if !counts.iter().any(|count| count.name == before.name) {
            println!("{:<44} {:>9}  not counted any more", before.name, before.instructions);
            fine = false;
        }
    }
    if !fine {
        println!(
            "\nA count that is meant to be higher is recorded with `scripts/instructions --record`."
        );
    }
    Ok(fine)
}

fn is_within(recorded: u64, now: u64) -> bool {
    let margin = (recorded * MARGIN_PERCENT / 100).max(MARGIN_INSTRUCTIONS);
    now <= recorded + margin
}

fn parse(line: &str) -> Result<Count, String> {
    let parsed = line
        .split_once('\t')
        .and_then(|(name, count)| Some((name.to_owned(), count.parse().ok()?)));
    let (name, instructions) = parsed.ok_or_else(|| format!("recorded.tsv: `{line}'"))?;
    Ok(Count { name, instructions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_five_percent_and_two_instructions_at_least() {
        assert!(is_within(1000, 1050) && !is_within(1000, 1051));
        assert!(is_within(10, 12) && !is_within(10, 13));
        assert!(is_within(1000, 1));
    }

    #[test]
    fn a_line_is_a_name_and_a_count() {
        let count = Count { name: "stat, one name".to_owned(), instructions: 17 };
        assert_eq!(parse("stat, one name\t17"), Ok(count));
        assert!(parse("stat 17").is_err() && parse("stat\tx").is_err());
    }
}
