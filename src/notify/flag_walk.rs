//! An adder's part in the walk that flags a directory's children: its pace, and when it yields.

use crate::base::index::Ix;
use crate::base::pace::{ChunkSizer, Pace};
use crate::tree::InodeRef;
use crate::tree::child_watch::{Epoch, FlagChunk};
use crate::tree::directory::DirSlot;

/// One caller's part in the walk over a directory's children.
#[derive(Debug)]
pub(crate) struct FlagWalk {
    dir: Ix<DirSlot>,
    epoch: Epoch,
    chunks: ChunkSizer,
    /// Keeps the directory's slot the directory's.
    inode: InodeRef,
}

impl FlagWalk {
    /// The walk that must be finished before a watch on this directory is ready; `None` if it is
    /// ready now, or not a directory. A walk that is going on is joined.
    pub(crate) fn needed(inode: &InodeRef, pace: &Pace) -> Option<Self> {
        let dir = inode.get().dir()?;
        let epoch = inode.tree().dir_at(dir).children.join(u64::from(dir))?;
        Some(Self { dir, epoch, chunks: pace.chunks(), inode: inode.clone() })
    }

    /// Does one chunk; true when there is nothing left to wait for.
    pub(crate) fn step(&mut self, pace: &Pace) -> bool {
        let Self { dir, epoch, ref inode, .. } = *self;
        let mut chunk = FlagChunk::Done;
        self.chunks.measure(pace, |most| {
            chunk = inode.tree().flag_chunk(dir, epoch, most);
            chunk.flagged()
        });
        match chunk {
            FlagChunk::Done => true,
            FlagChunk::Flagged(_) => false,
            FlagChunk::AtEnd => {
                inode.tree().dir_at(dir).children.finish(u64::from(dir));
                true
            }
        }
    }

    /// Drives the walk to its end, yielding between chunks with no lock held.
    pub(crate) fn finish(&mut self, pace: &Pace) {
        while !self.step(pace) {
            self.chunks.pause(pace);
        }
    }
}
