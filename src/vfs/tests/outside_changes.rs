//! A file system that changes behind the VFS's back, and one that counts what it is asked.

use super::*;
use crate::Credentials;
use crate::base::mode::Mode;
use crate::base::sync::{Arc, AtomicUsize, Domain, Ordering, assert_nothing_held};
use crate::fs::{Caching, FileSystem, Layer, NewNode, Node, Request};

/// A `MemFs` that others change, and that counts look-ups.
#[derive(Debug, Clone)]
struct Shared {
    fs: Arc<MemFs>,
    lookups: Arc<AtomicUsize>,
    entries: bool,
}

impl Shared {
    fn new(entries: bool) -> Self {
        Self { fs: Arc::new(MemFs::new()), lookups: Arc::default(), entries }
    }

    fn lookups(&self) -> usize {
        self.lookups.swap(0, Ordering::Relaxed)
    }

    fn root(&self) -> u64 {
        let ino = self.fs.root().unwrap().attr.ino;
        self.fs.forget(ino, 1);
        ino
    }
}

impl Layer for Shared {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.fs
    }
    fn caching(&self) -> Caching {
        Caching::default().with_entries(self.entries)
    }
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        self.fs.lookup(request, parent, name)
    }
    fn forget(&self, ino: u64, lookups: u64) {
        assert_nothing_held("forget was called", Domain::ANY);
        self.fs.forget(ino, lookups);
    }
    fn revalidate(&self, request: &Request, parent: u64, name: &[u8], ino: Option<u64>) -> bool {
        let now = self.fs.lookup(request, parent, name).ok().map(|node| {
            self.fs.forget(node.attr.ino, 1);
            node.attr.ino
        });
        now == ino
    }
}

#[test]
fn each_name_is_asked_for_once() {
    let fs = Shared::new(true);
    let stage = VfsStage::of(Vfs::new(fs.clone()).unwrap()).with(&["/a/", "/a/f"]);
    fs.lookups();
    for _ in 0..3 {
        assert!(stage.vfs.exists(&stage.cx, "/a/f").unwrap());
    }
    assert_eq!(fs.lookups(), 0, "what was made is known");
    for _ in 0..3 {
        assert!(!stage.vfs.exists(&stage.cx, "/a/none").unwrap());
    }
    assert_eq!(fs.lookups(), 1, "a miss is remembered");
    stage.vfs.unlink(&stage.cx, "/a/f").unwrap();
    stage.file("/a/f").unwrap();
    assert_eq!(fs.lookups(), 0, "what was removed is known not to be there");
}

#[test]
fn a_whiteout_is_the_callers_and_of_its_directorys_group_where_that_is_inherited() {
    let stage = VfsStage::of(Vfs::new(Shared::new(true)).unwrap()).with(&["/a/", "/a/f", "/b/"]);
    let cx = stage.cx.clone().with_credentials(Credentials::new(1, 1));
    stage.vfs.chmod(&stage.cx, "/a", 0o777).unwrap();
    stage.vfs.chmod(&stage.cx, "/b", 0o777).unwrap();
    stage.vfs.rename(&cx, "/a/f", "/b/f", RenameFlags::WHITEOUT).unwrap();
    let left = stage.vfs.stat(&stage.cx, "/a/f".no_follow()).unwrap();
    assert_eq!((left.kind, left.rdev, left.uid, left.gid), (InodeKind::CharDevice, 0, 1, 1));
    stage.vfs.chmod(&stage.cx, "/b", 0o2777).unwrap();
    stage.vfs.chown(&stage.cx, "/b", None, Some(5)).unwrap();
    stage.vfs.rename(&cx, "/b/f", "/a/g", RenameFlags::WHITEOUT).unwrap();
    let left = stage.vfs.stat(&stage.cx, "/b/f".no_follow()).unwrap();
    assert_eq!((left.kind, left.uid, left.gid), (InodeKind::CharDevice, 1, 5));
}

