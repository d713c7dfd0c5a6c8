//! A listener that combines its marks, ignores events and keeps paths: the core beyond inotify.

use super::{NotifyStage, delivered};
use crate::base::mask::EventMask;
use crate::base::name::Name;
use crate::base::sync::{Arc, Mutex, rank};
use crate::inotify::WatchMask;
use crate::notify::flag_walk::FlagWalk;
use crate::notify::group::GroupKind;
use crate::notify::group_handle::GroupHandle;
use crate::notify::ignore::IgnoreWord;
use crate::notify::mark::{Interest, Marks};
use crate::notify::marks::attach::Existing;
use crate::notify::queue::Queue;
use crate::notify::record::fanotify_like::FanotifyLikeRecord;
use crate::notify::watched_object::Watched;
use crate::notify::{Actor, DentryRef, EventPath, Notifier};

const ACTOR: Actor = Actor::new(7, 9);

/// A group of this kind.
struct FanotifyLike {
    notifier: Arc<Notifier>,
    group: GroupHandle,
}

impl FanotifyLike {
    fn new(stage: &NotifyStage) -> Self {
        let kind = |limit, charge| GroupKind::FanotifyLike(Queue::open(limit, charge));
        let group = GroupHandle::new(&stage.notifier, kind, 0, 0).unwrap();
        Self { notifier: stage.notifier.clone(), group }
    }

    /// Adds a mark to an object, or widens it.
    fn mark(&self, on: Watched<'_>, mask: EventMask) {
        let interest = Interest { mask, oneshot: false, excl_unlink: false };
        let group = self.group.index();
        self.notifier.attach_mark(group, on, interest, Existing::Extend).unwrap();
    }

    fn mark_inode(&self, on: &DentryRef, mask: EventMask) {
        self.mark(Watched::Inode(on.get().inode()), mask);
        self.walk(on);
    }

    /// Makes the group's mark on an object ignore events. Adds the mark if there is none.
    fn ignore(&self, on: Watched<'_>, mask: EventMask, survives_modify: bool) {
        self.mark(on, EventMask::empty());
        let connector = on.notify().connector().unwrap();
        let connected = self.notifier.connector(connector).lock();
        let is_own = |mark| self.notifier.mark(mark).group() == self.group.index();
        let mark = connected.marks().iter().copied().find(|mark| is_own(*mark)).unwrap();
        let page = self.notifier.marks().page(mark).unwrap().hot();
        page.add_ignore(mark, page.slot(mark).word(), IgnoreWord::new(mask, survives_modify));
        self.notifier.recalc(on, &connected);
    }

    fn ignore_inode(&self, on: &DentryRef, mask: EventMask, survives_modify: bool) {
        self.ignore(Watched::Inode(on.get().inode()), mask, survives_modify);
        self.walk(on);
    }

    fn walk(&self, on: &DentryRef) {
        if let Some(mut walk) = FlagWalk::needed(&on.inode_ref(), self.notifier.pace()) {
            walk.finish(self.notifier.pace());
        }
    }

    /// Pops the oldest record. Its path is still kept.
    fn pop(&self) -> Option<FanotifyLikeRecord> {
        match &mut *self.group.slot().queue.lock() {
            GroupKind::FanotifyLike(queue) => queue.pop(),
            other => panic!("{other:?}"),
        }
    }

    /// Drains the records, as events and inode, and releases their paths.
    fn delivered(&self) -> Vec<(EventMask, u64)> {
        let record = || {
            let record = self.pop()?;
            if let Some(pin) = record.pin {
                self.notifier.release_pin(pin);
            }
            Some((record.mask, record.ino))
        };
        std::iter::from_fn(record).collect()
    }
}

fn superblock(stage: &NotifyStage) -> Watched<'_> {
    Watched::Superblock(stage.superblock.slot())
}

const F: u64 = 4;
const OPEN: EventMask = EventMask::OPEN;
const MODIFY: EventMask = EventMask::MODIFY;
const ON_CHILD: EventMask = EventMask::ON_CHILD;

