//! `struct inotify_event`, from inotify(7) and not from the crate: wd, mask, cookie and len, 32 bits
//! each in the machine's order, then `len` bytes with the name, padded with NULs so that at least one
//! follows it and `len` is a multiple of the header's 16.

use vfsnotify::EventMask;
use vfsnotify::inotify::{Decoded, Event, decode};

const HEADER: usize = 16;
const NAME_MAX: usize = 255;

/// How many bytes an event with a name of this length takes.
pub(crate) fn size(name: usize) -> usize {
    let padded = if name == 0 { 0 } else { name / HEADER * HEADER + HEADER };
    HEADER + padded
}

fn push(bytes: &mut Vec<u8>, wd: i32, mask: u32, cookie: u32, name: &[u8]) {
    let end = bytes.len() + size(name.len());
    let len = u32::try_from(size(name.len()) - HEADER).expect("a short name");
    bytes.extend(wd.to_ne_bytes());
    for word in [mask, cookie, len] {
        bytes.extend(word.to_ne_bytes());
    }
    bytes.extend(name);
    bytes.resize(end, 0);
}

/// The bytes of typed events, as a guest gets them.
pub(crate) fn of_typed(events: &[Event]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        match event {
            Event::Fs(event) => {
                let (wd, mask) = (event.wd.as_raw(), event.mask.bits());
                push(&mut bytes, wd, mask, event.cookie, &event.name);
            }
            // IN_Q_OVERFLOW; how many were lost is not told.
            Event::Overflow { lost } => {
                assert!(*lost > 0, "an overflow that lost nothing");
                push(&mut bytes, -1, 0x4000, 0, b"");
            }
        }
    }
    bytes
}

fn of_decoded(events: &[Decoded]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        push(&mut bytes, event.wd, event.mask.bits(), event.cookie, &event.name);
    }
    bytes
}

/// Where each event of a buffer ends, the first place included; `None` if it is malformed.
pub(crate) fn boundaries(bytes: &[u8]) -> Option<Vec<usize>> {
    let mut at = 0;
    let mut ends = vec![0];
    while at < bytes.len() {
        let header = bytes.get(at..at + HEADER)?;
        let len = u32::from_ne_bytes([header[12], header[13], header[14], header[15]]) as usize;
        let field = bytes.get(at + HEADER..(at + HEADER).checked_add(len)?)?;
        if len > 0 {
            let name = field.iter().position(|byte| *byte == 0)?;
            let rest = &field[name..];
            let fits = (1..=NAME_MAX).contains(&name) && len == size(name) - HEADER;
            if !fits || rest.iter().any(|byte| *byte != 0) {
                return None;
            }
        }
        at += HEADER + len;
        ends.push(at);
    }
    Some(ends)
}

/// The decoder takes what is well formed and nothing else, and loses nothing of it.
pub(crate) fn check_decoder(bytes: &[u8]) {
    let decoded = decode(bytes);
    assert_eq!(decoded.is_some(), boundaries(bytes).is_some(), "decoded {decoded:?}");
    if let Some(events) = decoded {
        assert_eq!(of_decoded(&events), bytes, "{events:?}");
    }
}

/// Where the last event of a well-formed buffer begins.
fn last_event(bytes: &[u8]) -> usize {
    let ends = boundaries(bytes).expect("what the crate encoded is well formed");
    ends[ends.len() - 2]
}

/// The same on valid bytes, cut and changed in one place.
pub(crate) fn check_damaged(bytes: &[u8], cut: usize, place: usize, value: u8) {
    check_decoder(bytes);
    if bytes.is_empty() {
        return;
    }
    let cut = cut % bytes.len();
    check_decoder(&bytes[..cut]);
    check_decoder(&bytes[cut..]);
    let mut damaged = bytes.to_vec();
    damaged[place % bytes.len()] = value;
    check_decoder(&damaged);
    // A name's field that is longer than it must be, or has something after the name.
    let last = last_event(bytes);
    if last + HEADER < bytes.len() {
        let len = bytes.len() - last - HEADER;
        damaged = bytes.to_vec();
        damaged.resize(bytes.len() + HEADER, 0);
        let longer = u32::try_from(len + HEADER).expect("a short name");
        damaged[last + 12..last + 16].copy_from_slice(&longer.to_ne_bytes());
        check_decoder(&damaged);
        damaged = bytes.to_vec();
        *damaged.last_mut().expect("a field") = b'x';
        check_decoder(&damaged);
    }
    // A length field is where a decoder is led astray.
    let ends = boundaries(bytes).expect("what the crate encoded is well formed");
    let event = ends[place % (ends.len() - 1)];
    damaged = bytes.to_vec();
    damaged[event + 12] = value;
    check_decoder(&damaged);
    damaged[event + 15] = value;
    check_decoder(&damaged);
}

/// The decoded events of a whole number of records, checked against the typed ones.
pub(crate) fn check_against(bytes: &[u8], typed: &[Event]) {
    assert_eq!(bytes, of_typed(typed), "the bytes of {typed:?}");
    let decoded = decode(bytes).expect("what the crate encoded is well formed");
    assert_eq!(decoded.len(), typed.len());
    for (decoded, typed) in decoded.iter().zip(typed) {
        match typed {
            Event::Fs(typed) => {
                let wire = (decoded.wd, decoded.mask, decoded.cookie, &decoded.name);
                assert_eq!(wire, (typed.wd.as_raw(), typed.mask, typed.cookie, &typed.name));
            }
            Event::Overflow { .. } => {
                assert_eq!((decoded.wd, decoded.mask), (-1, EventMask::Q_OVERFLOW));
            }
        }
    }
}
