//! The memory that structures keep of a former size: a guest that fills them one after the other.

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::Limits;
use vfsnotify::{OpenFlags, RenameFlags};

use crate::adversary::allocator::live;
use crate::adversary::costs;
use crate::adversary::world::{Bounds, World, long_name, scale};

/// A directory's slabs of negative names, and the spill buckets of its index, once stayed as large as
/// they had been, with the budget spent elsewhere: memory was the budget times the directories.
#[test]
fn directories_flooded_one_after_the_other_keep_nothing_of_it() {
    let (budget, dirs) = (8_000 * scale(), 10);
    let world = World::new(&Bounds { negatives: budget, ..Bounds::default() });
    let flood = |dir: usize| {
        for n in 0..2 * budget {
            let path = format!("/{dir}/{n}");
            assert!(!world.vfs.exists(&world.cx, path).expect("a look-up"));
        }
    };
    for dir in 0..dirs {
        world.mkdir(format!("/{dir}"));
    }
    flood(0);
    let one = live();
    (1..dirs).for_each(flood);
    let more = live() - one;
    let allowed = (budget * costs::negative(8)) as isize;
    assert!(more < allowed, "{more} bytes more after {dirs} directories, {allowed} allowed");
    world.the_neighbour_works();
    world.vfs.verify().expect("every invariant holds");
}

/// The same, but in each directory the guest keeps a few names alive, evenly spread, by looking for
/// them again and again: so no slab of a thousand is ever empty.
#[test]
fn a_few_names_that_are_kept_alive_keep_no_memory_beside_theirs() {
    let (budget, dirs) = (6_000 * scale(), 8);
    let world = World::new(&Bounds { negatives: budget, ..Bounds::default() });
    let look = |dir: usize, n: usize| {
        let path = format!("/{dir}/{}", long_name(n, 22));
        assert!(!world.vfs.exists(&world.cx, path).expect("a look-up"));
    };
    (0..dirs).for_each(|dir| world.mkdir(format!("/{dir}")));
    let mut one = 0;
    for dir in 0..dirs {
        for n in 0..2 * budget {
            look(dir, n);
            if n % 64 == 0 {
                (0..=dir).for_each(|kept| look(kept, (n / 64 * 1000) % budget));
            }
        }
        if dir == 0 {
            one = live();
        }
    }
    let more = live() - one;
    // Spread over directories whose indexes were larger, the same number takes more.
    let allowed = (budget * costs::negative_of_fewer(22)) as isize / 2;
    assert!(more < allowed, "{more} bytes more after {dirs} directories, {allowed} allowed");
    world.vfs.verify().expect("every invariant holds");
}

#[test]
fn files_moved_from_directory_to_directory_leave_no_table_behind() {
    let (files, dirs) = (3000 * scale(), 8);
    let world = World::new(&Bounds { negatives: 100, ..Bounds::default() });
    (0..dirs).for_each(|dir| world.mkdir(format!("/{dir}")));
    for n in 0..files {
        world.create(format!("/0/{n}")).expect("a file");
    }
    let one = live();
    for dir in 1..dirs {
        // One stays behind and keeps its directory's table.
        for n in dir..files {
            let (from, to) = (format!("/{}/{n}", dir - 1), format!("/{dir}/{n}"));
            world.vfs.rename(&world.cx, from, to, RenameFlags::empty()).expect("a rename");
            world.tick(n);
        }
    }
    let more = live() - one;
    let allowed = (dirs * 4000 + files * 8) as isize;
    assert!(more < allowed, "{more} bytes more, {allowed} allowed");
    world.vfs.verify().expect("every invariant holds");
}

