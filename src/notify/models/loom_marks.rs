//! The life of a mark, on a real notifier with inotify instances: the threads that end it and those that find
//! it.
//!
//! Each change that a test names under "Fails" was made once, and the test failed.

use loom::thread;

use crate::base::errno::Errno;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use crate::notify::{DentryRef, Notifier, NotifyConfig};
use crate::tree::{InodeSpec, SuperblockRef, Tree};

/// A file that two threads use, and the instance that watches it.
struct World {
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
    file: DentryRef,
    inotify: Inotify,
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let file = link(&superblock, &root, b"f", 2);
        let inotify = Inotify::new(&notifier, 0).unwrap();
        Self { notifier, superblock, root, file, inotify }
    }

    /// Gives the inode of this number a name in the root.
    fn link(&self, name: &[u8], ino: u64) -> DentryRef {
        link(&self.superblock, &self.root, name, ino)
    }

    /// Removes the name of a dentry, which stays in use.
    fn unlink(&self, dentry: &DentryRef) {
        let name = dentry.notifier().unhash(dentry.get(), false).unwrap();
        drop(name.expect("it has a name"));
    }

    /// Makes a world with a one-shot watch on the file for MODIFY.
    fn one_shot() -> Self {
        let world = Self::new();
        let wd = world.watch(WatchMask::MODIFY | WatchMask::ONESHOT).unwrap();
        assert_eq!(wd.as_raw(), 1);
        world
    }

    fn watch(&self, mask: WatchMask) -> crate::Result<WatchDescriptor> {
        self.inotify.add_watch(&self.file.inode_ref(), mask)
    }

    fn modify(&self) {
        self.notifier.hooks().on_modify(self.file.get());
    }

    /// The events so far, as watch descriptor and mask; then checks every invariant.
    fn events(&self) -> Vec<(i32, EventMask)> {
        let events = self.inotify.drain().into_iter().map(|event| match event {
            Event::Fs(event) => (event.wd.as_raw(), event.mask),
            Event::Overflow { .. } => panic!("an overflow"),
        });
        let events = events.collect();
        self.notifier.verify().unwrap();
        events
    }
}

fn link(superblock: &SuperblockRef, root: &DentryRef, name: &[u8], ino: u64) -> DentryRef {
    let spec = InodeSpec { ino, kind: InodeKind::Regular, nlink: 1 };
    let inode = superblock.tree().make_inode(superblock, spec).unwrap();
    root.notifier().instantiate(root.get(), name, inode).unwrap()
}

const MODIFY: EventMask = EventMask::MODIFY;
const IGNORED: EventMask = EventMask::IGNORED;

/// Runs a model of two threads; `end` checks the result.
fn two_threads<R: Send + 'static>(
    name: &str,
    bound: Option<usize>,
    world: impl Fn() -> World + Send + Sync + 'static,
    one: impl Fn(&World) -> R + Clone + Send + Sync + 'static,
    two: impl Fn(&World) -> R + Send + Sync + 'static,
    end: impl Fn(&World, R, R) + Send + Sync + 'static,
) {
    check(name, bound, move || {
        let world = Shared::new(world());
        let (other, one) = (world.clone(), one.clone());
        let thread = thread::spawn(move || one(&other));
        let second = two(&world);
        let first = thread.join().unwrap();
        end(&world, first, second);
    });
}

/// G7. Fails (with two events or two IGNORED) if `still_wanted` in `matched_marks.rs` returns a one-shot without
/// claiming it.
#[test]
fn loom_g7_a_one_shot_reports_one_of_two_events_then_ignored() {
    two_threads(
        "two events",
        None,
        World::one_shot,
        World::modify,
        World::modify,
        |world, (), ()| {
            assert_eq!(world.events(), [(1, MODIFY), (1, IGNORED)]);
            assert_eq!(world.inotify.watch_count(), 0);
        },
    );
}

/// Fails (with two IGNORED) without the claim in `still_wanted`.
#[test]
fn loom_g7_a_one_shot_that_is_removed_reports_at_most_one_event_then_ignored() {
    two_threads(
        "event/remove",
        None,
        World::one_shot,
        |world| {
            world.modify();
            true
        },
        |world| world.inotify.rm_watch(WatchDescriptor::from_raw(1)).is_ok(),
        |world, _, removed| {
            let events = world.events();
            if removed {
                assert_eq!(events, [(1, IGNORED)]);
            } else {
                assert_eq!(events, [(1, MODIFY), (1, IGNORED)]);
            }
        },
    );
}

