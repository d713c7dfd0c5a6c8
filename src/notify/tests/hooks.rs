//! The events that each hook delivers to the object and to its directory.

use super::*;

/// A hook, and the events of the directory, of the file in it and of the directory in it.
type Case<'a> = (&'a dyn Fn(&NotifyStage), &'a [&'a str], &'a [&'a str], &'a [&'a str]);

#[test]
fn each_hook_is_delivered_to_the_object_and_its_directory() {
    let attrib = EventMask::ATTRIB;
    let cases: &[Case<'_>] = &[
        (&|it| it.notifier.hooks().on_open(it.f.get()), &["1 OPEN f"], &["1 OPEN"], &[]),
        (
            &|it| it.notifier.hooks().on_open(it.s.get()),
            &["1 OPEN|ISDIR s"],
            &[],
            &["1 OPEN|ISDIR"],
        ),
        (&|it| it.notifier.hooks().on_open(it.d.get()), &["1 OPEN|ISDIR"], &[], &[]),
        (
            &|it| it.notifier.hooks().on_close(it.f.get(), true),
            &["1 CLOSE_WRITE f"],
            &["1 CLOSE_WRITE"],
            &[],
        ),
        (
            &|it| it.notifier.hooks().on_close(it.f.get(), false),
            &["1 CLOSE_NOWRITE f"],
            &["1 CLOSE_NOWRITE"],
            &[],
        ),
        (&|it| it.notifier.hooks().on_access(it.f.get()), &["1 ACCESS f"], &["1 ACCESS"], &[]),
        (&|it| it.notifier.hooks().on_modify(it.f.get()), &["1 MODIFY f"], &["1 MODIFY"], &[]),
        (
            &|it| it.notifier.hooks().on_attrib(it.f.get(), attrib),
            &["1 ATTRIB f"],
            &["1 ATTRIB"],
            &[],
        ),
        (
            &|it| it.notifier.hooks().on_attrib(it.s.get(), attrib),
            &["1 ATTRIB|ISDIR s"],
            &[],
            &["1 ATTRIB|ISDIR"],
        ),
        (
            &|it| it.notifier.hooks().on_create(it.d.get(), b"n", it.f.get().inode()),
            &["1 CREATE n"],
            &[],
            &[],
        ),
        (
            &|it| it.notifier.hooks().on_create(it.d.get(), b"n", it.s.get().inode()),
            &["1 CREATE|ISDIR n"],
            &[],
            &[],
        ),
        (
            &|it| it.notifier.hooks().on_delete(it.d.get(), b"n", it.f.get().inode()),
            &["1 DELETE n"],
            &[],
            &[],
        ),
        (
            &|it| it.notifier.hooks().on_delete(it.d.get(), b"n", it.s.get().inode()),
            &["1 DELETE|ISDIR n"],
            &[],
            &[],
        ),
        (
            &|it| it.notifier.hooks().on_link(it.f.get().inode(), it.d.get(), b"l"),
            &["1 CREATE l"],
            &["1 ATTRIB"],
            &[],
        ),
        (&|it| it.notifier.hooks().on_link_count(it.f.get().inode()), &[], &["1 ATTRIB"], &[]),
        (
            &|it| it.notifier.hooks().on_link_count(it.s.get().inode()),
            &[],
            &[],
            &["1 ATTRIB|ISDIR"],
        ),
    ];
    for (at, (hook, of_d, of_f, of_s)) in cases.iter().enumerate() {
        let stage = NotifyStage::new();
        let watchers = [&stage.d, &stage.f, &stage.s]
            .map(|object| stage.watcher(object, WatchMask::ALL_EVENTS));
        hook(&stage);
        let expected = [of_d, of_f, of_s];
        for (watcher, expected) in watchers.iter().zip(expected) {
            assert_eq!(delivered(watcher), **expected, "case {at}");
        }
    }
}

#[test]
fn an_event_of_the_root_goes_to_the_root_only() {
    let stage = NotifyStage::new();
    let watcher = stage.watcher(&stage.root, WatchMask::ALL_EVENTS);
    stage.notifier.hooks().on_open(stage.root.get());
    assert_eq!(delivered(&watcher), ["1 OPEN|ISDIR"]);
    stage.notifier.hooks().on_open(stage.d.get());
    assert_eq!(delivered(&watcher), ["1 OPEN|ISDIR d"]);
}

#[test]
fn a_rename_is_delivered_to_both_directories_and_both_inodes() {
    let stage = NotifyStage::new();
    let replaced = stage.file(&stage.e, "g");
    let [d, e, f, g, s] = [&stage.d, &stage.e, &stage.f, &replaced, &stage.s]
        .map(|object| stage.watcher(object, WatchMask::ALL_EVENTS));
    let rename = |moved: &DentryRef, replaced: Option<&DentryRef>| {
        let replaced = replaced.map(|it| it.get().inode());
        let (from, to) = (stage.d.get(), stage.e.get());
        stage.notifier.hooks().on_rename(from, b"f", to, b"g", moved.get().inode(), replaced);
    };
    rename(&stage.f, Some(&replaced));
    assert_eq!(delivered(&d), ["1 MOVED_FROM f cookie 1"]);
    assert_eq!(delivered(&e), ["1 MOVED_TO g cookie 1"]);
    assert_eq!(delivered(&g), ["1 ATTRIB"]);
    assert_eq!(delivered(&f), ["1 MOVE_SELF"]);
    rename(&stage.s, None);
    assert_eq!(delivered(&d), ["1 MOVED_FROM|ISDIR f cookie 2"]);
    assert_eq!(delivered(&e), ["1 MOVED_TO|ISDIR g cookie 2"]);
    assert_eq!(delivered(&s), ["1 MOVE_SELF"]);
    assert!(delivered(&g).is_empty());
}

