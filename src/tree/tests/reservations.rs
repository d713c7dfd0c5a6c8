//! Slots that the VFS takes before it asks a file system.

use super::limits::{fill, stage};
use super::*;

/// Reserved slots that are not used are freed.
#[test]
fn an_unused_reservation_costs_nothing() {
    let limits = TreeLimits { dentries: 3, inodes: 3, directories: 3, ..TreeLimits::default() };
    let stage = stage(limits);
    let root = stage.root.get().inode().dir().unwrap();
    for _ in 0..10 {
        let slots = stage.tree.reserve(root, Some(InodeKind::Directory)).unwrap();
        let second = stage.tree.reserve(root, Some(InodeKind::Directory)).unwrap();
        assert_eq!(refusal(stage.tree.reserve(root, None)), Errno::ENOMEM);
        assert_eq!(refusal(stage.inode(InodeKind::Regular)), Errno::ENOMEM);
        drop((slots, second));
    }
    assert_eq!(fill(&stage, InodeKind::Directory), (2, Errno::ENOMEM));
    assert_eq!(stage.live(), (3, 3));
}

#[test]
fn a_full_directory_has_no_room_for_a_reservation() {
    let stage = stage(TreeLimits { children_per_directory: 3, ..TreeLimits::default() });
    let d = stage.dir("d");
    let _there: Vec<_> = (0..3).map(|n| stage.file(&d, &n.to_string())).collect();
    let slot = |dir: &DeferringRef| dir.get().inode().dir().unwrap();
    assert_eq!(refusal(stage.tree.reserve(slot(&d), None)), Errno::ENOSPC);
    assert!(stage.tree.reserve(slot(&stage.root), None).is_ok());
}
