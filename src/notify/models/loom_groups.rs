//! Groups, users and the notifier itself: made and closed by several threads at once, with real instances.
//!
//! Each change that a test names under "Fails" was made once, and the test failed.

use loom::thread;

use crate::base::errno::Errno;
use crate::base::kind::InodeKind;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::inotify::{Inotify, WatchDescriptor, WatchMask};
use crate::notify::{DentryRef, Limits, Notifier, NotifyConfig};
use crate::tree::{InodeSpec, SuperblockRef, Tree};

/// A file that is modified, and a second one that is not.
struct World {
    notifier: Arc<Notifier>,
    file: DentryRef,
    other: DentryRef,
    _superblock: SuperblockRef,
}

impl World {
    fn new(limits: Limits) -> Self {
        let tree = Tree::new(Default::default());
        let config = NotifyConfig { limits, ..NotifyConfig::default() };
        let notifier = Notifier::new(&tree, config).unwrap();
        let (superblock, root) = notifier.add_superblock(1).unwrap();
        let link = |name: &[u8], ino| {
            let spec = InodeSpec { ino, kind: InodeKind::Regular, nlink: 1 };
            let inode = tree.make_inode(&superblock, spec).unwrap();
            notifier.instantiate(root.get(), name, inode).unwrap()
        };
        let (file, other) = (link(b"f", 2), link(b"o", 3));
        Self { notifier, file, other, _superblock: superblock }
    }

    fn inotify(&self) -> crate::Result<Inotify> {
        Inotify::new(&self.notifier, 0)
    }

    fn modify(&self) {
        self.notifier.hooks().on_modify(self.file.get());
    }
}

fn watch(inotify: &Inotify, dentry: &DentryRef) -> crate::Result<()> {
    inotify.add_watch(&dentry.inode_ref(), WatchMask::MODIFY).map(drop)
}

/// Fails (the count of a user's instances falls below 0) if `GroupHandle::close` reads `closed` and sets it in
/// two steps.
#[test]
fn loom_two_closes_of_an_instance_uncharge_it_once() {
    check("close/close", Some(3), || {
        let world = Shared::new(World::new(Limits::default()));
        let (inotify, _kept) = (world.inotify().unwrap(), world.inotify().unwrap());
        watch(&inotify, &world.file).unwrap();
        let other = {
            let inotify = inotify.clone();
            thread::spawn(move || inotify.close())
        };
        inotify.close();
        other.join().unwrap();
        drop(inotify);
        assert_eq!(world.notifier.usage(0), (1, 0));
        world.notifier.verify().unwrap();
    });
}

/// G13. An event is being delivered while the group's slot is reused by another group. Fails (the new group
/// gets an event of the old one's file) if `MarkSlot::end` keeps the generation, and if `GroupHandle::drop`
/// frees the slot before it closes the group.
#[test]
fn loom_g13_a_group_in_a_reused_slot_gets_no_events_of_the_last_one() {
    check("event/new group", Some(2), || {
        let world = Shared::new(World::new(Limits::default()));
        let old = world.inotify().unwrap();
        watch(&old, &world.file).unwrap();
        let event = {
            let world = world.clone();
            thread::spawn(move || world.modify())
        };
        let dropper = thread::spawn(move || drop(old));
        let new = world.inotify().unwrap();
        watch(&new, &world.other).unwrap();
        event.join().unwrap();
        dropper.join().unwrap();
        assert!(new.drain().is_empty(), "the other file was not modified");
        world.notifier.hooks().on_modify(world.other.get());
        assert_eq!(new.len(), 1, "the new group was closed with the old one");
        world.notifier.verify().unwrap();
    });
}

/// A closed instance has no events and no watches left. Fails (it can still be read) if `Queue::close` leaves the
/// queue open.
#[test]
fn loom_a_push_and_a_close_leave_nothing_queued() {
    check("push/close", None, || {
        let world = Shared::new(World::new(Limits::default()));
        let inotify = world.inotify().unwrap();
        watch(&inotify, &world.file).unwrap();
        let event = {
            let world = world.clone();
            thread::spawn(move || world.modify())
        };
        inotify.close();
        event.join().unwrap();
        assert_eq!((inotify.len(), inotify.watch_count()), (0, 0));
        assert_eq!(inotify.next().unwrap_err().errno(), Errno::ESHUTDOWN);
        drop(inotify);
        world.notifier.verify().unwrap();
    });
}

