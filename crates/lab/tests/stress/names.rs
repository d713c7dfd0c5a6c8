//! Names that say where they belong.
//!
//! A name begins with the letter of its directory: in `/a` all names are `a.*`, in `/b` `b.*`, in the
//! root of whatever is mounted at `/mnt/K` `k.*`, and in every directory that can move `m.*`. Symbolic
//! links lead only to things whose children are `m.*`. So a reader can tell of each event whether
//! its name belongs to the directory that was watched. Files without a name are `#*`.

use fastrand::Rng;

/// The directories that stay where they are, and their letters.
pub(crate) const FIXED: [(&str, u8); 3] = [("/a", b'a'), ("/b", b'b'), ("/g", b'g')];

/// How many names each directory has: few, so that threads collide.
const NAMES: usize = 5;

/// How many names there are that are never made: more than the budget for negative dentries.
const MISSING: usize = 400;

/// How many places to mount on there are below `/mnt`.
pub(crate) const MOUNTPOINTS: usize = 2;

/// A path, and the letter of its children if it is a directory.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: String,
    pub(crate) letter: u8,
}

fn name(rng: &mut Rng, letter: u8) -> String {
    let mut name = format!("{}.{}", char::from(letter), rng.usize(0..NAMES));
    if rng.u8(0..40) == 0 {
        // As long as names get: not inline in an event.
        name.extend(std::iter::repeat_n('x', 255 - name.len()));
    }
    name
}

fn mountpoint(rng: &mut Rng) -> String {
    format!("/mnt/{}", rng.usize(0..MOUNTPOINTS))
}

/// Something below this directory, which may be there or not, may be of any kind, and may be taken
/// away.
fn below(rng: &mut Rng, dir: &Place, deeper: u8) -> Place {
    let mut path = format!("{}/{}", dir.path, name(rng, dir.letter));
    for _ in 0..2 {
        if rng.u8(0..10) >= deeper {
            break;
        }
        path = format!("{path}/{}", name(rng, b'm'));
    }
    Place { path, letter: b'm' }
}

/// Something that may be there or not, may be of any kind, and may be taken away.
pub(crate) fn entry(rng: &mut Rng) -> Place {
    let dir = fixed(rng);
    below(rng, &dir, 3)
}

/// Two entries, mostly of one file system.
pub(crate) fn two_entries(rng: &mut Rng) -> (Place, Place) {
    if rng.u8(0..5) == 0 {
        return (entry(rng), entry(rng));
    }
    let mut one = || {
        let (path, letter) = FIXED[rng.usize(0..FIXED.len())];
        below(rng, &Place { path: path.to_owned(), letter }, 2)
    };
    (one(), one())
}

/// A directory that is never removed.
pub(crate) fn fixed(rng: &mut Rng) -> Place {
    if rng.u8(0..4) == 0 {
        return Place { path: mountpoint(rng), letter: b'k' };
    }
    let (path, letter) = FIXED[rng.usize(0..FIXED.len())];
    Place { path: path.to_owned(), letter }
}

/// Anything at all.
pub(crate) fn anything(rng: &mut Rng) -> Place {
    if rng.bool() { entry(rng) } else { fixed(rng) }
}

/// A name that is never there.
pub(crate) fn missing(rng: &mut Rng) -> String {
    let Place { path, letter } = if rng.u8(0..4) == 0 { entry(rng) } else { fixed(rng) };
    format!("{path}/{}.missing-{}", char::from(letter), rng.usize(0..MISSING))
}

/// A name in a directory with this letter.
pub(crate) fn name_in(rng: &mut Rng, letter: u8) -> String {
    name(rng, letter)
}

/// Where a file system or a part of one can be shown: a place for mounts, or any entry; the
/// second is what may be shown there, since names in both begin alike.
pub(crate) fn mount_pair(rng: &mut Rng) -> (String, String) {
    if rng.bool() {
        (mountpoint(rng), mountpoint(rng))
    } else {
        let (one, two) = two_entries(rng);
        (one.path, two.path)
    }
}

/// The directory of one thread alone.
pub(crate) fn own_dir(thread: usize) -> String {
    format!("/w/{thread}")
}

/// The name of a thread's own file in a directory with this letter: no other thread ever makes or
/// takes a name like this.
pub(crate) fn own_file(thread: usize, letter: u8) -> String {
    format!("{}.own-{thread}", char::from(letter))
}

/// The letter that a name in an event begins with; `None` if it says nothing.
pub(crate) fn letter_of(name: &[u8]) -> Option<u8> {
    match name {
        [] | [b'#', ..] => None,
        [letter, ..] => Some(*letter),
    }
}
