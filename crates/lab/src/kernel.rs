//! The real kernel as a world: a fresh directory, real descriptors and real inotify.
//!
//! Tests run in threads, so the process changes no global state of its own: the current directory
//! is a descriptor that paths are resolved against, effective ids are changed for the thread only,
//! and a system-wide limit is lowered only for the one call it is meant for. Two things are global
//! none the less: the umask becomes 0, and while a limit is lowered other programs see it.

mod calls;
mod convert;
mod files;
pub mod folder;
mod instance;
mod limits;
mod names;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Once;

use rustix::fs::{CWD, Mode, OFlags, RenameFlags, XattrFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::{getegid, geteuid, getuid};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};
use tempfile::TempDir;

use instance::Instance;

use super::op::{GroupId, Slot};
use super::vfs_world::groups::Given;

/// The result of a call, or its error number.
type Res<T> = Result<T, vfsnotify::Errno>;

/// The umask is set once.
static UMASK: Once = Once::new();

/// The effective user and group id of this process: what another world should run as.
pub fn credentials() -> (u32, u32) {
    (geteuid().as_raw(), getegid().as_raw())
}

/// The further groups of this process: those of another world should be the same.
pub fn groups() -> Vec<u32> {
    let groups = rustix::process::getgroups().unwrap_or_default();
    groups.into_iter().map(rustix::process::Gid::as_raw).collect()
}

/// The errno of a result.
fn errno<T>(result: rustix::io::Result<T>) -> Res<T> {
    result.map_err(|error| number(error.raw_os_error()))
}

/// The errno of a number of this machine.
fn number(errno: i32) -> vfsnotify::Errno {
    vfsnotify::Errno::from_raw_os_error(errno).unwrap_or(vfsnotify::Errno::EIO)
}

/// The errno of an error of the standard library.
fn io_errno(error: &io::Error) -> vfsnotify::Errno {
    number(error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()))
}

/// The descriptors of a process, and its current directory.
#[derive(Debug)]
struct Tables {
    /// Open files.
    files: BTreeMap<Slot, OwnedFd>,
    /// Groups.
    groups: BTreeMap<GroupId, Group>,
    /// The current directory, opened only as a path.
    cwd: OwnedFd,
    /// Whether the current directory is still the root of the world.
    at_root: bool,
}

impl Tables {
    /// A copy of every descriptor, as a child process gets.
    fn copy(&self) -> Res<Tables> {
        let files = self.files.iter().map(|(slot, fd)| Ok((*slot, copy_fd(fd)?)));
        let groups = self.groups.iter().map(|(id, group)| Ok((*id, group.copy()?)));
        Ok(Tables {
            files: files.collect::<Res<_>>()?,
            groups: groups.collect::<Res<_>>()?,
            cwd: copy_fd(&self.cwd)?,
            at_root: self.at_root,
        })
    }
}

/// A group, and the descriptors that it has given out.
#[derive(Debug)]
struct Group {
    instance: Instance,
    given: Given,
}

impl Group {
    fn copy(&self) -> Res<Group> {
        Ok(Group { instance: self.instance.copy()?, given: self.given.clone() })
    }
}

/// A second descriptor for an open file.
fn copy_fd(fd: &OwnedFd) -> Res<OwnedFd> {
    errno(rustix::io::fcntl_dupfd_cloexec(fd, 0))
}

/// The real kernel, in a fresh directory that goes with it.
#[derive(Debug)]
pub struct KernelWorld {
    /// The directory; removed last.
    root: TempDir,
    /// The path of the directory, without symbolic links.
    path: PathBuf,
    /// The name of the file system in messages.
    name: String,
    /// The descriptors.
    tables: Tables,
    /// The descriptors of the processes that wait for a child.
    parents: Vec<Tables>,
    /// Whether anything was mounted.
    mounted: bool,
    /// The ids before each change of user.
    users: Vec<(u32, u32)>,
    /// The limits that differ from the usual ones.
    limits: BTreeMap<&'static str, u32>,
    /// The user that groups belong to when a limit per user is set.
    quota_user: Option<u32>,
}

impl KernelWorld {
    /// A fresh world in a directory made under `base`, which decides about the file system.
    pub fn new(base: &Path) -> io::Result<KernelWorld> {
        UMASK.call_once(|| {
            rustix::process::umask(Mode::empty());
        });
        let root = TempDir::with_prefix_in("vfsnotify-", base)?;
        let path = root.path().canonicalize()?;
        rustix::fs::chmod(&path, Mode::from_raw_mode(0o755))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let cwd = rustix::fs::open(&path, flags, Mode::empty())?;
        let tables = Tables { files: BTreeMap::new(), groups: BTreeMap::new(), cwd, at_root: true };
        Ok(KernelWorld {
            root,
            path,
            name: format!("the kernel in {}", base.display()),
            tables,
            parents: Vec::new(),
            mounted: false,
            users: Vec::new(),
            limits: BTreeMap::new(),
            quota_user: None,
        })
    }

    /// The directory that holds the world.
    pub fn root(&self) -> &Path {
        &self.path
    }

    /// The directory that a path starts from: an open one, or the current one.
    fn base(&self, at: Option<Slot>) -> &OwnedFd {
        at.and_then(|slot| self.tables.files.get(&slot)).unwrap_or(&self.tables.cwd)
    }

