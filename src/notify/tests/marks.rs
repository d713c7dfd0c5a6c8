//! Marks: added, changed and removed, with their limits.

use super::*;
use crate::base::errno::Errno;
use crate::notify::Limits;
use crate::notify::mark::MarkKey;

fn add(inotify: &Inotify, on: &DentryRef, mask: WatchMask) -> Result<i32, Errno> {
    let added = inotify.add_watch(&on.inode_ref(), mask);
    added.map(|wd| wd.as_raw()).map_err(|error| error.errno())
}

#[test]
fn a_second_add_changes_the_first() {
    let stage = NotifyStage::new();
    let inotify = stage.inotify();
    let add = |mask| add(&inotify, &stage.f, mask);
    let interest = || stage.interest(&stage.f);
    assert_eq!(add(WatchMask::OPEN | WatchMask::MODIFY), Ok(1));
    assert_eq!(add(WatchMask::ATTRIB), Ok(1), "it replaces the first");
    assert_eq!(interest(), EventMask::ATTRIB);
    let more = WatchMask::OPEN | WatchMask::ATTRIB | WatchMask::MASK_ADD;
    assert_eq!(add(more), Ok(1), "it is added to the first");
    assert_eq!(interest(), EventMask::ATTRIB | EventMask::OPEN);
    assert_eq!(add(WatchMask::MODIFY | WatchMask::MASK_CREATE), Err(Errno::EEXIST));
    assert_eq!(interest(), EventMask::ATTRIB | EventMask::OPEN);
    stage.notifier.hooks().on_open(stage.f.get());
    stage.notifier.hooks().on_modify(stage.f.get());
    stage.notifier.hooks().on_attrib(stage.f.get(), EventMask::ATTRIB);
    assert_eq!(delivered(&inotify), ["1 OPEN", "1 ATTRIB"]);
    assert_eq!((inotify.watch_count(), stage.notifier.usage(0)), (1, (1, 1)));
    // MASK_ADD keeps ONESHOT and EXCL_UNLINK.
    assert_eq!(add(WatchMask::OPEN | WatchMask::ONESHOT), Ok(1));
    assert_eq!(add(WatchMask::ATTRIB | WatchMask::MASK_ADD), Ok(1));
    stage.notifier.hooks().on_attrib(stage.f.get(), EventMask::ATTRIB);
    assert_eq!(delivered(&inotify), ["1 ATTRIB", "1 IGNORED"]);
    assert_eq!(add(WatchMask::OPEN), Ok(2), "a new one");
    stage.verify();
}

/// MASK_ADD keeps EXCL_UNLINK and can add it.
#[test]
fn either_add_may_exclude_unlinked_children() {
    for (first, second) in [(true, false), (false, true), (false, false)] {
        let stage = NotifyStage::new();
        let mask = |excludes: bool| {
            let flag = if excludes { WatchMask::EXCL_UNLINK } else { WatchMask::empty() };
            WatchMask::MODIFY | flag
        };
        let inotify = stage.watcher(&stage.f, mask(first));
        watch(&inotify, &stage.f, mask(second) | WatchMask::MASK_ADD);
        drop(stage.notifier.unhash(stage.f.get(), false).unwrap());
        stage.notifier.hooks().on_modify(stage.f.get());
        assert_eq!(inotify.is_empty(), first || second);
    }
}

/// A watch that is dropped before a caller got its descriptor leaves nothing, not even IGNORED. A watch that
/// was changed meanwhile stays: another caller relies on it.
#[test]
fn a_watch_that_is_not_waited_for_is_withdrawn() {
    for is_changed in [false, true] {
        let stage = NotifyStage::new();
        let inotify = stage.inotify();
        let start = || inotify.start_watch(&stage.d.inode_ref(), WatchMask::MODIFY).unwrap();
        let pending = start();
        if is_changed {
            watch(&inotify, &stage.d, WatchMask::MODIFY);
        }
        drop(pending);
        assert_eq!(inotify.watch_count(), usize::from(is_changed));
        assert_eq!(stage.notifier.usage(0), (1, u32::from(is_changed)));
        assert_eq!(stage.interest(&stage.d).is_empty(), !is_changed);
        stage.notifier.hooks().on_modify(stage.f.get());
        assert_eq!(inotify.len(), usize::from(is_changed));
        stage.verify();
    }
}

