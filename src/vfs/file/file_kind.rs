//! How the contents of an open file are reached.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::fs::{FileSystem, Handle, OpenFlags};
use crate::tree::Dentry;
use crate::vfs::context::Context;
use crate::vfs::file::pipe::{Pipe, Pipes};
use crate::vfs::resolve::location::Location;

/// How the contents of an open file are reached.
#[derive(Debug)]
pub(crate) enum FileKind {
    /// Nothing: opened with `PATH`, it only names the object.
    PathOnly,
    /// A regular file, by a handle of the file system.
    Regular(Handle),
    /// A directory, by a handle of the file system.
    Directory(Handle),
    /// A fifo.
    Pipe(Arc<Pipe>),
    /// A device: it gives nothing and takes everything.
    Device,
}

impl FileKind {
    /// Opens an object for the caller; `user` is charged for the buffer of a fifo. Calls the file system, but for
    /// a fifo and a device.
    ///
    /// # Errors
    /// `ENXIO` for a socket, a device of number 0, and a fifo without a reader that is opened for writing alone;
    /// `ELOOP` for a symbolic link; what the file system says.
    pub(crate) fn open(
        cx: &Context,
        object: &Location,
        flags: OpenFlags,
        pipes: &Pipes,
        user: u32,
    ) -> Result<Self> {
        let open = || object.fs().open(cx.request(), object.ino(), flags.of_open_file());
        Ok(match object.kind() {
            InodeKind::Regular => Self::Regular(open()?),
            InodeKind::Directory => Self::Directory(open()?),
            InodeKind::Fifo => {
                let inode = object.dentry.get().inode().key();
                Self::Pipe(pipes.open(inode, flags, user)?)
            }
            // The number 0 is that of no device: it marks a whiteout.
            InodeKind::CharDevice | InodeKind::BlockDevice
                if object.attr(cx.request())?.rdev != 0 =>
            {
                Self::Device
            }
            InodeKind::CharDevice | InodeKind::BlockDevice | InodeKind::Socket => {
                return Err(Errno::ENXIO.into());
            }
            InodeKind::Symlink => return Err(Errno::ELOOP.into()),
        })
    }

    /// Ends what [`FileKind::open`] began.
    #[inline]
    pub(crate) fn close(
        &self,
        fs: &dyn FileSystem,
        object: Dentry<'_>,
        pipes: &Pipes,
        flags: OpenFlags,
    ) {
        match self {
            Self::Regular(handle) | Self::Directory(handle) => {
                fs.release(object.inode().ino(), *handle);
            }
            Self::Pipe(pipe) => pipes.close(object.inode().key(), pipe, flags),
            Self::PathOnly | Self::Device => {}
        }
    }
}
