//! What each operation does, by the table of SEMANTICS 2.4.

use vfsnotify::inotify::WatchMask;
use vfsnotify::{ErrorKind, EventMask, InodeKind, OpenFlags, RenameFlags};

use super::groups::{Event, Group};
use super::namespace::{Namespace, Opened, ROOT};
use super::ops::{Caps, GROUPS, Op, Outcome, Path, SLOTS, Setup, There, known_name};

type Done<T = Outcome> = Result<T, ErrorKind>;

/// Whether an event goes by way of a path: of one that does not, no watch with EXCL_UNLINK is
/// spared, and a special file's parent hears too (8.9, 8.21).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Data {
    Path,
    Dentry,
}

/// The reference model of a VFS with its inotify instances.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) names: Namespace,
    pub(crate) groups: [Option<Group>; GROUPS],
    /// Which description each handle is of.
    pub(crate) slots: [Option<u32>; SLOTS],
    caps: Caps,
    max_open: usize,
    /// Counted up by every rename, heard or not (8.42).
    cookie: u32,
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

    // Delivery (2.3).

    fn tell(&mut self, event: &Event<'_>) {
        self.groups.iter_mut().flatten().for_each(|group| group.hear(event));
    }

    fn isdir(&self, dentry: u32) -> EventMask {
        if self.names.is_dir(dentry) { EventMask::ISDIR } else { EventMask::empty() }
    }

    /// An event of a dentry: the directory it is in hears first, then the inode itself (8.14).
    /// The directory is that of the dentry, not of any other name of the inode (8.12), as it is
    /// now (8.13), and also when the name is gone (8.10).
    fn tell_dentry(&mut self, dentry: u32, what: EventMask, data: Data) {
        let mask = what | self.isdir(dentry);
        let own = self.names.dentries[&dentry].clone();
        let unlinked = data == Data::Path && !own.hashed;
        let quiet = data == Data::Path
            && self.names.kind(dentry).is_special()
            && what.intersects(EventMask::ACCESS | EventMask::MODIFY);
        if let Some(parent) = own.parent
            && !quiet
        {
            let inode = self.names.dentries[&parent].inode;
            let name = &own.name;
            self.tell(&Event { inode, mask, cookie: 0, name, of_child: true, unlinked });
        }
        let inode = own.inode;
        self.tell(&Event { inode, mask, cookie: 0, name: "", of_child: false, unlinked });
    }

    /// An event of the inode alone: ATTRIB of its link count, and the two SELF events (8.2).
    fn tell_inode(&mut self, dentry: u32, what: EventMask) {
        let mask = what | self.isdir(dentry);
        let inode = self.names.dentries[&dentry].inode;
        let event = Event { inode, mask, cookie: 0, name: "", of_child: false, unlinked: false };
        self.tell(&event);
    }

    /// An event of a directory's entries: to that directory alone (2.1, DIRENT).
    fn tell_dir(&mut self, dir: u32, mask: EventMask, name: &str, cookie: u32) {
        let inode = self.names.dentries[&dir].inode;
        self.tell(&Event { inode, mask, cookie, name, of_child: false, unlinked: false });
    }

    /// A use of a dentry has ended; with the last it dies, and perhaps the directory it was in.
    fn put(&mut self, dentry: u32) {
        let mut at = Some(dentry);
        while let Some(dentry) = at
            && !self.names.is_used(dentry)
        {
            if self.names.inode(dentry).nlink == 0 {
                self.tell_inode(dentry, EventMask::DELETE_SELF);
                let inode = self.names.dentries[&dentry].inode;
                self.groups.iter_mut().flatten().for_each(|group| group.object_died(inode));
            }
            at = self.names.dentries[&dentry].parent;
            self.names.bury(dentry);
        }
    }

    // Names.

    fn make(&mut self, path: &Path, kind: InodeKind) -> Done {
        let (dir, name) = self.names.parent(path)?;
        let name = name.ok_or(ErrorKind::Exists)?;
        if self.names.child(dir, name).is_some() {
            return Err(ErrorKind::Exists);
        }
        self.make_in(dir, name, kind);
        Ok(Outcome::Done)
    }

    /// Rows mkdir, mknod, open(O_CREAT).
    fn make_in(&mut self, dir: u32, name: &str, kind: InodeKind) -> u32 {
        let inode = self.names.make_inode(kind, 1);
        let dentry = self.names.make_dentry(dir, name, inode, true);
        self.tell_dir(dir, EventMask::CREATE | self.isdir(dentry), name, 0);
        dentry
    }

    /// Rows link, linkat of a tmpfile.
    fn link(&mut self, old: u32, new: &Path) -> Done {
        let (dir, name) = self.names.parent(new)?;
        let name = name.ok_or(ErrorKind::Exists)?;
        if self.names.child(dir, name).is_some() {
            return Err(ErrorKind::Exists);
        }
        if self.names.is_dir(old) {
            return Err(ErrorKind::NotPermitted);
        }
        let inode = self.names.inode_mut(old);
        if inode.nlink == 0 && !inode.linkable {
            return Err(ErrorKind::NotFound);
        }
        inode.nlink += 1;
        // Once only: when that name is gone it is as any other file.
        inode.linkable = false;
        let inode = self.names.dentries[&old].inode;
        self.names.make_dentry(dir, name, inode, true);
        self.tell_inode(old, EventMask::ATTRIB);
        self.tell_dir(dir, EventMask::CREATE, name, 0);
        Ok(Outcome::Done)
    }

    /// Rows unlink: ATTRIB to the inode, its death if nobody uses the dentry, then DELETE (8.1).
    fn unlink(&mut self, path: &Path) -> Done {
        let (dir, name) = self.names.parent(path)?;
        let name = name.ok_or(ErrorKind::IsDir)?;
        let dentry = self.names.child(dir, name).ok_or(ErrorKind::NotFound)?;
        if self.names.is_dir(dentry) {
            return Err(ErrorKind::IsDir);
        }
        self.names.inode_mut(dentry).nlink -= 1;
        self.tell_inode(dentry, EventMask::ATTRIB);
        self.names.unhash(dentry);
        self.put(dentry);
        self.tell_dir(dir, EventMask::DELETE, name, 0);
        Ok(Outcome::Done)
    }

    /// Rows rmdir: no ATTRIB.
    fn rmdir(&mut self, path: &Path) -> Done {
        let (dir, name) = self.names.parent(path)?;
        let name = name.ok_or(ErrorKind::Busy)?;
        let dentry = self.names.child(dir, name).ok_or(ErrorKind::NotFound)?;
        if !self.names.is_dir(dentry) {
            return Err(ErrorKind::NotDir);
        }
        if self.names.has_names(dentry) {
            return Err(ErrorKind::NotEmpty);
        }
        self.names.inode_mut(dentry).nlink = 0;
        self.names.unhash(dentry);
        self.put(dentry);
        self.tell_dir(dir, EventMask::DELETE | EventMask::ISDIR, name, 0);
        Ok(Outcome::Done)
    }

    /// Rows rename and RENAME_EXCHANGE.
    fn rename(&mut self, old: &Path, new: &Path, flags: RenameFlags) -> Done {
        let no_replace = flags.contains(RenameFlags::NOREPLACE);
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if no_replace && exchange {
            return Err(ErrorKind::Invalid);
        }
        let (from, old_name) = self.names.parent(old)?;
        let (to, new_name) = self.names.parent(new)?;
        let old_name = old_name.ok_or(ErrorKind::Busy)?;
        let taken = if no_replace { ErrorKind::Exists } else { ErrorKind::Busy };
        let new_name = new_name.ok_or(taken)?;
        let moved = self.names.child(from, old_name).ok_or(ErrorKind::NotFound)?;
        let target = self.names.child(to, new_name);
        if no_replace && target.is_some() {
            return Err(ErrorKind::Exists);
        }
        if exchange && target.is_none() {
            return Err(ErrorKind::NotFound);
        }
        if from != to && self.names.is_ancestor(moved, to) {
            return Err(ErrorKind::Invalid);
        }
        let Some(target) = target else {
            self.names.rename(moved, to, new_name);
            self.tell_rename((from, old_name), (to, new_name), moved, None);
            return Ok(Outcome::Done);
        };
        if from != to && self.names.is_ancestor(target, from) {
            return Err(if exchange { ErrorKind::Invalid } else { ErrorKind::NotEmpty });
        }
        // Two links of one inode: nothing to do, not even a cookie (8.19).
        if self.names.dentries[&moved].inode == self.names.dentries[&target].inode {
            return Ok(Outcome::Done);
        }
        if exchange {
            self.names.rename(moved, to, new_name);
            self.names.rename(target, from, old_name);
            self.tell_rename((from, old_name), (to, new_name), moved, None);
            self.tell_rename((to, new_name), (from, old_name), target, None);
            return Ok(Outcome::Done);
        }
        match (self.names.is_dir(moved), self.names.is_dir(target)) {
            (true, false) => return Err(ErrorKind::NotDir),
            (false, true) => return Err(ErrorKind::IsDir),
            (true, true) if self.names.has_names(target) => return Err(ErrorKind::NotEmpty),
            _ => {}
        }
        self.names.inode_mut(target).nlink -= 1;
        self.names.unhash(target);
        self.names.rename(moved, to, new_name);
        self.tell_rename((from, old_name), (to, new_name), moved, Some(target));
        self.put(target);
        Ok(Outcome::Done)
    }

    /// One move: both halves with one cookie, ATTRIB to what is replaced, MOVE_SELF (8.2).
    fn tell_rename(
        &mut self,
        (from, old_name): (u32, &str),
        (to, new_name): (u32, &str),
        moved: u32,
        replaced: Option<u32>,
    ) {
        self.cookie += 1;
        let isdir = self.isdir(moved);
        self.tell_dir(from, EventMask::MOVED_FROM | isdir, old_name, self.cookie);
        self.tell_dir(to, EventMask::MOVED_TO | isdir, new_name, self.cookie);
        if let Some(replaced) = replaced {
            self.tell_inode(replaced, EventMask::ATTRIB);
        }
        self.tell_inode(moved, EventMask::MOVE_SELF);
    }

    // Open files.

    /// Rows open; returns the description.
    fn open(&mut self, path: &Path, flags: OpenFlags, ino: Option<u64>) -> Done<u32> {
        let mut flags = flags;
        if flags.contains(OpenFlags::PATH) {
            flags &= OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW;
        } else if !flags.contains(OpenFlags::WRITE) {
            flags |= OpenFlags::READ;
        }
        let has = |flag| flags.contains(flag);
        if has(OpenFlags::TMPFILE) && (!has(OpenFlags::WRITE) || has(OpenFlags::CREATE))
            || has(OpenFlags::CREATE | OpenFlags::DIRECTORY)
        {
            return Err(ErrorKind::Invalid);
        }
        if self.names.open.len() >= self.max_open {
            return Err(ErrorKind::TooManyOpenFiles);
        }
        if has(OpenFlags::TMPFILE) {
            let dir = self.names.walk(path.names(), !has(OpenFlags::NOFOLLOW))?;
            if !self.names.is_dir(dir) {
                return Err(ErrorKind::NotDir);
            }
            // It never was a name, so watches with EXCL_UNLINK do not hear of it (8.20, 3).
            let inode = self.names.make_inode(InodeKind::Regular, 0);
            let name = format!("#{}", ino.expect("the number of what was opened"));
            let dentry = self.names.make_dentry(dir, &name, inode, false);
            self.names.inode_mut(dentry).linkable = !has(OpenFlags::EXCL);
            return Ok(self.opened(dentry, flags));
        }
        if !has(OpenFlags::CREATE) {
            let found = self.names.walk(path.names(), !has(OpenFlags::NOFOLLOW))?;
            return self.open_found(found, flags);
        }
        let exclusive = has(OpenFlags::EXCL);
        let (dir, name) = self.names.parent(path)?;
        let Some(name) = name else {
            return Err(if exclusive { ErrorKind::Exists } else { ErrorKind::IsDir });
        };
        let Some(found) = self.names.child(dir, name) else {
            // O_TRUNC on a file just made: no MODIFY.
            let made = self.make_in(dir, name, InodeKind::Regular);
            return Ok(self.opened(made, flags));
        };
        match self.names.kind(found) {
            _ if exclusive => Err(ErrorKind::Exists),
            InodeKind::Symlink if !has(OpenFlags::NOFOLLOW) => Err(ErrorKind::NotFound),
            InodeKind::Directory => Err(ErrorKind::IsDir),
            _ => self.open_found(found, flags),
        }
    }

    fn open_found(&mut self, dentry: u32, flags: OpenFlags) -> Done<u32> {
        let kind = self.names.kind(dentry);
        if flags.contains(OpenFlags::DIRECTORY) && !kind.is_dir() {
            return Err(ErrorKind::NotDir);
        }
        if flags.contains(OpenFlags::PATH) {
            return Ok(self.opened(dentry, flags));
        }
        let inode = self.names.dentries[&dentry].inode;
        let nobody_reads =
            !flags.contains(OpenFlags::READ) && self.names.ends(inode, OpenFlags::READ) == 0;
        match kind {
            InodeKind::Symlink => return Err(ErrorKind::TooManyLinksFollowed),
            InodeKind::Directory if flags.intersects(OpenFlags::WRITE | OpenFlags::TRUNC) => {
                return Err(ErrorKind::IsDir);
            }
            InodeKind::Socket => return Err(ErrorKind::NoDevice),
            InodeKind::Fifo if nobody_reads => return Err(ErrorKind::NoDevice),
            _ => {}
        }
        let opened = self.opened(dentry, flags);
        if flags.contains(OpenFlags::TRUNC) && kind == InodeKind::Regular {
            self.set_size(dentry, 0);
        }
        Ok(opened)
    }

    /// O_PATH says nothing.
    fn opened(&mut self, dentry: u32, flags: OpenFlags) -> u32 {
        let opened = self.names.fresh();
        self.names.open.insert(opened, Opened { dentry, flags, position: 0 });
        if !flags.contains(OpenFlags::PATH) {
            self.tell_dentry(dentry, EventMask::OPEN, Data::Path);
        }
        opened
    }

    /// Lets a handle be of this description; what it was of before is closed after.
    fn fill(&mut self, slot: usize, opened: u32) {
        let old = self.slots[slot].replace(opened);
        self.release(old);
    }

    pub(crate) fn empty(&mut self, slot: usize) {
        let old = self.slots[slot].take();
        self.release(old);
    }

    /// Row close: with the last handle only.
    fn release(&mut self, opened: Option<u32>) {
        if let Some(opened) = opened
            && !self.slots.contains(&Some(opened))
        {
            self.close(opened);
        }
    }

    fn close(&mut self, opened: u32) {
        let Opened { dentry, flags, .. } = self.names.open[&opened].clone();
        let wrote = flags.contains(OpenFlags::WRITE);
        let what = if wrote { EventMask::CLOSE_WRITE } else { EventMask::CLOSE_NOWRITE };
        if !flags.contains(OpenFlags::PATH) {
            self.tell_dentry(dentry, what, Data::Path);
        }
        self.names.open.remove(&opened);
        // A fifo is emptied when nobody has it open.
        let inode = self.names.dentries[&dentry].inode;
        if self.names.ends(inode, OpenFlags::empty()) == 0 {
            self.names.inode_mut(dentry).piped = 0;
        }
        self.put(dentry);
    }

    /// Rows open, getdents, close: one ACCESS for the entries, one for the end.
    fn list(&mut self, path: &Path) -> Done {
        let opened = self.open(path, OpenFlags::DIRECTORY, None)?;
        let dentry = self.names.open[&opened].dentry;
        self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
        self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
        self.close(opened);
        Ok(Outcome::Done)
    }

    /// Row truncate: the same size too, and no path data.
    fn set_size(&mut self, dentry: u32, len: u64) {
        self.names.inode_mut(dentry).size = len;
        self.tell_dentry(dentry, EventMask::MODIFY, Data::Dentry);
    }

    fn on_file(&mut self, op: &Op, id: u32) -> Done {
        let Opened { dentry, flags, .. } = self.names.open[&id].clone();
        let kind = self.names.kind(dentry);
        let named = flags.contains(OpenFlags::PATH);
        match op {
            Op::LinkFile(_, path) => return self.link(dentry, path),
            Op::Read(_, len) => return self.read(id, *len),
            Op::Write(_, len) => return self.write(id, *len),
            Op::UtimensFile { atime, mtime, .. } => {
                let Some(what) = what_of_times(*atime, *mtime) else { return Ok(Outcome::Done) };
                if named {
                    return Err(ErrorKind::BadHandle);
                }
                self.tell_dentry(dentry, what, Data::Dentry);
            }
            _ if named => return Err(ErrorKind::BadHandle),
            Op::ReadDir(_) => {
                if !kind.is_dir() {
                    return Err(ErrorKind::NotDir);
                }
                if self.names.inode(dentry).nlink == 0 {
                    return Err(ErrorKind::NotFound);
                }
                self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
            }
            Op::TruncateFile(_, len) => {
                if kind != InodeKind::Regular || !flags.contains(OpenFlags::WRITE) {
                    return Err(ErrorKind::Invalid);
                }
                self.set_size(dentry, *len);
            }
            _ => self.tell_dentry(dentry, EventMask::ATTRIB, Data::Dentry),
        }
        Ok(Outcome::Done)
    }

    /// Row read: ACCESS if something was read (8.17).
    fn read(&mut self, id: u32, len: usize) -> Done {
        let Opened { dentry, flags, position } = self.names.open[&id].clone();
        if !flags.contains(OpenFlags::READ) {
            return Err(ErrorKind::BadHandle);
        }
        let inode = self.names.inode(dentry).clone();
        let count = match inode.kind {
            InodeKind::Directory => return Err(ErrorKind::IsDir),
            InodeKind::Fifo => {
                let has_writer =
                    self.names.ends(self.names.dentries[&dentry].inode, OpenFlags::WRITE) > 0;
                if len > 0 && inode.piped == 0 && has_writer {
                    return Err(ErrorKind::WouldBlock);
                }
                let count = len.min(inode.piped);
                self.names.inode_mut(dentry).piped -= count;
                count
            }
            InodeKind::Regular => len.min(inode.size.saturating_sub(position) as usize),
            _ => 0,
        };
        self.advance(id, position + count as u64);
        if count > 0 {
            self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
        }
        Ok(Outcome::Count(count))
    }

    /// Row write: MODIFY if something was written.
    fn write(&mut self, id: u32, len: usize) -> Done {
        let Opened { dentry, flags, position } = self.names.open[&id].clone();
        if !flags.contains(OpenFlags::WRITE) {
            return Err(ErrorKind::BadHandle);
        }
        if len == 0 {
            return Ok(Outcome::Count(0));
        }
        let inode = self.names.dentries[&dentry].inode;
        let has_reader = self.names.ends(inode, OpenFlags::READ) > 0;
        let end = position + len as u64;
        let file = self.names.inode_mut(dentry);
        match file.kind {
            InodeKind::Fifo if !has_reader => return Err(ErrorKind::BrokenPipe),
            InodeKind::Fifo => file.piped += len,
            InodeKind::Regular => file.size = file.size.max(end),
            _ => {}
        }
        self.advance(id, end);
        self.tell_dentry(dentry, EventMask::MODIFY, Data::Path);
        Ok(Outcome::Count(len))
    }

    fn advance(&mut self, id: u32, position: u64) {
        self.names.open.get_mut(&id).expect("an open file").position = position;
    }

    // Instances.

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

    /// The limit of watches is the user's, as it is now (8.40).
    fn add_watch(&self, own: &mut Group, dentry: u32, mask: WatchMask) -> Done {
        if mask.contains(WatchMask::ONLYDIR) && !self.names.is_dir(dentry) {
            return Err(ErrorKind::NotDir);
        }
        let others = self.usage(own.user).1;
        let may_charge = others + (own.watches.len() as u32) < self.caps.watches;
        own.add(self.names.dentries[&dentry].inode, mask, may_charge).map(Outcome::Wd)
    }
}

/// Row utimes: one timestamp alone is ACCESS or MODIFY, none is nothing at all (8.16).
fn what_of_times(atime: bool, mtime: bool) -> Option<EventMask> {
    match (atime, mtime) {
        (true, true) => Some(EventMask::ATTRIB),
        (true, false) => Some(EventMask::ACCESS),
        (false, true) => Some(EventMask::MODIFY),
        (false, false) => None,
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
