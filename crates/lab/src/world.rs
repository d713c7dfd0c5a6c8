//! The trait behind which the real kernel and the file system under test look alike.
//!
//! A world is one fresh, empty directory tree with the current directory at its root, a table of
//! open files and a table of inotify groups. Paths are bytes, relative to the current directory,
//! with the meaning Linux gives them. The umask is 0. Every error is the number Linux calls
//! `errno`.

use std::ops::{BitOr, BitOrAssign};

/// What an operation of a world returns: a value, or an errno number.
pub type Res<T> = Result<T, i32>;

/// A descriptor: the world chooses the number, and `dup` gives a second one for the same open file.
pub type Handle = u32;

/// An inotify instance: the world chooses the number.
pub type Group = u32;

/// The errno of an operation that a world does not have.
pub const ENOSYS: i32 = 38;

/// The flags of `open`, as a small set of its own so that no world depends on the numbers of a
/// platform.
///
/// Without `WRONLY` and `RDWR` the access mode is read only, with both it is neither. The open mode of a real descriptor
/// always has close-on-exec as well.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Open(u32);

impl Open {
    /// Read only, which is the empty set.
    pub const RDONLY: Open = Open(0);
    /// Write only.
    pub const WRONLY: Open = Open(1);
    /// Read and write.
    pub const RDWR: Open = Open(2);
    /// Create the file if it is missing.
    pub const CREAT: Open = Open(4);
    /// With `CREAT`: fail if the name exists.
    pub const EXCL: Open = Open(8);
    /// Cut an existing regular file to length 0.
    pub const TRUNC: Open = Open(0x10);
    /// Every write goes to the end.
    pub const APPEND: Open = Open(0x20);
    /// Fail unless the object is a directory.
    pub const DIRECTORY: Open = Open(0x40);
    /// Fail if the last component is a symbolic link.
    pub const NOFOLLOW: Open = Open(0x80);
    /// Only name the object (`O_PATH`).
    pub const PATH: Open = Open(0x100);
    /// Make an unnamed file in the given directory (`O_TMPFILE`, which contains `O_DIRECTORY`).
    pub const TMPFILE: Open = Open(0x200);
    /// Do not block (matters for a fifo).
    pub const NONBLOCK: Open = Open(0x400);

    /// Every flag with the name that scenario files give it.
    pub const NAMES: [(&'static str, Open); 12] = [
        ("RDONLY", Open::RDONLY),
        ("WRONLY", Open::WRONLY),
        ("RDWR", Open::RDWR),
        ("CREAT", Open::CREAT),
        ("EXCL", Open::EXCL),
        ("TRUNC", Open::TRUNC),
        ("APPEND", Open::APPEND),
        ("DIRECTORY", Open::DIRECTORY),
        ("NOFOLLOW", Open::NOFOLLOW),
        ("PATH", Open::PATH),
        ("TMPFILE", Open::TMPFILE),
        ("NONBLOCK", Open::NONBLOCK),
    ];

    /// Whether every flag of `other` is in this set.
    pub fn contains(self, other: Open) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Open {
    type Output = Open;
    fn bitor(self, other: Open) -> Open {
        Open(self.0 | other.0)
    }
}

impl BitOrAssign for Open {
    fn bitor_assign(&mut self, other: Open) {
        self.0 |= other.0;
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set: Vec<&str> = Open::NAMES
            .iter()
            .filter(|(_, flag)| flag.0 != 0 && self.contains(*flag))
            .map(|(name, _)| *name)
            .collect();
        let access = self.contains(Open::WRONLY) || self.contains(Open::RDWR);
        let first = if access { "" } else { "RDONLY" };
        let bar = if access || set.is_empty() { "" } else { "|" };
        write!(f, "{first}{bar}{}", set.join("|"))
    }
}

/// The number of `RENAME_NOREPLACE`.
pub const RENAME_NOREPLACE: u32 = 1;
/// The number of `RENAME_EXCHANGE`.
pub const RENAME_EXCHANGE: u32 = 2;
/// The number of `RENAME_WHITEOUT`.
pub const RENAME_WHITEOUT: u32 = 4;

/// Which time stamps `utimens` and `futimens` set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The access time to now, the other left alone.
    Atime,
    /// The modification time to now, the other left alone.
    Mtime,
    /// Both to now.
    Both,
    /// Both to given values: access 1 s, modification 2 s after the epoch.
    BothExplicit,
    /// Neither: both are to be left alone.
    Neither,
}

/// What kind of object a name or a descriptor refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device (the whiteout of a rename is one).
    CharDevice,
    /// A block device.
    BlockDevice,
}

