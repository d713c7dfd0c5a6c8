//! Tests of the namespace.

mod ancestry;
mod confinement;
mod events;
#[cfg(any(debug_assertions, lockdep))]
mod lock_order;
mod mounts;
mod outside_changes;
mod threads;
mod unmounting;
mod walking;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::fs::{MemFs, RenameFlags};
use crate::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use crate::vfs::{Context, IntoPath, Vfs};

/// A VFS with watches, and their events in words.
struct VfsStage {
    vfs: Vfs,
    cx: Context,
    inotify: Inotify,
    watches: Vec<(WatchDescriptor, String)>,
}

impl VfsStage {
    fn new() -> Self {
        Self::of(Vfs::new(MemFs::new()).unwrap())
    }

    fn of(vfs: Vfs) -> Self {
        let cx = vfs.context().with_umask(0);
        let inotify = Inotify::new(vfs.notifier(), 0).unwrap();
        Self { vfs, cx, inotify, watches: Vec::new() }
    }

    /// Makes directories (with a slash behind), symbolic links (with `->`) and files.
    fn with(self, names: &[&str]) -> Self {
        for name in names {
            if let Some((link, target)) = name.split_once("->") {
                self.vfs.symlink(&self.cx, target, link).unwrap();
            } else if name.ends_with('/') {
                self.vfs.mkdir(&self.cx, name, 0o755).unwrap();
            } else {
                self.file(name).unwrap();
            }
        }
        self
    }

    fn file(&self, path: &str) -> Result<()> {
        self.vfs.mknod(&self.cx, path, InodeKind::Regular, 0o644, 0)
    }

    fn rename(&self, old: &str, new: &str, flags: RenameFlags) -> Result<()> {
        self.vfs.rename(&self.cx, old, new, flags)
    }

    /// Watches what a path names, a symbolic link itself included, for everything.
    fn watch(mut self, label: &str, path: &str) -> Self {
        let found = self.vfs.resolve(&self.cx, path.to_path()).unwrap();
        let wd = self.inotify.add_watch(&found.dentry.inode_ref(), WatchMask::ALL_EVENTS).unwrap();
        self.watches.push((wd, label.into()));
        self
    }

    /// The events since the last call: `watch:EVENTS name cookie`.
    fn take_events(&self) -> Vec<String> {
        let mut cookies = Vec::new();
        let mut words = |event: Event| {
            let event = event.fs_event().expect("no overflow").clone();
            let label = self.watches.iter().find(|(wd, _)| *wd == event.wd);
            let (_, label) = label.expect("a watch that was added");
            let mut line = format!("{label}:{}", bits(event.mask));
            if !event.name.is_empty() {
                line += &format!(" {}", String::from_utf8_lossy(&event.name));
            }
            if event.cookie != 0 {
                let at = cookies.iter().position(|known| *known == event.cookie);
                let at = at.unwrap_or_else(|| {
                    cookies.push(event.cookie);
                    cookies.len() - 1
                });
                line += &format!(" c{}", at + 1);
            }
            line
        };
        self.inotify.drain().into_iter().map(&mut words).collect()
    }

    #[track_caller]
    fn expect(&self, lines: &[&str]) {
        assert_eq!(self.take_events(), lines);
        self.vfs.verify().unwrap();
    }
}

fn bits(mask: EventMask) -> String {
    mask.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join("|")
}

/// The kind of an error; a success is none.
#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T>) -> Errno {
    result.unwrap_err().errno()
}
