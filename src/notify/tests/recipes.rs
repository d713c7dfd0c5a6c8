//! Recipes: the events that they report, their order, and the errors.

use super::*;
use crate::base::errno::Errno;
use crate::tree::InodeRef;

/// A stage, and an instance that watches all its objects for all events: 1 is the root, 2 to 5 are d, e, f and
/// s.
fn watched() -> (NotifyStage, Inotify) {
    let stage = NotifyStage::new();
    let inotify = stage.inotify();
    for object in [&stage.root, &stage.d, &stage.e, &stage.f, &stage.s] {
        watch(&inotify, object, WatchMask::ALL_EVENTS);
    }
    (stage, inotify)
}

fn inode(stage: &NotifyStage, kind: InodeKind, nlink: u32) -> InodeRef {
    let ino = stage.next_ino.replace(stage.next_ino.get() + 1);
    stage.notifier.tree().make_inode(&stage.superblock, InodeSpec { ino, kind, nlink }).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: crate::Result<T>) -> Errno {
    result.unwrap_err().errno()
}

#[test]
fn a_name_that_is_made_is_reported_to_its_directory() {
    let (stage, inotify) = watched();
    let file = inode(&stage, InodeKind::Regular, 1);
    let made = stage.notifier.hooks().create(stage.d.get(), b"n", file).unwrap();
    assert!(made.get().is_parent_watched() && made.get().is_hashed());
    let dir = inode(&stage, InodeKind::Directory, 2);
    stage.notifier.hooks().create(stage.d.get(), b"m", dir).unwrap();
    assert_eq!(delivered(&inotify), ["2 CREATE n", "2 CREATE|ISDIR m"]);
    let again = inode(&stage, InodeKind::Regular, 1);
    let refused = stage.notifier.hooks().create(stage.d.get(), b"n", again);
    assert_eq!(refusal(refused), Errno::EEXIST);
    assert!(inotify.is_empty());
    stage.verify();
}

#[test]
fn a_further_name_is_reported_to_the_inode_and_then_to_the_directory() {
    let (stage, inotify) = watched();
    let link = |name: &[u8], of: &DentryRef| {
        stage.notifier.hooks().link(stage.e.get(), name, of.inode_ref())
    };
    let linked = link(b"g", &stage.f).unwrap();
    assert_eq!(stage.f.get().inode().nlink(), 2);
    // The parent of the existing name gets no event.
    assert_eq!(delivered(&inotify), ["4 ATTRIB", "3 CREATE g"]);
    assert_eq!(refusal(link(b"h", &stage.s)), Errno::EPERM);
    assert_eq!(refusal(link(b"g", &stage.f)), Errno::EEXIST);
    assert_eq!((stage.f.get().inode().nlink(), inotify.len()), (2, 0), "a refusal changes nothing");
    stage.notifier.hooks().remove(linked).unwrap();
    assert_eq!(delivered(&inotify), ["4 ATTRIB", "3 DELETE g"]);
    stage.verify();
}

/// A temporary file gets its first name.
#[test]
fn a_file_without_a_name_is_not_dead_any_more_when_it_gets_one() {
    let (stage, inotify) = watched();
    let file = inode(&stage, InodeKind::Regular, 0);
    let open = stage.notifier.instantiate_unnamed(stage.d.get(), b"#9", file).unwrap();
    let own = stage.watcher(&open, WatchMask::DELETE_SELF);
    let linked = stage.notifier.hooks().link(stage.e.get(), b"g", open.inode_ref()).unwrap();
    assert_eq!(delivered(&inotify), ["3 CREATE g"]);
    drop(open);
    assert!(own.is_empty(), "it has a name");
    stage.notifier.hooks().remove(linked).unwrap();
    assert_eq!(delivered(&own), ["1 DELETE_SELF", "1 IGNORED"]);
    stage.verify();
}

#[test]
fn a_removed_file_dies_before_its_directory_gets_delete() {
    let (mut stage, inotify) = watched();
    let f = std::mem::replace(&mut stage.f, stage.root.clone());
    stage.notifier.hooks().remove(f).unwrap();
    assert_eq!(delivered(&inotify), ["4 ATTRIB", "4 DELETE_SELF", "4 IGNORED", "2 DELETE f"]);
    assert_eq!(stage.notifier.tree().negatives(), 1, "the name is known not to exist");
    stage.verify();
}

#[test]
fn a_file_that_is_removed_and_in_use_dies_with_its_last_reference() {
    let (stage, inotify) = watched();
    let open = stage.f.clone();
    stage.notifier.hooks().remove(stage.f.clone()).unwrap();
    assert_eq!(delivered(&inotify), ["4 ATTRIB", "2 DELETE f"]);
    assert_eq!(refusal(stage.notifier.hooks().remove(open)), Errno::ENOENT);
    assert!(inotify.is_empty());
    let NotifyStage { f, .. } = stage;
    drop(f);
    assert_eq!(delivered(&inotify), ["4 DELETE_SELF", "4 IGNORED"]);
}

