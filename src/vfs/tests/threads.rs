//! Many threads at once.

use std::thread;

use super::*;

/// A small generator, so that each thread does something else and every run the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % sides
    }
}

/// Every operation in every directory, with directories that move into each other: a deadlock
/// would hang, an inversion of locks panics, and what is left must be consistent.
#[test]
fn operations_in_a_moving_tree_end_and_leave_it_sound() {
    let fs = crate::base::sync::Arc::new(MemFs::new());
    let stage = VfsStage::new().with(&["/m/"]);
    stage.vfs.mount_with(&stage.cx, "/m", fs.clone(), Default::default()).unwrap();
    let stage = stage.with(&["/m/a/", "/m/b/"]).watch("A", "/m/a").watch("B", "/m/b");
    let dirs = ["/m/a", "/m/b", "/m/a/x", "/m/b/y", "/m/a/x/z", "/m/b/y/w", "/m"];
    let names = ["x", "y", "z", "w", "f"];
    thread::scope(|scope| {
        for seed in 0..4 {
            let (vfs, cx) = (stage.vfs.clone(), stage.cx.clone());
            scope.spawn(move || {
                let mut dice = Dice(seed * 977 + 1);
                for _ in 0..4000 {
                    let path = |dice: &mut Dice| {
                        format!("{}/{}", dirs[dice.roll(dirs.len())], names[dice.roll(names.len())])
                    };
                    let (one, two) = (path(&mut dice), path(&mut dice));
                    // Most fail; none may hang or corrupt.
                    let _ = match dice.roll(9) {
                        0 | 1 => vfs.mkdir(&cx, &one, 0o755),
                        2 => vfs.mknod(&cx, &one, InodeKind::Regular, 0o644, 0),
                        3 => vfs.rmdir(&cx, &one),
                        4 => vfs.unlink(&cx, &one),
                        5 => vfs.link(&cx, &one, &two),
                        6 => vfs.rename(&cx, &one, &two, RenameFlags::EXCHANGE),
                        _ => vfs.rename(&cx, &one, &two, RenameFlags::empty()),
                    };
                    let found = vfs.resolve(&cx, one.follow());
                    if let Ok(found) = found {
                        let _ = vfs.path_of(&cx, &found);
                    }
                }
            });
        }
    });
    stage.vfs.reap();
    stage.vfs.verify().unwrap();
    stage.vfs.unmount(&stage.cx, "/m").unwrap();
    assert_eq!(crate::base::sync::Arc::strong_count(&fs), 1, "every inode was let go");
}

#[test]
fn one_of_many_makes_a_name_and_one_removes_it() {
    let stage = VfsStage::new().with(&["/d/"]).watch("D", "/d");
    for _ in 0..200 {
        let made = race(&stage, |stage| stage.file("/d/n").is_ok());
        let gone = race(&stage, |stage| stage.vfs.unlink(&stage.cx, "/d/n").is_ok());
        assert_eq!((made, gone), (1, 1));
    }
    let events = stage.take_events();
    assert_eq!(events.len(), 400);
    assert!(events.chunks(2).all(|pair| pair == ["D:CREATE n", "D:DELETE n"]));
    stage.vfs.verify().unwrap();
}

fn race(stage: &VfsStage, act: impl Fn(&VfsStage) -> bool + Sync) -> usize {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| act(stage))).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum()
    })
}

/// The two last names of a file go at the same time: one death is reported, and it is the last event.
#[test]
fn the_last_two_names_die_once() {
    for _ in 0..300 {
        let stage = VfsStage::new().with(&["/p/", "/q/", "/p/f"]);
        stage.vfs.link(&stage.cx, "/p/f", "/q/g").unwrap();
        let stage = stage.watch("f", "/p/f");
        thread::scope(|scope| {
            for path in ["/p/f", "/q/g"] {
                let stage = &stage;
                scope.spawn(move || stage.vfs.unlink(&stage.cx, path).unwrap());
            }
        });
        let events = stage.take_events();
        let count = |what: &str| events.iter().filter(|line| *line == what).count();
        assert_eq!(count("f:DELETE_SELF"), 1, "{events:?}");
        assert_eq!(count("f:IGNORED"), 1, "{events:?}");
        assert_eq!(events.last().map(String::as_str), Some("f:IGNORED"), "{events:?}");
    }
}