/// Fails (both adders get the last watch) if `count_up` in `limits.rs` stores instead of comparing.
#[test]
fn loom_the_last_watch_of_a_quota_goes_to_one_adder_and_is_uncharged() {
    check("limit", Some(2), || {
        let limits = Limits { max_user_watches: 1, ..Limits::default() };
        let world = Shared::new(World::new(limits));
        let instances = [world.inotify().unwrap(), world.inotify().unwrap()];
        let other = {
            let (world, inotify) = (world.clone(), instances[0].clone());
            thread::spawn(move || watch(&inotify, &world.file))
        };
        // Two objects, so that no lock orders the two adders.
        let mine = watch(&instances[1], &world.other);
        let theirs = other.join().unwrap();
        assert!(mine.is_ok() != theirs.is_ok(), "one of the two adders gets the last watch");
        let refused = mine.err().or(theirs.err()).unwrap();
        assert_eq!(refused.errno(), Errno::ENOSPC);
        drop(instances);
        let inotify = world.inotify().unwrap();
        watch(&inotify, &world.other).unwrap();
        assert_eq!(world.notifier.usage(0), (1, 1));
        world.notifier.verify().unwrap();
    });
}

/// Fails (a watch stays charged for ever) if `release_watches` in `limits.rs` loads and stores.
#[test]
fn loom_two_watches_removed_at_once_are_both_uncharged() {
    check("give back", Some(2), || {
        let world = Shared::new(World::new(Limits::default()));
        let instances = [world.inotify().unwrap(), world.inotify().unwrap()];
        watch(&instances[0], &world.file).unwrap();
        watch(&instances[1], &world.other).unwrap();
        let other = {
            let inotify = instances[0].clone();
            thread::spawn(move || inotify.rm_watch(WatchDescriptor::from_raw(1)).unwrap())
        };
        instances[1].rm_watch(WatchDescriptor::from_raw(1)).unwrap();
        other.join().unwrap();
        assert_eq!(world.notifier.usage(0), (2, 0));
        world.notifier.verify().unwrap();
    });
}

/// A user's last instance is dropped while another is made: both are counted for one user. Fails (a count is
/// lost) if `release_instance` in `limits.rs` decrements before it has the lock, and tests the result under it.
#[test]
fn loom_a_user_whose_last_instance_goes_while_another_is_made_is_kept() {
    check("users", Some(3), || {
        let world = Shared::new(World::new(Limits { max_user_instances: 2, ..Limits::default() }));
        let first = world.inotify().unwrap();
        let other = thread::spawn(move || drop(first));
        let second = world.inotify().unwrap();
        other.join().unwrap();
        assert_eq!(world.notifier.usage(0), (1, 0));
        drop(second);
        assert_eq!(world.notifier.usage(0), (0, 0));
    });
}

/// A tree has one notifier at a time, and the next one finds no state of the last one. Fails (two notifiers) if
/// `claim_notifier` in `store.rs` loads and stores.
#[test]
fn loom_a_tree_gets_one_of_two_notifiers_and_another_after_it() {
    check("notifiers", None, || {
        let tree = Tree::new(Default::default());
        let other = {
            let tree = tree.clone();
            thread::spawn(move || Notifier::new(&tree, NotifyConfig::default()).map(drop))
        };
        let mine = Notifier::new(&tree, NotifyConfig::default());
        if let Ok(mine) = &mine {
            assert!(Notifier::new(&tree, NotifyConfig::default()).is_err(), "there is one");
            mine.verify().unwrap();
        }
        let refused = [mine.as_ref().err(), other.join().unwrap().as_ref().err()]
            .into_iter()
            .flatten()
            .map(|error| error.errno())
            .collect::<Vec<_>>();
        assert!(refused.is_empty() || refused == [Errno::EBUSY], "{refused:?}");
        drop(mine);
        assert!(
            Notifier::new(&tree, NotifyConfig::default()).is_ok(),
            "the notifier was not released"
        );
    });
}

/// Two renames that no lock orders have two cookies. Fails (one cookie for both) if `next_cookie` in
/// `notifier.rs` loads and stores.
#[test]
fn loom_two_renames_at_once_have_two_cookies() {
    check("cookies", None, || {
        let world = Shared::new(World::new(Limits::default()));
        let inotify = world.inotify().unwrap();
        let dir = world.file.parent().unwrap();
        inotify.add_watch(&dir.inode_ref(), WatchMask::MOVED_TO).unwrap();
        let rename = |world: &World, dir: &DentryRef, name: &[u8]| {
            let (dir, moved) = (dir.get(), world.file.get().inode());
            world.notifier.hooks().on_rename(dir, b"old", dir, name, moved, None);
        };
        let other = {
            let (world, dir) = (world.clone(), dir.clone());
            thread::spawn(move || rename(&world, &dir, b"x"))
        };
        rename(&world, &dir, b"y");
        other.join().unwrap();
        let events = inotify.drain();
        let cookies: Vec<u32> =
            events.iter().map(|event| event.fs_event().unwrap().cookie).collect();
        assert_eq!(cookies.len(), 2);
        assert_ne!(cookies[0], cookies[1], "{events:?}");
    });
}
