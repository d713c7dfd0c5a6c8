//! The operations that add, move and remove names.
//!
//! The lock of an inode is never taken before the table's. So an operation looks the name of a
//! directory up first, fetches its inode, and checks the name again under the locks. Under the VFS,
//! which holds the lock of each directory concerned, the check never fails.

use std::ops::DerefMut;

use smallvec::SmallVec;

use super::MemFs;
use super::dir::{Dir, MemChild};
use super::inode::{Birth, MemInode};
use crate::base::clock::Timestamp;
use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mode::Mode;
use crate::base::sync::Arc;
use crate::fs::{NewNode, Node, RenameFlags, Request, Unlinked};

/// A name in a directory.
#[derive(Clone, Copy)]
struct Place<'a> {
    dir: &'a MemInode,
    name: &'a [u8],
}

/// The result of a rename.
struct Moved {
    source: u64,
    exchanged: Option<u64>,
    replaced: Option<u64>,
}

/// The locks of up to three directories.
struct MemDirLocks<G>(SmallVec<[(u64, G); 3]>);

impl<G: DerefMut<Target = Dir>> MemDirLocks<G> {
    /// The entries of a directory that is locked here.
    fn of(&mut self, dir: &MemInode) -> &mut Dir {
        let held = self.0.iter_mut().find(|(ino, _)| *ino == dir.ino);
        &mut held.expect("only directories that were locked are asked for").1
    }
}

/// Locks directories, each once, in the order of their numbers.
fn lock_dirs<'a>(dirs: &[&'a MemInode]) -> Result<MemDirLocks<impl DerefMut<Target = Dir> + 'a>> {
    let mut dirs: SmallVec<[&'a MemInode; 3]> = dirs.into();
    dirs.sort_unstable_by_key(|dir| dir.ino);
    dirs.dedup_by_key(|dir| dir.ino);
    let mut held = SmallVec::new();
    for dir in dirs {
        held.push((dir.ino, dir.dir_mut()?));
    }
    Ok(MemDirLocks(held))
}

impl MemFs {
    pub(super) fn find(&self, parent: u64, name: &[u8]) -> Result<Node> {
        let dir = self.table.get(parent)?;
        loop {
            let child = dir.dir()?.get(name).ok_or(Errno::ENOENT)?;
            // The inode may be freed in between; then the name is gone or has another inode.
            if let Ok(inode) = self.table.get(child.ino)
                && let Some(node) = inode.look_up()
            {
                return Ok(node);
            }
        }
    }

    /// Makes an inode and puts it into the table, with no lookup counted.
    fn make(&self, new: &NewNode<'_>, birth: Birth, now: Timestamp) -> Result<Arc<MemInode>> {
        let inode = Arc::new(MemInode::new(self.table.next_ino(), new, birth, now, &self.space)?);
        self.table.insert(Arc::clone(&inode));
        Ok(inode)
    }

    pub(super) fn add(&self, parent: u64, name: &[u8], new: &NewNode<'_>) -> Result<Node> {
        let now = self.now();
        let dir = self.table.get(parent)?;
        let inode = self.make(new, Birth::Named, now)?;
        // Counted before other threads can find it, so that none of them can free it.
        let node = inode.look_up().ok_or(Errno::ESTALE)?;
        let added = self.insert(&dir, name, inode.child(), now);
        if added.is_err() {
            self.table.remove(inode.ino);
        }
        added.map(|()| node)
    }

    fn insert(&self, dir: &MemInode, name: &[u8], child: MemChild, now: Timestamp) -> Result<()> {
        let mut entries = dir.dir_mut()?;
        entries.check_room(child.kind)?;
        entries.insert(name, child)?;
        dir.entries_changed(&entries, now);
        Ok(())
    }

    pub(super) fn add_unnamed(&self, parent: u64, new: &NewNode<'_>) -> Result<Node> {
        if new.kind != InodeKind::Regular {
            return Err(Errno::EINVAL.into());
        }
        let now = self.now();
        // A removed directory is allowed: the file gets no name in it.
        self.table.get(parent)?.dir()?;
        let inode = self.make(new, Birth::Unnamed, now)?;
        Ok(inode.look_up().ok_or(Errno::ESTALE)?)
    }

