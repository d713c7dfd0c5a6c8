//! The trees of a directory of the machine and of one of a VFS, in a form that can be compared.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};

use vfsnotify::{Context, InodeKind, IntoPath, MemFs, OpenFlags, Vfs};

use crate::archive::Extracted;
use crate::copy::{Copied, Copier, DESTINATION};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Node {
    kind: InodeKind,
    pub(crate) mode: u32,
    owner: (u32, u32),
    pub(crate) mtime: (i64, u32),
    pub(crate) nlink: u64,
    /// The first name of the same inode.
    first_name: PathBuf,
    rdev: u64,
    /// Contents, or target.
    pub(crate) data: Vec<u8>,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
}

pub(crate) type Nodes = BTreeMap<PathBuf, Node>;

pub(crate) fn of_machine(top: &Path) -> Nodes {
    let (mut nodes, mut first_names) = (Nodes::new(), HashMap::new());
    let mut to_see = vec![PathBuf::new()];
    while let Some(path) = to_see.pop() {
        let full = top.join(&path);
        let metadata = fs::symlink_metadata(&full).expect("it is there");
        let kind = metadata.file_type();
        let mut data = Vec::new();
        let kind = if kind.is_dir() {
            let entries = fs::read_dir(&full).expect("a directory");
            let mut names: Vec<_> =
                entries.map(|entry| entry.expect("a name").file_name()).collect();
            names.sort();
            to_see.extend(names.iter().rev().map(|name| path.join(name)));
            InodeKind::Directory
        } else if kind.is_symlink() {
            data = fs::read_link(&full).expect("a target").as_os_str().as_bytes().to_vec();
            InodeKind::Symlink
        } else if kind.is_file() {
            data = fs::read(&full).expect("a file");
            InodeKind::Regular
        } else if kind.is_fifo() {
            InodeKind::Fifo
        } else if kind.is_socket() {
            InodeKind::Socket
        } else if kind.is_char_device() {
            InodeKind::CharDevice
        } else {
            InodeKind::BlockDevice
        };
        let nlink = if kind.is_dir() { 0 } else { metadata.nlink() };
        let first_name = first_names.entry(metadata.ino()).or_insert_with(|| path.clone()).clone();
        let mode = if kind == InodeKind::Symlink { 0 } else { metadata.mode() & 0o7777 };
        let owner = (metadata.uid(), metadata.gid());
        let mtime = (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).expect("below 10^9"));
        let (rdev, xattrs) = (metadata.rdev(), xattrs_of_machine(&full));
        let node = Node { kind, mode, owner, mtime, nlink, first_name, rdev, data, xattrs };
        nodes.insert(path, node);
    }
    nodes
}

fn xattrs_of_machine(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = [0_u8; 4096];
    let len = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let mut xattrs: Vec<_> = names
        .map(|name| {
            let mut value = [0_u8; 4096];
            let len = rustix::fs::lgetxattr(path, name, &mut value[..]).expect("a value");
            (name.to_vec(), value[..len].to_vec())
        })
        .collect();
    xattrs.sort();
    xattrs
}

pub(crate) fn of_vfs(vfs: &Vfs, cx: &Context) -> Nodes {
    let (mut nodes, mut first_names) = (Nodes::new(), HashMap::new());
    let mut to_see = vec![PathBuf::new()];
    while let Some(path) = to_see.pop() {
        let full = Path::new(DESTINATION).join(&path);
        let full = full.as_os_str().as_bytes();
        let metadata = vfs.stat(cx, full.no_follow()).expect("it is there");
        let kind = metadata.kind;
        let mut data = Vec::new();
        match kind {
            InodeKind::Directory => {
                let mut entries = vfs.list(cx, full).expect("a directory");
                entries.sort_by(|one, other| one.name.cmp(&other.name));
                let names =
                    entries.iter().rev().map(|entry| std::ffi::OsStr::from_bytes(&entry.name));
                to_see.extend(names.map(|name| path.join(name)));
            }
            InodeKind::Symlink => data = vfs.readlink(cx, full).expect("a target"),
            InodeKind::Regular => {
                let file = vfs.open(cx, full, OpenFlags::READ, 0).expect("a file");
                data = vec![0; usize::try_from(metadata.size).expect("in memory")];
                let mut len = 0;
                while len < data.len() {
                    len += file.read(&mut data[len..]).expect("contents");
                }
            }
            _ => {}
        }
        let nlink = if kind.is_dir() { 0 } else { u64::from(metadata.nlink) };
        let first_name = first_names.entry(metadata.ino).or_insert_with(|| path.clone()).clone();
        let mode = if kind == InodeKind::Symlink { 0 } else { metadata.mode.into() };
        let owner = (metadata.uid, metadata.gid);
        let mtime = (metadata.mtime.seconds, metadata.mtime.nanoseconds);
        let value = |name: Vec<u8>| {
            let value = vfs.getxattr(cx, full.no_follow(), &name).expect("a value");
            (name, value)
        };
        let names = vfs.listxattr(cx, full.no_follow()).unwrap_or_default();
        let mut xattrs: Vec<_> = names.into_iter().map(value).collect();
        xattrs.sort();
        let rdev = metadata.rdev;
        let node = Node { kind, mode, owner, mtime, nlink, first_name, rdev, data, xattrs };
        nodes.insert(path, node);
    }
    nodes
}

/// Copies a directory of the machine into a new VFS.
pub(crate) fn copied(directory: &Path, fs: MemFs, is_own: bool) -> (Vfs, Context, Copied) {
    let vfs = Vfs::new(fs).expect("a VFS");
    let cx = vfs.context().with_umask(0);
    let (stop, names) = (AtomicBool::new(false), AtomicU64::new(0));
    let copied = Copier::new(&vfs, &cx, None, &stop, &names, is_own).copy(directory);
    vfs.verify().expect("a VFS without defects");
    (vfs, cx, copied)
}

/// The tree of an archive in a VFS, without a failure.
pub(crate) fn unpacked(archive: &Path) -> Nodes {
    let extracted = Extracted::new(archive, &AtomicBool::new(false)).expect("a `tar` program");
    assert!(extracted.is_complete, "{:?}", extracted.messages);
    let (vfs, cx, copied) = copied(&extracted.tree(), MemFs::new(), true);
    assert_eq!(copied.failures, [""; 0]);
    assert!(copied.operations > 0);
    extracted.remove().expect("the temporary folder can be removed");
    of_vfs(&vfs, &cx)
}
