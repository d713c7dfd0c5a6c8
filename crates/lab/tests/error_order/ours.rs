//! The crate's side: the same tree in a `MemFs`.

use std::io::{IoSlice, IoSliceMut, SeekFrom};
use std::sync::Arc;

use vfsnotify::{
    Access, At, Context, Credentials, Error, FallocateFlags, File, InodeKind, MemFs, Metadata,
    MountOptions, OpenFlags, RenameFlags, TimeSetting, Timestamp, Vfs, XattrMode,
};

use crate::calls::*;

/// The device 1:3, and the greatest number of bytes that a page of a listing takes.
const NULL: u64 = 0x103;
const PAGE: usize = 1 << 15;

/// A tree of the crate's.
pub(crate) struct Ours {
    vfs: Vfs,
    /// Who makes the trees, and who acts in them.
    root: Context,
    cx: Context,
    trees: u32,
}

fn outcome<T>(done: Result<T, Error>) -> Outcome {
    done.map(|_| 0).map_err(|error| error.raw_os_error())
}

fn count(done: Result<usize, Error>) -> Outcome {
    done.map(|count| count as i64).map_err(|error| error.raw_os_error())
}

fn size(done: Result<Metadata, Error>) -> Outcome {
    done.map(|found| found.attr.size.cast_signed()).map_err(|error| error.raw_os_error())
}

fn time(stamp: Stamp) -> Option<TimeSetting> {
    match stamp {
        Stamp::Now => Some(TimeSetting::Now),
        Stamp::Omit => None,
        Stamp::At(seconds, nanoseconds) => {
            Some(TimeSetting::At(Timestamp { seconds, nanoseconds }))
        }
    }
}

fn list(dir: &File) -> Outcome {
    let mut entries = 0;
    loop {
        match dir.read_dir(PAGE).map_err(|error| error.raw_os_error())? {
            page if page.is_empty() => return Ok(entries),
            page => entries += page.len() as i64,
        }
    }
}

impl Ours {
    /// A tree, mounted so, which is acted on as this user.
    pub(crate) fn new(mounted: Mounted, user: u32) -> Self {
        let fs = Arc::new(MemFs::new());
        let vfs = Vfs::new(MemFs::new()).expect("a VFS");
        let root = vfs.context().with_umask(0);
        vfs.mkdir(&root, "/m", 0o755).expect("a directory");
        // The tree is made first, and with a VFS of its own where it will be read-only.
        if mounted == Mounted::ReadOnlySuperblock {
            let maker = Vfs::new(fs.clone()).expect("a VFS");
            let mut root = maker.context().with_umask(0);
            maker.mkdir(&root, "/tree1", 0o755).expect("a directory");
            root.chdir(&maker, "/tree1").expect("it is there");
            plant_all(&maker, &root);
        }
        let read_only = MountOptions::default().read_only(true);
        let options = match mounted {
            Mounted::ReadOnlySuperblock => read_only,
            _ => MountOptions::default(),
        };
        vfs.mount_with(&root, "/m", fs, options).expect("a mount");
        let cx = root.clone().with_credentials(Credentials::new(user, user));
        let mut ours = Self { vfs: vfs.clone(), root: root.clone(), cx, trees: 0 };
        if mounted == Mounted::ReadOnlySuperblock {
            ours.cx.chdir(&vfs, "/m/tree1").expect("it is there");
        } else {
            ours.renew();
        }
        if mounted == Mounted::ReadOnlyBind {
            vfs.bind_mount_with(&root, "/m", "/m", read_only).expect("a mount");
            ours.cx.chdir(&vfs, "/m/tree1").expect("it is there");
        }
        ours
    }

    /// Makes a fresh tree and goes there.
    pub(crate) fn renew(&mut self) {
        self.trees += 1;
        let tree = format!("/m/tree{}", self.trees);
        self.vfs.mkdir(&self.root, &tree, 0o755).expect("a directory");
        self.root.chdir(&self.vfs, &tree).expect("it is there");
        plant_all(&self.vfs, &self.root);
        self.cx.chdir(&self.vfs, &tree).expect("it is there");
    }

