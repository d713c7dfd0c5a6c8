//! The marks on an object, and on its directory, to which an event is delivered.

use super::*;

#[test]
fn a_watch_gets_the_events_of_its_mask() {
    for several in [false, true] {
        let stage = NotifyStage::new();
        let open = stage.watcher(&stage.f, WatchMask::OPEN);
        let modify = stage.watcher(if several { &stage.f } else { &stage.e }, WatchMask::MODIFY);
        let parent = stage.watcher(&stage.d, WatchMask::ATTRIB | WatchMask::CREATE);
        stage.notifier.hooks().on_open(stage.f.get());
        stage.notifier.hooks().on_modify(stage.f.get());
        stage.notifier.hooks().on_attrib(stage.f.get(), EventMask::ATTRIB);
        stage.notifier.hooks().on_access(stage.f.get());
        assert_eq!(delivered(&open), ["1 OPEN"]);
        assert_eq!(delivered(&modify), if several { vec!["1 MODIFY"] } else { vec![] });
        assert_eq!(delivered(&parent), ["1 ATTRIB f"]);
        stage.notifier.hooks().on_create(stage.d.get(), b"n", stage.f.get().inode());
        stage.notifier.hooks().on_delete(stage.d.get(), b"n", stage.f.get().inode());
        assert_eq!(delivered(&parent), ["1 CREATE n"]);
    }
}

/// CREATE and DELETE are events of a directory's entries: those of a child directory are not delivered to the
/// directory above it.
#[test]
fn entry_events_go_to_their_own_directory_only() {
    let stage = NotifyStage::new();
    let [d, s] = [&stage.d, &stage.s].map(|dir| stage.watcher(dir, WatchMask::ALL_EVENTS));
    stage.notifier.hooks().on_create(stage.s.get(), b"n", stage.f.get().inode());
    assert_eq!((delivered(&s), delivered(&d)), (vec!["1 CREATE n".to_string()], vec![]));
}

/// One instance gets both events, the parent's first.
#[test]
fn an_instance_with_both_watches_gets_both_events() {
    let stage = NotifyStage::new();
    let both = stage.inotify();
    watch(&both, &stage.f, WatchMask::ALL_EVENTS);
    watch(&both, &stage.d, WatchMask::ALL_EVENTS);
    let file_only = stage.watcher(&stage.f, WatchMask::OPEN);
    let parent_only = stage.watcher(&stage.d, WatchMask::OPEN);
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(delivered(&both), ["2 OPEN f", "1 OPEN"]);
    assert_eq!(
        (delivered(&file_only), delivered(&parent_only)),
        (vec!["1 OPEN".to_string()], vec!["1 OPEN f".to_string()])
    );
}

/// EXCL_UNLINK excludes events through a handle on an unlinked file. ATTRIB is not one of them.
#[test]
fn excl_unlink_drops_events_through_handles_of_unlinked_children() {
    for several in [false, true] {
        let stage = NotifyStage::new();
        let all = WatchMask::ALL_EVENTS;
        let exclusive: Vec<_> = [&stage.d, &stage.f]
            .map(|object| stage.watcher(object, all | WatchMask::EXCL_UNLINK))
            .into();
        let others: Vec<_> = if several {
            [&stage.d, &stage.f].map(|object| stage.watcher(object, all)).into()
        } else {
            Vec::new()
        };
        stage.notifier.hooks().on_open(stage.f.get());
        assert!(exclusive.iter().chain(&others).all(|watcher| watcher.drain().len() == 1));
        drop(stage.notifier.unhash(stage.f.get(), false).unwrap());
        stage.notifier.hooks().on_modify(stage.f.get());
        stage.notifier.hooks().on_close(stage.f.get(), true);
        assert!(exclusive.iter().all(Inotify::is_empty));
        assert!(others.iter().all(|watcher| watcher.drain().len() == 2));
        stage.notifier.hooks().on_attrib(stage.f.get(), EventMask::ATTRIB);
        assert!(exclusive.iter().chain(&others).all(|watcher| watcher.drain().len() == 1));
    }
}

