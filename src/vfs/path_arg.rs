//! The path argument of an operation.

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::base::errno::Errno;
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::sync::{Arc, AtomicBool};
use crate::fs::Handle;
use crate::vfs::context::Context;
use crate::vfs::file::open_file::File;
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::lookup_flags::LookupFlags;

/// The path argument of every operation: bytes, strings of all kinds, a path from an open directory
/// ([`File::at`]), and an open file, which stands for what it holds.
///
/// A path is bytes, and `/` is its only separator, whatever the host has: a `Path` or `OsStr` counts as the bytes
/// that it has on Unix, and elsewhere as those of [`OsStr::as_encoded_bytes`], which are UTF-8 if it is Unicode. A
/// path that begins with `/` begins at the context's root, another one at its current directory.
///
/// The methods say how the path is looked up. Where two of them contradict each other the last one counts. They do not
/// allocate, and neither does an operation for its path.
///
/// **An open file as a path** (`&file`) is the object that it was opened on: its names, and whether it has one
/// left, do not matter, nor does how it was opened. `PATH` is enough, so a server that speaks inodes (FUSE, NFS, 9p)
/// keeps a handle for each object that its client knows. No directory is searched; permissions on the object itself
/// are checked as by a path. That is `AT_EMPTY_PATH`, and a path through `/proc/self/fd`, on Linux. An operation on a
/// *name* (making, removing and moving one) cannot be given an object: `ENOENT`. The path of an error is the file's.
///
/// ```
/// use std::path::Path;
/// use vfsnotify::{InodeKind, IntoPath, MemFs, OpenFlags, RenameFlags, Vfs};
/// let vfs = Vfs::new(MemFs::new())?;
/// let cx = vfs.context();
/// vfs.mkdir(&cx, "/d", 0o755)?;
/// vfs.mkdir(&cx, b"/d/sub", 0o755)?;
/// vfs.symlink(&cx, "sub", Path::new("/d/link"))?;
/// let link = vfs.stat(&cx, "/d/link".no_follow())?;
/// assert_eq!(link.kind, InodeKind::Symlink);
///
/// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
/// vfs.rename(&cx, "/d", "/moved", RenameFlags::empty())?;
/// assert_eq!(vfs.stat(&cx, dir.at("link").no_follow())?, link);
/// assert!(vfs.stat(&cx, dir.at("../moved").beneath()).is_err());
/// vfs.chmod(&cx, &dir, 0o700)?;
/// assert_eq!(vfs.stat(&cx, "/moved")?.mode, 0o700);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
pub trait IntoPath {
    /// The path, borrowed. A type that has one inside hands on what that says.
    fn to_path(&self) -> PathArg<'_>;

