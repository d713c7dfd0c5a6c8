//! Renames and exchanges.

use std::collections::BTreeMap;

use super::*;

#[test]
fn a_rename_unhashes_the_dentry_of_the_new_name() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let d = stage.dir("d");
    for to in [root, &d] {
        let (f, g) = (stage.file(root, "f"), stage.file(to, "g"));
        tree.add_missing(to.get(), b"n").unwrap();
        let replaced = tree.rename(f.get(), to.get(), b"g").unwrap();
        assert_eq!(replaced.map(|dentry| dentry.get().id()), Some(g.get().id()));
        assert!(!g.get().is_hashed() && f.get().is_hashed());
        assert_eq!(stage.ino(to, "g"), Some(f.get().inode().ino()));
        assert!(matches!(stage.look(root, "f"), Known::Unknown));
        assert!(tree.rename(f.get(), to.get(), b"n").unwrap().is_none(), "no dentry had it");
        assert_eq!((tree.negatives(), stage.ino(to, "g")), (0, None));
        assert_eq!(f.parent().unwrap().get().id(), to.get().id());
        assert!(stage.unhash(&f, false));
    }
    assert_eq!(stage.live(), (2, 2));
}

#[test]
fn a_rename_gives_an_unhashed_dentry_a_name() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let d = stage.dir("d");
    for to in [root, &d] {
        let f = stage.file(root, "f");
        assert!(stage.unhash(&f, false));
        tree.rename(f.get(), to.get(), b"f").unwrap();
        assert!(f.get().is_hashed());
        assert_eq!(stage.ino(to, "f"), Some(f.get().inode().ino()));
        let ino = f.get().inode().ino();
        drop(f);
        stage.reap();
        assert_eq!(stage.ino(to, "f"), Some(ino), "its name keeps it");
        let Known::Positive(f) = stage.look(to, "f") else { panic!("it is there") };
        assert!(stage.unhash(&f, false));
    }
    assert_eq!(stage.live(), (2, 2));
}

/// The children of a directory hold one reference to it together, moved ones included.
#[test]
fn a_child_moved_into_a_directory_keeps_it() {
    for count in 1..4 {
        let stage = TreeStage::new();
        let (tree, d) = (&stage.tree, stage.dir("d"));
        let files: Vec<_> = (0..count).map(|n| stage.file(&stage.root, &n.to_string())).collect();
        for file in &files {
            tree.rename(file.get(), d.get(), file.get().name().as_ref()).unwrap();
        }
        assert!(stage.unhash(&d, false));
        drop(d);
        for (n, file) in files.into_iter().enumerate() {
            assert!(file.parent().is_some());
            assert!(stage.unhash(&file, false));
            drop(file);
            let left = if n + 1 == count { 1 } else { count - n + 1 };
            assert_eq!(stage.live(), (left, left));
        }
    }
}

#[test]
fn an_exchange_moves_both() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let d = stage.dir("d");
    for to in [root, &d] {
        let (f, g) = (stage.file(root, "f"), stage.file(to, "g"));
        let (one, two) = (f.get().inode().ino(), g.get().inode().ino());
        tree.exchange_names(f.get(), g.get()).unwrap();
        assert_eq!((stage.ino(root, "f"), stage.ino(to, "g")), (Some(two), Some(one)));
        assert_eq!((name_of(&f), name_of(&g)), ("g".into(), "f".into()));
        assert_eq!(f.parent().unwrap().get().id(), to.get().id());
        assert_eq!(g.parent().unwrap().get().id(), root.get().id());
        assert!(stage.unhash(&f, false) && stage.unhash(&g, false));
    }
    assert_eq!(stage.live(), (2, 2));
}

/// A regression: an exchange gave a dentry an index entry that did not exist, and the next change of it
/// panicked.
#[test]
fn an_unhashed_dentry_is_not_exchanged() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let d = stage.dir("d");
    for dir in [root, &d] {
        let (f, g) = (stage.file(root, "f"), stage.file(dir, "g"));
        assert!(stage.unhash(&g, false));
        assert_eq!(refusal(tree.exchange_names(f.get(), g.get())), Errno::ENOENT);
        assert_eq!(refusal(tree.exchange_names(g.get(), f.get())), Errno::ENOENT);
        assert_eq!(
            (stage.ino(root, "f"), stage.ino(dir, "g")),
            (Some(f.get().inode().ino()), None)
        );
        assert!(stage.unhash(&f, false));
        assert_eq!(refusal(tree.exchange_names(f.get(), g.get())), Errno::ENOENT);
    }
    assert_eq!(stage.live(), (2, 2));
}

