//! The extended attributes of one inode.

use super::space::{Charge, Space};
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::path_limits::{XATTR_NAME_MAX, XATTR_SIZE_MAX};
use crate::base::sync::{Arc, count_items};
use crate::fs::XattrMode;

/// The most bytes that all attributes of one inode may take, the overhead included.
const TOTAL_MAX: u64 = 128 << 10;

/// The charge of an attribute besides its name and value, no less than its memory: at most two places
/// in the list, one byte, and up to 23 bytes of rounding and bookkeeping of an allocator. It bounds the
/// number of attributes too.
const OVERHEAD: u64 = 64;

/// An attribute: the length of its name in a byte, the name, the value. One allocation for all.
#[derive(Debug)]
struct Attribute(Box<[u8]>);

impl Attribute {
    /// The name is not longer than [`XATTR_NAME_MAX`], which fits in a byte.
    fn new(name: &[u8], value: &[u8]) -> Self {
        let len = [name.len() as u8];
        Self([&len[..], name, value].concat().into_boxed_slice())
    }

    fn split(&self) -> (&[u8], &[u8]) {
        self.0[1..].split_at(usize::from(self.0[0]))
    }

    fn name(&self) -> &[u8] {
        self.split().0
    }

    fn value(&self) -> &[u8] {
        self.split().1
    }
}

/// The extended attributes of an inode.
#[derive(Debug)]
pub(super) struct Xattrs {
    /// Sorted by name. Has room for at most twice as many as there are.
    list: Vec<Attribute>,
    charge: Charge,
}

fn cost(name: &[u8], value: &[u8]) -> u64 {
    OVERHEAD + name.len() as u64 + value.len() as u64
}

impl Xattrs {
    pub(super) fn new(space: &Arc<Space>) -> Self {
        Self { list: Vec::new(), charge: Charge::new(space) }
    }

    /// The position of a name, or where it would be inserted.
    fn find(&self, name: &[u8]) -> std::result::Result<usize, usize> {
        self.list.binary_search_by(|attribute| attribute.name().cmp(name))
    }

    /// # Errors
    /// `ENODATA`.
    pub(super) fn get(&self, name: &[u8]) -> Result<Vec<u8>> {
        let place = self.find(name).map_err(|_| Errno::ENODATA)?;
        Ok(self.list[place].value().to_vec())
    }

    pub(super) fn names(&self) -> Vec<Vec<u8>> {
        count_items(self.list.len());
        self.list.iter().map(|attribute| attribute.name().to_vec()).collect()
    }

