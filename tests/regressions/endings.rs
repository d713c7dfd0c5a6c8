//! The end of a notifier.

use std::time::Duration;

use vfsnotify::Errno;
use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::{Notifier, NotifyConfig};

use super::world::World;

/// A notifier left its connectors, and the uses of inodes that they are, in the tree.
#[test]
fn a_notifier_takes_itself_off_its_tree_and_another_can_follow() {
    let World { tree, notifier, superblock: _superblock, root } = World::new();
    let error = Notifier::new(&tree, NotifyConfig::default()).unwrap_err();
    assert_eq!(error.errno(), Errno::EBUSY);
    let inotify = Inotify::new(&notifier, 0).expect("an instance");
    inotify.add_watch(&root.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
    // A handle keeps its notifier.
    drop(root);
    drop(notifier);
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("another");
    let (_other, root) = notifier.add_superblock(1).expect("a superblock");
    notifier.hooks().on_create(root.get(), b"x", root.get().inode());
    notifier.verify().expect("the invariants");
    assert!(inotify.is_empty());
    drop(root);
    notifier.reap(|_, _, _| {});
    assert_eq!(tree.live_inodes(), 0);
}

/// A group could be made after the end had been announced, and would never have ended.
#[test]
fn no_instance_is_made_after_shut_down() {
    let world = World::new();
    world.notifier.shut_down();
    let error = Inotify::new(&world.notifier, 0).unwrap_err();
    assert_eq!(error.errno(), Errno::ESHUTDOWN);
}

/// Only `Notifier::shut_down` told the readers; where a notifier was simply dropped, a blocking read
/// waited for ever.
#[test]
fn a_notifier_that_is_dropped_tells_its_readers() {
    let world = World::new();
    let inotify = world.inotify();
    inotify.add_watch(&world.root.inode_ref(), WatchMask::CREATE).expect("a watch");
    world.notifier.hooks().on_create(world.root.get(), b"n", world.root.get().inode());
    drop(world);
    let mut buf = [0; 64];
    assert_eq!(inotify.read(&mut buf), Ok(32), "what is queued can be read");
    let end = inotify.read_wait(&mut buf, Some(Duration::ZERO), None);
    assert_eq!(end.map_err(|error| error.errno()), Err(Errno::ESHUTDOWN));
    assert_eq!(inotify.next().map_err(|error| error.errno()), Err(Errno::ESHUTDOWN));
    assert_eq!((inotify.watch_count(), inotify.watches().len()), (0, 0), "they have gone with it");
}
