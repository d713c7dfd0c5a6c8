//! Who acts, and from where.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::fs::Request;
use crate::vfs::Vfs;
use crate::vfs::operation;
use crate::vfs::ops::attr::AttrObject;
use crate::vfs::path::{IntoPath, PathArg};
use crate::vfs::permission::Access;
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::lookup_flags::LookupFlags;

/// A user and its groups.
///
/// Clones, contexts and open files share the list of further groups.
///
/// ```
/// use vfsnotify::Credentials;
/// let alice = Credentials::new(1000, 1000).with_groups([100, 27]);
/// assert!(alice.is_in_group(27));
/// assert_eq!(alice.groups(), [27, 100]);
/// assert!(!alice.is_privileged());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// The group, which new files get.
    pub gid: u32,
    /// Further groups, in ascending order, each once.
    groups: Arc<[u32]>,
}

impl Credentials {
    /// How many further groups setgroups(2) takes on Linux (`NGROUPS_MAX`).
    ///
    /// [`Credentials::with_groups`] takes more: an embedder whose guest chooses the groups refuses a
    /// longer list with `EINVAL`, as Linux does, before it makes one.
    pub const MAX_GROUPS: usize = 65_536;

    /// A user and its group.
    #[must_use]
    pub fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid, groups: Arc::default() }
    }

    /// The same with these further groups, in place of those that there are. Their order does not matter,
    /// nor does how often one occurs. Takes four bytes for each; O(n log n).
    #[must_use]
    pub fn with_groups(mut self, groups: impl IntoIterator<Item = u32>) -> Self {
        let mut groups: Vec<u32> = groups.into_iter().collect();
        groups.sort_unstable();
        groups.dedup();
        self.groups = groups.into();
        self
    }

    /// The further groups, in ascending order, each once.
    #[must_use]
    pub fn groups(&self) -> &[u32] {
        &self.groups
    }

    /// Whether this group is one of the user's; O(log n) for n further groups.
    #[must_use]
    pub fn is_in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.binary_search(&gid).is_ok()
    }

    /// Whether it is the superuser, whom mode bits do not stop.
    #[must_use]
    pub fn is_privileged(&self) -> bool {
        self.uid == 0
    }
}

/// Who acts and from where: credentials, umask, root, current directory, and the user against
/// whom watches are counted.
///
/// Every operation takes one explicitly; nothing is kept per thread. A context is cheap to
/// clone. It keeps its root and current directory in use, and the mounts they are in busy.
///
/// ```
/// use vfsnotify::{Credentials, MemFs, Vfs};
///
/// let vfs = Vfs::new(MemFs::new())?;
/// let root = vfs.context();
/// vfs.mkdir(&root, "/home", 0o755)?;
/// vfs.mkdir(&root, "/home/alice", 0o777)?;
///
/// let mut alice = vfs.context().with_credentials(Credentials::new(1000, 1000)).with_umask(0o077);
/// alice.chdir(&vfs, "/home")?;
/// assert!(vfs.exists(&alice, "alice")?);
///
/// let jailed = alice.with_root(&vfs, "alice")?;
/// assert!(!vfs.exists(&jailed, "/home")?);
/// assert!(vfs.exists(&jailed, "/../..")?);
/// # Ok::<(), vfsnotify::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    credentials: Arc<Credentials>,
    /// Who acts, as file systems are told: user and group are those of the credentials.
    request: Request,
    umask: u32,
    root: Location,
    cwd: Location,
    user: Option<u32>,
}

impl Context {
    /// The superuser at a root.
    pub(crate) fn at_root(root: Location) -> Self {
        let cwd = root.clone();
        let credentials = Arc::new(Credentials::default());
        let request = Request::SUPERUSER;
        Self { credentials, request, umask: 0o022, root, cwd, user: None }
    }