#[test]
fn a_removed_directory_gets_no_attrib() {
    let (mut stage, inotify) = watched();
    let s = std::mem::replace(&mut stage.s, stage.root.clone());
    stage.notifier.hooks().remove(s).unwrap();
    let death = ["5 DELETE_SELF", "5 IGNORED", "2 DELETE|ISDIR s"];
    assert_eq!(delivered(&inotify), death);
    assert_eq!(refusal(stage.notifier.hooks().remove(stage.d.clone())), Errno::ENOTEMPTY);
    assert_eq!(refusal(stage.notifier.hooks().remove(stage.root.clone())), Errno::EBUSY);
    assert!(inotify.is_empty() && stage.d.get().is_hashed());
    stage.verify();
}

#[test]
fn a_move_is_reported_in_the_order_of_linux() {
    let (stage, inotify) = watched();
    let g = stage.file(&stage.e, "g");
    watch(&inotify, &g, WatchMask::ALL_EVENTS);
    stage.notifier.hooks().rename(stage.f.get(), stage.e.get(), b"g").unwrap();
    let moved = ["2 MOVED_FROM f cookie 1", "3 MOVED_TO g cookie 1", "6 ATTRIB", "4 MOVE_SELF"];
    assert_eq!(delivered(&inotify), moved, "what is replaced is in use");
    assert_eq!((g.get().inode().nlink(), stage.f.parent()), (0, Some(stage.e.clone())));
    drop(g);
    assert_eq!(delivered(&inotify), ["6 DELETE_SELF", "6 IGNORED"]);
    drop(stage.file(&stage.d, "h"));
    stage.notifier.hooks().rename(stage.f.get(), stage.d.get(), b"h").unwrap();
    assert_eq!(delivered(&inotify).len(), 3, "nothing else referred to what was replaced");
    stage.verify();
}

#[test]
fn a_replaced_file_dies_after_all_other_events_of_the_move() {
    let (stage, inotify) = watched();
    let g = stage.file(&stage.e, "g");
    watch(&inotify, &g, WatchMask::DELETE_SELF);
    drop(g);
    stage.notifier.hooks().rename(stage.f.get(), stage.e.get(), b"g").unwrap();
    let events = delivered(&inotify);
    assert_eq!(events[2..], ["4 MOVE_SELF", "6 DELETE_SELF", "6 IGNORED"]);
    stage.verify();
}

#[test]
fn a_move_that_changes_nothing_or_is_refused_reports_nothing() {
    let (stage, inotify) = watched();
    let rename = |dentry: &DentryRef, dir: &DentryRef, name: &[u8]| {
        stage.notifier.hooks().rename(dentry.get(), dir.get(), name)
    };
    rename(&stage.f, &stage.d, b"f").unwrap();
    let _alias = stage.notifier.hooks().link(stage.e.get(), b"g", stage.f.inode_ref()).unwrap();
    delivered(&inotify);
    rename(&stage.f, &stage.e, b"g").unwrap();
    assert_eq!(stage.f.parent().as_ref(), Some(&stage.d), "two names of one file stay as they are");
    assert_eq!(refusal(rename(&stage.d, &stage.s, b"x")), Errno::EINVAL);
    assert_eq!(refusal(rename(&stage.root, &stage.d, b"x")), Errno::EBUSY);
    assert_eq!(refusal(rename(&stage.e, &stage.root, b"d")), Errno::ENOTEMPTY);
    let gone = stage.file(&stage.e, "gone");
    drop(stage.notifier.unhash(gone.get(), false).unwrap());
    assert_eq!(refusal(rename(&gone, &stage.e, b"x")), Errno::ENOENT);
    assert!(inotify.is_empty());
    stage.verify();
}

#[test]
fn a_directory_replaces_an_empty_one() {
    let (stage, inotify) = watched();
    stage.notifier.hooks().rename(stage.e.get(), stage.d.get(), b"s").unwrap();
    let moved = [
        "1 MOVED_FROM|ISDIR e cookie 1",
        "2 MOVED_TO|ISDIR s cookie 1",
        "5 ATTRIB|ISDIR",
        "3 MOVE_SELF",
    ];
    assert_eq!(delivered(&inotify), moved);
    assert_eq!(stage.s.get().inode().nlink(), 0);
    stage.verify();
}

#[test]
fn an_exchange_is_two_moves_that_replace_nothing() {
    let (stage, inotify) = watched();
    stage.notifier.hooks().exchange(stage.f.get(), stage.e.get()).unwrap();
    let moves = [
        "2 MOVED_FROM f cookie 1",
        "1 MOVED_TO e cookie 1",
        "4 MOVE_SELF",
        "1 MOVED_FROM|ISDIR e cookie 2",
        "2 MOVED_TO|ISDIR f cookie 2",
        "3 MOVE_SELF",
    ];
    assert_eq!(delivered(&inotify), moves);
    assert_eq!(
        refusal(stage.notifier.hooks().exchange(stage.f.get(), stage.root.get())),
        Errno::EBUSY
    );
    assert!(inotify.is_empty());
    stage.verify();
}

