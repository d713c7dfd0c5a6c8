//! Reading an instance: waiting, cancelling, sharing, buffers of every size, watches in the making.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, select, unbounded};
use vfsnotify::inotify::{Cancel, Decoded, Event, Inotify, WatchDescriptor, WatchMask, decode};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    Clock, Context, ErrorKind, EventMask, InodeKind, MemFs, Pace, RenameFlags, Timestamp, Vfs,
};

/// Long enough for a thread to begin to wait.
const A_WHILE: Duration = Duration::from_millis(30);
/// So long that a test fails if it is waited for.
const FOREVER: Duration = Duration::from_secs(60);

struct World {
    vfs: Vfs,
    cx: Context,
}

impl World {
    fn new() -> Self {
        Self::with(NotifyConfig::default())
    }

    fn with(notify: NotifyConfig) -> Self {
        let vfs = Vfs::builder().notify(notify).build(MemFs::new()).expect("a VFS");
        let cx = vfs.context();
        Self { vfs, cx }
    }

    fn inotify(&self) -> Inotify {
        self.vfs.inotify(&self.cx).expect("an instance")
    }

    fn watch(&self, inotify: &Inotify, path: &str, mask: WatchMask) -> i32 {
        self.vfs.add_watch(&self.cx, inotify, path, mask).expect("a watch").as_raw()
    }

    /// An instance that hears of everything made in the root.
    fn hearing(&self) -> Inotify {
        let inotify = self.inotify();
        self.watch(&inotify, "/", WatchMask::CREATE);
        inotify
    }

    fn dir(&self, path: &str) {
        self.vfs.mkdir(&self.cx, path, 0o755).expect("a new directory");
    }

    fn file(&self, path: &str) {
        self.vfs.mknod(&self.cx, path, InodeKind::Regular, 0o644, 0).expect("a new file");
    }

    fn chmod(&self, path: &str) {
        self.vfs.chmod(&self.cx, path, 0o700).expect("a change of mode");
    }
}

fn kind<T: std::fmt::Debug>(result: vfsnotify::Result<T>) -> ErrorKind {
    result.expect_err("a failure").kind()
}

fn names(events: &[Event]) -> Vec<String> {
    let happened = events.iter().filter_map(Event::happened);
    happened.map(|event| String::from_utf8_lossy(&event.name).into_owned()).collect()
}

// Waiting.

#[test]
fn a_read_that_times_out_would_block_and_does_not_say_so_too_soon() {
    let world = World::new();
    let inotify = world.hearing();
    for timeout in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(60)] {
        let start = Instant::now();
        let read = inotify.read_wait(&mut [0; 64], Some(timeout), None);
        assert_eq!(kind(read), ErrorKind::WouldBlock);
        assert!(start.elapsed() >= timeout, "{:?} of {timeout:?}", start.elapsed());
        assert_eq!(kind(inotify.wait(Some(timeout), None)), ErrorKind::WouldBlock);
        assert!(start.elapsed() >= timeout * 2);
    }
}

/// The token of events that somebody else has read does not end a wait.
#[test]
fn a_wait_goes_on_when_another_reader_has_taken_what_woke_it() {
    let world = World::new();
    let inotify = world.hearing();
    let ready = inotify.ready();
    world.dir("/taken");
    assert_eq!(inotify.drain().len(), 1);
    assert_eq!(ready.len(), 1, "the token is still there");
    let start = Instant::now();
    let read = inotify.read_wait(&mut [0; 64], Some(A_WHILE), None);
    assert_eq!(kind(read), ErrorKind::WouldBlock);
    assert!(start.elapsed() >= A_WHILE);
}

#[test]
fn an_event_ends_a_blocking_read_of_any_timeout() {
    let world = World::new();
    let inotify = world.hearing();
    for timeout in [None, Some(FOREVER), Some(Duration::MAX)] {
        let reader = inotify.clone();
        let reading = thread::spawn(move || {
            let mut buf = [0; 64];
            let len = reader.read_wait(&mut buf, timeout, None).expect("an event");
            decode(&buf[..len]).expect("whole events")
        });
        thread::sleep(A_WHILE);
        world.dir("/d");
        assert_eq!(reading.join().expect("the reader")[0].name, "d");
        world.vfs.rmdir(&world.cx, "/d").expect("an end");
    }
}

