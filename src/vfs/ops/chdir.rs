//! Changing the root and the current directory of a context.

use crate::base::error::Result;
use crate::vfs::Vfs;
use crate::vfs::attr_object::AttrObject;
use crate::vfs::context::Context;
use crate::vfs::current_operations;
use crate::vfs::path_arg::{IntoPath, PathArg};
use crate::vfs::permission::Access;
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::lookup_flags::LookupFlags;

impl Context {
    /// The same context in a smaller world: `path` becomes its root and its current directory.
    ///
    /// Nothing above can be named any more, not even from a current or open directory that is moved out of
    /// the root: `..` is `ENOENT` there. (On Linux it leads out.) To ensure that, a look-up
    /// that goes up takes O(depth) once, unless it begins at the root or the root is that of a file system.
    /// Unlike chroot(2) it needs no privilege.
    ///
    /// # Errors
    /// Those of a look-up; `ENOTDIR`; `EACCES` without search permission.
    pub fn with_root(mut self, vfs: &Vfs, path: impl IntoPath) -> Result<Self> {
        let _operation = vfs.operation();
        let root = self.directory(vfs, path.to_path())?;
        self.set_root(root);
        Ok(self)
    }

    /// Changes the current directory. An open one (`&file`) will do, as for fchdir(2); `PATH` is enough.
    ///
    /// # Errors
    /// Those of a look-up; `ENOTDIR`; `EACCES` without search permission.
    ///
    /// ```
    /// use vfsnotify::{MemFs, OpenFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let mut cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::DIRECTORY, 0)?;
    /// cx.chdir(&vfs, &dir)?;
    /// vfs.mkdir(&cx, "sub", 0o755)?;
    /// cx.chdir(&vfs, "sub/..")?;
    /// assert!(vfs.exists(&cx, "/d/sub")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    pub fn chdir(&mut self, vfs: &Vfs, path: impl IntoPath) -> Result<()> {
        let _operation = vfs.operation();
        let cwd = self.directory(vfs, path.to_path())?;
        // The operation does deferred work of the file system that is left, too.
        current_operations::acts_on(self.cwd().dentry.get().superblock());
        self.set_cwd(cwd);
        Ok(())
    }

    fn directory(&self, vfs: &Vfs, path: PathArg<'_>) -> Result<Location> {
        let directory = path.following().with_flags(LookupFlags::DIRECTORY);
        let found = vfs.resolve(self, directory).and_then(|found| {
            self.check_object(AttrObject::by(path, &found), Access::EXEC)?;
            Ok(found)
        });
        found.map_err(|error| path.add_to(error))
    }
}
