//! Whose the locks are that may be held while a file system is called.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::VfsStage;
use crate::base::sync::{Domain, assert_nothing_held};
use crate::fs::OpenFlags;
use crate::vfs::Vfs;
use crate::vfs::directory_locks::lock_object;
use crate::vfs::link_count::lock_links;

type Act<'a> = Box<dyn Fn() + 'a>;

/// Takes one lock of each kind for a moment, outermost first.
fn takers<'a>(vfs: &'a Vfs, file: &'a crate::File) -> Vec<(&'static str, Act<'a>)> {
    let root = file.description().location.dentry.get().link().dir().expect("the root");
    let inode = file.description().dentry().inode();
    vec![
        ("file position", Box::new(|| drop(file.description().position().lock()))),
        ("rename lock", Box::new(|| drop(inode.superblock.lock_rename()))),
        ("directory lock", Box::new(move || drop(vfs.tree().dir_lock(root).read_keyed(0)))),
        ("directory lock", Box::new(move || drop(lock_links(inode)))),
        ("attributes", Box::new(|| drop(lock_object(vfs.tree(), file.description().dentry())))),
        ("mount table", Box::new(|| drop(vfs.mount_table().write()))),
    ]
}

/// A lock that gave another domain than the others of its VFS would not be compared with them, and
/// a thread that takes it too late would not be told so.
#[test]
fn the_outer_locks_of_a_vfs_are_all_of_its_domain_and_of_no_others() {
    let (one, two) = (VfsStage::new(), VfsStage::new());
    let flags = OpenFlags::READ | OpenFlags::CREATE;
    let open = |stage: &VfsStage| stage.vfs.open(&stage.cx, "/f", flags, 0o644).unwrap();
    let (file, other) = (open(&one), open(&two));
    let mine = one.vfs.mount_table().write();
    for (name, take) in takers(&one.vfs, &file) {
        let panic = catch_unwind(AssertUnwindSafe(take)).expect_err(name);
        let text = panic.downcast_ref::<String>().expect("a text");
        assert!(text.starts_with(&format!("lock order: \"{name}\"")), "{text}");
    }
    takers(&two.vfs, &other).into_iter().for_each(|(_, take)| take());
    drop(mine);
    takers(&one.vfs, &file).into_iter().for_each(|(_, take)| take());
    assert_nothing_held("the test ended", Domain::ANY);
}