/// Cancels a blocked read, and then tries what the token does to later ones.
fn cancelled_by(end: impl FnOnce(crossbeam_channel::Sender<()>)) {
    let world = World::new();
    let inotify = world.hearing();
    let (killer, cancel) = Cancel::new();
    let (reader, token) = (inotify.clone(), cancel.clone());
    let reading = thread::spawn(move || reader.read_wait(&mut [0; 64], None, Some(&token)));
    thread::sleep(A_WHILE);
    assert!(!reading.is_finished());
    end(killer);
    assert_eq!(kind(reading.join().expect("the reader")), ErrorKind::Interrupted);

    let again = inotify.read_wait(&mut [0; 64], Some(FOREVER), Some(&cancel));
    assert_eq!(kind(again), ErrorKind::Interrupted, "it stays cancelled");
    assert_eq!(kind(inotify.wait(None, Some(&cancel))), ErrorKind::Interrupted);
    world.dir("/d");
    let read = inotify.read_wait(&mut [0; 64], None, Some(&cancel));
    assert_eq!(read, Ok(32), "what is there needs no waiting, and so is not interrupted");
    assert_eq!(inotify.len(), 0);
}

#[test]
fn a_message_cancels_a_read() {
    // The sender outlives the test's reads: it is the message that cancels.
    let (keep, kept) = unbounded();
    cancelled_by(|killer| {
        killer.send(()).expect("the token is there");
        keep.send(killer).expect("it is kept");
    });
    drop(kept);
}

#[test]
fn dropping_the_sender_cancels_a_read() {
    cancelled_by(drop);
}

#[test]
fn closing_wakes_all_of_several_readers() {
    let world = World::new();
    let inotify = world.hearing();
    let readers: Vec<_> = (0..5)
        .map(|n| {
            let reader = inotify.clone();
            thread::spawn(move || match n % 2 {
                0 => reader.read_wait(&mut [0; 64], None, None).map(drop),
                _ => reader.wait(Some(FOREVER), None),
            })
        })
        .collect();
    thread::sleep(A_WHILE);
    assert!(readers.iter().all(|reader| !reader.is_finished()));
    inotify.close();
    for reader in readers {
        assert_eq!(kind(reader.join().expect("a reader")), ErrorKind::Shutdown);
    }
    assert_eq!(kind(inotify.next()), ErrorKind::Shutdown);
    assert_eq!(kind(inotify.read(&mut [0; 64])), ErrorKind::Shutdown);
    assert!(inotify.ready().recv_timeout(FOREVER).is_ok(), "a later select! is told too");
}

// Several readers, several instances.

#[test]
fn several_readers_share_the_events_and_none_is_lost_or_read_twice() {
    const EVENTS: usize = 3000;
    let world = World::new();
    let inotify = world.hearing();
    let readers: Vec<_> = (0..4_usize)
        .map(|n| {
            let reader = inotify.clone();
            thread::spawn(move || {
                let mut mine = Vec::new();
                // Some take one event at a time, some a few.
                let mut buf = vec![0; 32 << n];
                while let Ok(len) = reader.read_wait(&mut buf, None, None) {
                    mine.extend(decode(&buf[..len]).expect("whole events"));
                }
                mine
            })
        })
        .collect();
    for n in 0..EVENTS {
        world.file(&format!("/{n}"));
    }
    // Closing drops what is not read yet.
    let flush = inotify.flush();
    while !inotify.has_passed(flush) {
        thread::yield_now();
    }
    inotify.close();
    let mut all: Vec<usize> = Vec::new();
    for reader in readers {
        let mine = reader.join().expect("a reader");
        let mine = mine.iter().map(|event| String::from_utf8_lossy(&event.name).parse());
        let mine: Vec<usize> = mine.map(|n| n.expect("a number")).collect();
        assert!(mine.is_sorted(), "each reader sees them in order");
        all.extend(mine);
    }
    all.sort_unstable();
    assert_eq!(all, (0..EVENTS).collect::<Vec<_>>());
}

