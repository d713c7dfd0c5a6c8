//! The calls of the world, each one system call.

use std::io::IoSlice;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{
    AtFlags, FallocateFlags, FileType, Mode, OFlags, RawDir, RenameFlags, SeekFrom, XattrFlags,
};
use rustix::io::{DupFlags, Errno};
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::pipe::SpliceFlags;
use rustix::process::{Gid, Uid};

use super::super::world::{Group, Handle, Limit, Open, Res, Stat, Times, World};
use super::convert::{filled, mode, open_flags, stat, timestamps};
use super::limits::limit_path;
use super::{KernelWorld, copy_fd, errno, is_shared, probe, proc_path};

/// A buffer for directory entries; as large as the C library's.
const ENTRIES: usize = 32768;

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
}

impl World for KernelWorld {
    fn name(&self) -> &str {
        &self.name
    }

    fn lacks(&self, capability: &str) -> Option<&'static str> {
        let root = rustix::process::geteuid().is_root();
        let writable =
            |limit| std::fs::OpenOptions::new().write(true).open(limit_path(limit)).is_ok();
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
            "private_mounts" => {
                unless(!is_shared(&self.path), "mounts there are seen elsewhere too")
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
        errno(rustix::fs::readlinkat(&self.tables.cwd, path, Vec::new()))
            .map(|name| name.into_bytes())
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

    /// Safe code cannot fork. A child matters to notification only by its copies of the
    /// descriptors, and copies can be made in one process as well.
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
        self.mounted = true;
        Ok(())
    }

    fn mount_bind(&mut self, source: &[u8], path: &[u8]) -> Res<()> {
        errno(rustix::mount::mount_bind(self.whole(source), self.whole(path)))?;
        self.mounted = true;
        Ok(())
    }

    fn umount(&mut self, path: &[u8]) -> Res<()> {
        errno(rustix::mount::unmount(self.whole(path), UnmountFlags::empty()))
    }

    fn init(&mut self, flags: u32) -> Res<Group> {
        self.new_group(CreateFlags::from_bits_retain(flags) | CreateFlags::CLOEXEC)
    }

    fn add_watch(&mut self, group: Group, path: &[u8], mask: u32) -> Res<i32> {
        self.watch(group, &self.whole(path), mask)
    }

    fn add_watch_fd(&mut self, group: Group, handle: Handle, mask: u32) -> Res<i32> {
        self.watch(group, &proc_path(self.file(handle)?), mask)
    }

    fn add_watch_on(&mut self, handle: Option<Handle>, path: &[u8], mask: u32) -> Res<i32> {
        // Safe code cannot pass a descriptor that is not open. One opened only as a path is the
        // same to this call: the kernel finds no open file behind it.
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
        self.watches(group)
    }

    fn set_limit(&mut self, limit: Limit, value: Option<u32>) -> Res<()> {
        self.limit(limit, value);
        Ok(())
    }
}
