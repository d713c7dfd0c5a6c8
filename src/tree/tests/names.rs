//! Names and their dentries.

use std::thread;

use super::*;
use crate::base::sync::{AtomicBool, Ordering};

#[test]
fn a_name_is_found_until_it_is_unhashed() {
    let stage = TreeStage::new();
    let root = &stage.root;
    assert!(matches!(stage.look(root, "f"), Known::Unknown));
    let f = stage.file(root, "f");
    let Known::Positive(found) = stage.look(root, "f") else { panic!("it is there") };
    assert_eq!(found.get().id(), f.get().id());
    assert_eq!(refusal(stage.make(root.get(), "f", InodeKind::Regular)), Errno::EEXIST);
    assert!(stage.unhash(&f, true), "its name");
    assert!(!f.get().is_hashed());
    assert!(matches!(stage.look(root, "f"), Known::Negative));
    assert!(!stage.unhash(&f, true), "it has none any more");
    let again = stage.file(root, "f");
    assert_eq!(stage.tree.negatives(), 0, "it is known to exist");
    assert!(stage.unhash(&again, false));
    assert!(matches!(stage.look(root, "f"), Known::Unknown));
    assert_eq!((name_of(&f), name_of(&again)), ("f".into(), "f".into()));
    drop((f, again, found));
    assert_eq!(stage.live(), (1, 1));
}

#[test]
fn an_invalid_name_is_refused() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let f = stage.file(root, "f");
    let long = "n".repeat(256);
    let bad = [
        ("", Errno::EINVAL),
        (".", Errno::EINVAL),
        ("..", Errno::EINVAL),
        ("a/b", Errno::EINVAL),
        ("a\0", Errno::EINVAL),
        (&long, Errno::ENAMETOOLONG),
    ];
    for (name, kind) in bad {
        let inode = || stage.inode(InodeKind::Regular).unwrap();
        let bytes = name.as_bytes();
        assert_eq!(refusal(tree.instantiate(root.get(), bytes, inode())), kind, "{name:?}");
        assert_eq!(refusal(tree.instantiate_unnamed(root.get(), bytes, inode())), kind);
        assert_eq!(refusal(tree.add_missing(root.get(), bytes)), kind);
        assert_eq!(refusal(tree.rename(f.get(), root.get(), bytes)), kind);
    }
    drop(stage.file(root, &long[..255]));
    assert!(stage.ino(root, &long[..255]).is_some());
    assert_eq!(refusal(stage.make(f.get(), "x", InodeKind::Regular)), Errno::ENOTDIR);
    assert_eq!(refusal(tree.lookup(f.get(), b"x")), Errno::ENOTDIR);
}

#[test]
fn an_object_of_another_tree_is_refused() {
    let (stage, other) = (TreeStage::new(), TreeStage::new());
    let (f, g) = (stage.file(&stage.root, "f"), other.file(&other.root, "g"));
    let (tree, root, theirs) = (&stage.tree, stage.root.get(), other.root.get());
    assert_eq!(refusal(tree.lookup(theirs, b"g")), Errno::EINVAL);
    assert_eq!(refusal(tree.instantiate(root, b"x", g.inode_ref())), Errno::EINVAL);
    assert_eq!(refusal(tree.instantiate_unnamed(root, b"x", g.inode_ref())), Errno::EINVAL);
    assert_eq!(refusal(tree.add_missing(theirs, b"x")), Errno::EINVAL);
    assert_eq!(refusal(tree.unhash(g.get(), false)), Errno::EINVAL);
    assert_eq!(refusal(tree.rename(g.get(), root, b"x")), Errno::EINVAL);
    assert_eq!(refusal(tree.rename(f.get(), theirs, b"x")), Errno::EINVAL);
    assert_eq!(refusal(tree.exchange_names(f.get(), g.get())), Errno::EINVAL);
    assert_eq!(refusal(tree.exchange_names(g.get(), f.get())), Errno::EINVAL);
}

#[test]
fn an_unnamed_file_leaves_the_name_to_others() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let f = stage.file(root, "f");
    tree.add_missing(root.get(), b"n").unwrap();
    for name in ["f", "n"] {
        let inode = stage.inode(InodeKind::Regular).unwrap();
        let unnamed = tree.instantiate_unnamed(root.get(), name.as_bytes(), inode).unwrap();
        assert!(!unnamed.get().is_hashed());
        assert_eq!(name_of(&unnamed), name, "for its events");
    }
    assert_eq!(stage.ino(root, "f"), Some(f.get().inode().ino()));
    assert!(matches!(stage.look(root, "n"), Known::Negative));
    assert_eq!(tree.negatives(), 1);
    drop(f);
    assert_eq!(stage.live(), (2, 2), "the root and f");
}

#[test]
fn a_directory_has_one_name() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, stage.root.get());
    let d = stage.dir("d");
    let inode = d.inode_ref();
    assert_eq!(refusal(tree.instantiate(root, b"e", d.inode_ref())), Errno::EEXIST);
    assert_eq!(refusal(tree.instantiate_unnamed(root, b"e", d.inode_ref())), Errno::EEXIST);
    assert!(stage.unhash(&d, false));
    assert_eq!(refusal(tree.instantiate(root, b"e", d.inode_ref())), Errno::EEXIST);
    drop(d);
    // Dead, though not freed yet.
    let e = tree.instantiate(root, b"e", inode.clone()).unwrap();
    assert_eq!(stage.live(), (2, 2));
    // Then freed, with another dentry in its slot.
    let slot = e.get().id().index;
    assert!(stage.unhash(&e, false));
    drop(e);
    stage.reap();
    let other = stage.file(&stage.root, "other");
    assert_eq!(other.get().id().index, slot);
    let e = tree.instantiate(root, b"e", inode).unwrap();
    assert!(stage.unhash(&other, false));
    drop(other);
    assert_eq!(stage.live(), (2, 2));
    drop(stage.file(&e, "f"));
    assert!(stage.ino(&e, "f").is_some());
    assert_eq!(stage.live(), (3, 3));
}

