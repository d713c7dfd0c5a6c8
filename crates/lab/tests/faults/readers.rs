//! Readers that vanish: no other thread waits for them, and what they held comes back.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use vfsnotify::inotify::{Cancel, Canceller, Inotify, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{Context, Errno, InodeKind, MemFs, OpenFlags, Pace, Vfs, Yielder};

use lab::faults::faulty::{Call, Fault, When};
use lab::faults::stage::{Setup, Stage, host};
use lab::faults::threads::{Outcome, Worker, caught, meant, wait};

fn watched() -> (Vfs, Context, Inotify) {
    let limits = Limits::default().with_max_queued_events(usize::MAX);
    let notify = NotifyConfig::default().with_limits(limits);
    let vfs = Vfs::builder().notify(notify).build(MemFs::new()).expect("a sound file system");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    let group = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &group, "/d", WatchMask::ALL_EVENTS).expect("a watch");
    (vfs, cx, group)
}

/// Two events each.
fn touch(vfs: &Vfs, cx: &Context, times: usize) {
    for n in 0..times {
        let path = format!("/d/{}", n % 7);
        vfs.mkdir(cx, &path, 0o755).expect("a directory");
        vfs.rmdir(cx, &path).expect("an empty one");
    }
}

#[test]
fn a_reader_that_panics_between_two_events_takes_none_from_the_next() {
    let (vfs, cx, group) = watched();
    touch(&vfs, &cx, 300);
    let reader = group.clone();
    let outcome = thread::spawn(move || {
        caught(|| {
            let mut some = Vec::new();
            reader.drain_into(&mut some, 100);
            let first = reader.next().expect("it is open");
            assert!(first.is_some());
            meant();
        })
    });
    assert!(matches!(outcome.join().expect("caught"), Outcome::Panicked));
    assert_eq!(group.len(), 600 - 101);
    touch(&vfs, &cx, 1);
    assert_eq!(group.drain().len(), 600 - 101 + 2);
    vfs.verify().expect("the invariants");
}

/// A reader takes events out and dies with them, in the middle of a batch; the queue is whole.
#[test]
fn a_reader_that_dies_with_a_batch_leaves_a_whole_queue() {
    let (vfs, cx, group) = watched();
    touch(&vfs, &cx, 500);
    let reader = group.clone();
    let outcome = caught(move || {
        for event in reader.drain() {
            if event.fs_event().is_some_and(|event| event.name == "3") {
                meant();
            }
        }
    });
    assert!(matches!(outcome, Outcome::Panicked));
    assert!(group.is_empty());
    assert_eq!(group.readable_bytes(), 0);
    touch(&vfs, &cx, 200);
    assert_eq!(group.drain().len(), 400);
}

#[test]
fn a_reader_that_waits_is_woken_by_whatever_ends_the_wait() {
    type End = fn(&Inotify, &mut Option<Vfs>, Canceller) -> Errno;
    let ends: [End; 4] = [
        |_, _, killed| {
            drop(killed);
            Errno::EINTR
        },
        |_, _, killed| {
            killed.cancel();
            // The token stays: the end of its sender is one more.
            Errno::EINTR
        },
        |group, _, _| {
            group.close();
            Errno::ESHUTDOWN
        },
        |_, vfs, _| {
            *vfs = None;
            Errno::ESHUTDOWN
        },
    ];
    for (at, end) in ends.into_iter().enumerate() {
        let (vfs, cx, group) = watched();
        drop(cx);
        let (killed, cancel) = Cancel::new();
        let reader = group.clone();
        let (begun, has_begun) = crossbeam_channel::bounded(1);
        let worker = Worker::new();
        let kept = killed.clone();
        let result = worker.start(move || {
            begun.send(()).expect("a thread waits");
            let mut buf = [0; 64];
            reader.read_wait(&mut buf, None, Some(&cancel)).map_err(|error| error.errno())
        });
        wait("the reader to begin", &has_begun);
        // The last sender but the one that the end is given, where that is what ends the wait.
        let kept = (at != 0).then_some(kept);
        let mut vfs = Some(vfs);
        let wanted = end(&group, &mut vfs, killed);
        assert_eq!(wait("the reader", &result), Err(wanted), "end {at}");
        drop(kept);
    }
}

#[test]
fn receivers_that_are_dropped_leave_the_queue_readable() {
    let (vfs, cx, group) = watched();
    for _ in 0..3 {
        let ready = group.ready();
        let clone = ready.clone();
        drop(ready);
        touch(&vfs, &cx, 1);
        clone.recv_timeout(Duration::from_secs(60)).expect("it is ready");
        drop(clone);
        touch(&vfs, &cx, 1);
        assert_eq!(group.drain().len(), 4);
    }
    // One that outlives its instance ends by a token, and then by nothing more.
    let ready = group.ready();
    drop(group);
    let _ = ready.try_recv();
    touch(&vfs, &cx, 1);
    assert_eq!(vfs.notifier().usage(0), (0, 0));
}

