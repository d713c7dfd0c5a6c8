//! Roots and current directories.

use vfsnotify::Errno;

use super::namespace::Place;
use super::reference::{Done, Model};
use super::walk::{EXEC, Start};
use crate::outcome::Outcome;

impl Model {
    fn directory(&self, by: usize, place: Place) -> Done<Place> {
        if !self.names.is_dir(place.dentry) {
            return Err(Errno::ENOTDIR);
        }
        self.names.may(by, place.dentry, EXEC)?;
        Ok(place)
    }

    /// Gives a context other places; those it leaves may die of it.
    fn move_to(&mut self, by: usize, root: Place, cwd: Place) -> Done {
        let cx = &mut self.names.contexts[by];
        let left = [std::mem::replace(&mut cx.cwd, cwd), std::mem::replace(&mut cx.root, root)];
        left.into_iter().for_each(|place| self.put(place.dentry));
        Ok(Outcome::Done)
    }

    pub(super) fn chdir(&mut self, start: Start, path: &str) -> Done {
        let found = self.names.walk(start, path, true)?;
        let cwd = self.directory(start.by, found)?;
        self.move_to(start.by, self.names.contexts[start.by].root, cwd)
    }

    pub(super) fn fchdir(&mut self, by: usize, place: Place) -> Done {
        let cwd = self.directory(by, place)?;
        self.move_to(by, self.names.contexts[by].root, cwd)
    }

    /// It needs no privilege here, and the root is the current directory too.
    pub(super) fn chroot(&mut self, start: Start, path: &str) -> Done {
        let found = self.names.walk(start, path, true)?;
        let root = self.directory(start.by, found)?;
        self.move_to(start.by, root, root)
    }

    pub(super) fn leave(&mut self, by: usize) -> Done {
        self.names.contexts[by].umask = 0o022;
        self.move_to(by, self.names.first, self.names.first)
    }
}