/// Three events, three waiting readers who take one each: the first token must go round.
#[test]
fn a_reader_that_leaves_events_behind_wakes_the_next() {
    let world = World::new();
    let inotify = world.hearing();
    for round in 0..20 {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let reader = inotify.clone();
                thread::spawn(move || reader.read_wait(&mut [0; 32], Some(FOREVER), None))
            })
            .collect();
        for n in 0..3 {
            world.file(&format!("/{round}-{n}"));
        }
        for reader in readers {
            assert_eq!(reader.join().expect("a reader"), Ok(32));
        }
        assert!(inotify.is_empty());
    }
}

#[test]
fn a_select_is_told_again_of_what_it_left_behind() {
    let world = World::new();
    let inotify = world.hearing();
    let ready = inotify.ready();
    assert!(ready.is_empty());
    (0..4).for_each(|n| world.file(&format!("/{n}")));
    let took = |read: &dyn Fn() -> usize, left: usize| {
        ready.recv_timeout(FOREVER).expect("a token");
        assert_eq!(read(), 1);
        assert_eq!(inotify.len(), left);
    };
    took(&|| usize::from(inotify.next().expect("it is open").is_some()), 3);
    took(&|| inotify.read(&mut [0; 47]).expect("an event") / 32, 2);
    took(&|| inotify.drain_into(&mut Vec::new(), 1), 1);
    // Asking for the channel anew tells of what is there, too.
    ready.recv_timeout(FOREVER).expect("a token");
    assert_eq!(inotify.ready().len(), 1);
    took(&|| inotify.drain().len(), 0);
    assert!(ready.is_empty());
}

#[test]
fn one_select_serves_three_instances_and_a_channel_of_the_programs_own() {
    let world = World::new();
    let dirs = ["/0", "/1", "/2"];
    dirs.iter().for_each(|dir| world.dir(dir));
    let instances: Vec<Inotify> = dirs
        .iter()
        .map(|dir| {
            let inotify = world.inotify();
            world.watch(&inotify, dir, WatchMask::CREATE);
            inotify
        })
        .collect();
    let bells: Vec<Receiver<()>> = instances.iter().map(Inotify::ready).collect();
    let (quit, told_to_quit) = unbounded::<&str>();
    let (count, counted) = unbounded();
    let serving = thread::spawn(move || {
        let mut heard = [Vec::new(), Vec::new(), Vec::new()];
        loop {
            let which = select! {
                recv(bells[0]) -> _ => 0,
                recv(bells[1]) -> _ => 1,
                recv(bells[2]) -> _ => 2,
                recv(told_to_quit) -> why => return (heard, why),
            };
            let events = instances[which].drain();
            count.send(events.len()).expect("somebody counts");
            heard[which].extend(names(&events));
        }
    });
    thread::scope(|scope| {
        for dir in dirs {
            let world = &world;
            scope.spawn(move || (0..200).for_each(|n| world.file(&format!("{dir}/{n}"))));
        }
    });
    let mut seen = 0;
    while seen < 600 {
        seen += counted.recv_timeout(FOREVER).expect("an event");
    }
    quit.send("enough").expect("it is served");
    let (heard, why) = serving.join().expect("the server");
    assert_eq!(why, Ok("enough"));
    for names in heard {
        assert_eq!(names, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

// Buffers.

/// What an event takes in a buffer: a name has a NUL and is padded to 16 bytes.
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
                    assert_eq!(error.kind(), ErrorKind::Invalid);
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
        assert_eq!(kind(inotify.read(&mut vec![0; size])), ErrorKind::WouldBlock);
    }
}

#[test]
fn what_is_decoded_is_what_a_twin_instance_hears() {
    let limits = Limits { max_queued_events: 20, ..Limits::default() };
    let world = World::with(NotifyConfig { limits, ..NotifyConfig::default() });
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
        Event::Happened(event) => Decoded {
            wd: event.wd.as_raw(),
            mask: event.mask,
            cookie: event.cookie,
            name: event.name,
        },
        Event::Overflow { lost } => {
            assert_ne!(lost, 0);
            Decoded { wd: -1, mask: EventMask::Q_OVERFLOW, cookie: 0, name: b"".into() }
        }
    }
}