#[test]
fn an_event_that_all_kinds_of_marks_want_is_one_record() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    let mount = stage.notifier.add_mount(&stage.superblock).unwrap();
    group.mark_inode(&stage.f, OPEN);
    group.mark_inode(&stage.d, OPEN | ON_CHILD);
    group.mark(mount.watched(), OPEN | MODIFY);
    group.mark(superblock(&stage), EventMask::ACCESS | OPEN);
    assert!(mount.is_watched());
    stage.notifier.verify().unwrap();
    let through = EventPath::through(stage.f.get(), &mount);
    stage.notifier.by(ACTOR).on_open(through);
    let record = group.pop().unwrap();
    assert_eq!((record.mask, record.actor, record.ino), (OPEN, ACTOR, F));
    assert!(mount.is_pinned(), "the record keeps it");
    stage.notifier.release_pin(record.pin.unwrap());
    assert!(!mount.is_pinned());
    assert!(group.pop().is_none());
    // Each kind of mark alone.
    stage.notifier.hooks().on_modify(stage.f.get());
    assert_eq!(group.delivered(), [], "not through the mount");
    stage.notifier.hooks().on_modify(through);
    assert_eq!(group.delivered(), [(MODIFY, F)]);
    stage.notifier.hooks().on_access(stage.f.get());
    assert_eq!(group.delivered(), [(EventMask::ACCESS, F)]);
    drop(mount);
    stage.verify();
}

#[test]
fn events_ignored_by_one_mark_are_not_delivered_for_the_others() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    group.mark(superblock(&stage), OPEN | EventMask::ACCESS);
    group.ignore_inode(&stage.f, OPEN, true);
    stage.verify();
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(group.delivered(), []);
    stage.notifier.hooks().on_access(stage.f.get());
    assert_eq!(group.delivered(), [(EventMask::ACCESS, F)]);
    stage.notifier.hooks().on_open(stage.d.get());
    assert_eq!(group.delivered(), [(OPEN, 2)], "another object");
    // The ignore words of one group do not affect another.
    let other = FanotifyLike::new(&stage);
    other.mark(superblock(&stage), OPEN);
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!((group.delivered(), other.delivered()), (vec![], vec![(OPEN, F)]));
}

/// RULE ignore-counts-as-interest: a mark on a directory that only ignores events of its children sets their
/// flags.
#[test]
fn a_directorys_mark_that_only_ignores_sets_the_flags_of_its_children() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    assert!(!stage.f.get().is_parent_watched());
    group.ignore_inode(&stage.d, OPEN | ON_CHILD, true);
    assert!(stage.f.get().is_parent_watched());
    group.mark(superblock(&stage), OPEN);
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(group.delivered(), []);
    // Without ON_CHILD an ignore word does not count for children.
    group.ignore_inode(&stage.e, OPEN, true);
    let file = stage.file(&stage.e, "x");
    assert!(!file.get().is_parent_watched());
    stage.notifier.hooks().on_open(file.get());
    assert_eq!(group.delivered().len(), 1);
    stage.verify();
}

#[test]
fn modify_clears_ignores_that_do_not_survive_it() {
    for survives in [false, true] {
        let stage = NotifyStage::new();
        let group = FanotifyLike::new(&stage);
        group.mark(superblock(&stage), OPEN | MODIFY);
        group.ignore_inode(&stage.f, OPEN | MODIFY, survives);
        stage.notifier.hooks().on_open(stage.f.get());
        assert_eq!(group.delivered(), []);
        stage.notifier.hooks().on_modify(stage.f.get());
        stage.notifier.hooks().on_open(stage.f.get());
        let expected = if survives { vec![] } else { vec![(MODIFY | OPEN, F)] };
        assert_eq!(group.delivered(), expected, "survives: {survives}");
        stage.verify();
    }
}

/// The clear is of this group's ignore words; those of another group stay.
#[test]
fn modify_clears_a_directorys_ignores_only_if_it_watches_children() {
    for flag in [EventMask::empty(), ON_CHILD] {
        let stage = NotifyStage::new();
        let group = FanotifyLike::new(&stage);
        group.mark_inode(&stage.f, MODIFY);
        group.ignore_inode(&stage.d, OPEN | EventMask::ISDIR | flag, false);
        let other = FanotifyLike::new(&stage);
        other.mark(superblock(&stage), OPEN);
        other.ignore_inode(&stage.d, OPEN, false);
        // The event is delivered to the directory in any case, and so to the marks there of groups that combine
        // theirs.
        let _watcher = stage.watcher(&stage.d, WatchMask::MODIFY);
        group.mark(superblock(&stage), OPEN);
        stage.notifier.hooks().on_modify(stage.f.get());
        assert_eq!(group.delivered(), [(MODIFY, F)]);
        stage.notifier.hooks().on_open(stage.d.get());
        let expected = if flag.is_empty() { vec![] } else { vec![(OPEN, 2)] };
        assert_eq!(group.delivered(), expected, "{flag:?}");
        assert_eq!(other.delivered(), [], "{flag:?}");
    }
}