#[test]
fn a_dentry_knows_its_name_and_its_parent() {
    let stage = TreeStage::new();
    let d = stage.dir("d");
    let f = stage.file(&d, "f");
    assert_eq!((name_of(&f), name_of(&d)), ("f".into(), "d".into()));
    assert_eq!(f.parent().unwrap().get().id(), d.get().id());
    assert_eq!(d.parent().unwrap().get().id(), stage.root.get().id());
    assert!(stage.root.parent().is_none() && name_of(&stage.root).is_empty());
    assert!(stage.root.get().is_root() && !d.get().is_root());
    assert!(d.get().is_dir() && !f.get().is_dir());
}

#[test]
fn references_are_equal_if_they_are_to_one_dentry() {
    let stage = TreeStage::new();
    let (f, g) = (stage.file(&stage.root, "f"), stage.file(&stage.root, "g"));
    let Known::Positive(found) = stage.look(&stage.root, "f") else { panic!("it is there") };
    assert!(f == found && f == f.clone() && f != g);
    let other = TreeStage::new();
    let theirs = other.file(&other.root, "f");
    assert_eq!(theirs.get().id().index, f.get().id().index);
    assert!(f != theirs, "of another tree");
}

/// Numbers that guests choose are hashed with a key of the tree's own, so that no guest can choose
/// colliding ones.
#[test]
fn hashes_of_numbers_are_spread_and_keyed() {
    let (one, two) = (TreeStage::new(), TreeStage::new());
    let hashes = |stage: &TreeStage| -> Vec<u32> {
        (0..1000).map(|number| stage.tree.hash_number(number)).collect()
    };
    let (ours, theirs) = (hashes(&one), hashes(&two));
    let different: std::collections::BTreeSet<_> = ours.iter().map(|hash| hash % 1024).collect();
    assert!(different.len() > 500, "{} of 1024 chains are used", different.len());
    let equal = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours == theirs).count();
    assert!(equal < 10, "{equal} hashes are those of another tree");
}

/// The entries that an insertion touches are counted: a chain, not the directory.
#[test]
fn the_worst_insertion_is_known() {
    let stage = TreeStage::new();
    for n in 0..5000 {
        drop(stage.file(&stage.root, &n.to_string()));
    }
    let worst = stage.tree.worst_insert(stage.root.get());
    assert!((2..=64).contains(&worst), "{worst}");
}

/// The children of a directory hold one reference to it, whichever of them are added and removed.
#[test]
fn a_directory_stays_while_it_has_children() {
    let stage = TreeStage::new();
    let d = stage.dir("d");
    let (f, g) = (stage.file(&d, "f"), stage.file(&d, "g"));
    assert!(stage.unhash(&d, false));
    drop(d);
    assert_eq!(stage.live(), (4, 4), "the root, the directory without a name, and its two files");
    assert!(stage.unhash(&f, false));
    drop(f);
    assert_eq!(stage.live(), (3, 3));
    stage.tree.rename(g.get(), stage.root.get(), b"g").unwrap();
    assert_eq!(stage.live(), (2, 2), "the last child has left");
    drop(g);
    assert!(stage.ino(&stage.root, "g").is_some());
}

/// Children at the same place of two pages, one after the other in a directory: each has its own flag.
#[test]
fn a_walk_flags_children_of_different_pages() {
    use crate::base::arena::HotPage;
    use crate::tree::dentry_page::{Dentries, DentryPage};
    let stage = TreeStage::new();
    let (one, two) = (stage.dir("one"), stage.dir("two"));
    let mut here = Vec::new();
    for n in 0..=3 * DentryPage::SLOTS {
        let is_same_place = n % DentryPage::SLOTS == 0;
        let dentry = stage.file(if is_same_place { &one } else { &two }, &n.to_string());
        if is_same_place {
            here.push(dentry);
        }
    }
    let indices: Vec<_> = here.iter().map(|dentry| dentry.get().id().index).collect();
    let places: Vec<_> = indices.iter().map(|index| Dentries::place(*index)).collect();
    assert!(places.windows(2).all(|two| two[0] == two[1]), "{indices:?}");
    stage.tree.flag_all(&indices);
    assert!(here.iter().all(|dentry| dentry.get().is_parent_watched()));
}

/// The slot of a dentry keeps its last link, which may be to another directory, until its next dentry
/// has a place.
#[test]
fn a_directory_that_is_found_by_its_inode_has_its_parent() {
    const TURNS: u64 = 3_000;
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let other = stage.dir("other");
    let inode = stage.inode(InodeKind::Directory).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let Some(found) = tree.directory_dentry(&inode) else { continue };
                assert_eq!(found.parent().as_ref(), Some(root));
                assert_eq!(name_of(&found), "found");
            }
        });
        for _ in 0..TURNS {
            let before: Vec<_> = (0..4).map(|n| stage.file(&other, &n.to_string())).collect();
            before.iter().for_each(|file| assert!(stage.unhash(file, false)));
            drop(before);
            stage.reap();
            // Refused while the other thread has the last one.
            let Ok(found) = tree.instantiate(root.get(), b"found", inode.clone()) else { continue };
            stage.unhash(&found, false);
        }
        done.store(true, Ordering::Relaxed);
    });
    stage.reap();
    tree.verify().unwrap();
}
