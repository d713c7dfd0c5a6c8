//! Watches, groups and events.

use vfsnotify::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::Limits;
use vfsnotify::{Errno, RenameFlags};

use crate::adversary::costs;
use crate::adversary::world::{Allowed, Bounds, GUEST, World, long_name, refusal, scale};

/// A world with `files` files in `/f`, whose memory is not the attack's.
fn with_files(files: usize, limits: Limits) -> World {
    let world = World::new(&Bounds { limits, ..Bounds::default() });
    world.mkdir("/f");
    for n in 0..files {
        world.create(format!("/f/{n}")).expect("a file");
    }
    world
}

#[test]
fn watches_on_many_objects_end_at_the_users_limit() {
    let most = 4000 * scale();
    let limits = Limits::default().with_max_user_watches(most as u32);
    let world = with_files(most + 1, limits);
    let slots = costs::marks(most) + costs::connectors(most) + costs::groups(2);
    let each = costs::TABLED + costs::TAG_RUN;
    let allowed = Allowed { most: slots + most * each + 2 * costs::GROUP, kept: slots };
    let build = |world: &World| {
        let two = [world.inotify(), world.inotify()];
        for n in 0..most {
            let path = format!("/f/{n}");
            let watch = world.vfs.add_watch(&world.cx, &two[n % 2], path, WatchMask::ALL_EVENTS);
            watch.expect("a watch below the limit");
            world.tick(n);
        }
        let path = format!("/f/{most}");
        for inotify in &two {
            let more = world.vfs.add_watch(&world.cx, inotify, &path, WatchMask::OPEN);
            assert_eq!(refusal(more), Errno::ENOSPC);
        }
        assert_eq!(world.vfs.notifier().usage(GUEST), (2, most as u32));
        // Existing watches can still be changed.
        world.vfs.add_watch(&world.cx, &two[0], "/f/0", WatchMask::OPEN).expect("an update");
        two
    };
    world.attack("watches on many objects", allowed, build, |_, two| drop(two));
}

#[test]
fn watches_with_descriptors_of_the_guests_choice_take_no_more() {
    let most = 4000 * scale();
    let limits = Limits::default().with_max_user_watches(most as u32);
    let world = with_files(most, limits);
    let slots = costs::marks(most) + costs::connectors(most) + costs::groups(1);
    let each = costs::TABLED + costs::TAG_RUN;
    let allowed = Allowed { most: slots + most * each + costs::GROUP, kept: slots };
    let build = |world: &World| {
        let inotify = world.inotify();
        for n in 0..most {
            // Far from each other, and with what a bad hash would make one chain of.
            let wd = WatchDescriptor::from_raw(n as i32 * 4096 + 1);
            inotify.set_next_wd(wd).expect("it is positive");
            let path = format!("/f/{n}");
            world.vfs.add_watch(&world.cx, &inotify, path, WatchMask::OPEN).expect("a watch");
            world.tick(n);
        }
        inotify
    };
    world.attack("watches with chosen descriptors", allowed, build, |_, inotify| drop(inotify));
}

#[test]
fn watches_on_one_object_end_at_its_limit() {
    let marks = 512;
    let limits =
        Limits::default().with_max_object_marks(marks).with_max_user_instances(marks as u32 + 1);
    let world = with_files(1, limits);
    let slots = costs::marks(marks) + costs::connectors(1) + costs::groups(marks + 1);
    let allowed = Allowed { most: slots + (marks + 1) * costs::GROUP, kept: slots };
    let build = |world: &World| {
        let all: Vec<Inotify> = (0..=marks).map(|_| world.inotify()).collect();
        for inotify in &all[..marks] {
            world.vfs.add_watch(&world.cx, inotify, "/f/0", WatchMask::OPEN).expect("a watch");
        }
        let more = world.vfs.add_watch(&world.cx, &all[marks], "/f/0", WatchMask::OPEN);
        assert_eq!(refusal(more), Errno::ENOSPC);
        world.vfs.add_watch(&world.cx, &all[marks], "/f", WatchMask::OPEN).expect("on another");
        all
    };
    world.attack("watches on one object", allowed, build, |_, all| drop(all));
}

