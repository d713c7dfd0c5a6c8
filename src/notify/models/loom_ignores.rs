//! Ignore words, the gate, and records that keep paths: parts of the core beyond inotify.
//!
//! Each change that a test names under "Fails" was made once, and the test failed.

use loom::thread;

use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::base::sync::model_helpers::{Shared, check};
use crate::inotify::{Inotify, WatchMask};
use crate::notify::group::GroupKind;
use crate::notify::group_handle::GroupHandle;
use crate::notify::ignore::IgnoreWord;
use crate::notify::mark::{Interest, MarkPage, MarkSlot, Marks};
use crate::notify::marks::attach::Existing;
use crate::notify::queue::Queue;
use crate::notify::record::fanotify_like::FanotifyLikeRecord;
use crate::notify::watched_object::Watched;
use crate::notify::{DentryRef, Notifier, NotifyConfig};
use crate::tree::hook_gate::Gate;
use crate::tree::{InodeSpec, SuperblockRef, Tree};

const OPEN: EventMask = EventMask::OPEN;
const ACCESS: EventMask = EventMask::ACCESS;

/// A page with a mark in its first slot.
struct Page {
    page: MarkPage,
    mark: Ix<MarkSlot>,
}

impl Page {
    fn new() -> Self {
        let this = Self { page: MarkPage::default(), mark: Marks::nth(0) };
        this.begin();
        this
    }

    fn begin(&self) {
        let interest = Interest { mask: OPEN, oneshot: false, excl_unlink: false };
        let (group, connector) = (Ix::from_word(4).unwrap(), Ix::from_word(4).unwrap());
        self.page.slot(self.mark).begin(group, 1, connector, interest, true);
    }

    fn add(&self, ignore: IgnoreWord) {
        self.page.add_ignore(self.mark, self.page.slot(self.mark).word(), ignore);
    }
}

/// Fails if `ignore_of_life` does not compare the generations.
#[test]
fn loom_an_ignore_word_of_another_generation_is_none() {
    check("ignore/slot reuse", None, || {
        let page = Shared::new(Page::new());
        page.add(IgnoreWord::new(OPEN, true));
        let first = page.page.slot(page.mark).word();
        // The reader is the spawned thread. loom remembers only the last access of a word: with the roles
        // exchanged it would try the reader's load before the load at the beginning of `end`, and never before
        // the store of `end`.
        let reader = {
            let page = page.clone();
            thread::spawn(move || {
                let word = page.page.slot(page.mark).word();
                let ignored = page.page.ignore(page.mark, word).mask();
                let own = if word.generation() == first.generation() { OPEN } else { ACCESS };
                let allowed = [own, EventMask::empty()];
                assert!(allowed.contains(&ignored), "{word:?} ignores {ignored:?}");
            })
        };
        assert!(page.page.slot(page.mark).end());
        page.begin();
        page.add(IgnoreWord::new(ACCESS, true));
        reader.join().unwrap();
    });
}

/// Events that were added when `add_ignore` returned stay, whatever a MODIFY clears at the same time. Fails if
/// `clear_ignore` stores instead of comparing.
#[test]
fn loom_a_clear_does_not_undo_an_addition() {
    check("clear/add", None, || {
        let page = Shared::new(Page::new());
        page.add(IgnoreWord::new(OPEN, false));
        let other = {
            let page = page.clone();
            thread::spawn(move || page.add(IgnoreWord::new(ACCESS, true)))
        };
        let word = page.page.slot(page.mark).word();
        page.page.clear_ignore(page.mark, word);
        other.join().unwrap();
        let ignore = page.page.ignore(page.mark, page.page.slot(page.mark).word());
        assert!(ignore.mask().contains(ACCESS) && ignore.survives_modify(), "{ignore:?}");
    });
}

