//! Delivery of one event to several groups: their order, and all records of a group at once.

use super::shuttle_harness::{HookWorld, check, thread, together};
use crate::base::mask::EventMask;
use crate::base::sync::Arc;
use crate::notify::DentryRef;
use crate::notify::group::GroupKind;
use crate::notify::group_handle::GroupHandle;
use crate::notify::mark::Interest;
use crate::notify::marks::attach::Existing;
use crate::notify::queue::Queue;

fn group(world: &HookWorld, priority: u8) -> GroupHandle {
    let kind = |limit, charge| GroupKind::Inotify(Queue::open(limit, charge));
    GroupHandle::new(&world.notifier, kind, priority, 0).unwrap()
}

fn mark(world: &HookWorld, group: &GroupHandle, dentry: &DentryRef, mask: EventMask) {
    let interest = Interest { mask, oneshot: false, excl_unlink: false };
    let inode = dentry.inode_ref();
    let added = world.notifier.add_mark(group.index(), &inode, interest, Existing::Replace);
    if let Some(mut walk) = added.unwrap().walk {
        while !walk.step(world.notifier.pace()) {}
    }
}

/// Makes groups of these priorities that all watch the file, and its directory too if `with_parent`.
fn groups<const N: usize>(
    world: &HookWorld,
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

/// An event is delivered to groups of higher priority first, also if it is delivered to the parent and to the
/// child. Fails if `insert_mark` puts a new mark behind all others. For two parts it fails if `deliver` sorts
/// the groups by their slots.
#[test]
fn shuttle_g10_a_group_of_higher_priority_gets_an_event_first() {
    for parts in 1..=2 {
        check(move || {
            let world = HookWorld::new();
            // By slot the second in the order of priority would come last.
            let groups = groups(&world, [0, 2, 1], parts == 2);
            together(vec![
                thread(&world, HookWorld::modify),
                thread(&world, {
                    let groups = groups.clone();
                    move |_| {
                        // The queues of lower priority are read first.
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

/// The records of one event for the parent and for the child are queued in one step in each group (G10). Fails
/// if `deliver` does not sort the marks by group.
#[test]
fn shuttle_g10_all_records_of_an_event_are_queued_at_once_in_every_group() {
    check(|| {
        let world = HookWorld::new();
        let groups = groups(&world, [0, 0], true);
        together(vec![
            thread(&world, HookWorld::modify),
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
