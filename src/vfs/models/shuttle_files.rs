//! Open files: written, cut, closed and unlinked by several at once.

use super::shuttle_harness::{
    VfsWorld, assert_ends_with_ignored, check, count, events, thread, together,
};
use crate::base::mask::EventMask;
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::inotify::WatchMask;
use crate::{Credentials, File, OpenFlags};

/// Two that append do not write over each other, and each write is reported. Fails (bytes are lost) if
/// `write_at` in `fs/memfs` finds the end of the file before it locks the data.
#[test]
fn shuttle_two_that_append_lose_nothing_and_are_reported() {
    check(|| {
        let world = VfsWorld::new();
        let inotify = world.inotify();
        world.watch(&inotify, "/a", WatchMask::MODIFY | WatchMask::CLOSE);
        let append = |text: &'static [u8]| {
            thread(&world, move |world| {
                let file = world.open("/a/f", OpenFlags::WRITE | OpenFlags::APPEND).unwrap();
                assert_eq!(file.write(text).unwrap(), text.len());
                file.close();
            })
        };
        together(vec![
            append(b"one"),
            append(b"three"),
            thread(&world, |world| {
                let file = world.open("/a/f", OpenFlags::READ).unwrap();
                let mut text = [0; 16];
                let len = file.read(&mut text).unwrap();
                assert!([0, 3, 5, 8].contains(&len), "half a write was read: {len}");
            }),
        ]);
        let file = world.open("/a/f", OpenFlags::READ).unwrap();
        let mut text = [0; 16];
        let len = file.read(&mut text).unwrap();
        assert!(matches!(&text[..len], b"onethree" | b"threeone"));
        drop(file);
        let reported = events(&inotify);
        let modified = count(&reported, EventMask::MODIFY, "f");
        // Equal neighbours are one event.
        assert!((1..=2).contains(&modified), "{reported:?}");
        let last_write = reported.iter().rposition(|event| event.1 == EventMask::MODIFY).unwrap();
        let closed = reported.iter().rposition(|event| event.1 == EventMask::CLOSE_WRITE).unwrap();
        assert!(last_write < closed, "{reported:?}");
        drop(inotify);
        VfsWorld::end(world);
    });
}

/// A file without a name goes on reporting to its directory and to itself, and dies with the last of
/// its three handles. Fails (no death) if `unlink_at` in `remove.rs` leaves the link count as it
/// was.
#[test]
fn shuttle_an_unlinked_file_dies_with_the_last_of_three_handles() {
    check(|| {
        let world = VfsWorld::new();
        let inotify = world.inotify();
        let file = world.watch(&inotify, "/a/f", WatchMask::ALL_EVENTS);
        let opened = world.open("/a/f", OpenFlags::WRITE).unwrap();
        let other = world.open("/a/f", OpenFlags::READ).unwrap();
        let twin = opened.dup();
        events(&inotify);
        together(vec![
            thread(&world, |world| world.vfs.unlink(&world.cx, "/a/f").unwrap()),
            thread(&world, move |_| {
                opened.write(b"x").unwrap();
                opened.close();
            }),
            thread(&world, move |_| drop(twin)),
            thread(&world, move |_| drop(other)),
        ]);
        let reported = events(&inotify);
        for (mask, times) in [
            (EventMask::MODIFY, 1),
            (EventMask::CLOSE_WRITE, 1),
            (EventMask::CLOSE_NOWRITE, 1),
            (EventMask::ATTRIB, 1),
            (EventMask::DELETE_SELF, 1),
        ] {
            assert_eq!(count(&reported, mask, ""), times, "{mask:?} in {reported:?}");
        }
        assert_eq!(reported[reported.len() - 2].1, EventMask::DELETE_SELF, "{reported:?}");
        assert_ends_with_ignored(&reported, file);
        drop(inotify);
        VfsWorld::end(world);
    });
}