    /// Follows a symbolic link at the end. Only [`Vfs::link`](crate::Vfs::link) does not do so anyway, and
    /// the operations on names, which never do.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// # vfs.mkdir(&cx, "/d", 0o755)?;
    /// # vfs.symlink(&cx, "d", "/link")?;
    /// vfs.link(&cx, "/link", "/second")?;
    /// assert_eq!(vfs.stat(&cx, "/second".no_follow())?.kind, InodeKind::Symlink);
    /// // A directory has no second name.
    /// assert_eq!(vfs.link(&cx, "/link".follow(), "/third").unwrap_err().errno(), Errno::EPERM);
    /// # Ok::<(), Error>(())
    /// ```
    fn follow(&self) -> PathArg<'_> {
        self.to_path().follow()
    }

    /// Acts on a symbolic link at the end, not on what it leads to. As `O_NOFOLLOW`,
    /// [`Vfs::open`](crate::Vfs::open) refuses it with `ELOOP` then, unless it opens with `PATH`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// # vfs.mkdir(&cx, "/d", 0o755)?;
    /// # vfs.symlink(&cx, "d", "/link")?;
    /// assert_eq!(vfs.stat(&cx, "/link")?.kind, InodeKind::Directory);
    /// assert_eq!(vfs.stat(&cx, "/link".no_follow())?.kind, InodeKind::Symlink);
    /// # Ok::<(), Error>(())
    /// ```
    fn no_follow(&self) -> PathArg<'_> {
        self.to_path().no_follow()
    }

    /// Never leaves the directory that the path starts from, as openat2(2) with `RESOLVE_BENEATH`: `EXDEV`, also for
    /// an absolute path or link.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// # vfs.mkdir(&cx, "/d", 0o755)?;
    /// # vfs.symlink(&cx, "d", "/link")?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// assert_eq!(vfs.stat(&cx, dir.at("..").beneath()).unwrap_err().errno(), Errno::EXDEV);
    /// # Ok::<(), Error>(())
    /// ```
    fn beneath(&self) -> PathArg<'_> {
        self.to_path().beneath()
    }

    /// Takes the directory that the path starts from for its root, as openat2(2) with `RESOLVE_IN_ROOT`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// # vfs.mkdir(&cx, "/d", 0o755)?;
    /// # vfs.symlink(&cx, "d", "/link")?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// assert_eq!(vfs.stat(&cx, dir.at("/../..").in_root())?, vfs.stat(&cx, &dir)?);
    /// # Ok::<(), Error>(())
    /// ```
    fn in_root(&self) -> PathArg<'_> {
        self.to_path().in_root()
    }

    /// Goes from no mount to another, as openat2(2) with `RESOLVE_NO_XDEV`: `EXDEV`. Where an absolute path begins
    /// does not count.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// # vfs.mkdir(&cx, "/d", 0o755)?;
    /// # vfs.symlink(&cx, "d", "/link")?;
    /// vfs.mount(&cx, "/d", MemFs::new())?;
    /// assert_eq!(vfs.stat(&cx, "/d".no_xdev()).unwrap_err().errno(), Errno::EXDEV);
    /// # Ok::<(), Error>(())
    /// ```
    fn no_xdev(&self) -> PathArg<'_> {
        self.to_path().no_xdev()
    }

    /// Follows no symbolic link, as openat2(2) with `RESOLVE_NO_SYMLINKS`: `ELOOP`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// # vfs.mkdir(&cx, "/d", 0o755)?;
    /// # vfs.symlink(&cx, "d", "/link")?;
    /// assert_eq!(vfs.stat(&cx, "/link/.".no_symlinks()).unwrap_err().errno(), Errno::ELOOP);
    /// # Ok::<(), Error>(())
    /// ```
    fn no_symlinks(&self) -> PathArg<'_> {
        self.to_path().no_symlinks()
    }

    /// If the path is empty it stands for what it starts from, an open file or the current directory, as with
    /// `AT_EMPTY_PATH`. Else an empty path is `ENOENT`.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// # vfs.mkdir(&cx, "/d", 0o755)?;
    /// # vfs.symlink(&cx, "d", "/link")?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// assert_eq!(vfs.stat(&cx, dir.at("")).unwrap_err().errno(), Errno::ENOENT);
    /// assert_eq!(vfs.stat(&cx, dir.at("").empty_path())?, vfs.stat(&cx, &dir)?);
    /// # Ok::<(), Error>(())
    /// ```
    fn empty_path(&self) -> PathArg<'_> {
        self.to_path().empty_path()
    }

    /// Adds flags, those of a guest for example: see [`LookupFlags::from_linux`].
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, cx, _) = new_vfs()?;
    /// # vfs.mkdir(&cx, "/d", 0o755)?;
    /// # vfs.symlink(&cx, "d", "/link")?;
    /// const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
    /// let flags = LookupFlags::from_linux(AT_SYMLINK_NOFOLLOW, 0)?;
    /// assert_eq!(vfs.stat(&cx, "/link".with_flags(flags))?.kind, InodeKind::Symlink);
    /// # Ok::<(), Error>(())
    /// ```
    fn with_flags(&self, flags: LookupFlags) -> PathArg<'_> {
        self.to_path().with_flags(flags)
    }
}

/// A path, where it starts from, and how it is looked up: what an operation is given by way of [`IntoPath`].
///
/// ```
/// use vfsnotify::{IntoPath, MemFs, OpenFlags, PathArg, Vfs};
/// fn entry<'a>(dir: &'a vfsnotify::File, name: &'a str) -> PathArg<'a> {
///     dir.at(name).beneath().no_follow()
/// }
/// let vfs = Vfs::new(MemFs::new())?;
/// let cx = vfs.context();
/// let root = vfs.open(&cx, "/", OpenFlags::PATH, 0)?;
/// vfs.mkdir(&cx, entry(&root, "d"), 0o755)?;
/// assert!(vfs.exists(&cx, "/d")?);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PathArg<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) flags: LookupFlags,
    start: Option<&'a File>,
}

