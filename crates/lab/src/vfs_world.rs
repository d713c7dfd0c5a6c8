//! The crate's own VFS as a world.

use std::collections::BTreeMap;
use std::io::IoSlice;

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::Limits;
use vfsnotify::{
    Context, Credentials, Errno, Error, FallocateFlags, File, InodeKind, MemFs, Metadata,
    OpenFlags, RenameFlags, TimeSetting, Timestamp, TreeConfig, Vfs, XattrMode,
};

use super::world::{Group, Handle, Kind, Limit, Open, Res, Stat, Times, World};

const EBADF: i32 = Errno::EBADF.raw_os_error();
const EINVAL: i32 = Errno::EINVAL.raw_os_error();

/// Where the world's own root is: not at the root of the VFS, so that `..` leads somewhere.
const ROOT: &str = "/world";

fn errno<T>(result: Result<T, Error>) -> Res<T> {
    result.map_err(|error| error.raw_os_error())
}

/// The descriptors of a process, and who and where it is.
#[derive(Clone)]
struct Tables {
    files: BTreeMap<Handle, File>,
    groups: BTreeMap<Group, Inotify>,
    cx: Context,
}

/// A fresh VFS with an empty [`MemFs`].
pub struct VfsWorld {
    vfs: Vfs,
    tables: Tables,
    parents: Vec<Tables>,
    users: Vec<Credentials>,
    next: u32,
}

impl VfsWorld {
    /// A fresh world in which calls are made as this user.
    pub fn new((uid, gid): (u32, u32)) -> Self {
        // Far fewer than a sequence makes: dentries are reclaimed all the time, and no event may tell.
        let tree = TreeConfig { dentries: 8, ..TreeConfig::default() };
        let vfs = Vfs::builder().tree(tree).build(MemFs::new()).expect("an empty file system");
        let root = vfs.context().with_umask(0);
        vfs.mkdir(&root, ROOT, 0o755).expect("a root for the world");
        vfs.chown(&root, ROOT, Some(uid), Some(gid)).expect("an owner for it");
        let mut cx = root.with_credentials(Credentials::new(uid, gid));
        cx.chdir(&vfs, ROOT).expect("a current directory");
        let tables = Tables { files: BTreeMap::new(), groups: BTreeMap::new(), cx };
        Self { vfs, tables, parents: Vec::new(), users: Vec::new(), next: 0 }
    }

    /// The VFS, for checks of its invariants.
    pub fn vfs(&self) -> &Vfs {
        &self.vfs
    }

