//! A hook that matches no mark allocates nothing (G12): the four cases of a hook's cost.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::{Access, Context, File, IntoPath, MemFs, OpenFlags, Vfs};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "a global allocator is unsafe to implement; it only counts")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

struct World {
    vfs: Vfs,
    cx: Context,
    inotify: Inotify,
    file: File,
}

fn world() -> World {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
    let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
    drop(vfs.open(&cx, "/other", flags, 0o644).expect("a file"));
    let file = vfs.open(&cx, "/d/child", flags, 0o644).expect("a file");
    file.write(b"contents").expect("a write");
    let inotify = vfs.inotify(&cx).expect("an instance");
    World { vfs, cx, inotify, file }
}

/// Reads and writes through the VFS, and every hook on its own.
fn everything(world: &World) {
    let notifier = world.vfs.notifier();
    let dentry = world.file.dentry();
    for _ in 0..100 {
        world.file.pread(&mut [0; 4], 0).expect("a read");
        world.file.pwrite(b"over", 0).expect("a write");
        notifier.hooks().on_open(dentry);
        notifier.hooks().on_access(dentry);
        notifier.hooks().on_modify(dentry);
        notifier.hooks().on_close(dentry, true);
        notifier.hooks().on_attrib(dentry, vfsnotify::EventMask::ATTRIB);
        notifier.hooks().on_link_count(dentry.inode());
        notifier.hooks().on_rename(dentry, b"a", dentry, b"b", dentry.inode(), None);
    }
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn with_no_watch_anywhere_nothing_is_allocated() {
    let world = world();
    assert_eq!(allocations(|| everything(&world)), 0);
}

#[test]
fn with_a_watch_elsewhere_on_the_file_system_nothing_is_allocated() {
    let world = world();
    world
        .vfs
        .add_watch(&world.cx, &world.inotify, "/other", WatchMask::ALL_EVENTS)
        .expect("a watch");
    assert_eq!(allocations(|| everything(&world)), 0);
    assert!(world.inotify.is_empty());
}

#[test]
fn with_the_parent_watched_for_another_event_nothing_is_allocated() {
    let world = world();
    let mask = WatchMask::CREATE | WatchMask::DELETE_SELF;
    world.vfs.add_watch(&world.cx, &world.inotify, "/d", mask).expect("a watch");
    assert_eq!(allocations(|| everything(&world)), 0);
    assert!(world.inotify.is_empty());
}

#[test]
fn a_matching_event_with_a_short_name_allocates_nothing_once_the_queue_is_warm() {
    let world = world();
    world.vfs.add_watch(&world.cx, &world.inotify, "/d", WatchMask::MODIFY).expect("a watch");
    let mut events: Vec<Event> = Vec::with_capacity(64);
    let round = |events: &mut Vec<Event>| {
        for _ in 0..30 {
            world.file.pwrite(b"over", 0).expect("a write");
            world.inotify.drain_into(events, 64);
            events.clear();
        }
    };
    round(&mut events);
    assert_eq!(allocations(|| round(&mut events)), 0);
    world.file.pwrite(b"over", 0).expect("a write");
    assert_eq!(world.inotify.drain().len(), 1, "the events do come");
}

#[test]
fn after_the_watch_went_away_nothing_is_allocated() {
    let world = world();
    let wd =
        world.vfs.add_watch(&world.cx, &world.inotify, "/d", WatchMask::MODIFY).expect("a watch");
    let mask = WatchMask::ALL_EVENTS;
    world.vfs.add_watch(&world.cx, &world.inotify, "/other", mask).expect("a watch");
    world.inotify.rm_watch(wd).expect("a removal");
    assert!(world.file.dentry().is_parent_watched(), "the flag is stale");
    assert_eq!(allocations(|| everything(&world)), 0);
    assert!(!world.file.dentry().is_parent_watched(), "the first touch cleared it");
}

#[test]
fn a_path_is_not_copied_whatever_it_is_made_of() {
    let world = world();
    let (vfs, cx) = (&world.vfs, &world.cx);
    let dir = vfs.open(cx, "/d", OpenFlags::PATH, 0).expect("a handle");
    let owned = [String::from("/d/child"), String::from("child")];
    let path = std::path::Path::new("/d/child");
    let ask = || {
        for _ in 0..10 {
            vfs.stat(cx, "/d/child").expect("it is there");
            vfs.stat(cx, &owned[0]).expect("it is there");
            vfs.stat(cx, path.no_follow()).expect("it is there");
            vfs.stat(cx, dir.at(&owned[1]).beneath().no_symlinks()).expect("it is there");
            vfs.stat(cx, &world.file).expect("it is open");
            vfs.access(cx, world.file.empty_path(), Access::READ).expect("it may be read");
        }
    };
    ask();
    assert_eq!(allocations(ask), 0);
}
