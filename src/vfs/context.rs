//! The context of an operation: its caller, root and current directory.

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::sync::Arc;
use crate::fs::Request;
use crate::vfs::credentials::Credentials;
use crate::vfs::resolve::location::Location;

/// The caller of an operation and where it is: credentials, umask, root, current directory, and the user against
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
    /// The caller as file systems are told: user and group are those of the credentials.
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

    /// The same context for a thread of another process. File systems are told of it ([`Request`]), and events carry
    /// it; the VFS makes no difference. 0, which both are at first, is none that is known.
    ///
    /// ```
    /// # use vfsnotify::doc::*;
    /// # let (vfs, _, _) = new_vfs()?;
    /// assert_eq!(vfs.context().pid(), 0);
    /// assert_eq!(vfs.context().with_process(7, 8).pid(), 7);
    /// # Ok::<(), Error>(())
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
    /// # use vfsnotify::doc::*;
    /// # let (vfs, _, _) = new_vfs()?;
    /// assert_eq!(vfs.context().user(), 0);
    /// assert_eq!(vfs.context().with_user(7).user(), 7);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn with_user(mut self, user: u32) -> Self {
        self.user = Some(user);
        self
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

    /// The process that [`Context::with_process`] set.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.request.pid
    }

    /// The caller as file systems are told.
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

    /// Makes a directory the root and the current directory.
    pub(crate) fn set_root(&mut self, root: Location) {
        self.cwd = root.clone();
        self.root = root;
    }

    pub(crate) fn set_cwd(&mut self, cwd: Location) {
        self.cwd = cwd;
    }

    /// Whether mode bits do not count.
    pub(crate) fn is_privileged(&self) -> bool {
        self.credentials.is_privileged()
    }

    /// # Errors
    /// `EPERM` unless uid is 0.
    pub(crate) fn require_privilege(&self) -> Result<()> {
        if self.is_privileged() { Ok(()) } else { Err(Errno::EPERM.into()) }
    }
}