    pub(super) fn add_name(&self, ino: u64, parent: u64, name: &[u8]) -> Result<Node> {
        let now = self.now();
        let inode = self.table.get(ino)?;
        let dir = self.table.get(parent)?;
        if inode.kind.is_dir() {
            return Err(Errno::EPERM.into());
        }
        let mut entries = dir.dir_mut()?;
        entries.check_room(inode.kind)?;
        if entries.get(name).is_some() {
            return Err(Errno::EEXIST.into());
        }
        inode.attrs_mut().add_link(&self.space, now)?;
        entries.put(name, inode.child());
        dir.entries_changed(&entries, now);
        // It has a name, which the lock of the directory protects, so it is not freed.
        Ok(inode.look_up().ok_or(Errno::ESTALE)?)
    }

    pub(super) fn remove_name(&self, parent: u64, name: &[u8]) -> Result<Unlinked> {
        let now = self.now();
        let dir = self.table.get(parent)?;
        let mut entries = dir.dir_mut()?;
        let child = entries.get(name).ok_or(Errno::ENOENT)?;
        if child.kind.is_dir() {
            return Err(Errno::EISDIR.into());
        }
        entries.remove(name);
        dir.entries_changed(&entries, now);
        drop(entries);
        Ok(self.drop_link(child.ino, now))
    }

    pub(super) fn remove_dir(&self, parent: u64, name: &[u8]) -> Result<()> {
        let now = self.now();
        let dir = self.table.get(parent)?;
        loop {
            let child = dir.dir()?.get(name).ok_or(Errno::ENOENT)?;
            if !child.kind.is_dir() {
                return Err(Errno::ENOTDIR.into());
            }
            let Ok(target) = self.table.get(child.ino) else { continue };
            let mut locks = lock_dirs(&[&dir, &target])?;
            if locks.of(&dir).get(name) != Some(child) {
                continue;
            }
            if !locks.of(&target).is_empty() {
                return Err(Errno::ENOTEMPTY.into());
            }
            locks.of(&target).mark_removed();
            locks.of(&dir).remove(name);
            dir.entries_changed(locks.of(&dir), now);
            drop(locks);
            self.drop_link(child.ino, now);
            return Ok(());
        }
    }

    /// Drops the link of a name that has just been removed.
    fn drop_link(&self, ino: u64, now: Timestamp) -> Unlinked {
        // That link has kept it in the table.
        let Ok(inode) = self.table.get(ino) else { return Unlinked::UNKNOWN };
        let gone = inode.attrs_mut().drop_link(inode.kind, now);
        if gone.slot {
            self.space.give_slot();
        }
        if gone.last {
            self.table.remove(ino);
        }
        Unlinked::left(gone.nlink)
    }

    pub(super) fn move_name(
        &self,
        request: &Request,
        (parent, name): (u64, &[u8]),
        (new_parent, new_name): (u64, &[u8]),
        flags: RenameFlags,
    ) -> Result<Unlinked> {
        let others = RenameFlags::NOREPLACE | RenameFlags::WHITEOUT;
        if flags.contains(RenameFlags::EXCHANGE) && flags.intersects(others) {
            return Err(Errno::EINVAL.into());
        }
        let now = self.now();
        let (dir, new_dir) = (self.table.get(parent)?, self.table.get(new_parent)?);
        let from = Place { dir: &dir, name };
        let to = Place { dir: &new_dir, name: new_name };
        // A whiteout is made before any lock. A lack of room for it is reported after all other errors.
        let whiteout = flags
            .contains(RenameFlags::WHITEOUT)
            .then(|| self.make_whiteout(request, &dir, now).map_err(|error| error.errno()));
        // The move, again while names change between look-up and lock.
        let attempt = || {
            let whiteout = whiteout.as_ref().map(|made| made.as_deref().map_err(|kind| *kind));
            self.try_move(from, to, flags, whiteout, now).transpose()
        };
        let moved = loop {
            if let Some(result) = attempt() {
                break result;
            }
        };
        // A whiteout that was not used is freed.
        if !matches!(moved, Ok(Some(_)))
            && let Some(Ok(unused)) = &whiteout
        {
            self.table.remove(unused.ino);
        }
        let Some(moved) = moved? else { return Ok(Unlinked::UNKNOWN) };
        // The attributes of the moved inodes, and the link count of a replaced one.
        for ino in [Some(moved.source), moved.exchanged].into_iter().flatten() {
            if let Ok(inode) = self.table.get(ino) {
                inode.attrs_mut().set_ctime(now);
            }
        }
        Ok(moved.replaced.map_or(Unlinked::UNKNOWN, |ino| self.drop_link(ino, now)))
    }

