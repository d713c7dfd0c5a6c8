//! Yielders and clocks in the middle of a walk.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::NotifyConfig;
use vfsnotify::{
    Clock, Context, InodeKind, MemFs, OpenFlags, Pace, RenameFlags, Timestamp, Vfs, Yielder,
};

use lab::faults::threads::{Outcome, Worker, caught, meant, wait};

/// More than a few chunks of a walk.
const CHILDREN: usize = 1500;

type Callback = Box<dyn Fn(usize, &World) + Send + Sync>;

/// A directory that takes several chunks to walk, and something to do between any two.
struct World {
    vfs: Vfs,
    cx: Context,
    group: Inotify,
    /// How often the walks of all have yielded.
    yields: Arc<AtomicUsize>,
    between: Arc<OnceLock<(Arc<World>, Callback)>>,
}

impl World {
    fn new() -> Arc<Self> {
        let yields = Arc::new(AtomicUsize::new(0));
        let between: Arc<OnceLock<(Arc<Self>, Callback)>> = Arc::default();
        let yielder = {
            let (yields, between) = (yields.clone(), between.clone());
            Yielder::Callback(Arc::new(move || {
                let number = yields.fetch_add(1, Ordering::SeqCst) + 1;
                if let Some((world, callback)) = between.get() {
                    callback(number, world);
                }
            }))
        };
        let pace = Pace::default().with_yielder(yielder).with_budget(Duration::ZERO);
        let vfs = Vfs::builder()
            .notify(NotifyConfig::default().with_pace(pace.with_clock(Arc::new(Slow::default()))))
            .build(MemFs::new())
            .expect("a sound file system");
        let cx = vfs.context();
        vfs.mkdir(&cx, "/d", 0o755).expect("a directory");
        for n in 0..CHILDREN {
            vfs.mknod(&cx, format!("/d/{n}"), InodeKind::Regular, 0o644, 0).expect("a file");
        }
        let group = vfs.inotify(&cx).expect("an instance");
        Arc::new(Self { vfs, cx, group, yields, between })
    }

    /// Lets a walk do something between any two chunks.
    fn between(self: &Arc<Self>, callback: impl Fn(usize, &Self) + Send + Sync + 'static) {
        let set = self.between.set((self.clone(), Box::new(callback)));
        assert!(set.is_ok(), "once for each world");
    }

    fn watch(&self) -> vfsnotify::Result<vfsnotify::inotify::WatchDescriptor> {
        self.vfs.add_watch(&self.cx, &self.group, "/d", WatchMask::OPEN)
    }

    /// Every child is reported.
    fn reports_all(&self, group: &Inotify) {
        let _ = group.drain();
        for n in (0..CHILDREN).step_by(97) {
            let path = format!("/d/{n}");
            self.vfs.open(&self.cx, path, OpenFlags::READ, 0).expect("it is there").close();
        }
        assert_eq!(group.drain().len(), CHILDREN.div_ceil(97));
        self.vfs.verify().expect("the invariants");
    }
}

/// A clock by which each look takes a while, so that chunks stay short.
#[derive(Debug, Default)]
struct Slow {
    looks: AtomicUsize,
    panics_at: AtomicUsize,
    /// It panics whenever it is looked at.
    is_broken: AtomicBool,
}

impl Clock for Slow {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn monotonic(&self) -> Duration {
        let look = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
        let is_broken = self.is_broken.load(Ordering::SeqCst);
        if is_broken || look == self.panics_at.load(Ordering::SeqCst) {
            meant();
        }
        Duration::from_micros(look as u64 * 10)
    }
}

#[test]
fn a_yielder_that_panics_takes_the_watch_back_and_the_next_adder_walks_on() {
    for nth in [1, 2, 5] {
        let world = World::new();
        world.between(move |number, _| {
            if number == nth {
                meant();
            }
        });
        assert!(matches!(caught(|| world.watch()), Outcome::Panicked));
        assert_eq!(world.group.watch_count(), 0, "no caller has its descriptor");
        assert_eq!(world.vfs.notifier().usage(0), (1, 0));
        assert!(world.group.is_empty());
        world.vfs.verify().expect("the invariants");
        let before = world.yields.load(Ordering::SeqCst);
        let other = world.clone();
        Worker::new().run("the next adder", move || other.watch().expect("a watch"));
        assert!(world.yields.load(Ordering::SeqCst) > before, "there was something left to walk");
        world.reports_all(&world.group);
    }
}

#[test]
fn a_clock_that_panics_takes_the_watch_back() {
    for nth in 1..8 {
        let clock = Arc::new(Slow::default());
        let pace = Pace::default().with_clock(clock.clone()).with_budget(Duration::ZERO);
        let vfs = Vfs::builder()
            .notify(NotifyConfig::default().with_pace(pace))
            .build(MemFs::new())
            .expect("a sound file system");
        let cx = vfs.context();
        for n in 0..600 {
            vfs.mknod(&cx, format!("/{n}"), InodeKind::Regular, 0o644, 0).expect("a file");
        }
        let group = vfs.inotify(&cx).expect("an instance");
        let watch = || vfs.add_watch(&cx, &group, "/", WatchMask::OPEN);
        clock.panics_at.store(nth, Ordering::SeqCst);
        match caught(watch) {
            Outcome::Panicked => assert_eq!(group.watch_count(), 0),
            Outcome::Done(watch) => drop(watch.expect("a watch")),
        }
        vfs.verify().expect("the invariants");
        watch().expect("a watch");
        vfs.open(&cx, "/77", OpenFlags::READ, 0).expect("it is there").close();
        assert_eq!(group.len(), 1);
    }
}

