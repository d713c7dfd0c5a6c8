//! Paths in a few bytes, so that many of them mean something and the rest is strange.

use arbitrary::Arbitrary;

/// Names that things have, inside and outside.
const NAMES: [&[u8]; 20] = [
    b"a", b"b", b"c", b"f", b"s", b"up", b"loop", b"abs", b"esc", b"m", b"share", b"inner",
    b"priv", b"new", b"jail", b"vault", b"srv", b"secret", b"out", b"deep",
];

/// The longest name, and the longest path with its NUL.
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4096;

/// A path: the first byte says how it begins and ends, each other one is a component.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) struct PathSpec(Vec<u8>);

impl PathSpec {
    /// A path of known names.
    pub(crate) fn of(path: &[u8]) -> Self {
        let absolute = u8::from(path.starts_with(b"/"));
        let component = |name: &[u8]| match NAMES.iter().position(|known| *known == name) {
            Some(known) => known as u8,
            None => 20,
        };
        let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        Self(std::iter::once(absolute | 7 << 1).chain(names.map(component)).collect())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (head, rest) = self.0.split_first().unwrap_or((&0, &[]));
        let mut path = if head & 1 != 0 { b"/".to_vec() } else { Vec::new() };
        for (number, byte) in rest.iter().take(14).enumerate() {
            if number > 0 {
                path.push(b'/');
            }
            match byte % 32 {
                plain @ 0..20 => path.extend(NAMES[usize::from(plain)]),
                20..26 => path.extend(b".."),
                26 => path.extend(b"."),
                27 => {}
                28 => path.extend([b'n'; NAME_MAX]),
                29 => path.extend([b'n'; NAME_MAX + 1]),
                30 => path.extend([byte / 32, b'.', b'.']),
                // A NUL among them.
                _ => path.extend([b'.', byte & 0xe0]),
            }
        }
        match head >> 1 & 15 {
            0 => path.push(b'/'),
            1 => path.extend(b"/."),
            2 => path.extend(b"//"),
            3 => Self::pad(&mut path, PATH_MAX - 1),
            4 => Self::pad(&mut path, PATH_MAX),
            // As many links as one look-up follows, and one more.
            5 => Self::begin_with(&mut path, b"s/", 40),
            6 => Self::begin_with(&mut path, b"s/", 41),
            _ => {}
        }
        path
    }

    /// Makes a relative path this long.
    fn pad(path: &mut Vec<u8>, len: usize) {
        let missing = len.saturating_sub(path.len());
        if path.starts_with(b"/") || missing < 2 {
            return;
        }
        let mut with = b"./".repeat(missing / 2);
        with.resize(missing, b'/');
        path.splice(0..0, with);
    }

    fn begin_with(path: &mut Vec<u8>, with: &[u8], count: usize) {
        let at = usize::from(path.starts_with(b"/"));
        path.splice(at..at, with.repeat(count));
    }
}
