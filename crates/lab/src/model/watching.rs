//! Operations on instances and watches (`docs/rules.md`, inotify).

use vfsnotify::Errno;
use vfsnotify::inotify::WatchMask;

use super::case::Hint;
use super::groups::Group;
use super::reference::{Done, Model};
use super::walk::{READ, Start};
use crate::op::{Op, WatchRef};
use crate::outcome::Outcome;

/// A watch that was begun, whose beginner may still take it back.
#[derive(Debug)]
pub(crate) struct Pending {
    group: usize,
    instance: u32,
    wd: i32,
    /// The watch as it was made, if this made it.
    made: Option<(u32, u32)>,
}

impl Model {
    /// Instances and watches of a user.
    pub(crate) fn usage(&self, user: u32) -> (u32, u32) {
        let own = || self.groups.iter().flatten().filter(|group| group.open && group.user == user);
        (own().count() as u32, own().map(|group| group.watches.len() as u32).sum())
    }

    pub(super) fn new_group(&mut self, by: usize, group: usize) -> Done {
        let user = self.names.contexts[by].identity.user;
        if self.usage(user).0 >= self.caps.instances {
            return Err(Errno::EMFILE);
        }
        let id = self.names.fresh();
        self.groups[group] = Some(Group::new(id, user, self.caps.events));
        Ok(Outcome::Done)
    }

    pub(super) fn on_group(&mut self, op: &Op, own: &mut Group, hint: &Hint) -> Done {
        match op {
            Op::Shutdown { .. } => own.close(),
            Op::RmWatch { watch, .. } => {
                let wd = match watch {
                    WatchRef::Nth(nth) => own.watches.keys().nth(*nth).copied(),
                    WatchRef::Wd(wd) => Some(*wd),
                    WatchRef::Given(_) => unreachable!("the model does not keep them"),
                };
                let Some(wd) = wd else { return Ok(Outcome::Nothing) };
                own.remove(wd)?;
                return Ok(Outcome::Wd(wd));
            }
            Op::SetNextWd { wd, .. } => own.set_next_wd(*wd)?,
            Op::Next { .. } => {
                own.reorder(&hint.unmounted);
                let delivered = own.pop();
                if delivered.is_none() && !own.open {
                    return Err(Errno::ESHUTDOWN);
                }
                return Ok(Outcome::Events(delivered.into_iter().collect()));
            }
            Op::ReadEvents { size, .. } => {
                own.reorder(&hint.unmounted);
                return own.read(*size).map(Outcome::Events);
            }
            _ => {
                own.reorder(&hint.unmounted);
                return Ok(Outcome::Events(std::iter::from_fn(|| own.pop()).collect()));
            }
        }
        Ok(Outcome::Done)
    }

    /// The operations that add a watch; nothing if there is no such instance.
    pub(super) fn watch(&mut self, start: Start, op: &Op) -> Done {
        let (Op::AddWatch { group, .. }
        | Op::AddWatchFile { group, .. }
        | Op::StartWatch { group, .. }) = op
        else {
            unreachable!("these add watches");
        };
        let Some(mut own) = self.groups[*group].take() else { return Ok(Outcome::Nothing) };
        let before = own.watches.clone();
        let done = self.watch_with(start, op, &mut own);
        if let (Op::StartWatch { pending, .. }, Ok(Outcome::Wd(wd))) = (op, &done) {
            let watch = &own.watches[wd];
            let made = (!before.contains_key(wd)).then_some((watch.serial, watch.changes));
            let new = Pending { group: *group, instance: own.id, wd: *wd, made };
            self.groups[*group] = Some(own);
            let old = self.pending[*pending].replace(new);
            self.withdraw(old);
            return Ok(Outcome::Done);
        }
        self.groups[*group] = Some(own);
        done
    }

    fn watch_with(&self, start: Start, op: &Op, own: &mut Group) -> Done {
        match op {
            Op::AddWatch { path, mask, .. } | Op::StartWatch { path, mask, .. } => {
                let mask = checked(mask.0)?;
                let follow = !mask.contains(WatchMask::DONT_FOLLOW);
                let found = self.names.walk(start, path.text(), follow)?;
                self.add_watch(start.by, own, found.dentry, mask)
            }
            Op::AddWatchFile { slot, mask, .. } => {
                let Some(opened) = self.slots[*slot] else { return Ok(Outcome::Nothing) };
                let dentry = self.names.open[&opened].at.dentry;
                self.add_watch(start.by, own, dentry, checked(mask.0)?)
            }
            _ => unreachable!("these add watches"),
        }
    }

    /// The limit of watches is the user's, as it is now (RULE limits-when-checked); that of an object's marks is the
    /// crate's own.
    fn add_watch(&self, by: usize, own: &mut Group, dentry: u32, mask: WatchMask) -> Done {
        if mask.contains(WatchMask::ONLYDIR) && !self.names.is_dir(dentry) {
            return Err(Errno::ENOTDIR);
        }
        self.names.may(by, dentry, READ)?;
        let others = self.usage(own.user).1;
        let inode = self.names.dentries[&dentry].inode;
        let groups = self.groups.iter().flatten();
        let marks = groups.filter(|group| group.watches_inode(inode)).count();
        let may_charge = others + (own.watches.len() as u32) < self.caps.watches
            && marks < self.caps.object_marks;
        own.add(inode, mask, may_charge).map(Outcome::Wd)
    }

    /// The caller has the descriptor: the watch stays. Of an instance that was closed there is none.
    pub(super) fn wait_watch(&mut self, pending: usize) -> Done {
        let Some(Pending { group, instance, wd, .. }) = self.pending[pending].take() else {
            return Ok(Outcome::Nothing);
        };
        let own = self.groups[group].as_ref();
        if own.is_some_and(|own| own.id == instance && own.open) {
            Ok(Outcome::Wd(wd))
        } else {
            Err(Errno::ESHUTDOWN)
        }
    }

    /// The watch goes without a word if this made it and it was not changed since.
    pub(super) fn withdraw(&mut self, pending: Option<Pending>) {
        if let Some(Pending { group, instance, wd, made: Some(made) }) = pending
            && let Some(own) = self.groups[group].as_mut().filter(|own| own.id == instance)
            && own.watches.get(&wd).is_some_and(|watch| (watch.serial, watch.changes) == made)
        {
            own.watches.remove(&wd);
        }
    }
}

/// The check of the mask, before the path is looked at (3, argument order).
fn checked(mask: u32) -> Done<WatchMask> {
    const KNOWN: u32 = 0xf700_efff;
    const BOTH: u32 = 0x3000_0000;
    if mask & KNOWN == 0 || mask & !KNOWN != 0 || mask & BOTH == BOTH {
        return Err(Errno::EINVAL);
    }
    Ok(WatchMask::from_bits_retain(mask))
}
