//! One caller's part in the walk that flags the children of a directory: its pace, and when it yields.

use crate::base::slot_index::Ix;
use crate::base::walk_pace::{ChunkSizer, Pace};
use crate::tree::InodeRef;
use crate::tree::child_watch::{Epoch, FlagChunk};
use crate::tree::directory::DirSlot;

/// One caller's part in the flag walk of a directory.
#[derive(Debug)]
pub(crate) struct FlagWalk {
    dir: Ix<DirSlot>,
    epoch: Epoch,
    chunks: ChunkSizer,
    /// The reference keeps the slot from being reused.
    inode: InodeRef,
}

impl FlagWalk {
    /// The walk that must finish before a watch on this directory is ready. `None` if the watch is ready now,
    /// or the inode is not a directory. A walk in progress is joined.
    pub(crate) fn needed(inode: &InodeRef, pace: &Pace) -> Option<Self> {
        let dir = inode.get().dir()?;
        let epoch = inode.tree().dir_at(dir).children.join(u64::from(dir))?;
        Some(Self { dir, epoch, chunks: pace.chunks(), inode: inode.clone() })
    }

    /// Flags one chunk of children. True when the directory is ready.
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

    /// Runs the walk to its end. It yields between chunks, with no lock held.
    pub(crate) fn finish(&mut self, pace: &Pace) {
        while !self.step(pace) {
            self.chunks.pause(pace);
        }
    }
}
