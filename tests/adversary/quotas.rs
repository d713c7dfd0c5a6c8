//! Watches and instances are counted against the user who made the instance, as on Linux.

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{Context, Credentials, Errno, MemFs, OpenFlags, RenameFlags, Vfs};

use crate::adversary::world::refusal;

struct Stage {
    vfs: Vfs,
    alice: Context,
    bob: Context,
}

const ALICE: u32 = 1;
const BOB: u32 = 2;

impl Stage {
    fn new(instances: u32, watches: u32) -> Self {
        let limits =
            Limits::default().with_max_user_instances(instances).with_max_user_watches(watches);
        let config = NotifyConfig::default().with_limits(limits);
        let vfs = Vfs::builder().notify(config).build(MemFs::new()).expect("a VFS");
        let host = vfs.context();
        for n in 0..6 {
            vfs.mkdir(&host, format!("/{n}"), 0o777).expect("a directory");
        }
        let user = |uid| vfs.context().with_credentials(Credentials::new(uid, uid));
        let (alice, bob) = (user(ALICE), user(BOB));
        Self { vfs, alice, bob }
    }

    fn watch(&self, cx: &Context, inotify: &Inotify, path: &str) -> vfsnotify::Result<i32> {
        let wd = self.vfs.add_watch(cx, inotify, path, WatchMask::ALL_EVENTS)?;
        Ok(wd.as_raw())
    }

    fn usage(&self, user: u32) -> (u32, u32) {
        self.vfs.notifier().usage(user)
    }

    fn set_limits(&self, instances: u32, watches: u32) {
        self.vfs.notifier().set_limits(
            self.vfs
                .notifier()
                .limits()
                .with_max_user_instances(instances)
                .with_max_user_watches(watches),
        );
    }
}

#[test]
fn a_watch_is_charged_to_the_user_of_its_instance() {
    let stage = Stage::new(2, 2);
    let inotify = stage.vfs.inotify(&stage.alice).expect("an instance");
    // Bob was handed the instance, as a descriptor is over a socket.
    stage.watch(&stage.bob, &inotify, "/0").expect("a watch");
    assert_eq!((stage.usage(ALICE), stage.usage(BOB)), ((1, 1), (0, 0)));
    stage.watch(&stage.alice, &inotify, "/1").expect("a watch");
    // So does root: there is no exception.
    let root = stage.vfs.context();
    assert_eq!(refusal(stage.watch(&root, &inotify, "/2")), Errno::ENOSPC);
    assert_eq!((stage.usage(ALICE), stage.usage(BOB), stage.usage(0)), ((1, 2), (0, 0), (0, 0)));
}

#[test]
fn with_user_sets_the_charged_user_whatever_the_credentials() {
    let stage = Stage::new(1, 1);
    let cx = stage.alice.clone().with_user(77);
    let inotify = stage.vfs.inotify(&cx).expect("an instance");
    stage.watch(&cx, &inotify, "/0").expect("a watch");
    assert_eq!((stage.usage(77), stage.usage(ALICE)), ((1, 1), (0, 0)));
    // The actor does not change the charged user.
    let other = cx.with_credentials(Credentials::new(BOB, BOB));
    assert_eq!(other.user(), 77);
}

#[test]
fn the_errors_are_emfile_for_instances_and_enospc_for_watches() {
    let stage = Stage::new(1, 1);
    let inotify = stage.vfs.inotify(&stage.alice).expect("an instance");
    let error = stage.vfs.inotify(&stage.alice).expect_err("one is all");
    assert_eq!((error.errno(), error.raw_os_error()), (Errno::EMFILE, 24));
    stage.watch(&stage.alice, &inotify, "/0").expect("a watch");
    let error = stage.watch(&stage.alice, &inotify, "/1").expect_err("one is all");
    assert_eq!((error.errno(), error.raw_os_error()), (Errno::ENOSPC, 28));
    // An update is no new watch.
    assert_eq!(stage.watch(&stage.alice, &inotify, "/0").expect("an update"), 1);
}

