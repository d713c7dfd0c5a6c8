//! Going up while directories move.

use std::sync::Barrier;
use std::thread;

use crate::fs::{MemFs, OpenFlags, RenameFlags};
use crate::notify::ancestor_query::{AncestorProof, AncestorQuery, ClimbBudget, LEVELS_PER_HOLD};
use crate::vfs::{Context, File, Vfs};

/// Deeper than one hold of the rename lock goes.
const DEPTH: usize = LEVELS_PER_HOLD + 100;

/// A chain of directories `d` below a new directory; a handle on the last.
fn chain(vfs: &Vfs, cx: &Context, top: &str) -> File {
    vfs.mkdir(cx, top, 0o755).unwrap();
    let mut last = vfs.open(cx, top, OpenFlags::PATH, 0).unwrap();
    for _ in 0..DEPTH {
        vfs.mkdir(cx, last.at("d"), 0o755).unwrap();
        last = vfs.open(cx, last.at("d"), OpenFlags::PATH, 0).unwrap();
    }
    last
}

#[test]
fn a_proof_holds_until_a_directory_moves() {
    let vfs = Vfs::new(MemFs::new()).unwrap();
    let cx = vfs.context();
    let deep = chain(&vfs, &cx, "/a");
    vfs.mkdir(&cx, "/b", 0o755).unwrap();
    vfs.mkdir(&cx, "/b/c", 0o755).unwrap();
    vfs.open(&cx, "/b/f", OpenFlags::WRITE | OpenFlags::CREATE, 0o644).unwrap();
    let b = vfs.open(&cx, "/b", OpenFlags::PATH, 0).unwrap();
    let a = vfs.open(&cx, "/a", OpenFlags::PATH, 0).unwrap();
    let below = deep.dentry().id();
    let (is_below_b, is_below_a) = (
        AncestorQuery { above: b.dentry().id(), below },
        AncestorQuery { above: a.dentry().id(), below },
    );
    let ask = |query, known: &[AncestorProof]| {
        let _rename = deep.dentry().inode().superblock.lock_rename();
        vfs.notifier().is_ancestor(query, known)
    };
    let prove = |query| vfs.notifier().prove(query, &mut ClimbBudget::default()).unwrap();
    assert_eq!(ask(is_below_a, &[]), Err(is_below_a), "too far up");
    let known = [prove(is_below_b), prove(is_below_a)];
    assert_eq!((ask(is_below_b, &known), ask(is_below_a, &known)), (Ok(false), Ok(true)));
    let rename = |from: &str, to: &str| {
        vfs.rename(&cx, from, to, RenameFlags::empty()).unwrap();
    };
    rename("/b/f", "/f");
    rename("/b/c", "/b/e");
    assert_eq!(ask(is_below_b, &known), Ok(false), "no directory has got another parent");
    rename("/a", "/b/a");
    assert_eq!(ask(is_below_b, &known), Err(is_below_b), "it is not known any more");
    assert!(prove(is_below_b).is_above());
    vfs.rename(&cx, "/b/a", "/f", RenameFlags::EXCHANGE).unwrap();
    let known = [prove(is_below_b)];
    assert_eq!(ask(is_below_b, &known), Ok(false));
    vfs.rename(&cx, "/b/a", "/f", RenameFlags::EXCHANGE).unwrap();
    assert_eq!(ask(is_below_b, &known), Err(is_below_b), "exchanged");
}

/// Neighbours rename meanwhile. Fails (the lock is taken twice) if the first attempt takes it.
#[test]
fn a_climb_takes_no_rename_lock_while_no_directory_moves() {
    let vfs = Vfs::new(MemFs::new()).unwrap();
    let cx = vfs.context();
    let deep = chain(&vfs, &cx, "/a");
    let a = vfs.open(&cx, "/a", OpenFlags::PATH, 0).unwrap();
    let query = AncestorQuery { above: a.dentry().id(), below: deep.dentry().id() };
    let _rename = deep.dentry().inode().superblock.lock_rename();
    let mut budget = ClimbBudget::default();
    assert!(vfs.notifier().prove(query, &mut budget).unwrap().is_above());
    assert_eq!(budget.spent(), (1, DEPTH + 1));
}

/// Each alone is allowed; both together would cut the two trees off, each inside the other.
#[test]
fn two_deep_directories_never_come_to_be_inside_each_other() {
    let vfs = Vfs::new(MemFs::new()).unwrap();
    let cx = vfs.context();
    let (in_a, in_b) = (chain(&vfs, &cx, "/a"), chain(&vfs, &cx, "/b"));
    for _ in 0..200 {
        let barrier = Barrier::new(2);
        let into = |from: &str, to: &File| {
            barrier.wait();
            let no_flags = RenameFlags::empty();
            vfs.rename(&cx, from, to.at("x"), no_flags)
        };
        let (one, two) = thread::scope(|scope| {
            let one = scope.spawn(|| into("/a", &in_b));
            let two = into("/b", &in_a);
            (one.join().unwrap(), two)
        });
        assert!(one.is_ok() != two.is_ok(), "{one:?}, {two:?}");
        let (home, holder) = if one.is_ok() { ("/a", &in_b) } else { ("/b", &in_a) };
        assert!(in_a.path(&cx).is_ok() && in_b.path(&cx).is_ok(), "both can be reached");
        vfs.rename(&cx, holder.at("x"), home, RenameFlags::empty()).unwrap();
    }
    vfs.verify().unwrap();
}