/// The drop of a pending change does not remove the watch that was there before, and its walk is finished all
/// the same, in whatever order two pending changes are dropped.
#[test]
fn a_changed_watch_becomes_ready_without_a_waiter() {
    for order in [[0, 1], [1, 0]] {
        let stage = NotifyStage::new();
        let inotify = stage.inotify();
        let start = || inotify.start_watch(&stage.d.inode_ref(), WatchMask::MODIFY).unwrap();
        let mut pending = [start(), start()].map(Some);
        assert!(pending.iter().flatten().all(|pending| !pending.is_ready()));
        order.iter().for_each(|at| drop(pending[*at].take()));
        assert_eq!(inotify.watch_count(), 1, "the second changed it");
        stage.notifier.hooks().on_modify(stage.f.get());
        assert_eq!(delivered(&inotify), ["1 MODIFY f"]);
        stage.verify();
    }
    let stage = NotifyStage::new();
    let inotify = stage.watcher(&stage.d, WatchMask::DELETE_SELF);
    drop(inotify.start_watch(&stage.d.inode_ref(), WatchMask::MODIFY).unwrap());
    stage.notifier.hooks().on_modify(stage.f.get());
    assert_eq!(delivered(&inotify), ["1 MODIFY f"]);
}

/// A mark that has ended stays on the object until the thread that ended it detaches it. The group's next watch
/// may be removed before that.
#[test]
fn a_watch_beside_one_of_its_group_that_has_ended_is_taken_off() {
    let stage = NotifyStage::new();
    let other = stage.watcher(&stage.f, WatchMask::ATTRIB);
    let inotify = stage.watcher(&stage.f, WatchMask::OPEN);
    let connector = stage.f.get().inode().notify().connector().unwrap();
    let on_f = || stage.notifier.connector(connector).lock().marks().to_vec();
    let [first, ended] = on_f()[..] else { panic!("two marks") };
    let slot = stage.notifier.mark(ended);
    let generation = slot.word().generation();
    let key = MarkKey { group: slot.group(), mark: ended, generation };
    slot.claim_any(generation).unwrap();
    let wd = watch(&inotify, &stage.f, WatchMask::MODIFY);
    assert_eq!(wd.as_raw(), 2, "the first has ended");
    inotify.rm_watch(wd).unwrap();
    assert_eq!(on_f(), [first, ended]);
    stage.notifier.detach(key);
    assert_eq!((on_f(), stage.interest(&stage.f)), (vec![first], EventMask::ATTRIB));
    assert_eq!((other.watch_count(), inotify.watch_count()), (1, 0));
    stage.verify();
}

/// A late detach finds the slot in its next life, and leaves it alone.
#[test]
fn a_late_end_does_not_take_off_the_next_watch_in_the_slot() {
    let stage = NotifyStage::new();
    let inotify = stage.watcher(&stage.f, WatchMask::OPEN);
    let only_on = |dentry: &DentryRef| {
        let connector = dentry.get().inode().notify().connector().unwrap();
        let [mark] = stage.notifier.connector(connector).lock().marks()[..] else {
            panic!("one mark");
        };
        mark
    };
    let mark = only_on(&stage.f);
    let slot = stage.notifier.mark(mark);
    let key = MarkKey { group: slot.group(), mark, generation: slot.word().generation() };
    inotify.rm_watch(WatchDescriptor::from_raw(1)).unwrap();
    watch(&inotify, &stage.e, WatchMask::OPEN);
    assert_eq!(only_on(&stage.e), mark, "the slot is reused");
    stage.notifier.detach(key);
    assert_eq!((inotify.watch_count(), only_on(&stage.e)), (1, mark));
    stage.verify();
}

