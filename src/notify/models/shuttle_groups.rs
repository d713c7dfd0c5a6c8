//! Several groups that hear of one event: in which order, and each at once of all its parts.

use super::shuttle_harness::{World, check, thread, together};
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::notify::DentryRef;
use crate::notify::group::GroupKind;
use crate::notify::group_handle::GroupHandle;
use crate::notify::mark::Interest;
use crate::notify::marks::attach::Existing;
use crate::notify::queue::Queue;

fn group(world: &World, priority: u8) -> GroupHandle {
    let kind = |limit, charge| GroupKind::Inotify(Queue::open(limit, charge));
    GroupHandle::new(&world.notifier, kind, priority, 0).unwrap()
}

fn mark(world: &World, group: &GroupHandle, dentry: &DentryRef, mask: EventMask) {
    let interest = Interest { mask, oneshot: false, excl_unlink: false };
    let inode = dentry.inode_ref();
    let added = world.notifier.add_mark(group.index(), &inode, interest, Existing::Replace);
    if let Some(mut walk) = added.unwrap().walk {
        while !walk.step(world.notifier.pace()) {}
    }
}

/// Groups of these priorities that all watch the file, and its directory too if asked.
fn groups<const N: usize>(
    world: &World,
    priorities: [u8; N],
    with_parent: bool,
) -> Arc<[GroupHandle; N]> {
    let groups = priorities.map(|priority| group(world, priority));
    for group in &groups {
        mark(world, group, &world.file, EventMask::MODIFY);
        if with_parent {
            mark(world, group, &world.a, EventMask::MODIFY | EventMask::ON_CHILD);
        }
    }
    Arc::new(groups)
}

fn len(group: &GroupHandle) -> usize {
    group.slot().queue.lock().inotify().len()
}

/// Whoever has a higher priority hears of an event first, also where it is told twice, to the parent
/// and to the child. Fails if `insert_mark` hangs a new mark behind all others, and, for two parts, if
/// `deliver` sorts the groups by their slots.
#[test]
fn shuttle_g10_a_group_of_higher_priority_gets_an_event_first() {
    for parts in 1..=2 {
        check(move || {
            let world = World::new();
            // In the order of their slots the second would come last.
            let groups = groups(&world, [0, 2, 1], parts == 2);
            together(vec![
                thread(&world, World::modify),
                thread(&world, {
                    let groups = groups.clone();
                    move |_| {
                        // Those that hear later are looked at first.
                        let [last, second, first] = [0, 2, 1].map(|at| len(&groups[at]));
                        assert!(first >= second && second >= last, "{first} {second} {last}");
                    }
                }),
            ]);
            assert!(groups.iter().all(|group| len(group) == parts));
            drop(groups);
            world.verify();
        });
    }
}

/// What the parent and what the child hears of one event are queued in one step in each group (G10).
/// Fails if `deliver` does not sort what it found by group.
#[test]
fn shuttle_g10_all_records_of_an_event_are_queued_at_once_in_every_group() {
    check(|| {
        let world = World::new();
        let groups = groups(&world, [0, 0], true);
        together(vec![
            thread(&world, World::modify),
            thread(&world, {
                let groups = groups.clone();
                move |_| {
                    for group in groups.iter() {
                        let len = len(group);
                        assert!(len == 0 || len == 2, "a part of an event: {len}");
                    }
                }
            }),
        ]);
        drop(groups);
        world.verify();
    });
}