/// The first mark on one mount and the last mark on another, beside an object that gets a connector and the
/// superblock's own interest. Fails if `count_marked_mount` changes the word after it has released the count's
/// lock, or if `set_interest` stores.
#[test]
fn loom_the_parts_of_a_gate_do_not_undo_each_other() {
    check("gate", Some(3), || {
        let gate = Shared::new(Gate::default());
        gate.count_marked_mount(true);
        let mounts = {
            let gate = gate.clone();
            thread::spawn(move || gate.count_marked_mount(false))
        };
        let objects = {
            let gate = gate.clone();
            thread::spawn(move || {
                gate.count_object(true);
                gate.set_interest(OPEN.bits());
            })
        };
        gate.count_marked_mount(true);
        mounts.join().unwrap();
        objects.join().unwrap();
        let seen = gate.load();
        assert!(seen.has_marked_mounts(), "a mount has marks");
        assert_eq!(seen.interest(), OPEN.bits());
        gate.count_marked_mount(false);
        gate.set_interest(0);
        assert!(!gate.load().is_shut(), "an object is watched");
        gate.count_object(false);
        assert!(gate.load().is_shut());
    });
}

/// A file in a directory, and a second file.
struct World {
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    dir: DentryRef,
    file: DentryRef,
    other: DentryRef,
}

impl World {
    fn new() -> Self {
        let tree = Tree::new(Default::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).unwrap();
        let (superblock, dir) = notifier.add_superblock(1).unwrap();
        let link = |name: &[u8], ino| {
            let spec = InodeSpec { ino, kind: InodeKind::Regular, nlink: 1 };
            let inode = tree.make_inode(&superblock, spec).unwrap();
            notifier.instantiate(dir.get(), name, inode).unwrap()
        };
        let (file, other) = (link(b"f", 2), link(b"o", 3));
        Self { notifier, superblock, dir, file, other }
    }

    fn fanotify_like(&self, on: Watched<'_>) -> GroupHandle {
        self.fanotify_like_for(on, OPEN)
    }

    fn fanotify_like_for(&self, on: Watched<'_>, mask: EventMask) -> GroupHandle {
        let kind = |limit, charge| GroupKind::FanotifyLike(Queue::open(limit, charge));
        let group = GroupHandle::new(&self.notifier, kind, 0, 0).unwrap();
        let interest = Interest { mask, oneshot: false, excl_unlink: false };
        self.notifier.attach_mark(group.index(), on, interest, Existing::Replace).unwrap();
        group
    }

    /// Reads the oldest event as a back end does: pops it under the lock, and releases its path without the
    /// lock.
    fn read(&self, group: &GroupHandle) -> bool {
        let Some(record) = pop(group) else { return false };
        if let Some(pin) = record.pin {
            self.notifier.release_pin(pin);
        }
        true
    }
}

/// Pops the oldest record. Its path, if it has one, is still kept.
fn pop(group: &GroupHandle) -> Option<FanotifyLikeRecord> {
    match &mut *group.slot().queue.lock() {
        GroupKind::FanotifyLike(queue) => queue.pop(),
        _ => None,
    }
}

/// An event with two targets, each with a sole mark that is found without a lock. One of the marks ends
/// meanwhile, and its slot is reused by another group. Fails if `still_wanted` does not compare the generation.
#[test]
fn loom_a_sole_mark_of_one_of_two_targets_ends() {
    check("two targets/remove and add", Some(2), || {
        let world = Shared::new(World::new());
        let inotify = Inotify::new(&world.notifier, 0).unwrap();
        let other_instance = Inotify::new(&world.notifier, 0).unwrap();
        inotify.add_watch(&world.dir.inode_ref(), WatchMask::OPEN).unwrap();
        let wd = inotify.add_watch(&world.file.inode_ref(), WatchMask::OPEN).unwrap();
        let other = {
            let (world, inotify, other_instance) =
                (world.clone(), inotify.clone(), other_instance.clone());
            thread::spawn(move || {
                inotify.rm_watch(wd).unwrap();
                other_instance.add_watch(&world.other.inode_ref(), WatchMask::OPEN).unwrap();
            })
        };
        world.notifier.hooks().on_open(world.file.get());
        other.join().unwrap();
        assert!(other_instance.is_empty(), "the other instance got an event");
        let events = inotify.drain();
        let opens = events.iter().filter_map(|event| event.fs_event());
        let opens: Vec<_> = opens.filter(|event| event.mask == OPEN).collect();
        assert!(matches!(opens.len(), 1 | 2), "{events:?}");
        assert_eq!(opens[0].name, "f", "the directory's event comes first, and always");
        world.notifier.verify().unwrap();
    });
}

