//! Taking all of a file system's names away.

use super::*;
use crate::tree::Pruning;

/// Takes steps until there is nothing to do; how many names went.
fn prune(stage: &Stage) -> usize {
    let (before, mut pruning, mut steps) = (stage.live().0, Pruning::below(stage.root.clone()), 0);
    while pruning.step() {
        steps += 1;
        assert!(steps < 1000, "it does not end");
    }
    assert_eq!(pruning.into_root().get(), stage.root.get());
    before - stage.live().0
}

#[test]
fn all_that_nobody_uses_goes_from_the_bottom_up() {
    let stage = Stage::new();
    for name in ["a", "b"] {
        let dir = stage.dir(name);
        for name in ["x", "y", "z"] {
            drop(stage.file(&dir, name));
            let below = stage.make(dir.get(), &format!("{name} dir"), InodeKind::Directory);
            drop(stage.file(&below.unwrap(), "deep"));
        }
    }
    drop(stage.file(&stage.root, "f"));
    assert_eq!(stage.live().0, 1 + 2 * 10 + 1);
    assert_eq!(prune(&stage), 21);
    assert_eq!(stage.live(), (1, 1));
    assert_eq!(prune(&stage), 0);
}

#[test]
fn what_somebody_uses_stays_until_it_is_let_go() {
    let stage = Stage::new();
    let dir = stage.dir("a");
    let used = stage.file(&dir, "used");
    drop((stage.file(&dir, "free"), stage.file(&stage.root, "f")));
    drop(dir);
    prune(&stage);
    assert!(used.get().is_hashed());
    assert!(stage.live().0 >= 3, "the file, its directory and the root at least");
    drop(used);
    prune(&stage);
    assert_eq!(stage.live(), (1, 1));
}

/// Nobody has more to do with it than what is in it.
#[test]
fn a_directory_without_a_name_goes_with_the_last_that_is_in_it() {
    let stage = Stage::new();
    let outer = stage.dir("outer");
    let inner = stage.make(outer.get(), "inner", InodeKind::Directory).unwrap();
    drop((stage.file(&inner, "x"), stage.file(&inner, "y"), stage.file(&stage.root, "f")));
    for dir in [inner, outer] {
        drop(stage.tree.unhash(dir.get(), false).unwrap());
    }
    prune(&stage);
    assert_eq!(stage.live(), (1, 1));
}
