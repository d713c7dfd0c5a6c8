//! Flags and masks that guests pass as numbers, and the text of masks and watches.

use std::fmt::Write as _;

use vfsnotify::inotify::{WatchInfo, WatchMask};
use vfsnotify::{EventMask, LookupFlags, OpenFlags};

const ACCESS_MODE: u32 = 3;
const O_DIRECTORY: u32 = 0o200_000;
const TMPFILE: u32 = 0o20_000_000;
const PATH: u32 = 0o10_000_000;
const SYNC: u32 = 0o4_010_000;
/// The flags of open(2) that stay with an open file or say how it is opened: CREAT, EXCL, TRUNC, APPEND, NONBLOCK,
/// DSYNC, ASYNC, DIRECT, LARGEFILE, DIRECTORY, NOFOLLOW, NOATIME, SYNC, PATH, and the bit of TMPFILE.
const OPEN_FLAGS: u32 = 0o300 | 0o177_000 | 0o1_600_000 | SYNC | PATH | TMPFILE;
/// NOCTTY and CLOEXEC: known, and no property of an open file.
const DROPPED: u32 = 0o2_000_400;

const MASK_CREATE: u32 = 0x1000_0000;
const MASK_ADD: u32 = 0x2000_0000;
const EVENTS: u32 = 0xfff;
const EXCL_UNLINK: u32 = 0x0400_0000;
const ONESHOT: u32 = 0x8000_0000;
/// The bits that inotify_add_watch(2) takes: twelve events; UNMOUNT, Q_OVERFLOW and IGNORED; ONLYDIR,
/// DONT_FOLLOW, EXCL_UNLINK; MASK_CREATE, MASK_ADD, ISDIR, ONESHOT.
const WATCH_BITS: u32 = EVENTS | 0xe000 | 0x0700_0000 | 0xf000_0000;

const EVENT_NAMES: [(u32, &str); 18] = [
    (0x1, "ACCESS"),
    (0x2, "MODIFY"),
    (0x4, "ATTRIB"),
    (0x8, "CLOSE_WRITE"),
    (0x10, "CLOSE_NOWRITE"),
    (0x20, "OPEN"),
    (0x40, "MOVED_FROM"),
    (0x80, "MOVED_TO"),
    (0x100, "CREATE"),
    (0x200, "DELETE"),
    (0x400, "DELETE_SELF"),
    (0x800, "MOVE_SELF"),
    (0x1000, "OPEN_EXEC"),
    (0x2000, "UNMOUNT"),
    (0x4000, "Q_OVERFLOW"),
    (0x8000, "IGNORED"),
    (0x0800_0000, "ON_CHILD"),
    (0x4000_0000, "ISDIR"),
];

pub(crate) fn check(bits: u32) {
    // Once as they come, and once so that few of them are wrong.
    for bits in [bits, bits & (OPEN_FLAGS | DROPPED | ACCESS_MODE), bits & WATCH_BITS] {
        check_open_flags(bits);
        check_lookup_flags(bits);
        check_watch_mask(bits);
        check_event_mask(bits);
    }
}

fn check_open_flags(bits: u32) {
    let access = bits & ACCESS_MODE;
    assert_eq!(OpenFlags::LINUX, OPEN_FLAGS | DROPPED | ACCESS_MODE);
    let is_known = bits & !OpenFlags::LINUX == 0;
    let is_unnamed_elsewhere = bits & (TMPFILE | O_DIRECTORY | PATH) == TMPFILE;
    let flags = OpenFlags::from_linux(bits);
    assert_eq!(flags.is_ok(), is_known && !is_unnamed_elsewhere, "{bits:o}");
    let _ = OpenFlags::from_bits_retain(bits).to_linux();
    let Ok(flags) = flags else { return };
    let mut back = bits & OPEN_FLAGS | access;
    if bits & TMPFILE != 0 {
        back |= O_DIRECTORY;
    }
    if bits & SYNC != 0 && bits & SYNC != 0o10_000 {
        back |= SYNC;
    }
    assert_eq!(flags.to_linux(), back, "{bits:o}");
    assert_eq!(OpenFlags::from_linux(back).map(OpenFlags::to_linux), Ok(back), "{bits:o}");
    let reads_and_writes = (flags.contains(OpenFlags::READ), flags.contains(OpenFlags::WRITE));
    assert_eq!(
        reads_and_writes,
        (access == 0 || access == 2, access == 1 || access == 2),
        "{bits:o}"
    );
    assert_eq!(flags.contains(OpenFlags::NO_ACCESS), access == 3, "{bits:o}");
}

/// The flags that go with a path: those of the system calls in `at`, and those of openat2(2).
fn check_lookup_flags(bits: u32) {
    let of_call = bits & !0x1500 == 0 && bits & 0x500 != 0x500;
    assert_eq!(LookupFlags::from_linux(bits, 0).is_ok(), of_call, "{bits:x}");
    let resolve = bits & !0x1f == 0 && bits & 0x18 != 0x18;
    let got = LookupFlags::from_linux(0, u64::from(bits));
    assert_eq!(got.is_ok(), resolve, "{bits:x}");
    assert!(LookupFlags::from_linux(0, u64::from(bits) << 32).is_err() || bits == 0);
    if let Ok(flags) = got {
        assert_eq!(flags.bits(), bits & !2, "there are no magic links");
    }
}

/// Whether inotify_add_watch(2) takes a mask.
pub(crate) fn is_watch_mask(bits: u32) -> bool {
    let both = MASK_ADD | MASK_CREATE;
    bits != 0 && bits & !WATCH_BITS == 0 && bits & both != both
}

fn check_watch_mask(bits: u32) {
    let mask = WatchMask::from_bits_retain(bits);
    assert_eq!(mask.check().is_ok(), is_watch_mask(bits), "{bits:x}");
    assert_eq!(mask.bits(), bits);
}

fn check_event_mask(bits: u32) {
    let mut text = String::new();
    for (bit, name) in EVENT_NAMES {
        if bits & bit != 0 {
            let comma = if text.is_empty() { "" } else { "," };
            write!(text, "{comma}{name}").expect("a string takes it");
        }
    }
    assert_eq!(EventMask::from_bits_retain(bits).to_string(), text, "{bits:x}");
}

/// The bits that fdinfo shows of a watch that was added with these bits.
pub(crate) fn shown(bits: u32) -> u32 {
    bits & (EVENTS | EXCL_UNLINK | ONESHOT)
}

/// A watch's line, read as a program that restores a guest would.
pub(crate) fn check_line(info: &WatchInfo, sdev: u64) {
    let line = info.to_string();
    let mut words = line.split(' ');
    assert_eq!(words.next(), Some("inotify"), "{line}");
    let mut number = |key: &str| {
        let text = words.next().and_then(|word| word.strip_prefix(key)).expect(&line);
        u64::from_str_radix(text, 16).expect(&line)
    };
    assert_eq!(number("wd:"), info.wd.as_raw() as u64);
    assert_eq!(number("ino:"), info.ino);
    assert_eq!(number("sdev:"), sdev);
    assert_eq!(number("mask:"), u64::from(info.mask.bits()));
    assert_eq!(number("ignored_mask:"), 0);
    assert_eq!(words.next(), None, "{line}");
}