#[test]
fn pending_watches_that_are_never_finished_end_at_the_users_limit() {
    let most = 2000 * scale();
    let limits = Limits::default().with_max_user_watches(most as u32);
    let world = World::new(&Bounds { limits, ..Bounds::default() });
    for n in 0..most {
        world.mkdir(format!("/{n}"));
        world.create(format!("/{n}/child")).expect("a file");
    }
    let slots = costs::marks(most) + costs::connectors(most) + costs::groups(1);
    let each = costs::TABLED + costs::TAG_RUN + 200;
    let allowed = Allowed { most: slots + most * each, kept: slots };
    let build = |world: &World| {
        let inotify = world.inotify();
        let start = |n: usize| {
            world.vfs.start_watch(&world.cx, &inotify, format!("/{n}"), WatchMask::MODIFY)
        };
        let mut pending = Vec::with_capacity(most);
        pending.extend((0..most).map(|n| start(n).expect("a watch")));
        assert!(pending.iter().all(|pending| !pending.is_ready()));
        let more = world.vfs.start_watch(&world.cx, &inotify, "/", WatchMask::MODIFY);
        assert_eq!(refusal(more), Errno::ENOSPC);
        (inotify, pending)
    };
    let tear = |world: &World, (inotify, pending): (Inotify, Vec<_>)| {
        drop(pending);
        assert_eq!((inotify.watch_count(), world.vfs.notifier().usage(GUEST)), (0, (1, 0)));
    };
    world.attack("pending watches", allowed, build, tear);
}

#[test]
fn instances_end_at_the_users_limit_and_their_receivers_cost_no_more() {
    let most = 128;
    let limits = Limits::default().with_max_user_instances(most as u32);
    let world = World::new(&Bounds { limits, ..Bounds::default() });
    let slots = costs::groups(most);
    let receiver = 500;
    let allowed = Allowed { most: slots + most * (costs::GROUP + receiver), kept: slots };
    let build = |world: &World| {
        let all: Vec<Inotify> = (0..most).map(|_| world.inotify()).collect();
        assert_eq!(refusal(world.vfs.inotify(&world.cx)), Errno::EMFILE);
        // Clones are handles, and all receivers of one instance share one token.
        let receivers: Vec<_> = all.iter().map(Inotify::ready).collect();
        for inotify in &all {
            drop((inotify.ready(), inotify.clone()));
        }
        assert_eq!(refusal(world.vfs.inotify(&world.cx)), Errno::EMFILE);
        (all, receivers)
    };
    world.attack("instances", allowed, build, |_, all| drop(all));
}

/// Fills every queue that the guest may have with events of `len` bytes in the name.
fn fill_queues(world: &World, queues: usize, events: usize, len: usize, renames: bool) {
    world.mkdir("/d");
    let all: Vec<Inotify> = (0..queues).map(|_| world.inotify()).collect();
    let mask = WatchMask::CREATE | WatchMask::DELETE | WatchMask::MOVE;
    for inotify in &all {
        world.vfs.add_watch(&world.cx, inotify, "/d", mask).expect("a watch");
    }
    let happened = if renames {
        let name = |n: usize| format!("/d/{}", long_name(n, len));
        world.create(name(0)).expect("a file");
        for n in 0..events / 2 {
            let done = world.vfs.rename(&world.cx, name(n), name(n + 1), RenameFlags::empty());
            done.expect("a rename");
            world.tick(n);
        }
        world.vfs.unlink(&world.cx, name(events / 2)).expect("it is there");
        2 + events / 2 * 2
    } else {
        for n in 0..events / 2 {
            let path = format!("/d/{}", long_name(n, len));
            world.create(&path).expect("a file");
            world.vfs.unlink(&world.cx, &path).expect("it is there");
            world.tick(n);
        }
        events / 2 * 2
    };
    let (user, total) = world.vfs.notifier().queue_bytes(GUEST);
    let limit = world.vfs.notifier().limits().max_user_queue_bytes;
    assert!(user <= limit && user * 10 >= limit * 9, "{user} of {limit}");
    assert_eq!(user, total, "no other user has much");
    for inotify in &all {
        let (mut there, mut missing) = (0, 0);
        while let Some(event) = inotify.next().expect("it is open") {
            assert_eq!(missing, 0, "the overflow is the last");
            match event {
                Event::Fs(_) => there += 1,
                Event::Overflow { lost } => missing = lost as usize,
            }
        }
        assert!(there >= 128 && missing > 0, "each queue has a chunk of its own, and no more");
        assert_eq!(there + missing, happened, "all are there or counted");
    }
    assert_eq!(world.vfs.notifier().queue_bytes(GUEST), (0, 0), "it was read");
}