/// The part of `struct stat` that tests look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The kind of object.
    pub kind: Kind,
    /// The permission bits with set-id and sticky bits (`mode & 0o7777`).
    pub mode: u32,
    /// The number of links.
    pub nlink: u64,
    /// The size in bytes; of a directory, whatever the file system says.
    pub size: u64,
    /// The inode number, which says something together with the device only.
    pub ino: u64,
    /// The device number of the file system.
    pub device: u64,
}

/// A limit that Linux keeps under `/proc/sys/fs/inotify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `max_queued_events`: captured by a group when it is made.
    QueuedEvents,
    /// `max_user_watches`: looked at by every call that adds a watch.
    UserWatches,
    /// `max_user_instances`: looked at by every call that makes a group.
    UserInstances,
}

/// One tree of files with inotify on it: the real kernel, or the file system under test.
///
/// Methods that a world may lack have a body that returns `ENOSYS`; such a world names the
/// capability in [`World::lacks`], so that scenarios that need it are skipped. A failing call
/// changes nothing. An offset or length above `i64::MAX` stands for a negative one, which Linux
/// answers with `EINVAL`.
pub trait World {
    /// A short name for messages.
    fn name(&self) -> &str;

    /// Why this world cannot do what `capability` stands for, or `None` if it can.
    ///
    /// The names are those of the scenario format: umount, queue_limit, watch_limit, fdinfo,
    /// fallocate, sendfile, splice, xattr, permissions, proc_self_fd, rename_exchange, o_tmpfile,
    /// fork, bind_mount, mount, mmap, copy_file_range, fanotify, sb_marks, fan_rename, evictable,
    /// dnotify. Random sequences also ask for whiteout, fifo (data included), chown and private_mounts
    /// (a mount stays where it was made).
    fn lacks(&self, capability: &str) -> Option<&'static str>;

    // Descriptors.

    /// Opens `path`; `mode` holds the permissions of a file that is made.
    fn open(&mut self, path: &[u8], flags: Open, mode: u32) -> Res<Handle>;
    /// Closes a descriptor; the open file ends with its last one.
    fn close(&mut self, handle: Handle) -> Res<()>;
    /// Closes a descriptor by `close_range`; the same as `close` in a world without it.
    fn close_range(&mut self, handle: Handle) -> Res<()> {
        self.close(handle)
    }
    /// A second descriptor for the same open file.
    fn dup(&mut self, handle: Handle) -> Res<Handle>;
    /// Makes `target` a descriptor of the open file of `handle`; what `target` was before is
    /// closed.
    fn dup2_over(&mut self, handle: Handle, target: Handle) -> Res<()>;
    /// Reads up to `len` bytes at the file position.
    fn read(&mut self, handle: Handle, len: usize) -> Res<Vec<u8>>;
    /// Reads up to `len` bytes at `offset`.
    fn pread(&mut self, handle: Handle, len: usize, offset: u64) -> Res<Vec<u8>>;
    /// Writes at the file position (or at the end with `APPEND`); gives the number of bytes
    /// written.
    fn write(&mut self, handle: Handle, data: &[u8]) -> Res<usize>;
    /// Writes at `offset`; as in Linux, a file opened with `APPEND` still writes at its end.
    fn pwrite(&mut self, handle: Handle, data: &[u8], offset: u64) -> Res<usize>;
    /// Writes several pieces in one call.
    fn writev(&mut self, handle: Handle, data: &[&[u8]]) -> Res<usize>;
    /// Sets the file position (`SEEK_SET`) and gives it back.
    fn lseek(&mut self, handle: Handle, offset: i64) -> Res<u64>;
    /// Writes the file's data to stable storage.
    fn fsync(&mut self, handle: Handle) -> Res<()>;
    /// Sets the length of an open file.
    fn ftruncate(&mut self, handle: Handle, len: u64) -> Res<()>;
    /// Reserves a range, growing the file if needed (mode 0 of `fallocate`).
    fn fallocate(&mut self, handle: Handle, offset: u64, len: u64) -> Res<()>;
    /// Sets the permission bits of an open file.
    fn fchmod(&mut self, handle: Handle, mode: u32) -> Res<()>;
    /// Sets time stamps of an open file.
    fn futimens(&mut self, handle: Handle, times: Times) -> Res<()>;
    /// What `fstat` says.
    fn fstat(&mut self, handle: Handle) -> Res<Stat>;
    /// Reads directory entries from the file position until a call gives none (so a small directory
    /// takes two calls); the names in any order, without `.` and `..`.
    fn getdents(&mut self, handle: Handle) -> Res<Vec<Vec<u8>>>;
    /// Gives the unnamed or open file of `handle` the name `path` (`linkat` of `/proc/self/fd/N`).
    fn linkat_fd(&mut self, handle: Handle, path: &[u8]) -> Res<()>;