#[test]
fn changes_made_elsewhere_are_seen_where_the_cache_is_not_trusted() {
    let fs = Shared::new(false);
    let stage = VfsStage::of(Vfs::new(fs.clone()).unwrap()).with(&["/a/", "/a/f", "/b/", "/b/d/"]);
    let (vfs, cx, root) = (&stage.vfs, &stage.cx, fs.root());
    assert!(!vfs.exists(cx, "/new").unwrap());
    fs.fs.rename(&Request::SUPERUSER, root, b"b", root, b"new", RenameFlags::empty()).unwrap();
    assert!(vfs.exists(cx, "/new/d").unwrap(), "the directory's dentry has moved");
    assert!(!vfs.exists(cx, "/b").unwrap());
    let inside = vfs.resolve(cx, "/new/d".follow()).unwrap();
    assert_eq!(vfs.path_of(cx, &inside).unwrap().into_bytes(), b"/new/d");

    let (a, d) = (ino(vfs, cx, "/a"), ino(vfs, cx, "/new"));
    fs.fs.rename(&Request::SUPERUSER, d, b"d", a, b"d2", RenameFlags::empty()).unwrap();
    assert!(vfs.exists(cx, "/a/d2").unwrap(), "also into another directory");
    assert_eq!(vfs.path_of(cx, &inside).unwrap().into_bytes(), b"/a/d2");
    fs.fs.unlink(&Request::SUPERUSER, a, b"f").unwrap();
    assert_eq!(refusal(vfs.unlink(cx, "/a/f")), Errno::ENOENT);
    vfs.rmdir(cx, "/a/d2").unwrap();
    vfs.rmdir(cx, "/a").unwrap();
    vfs.verify().unwrap();
}

#[test]
fn a_stale_cache_gives_what_the_file_system_says() {
    let fs = Shared::new(true);
    let stage = VfsStage::of(Vfs::new(fs.clone()).unwrap()).with(&["/a/"]).watch("A", "/a");
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    assert!(!vfs.exists(cx, "/a/f").unwrap());
    let kind = InodeKind::Regular;
    let new = NewNode::new(kind, Mode::new(0o644));
    let node = fs.fs.create(&Request::SUPERUSER, ino(vfs, cx, "/a"), b"f", &new).unwrap();
    fs.fs.forget(node.attr.ino, 1);
    assert_eq!(refusal(stage.file("/a/f")), Errno::EEXIST);
    assert!(vfs.exists(cx, "/a/f").unwrap(), "the miss is forgotten");
    stage.expect(&[]);
}

#[test]
fn a_directory_is_found_that_was_moved_out_of_one_that_has_been_removed() {
    let fs = Shared::new(true);
    let stage = VfsStage::of(Vfs::new(fs.clone()).unwrap()).with(&["/a/", "/a/d/", "/a/d/f"]);
    let (vfs, cx, root) = (&stage.vfs, &stage.cx, fs.root());
    let a = ino(vfs, cx, "/a");
    let held = vfs.open(cx, "/a/d", crate::fs::OpenFlags::PATH, 0).unwrap();
    fs.fs.rename(&Request::SUPERUSER, a, b"d", root, b"d", RenameFlags::empty()).unwrap();
    vfs.rmdir(cx, "/a").unwrap();
    assert!(vfs.exists(cx, "/d/f").unwrap());
    assert_eq!(held.path(cx).unwrap(), b"/d");
    vfs.verify().unwrap();
}

#[test]
fn a_directory_dies_though_the_cache_has_names_in_it() {
    for rename in [false, true] {
        let fs = Shared::new(false);
        let stage = VfsStage::of(Vfs::new(fs.clone()).unwrap());
        let stage = stage.with(&["/b/", "/a/", "/a/f", "/a/d/", "/a/d/g"]).watch("A", "/a");
        let (vfs, cx) = (&stage.vfs, &stage.cx);
        let (a, d) = (ino(vfs, cx, "/a"), ino(vfs, cx, "/a/d"));
        let open = vfs.open(cx, "/a/f", crate::fs::OpenFlags::READ, 0).unwrap();
        fs.fs.unlink(&Request::SUPERUSER, d, b"g").unwrap();
        fs.fs.rmdir(&Request::SUPERUSER, a, b"d").unwrap();
        fs.fs.unlink(&Request::SUPERUSER, a, b"f").unwrap();
        if rename {
            stage.rename("/b", "/a", RenameFlags::empty()).unwrap();
        } else {
            vfs.rmdir(cx, "/a").unwrap();
        }
        drop(open);
        let mut expected = vec!["A:OPEN f", "A:CLOSE_NOWRITE f", "A:DELETE_SELF", "A:IGNORED"];
        if rename {
            expected.insert(1, "A:ATTRIB|ISDIR");
        }
        stage.expect(&expected);
        vfs.reap();
        let left = format!("{:?}", vfs.tree());
        assert!(left.contains("dentries: 2, inodes: 2,"), "the root and /b: {left}");
    }
}

