//! Open files: written, cut, closed and unlinked by several at once.

use super::shuttle_harness::{
    World, assert_ends_with_ignored, check, count, events, thread, together,
};
use crate::OpenFlags;
use crate::base::mask::EventMask;
use crate::inotify::WatchMask;

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
/// its three handles. Fails (a death too early, or none) if `bury` in `hooks.rs` goes by the link
/// count alone, or `unlink_at` leaves the count as it was.
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
