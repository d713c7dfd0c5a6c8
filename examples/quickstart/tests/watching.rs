//! The recursive watch of `quickstart`: it knows every directory, or says which one it cannot follow.

use vfsnotify::inotify::{Event, Inotify};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{Context, InodeKind, MemFs, RenameFlags, Vfs};

use crate::tree_watch::TreeWatch;

/// A VFS whose operations and whose watcher take turns as a test says.
struct World {
    vfs: Vfs,
    cx: Context,
}

impl World {
    fn new(max_queued_events: usize) -> Self {
        let limits = Limits::default().with_max_queued_events(max_queued_events);
        let notify = NotifyConfig::default().with_limits(limits);
        let vfs = Vfs::builder().notify(notify).build(MemFs::new()).expect("a VFS");
        let cx = vfs.context();
        Self { vfs, cx }
    }

    fn file(&self, path: &str) {
        self.vfs.mknod(&self.cx, path, InodeKind::Regular, 0o644, 0).expect("a new file");
    }

    fn mkdir(&self, path: &str) {
        self.vfs.mkdir(&self.cx, path, 0o755).expect("a new directory");
    }

    fn rename(&self, from: &str, to: &str) {
        self.vfs.rename(&self.cx, from, to, RenameFlags::NOREPLACE).expect("a move");
    }

    fn exchange(&self, one: &str, other: &str) {
        self.vfs.rename(&self.cx, one, other, RenameFlags::EXCHANGE).expect("an exchange");
    }
}

/// Handles up to so many events; returns how many there were.
fn handle(watch: &mut TreeWatch<'_>, inotify: &Inotify, most: usize) -> usize {
    let mut events: Vec<Event> = Vec::new();
    let len = inotify.drain_into(&mut events, most);
    watch.handle(&mut events, &mut String::new()).expect("events");
    len
}

fn handle_all(watch: &mut TreeWatch<'_>, inotify: &Inotify) {
    while handle(watch, inotify, 256) > 0 {}
}

/// After the overflow some events are read, and there is room again behind it: events that are queued there
/// are older than the scan, and later ones may be lost.
#[test]
fn the_picture_after_an_overflow_is_right_with_events_queued_behind_it() {
    let world = World::new(4);
    let inotify = world.vfs.inotify(&world.cx).expect("an instance");
    let mut watch = TreeWatch::new(&world.vfs, &world.cx, &inotify).expect("a watch");
    // The last is lost.
    ["/a", "/b", "/c", "/d", "/e"].into_iter().for_each(|path| world.file(path));
    assert_eq!(handle(&mut watch, &inotify, 3), 3);
    // Behind the overflow; then it is full, and the overflow counts one more.
    world.vfs.unlink(&world.cx, "/a").expect("it is there");
    world.file("/z");
    world.file("/a");
    handle_all(&mut watch, &inotify);
    assert_eq!(watch.check(), Ok(6));
    let counts = watch.counts();
    assert_eq!((counts.events, counts.overflows, counts.found), (6, 1, 2));
}

/// Whenever the watcher looks for the new directory, one above it has another name than in the event.
#[test]
fn a_directory_made_during_moves_there_and_back_is_found() {
    let world = World::new(100);
    let inotify = world.vfs.inotify(&world.cx).expect("an instance");
    world.mkdir("/d");
    let mut watch = TreeWatch::new(&world.vfs, &world.cx, &inotify).expect("a watch");
    world.rename("/d", "/e");
    world.rename("/e", "/d");
    world.mkdir("/d/sub");
    // MOVED_FROM, MOVED_TO, MOVE_SELF.
    handle(&mut watch, &inotify, 3);
    world.rename("/d", "/e");
    // The same, and CREATE.
    handle(&mut watch, &inotify, 4);
    world.rename("/e", "/d");
    handle_all(&mut watch, &inotify);
    assert_eq!(watch.check(), Ok(2));
    let notices = watch.take_notices();
    let missing = "no such file or directory (ENOENT); moved on or removed";
    for notice in [
        &format!("cannot follow /e: {missing}"),
        &format!("cannot follow /d/sub: {missing}"),
        "cannot follow /d: moved, and its name is in use again; rescan",
        "cannot follow /d: it moved away and came back; rescan",
    ] {
        assert!(notices.iter().any(|line| line == notice), "{notice} is not in {notices:?}");
    }
}

