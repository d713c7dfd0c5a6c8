//! The result of an operation, as far as two worlds must agree.

use crate::compare::Cookies;
use crate::outcome::{Done, Event, Outcome, Stat};

const UNMOUNT: u32 = 0x2000;
const OVERFLOW: u32 = 0x4000;
const IGNORED: u32 = 0x8000;
const ISDIR: u32 = 0x4000_0000;

/// The result without the values that differ between worlds. `cookies` are those that this world has
/// given so far.
pub fn normal(done: Done, cookies: &mut Cookies) -> Done {
    Ok(match done? {
        // How much space a file takes is the file system's business.
        Outcome::Stat(stat) => Outcome::Stat(Stat { blocks: 0, ..stat.without_numbers() }),
        Outcome::Names(mut names) => {
            names.retain(|name| name != b"." && name != b"..");
            names.sort();
            Outcome::Names(names)
        }
        Outcome::Watches(mut watches) => {
            watches.sort_unstable();
            Outcome::Watches(watches)
        }
        Outcome::Events(events) => {
            of_events(events.iter().map(|event| cookies.normal(event)).collect())
        }
        other => other,
    })
}

/// Events, with those of an unmount in the order of their descriptors: in which order a file system
/// tells its watches of its end is not said anywhere, and changed with Linux 7.2. If the queue
/// overflowed, what got a place is one and the same all the same, but for whose it was.
fn of_events(mut events: Vec<Event>) -> Outcome {
    let has_lost = events.iter().any(|event| event.mask & OVERFLOW != 0);
    let is_end = |event: &Event| event.mask & (UNMOUNT | IGNORED) != 0;
    let of_one_unmount = |_: &Event, next: &Event| is_end(next);
    for run in events.chunk_by_mut(of_one_unmount) {
        // Before it comes what is not of it.
        let Some(start) = run.iter().position(|event| event.mask & UNMOUNT != 0) else {
            continue;
        };
        let run = &mut run[start..];
        if has_lost {
            for event in run.iter_mut() {
                (event.wd, event.mask) = (0, event.mask & !ISDIR);
            }
        }
        // Stable: each UNMOUNT stays before its IGNORED.
        run.sort_by_key(|event| event.wd);
    }
    Outcome::Events(events)
}
