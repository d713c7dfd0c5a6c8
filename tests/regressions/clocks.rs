//! Where timestamps and the pace of walks come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use vfsnotify::fs::{NewNode, Request};
use vfsnotify::inotify::WatchMask;
use vfsnotify::{
    Clock, Context, FileSystem, InodeKind, MemFs, Mode, MountOptions, OpenFlags, TimeSetting,
    Timestamp, Vfs,
};

/// A clock that stands still, and counts how often it is asked how much time has passed.
#[derive(Clone, Debug)]
struct Stopped(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    now: AtomicI64,
    monotonic: AtomicUsize,
}

impl Stopped {
    fn at(seconds: i64) -> Self {
        Self(Arc::new(Asked { now: AtomicI64::new(seconds), monotonic: AtomicUsize::new(0) }))
    }
}

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0.now.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic.fetch_add(1, Ordering::Relaxed);
        Duration::ZERO
    }
}

/// The seconds of atime, mtime and ctime.
fn times(vfs: &Vfs, cx: &Context, path: &str) -> [i64; 3] {
    let attr = vfs.stat(cx, path).expect("it is there").attr;
    [attr.atime, attr.mtime, attr.ctime].map(|time| time.seconds)
}

/// The clock of the builder paced walks only: timestamps were the system's.
#[test]
fn one_call_sets_the_clock_of_walks_and_of_timestamps() {
    let clock = Stopped::at(7);
    let vfs = Vfs::builder().clock(clock.clone()).build(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    assert_eq!(times(&vfs, &cx, "/"), [7; 3], "a root that was made before");
    for path in ["/shared", "/dynamic", "/own"] {
        vfs.mkdir(&cx, path, 0o755).expect("a directory");
        assert_eq!(times(&vfs, &cx, path), [7; 3]);
    }
    clock.0.now.store(8, Ordering::Relaxed);
    vfs.mount(&cx, "/shared", Arc::new(MemFs::new())).expect("a mount");
    vfs.mount_with(&cx, "/dynamic", Arc::new(MemFs::new()), MountOptions::default())
        .expect("a mount");
    let own = MemFs::builder().clock(Arc::new(Stopped::at(100))).build();
    vfs.mount(&cx, "/own", own).expect("a mount");
    for (mount, seconds) in [("/shared", 8), ("/dynamic", 8), ("/own", 100)] {
        assert_eq!(times(&vfs, &cx, mount), [seconds; 3], "the root of {mount}");
        let path = format!("{mount}/f");
        let flags = OpenFlags::WRITE | OpenFlags::CREATE;
        let file = vfs.open(&cx, &path, flags, 0o644).expect("a file");
        assert_eq!(times(&vfs, &cx, &path), [seconds; 3]);
        let past = TimeSetting::At(Timestamp::from_seconds(1));
        vfs.utimens(&cx, &path, Some(past), Some(past)).expect("times");
        assert_eq!(times(&vfs, &cx, &path), [1, 1, seconds]);
        file.write(b"data").expect("a write");
        assert_eq!(times(&vfs, &cx, &path), [1, seconds, seconds]);
        vfs.utimens(&cx, &path, Some(TimeSetting::Now), None).expect("times");
        assert_eq!(times(&vfs, &cx, &path), [seconds; 3]);
    }
    let group = vfs.inotify(&cx).expect("an instance");
    let before = clock.0.monotonic.load(Ordering::Relaxed);
    vfs.add_watch(&cx, &group, "/", WatchMask::MODIFY).expect("a watch");
    assert!(clock.0.monotonic.load(Ordering::Relaxed) > before, "the walk asks it");
}

/// An object that was there before keeps its times, and the first clock counts.
#[test]
fn a_file_system_that_is_attached_again_keeps_its_clock() {
    let fs = Arc::new(MemFs::new());
    let kind = InodeKind::Regular;
    let new = NewNode::new(kind, Mode::new(0o644));
    let root = fs.root().expect("a root").attr.ino;
    let made = fs.create(&Request::SUPERUSER, root, b"old", &new).expect("a file").attr.mtime;
    let with_clock = |seconds| {
        let builder = Vfs::builder().clock(Stopped::at(seconds));
        builder.build(Arc::clone(&fs)).expect("a VFS")
    };
    let (first, second) = (with_clock(7), with_clock(9));
    assert_eq!(first.stat(&first.context(), "/old").expect("a file").attr.mtime, made);
    assert!(times(&first, &first.context(), "/")[1] >= made.seconds, "the root was changed");
    second.mkdir(&second.context(), "/new", 0o755).expect("a directory");
    assert_eq!(times(&first, &first.context(), "/new"), [7; 3]);
}