    /// A path for calls that take no directory to resolve it against.
    ///
    /// The path of the root is used where it means the same, because a path through `/proc` counts
    /// as two symbolic links.
    fn whole(&self, at: Option<Slot>, path: &[u8]) -> Vec<u8> {
        if path.is_empty() || path[0] == b'/' {
            return path.to_vec();
        }
        let at_root = self.tables.at_root && at.is_none();
        let simple = at_root && !self.mounted && self.users.is_empty();
        let mut whole = if simple {
            self.path.as_os_str().as_encoded_bytes().to_vec()
        } else {
            proc_path(self.base(at))
        };
        whole.push(b'/');
        whole.extend_from_slice(path);
        whole
    }

    /// Makes calls as another user, and keeps in mind the user before.
    fn become_user(&mut self, uid: u32, gid: u32) -> Res<()> {
        let before = credentials();
        errno(switch(uid, gid))?;
        self.users.push(before);
        Ok(())
    }

    /// Goes back to the user before.
    fn return_to_user(&mut self) -> Res<()> {
        let (uid, gid) = self.users.pop().ok_or(vfsnotify::Errno::EINVAL)?;
        errno(switch(uid, gid))
    }
}

/// Changes the effective ids of this thread.
fn switch(uid: u32, gid: u32) -> rustix::io::Result<()> {
    let (uid, gid) = (rustix::process::Uid::from_raw(uid), rustix::process::Gid::from_raw(gid));
    // From one user to another the way is through the privileged one, which the real ids remember.
    // The group cannot be changed without privilege, so it goes first.
    if !geteuid().is_root() && getuid().is_root() {
        set_thread_res_uid(None, getuid(), None)?;
    }
    set_thread_res_gid(None, gid, None)?;
    set_thread_res_uid(None, uid, None)
}

/// The path of a descriptor under `/proc`.
fn proc_path(fd: &OwnedFd) -> Vec<u8> {
    format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes()
}

impl Drop for KernelWorld {
    fn drop(&mut self) {
        while !self.users.is_empty() {
            if self.return_to_user().is_err() {
                break;
            }
        }
        self.tables.files.clear();
        self.tables.groups.clear();
        self.parents.clear();
        if self.mounted {
            unmount_below(&self.path);
        }
        if !geteuid().is_root() {
            open_up(&self.path);
        }
    }
}

/// Unmounts everything below a directory, what was mounted last first.
fn unmount_below(dir: &Path) {
    for place in mount_points().into_iter().rev().filter(|place| place.starts_with(dir)) {
        if let Err(error) = rustix::mount::unmount(&place, UnmountFlags::DETACH) {
            eprintln!("{} stays mounted: {error}", place.display());
        }
    }
}

/// Every line of the table of mounts.
fn mount_table() -> String {
    std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()
}

/// Where something is mounted, in the order in which it was. The names of worlds have no blanks.
fn mount_points() -> Vec<PathBuf> {
    mount_table().lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect()
}

/// Whether what is mounted below a directory is mounted elsewhere too: its mount is shared, or
/// follows one that is.
fn is_shared(dir: &Path) -> bool {
    let table = mount_table();
    let field = |line: &str, at: usize| line.split(' ').nth(at).unwrap_or_default().to_owned();
    let holding = |line: &&str| dir.starts_with(field(line, 4));
    // The mount that holds the directory has the longest path, and is the last one there.
    let mount = table.lines().filter(holding).max_by_key(|line| field(line, 4).len());
    mount.is_none_or(|line| {
        line.split(' ').any(|word| word.starts_with("shared:") || word.starts_with("master:"))
    })
}

/// Gives the owner all rights to a directory and those below, so that they can be removed.
fn open_up(dir: &Path) {
    // A folder that cannot be opened up stays behind, which does no harm.
    let _ = rustix::fs::chmod(dir, Mode::RWXU);
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

/// Why the file system under `base` cannot do what a capability stands for.
fn probe(base: &Path, capability: &str) -> Option<&'static str> {
    let attempt = || -> io::Result<()> {
        let dir = TempDir::with_prefix_in("vfsnotify-probe-", base)?;
        let place = |name: &str| dir.path().join(name);
        std::fs::write(place("a"), "a")?;
        std::fs::write(place("b"), "b")?;
        let (a, b) = (std::fs::File::open(place("a"))?, std::fs::File::create(place("b"))?);
        match capability {
            "xattr" => {
                rustix::fs::setxattr(place("a"), "user.probe", b"1", XattrFlags::empty())?;
            }
            "o_tmpfile" => {
                let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
                rustix::fs::open(dir.path(), flags, Mode::RUSR)?;
            }
            "rename_exchange" => {
                let flags = RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(CWD, place("a"), CWD, place("b"), flags)?;
            }
            "fallocate" => {
                rustix::fs::fallocate(&b, rustix::fs::FallocateFlags::empty(), 0, 10)?;
            }
            "sendfile" => {
                rustix::fs::sendfile(&b, &a, None, 1)?;
            }
            "copy_file_range" => {
                rustix::fs::copy_file_range(&a, None, &b, None, 1)?;
            }
            "mount" | "umount" | "bind_mount" => {
                rustix::mount::mount("none", dir.path(), "tmpfs", MountFlags::empty(), None)?;
                rustix::mount::unmount(dir.path(), UnmountFlags::empty())?;
            }
            _ => {}
        }
        Ok(())
    };
    attempt().err().map(|_| "this file system or user cannot do it")
}
