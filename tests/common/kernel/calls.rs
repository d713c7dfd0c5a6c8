//! The calls of the world, each one system call.

use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{
    AtFlags, FallocateFlags, FileType, Mode, OFlags, RawDir, RenameFlags, SeekFrom, Timestamps,
    UTIME_NOW, UTIME_OMIT, XattrFlags,
};
use rustix::io::{DupFlags, Errno};
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::pipe::SpliceFlags;
use rustix::process::{Gid, Uid};

use super::super::world::{Group, Handle, Kind, Limit, Open, Res, Stat, Times, World};
use super::{
    KernelWorld, USERS, copy_fd, credentials, errno, io_errno, limit_name, limit_path, probe,
    proc_path, switch,
};

/// The errno of a process or user with too many instances.
const MFILE: i32 = 24;

/// The limit of the queue, and of instances, as the system names them.
const QUEUE: &str = "max_queued_events";
const INSTANCES: &str = "max_user_instances";

/// A limit of the queue below this is one that some test has lowered for a moment.
const USUAL: u32 = 1024;

/// How often making a group is tried again while others hold all instances or have lowered a limit.
const RETRIES: u32 = 500;

/// A buffer for directory entries; as large as the C library's.
const ENTRIES: usize = 32768;

/// The flags of `open` in the kernel's numbers.
fn open_flags(flags: Open) -> OFlags {
    let table = [
        (Open::CREAT, OFlags::CREATE),
        (Open::EXCL, OFlags::EXCL),
        (Open::TRUNC, OFlags::TRUNC),
        (Open::APPEND, OFlags::APPEND),
        (Open::DIRECTORY, OFlags::DIRECTORY),
        (Open::NOFOLLOW, OFlags::NOFOLLOW),
        (Open::PATH, OFlags::PATH),
        (Open::TMPFILE, OFlags::TMPFILE),
        (Open::NONBLOCK, OFlags::NONBLOCK),
        (Open::WRONLY, OFlags::WRONLY),
        (Open::RDWR, OFlags::RDWR),
    ];
    let set = table.iter().filter(|(flag, _)| flags.contains(*flag));
    set.fold(OFlags::CLOEXEC, |all, (_, number)| all | *number)
}

/// The time stamps to set.
fn timestamps(times: Times) -> Timestamps {
    let stamp = |seconds, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let (now, omit) = (stamp(0, UTIME_NOW), stamp(0, UTIME_OMIT));
    let (last_access, last_modification) = match times {
        Times::Atime => (now, omit),
        Times::Mtime => (omit, now),
        Times::Both => (now, now),
        Times::BothExplicit => (stamp(1, 0), stamp(2, 0)),
        Times::Neither => (omit, omit),
    };
    Timestamps { last_access, last_modification }
}

/// The part of `struct stat` that is looked at.
fn stat(found: &rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::Fifo => Kind::Fifo,
        FileType::Socket => Kind::Socket,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        _ => Kind::File,
    };
    Stat {
        kind,
        mode: found.st_mode & 0o7777,
        nlink: found.st_nlink,
        size: found.st_size.cast_unsigned(),
        ino: found.st_ino,
    }
}

/// The permission bits of a mode.
fn mode(bits: u32) -> Mode {
    Mode::from_bits_retain(bits)
}

/// The limit that a queue made now would get.
fn queue_limit() -> u32 {
    let text = std::fs::read_to_string(limit_path(QUEUE));
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u32::MAX)
}

/// Fills a buffer by `read` and keeps what came.
fn filled(len: usize, read: impl FnOnce(&mut [u8]) -> rustix::io::Result<usize>) -> Res<Vec<u8>> {
    let mut buffer = vec![0; len];
    let got = errno(read(&mut buffer))?;
    buffer.truncate(got);
    Ok(buffer)
}

impl KernelWorld {
    /// Sets owner and group, by the flags of the call also of a symbolic link itself.
    fn own(&self, path: &[u8], uid: Option<u32>, gid: Option<u32>, flags: AtFlags) -> Res<()> {
        let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
        errno(rustix::fs::chownat(&self.tables.cwd, path, uid, gid, flags))
    }

    /// Makes a node that is not opened.
    fn node(&self, path: &[u8], kind: FileType, bits: u32) -> Res<()> {
        errno(rustix::fs::mknodat(&self.tables.cwd, path, kind, mode(bits), 0))
    }