impl<'a> PathArg<'a> {
    /// See [`IntoPath::follow`].
    #[must_use]
    #[inline]
    pub const fn follow(self) -> Self {
        self.with_flags(LookupFlags::FOLLOW)
    }

    /// See [`IntoPath::no_follow`].
    #[must_use]
    #[inline]
    pub const fn no_follow(self) -> Self {
        self.with_flags(LookupFlags::NO_FOLLOW)
    }

    /// See [`IntoPath::beneath`].
    #[must_use]
    #[inline]
    pub const fn beneath(self) -> Self {
        self.with_flags(LookupFlags::BENEATH)
    }

    /// See [`IntoPath::in_root`].
    #[must_use]
    #[inline]
    pub const fn in_root(self) -> Self {
        self.with_flags(LookupFlags::IN_ROOT)
    }

    /// See [`IntoPath::no_xdev`].
    #[must_use]
    #[inline]
    pub const fn no_xdev(self) -> Self {
        self.with_flags(LookupFlags::NO_XDEV)
    }

    /// See [`IntoPath::no_symlinks`].
    #[must_use]
    #[inline]
    pub const fn no_symlinks(self) -> Self {
        self.with_flags(LookupFlags::NO_SYMLINKS)
    }

    /// See [`IntoPath::empty_path`].
    #[must_use]
    #[inline]
    pub const fn empty_path(self) -> Self {
        self.with_flags(LookupFlags::EMPTY_PATH)
    }

    /// See [`IntoPath::with_flags`].
    #[must_use]
    #[inline]
    pub const fn with_flags(mut self, flags: LookupFlags) -> Self {
        self.flags = self.flags.with(flags);
        self
    }

    /// For an operation that follows a link at the end unless it is told not to.
    #[inline]
    pub(crate) fn following(mut self) -> Self {
        self.flags = self.flags.following();
        self
    }

    /// For an operation on a name, which never follows a link at the end.
    #[inline]
    pub(crate) fn naming(mut self) -> Self {
        self.flags -= LookupFlags::FOLLOW;
        self
    }

    /// Where it starts if it is relative.
    #[inline]
    pub(crate) fn start(self, cx: &'a Context) -> &'a Location {
        self.start.map_or(cx.cwd(), File::location)
    }

    /// Whether it stands for what it starts from.
    #[inline]
    pub(crate) fn is_object(self) -> bool {
        self.bytes.is_empty() && self.flags.contains(LookupFlags::EMPTY_PATH)
    }

    /// The file system's handle of the open file that it stands for, if it stands for one.
    #[inline]
    pub(crate) fn handle(self) -> Option<Handle> {
        let file = self.start.filter(|_| self.is_object())?;
        file.description().handle()
    }

    /// Of an open file, whether it may get a name although it has none.
    pub(crate) fn linkable(self) -> Option<&'a Arc<AtomicBool>> {
        self.start.filter(|_| self.is_object())?.linkable()
    }

    /// The bytes of what is no path of this VFS, but a link's target.
    ///
    /// # Errors
    /// `EINVAL` for anything that has more to it.
    pub(crate) fn only_bytes(self) -> Result<&'a [u8]> {
        if self.start.is_some() || !self.flags.is_empty() {
            return Err(Errno::EINVAL.into());
        }
        Ok(self.bytes)
    }

    /// An error with the path on it, which for an object is that of the open file. No lock of the `Vfs` is held.
    #[cold]
    pub(crate) fn add_to(&self, error: Error) -> Error {
        match self.start.filter(|_| self.is_object()) {
            Some(file) => file.description().name_error(error),
            None => error.with_path(self.bytes),
        }
    }
}

impl IntoPath for PathArg<'_> {
    #[inline]
    fn to_path(&self) -> PathArg<'_> {
        *self
    }
}

impl IntoPath for [u8] {
    #[inline]
    fn to_path(&self) -> PathArg<'_> {
        PathArg { start: None, bytes: self, flags: LookupFlags::empty() }
    }
}

impl IntoPath for OsStr {
    #[inline]
    fn to_path(&self) -> PathArg<'_> {
        self.as_encoded_bytes().to_path()
    }
}

