//! Confinement: `..` leaves neither the root of a path walk nor what its mount shows.
//!
//! A walk keeps what it has proved of its place: a *claim* is the count of directory moves of a
//! superblock for which the place was below a certain directory. A claim is carried along by each step
//! for which the count stays the same:
//!
//! * A name in a directory that is below the root is below the root.
//! * The parent of a place that is below the root, and is not the root, is below the root.
//!
//! A step reads the name or the parent under the `children` lock of the directory, and the count after
//! that. A move raises the count under the same lock. So if the count is that of the claim, the step was
//! made in the state of the tree that the claim is about. A walk from the root climbs nothing, one from
//! elsewhere climbs once, at its first `..`; only a directory that moves meanwhile makes it climb again.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::notify::ancestor_query::ClimbBudget;
use crate::tree::dentry::DentrySlot;
use crate::tree::superblock::SuperblockSlot;
use crate::vfs::Vfs;
use crate::vfs::mounts::mount::Mount;
use crate::vfs::resolve::location::Location;

/// The claims of one path walk.
#[derive(Debug)]
pub(crate) struct Confinement<'a> {
    vfs: &'a Vfs,
    /// The directory that `..` does not leave, and to which `/` leads.
    root: &'a Location,
    /// The root is the first of all: everything is below it.
    is_everything: bool,
    /// The root is the root of a file system: all of that is below it, wherever directories move.
    is_whole: bool,
    /// The claim that the walk's place in the root's mount is at or below the root. That is where the walk is,
    /// or what the mount it is in is mounted on, directly or by way of other mounts.
    below_root: Option<u64>,
    /// The claim that the walk is at or below the root of its mount. Only if that shows a part of its
    /// file system.
    in_mount: Option<u64>,
    budget: ClimbBudget,
}

/// The superblock that a mount shows.
fn superblock(mount: &Mount) -> &SuperblockSlot {
    mount.mounted_fs().superblock().slot()
}

/// Where a dentry of a mount is in another mount: the dentry itself, or what the mount is mounted on
/// there, directly or by way of others. `None` if it is mounted elsewhere. O(mounts on the way), each of
/// which is charged as a level.
fn place_in(
    outer: &Arc<Mount>,
    mount: &Arc<Mount>,
    dentry: Ix<DentrySlot>,
    budget: &mut ClimbBudget,
) -> Option<Ix<DentrySlot>> {
    let (mut mount, mut dentry) = (mount, dentry);
    while !Arc::ptr_eq(mount, outer) {
        budget.go_up();
        let on = mount.on()?;
        (mount, dentry) = (&on.mount, on.dentry.get().index);
    }
    Some(dentry)
}

impl<'a> Confinement<'a> {
    /// Of a walk that begins at a dentry of a mount.
    pub(crate) fn new(
        vfs: &'a Vfs,
        root: &'a Location,
        mount: &Arc<Mount>,
        dentry: Ix<DentrySlot>,
    ) -> Self {
        let is_whole = root.dentry.get().is_root();
        let mut new = Self {
            vfs,
            root,
            is_everything: is_whole && root.mount.on().is_none(),
            is_whole,
            below_root: None,
            in_mount: None,
            budget: ClimbBudget::default(),
        };
        if root.is_at(mount, dentry) {
            new.begin_at_root();
        } else {
            new.enter_mount_root(mount, dentry);
        }
        new
    }

    /// The walk is at the root.
    pub(crate) fn begin_at_root(&mut self) {
        let Location { dentry, mount } = self.root;
        self.begin_claim();
        self.in_mount = None;
        self.enter_mount_root(mount, dentry.get().index);
    }

    /// The place in the root's mount is below the root whatever has moved until now.
    fn begin_claim(&mut self) {
        self.below_root = Some(superblock(&self.root.mount).directory_moves());
    }

