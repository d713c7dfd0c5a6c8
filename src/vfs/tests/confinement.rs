//! `..` while directories move out of the root of a walk.

use super::*;
use crate::base::sync::{Arc, Mutex, rank};
use crate::fs::OpenFlags;
use crate::fs::{FileSystem, Layer, Request};
use crate::notify::ancestor_query::{MAX_CLIMBS, MIN_LEVELS};
use crate::vfs::resolve::confine::Confinement;

type Action = Box<dyn FnOnce() + Send>;

/// A `MemFs` that does something in the middle of a walk: when it is asked for the target of a link.
struct Interrupting {
    inner: MemFs,
    at_readlink: Arc<Mutex<Option<Action>, { rank::LEAF }>>,
}

impl std::fmt::Debug for Interrupting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl Layer for Interrupting {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    fn readlink(&self, request: &Request, ino: u64) -> Result<Vec<u8>> {
        let action = self.at_readlink.lock().take();
        if let Some(action) = action {
            action();
        }
        self.inner.readlink(request, ino)
    }
}

/// Moves a directory at the first link of a walk; the error of the walk.
fn walk_while(
    prepare: impl Fn(&VfsStage),
    (from, to): (&'static str, &'static str),
    walk: impl Fn(&VfsStage) -> Result<u64>,
) -> Result<u64> {
    let at_readlink = Arc::new(Mutex::new(None));
    let fs = Interrupting { inner: MemFs::new(), at_readlink: at_readlink.clone() };
    let stage = VfsStage::of(Vfs::new(fs).unwrap());
    let stage = stage.with(&[
        "/jail/",
        "/jail/a/",
        "/jail/a/b/",
        "/jail/a/stay->.",
        "/vault/",
        "/vault/secret/",
    ]);
    prepare(&stage);
    let (vfs, cx) = (stage.vfs.clone(), stage.cx.clone());
    let action = move || vfs.rename(&cx, from, to, RenameFlags::empty()).unwrap();
    *at_readlink.lock() = Some(Box::new(action));
    let result = walk(&stage);
    assert!(at_readlink.lock().is_none(), "it has moved");
    stage.vfs.verify().unwrap();
    result
}

/// The proof that a walk is inside would be out of date after the link.
#[test]
fn a_directory_that_moves_out_of_the_root_during_a_walk_leads_nowhere_up() {
    let out = ("/jail/a", "/vault/a");
    let jailed = |path: &'static str| {
        move |stage: &VfsStage| {
            let jail = stage.cx.clone().with_root(&stage.vfs, "/jail").unwrap();
            stage.vfs.stat(&jail, path).map(|found| found.ino)
        }
    };
    for path in ["/a/stay/../secret", "/a/stay/b/../../secret", "a/stay/../.."] {
        assert_eq!(refusal(walk_while(|_| {}, out, jailed(path))), Errno::ENOENT, "{path}");
    }
    // A move elsewhere makes nothing fail.
    let elsewhere = ("/vault/secret", "/secret");
    assert!(walk_while(|_| {}, elsewhere, jailed("/a/stay/b/../../a/b/../..")).is_ok());
}

#[test]
fn a_directory_that_moves_out_of_a_scope_or_a_bind_mount_leads_nowhere_up() {
    let out = ("/jail/a", "/vault/a");
    let beneath = |stage: &VfsStage| {
        let dir = stage.vfs.open(&stage.cx, "/jail", OpenFlags::PATH, 0)?;
        let path = dir.at("a/stay/b/../../secret").beneath();
        stage.vfs.open(&stage.cx, path, OpenFlags::PATH, 0)?;
        Ok(0)
    };
    assert_eq!(refusal(walk_while(|_| {}, out, beneath)), Errno::ENOENT);
    let bind = |stage: &VfsStage| {
        stage.vfs.mkdir(&stage.cx, "/bound", 0o755).unwrap();
        stage.vfs.bind_mount(&stage.cx, "/jail", "/bound").unwrap();
    };
    let through = |path: &'static str| {
        move |stage: &VfsStage| stage.vfs.stat(&stage.cx, path).map(|found| found.ino)
    };
    for path in ["/bound/a/stay/../secret", "/bound/a/stay/b/../../secret"] {
        assert_eq!(refusal(walk_while(bind, out, through(path))), Errno::ENOENT, "{path}");
    }
    // A mount inside a bind mount: what it is mounted on moves out while the walk is inside it.
    let inner = |stage: &VfsStage| {
        bind(stage);
        stage.vfs.mount(&stage.cx, "/bound/a/b", MemFs::new()).unwrap();
        stage.vfs.symlink(&stage.cx, "../b/..", "/bound/a/back").unwrap();
    };
    let up = ["/bound/a/b/../stay/b/../../secret", "/bound/a/b/../stay/../secret"];
    for path in up {
        assert_eq!(refusal(walk_while(inner, out, through(path))), Errno::ENOENT, "{path}");
    }
}

/// Each `..` in the topmost of many mounts, on one place below the root, goes through all of them if a
/// directory has moved since the last one.
#[test]
fn the_mounts_on_the_way_to_the_root_are_charged_as_levels() {
    let stage = VfsStage::new().with(&["/jail/", "/jail/m/", "/n/", "/n/x/", "/n/x/y/"]);
    let mounts = 200;
    for _ in 0..mounts {
        stage.vfs.bind_mount(&stage.cx, "/n", "/jail/m").unwrap();
    }
    let jail = stage.cx.clone().with_root(&stage.vfs, "/jail").unwrap();
    let find = |path: &str| stage.vfs.resolve(&stage.cx, path.follow());
    let (here, above) = (find("/jail/m/x/y").unwrap(), find("/jail/m/x").unwrap());
    let (here, parent) = ((&here.mount, here.dentry.get()), above.dentry.get().index);
    let mut confinement = Confinement::new(&stage.vfs, jail.root(), here.0, here.1.index);
    let mut go_up = || {
        here.1.inode().superblock.count_directory_move();
        confinement.step_up(here.0, None, parent)
    };
    let most = MIN_LEVELS / mounts + MAX_CLIMBS;
    let refused = (0..=most).find_map(|_| go_up().err());
    assert_eq!(refused.expect("an end").errno(), Errno::EAGAIN);
}
