//! Listing directories (RULE list).

use vfsnotify::{Errno, EventMask, OpenFlags};

use super::case::Hint;
use super::delivery::Data;
use super::namespace::Opened;
use super::reference::{Done, Model};
use super::walk::Start;
use crate::outcome::Outcome;

/// The size as `struct linux_dirent64`.
fn size_of(name: &str) -> usize {
    (8 + 8 + 2 + 1 + name.len() + 1).next_multiple_of(8)
}

impl Model {
    /// RULE open, RULE list, RULE close: one ACCESS for the entries, one for the end.
    pub(super) fn list(&mut self, start: Start, path: &str) -> Done {
        let flags = (OpenFlags::DIRECTORY, 0);
        let opened = self.open(start, path, flags, &Hint::default())?;
        let dentry = self.names.open[&opened].at.dentry;
        let names = self.names.children(dentry);
        let names =
            names.iter().map(|id| self.names.dentries[id].name.clone().into_bytes()).collect();
        if self.names.is_dead(dentry) {
            self.close(opened);
            return Err(Errno::ENOENT);
        }
        self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
        self.tell_dentry(dentry, EventMask::ACCESS, Data::Path);
        self.close(opened);
        Ok(Outcome::Names(names))
    }

    /// The entries that fit into the budget, from the position on. Also what fails because nothing fits, and
    /// the end, are looked for in the directory.
    pub(super) fn read_dir(&mut self, id: u32, budget: usize) -> Done {
        let Opened { at, flags, position } = self.names.open[&id].clone();
        if flags.contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        if !self.names.is_dir(at.dentry) {
            return Err(Errno::ENOTDIR);
        }
        if self.names.is_dead(at.dentry) {
            return Err(Errno::ENOENT);
        }
        let dots = [(1, ".".to_owned()), (2, "..".to_owned())];
        let children = self.names.children(at.dentry).into_iter().map(|child| {
            let child = &self.names.dentries[&child];
            (child.cursor + 2, child.name.clone())
        });
        let mut left = budget;
        let mut names = Vec::new();
        let mut reached = position;
        let mut next = dots.into_iter().chain(children).filter(|(cursor, _)| *cursor > position);
        let full = loop {
            let Some((cursor, name)) = next.next() else { break false };
            if size_of(&name) > left {
                break true;
            }
            left -= size_of(&name);
            reached = cursor;
            names.push(name.into_bytes());
        };
        drop(next);
        self.names.open.get_mut(&id).expect("an open directory").position = reached;
        self.tell_dentry(at.dentry, EventMask::ACCESS, Data::Path);
        if full && names.is_empty() {
            return Err(Errno::EINVAL);
        }
        Ok(Outcome::Names(names))
    }
}