    /// # Errors
    /// `ERANGE` for a name that is empty or too long, `ENOSPC` for a value that is too long or
    /// has no room, `EEXIST` or `ENODATA` as `mode` asks.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8], mode: XattrMode) -> Result<()> {
        if name.is_empty() || name.len() > XATTR_NAME_MAX {
            return Err(Errno::ERANGE.into());
        }
        if value.len() > XATTR_SIZE_MAX {
            return Err(Errno::ENOSPC.into());
        }
        let place = self.find(name);
        match (mode, place) {
            (XattrMode::Create, Ok(_)) => return Err(Errno::EEXIST.into()),
            (XattrMode::Replace, Err(_)) => return Err(Errno::ENODATA.into()),
            _ => {}
        }
        // The charge is adjusted before the list: a failure changes nothing.
        let old = place.map_or(0, |place| cost(name, self.list[place].value()));
        let new = cost(name, value);
        if self.charge.bytes() - old + new > TOTAL_MAX {
            return Err(Errno::ENOSPC.into());
        }
        if new > old {
            self.charge.take(new - old)?;
        } else {
            self.charge.give(old - new);
        }
        let attribute = Attribute::new(name, value);
        match place {
            Ok(place) => self.list[place] = attribute,
            Err(place) => {
                if self.list.len() == self.list.capacity() {
                    // Otherwise a vector begins with room for four.
                    self.list.reserve_exact(self.list.len().max(1));
                }
                self.list.insert(place, attribute);
            }
        }
        Ok(())
    }

    /// # Errors
    /// `ENODATA`.
    pub(super) fn remove(&mut self, name: &[u8]) -> Result<()> {
        let place = self.find(name).map_err(|_| Errno::ENODATA)?;
        let attribute = self.list.remove(place);
        self.charge.give(cost(name, attribute.value()));
        if self.list.len() * 2 < self.list.capacity() {
            self.list.shrink_to_fit();
        }
        Ok(())
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn room(bytes: u64) -> (Arc<Space>, Xattrs) {
        let space = Arc::new(Space::new(bytes, 0));
        let xattrs = Xattrs::new(&space);
        (space, xattrs)
    }

    #[test]
    fn modes_decide_which_attribute_must_exist() {
        let (space, mut xattrs) = room(1000);
        let kind = |result: Result<()>| result.unwrap_err().errno();
        assert_eq!(kind(xattrs.set(b"user.a", b"1", XattrMode::Replace)), Errno::ENODATA);
        xattrs.set(b"user.a", b"1", XattrMode::Create).unwrap();
        assert_eq!(kind(xattrs.set(b"user.a", b"2", XattrMode::Create)), Errno::EEXIST);
        xattrs.set(b"user.a", b"two", XattrMode::Replace).unwrap();
        assert_eq!(xattrs.get(b"user.a").unwrap(), b"two");
        assert_eq!(space.bytes(), OVERHEAD + 9);
        xattrs.set(b"user.a", b"", XattrMode::Set).unwrap();
        assert_eq!(space.bytes(), OVERHEAD + 6);
        xattrs.set(b"user.b", b"", XattrMode::Set).unwrap();
        assert_eq!(xattrs.names(), [b"user.a", b"user.b"]);
        xattrs.remove(b"user.a").unwrap();
        assert_eq!(space.bytes(), OVERHEAD + 6, "only the other attribute is charged");
        assert_eq!(kind(xattrs.remove(b"user.a")), Errno::ENODATA);
        assert_eq!(xattrs.get(b"user.a").unwrap_err().errno(), Errno::ENODATA);
        drop(xattrs);
        assert_eq!(space.bytes(), 0);
    }

    #[test]
    fn lengths_are_bounded() {
        let (_space, mut xattrs) = room(u64::MAX);
        let mut set = |name: usize, value: usize| {
            let result = xattrs.set(&vec![b'n'; name], &vec![b'v'; value], XattrMode::Set);
            result.map_err(|error| error.errno())
        };
        assert_eq!(set(0, 0), Err(Errno::ERANGE));
        assert_eq!(set(256, 0), Err(Errno::ERANGE));
        assert_eq!(set(255, XATTR_SIZE_MAX + 1), Err(Errno::ENOSPC));
        assert_eq!(set(255, XATTR_SIZE_MAX), Ok(()));
        let left = (TOTAL_MAX - cost(&[0; 255], &[0; XATTR_SIZE_MAX]) - OVERHEAD) as usize;
        assert_eq!(set(1, left), Err(Errno::ENOSPC));
        assert_eq!(set(1, left - 1), Ok(()));
        assert_eq!(set(2, 0), Err(Errno::ENOSPC));
    }

    #[test]
    fn a_full_file_system_changes_nothing() {
        let (space, mut xattrs) = room(OVERHEAD + 10);
        xattrs.set(b"a", b"123456789", XattrMode::Set).unwrap();
        let error = xattrs.set(b"a", b"1234567890", XattrMode::Set).unwrap_err();
        assert_eq!(error.errno(), Errno::ENOSPC);
        assert!(xattrs.set(b"b", b"", XattrMode::Set).is_err());
        assert_eq!(xattrs.get(b"a").unwrap(), b"123456789");
        assert_eq!(space.bytes(), OVERHEAD + 10);
    }
}