    /// Ends the world: no invariant may be broken, and nothing may be left behind.
    pub fn end(self) -> Result<(), String> {
        let vfs = self.vfs.clone();
        vfs.verify()?;
        drop(self);
        vfs.reap();
        vfs.verify()?;
        match vfs.nr_open_files() {
            0 => Ok(()),
            open => Err(format!("{open} open files are left")),
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn file(&self, handle: Handle) -> Res<&File> {
        self.tables.files.get(&handle).ok_or(EBADF)
    }

    fn group(&self, group: Group) -> Res<&Inotify> {
        self.tables.groups.get(&group).ok_or(EBADF)
    }

    fn cx(&self) -> &Context {
        &self.tables.cx
    }

    fn be(&mut self, who: Credentials) {
        let user = who.uid;
        self.tables.cx = self.tables.cx.clone().with_credentials(who).with_user(user);
    }
}

fn stat(metadata: &Metadata) -> Stat {
    Stat {
        kind: match metadata.kind {
            InodeKind::Regular => Kind::File,
            InodeKind::Directory => Kind::Directory,
            InodeKind::Symlink => Kind::Symlink,
            InodeKind::Fifo => Kind::Fifo,
            InodeKind::Socket => Kind::Socket,
            InodeKind::CharDevice => Kind::CharDevice,
            InodeKind::BlockDevice => Kind::BlockDevice,
        },
        mode: metadata.mode,
        nlink: u64::from(metadata.nlink),
        size: metadata.size,
        ino: metadata.ino,
        device: metadata.device,
    }
}

fn times(times: Times) -> (Option<TimeSetting>, Option<TimeSetting>) {
    let now = Some(TimeSetting::Now);
    let at = |seconds| Some(TimeSetting::At(Timestamp::from_seconds(seconds)));
    match times {
        Times::Atime => (now, None),
        Times::Mtime => (None, now),
        Times::Both => (now, now),
        Times::BothExplicit => (at(1), at(2)),
        Times::Neither => (None, None),
    }
}

impl World for VfsWorld {
    fn name(&self) -> &str {
        "the VFS"
    }

    fn lacks(&self, capability: &str) -> Option<&'static str> {
        match capability {
            "mmap" => Some("the VFS maps no memory"),
            "fanotify" | "sb_marks" | "fan_rename" | "evictable" => {
                Some("the fanotify back end is not there yet")
            }
            "dnotify" => Some("the dnotify back end is not there yet"),
            _ => None,
        }
    }

    fn open(&mut self, path: &[u8], flags: Open, mode: u32) -> Res<Handle> {
        let mut wanted = OpenFlags::empty();
        let pairs = [
            (Open::CREAT, OpenFlags::CREATE),
            (Open::EXCL, OpenFlags::EXCL),
            (Open::TRUNC, OpenFlags::TRUNC),
            (Open::APPEND, OpenFlags::APPEND),
            (Open::DIRECTORY, OpenFlags::DIRECTORY),
            (Open::NOFOLLOW, OpenFlags::NOFOLLOW),
            (Open::PATH, OpenFlags::PATH),
            (Open::TMPFILE, OpenFlags::TMPFILE),
            (Open::NONBLOCK, OpenFlags::NONBLOCK),
        ];
        for (from, to) in pairs {
            wanted.set(to, flags.contains(from));
        }
        wanted |= match (flags.contains(Open::WRONLY), flags.contains(Open::RDWR)) {
            (true, true) => OpenFlags::NEITHER,
            (false, true) => OpenFlags::READ_WRITE,
            (true, false) => OpenFlags::WRITE,
            (false, false) => OpenFlags::READ,
        };
        let file = errno(self.vfs.open(self.cx(), path, wanted, mode))?;
        let handle = self.number();
        self.tables.files.insert(handle, file);
        Ok(handle)
    }

    fn close(&mut self, handle: Handle) -> Res<()> {
        self.tables.files.remove(&handle).ok_or(EBADF)?.close();
        Ok(())
    }

    fn dup(&mut self, handle: Handle) -> Res<Handle> {
        let file = self.file(handle)?.dup();
        let copy = self.number();
        self.tables.files.insert(copy, file);
        Ok(copy)
    }

    fn dup2_over(&mut self, handle: Handle, target: Handle) -> Res<()> {
        let file = self.file(handle)?.dup();
        self.file(target)?;
        if let Some(old) = self.tables.files.insert(target, file) {
            old.close();
        }
        Ok(())
    }

    fn read(&mut self, handle: Handle, len: usize) -> Res<Vec<u8>> {
        let mut buf = vec![0; len];
        let count = errno(self.file(handle)?.read(&mut buf))?;
        buf.truncate(count);
        Ok(buf)
    }

    fn pread(&mut self, handle: Handle, len: usize, offset: u64) -> Res<Vec<u8>> {
        let mut buf = vec![0; len];
        let count = errno(self.file(handle)?.pread(&mut buf, offset))?;
        buf.truncate(count);
        Ok(buf)
    }

    fn write(&mut self, handle: Handle, data: &[u8]) -> Res<usize> {
        errno(self.file(handle)?.write(data))
    }

    fn pwrite(&mut self, handle: Handle, data: &[u8], offset: u64) -> Res<usize> {
        errno(self.file(handle)?.pwrite(data, offset))
    }

    fn writev(&mut self, handle: Handle, data: &[&[u8]]) -> Res<usize> {
        let slices: Vec<IoSlice<'_>> = data.iter().map(|piece| IoSlice::new(piece)).collect();
        errno(self.file(handle)?.writev(&slices))
    }

    fn lseek(&mut self, handle: Handle, offset: i64) -> Res<u64> {
        let file = self.file(handle)?;
        match u64::try_from(offset) {
            Ok(offset) => errno(file.seek(std::io::SeekFrom::Start(offset))),
            // No `SeekFrom` says it; the handle is looked at first all the same.
            Err(_) => errno(file.position()).and(Err(EINVAL)),
        }
    }

    fn fsync(&mut self, handle: Handle) -> Res<()> {
        errno(self.file(handle)?.fsync())
    }

    fn ftruncate(&mut self, handle: Handle, len: u64) -> Res<()> {
        errno(self.file(handle)?.truncate(len))
    }

    fn fallocate(&mut self, handle: Handle, offset: u64, len: u64) -> Res<()> {
        let file = self.file(handle)?;
        errno(file.fallocate(FallocateFlags::empty(), offset, len))
    }

    fn fchmod(&mut self, handle: Handle, mode: u32) -> Res<()> {
        errno(self.file(handle)?.chmod(self.cx(), mode))
    }

    fn futimens(&mut self, handle: Handle, which: Times) -> Res<()> {
        let (atime, mtime) = times(which);
        errno(self.file(handle)?.utimens(self.cx(), atime, mtime))
    }

    fn fstat(&mut self, handle: Handle) -> Res<Stat> {
        Ok(stat(&errno(self.file(handle)?.stat())?))
    }

    fn getdents(&mut self, handle: Handle) -> Res<Vec<Vec<u8>>> {
        let file = self.file(handle)?;
        let mut names = Vec::new();
        loop {
            let entries = errno(file.read_dir(32 * 1024))?;
            if entries.is_empty() {
                break;
            }
            names.extend(entries.into_iter().map(|entry| entry.name));
        }
        names.retain(|name| name != b"." && name != b"..");
        Ok(names)
    }

    fn linkat_fd(&mut self, handle: Handle, path: &[u8]) -> Res<()> {
        errno(self.vfs.link_file(self.cx(), self.file(handle)?, vfsnotify::At::Cwd, path))
    }

    fn sendfile(&mut self, out: Handle, input: Handle, len: usize) -> Res<usize> {
        errno(self.file(input)?.sendfile(None, self.file(out)?, len))
    }

    fn copy_file_range(&mut self, input: Handle, out: Handle, len: usize) -> Res<usize> {
        errno(self.file(input)?.copy_file_range(None, self.file(out)?, None, len))
    }

    fn splice_in(&mut self, handle: Handle, data: &[u8]) -> Res<usize> {
        errno(self.file(handle)?.splice_from(data))
    }

    fn splice_out(&mut self, handle: Handle, len: usize) -> Res<usize> {
        errno(self.file(handle)?.splice_to(&mut vec![0; len]))
    }

    fn truncate(&mut self, path: &[u8], len: u64) -> Res<()> {
        errno(self.vfs.truncate(self.cx(), path, len))
    }

    fn chmod(&mut self, path: &[u8], mode: u32) -> Res<()> {
        errno(self.vfs.chmod(self.cx(), path, mode))
    }

    fn chown(&mut self, path: &[u8], uid: Option<u32>, gid: Option<u32>) -> Res<()> {
        errno(self.vfs.chown(self.cx(), path, uid, gid))
    }

    fn lchown(&mut self, path: &[u8], uid: Option<u32>, gid: Option<u32>) -> Res<()> {
        errno(self.vfs.lchown(self.cx(), path, uid, gid))
    }

    fn utimens(&mut self, path: &[u8], which: Times, follow: bool) -> Res<()> {
        let (atime, mtime) = times(which);
        let at = vfsnotify::At::Cwd;
        errno(self.vfs.utimensat(self.cx(), at, path, atime, mtime, follow))
    }

    fn setxattr(&mut self, path: &[u8], name: &[u8], value: &[u8]) -> Res<()> {
        errno(self.vfs.setxattr(self.cx(), path, name, value, XattrMode::Set))
    }

    fn getxattr(&mut self, path: &[u8], name: &[u8]) -> Res<Vec<u8>> {
        errno(self.vfs.getxattr(self.cx(), path, name))
    }

    fn removexattr(&mut self, path: &[u8], name: &[u8]) -> Res<()> {
        errno(self.vfs.removexattr(self.cx(), path, name))
    }

    fn stat(&mut self, path: &[u8]) -> Res<Stat> {
        Ok(stat(&errno(self.vfs.stat(self.cx(), path))?))
    }

    fn lstat(&mut self, path: &[u8]) -> Res<Stat> {
        Ok(stat(&errno(self.vfs.lstat(self.cx(), path))?))
    }

    fn readlink(&mut self, path: &[u8]) -> Res<Vec<u8>> {
        errno(self.vfs.readlink(self.cx(), path))
    }

    fn chdir(&mut self, path: &[u8]) -> Res<()> {
        errno(self.tables.cx.chdir(&self.vfs, path))
    }

    fn mkdir(&mut self, path: &[u8], mode: u32) -> Res<()> {
        errno(self.vfs.mkdir(self.cx(), path, mode))
    }

    fn mknod(&mut self, path: &[u8], mode: u32) -> Res<()> {
        errno(self.vfs.mknod(self.cx(), path, InodeKind::Regular, mode, 0))
    }

    fn mkfifo(&mut self, path: &[u8], mode: u32) -> Res<()> {
        errno(self.vfs.mknod(self.cx(), path, InodeKind::Fifo, mode, 0))
    }

    fn mksock(&mut self, path: &[u8], mode: u32) -> Res<()> {
        errno(self.vfs.mknod(self.cx(), path, InodeKind::Socket, mode, 0))
    }

    fn symlink(&mut self, target: &[u8], path: &[u8]) -> Res<()> {
        errno(self.vfs.symlink(self.cx(), target, path))
    }

    fn link(&mut self, old: &[u8], new: &[u8]) -> Res<()> {
        errno(self.vfs.link(self.cx(), old, new, false))
    }

    fn unlink(&mut self, path: &[u8]) -> Res<()> {
        errno(self.vfs.unlink(self.cx(), path))
    }

    fn rmdir(&mut self, path: &[u8]) -> Res<()> {
        errno(self.vfs.rmdir(self.cx(), path))
    }

    fn rename(&mut self, old: &[u8], new: &[u8]) -> Res<()> {
        self.rename2(old, new, 0)
    }

    fn rename2(&mut self, old: &[u8], new: &[u8], flags: u32) -> Res<()> {
        errno(self.vfs.rename(self.cx(), old, new, RenameFlags::from_bits_retain(flags)))
    }

    fn as_uid_begin(&mut self, uid: u32) -> Res<()> {
        self.users.push(self.cx().credentials().clone());
        self.be(Credentials::new(uid, uid));
        Ok(())
    }

    fn as_uid_end(&mut self) -> Res<()> {
        let before = self.users.pop().ok_or(EINVAL)?;
        self.be(before);
        Ok(())
    }

    fn fork_begin(&mut self) -> Res<()> {
        self.parents.push(self.tables.clone());
        Ok(())
    }

    fn fork_end(&mut self) -> Res<()> {
        let parent = self.parents.pop().ok_or(EINVAL)?;
        let child = std::mem::replace(&mut self.tables, parent);
        drop(child);
        Ok(())
    }

    fn mount_tmpfs(&mut self, path: &[u8]) -> Res<()> {
        errno(self.vfs.mount(self.cx(), path, MemFs::builder().root_mode(0o1777).build()))
    }

    fn mount_bind(&mut self, source: &[u8], path: &[u8]) -> Res<()> {
        errno(self.vfs.bind_mount(self.cx(), source, path))
    }

    fn umount(&mut self, path: &[u8]) -> Res<()> {
        errno(self.vfs.unmount(self.cx(), path))
    }

    fn init(&mut self, flags: u32) -> Res<Group> {
        const NONBLOCK_CLOEXEC: u32 = 0o2_004_000;
        if flags & !NONBLOCK_CLOEXEC != 0 {
            return Err(EINVAL);
        }
        let inotify = errno(self.vfs.inotify(self.cx()))?;
        let group = self.number();
        self.tables.groups.insert(group, inotify);
        Ok(group)
    }

    fn add_watch(&mut self, group: Group, path: &[u8], mask: u32) -> Res<i32> {
        let mask = WatchMask::from_bits_retain(mask);
        let added = self.vfs.add_watch(self.cx(), self.group(group)?, path, mask);
        Ok(errno(added)?.as_raw())
    }

    fn add_watch_fd(&mut self, group: Group, handle: Handle, mask: u32) -> Res<i32> {
        let mask = WatchMask::from_bits_retain(mask);
        let file = self.file(handle)?;
        Ok(errno(self.vfs.add_watch_file(self.cx(), self.group(group)?, file, mask))?.as_raw())
    }

    fn add_watch_on(&mut self, handle: Option<Handle>, _path: &[u8], mask: u32) -> Res<i32> {
        // That it is no group is for the guest's descriptor table to tell; unknown bits and none
        // come before that.
        let mask = WatchMask::from_bits_retain(mask);
        if mask.is_empty() || !WatchMask::all().contains(mask) {
            return Err(EINVAL);
        }
        let file = self.file(handle.ok_or(EBADF)?)?;
        Err(if file.flags().contains(OpenFlags::PATH) { EBADF } else { EINVAL })
    }

    fn rm_watch(&mut self, group: Group, wd: i32) -> Res<()> {
        errno(self.group(group)?.rm_watch(WatchDescriptor::from_raw(wd)))
    }

    fn close_group(&mut self, group: Group) -> Res<()> {
        self.tables.groups.remove(&group).map(drop).ok_or(EBADF)
    }

    fn read_raw(&mut self, group: Group, size: usize) -> Res<Vec<u8>> {
        let mut buf = vec![0; size];
        let count = errno(self.group(group)?.read(&mut buf))?;
        buf.truncate(count);
        Ok(buf)
    }

    fn fionread(&mut self, group: Group) -> Res<u64> {
        Ok(self.group(group)?.readable_bytes() as u64)
    }

    fn poll(&mut self, group: Group) -> Res<bool> {
        Ok(!self.group(group)?.is_empty())
    }

    fn fdinfo(&mut self, group: Group) -> Res<Vec<(i32, u32)>> {
        let watches = self.group(group)?.watches();
        Ok(watches.iter().map(|watch| (watch.wd.as_raw(), watch.mask.bits())).collect())
    }

    fn set_limit(&mut self, limit: Limit, value: Option<u32>) -> Res<()> {
        let notifier = self.vfs.notifier();
        let (mut limits, usual) = (notifier.limits(), Limits::default());
        match limit {
            Limit::QueuedEvents => {
                limits.max_queued_events =
                    value.map_or(usual.max_queued_events, |value| value as usize);
            }
            Limit::UserWatches => {
                limits.max_user_watches = value.unwrap_or(usual.max_user_watches);
            }
            Limit::UserInstances => {
                limits.max_user_instances = value.unwrap_or(usual.max_user_instances);
            }
        }
        notifier.set_limits(limits);
        Ok(())
    }
}
