//! How everything ends.

use vfsnotify::Errno;

use super::super::oracle::USERS;
use super::super::world::World;
use super::{End, GROUPS, PENDING, Run, SLOTS};

impl<W: World> Run<W> {
    /// Everything ends, in an order that is given; nothing may be left.
    pub(super) fn end(mut self, end: &End) {
        let mut order = end.order.iter().copied().chain(std::iter::repeat(0));
        loop {
            let groups = self.groups.iter().flatten().count();
            let pending = self.pending.iter().flatten().count();
            let open = self.slots.iter().flatten().count();
            let all = groups + pending + open;
            if all == 0 || (end.notifier_first && pending + open == 0) {
                break;
            }
            let nth = usize::from(order.next().unwrap_or(0)) % all;
            if nth < groups {
                let mut there = (0..GROUPS).filter(|at| self.groups[*at].is_some());
                let at = there.nth(nth).expect("one of them");
                if let Some(group) = self.groups[at].take() {
                    group.close();
                    self.oracle.close(at);
                }
                if !self.pending.iter().flatten().any(|pending| pending.group == at) {
                    self.oracle.groups[at] = None;
                }
            } else if nth < groups + pending {
                let mut there = (0..PENDING).filter(|at| self.pending[*at].is_some());
                let at = there.nth(nth - groups).expect("one of them");
                self.drop_pending(at);
            } else {
                let mut there = (0..SLOTS).filter(|at| self.slots[*at].is_some());
                let at = there.nth(nth - groups - pending).expect("one of them");
                self.close(at);
            }
            self.follow_sessions();
            self.check();
        }
        if end.notifier_first {
            return self.end_with_readers();
        }
        for object in (2..self.objects.all.len()).rev() {
            self.remove_all(object);
        }
        for user in USERS {
            assert_eq!(self.world.notifier().usage(user), (0, 0));
        }
        self.world.end();
    }

    /// Removes an object, and first what has been moved into it.
    fn remove_all(&mut self, object: usize) {
        if !self.objects.all[object].named {
            return;
        }
        for other in 2..self.objects.all.len() {
            let of = &self.objects.all[other];
            if of.named && of.place.as_ref().is_some_and(|(dir, _)| *dir == object) {
                self.remove_all(other);
            }
        }
        self.remove(object);
    }

    /// The notifier goes before its groups: what they have can be read, and then they know.
    fn end_with_readers(self) {
        let Self { world, mut oracle, groups, .. } = self;
        drop(world);
        for (inotify, group) in groups.iter().zip(&mut oracle.groups) {
            let (Some(inotify), Some(group)) = (inotify, group) else { continue };
            let events = inotify.drain();
            assert_eq!(events.len(), group.len());
            events.iter().for_each(|event| group.expect(event));
            let end = inotify.next().map_err(|error| error.errno());
            assert_eq!(end, Err(Errno::ESHUTDOWN));
        }
    }
}
