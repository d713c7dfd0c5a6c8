//! What each operation does, by the table of SEMANTICS 2.4.

use vfsnotify::inotify::WatchMask;
use vfsnotify::{ErrorKind, EventMask, InodeKind};

use super::delivery::Data;
use super::files::what_of_times;
use super::groups::Group;
use super::namespace::{Namespace, ROOT};
use super::ops::{Caps, GROUPS, Op, Outcome, SLOTS, Setup, There, known_name};

/// What an operation gives.
pub(super) type Done<T = Outcome> = Result<T, ErrorKind>;

/// The reference model of a VFS with its inotify instances.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) names: Namespace,
    pub(crate) groups: [Option<Group>; GROUPS],
    /// Which description each handle is of.
    pub(crate) slots: [Option<u32>; SLOTS],
    caps: Caps,
    pub(super) max_open: usize,
    /// Counted up by every rename, heard or not (8.42).
    pub(super) cookie: u32,
}

impl Model {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            names: Namespace::new(),
            groups: Default::default(),
            slots: [None; SLOTS],
            caps: setup.caps,
            max_open: setup.files,
            cookie: 0,
        }
    }

    /// Does one operation. `ino` is the number that the file system gave the file that was
    /// opened, if one was: a file without a name is called after it.
    pub(crate) fn apply(&mut self, op: &Op, ino: Option<u64>) -> Done {
        match op {
            Op::Mkdir(path) => self.make(path, InodeKind::Directory),
            Op::Mknod(path, kind) => self.make(path, *kind),
            Op::Symlink(path) => self.make(path, InodeKind::Symlink),
            Op::Link(old, new) => {
                let old = self.names.walk(old.names(), false)?;
                self.link(old, new)
            }
            Op::Unlink(path) => self.unlink(path),
            Op::Rmdir(path) => self.rmdir(path),
            Op::Rename(old, new, flags) => self.rename(old, new, *flags),
            Op::Open { slot, path, flags } => {
                let opened = self.open(path, *flags, ino)?;
                self.fill(*slot, opened);
                Ok(Outcome::Done)
            }
            Op::Dup { from, to } => {
                if let Some(opened) = self.slots[*from]
                    && from != to
                {
                    self.fill(*to, opened);
                }
                Ok(Outcome::Done)
            }
            Op::Close(slot) => {
                self.empty(*slot);
                Ok(Outcome::Done)
            }
            Op::List(path) => self.list(path),
            Op::Truncate(path, len) => {
                let dentry = self.names.walk(path.names(), true)?;
                match self.names.kind(dentry) {
                    InodeKind::Regular => self.set_size(dentry, *len),
                    InodeKind::Directory => return Err(ErrorKind::IsDir),
                    _ => return Err(ErrorKind::Invalid),
                }
                Ok(Outcome::Done)
            }
            Op::Chmod(path) => {
                let dentry = self.names.walk(path.names(), true)?;
                self.tell_dentry(dentry, EventMask::ATTRIB, Data::Dentry);
                Ok(Outcome::Done)
            }
            Op::Utimens { path, atime, mtime, follow } => {
                let Some(what) = what_of_times(*atime, *mtime) else { return Ok(Outcome::Done) };
                let dentry = self.names.walk(path.names(), *follow)?;
                self.tell_dentry(dentry, what, Data::Dentry);
                Ok(Outcome::Done)
            }
            Op::SetCaps(caps) => {
                self.caps = *caps;
                Ok(Outcome::Done)
            }
            Op::NewGroup { group, user } => {
                if self.usage(*user).0 >= self.caps.instances {
                    return Err(ErrorKind::TooManyInstances);
                }
                self.groups[*group] = Some(Group::new(*user, self.caps.events));
                Ok(Outcome::Done)
            }
            Op::LinkFile(slot, _)
            | Op::Read(slot, _)
            | Op::Write(slot, _)
            | Op::ReadDir(slot)
            | Op::TruncateFile(slot, _)
            | Op::ChmodFile(slot)
            | Op::UtimensFile { slot, .. } => match self.slots[*slot] {
                Some(opened) => self.on_file(op, opened),
                None => Ok(Outcome::Done),
            },
            Op::CloseGroup(group)
            | Op::AddWatch { group, .. }
            | Op::AddWatchFile { group, .. }
            | Op::RmWatch { group, .. }
            | Op::RmWrong { group, .. }
            | Op::SetNextWd { group, .. }
            | Op::Drain(group)
            | Op::Next(group)
            | Op::ReadEvents { group, .. } => match self.groups[*group].take() {
                Some(mut own) => {
                    let done = self.on_group(op, &mut own);
                    self.groups[*group] = Some(own);
                    done
                }
                None => Ok(Outcome::Done),
            },
        }
    }

    /// Instances and watches of a user.
    pub(crate) fn usage(&self, user: u32) -> (u32, u32) {
        let own = || self.groups.iter().flatten().filter(|group| group.open && group.user == user);
        (own().count() as u32, own().map(|group| group.watches.len() as u32).sum())
    }

    fn on_group(&mut self, op: &Op, own: &mut Group) -> Done {
        match op {
            Op::CloseGroup(_) => own.close(),
            Op::AddWatch { path, mask, .. } => {
                let mask = checked(*mask)?;
                let follow = !mask.contains(WatchMask::DONT_FOLLOW);
                let dentry = self.names.walk(path.names(), follow)?;
                return self.add_watch(own, dentry, mask);
            }
            Op::AddWatchFile { slot, mask, .. } => {
                let Some(opened) = self.slots[*slot] else { return Ok(Outcome::Done) };
                return self.add_watch(own, self.names.open[&opened].dentry, checked(*mask)?);
            }
            Op::RmWatch { nth, .. } => {
                let Some(wd) = own.watches.keys().nth(*nth).copied() else {
                    return Ok(Outcome::Done);
                };
                own.remove(wd)?;
                return Ok(Outcome::Wd(wd));
            }
            Op::RmWrong { wd, .. } => own.remove(*wd)?,
            Op::SetNextWd { wd, .. } => own.set_next_wd(*wd)?,
            Op::Next(_) => {
                let heard = own.pop();
                if heard.is_none() && !own.open {
                    return Err(ErrorKind::Shutdown);
                }
                return Ok(Outcome::Events(heard.into_iter().collect()));
            }
            Op::ReadEvents { size, .. } => return own.read(*size).map(Outcome::Events),
            _ => return Ok(Outcome::Events(std::iter::from_fn(|| own.pop()).collect())),
        }
        Ok(Outcome::Done)
    }

    /// The limit of watches is the user's, as it is now (8.40); that of an object's marks is the
    /// crate's own.
    fn add_watch(&self, own: &mut Group, dentry: u32, mask: WatchMask) -> Done {
        if mask.contains(WatchMask::ONLYDIR) && !self.names.is_dir(dentry) {
            return Err(ErrorKind::NotDir);
        }
        let others = self.usage(own.user).1;
        let inode = self.names.dentries[&dentry].inode;
        let groups = self.groups.iter().flatten();
        let marks = groups.filter(|group| group.watches_inode(inode)).count();
        let may_charge = others + (own.watches.len() as u32) < self.caps.watches
            && marks < self.caps.object_marks;
        own.add(inode, mask, may_charge).map(Outcome::Wd)
    }
}