/// The world and the bound for [`fill_queues`].
fn queues(bytes: usize, queues: usize) -> (World, Allowed) {
    let limits = Limits::default()
        .with_max_user_queue_bytes(bytes)
        .with_max_queued_events(1 << 20)
        .with_max_user_instances(queues.max(2) as u32);
    // The negative dentries that the names leave are another attack.
    let world = World::new(&Bounds { limits, negatives: 100, ..Bounds::default() });
    let slots = costs::groups(queues) + costs::marks(queues) + costs::connectors(1);
    let most = bytes + slots + queues * (costs::FIRST_CHUNK + costs::GROUP);
    let kept = slots + costs::directories(1) + costs::dentries(2) + costs::inodes(2);
    (world, Allowed { most, kept })
}

fn remove_directory(world: &World, (): ()) {
    world.vfs.rmdir(&world.cx, "/d").expect("it is empty");
}

#[test]
fn unread_events_with_long_names_end_at_the_users_memory_and_are_counted() {
    let (world, allowed) = queues(2 << 20, 8);
    let build = |world: &World| fill_queues(world, 8, 3000 * scale(), 255, false);
    world.attack("events with long names", allowed, build, remove_directory);
}

#[test]
fn unread_events_of_renames_end_at_the_users_memory_and_are_counted() {
    let (world, allowed) = queues(1 << 20, 4);
    let build = |world: &World| fill_queues(world, 4, 3000 * scale(), 255, true);
    world.attack("events of renames", allowed, build, remove_directory);
}

#[test]
fn unread_events_with_short_names_end_at_the_users_memory_and_are_counted() {
    let (world, allowed) = queues(1 << 20, 4);
    let allowed = Allowed { most: allowed.most - 4 * 128 * 255, ..allowed };
    let build = |world: &World| fill_queues(world, 4, 9000 * scale(), 10, false);
    world.attack("events with short names", allowed, build, remove_directory);
}

#[test]
fn the_memory_of_all_queues_is_bounded_and_every_queue_keeps_a_chunk() {
    let total = 1 << 20;
    let limits = Limits::default()
        .with_max_user_queue_bytes(total)
        .with_max_total_queue_bytes(total)
        .with_max_queued_events(1 << 20);
    let world = World::new(&Bounds { limits, ..Bounds::default() });
    world.mkdir("/d");
    // Each of them is another user: the embedder gave one guest several.
    let users: Vec<_> = (0..4).map(|user| world.cx.clone().with_user(3000 + user)).collect();
    let all: Vec<Inotify> =
        users.iter().map(|cx| world.vfs.inotify(cx).expect("an instance")).collect();
    for (inotify, cx) in all.iter().zip(&users) {
        world.vfs.add_watch(cx, inotify, "/d", WatchMask::CREATE).expect("a watch");
    }
    for n in 0..1500 {
        world.create(format!("/d/{}", long_name(n, 200))).expect("a file");
        world.tick(n);
    }
    let (_, used) = world.vfs.notifier().queue_bytes(0);
    assert!(used <= total && used * 10 >= total * 9, "{used} of {total}");
    world.the_neighbour_works();
    for inotify in &all {
        let stats = inotify.stats();
        assert_eq!(stats.queued + stats.lost, 1500);
        assert!(stats.queued >= 128 && stats.lost > 0, "{stats:?}");
    }
    // The memory of events that one reads is free for another.
    drop(all[0].drain());
    world.create("/d/one-more").expect("a file");
    assert_eq!(world.vfs.notifier().queue_bytes(3000).0, 0);
    world.vfs.verify().expect("every invariant holds");
    drop(all);
    assert_eq!(world.vfs.notifier().queue_bytes(3000), (0, 0));
    world.vfs.verify().expect("every invariant holds");
}