/// Queued events are freed by the thread that drops the instance, and no other thread waits for that.
#[test]
fn dropping_an_instance_with_very_many_events_delays_no_operation() {
    let (vfs, cx, group) = watched();
    vfs.mknod(&cx, "/d/f", InodeKind::Regular, 0o644, 0).expect("a file");
    let file = vfs.open(&cx, "/d/f", OpenFlags::READ_WRITE, 0).expect("a file");
    for _ in 0..50_000 {
        file.pwrite(b"x", 0).expect("contents");
        file.pread(&mut [0], 0).expect("contents");
    }
    assert!(group.len() > 100_000);
    let (dropper, other) = (Worker::new(), Worker::new());
    let dropped = dropper.start(move || drop(group));
    let also = vfs.clone();
    other.run("others", move || touch(&also, &also.context(), 50));
    wait("the drop", &dropped);
    assert_eq!(vfs.notifier().usage(0), (0, 0));
    drop(file);
    vfs.verify().expect("the invariants");
}

/// The last handle goes inside a call to a file system, under the locks of the operation that this
/// instance is about to be told of.
#[test]
fn an_instance_may_be_dropped_during_an_operation_that_it_watches() {
    let vfs = host();
    for call in [Call::Lookup, Call::Create, Call::Unlink, Call::Getattr, Call::Rename] {
        let stage = Stage::on(&vfs, Setup { privileged: false, warm: false });
        let group = vfs.inotify(&stage.root).expect("an instance");
        for path in ["/m/dir", "/m/dir/file"] {
            let mask = WatchMask::ALL_EVENTS | WatchMask::ONESHOT;
            vfs.add_watch(&stage.root, &group, path, mask).expect("a watch");
        }
        let (last, taken) = crossbeam_channel::bounded(1);
        last.send(group).expect("there is room");
        stage.control.hook(move |now| {
            if now == call {
                // Dropped here, the first time.
                let _ = taken.try_recv();
            }
        });
        stage.control.arm(usize::MAX, Fault::Panic, When::Before);
        let none = vfsnotify::RenameFlags::empty();
        stage.vfs.mkdir(&stage.cx, "/m/dir/new", 0o755).expect("a directory");
        stage.vfs.rename(&stage.cx, "/m/dir/new", "/m/dir/moved", none).expect("it is there");
        stage.vfs.unlink(&stage.cx, "/m/dir/file").expect("it is there");
        stage.control.disarm();
        assert_eq!(vfs.notifier().usage(0).0, 1, "{call:?}: the stage's own is left");
        stage.check().expect("a sound world");
        stage.end().expect("nothing is left");
    }
}

fn walked(children: usize) -> (Arc<MemFs>, Vfs, Context, Inotify) {
    let pace = Pace::default().with_budget(Duration::ZERO).with_yielder(Yielder::None);
    let notify = NotifyConfig::default().with_pace(pace);
    let fs = Arc::new(MemFs::new());
    let vfs = Vfs::builder().notify(notify).build(fs.clone()).expect("a sound file system");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    for n in 0..children {
        vfs.mknod(&cx, format!("/d/{n}"), InodeKind::Regular, 0o644, 0).expect("a file");
    }
    let group = vfs.inotify(&cx).expect("an instance");
    (fs, vfs, cx, group)
}

#[test]
fn a_pending_watch_may_outlive_its_vfs_and_instance() {
    let ends: [fn(&Vfs, &Context, &Inotify); 4] = [
        |_, _, group| group.close(),
        |vfs, cx, _| {
            for n in 0..600 {
                vfs.unlink(cx, format!("/d/{n}")).expect("it is there");
            }
            vfs.rmdir(cx, "/d").expect("it is empty");
        },
        |vfs, _, _| vfs.notifier().shut_down(),
        |_, _, _| {},
    ];
    for end in ends {
        for keep in [false, true] {
            let (fs, vfs, cx, group) = walked(600);
            let mut pending = vfs.start_watch(&cx, &group, "/d", WatchMask::OPEN).expect("a watch");
            assert!(!pending.step(), "there is more to walk");
            end(&vfs, &cx, &group);
            vfs.verify().expect("the invariants");
            pending.step();
            drop((vfs, cx, group));
            assert_eq!(Arc::strong_count(&fs), 1, "the file system is let go");
            if keep {
                let error = pending.wait().expect_err("its VFS is gone");
                assert_eq!(error.errno(), Errno::ESHUTDOWN);
            } else {
                while !pending.step() {}
                drop(pending);
            }
        }
    }
}

/// Leaked by its owner, the watch stays as it was made: others go on, and the file system goes when
/// the VFS does.
#[test]
fn a_leaked_pending_watch_blocks_no_operation() {
    let (fs, vfs, cx, group) = walked(600);
    let mut pending = vfs.start_watch(&cx, &group, "/d", WatchMask::OPEN).expect("a watch");
    pending.step();
    std::mem::forget(pending);
    let other = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &other, "/d", WatchMask::OPEN).expect("a watch");
    vfs.open(&cx, "/d/3", OpenFlags::READ, 0).expect("it is there").close();
    assert_eq!((group.len(), other.len()), (1, 1), "the walk of one is that of all");
    drop(other);
    group.close();
    assert_eq!(vfs.notifier().usage(0).1, 0);
    vfs.verify().expect("the invariants");
    drop((vfs, cx, group));
    assert_eq!(Arc::strong_count(&fs), 1);
}
