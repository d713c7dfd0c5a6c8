//! The kernel's side: a tmpfs in a mount namespace of the thread's own.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use rustix::event::Timespec;
use rustix::fs::{
    self, AtFlags, CWD, FallocateFlags, FileType, Mode, OFlags, RawDir, RenameFlags, SeekFrom,
    Timestamps, UTIME_NOW, UTIME_OMIT, XattrFlags,
};
use rustix::io::Errno;
use rustix::mount::{self, MountFlags, MountPropagationFlags};
use rustix::process::{Gid, Uid, chdir, umask};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::calls::*;

/// A tree in the kernel. Belongs to the thread that made it.
pub(crate) struct Kernel {
    top: PathBuf,
    user: u32,
    trees: u32,
}

fn outcome<T>(done: rustix::io::Result<T>) -> Outcome {
    done.map(|_| 0).map_err(Errno::raw_os_error)
}

fn count(done: rustix::io::Result<usize>) -> Outcome {
    done.map(|count| count as i64).map_err(Errno::raw_os_error)
}

fn size(done: rustix::io::Result<fs::Stat>) -> Outcome {
    done.map(|found| found.st_size).map_err(Errno::raw_os_error)
}

fn follow_flags(follow: bool) -> AtFlags {
    if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW }
}

/// An id as rustix takes it. It has no value for "unchanged" but `None`.
fn ids((uid, gid): Owner) -> (Option<Uid>, Option<Gid>) {
    let some = |id| (id != u32::MAX).then_some(id);
    (some(uid).map(Uid::from_raw), some(gid).map(Gid::from_raw))
}

fn timestamps(atime: Stamp, mtime: Stamp) -> Timestamps {
    let spec = |stamp| match stamp {
        Stamp::Now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
        Stamp::Omit => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        Stamp::At(seconds, nanoseconds) => {
            Timespec { tv_sec: seconds, tv_nsec: i64::from(nanoseconds) }
        }
    };
    Timestamps { last_access: spec(atime), last_modification: spec(mtime) }
}

fn open(path: &str, flags: u32) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::from_bits_retain(flags | O_CLOEXEC | O_NONBLOCK);
    fs::open(path, flags, Mode::from(0o644))
}

/// Reads a directory to its end.
fn list(fd: &OwnedFd) -> Outcome {
    let mut buffer = Vec::with_capacity(1 << 15);
    let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
    let mut count = 0;
    while let Some(entry) = entries.next() {
        entry.map_err(Errno::raw_os_error)?;
        count += 1;
    }
    Ok(count)
}

impl Kernel {
    /// A tree, mounted so, which is acted on as this user from now on. Leaves the thread in a mount
    /// namespace of its own, where its current directory is the tree's.
    ///
    /// # Errors
    /// If the thread may not mount.
    pub(crate) fn new(top: &Path, mounted: Mounted, user: u32) -> Result<Self, String> {
        let step = |what: &str, done: rustix::io::Result<()>| {
            done.map_err(|error| format!("{what}: {error}"))
        };
        unshare(CloneFlags::CLONE_NEWNS).map_err(|error| format!("unshare: {error}"))?;
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        step("make / private", mount::mount_change("/", private))?;
        step("mount", mount::mount("none", top, "tmpfs", MountFlags::empty(), None))?;
        umask(Mode::empty());
        let mut kernel = Self { top: top.to_owned(), user: 0, trees: 0 };
        kernel.renew();
        match mounted {
            Mounted::Writable => {}
            Mounted::ReadOnlyBind => {
                let flags = MountFlags::BIND | MountFlags::RDONLY;
                step("bind", mount::mount_bind(top, top))?;
                step("remount the bind", mount::mount_remount(top, flags, ""))?;
            }
            Mounted::ReadOnlySuperblock => {
                step("remount", mount::mount_remount(top, MountFlags::RDONLY, ""))?;
            }
        }
        chdir(top.join(format!("tree{}", kernel.trees))).map_err(|error| error.to_string())?;
        kernel.user = user;
        kernel.act_as(user);
        Ok(kernel)
    }

    /// The saved user id stays root's, which is the way back.
    fn act_as(&self, user: u32) {
        let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
        let root = (Uid::ROOT, Gid::ROOT);
        set_thread_res_uid(root.0, root.0, root.0).expect("root comes first");
        set_thread_groups(&[]).expect("root may");
        set_thread_res_gid(gid, gid, root.1).expect("root may");
        set_thread_res_uid(uid, uid, root.0).expect("root may");
    }

