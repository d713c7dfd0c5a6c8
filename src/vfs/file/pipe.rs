//! Open fifos: one bounded buffer per inode.

use std::collections::{HashMap, VecDeque};

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::{Arc, Mutex, count_items, rank};
use crate::fs::OpenFlags;
use crate::tree::InodeKey;

/// How many bytes a pipe holds.
const CAPACITY: usize = 64 * 1024;
/// The unit of room for a write. A write of at most a page is done whole or not at all.
const PAGE: usize = 4096;
/// How many pipes of that capacity one user has open. As Linux's `fs.pipe-user-pages-soft`.
const MOST_LARGE: usize = 1024;
/// The capacity of each further pipe.
const SMALL: usize = 2 * PAGE;

/// The fifos that are open.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    /// A leaf: nothing is locked under it.
    table: Mutex<Table, { rank::LEAF }>,
}

#[derive(Debug, Default)]
struct Table {
    /// Each with the number of descriptions that have it open, and the user it was made for if it
    /// is a large one.
    open: HashMap<InodeKey, (Arc<Pipe>, usize, Option<u32>)>,
    /// How many large ones each user has that has some.
    large: HashMap<u32, usize>,
}

impl Table {
    /// A pipe for this user, and the user that is charged for it.
    fn make(&mut self, user: u32) -> (Arc<Pipe>, usize, Option<u32>) {
        let count = self.large.get(&user).copied().unwrap_or(0);
        if count >= MOST_LARGE {
            return (Arc::new(Pipe::new(SMALL)), 0, None);
        }
        self.large.insert(user, count + 1);
        (Arc::new(Pipe::new(CAPACITY)), 0, Some(user))
    }

    fn forget(&mut self, user: u32) {
        if let Some(count) = self.large.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                self.large.remove(&user);
            }
        }
    }
}

impl Pipes {
    /// Opens the fifo of an inode. It never blocks: Linux's rules for `O_NONBLOCK` hold.
    ///
    /// # Errors
    /// `ENXIO` for writing only where there is no reader, `EINVAL` for neither reading nor writing.
    pub(crate) fn open(&self, inode: InodeKey, access: OpenFlags, user: u32) -> Result<Arc<Pipe>> {
        if !access.intersects(OpenFlags::READ_WRITE) {
            return Err(Errno::EINVAL.into());
        }
        let pipe = {
            let mut table = self.table.lock();
            if table.open.len() == table.open.capacity() {
                // It may be made anew.
                count_items(table.open.len());
            }
            let known = table.open.remove(&inode);
            let (pipe, users, large) = known.unwrap_or_else(|| table.make(user));
            table.open.insert(inode, (pipe.clone(), users + 1, large));
            pipe
        };
        if pipe.add_ends(access) {
            return Ok(pipe);
        }
        self.give_back(inode);
        Err(Errno::ENXIO.into())
    }

    /// Closes what [`Pipes::open`] opened; the last close drops the contents.
    pub(crate) fn close(&self, inode: InodeKey, pipe: &Pipe, access: OpenFlags) {
        pipe.remove_ends(access);
        self.give_back(inode);
    }

    fn give_back(&self, inode: InodeKey) {
        let mut table = self.table.lock();
        let Some((_, users, large)) = table.open.get_mut(&inode) else { return };
        *users -= 1;
        if *users == 0 {
            let large = *large;
            // The caller holds one more reference.
            table.open.remove(&inode);
            if let Some(user) = large {
                table.forget(user);
            }
        }
    }
}

/// A pipe. Reading and writing never wait.
#[derive(Debug)]
pub(crate) struct Pipe {
    capacity: usize,
    state: Mutex<State, { rank::LEAF }>,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Where what is left of each page begins in it, and where it ends.
    pages: VecDeque<(usize, usize)>,
    readers: usize,
    writers: usize,
}

impl Pipe {
    fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// Counts the ends of a new user; false, and nothing is counted, if it may not be opened so.
    fn add_ends(&self, access: OpenFlags) -> bool {
        let mut state = self.state.lock();
        let reads = access.contains(OpenFlags::READ);
        if !reads && state.readers == 0 {
            return false;
        }
        state.readers += usize::from(reads);
        state.writers += usize::from(access.contains(OpenFlags::WRITE));
        true
    }

    fn remove_ends(&self, access: OpenFlags) {
        let mut state = self.state.lock();
        state.readers -= usize::from(access.contains(OpenFlags::READ));
        state.writers -= usize::from(access.contains(OpenFlags::WRITE));
    }

