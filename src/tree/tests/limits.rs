//! The limits of a tree: each can be reached, and not passed.

use super::*;

pub(super) fn stage(limits: TreeLimits) -> TreeStage {
    TreeStage::with(TreeConfig::default(), limits)
}

/// Makes names until one is refused: how many it made, and the error.
pub(super) fn fill(stage: &TreeStage, kind: InodeKind) -> (usize, Errno) {
    let mut made = 0;
    loop {
        match stage.make(stage.root.get(), &made.to_string(), kind) {
            Ok(_) => made += 1,
            Err(error) => return (made, error.errno()),
        }
        assert!(made < 1000, "there is no limit");
    }
}

#[test]
fn each_limit_is_reached_and_not_passed() {
    let all = TreeLimits::default();
    let file = InodeKind::Regular;
    let cases = [
        (TreeLimits { dentries: 10, ..all }, file, (9, Errno::ENOMEM)),
        (TreeLimits { inodes: 10, ..all }, file, (9, Errno::ENOMEM)),
        (TreeLimits { directories: 10, ..all }, InodeKind::Directory, (9, Errno::ENOMEM)),
        (TreeLimits { children_per_directory: 10, ..all }, file, (10, Errno::ENOSPC)),
    ];
    for (limits, kind, expected) in cases {
        let stage = stage(limits);
        assert_eq!(fill(&stage, kind), expected, "{limits:?}");
        stage.reap();
        stage.tree.verify().unwrap();
        // A refused name costs nothing, and a removed one makes room.
        let Known::Positive(first) = stage.look(&stage.root, "0") else { panic!("it is there") };
        assert!(stage.unhash(&first, false));
        drop(first);
        stage.reap();
        drop(stage.make(stage.root.get(), "again", kind).unwrap());
        assert_eq!(refusal(stage.make(stage.root.get(), "more", kind)), expected.1);
    }
}

#[test]
fn superblocks_are_limited() {
    let stage = stage(TreeLimits { superblocks: 3, ..TreeLimits::default() });
    let more: Vec<_> = (0..2).map(|_| stage.tree.add_superblock(1).unwrap()).collect();
    assert_eq!(refusal(stage.tree.add_superblock(1)), Errno::ENOMEM);
    drop(more);
    stage.reap();
    let again = stage.tree.add_superblock(1).unwrap();
    assert_eq!(again.1.get().superblock(), again.0.id());
}

#[test]
fn a_rename_into_a_full_directory_is_refused() {
    let stage = stage(TreeLimits { children_per_directory: 3, ..TreeLimits::default() });
    let (tree, d) = (&stage.tree, stage.dir("d"));
    let there: Vec<_> = (0..3).map(|n| stage.file(&d, &n.to_string())).collect();
    let f = stage.file(&stage.root, "f");
    assert_eq!(refusal(tree.rename(f.get(), d.get(), b"f")), Errno::ENOSPC);
    assert_eq!(stage.ino(&stage.root, "f"), Some(f.get().inode().ino()), "it stays where it was");
    let inode = || stage.inode(InodeKind::Regular).unwrap();
    assert_eq!(refusal(tree.instantiate_unnamed(d.get(), b"t", inode())), Errno::ENOSPC);
    tree.rename(there[0].get(), d.get(), b"x").expect("a place of its own");
    tree.exchange_names(f.get(), there[1].get()).expect("as many as before");
    tree.verify().unwrap();
}
