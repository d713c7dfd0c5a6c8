//! The `Sink` that a file system gets when it is attached, and how long it holds.

#![expect(clippy::disallowed_types, reason = "a test has no lock of the crate")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use vfsnotify::fs::{Caching, Layer, MemFs, Node, Sink};
use vfsnotify::{Clock, Errno, FileSystem, OpenFlags, Result, Timestamp, TreeLimits, Vfs};

/// A clock that stands.
#[derive(Debug)]
struct Frozen(i64);

impl Clock for Frozen {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.0)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Keeps its sinks, and the order in which it was asked.
#[derive(Debug, Default)]
struct Attached {
    inner: MemFs,
    sinks: Mutex<Vec<Sink>>,
    asked: Mutex<Vec<&'static str>>,
    refuses: bool,
}

impl Attached {
    fn sink(&self, at: usize) -> Sink {
        self.sinks.lock().expect("no panic")[at].clone()
    }

    fn note(&self, what: &'static str) {
        self.asked.lock().expect("no panic").push(what);
    }
}

impl Layer for Attached {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    fn attach(&self, sink: &Sink) -> Result<()> {
        self.note("attach");
        self.sinks.lock().expect("no panic").push(sink.clone());
        if self.refuses { Err(Errno::EBUSY.into()) } else { self.inner.attach(sink) }
    }
    fn caching(&self) -> Caching {
        self.note("caching");
        Caching::default()
    }
    fn is_read_only(&self) -> bool {
        self.note("is_read_only");
        false
    }
    fn root(&self) -> Result<Node> {
        self.note("root");
        self.inner.root()
    }
}

#[test]
fn a_file_system_is_attached_before_anything_is_asked_and_once_for_each_mount() {
    let fs = Arc::new(Attached::default());
    let vfs = Vfs::new(fs.clone()).expect("a root");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a place");
    vfs.mkdir(&cx, "/n", 0o755).expect("a place");
    vfs.mount_with(&cx, "/m", fs.clone(), Default::default()).expect("a mount");
    vfs.bind_mount(&cx, "/m", "/n").expect("a bind mount");
    vfs.exists(&cx, "/m/m/none").expect("an answer");
    let asked = fs.asked.lock().expect("no panic").clone();
    let once = ["attach", "caching", "is_read_only", "root"];
    assert_eq!(asked, [once, once].concat());
}

/// Each time that room was made in the cache it was attached anew.
#[test]
fn a_mount_that_has_to_make_room_attaches_once() {
    let limits = TreeLimits::default().with_dentries(64);
    let vfs = Vfs::builder().tree_limits(limits).build(MemFs::new()).expect("a root");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a place");
    let place = vfs.open(&cx, "/m", OpenFlags::PATH, 0).expect("it is there");
    // The cache is full of names that can be looked up again.
    for name in 0..200 {
        if vfs.tree().live_dentries() < 64 {
            vfs.mkdir(&cx, format!("/{name}"), 0o755).expect("a directory");
        }
    }
    assert_eq!(vfs.tree().live_dentries(), 64);
    let fs = Arc::new(Attached::default());
    vfs.mount_with(&cx, &place, fs.clone(), Default::default()).expect("room is made");
    assert!(vfs.tree().live_dentries() < 64, "room was made");
    let asked = fs.asked.lock().expect("no panic").clone();
    assert_eq!(asked, ["attach", "caching", "is_read_only", "root"]);
}

#[test]
fn an_attachment_lasts_until_everything_has_been_given_back() {
    let (first, second) = (Arc::new(Attached::default()), Arc::new(Attached::default()));
    let vfs = Vfs::new(first.clone()).expect("a root");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a place");
    for round in 0..2 {
        vfs.mount_with(&cx, "/m", second.clone(), Default::default()).expect("a mount");
        let flags = OpenFlags::WRITE | OpenFlags::CREATE;
        vfs.open(&cx, "/m/f", flags, 0o644).expect("a file").close();
        assert!(second.sink(round).is_attached());
        vfs.unmount(&cx, "/m").expect("it is not in use");
        assert!(!second.sink(round).is_attached());
    }
    let sink = first.sink(0);
    assert!(sink.is_attached());
    drop((vfs, cx));
    assert!(!sink.is_attached() && format!("{sink:?}").contains("attached: false"));
}

#[test]
fn a_file_system_can_refuse_to_be_attached() {
    let refusing = || Attached { refuses: true, ..Attached::default() };
    let error = Vfs::new(refusing()).expect_err("a refusal");
    assert_eq!(error, Errno::EBUSY);
    let vfs = Vfs::new(MemFs::new()).expect("a root");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a place");
    let fs = Arc::new(refusing());
    let error = vfs.mount_with(&cx, "/m", fs.clone(), Default::default()).expect_err("a refusal");
    assert_eq!((error.errno(), error.path()), (Errno::EBUSY, Some(&b"/m"[..])));
    assert_eq!((Arc::strong_count(&fs), vfs.mounts(&cx).len()), (1, 1));
    assert!(!fs.sink(0).is_attached(), "though it was handed out");
    drop(cx);
    vfs.verify().expect("the invariants");
}

/// The clock of a VFS that has none is the system's; of two, the first counts for `MemFs`.
#[test]
fn the_sink_has_the_clock_of_a_vfs_that_has_its_own() {
    let fs = Arc::new(Attached::default());
    let plain = Vfs::new(fs.clone()).expect("a root");
    assert!(fs.sink(0).clock().is_none());
    let with = |seconds| Vfs::builder().clock(Frozen(seconds)).build(fs.clone()).expect("a root");
    let (one, _two) = (with(7), with(8));
    assert_eq!(fs.sink(1).clock().map(|clock| clock.now().seconds), Some(7));
    assert_eq!(fs.sink(2).clock().map(|clock| clock.now().seconds), Some(8));
    one.mkdir(&one.context(), "/d", 0o755).expect("a directory");
    let made = plain.stat(&plain.context(), "/d").expect("the same file system");
    assert_eq!(made.mtime.seconds, 7);
}

/// A layer can hand on another clock.
#[test]
fn a_sink_can_be_given_another_clock() {
    let fs = MemFs::new();
    fs.attach(&Sink::unattached().with_clock(Arc::new(Frozen(9)))).expect("it never refuses");
    let root = fs.root().expect("a root").attr;
    assert_eq!((root.mtime.seconds, root.btime.map(|time| time.seconds)), (9, Some(9)));
}