    /// Makes a group under the limits of this world, or gives nothing where another program has just
    /// lowered the limit of the queue.
    fn make_group(&self, flags: CreateFlags) -> Res<Option<OwnedFd>> {
        let user = self.quota_user.filter(|_| self.users.is_empty());
        self.limited(&[QUEUE, INSTANCES], || {
            let usual = || self.limits.contains_key(QUEUE) || queue_limit() >= USUAL;
            if !usual() {
                return Ok(None);
            }
            let before = credentials();
            if let Some(user) = user {
                errno(switch(user, before.1))?;
            }
            let made = inotify::init(flags);
            if user.is_some() {
                errno(switch(before.0, before.1))?;
            }
            let made = errno(made)?;
            Ok(Some(made).filter(|_| usual()))
        })
    }

    /// Adds a watch on a whole path.
    fn watch(&self, group: Group, whole: &[u8], mask: u32) -> Res<i32> {
        let fd = self.group(group)?;
        let flags = WatchFlags::from_bits_retain(mask);
        self.limited(&["max_user_watches"], || errno(inotify::add_watch(fd, whole, flags)))
    }
}

impl World for KernelWorld {
    fn name(&self) -> &str {
        &self.name
    }

    fn lacks(&self, capability: &str) -> Option<&'static str> {
        let root = rustix::process::geteuid().is_root();
        let writable = |limit| {
            let path = limit_path(limit_name(limit));
            std::fs::OpenOptions::new().write(true).open(path).is_ok()
        };
        let unless = |able: bool, reason| if able { None } else { Some(reason) };
        match capability {
            "mmap" => Some("a shared mapping needs unsafe code"),
            "fanotify" | "sb_marks" | "fan_rename" | "evictable" | "dnotify" => {
                Some("it has no safe binding")
            }
            "permissions" => unless(root, "changing the user needs root"),
            "queue_limit" => unless(writable(Limit::QueuedEvents), "the limit needs root"),
            "watch_limit" => {
                let able = writable(Limit::UserWatches) && writable(Limit::UserInstances);
                unless(root && able, "the limit needs root")
            }
            "proc_self_fd" => unless(Path::new("/proc/self/fd").exists(), "no /proc"),
            "fdinfo" => unless(Path::new("/proc/self/fdinfo").exists(), "no /proc"),
            "xattr" | "o_tmpfile" | "rename_exchange" | "fallocate" | "sendfile"
            | "copy_file_range" | "mount" | "umount" | "bind_mount" => {
                probe(self.root.path().parent()?, capability)
            }
            _ => None,
        }
    }

    fn open(&mut self, path: &[u8], flags: Open, bits: u32) -> Res<Handle> {
        let flags = open_flags(flags);
        let fd = errno(rustix::fs::openat(&self.tables.cwd, path, flags, mode(bits)))?;
        Ok(self.keep(fd))
    }

    fn close(&mut self, handle: Handle) -> Res<()> {
        self.tables.files.remove(&handle).map(drop).ok_or(Errno::BADF.raw_os_error())
    }

    fn dup(&mut self, handle: Handle) -> Res<Handle> {
        let fd = copy_fd(self.file(handle)?)?;
        Ok(self.keep(fd))
    }

    fn dup2_over(&mut self, handle: Handle, target: Handle) -> Res<()> {
        self.file(handle)?;
        if handle == target {
            return Ok(());
        }
        let removed = self.tables.files.remove(&target);
        let mut fd = removed.ok_or(Errno::BADF.raw_os_error())?;
        let result = errno(rustix::io::dup3(self.file(handle)?, &mut fd, DupFlags::CLOEXEC));
        self.tables.files.insert(target, fd);
        result
    }

    fn read(&mut self, handle: Handle, len: usize) -> Res<Vec<u8>> {
        let fd = self.file(handle)?;
        filled(len, |buffer| rustix::io::read(fd, buffer))
    }

    fn pread(&mut self, handle: Handle, len: usize, offset: u64) -> Res<Vec<u8>> {
        let fd = self.file(handle)?;
        filled(len, |buffer| rustix::io::pread(fd, buffer, offset))
    }

    fn write(&mut self, handle: Handle, data: &[u8]) -> Res<usize> {
        errno(rustix::io::write(self.file(handle)?, data))
    }

    fn pwrite(&mut self, handle: Handle, data: &[u8], offset: u64) -> Res<usize> {
        errno(rustix::io::pwrite(self.file(handle)?, data, offset))
    }

    fn writev(&mut self, handle: Handle, data: &[&[u8]]) -> Res<usize> {
        let slices: Vec<IoSlice<'_>> = data.iter().map(|piece| IoSlice::new(piece)).collect();
        errno(rustix::io::writev(self.file(handle)?, &slices))
    }

    fn lseek(&mut self, handle: Handle, offset: i64) -> Res<u64> {
        errno(rustix::fs::seek(self.file(handle)?, SeekFrom::Start(offset.cast_unsigned())))
    }

    fn fsync(&mut self, handle: Handle) -> Res<()> {
        errno(rustix::fs::fsync(self.file(handle)?))
    }

    fn ftruncate(&mut self, handle: Handle, len: u64) -> Res<()> {
        errno(rustix::fs::ftruncate(self.file(handle)?, len))
    }

    fn fallocate(&mut self, handle: Handle, offset: u64, len: u64) -> Res<()> {
        errno(rustix::fs::fallocate(self.file(handle)?, FallocateFlags::empty(), offset, len))
    }

    fn fchmod(&mut self, handle: Handle, bits: u32) -> Res<()> {
        errno(rustix::fs::fchmod(self.file(handle)?, mode(bits)))
    }

    fn futimens(&mut self, handle: Handle, times: Times) -> Res<()> {
        errno(rustix::fs::futimens(self.file(handle)?, &timestamps(times)))
    }

    fn fstat(&mut self, handle: Handle) -> Res<Stat> {
        Ok(stat(&errno(rustix::fs::fstat(self.file(handle)?))?))
    }

    fn getdents(&mut self, handle: Handle) -> Res<Vec<Vec<u8>>> {
        let mut buffer = Vec::with_capacity(ENTRIES);
        let mut entries = RawDir::new(self.file(handle)?, buffer.spare_capacity_mut());
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let name = errno(entry)?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn linkat_fd(&mut self, handle: Handle, path: &[u8]) -> Res<()> {
        let from = proc_path(self.file(handle)?);
        let cwd = &self.tables.cwd;
        errno(rustix::fs::linkat(cwd, from, cwd, path, AtFlags::SYMLINK_FOLLOW))
    }

    fn sendfile(&mut self, out: Handle, input: Handle, len: usize) -> Res<usize> {
        errno(rustix::fs::sendfile(self.file(out)?, self.file(input)?, None, len))
    }

    fn copy_file_range(&mut self, input: Handle, out: Handle, len: usize) -> Res<usize> {
        errno(rustix::fs::copy_file_range(self.file(input)?, None, self.file(out)?, None, len))
    }

    fn splice_in(&mut self, handle: Handle, data: &[u8]) -> Res<usize> {
        let (reader, writer) = errno(rustix::pipe::pipe())?;
        errno(rustix::io::write(&writer, data))?;
        let flags = SpliceFlags::empty();
        errno(rustix::pipe::splice(&reader, None, self.file(handle)?, None, data.len(), flags))
    }

    fn splice_out(&mut self, handle: Handle, len: usize) -> Res<usize> {
        let (_reader, writer) = errno(rustix::pipe::pipe())?;
        let flags = SpliceFlags::empty();
        errno(rustix::pipe::splice(self.file(handle)?, None, &writer, None, len, flags))
    }

    fn truncate(&mut self, path: &[u8], len: u64) -> Res<()> {
        let whole = self.whole(path);
        nix::unistd::truncate(whole.as_slice(), len.cast_signed()).map_err(|error| error as i32)
    }

    fn chmod(&mut self, path: &[u8], bits: u32) -> Res<()> {
        errno(rustix::fs::chmodat(&self.tables.cwd, path, mode(bits), AtFlags::empty()))
    }

    fn chown(&mut self, path: &[u8], uid: Option<u32>, gid: Option<u32>) -> Res<()> {
        self.own(path, uid, gid, AtFlags::empty())
    }

    fn lchown(&mut self, path: &[u8], uid: Option<u32>, gid: Option<u32>) -> Res<()> {
        self.own(path, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn utimens(&mut self, path: &[u8], times: Times, follow: bool) -> Res<()> {
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        errno(rustix::fs::utimensat(&self.tables.cwd, path, &timestamps(times), flags))
    }

    fn setxattr(&mut self, path: &[u8], name: &[u8], value: &[u8]) -> Res<()> {
        errno(rustix::fs::setxattr(self.whole(path), name, value, XattrFlags::empty()))
    }

    fn getxattr(&mut self, path: &[u8], name: &[u8]) -> Res<Vec<u8>> {
        let whole = self.whole(path);
        filled(1 << 16, |buffer| rustix::fs::getxattr(whole, name, buffer))
    }

    fn removexattr(&mut self, path: &[u8], name: &[u8]) -> Res<()> {
        errno(rustix::fs::removexattr(self.whole(path), name))
    }

    fn stat(&mut self, path: &[u8]) -> Res<Stat> {
        Ok(stat(&errno(rustix::fs::statat(&self.tables.cwd, path, AtFlags::empty()))?))
    }

    fn lstat(&mut self, path: &[u8]) -> Res<Stat> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Ok(stat(&errno(rustix::fs::statat(&self.tables.cwd, path, flags))?))
    }

    fn readlink(&mut self, path: &[u8]) -> Res<Vec<u8>> {
        errno(rustix::fs::readlinkat(&self.tables.cwd, path, Vec::new())).map(|name| name.into_bytes())
    }

    fn chdir(&mut self, path: &[u8]) -> Res<()> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let cwd = errno(rustix::fs::openat(&self.tables.cwd, path, flags, Mode::empty()))?;
        // Opening as a path asks for no permission, looking up in it does.
        errno(rustix::fs::statat(&cwd, ".", AtFlags::empty()))?;
        self.tables.cwd = cwd;
        self.tables.at_root = false;
        Ok(())
    }

    fn mkdir(&mut self, path: &[u8], bits: u32) -> Res<()> {
        errno(rustix::fs::mkdirat(&self.tables.cwd, path, mode(bits)))
    }

    fn mknod(&mut self, path: &[u8], bits: u32) -> Res<()> {
        self.node(path, FileType::RegularFile, bits)
    }

    fn mkfifo(&mut self, path: &[u8], bits: u32) -> Res<()> {
        self.node(path, FileType::Fifo, bits)
    }

    fn mksock(&mut self, path: &[u8], bits: u32) -> Res<()> {
        self.node(path, FileType::Socket, bits)
    }

    fn symlink(&mut self, target: &[u8], path: &[u8]) -> Res<()> {
        errno(rustix::fs::symlinkat(target, &self.tables.cwd, path))
    }

    fn link(&mut self, old: &[u8], new: &[u8]) -> Res<()> {
        let cwd = &self.tables.cwd;
        errno(rustix::fs::linkat(cwd, old, cwd, new, AtFlags::empty()))
    }

    fn unlink(&mut self, path: &[u8]) -> Res<()> {
        errno(rustix::fs::unlinkat(&self.tables.cwd, path, AtFlags::empty()))
    }

    fn rmdir(&mut self, path: &[u8]) -> Res<()> {
        errno(rustix::fs::unlinkat(&self.tables.cwd, path, AtFlags::REMOVEDIR))
    }

    fn rename(&mut self, old: &[u8], new: &[u8]) -> Res<()> {
        let cwd = &self.tables.cwd;
        errno(rustix::fs::renameat(cwd, old, cwd, new))
    }

    fn rename2(&mut self, old: &[u8], new: &[u8], flags: u32) -> Res<()> {
        let cwd = &self.tables.cwd;
        let flags = RenameFlags::from_bits_retain(flags);
        errno(rustix::fs::renameat_with(cwd, old, cwd, new, flags))
    }

    fn as_uid_begin(&mut self, uid: u32) -> Res<()> {
        self.become_user(uid, uid)
    }

    fn as_uid_end(&mut self) -> Res<()> {
        self.return_to_user()
    }

    /// Safe code cannot fork. A child matters to notification only by its copies of the descriptors, and
    /// copies can be made in one process as well.
    fn fork_begin(&mut self) -> Res<()> {
        let child = self.tables.copy()?;
        self.parents.push(std::mem::replace(&mut self.tables, child));
        Ok(())
    }

    fn fork_end(&mut self) -> Res<()> {
        self.tables = self.parents.pop().ok_or(Errno::INVAL.raw_os_error())?;
        Ok(())
    }

    fn mount_tmpfs(&mut self, path: &[u8]) -> Res<()> {
        let whole = self.whole(path);
        errno(rustix::mount::mount("none", whole, "tmpfs", MountFlags::empty(), None))?;
        self.mounts.push(self.place(path)?);
        Ok(())
    }

    fn mount_bind(&mut self, source: &[u8], path: &[u8]) -> Res<()> {
        errno(rustix::mount::mount_bind(self.whole(source), self.whole(path)))?;
        self.mounts.push(self.place(path)?);
        Ok(())
    }

    fn umount(&mut self, path: &[u8]) -> Res<()> {
        let place = self.place(path)?;
        errno(rustix::mount::unmount(self.whole(path), UnmountFlags::empty()))?;
        if let Some(last) = self.mounts.iter().rposition(|mounted| *mounted == place) {
            self.mounts.remove(last);
        }
        Ok(())
    }

    fn init(&mut self, flags: u32) -> Res<Group> {
        let flags = CreateFlags::from_bits_retain(flags) | CreateFlags::CLOEXEC;
        let mut tries = 0;
        let fd = loop {
            let made = self.make_group(flags);
            tries += 1;
            let patience = tries < RETRIES && !self.limits.contains_key(INSTANCES);
            match made {
                Err(MFILE) if patience => {}
                Ok(None) if patience => {}
                other => break other?.ok_or(MFILE)?,
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let number = self.number();
        self.tables.groups.insert(number, fd);
        Ok(number)
    }

    fn add_watch(&mut self, group: Group, path: &[u8], mask: u32) -> Res<i32> {
        self.watch(group, &self.whole(path), mask)
    }

    fn add_watch_fd(&mut self, group: Group, handle: Handle, mask: u32) -> Res<i32> {
        self.watch(group, &proc_path(self.file(handle)?), mask)
    }

    fn add_watch_on(&mut self, handle: Option<Handle>, path: &[u8], mask: u32) -> Res<i32> {
        // Safe code cannot pass a descriptor that is not open. One opened only as a path is the same to
        // this call: the kernel finds no open file behind it.
        let fd = handle.map_or(Ok(&self.tables.cwd), |handle| self.file(handle))?;
        let flags = WatchFlags::from_bits_retain(mask);
        errno(inotify::add_watch(fd, self.whole(path), flags))
    }

    fn rm_watch(&mut self, group: Group, wd: i32) -> Res<()> {
        errno(inotify::remove_watch(self.group(group)?, wd))
    }

    fn close_group(&mut self, group: Group) -> Res<()> {
        self.tables.groups.remove(&group).map(drop).ok_or(Errno::BADF.raw_os_error())
    }

    fn read_raw(&mut self, group: Group, size: usize) -> Res<Vec<u8>> {
        if !self.poll(group)? {
            return Err(Errno::AGAIN.raw_os_error());
        }
        let fd = self.group(group)?;
        filled(size, |buffer| rustix::io::read(fd, buffer))
    }

    fn fionread(&mut self, group: Group) -> Res<u64> {
        errno(rustix::io::ioctl_fionread(self.group(group)?))
    }

    fn poll(&mut self, group: Group) -> Res<bool> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::new(self.group(group)?, PollFlags::IN)];
        errno(rustix::event::poll(&mut fds, Some(&now)))?;
        Ok(fds[0].revents().contains(PollFlags::IN))
    }

    fn fdinfo(&mut self, group: Group) -> Res<Vec<(i32, u32)>> {
        let number = self.group(group)?.as_raw_fd().to_string();
        let text = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(number));
        let text = text.map_err(|error| io_errno(&error))?;
        let field = |line: &str, name: &str| {
            let mut words = line.split_whitespace();
            let word = words.find_map(|word| word.strip_prefix(name));
            word.and_then(|hex| u32::from_str_radix(hex, 16).ok())
        };
        let lines = text.lines().filter(|line| line.starts_with("inotify "));
        let pairs = lines.filter_map(|line| {
            Some((field(line, "wd:")?.cast_signed(), field(line, "mask:")?))
        });
        Ok(pairs.collect())
    }

    fn set_limit(&mut self, limit: Limit, value: Option<u32>) -> Res<()> {
        let name = limit_name(limit);
        match value {
            Some(value) => self.limits.insert(name, value),
            None => self.limits.remove(name),
        };
        if limit != Limit::QueuedEvents && value.is_some() && self.quota_user.is_none() {
            // A user of its own, so that nobody else's watches and instances count.
            let process = std::process::id() & 0xffff;
            let count = USERS.fetch_add(1, Ordering::Relaxed) & 0xfff;
            self.quota_user = Some(0x2000_0000 | process << 12 | count);
        }
        Ok(())
    }
}