    /// Makes a fresh tree and goes there.
    pub(crate) fn renew(&mut self) {
        self.act_as(0);
        self.trees += 1;
        let tree = self.top.join(format!("tree{}", self.trees));
        fs::mkdir(&tree, Mode::from(0o755)).expect("a directory");
        chdir(&tree).expect("it is there");
        for (path, mode, owner, entry) in TREE {
            plant(path, mode, entry);
            let (uid, gid) = ids((owner, owner));
            let nofollow = AtFlags::SYMLINK_NOFOLLOW;
            fs::chownat(CWD, path, uid, gid, nofollow).expect("root may");
            if !matches!(entry, Entry::Link(_)) {
                fs::chmod(path, Mode::from(mode)).expect("root may");
            }
        }
        self.act_as(self.user);
    }

    pub(crate) fn run(&self, call: &Call) -> Outcome {
        match *call {
            Call::Open(path, flags) => outcome(open(path, flags)),
            Call::Access(path, bits, follow) => {
                let flags = follow_flags(follow) | AtFlags::EACCESS;
                outcome(fs::accessat(CWD, path, fs::Access::from_bits_retain(bits), flags))
            }
            Call::Stat(path, follow) => size(fs::statat(CWD, path, follow_flags(follow))),
            Call::Statfs(path) => outcome(fs::statfs(path)),
            Call::Readlink(path) => outcome(fs::readlinkat(CWD, path, Vec::new())),
            Call::List(path) => list(&open(path, O_DIRECTORY).map_err(Errno::raw_os_error)?),
            Call::Truncate(path, len) => {
                nix::unistd::truncate(path, len).map(|()| 0).map_err(|error| error as i32)
            }
            Call::Chmod(path, true) => outcome(fs::chmod(path, Mode::from(0o640))),
            Call::Chmod(path, false) => {
                // rustix does not pass the flag on, and older C libraries say themselves what a
                // symbolic link is answered with. The magic link leads to the link itself.
                let fd = open(path, O_PATH | O_NOFOLLOW).map_err(Errno::raw_os_error)?;
                let magic = format!("/proc/thread-self/fd/{}", fd.as_raw_fd());
                outcome(fs::chmod(magic, Mode::from(0o640)))
            }
            Call::Chown(path, owner, follow) => {
                let (uid, gid) = ids(owner);
                outcome(fs::chownat(CWD, path, uid, gid, follow_flags(follow)))
            }
            Call::Utimens(path, atime, mtime, follow) => {
                let times = timestamps(atime, mtime);
                outcome(fs::utimensat(CWD, path, &times, follow_flags(follow)))
            }
            Call::Getxattr(path, name, follow) => {
                let mut value = [0; 100];
                outcome(match follow {
                    true => fs::getxattr(path, name, &mut value),
                    false => fs::lgetxattr(path, name, &mut value),
                })
            }
            Call::Setxattr(path, name, len, follow) => {
                let value = vec![b'v'; len];
                outcome(match follow {
                    true => fs::setxattr(path, name, &value, XattrFlags::empty()),
                    false => fs::lsetxattr(path, name, &value, XattrFlags::empty()),
                })
            }
            Call::Removexattr(path, name, follow) => outcome(match follow {
                true => fs::removexattr(path, name),
                false => fs::lremovexattr(path, name),
            }),
            Call::Listxattr(path, follow) => {
                let mut names = [0; 1000];
                outcome(match follow {
                    true => fs::listxattr(path, &mut names),
                    false => fs::llistxattr(path, &mut names),
                })
            }
            Call::Mkdir(path) => outcome(fs::mkdir(path, Mode::from(0o755))),
            Call::Mknod(path, node) => {
                let (kind, device) = match node {
                    Node::File => (FileType::RegularFile, 0),
                    Node::Fifo => (FileType::Fifo, 0),
                    Node::Device => (FileType::CharacterDevice, fs::makedev(1, 3)),
                    Node::Whiteout => (FileType::CharacterDevice, 0),
                };
                outcome(fs::mknodat(CWD, path, kind, Mode::from(0o644), device))
            }
            Call::Symlink(target, path) => outcome(fs::symlink(target, path)),
            Call::Unlink(path) => outcome(fs::unlink(path)),
            Call::Rmdir(path) => outcome(fs::rmdir(path)),
            Call::Link(old, new, follow) => {
                let flags = if follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
                outcome(fs::linkat(CWD, old, CWD, new, flags))
            }
            Call::Rename(old, new, flags) => {
                let flags = RenameFlags::from_bits_retain(flags);
                outcome(fs::renameat_with(CWD, old, CWD, new, flags))
            }
            Call::On(path, flags, ref call) => {
                run_on(&open(path, flags).map_err(Errno::raw_os_error)?, call)
            }
            Call::Copy((from, from_flags, mut start), (to, to_flags, mut target), len) => {
                let from = open(from, from_flags).map_err(Errno::raw_os_error)?;
                let to = open(to, to_flags).map_err(Errno::raw_os_error)?;
                let (start, target) = (Some(&mut start), Some(&mut target));
                count(fs::copy_file_range(&from, start, &to, target, len))
            }
            Call::Sendfile((from, from_flags), mut start, (to, to_flags), len) => {
                let from = open(from, from_flags).map_err(Errno::raw_os_error)?;
                let to = open(to, to_flags).map_err(Errno::raw_os_error)?;
                count(fs::sendfile(&to, &from, start.as_mut(), len))
            }
        }
    }
}

