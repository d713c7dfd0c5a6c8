//! Where paths lead, and which callers may go there: path_resolution(7).

use vfsnotify::{Errno, InodeKind};

use super::namespace::{Namespace, Place};
use super::reference::Done;

/// How many symbolic links one look-up follows.
const MAX_LINKS: u32 = 40;

pub(crate) const EXEC: u32 = 1;
pub(crate) const WRITE: u32 = 2;
pub(crate) const READ: u32 = 4;

/// The caller of a look-up, and where a relative path begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) by: usize,
    pub(crate) at: Place,
}

/// The last component of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Name(String),
    Dot,
    DotDot,
    Root,
}

/// A path, looked up but for the last component.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) dir: Place,
    pub(crate) last: Last,
    pub(crate) slash: bool,
}

impl Parent {
    /// The name, if it is one.
    pub(crate) fn name(&self, otherwise: Errno) -> Done<String> {
        match &self.last {
            Last::Name(name) => Ok(name.clone()),
            _ => Err(otherwise),
        }
    }
}

impl Namespace {
    /// The first class of mode bits that fits counts. They do not stop uid 0, but for executing a file
    /// without any execute bit. Before them comes whether the superblock may be written to.
    pub(crate) fn may(&self, by: usize, dentry: u32, want: u32) -> Done<()> {
        let (identity, inode) = (&self.contexts[by].identity, self.inode(dentry));
        let on_disk =
            matches!(inode.kind, InodeKind::Regular | InodeKind::Directory | InodeKind::Symlink);
        if want & WRITE != 0 && on_disk && self.read_only.contains(&inode.fs) {
            return Err(Errno::EROFS);
        }
        let shift = if identity.uid == inode.owner.0 {
            6
        } else if identity.gid == inode.owner.1 || identity.groups.contains(&inode.owner.1) {
            3
        } else {
            0
        };
        let runnable = inode.kind.is_dir() || want & EXEC == 0 || inode.mode & 0o111 != 0;
        if inode.mode >> shift & want == want || (identity.uid == 0 && runnable) {
            return Ok(());
        }
        Err(Errno::EACCES)
    }

    pub(crate) fn is_root(&self, by: usize) -> bool {
        self.contexts[by].identity.uid == 0
    }

    pub(crate) fn owns(&self, by: usize, dentry: u32) -> bool {
        self.is_root(by) || self.contexts[by].identity.uid == self.inode(dentry).owner.0
    }

    /// EROFS.
    pub(crate) fn may_change(&self, place: Place) -> Done<()> {
        if self.mounts[&place.mount].read_only { Err(Errno::EROFS) } else { Ok(()) }
    }

    /// Looks a path up.
    pub(crate) fn walk(&self, start: Start, path: &str, follow: bool) -> Done<Place> {
        self.resolve(start, path, follow, &mut 0)
    }

    /// Looks a path up but for its last component.
    pub(crate) fn parent(&self, start: Start, path: &str) -> Done<Parent> {
        self.parent_of(start, path, &mut 0)
    }

    pub(crate) fn parent_of(&self, start: Start, path: &str, links: &mut u32) -> Done<Parent> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut at = if path.starts_with('/') { self.contexts[start.by].root } else { start.at };
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let slash = path.ends_with('/');
        let Some((last, way)) = names.split_last() else {
            return Ok(Parent { dir: at, last: Last::Root, slash });
        };
        for name in way {
            self.search(start.by, at)?;
            at = match *name {
                "." => at,
                ".." => self.up(start.by, at)?,
                name => self.step(Start { at, ..start }, name, true, links)?,
            };
        }
        self.search(start.by, at)?;
        let last = match *last {
            "." => Last::Dot,
            ".." => Last::DotDot,
            name => Last::Name(name.to_owned()),
        };
        Ok(Parent { dir: at, last, slash })
    }

    pub(crate) fn resolve(
        &self,
        start: Start,
        path: &str,
        follow: bool,
        links: &mut u32,
    ) -> Done<Place> {
        let parent = self.parent_of(start, path, links)?;
        let found = match &parent.last {
            Last::Root | Last::Dot => parent.dir,
            Last::DotDot => self.up(start.by, parent.dir)?,
            Last::Name(name) => {
                let at = parent.dir;
                self.step(Start { at, ..start }, name, follow || parent.slash, links)?
            }
        };
        if parent.slash && !self.is_dir(found.dentry) {
            return Err(Errno::ENOTDIR);
        }
        Ok(found)
    }

    fn search(&self, by: usize, dir: Place) -> Done<()> {
        if !self.is_dir(dir.dentry) {
            return Err(Errno::ENOTDIR);
        }
        self.may(by, dir.dentry, EXEC)
    }

    /// One name in a directory.
    fn step(&self, start: Start, name: &str, follow: bool, links: &mut u32) -> Done<Place> {
        let mount = start.at.mount;
        let dentry = self.child(start.at.dentry, name).ok_or(Errno::ENOENT)?;
        let found = self.top(Place { mount, dentry });
        let inode = self.inode(found.dentry);
        if inode.kind != vfsnotify::InodeKind::Symlink || !follow {
            return Ok(found);
        }
        *links += 1;
        if *links > MAX_LINKS {
            return Err(Errno::ELOOP);
        }
        self.resolve(start, &inode.target, true, links)
    }

    /// `..`: not above the root of the context, out of a mount to what holds its mountpoint.
    fn up(&self, by: usize, from: Place) -> Done<Place> {
        let root = self.contexts[by].root;
        let mut at = from;
        while at != root && at.dentry == self.mounts[&at.mount].root {
            match self.mounts[&at.mount].on {
                Some(on) => at = on,
                None => return Ok(self.top(from)),
            }
        }
        if at == root {
            return Ok(self.top(from));
        }
        let dentry = self.dentries[&at.dentry].parent.expect("what is not a root has a parent");
        let mount = &self.mounts[&at.mount];
        // Moved out of what the mount shows.
        if !self.is_ancestor(mount.root, dentry) {
            return Err(Errno::ENOENT);
        }
        let above = Place { dentry, ..at };
        // Moved out of the root, or brought in from outside: there is no way up, unlike on Linux.
        if root != self.first && !self.is_within(root, above) {
            return Err(Errno::ENOENT);
        }
        Ok(self.top(above))
    }

    /// Whether a place is another one or below it, through mounts.
    fn is_within(&self, root: Place, mut place: Place) -> bool {
        while place.mount != root.mount {
            let Some(on) = self.mounts[&place.mount].on else { return false };
            place = on;
        }
        self.is_ancestor(root.dentry, place.dentry)
    }
}