#[test]
fn watches_moved_from_instance_to_instance_leave_no_table_behind() {
    let (most, instances) = (2000 * scale(), 30);
    let watches = (most + instances) as u32;
    let limits = Limits::default().with_max_user_watches(watches);
    let world = World::new(&Bounds { limits, ..Bounds::default() });
    for n in 0..most {
        world.create(format!("/{n}")).expect("a file");
    }
    let all: Vec<Inotify> = (0..instances).map(|_| world.inotify()).collect();
    let mut one = 0;
    for (turn, inotify) in all.iter().enumerate() {
        let add = |n: usize| {
            let path = format!("/{n}");
            world.vfs.add_watch(&world.cx, inotify, path, WatchMask::OPEN).expect("a watch")
        };
        let watches: Vec<_> = (0..most).map(add).collect();
        // One stays: an instance without watches may forget everything.
        watches[turn..].iter().skip(1).for_each(|wd| inotify.rm_watch(*wd).expect("it is there"));
        (0..turn).for_each(|n| inotify.rm_watch(watches[n]).expect("it is there"));
        drop(inotify.drain());
        if turn == 0 {
            one = live();
        }
    }
    let more = live() - one;
    let allowed = (instances * (costs::GROUP + costs::FIRST_CHUNK) + most * 8) as isize;
    assert!(more < allowed, "{more} bytes more, {allowed} allowed");
    world.vfs.verify().expect("every invariant holds");
}

/// The tables of an instance whose VFS went first stayed as long as any other instance of its page.
#[test]
fn an_instance_that_outlives_its_vfs_goes_with_its_last_handle() {
    let most = 5000 * scale();
    let limits = Limits::default().with_max_user_watches(most as u32);
    let world = World::new(&Bounds { limits, ..Bounds::default() });
    let (inotify, other) = (world.inotify(), world.inotify());
    for n in 0..most {
        let path = format!("/{n}");
        world.create(&path).expect("a file");
        let wd = world.vfs.add_watch(&world.cx, &inotify, path, WatchMask::OPEN).expect("a watch");
        // Numbers with gaps take a table.
        if n % 2 == 0 {
            inotify.rm_watch(wd).expect("it is there");
        }
    }
    drop(inotify.drain());
    drop(world);
    drop(inotify);
    let with_other = live();
    drop(other);
    let kept = with_other - live();
    // The page of groups, and what the other has itself.
    assert!(kept < 10_000, "{kept} bytes were kept until the other went");
}

#[test]
fn objects_that_had_many_watches_once_keep_no_list_of_them() {
    let (objects, instances) = (200 * scale(), 100);
    let world = World::new(&Bounds::default());
    for n in 0..objects {
        world.create(format!("/{n}")).expect("a file");
    }
    let all: Vec<Inotify> = (0..instances).map(|_| world.inotify()).collect();
    let watch = |n: usize, inotify: &Inotify| {
        let path = format!("/{n}");
        world.vfs.add_watch(&world.cx, inotify, path, WatchMask::OPEN).expect("a watch")
    };
    for n in 0..objects {
        watch(n, &all[0]);
    }
    let crowd = |n: usize| {
        let more: Vec<_> = all[1..].iter().map(|inotify| (inotify, watch(n, inotify))).collect();
        more.into_iter().for_each(|(inotify, wd)| inotify.rm_watch(wd).expect("it is there"));
        all[1..].iter().for_each(|inotify| drop(inotify.drain()));
    };
    // Once for all that each instance needs.
    crowd(0);
    let one = live();
    for n in 1..objects {
        crowd(n);
        world.tick(n);
    }
    let more = live() - one;
    assert!(more < 64 * objects as isize, "{more} bytes more for {objects} objects");
}

#[test]
fn a_queue_that_was_long_once_keeps_two_chunks() {
    let world = World::new(&Bounds { negatives: 10, ..Bounds::default() });
    let inotify = world.inotify();
    world.vfs.add_watch(&world.cx, &inotify, "/", WatchMask::OPEN).expect("a watch");
    for name in ["/a", "/b"] {
        world.create(name).expect("a file");
    }
    let before = live();
    for turn in 0..3 {
        for n in 0..10_000 {
            drop(world.open(["/a", "/b"][n % 2], OpenFlags::READ).expect("it is there"));
        }
        while inotify.next().expect("it is open").is_some() {}
        let more = live() - before;
        assert!(more < 3 * 129 * costs::EVENT as isize, "turn {turn}: {more} bytes");
    }
}
