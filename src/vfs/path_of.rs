//! The way up: the path of a location.

use crate::base::name::Name;
use crate::base::sync::Arc;
use crate::vfs::Vfs;
use crate::vfs::ancestry::{Answer, Climb, Question, Visit};
use crate::vfs::context::Context;
use crate::vfs::location::Location;
use crate::vfs::mount::Mount;

/// The path of a location as somebody sees it.
///
/// Each name was the right one at some moment of the call; no directory moved to another one of its
/// file system meanwhile (unless they do so all the time).
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

    /// The path as `/proc/self/fd` shows it on Linux: with ` (deleted)` behind it if it is. What is
    /// not below the caller's root has no name there: what it is called outside is not told.
    pub(crate) fn into_shown(self) -> Vec<u8> {
        let mut path = if self.unreachable { b"(unreachable)".to_vec() } else { self.path };
        if self.deleted {
            path.extend_from_slice(b" (deleted)");
        }
        path
    }
}

impl Vfs {
    /// The path of a location, seen from the caller's root.
    ///
    /// Takes the rename lock of each file system on the way, each for a bounded time, again and again;
    /// O(depth).
    pub(crate) fn path_of(&self, cx: &Context, location: &Location) -> PathOf {
        let deleted = !location.dentry.get().is_hashed();
        let mut names: Vec<Name> = Vec::new();
        let mut at = location.clone();
        let unreachable = loop {
            match self.names_up(&at, cx.root(), &mut names) {
                Some(true) => break false,
                Some(false) => {}
                // It was moved out of what the mount shows.
                None => break true,
            }
            let Some(on) = at.mount.on().cloned() else { break true };
            at = on;
        };
        let mut path = Vec::new();
        for name in names.iter().rev() {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        PathOf { path, unreachable, deleted }
    }

    /// Collects the names from a location up to `root` (true) or to the root of its mount (false);
    /// nothing if it is below neither.
    fn names_up(&self, from: &Location, root: &Location, names: &mut Vec<Name>) -> Option<bool> {
        let (before, top) = (names.len(), from.mount.root().get().index);
        let reached = self.climb(from.dentry.get().index, false, |visit| {
            let here = match visit {
                Visit::Begin => {
                    names.truncate(before);
                    return None;
                }
                Visit::At(here) => here,
            };
            if root.is_at(&from.mount, here) {
                return Some(true);
            }
            if here == top {
                return Some(false);
            }
            let dentry = self.tree().dentry_at(here);
            if !dentry.is_root() {
                names.push(dentry.name());
            }
            None
        });
        match reached {
            Climb::Found(at_root, _) => Some(at_root),
            Climb::Top(_) | Climb::Lost => None,
        }
    }

    /// Whether a dentry is another one or below it, both in use by the caller. Takes the rename lock,
    /// again and again. Who cannot be sure, since directories move all the time, hears no.
    pub(super) fn is_below(&self, above: u32, below: u32) -> bool {
        let id = |dentry| self.tree().dentry_at(dentry).id();
        let question = Question { above: id(above), below: id(below) };
        self.find_out(question).is_ok_and(Answer::is_yes)
    }

    /// Whether a dentry in a mount is a location or below it, through mounts; takes the rename lock.
    pub(super) fn is_place_below(&self, above: &Location, mount: &Arc<Mount>, dentry: u32) -> bool {
        let (mut mount, mut dentry) = (mount, dentry);
        while mount.id() != above.mount.id() {
            let Some(on) = mount.on() else { return false };
            (mount, dentry) = (&on.mount, on.dentry.get().index);
        }
        self.is_below(above.dentry.get().index, dentry)
    }
}
