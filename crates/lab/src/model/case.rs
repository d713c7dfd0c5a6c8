//! A case: its setup and its steps.

use super::namespace::Place;
use super::reference::Model;
use crate::op::{Caps, Identity, Op, Step};

/// How many handles on open files a case has.
pub const SLOTS: usize = 5;
/// How many inotify instances.
pub const GROUPS: usize = 3;
/// How many watches that are not ready.
pub const PENDING: usize = 2;

/// The contexts of a case: two superusers that differ in quota, two others, one of them in the
/// other's group.
pub const CONTEXTS: [Identity; 4] = [
    Identity { uid: 0, gid: 0, groups: &[], user: 0 },
    Identity { uid: 1, gid: 1, groups: &[], user: 1 },
    Identity { uid: 2, gid: 2, groups: &[1], user: 2 },
    Identity { uid: 0, gid: 2, groups: &[], user: 1 },
];

/// The users that instances and watches are charged to.
pub const USERS: u32 = 3;

/// The state that a case begins with.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub caps: Caps,
    /// Open files.
    pub files: usize,
    /// Names known not to exist. No event may depend on it.
    pub negatives: usize,
    /// Inodes of each file system.
    pub inodes: u64,
    /// Bytes of each file system.
    pub bytes: u64,
    /// The mode of each file system's root.
    pub root_mode: u32,
    pub furniture: Furniture,
}

impl Setup {
    /// How many dentries may be cached: few where few names are remembered that do not exist, so that
    /// they are reclaimed all the time. No event may depend on it.
    pub fn dentries(&self) -> usize {
        if self.negatives > 0 && self.negatives < 1000 { 2 * self.negatives } else { 1 << 20 }
    }

    /// Whether dentries go before the most that a case makes are cached.
    pub fn reclaims(&self) -> bool {
        self.dentries() < 1000
    }
}

/// The objects that exist already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Furniture {
    None,
    /// Names and watches.
    Names,
    /// These, and a file system of which a part is seen somewhere else.
    Mounts,
}

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    pub setup: Setup,
    pub steps: Vec<Step>,
}

/// The step with its paths resolved, and on handles that are open if there are any.
pub(crate) fn resolved(wish: &Step, model: &Model) -> Step {
    let mut step = wish.clone();
    let open: Vec<usize> = (0..SLOTS).filter(|slot| model.slots[*slot].is_some()).collect();
    let dirs: Vec<usize> = open.iter().copied().filter(|slot| model.is_dir_slot(*slot)).collect();
    let cx = &model.names.contexts[step.by];
    let (root, cwd) = (cx.root, cx.cwd);
    let (paths, from_at) = step.op.paths();
    let wishes_at = from_at && paths.iter().any(|path| path.is_relative());
    step.at = wish.at.filter(|_| wishes_at && !dirs.is_empty());
    // One in eight times it is something that is not a directory.
    step.at = step.at.map(|at| match (at / 32, open[at % open.len()]) {
        (0, any) => any,
        _ => dirs[at % dirs.len()],
    });
    let base: Place = step.at.map_or(cwd, |slot| model.place_of_slot(slot));
    let (paths, _) = step.op.paths();
    for path in paths {
        let from = if path.is_relative() { base } else { root };
        path.resolve(&model.there(from));
    }
    for slot in step.op.slots() {
        if !open.is_empty() {
            *slot = open[*slot % open.len()];
        }
    }
    // The cursors of a listing are the crate's own, but for the first.
    if let Op::Seek { slot, offset, .. } = &mut step.op
        && model.is_dir_slot(*slot)
    {
        *offset = 0;
    }
    step.new_at = step.at;
    step
}

/// The choices that the model has to be told, because no rule makes them.
#[derive(Clone, Debug, Default)]
pub struct Hint {
    /// The inode number of what was opened: a file without a name is called after it.
    pub ino: Option<u64>,
    /// The descriptors of the UNMOUNT events that were read, in their order: that in which the
    /// watches of a file system go is not compared.
    pub unmounted: Vec<i32>,
}
