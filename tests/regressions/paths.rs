//! Where a path leads, and where it must not.

use vfsnotify::{Errno, MemFs, OpenFlags, RenameFlags, Vfs};

fn jail() -> (Vfs, vfsnotify::Context, vfsnotify::Context) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let outside = vfs.context();
    for path in ["/jail", "/jail/a", "/jail/a/b", "/vault", "/vault/secret"] {
        vfs.mkdir(&outside, path, 0o755).expect("a directory");
    }
    let inside = outside.clone().with_root(&vfs, "/jail").expect("the jail");
    (vfs, outside, inside)
}

/// A context in a directory of the jail that was moved out of the jail was led outside by `..`,
/// and on to everything there.
#[test]
fn a_directory_that_is_moved_out_of_the_root_leads_nowhere_up() {
    let (vfs, outside, mut inside) = jail();
    inside.chdir(&vfs, "/a/b").expect("it is there");
    let held = vfs.open(&inside, "/a", OpenFlags::PATH, 0).expect("it is there");
    vfs.rename(&outside, "/jail/a", "/vault/a", RenameFlags::empty()).expect("a move");
    let kind = |result: vfsnotify::Result<vfsnotify::Metadata>| result.map_err(|e| e.errno()).err();
    let not_found = Some(Errno::ENOENT);
    assert_eq!(kind(vfs.stat(&inside, "..")), not_found);
    assert_eq!(kind(vfs.stat(&inside, "../../secret")), not_found);
    assert_eq!(kind(vfs.stat(&inside, held.at("../secret"))), not_found);
    assert_eq!(kind(vfs.stat(&inside, held.at("b/../.."))), not_found);
    // The contents are the same as before.
    assert!(vfs.stat(&inside, held.at("b")).is_ok());
    assert_eq!(kind(vfs.stat(&inside, "/..")), None);
    vfs.rename(&outside, "/vault/a", "/jail/a", RenameFlags::empty()).expect("back");
    assert_eq!(kind(vfs.stat(&inside, "../..")), None);
}

/// Of something that was moved out of the caller's root, `shown_path` showed where it is now, from the
/// first root of all.
#[test]
fn an_object_moved_out_of_the_root_is_shown_without_its_path() {
    let (vfs, outside, inside) = jail();
    let held = vfs.open(&inside, "/a", OpenFlags::PATH, 0).expect("it is there");
    assert_eq!(held.shown_path(&inside).expect("short"), b"/a");
    vfs.rename(&outside, "/jail/a", "/vault/code-name", RenameFlags::empty()).expect("a move");
    assert_eq!(held.shown_path(&inside).expect("short"), b"(unreachable)");
    assert_eq!(held.shown_path(&outside).expect("short"), b"/vault/code-name");
}

/// Where something had been mounted on the caller's root since, `..` stayed below the mount at the
/// root and left it above it.
#[test]
fn going_up_at_a_root_that_was_mounted_on_leads_into_the_mount_and_stays_there() {
    let (vfs, _outside, inside) = jail();
    let before = vfs.stat(&inside, "/").expect("the root");
    vfs.mount(&inside, "/", MemFs::new()).expect("a mount");
    let at = |path: &str| vfs.stat(&inside, path).expect("it is there").device;
    assert_eq!([at("/"), at("/."), at("/a")], [before.device; 3]);
    let above = at("/..");
    assert_ne!(above, before.device);
    assert_eq!([at("/../.."), at("/a/.."), at("a/../.."), at("..")], [above; 4]);
}

/// Opening `..` with `CREATE` and `BENEATH` said that it is a directory, and not that it leads out.
#[test]
fn creating_what_lies_beyond_a_beneath_is_refused_for_that() {
    let (vfs, outside, _inside) = jail();
    let dir = vfs.open(&outside, "/jail", OpenFlags::PATH, 0).expect("it is there");
    for more in [OpenFlags::empty(), OpenFlags::EXCL] {
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE | more;
        let open = |path: &str| vfs.open(&outside, dir.at(path).beneath(), flags, 0);
        let kind = |path: &str| open(path).map_err(|error| error.errno()).err();
        assert_eq!(kind(".."), Some(Errno::EXDEV));
        assert_eq!(kind("a/../.."), Some(Errno::EXDEV));
        let inside = if more.is_empty() { Errno::EISDIR } else { Errno::EEXIST };
        assert_eq!(kind("a/.."), Some(inside));
    }
}

/// Its names up to the root of its file system were taken for a path below the mount.
#[test]
fn an_object_moved_out_of_a_bind_mount_has_no_path_there() {
    let (vfs, cx, _inside) = jail();
    vfs.mkdir(&cx, "/bound", 0o755).expect("a directory");
    vfs.bind_mount(&cx, "/jail", "/bound").expect("a mount");
    let held = vfs.open(&cx, "/bound/a/b", OpenFlags::PATH, 0).expect("it is there");
    assert_eq!(held.path(&cx).expect("its path"), b"/bound/a/b");
    vfs.rename(&cx, "/jail/a", "/vault/a", RenameFlags::empty()).expect("a move");
    assert_eq!(held.path(&cx).map_err(|error| error.errno()), Err(Errno::ENOENT));
    assert_eq!(held.shown_path(&cx).expect("short"), b"(unreachable)");
}
