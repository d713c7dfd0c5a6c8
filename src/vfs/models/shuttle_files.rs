//! Open files: written, cut, closed and unlinked by several at once.

use super::shuttle_harness::{
    World, assert_ends_with_ignored, check, count, events, thread, together,
};
use crate::base::mask::EventMask;
use crate::inotify::WatchMask;
use crate::{Credentials, OpenFlags};

/// Two that append do not write over each other, and each write is heard. Fails (bytes are lost) if
/// `write_at` in `fs/memfs` finds the end of the file before it locks the data.
#[test]
fn shuttle_two_that_append_lose_nothing_and_are_heard() {
    check(|| {
        let world = World::new();
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
        let heard = events(&inotify);
        let modified = count(&heard, EventMask::MODIFY, "f");
        // Equal neighbours are one event.
        assert!((1..=2).contains(&modified), "{heard:?}");
        let last_write = heard.iter().rposition(|event| event.1 == EventMask::MODIFY).unwrap();
        let closed = heard.iter().rposition(|event| event.1 == EventMask::CLOSE_WRITE).unwrap();
        assert!(last_write < closed, "{heard:?}");
        drop(inotify);
        World::end(world);
    });
}

/// A file without a name goes on reporting to its directory and to itself, and dies with the last of
/// its three handles. Fails (no death) if `unlink_at` in `remove.rs` leaves the link count as it
/// was.
#[test]
fn shuttle_an_unlinked_file_dies_with_the_last_of_three_handles() {
    check(|| {
        let world = World::new();
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
        let heard = events(&inotify);
        for (mask, times) in [
            (EventMask::MODIFY, 1),
            (EventMask::CLOSE_WRITE, 1),
            (EventMask::CLOSE_NOWRITE, 1),
            (EventMask::ATTRIB, 1),
            (EventMask::DELETE_SELF, 1),
        ] {
            assert_eq!(count(&heard, mask, ""), times, "{mask:?} in {heard:?}");
        }
        assert_eq!(heard[heard.len() - 2].1, EventMask::DELETE_SELF, "{heard:?}");
        assert_ends_with_ignored(&heard, file);
        drop(inotify);
        World::end(world);
    });
}

/// A write strips the set-id bit that was set before it, whoever was looking for one meanwhile: an open
/// file remembers that there was none, and in which state of all files that was. Fails (the bit stays) if
/// `look_at_set_ids` in `read_write.rs` remembers the state that there is after its look.
#[test]
fn shuttle_a_write_strips_the_set_id_bit_that_was_set_before_it() {
    check(|| {
        let world = World::new();
        world.vfs.chmod(&world.cx, "/a/f", 0o777).unwrap();
        let guest = world.cx.clone().with_credentials(Credentials::new(7, 7));
        let file = world.vfs.open(&guest, "/a/f", OpenFlags::WRITE, 0).unwrap();
        drop(guest);
        let other = file.dup();
        together(vec![
            thread(&world, move |_| {
                other.write(b"x").unwrap();
            }),
            thread(&world, |world| world.vfs.chmod(&world.cx, "/a/f", 0o4777).unwrap()),
            thread(&world, |world| {
                let mode = world.vfs.stat(&world.cx, "/a/f").unwrap().mode & 0o7777;
                assert!([0o777, 0o4777].contains(&mode), "{mode:o}");
            }),
        ]);
        file.write(b"y").unwrap();
        assert_eq!(file.stat().unwrap().mode & 0o7777, 0o777, "the bit was set before the write");
        drop(file);
        World::end(world);
    });
}
