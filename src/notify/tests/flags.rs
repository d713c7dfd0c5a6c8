//! The flag "my parent is watched", and the walks that set it.

use std::time::Duration;

use super::*;
use crate::base::walk_pace::Pace;

fn flags(children: &[DentryRef]) -> usize {
    children.iter().filter(|child| child.get().is_parent_watched()).count()
}

/// A directory with so many children.
fn directory(stage: &NotifyStage, name: &str, children: usize) -> (DentryRef, Vec<DentryRef>) {
    let dir = stage.make(&stage.root, name, InodeKind::Directory);
    let children = (0..children).map(|n| stage.file(&dir, &n.to_string())).collect();
    (dir, children)
}

/// The number of flags that `body` stored.
fn stores(stage: &NotifyStage, body: impl FnOnce()) -> usize {
    let before = stage.notifier.tree().flag_stores();
    body();
    stage.notifier.tree().flag_stores() - before
}

#[test]
fn an_add_flags_every_child_once() {
    let stage = NotifyStage::new();
    for count in [0, 1, 63, 64, 65, 128, 1000] {
        let (dir, children) = directory(&stage, &format!("with {count}"), count);
        let inotify = stage.inotify();
        let stored = stores(&stage, || {
            watch(&inotify, &dir, WatchMask::MODIFY);
        });
        assert_eq!((flags(&children), stored), (count, count));
        let more = stores(&stage, || {
            watch(&stage.inotify(), &dir, WatchMask::OPEN);
        });
        assert_eq!(more, 0, "they are flagged already");
        let new = stage.file(&dir, "new");
        assert!(new.get().is_parent_watched(), "it was made in a watched directory");
    }
}

/// A watch that wants no events of children needs no walk.
#[test]
fn a_watch_without_child_events_flags_no_child() {
    let stage = NotifyStage::new();
    let (dir, children) = directory(&stage, "dir", 10);
    let inotify = stage.inotify();
    let mask = WatchMask::CREATE | WatchMask::DELETE | WatchMask::MOVE | WatchMask::DELETE_SELF;
    let stored = stores(&stage, || {
        watch(&inotify, &dir, mask);
    });
    assert_eq!((flags(&children), stored), (0, 0));
    watch(&inotify, &dir, mask | WatchMask::MODIFY);
    assert_eq!(flags(&children), 10, "now it wants events of children");
}

/// A removal visits no child. The next event of a child clears its flag, and no other.
#[test]
fn stale_flags_are_cleared_one_by_one() {
    let stage = NotifyStage::new();
    let (dir, children) = directory(&stage, "dir", 10);
    let (inotify, kept) = (stage.inotify(), stage.inotify());
    let wd = watch(&inotify, &dir, WatchMask::MODIFY);
    watch(&kept, &stage.e, WatchMask::MODIFY);
    inotify.rm_watch(wd).unwrap();
    assert_eq!(flags(&children), 10);
    stage.notifier.hooks().on_open(children[3].get());
    stage.notifier.hooks().on_open(children[3].get());
    stage.notifier.hooks().on_attrib(children[7].get(), EventMask::ATTRIB);
    assert_eq!(flags(&children), 8);
    // A later add must walk again. Then all children have the flag, whether it was left or cleared.
    watch(&inotify, &dir, WatchMask::MODIFY);
    assert_eq!(flags(&children), 10);
    stage.verify();
}

/// While another group watches the directory, the flags stay, whatever the event.
#[test]
fn a_flag_stays_while_another_watch_is_left() {
    let stage = NotifyStage::new();
    let (dir, children) = directory(&stage, "dir", 3);
    let (inotify, kept) = (stage.inotify(), stage.inotify());
    let wd = watch(&inotify, &dir, WatchMask::MODIFY);
    watch(&kept, &dir, WatchMask::ATTRIB);
    inotify.rm_watch(wd).unwrap();
    children.iter().for_each(|child| stage.notifier.hooks().on_modify(child.get()));
    assert_eq!((flags(&children), kept.len()), (3, 0));
    stage.notifier.hooks().on_attrib(children[0].get(), EventMask::ATTRIB);
    assert_eq!(delivered(&kept), ["1 ATTRIB 0"]);
}

