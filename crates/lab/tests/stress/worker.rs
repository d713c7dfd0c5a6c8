//! A thread that does anything at all, at random, and what it has in its hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use lab::op::Op;
use lab::outcome::Outcome;
use lab::vfs_world::names as calls;
use vfsnotify::inotify::PendingWatch;
use vfsnotify::{Context, Errno, File, Result};

use crate::listeners::USERS;
use crate::operations::{OPERATIONS, TITLES};
use crate::watchdog::Progress;
use crate::witness::Witness;
use crate::world::{Held, World, context};

/// How many of a kind a thread keeps in its hands.
const HANDFUL: usize = 6;

/// How often each operation succeeded and failed.
pub(crate) type Tally = Vec<(u64, u64)>;

/// One thread.
#[derive(Debug)]
pub(crate) struct Worker<'a> {
    pub(crate) number: usize,
    pub(crate) threads: usize,
    pub(crate) world: &'a World,
    pub(crate) rng: Rng,
    /// Its number; its current directory has children of `cwd_letter`.
    pub(crate) cx: Context,
    pub(crate) cwd_letter: Option<u8>,
    pub(crate) hands: Hands,
    pub(crate) tally: Tally,
    progress: Arc<Progress>,
}

/// The references of a thread, to be released in any order.
#[derive(Debug)]
pub(crate) struct Hands {
    pub(crate) files: Vec<Held>,
    pub(crate) pending: Vec<PendingWatch>,
    pub(crate) contexts: Vec<Context>,
    pub(crate) witness: Witness,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        world: &'a World,
        (number, threads): (usize, usize),
        mut rng: Rng,
        progress: Arc<Progress>,
    ) -> Self {
        let cx = context(&world.vfs, USERS[rng.usize(0..USERS.len())]);
        let witness = Witness::new(&world.vfs, number);
        let hands = Hands { files: Vec::new(), pending: Vec::new(), contexts: Vec::new(), witness };
        let tally = vec![(0, 0); OPERATIONS.len()];
        Self { number, threads, world, rng, cx, cwd_letter: None, hands, tally, progress }
    }

    /// Works until it is told to stop, and returns what it has in its hands.
    pub(crate) fn work(mut self, stop: &AtomicBool) -> (Hands, Tally) {
        let weights: u32 = OPERATIONS.iter().map(|operation| operation.1).sum();
        while !stop.load(Ordering::Relaxed) {
            let mut draw = self.rng.u32(0..weights);
            let drawn = OPERATIONS.iter().position(|operation| {
                let hit = draw < operation.1;
                draw = draw.wrapping_sub(operation.1);
                hit
            });
            let at = drawn.expect("the weights add up");
            self.progress.step(at);
            match OPERATIONS[at].2(&mut self) {
                Ok(()) => self.tally[at].0 += 1,
                Err(error) => {
                    assert!(may_fail_with(error.errno()), "{}: {error}", TITLES[at]);
                    self.tally[at].1 += 1;
                }
            }
        }
        self.progress.rest();
        self.hands.contexts.push(self.cx);
        (self.hands, self.tally)
    }

    /// Makes a call by path from the current directory.
    pub(crate) fn call(&self, op: &Op) -> Result<()> {
        self.outcome(op).map(drop)
    }

    /// The same, with what it gives.
    pub(crate) fn outcome(&self, op: &Op) -> Result<Outcome> {
        calls::call(&self.world.vfs, &self.cx, calls::HERE, op)
    }

    /// Opens a file from the current directory.
    pub(crate) fn open(&self, op: &Op) -> Result<File> {
        calls::open(&self.world.vfs, &self.cx, None, op)
    }

    /// Keeps an open file, and lets another go if there are too many.
    pub(crate) fn keep_file(&mut self, held: Held) {
        self.hands.files.push(held);
        if self.hands.files.len() > HANDFUL {
            let at = self.rng.usize(0..HANDFUL);
            drop(self.hands.files.swap_remove(at));
        }
    }

    /// Keeps a watch that is not ready.
    pub(crate) fn keep_pending(&mut self, pending: PendingWatch) {
        self.hands.pending.push(pending);
        if self.hands.pending.len() > HANDFUL {
            let at = self.rng.usize(0..HANDFUL);
            drop(self.hands.pending.swap_remove(at));
        }
    }

    /// An open file at random.
    pub(crate) fn file(&mut self) -> Result<&Held> {
        if self.hands.files.is_empty() {
            return Err(Errno::EBADF.into());
        }
        let at = self.rng.usize(0..self.hands.files.len());
        Ok(&self.hands.files[at])
    }
}

/// Errors that no operation here has a reason to return: what it would say of a broken file system, a full
/// memory, or an object that is not what it was taken for.
fn may_fail_with(kind: Errno) -> bool {
    !matches!(
        kind,
        Errno::EIO
            | Errno::ENOMEM
            | Errno::ENODEV
            | Errno::ENOSYS
            | Errno::EOVERFLOW
            | Errno::EDQUOT
            | Errno::ESTALE
            | Errno::ENFILE
    )
}