#[test]
fn every_rename_uses_a_cookie_up() {
    let stage = NotifyStage::new();
    let rename = || {
        let (d, f) = (stage.d.get(), stage.f.get().inode());
        stage.notifier.hooks().on_rename(d, b"f", d, b"g", f, None);
    };
    rename();
    let watcher = stage.watcher(&stage.d, WatchMask::MOVED_FROM);
    rename();
    drop(watcher);
    let watcher = stage.watcher(&stage.d, WatchMask::MOVED_TO);
    rename();
    assert_eq!(delivered(&watcher), ["1 MOVED_TO g cookie 3"]);
    drop(watcher);
    let watcher = stage.watcher(&stage.d, WatchMask::MOVE);
    rename();
    let both = ["1 MOVED_FROM f cookie 4", "1 MOVED_TO g cookie 4"];
    assert_eq!(delivered(&watcher), both);
}

#[test]
fn the_last_reference_to_an_unlinked_file_reports_its_death() {
    for has_links in [false, true] {
        let stage = NotifyStage::new();
        let file = stage.file(&stage.d, "x");
        let watcher = stage.watcher(&file, WatchMask::ALL_EVENTS);
        let inode = file.inode_ref();
        inode.get().set_nlink(u32::from(has_links));
        drop(stage.notifier.unhash(file.get(), false).unwrap());
        drop(file.clone());
        assert!(delivered(&watcher).is_empty(), "a reference is left");
        drop(file);
        let death: &[&str] = if has_links { &[] } else { &["1 DELETE_SELF", "1 IGNORED"] };
        assert_eq!(delivered(&watcher), death);
        assert_eq!(watcher.watch_count(), usize::from(has_links));
        stage.verify();
    }
}

/// A chain of directories without names that only the last one keeps: each dies, the deepest first.
#[test]
fn unlinked_ancestors_die_with_their_last_child() {
    let stage = NotifyStage::new();
    let watcher = stage.inotify();
    let mut chain = vec![stage.make(&stage.root, "x", InodeKind::Directory)];
    for _ in 0..300 {
        let next = stage.make(chain.last().unwrap(), "x", InodeKind::Directory);
        chain.push(next);
    }
    for dir in &chain {
        watch(&watcher, dir, WatchMask::DELETE_SELF);
        dir.get().inode().set_nlink(0);
        drop(stage.notifier.unhash(dir.get(), false).unwrap());
    }
    let last = chain.pop().unwrap();
    drop(chain);
    assert_eq!(watcher.len(), 0);
    drop(last);
    let now = watcher.len();
    assert!((512..600).contains(&now), "a hook does a bounded part: {now}");
    stage.notifier.reap(|_, _, _| {});
    let events = delivered(&watcher);
    assert_eq!((events.len(), watcher.watch_count()), (602, 0));
    assert_eq!(events[0], "301 DELETE_SELF");
    assert_eq!(events[601], "1 IGNORED");
    stage.verify();
}

#[test]
fn an_unmount_ends_all_watches_of_its_file_system_and_no_others() {
    let stage = NotifyStage::new();
    let (other, other_root) = stage.notifier.add_superblock(1).unwrap();
    let watcher = stage.inotify();
    for object in [&stage.f, &stage.d, &other_root] {
        watch(&watcher, object, WatchMask::OPEN);
    }
    stage.notifier.on_unmount(&stage.superblock);
    let mut events = delivered(&watcher);
    events.sort();
    assert_eq!(events, ["1 IGNORED", "1 UNMOUNT", "2 IGNORED", "2 UNMOUNT|ISDIR"]);
    assert_eq!(watcher.watch_count(), 1);
    let again = watcher.add_watch(&stage.f.inode_ref(), WatchMask::OPEN).unwrap_err();
    assert_eq!(again.errno(), crate::base::errno::Errno::ENOENT);
    stage.notifier.hooks().on_open(stage.f.get());
    stage.notifier.hooks().on_open(other_root.get());
    assert_eq!(delivered(&watcher), ["3 OPEN|ISDIR"]);
    stage.verify();
    drop(other);
}

/// A hook with an object of another tree does nothing.
#[test]
fn hooks_ignore_objects_of_another_tree() {
    let (stage, other) = (NotifyStage::new(), NotifyStage::new());
    let theirs = [&other.d, &other.f].map(|object| other.watcher(object, WatchMask::ALL_EVENTS));
    let notifier = &stage.notifier;
    let (d, f) = (other.d.get(), other.f.get());
    notifier.hooks().on_open(f);
    notifier.hooks().on_attrib(f, EventMask::ATTRIB);
    notifier.hooks().on_create(d, b"n", f.inode());
    notifier.hooks().on_link_count(f.inode());
    notifier.hooks().on_rename(d, b"f", d, b"g", f.inode(), Some(f.inode()));
    notifier.on_unmount(&other.superblock);
    drop(other.f.clone());
    assert!(theirs.iter().all(Inotify::is_empty));
    other.notifier.hooks().on_open(f);
    assert!(theirs.iter().all(|watcher| watcher.len() == 1), "they are still watched");
}