/// Fails (no event) if a claim of the matched word that fails is not matched again. Fails (IGNORED after an
/// update) without the claim.
#[test]
fn loom_a_watch_that_is_no_longer_one_shot_survives_its_event() {
    two_threads(
        "event/update",
        None,
        World::one_shot,
        |world| {
            world.modify();
            0
        },
        |world| world.watch(WatchMask::MODIFY).unwrap().as_raw(),
        |world, _, wd| {
            let events = world.events();
            if wd == 1 {
                assert_eq!(events, [(1, MODIFY)], "the update came first");
            } else {
                let fired = events.starts_with(&[(1, MODIFY), (1, IGNORED)]);
                assert!(fired && wd == 2, "{events:?} before wd {wd}");
            }
            world.modify();
            assert_eq!(world.events(), [(wd, MODIFY)]);
        },
    );
}

/// The sole mark of an object is found without a lock, and its slot and that of its connector may be reused for
/// another object meanwhile. Fails (an event for the other file) without the second loads in `sole_mark` in
/// `dispatch.rs`.
#[test]
fn loom_a_sole_mark_in_a_reused_slot_gets_no_events_of_its_last_object() {
    two_threads(
        "event/reuse",
        Some(3),
        || {
            let world = World::new();
            assert_eq!(world.watch(WatchMask::MODIFY).unwrap().as_raw(), 1);
            world
        },
        World::modify,
        |world| {
            world.inotify.rm_watch(WatchDescriptor::from_raw(1)).unwrap();
            let other = world.link(b"g", 3);
            let wd = world.inotify.add_watch(&other.inode_ref(), WatchMask::MODIFY).unwrap();
            assert_eq!(wd.as_raw(), 2);
        },
        |world, (), ()| {
            let events = world.events();
            assert!(
                events.iter().all(|(wd, _)| *wd == 1),
                "{events:?}: the other file was not modified"
            );
        },
    );
}

/// The slot of a sole mark is reused by another group. Fails (an event in the other queue) if `group` in
/// `mark.rs` is stored and loaded `Relaxed`: the push then uses a group and a word of two lives.
#[test]
fn loom_a_sole_mark_slot_reused_by_another_group_gets_it_no_event() {
    check("event/other group", Some(3), || {
        let world = Shared::new(World::new());
        assert_eq!(world.watch(WatchMask::MODIFY).unwrap().as_raw(), 1);
        let second = Inotify::new(&world.notifier, 0).unwrap();
        let event = {
            let world = world.clone();
            thread::spawn(move || world.modify())
        };
        world.inotify.rm_watch(WatchDescriptor::from_raw(1)).unwrap();
        let other = world.link(b"g", 3);
        second.add_watch(&other.inode_ref(), WatchMask::MODIFY).unwrap();
        event.join().unwrap();
        assert!(second.drain().is_empty(), "the other file was not modified");
        drop(world.events());
    });
}

/// G1 for a second mark on an object whose first mark is removed. Fails (no event) if `publish_sole` in
/// `connector.rs` leaves the old value when a second mark is attached.
#[test]
fn loom_g1_a_second_mark_beside_a_sole_mark_gets_events_at_once() {
    two_threads(
        "remove/second mark",
        Some(3),
        || {
            let world = World::new();
            assert_eq!(world.watch(WatchMask::MODIFY).unwrap().as_raw(), 1);
            world
        },
        |world| {
            world.inotify.rm_watch(WatchDescriptor::from_raw(1)).unwrap();
            0
        },
        |world| {
            let second = Inotify::new(&world.notifier, 0).unwrap();
            second.add_watch(&world.file.inode_ref(), WatchMask::MODIFY).unwrap();
            world.modify();
            second.drain().len()
        },
        |world, _, delivered| {
            assert_eq!(delivered, 1);
            drop(world.events());
        },
    );
}

/// Fails (neither adder is refused) if `attach_mark` in `marks/attach.rs` does not look for the group's mark.
#[test]
fn loom_two_adders_of_one_instance_get_one_watch() {
    let add = |world: &World| world.watch(WatchMask::MODIFY | WatchMask::MASK_CREATE);
    two_threads("two adders", None, World::new, add, add, |world, one, two| {
        let refused = one.as_ref().err().or(two.as_ref().err()).unwrap();
        assert_eq!(refused.errno(), Errno::EEXIST);
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        assert_eq!(world.inotify.watch_count(), 1);
        assert_eq!(world.events(), []);
    });
}

/// Fails (a watch is left) if `Watched::is_ending` does not check `is_unmounting`, or if `on_unmount` sets it
/// after it has visited the connectors.
#[test]
fn loom_an_add_and_an_unmount_leave_no_watch_behind() {
    two_threads(
        "add/unmount",
        None,
        World::new,
        |world| world.watch(WatchMask::MODIFY).err().map(|error| error.errno()),
        |world| {
            world.notifier.on_unmount(&world.superblock);
            None
        },
        |world, error, _| {
            let events = world.events();
            if error.is_some() {
                assert_eq!(error, Some(Errno::ENOENT));
                assert_eq!(events, []);
            } else {
                assert_eq!(events, [(1, EventMask::UNMOUNT), (1, IGNORED)]);
            }
            assert_eq!(world.inotify.watch_count(), 0);
            assert!(world.superblock.slot().gate().load().is_shut(), "the gate was left open");
        },
    );
}