/// Merged and lost events do not move a barrier.
#[test]
fn a_barrier_is_passed_when_everything_before_it_has_been_read() {
    let world = World::new();
    let inotify = world.hearing();
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

// Watches in the making.

/// A clock that moves one microsecond at each look, so that a chunk is what its budget says and
/// not what the machine does.
#[derive(Debug, Default)]
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

const CHILDREN: usize = 2000;

/// A directory `/d` whose walk takes several steps.
fn crowded() -> World {
    let pace = Pace::default()
        .with_clock(Arc::new(Ticking::default()))
        .with_budget(Duration::from_micros(1));
    let world = World::with(NotifyConfig { pace, ..NotifyConfig::default() });
    world.dir("/d");
    (0..CHILDREN).for_each(|n| world.file(&format!("/d/{n}")));
    world
}

/// Whether an event of every child is heard.
fn hears_every_child(world: &World, inotify: &Inotify) -> bool {
    let _ = inotify.drain();
    (0..CHILDREN).for_each(|n| world.chmod(&format!("/d/{n}")));
    names(&inotify.drain()).into_iter().collect::<BTreeSet<_>>().len() == CHILDREN
}

#[test]
fn a_pending_watch_is_ready_after_as_many_steps_as_it_takes() {
    let world = crowded();
    let inotify = world.inotify();
    let mut pending =
        world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
    assert!(!pending.is_ready());
    assert_eq!(inotify.watch_count(), 1, "it is there, and may already report");
    let mut steps = 1;
    while !pending.step() {
        assert!(!pending.is_ready());
        steps += 1;
        world.vfs.verify().expect("the invariants between two steps");
    }
    assert!(steps >= CHILDREN / 256, "{steps} steps");
    assert!(pending.is_ready() && pending.step(), "further steps do nothing");
    assert_eq!(pending.wait().expect("the descriptor").as_raw(), 1);
    assert!(hears_every_child(&world, &inotify));
}

#[test]
fn a_pending_watch_that_needs_no_walk_is_ready_at_once() {
    let world = crowded();
    let inotify = world.inotify();
    let start =
        |path: &str, mask| world.vfs.start_watch(&world.cx, &inotify, path, mask).expect("a start");
    assert!(start("/d", WatchMask::CREATE).is_ready(), "no event of a child is asked for");
    assert!(start("/d/1", WatchMask::ATTRIB).is_ready(), "not a directory");
    world.dir("/empty");
    let mut empty = start("/empty", WatchMask::ATTRIB);
    while !empty.step() {}
    assert!(empty.is_ready());
}

#[test]
fn another_adder_does_the_work_of_a_pending_watch() {
    let world = crowded();
    let (one, two) = (world.inotify(), world.inotify());
    let mut pending =
        world.vfs.start_watch(&world.cx, &one, "/d", WatchMask::ATTRIB).expect("a start");
    assert!(!pending.step(), "one step of many");
    world.watch(&two, "/d", WatchMask::ATTRIB);
    assert!(hears_every_child(&world, &two), "an add that has returned misses nothing");
    assert!(pending.step(), "nothing is left to do");
    assert_eq!(pending.wait().expect("the descriptor").as_raw(), 1);
    assert!(hears_every_child(&world, &one));
}

#[test]
fn dropping_a_pending_watch_early_removes_it_silently() {
    let world = crowded();
    let inotify = world.inotify();
    for steps in 0..3 {
        let mut pending =
            world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
        (0..steps).for_each(|_| assert!(!pending.step()));
        assert_eq!(world.vfs.notifier().usage(0), (1, 1));
        drop(pending);
        assert_eq!(world.vfs.notifier().usage(0), (1, 0));
        assert_eq!(inotify.watch_count(), 0);
        world.chmod("/d/1");
        assert_eq!(inotify.drain(), [], "no event, and no IGNORED");
        world.vfs.verify().expect("the invariants");
    }
    world.watch(&inotify, "/d", WatchMask::ATTRIB);
    assert!(hears_every_child(&world, &inotify), "what was left half done is done again");
}

#[test]
fn dropping_a_pending_watch_leaves_one_that_somebody_changed() {
    let world = crowded();
    let inotify = world.inotify();
    let pending =
        world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
    let wd = world.watch(&inotify, "/d", WatchMask::MODIFY | WatchMask::MASK_ADD);
    drop(pending);
    let watches = inotify.watches();
    assert_eq!(watches.len(), 1);
    assert_eq!(watches[0].wd.as_raw(), wd);
    assert_eq!(watches[0].mask, WatchMask::ATTRIB | WatchMask::MODIFY);
    assert!(hears_every_child(&world, &inotify), "the second add has returned");
}

#[test]
fn dropping_a_pending_change_of_a_watch_leaves_the_watch_changed() {
    let world = crowded();
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::CREATE);
    let pending =
        world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
    drop(pending);
    assert_eq!(inotify.watches()[0].mask, WatchMask::ATTRIB);
    world.vfs.verify().expect("the invariants");
}