#[test]
fn a_watch_is_given_back_however_it_ends() {
    let stage = Stage::new(3, 10);
    let (vfs, host) = (&stage.vfs, stage.vfs.context());
    vfs.mount(&host, "/5", MemFs::new()).expect("a mount");
    let inotify = vfs.inotify(&stage.alice).expect("an instance");
    let watches = |expected: u32| assert_eq!(stage.usage(ALICE), (1, expected));

    let wd = vfs.add_watch(&host, &inotify, "/0", WatchMask::OPEN).expect("a watch");
    watches(1);
    inotify.rm_watch(wd).expect("it is there");
    watches(0);

    let oneshot = WatchMask::OPEN | WatchMask::ONESHOT;
    vfs.add_watch(&host, &inotify, "/0", oneshot).expect("a watch");
    watches(1);
    drop(vfs.open(&host, "/0", OpenFlags::READ, 0).expect("it is there"));
    watches(0);

    stage.watch(&host, &inotify, "/1").expect("a watch");
    watches(1);
    vfs.rmdir(&host, "/1").expect("it is empty");
    watches(0);

    stage.watch(&host, &inotify, "/2").expect("a watch");
    vfs.rename(&host, "/3", "/2", RenameFlags::empty()).expect("it replaces /2");
    watches(0);

    stage.watch(&host, &inotify, "/5").expect("a watch");
    watches(1);
    vfs.unmount(&host, "/5").expect("it is unused");
    watches(0);

    let pending = vfs.start_watch(&host, &inotify, "/0", WatchMask::MODIFY).expect("a watch");
    watches(1);
    drop(pending);
    watches(0);

    stage.watch(&host, &inotify, "/0").expect("a watch");
    stage.watch(&host, &inotify, "/4").expect("a watch");
    watches(2);
    let file = vfs.open(&host, "/4/f", OpenFlags::WRITE | OpenFlags::CREATE, 0o644);
    let file = file.expect("a file");
    vfs.add_watch(&host, &inotify, &file, WatchMask::ALL_EVENTS).expect("a watch");
    vfs.unlink(&host, "/4/f").expect("it is there");
    watches(3);
    file.close();
    watches(2);
    let handle = inotify.clone();
    drop(inotify);
    watches(2);
    handle.close();
    assert_eq!(stage.usage(ALICE), (0, 0), "closed for all handles");
    drop(handle);
    assert_eq!(stage.usage(ALICE), (0, 0), "and only once");
    vfs.verify().expect("every invariant holds");
}

#[test]
fn failed_calls_are_not_charged() {
    let stage = Stage::new(2, 2);
    let (vfs, cx) = (&stage.vfs, &stage.alice);
    let inotify = vfs.inotify(cx).expect("an instance");
    let kind = |path: &str, mask| refusal(vfs.add_watch(cx, &inotify, path, mask));
    assert_eq!(kind("/none", WatchMask::OPEN), Errno::ENOENT);
    assert_eq!(kind("/0", WatchMask::empty()), Errno::EINVAL);
    stage.watch(cx, &inotify, "/0").expect("a watch");
    assert_eq!(kind("/0", WatchMask::OPEN | WatchMask::MASK_CREATE), Errno::EEXIST);
    vfs.chmod(&vfs.context(), "/1", 0).expect("a change of mode");
    assert_eq!(kind("/1", WatchMask::OPEN), Errno::EACCES);
    assert_eq!(stage.usage(ALICE), (1, 1));
    inotify.close();
    assert_eq!(kind("/2", WatchMask::OPEN), Errno::ESHUTDOWN);
    assert_eq!(stage.usage(ALICE), (0, 0));
    vfs.verify().expect("every invariant holds");
}