/// Reads and writes of a fifo, device or socket are not delivered to a watched parent, but to a watch on the
/// object itself.
#[test]
fn reads_and_writes_of_special_files_are_not_delivered_to_the_parent() {
    use InodeKind::{BlockDevice, CharDevice, Fifo, Socket};
    for kind in [Fifo, Socket, CharDevice, BlockDevice] {
        let stage = NotifyStage::new();
        let pipe = stage.make(&stage.d, "p", kind);
        let [own, parent] =
            [&pipe, &stage.d].map(|object| stage.watcher(object, WatchMask::ALL_EVENTS));
        stage.notifier.hooks().on_open(pipe.get());
        stage.notifier.hooks().on_access(pipe.get());
        stage.notifier.hooks().on_modify(pipe.get());
        stage.notifier.hooks().on_close(pipe.get(), true);
        assert_eq!(
            delivered(&own),
            ["1 OPEN", "1 ACCESS", "1 MODIFY", "1 CLOSE_WRITE"],
            "{kind:?}"
        );
        assert_eq!(delivered(&parent), ["1 OPEN p", "1 CLOSE_WRITE p"], "{kind:?}");
        // This MODIFY comes from utimens, not from a write.
        stage.notifier.hooks().on_attrib(pipe.get(), EventMask::MODIFY);
        assert_eq!(delivered(&parent), ["1 MODIFY p"]);
    }
}

#[test]
fn a_one_shot_goes_with_its_first_event_and_leaves_the_others() {
    for others in 0..3 {
        let stage = NotifyStage::new();
        let lasting: Vec<_> =
            (0..others).map(|_| stage.watcher(&stage.f, WatchMask::ATTRIB)).collect();
        let once = stage.watcher(&stage.f, WatchMask::MODIFY | WatchMask::ONESHOT);
        stage.notifier.hooks().on_open(stage.f.get());
        stage.notifier.hooks().on_modify(stage.f.get());
        stage.notifier.hooks().on_modify(stage.f.get());
        assert_eq!(delivered(&once), ["1 MODIFY", "1 IGNORED"]);
        assert_eq!((once.watch_count(), stage.notifier.usage(0).1), (0, others));
        let left = if others > 0 { EventMask::ATTRIB } else { EventMask::empty() };
        assert_eq!(stage.interest(&stage.f), left, "the interest of the other marks is left");
        stage.notifier.hooks().on_attrib(stage.f.get(), EventMask::ATTRIB);
        assert!(lasting.iter().all(|watcher| delivered(watcher) == ["1 ATTRIB"]));
        stage.verify();
    }
}

/// One event ends two one-shots of one instance, and one of another, on a directory and on its child.
#[test]
fn one_event_fires_several_one_shots() {
    let stage = NotifyStage::new();
    let (one, two) = (stage.inotify(), stage.inotify());
    let once = WatchMask::MODIFY | WatchMask::ONESHOT;
    watch(&one, &stage.d, once);
    watch(&one, &stage.f, once);
    watch(&two, &stage.f, once);
    let lasting = stage.watcher(&stage.d, WatchMask::OPEN);
    stage.notifier.hooks().on_modify(stage.f.get());
    assert_eq!(delivered(&one), ["1 MODIFY f", "1 IGNORED", "2 MODIFY", "2 IGNORED"]);
    assert_eq!(delivered(&two), ["1 MODIFY", "1 IGNORED"]);
    assert_eq!((stage.interest(&stage.f), stage.notifier.usage(0)), (EventMask::empty(), (3, 1)));
    stage.notifier.hooks().on_modify(stage.f.get());
    stage.notifier.hooks().on_open(stage.f.get());
    assert_eq!(delivered(&lasting), ["1 OPEN f"]);
    assert!(one.is_empty() && two.is_empty());
    stage.verify();
}

/// G9: a match names the directory of the moment of the event, even if another inode reuses its slot before the
/// event is delivered.
#[test]
fn a_directory_in_the_slot_of_a_matched_one_gets_no_event() {
    use crate::notify::dispatch::parent_target;
    use crate::notify::occurrence::{Actor, Data, Occurrence};
    use crate::notify::parent::match_parent;
    let stage = NotifyStage::new();
    let watcher = stage.watcher(&stage.d, WatchMask::OPEN);
    let NotifyStage { notifier, superblock, root, d, e, f, s, next_ino } = stage;
    let file = f.get();
    let hit = match_parent(&file, EventMask::OPEN).unwrap();
    // The file is moved away, and its directory is removed.
    notifier.hooks().rename(file, e.get(), b"f").unwrap();
    drop(watcher);
    for dir in [s, d] {
        notifier.hooks().remove(dir).unwrap();
    }
    notifier.reap(|_, _, _| {});
    let others =
        ["n", "m"].map(|name| make(&superblock, &next_ino, &e, name, InodeKind::Directory));
    let slots = others.each_ref().map(|dir| dir.get().inode().key().index);
    assert!(slots.contains(&hit.key.index), "its slot is reused");
    let inotify = Inotify::new(&notifier, 0).unwrap();
    for other in &others {
        watch(&inotify, other, WatchMask::OPEN);
    }
    let on = Occurrence::new(Actor::default(), Data::Path(&file, None));
    notifier.deliver(&on, &[parent_target(&hit, EventMask::OPEN)]);
    assert_eq!(delivered(&inotify), Vec::<String>::new());
    drop((root, superblock));
}