    /// The same context for another user.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        (self.request.uid, self.request.gid) = (credentials.uid, credentials.gid);
        self.credentials = Arc::new(credentials);
        self
    }

    /// The same context for a thread of another process. File systems are told of it ([`Request`]), and events say who
    /// acted; the VFS makes no difference. 0, which both are at first, is none that is known.
    ///
    /// ```
    /// # let vfs = vfsnotify::Vfs::new(vfsnotify::MemFs::new())?;
    /// assert_eq!(vfs.context().pid(), 0);
    /// assert_eq!(vfs.context().with_process(7, 8).pid(), 7);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn with_process(mut self, pid: u32, tid: u32) -> Self {
        self.request = self.request.with_process(pid, tid);
        self
    }

    /// The same context with another umask; only the permission bits count.
    #[must_use]
    pub fn with_umask(mut self, umask: u32) -> Self {
        self.umask = umask & 0o777;
        self
    }

    /// The same context, with watches and groups counted against this user and not against the
    /// one of the credentials.
    ///
    /// ```
    /// # let vfs = vfsnotify::Vfs::new(vfsnotify::MemFs::new())?;
    /// assert_eq!(vfs.context().user(), 0);
    /// assert_eq!(vfs.context().with_user(7).user(), 7);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn with_user(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
    }

    /// The same context in a smaller world: `path` becomes its root and its current directory.
    ///
    /// Nothing above can be named any more, also by who stands in a directory, or holds one, that is
    /// moved out of the root: `..` is `ENOENT` there. (On Linux it leads out.) To see to that, a look-up
    /// that goes up takes O(depth) once, unless it begins at the root or the root is that of a file system.
    /// Unlike chroot(2) it needs no privilege.
    ///
    /// # Errors
    /// Those of a look-up; `ENOTDIR`; `EACCES` without search permission.
    pub fn with_root(mut self, vfs: &Vfs, path: impl IntoPath) -> Result<Self> {
        let _operation = vfs.operation();
        let root = self.directory(vfs, path.to_path())?;
        self.cwd = root.clone();
        self.root = root;
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
        self.leave_cwd(cwd);
        Ok(())
    }

    /// Changes the current directory; the operation frees for the file system of the one that is left.
    fn leave_cwd(&mut self, to: Location) {
        operation::acts_on(self.cwd.dentry.get().superblock());
        self.cwd = to;
    }

    fn directory(&self, vfs: &Vfs, path: PathArg<'_>) -> Result<Location> {
        let directory = path.following().with_flags(LookupFlags::DIRECTORY);
        let found = vfs.resolve(self, directory).and_then(|found| {
            vfs.check_object(self, AttrObject::by(path, &found), Access::EXEC)?;
            Ok(found)
        });
        found.map_err(|error| path.add_to(error))
    }

    /// The user and its groups.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The same, to share.
    pub(crate) fn shared_credentials(&self) -> &Arc<Credentials> {
        &self.credentials
    }

    /// What [`Context::with_process`] said.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.request.pid
    }

    /// Who acts, as file systems are told.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// The permission bits that new files do not get.
    #[must_use]
    pub fn umask(&self) -> u32 {
        self.umask
    }

    /// The user against whom groups and watches are counted: that of the credentials, if
    /// [`Context::with_user`] did not say otherwise.
    #[must_use]
    pub fn user(&self) -> u32 {
        self.user.unwrap_or(self.credentials.uid)
    }

    pub(crate) fn root(&self) -> &Location {
        &self.root
    }

    pub(crate) fn cwd(&self) -> &Location {
        &self.cwd
    }

    /// Whether mode bits do not count.
    pub(crate) fn is_privileged(&self) -> bool {
        self.credentials.is_privileged()
    }

    /// # Errors
    /// `EPERM` for everybody but uid 0.
    pub(crate) fn require_privilege(&self) -> Result<()> {
        if self.is_privileged() { Ok(()) } else { Err(Errno::EPERM.into()) }
    }
}
