//! Ids, handles and references of one `Vfs`, or tree, given to another.
//!
//! Two of them that were made in the same way have the same slots in use: whatever is not refused
//! would find an object there, the other's.

use std::sync::Arc;

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::{DentryRef, Notifier, NotifyConfig};
use vfsnotify::tree::{InodeSpec, SuperblockRef};
use vfsnotify::{
    Access, Context, Errno, EventMask, File, InodeKind, IntoPath, MemFs, OpenFlags, RenameFlags,
    Tree, Vfs, XattrMode,
};

use crate::isolation::stage::{delivered, refusal};

struct Side {
    vfs: Vfs,
    cx: Context,
    inotify: Inotify,
    dir: File,
    file: File,
}

fn side() -> Side {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    let file = vfs.open(&cx, "/d/f", flags, 0o644).expect("a file");
    file.write(b"contents").expect("a write");
    let dir = vfs.open(&cx, "/d", OpenFlags::READ, 0).expect("a handle");
    let inotify = vfs.inotify(&cx).expect("an instance");
    for path in ["/", "/d", "/d/f"] {
        vfs.add_watch(&cx, &inotify, path, WatchMask::ALL_EVENTS).expect("a watch");
    }
    Side { vfs, cx, inotify, dir, file }
}

/// Calls every operation that takes a path with a context, a place to begin, and a path.
fn by_path(vfs: &Vfs, cx: &Context, at: Option<&File>, path: &str) -> Vec<(&'static str, Errno)> {
    let inotify = vfs.inotify(&vfs.context()).expect("an instance");
    let mut answers = Vec::new();
    let mut note = |name, result: vfsnotify::Result<()>| match result {
        Ok(()) => panic!("{name} went well"),
        Err(error) => answers.push((name, error.errno())),
    };
    let from = |path| at.map_or(IntoPath::to_path(path), |dir| dir.at(path));
    let (path, other) = (from(path), from("other"));
    let (create, unnamed) = (OpenFlags::WRITE | OpenFlags::CREATE, OpenFlags::TMPFILE);
    note("mkdir", vfs.mkdir(cx, path, 0o755));
    note("mknod", vfs.mknod(cx, path, InodeKind::Fifo, 0o644, 0));
    note("symlink", vfs.symlink(cx, "target", path));
    note("readlink", vfs.readlink(cx, path).map(drop));
    note("link", vfs.link(cx, path, other));
    note("unlink", vfs.unlink(cx, path));
    note("rmdir", vfs.rmdir(cx, path));
    note("rename", vfs.rename(cx, path, other, RenameFlags::empty()));
    note("access", vfs.access(cx, path, Access::empty()));
    note("stat", vfs.stat(cx, path).map(drop));
    note("list", vfs.list(cx, path).map(drop));
    note("chmod", vfs.chmod(cx, path, 0o700));
    note("open", vfs.open(cx, path, OpenFlags::READ, 0).map(drop));
    note("create", vfs.open(cx, path, create, 0).map(drop));
    note("tmpfile", vfs.open(cx, path, unnamed | OpenFlags::WRITE, 0).map(drop));
    let watch = vfs.start_watch(cx, &inotify, path, WatchMask::OPEN);
    note("watch", watch.map(drop));
    assert_eq!(inotify.watch_count(), 0);
    answers
}

