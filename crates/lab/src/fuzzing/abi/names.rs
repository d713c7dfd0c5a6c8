//! Names of the lengths that matter.

use arbitrary::Arbitrary;

/// Around the steps of the padding, around what a name holds inline, and the longest.
const LENGTHS: [u8; 16] = [1, 2, 14, 15, 16, 17, 22, 23, 30, 31, 32, 47, 48, 239, 254, 255];

/// A name in a few bytes: how long it is, and what it is made of.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) struct NameSpec {
    len: u8,
    any_length: bool,
    fill: u8,
    last: u8,
}

impl NameSpec {
    /// One to 255 bytes without NUL and slash; `.` and `..` may come of it.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let len = match self.any_length {
            true => self.len.max(1),
            false => LENGTHS[usize::from(self.len) % LENGTHS.len()],
        };
        let mut name = vec![Self::letter(self.fill); usize::from(len)];
        if let Some(last) = name.last_mut() {
            *last = Self::letter(self.last);
        }
        name
    }

    fn letter(byte: u8) -> u8 {
        if matches!(byte, 0 | b'/') { b'x' } else { byte }
    }
}
