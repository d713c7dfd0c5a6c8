//! Events as bytes, as values and as text, and the comparison of what came with what was wanted.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::outcome::Event;

/// The fixed part of `struct inotify_event`.
const HEADER: usize = 16;

/// The watch descriptor of an overflow event.
pub const OVERFLOW_WD: i32 = -1;

/// Every single-bit name that an inotify mask can have, in the order they are printed.
pub const MASK_BITS: [(&str, u32); 22] = [
    ("IN_ACCESS", 0x1),
    ("IN_MODIFY", 0x2),
    ("IN_ATTRIB", 0x4),
    ("IN_CLOSE_WRITE", 0x8),
    ("IN_CLOSE_NOWRITE", 0x10),
    ("IN_OPEN", 0x20),
    ("IN_MOVED_FROM", 0x40),
    ("IN_MOVED_TO", 0x80),
    ("IN_CREATE", 0x100),
    ("IN_DELETE", 0x200),
    ("IN_DELETE_SELF", 0x400),
    ("IN_MOVE_SELF", 0x800),
    ("IN_UNMOUNT", 0x2000),
    ("IN_Q_OVERFLOW", 0x4000),
    ("IN_IGNORED", 0x8000),
    ("IN_ONLYDIR", 0x0100_0000),
    ("IN_DONT_FOLLOW", 0x0200_0000),
    ("IN_EXCL_UNLINK", 0x0400_0000),
    ("IN_MASK_CREATE", 0x1000_0000),
    ("IN_MASK_ADD", 0x2000_0000),
    ("IN_ISDIR", 0x4000_0000),
    ("IN_ONESHOT", 0x8000_0000),
];

/// Names that stand for several bits; the last is the default set of the Go package fsnotify.
pub const MASK_SETS: [(&str, u32); 4] =
    [("IN_ALL_EVENTS", 0xfff), ("IN_CLOSE", 0x18), ("IN_MOVE", 0xc0), ("FSNOTIFY_DEFAULT", 0xfc6)];

/// The errno names that scenarios and messages use.
pub const ERRNOS: [(&str, i32); 37] = [
    ("EPERM", 1),
    ("ENOENT", 2),
    ("EINTR", 4),
    ("EIO", 5),
    ("ENXIO", 6),
    ("EBADF", 9),
    ("EAGAIN", 11),
    ("ENOMEM", 12),
    ("EACCES", 13),
    ("EFAULT", 14),
    ("ENOTBLK", 15),
    ("EBUSY", 16),
    ("EEXIST", 17),
    ("EXDEV", 18),
    ("ENODEV", 19),
    ("ENOTDIR", 20),
    ("EISDIR", 21),
    ("EINVAL", 22),
    ("ENFILE", 23),
    ("EMFILE", 24),
    ("ENOTTY", 25),
    ("ETXTBSY", 26),
    ("EFBIG", 27),
    ("ENOSPC", 28),
    ("ESPIPE", 29),
    ("EROFS", 30),
    ("EMLINK", 31),
    ("EPIPE", 32),
    ("ERANGE", 34),
    ("ENAMETOOLONG", 36),
    ("ENOSYS", 38),
    ("ENOTEMPTY", 39),
    ("ELOOP", 40),
    ("ENODATA", 61),
    ("EOVERFLOW", 75),
    ("EOPNOTSUPP", 95),
    ("EDQUOT", 122),
];

/// The name of an errno number, or the number itself.
pub fn errno_name(errno: i32) -> String {
    let known = ERRNOS.iter().find(|(_, number)| *number == errno);
    known.map_or_else(|| format!("errno {errno}"), |(name, _)| (*name).to_owned())
}

/// The number of an errno name.
pub fn errno_number(name: &str) -> Option<i32> {
    let known = ERRNOS.iter().find(|(known, _)| *known == name);
    known.map(|(_, number)| *number)
}

/// The names of the bits of a mask, joined by bars.
pub fn mask_names(mask: u32) -> String {
    let mut rest = mask;
    let mut names = Vec::new();
    for (name, bit) in MASK_BITS {
        if rest & bit != 0 {
            names.push(name.to_owned());
            rest &= !bit;
        }
    }
    if rest != 0 {
        names.push(format!("{rest:#x}"));
    }
    names.join("|")
}

/// Reads a number in decimal, or with `0x` or `0o` in front.
pub fn parse_number(text: &str) -> Option<u32> {
    if let Some(hex) = text.strip_prefix("0x") {
        return u32::from_str_radix(hex, 16).ok();
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return u32::from_str_radix(octal, 8).ok();
    }
    text.parse().ok()
}

/// Reads a mask written as names or numbers joined by bars.
pub fn parse_mask(text: &str) -> Result<u32, String> {
    let mut mask = 0;
    for part in text.split('|').map(str::trim).filter(|part| !part.is_empty()) {
        let mut names = MASK_BITS.iter().chain(MASK_SETS.iter());
        let named = names.find(|(name, _)| *name == part).map(|(_, bits)| *bits);
        let bits = named.or_else(|| parse_number(part));
        mask |= bits.ok_or_else(|| format!("unknown mask bit {part:?}"))?;
    }
    Ok(mask)
}

/// Whether a name is `#` and digits, as Linux names an unnamed temporary file.
pub fn is_temporary_name(name: &[u8]) -> bool {
    name.len() > 1 && name[0] == b'#' && name[1..].iter().all(u8::is_ascii_digit)
}