    /// The whiteout, a character device 0:0. It is owned like any inode that the caller makes.
    fn make_whiteout(
        &self,
        request: &Request,
        dir: &MemInode,
        now: Timestamp,
    ) -> Result<Arc<MemInode>> {
        let attr = dir.attr();
        let gid = if attr.mode.contains(Mode::SET_GID) { attr.gid } else { request.gid };
        let new = NewNode::new(InodeKind::CharDevice, Mode::empty()).with_owner(request.uid, gid);
        self.make(&new, Birth::Named, now)
    }

    /// Moves a name. `None` if a name changed meanwhile and the operation must start again;
    /// `Some(None)` if both names have the same inode, which changes nothing.
    fn try_move(
        &self,
        from: Place<'_>,
        to: Place<'_>,
        flags: RenameFlags,
        whiteout: Option<std::result::Result<&MemInode, Errno>>,
        now: Timestamp,
    ) -> Result<Option<Option<Moved>>> {
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let replaced_dir = |there: Option<MemChild>| there.filter(|c| !exchange && c.kind.is_dir());

        // The directories: both parents, and one that is replaced.
        let there = to.dir.dir()?.get(to.name);
        let target = match replaced_dir(there) {
            Some(child) => match self.table.get(child.ino) {
                Ok(inode) => Some(inode),
                Err(_) => return Ok(None),
            },
            None => None,
        };
        let mut dirs: SmallVec<[&MemInode; 3]> = SmallVec::new();
        dirs.extend([from.dir, to.dir]);
        dirs.extend(target.as_deref());
        let mut locks = lock_dirs(&dirs)?;

        // Under their locks: the names again, then the errors.
        let source = locks.of(from.dir).get(from.name).ok_or(Errno::ENOENT)?;
        let there = locks.of(to.dir).get(to.name);
        if replaced_dir(there) != target.as_deref().map(MemInode::child) {
            return Ok(None);
        }
        if there.is_some() && flags.contains(RenameFlags::NOREPLACE) {
            return Err(Errno::EEXIST.into());
        }
        if there == Some(source) {
            return Ok(Some(None));
        }
        if source.ino == to.dir.ino {
            return Err(Errno::EINVAL.into());
        }
        locks.of(to.dir).check_room(source.kind)?;

        // Every refusal comes before the first change.
        let done = if exchange {
            let other = there.ok_or(Errno::ENOENT)?;
            if other.ino == from.dir.ino {
                return Err(Errno::EINVAL.into());
            }
            locks.of(from.dir).check_room(other.kind)?;
            locks.of(from.dir).put(from.name, other);
            locks.of(to.dir).put(to.name, source);
            Moved { source: source.ino, exchanged: Some(other.ino), replaced: None }
        } else {
            match there {
                Some(there) if there.kind.is_dir() && !source.kind.is_dir() => {
                    return Err(Errno::EISDIR.into());
                }
                Some(there) if source.kind.is_dir() && !there.kind.is_dir() => {
                    return Err(Errno::ENOTDIR.into());
                }
                _ => {}
            }
            if target.as_deref().is_some_and(|target| !locks.of(target).is_empty()) {
                return Err(Errno::ENOTEMPTY.into());
            }
            let whiteout = whiteout.transpose()?;
            if let Some(target) = &target {
                locks.of(target).mark_removed();
            }
            if from.dir.ino == to.dir.ino && there.is_none() && whiteout.is_none() {
                locks.of(from.dir).rename(from.name, to.name);
            } else {
                locks.of(to.dir).put(to.name, source);
                match whiteout {
                    Some(whiteout) => locks.of(from.dir).put(from.name, whiteout.child()),
                    None => locks.of(from.dir).remove(from.name),
                };
            }
            let replaced = there.map(|there| there.ino);
            Moved { source: source.ino, exchanged: None, replaced }
        };
        // The attributes of the parents.
        from.dir.entries_changed(locks.of(from.dir), now);
        if to.dir.ino != from.dir.ino {
            to.dir.entries_changed(locks.of(to.dir), now);
        }
        Ok(Some(Some(done)))
    }
}
