//! What is behind an open fifo: one bounded buffer per inode.

use std::collections::{HashMap, VecDeque};

use crate::base::error::{ErrorKind, Result};
use crate::base::sync::{Arc, Mutex, count_items, rank};
use crate::tree::InodeId;
use crate::vfs::open_flags::OpenFlags;

/// How many bytes a pipe holds.
const CAPACITY: usize = 64 * 1024;
/// A write of at most this many bytes is done whole or not at all.
const ATOMIC: usize = 4096;

/// The fifos that are open.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    /// Each with the number of descriptions that have it open. A leaf: nothing is locked under it.
    table: Mutex<HashMap<InodeId, (Arc<Pipe>, usize)>, { rank::LEAF }>,
}

impl Pipes {
    /// Opens the fifo of an inode. Nobody waits: Linux's rules for `O_NONBLOCK` hold.
    ///
    /// # Errors
    /// `NoDevice` for writing only where nobody reads.
    pub(super) fn open(&self, inode: InodeId, access: OpenFlags) -> Result<Arc<Pipe>> {
        let pipe = {
            let mut table = self.table.lock();
            if table.len() == table.capacity() {
                // It may be made anew.
                count_items(table.len());
            }
            let (pipe, users) = table.entry(inode).or_default();
            *users += 1;
            pipe.clone()
        };
        if pipe.add_ends(access) {
            return Ok(pipe);
        }
        self.give_back(inode);
        Err(ErrorKind::NoDevice.into())
    }

    /// Closes what [`Pipes::open`] opened; with the last user what is in the pipe goes too.
    pub(super) fn close(&self, inode: InodeId, pipe: &Pipe, access: OpenFlags) {
        pipe.remove_ends(access);
        self.give_back(inode);
    }

    fn give_back(&self, inode: InodeId) {
        let mut table = self.table.lock();
        if let Some((_, users)) = table.get_mut(&inode) {
            *users -= 1;
            if *users == 0 {
                table.remove(&inode);
            }
        }
    }
}

/// A pipe. Reading and writing never wait.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    state: Mutex<State, { rank::LEAF }>,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    readers: usize,
    writers: usize,
}

impl Pipe {
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

    /// Takes out up to `buf.len()` bytes; 0 if there are none and nobody writes.
    ///
    /// # Errors
    /// `WouldBlock` if there are none but somebody may write some.
    pub(super) fn read(&self, buf: &mut [u8]) -> Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let mut state = self.state.lock();
        if state.bytes.is_empty() && state.writers > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = buf.len().min(state.bytes.len());
        let (front, back) = state.bytes.as_slices();
        let from_front = count.min(front.len());
        buf[..from_front].copy_from_slice(&front[..from_front]);
        buf[from_front..count].copy_from_slice(&back[..count - from_front]);
        state.bytes.drain(..count);
        Ok(count)
    }

    /// Puts in as much as fits, or all of at most 4096 bytes.
    ///
    /// # Errors
    /// `BrokenPipe` if nobody reads, `WouldBlock` if there is no room.
    pub(super) fn write(&self, data: &[u8]) -> Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let mut state = self.state.lock();
        if state.readers == 0 {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let room = CAPACITY - state.bytes.len();
        if room == 0 || (data.len() <= ATOMIC && room < data.len()) {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = room.min(data.len());
        state.bytes.extend(&data[..count]);
        Ok(count)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const ID: InodeId = InodeId { index: 1, generation: 1 };

    fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[test]
    fn a_pipe_ends_with_its_last_user() {
        let pipes = Pipes::default();
        assert_eq!(kind(pipes.open(ID, OpenFlags::WRITE)), Some(ErrorKind::NoDevice));
        assert!(pipes.table.lock().is_empty());
        let both = pipes.open(ID, OpenFlags::READ_WRITE).unwrap();
        assert_eq!(kind(both.read(&mut [0])), Some(ErrorKind::WouldBlock));
        assert_eq!(both.write(b"left"), Ok(4));
        pipes.close(ID, &both, OpenFlags::READ_WRITE);
        assert!(pipes.table.lock().is_empty());
        let fresh = pipes.open(ID, OpenFlags::READ).unwrap();
        assert_eq!(fresh.read(&mut [0]), Ok(0));
    }

    #[test]
    fn a_small_write_is_never_cut() {
        let pipes = Pipes::default();
        let pipe = pipes.open(ID, OpenFlags::READ_WRITE).unwrap();
        assert_eq!(pipe.write(&[1; 70_000]), Ok(CAPACITY));
        let mut buf = [0; 100];
        assert_eq!(pipe.read(&mut buf), Ok(100));
        assert_eq!(kind(pipe.write(&[2; 101])), Some(ErrorKind::WouldBlock));
        assert_eq!(pipe.write(&[2; 5000]), Ok(100));
        assert_eq!(kind(pipe.write(&[2])), Some(ErrorKind::WouldBlock));
    }

    #[test]
    fn nobody_reads_a_broken_pipe() {
        let pipes = Pipes::default();
        let reader = pipes.open(ID, OpenFlags::READ).unwrap();
        let writer = pipes.open(ID, OpenFlags::WRITE).unwrap();
        pipes.close(ID, &reader, OpenFlags::READ);
        assert_eq!(kind(writer.write(b"x")), Some(ErrorKind::BrokenPipe));
        assert_eq!(writer.write(b""), Ok(0));
    }
}
