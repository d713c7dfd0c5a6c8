//! The budget for names that are known not to exist.

use super::*;

fn stage(negatives: usize, negatives_per_directory: usize) -> TreeStage {
    TreeStage::with(
        TreeConfig { negatives, negatives_per_directory, ..TreeConfig::default() },
        TreeLimits::default(),
    )
}

fn remember(stage: &TreeStage, dir: &DeferringRef, names: std::ops::Range<usize>) {
    for n in names {
        stage.tree.add_missing(dir.get(), n.to_string().as_bytes()).unwrap();
    }
}

fn known(stage: &TreeStage, dir: &DeferringRef, names: std::ops::Range<usize>) -> usize {
    names.filter(|n| matches!(stage.look(dir, &n.to_string()), Known::Negative)).count()
}

#[test]
fn the_budgets_are_used_up_and_not_exceeded() {
    for (all, per_directory, expected) in [(5, 100, 5), (100, 5, 5), (0, 5, 0), (5, 0, 0)] {
        let stage = stage(all, per_directory);
        remember(&stage, &stage.root, 0..20);
        assert_eq!(stage.tree.negatives(), expected, "{all} in all, {per_directory} in each");
        assert_eq!(known(&stage, &stage.root, 0..20), expected);
        stage.tree.verify().unwrap();
    }
}

/// A directory that came later gets its share from one that had used the budget up.
#[test]
fn the_clock_evicts_from_other_directories() {
    let stage = stage(10, 10);
    let dirs: Vec<_> = (0..5).map(|n| stage.dir(&n.to_string())).collect();
    remember(&stage, &dirs[1], 0..10);
    assert_eq!(known(&stage, &dirs[1], 0..10), 10);
    remember(&stage, &dirs[3], 0..200);
    let (earlier, later) = (known(&stage, &dirs[1], 0..10), known(&stage, &dirs[3], 0..200));
    assert!(earlier == 0 && later > 0, "{earlier} of the one, {later} of the other");
    assert_eq!(stage.tree.negatives(), later);
    stage.tree.verify().unwrap();
}

/// One step of the CLOCK hand evicts eight: not all, and enough for the next additions.
#[test]
fn one_step_of_the_clock_evicts_a_few() {
    let stage = stage(100, 100);
    let (one, two) = (stage.dir("one"), stage.dir("two"));
    remember(&stage, &one, 0..100);
    remember(&stage, &two, 0..1);
    assert_eq!((known(&stage, &one, 0..100), stage.tree.negatives()), (92, 93));
}

#[test]
fn negatives_that_turn_positive_or_die_are_uncharged() {
    let stage = stage(3, 3);
    let d = stage.dir("d");
    remember(&stage, &d, 0..3);
    drop(stage.file(&d, "1"));
    assert_eq!(stage.tree.negatives(), 2);
    stage.tree.rename(stage.file(&d, "x").get(), d.get(), b"2").unwrap();
    assert_eq!(stage.tree.negatives(), 1);
    assert!(stage.ino(&d, "1").is_some() && stage.ino(&d, "2").is_some());
    for name in ["1", "2"] {
        let Known::Positive(file) = stage.look(&d, name) else { panic!("it is there") };
        assert!(stage.unhash(&file, true));
    }
    assert_eq!(stage.tree.negatives(), 3);
    assert!(stage.unhash(&d, false));
    drop(d);
    assert_eq!(stage.live(), (1, 1));
    assert_eq!(stage.tree.negatives(), 0, "they went with the directory");
}

/// Names that are looked up again and again stay; others are evicted first.
#[test]
fn negatives_that_are_looked_up_stay_longer() {
    let stage = stage(50, 50);
    remember(&stage, &stage.root, 0..50);
    for n in 100..140 {
        assert_eq!(known(&stage, &stage.root, 0..10), 10, "the used ones, before {n}");
        remember(&stage, &stage.root, n..n + 1);
    }
    assert_eq!(stage.tree.negatives(), 50);
}
