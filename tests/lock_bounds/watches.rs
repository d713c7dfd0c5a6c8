//! Many groups, many marks, long queues.

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::Limits;
use vfsnotify::{InodeKind, OpenFlags, TreeConfig, lockdep};

use super::{World, longest, size};

/// As many groups as can watch one object; each wants something else of it, so that what they want
/// together is never what one of them wants.
const GROUPS: usize = 1000;

fn crowd(world: &World, path: &str, also: WatchMask) -> Vec<Inotify> {
    let events = [
        WatchMask::CREATE,
        WatchMask::DELETE,
        WatchMask::MOVED_FROM,
        WatchMask::ATTRIB,
        WatchMask::DELETE_SELF,
        WatchMask::MOVE_SELF,
    ];
    (0..GROUPS)
        .map(|n| {
            let inotify = world.inotify();
            world.watch(&inotify, path, events[n % events.len()] | also);
            inotify
        })
        .collect()
}

fn crowded() -> World {
    let limits = Limits::default().with_max_user_instances(20_000);
    World::with(TreeConfig::default(), limits)
}

#[test]
fn a_thousand_groups_on_one_directory_get_events_and_close_in_bounded_holds() {
    let world = crowded();
    world.dir("/d");
    let groups = crowd(&world, "/d", WatchMask::CREATE);
    world.assert_bounded("watching");
    world.dir("/d/e");
    assert!(groups.iter().all(|group| group.len() == 1));
    world.assert_bounded("an event for all");
    let wide = world.inotify();
    for _ in 0..3 {
        let wd = world.watch(&wide, "/d", WatchMask::ALL_EVENTS);
        wide.rm_watch(WatchDescriptor::from_raw(wd)).expect("it is there");
    }
    world.assert_bounded("the widest mark comes and goes");
    drop(groups);
    world.assert_bounded("closing");
    world.vfs.verify().expect("the invariants");
}

/// Each of them ends inside the hook, under the directory's lock. Computing anew each time what is left
/// to be reported would look at a million marks there.
#[test]
fn a_thousand_one_shots_that_fire_at_once_cost_a_thousand_items() {
    let world = crowded();
    world.dir("/d");
    let groups = crowd(&world, "/d", WatchMask::CREATE | WatchMask::ONESHOT);
    lockdep::reset_longest_holds();
    world.dir("/d/e");
    assert!(groups.iter().all(|group| group.len() == 2), "the event, and IGNORED");
    let most = longest(&lockdep::longest_holds(), "directory lock");
    assert!(most > GROUPS as u64, "the hook runs under the directory's lock");
    world.assert_bounded("all fire");
    world.vfs.verify().expect("the invariants");

    // Some stay: the interest that is left is what those want.
    let firing = crowd(&world, "/d", WatchMask::CREATE | WatchMask::ONESHOT);
    drop(firing);
    let staying = world.inotify();
    world.watch(&staying, "/d", WatchMask::DELETE | WatchMask::OPEN);
    let firing: Vec<_> = (0..100).map(|_| world.inotify()).collect();
    for group in &firing {
        world.watch(group, "/d", WatchMask::CREATE | WatchMask::MODIFY | WatchMask::ONESHOT);
    }
    world.dir("/d/f");
    assert!(firing.iter().all(|group| group.len() == 2));
    world.vfs.verify().expect("what hooks look at is what the others want");
    world.vfs.rmdir(&world.cx, "/d/f").expect("it is there");
    assert_eq!(staying.len(), 1);
}

#[test]
fn an_object_that_dies_with_a_thousand_marks_costs_a_thousand_items() {
    let world = crowded();
    world.dir("/d");
    let groups = crowd(&world, "/d", WatchMask::DELETE_SELF);
    lockdep::reset_longest_holds();
    world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
    assert!(groups.iter().all(|group| group.len() >= 2), "DELETE_SELF and IGNORED");
    assert!(longest(&lockdep::longest_holds(), "directory lock") > GROUPS as u64);
    world.assert_bounded("dying");
    world.vfs.verify().expect("the invariants");
}