#[test]
fn an_ignore_word_of_an_older_mark_is_not_used() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    group.ignore_inode(&stage.f, OPEN, true);
    let page = stage.notifier.marks().page(Marks::nth(0)).unwrap().hot();
    let old = page.slot(Marks::nth(0)).word();
    drop(group);
    // The next mark reuses the slot.
    let group = FanotifyLike::new(&stage);
    group.mark_inode(&stage.f, OPEN);
    stage.verify();
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(group.delivered(), [(OPEN, F)]);
    group.ignore_inode(&stage.f, EventMask::ACCESS, true);
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(group.delivered(), [(OPEN, F)], "the old ignore word is not extended");
    assert_eq!(
        page.ignore(Marks::nth(0), old),
        IgnoreWord::NONE,
        "the old word does not match the new ignore word"
    );
}

/// A record does not keep a mount of another notifier: its index names another mount here.
#[test]
fn a_mount_of_another_notifier_is_not_kept() {
    let (stage, other) = (NotifyStage::new(), NotifyStage::new());
    let group = FanotifyLike::new(&stage);
    group.mark(superblock(&stage), OPEN);
    let own = stage.notifier.add_mount(&stage.superblock).unwrap();
    let foreign = other.notifier.add_mount(&other.superblock).unwrap();
    stage.notifier.hooks().on_open(EventPath::through(stage.f.get(), &foreign));
    assert!(!foreign.is_pinned() && !own.is_pinned());
    assert_eq!(group.delivered(), [(OPEN, F)]);
    assert_eq!(stage.notifier.mounts().live(), 1);
}

/// RULE pins-are-dropped-unlocked, also if the group ends between the last reference to the notifier and its
/// drop.
#[test]
fn a_group_that_ends_with_its_notifier_loses_no_path() {
    let stage = NotifyStage::new();
    let FanotifyLike { notifier: another, group } = FanotifyLike::new(&stage);
    let interest = Interest { mask: OPEN, oneshot: false, excl_unlink: false };
    let on = superblock(&stage);
    another.attach_mark(group.index(), on, interest, Existing::Replace).unwrap();
    drop(another);
    stage.notifier.hooks().on_open(stage.f.get());
    let NotifyStage { notifier, superblock, root, d, e, f, s, .. } = stage;
    drop((superblock, root, d, e, f, s));
    let notifier = Arc::into_inner(notifier).expect("the last reference");
    group.close();
    drop(group);
    // Panics if the path was lost.
    drop(notifier);
}

#[test]
fn a_rename_is_one_event() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    let both = EventMask::MOVED_FROM | EventMask::MOVED_TO;
    group.mark(superblock(&stage), both);
    group.mark_inode(&stage.e, EventMask::MOVED_TO);
    let watcher = stage.watcher(&stage.d, WatchMask::MOVED_FROM);
    stage.notifier.hooks().rename(stage.f.get(), stage.e.get(), b"g").unwrap();
    assert_eq!(group.delivered(), [(both, F)]);
    assert_eq!(delivered(&watcher).len(), 1);
    stage.verify();
}

/// RULE death-is-an-event: a death is delivered to all marks of a group together, once for each dentry that
/// dies.
#[test]
fn a_death_is_delivered_once_to_the_marks_on_the_object_and_its_superblock() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    group.mark(superblock(&stage), EventMask::DELETE_SELF);
    group.mark_inode(&stage.f, EventMask::DELETE_SELF);
    let watcher = stage.watcher(&stage.f, WatchMask::DELETE_SELF);
    let NotifyStage { f, .. } = &stage;
    let file = f.clone();
    stage.notifier.hooks().remove(file).unwrap();
    assert_eq!(group.delivered(), [], "a reference is left");
    let NotifyStage { notifier, superblock, f, root, d, e, s, .. } = stage;
    drop(f);
    assert_eq!(group.delivered(), [(EventMask::DELETE_SELF, F)]);
    assert_eq!(delivered(&watcher), ["1 DELETE_SELF", "1 IGNORED"]);
    notifier.verify().unwrap();
    drop((superblock, root, d, e, s));
}