#[test]
fn limits_below_what_there_is_take_nothing_away_and_let_nothing_be_added() {
    let stage = Stage::new(4, 4);
    let (vfs, cx) = (&stage.vfs, &stage.alice);
    let all: Vec<Inotify> = (0..3).map(|_| vfs.inotify(cx).expect("an instance")).collect();
    let wds: Vec<_> = ["/0", "/1", "/2"]
        .iter()
        .map(|path| vfs.add_watch(cx, &all[0], path, WatchMask::CREATE).expect("a watch"))
        .collect();
    stage.set_limits(1, 1);
    assert_eq!(stage.usage(ALICE), (3, 3));
    assert_eq!(refusal(vfs.inotify(cx)), Errno::EMFILE);
    assert_eq!(refusal(stage.watch(cx, &all[0], "/3")), Errno::ENOSPC);
    stage.watch(cx, &all[0], "/2").expect("an update");
    vfs.mkdir(&vfs.context(), "/0/x", 0o700).expect("a directory");
    assert_eq!(all[0].len(), 1, "what is there is reported");
    all[0].rm_watch(wds[0]).expect("it is there");
    all[0].rm_watch(wds[1]).expect("it is there");
    assert_eq!(refusal(stage.watch(cx, &all[0], "/3")), Errno::ENOSPC, "still one");
    all[0].rm_watch(wds[2]).expect("it is there");
    stage.watch(cx, &all[0], "/3").expect("now there is room");
    stage.set_limits(0, 0);
    assert_eq!(refusal(vfs.inotify(&stage.bob)), Errno::EMFILE);
    assert_eq!(stage.usage(BOB), (0, 0));
    drop(all);
    assert_eq!(stage.usage(ALICE), (0, 0));
    vfs.verify().expect("a user without anything is forgotten");
}

#[test]
fn two_users_do_not_count_against_each_other() {
    let stage = Stage::new(1, 2);
    let (vfs, alice, bob) = (&stage.vfs, &stage.alice, &stage.bob);
    let one = vfs.inotify(alice).expect("an instance");
    let two = vfs.inotify(bob).expect("an instance");
    for (cx, inotify) in [(alice, &one), (bob, &two)] {
        stage.watch(cx, inotify, "/0").expect("a watch");
        stage.watch(cx, inotify, "/1").expect("a watch");
        assert_eq!(refusal(stage.watch(cx, inotify, "/2")), Errno::ENOSPC);
    }
    drop(one);
    assert_eq!((stage.usage(ALICE), stage.usage(BOB)), ((0, 0), (1, 2)));
    assert_eq!(refusal(stage.watch(bob, &two, "/2")), Errno::ENOSPC);
    let again = vfs.inotify(alice).expect("an instance");
    stage.watch(alice, &again, "/2").expect("a watch");
}

#[test]
fn counts_are_right_after_many_threads_have_come_and_gone() {
    let stage = Stage::new(8, 20);
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let stage = &stage;
            scope.spawn(move || {
                let cx = if turn % 2 == 0 { &stage.alice } else { &stage.bob };
                for n in 0..300 {
                    let inotify = stage.vfs.inotify(cx).expect("four of eight at most");
                    let mask = WatchMask::OPEN | WatchMask::ONESHOT;
                    for dir in 0..6 {
                        let path = format!("/{dir}");
                        let wd = stage.vfs.add_watch(cx, &inotify, &path, mask);
                        let wd = wd.expect("twelve of twenty at most");
                        if (n + dir) % 3 == 0 {
                            drop(stage.vfs.open(cx, &path, OpenFlags::READ, 0));
                        } else if (n + dir) % 3 == 1 {
                            // Another thread's opening may have been faster.
                            let _ = inotify.rm_watch(wd);
                        }
                    }
                    let (instances, watches) = stage.usage(cx.user());
                    assert!(instances <= 8 && watches <= 20, "{instances}, {watches}");
                }
            });
        }
    });
    assert_eq!((stage.usage(ALICE), stage.usage(BOB)), ((0, 0), (0, 0)));
    stage.vfs.verify().expect("every invariant holds");
}
