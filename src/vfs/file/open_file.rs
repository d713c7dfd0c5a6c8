//! An open file: the handle and the description that its clones share.

use std::fmt;

use crate::base::errno::Errno;
use crate::base::error::{Error, Result};
use crate::base::kind::InodeKind;
use crate::base::sync::{Arc, AtomicBool, AtomicU32, Mutex, Ordering, Owned, rank};
use crate::fs::{Attr, FileSystem, Handle, OpenFlags, Request};
use crate::notify::{EventPath, Hooks};
use crate::tree::Dentry;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::credentials::Credentials;
use crate::vfs::current_operations;
use crate::vfs::file::file_kind::FileKind;
use crate::vfs::file::listing_cycle::CycleCheck;
use crate::vfs::file::open_slot::OpenSlot;
use crate::vfs::operation::Operation;
use crate::vfs::resolve::location::Location;

/// A handle on an open file.
///
/// An open file has a *description*: the object and the name that it was opened by, a position,
/// and flags. Clones of a handle, made by `clone` or [`File::dup`], share one description, like
/// the descriptors that dup(2) or fork(2) make. When the last of them goes, by [`File::close`] or
/// by being dropped, the description is closed: CLOSE_WRITE is reported if it was open for
/// writing, else CLOSE_NOWRITE, and if the file has no name left and nothing else uses it, it
/// dies, and its own watches are told at once.
///
/// A handle keeps the `Vfs` alive. All methods are safe to call from any thread. Those that use
/// the position take turns; the others run side by side as far as the file system lets them.
/// A method that is given no [`Context`](crate::Context) acts for the opener.
///
/// An error has the path by which the file can be reached at that moment, seen from the first root of the
/// `Vfs`; of a file without a name, the last one it had. To find it takes the lock of the names in one
/// directory after the other, for reading, and no other lock; O(depth), up to the 4095 bytes that a path may
/// have (a longer one is left out). `EAGAIN` has no path: the caller tries again.
///
/// ```
/// use vfsnotify::{MemFs, OpenFlags, Vfs};
/// let vfs = Vfs::new(MemFs::new())?;
/// let cx = vfs.context();
/// let file = vfs.open(&cx, "/log", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
/// let same = file.dup();
/// same.write(b"one")?;
/// assert_eq!(file.position()?, 3);
/// file.close();
/// assert_eq!(same.pwrite(b"two", 3)?, 3);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Clone)]
pub struct File {
    open: Arc<Description>,
}

/// Names an open file description; clones of a [`File`] have the same. Never used twice by a
/// [`Vfs`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(u64);

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileId({})", self.0)
    }
}

/// An open file description.
///
/// Its fields drop in order: the dentry is given back, and last the slot, which ends the
/// operation.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) location: Location,
    pub(crate) fs: Arc<dyn FileSystem>,
    pub(crate) ino: u64,
    pub(crate) kind: FileKind,
    /// The flags as it was opened.
    flags: OpenFlags,
    /// Those of [`OpenFlags::STATUS`], which can be changed. Relaxed: a change need not be seen at once.
    status: AtomicU32,
    /// Whether it may get a name although it has none: made by TMPFILE without EXCL, or opened from such a file.
    /// It is one flag for all that were opened so, and false once there was a name. Relaxed: the inode's link
    /// lock orders it.
    linkable: Option<Arc<AtomicBool>>,
    position: Mutex<u64, { rank::FILE_POSITION }>,
    /// Of a directory: whether its listing goes round. Taken with the position held.
    pub(crate) cycle: Mutex<CycleCheck, { rank::LEAF }>,
    /// The credentials of the opener.
    pub(crate) opener: Arc<Credentials>,
    /// The same, as file systems are told.
    pub(crate) request: Request,
    /// The inode's [`set_id_state`](crate::tree::Inode::set_id_state) in which the opener's writes
    /// have nothing to strip. Written under the inode's attribute lock, held for reading or writing,
    /// and always with the state that there is under that hold. Relaxed: that lock orders it.
    pub(crate) stripped_at: AtomicU32,
    id: u64,
    slot: OpenSlot,
}

/// The parts of a new description, but for its location.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) fs: Arc<dyn FileSystem>,
    pub(crate) kind: FileKind,
    pub(crate) flags: OpenFlags,
    pub(crate) opener: Arc<Credentials>,
    pub(crate) request: Request,
    pub(crate) linkable: Option<Arc<AtomicBool>>,
}