impl IntoPath for File {
    /// The object that it was opened on.
    #[inline]
    fn to_path(&self) -> PathArg<'_> {
        PathArg { start: Some(self), bytes: b"", flags: LookupFlags::EMPTY_PATH }
    }
}

/// Types whose path is that of what they can be seen as.
macro_rules! paths_as {
    ($($of:ty: |$path:ident| $seen_as:expr;)*) => {$(
        impl IntoPath for $of {
            #[inline]
            fn to_path(&self) -> PathArg<'_> {
                let $path = self;
                IntoPath::to_path($seen_as)
            }
        }
    )*};
}

paths_as! {
    str: |path| path.as_bytes();
    String: |path| path.as_bytes();
    Vec<u8>: |path| path.as_slice();
    Path: |path| path.as_os_str();
    PathBuf: |path| path.as_os_str();
    OsString: |path| path.as_os_str();
    CStr: |path| path.to_bytes();
    CString: |path| path.as_bytes();
    Name: |path| &**path;
}

impl<const N: usize> IntoPath for [u8; N] {
    #[inline]
    fn to_path(&self) -> PathArg<'_> {
        self.as_slice().to_path()
    }
}

impl<T: IntoPath + ?Sized> IntoPath for &T {
    #[inline]
    fn to_path(&self) -> PathArg<'_> {
        (**self).to_path()
    }
}

impl<T: IntoPath + ToOwned + ?Sized> IntoPath for Cow<'_, T> {
    #[inline]
    fn to_path(&self) -> PathArg<'_> {
        (**self).to_path()
    }
}

impl File {
    /// A path from this directory, which `PATH` is enough for; an absolute one begins at the context's root all the
    /// same. A path that says itself where it starts from does.
    ///
    /// Whether it is a directory shows when the path is used: `ENOTDIR`.
    ///
    /// ```
    /// use vfsnotify::{MemFs, OpenFlags, RenameFlags, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/d", 0o755)?;
    /// let dir = vfs.open(&cx, "/d", OpenFlags::PATH, 0)?;
    /// vfs.rename(&cx, "/d", "/moved", RenameFlags::empty())?;
    /// vfs.mkdir(&cx, dir.at("sub"), 0o755)?;
    /// assert!(vfs.exists(&cx, "/moved/sub")?);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn at<'a, P: IntoPath + ?Sized>(&'a self, path: &'a P) -> PathArg<'a> {
        let path = path.to_path();
        PathArg { start: path.start.or(Some(self)), ..path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(path: impl IntoPath) -> Vec<u8> {
        path.to_path().bytes.to_vec()
    }

    #[test]
    fn all_kinds_of_strings_are_paths() {
        let text = String::from("a/b");
        let paths = [
            bytes("a/b"),
            bytes(["a/b"].first().unwrap()),
            bytes(&text),
            bytes(text.clone()),
            bytes(b"a/b"),
            bytes(*b"a/b"),
            bytes(&b"a/b"[..]),
            bytes(b"a/b".to_vec()),
            bytes(Path::new("a/b")),
            bytes(PathBuf::from("a/b")),
            bytes(OsStr::new("a/b")),
            bytes(OsString::from("a/b")),
            bytes(c"a/b"),
            bytes(CString::from(c"a/b")),
            bytes(Cow::Borrowed("a/b")),
            bytes(Cow::<Path>::Owned("a/b".into())),
            bytes(Name::from(&b"a/b"[..])),
            bytes("a/b".no_follow()),
        ];
        for path in paths {
            assert_eq!(path, b"a/b");
        }
    }

    #[test]
    fn flags_add_up_and_the_last_word_on_a_link_counts() {
        let path = "a".no_follow().beneath().no_xdev();
        let all = LookupFlags::NO_FOLLOW | LookupFlags::BENEATH | LookupFlags::NO_XDEV;
        assert_eq!(path.flags, all);
        assert_eq!(path.follow().flags, (all - LookupFlags::NO_FOLLOW) | LookupFlags::FOLLOW);
        let more = LookupFlags::NO_SYMLINKS | LookupFlags::IN_ROOT | LookupFlags::EMPTY_PATH;
        assert_eq!("a".no_symlinks().in_root().empty_path().flags, more);
        assert_eq!("a".follow().naming().flags, LookupFlags::empty());
    }
}