#[test]
fn an_exchange_is_followed_and_noticed() {
    for (one, other) in [("/x", "/y"), ("/a/x", "/b/y"), ("/a/x", "/y")] {
        let world = World::new(1000);
        let inotify = world.vfs.inotify(&world.cx).expect("an instance");
        ["/a", "/b", one, other].into_iter().for_each(|path| world.mkdir(path));
        world.mkdir(&format!("{one}/below"));
        world.file(&format!("{other}/file"));
        ["/f", "/g"].into_iter().for_each(|path| world.file(path));
        let mut watch = TreeWatch::new(&world.vfs, &world.cx, &inotify).expect("a watch");
        world.exchange(one, other);
        handle_all(&mut watch, &inotify);
        assert_eq!(watch.check(), Ok(8));
        let notices = watch.take_notices();
        let expected =
            format!("cannot follow {other}: moved, and its name is in use again; rescan");
        assert!(notices.contains(&expected), "{notices:?}");
        // Files, and a file and a directory; then events in both places.
        world.exchange("/f", "/g");
        world.exchange(one, "/g");
        world.mkdir("/g/new");
        handle_all(&mut watch, &inotify);
        assert_eq!(watch.check(), Ok(9));
    }
}

#[test]
fn an_unmount_is_noticed() {
    let world = World::new(100);
    let inotify = world.vfs.inotify(&world.cx).expect("an instance");
    world.mkdir("/mnt");
    world.vfs.mount(&world.cx, "/mnt", MemFs::new()).expect("a mount");
    let mut watch = TreeWatch::new(&world.vfs, &world.cx, &inotify).expect("a watch");
    world.vfs.unmount(&world.cx, "/mnt").expect("it is mounted");
    handle_all(&mut watch, &inotify);
    let expected = "cannot follow /mnt: unmounted; what it covered may not be watched";
    assert_eq!(watch.take_notices(), [expected]);
}

/// One of a few paths, so that operations meet each other.
fn some_path(random: &mut fastrand::Rng) -> String {
    (0..random.usize(1..4)).map(|_| format!("/{}", ["a", "b", "c"][random.usize(0..3)])).collect()
}

/// The watcher reads the events of random operations late and in parts, so that most are about places that
/// are not there any more. Once it has read all of them it knows every name and watches every directory.
#[test]
fn no_directory_is_lost_by_moves_and_exchanges() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let world = World::new(if seed % 4 == 0 { 8 } else { 1000 });
        let (vfs, cx) = (&world.vfs, &world.cx);
        let inotify = vfs.inotify(cx).expect("an instance");
        let mut watch = TreeWatch::new(vfs, cx, &inotify).expect("a watch");
        for _ in 0..60 {
            let (one, other) = (some_path(&mut random), some_path(&mut random));
            // Most of them fail.
            let _ = match random.usize(0..8) {
                0..=2 => vfs.mkdir(cx, &one, 0o755),
                3 => vfs.mknod(cx, &one, InodeKind::Regular, 0o644, 0),
                4 => vfs.rename(cx, &one, &other, RenameFlags::EXCHANGE),
                5 | 6 => vfs.rename(cx, &one, &other, RenameFlags::empty()),
                _ => vfs.rmdir(cx, &one).or_else(|_| vfs.unlink(cx, &one)),
            };
            if random.u8(..) < 100 {
                handle(&mut watch, &inotify, random.usize(1..6));
            }
        }
        handle_all(&mut watch, &inotify);
        if let Err(error) = watch.check() {
            panic!("seed {seed}: {error}; {:?}", watch.take_notices());
        }
    }
}