/// A watch that was there before is changed, and is ready, whatever becomes of the walk.
#[test]
fn a_yielder_or_a_clock_that_panics_leaves_a_changed_watch_ready() {
    let world = World::new();
    world.vfs.add_watch(&world.cx, &world.group, "/d", WatchMask::DELETE_SELF).expect("a watch");
    world.between(|_, _| meant());
    assert!(matches!(caught(|| world.watch()), Outcome::Panicked));
    assert_eq!(world.group.watch_count(), 1);
    world.reports_all(&world.group);

    let clock = Arc::new(Slow::default());
    let pace = Pace::default().with_clock(clock.clone()).with_budget(Duration::ZERO);
    let notify = NotifyConfig::default().with_pace(pace);
    let vfs = Vfs::builder().notify(notify).build(MemFs::new()).expect("a sound file system");
    let cx = vfs.context();
    vfs.mknod(&cx, "/f", InodeKind::Regular, 0o644, 0).expect("a file");
    let group = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &group, "/", WatchMask::DELETE_SELF).expect("a watch");
    clock.is_broken.store(true, Ordering::SeqCst);
    assert!(matches!(
        caught(|| vfs.add_watch(&cx, &group, "/", WatchMask::OPEN)),
        Outcome::Panicked
    ));
    clock.is_broken.store(false, Ordering::SeqCst);
    vfs.open(&cx, "/f", OpenFlags::READ, 0).expect("it is there").close();
    assert_eq!(group.len(), 1);
}

/// The contract of a yielder forbids to wait for the directory that is walked. Nothing is held
/// between two chunks, so it works all the same; what takes the watch away has taken it away.
#[test]
fn a_yielder_may_do_what_it_likes_to_the_directory_that_is_walked() {
    let done: [fn(&World); 7] = [
        |world| {
            world.watch().expect("a watch of the same instance");
        },
        |world| {
            let other = world.vfs.inotify(&world.cx).expect("an instance");
            world.vfs.add_watch(&world.cx, &other, "/d", WatchMask::OPEN).expect("another's");
            world.vfs.open(&world.cx, "/d/0", OpenFlags::READ, 0).expect("it is there");
            assert_eq!(other.len(), 1, "the inner one is ready");
        },
        |world| {
            for n in 0..20 {
                let (old, new) = (format!("/d/{}", n * 7), format!("/{n}"));
                let (vfs, cx) = (&world.vfs, &world.cx);
                vfs.rename(cx, &old, &new, RenameFlags::empty()).expect("it is there");
                vfs.rename(cx, &new, &old, RenameFlags::empty()).expect("it is there");
            }
        },
        |world| {
            let path = "/d/more";
            world.vfs.mkdir(&world.cx, path, 0o755).expect("a directory");
            world.vfs.rmdir(&world.cx, path).expect("an empty one");
        },
        |world| {
            let none = RenameFlags::empty();
            world.vfs.rename(&world.cx, "/d", "/e", none).expect("it is there");
            world.vfs.rename(&world.cx, "/e", "/d", none).expect("it is there");
        },
        |world| world.vfs.reap(),
        |world| drop(world.group.drain()),
    ];
    for act in done {
        let world = World::new();
        world.between(move |number, world| {
            // Not in the walk that this may begin itself.
            if number == 2 {
                act(world);
            }
        });
        let other = world.clone();
        Worker::new().run("a walk", move || other.watch().expect("a watch"));
        assert!(world.yields.load(Ordering::SeqCst) > 2);
        world.reports_all(&world.group);
    }
}

#[test]
fn a_yielder_may_end_what_is_being_watched() {
    let ends: [fn(&World); 3] = [
        |world| world.group.close(),
        |world| {
            for watch in world.group.watches() {
                world.group.rm_watch(watch.wd).expect("it is there");
            }
        },
        |world| {
            for n in 0..CHILDREN {
                world.vfs.unlink(&world.cx, format!("/d/{n}")).expect("it is there");
            }
            world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
        },
    ];
    for end in ends {
        let world = World::new();
        world.between(move |number, world| {
            if number == 2 {
                end(world);
            }
        });
        let other = world.clone();
        // Whether it says that there is a watch or not: there is none.
        drop(Worker::new().run("a walk", move || other.watch().map(drop)));
        assert_eq!(world.group.watch_count(), 0);
        assert_eq!(world.vfs.notifier().usage(0).1, 0);
        world.vfs.verify().expect("the invariants");
    }
}

/// The walker sleeps between two chunks; another adder does the rest and returns.
#[test]
fn a_blocked_yielder_delays_no_other_thread() {
    let world = World::new();
    let (asleep, is_asleep) = crossbeam_channel::bounded(1);
    let (wake, awake) = crossbeam_channel::bounded::<()>(1);
    world.between(move |number, _| {
        if number == 1 {
            asleep.send(()).expect("a thread waits");
            wait("to be woken", &awake);
        }
    });
    let (slow, quick) = (Worker::new(), Worker::new());
    let walker = world.clone();
    let result = slow.start(move || walker.watch().map(drop));
    wait("the walker to sleep", &is_asleep);
    let other = world.clone();
    quick.run("every other thread", move || {
        let World { vfs, cx, .. } = &*other;
        let group = vfs.inotify(cx).expect("an instance");
        vfs.add_watch(cx, &group, "/d", WatchMask::OPEN).expect("it helps, and is ready");
        vfs.mkdir(cx, "/d/new", 0o755).expect("a directory");
        vfs.unlink(cx, "/d/1").expect("it is there");
        vfs.mknod(cx, "/d/1", InodeKind::Regular, 0o644, 0).expect("it is gone");
        other.reports_all(&group);
    });
    wake.send(()).expect("it sleeps");
    wait("the walker", &result).expect("a watch");
    world.reports_all(&world.group);
}