/// Calls every operation that takes an object with a context and an open file.
fn by_object(vfs: &Vfs, cx: &Context, file: &File) -> Vec<(&'static str, Errno)> {
    let inotify = vfs.inotify(&vfs.context()).expect("an instance");
    let now = Some(vfsnotify::TimeSetting::Now);
    let answers = [
        ("stat", vfs.stat(cx, file).map(drop)),
        ("statfs", vfs.statfs(cx, file).map(drop)),
        ("access", vfs.access(cx, file, Access::empty())),
        ("chmod", vfs.chmod(cx, file, 0o700)),
        ("chown", vfs.chown(cx, file, Some(1), None)),
        ("utimens", vfs.utimens(cx, file, now, now)),
        ("getxattr", vfs.getxattr(cx, file, "user.a").map(drop)),
        ("setxattr", vfs.setxattr(cx, file, "user.a", b"", XattrMode::Set)),
        ("listxattr", vfs.listxattr(cx, file).map(drop)),
        ("removexattr", vfs.removexattr(cx, file, "user.a")),
        ("truncate", vfs.truncate(cx, file, 0)),
        ("readlink", vfs.readlink(cx, file).map(drop)),
        ("open", vfs.open(cx, file, OpenFlags::READ, 0).map(drop)),
        ("list", vfs.list(cx, file).map(drop)),
        ("link", vfs.link(cx, file, "/new")),
        ("watch", vfs.start_watch(cx, &inotify, file, WatchMask::OPEN).map(drop)),
        ("chdir", cx.clone().chdir(vfs, file)),
        ("chroot", cx.clone().with_root(vfs, file).map(drop)),
        ("bind mount", vfs.bind_mount(&vfs.context(), file, "/d/f")),
    ];
    let refused = |(name, result): (&'static str, vfsnotify::Result<()>)| match result {
        Ok(()) => panic!("{name} went well"),
        Err(error) => (name, error.errno()),
    };
    answers.map(refused).to_vec()
}

fn all_invalid(answers: &[(&str, Errno)]) {
    assert!(answers.len() >= 16);
    for (name, kind) in answers {
        assert_eq!(*kind, Errno::EINVAL, "{name}");
    }
}

#[test]
fn a_context_of_another_vfs_is_refused_wherever_the_path_begins() {
    let (one, two) = (side(), side());
    for path in ["f", "/d/f", "..", "/", "../d/f"] {
        all_invalid(&by_path(&one.vfs, &two.cx, None, path));
        // Once only the place where the path begins was looked at, and the other's root was taken
        // for a dentry of one's own: `/` led to whatever had its slot, and `..` stopped nowhere.
        all_invalid(&by_path(&one.vfs, &two.cx, Some(&one.dir), path));
        all_invalid(&by_path(&one.vfs, &one.cx, Some(&two.dir), path));
        all_invalid(&by_path(&one.vfs, &two.cx, Some(&two.dir), path));
    }
    assert!(delivered(&one.inotify).is_empty() && delivered(&two.inotify).is_empty());
    for side in [&one, &two] {
        side.vfs.verify().expect("every invariant holds");
    }
}

#[test]
fn an_open_file_of_another_vfs_is_refused_as_an_object() {
    let (one, two) = (side(), side());
    for file in [&two.file, &two.dir] {
        all_invalid(&by_object(&one.vfs, &one.cx, file));
    }
    // It could be one's own, but the context is not.
    let reopened = one.file.reopen(&two.cx, OpenFlags::READ);
    assert_eq!(refusal(reopened), Errno::EINVAL);
    assert!(delivered(&one.inotify).is_empty() && delivered(&two.inotify).is_empty());
}

#[test]
fn operations_on_mounts_refuse_a_context_of_another_vfs() {
    let (one, two) = (side(), side());
    let (vfs, foreign) = (&one.vfs, &two.cx);
    assert_eq!(refusal(vfs.mount(foreign, "/d", MemFs::new())), Errno::EINVAL);
    assert_eq!(refusal(vfs.bind_mount(foreign, "/", "/d")), Errno::EINVAL);
    assert_eq!(refusal(vfs.unmount(foreign, "/")), Errno::EINVAL);
    assert!(vfs.mounts(foreign).is_empty(), "none can be reached from there");
    assert_eq!(vfs.mounts(&one.cx).len(), 1);
}

#[test]
fn a_context_has_its_root_and_directory_in_one_vfs() {
    let (one, two) = (side(), side());
    let mut cx = one.cx.clone();
    assert_eq!(refusal(cx.chdir(&one.vfs, &two.dir)), Errno::EINVAL);
    assert_eq!(refusal(cx.chdir(&two.vfs, &two.dir)), Errno::EINVAL);
    assert_eq!(refusal(cx.chdir(&two.vfs, &one.dir)), Errno::EINVAL);
    assert_eq!(refusal(cx.chdir(&two.vfs, "/d")), Errno::EINVAL);
    assert_eq!(refusal(cx.clone().with_root(&two.vfs, "/d")), Errno::EINVAL);
    cx.chdir(&one.vfs, &one.dir).expect("its own");
    assert!(one.vfs.exists(&cx, "f").expect("a look-up"));
}

