//! Renames, and what they leave behind.

use vfsnotify::{Credentials, Errno, InodeKind, IntoPath, MemFs, RenameFlags, Vfs};

/// A whiteout belonged to the owner of the directory, not to the user that left it behind.
#[test]
fn a_whiteout_belongs_to_the_renaming_user() {
    let vfs = Vfs::new(MemFs::builder().root_mode(0o777).build()).expect("a VFS");
    let bob = vfs.context().with_credentials(Credentials::new(1, 2));
    vfs.mknod(&bob, "/f", InodeKind::Regular, 0o644, 0).expect("a file");
    vfs.rename(&bob, "/f", "/g", RenameFlags::WHITEOUT).expect("a rename");
    let left = vfs.stat(&bob, "/f".no_follow()).expect("a whiteout");
    assert_eq!((left.kind, left.uid, left.gid), (InodeKind::CharDevice, 1, 2));
}

/// Where there was no room for a whiteout that was said first, even if the rename was impossible.
#[test]
fn a_rename_that_cannot_be_is_not_refused_for_want_of_room_for_its_whiteout() {
    let vfs = Vfs::new(MemFs::builder().inode_limit(4).build()).expect("a VFS");
    let cx = vfs.context();
    for path in ["/a", "/b", "/b/c"] {
        vfs.mkdir(&cx, path, 0o755).expect("a directory");
    }
    let rename = |to| vfs.rename(&cx, "/a", to, RenameFlags::WHITEOUT).unwrap_err().errno();
    assert_eq!(rename("/b"), Errno::ENOTEMPTY);
    assert_eq!(rename("/d"), Errno::ENOSPC);
    assert!(vfs.exists(&cx, "/a").expect("a look-up"), "nothing has changed");
}
