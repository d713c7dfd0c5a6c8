//! A host with secrets, and a guest with a root.

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::{Context, Credentials, Errno, MemFs, OpenFlags, Result, Vfs};

pub(crate) const GUEST: u32 = 1000;

/// Whether the guest's root is a directory of the host's file system, a bind mount of one, or a file
/// system of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Directory,
    Bind,
    Own,
}

pub(crate) const ROOTS: [Root; 3] = [Root::Directory, Root::Bind, Root::Own];

pub(crate) struct Stage {
    pub(crate) vfs: Vfs,
    pub(crate) host: Context,
    pub(crate) guest: Context,
}

impl Stage {
    /// `/guest` is the guest's root, and all of it the guest's own; `/secret` and all in it is not
    /// the guest's to know.
    pub(crate) fn new(root: Root) -> Self {
        let vfs = Vfs::new(MemFs::new()).expect("a VFS");
        let host = vfs.context();
        for dir in ["/guest", "/secret", "/secret/plans"] {
            vfs.mkdir(&host, dir, 0o755).expect("a directory");
        }
        let new = OpenFlags::WRITE | OpenFlags::CREATE;
        vfs.open(&host, "/secret/classified", new, 0o644).expect("a file").close();
        match root {
            Root::Directory => {}
            Root::Bind => {
                vfs.mkdir(&host, "/jail", 0o755).expect("a directory");
                vfs.bind_mount(&host, "/guest", "/jail").expect("a mount");
            }
            Root::Own => vfs.mount(&host, "/guest", MemFs::new()).expect("a mount"),
        }
        vfs.chown(&host, "/guest", Some(GUEST), Some(GUEST)).expect("a new owner");
        let path = if root == Root::Bind { "/jail" } else { "/guest" };
        let guest = vfs.context().with_root(&vfs, path).expect("a root");
        let guest = guest.with_credentials(Credentials::new(GUEST, GUEST));
        let stage = Self { vfs, host, guest };
        stage.mkdir("/d");
        stage.create("/d/inside");
        stage
    }

    pub(crate) fn mkdir(&self, path: &str) {
        self.vfs.mkdir(&self.guest, path, 0o755).expect("a directory");
    }

    pub(crate) fn create(&self, path: &str) {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE;
        self.vfs.open(&self.guest, path, flags, 0o644).expect("a file").close();
    }

    pub(crate) fn host_creates(&self, path: &str) {
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
        self.vfs.open(&self.host, path, flags, 0o644).expect("a file").close();
    }

    /// A group of the guest's that watches these paths for everything.
    pub(crate) fn group(&self, paths: &[&str]) -> Inotify {
        let inotify = self.vfs.inotify(&self.guest).expect("an instance");
        for path in paths {
            let mask = WatchMask::ALL_EVENTS;
            self.vfs.add_watch(&self.guest, &inotify, path, mask).expect("a watch");
        }
        inotify
    }
}

/// The events of a group: masks and names, the way a guest reads them.
pub(crate) fn delivered(inotify: &Inotify) -> Vec<String> {
    inotify
        .drain()
        .iter()
        .map(|event| {
            let event = event.fs_event().expect("no loss");
            let names: Vec<&str> = event.mask.iter_names().map(|(name, _)| name).collect();
            format!("{}:{} {}", event.wd.as_raw(), names.join("|"), event.name)
        })
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// The error of something that must fail.
#[track_caller]
pub(crate) fn refusal<T>(result: Result<T>) -> Errno {
    match result {
        Ok(_) => panic!("it went well"),
        Err(error) => error.errno(),
    }
}
