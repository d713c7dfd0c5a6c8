//! Connectors: installed and removed by several threads, while an event follows them.
//!
//! Each change that a test names under "Fails" was made once, and the test failed.

use loom::thread;

use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::inotify::{Inotify, WatchDescriptor, WatchMask};
use crate::notify::{DentryRef, Notifier, NotifyConfig};
use crate::tree::{InodeSpec, SuperblockRef, Tree};

/// Two files and two instances.
struct World {
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    files: [DentryRef; 2],
    instances: [Inotify; 2],
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let files = [(b"f", 2), (b"g", 3)].map(|(name, ino)| {
            let spec = InodeSpec { ino, kind: InodeKind::Regular, nlink: 1 };
            let inode = tree.make_inode(&superblock, spec).unwrap();
            notifier.instantiate(root.get(), name, inode).unwrap()
        });
        let instances = [0, 1].map(|_| Inotify::new(&notifier, 0).unwrap());
        Self { notifier, superblock, files, instances }
    }

    fn watch(&self, instance: usize, file: usize) -> i32 {
        let inode = self.files[file].inode_ref();
        self.instances[instance].add_watch(&inode, WatchMask::MODIFY).unwrap().as_raw()
    }

    fn remove(&self, instance: usize, wd: i32) {
        self.instances[instance].rm_watch(WatchDescriptor::from_raw(wd)).unwrap();
    }

    fn modify(&self, file: usize) {
        self.notifier.hooks().on_modify(self.files[file].get());
    }

    /// The watch descriptors of the events that an instance got, without IGNORED.
    fn delivered(&self, instance: usize) -> Vec<i32> {
        let events = self.instances[instance].drain();
        let happened = events.iter().filter_map(|event| event.fs_event());
        let ignored = crate::base::mask::EventMask::IGNORED;
        happened.filter(|event| event.mask != ignored).map(|event| event.wd.as_raw()).collect()
    }
}

/// Fails (a mark is on no object) if `NotifySlot::install` stores without comparing.
#[test]
fn loom_the_first_two_groups_on_an_object_install_one_connector() {
    check("add/add", Some(3), || {
        let world = Shared::new(World::new());
        let other = {
            let world = world.clone();
            thread::spawn(move || world.watch(0, 0))
        };
        world.watch(1, 0);
        other.join().unwrap();
        world.modify(0);
        assert_eq!((world.delivered(0), world.delivered(1)), (vec![1], vec![1]));
        world.notifier.verify().unwrap();
    });
}

/// One thread removes the last mark, and with it the connector, while another group attaches a mark. Fails (a
/// mark on a connector without an object) if `connect` in `marks/attach.rs` does not check the object of the
/// connector that it has locked.
#[test]
fn loom_a_mark_attached_while_the_last_one_is_detached_gets_events() {
    check("remove/add", Some(3), || {
        let world = Shared::new(World::new());
        let wd = world.watch(0, 0);
        let remover = {
            let world = world.clone();
            thread::spawn(move || world.remove(0, wd))
        };
        world.watch(1, 0);
        world.modify(0);
        assert_eq!(world.delivered(1), [1]);
        remover.join().unwrap();
        world.modify(0);
        assert_eq!(world.delivered(1), [1]);
        world.notifier.verify().unwrap();
    });
}

/// An event loads the connector of its file; before it locks the connector, the slot is reused for another
/// file. Fails (an event for the other file) if `collect` in `dispatch.rs` does not check the object of the
/// connector.
#[test]
fn loom_an_event_is_not_delivered_to_the_next_object_of_its_connector() {
    check("event/other object", Some(2), || {
        let world = Shared::new(World::new());
        // Two marks each time: a sole mark is found without the lock.
        let wds = [0, 1].map(|instance| world.watch(instance, 0));
        let event = {
            let world = world.clone();
            thread::spawn(move || world.modify(0))
        };
        for instance in [0, 1] {
            world.remove(instance, wds[instance]);
        }
        let later = [0, 1].map(|instance| world.watch(instance, 1));
        event.join().unwrap();
        for instance in [0, 1] {
            let delivered = world.delivered(instance);
            assert!(
                !delivered.contains(&later[instance]),
                "{delivered:?}: the other file was not modified"
            );
        }
        world.notifier.verify().unwrap();
    });
}

/// The gate of a file system stays open while any of its objects is watched. Fails (an event is lost) if
/// `count_object` in `hook_gate.rs` loads and stores.
#[test]
fn loom_the_gate_stays_open_for_a_mark_that_comes_as_another_goes() {
    check("gate", Some(3), || {
        let world = Shared::new(World::new());
        let wd = world.watch(0, 0);
        let remover = {
            let world = world.clone();
            thread::spawn(move || world.remove(0, wd))
        };
        let wd = world.watch(1, 1);
        world.modify(1);
        assert_eq!(world.delivered(1), [wd], "the gate was shut");
        remover.join().unwrap();
        world.modify(1);
        assert_eq!(world.delivered(1), [wd], "the gate was shut");
        world.remove(1, wd);
        assert!(world.superblock.slot().gate().load().is_shut(), "the gate was left open");
    });
}

/// A pending watch is withdrawn while an event is pushed for it, and its slot is reused by the next watch.
/// Fails (an event for the next watch) if `withdraw_mark` in `marks/detach.rs` claims without the queue's lock:
/// the pusher has seen the mark alive, and reads the tag of its next life.
#[test]
fn loom_an_event_for_a_withdrawn_watch_is_not_delivered_to_the_next() {
    check("event/withdraw", Some(2), || {
        let world = Shared::new(World::new());
        let inode = world.files[0].inode_ref();
        let pending = world.instances[0].start_watch(&inode, WatchMask::MODIFY).unwrap();
        let event = {
            let world = world.clone();
            thread::spawn(move || world.modify(0))
        };
        drop(pending);
        let wd = world.watch(0, 1);
        event.join().unwrap();
        let delivered = world.delivered(0);
        assert!(!delivered.contains(&wd), "the other file was not modified");
        assert!(delivered.len() <= 1, "{delivered:?}");
        world.notifier.verify().unwrap();
    });
}