/// If no flag was lost since the last watch was removed, the next one needs no walk.
#[test]
fn a_new_watch_needs_no_walk_while_no_flag_was_lost() {
    let stage = NotifyStage::new();
    let (dir, children) = directory(&stage, "dir", 100);
    let inotify = stage.inotify();
    for turn in 0..4 {
        let wd = watch(&inotify, &dir, WatchMask::MODIFY);
        inotify.rm_watch(wd).unwrap();
        if turn == 1 {
            // The new child has no flag.
            drop(stage.file(&dir, "new"));
        }
        let stored = stores(&stage, || {
            let wd = watch(&inotify, &dir, WatchMask::OPEN);
            assert_eq!(flags(&children), 100);
            inotify.rm_watch(wd).unwrap();
        });
        assert_eq!(stored, if turn == 1 { 101 } else { 0 }, "turn {turn}");
    }
    stage.verify();
}

/// A moved child gets the flag of its new directory.
#[test]
fn a_child_that_moves_takes_the_flag_of_its_new_directory() {
    let stage = NotifyStage::new();
    let (watched, _) = directory(&stage, "watched", 2);
    let (other, _) = directory(&stage, "other", 2);
    let inotify = stage.watcher(&watched, WatchMask::MODIFY);
    let child = stage.file(&other, "child");
    assert!(!child.get().is_parent_watched());
    stage.notifier.move_dentry(child.get(), watched.get(), b"there").unwrap();
    assert!(child.get().is_parent_watched());
    stage.notifier.hooks().on_modify(child.get());
    assert_eq!(delivered(&inotify), ["1 MODIFY there"]);
    stage.notifier.move_dentry(child.get(), other.get(), b"back").unwrap();
    assert!(!child.get().is_parent_watched());
    stage.notifier.hooks().on_modify(child.get());
    assert!(inotify.is_empty());
}

/// Children are unlinked in the middle of a walk, from the part that is done and from the part that is left.
#[test]
fn a_walk_goes_on_when_children_leave() {
    let pace = Pace::default().with_budget(Duration::from_nanos(1));
    for leaving in [0..10, 900..910, 990..1000, 0..1000, 500..1000] {
        let config = NotifyConfig { pace: pace.clone(), ..NotifyConfig::default() };
        let stage = NotifyStage::with(config);
        let (dir, mut children) = directory(&stage, "dir", 1000);
        let inotify = stage.inotify();
        let mut pending = inotify.start_watch(&dir.inode_ref(), WatchMask::MODIFY).unwrap();
        for step in 0.. {
            if step == 1 || step == 3 {
                for child in children.drain(leaving.start / step..leaving.end / step) {
                    stage.unlink(child);
                }
                children.push(stage.file(&dir, &format!("came at {step}")));
            }
            if pending.step() {
                break;
            }
        }
        pending.wait().unwrap();
        assert_eq!(flags(&children), children.len());
        stage.verify();
    }
}

/// Two watches are added in steps. Each is ready when all children are flagged, whichever walk flagged them.
#[test]
fn watches_that_are_added_in_steps_share_the_walk() {
    let pace = Pace::default().with_budget(Duration::from_nanos(1));
    let stage = NotifyStage::with(NotifyConfig { pace, ..NotifyConfig::default() });
    let (dir, children) = directory(&stage, "dir", 2000);
    let (one, two) = (stage.inotify(), stage.inotify());
    let start =
        |inotify: &Inotify| inotify.start_watch(&dir.inode_ref(), WatchMask::MODIFY).unwrap();
    let stored = stores(&stage, || {
        let (mut first, mut second) = (start(&one), start(&two));
        assert!(!first.is_ready() && flags(&children) == 0);
        let mut steps = 0;
        while !first.step() {
            let before = flags(&children);
            assert!(before > 0 && before < 2000, "{before} after a step");
            second.step();
            steps += 1;
        }
        assert!(steps > 1);
        assert_eq!(flags(&children), 2000);
        assert!(second.step(), "there is nothing left to do for it");
        first.wait().unwrap();
        second.wait().unwrap();
    });
    assert_eq!(stored, 2000, "no child was visited twice");
    assert_eq!((one.watch_count(), two.watch_count()), (1, 1));
}
