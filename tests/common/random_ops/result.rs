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

impl From<Stat> for OpResult {
    fn from(stat: Stat) -> OpResult {
        let Stat { kind, mode, nlink, size, ino: _, device: _ } = stat;
        OpResult::Stat { kind, mode, nlink, size: Some(size).filter(|_| kind != Kind::Directory) }
    }
}