#[test]
fn an_exchange_of_two_names_of_one_file_reports_nothing() {
    let (stage, inotify) = watched();
    let alias = stage.notifier.hooks().link(stage.e.get(), b"g", stage.f.inode_ref()).unwrap();
    delivered(&inotify);
    for (one, two) in
        [(&stage.f, &alias), (&alias, &stage.f), (&stage.f, &stage.f), (&stage.d, &stage.d)]
    {
        stage.notifier.hooks().exchange(one.get(), two.get()).unwrap();
    }
    assert_eq!((alias.get().name().as_bytes(), alias.parent()), (&b"g"[..], Some(stage.e.clone())));
    let gone = stage.file(&stage.e, "gone");
    drop(stage.notifier.unhash(gone.get(), false).unwrap());
    assert_eq!(refusal(stage.notifier.hooks().exchange(gone.get(), gone.get())), Errno::ENOENT);
    assert!(inotify.is_empty());
    stage.verify();
}

#[test]
fn a_directory_that_was_removed_takes_no_name() {
    let (stage, inotify) = watched();
    stage.notifier.hooks().remove(stage.s.clone()).unwrap();
    delivered(&inotify);
    let into = stage.s.get();
    let new = inode(&stage, InodeKind::Regular, 1);
    assert_eq!(refusal(stage.notifier.hooks().create(into, b"n", new)), Errno::ENOENT);
    let new = inode(&stage, InodeKind::Directory, 2);
    assert_eq!(refusal(stage.notifier.hooks().create(into, b"n", new)), Errno::ENOENT);
    assert_eq!(
        refusal(stage.notifier.hooks().link(into, b"n", stage.f.inode_ref())),
        Errno::ENOENT
    );
    assert_eq!(refusal(stage.notifier.hooks().rename(stage.f.get(), into, b"n")), Errno::ENOENT);
    assert_eq!(refusal(stage.notifier.hooks().rename(stage.e.get(), into, b"n")), Errno::ENOENT);
    assert_eq!((stage.f.get().inode().nlink(), stage.f.parent()), (1, Some(stage.d.clone())));
    assert!(inotify.is_empty() && !stage.notifier.tree().has_children(into));
    // A directory that a move has replaced counts as removed.
    let replaced =
        stage.notifier.hooks().create(stage.d.get(), b"s", inode(&stage, InodeKind::Directory, 2));
    let replaced = replaced.unwrap();
    stage.notifier.hooks().rename(stage.e.get(), stage.d.get(), b"s").unwrap();
    delivered(&inotify);
    let new = inode(&stage, InodeKind::Regular, 1);
    assert_eq!(refusal(stage.notifier.hooks().create(replaced.get(), b"n", new)), Errno::ENOENT);
    assert!(inotify.is_empty());
    stage.verify();
}

#[test]
fn a_directory_and_something_else_do_not_replace_each_other() {
    let (stage, inotify) = watched();
    let rename = |dentry: &DentryRef, name: &[u8]| {
        stage.notifier.hooks().rename(dentry.get(), stage.d.get(), name)
    };
    assert_eq!(refusal(rename(&stage.e, b"f")), Errno::ENOTDIR);
    assert_eq!(refusal(rename(&stage.f, b"s")), Errno::EISDIR);
    assert_eq!((stage.s.get().inode().nlink(), stage.f.get().inode().nlink()), (2, 1));
    assert!(inotify.is_empty());
    stage.verify();
}

/// Linux's order of the checks: a move into itself, a target above, the kinds, the names.
#[test]
fn a_refused_rename_gets_the_errno_that_linux_finds_first() {
    let (stage, inotify) = watched();
    let (root, d, s) = (&stage.root, &stage.d, &stage.s);
    let inner = stage.make(s, "t", InodeKind::Directory);
    let rename = |dentry: &DentryRef, dir: &DentryRef, name: &[u8]| {
        refusal(stage.notifier.hooks().rename(dentry.get(), dir.get(), name))
    };
    let _ = inotify.drain();
    // A file over a directory with names in it, beside it and above it.
    assert_eq!(rename(&stage.f, d, b"s"), Errno::EISDIR);
    assert_eq!(rename(&stage.f, root, b"d"), Errno::ENOTEMPTY);
    // A directory over one with names in it, beside it, above it, and into itself.
    assert_eq!(rename(&stage.e, d, b"s"), Errno::ENOTEMPTY);
    assert_eq!(rename(&inner, root, b"d"), Errno::ENOTEMPTY);
    assert_eq!(rename(d, d, b"s"), Errno::EINVAL);
    // A directory over a file below itself.
    assert_eq!(rename(d, d, b"f"), Errno::EINVAL);
    // A file over a directory of another superblock.
    let (other, other_root) = stage.notifier.add_superblock(1).unwrap();
    let spec = InodeSpec::new(2, InodeKind::Directory, 2);
    let inode = stage.notifier.tree().make_inode(&other, spec).unwrap();
    let there = stage.notifier.instantiate(other_root.get(), b"d", inode).unwrap();
    assert_eq!(rename(&stage.f, &other_root, b"d"), Errno::EXDEV);
    drop(there);
    assert!(inotify.is_empty());
    stage.verify();
}