/// The check of the mask, before the path is looked at (3, argument order).
fn checked(mask: u32) -> Done<WatchMask> {
    const KNOWN: u32 = 0xf700_efff;
    const BOTH: u32 = 0x3000_0000;
    if mask & KNOWN == 0 || mask & !KNOWN != 0 || mask & BOTH == BOTH {
        return Err(ErrorKind::Invalid);
    }
    Ok(WatchMask::from_bits_retain(mask))
}

/// The names there are.
impl Model {
    /// The way to a dentry that is a name.
    pub(crate) fn path_of(&self, dentry: u32) -> Vec<&'static str> {
        let mut names = Vec::new();
        let mut at = dentry;
        while at != ROOT {
            let dentry = &self.names.dentries[&at];
            names.extend(known_name(&dentry.name));
            at = dentry.parent.unwrap_or(ROOT);
        }
        names.reverse();
        names
    }

    /// The operation as it is now: a path may be one of the names, or in one of the directories,
    /// that are there when its turn comes.
    pub(crate) fn settled(&self, op: &Op) -> Op {
        let mut there = There { dirs: vec![Vec::new()], ..There::default() };
        let named = self.names.dentries.iter().filter(|(_, dentry)| dentry.hashed);
        for (id, _) in named.filter(|(id, _)| **id != ROOT) {
            let path = self.path_of(*id);
            if !self.names.is_dir(*id) {
                there.files.push(path);
            } else if path.len() <= DEEPEST {
                there.dirs.push(path);
            }
        }
        there.slots = (0..SLOTS).filter(|slot| self.slots[*slot].is_some()).collect();
        op.settled(&there)
    }
}

/// How deep a directory may be to have something made in it.
const DEEPEST: usize = 3;
