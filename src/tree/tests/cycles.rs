//! No directory becomes its own ancestor.

use std::sync::Barrier;
use std::thread;

use super::*;

/// Deeper than one hold of the rename lock climbs.
const DEPTH: usize = 1_100;

/// A chain of directories below a new one, outermost first.
fn chain(stage: &TreeStage, name: &str, depth: usize) -> Vec<DeferringRef> {
    let mut chain = vec![stage.dir(name)];
    for _ in 0..depth {
        let last = chain.last().unwrap();
        chain.push(stage.make(last.get(), "d", InodeKind::Directory).unwrap());
    }
    chain
}

fn kind<R: std::fmt::Debug>(result: Result<R, Error>) -> Errno {
    result.unwrap_err().errno()
}

#[test]
fn a_directory_is_not_moved_below_itself() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let all = chain(&stage, "a", DEPTH);
    let (top, last) = (&all[0], &all[DEPTH]);
    for from in [0, 1, DEPTH - 600, DEPTH - 512, DEPTH - 1, DEPTH] {
        let moved = all[from].get();
        assert_eq!(kind(tree.rename(moved, last.get(), b"loop")), Errno::EINVAL, "{from}");
        assert_eq!(kind(tree.rename(moved, moved, b"d")), Errno::EINVAL, "{from}");
    }
    assert_eq!(kind(tree.rename(root.get(), last.get(), b"root")), Errno::EBUSY);
    // An unhashed directory is still above its children.
    let name = tree.unhash(all[3].get(), false).unwrap();
    assert_eq!(kind(tree.rename(all[3].get(), last.get(), b"loop")), Errno::EINVAL);
    tree.verify().unwrap();
    tree.rename(all[5].get(), top.get(), b"up").unwrap();
    tree.rename(all[4].get(), last.get(), b"down").unwrap();
    assert!(tree.rename(top.get(), root.get(), b"b").unwrap().is_none(), "in its own directory");
    drop(name);
    tree.verify().unwrap();
}

#[test]
fn a_directory_is_not_exchanged_with_a_descendant() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let all = chain(&stage, "a", DEPTH);
    let deep = stage.file(&all[DEPTH], "f");
    let (other, file) = (stage.dir("o"), stage.file(root, "f"));
    for other in [all[1].get(), all[700].get(), all[DEPTH].get(), deep.get()] {
        assert_eq!(kind(tree.exchange_names(all[0].get(), other)), Errno::EINVAL);
        assert_eq!(kind(tree.exchange_names(other, all[0].get())), Errno::EINVAL);
    }
    assert_eq!(kind(tree.exchange_names(root.get(), all[5].get())), Errno::EBUSY);
    assert_eq!(kind(tree.exchange_names(all[5].get(), root.get())), Errno::EBUSY);
    tree.exchange_names(all[4].get(), all[4].get()).unwrap();
    tree.exchange_names(all[700].get(), other.get()).unwrap();
    tree.exchange_names(file.get(), all[2].get()).unwrap();
    tree.exchange_names(deep.get(), file.get()).unwrap();
    tree.verify().unwrap();
}

/// Each of two moves alone is allowed; both together would detach the two directories from the root.
#[test]
fn two_threads_do_not_make_a_cycle_together() {
    let stage = TreeStage::new();
    let (tree, root) = (&stage.tree, &stage.root);
    let (a, b) = (chain(&stage, "a", 600), chain(&stage, "b", 600));
    let file = stage.file(&b[600], "f");
    for turn in 0..200 {
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                barrier.wait();
                let _ = tree.rename(a[0].get(), b[600].get(), b"x");
            });
            scope.spawn(|| {
                barrier.wait();
                if turn % 2 == 0 {
                    let _ = tree.rename(b[0].get(), a[600].get(), b"x");
                } else {
                    // The file moves while it is exchanged, and its moves take no rename lock.
                    let _ = tree.rename(file.get(), a[600].get(), b"f");
                    let _ = tree.exchange_names(a[0].get(), file.get());
                }
            });
        });
        tree.verify().unwrap();
        tree.rename(a[0].get(), root.get(), b"a").unwrap();
        tree.rename(b[0].get(), root.get(), b"b").unwrap();
        tree.rename(file.get(), b[600].get(), b"f").unwrap();
    }
    tree.verify().unwrap();
}