impl File {
    /// The first handle on a new description. The caller reports the opening.
    pub(crate) fn new(mut slot: OpenSlot, location: Location, opened: Opened) -> Self {
        let Opened { fs, kind, flags, opener, request, linkable } = opened;
        slot.set_file_system(location.dentry.get().superblock());
        let ino = location.dentry.get().inode().ino();
        let id = slot.vfs().open_files().next_id();
        Self {
            open: Arc::new(Description {
                location,
                fs,
                ino,
                kind,
                flags,
                status: AtomicU32::new((flags & OpenFlags::STATUS).bits()),
                linkable,
                position: Mutex::new(0),
                cycle: Mutex::default(),
                opener,
                request,
                stripped_at: AtomicU32::new(u32::MAX),
                id,
                slot,
            }),
        }
    }

    #[inline]
    pub(crate) fn description(&self) -> &Description {
        &self.open
    }

    /// Calls `act` with the description. An error is about the path of the file, if it is about none yet.
    #[inline(always)]
    pub(crate) fn act<T>(&self, act: impl FnOnce(&Description) -> Result<T>) -> Result<T> {
        act(&self.open).map_err(|error| self.open.name_error(error))
    }

    /// Where it is.
    pub(crate) fn location(&self) -> &Location {
        &self.open.location
    }

    /// Another handle on the same description; the same as `clone`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/", OpenFlags::READ, 0)?;
    /// assert_eq!(file.dup().id(), file.id());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn dup(&self) -> Self {
        self.clone()
    }

    /// Gives this handle up; the same as dropping it. The last one closes the description.
    ///
    /// O(1), plus what the file system does and the freeing of what the last use kept.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// vfs.open(&cx, "/", OpenFlags::READ, 0)?.close();
    /// assert_eq!(vfs.nr_open_files(), 0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn close(self) {
        drop(self);
    }

    /// Names the description.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// let other = vfs.open(&cx, "/a", OpenFlags::READ, 0)?;
    /// assert_ne!(file.id(), other.id());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> FileId {
        FileId(self.open.id)
    }

    /// The kind of the object.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// assert_eq!(file.kind(), InodeKind::Regular);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn kind(&self) -> InodeKind {
        self.dentry().inode().kind()
    }

    /// The dentry that it was opened by.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/", OpenFlags::PATH, 0)?;
    /// assert!(file.dentry().is_root());
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn dentry(&self) -> Dentry<'_> {
        self.open.dentry()
    }

    /// The access mode, the status flags as they are now, and all other flags that it was opened with but those that
    /// only opening looks at (`CREATE`, `EXCL`, `TRUNC`): what fcntl(2) gives with `F_GETFL`, once it is made a number
    /// by [`OpenFlags::to_linux`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::from_linux(0o4_010_101)?, 0o644)?;
    /// file.set_status(&cx, OpenFlags::APPEND)?;
    /// assert_eq!(file.flags(), OpenFlags::WRITE | OpenFlags::SYNC | OpenFlags::APPEND);
    /// assert_eq!(file.flags().to_linux(), 0o4_012_001);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn flags(&self) -> OpenFlags {
        (self.open.flags - OpenFlags::STATUS - OpenFlags::OF_OPENING) | self.open.status()
    }

    /// Sets the status flags, `APPEND`, `NONBLOCK`, `DIRECT`, `NOATIME` and, of a fifo, `ASYNC`, for all handles on
    /// the description, as fcntl(2) does with `F_SETFL`. Other flags are ignored.
    ///
    /// # Errors
    /// `EBADF` if it is only named; `EPERM` if `NOATIME` comes and the caller is neither the owner nor uid 0;
    /// `EINVAL` for `DIRECT` of anything but a regular file or a fifo.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// let file = vfs.open(&cx, "/a", OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o644)?;
    /// file.write(b"head")?;
    /// file.set_status(&cx, OpenFlags::APPEND)?;
    /// file.pwrite(b"tail", 0)?;
    /// assert_eq!(file.stat()?.size, 8);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn set_status(&self, cx: &Context, flags: OpenFlags) -> Result<()> {
        self.act(|open| open.set_status(cx, flags))
    }

    /// Whether it may get a name although it has none.
    pub(crate) fn linkable(&self) -> Option<&Arc<AtomicBool>> {
        self.open.linkable.as_ref()
    }
}

impl Description {
    #[inline]
    pub(crate) fn vfs(&self) -> &Vfs {
        self.slot.vfs()
    }