/// A directory that others removed with all that is in it stayed in the cache until the unmount, if a look-up was the
/// first to be told: its names kept it alive, and no look-up could find them.
#[test]
fn a_directory_that_others_remove_with_all_that_is_in_it_leaves_nothing() {
    let fs = Shared::new(false);
    let stage = VfsStage::of(Vfs::new(fs.clone()).unwrap());
    let stage = stage.with(&["/a/", "/a/f", "/a/d/", "/a/d/e/", "/a/d/e/g", "/b/"]);
    let (vfs, cx, root) = (&stage.vfs, &stage.cx, fs.root());
    let (a, d, e) = (ino(vfs, cx, "/a"), ino(vfs, cx, "/a/d"), ino(vfs, cx, "/a/d/e"));
    fs.fs.unlink(&Request::SUPERUSER, e, b"g").unwrap();
    fs.fs.rmdir(&Request::SUPERUSER, d, b"e").unwrap();
    fs.fs.rmdir(&Request::SUPERUSER, a, b"d").unwrap();
    fs.fs.unlink(&Request::SUPERUSER, a, b"f").unwrap();
    fs.fs.rmdir(&Request::SUPERUSER, root, b"a").unwrap();
    assert!(!vfs.exists(cx, "/a").unwrap());
    vfs.reap();
    let left = format!("{:?}", vfs.tree());
    assert!(left.contains("dentries: 2, inodes: 2,"), "the root and /b: {left}");
    vfs.verify().unwrap();
}

#[test]
fn a_directory_that_is_forgotten_in_use_is_found_again_with_what_is_in_it() {
    let fs = Shared::new(false);
    let stage = VfsStage::of(Vfs::new(fs.clone()).unwrap());
    let stage = stage.with(&["/a/", "/a/d/", "/a/d/f"]).watch("A", "/a/d").watch("F", "/a/d/f");
    let (vfs, cx, root) = (&stage.vfs, &stage.cx, fs.root());
    let (inside, file) = (
        vfs.open(cx, "/a/d", crate::fs::OpenFlags::PATH, 0).unwrap(),
        vfs.open(cx, "/a/d/f", crate::fs::OpenFlags::READ, 0).unwrap(),
    );
    fs.fs.rename(&Request::SUPERUSER, root, b"a", root, b"b", RenameFlags::empty()).unwrap();
    assert!(!vfs.exists(cx, "/a").unwrap(), "forgotten, and what is in it");
    assert!(vfs.exists(cx, "/b/d/f").unwrap());
    assert_eq!(inside.path(cx).unwrap(), b"/b/d", "the same dentry, moved");
    drop(file);
    stage.file("/b/d/g").unwrap();
    vfs.unlink(cx, "/b/d/f").unwrap();
    let events = ["A:OPEN f", "F:OPEN", "A:CLOSE_NOWRITE f", "F:CLOSE_NOWRITE", "A:CREATE g"];
    let end = ["F:ATTRIB", "F:DELETE_SELF", "F:IGNORED", "A:DELETE f"];
    stage.expect(&[&events[..], &end].concat());
    vfs.verify().unwrap();
}

/// One operation forgets a directory, finds it by its new name, and comes to its end: what is in it stays.
#[test]
fn a_directory_that_is_found_again_at_once_keeps_its_names() {
    let fs = Shared::new(false);
    let stage =
        VfsStage::of(Vfs::new(fs.clone()).unwrap()).with(&["/a/", "/a/d/", "/a/d/f", "/c/"]);
    let (vfs, cx, root) = (&stage.vfs, &stage.cx, fs.root());
    let inside = vfs.open(cx, "/a/d", crate::fs::OpenFlags::PATH, 0).unwrap();
    fs.fs.rename(&Request::SUPERUSER, root, b"a", root, b"b", RenameFlags::empty()).unwrap();
    fs.fs.rename(&Request::SUPERUSER, root, b"c", root, b"a", RenameFlags::empty()).unwrap();
    assert!(vfs.exists(cx, "/a/../b/d/f").unwrap());
    assert_eq!(inside.path(cx).unwrap(), b"/b/d");
    vfs.verify().unwrap();
}

/// It kept the directory for ever.
#[test]
fn a_mountpoint_below_a_directory_that_others_removed_goes_with_the_mount() {
    let fs = Shared::new(false);
    let stage = VfsStage::of(Vfs::new(fs.clone()).unwrap()).with(&["/a/", "/a/m/"]);
    let (vfs, cx) = (&stage.vfs, &stage.cx);
    let a = ino(vfs, cx, "/a");
    let mut inside = cx.clone();
    inside.chdir(vfs, "/a").unwrap();
    vfs.mount(cx, "/a/m", MemFs::new()).unwrap();
    fs.fs.rmdir(&Request::SUPERUSER, a, b"m").unwrap();
    fs.fs.rmdir(&Request::SUPERUSER, fs.root(), b"a").unwrap();
    assert!(!vfs.exists(cx, "/a").unwrap());
    vfs.unmount(&inside, "m").unwrap();
    drop(inside);
    vfs.reap();
    assert_eq!((vfs.tree().live_dentries(), vfs.tree().live_inodes()), (1, 1));
    vfs.verify().unwrap();
}

fn ino(vfs: &Vfs, cx: &Context, path: &str) -> u64 {
    vfs.resolve(cx, path.follow()).unwrap().ino()
}