/// The published interest is exactly the union of what the marks want.
#[test]
fn the_published_interest_is_the_union_of_the_marks() {
    let stage = NotifyStage::new();
    let masks = [WatchMask::OPEN, WatchMask::OPEN | WatchMask::MODIFY, WatchMask::ATTRIB];
    let watchers = masks.map(|mask| stage.watcher(&stage.d, mask));
    let (open, modify, attrib) = (EventMask::OPEN, EventMask::MODIFY, EventMask::ATTRIB);
    let events = || stage.interest(&stage.d);
    assert_eq!(events(), open | modify | attrib);
    let [one, two, three] = watchers;
    two.close();
    assert_eq!(events(), open | attrib);
    three.rm_watch(WatchDescriptor::from_raw(1)).unwrap();
    assert_eq!(events(), open);
    let slot = stage.d.get().inode().dir().unwrap();
    assert_eq!(stage.notifier.tree().dir_at(slot).child_interest(), open.bits());
    one.rm_watch(WatchDescriptor::from_raw(1)).unwrap();
    assert_eq!(events(), EventMask::empty());
    assert_eq!(stage.notifier.tree().dir_at(slot).child_interest(), 0);
    assert_eq!((stage.notifier.marks().live(), stage.notifier.connectors().live()), (0, 0));
    stage.verify();
}

#[test]
fn a_watch_that_is_not_there_is_not_removed() {
    let stage = NotifyStage::new();
    let (inotify, other) = (stage.inotify(), stage.inotify());
    let wd = watch(&inotify, &stage.f, WatchMask::OPEN);
    watch(&other, &stage.f, WatchMask::OPEN);
    let remove =
        |raw| inotify.rm_watch(WatchDescriptor::from_raw(raw)).map_err(|error| error.errno());
    for raw in [0, -1, 2, 65, i32::MAX, i32::MIN] {
        assert_eq!(remove(raw), Err(Errno::EINVAL), "{raw}");
    }
    assert_eq!(remove(wd.as_raw()), Ok(()));
    assert_eq!(delivered(&inotify), ["1 IGNORED"]);
    assert_eq!(remove(wd.as_raw()), Err(Errno::EINVAL));
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!((delivered(&inotify), delivered(&other)), (vec![], vec!["1 OPEN".to_string()]));
    stage.verify();
}

#[test]
fn each_limit_is_reached_and_not_passed() {
    let limits = Limits {
        max_user_instances: 3,
        max_user_watches: 5,
        max_object_marks: 2,
        ..Limits::default()
    };
    let stage = NotifyStage::with(NotifyConfig { limits, ..NotifyConfig::default() });
    let new = |user| Inotify::new(&stage.notifier, user).map_err(|error| error.errno());
    let instances: Vec<_> = (0..3).map(|_| new(7).unwrap()).collect();
    assert_eq!(new(7).unwrap_err(), Errno::EMFILE);
    let other = new(8).expect("another user");
    // The limit of marks on one object is two.
    assert_eq!(add(&instances[0], &stage.f, WatchMask::OPEN), Ok(1));
    assert_eq!(add(&instances[1], &stage.f, WatchMask::OPEN), Ok(1));
    assert_eq!(add(&other, &stage.f, WatchMask::OPEN), Err(Errno::ENOSPC));
    assert_eq!(stage.notifier.usage(8), (1, 0));
    // The limit of a user's watches. A refused add uses up a descriptor.
    let objects =
        [&stage.d, &stage.e, &stage.s].map(|object| add(&instances[0], object, WatchMask::OPEN));
    assert_eq!(objects, [Ok(2), Ok(3), Ok(4)]);
    assert_eq!(add(&instances[0], &stage.root, WatchMask::OPEN), Err(Errno::ENOSPC));
    assert_eq!(add(&instances[1], &stage.root, WatchMask::OPEN), Err(Errno::ENOSPC));
    assert_eq!(add(&other, &stage.root, WatchMask::OPEN), Ok(2));
    assert_eq!(stage.notifier.usage(7), (3, 5));
    instances[0].rm_watch(WatchDescriptor::from_raw(3)).unwrap();
    assert_eq!(add(&instances[0], &stage.root, WatchMask::OPEN), Ok(6));
    // A change of an existing watch is not charged.
    assert_eq!(add(&instances[0], &stage.d, WatchMask::ATTRIB), Ok(2));
    instances[0].close();
    assert_eq!(stage.notifier.usage(7), (2, 1));
    drop(instances);
    assert_eq!(stage.notifier.usage(7), (0, 0));
    assert_eq!(new(7).map(drop), Ok(()));
    stage.verify();
}

