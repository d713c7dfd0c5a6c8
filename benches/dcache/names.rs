//! Names of 20 bytes, made before they are used: making them is not measured.

/// A name.
pub(crate) type Name = [u8; 20];

/// How many names are made at a time: few enough to stay in the processor's cache.
pub(crate) const BATCH: usize = 1000;

/// The name of a number, after a word of nine letters.
pub(crate) fn name(word: &[u8; 9], number: usize) -> Name {
    let mut name = [b'0'; 20];
    name[..9].copy_from_slice(word);
    let mut rest = number;
    for digit in name[9..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}

/// Names of successive numbers, in place of those in `names`.
pub(crate) fn successive(names: &mut [Name], word: &[u8; 9], first: usize) {
    for (number, slot) in names.iter_mut().enumerate() {
        *slot = name(word, first + number);
    }
}

/// Numbers below `end` in an order that has nothing to do with theirs.
#[derive(Clone, Debug)]
pub(crate) struct Shuffle(u64);

impl Shuffle {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end
    }
}
