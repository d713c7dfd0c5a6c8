//! Ids: of live objects, of freed ones, and of another tree.

use super::*;

#[test]
fn an_id_is_valid_as_long_as_its_object() {
    let stage = TreeStage::new();
    let (tree, f) = (&stage.tree, stage.file(&stage.root, "f"));
    let (dentry, inode) = (f.get().id(), f.get().inode().id());
    assert_eq!(tree.dentry(dentry).unwrap().get().id(), dentry);
    assert_eq!(tree.inode(inode).unwrap().get().id(), inode);
    assert!(stage.unhash(&f, false));
    drop(f);
    for _ in 0..2 {
        assert_eq!(refusal(tree.dentry(dentry)), Errno::ESTALE);
        stage.reap();
        assert_eq!(refusal(tree.inode(inode)), Errno::ESTALE);
    }
    let g = stage.file(&stage.root, "g");
    assert_eq!(g.get().id().index, dentry.index, "in the same slot");
    assert_eq!(refusal(tree.dentry(dentry)), Errno::ESTALE);
    assert_eq!(refusal(tree.inode(inode)), Errno::ESTALE);
}

#[test]
fn ids_of_another_tree_are_refused() {
    let (stage, other) = (TreeStage::new(), TreeStage::new());
    let (_ours, theirs) = (stage.file(&stage.root, "f"), other.file(&other.root, "f"));
    let (dentry, inode) = (theirs.get().id(), theirs.get().inode().id());
    assert_eq!(refusal(stage.tree.dentry(dentry)), Errno::EINVAL);
    assert_eq!(refusal(stage.tree.inode(inode)), Errno::EINVAL);
    assert_ne!(stage.superblock.id(), other.superblock.id());
}

#[test]
fn every_file_system_has_a_device_of_its_own() {
    let stage = TreeStage::new();
    let more: Vec<_> = (0..5).map(|_| stage.tree.add_superblock(1).unwrap().0).collect();
    let mut devices: Vec<_> = more.iter().map(|it| it.id().device()).collect();
    devices.push(stage.superblock.id().device());
    devices.sort_unstable();
    assert_eq!(devices, [1, 2, 3, 4, 5, 6], "0 is none to Linux");
}
