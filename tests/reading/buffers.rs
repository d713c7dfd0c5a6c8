//! Buffers of every size, and what is in them.

use vfsnotify::inotify::{Decoded, Event, WatchMask, decode};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{Errno, EventMask, RenameFlags};

use super::world::{World, kind};

/// The room of an event in a buffer: a name has a NUL and is padded to 16 bytes.
fn size_of(name: usize) -> usize {
    16 + if name == 0 { 0 } else { (name + 1).next_multiple_of(16) }
}

#[test]
fn a_buffer_of_any_size_gets_whole_events_in_order_or_leaves_them_all() {
    let world = World::new();
    world.dir("/d");
    let paths: Vec<String> = (0..=255)
        .map(|len| if len == 0 { "/d".to_owned() } else { format!("/d/{}", "n".repeat(len)) })
        .collect();
    paths[1..].iter().for_each(|path| world.file(path));
    let inotify = world.inotify();
    let wd = world.watch(&inotify, "/d", WatchMask::ATTRIB);
    for size in 0..=600 {
        paths.iter().for_each(|path| world.chmod(path));
        assert_eq!(inotify.readable_bytes(), (0..=255).map(size_of).sum::<usize>());
        let mut next = 0;
        while next <= 255 {
            let before = (inotify.len(), inotify.readable_bytes());
            let mut buf = vec![0xee; size];
            let len = match inotify.read(&mut buf) {
                Ok(len) => len,
                Err(error) => {
                    assert_eq!(error.errno(), Errno::EINVAL);
                    assert!(size < size_of(next), "{size} is enough for a name of {next}");
                    assert_eq!((inotify.len(), inotify.readable_bytes()), before);
                    assert!(buf.iter().all(|byte| *byte == 0xee), "nothing was written");
                    buf.resize(size_of(next), 0);
                    inotify.read(&mut buf).expect("it fits now")
                }
            };
            assert_eq!(inotify.readable_bytes(), before.1 - len);
            let events = decode(&buf[..len]).expect("whole events");
            for event in &events {
                assert_eq!(event.wd, wd);
                assert_eq!(event.mask & EventMask::ATTRIB, EventMask::ATTRIB);
                assert_eq!(event.name.len(), next, "with {size} bytes");
                next += 1;
            }
            let left = buf.len() - len;
            assert!(next > 255 || left < size_of(next), "one more would have fitted into {size}");
            assert!(!events.is_empty());
        }
        assert_eq!(kind(inotify.read(&mut vec![0; size])), Errno::EAGAIN);
    }
}

#[test]
fn decoded_bytes_equal_the_events_of_a_twin_instance() {
    let limits = Limits::default().with_max_queued_events(20);
    let world = World::with(NotifyConfig::default().with_limits(limits));
    let (bytes, typed) = (world.inotify(), world.inotify());
    world.dir("/d");
    world.file("/d/f");
    for inotify in [&bytes, &typed] {
        world.watch(inotify, "/", WatchMask::ALL_EVENTS);
        world.watch(inotify, "/d", WatchMask::ALL_EVENTS);
        world.watch(inotify, "/d/f", WatchMask::ALL_EVENTS | WatchMask::ONESHOT);
    }
    let long = format!("/d/{}", "n".repeat(255));
    let no_flags = RenameFlags::empty();
    let mut overflows = Vec::new();
    for round in 0..6 {
        world.chmod("/d/f");
        world.vfs.rename(&world.cx, "/d/f", &long, no_flags).expect("there");
        world.vfs.rename(&world.cx, &long, "/d/f", no_flags).expect("back");
        world.vfs.list(&world.cx, "/d").expect("a listing");
        world.dir("/d/sub");
        world.vfs.rmdir(&world.cx, "/d/sub").expect("an end");
        // One round fits into the queue, two or more do not.
        if ![0, 2, 5].contains(&round) {
            continue;
        }
        let mut buf = vec![0; 16 * 1024];
        let len = bytes.read(&mut buf).expect("events");
        let ours = decode(&buf[..len]).expect("whole events");
        let theirs: Vec<Decoded> = typed.drain().into_iter().map(as_decoded).collect();
        assert_eq!(ours, theirs);
        assert!(ours.len() > 5);
        overflows.push(ours.iter().any(|event| event.wd == -1));
    }
    assert_eq!(overflows, [false, true, true]);
    assert_eq!(bytes.stats(), typed.stats());
}

fn as_decoded(event: Event) -> Decoded {
    match event {
        Event::Fs(event) => Decoded::new(event.wd.as_raw(), event.mask, event.cookie, event.name),
        Event::Overflow { lost } => {
            assert_ne!(lost, 0);
            Decoded::new(-1, EventMask::Q_OVERFLOW, 0, b"")
        }
    }
}

/// Merged and lost events do not move a barrier.
#[test]
fn a_barrier_is_passed_when_everything_before_it_has_been_read() {
    let world = World::new();
    let inotify = world.watch_root();
    let empty = inotify.flush();
    assert!(inotify.has_passed(empty), "nothing was before it");
    world.file("/a");
    world.file("/b");
    let two = inotify.flush();
    world.file("/c");
    let three = inotify.flush();
    assert!(two < three);
    assert!(!inotify.has_passed(two));
    inotify.next().expect("it is open");
    assert!(!inotify.has_passed(two));
    inotify.next().expect("it is open");
    assert!(inotify.has_passed(two) && !inotify.has_passed(three));
    inotify.read(&mut [0; 64]).expect("an event");
    assert!(inotify.has_passed(three));
    assert_eq!(inotify.flush(), three, "nothing has happened since");
}