/// A close ends marks in batches, with at most one mark on a shared object in each.
#[test]
fn a_close_takes_all_marks_of_the_group_and_no_others() {
    for shared in [0, 1, 5, 40] {
        let stage = NotifyStage::new();
        let files: Vec<_> = (0..40).map(|n| stage.file(&stage.e, &n.to_string())).collect();
        let (closed, kept) = (stage.inotify(), stage.inotify());
        for (n, file) in files.iter().enumerate() {
            watch(&closed, file, WatchMask::OPEN);
            if n < shared {
                watch(&kept, file, WatchMask::ATTRIB);
            }
        }
        stage.notifier.hooks().on_open(files[0].get());
        closed.close();
        assert_eq!((closed.watch_count(), kept.watch_count()), (0, shared));
        assert!(closed.is_empty(), "its queued events are dropped too");
        assert_eq!(stage.notifier.usage(0), (1, shared as u32));
        let notifier = &stage.notifier;
        assert_eq!((notifier.marks().live(), notifier.connectors().live()), (shared, shared));
        for (n, file) in files.iter().enumerate() {
            let left = if n < shared { EventMask::ATTRIB } else { EventMask::empty() };
            assert_eq!(stage.interest(file), left);
            notifier.hooks().on_attrib(file.get(), EventMask::ATTRIB);
            notifier.hooks().on_open(file.get());
        }
        assert_eq!(kept.len(), shared);
        assert_eq!(add(&closed, &files[0], WatchMask::OPEN), Err(Errno::ESHUTDOWN));
        stage.verify();
    }
}

/// Several instances watch a file that dies. One of them did not ask for DELETE_SELF.
#[test]
fn a_death_ends_every_mark() {
    let stage = NotifyStage::new();
    let file = stage.file(&stage.d, "x");
    let masks = [WatchMask::ALL_EVENTS, WatchMask::OPEN, WatchMask::DELETE_SELF];
    let watchers = masks.map(|mask| stage.watcher(&file, mask));
    stage.unlink(file);
    let death = ["1 DELETE_SELF", "1 IGNORED"];
    let expected: [&[&str]; 3] = [&death, &death[1..], &death];
    for (watcher, expected) in watchers.iter().zip(expected) {
        assert_eq!(delivered(watcher), expected);
        assert_eq!(watcher.watch_count(), 0);
    }
    assert_eq!(stage.notifier.usage(0), (3, 0));
    stage.verify();
}

/// A reference to the inode of a dead file cannot add a watch: its end would never be reported.
#[test]
fn a_dead_inode_takes_no_watch() {
    let stage = NotifyStage::new();
    let file = stage.file(&stage.d, "x");
    let inode = file.inode_ref();
    let inotify = stage.inotify();
    let add = || {
        let added = inotify.add_watch(&inode, WatchMask::OPEN);
        added.map(drop).map_err(|error| error.errno())
    };
    let user = file.clone();
    stage.unlink(file);
    assert_eq!(add(), Ok(()), "it is open");
    drop(user);
    assert_eq!(add(), Err(Errno::ENOENT));
    assert_eq!((inotify.watch_count(), stage.notifier.connectors().live()), (0, 0));
}

#[test]
fn a_tree_has_one_notifier_at_a_time() {
    let stage = NotifyStage::new();
    let tree = stage.notifier.tree().clone();
    let another = || Notifier::new(&tree, NotifyConfig::default()).map_err(|error| error.errno());
    assert_eq!(another().map(drop), Err(Errno::EBUSY));
    drop(stage);
    drop(another().expect("the first has gone"));
    assert!(another().is_ok());
}

