//! File systems that call back: into another VFS, which they may, and into the same one, which they
//! may not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vfsnotify::inotify::WatchMask;
use vfsnotify::{MemFs, OpenFlags, RenameFlags, Vfs};

use lab::faults::faulty::{Fault, When};
use lab::faults::operations::table;
use lab::faults::stage::{Setup, Stage, host};
use lab::faults::threads::Worker;
#[cfg(any(debug_assertions, lockdep))]
use lab::faults::threads::{Outcome, caught_with};

/// The calls of a file system on another VFS: names come and go, something dies, watches are told of it.
fn use_another(vfs: &Vfs) {
    let cx = vfs.context();
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/", WatchMask::ALL_EVENTS).expect("a watch");
    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    let file = vfs.open(&cx, "/f", flags, 0o644).expect("a file");
    file.write(b"x").expect("contents");
    vfs.unlink(&cx, "/f").expect("it is there");
    file.close();
    for dir in ["/d", "/e"] {
        vfs.mkdir(&cx, dir, 0o755).expect("a directory");
    }
    vfs.open(&cx, "/d/f", flags, 0o644).expect("a file").close();
    vfs.add_watch(&cx, &inotify, "/d", WatchMask::ALL_EVENTS).expect("a watch, after a walk");
    vfs.truncate(&cx, "/d/f", 1).expect("contents");
    vfs.rename(&cx, "/d/f", "/e/f", RenameFlags::empty()).expect("a rename between directories");
    vfs.unlink(&cx, "/e/f").expect("it is there");
    vfs.mount(&cx, "/d", MemFs::new()).expect("a mount");
    assert_eq!(vfs.mounts(&cx).len(), 2);
    vfs.unmount(&cx, "/d").expect("it is unused");
    for dir in ["/d", "/e"] {
        vfs.rmdir(&cx, dir).expect("an empty one");
    }
    assert!(vfs.list(&cx, "/").expect("a listing").is_empty());
    assert!(inotify.len() > 8);
}

/// `chdir`, `fchdir` and `with_root` did not count as operations: what another VFS was asked under
/// them it took for the outermost, and freed what was dead with their locks held. And a build that checks
/// the order of locks took the two for one, and panicked.
#[test]
fn a_file_system_may_use_another_vfs_in_every_call() {
    let (worker, outer) = (Worker::new(), host());
    let another = Vfs::new(MemFs::new()).expect("a sound file system");
    for op in table() {
        let (run, files, vfs, another) = (op.run, op.files, outer.clone(), another.clone());
        worker.run(op.name, move || {
            let stage = Stage::on(&vfs, Setup { privileged: false, warm: false });
            let calls = Arc::new(AtomicUsize::new(0));
            let (inner, counted) = (another.clone(), calls.clone());
            stage.control.hook(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                use_another(&inner);
            });
            let open = |(path, flags): &(&str, _)| {
                stage.vfs.open(&stage.cx, path, *flags, 0o644).expect("a file")
            };
            let files: Vec<_> = files.iter().map(open).collect();
            stage.control.arm(usize::MAX, Fault::Panic, When::Before);
            run(&stage, &files).expect("it works");
            stage.control.disarm();
            assert_eq!(calls.load(Ordering::Relaxed), stage.control.calls());
            drop(files);
            another.reap();
            another.verify().expect("the invariants of the inner one");
            stage.check().expect("a sound world");
            stage.end().expect("nothing is left");
        });
    }
    assert_eq!((another.tree().live_dentries(), another.tree().live_inodes()), (1, 1));
    assert_eq!(another.notifier().usage(0), (0, 0));
}

/// The panic of a checking build for a caller that calls back under its locks.
#[cfg(any(debug_assertions, lockdep))]
const REFUSALS: [&str; 2] = ["lock order:", "a walk began with"];

/// The contract forbids it: the caller holds locks. A build that checks the order of locks says so
/// by a panic, before anything can deadlock; and what has panicked is sound afterwards.
#[cfg(any(debug_assertions, lockdep))]
#[test]
fn a_file_system_that_calls_back_into_the_same_vfs_is_told_so_and_corrupts_nothing() {
    let outer = host();
    let (mut refused, mut done) = (0, 0);
    for op in table() {
        for what in 0..3 {
            let stage = Stage::on(&outer, Setup { privileged: true, warm: true });
            let (vfs, cx) = (stage.vfs.clone(), stage.root.clone());
            let depth = AtomicUsize::new(0);
            stage.control.hook(move |_| {
                if depth.fetch_add(1, Ordering::SeqCst) == 0 {
                    // Its result is of no interest, and that of a panic is that of all.
                    let _ = match what {
                        0 => vfs.list(&cx, "/m/dir").map(drop),
                        1 => vfs.inotify(&cx).and_then(|group| {
                            vfs.add_watch(&cx, &group, "/m/dir/sub", WatchMask::OPEN).map(drop)
                        }),
                        _ => vfs.truncate(&cx, "/m/file", 1),
                    };
                }
                depth.fetch_sub(1, Ordering::SeqCst);
            });
            let open = |(path, flags): &(&str, _)| {
                stage.vfs.open(&stage.cx, path, *flags, 0o644).expect("a file")
            };
            let files: Vec<_> = op.files.iter().map(open).collect();
            stage.control.arm(usize::MAX, Fault::Panic, When::Before);
            let outcome = caught_with(&REFUSALS, || (op.run)(&stage, &files));
            stage.control.disarm();
            match outcome {
                Outcome::Done(_) => done += 1,
                Outcome::Panicked => refused += 1,
            }
            let _ = stage.vfs.unmount(&stage.root, "/m/other");
            stage.check().unwrap_or_else(|wrong| panic!("{}: {wrong}", op.name));
            drop(files);
            // The action of the file system's forget is done for the last time here.
            stage.end().unwrap_or_else(|wrong| panic!("{}: {wrong}", op.name));
        }
    }
    assert!(refused > 20 && done > 20, "{refused} refused, {done} done");
}

/// `chdir` and `with_root` did not count as operations: a file of another VFS that went inside a look-up
/// of theirs was taken for the end of all, and what was dead was freed under their locks.
#[test]
fn an_inode_of_another_vfs_that_dies_under_a_chdir_is_freed_later() {
    use vfsnotify::{MemFs, OpenFlags, Vfs};

    use lab::faults::faulty::Call;

    let another = Vfs::new(MemFs::new()).expect("a sound file system");
    let there = another.context();
    let acts: [fn(&Stage) -> vfsnotify::Result<()>; 2] = [
        |stage| stage.cx.clone().chdir(&stage.vfs, "/m/dir/sub"),
        |stage| stage.cx.clone().with_root(&stage.vfs, "/m/dir/sub").map(drop),
    ];
    for act in acts {
        let stage = Stage::new(Setup { privileged: true, warm: false });
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
        let file = another.open(&there, "/f", flags, 0o644).expect("a file");
        another.unlink(&there, "/f").expect("it is there");
        let (last, taken) = crossbeam_channel::bounded(1);
        last.send(file).expect("there is room");
        stage.control.hook(move |call| {
            if call == Call::Lookup {
                // Closed here, the first time, and with it its inode goes.
                let _ = taken.try_recv();
            }
        });
        stage.control.arm(usize::MAX, Fault::Panic, When::Before);
        act(&stage).expect("it is there");
        stage.control.disarm();
        assert_eq!((another.nr_open_files(), another.tree().live_dentries()), (0, 1));
        another.reap();
        assert_eq!(another.tree().live_inodes(), 1);
        stage.end().expect("nothing is left");
    }
}