    pub(crate) fn verify(&self) {
        self.vfs.verify().expect("the invariants");
    }

    fn open(&self, path: &str, flags: u32) -> Result<File, Error> {
        self.vfs.open(&self.cx, path, OpenFlags::from_linux(flags), 0o644)
    }

    pub(crate) fn run(&self, call: &Call) -> Outcome {
        let (vfs, cx) = (&self.vfs, &self.cx);
        match *call {
            Call::Open(path, flags) => outcome(self.open(path, flags)),
            Call::Access(path, bits, follow) => {
                let want = Access::from_bits_retain(bits);
                outcome(vfs.accessat(cx, At::Cwd, path, want, follow))
            }
            Call::Stat(path, follow) => size(vfs.statat(cx, At::Cwd, path, follow)),
            Call::Statfs(path) => outcome(vfs.statfs(cx, path)),
            Call::Readlink(path) => outcome(vfs.readlink(cx, path)),
            Call::List(path) => {
                list(&self.open(path, O_DIRECTORY).map_err(|error| error.raw_os_error())?)
            }
            Call::Truncate(path, len) => outcome(vfs.truncate(cx, path, len.cast_unsigned())),
            Call::Chmod(path, follow) => outcome(vfs.chmodat(cx, At::Cwd, path, 0o640, follow)),
            Call::Chown(path, (uid, gid), follow) => {
                outcome(vfs.chownat(cx, At::Cwd, path, Some(uid), Some(gid), follow))
            }
            Call::Utimens(path, atime, mtime, follow) => {
                outcome(vfs.utimensat(cx, At::Cwd, path, time(atime), time(mtime), follow))
            }
            Call::Getxattr(path, name, follow) => {
                outcome(vfs.getxattrat(cx, At::Cwd, path, name, follow))
            }
            Call::Setxattr(path, name, len, follow) => {
                let value = vec![b'v'; len];
                let mode = XattrMode::Set;
                outcome(vfs.setxattrat(cx, At::Cwd, path, name, &value, mode, follow))
            }
            Call::Removexattr(path, name, follow) => {
                outcome(vfs.removexattrat(cx, At::Cwd, path, name, follow))
            }
            Call::Listxattr(path, follow) => outcome(vfs.listxattrat(cx, At::Cwd, path, follow)),
            Call::Mkdir(path) => outcome(vfs.mkdir(cx, path, 0o755)),
            Call::Mknod(path, node) => {
                let (kind, device) = match node {
                    Node::File => (InodeKind::Regular, 0),
                    Node::Fifo => (InodeKind::Fifo, 0),
                    Node::Device => (InodeKind::CharDevice, NULL),
                    Node::Whiteout => (InodeKind::CharDevice, 0),
                };
                outcome(vfs.mknod(cx, path, kind, 0o644, device))
            }
            Call::Symlink(target, path) => outcome(vfs.symlink(cx, target, path)),
            Call::Unlink(path) => outcome(vfs.unlink(cx, path)),
            Call::Rmdir(path) => outcome(vfs.rmdir(cx, path)),
            Call::Link(old, new, follow) => outcome(vfs.link(cx, old, new, follow)),
            Call::Rename(old, new, flags) => {
                outcome(vfs.rename(cx, old, new, RenameFlags::from_bits_retain(flags)))
            }
            Call::On(path, flags, ref call) => {
                let file = self.open(path, flags).map_err(|error| error.raw_os_error())?;
                self.run_on(&file, call)
            }
            Call::Copy((from, from_flags, mut start), (to, to_flags, mut target), len) => {
                let from = self.open(from, from_flags).map_err(|error| error.raw_os_error())?;
                let to = self.open(to, to_flags).map_err(|error| error.raw_os_error())?;
                count(from.copy_file_range(Some(&mut start), &to, Some(&mut target), len))
            }
            Call::Sendfile((from, from_flags), mut start, (to, to_flags), len) => {
                let from = self.open(from, from_flags).map_err(|error| error.raw_os_error())?;
                let to = self.open(to, to_flags).map_err(|error| error.raw_os_error())?;
                count(from.sendfile(start.as_mut(), &to, len))
            }
        }
    }