/// The events of a file in the reused slot of a dead one are delivered to its own watches only.
#[test]
fn a_file_in_a_reused_slot_gets_its_own_events() {
    let stage = NotifyStage::new();
    let (mut slots, old) = (Vec::new(), stage.inotify());
    for turn in 0..3 {
        let file = stage.file(&stage.d, "x");
        slots.push(file.get().inode().id().key.index);
        let watcher = stage.watcher(&file, WatchMask::OPEN | WatchMask::MODIFY);
        let second = (turn == 1).then(|| stage.watcher(&file, WatchMask::OPEN));
        if turn == 0 {
            watch(&old, &file, WatchMask::OPEN);
        }
        stage.notifier.hooks().on_open(file.get());
        stage.notifier.hooks().on_modify(file.get());
        assert_eq!(delivered(&watcher), ["1 OPEN", "1 MODIFY"]);
        assert!(second.is_none_or(|second| delivered(&second) == ["1 OPEN"]));
        stage.unlink(file);
        stage.notifier.reap(|_, _, _| {});
    }
    assert!(slots.iter().all(|slot| *slot == slots[0]), "{slots:?}");
    assert_eq!(delivered(&old), ["1 OPEN", "1 IGNORED"]);
    stage.verify();
}

/// Descriptors go on from the last one, whatever is free, and wrap around at the end.
#[test]
fn watch_descriptors_go_on_from_the_last() {
    let stage = NotifyStage::new();
    let inotify = stage.inotify();
    let [f, d, e] = [&stage.f, &stage.d, &stage.e];
    assert_eq!(add(&inotify, f, WatchMask::OPEN), Ok(1));
    inotify.rm_watch(WatchDescriptor::from_raw(1)).unwrap();
    assert_eq!(add(&inotify, f, WatchMask::OPEN), Ok(2));
    inotify.set_next_wd(WatchDescriptor::from_raw(i32::MAX)).unwrap();
    assert_eq!(add(&inotify, d, WatchMask::OPEN), Ok(i32::MAX));
    assert_eq!(add(&inotify, e, WatchMask::OPEN), Ok(1));
    assert_eq!(add(&inotify, &stage.s, WatchMask::OPEN), Ok(3), "2 is in use");
    for bad in [0, -1] {
        let error = inotify.set_next_wd(WatchDescriptor::from_raw(bad)).unwrap_err();
        assert_eq!(error.errno(), Errno::EINVAL);
    }
    inotify.set_next_wd(WatchDescriptor::from_raw(1)).expect("the smallest there is");
    stage.notifier.hooks().on_open(stage.d.get());
    assert_eq!(delivered(&inotify), ["1 IGNORED", "2147483647 OPEN|ISDIR"]);
}

#[test]
fn users_are_forgotten_with_their_last_instance() {
    let stage = NotifyStage::new();
    let user = |user| Inotify::new(&stage.notifier, user).unwrap();
    let (one, two, other) = (user(7), user(7), user(8));
    assert_eq!(stage.notifier.users().known(), 2);
    drop((one, other));
    assert_eq!((stage.notifier.users().known(), stage.notifier.usage(7)), (1, (1, 0)));
    drop(two);
    assert_eq!(stage.notifier.users().known(), 0);
}

/// The memory of a queue is counted for its user and in the total of the notifier.
#[test]
fn queue_memory_is_counted_per_user_and_in_total() {
    let stage = NotifyStage::new();
    let [one, two] = [7, 8].map(|user| Inotify::new(&stage.notifier, user).unwrap());
    for inotify in [&one, &two] {
        watch(inotify, &stage.f, WatchMask::OPEN | WatchMask::MODIFY);
    }
    let fill = |events| {
        for _ in 0..events {
            stage.notifier.hooks().on_open(stage.f.get());
            stage.notifier.hooks().on_modify(stage.f.get());
        }
    };
    fill(50);
    assert_eq!(stage.notifier.queue_bytes(7), (0, 0), "the first chunk of each is free");
    fill(50);
    let (chunk, all) = stage.notifier.queue_bytes(7);
    assert!(chunk > 1000 && all == 2 * chunk, "{chunk} of {all}");
    while !two.is_empty() {
        delivered(&two);
    }
    assert_eq!(stage.notifier.queue_bytes(7), (chunk, chunk));
    assert_eq!(stage.notifier.queue_bytes(8), (0, chunk));
}