#[test]
fn a_root_is_not_moved() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, stage.root.get());
    let f = stage.file(&stage.root, "f");
    assert_eq!(refusal(tree.rename(root, root, b"r")), Errno::EBUSY);
    assert_eq!(refusal(tree.exchange_names(root, f.get())), Errno::EBUSY);
    assert_eq!(refusal(tree.exchange_names(f.get(), root)), Errno::EBUSY);
    assert_eq!(stage.ino(&stage.root, "f"), Some(2));
}

/// A file system that counts moves of directories must see each, and no move of another object.
#[test]
fn moves_of_directories_between_directories_are_counted() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, stage.root.get());
    let (d, e) = (stage.dir("d"), stage.dir("e"));
    let f = stage.file(&stage.root, "f");
    let count = || stage.superblock.slot().directory_moves();
    let before = count();
    tree.rename(f.get(), d.get(), b"f").unwrap();
    tree.rename(d.get(), root, b"d2").unwrap();
    assert_eq!(count(), before, "a file, and a directory that stays where it is");
    tree.rename(d.get(), e.get(), b"d").unwrap();
    assert_eq!(count(), before + 1);
    tree.exchange_names(d.get(), stage.file(&stage.root, "g").get()).unwrap();
    assert_eq!(count(), before + 2);
}

/// Names made, removed, moved and exchanged in four directories, beside a map from each name to its
/// inode. Places in the array and in the index must follow.
#[test]
fn any_sequence_of_changes_keeps_each_name_with_its_inode() {
    let stage = TreeStage::new();
    let tree = &stage.tree;
    let dirs: Vec<_> = (0..4).map(|n| stage.dir(&format!("d{n}"))).collect();
    let mut known: BTreeMap<(usize, u32), DeferringRef> = BTreeMap::new();
    let mut random = fastrand::Rng::with_seed(7);
    let text = |name: u32| format!("name number {name} that is now and then a long one");
    for turn in 0..6000 {
        // Many names at first, few at last, so that the tables grow and shrink.
        let names = if turn < 3000 { 200 } else { 12 };
        let place = (random.usize(..4), random.u32(..names));
        let other = (random.usize(..4), random.u32(..names));
        let (at, to) = (dirs[place.0].get(), dirs[other.0].get());
        let (name, new) = (text(place.1), text(other.1));
        match random.u32(..8) {
            0..=2 => match stage.make(at, &name, InodeKind::Regular) {
                Ok(dentry) => assert!(known.insert(place, dentry).is_none()),
                Err(error) => {
                    assert!(error.errno() == Errno::EEXIST && known.contains_key(&place));
                }
            },
            3 => {
                if let Some(dentry) = known.remove(&place) {
                    assert!(stage.unhash(&dentry, random.bool()));
                } else {
                    tree.add_missing(at, name.as_bytes()).unwrap();
                }
            }
            4..=5 => {
                let Some(dentry) = known.remove(&place) else { continue };
                let replaced = tree.rename(dentry.get(), to, new.as_bytes()).unwrap();
                // Nothing, if the two names are the same.
                let expected = known.remove(&other);
                let ids = [&replaced, &expected].map(|it| it.as_ref().map(|it| it.get().id()));
                assert_eq!(ids[0], ids[1]);
                known.insert(other, dentry);
            }
            6 => {
                if place != other
                    && let (Some(one), Some(two)) = (known.get(&place), known.get(&other))
                {
                    let (one, two) = (one.clone(), two.clone());
                    tree.exchange_names(one.get(), two.get()).unwrap();
                    known.insert(place, two);
                    known.insert(other, one);
                }
            }
            _ => {
                let found = stage.ino(&dirs[place.0], &name);
                assert_eq!(found, known.get(&place).map(|dentry| dentry.get().inode().ino()));
            }
        }
        if turn % 100 == 0 {
            stage.reap();
            tree.verify().unwrap();
        }
    }
    for ((dir, name), dentry) in &known {
        assert_eq!(stage.ino(&dirs[*dir], &text(*name)), Some(dentry.get().inode().ino()));
        assert_eq!(name_of(dentry), text(*name));
        assert_eq!(dentry.parent().unwrap().get().id(), dirs[*dir].get().id());
        assert!(stage.unhash(dentry, false));
    }
    known.clear();
    assert_eq!(stage.live(), (5, 5), "the root and the directories");
}