#[test]
fn a_full_queue_gives_its_memory_back_when_it_is_closed_unread() {
    let (world, allowed) = queues(1 << 20, 1);
    let build = |world: &World| {
        world.mkdir("/d");
        let inotify = world.inotify();
        world.vfs.add_watch(&world.cx, &inotify, "/d", WatchMask::CREATE).expect("a watch");
        for n in 0..4500 {
            let path = format!("/d/{}", long_name(n, 255));
            world.create(&path).expect("a file");
            world.vfs.unlink(&world.cx, &path).expect("it is there");
        }
        assert!(inotify.stats().lost > 0);
        inotify
    };
    let tear = |world: &World, inotify: Inotify| {
        let other_handle = inotify.clone();
        inotify.close();
        assert_eq!(world.vfs.notifier().queue_bytes(GUEST), (0, 0), "while a handle is left");
        drop((inotify, other_handle));
        remove_directory(world, ());
    };
    world.attack("a queue closed unread", allowed, build, tear);
}

#[test]
fn oneshot_watches_by_the_thousand_leave_nothing_behind() {
    let limits = Limits::default().with_max_user_watches(3);
    let world = with_files(3, limits);
    let inotify = world.inotify();
    let before = crate::adversary::allocator::live();
    for n in 0..5000 * scale() {
        let (path, mask) = (format!("/f/{}", n % 3), WatchMask::OPEN | WatchMask::ONESHOT);
        world.vfs.add_watch(&world.cx, &inotify, &path, mask).expect("the last one has fired");
        drop(world.open(&path, vfsnotify::OpenFlags::READ).expect("it is there"));
        assert_eq!(inotify.drain().len(), 2);
        world.tick(n);
    }
    assert_eq!(world.vfs.notifier().usage(GUEST), (1, 0));
    let more = crate::adversary::allocator::live() - before;
    assert!(more < 64 << 10, "{more} bytes more");
}

#[test]
fn a_limit_of_memory_below_what_queues_hold_takes_nothing_away_and_lets_nothing_be_added() {
    let (world, _) = queues(1 << 20, 1);
    world.mkdir("/d");
    let inotify = world.inotify();
    world.vfs.add_watch(&world.cx, &inotify, "/d", WatchMask::CREATE).expect("a watch");
    let notifier = world.vfs.notifier();
    for n in 0..1000 {
        world.create(format!("/d/{}", long_name(n, 255))).expect("a file");
    }
    let (held, _) = notifier.queue_bytes(GUEST);
    assert!(held > 200 << 10 && inotify.stats().lost == 0, "{held}");
    notifier.set_limits(notifier.limits().with_max_user_queue_bytes(0));
    assert_eq!(notifier.limits().max_user_queue_bytes, 0);
    for n in 1000..1300 {
        world.create(format!("/d/{}", long_name(n, 255))).expect("a file");
    }
    // The chunk that was begun is filled, and then no other.
    assert_eq!(notifier.queue_bytes(GUEST), (held, held));
    let there = 1000_usize.next_multiple_of(128);
    let events = inotify.drain();
    assert_eq!(events.len(), there + 1);
    let lost = (1300 - there) as u32;
    assert_eq!(events.last(), Some(&Event::Overflow { lost }));
    assert_eq!(notifier.queue_bytes(GUEST), (0, 0));
    world.the_neighbour_works();
    world.vfs.verify().expect("every invariant holds");
}
