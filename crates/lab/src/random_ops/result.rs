//! What an operation gave, as far as two worlds must agree.

use super::super::compare::{RawEvent, errno_name, mask_names, show_event};
use super::super::world::{Kind, Stat};

/// What an operation gave, as far as worlds must agree; each is named after what it holds, `Broken`
/// is a read whose bytes are no events, and `Nothing` an operation on an empty slot or a missing
/// group.
#[derive(Clone, PartialEq, Eq)]
pub enum OpResult {
    Done,
    Nothing,
    Errno(i32),
    Count(u64),
    Flag(bool),
    Wd(i32),
    Bytes(Vec<u8>),
    Names(Vec<Vec<u8>>),
    Stat { kind: Kind, mode: u32, nlink: u64, size: Option<u64> },
    Events(Vec<RawEvent>),
    Watches(Vec<(i32, u32)>),
    Broken(String),
}

impl std::fmt::Debug for OpResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpResult::Done => write!(f, "done"),
            OpResult::Nothing => write!(f, "nothing to do"),
            OpResult::Errno(errno) => write!(f, "{}", errno_name(*errno)),
            OpResult::Count(count) => write!(f, "{count}"),
            OpResult::Flag(flag) => write!(f, "{flag}"),
            OpResult::Wd(wd) => write!(f, "wd {wd}"),
            OpResult::Bytes(bytes) => {
                let (len, start) = (bytes.len(), &bytes[..bytes.len().min(40)]);
                write!(f, "{len} bytes {}", start.escape_ascii())
            }
            OpResult::Names(names) => {
                let shown = names.iter().map(|name| name.escape_ascii().to_string());
                write!(f, "{:?}", shown.collect::<Vec<_>>())
            }
            OpResult::Stat { kind, mode, nlink, size } => {
                write!(f, "{kind:?} {mode:o} nlink {nlink} size {size:?}")
            }
            OpResult::Events(events) => {
                let shown = events.iter().map(|event| show_event(event, &|wd| format!("wd{wd}")));
                write!(f, "[{}]", shown.collect::<Vec<_>>().join("; "))
            }
            OpResult::Watches(watches) => {
                let shown =
                    watches.iter().map(|(wd, mask)| format!("wd{wd} {}", mask_names(*mask)));
                write!(f, "[{}]", shown.collect::<Vec<_>>().join("; "))
            }
            OpResult::Broken(text) => write!(f, "broken: {text}"),
        }
    }
}

const UNMOUNT: u32 = 0x2000;
const OVERFLOW: u32 = 0x4000;
const IGNORED: u32 = 0x8000;
const ISDIR: u32 = 0x4000_0000;

impl OpResult {
    /// Events, with those of an unmount in the order of their descriptors: in which order a file system
    /// tells its watches of its end is not said anywhere, and changed with Linux 7.2. If the queue
    /// overflowed, what got a place is one and the same all the same, but for whose it was.
    pub fn of_events(mut events: Vec<RawEvent>) -> OpResult {
        let has_lost = events.iter().any(|event| event.mask & OVERFLOW != 0);
        let is_end = |event: &RawEvent| event.mask & (UNMOUNT | IGNORED) != 0;
        let of_one_unmount = |_: &RawEvent, next: &RawEvent| is_end(next);
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
        OpResult::Events(events)
    }
}

impl From<Stat> for OpResult {
    fn from(stat: Stat) -> OpResult {
        let Stat { kind, mode, nlink, size, ino: _, device: _ } = stat;
        OpResult::Stat { kind, mode, nlink, size: Some(size).filter(|_| kind != Kind::Directory) }
    }
}