#[test]
fn an_instance_of_another_vfs_watches_nothing() {
    let (one, two) = (side(), side());
    let watch = one.vfs.add_watch(&one.cx, &two.inotify, "/d", WatchMask::OPEN);
    assert_eq!(refusal(watch), Errno::EINVAL);
    let by_file = one.vfs.add_watch(&one.cx, &two.inotify, &one.file, WatchMask::OPEN);
    assert_eq!(refusal(by_file), Errno::EINVAL);
    let of_file = one.vfs.add_watch(&one.cx, &one.inotify, &two.file, WatchMask::OPEN);
    assert_eq!(refusal(of_file), Errno::EINVAL);
    let inode = two.file.dentry().inode_ref();
    let on_inode = one.inotify.add_watch(&inode, WatchMask::OPEN);
    assert_eq!(refusal(on_inode), Errno::EINVAL);
    assert_eq!((one.inotify.watch_count(), two.inotify.watch_count()), (3, 3));
    // Nothing was added to, or taken from, the watch of the same number.
    one.vfs.open(&one.cx, "/d/f", OpenFlags::READ, 0).expect("a handle").close();
    assert!(delivered(&two.inotify).is_empty());
    assert_eq!(delivered(&one.inotify).len(), 4);
}

/// A watch descriptor is a number of its instance, as on Linux: in another it is that one's, or none.
#[test]
fn a_watch_descriptor_of_another_instance_touches_no_watch_of_that_one() {
    let side = side();
    let other = side.vfs.inotify(&side.cx).expect("an instance");
    let wd = side.inotify.watches()[2].wd;
    assert_eq!(refusal(other.rm_watch(wd)), Errno::EINVAL);
    for wd in [i32::MIN, -1, 0, 4, i32::MAX] {
        let wd = WatchDescriptor::from_raw(wd);
        assert_eq!(refusal(side.inotify.rm_watch(wd)), Errno::EINVAL);
    }
    assert_eq!(side.inotify.watch_count(), 3);
}

#[test]
fn files_of_two_vfs_are_linked_into_neither_and_their_paths_are_not_told() {
    let (one, two) = (side(), side());
    let link = one.vfs.link(&one.cx, &two.file, "/new");
    assert_eq!(refusal(link), Errno::EINVAL);
    assert_eq!(refusal(two.file.path(&one.cx)), Errno::ENOENT, "not below that root");
    assert!(!one.vfs.exists(&one.cx, "/new").expect("a look-up"));
    // The two have equal slots, but are not the same file, nor on the same file system.
    let (mut from, mut to) = (0, 4);
    let copied = one.file.copy_file_range(Some(&mut from), &two.file, Some(&mut to), 8);
    assert_eq!(refusal(copied), Errno::EXDEV);
    // Bytes can be sent from one to the other.
    assert_eq!(one.file.sendfile(Some(&mut from), &two.file, 8).expect("a copy"), 8);
}

#[test]
fn ids_of_one_tree_are_no_ids_of_another() {
    let (one, two) = (side(), side());
    let (dentry, inode) = (two.file.dentry().id(), two.file.dentry().inode().id());
    assert_eq!(refusal(one.vfs.notifier().dentry(dentry)), Errno::EINVAL);
    assert_eq!(refusal(one.vfs.tree().inode(inode)), Errno::EINVAL);
    assert_eq!(two.vfs.notifier().dentry(dentry).expect("its own").get(), two.file.dentry());
    assert_eq!(two.vfs.tree().inode(inode).expect("its own").get().id(), inode);
    let own = (one.file.dentry().id(), one.file.dentry().inode().id());
    assert_ne!((dentry, inode), own, "though they are in the same slots");
    assert_eq!(format!("{:?}", (dentry, inode)), format!("{own:?}"));
    assert_ne!(one.file.dentry().superblock(), two.file.dentry().superblock());
    assert_ne!(one.file.dentry(), two.file.dentry());
}

struct Wood {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
    file: DentryRef,
    inotify: Inotify,
}