impl Event {
    /// The name for comparison: `#*` for a temporary file, whose number is the inode's.
    pub fn pattern(&self) -> &[u8] {
        if is_temporary_name(&self.name) { b"#*" } else { &self.name }
    }
}

/// Splits the bytes of a read into events, and checks length fields and padding on the way.
pub fn parse_events(bytes: &[u8]) -> Result<Vec<Event>, String> {
    let word = |at: usize| -> Result<u32, String> {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        four.map(u32::from_ne_bytes).ok_or_else(|| format!("event cut off at byte {at}"))
    };
    let mut events = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let len = word(at + 12)? as usize;
        let padded = bytes
            .get(at + HEADER..at + HEADER + len)
            .ok_or_else(|| format!("name cut off at byte {at}"))?;
        let used = padded.iter().position(|byte| *byte == 0).unwrap_or(len);
        let expected = if used == 0 { 0 } else { (used + HEADER) / HEADER * HEADER };
        if len != expected || padded[used..].iter().any(|byte| *byte != 0) {
            return Err(format!("bad length field {len} or padding: {}", padded.escape_ascii()));
        }
        events.push(Event {
            wd: word(at)?.cast_signed(),
            mask: word(at + 4)?,
            cookie: word(at + 8)?,
            name: padded[..used].to_vec(),
            lost: 0,
        });
        at += HEADER + len;
    }
    Ok(events)
}

/// An event that a scenario wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The label of the watch, or `OVERFLOW`.
    pub watch: String,
    /// The name, or `#*` for the name of a temporary file.
    pub name: String,
    /// The mask, every bit of it.
    pub mask: u32,
    /// The label of the cookie, if it must not be 0.
    pub cookie: Option<String>,
}

/// Compares events with those wanted; `wd_of` gives the descriptor of a watch label.
///
/// Equal labels must have equal cookies that are not 0, different labels different ones; an event
/// wanted without a label must have cookie 0.
pub fn matches(got: &[Event], want: &[Wanted], wd_of: &dyn Fn(&str) -> Option<i32>) -> bool {
    let mut labels: HashMap<&str, u32> = HashMap::new();
    got.len() == want.len()
        && got.iter().zip(want).all(|(event, wanted)| {
            let wd = match wanted.watch.as_str() {
                "OVERFLOW" => Some(OVERFLOW_WD),
                label => wd_of(label),
            };
            let literal = event.name == wanted.name.as_bytes();
            let name = literal || event.pattern() == wanted.name.as_bytes();
            let cookie = match &wanted.cookie {
                None => event.cookie == 0,
                Some(label) => cookie_fits(&mut labels, label, event.cookie),
            };
            wd == Some(event.wd) && name && wanted.mask == event.mask && cookie
        })
}

/// Whether `cookie` can be the one meant by `label`, given those seen so far.
fn cookie_fits<'a>(labels: &mut HashMap<&'a str, u32>, label: &'a str, cookie: u32) -> bool {
    if let Some(seen) = labels.get(label) {
        return *seen == cookie;
    }
    let fresh = cookie != 0 && !labels.values().any(|seen| *seen == cookie);
    labels.insert(label, cookie);
    fresh
}

/// Gives cookies small numbers in the order in which they are first seen; 0 stays 0.
#[derive(Debug, Default)]
pub struct Cookies(HashMap<u32, u32>);

impl Cookies {
    /// The small number of a cookie.
    pub fn rename(&mut self, cookie: u32) -> u32 {
        if cookie == 0 {
            return 0;
        }
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX - 1) + 1;
        *self.0.entry(cookie).or_insert(next)
    }

    /// The event with its cookie renamed and the name of a temporary file as `#*`.
    pub fn normal(&mut self, event: &Event) -> Event {
        Event { cookie: self.rename(event.cookie), name: event.pattern().to_vec(), ..event.clone() }
    }
}

/// Compares two streams of one group: descriptors, masks, names and the pattern of the cookies.
///
/// Pass the same two [`Cookies`] for all streams of a run, so that a cookie seen by two groups is
/// checked.
pub fn compare_streams(
    left: &[Event],
    right: &[Event],
    cookies: &mut (Cookies, Cookies),
) -> Result<(), String> {
    let left: Vec<Event> = left.iter().map(|event| cookies.0.normal(event)).collect();
    let right: Vec<Event> = right.iter().map(|event| cookies.1.normal(event)).collect();
    if left == right {
        return Ok(());
    }
    let same = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let side = |events: &[Event]| {
        let show = |event: &Event| show_event(event, &|wd| format!("wd{wd}"));
        events.iter().skip(same).take(8).map(show).collect::<Vec<_>>().join("; ")
    };
    Err(format!(
        "differ after {same} equal events ({} against {}):\n   left  {}\n   right {}",
        left.len(),
        right.len(),
        side(&left),
        side(&right)
    ))
}

/// An event in the style of `inotifywait`: watch, events joined by commas, name, and the cookie if
/// any.
pub fn show_event(event: &Event, label: &dyn Fn(i32) -> String) -> String {
    let names = mask_names(event.mask).replace('|', ",").replace("IN_", "");
    let watch = if event.wd == OVERFLOW_WD { "OVERFLOW".to_owned() } else { label(event.wd) };
    let mut text = format!("{watch} {names}");
    if !event.name.is_empty() {
        let _ = write!(text, " {}", event.name.escape_ascii());
    }
    if event.cookie != 0 {
        let _ = write!(text, " cookie={}", event.cookie);
    }
    text
}
