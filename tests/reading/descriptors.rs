//! Watch descriptors.

use vfsnotify::Errno;
use vfsnotify::inotify::{WatchDescriptor, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};

use super::world::{World, kind};

#[test]
fn the_next_descriptor_can_be_set_and_goes_round_after_the_last() {
    let world = World::new();
    let inotify = world.inotify();
    (0..9).for_each(|n| world.file(&format!("/{n}")));
    let next = |wd: i32| inotify.set_next_wd(WatchDescriptor::from_raw(wd));
    let add = |n: i32| world.watch(&inotify, &format!("/{n}"), WatchMask::ATTRIB);
    for wrong in [0, -1, i32::MIN] {
        assert_eq!(kind(next(wrong)), Errno::EINVAL);
    }
    assert_eq!(add(0), 1, "a wrong number changes nothing");
    next(7).expect("a descriptor");
    assert_eq!(add(1), 7);
    assert_eq!(add(1), 7, "a change of a watch uses none up");
    next(1).expect("a descriptor");
    assert_eq!(add(2), 2, "1 is in use");
    next(i32::MAX).expect("the last");
    assert_eq!(add(3), i32::MAX);
    assert_eq!(add(4), 3, "round to 1, past 1 and 2");
    next(i32::MAX).expect("the last");
    assert_eq!(add(5), 4, "the last one is in use");
}

/// `watches` once looked for the descriptor after the last one for ever.
#[test]
fn a_watch_with_the_last_descriptor_is_listed_once() {
    let world = World::new();
    let inotify = world.watch_root();
    world.file("/f");
    inotify.set_next_wd(WatchDescriptor::from_raw(i32::MAX)).expect("the last");
    assert_eq!(world.watch(&inotify, "/f", WatchMask::ATTRIB), i32::MAX);
    let listed: Vec<i32> = inotify.watches().iter().map(|watch| watch.wd.as_raw()).collect();
    assert_eq!(listed, [1, i32::MAX]);
}

/// Not even by a watch that could not be added (RULE burned-descriptor).
#[test]
fn a_descriptor_is_not_used_again_soon() {
    let limits = Limits::default().with_max_user_watches(1);
    let world = World::with(NotifyConfig::default().with_limits(limits));
    let inotify = world.inotify();
    world.file("/f");
    for n in 0..1000 {
        let wd = world.watch(&inotify, "/", WatchMask::ATTRIB);
        assert_eq!(wd, 1 + 2 * n);
        let full = world.vfs.add_watch(&world.cx, &inotify, "/f", WatchMask::ATTRIB);
        assert_eq!(kind(full), Errno::ENOSPC);
        inotify.rm_watch(WatchDescriptor::from_raw(wd)).expect("a removal");
        let again = inotify.rm_watch(WatchDescriptor::from_raw(wd));
        assert_eq!(kind(again), Errno::EINVAL);
        assert_eq!(inotify.drain().len(), 1, "IGNORED");
    }
}