fn wood() -> Wood {
    let tree = Tree::new(Default::default());
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
    let spec = InodeSpec::new(2, InodeKind::Regular, 1);
    let inode = tree.make_inode(&superblock, spec).expect("an inode");
    let file = notifier.instantiate(root.get(), b"f", inode).expect("a dentry");
    let inotify = Inotify::new(&notifier, 0).expect("an instance");
    inotify.add_watch(&root.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
    inotify.add_watch(&file.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
    Wood { tree, notifier, superblock, root, file, inotify }
}

#[test]
fn a_tree_refuses_what_is_of_another() {
    let (one, two) = (wood(), wood());
    let (notifier, root, file) = (&one.notifier, two.root.get(), two.file.get());
    let invalid = |kind| assert_eq!(kind, Errno::EINVAL);
    let spec = InodeSpec::new(9, InodeKind::Regular, 1);
    invalid(refusal(one.tree.make_inode(&two.superblock, spec)));
    invalid(refusal(notifier.lookup(root, b"f")));
    invalid(refusal(notifier.remember_missing(root, b"no")));
    invalid(refusal(notifier.unhash(file, true)));
    invalid(refusal(notifier.move_dentry(file, one.root.get(), b"g")));
    invalid(refusal(notifier.move_dentry(one.file.get(), root, b"g")));
    invalid(refusal(notifier.exchange_dentries(one.file.get(), file)));
    invalid(refusal(notifier.exchange_dentries(file, one.file.get())));
    invalid(refusal(notifier.instantiate(root, b"g", one.file.inode_ref())));
    invalid(refusal(notifier.instantiate(one.root.get(), b"g", two.file.inode_ref())));
    invalid(refusal(notifier.instantiate_unnamed(root, b"g", one.file.inode_ref())));
    invalid(refusal(notifier.instantiate_unnamed(one.root.get(), b"g", two.file.inode_ref())));
    invalid(refusal(notifier.reference(file)));
    invalid(refusal(notifier.hooks().create(root, b"g", one.file.inode_ref())));
    invalid(refusal(notifier.hooks().create(one.root.get(), b"g", two.file.inode_ref())));
    invalid(refusal(notifier.hooks().link(root, b"g", one.file.inode_ref())));
    invalid(refusal(notifier.hooks().link(one.root.get(), b"g", two.file.inode_ref())));
    invalid(refusal(notifier.hooks().remove(two.file.clone())));
    invalid(refusal(notifier.hooks().rename(file, one.root.get(), b"g")));
    invalid(refusal(notifier.hooks().rename(one.file.get(), root, b"g")));
    invalid(refusal(notifier.hooks().exchange(one.file.get(), file)));
    invalid(refusal(notifier.hooks().exchange(file, one.file.get())));
    for wood in [&one, &two] {
        assert!(delivered(&wood.inotify).is_empty());
        assert_eq!(wood.file.get().inode().nlink(), 1, "a link that was refused");
        assert_eq!((wood.tree.live_dentries(), wood.tree.live_inodes()), (2, 2));
        wood.notifier.verify().expect("every invariant holds");
    }
}

#[test]
fn a_hook_for_an_object_of_another_tree_reports_nothing() {
    let (one, two) = (wood(), wood());
    let (root, file) = (two.root.get(), two.file.get());
    let hooks = one.notifier.hooks();
    hooks.on_open(file);
    hooks.on_access(file);
    hooks.on_modify(file);
    hooks.on_close(file, true);
    hooks.on_attrib(file, EventMask::ATTRIB);
    hooks.on_create(root, b"n", file.inode());
    hooks.on_delete(root, b"n", file.inode());
    hooks.on_link(file.inode(), root, b"n");
    hooks.on_link_count(file.inode());
    hooks.on_rename(root, b"a", root, b"b", file.inode(), Some(file.inode()));
    // Half of it is one's own: that half is reported.
    hooks.on_rename(one.root.get(), b"a", root, b"b", file.inode(), None);
    one.notifier.on_unmount(&two.superblock);
    assert_eq!(delivered(&one.inotify), ["1:MOVED_FROM a"]);
    assert!(delivered(&two.inotify).is_empty());
    assert_eq!((one.inotify.watch_count(), two.inotify.watch_count()), (2, 2));
    let watch = two.inotify.add_watch(&two.root.inode_ref(), WatchMask::OPEN);
    watch.expect("it was not unmounted");
    for wood in [&one, &two] {
        wood.notifier.verify().expect("every invariant holds");
    }
}