#[test]
fn dropping_a_pending_watch_that_was_removed_leaves_its_successor() {
    let world = crowded();
    let inotify = world.inotify();
    let pending =
        world.vfs.start_watch(&world.cx, &inotify, "/d", WatchMask::ATTRIB).expect("a start");
    inotify.rm_watch(WatchDescriptor::from_raw(1)).expect("a removal");
    assert_eq!(world.watch(&inotify, "/d", WatchMask::ATTRIB), 2);
    drop(pending);
    assert_eq!(inotify.watches()[0].wd.as_raw(), 2);
    assert_eq!(inotify.drain().len(), 1, "the IGNORED of the removal");
}

// Descriptors.

#[test]
fn the_next_descriptor_can_be_set_and_goes_round_after_the_last() {
    let world = World::new();
    let inotify = world.inotify();
    (0..9).for_each(|n| world.file(&format!("/{n}")));
    let next = |wd: i32| inotify.set_next_wd(WatchDescriptor::from_raw(wd));
    let add = |n: i32| world.watch(&inotify, &format!("/{n}"), WatchMask::ATTRIB);
    for wrong in [0, -1, i32::MIN] {
        assert_eq!(kind(next(wrong)), ErrorKind::Invalid);
    }
    assert_eq!(add(0), 1, "a wrong number changes nothing");
    next(7).expect("a descriptor");
    assert_eq!(add(1), 7);
    assert_eq!(add(1), 7, "a change of a watch uses none up");
    next(1).expect("a descriptor");
    assert_eq!(add(2), 2, "1 is in use");
    next(i32::MAX).expect("the last");
    assert_eq!(add(3), i32::MAX);
    assert_eq!(add(4), 3, "round to 1, past 1 and 2");
    next(i32::MAX).expect("the last");
    assert_eq!(add(5), 4, "the last one is in use");
}

/// `watches` once looked for the descriptor after the last one for ever.
#[test]
fn a_watch_with_the_last_descriptor_is_listed_once() {
    let world = World::new();
    let inotify = world.hearing();
    world.file("/f");
    inotify.set_next_wd(WatchDescriptor::from_raw(i32::MAX)).expect("the last");
    assert_eq!(world.watch(&inotify, "/f", WatchMask::ATTRIB), i32::MAX);
    let listed: Vec<i32> = inotify.watches().iter().map(|watch| watch.wd.as_raw()).collect();
    assert_eq!(listed, [1, i32::MAX]);
}

/// Not even by a watch that could not be added (SEMANTICS 3: a failed add uses a number up).
#[test]
fn a_descriptor_is_not_used_again_soon() {
    let limits = Limits { max_user_watches: 1, ..Limits::default() };
    let world = World::with(NotifyConfig { limits, ..NotifyConfig::default() });
    let inotify = world.inotify();
    world.file("/f");
    for n in 0..1000 {
        let wd = world.watch(&inotify, "/", WatchMask::ATTRIB);
        assert_eq!(wd, 1 + 2 * n);
        let full = world.vfs.add_watch(&world.cx, &inotify, "/f", WatchMask::ATTRIB);
        assert_eq!(kind(full), ErrorKind::NoSpace);
        inotify.rm_watch(WatchDescriptor::from_raw(wd)).expect("a removal");
        let again = inotify.rm_watch(WatchDescriptor::from_raw(wd));
        assert_eq!(kind(again), ErrorKind::Invalid);
        assert_eq!(inotify.drain().len(), 1, "IGNORED");
    }
}