    /// The root of a mount is in what the mount shows.
    fn enter_mount_root(&mut self, mount: &Mount, dentry: Ix<DentrySlot>) {
        if mount.is_partial() && mount.root().get().index == dentry {
            self.in_mount = Some(superblock(mount).directory_moves());
        }
    }

    /// Whether a claim about a place below the root holds now.
    fn is_below_root(&self) -> bool {
        let moves = || superblock(&self.root.mount).directory_moves();
        self.below_root.is_some_and(|claim| self.is_whole || claim == moves())
    }

    /// The walk has gone from a directory to a name in it, which has been read.
    pub(crate) fn step_down(&mut self, mount: &Arc<Mount>) {
        if self.below_root.is_some()
            && Arc::ptr_eq(mount, &self.root.mount)
            && !self.is_below_root()
        {
            self.below_root = None;
        }
        if self.in_mount.is_some_and(|claim| claim != superblock(mount).directory_moves()) {
            self.in_mount = None;
        }
    }

    /// The walk has gone from a place in one mount to the root of another, which is mounted there.
    pub(crate) fn cross_down(&mut self, from: &Arc<Mount>, to: &Arc<Mount>) {
        if Arc::ptr_eq(from, to) {
            return;
        }
        if let Some(claim) = self.in_mount.take() {
            // The lowest of the mounts on that place: the others are on each other's root.
            let mut lowest = to;
            while let Some(on) = lowest.on().filter(|on| !Arc::ptr_eq(&on.mount, from)) {
                lowest = &on.mount;
            }
            lowest.remember_place(claim);
        }
        self.enter_mount_root(to, to.root().get().index);
    }

    /// The walk goes up from a place that is not the root of its mount, nor the root of the walk, to a
    /// parent, which has been read. `left` are the mounts that it went out of first, the last one of them.
    ///
    /// # Errors
    /// `ENOENT` if the parent is not below the root, or not in what the mount shows; `EAGAIN` if
    /// directories moved all the time.
    pub(crate) fn step_up(
        &mut self,
        mount: &Arc<Mount>,
        left: Option<&Mount>,
        parent: Ix<DentrySlot>,
    ) -> Result<()> {
        let in_mount = match left {
            Some(left) => left.remembered_place(),
            None => self.in_mount,
        };
        self.in_mount = None;
        if mount.is_partial() {
            let moves = superblock(mount).directory_moves();
            if in_mount == Some(moves) {
                self.in_mount = in_mount;
            } else {
                let top = mount.root().get().index;
                let proof = self.vfs.prove_below(top, parent, &mut self.budget)?;
                if !proof.is_above() {
                    return Err(Errno::ENOENT.into());
                }
                self.in_mount = Some(proof.moves());
            }
        }
        if self.is_everything || self.is_below_root() {
            return Ok(());
        }
        if !self.prove_below_root(mount, parent)? {
            return Err(Errno::ENOENT.into());
        }
        Ok(())
    }

    /// Whether the walk is, or has been since it came to where it is, at or below the root.
    ///
    /// # Errors
    /// `EAGAIN` if directories moved all the time.
    pub(crate) fn is_confined(
        &mut self,
        mount: &Arc<Mount>,
        dentry: Ix<DentrySlot>,
    ) -> Result<bool> {
        if self.is_everything || self.below_root.is_some() {
            return Ok(true);
        }
        self.prove_below_root(mount, dentry)
    }

    fn prove_below_root(&mut self, mount: &Arc<Mount>, dentry: Ix<DentrySlot>) -> Result<bool> {
        self.below_root = None;
        let place = place_in(&self.root.mount, mount, dentry, &mut self.budget);
        let Some(place) = place else { return Ok(false) };
        if self.is_whole {
            self.begin_claim();
            return Ok(true);
        }
        let proof = self.vfs.prove_below(self.root.dentry.get().index, place, &mut self.budget)?;
        self.below_root = proof.is_above().then_some(proof.moves());
        Ok(proof.is_above())
    }
}