/// A write strips the set-id bit that was set before it, also if another write of the description looks
/// for one meanwhile: the description remembers that there was none, and the state of the inode in which
/// that was so. Fails (the bit stays) if `change` in `attr.rs` does not count the change.
#[test]
fn shuttle_a_write_strips_the_set_id_bit_that_was_set_before_it() {
    check(|| {
        let world = VfsWorld::new();
        let file = guest_file(&world);
        let twin = file.dup();
        together(vec![
            thread(&world, move |_| {
                twin.write(b"x").unwrap();
            }),
            thread(&world, |world| world.vfs.chmod(&world.cx, "/a/f", 0o4777).unwrap()),
            thread(&world, |world| {
                let mode = world.vfs.stat(&world.cx, "/a/f").unwrap().mode;
                assert!(mode == 0o777 || mode == 0o4777, "{mode:?}");
            }),
        ]);
        file.write(b"y").unwrap();
        assert_eq!(file.stat().unwrap().mode, 0o777, "the bit was set before the write");
        drop(file);
        VfsWorld::end(world);
    });
}

/// No contents of a user without privileges come into a file after it has got a set-id bit, unless the bit
/// goes: strip and write are one step to `chmod`. Fails (the file grew, and the bit is there) if
/// `strip_then` in `set_id.rs` releases the lock before it writes.
#[test]
fn shuttle_a_set_id_bit_does_not_stay_on_contents_that_come_after_it() {
    check(|| {
        let world = VfsWorld::new();
        let (file, other) = (guest_file(&world), guest_file(&world));
        let append = |file: File| {
            thread(&world, move |_| {
                for _ in 0..2 {
                    file.write(b"x").unwrap();
                }
            })
        };
        let size_after = Arc::new(AtomicU64::new(u64::MAX));
        let seen = size_after.clone();
        together(vec![
            append(file),
            append(other),
            thread(&world, move |world| {
                for _ in 0..2 {
                    world.vfs.chmod(&world.cx, "/a/f", 0o4777).unwrap();
                }
                let size = world.vfs.stat(&world.cx, "/a/f").unwrap().size;
                seen.store(size, Ordering::Relaxed);
            }),
        ]);
        let stat = world.vfs.stat(&world.cx, "/a/f").unwrap();
        if stat.mode.contains(crate::Mode::SET_UID) {
            assert_eq!(stat.size, size_after.load(Ordering::Relaxed), "it grew after the chmod");
        }
        VfsWorld::end(world);
    });
}

/// The same for a write that takes a bit away itself. Fails (the file grew, and the bit is there) if `strip_then`
/// strips and writes under two holds (no `downgrade`).
#[test]
fn shuttle_a_write_that_strips_a_set_id_bit_is_one_step_to_chmod() {
    check(|| {
        let world = VfsWorld::new();
        let file = guest_file(&world);
        world.vfs.chmod(&world.cx, "/a/f", 0o4777).unwrap();
        let size_after = Arc::new(AtomicU64::new(u64::MAX));
        let seen = size_after.clone();
        together(vec![
            thread(&world, move |_| assert_eq!(file.write(b"x"), Ok(1))),
            thread(&world, move |world| {
                world.vfs.chmod(&world.cx, "/a/f", 0o4777).unwrap();
                let size = world.vfs.stat(&world.cx, "/a/f").unwrap().size;
                seen.store(size, Ordering::Relaxed);
            }),
        ]);
        let stat = world.vfs.stat(&world.cx, "/a/f").unwrap();
        if stat.mode.contains(crate::Mode::SET_UID) {
            assert_eq!(stat.size, size_after.load(Ordering::Relaxed), "it grew after the chmod");
        }
        VfsWorld::end(world);
    });
}

/// `/a/f` open for appending, by a user without privileges.
fn guest_file(world: &VfsWorld) -> File {
    world.vfs.chmod(&world.cx, "/a/f", 0o777).unwrap();
    let guest = world.cx.clone().with_credentials(Credentials::new(7, 7));
    world.vfs.open(&guest, "/a/f", OpenFlags::WRITE | OpenFlags::APPEND, 0).unwrap()
}