/// Fails (a watch is left) if `report_death` in `lifetime/death.rs` leaves out `destroy_marks_on`. Fails
/// (IGNORED before DELETE_SELF) if a mark's word is read again before the queue is locked.
#[test]
fn loom_an_add_through_one_dentry_and_the_death_of_another_leave_no_watch_behind() {
    check("add/death", Some(2), || {
        let world = Shared::new(World::new());
        // An inode with two names loses both, and is in use through both dentries.
        let [one, two] = [b"g", b"h"].map(|name| world.link(name, 3));
        one.get().inode().set_nlink(0);
        world.unlink(&one);
        world.unlink(&two);
        let shared = world.clone();
        let thread = thread::spawn(move || {
            shared.inotify.add_watch(&two.inode_ref(), WatchMask::DELETE_SELF).unwrap();
            drop(two);
        });
        drop(one);
        thread.join().unwrap();
        let events = world.events();
        // The death of the first dentry may come too early for DELETE_SELF and in time for IGNORED.
        let expected = [(1, EventMask::DELETE_SELF), (1, IGNORED)];
        assert!(events == expected || events == expected[1..], "{events:?}");
        assert_eq!(world.inotify.watch_count(), 0);
    });
}

/// Fails without the claim in `still_wanted`. Three preemptions take two minutes: `scripts/long/deep` explores
/// them.
#[test]
fn loom_g7_a_one_shot_survives_neither_two_events_nor_a_removal() {
    check("two events/remove", Some(2), || {
        let world = Shared::new(World::one_shot());
        let threads = [0, 1].map(|_| {
            let world = world.clone();
            thread::spawn(move || world.modify())
        });
        let removed = world.inotify.rm_watch(WatchDescriptor::from_raw(1)).is_ok();
        for thread in threads {
            thread.join().unwrap();
        }
        let expected = [(1, MODIFY), (1, IGNORED)];
        assert_eq!(world.events(), expected[usize::from(removed)..]);
    });
}

/// Fails (no event) if a claim that fails is not matched again.
#[test]
fn loom_g7_a_one_shot_that_is_changed_twice_reports_each_life_once() {
    check("event/update/update", Some(2), || {
        let world = Shared::new(World::one_shot());
        let event = {
            let world = world.clone();
            thread::spawn(move || world.modify())
        };
        let update = {
            let world = world.clone();
            thread::spawn(move || world.watch(WatchMask::MODIFY).unwrap())
        };
        world.watch(WatchMask::MODIFY | WatchMask::ONESHOT).unwrap();
        event.join().unwrap();
        update.join().unwrap();
        let events = world.events();
        let ignored = events.iter().filter(|event| event.1 == IGNORED).count();
        assert_eq!(events.iter().filter(|event| event.1 == MODIFY).count(), 1, "{events:?}");
        assert_eq!(ignored, usize::from(events.len() == 2), "{events:?}");
        // The one-shot fired last, or a watch is left: the old one, or one that was made after it.
        assert!(world.inotify.watch_count() + ignored >= 1);
    });
}

/// Fails (a watch is left) if `insert_mark` in `marks/attach.rs` does not refuse a dead inode, or if
/// `connector_at_death` in `notify_slot.rs` is a plain load.
#[test]
fn loom_an_add_by_a_user_of_a_dying_inode_leaves_no_watch_behind() {
    check("add/death without a dentry", Some(3), || {
        let world = Shared::new(World::new());
        let dentry = world.link(b"g", 3);
        dentry.get().inode().set_nlink(0);
        world.unlink(&dentry);
        let (shared, inode) = (world.clone(), dentry.inode_ref());
        let adder = thread::spawn(move || {
            let added = shared.inotify.add_watch(&inode, WatchMask::DELETE_SELF);
            let refused = added.err().map(|error| error.errno());
            assert!(refused.is_none_or(|kind| kind == Errno::ENOENT));
        });
        drop(dentry);
        adder.join().unwrap();
        assert_eq!(world.inotify.watch_count(), 0, "a watch on a dead inode");
        world.events();
    });
}

/// Fails (no event) if `MarkSlot::update` leaves the word unchanged for an equal interest: the drop cannot see
/// then that another adder relies on the watch.
#[test]
fn loom_dropping_a_pending_watch_keeps_the_watch_of_another_adder() {
    two_threads(
        "drop/add",
        None,
        World::new,
        |world| {
            let inode = world.file.inode_ref();
            drop(world.inotify.start_watch(&inode, WatchMask::MODIFY).unwrap());
            0
        },
        |world| world.watch(WatchMask::MODIFY).unwrap().as_raw(),
        |world, _, wd| {
            world.modify();
            assert_eq!(world.events(), [(wd, MODIFY)]);
        },
    );
}