fn plant(path: &str, mode: u32, entry: Entry) {
    let node = |kind, device| fs::mknodat(CWD, path, kind, Mode::from(mode), device);
    match entry {
        Entry::Directory if path == "." => Ok(()),
        Entry::Directory => fs::mkdir(path, Mode::from(mode)),
        Entry::File => std::fs::write(path, CONTENTS).map_err(|_| Errno::IO),
        Entry::Link(target) => fs::symlink(target, path),
        Entry::Fifo => node(FileType::Fifo, 0),
        Entry::Device => node(FileType::CharacterDevice, fs::makedev(1, 3)),
        Entry::Whiteout => node(FileType::CharacterDevice, 0),
        Entry::Socket => node(FileType::Socket, 0),
    }
    .unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn run_on(fd: &OwnedFd, call: &FileCall) -> Outcome {
    match *call {
        FileCall::Stat => size(fs::fstat(fd)),
        FileCall::Statfs => outcome(fs::fstatfs(fd)),
        FileCall::List => list(fd),
        FileCall::Sync => outcome(fs::fsync(fd)),
        FileCall::Chmod => outcome(fs::fchmod(fd, Mode::from(0o640))),
        FileCall::Chown(owner) => {
            let (uid, gid) = ids(owner);
            outcome(fs::fchown(fd, uid, gid))
        }
        FileCall::Utimens(atime, mtime) => outcome(fs::futimens(fd, &timestamps(atime, mtime))),
        FileCall::Truncate(len) => outcome(fs::ftruncate(fd, len.cast_unsigned())),
        FileCall::Fallocate(mode, offset, len) => {
            let mode = FallocateFlags::from_bits_retain(mode);
            outcome(fs::fallocate(fd, mode, offset.cast_unsigned(), len.cast_unsigned()))
        }
        FileCall::Read(len) => count(rustix::io::read(fd, vec![0; len].as_mut_slice())),
        FileCall::Pread(len, offset) => {
            count(rustix::io::pread(fd, vec![0; len].as_mut_slice(), offset.cast_unsigned()))
        }
        FileCall::Preadv(one, two, offset) => {
            let (mut one, mut two) = (vec![0; one], vec![0; two]);
            let mut bufs = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
            count(rustix::io::preadv(fd, &mut bufs, offset.cast_unsigned()))
        }
        FileCall::Write(len) => count(rustix::io::write(fd, &vec![0; len])),
        FileCall::Pwrite(len, offset) => {
            count(rustix::io::pwrite(fd, &vec![0; len], offset.cast_unsigned()))
        }
        FileCall::Pwritev(one, two, offset) => {
            let (one, two) = (vec![0; one], vec![0; two]);
            let bufs = [IoSlice::new(&one), IoSlice::new(&two)];
            count(rustix::io::pwritev(fd, &bufs, offset.cast_unsigned()))
        }
        FileCall::Seek(whence, offset) => {
            let to = match whence {
                0 => SeekFrom::Start(offset.cast_unsigned()),
                1 => SeekFrom::Current(offset),
                2 => SeekFrom::End(offset),
                3 => SeekFrom::Data(offset.cast_unsigned()),
                _ => SeekFrom::Hole(offset.cast_unsigned()),
            };
            fs::seek(fd, to).map(u64::cast_signed).map_err(Errno::raw_os_error)
        }
        FileCall::Getxattr(name) => outcome(fs::fgetxattr(fd, name, &mut [0_u8; 100])),
        FileCall::Setxattr(name) => outcome(fs::fsetxattr(fd, name, b"v", XattrFlags::empty())),
        FileCall::Removexattr(name) => outcome(fs::fremovexattr(fd, name)),
        FileCall::Listxattr => outcome(fs::flistxattr(fd, &mut [0_u8; 1000])),
    }
}