    // Data between descriptors.

    /// `sendfile` at both file positions.
    fn sendfile(&mut self, _out: Handle, _input: Handle, _len: usize) -> Res<usize> {
        Err(ENOSYS)
    }
    /// `copy_file_range` at both file positions.
    fn copy_file_range(&mut self, _input: Handle, _out: Handle, _len: usize) -> Res<usize> {
        Err(ENOSYS)
    }
    /// `splice` from a fresh pipe that holds `data` into the file.
    fn splice_in(&mut self, _handle: Handle, _data: &[u8]) -> Res<usize> {
        Err(ENOSYS)
    }
    /// `splice` from the file into a fresh pipe.
    fn splice_out(&mut self, _handle: Handle, _len: usize) -> Res<usize> {
        Err(ENOSYS)
    }
    /// Maps the file shared, stores `data` at its start, syncs and unmaps.
    fn mmap_store(&mut self, _handle: Handle, _data: &[u8]) -> Res<()> {
        Err(ENOSYS)
    }

    // Attributes by path.

    /// Sets the length of the file at `path`, without opening it.
    fn truncate(&mut self, path: &[u8], len: u64) -> Res<()>;
    /// Sets the permission bits.
    fn chmod(&mut self, path: &[u8], mode: u32) -> Res<()>;
    /// Sets owner and group; `None` leaves one as it is.
    fn chown(&mut self, path: &[u8], uid: Option<u32>, gid: Option<u32>) -> Res<()>;
    /// Sets owner and group of a symbolic link itself; `None` leaves one as it is.
    fn lchown(&mut self, path: &[u8], uid: Option<u32>, gid: Option<u32>) -> Res<()>;
    /// Sets time stamps; `follow` says whether a symbolic link at the end is followed.
    fn utimens(&mut self, path: &[u8], times: Times, follow: bool) -> Res<()>;
    /// Sets an extended attribute, whether or not it exists.
    fn setxattr(&mut self, _path: &[u8], _name: &[u8], _value: &[u8]) -> Res<()> {
        Err(ENOSYS)
    }
    /// The value of an extended attribute.
    fn getxattr(&mut self, _path: &[u8], _name: &[u8]) -> Res<Vec<u8>> {
        Err(ENOSYS)
    }
    /// Removes an extended attribute.
    fn removexattr(&mut self, _path: &[u8], _name: &[u8]) -> Res<()> {
        Err(ENOSYS)
    }
    /// What `stat` says (follows a symbolic link at the end).
    fn stat(&mut self, path: &[u8]) -> Res<Stat>;
    /// What `lstat` says (does not follow).
    fn lstat(&mut self, path: &[u8]) -> Res<Stat>;
    /// The target of a symbolic link.
    fn readlink(&mut self, path: &[u8]) -> Res<Vec<u8>>;
    /// Opens a directory, reads it to the end as [`World::getdents`] does, and closes it.
    fn listdir(&mut self, path: &[u8]) -> Res<Vec<Vec<u8>>> {
        let handle = self.open(path, Open::DIRECTORY, 0)?;
        let names = self.getdents(handle);
        self.close(handle)?;
        names
    }

    // Names.