    /// Takes out up to `buf.len()` bytes; 0 if there are none and no writer.
    ///
    /// # Errors
    /// `EAGAIN` if there are none and a writer has it open.
    pub(crate) fn read(&self, buf: &mut [u8]) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut state = self.state.lock();
        if state.bytes.is_empty() && state.writers > 0 {
            return Err(Errno::EAGAIN.into());
        }
        let count = buf.len().min(state.bytes.len());
        let (front, back) = state.bytes.as_slices();
        let from_front = count.min(front.len());
        buf[..from_front].copy_from_slice(&front[..from_front]);
        buf[from_front..count].copy_from_slice(&back[..count - from_front]);
        state.bytes.drain(..count);
        let mut rest = count;
        while let Some((from, to)) = state.pages.front_mut() {
            let part = rest.min(*to - *from);
            *from += part;
            rest -= part;
            if *from < *to {
                break;
            }
            state.pages.pop_front();
        }
        Ok(count)
    }

    /// # Errors
    /// `EPIPE` if there is no reader, `EAGAIN` if there is no room.
    pub(crate) fn check_space(&self) -> Result<()> {
        let state = self.state.lock();
        if state.readers == 0 {
            return Err(Errno::EPIPE.into());
        }
        if state.pages.len() == self.capacity / PAGE {
            return Err(Errno::EAGAIN.into());
        }
        Ok(())
    }

    /// Puts in as much as fits, or all of at most 4096 bytes.
    ///
    /// # Errors
    /// `EPIPE` if there is no reader, `EAGAIN` if there is no room.
    pub(crate) fn write(&self, data: &[u8]) -> Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let mut state = self.state.lock();
        if state.readers == 0 {
            return Err(Errno::EPIPE.into());
        }
        let odd = data.len() % PAGE;
        let mut count = 0;
        if let Some((_, to)) = state.pages.back_mut()
            && *to + odd <= PAGE
        {
            *to += odd;
            count = odd;
        }
        while count < data.len() && state.pages.len() < self.capacity / PAGE {
            let part = PAGE.min(data.len() - count);
            state.pages.push_back((0, part));
            count += part;
        }
        if count == 0 {
            return Err(Errno::EAGAIN.into());
        }
        let (len, has) = (state.bytes.len(), state.bytes.capacity());
        if len + count > has {
            // Doubled, but never more than the pipe may hold.
            let wanted = (2 * has).clamp(len + count, self.capacity);
            state.bytes.reserve_exact(wanted - len);
        }
        state.bytes.extend(&data[..count]);
        Ok(count)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::tree::inode::Inodes;

    fn id(number: u32) -> InodeKey {
        InodeKey { index: Inodes::nth(number), generation: 1 }
    }

    const USER: u32 = 7;

    fn is_empty(pipes: &Pipes) -> bool {
        let table = pipes.table.lock();
        table.open.is_empty() && table.large.is_empty()
    }

    #[test]
    fn a_user_with_many_pipes_gets_small_ones() {
        let pipes = Pipes::default();
        let open = |number, user| pipes.open(id(number), OpenFlags::READ_WRITE, user).unwrap();
        let large: Vec<_> = (0..MOST_LARGE as u32).map(|n| open(n, USER)).collect();
        let small = open(5000, USER);
        assert_eq!(small.write(&[1; 70_000]), Ok(SMALL));
        assert_eq!(open(5001, USER + 1).write(&[1; 70_000]), Ok(CAPACITY), "another user");
        assert_eq!(open(5, USER).write(&[1; 70_000]), Ok(CAPACITY), "an open one stays as it is");
        pipes.close(id(5), &large[5], OpenFlags::READ_WRITE);
        pipes.close(id(5), &large[5], OpenFlags::READ_WRITE);
        assert_eq!(open(5002, USER).write(&[1; 70_000]), Ok(CAPACITY), "one was given back");
    }

    fn kind<T>(result: Result<T>) -> Option<Errno> {
        result.err().map(|error| error.errno())
    }

    #[test]
    fn a_pipe_ends_with_its_last_user() {
        let pipes = Pipes::default();
        assert_eq!(kind(pipes.open(id(1), OpenFlags::WRITE, USER)), Some(Errno::ENXIO));
        assert!(is_empty(&pipes));
        let both = pipes.open(id(1), OpenFlags::READ_WRITE, USER).unwrap();
        assert_eq!(kind(both.read(&mut [0])), Some(Errno::EAGAIN));
        assert_eq!(both.write(b"left"), Ok(4));
        pipes.close(id(1), &both, OpenFlags::READ_WRITE);
        assert!(is_empty(&pipes));
        let fresh = pipes.open(id(1), OpenFlags::READ, USER).unwrap();
        assert_eq!(fresh.read(&mut [0]), Ok(0));
    }

    #[test]
    fn a_small_write_is_never_cut() {
        let pipes = Pipes::default();
        let pipe = pipes.open(id(1), OpenFlags::READ_WRITE, USER).unwrap();
        assert_eq!(pipe.write(&[1; 70_000]), Ok(CAPACITY));
        let mut buf = [0; 100];
        assert_eq!(pipe.read(&mut buf), Ok(100));
        assert_eq!(kind(pipe.write(&[2])), Some(Errno::EAGAIN), "no page is free");
        assert_eq!(pipe.read(&mut [0; PAGE]), Ok(PAGE));
        assert_eq!(pipe.write(&[2; 5000]), Ok(PAGE));
        assert_eq!(kind(pipe.write(&[2])), Some(Errno::EAGAIN));
    }

    /// As on Linux: what goes beyond whole pages joins the last one if it fits, or begins another.
    #[test]
    fn a_pipe_is_full_when_its_pages_are_used_up() {
        for (len, fit) in [(1, CAPACITY), (100, 40 * 16), (2048, 32), (3000, 16), (PAGE, 16)] {
            let pipes = Pipes::default();
            let pipe = pipes.open(id(1), OpenFlags::READ_WRITE, USER).unwrap();
            let data = vec![1; len];
            assert_eq!((0..).take_while(|_| pipe.write(&data) == Ok(len)).count(), fit, "{len}");
            assert_eq!(kind(pipe.check_space()), Some(Errno::EAGAIN));
            while pipe.read(&mut vec![0; 700]).is_ok() {}
            assert!(pipe.check_space().is_ok());
            assert!(pipe.state.lock().pages.is_empty());
        }
    }

    #[test]
    fn write_without_a_reader_fails_with_epipe() {
        let pipes = Pipes::default();
        let reader = pipes.open(id(1), OpenFlags::READ, USER).unwrap();
        let writer = pipes.open(id(1), OpenFlags::WRITE, USER).unwrap();
        pipes.close(id(1), &reader, OpenFlags::READ);
        assert_eq!(kind(writer.write(b"x")), Some(Errno::EPIPE));
        assert_eq!(writer.write(b""), Ok(0));
    }
}
