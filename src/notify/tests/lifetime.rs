//! The last put of a dentry: it reports the death, or leaves it to the reaper.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::base::sync::lockdep;

const DEATH: [&str; 2] = ["1 DELETE_SELF", "1 IGNORED"];

/// A stage, an instance that watches an unlinked file for DELETE_SELF, and the last reference to that file.
fn dying() -> (NotifyStage, Inotify, DentryRef) {
    let stage = NotifyStage::new();
    let file = stage.file(&stage.d, "x");
    let inotify = stage.watcher(&file, WatchMask::DELETE_SELF);
    stage.notifier.hooks().remove(file.clone()).unwrap();
    (stage, inotify, file)
}

#[test]
fn a_clone_is_a_reference_of_its_own() {
    let (stage, inotify, file) = dying();
    let again = file.clone();
    assert_eq!((&file, file.id()), (&again, again.get().id()));
    assert!(Arc::ptr_eq(again.notifier(), &stage.notifier));
    drop(file);
    assert!(inotify.is_empty());
    drop(again);
    assert_eq!(delivered(&inotify), DEATH);
    stage.verify();
}

#[test]
fn a_reference_is_found_by_id_by_a_borrowed_dentry_and_by_the_directory() {
    let stage = NotifyStage::new();
    let id = stage.d.id();
    assert_eq!(stage.notifier.dentry(id).unwrap(), stage.d);
    assert_eq!(stage.notifier.reference(stage.d.get()).unwrap(), stage.d);
    assert_eq!(stage.notifier.directory_dentry(&stage.d.inode_ref()).unwrap(), stage.d);
    assert_eq!(stage.f.parent().unwrap(), stage.d);
    assert!(stage.root.parent().is_none());
    assert_ne!(stage.d, stage.e);
}

/// No embedder's code runs under such a lock, and the crate puts no reference there.
#[test]
fn a_reference_that_ends_under_a_lock_that_hooks_take_is_noticed_and_left_to_the_reaper() {
    assert!(lockdep::is_on(), "this test is to run with the check of the locks");
    let (stage, inotify, file) = dying();
    let connector = file.get().inode().notify().connector().unwrap();
    let group = stage.notifier.mark(stage.notifier.connector(connector).lock().marks()[0]).group();
    let end_under = |locked: &dyn Fn(&mut dyn FnMut())| {
        let one = file.clone();
        let mut one = Some(one);
        let panic = catch_unwind(AssertUnwindSafe(|| locked(&mut || drop(one.take()))));
        let message = *panic.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("under a lock of the crate that hooks take"), "{message}");
    };
    let tree = stage.notifier.tree();
    end_under(&|end| {
        let _held = stage.notifier.group(group).marks.lock();
        end();
    });
    end_under(&|end| {
        let _held = stage.notifier.connector(connector).lock();
        end();
    });
    end_under(&|end| {
        let _held = stage.superblock.slot().lock_inodes();
        end();
    });
    end_under(&|end| {
        let _held = tree.dir_at(stage.e.get().inode().dir().unwrap()).children.read();
        end();
    });
    let mut last = Some(file);
    let queue_held = catch_unwind(AssertUnwindSafe(|| {
        let _held = stage.notifier.group(group).queue.lock();
        drop(last.take());
    }));
    queue_held.unwrap_err();
    assert!(inotify.is_empty(), "it is left to the reaper");
    stage.verify();
    stage.notifier.reap(|_, _, _| {});
    assert_eq!(delivered(&inotify), DEATH);
    stage.verify();
}

/// A second panic would abort the process.
#[test]
fn a_reference_that_ends_under_a_hook_lock_during_a_panic_is_left_to_the_reaper() {
    let (stage, inotify, file) = dying();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let group = &stage.notifier.groups().all().next().map(|group| stage.notifier.group(group));
        let _held = group.expect("the group of the watcher").marks.lock();
        // Dropped before the lock is released.
        let _last = file;
        panic!("in the middle of the crate");
    }));
    panic.unwrap_err();
    assert!(inotify.is_empty());
    stage.notifier.reap(|_, _, _| {});
    assert_eq!(delivered(&inotify), DEATH);
    stage.verify();
}

/// Each step of the reaper reports deferred deaths, and an unmount does so before any other event.
#[test]
fn deaths_deferred_without_a_lock_are_reported_by_every_reaper_step() {
    type Reap = fn(&NotifyStage);
    let ways: [Reap; 4] = [
        |stage| stage.notifier.reap(|_, _, _| {}),
        |stage| assert!(stage.notifier.reap_step(|_, _, _| {})),
        |stage| assert!(stage.notifier.reap_step_of(&stage.superblock, |_, _| {})),
        |stage| stage.notifier.on_unmount(&stage.superblock),
    ];
    for reap in ways {
        let (stage, inotify, file) = dying();
        file.drop_deferred();
        assert!(inotify.is_empty());
        reap(&stage);
        assert_eq!(delivered(&inotify), DEATH);
        stage.verify();
    }
}

#[test]
fn deferred_deaths_are_reported_per_file_system() {
    let (stage, inotify, file) = dying();
    let (superblock, root) = stage.notifier.add_superblock(1).unwrap();
    let other = make(&superblock, &stage.next_ino, &root, "o", InodeKind::Regular);
    watch(&inotify, &other, WatchMask::DELETE_SELF);
    stage.notifier.hooks().remove(other.clone()).unwrap();
    other.drop_deferred();
    file.drop_deferred();
    while stage.notifier.reap_step_of(&superblock, |_, _| {}) {}
    assert_eq!(delivered(&inotify), ["2 DELETE_SELF", "2 IGNORED"]);
    while stage.notifier.reap_step_of(&stage.superblock, |_, _| {}) {}
    assert_eq!(delivered(&inotify), DEATH);
    stage.verify();
}

#[test]
fn a_dentry_is_freed_after_shut_down() {
    let (stage, inotify, file) = dying();
    let dentries = stage.notifier.tree().live_dentries();
    stage.notifier.shut_down();
    drop(file);
    assert!(inotify.is_empty() && inotify.is_closed());
    assert_eq!(stage.notifier.tree().live_dentries(), dentries - 1);
    stage.verify();
}
