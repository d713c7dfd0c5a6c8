//! The name of a directory entry.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// How many bytes a [`Name`] holds without a heap allocation.
pub(crate) const INLINE: usize = 22;

/// A name: bytes, in 24 bytes of memory if they are at most 22, else on the heap.
///
/// Names are bytes, not text; `Debug` and `Display` escape unprintable bytes. A name is ordered, hashed
/// and compared like its bytes, so a set of names can be searched with a slice of bytes.
///
/// ```
/// use vfsnotify::Name;
/// let name = Name::from(b"short");
/// assert_eq!(name, "short");
/// assert_eq!(name, Name::from(String::from("short")));
/// assert_eq!(Vec::from(name), b"short");
/// assert_eq!(std::mem::size_of::<Name>(), 24);
/// ```
#[derive(Clone)]
pub struct Name(Repr);

#[derive(Clone)]
enum Repr {
    Inline(Inline),
    Heap(Box<[u8]>),
}

/// Three words, and copied as such.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Inline {
    bytes: [u8; INLINE],
    len: InlineLen,
}

/// A length of up to 22. Its unused values tell the variants of a `Repr` apart, and the states of a
/// slot that holds a name. It takes two bytes, so that the rest of the three words is an even number of
/// bytes: an odd number makes copies slow.
#[derive(Clone, Copy)]
#[repr(u16)]
#[rustfmt::skip]
enum InlineLen {
    L0, L1, L2, L3, L4, L5, L6, L7, L8, L9, L10, L11,
    L12, L13, L14, L15, L16, L17, L18, L19, L20, L21, L22,
}

impl InlineLen {
    #[rustfmt::skip]
    const ALL: [Self; INLINE + 1] = [
        Self::L0, Self::L1, Self::L2, Self::L3, Self::L4, Self::L5, Self::L6, Self::L7,
        Self::L8, Self::L9, Self::L10, Self::L11, Self::L12, Self::L13, Self::L14, Self::L15,
        Self::L16, Self::L17, Self::L18, Self::L19, Self::L20, Self::L21, Self::L22,
    ];
}

impl Inline {
    const EMPTY: Self = Self { bytes: [0; INLINE], len: InlineLen::L0 };
}

impl Name {
    /// The empty name: an event about the watched object itself has it.
    pub const EMPTY: Self = Self(Repr::Inline(Inline::EMPTY));

    /// The bytes.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(inline) => &inline.bytes[..inline.len as usize],
            Repr::Heap(bytes) => bytes,
        }
    }

    /// Whether it is held without a heap allocation.
    #[must_use]
    pub fn is_inline(&self) -> bool {
        matches!(self.0, Repr::Inline(_))
    }
}

impl From<&[u8]> for Name {
    fn from(bytes: &[u8]) -> Self {
        match InlineLen::ALL.get(bytes.len()) {
            Some(len) => {
                let mut inline = Inline { len: *len, ..Inline::EMPTY };
                inline.bytes[..bytes.len()].copy_from_slice(bytes);
                Self(Repr::Inline(inline))
            }
            None => Self(Repr::Heap(bytes.into())),
        }
    }
}

impl<const N: usize> From<&[u8; N]> for Name {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        name.as_bytes().into()
    }
}

impl From<Vec<u8>> for Name {
    /// Takes the bytes over if they are too many to be stored inline.
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() > INLINE {
            return Self(Repr::Heap(bytes.into_boxed_slice()));
        }
        bytes.as_slice().into()
    }
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        name.into_bytes().into()
    }
}

impl From<Name> for Vec<u8> {
    fn from(name: Name) -> Self {
        match name.0 {
            Repr::Inline(_) => name.as_bytes().to_vec(),
            Repr::Heap(bytes) => bytes.into_vec(),
        }
    }
}

/// A name that may have to be stored: bytes, or a name, which is cheaper to copy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NameRef<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// A name.
    Name(&'a Name),
}

impl NameRef<'_> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Name(name) => name.len(),
        }
    }

    /// Whether it equals this name.
    #[inline]
    pub(crate) fn is(&self, other: &Name) -> bool {
        match self {
            Self::Bytes(bytes) => *bytes == other.as_bytes(),
            Self::Name(name) => *name == other,
        }
    }

    #[inline]
    pub(crate) fn to_name(self) -> Name {
        match self {
            Self::Bytes(bytes) => bytes.into(),
            Self::Name(name) => name.clone(),
        }
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Deref for Name {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Name {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Name {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            // The bytes behind an inline name are zeros.
            (Repr::Inline(one), Repr::Inline(two)) => {
                one.bytes == two.bytes && one.len as u16 == two.len as u16
            }
            _ => self.as_bytes() == other.as_bytes(),
        }
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

/// Comparisons with the types of bytes and text, from both sides.
macro_rules! compared_as_bytes {
    ($([$($generic:tt)*] $other:ty;)*) => {$(
        impl<$($generic)*> PartialEq<$other> for Name {
            #[inline]
            fn eq(&self, other: &$other) -> bool {
                self.as_bytes() == AsRef::<[u8]>::as_ref(other)
            }
        }

        impl<$($generic)*> PartialEq<Name> for $other {
            #[inline]
            fn eq(&self, other: &Name) -> bool {
                other == self
            }
        }
    )*};
}

compared_as_bytes! {
    [] [u8];
    [] &[u8];
    [const N: usize] [u8; N];
    [const N: usize] &[u8; N];
    [] Vec<u8>;
    [] str;
    [] &str;
    [] String;
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.as_bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_22_bytes_is_inline_and_one_of_23_is_not() {
        for len in [0, 1, 21, 22, 23, 255] {
            let bytes = vec![b'n'; len];
            let name = Name::from(bytes.as_slice());
            assert_eq!(name.as_bytes(), bytes);
            assert_eq!(name.is_inline(), len <= 22);
        }
    }

    #[test]
    fn a_name_is_made_of_and_compared_with_bytes_and_text() {
        for len in [0, 3, 22, 23, 255] {
            let text = "n".repeat(len);
            let bytes = text.clone().into_bytes();
            let name = Name::from(text.as_str());
            let from_here = [
                name == text,
                name == *text,
                name == text.as_str(),
                name == bytes,
                name == *bytes,
                name == bytes.as_slice(),
            ];
            let from_there = [
                text == name,
                *text == name,
                text.as_str() == name,
                bytes == name,
                *bytes == name,
                bytes.as_slice() == name,
            ];
            assert_eq!((from_here, from_there), ([true; 6], [true; 6]));
            for made in [Name::from(text), Name::from(bytes.clone())] {
                assert_eq!((&made, made.is_inline()), (&name, len <= 22));
                assert_eq!(Vec::from(made), bytes);
            }
        }
        let name = Name::from("abc");
        assert_eq!(name, b"abc");
        assert_eq!(b"abc", name);
        assert_eq!(name, *b"abc");
        assert!(name != "abd" && name != "ab" && name != b"abcd");
    }

    #[test]
    fn a_name_takes_24_bytes() {
        assert_eq!(size_of::<Name>(), 24);
    }
}