    /// Begins an operation on the object.
    pub(crate) fn operation(&self) -> Operation<'_> {
        let operation = self.vfs().operation();
        current_operations::acts_on(self.dentry().superblock());
        operation
    }

    /// Where the next read or write begins; of a directory, see `read_dir`.
    #[inline]
    pub(crate) fn position(&self) -> Owned<'_, Mutex<u64, { rank::FILE_POSITION }>> {
        self.position.of(self.location.dentry.tree().domain())
    }

    #[inline]
    pub(crate) fn dentry(&self) -> Dentry<'_> {
        self.location.dentry.get()
    }

    /// The path of its events.
    #[inline]
    pub(crate) fn event_path(&self) -> EventPath<'_> {
        self.location.event_path()
    }

    /// The hooks, for what its opener does.
    #[inline]
    pub(crate) fn hooks(&self) -> Hooks<'_> {
        self.vfs().notifier().by(self.request.actor())
    }

    fn set_status(&self, cx: &Context, flags: OpenFlags) -> Result<()> {
        self.check_open()?;
        if (flags - self.status()).contains(OpenFlags::NOATIME) && !cx.is_privileged() {
            let attr = self.fs.getattr(cx.request(), self.ino, self.handle())?;
            cx.credentials().require_owner(&attr)?;
        }
        let is_pipe = matches!(self.kind, FileKind::Pipe(_));
        if flags.contains(OpenFlags::DIRECT)
            && !is_pipe
            && !matches!(self.kind, FileKind::Regular(_))
        {
            return Err(Errno::EINVAL.into());
        }
        let mut status = flags & OpenFlags::STATUS;
        if !is_pipe {
            // Linux leaves it as it is where there is nothing to signal.
            status.set(OpenFlags::ASYNC, self.status().contains(OpenFlags::ASYNC));
        }
        self.status.store(status.bits(), Ordering::Relaxed);
        Ok(())
    }

    #[inline]
    fn status(&self) -> OpenFlags {
        OpenFlags::from_bits_truncate(self.status.load(Ordering::Relaxed))
    }

    #[inline]
    pub(crate) fn appends(&self) -> bool {
        self.status().contains(OpenFlags::APPEND)
    }

    /// The handle that the file system gave it, if it is open there.
    #[inline]
    pub(crate) fn handle(&self) -> Option<Handle> {
        match self.kind {
            FileKind::Regular(handle) | FileKind::Directory(handle) => Some(handle),
            _ => None,
        }
    }

    /// Its attributes, from the file system.
    pub(crate) fn attr(&self) -> Result<Attr> {
        self.fs.getattr(&self.request, self.ino, self.handle())
    }

    #[inline]
    pub(crate) fn is_named_only(&self) -> bool {
        matches!(self.kind, FileKind::PathOnly)
    }

    /// # Errors
    /// `EBADF` if it is only named.
    #[inline]
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.is_named_only() { Err(Errno::EBADF.into()) } else { Ok(()) }
    }

    /// # Errors
    /// `EBADF` if it is not open for reading.
    #[inline]
    pub(crate) fn check_reads(&self) -> Result<()> {
        self.check_access(OpenFlags::READ)
    }

    /// # Errors
    /// `EBADF` if it is not open for writing.
    #[inline]
    pub(crate) fn check_writes(&self) -> Result<()> {
        self.check_access(OpenFlags::WRITE)
    }

    #[inline]
    fn check_access(&self, access: OpenFlags) -> Result<()> {
        if self.flags.contains(access) { Ok(()) } else { Err(Errno::EBADF.into()) }
    }
}

impl Description {
    /// Puts the path of the file on an error. No lock of the `Vfs` is held.
    #[cold]
    #[inline(never)]
    pub(crate) fn name_error(&self, error: Error) -> Error {
        if error.errno() == Errno::EAGAIN || error.path().is_some() {
            return error;
        }
        match self.vfs().path_from_top(&self.location) {
            Some(path) => error.with_path(path),
            None => error,
        }
    }
}

impl Drop for Description {
    fn drop(&mut self) {
        let vfs = self.vfs();
        if !self.is_named_only() {
            let wrote = self.flags.contains(OpenFlags::WRITE);
            self.hooks().on_close(self.event_path(), wrote);
        }
        self.kind.close(&*self.fs, self.dentry(), vfs.open_files().pipes(), self.flags);
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("id", &self.id())
            .field("dentry", &self.dentry())
            .field("flags", &self.flags())
            .finish_non_exhaustive()
    }
}

impl Vfs {
    /// How many open file descriptions there are.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// assert_eq!(Vfs::new(MemFs::new())?.nr_open_files(), 0);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn nr_open_files(&self) -> usize {
        self.open_files().open()
    }
}