/// A group is closed while a reader has popped a record, and while a hook queues another. Each path is released
/// once, and a file that only a path kept dies. Fails if a closed queue accepts records, or if its records are
/// dropped without releasing their paths.
#[test]
fn loom_a_close_and_a_reader_give_each_path_back_once() {
    check("close/read/open", Some(2), || {
        let world = Shared::new(World::new());
        let on = Watched::Superblock(world.superblock.slot());
        let group = Shared::new(world.fanotify_like(on));
        world.notifier.hooks().on_open(world.file.get());
        let reader = {
            let (world, group) = (world.clone(), group.clone());
            thread::spawn(move || world.read(&group))
        };
        let opener = {
            let world = world.clone();
            thread::spawn(move || world.notifier.hooks().on_open(world.other.get()))
        };
        group.close();
        reader.join().unwrap();
        opener.join().unwrap();
        assert!(!world.read(&group), "it is closed");
        drop(group);
        let uses = |dentry: &DentryRef| {
            let index = dentry.get().index;
            world.notifier.tree().dentry_page(index).hot().refs(index).count()
        };
        // The name and the world's reference.
        assert_eq!((uses(&world.file), uses(&world.other)), (2, 2));
        world.notifier.verify().unwrap();
    });
}

/// RULE death-once: two dentries of an inode without names die at the same time, and a group that combines its
/// marks gets one event for its mark on the inode. Fails (two events) if `deliver` in `fanotify_like.rs` reads such a
/// mark without claiming it.
#[test]
fn loom_two_dentries_of_an_inode_that_die_at_once_are_one_death() {
    check("drop/drop/read", Some(2), || {
        let world = World::new();
        let inode = world.file.inode_ref();
        let group = world.fanotify_like_for(Watched::Inode(inode.get()), EventMask::DELETE_SELF);
        let group = Shared::new(group);
        let World { notifier, superblock, dir, file, other } = world;
        let second = notifier.instantiate(dir.get(), b"g", inode.clone()).unwrap();
        for dentry in [&file, &second] {
            drop(notifier.unhash(dentry.get(), false).unwrap());
        }
        inode.get().set_nlink(0);
        let threads = [file, second].map(|dentry| thread::spawn(move || drop(dentry)));
        // No later event merges into one that was read.
        let mut events = usize::from(pop(&group).is_some());
        for thread in threads {
            thread.join().unwrap();
        }
        events += usize::from(pop(&group).is_some());
        assert_eq!(events, 1);
        drop((inode, other));
        notifier.verify().unwrap();
        drop((superblock, dir));
    });
}

/// A notifier is shut down beside a reader. A queued path is the last reference to a file without a name, and
/// the thread that pops the record reports the death, once. Fails if `shut_down` leaves records that keep paths
/// in the queue.
#[test]
fn loom_a_queued_path_is_given_back_at_the_end_of_the_notifier() {
    check("shut down/read", Some(2), || {
        let world = World::new();
        let on = Watched::Superblock(world.superblock.slot());
        let group = Shared::new(world.fanotify_like(on));
        world.notifier.hooks().on_open(world.file.get());
        let World { notifier, superblock, dir, file, other } = world;
        let name = notifier.unhash(file.get(), false).unwrap();
        file.get().inode().set_nlink(0);
        drop((name, file));
        let reader = {
            let (notifier, group) = (notifier.clone(), group.clone());
            thread::spawn(move || {
                if let Some(pin) = pop(&group).and_then(|record| record.pin) {
                    notifier.release_pin(pin);
                }
            })
        };
        notifier.shut_down();
        reader.join().unwrap();
        notifier.reap(|_, _, _| {});
        assert_eq!(notifier.tree().live_inodes(), 2, "the directory's and the other file's");
        notifier.tree().verify().unwrap();
        drop((group, dir, other, superblock));
    });
}
