//! [`Outcome`]: the result of an operation.

use std::fmt;

use vfsnotify::{Errno, InodeKind};

use super::compare::{OVERFLOW_WD, mask_names, show_event};

/// The result of an operation: an outcome, or an error number.
pub type Done<T = Outcome> = Result<T, Errno>;

/// The result of an operation that succeeded. Each variant is named after its content.
#[derive(Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing but that it was done.
    Done,
    /// It was an operation on an empty place: nothing was called.
    Nothing,
    /// A number of bytes, or a position.
    Count(u64),
    /// A yes or no.
    Flag(bool),
    /// A watch descriptor.
    Wd(i32),
    /// Bytes that were read.
    Bytes(Vec<u8>),
    /// The names in a directory, in the order in which they were read.
    Names(Vec<Vec<u8>>),
    /// The attributes that stat(2) gives.
    Stat(Stat),
    /// Events that were read.
    Events(Vec<Event>),
    /// Descriptor and mask of each watch of a group.
    Watches(Vec<(i32, u32)>),
    /// The bytes that were read are no events; the reason.
    Broken(String),
}

/// The part of `struct stat` that tests look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The kind of object.
    pub kind: InodeKind,
    /// The permission bits with set-id and sticky bits (`mode & 0o7777`).
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// The number of links.
    pub nlink: u64,
    /// The size in bytes; of a directory, any.
    pub size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// The inode number, which says something together with the device only.
    pub ino: u64,
    /// The number of the file system.
    pub device: u64,
}

impl Stat {
    /// Without what is different on each run: the numbers of inode and device, and the size of a
    /// directory.
    pub fn without_numbers(self) -> Self {
        let size = if self.kind.is_dir() { 0 } else { self.size };
        Self { size, ino: 0, device: 0, ..self }
    }
}

/// An event as a reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The watch descriptor, -1 for an overflow.
    pub wd: i32,
    /// The mask as read.
    pub mask: u32,
    /// The cookie as read.
    pub cookie: u32,
    /// The name without padding, empty if there is none.
    pub name: Vec<u8>,
    /// How many were lost, where this is an overflow and was not read as bytes.
    pub lost: u32,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => write!(f, "done"),
            Self::Nothing => write!(f, "nothing to do"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Wd(wd) => write!(f, "wd {wd}"),
            Self::Bytes(bytes) => {
                let (len, start) = (bytes.len(), &bytes[..bytes.len().min(40)]);
                write!(f, "{len} bytes {}", start.escape_ascii())
            }
            Self::Names(names) => {
                let shown = names.iter().map(|name| name.escape_ascii().to_string());
                write!(f, "{:?}", shown.collect::<Vec<_>>())
            }
            Self::Stat(stat) => {
                let Stat { kind, mode, owner, nlink, size, blocks, ino, device } = stat;
                write!(f, "{kind:?} {mode:o} of {owner:?} nlink {nlink} size {size} ")?;
                write!(f, "blocks {blocks} ino {ino} on {device}")
            }
            Self::Events(events) => {
                let one = |event: &Event| {
                    let lost = event.lost;
                    let lost = if event.wd == OVERFLOW_WD {
                        format!(" {lost} lost")
                    } else {
                        String::new()
                    };
                    show_event(event, &|wd| format!("wd{wd}")) + &lost
                };
                write!(f, "[{}]", events.iter().map(one).collect::<Vec<_>>().join("; "))
            }
            Self::Watches(watches) => {
                let shown =
                    watches.iter().map(|(wd, mask)| format!("wd{wd} {}", mask_names(*mask)));
                write!(f, "[{}]", shown.collect::<Vec<_>>().join("; "))
            }
            Self::Broken(text) => write!(f, "broken: {text}"),
        }
    }
}
