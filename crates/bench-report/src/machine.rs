//! The machine, as far as it says something about the figures.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::number;
use crate::records::{LINUX, Records};

/// The value of a line `key : value` of a file of the kernel's.
fn value_of(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|line| line.0.trim() == key).map(|line| line.1.trim().to_owned())
}

fn processor() -> String {
    let model = value_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let flags = value_of("/proc/cpuinfo", "flags").unwrap_or_default();
    let is_virtual = flags.split_whitespace().any(|flag| flag == "hypervisor");
    let kind = if is_virtual { "of a virtual machine" } else { "of hardware" };
    format!("{model}, {cores} logical processors {kind}")
}

fn memory() -> String {
    let total = value_of("/proc/meminfo", "MemTotal");
    let kib = total.and_then(|total| total.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| number::show(kib * 1024.0, "B"))
}

/// The release without what its builder added to it.
fn kernel() -> String {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy().into_owned();
    let number = release.split(|c: char| !c.is_ascii_digit() && c != '.').next();
    let (system, machine) = (uname.sysname().to_string_lossy(), uname.machine().to_string_lossy());
    format!("{system} {}, {machine}", number.unwrap_or_default())
}

/// The compiler that is found first, as cargo finds it.
fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output();
    let version = output.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    version.map_or_else(|| "unknown".to_owned(), |version| version.trim().to_owned())
}

/// The day of a time, in UTC: year, month and day of the civil calendar.
fn day(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // Years begin in March here, so that the day that some have more is the last one.
    let days = seconds / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{}-{month:02}-{of_month:02}", era * 400 + year + next)
}

/// The rows of the page.
pub(crate) fn describe(records: &Records) -> String {
    let file_systems = records.sides("*", LINUX).join(", ");
    let rows = [
        ("processor", processor()),
        ("memory", memory()),
        ("kernel", kernel()),
        ("its file systems", file_systems.replace("linux ", "")),
        ("compiler", compiler()),
        ("day of the run", day(records.taken)),
    ];
    let rows = rows.map(|(what, text)| format!("| {what} | {text} |"));
    format!("| | |\n|---|---|\n{}", rows.join("\n"))
}