#[test]
fn a_full_queue_is_filled_and_emptied_in_bounded_holds() {
    let world = World::new();
    world.dir("/d");
    let inotify = world.inotify();
    world.watch(&inotify, "/d", WatchMask::CREATE | WatchMask::DELETE);
    let fill = || {
        let before = inotify.stats().lost;
        while inotify.stats().lost < before + 10 {
            world.dir("/d/e");
            world.vfs.rmdir(&world.cx, "/d/e").expect("it is empty");
        }
        assert_eq!(inotify.len(), 16_385);
    };
    fill();
    world.assert_bounded("filling");
    assert_eq!(inotify.drain().len(), 16_385);
    world.assert_bounded("draining");
    fill();
    let mut buf = vec![0; 1 << 20];
    assert!(inotify.read(&mut buf).expect("events") > 500_000);
    world.assert_bounded("reading into a large buffer");
    fill();
    inotify.close();
    world.assert_bounded("closing it full");
}

fn many_files(world: &World, count: usize) {
    world.dir("/d");
    let at = world.vfs.open(&world.cx, "/d", OpenFlags::PATH, 0).expect("a handle");
    for n in 0..count {
        world
            .vfs
            .mknod(&world.cx, at.at(&format!("{n}")), InodeKind::Regular, 0o644, 0)
            .expect("a new file");
    }
}

#[test]
fn a_group_of_many_marks_is_listed_and_closed_in_batches() {
    let world = World::new();
    let count = size(100_000);
    many_files(&world, count);
    let inotify = world.inotify();
    for n in 0..count {
        world.watch(&inotify, &format!("/d/{n}"), WatchMask::MODIFY);
    }
    world.assert_bounded("many marks");
    assert_eq!(inotify.watches().len(), count);
    world.assert_bounded("listing them");
    for wd in (1..=count as i32).step_by(3) {
        inotify.rm_watch(WatchDescriptor::from_raw(wd)).expect("it is there");
    }
    world.assert_bounded("removing a third");
    inotify.close();
    let most = longest(&lockdep::longest_holds(), "group.marks");
    assert!(most <= 8 * (8 + 2), "a batch of 8, each after at most 8 empty chains: {most}");
    world.assert_bounded("closing");
    assert_eq!(world.vfs.notifier().usage(0).1, 0);
}

/// The worst a guest can do to the table of its own marks: every 64th tag, which makes long chains.
#[test]
fn tags_that_a_guest_chose_make_no_hold_long() {
    let world = World::new();
    let count = size(100_000);
    many_files(&world, count);
    let inotify = world.inotify();
    for n in 0..count {
        let wd = WatchDescriptor::from_raw(n as i32 * 64 + 1);
        inotify.set_next_wd(wd).expect("a positive one");
        assert_eq!(world.watch(&inotify, &format!("/d/{n}"), WatchMask::MODIFY), wd.as_raw());
    }
    world.assert_bounded("chosen tags");
    assert_eq!(inotify.watches().len(), count);
    world.assert_bounded("listing them");
    for n in (0..count).step_by(2) {
        let wd = WatchDescriptor::from_raw(n as i32 * 64 + 1);
        inotify.rm_watch(wd).expect("it is there");
    }
    world.assert_bounded("removing half");
    inotify.close();
    world.assert_bounded("closing");
}

/// Each mark of the group shares its object with a thousand others.
#[test]
fn a_group_whose_objects_are_crowded_is_closed_in_small_batches() {
    let world = crowded();
    let objects = 32;
    for n in 0..objects {
        world.dir(&format!("/{n}"));
    }
    let group = world.inotify();
    for n in 0..objects {
        world.watch(&group, &format!("/{n}"), WatchMask::ALL_EVENTS);
    }
    let crowd: Vec<_> = (0..GROUPS).map(|_| world.inotify()).collect();
    for (at, one) in crowd.iter().enumerate() {
        for n in 0..objects {
            let mask = if at % 2 == 0 { WatchMask::CREATE } else { WatchMask::DELETE };
            world.watch(one, &format!("/{n}"), mask);
        }
    }
    world.assert_bounded("crowding");
    group.close();
    assert_eq!(world.vfs.notifier().usage(0).1 as usize, GROUPS * objects);
    let most = longest(&lockdep::longest_holds(), "group.marks");
    assert!(most > GROUPS as u64, "the interest that is left is computed anew: {most}");
    world.assert_bounded("closing the group");
    world.vfs.verify().expect("the invariants");
}
