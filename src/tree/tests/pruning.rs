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

/// Walks to the end, whatever the number of steps; how many dentries went.
fn prune_all(stage: &Stage) -> usize {
    let (before, mut pruning) = (stage.live().0, Pruning::below(stage.root.clone()));
    while pruning.step() {}
    drop(pruning);
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

/// The walk ended at the first, and nothing was pruned.
#[test]
fn the_newest_of_many_files_being_in_use_keeps_none_of_the_others() {
    let stage = Stage::new();
    let dir = stage.dir("d");
    for n in 0..1000 {
        drop(stage.file(&dir, &n.to_string()));
        drop(stage.file(&stage.root, &n.to_string()));
    }
    let newest = [stage.file(&dir, "newest"), stage.file(&stage.root, "newest")];
    assert_eq!(prune_all(&stage), 2000);
    assert!(newest.iter().all(|file| file.get().is_hashed()));
    drop((newest, dir));
    assert_eq!(prune_all(&stage), 3);
    assert_eq!(stage.live(), (1, 1));
}

/// A directory in use that is deep in the tree is passed over once, on the way up as on the way down.
#[test]
fn a_walk_passes_over_what_is_in_use_at_any_depth_and_ends() {
    let stage = Stage::new();
    let mut dirs = vec![stage.dir("d")];
    for depth in 0..20 {
        let dir = dirs.last().unwrap().clone();
        for n in 0..5 {
            let side = stage.make(dir.get(), &format!("side {n}"), InodeKind::Directory).unwrap();
            drop(stage.file(&side, "f"));
        }
        let below = stage.make(dir.get(), &format!("d{depth}"), InodeKind::Directory).unwrap();
        drop(stage.file(&below, "last"));
        dirs.push(below);
    }
    let held = [dirs[20].clone(), dirs[7].clone()];
    drop(dirs);
    assert_eq!(prune_all(&stage), 20 * 11, "all but the directories down to the deepest in use");
    assert_eq!(prune_all(&stage), 0);
    drop(held);
    assert_eq!(prune_all(&stage), 21);
    assert_eq!(stage.live(), (1, 1));
}

/// It went on from there: up, and over all that is beside its root.
#[test]
fn a_walk_whose_directory_is_moved_out_of_its_root_does_not_follow() {
    let stage = Stage::new();
    let (inside, outside) = (stage.dir("inside"), stage.dir("outside"));
    drop(stage.file(&outside, "not to go"));
    let deep = stage.make(inside.get(), "deep", InodeKind::Directory).unwrap();
    for n in 0..3 {
        drop(stage.file(&deep, &n.to_string()));
    }
    drop(stage.file(&inside, "first"));
    let mut pruning = Pruning::below(inside.clone());
    // The last file is taken away first, then the walk is in the directory.
    assert!(pruning.step() && pruning.step() && pruning.step());
    stage.tree.rename(deep.get(), outside.get(), b"moved").unwrap();
    drop((deep, outside));
    while pruning.step() {}
    drop(pruning);
    let Lookup::Positive(outside) = stage.look(&stage.root, "outside") else {
        panic!("it was pruned")
    };
    assert!(stage.ino(&outside, "not to go").is_some(), "what is outside was pruned");
    assert!(stage.ino(&outside, "moved").is_some());
    drop((inside, outside));
    prune_all(&stage);
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

/// A step went over all of them, however deep the tree had been.
#[test]
fn a_walk_goes_back_over_directories_that_have_gone_in_bounded_steps() {
    const DEPTH: usize = 3_000;
    let stage = Stage::new();
    let mut dirs = vec![stage.dir("d")];
    for _ in 0..DEPTH {
        let last = dirs.last().unwrap();
        dirs.push(stage.make(last.get(), "d", InodeKind::Directory).unwrap());
    }
    let files = [stage.file(&dirs[DEPTH], "one"), stage.file(&dirs[DEPTH], "two")];
    let mut pruning = Pruning::below(stage.root.clone());
    for _ in 0..=DEPTH {
        assert!(pruning.step());
    }
    // The directory that the walk is in goes on elsewhere.
    let elsewhere = stage.dir("elsewhere");
    stage.tree.rename(dirs[DEPTH].get(), elsewhere.get(), b"d").unwrap();
    dirs.iter().take(DEPTH).for_each(|dir| assert!(stage.unhash(dir, false)));
    drop(dirs);
    stage.reap();
    let mut steps = 0;
    while pruning.step() {
        steps += 1;
    }
    assert!(steps >= DEPTH / 256, "{steps} steps");
    assert!(files.iter().all(|file| file.get().is_hashed()));
    drop((pruning, files, elsewhere));
    prune_all(&stage);
    assert_eq!(stage.live(), (1, 1));
}
