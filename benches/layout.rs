//! The figures by which the layout was chosen: nanoseconds per child of a walk, nanoseconds of a
//! hook that nobody matches, bytes per negative dentry.
//!
//! `cargo bench --bench layout [-- --full]`; the short form takes a few seconds, the full one
//! walks over 7 million children and makes 10 million negative dentries.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::{Notifier, NotifyConfig};
use vfsnotify::{DentryRef, InodeKind, InodeSpec, SuperblockRef, Tree, TreeConfig};

struct World {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
}

fn world() -> World {
    let tree = Tree::new(TreeConfig { negatives: 1 << 30, negatives_per_directory: 1 << 30 });
    let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
    let (superblock, root) = tree.add_superblock(1).expect("a superblock");
    World { tree, notifier, superblock, root }
}

fn file(world: &World, dir: &DentryRef, ino: u64, name: &[u8]) -> DentryRef {
    let spec = InodeSpec { ino, kind: InodeKind::Regular, nlink: 1 };
    let inode = world.tree.make_inode(&world.superblock, spec).expect("an inode");
    world.tree.instantiate(dir.get(), name, inode).expect("a dentry")
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Makes children in the order `order` of their dentries' slots, and times adding a watch.
fn walk(children: usize, shuffled: bool) -> f64 {
    let world = world();
    let spec = InodeSpec { ino: 2, kind: InodeKind::Directory, nlink: 2 };
    let aside = world.tree.make_inode(&world.superblock, spec).expect("an inode");
    let aside = world.tree.instantiate(world.root.get(), b"aside", aside).expect("a directory");
    let spec = InodeSpec { ino: 3, ..spec };
    let dir = world.tree.make_inode(&world.superblock, spec).expect("an inode");
    let dir = world.tree.instantiate(world.root.get(), b"dir", dir).expect("a directory");
    if shuffled {
        // Made in one directory and moved to another in random order: the walk's order has
        // nothing to do with the slots' any more.
        let mut all: Vec<DentryRef> = (0..children)
            .map(|n| file(&world, &aside, 10 + n as u64, format!("{n}").as_bytes()))
            .collect();
        let mut seed = 12_345_u64;
        for at in (1..all.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            all.swap(at, (seed >> 33) as usize % (at + 1));
        }
        for (n, dentry) in all.iter().enumerate() {
            let name = format!("{n}");
            world.tree.rename(dentry.get(), dir.get(), name.as_bytes()).expect("a rename");
        }
    } else {
        for n in 0..children {
            file(&world, &dir, 10 + n as u64, format!("{n}").as_bytes());
        }
    }
    let inotify = Inotify::new(&world.notifier, 0).expect("an instance");
    let inode = dir.inode_ref();
    let start = Instant::now();
    inotify.add_watch_on(&inode, WatchMask::MODIFY).expect("a watch");
    start.elapsed().as_nanos() as f64 / children as f64
}

fn hook(prepare: impl Fn(&World, &DentryRef) -> Option<Inotify>) -> f64 {
    let world = world();
    let other = file(&world, &world.root, 9, b"other");
    let spec = InodeSpec { ino: 3, kind: InodeKind::Directory, nlink: 2 };
    let dir = world.tree.make_inode(&world.superblock, spec).expect("an inode");
    let dir = world.tree.instantiate(world.root.get(), b"dir", dir).expect("a directory");
    let child = file(&world, &dir, 4, b"child");
    let _inotify = prepare(&world, &other);
    let rounds = 20_000_000_u32;
    let time = |work: &dyn Fn()| {
        let mut best = Duration::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            work();
            best = best.min(start.elapsed());
        }
        best.as_nanos() as f64 / f64::from(rounds)
    };
    let empty = time(&|| {
        (0..rounds).for_each(|n| {
            black_box(n);
        })
    });
    let hooks = time(&|| {
        let dentry = child.get();
        (0..rounds).for_each(|n| {
            black_box(n);
            world.notifier.on_access(dentry);
        });
    });
    hooks - empty
}

/// Bytes and nanoseconds of each, and the longest single insertion in microseconds.
fn negatives(count: usize) -> (f64, f64, f64) {
    let world = world();
    let before = resident();
    let start = Instant::now();
    let (mut last, mut longest) = (start, Duration::ZERO);
    for n in 0..count {
        let name = format!("negative-{n:011}");
        world.tree.remember_missing(world.root.get(), name.as_bytes()).expect("a negative dentry");
        let now = Instant::now();
        longest = longest.max(now - last);
        last = now;
    }
    let nanos = start.elapsed().as_nanos() as f64 / count as f64;
    let bytes = resident().saturating_sub(before) as f64 / count as f64;
    assert_eq!(world.tree.negatives(), count);
    (bytes, nanos, longest.as_secs_f64() * 1e6)
}

/// The longest pause of a loop that does nothing, for as long as the insertions took: what the
/// machine itself adds to the longest insertion.
fn longest_pause(time: Duration) -> f64 {
    let start = Instant::now();
    let (mut last, mut longest) = (start, Duration::ZERO);
    while start.elapsed() < time {
        let now = Instant::now();
        longest = longest.max(now - last);
        last = now;
    }
    longest.as_secs_f64() * 1e6
}

fn main() {
    let is_full = std::env::args().any(|arg| arg == "--full");
    let (children, missing) = if is_full { (7_000_000, 10_000_000) } else { (200_000, 300_000) };
    // First, while nothing has been freed that it could use again.
    let (bytes, nanos, longest) = negatives(missing);
    println!(
        "negative dentries, {missing} of them, names of 20 bytes: {bytes:.1} B each, {nanos:.0} ns to add"
    );
    let pause = longest_pause(Duration::from_nanos((nanos * missing as f64) as u64));
    println!(
        "longest single insertion: {longest:.0} us (longest pause of an empty loop: {pause:.0} us)"
    );
    println!("walk, {children} children in creation order: {:.2} ns each", walk(children, false));
    println!("walk, {children} children in random order: {:.2} ns each", walk(children, true));
    println!("hook, nothing watched: {:.2} ns", hook(|_, _| None));
    let elsewhere = hook(|world, other| {
        let inotify = Inotify::new(&world.notifier, 0).ok()?;
        inotify.add_watch_on(&other.inode_ref(), WatchMask::ALL_EVENTS).ok()?;
        Some(inotify)
    });
    println!("hook, a watch elsewhere: {elsewhere:.2} ns");
    let other_event = hook(|world, _| {
        let inotify = Inotify::new(&world.notifier, 0).ok()?;
        let dir = match world.tree.lookup(world.root.get(), b"dir").ok()? {
            vfsnotify::Lookup::Positive(dir) => dir,
            _ => return None,
        };
        inotify.add_watch_on(&dir.inode_ref(), WatchMask::MODIFY).ok()?;
        Some(inotify)
    });
    println!("hook, the parent watched for another event: {other_event:.2} ns");
}