    /// Sets the current directory.
    fn chdir(&mut self, path: &[u8]) -> Res<()>;
    /// Makes a directory.
    fn mkdir(&mut self, path: &[u8], mode: u32) -> Res<()>;
    /// Makes an empty regular file without opening it.
    fn mknod(&mut self, path: &[u8], mode: u32) -> Res<()>;
    /// Makes a named pipe.
    fn mkfifo(&mut self, path: &[u8], mode: u32) -> Res<()>;
    /// Makes a socket node.
    fn mksock(&mut self, path: &[u8], mode: u32) -> Res<()>;
    /// Makes a symbolic link at `path`.
    fn symlink(&mut self, target: &[u8], path: &[u8]) -> Res<()>;
    /// Makes a hard link; a symbolic link at the end of `old` is not followed.
    fn link(&mut self, old: &[u8], new: &[u8]) -> Res<()>;
    /// Removes the name of something that is not a directory.
    fn unlink(&mut self, path: &[u8]) -> Res<()>;
    /// Removes an empty directory.
    fn rmdir(&mut self, path: &[u8]) -> Res<()>;
    /// Renames, over what is there.
    fn rename(&mut self, old: &[u8], new: &[u8]) -> Res<()>;
    /// Renames with a set of `RENAME_*` numbers.
    fn rename2(&mut self, old: &[u8], new: &[u8], flags: u32) -> Res<()>;

    // Who acts.

    /// From now on calls are made as this user and group (effective ids), without privilege unless
    /// 0.
    fn as_uid_begin(&mut self, _uid: u32) -> Res<()> {
        Err(ENOSYS)
    }
    /// Ends the last [`World::as_uid_begin`].
    fn as_uid_end(&mut self) -> Res<()> {
        Err(ENOSYS)
    }
    /// Starts a child that has a copy of every descriptor (files and groups) under the same number;
    /// calls are the child's until [`World::fork_end`].
    fn fork_begin(&mut self) -> Res<()> {
        Err(ENOSYS)
    }
    /// Ends the child: all its descriptors are closed, and the parent's table and current directory
    /// are as they were.
    fn fork_end(&mut self) -> Res<()> {
        Err(ENOSYS)
    }

    // Mounts.

    /// Mounts a fresh memory file system.
    fn mount_tmpfs(&mut self, _path: &[u8]) -> Res<()> {
        Err(ENOSYS)
    }
    /// Mounts a part of the tree a second time.
    fn mount_bind(&mut self, _source: &[u8], _path: &[u8]) -> Res<()> {
        Err(ENOSYS)
    }
    /// Unmounts (not lazily).
    fn umount(&mut self, _path: &[u8]) -> Res<()> {
        Err(ENOSYS)
    }

    // Inotify.

    /// Makes a group. `flags` are Linux numbers (0o4000 non-blocking, 0o2000000 close-on-exec),
    /// passed on unchecked, so that wrong ones give `EINVAL`.
    fn init(&mut self, flags: u32) -> Res<Group>;
    /// Adds or changes the watch on what `path` names. `mask` is passed on unchecked.
    fn add_watch(&mut self, group: Group, path: &[u8], mask: u32) -> Res<i32>;
    /// Adds or changes the watch on an open file (`/proc/self/fd/N` as the path).
    fn add_watch_fd(&mut self, group: Group, handle: Handle, mask: u32) -> Res<i32>;
    /// Calls add_watch on a descriptor that is no group: an open file, or one that is not open
    /// (`None`).
    fn add_watch_on(&mut self, handle: Option<Handle>, path: &[u8], mask: u32) -> Res<i32>;
    /// Removes a watch.
    fn rm_watch(&mut self, group: Group, wd: i32) -> Res<()>;
    /// Closes a group.
    fn close_group(&mut self, group: Group) -> Res<()>;
    /// One read with a buffer of `size` bytes: exactly the bytes of `struct inotify_event`. Never
    /// blocks: `EAGAIN` when there is nothing.
    fn read_raw(&mut self, group: Group, size: usize) -> Res<Vec<u8>>;
    /// The bytes waiting to be read (`FIONREAD`).
    fn fionread(&mut self, group: Group) -> Res<u64>;
    /// Whether the group is readable.
    fn poll(&mut self, group: Group) -> Res<bool>;
    /// Descriptor and mask of every watch, as `/proc/self/fdinfo/N` shows them, in any order.
    fn fdinfo(&mut self, group: Group) -> Res<Vec<(i32, u32)>>;
    /// Sets a limit for this world, or gives it back its default.
    fn set_limit(&mut self, limit: Limit, value: Option<u32>) -> Res<()>;
}