    fn run_on(&self, file: &File, call: &FileCall) -> Outcome {
        let cx = &self.cx;
        match *call {
            FileCall::Stat => size(file.stat()),
            FileCall::Statfs => outcome(file.statfs()),
            FileCall::List => list(file),
            FileCall::Sync => outcome(file.fsync()),
            FileCall::Chmod => outcome(file.chmod(cx, 0o640)),
            FileCall::Chown((uid, gid)) => outcome(file.chown(cx, Some(uid), Some(gid))),
            FileCall::Utimens(atime, mtime) => outcome(file.utimens(cx, time(atime), time(mtime))),
            FileCall::Truncate(len) => outcome(file.truncate(len.cast_unsigned())),
            FileCall::Fallocate(mode, offset, len) => {
                let flags = FallocateFlags::from_bits_retain(mode);
                outcome(file.fallocate(flags, offset.cast_unsigned(), len.cast_unsigned()))
            }
            FileCall::Read(len) => count(file.read(&mut vec![0; len])),
            FileCall::Pread(len, offset) => {
                count(file.pread(&mut vec![0; len], offset.cast_unsigned()))
            }
            FileCall::Preadv(one, two, offset) => {
                let (mut one, mut two) = (vec![0; one], vec![0; two]);
                let mut bufs = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
                count(file.preadv(&mut bufs, offset.cast_unsigned()))
            }
            FileCall::Write(len) => count(file.write(&vec![0; len])),
            FileCall::Pwrite(len, offset) => {
                count(file.pwrite(&vec![0; len], offset.cast_unsigned()))
            }
            FileCall::Pwritev(one, two, offset) => {
                let (one, two) = (vec![0; one], vec![0; two]);
                let bufs = [IoSlice::new(&one), IoSlice::new(&two)];
                count(file.pwritev(&bufs, offset.cast_unsigned()))
            }
            FileCall::Seek(whence, offset) => {
                let place = offset.cast_unsigned();
                let found = match whence {
                    0 => file.seek(SeekFrom::Start(place)),
                    1 => file.seek(SeekFrom::Current(offset)),
                    2 => file.seek(SeekFrom::End(offset)),
                    3 => file.seek_data(place),
                    _ => file.seek_hole(place),
                };
                found.map(u64::cast_signed).map_err(|error| error.raw_os_error())
            }
            FileCall::Getxattr(name) => outcome(file.getxattr(cx, name)),
            FileCall::Setxattr(name) => outcome(file.setxattr(cx, name, b"v", XattrMode::Set)),
            FileCall::Removexattr(name) => outcome(file.removexattr(cx, name)),
            FileCall::Listxattr => outcome(file.listxattr(cx)),
        }
    }
}

fn plant_all(vfs: &Vfs, cx: &Context) {
    for (path, mode, owner, entry) in TREE {
        let node = |kind, device| vfs.mknod(cx, path, kind, mode, device);
        match entry {
            Entry::Directory if path == "." => Ok(()),
            Entry::Directory => vfs.mkdir(cx, path, mode),
            Entry::File => {
                let flags = OpenFlags::WRITE | OpenFlags::CREATE;
                vfs.open(cx, path, flags, mode).and_then(|file| file.write(CONTENTS)).map(drop)
            }
            Entry::Link(target) => vfs.symlink(cx, target, path),
            Entry::Fifo => node(InodeKind::Fifo, 0),
            Entry::Device => node(InodeKind::CharDevice, NULL),
            Entry::Whiteout => node(InodeKind::CharDevice, 0),
            Entry::Socket => node(InodeKind::Socket, 0),
        }
        .unwrap_or_else(|error| panic!("{path}: {error}"));
        vfs.lchown(cx, path, Some(owner), Some(owner)).expect("root may");
        if !matches!(entry, Entry::Link(_)) {
            vfs.chmod(cx, path, mode).expect("root may");
        }
    }
}
