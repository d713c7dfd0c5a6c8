//! Names: made, removed and moved by several at once.

use super::shuttle_harness::{
    VfsWorld, assert_ends_with_ignored, check, count, events, expect, thread, together,
};
use crate::base::errno::Errno;
use crate::base::mask::EventMask;
use crate::base::sync::{Arc, AtomicUsize, Ordering};
use crate::inotify::WatchMask;
use crate::{Context, OpenFlags, RenameFlags};

/// One name is made once, and the other thread reports nothing (G12). Fails (more
/// events than names) if `create_in` in `create.rs` calls its hook before the file system has agreed.
#[test]
fn shuttle_a_name_that_four_make_at_once_is_made_and_reported_once() {
    check(|| {
        let world = VfsWorld::new();
        let inotify = world.inotify();
        world.watch(&inotify, "/b", WatchMask::CREATE | WatchMask::MOVED_TO);
        let made = Arc::new(AtomicUsize::new(0));
        let make = |body: fn(&VfsWorld) -> crate::Result<()>| {
            let made = made.clone();
            thread(&world, move |world| {
                if expect(body(world), &[Errno::EEXIST]) {
                    made.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        together(vec![
            make(|world| world.vfs.mkdir(&world.cx, "/b/x", 0o755)),
            make(|world| {
                let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
                world.open("/b/x", flags).map(drop)
            }),
            make(|world| world.vfs.rename(&world.cx, "/a/f", "/b/x", RenameFlags::NOREPLACE)),
            make(|world| world.vfs.symlink(&world.cx, "/a", "/b/x")),
        ]);
        assert_eq!(made.load(Ordering::Relaxed), 1);
        let events = events(&inotify);
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].2, "x");
        drop((inotify, made));
        VfsWorld::end(world);
    });
}

/// Of a file that is unlinked, replaced by a rename and open at the same time, the death is told once
/// and last. Fails (two deaths, or none) if `unlink_at` in `remove.rs` takes no link lock, and if
/// `move_locked` in `rename.rs` takes none.
#[test]
fn shuttle_a_file_that_is_unlinked_and_replaced_and_closed_dies_once() {
    check(|| {
        let world = VfsWorld::new();
        world.vfs.link(&world.cx, "/a/f", "/b/l").unwrap();
        world.make("/b/g").unwrap();
        let (inotify, dirs) = (world.inotify(), world.inotify());
        world.watch(&inotify, "/a/f", WatchMask::DELETE_SELF | WatchMask::CLOSE_WRITE);
        world.watch(&dirs, "/a", WatchMask::DELETE);
        world.watch(&dirs, "/b", WatchMask::MOVE);
        together(vec![
            thread(&world, |world| world.vfs.unlink(&world.cx, "/a/f").unwrap()),
            thread(&world, |world| world.rename("/b/g", "/b/l").unwrap()),
            thread(&world, |world| {
                let Ok(file) = world.open("/a/f", OpenFlags::WRITE) else { return };
                file.write(b"last words").unwrap();
                file.close();
            }),
        ]);
        let reported = events(&inotify);
        let deaths = count(&reported, EventMask::DELETE_SELF, "");
        assert_eq!(deaths, 1, "{reported:?}");
        let [.., death, ignored] = &reported[..] else { panic!("{reported:?}") };
        assert_eq!((death.1, ignored.1), (EventMask::DELETE_SELF, EventMask::IGNORED));
        let reported = events(&dirs);
        assert_eq!(count(&reported, EventMask::DELETE, "f"), 1);
        assert_eq!(count(&reported, EventMask::MOVED_TO, "l"), 1);
        drop((inotify, dirs));
        VfsWorld::end(world);
    });
}

/// A link that is made while the names of its file go either is too late, or keeps the file. Fails (no
/// death where there is one) if `unlink_at` in `remove.rs` takes no link lock.
#[test]
fn shuttle_a_link_to_a_file_that_loses_its_names_keeps_it_or_is_refused() {
    check(|| {
        let world = VfsWorld::new();
        world.vfs.link(&world.cx, "/a/f", "/b/l").unwrap();
        let inotify = world.inotify();
        let wd = world.watch(&inotify, "/a/f", WatchMask::DELETE_SELF);
        let linked = Arc::new(AtomicUsize::new(0));
        together(vec![
            thread(&world, |world| world.vfs.unlink(&world.cx, "/a/f").unwrap()),
            thread(&world, |world| world.vfs.unlink(&world.cx, "/b/l").unwrap()),
            thread(&world, {
                let linked = linked.clone();
                move |world| {
                    let made = world.vfs.link(&world.cx, "/a/f", "/b/m");
                    linked.store(usize::from(expect(made, &[Errno::ENOENT])), Ordering::Relaxed);
                }
            }),
        ]);
        let linked = linked.load(Ordering::Relaxed) == 1;
        let reported = events(&inotify);
        if linked {
            assert_eq!(reported, [], "it has a name");
            world.vfs.unlink(&world.cx, "/b/m").unwrap();
            assert_ends_with_ignored(&events(&inotify), wd);
        } else {
            assert_ends_with_ignored(&reported, wd);
        }
        drop(inotify);
        VfsWorld::end(world);
    });
}

/// No two renames make a directory its own ancestor: every walk down or up comes to an end. The two
/// have no directory lock in common. Fails (both succeed) if `rename_lasts` in `rename.rs` does not take
/// the rename lock.
#[test]
fn shuttle_two_directories_are_not_moved_into_each_other() {
    check(|| {
        let world = VfsWorld::new();
        for dir in ["/a/p", "/b/q"] {
            world.vfs.mkdir(&world.cx, dir, 0o755).unwrap();
        }
        let moves = Arc::new(AtomicUsize::new(0));
        let rename = |old: &'static str, new: &'static str| {
            let moves = moves.clone();
            thread(&world, move |world| {
                // EINVAL: it would be below itself. ENOENT: its new parent has moved away.
                if expect(world.rename(old, new), &[Errno::EINVAL, Errno::ENOENT]) {
                    moves.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        together(vec![
            rename("/a/p", "/b/q/p"),
            rename("/b/q", "/a/p/q"),
            thread(&world, |world| {
                for path in ["/a/p/q/../..", "/b/q/p/../.."] {
                    expect(world.vfs.stat(&world.cx, path), &[Errno::ENOENT]);
                }
            }),
        ]);
        assert_eq!(moves.load(Ordering::Relaxed), 1);
        drop(moves);
        VfsWorld::end(world);
    });
}

/// No `..` leads out of a root, from a directory that moves out of it and back. Fails (the other directory
/// is found) if `is_below_root` in `confine.rs` accepts a claim of another count of moves, and if `climb` in
/// `ancestor_query.rs` does not compare the counts at its end.
#[test]
fn shuttle_a_directory_that_moves_out_of_a_root_and_back_leads_nowhere_else() {
    check(|| {
        let world = VfsWorld::new();
        for dir in ["/a/p", "/a/p/q"] {
            world.vfs.mkdir(&world.cx, dir, 0o755).unwrap();
        }
        let jail = world.cx.clone().with_root(&world.vfs, "/a").unwrap();
        let mut deep = jail.clone();
        deep.chdir(&world.vfs, "/p/q").unwrap();
        let root = world.vfs.stat(&jail, "/").unwrap().ino;
        let stat = |cx: Context, path: &'static str| {
            thread(&world, move |world| {
                let found = world.vfs.stat(&cx, path).map(|found| found.ino);
                match found {
                    Ok(ino) => assert_eq!(ino, root),
                    Err(error) => {
                        expect(Err::<(), _>(error), &[Errno::ENOENT, Errno::EAGAIN]);
                    }
                }
            })
        };
        together(vec![
            stat(jail, "/p/q/../.."),
            stat(deep, "../.."),
            thread(&world, |world| {
                world.rename("/a/p", "/b/p").unwrap();
                world.rename("/b/p", "/a/p").unwrap();
            }),
        ]);
        VfsWorld::end(world);
    });
}

/// A directory is removed or gets a child, and not both. Fails (made and removed) if
/// `lock_for_new` in `create.rs` and `rename_lasts` do not ask whether the directory is dead, on a file
/// system that does not ask either; with `MemFs`, which does, `check_room` in
/// `fs/memfs/dir.rs` must not either.
#[test]
fn shuttle_nothing_is_made_in_a_directory_that_was_removed() {
    check(|| {
        let world = VfsWorld::new();
        let inotify = world.inotify();
        let wd = world.watch(&inotify, "/b", WatchMask::ALL_EVENTS);
        let made = Arc::new(AtomicUsize::new(0));
        let removed = Arc::new(AtomicUsize::new(0));
        together(vec![
            thread(&world, {
                let removed = removed.clone();
                move |world| {
                    let gone = expect(world.vfs.rmdir(&world.cx, "/b"), &[Errno::ENOTEMPTY]);
                    removed.fetch_add(usize::from(gone), Ordering::Relaxed);
                }
            }),
            thread(&world, {
                let made = made.clone();
                move |world| {
                    let new = expect(world.make("/b/g"), &[Errno::ENOENT]);
                    made.fetch_add(usize::from(new), Ordering::Relaxed);
                }
            }),
            thread(&world, {
                let made = made.clone();
                move |world| {
                    let moved = expect(world.rename("/a/f", "/b/f"), &[Errno::ENOENT]);
                    made.fetch_add(usize::from(moved), Ordering::Relaxed);
                }
            }),
        ]);
        let (made, removed) = (made.load(Ordering::Relaxed), removed.load(Ordering::Relaxed));
        assert_eq!(removed == 1, made == 0, "{made} made, {removed} removed");
        let reported = events(&inotify);
        if removed == 1 {
            assert_eq!(count(&reported, EventMask::CREATE, "g"), 0, "{reported:?}");
            assert_eq!(count(&reported, EventMask::DELETE_SELF, ""), 1, "{reported:?}");
            assert_ends_with_ignored(&reported, wd);
        } else {
            let new = count(&reported, EventMask::CREATE, "g");
            let moved = count(&reported, EventMask::MOVED_TO, "f");
            assert_eq!(new + moved, made, "{reported:?}");
        }
        drop(inotify);
        VfsWorld::end(world);
    });
}

/// G9. The name in an event is one that the file had in that directory, however it is moved about.
/// Fails (a neighbour's name) if `match_parent` in `notify/parent.rs` does not look at the link again under the
/// lock.
#[test]
fn shuttle_g9_the_name_in_an_event_is_one_that_the_file_had_in_that_directory() {
    check(|| {
        let world = VfsWorld::new();
        world.make("/b/g").unwrap();
        // Takes the place in the array that `f` leaves; no thread touches it.
        world.make("/a/n").unwrap();
        let inotify = world.inotify();
        let a = world.watch(&inotify, "/a", WatchMask::MODIFY | WatchMask::ATTRIB);
        let b = world.watch(&inotify, "/b", WatchMask::MODIFY | WatchMask::ATTRIB);
        let (f, g) = ("/a/f", "/b/g");
        let write = |path: &'static str| {
            let file = world.open(path, OpenFlags::WRITE).unwrap();
            thread(&world, move |_| {
                for byte in [b"1", b"2"] {
                    file.write(byte).unwrap();
                }
            })
        };
        together(vec![
            write(f),
            write(g),
            thread(&world, move |world| {
                world.vfs.rename(&world.cx, f, g, RenameFlags::EXCHANGE).unwrap();
                world.rename(f, "/b/h").unwrap();
            }),
        ]);
        let reported = events(&inotify);
        let known = [(a, "f"), (b, "h"), (b, "g")];
        for (wd, mask, name) in &reported {
            assert_eq!(*mask, EventMask::MODIFY);
            assert!(known.contains(&(*wd, name)), "{name} in {wd}: {reported:?}");
        }
        // Equal neighbours are one, and both files may be written to as `/a/f`.
        assert!((1..=4).contains(&reported.len()), "{reported:?}");
        drop(inotify);
        VfsWorld::end(world);
    });
}

/// G10. Two renames and a reader: each MOVED_FROM is followed by its MOVED_TO, or is the last that the
/// reader took. Fails if `send_to_group` in `dispatch.rs` takes the queue's lock once for each part.
#[test]
fn shuttle_g10_the_two_events_of_each_rename_are_adjacent_for_a_reader() {
    check(|| {
        let world = VfsWorld::new();
        world.make("/b/g").unwrap();
        let inotify = world.inotify();
        world.watch(&inotify, "/a", WatchMask::MOVE);
        world.watch(&inotify, "/b", WatchMask::MOVE);
        let taken = Arc::new(crate::base::sync::Mutex::<_, 0>::new(Vec::new()));
        together(vec![
            thread(&world, |world| world.rename("/a/f", "/b/f").unwrap()),
            thread(&world, |world| world.rename("/b/g", "/a/g").unwrap()),
            thread(&world, {
                let (inotify, taken) = (inotify.clone(), taken.clone());
                move |_| {
                    let first = inotify.drain();
                    assert_eq!(first.len() % 2, 0, "half a rename was to be seen: {first:?}");
                    taken.lock().extend(first);
                }
            }),
        ]);
        let mut all = std::mem::take(&mut *taken.lock());
        all.extend(inotify.drain());
        let all: Vec<_> = all.iter().map(|event| event.fs_event().unwrap()).collect();
        assert_eq!(all.len(), 4, "{all:?}");
        for half in all.chunks(2) {
            let [from, to] = half else { unreachable!("an even number") };
            assert_eq!(from.mask, EventMask::MOVED_FROM, "{all:?}");
            assert_eq!(to.mask, EventMask::MOVED_TO, "{all:?}");
            assert_eq!((from.cookie, &from.name), (to.cookie, &to.name), "{all:?}");
        }
        assert_ne!(all[0].cookie, all[2].cookie, "each rename has a cookie of its own");
        drop((inotify, taken));
        VfsWorld::end(world);
    });
}

/// A rename over a directory, its removal and a new child: what is replaced is empty and dies once.
/// Fails (a reference is put twice, or never) if `put` in `ref_state.rs` loads and stores.
#[test]
fn shuttle_a_directory_that_is_replaced_is_empty_and_dies_once() {
    check(|| {
        let world = VfsWorld::new();
        world.vfs.mkdir(&world.cx, "/c", 0o755).unwrap();
        let inotify = world.inotify();
        let wd = world.watch(&inotify, "/b", WatchMask::DELETE_SELF);
        let ways = [Errno::ENOENT, Errno::ENOTEMPTY, Errno::EBUSY];
        together(vec![
            thread(&world, move |world| {
                expect(world.rename("/c", "/b"), &ways);
            }),
            thread(&world, move |world| {
                expect(world.vfs.rmdir(&world.cx, "/b"), &ways);
            }),
            thread(&world, move |world| {
                expect(world.make("/b/g"), &ways);
            }),
        ]);
        let reported = events(&inotify);
        if !reported.is_empty() {
            assert_eq!(count(&reported, EventMask::DELETE_SELF, ""), 1, "{reported:?}");
            assert_ends_with_ignored(&reported, wd);
        }
        drop(inotify);
        VfsWorld::end(world);
    });
}