/// RULE pins-are-dropped-unlocked: a queued path keeps a file that was removed. The file's death is reported
/// when the record is popped, at the close, or at the end of the notifier.
#[test]
fn a_queued_path_keeps_its_file_until_it_is_taken_out() {
    for end in 0..4 {
        let stage = NotifyStage::new();
        let group = FanotifyLike::new(&stage);
        group.mark_inode(&stage.f, OPEN);
        let watcher = stage.watcher(&stage.f, WatchMask::DELETE_SELF);
        stage.notifier.hooks().on_open(stage.f.get());
        let NotifyStage { notifier, superblock, f, root, d, e, s, .. } = stage;
        notifier.hooks().remove(f).unwrap();
        assert_eq!(delivered(&watcher), Vec::<String>::new(), "the record keeps it");
        let is_reported = match end {
            0 => {
                assert_eq!(group.delivered(), [(OPEN, F)]);
                true
            }
            1 => {
                group.group.close();
                true
            }
            2 => {
                drop(group);
                true
            }
            _ => {
                notifier.shut_down();
                notifier.reap(|_, _, _| {});
                assert_eq!(notifier.tree().live_inodes(), 4, "all but the file");
                drop(group);
                // The watcher's queue was closed before the death or after it, by the order of the groups.
                false
            }
        };
        if is_reported {
            assert_eq!(delivered(&watcher), ["1 DELETE_SELF", "1 IGNORED"], "end {end}");
        }
        notifier.reap(|_, _, _| {});
        notifier.verify().unwrap();
        notifier.tree().verify().unwrap();
        drop((superblock, root, d, e, s));
    }
}

#[test]
fn kept_paths_are_charged_and_given_back() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    let [inline, longer] = [22, 23].map(|len| {
        let files = ["a", "b"].map(|letter| stage.file(&stage.e, &letter.repeat(len)));
        let group = FanotifyLike::new(&stage);
        group.mark_inode(&stage.e, OPEN | ON_CHILD);
        for _ in 0..200 {
            for file in &files {
                stage.notifier.hooks().on_open(file.get());
            }
        }
        let (bytes, _) = stage.notifier.queue_bytes(0);
        stage.verify();
        assert_eq!(group.delivered().len(), 400);
        bytes
    });
    assert!(longer > inline, "a name that needs memory of its own is charged");
    group.mark(superblock(&stage), OPEN);
    let files: Vec<_> = (0..300).map(|n| stage.file(&stage.e, &format!("x{n}"))).collect();
    for file in &files {
        stage.notifier.hooks().on_open(file.get());
    }
    let (bytes, _) = stage.notifier.queue_bytes(0);
    assert!(bytes >= 2 * 128 * 256, "{bytes}");
    stage.verify();
    assert_eq!(group.delivered().len(), 300);
    assert_eq!(stage.notifier.queue_bytes(0), (0, 0));
    drop(files);
    stage.verify();
}

#[test]
fn marks_on_a_mount_end_with_it_and_those_on_a_superblock_at_the_unmount() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    let gate = || stage.superblock.slot().gate().load();
    let mounts = [0; 2].map(|_| stage.notifier.add_mount(&stage.superblock).unwrap());
    for mount in &mounts {
        group.mark(mount.watched(), OPEN);
    }
    group.mark(superblock(&stage), OPEN);
    assert_eq!(stage.notifier.usage(0), (1, 3));
    let [one, two] = mounts;
    {
        // Holds every lock that an embedder may hold there; the check of the lock order names a wrong one.
        let position = Mutex::<(), { rank::FILE_POSITION }>::new(());
        let table = Mutex::<(), { rank::MOUNT_TABLE }>::new(());
        let _position = position.lock();
        let _rename = stage.superblock.slot().lock_rename();
        let d = stage.d.get().inode().dir().unwrap();
        let _dir = stage.notifier.tree().dir_at(d).lock.write_keyed(0);
        let _table = table.lock();
        drop(one);
    }
    assert!(gate().has_marked_mounts());
    stage.verify();
    drop(two);
    assert!(!gate().has_marked_mounts() && !gate().is_shut());
    // A reused slot is another mount.
    let again = stage.notifier.add_mount(&stage.superblock).unwrap();
    assert!(!again.is_watched());
    stage.notifier.on_unmount(&stage.superblock);
    assert!(gate().is_shut());
    assert_eq!(stage.notifier.usage(0), (1, 0));
    let interest = Interest { mask: OPEN, oneshot: false, excl_unlink: false };
    for on in [superblock(&stage), again.watched()] {
        let added =
            stage.notifier.attach_mark(group.group.index(), on, interest, Existing::Replace);
        assert_eq!(added.unwrap_err().errno(), crate::Errno::ENOENT);
    }
    assert_eq!(group.delivered(), [], "no event");
    stage.verify();
}

