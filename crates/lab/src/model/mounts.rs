//! Mounts: mount(2), umount(2), and RULE unmount.

use vfsnotify::Errno;

use super::namespace::Place;
use super::reference::{Done, Model};
use super::walk::Start;
use crate::outcome::Outcome;

impl Model {
    fn mount_target(&self, at: Place) -> Done<Place> {
        let at = self.names.top(at);
        if !self.names.dentries[&at.dentry].hashed {
            return Err(Errno::ENOENT);
        }
        Ok(at)
    }

    /// It has no event.
    pub(super) fn mount(&mut self, start: Start, path: &str, read_only: bool) -> Done {
        let at = self.names.walk(start, path, true)?;
        if !self.names.is_root(start.by) {
            return Err(Errno::EPERM);
        }
        let at = self.mount_target(at)?;
        if !self.names.is_dir(at.dentry) {
            return Err(Errno::ENOTDIR);
        }
        let fs = self.names.make_system();
        if read_only {
            self.names.read_only.insert(fs);
        }
        self.names.attach(Some(at), self.names.systems[&fs], fs, read_only);
        Ok(Outcome::Done)
    }

    pub(super) fn bind(&mut self, start: Start, from: &str, to: &str, read_only: bool) -> Done {
        let at = self.names.walk(start, to, true)?;
        if !self.names.is_root(start.by) {
            return Err(Errno::EPERM);
        }
        let from = self.names.walk(start, from, true)?;
        let at = self.mount_target(at)?;
        if self.names.is_dir(from.dentry) != self.names.is_dir(at.dentry) {
            return Err(Errno::ENOTDIR);
        }
        if !self.names.dentries[&from.dentry].hashed {
            return Err(Errno::ENOENT);
        }
        let source = &self.names.mounts[&from.mount];
        let (fs, read_only) = (source.fs, read_only || source.read_only);
        self.names.attach(Some(at), from.dentry, fs, read_only);
        Ok(Outcome::Done)
    }

    /// RULE watches-keep-no-mount. With the last mount of a file system each watch in it gets
    /// UNMOUNT and IGNORED (RULE unmount-needs-no-subscription).
    pub(super) fn unmount(&mut self, start: Start, path: &str) -> Done {
        let at = self.names.top(self.names.walk(start, path, true)?);
        if !self.names.is_root(start.by) {
            return Err(Errno::EPERM);
        }
        let mount = self.names.mounts[&at.mount].clone();
        if mount.root != at.dentry {
            return Err(Errno::EINVAL);
        }
        if mount.on.is_none() || self.is_busy(at.mount) {
            return Err(Errno::EBUSY);
        }
        self.names.mounts.remove(&at.mount);
        if self.names.mounts.values().any(|other| other.fs == mount.fs) {
            self.put(mount.root);
            return Ok(Outcome::Done);
        }
        let root = self.names.systems[&mount.fs];
        if mount.root != root {
            self.put(mount.root);
        }
        let names = &self.names;
        let is_here = |inode: u32| {
            let inode = names.inodes.get(&inode).filter(|inode| inode.fs == mount.fs)?;
            Some(inode.kind.is_dir())
        };
        self.groups.iter_mut().flatten().for_each(|group| group.unmounted(is_here));
        self.names.systems.remove(&mount.fs);
        let inodes = &self.names.inodes;
        self.names.dentries.retain(|_, dentry| inodes[&dentry.inode].fs != mount.fs);
        self.names.inodes.retain(|_, inode| inode.fs != mount.fs);
        Ok(Outcome::Done)
    }

    pub(super) fn is_busy(&self, mount: u32) -> bool {
        let names = &self.names;
        names.open.values().any(|open| open.at.mount == mount)
            || names.contexts.iter().any(|cx| cx.root.mount == mount || cx.cwd.mount == mount)
            || names.mounts.values().any(|other| other.on.is_some_and(|on| on.mount == mount))
    }
}
