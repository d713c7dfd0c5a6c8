//! Waiting, cancelling and sharing.

use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, select, unbounded};
use vfsnotify::Errno;
use vfsnotify::inotify::{Cancel, Canceller, Inotify, WatchMask, decode};

use super::world::{A_WHILE, FOREVER, World, kind, names};

#[test]
fn a_read_that_times_out_would_block_and_does_not_say_so_too_soon() {
    let world = World::new();
    let inotify = world.watch_root();
    for timeout in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(60)] {
        let start = Instant::now();
        let read = inotify.read_wait(&mut [0; 64], Some(timeout), None);
        assert_eq!(kind(read), Errno::EAGAIN);
        assert!(start.elapsed() >= timeout, "{:?} of {timeout:?}", start.elapsed());
        assert_eq!(kind(inotify.wait(Some(timeout), None)), Errno::EAGAIN);
        assert!(start.elapsed() >= timeout * 2);
    }
}

/// The token of events that another reader has read does not end a wait.
#[test]
fn a_wait_goes_on_when_another_reader_has_taken_what_woke_it() {
    let world = World::new();
    let inotify = world.watch_root();
    let ready = inotify.ready();
    world.dir("/taken");
    assert_eq!(inotify.drain().len(), 1);
    assert_eq!(ready.len(), 1, "the token is still there");
    let start = Instant::now();
    let read = inotify.read_wait(&mut [0; 64], Some(A_WHILE), None);
    assert_eq!(kind(read), Errno::EAGAIN);
    assert!(start.elapsed() >= A_WHILE);
}

#[test]
fn an_event_ends_a_blocking_read_of_any_timeout() {
    let world = World::new();
    let inotify = world.watch_root();
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
fn cancelled_by(end: impl FnOnce(Canceller)) {
    let world = World::new();
    let inotify = world.watch_root();
    let (killer, cancel) = Cancel::new();
    let (reader, token) = (inotify.clone(), cancel.clone());
    let reading = thread::spawn(move || reader.read_wait(&mut [0; 64], None, Some(&token)));
    thread::sleep(A_WHILE);
    assert!(!reading.is_finished());
    end(killer);
    assert_eq!(kind(reading.join().expect("the reader")), Errno::EINTR);

    let again = inotify.read_wait(&mut [0; 64], Some(FOREVER), Some(&cancel));
    assert_eq!(kind(again), Errno::EINTR, "it stays cancelled");
    assert_eq!(kind(inotify.wait(None, Some(&cancel))), Errno::EINTR);
    world.dir("/d");
    let read = inotify.read_wait(&mut [0; 64], None, Some(&cancel));
    assert_eq!(read, Ok(32), "what is there needs no waiting, and so is not interrupted");
    assert_eq!(inotify.len(), 0);
}

#[test]
fn a_call_cancels_a_read_and_may_be_repeated() {
    // The canceller outlives the test's reads: it is the call that cancels.
    let (keep, kept) = unbounded();
    cancelled_by(|killer| {
        killer.cancel();
        killer.cancel();
        keep.send(killer).expect("it is kept");
    });
    drop(kept);
}

#[test]
fn dropping_the_canceller_cancels_a_read() {
    cancelled_by(drop);
}

#[test]
fn closing_wakes_all_of_several_readers() {
    let world = World::new();
    let inotify = world.watch_root();
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
        assert_eq!(kind(reader.join().expect("a reader")), Errno::ESHUTDOWN);
    }
    assert_eq!(kind(inotify.next()), Errno::ESHUTDOWN);
    assert_eq!(kind(inotify.read(&mut [0; 64])), Errno::ESHUTDOWN);
    assert!(inotify.ready().recv_timeout(FOREVER).is_ok(), "a later select! is told too");
}

/// Three threads in the loop that `ready` is for; each is told, in any order.
#[test]
fn every_select_learns_of_the_end() {
    for ends_with_vfs in [false, true] {
        let World { vfs, cx } = World::new();
        let inotify = vfs.inotify(&cx).expect("an instance");
        let (told, tell) = unbounded();
        for _ in 0..3 {
            let (reader, told) = (inotify.clone(), told.clone());
            let ready = reader.ready();
            thread::spawn(move || {
                while ready.recv().is_ok() && reader.drain().is_empty() && !reader.is_closed() {}
                told.send(reader.is_closed()).expect("a thread waits");
            });
        }
        thread::sleep(A_WHILE);
        if ends_with_vfs {
            drop((vfs, cx));
        } else {
            inotify.close();
        }
        for _ in 0..3 {
            assert_eq!(tell.recv_timeout(FOREVER), Ok(true));
        }
    }
}

/// A reader without room now has taken the token, and leaves another.
#[test]
fn a_reader_that_takes_nothing_leaves_a_token() {
    let world = World::new();
    let inotify = world.watch_root();
    let ready = inotify.ready();
    world.dir("/d");
    for _ in 0..3 {
        ready.recv_timeout(FOREVER).expect("there is an event");
        assert_eq!(inotify.drain_into(&mut Vec::new(), 0), 0);
    }
    assert_eq!(inotify.drain().len(), 1);
}

/// With the last handle, whatever went before it, with other handles or without.
#[test]
fn a_receiver_is_disconnected_with_the_last_handle() {
    for vfs_is_first in [false, true] {
        let world = World::new();
        let (inotify, _other) = (world.inotify(), world.inotify());
        let ready = inotify.ready();
        if vfs_is_first {
            drop(world);
            drop(inotify);
        } else {
            drop(inotify);
            drop(world);
        }
        let _ = ready.try_recv();
        assert_eq!(ready.try_recv(), Err(TryRecvError::Disconnected));
    }
}

#[test]
fn the_limit_of_a_queue_outlives_its_end() {
    let world = World::new();
    let inotify = world.inotify();
    let limit = inotify.queue_limit();
    assert!(limit > 0);
    inotify.close();
    assert_eq!(inotify.queue_limit(), limit);
}

// Several readers, several instances.

#[test]
fn several_readers_share_the_events_and_none_is_lost_or_read_twice() {
    const EVENTS: usize = 3000;
    let world = World::new();
    let inotify = world.watch_root();
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
    let inotify = world.watch_root();
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
fn a_select_wakes_again_for_events_that_were_left() {
    let world = World::new();
    let inotify = world.watch_root();
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
        let mut delivered = [Vec::new(), Vec::new(), Vec::new()];
        loop {
            let which = select! {
                recv(bells[0]) -> _ => 0,
                recv(bells[1]) -> _ => 1,
                recv(bells[2]) -> _ => 2,
                recv(told_to_quit) -> why => return (delivered, why),
            };
            let events = instances[which].drain();
            count.send(events.len()).expect("a thread counts");
            delivered[which].extend(names(&events));
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
    let (delivered, why) = serving.join().expect("the server");
    assert_eq!(why, Ok("enough"));
    for names in delivered {
        assert_eq!(names, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}