/// The owner drops a mount while events keep it: its slot is reused only after the last of them was read.
#[test]
fn a_mounts_slot_is_kept_by_events() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    group.mark(superblock(&stage), OPEN);
    let mount = stage.notifier.add_mount(&stage.superblock).unwrap();
    let path = EventPath::through(stage.f.get(), &mount);
    stage.notifier.hooks().on_open(path);
    assert!(mount.is_pinned());
    drop(mount);
    let live = || stage.notifier.mounts().live();
    assert_eq!(live(), 1);
    assert_eq!(group.delivered(), [(OPEN, F)]);
    assert_eq!(live(), 0);
}

/// RULE parent-for-the-name: a mark with ON_CHILD on a file, a mount or a superblock asks for the name, even if
/// the directory is not watched.
#[test]
fn on_child_on_a_file_or_a_superblock_asks_for_the_name() {
    let stage = NotifyStage::new();
    let name = |group: &FanotifyLike| {
        let record = group.pop().unwrap();
        stage.notifier.release_pin(record.pin.unwrap());
        record.name.map(|name| name.as_bytes().to_vec())
    };
    let group = FanotifyLike::new(&stage);
    group.mark(superblock(&stage), OPEN | MODIFY);
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(name(&group), None, "not asked for");
    group.mark(superblock(&stage), ON_CHILD);
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(name(&group).as_deref(), Some(&b"f"[..]));
    stage.notifier.hooks().on_open(stage.s.get());
    assert_eq!(name(&group), None, "a directory's own event");
    let own = FanotifyLike::new(&stage);
    own.mark_inode(&stage.f, OPEN | ON_CHILD);
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(name(&own).as_deref(), Some(&b"f"[..]));
    assert!(!stage.f.get().is_parent_watched());
    assert_eq!(group.delivered().len(), 1);
    stage.verify();
}

/// RULE parent-for-the-name: so does a mark on the directory, whatever else is marked.
#[test]
fn a_mark_on_a_directory_gets_the_names_of_its_children() {
    for own in [EventMask::MODIFY, OPEN] {
        let stage = NotifyStage::new();
        let group = FanotifyLike::new(&stage);
        group.mark_inode(&stage.d, OPEN | ON_CHILD);
        group.mark_inode(&stage.f, own);
        stage.notifier.hooks().on_open(stage.f.get());
        let record = group.pop().unwrap();
        stage.notifier.release_pin(record.pin.unwrap());
        assert_eq!(record.name.as_ref().map(Name::as_bytes), Some(&b"f"[..]), "{own:?}");
    }
}

/// Marks keep a superblock that was never unmounted, as they keep an inode: its slot is not reused while they
/// are on it.
#[test]
fn marks_keep_a_superblock_that_was_not_unmounted() {
    let stage = NotifyStage::new();
    let group = FanotifyLike::new(&stage);
    group.mark(superblock(&stage), OPEN);
    let NotifyStage { notifier, superblock, root, d, e, f, s, .. } = stage;
    let old = superblock.id();
    for dentry in [s, f, d, e] {
        notifier.hooks().remove(dentry).unwrap();
    }
    drop((root, superblock));
    notifier.reap(|_, _, _| {});
    let (another, root) = notifier.add_superblock(9).unwrap();
    assert!(another.id().index != old.index && another.slot().gate().load().is_shut());
    notifier.hooks().on_open(root.get());
    assert_eq!(group.delivered(), []);
    group.mark(Watched::Superblock(another.slot()), OPEN);
    notifier.verify().unwrap();
    drop(group);
    let (again, _root) = notifier.add_superblock(9).unwrap();
    assert_eq!(again.id().index, old.index, "the marks are gone, and so is the superblock");
    notifier.verify().unwrap();
}
