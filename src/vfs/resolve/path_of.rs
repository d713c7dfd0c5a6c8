//! The way up: the path of a location.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::name::Name;
use crate::base::path_limits::PATH_MAX;
use crate::base::slot_index::Ix;
use crate::base::sync::count_items;
use crate::notify::ancestor_query::{
    AncestorProof, AncestorQuery, ClimbBudget, ClimbResult, OnContention, Visit,
};
use crate::notify::held_dentry::HeldDentry;
use crate::tree::dentry::DentrySlot;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::resolve::location::Location;

/// The suffix that `into_shown` puts behind the path of a location whose name was removed.
const DELETED: &[u8] = b" (deleted)";

/// How many levels the path of an error goes up: directories, and mounts, which may be on one place without
/// end.
const LEVELS_OF_ERROR: usize = PATH_MAX;

/// The path of a location, seen from a root.
///
/// Each name was the right one at some moment of the call; no directory of its
/// file system got another parent meanwhile (unless that happens all the time).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathOf {
    path: Vec<u8>,
    unreachable: bool,
    deleted: bool,
}

impl PathOf {
    /// Whether it is not below the caller's root; the path is then that from the first root of
    /// all, or from the root of a mount that is mounted nowhere.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.unreachable
    }

    /// Whether its name has been removed; the path is then the last it had.
    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// The path itself.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.path
    }

    /// The path as `/proc/self/fd` shows it on Linux: with ` (deleted)` behind it if it is. A location
    /// that is not below the caller's root has no name there: the names outside are not told.
    ///
    /// # Errors
    /// `ENAMETOOLONG` if it is longer with that than a path may be.
    pub(crate) fn into_shown(self) -> Result<Vec<u8>> {
        let mut path = if self.unreachable { b"(unreachable)".to_vec() } else { self.path };
        if self.deleted {
            path.extend_from_slice(DELETED);
        }
        if path.len() < PATH_MAX { Ok(path) } else { Err(Errno::ENAMETOOLONG.into()) }
    }
}

/// Names collected on the way up, the last one first.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Vec<Name>,
    /// The length of the path that they make.
    len: usize,
}

impl Names {
    /// Adds a name; false if the path is too long with it.
    fn push(&mut self, name: Name) -> bool {
        self.len += 1 + name.len();
        self.names.push(name);
        self.len < PATH_MAX
    }

    /// Takes back all but the first few names.
    fn truncate(&mut self, count: usize) {
        for name in self.names.drain(count..) {
            self.len -= 1 + name.len();
        }
    }

    /// The path below another; `None` if it is too long.
    pub(crate) fn into_path(self, above: &[u8]) -> Option<Vec<u8>> {
        let above = if above == b"/" { b"" } else { above };
        let len = above.len() + self.len;
        if len >= PATH_MAX {
            return None;
        }
        if len == 0 {
            return Some(b"/".to_vec());
        }
        let mut path = Vec::with_capacity(len);
        path.extend_from_slice(above);
        for name in self.names.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        Some(path)
    }
}

/// The end of a way up within one mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The caller's root.
    Root,
    /// The root of the mount.
    MountRoot,
    /// Neither: the location was moved out of what the mount shows.
    Outside,
    /// The path is too long already.
    TooLong,
}

impl Vfs {
    /// The path of a location, seen from the caller's root.
    ///
    /// Goes up at most as many levels as a path has names (2048) in each climb, and through the mounts
    /// on the way; takes the rename lock of a file system for bounded times, if a directory moves
    /// meanwhile.
    ///
    /// # Errors
    /// `ENAMETOOLONG` for a path longer than one may be (4095 bytes), as getcwd(2).
    pub(crate) fn path_of(&self, cx: &Context, location: &Location) -> Result<PathOf> {
        let deleted = !location.dentry.get().is_hashed();
        let mut names = Names::default();
        let mut budget = ClimbBudget::default();
        let mut at = location.clone();
        let unreachable = loop {
            match self.names_up(&at, cx.root(), &mut names, &mut budget) {
                Reached::Root => break false,
                Reached::MountRoot => {}
                Reached::Outside => break true,
                Reached::TooLong => return Err(Errno::ENAMETOOLONG.into()),
            }
            let Some(on) = at.mount.on().cloned() else { break true };
            at = Location::from(on);
        };
        let path = names.into_path(b"/").ok_or(Errno::ENAMETOOLONG)?;
        Ok(PathOf { path, unreachable, deleted })
    }

    /// The path of a location, seen from the first root of all; of a location without a name, the last one it
    /// had. Each name is the one of its moment: the path may never have been that of anything, if directories
    /// move meanwhile. `None` if it is longer than a path may be, or leads out of more mounts.
    ///
    /// Takes `children` of one directory at a time and no other lock, and never begins again.
    pub(crate) fn path_from_top(&self, location: &Location) -> Option<Vec<u8>> {
        let mut names = Names::default();
        let mut mount = &location.mount;
        let mut here = HeldDentry::of(self.notifier(), location.dentry.get());
        for _ in 0..LEVELS_OF_ERROR {
            count_items(1);
            if here.index() == mount.root().get().index {
                let Some(on) = mount.on() else { return names.into_path(b"/") };
                (here, mount) = (HeldDentry::of(self.notifier(), on.dentry.get()), &on.mount);
                continue;
            }
            // Moved out of what the mount shows: the path is that from the root of the file system.
            let parent = self.tree().parent_of(here.index());
            let Some(parent) = parent.map(|parent| HeldDentry::new(self.notifier(), parent)) else {
                return names.into_path(b"/");
            };
            if !names.push(here.get().name()) {
                return None;
            }
            here = parent;
        }
        None
    }

    /// Collects the names from a location up to `root` or to the root of its mount.
    pub(crate) fn names_up(
        &self,
        from: &Location,
        root: &Location,
        names: &mut Names,
        budget: &mut ClimbBudget,
    ) -> Reached {
        let (before, top) = (names.names.len(), from.mount.root().get().index);
        let visit = |visit| {
            let here = match visit {
                Visit::Begin => {
                    names.truncate(before);
                    return None;
                }
                Visit::At(here) => here,
            };
            if root.is_at(&from.mount, here) {
                return Some(Reached::Root);
            }
            if here == top {
                return Some(Reached::MountRoot);
            }
            let dentry = self.tree().dentry_at(here);
            if !dentry.is_root() && !names.push(dentry.name()) {
                return Some(Reached::TooLong);
            }
            None
        };
        match self.notifier().climb(from.dentry.get().index, budget, OnContention::Inexact, visit) {
            ClimbResult::Found(reached, _) => reached,
            ClimbResult::Top(_) | ClimbResult::Contended => Reached::Outside,
        }
    }

    /// Shows whether a dentry is another one or below it, both referenced by the caller.
    ///
    /// # Errors
    /// `EAGAIN` if directories moved until the budget was used up.
    pub(crate) fn prove_below(
        &self,
        above: Ix<DentrySlot>,
        below: Ix<DentrySlot>,
        budget: &mut ClimbBudget,
    ) -> Result<AncestorProof> {
        let id = |dentry| self.tree().dentry_at(dentry).id();
        let query = AncestorQuery { above: id(above), below: id(below) };
        Ok(self.notifier().prove(query, budget).ok_or(Errno::EAGAIN)?)
    }
}
