//! Random operations on several threads, for schedules that no other model has.

use shuttle::rand::{Rng, thread_rng};

use super::shuttle_harness::{HookWorld, check, lock, thread, together};
use crate::base::errno::Errno;
use crate::base::kind::InodeKind;
use crate::base::mask::EventMask;
use crate::base::sync::{Arc, AtomicU64, Ordering};
use crate::inotify::{Event, Inotify, WatchDescriptor, WatchMask};
use crate::notify::{DentryRef, Lookup};
use crate::tree::InodeSpec;

/// How many operations each thread does.
const OPERATIONS: usize = 6;

fn coin() -> bool {
    thread_rng().gen_bool(0.5)
}

/// A world, and the state that its threads share.
struct RandomOps {
    world: Arc<HookWorld>,
    instances: [Inotify; 2],
    next_ino: AtomicU64,
}

impl RandomOps {
    fn any_dir(&self) -> DentryRef {
        match thread_rng().gen_range(0..4) {
            0 => self.world.b.clone(),
            1 => self.lookup(&self.world.b, b"d").unwrap_or_else(|| self.world.a.clone()),
            _ => self.world.a.clone(),
        }
    }

    fn any_name(&self) -> &'static [u8] {
        [b"f", b"g", b"h"][thread_rng().gen_range(0..3)]
    }

    fn lookup(&self, dir: &DentryRef, name: &[u8]) -> Option<DentryRef> {
        let found = self.world.notifier.lookup(dir.get(), name).unwrap();
        match found {
            Lookup::Positive(dentry) => Some(dentry),
            Lookup::Negative | Lookup::Unknown => None,
        }
    }

    /// Puts a reference. Now and then the put is deferred to the reaper.
    fn put(&self, dentry: DentryRef) {
        if thread_rng().gen_bool(0.8) {
            drop(dentry);
        } else {
            dentry.drop_deferred();
        }
    }

    fn one_operation(&self) {
        match thread_rng().gen_range(0..12) {
            0 => self.create(&self.any_dir(), self.any_name(), InodeKind::Regular),
            1 => self.create(&self.world.b, b"d", InodeKind::Directory),
            2 => self.unlink(&self.any_dir(), self.any_name()),
            3 => self.rmdir(),
            4 => self.rename(),
            5 | 6 => self.call_hook(),
            7 | 8 => self.watch(),
            9 => {
                let wd = WatchDescriptor::from_raw(thread_rng().gen_range(1..5));
                let _ = self.any_instance().rm_watch(wd);
            }
            10 => self.world.notifier.reap(|_, _, _| {}),
            _ => self.exchange(),
        }
    }

    fn any_instance(&self) -> &Inotify {
        &self.instances[thread_rng().gen_range(0..2)]
    }

    fn create(&self, dir: &DentryRef, name: &[u8], kind: InodeKind) {
        let made = {
            let locked = lock(dir);
            if locked.dead || self.lookup(dir, name).map(|found| self.put(found)).is_some() {
                return;
            }
            let ino = self.next_ino.fetch_add(1, Ordering::Relaxed);
            let spec = InodeSpec { ino, kind, nlink: 1 };
            let inode = dir.tree().make_inode(&self.world.superblock, spec).unwrap();
            self.world.notifier.hooks().create(dir.get(), name, inode).unwrap()
        };
        self.put(made);
    }

    fn unlink(&self, dir: &DentryRef, name: &[u8]) {
        let _locked = lock(dir);
        let Some(file) = self.lookup(dir, name) else { return };
        if file.get().is_dir() {
            return self.put(file);
        }
        if coin() {
            return self.world.notifier.hooks().remove(file).unwrap();
        }
        let inode = file.inode_ref();
        self.take_name(&file);
        self.put(file);
        self.world.notifier.hooks().on_delete(dir.get(), name, inode.get());
    }

    fn take_name(&self, dentry: &DentryRef) {
        dentry.get().inode().set_nlink(0);
        self.world.notifier.hooks().on_link_count(dentry.get().inode());
        let entry = dentry.notifier().unhash(dentry.get(), coin()).unwrap();
        drop(entry.expect("it has a name"));
    }

    fn rmdir(&self) {
        let parent = &self.world.b;
        let _locked = lock(parent);
        let Some(dir) = self.lookup(parent, b"d") else { return };
        {
            let slot = dir.tree().dir_at(dir.get().inode().dir().unwrap());
            let Some(mut state) = slot.lock.try_write() else { return };
            if slot.children.read().hashed() != 0 {
                return;
            }
            state.dead = true;
            self.take_name(&dir);
        }
        let inode = dir.inode_ref();
        self.put(dir);
        self.world.notifier.hooks().on_delete(parent.get(), b"d", inode.get());
    }

    /// Renames or exchanges files of `a` and `b`; directories stay where they are.
    fn rename(&self) {
        let (a, b) = (&self.world.a, &self.world.b);
        let (from, to) = if coin() { (a, b) } else { (b, a) };
        let (old_name, new_name) = (self.any_name(), self.any_name());
        let _rename = self.world.superblock.slot().lock_rename();
        // `a` was made first, so its slot is lower than that of `b`.
        let (_a, _b) = (lock(a), lock(b));
        let Some(file) = self.lookup(from, old_name) else { return };
        let replaced = self.lookup(to, new_name);
        if let Some(replaced) = &replaced {
            replaced.get().inode().set_nlink(0);
        }
        let entry = file.notifier().move_dentry(file.get(), to.get(), new_name).unwrap();
        let gone = replaced.as_ref().map(|replaced| replaced.get().inode());
        let moved = file.get().inode();
        self.world.notifier.hooks().on_rename(
            from.get(),
            old_name,
            to.get(),
            new_name,
            moved,
            gone,
        );
        for dentry in [replaced, entry].into_iter().flatten() {
            drop(dentry);
        }
        self.put(file);
    }

    fn exchange(&self) {
        let (a, b) = (&self.world.a, &self.world.b);
        let (one, two) = (self.any_name(), self.any_name());
        let _rename = self.world.superblock.slot().lock_rename();
        let (_a, _b) = (lock(a), lock(b));
        let (Some(first), Some(second)) = (self.lookup(a, one), self.lookup(b, two)) else {
            return;
        };
        first.notifier().exchange_dentries(first.get(), second.get()).unwrap();
        let [moved, other] = [&first, &second].map(|dentry| dentry.get().inode());
        self.world.notifier.hooks().on_rename(a.get(), one, b.get(), two, moved, None);
        self.world.notifier.hooks().on_rename(b.get(), two, a.get(), one, other, None);
        self.put(first);
        self.put(second);
    }

    fn call_hook(&self) {
        let dir = self.any_dir();
        let locked = coin().then(|| lock(&dir));
        let dentry = self.lookup(&dir, self.any_name()).unwrap_or_else(|| dir.clone());
        let notifier = &self.world.notifier;
        match thread_rng().gen_range(0..4) {
            0 => notifier.hooks().on_open(dentry.get()),
            1 => notifier.hooks().on_modify(dentry.get()),
            2 => notifier.hooks().on_attrib(dentry.get(), EventMask::ATTRIB),
            _ => notifier.hooks().on_close(dentry.get(), true),
        }
        self.put(dentry);
        drop(locked);
    }

    fn watch(&self) {
        let dir = self.any_dir();
        let dentry = self.lookup(&dir, self.any_name()).unwrap_or(dir);
        let mut mask = [WatchMask::MODIFY, WatchMask::ALL_EVENTS, WatchMask::DELETE]
            [thread_rng().gen_range(0..3)];
        mask.set(WatchMask::ONESHOT, coin());
        mask.set(WatchMask::MASK_ADD, coin());
        let inotify = self.any_instance();
        match inotify.start_watch(&dentry.inode_ref(), mask) {
            Ok(mut pending) => {
                if thread_rng().gen_bool(0.2) {
                    pending.step();
                } else {
                    let waited = pending.wait().map(drop).map_err(|error| error.errno());
                    assert!(matches!(waited, Ok(()) | Err(Errno::ESHUTDOWN)), "{waited:?}");
                }
            }
            Err(error) => {
                assert!(matches!(error.errno(), Errno::ENOENT | Errno::ESHUTDOWN), "{error}")
            }
        }
        self.put(dentry);
    }
}

/// Asserts that IGNORED is the last event of every watch that has it.
pub(crate) fn assert_ignored_is_last(events: &[Event]) {
    let happened: Vec<_> = events.iter().filter_map(Event::fs_event).collect();
    for (at, event) in happened.iter().enumerate() {
        let later = happened[at + 1..].iter().any(|later| later.wd == event.wd);
        assert!(event.mask != EventMask::IGNORED || !later, "{events:?}");
    }
}

/// Fails, among others, without the claim of a one-shot; with a cursor that counts up or is not lowered when a
/// child is unlinked; and if `ChildWatch::link` keeps `all_flagged` for an unflagged child.
#[test]
fn shuttle_every_invariant_holds_after_any_operations() {
    check(|| {
        let world = HookWorld::new();
        let instances = [world.inotify(), world.inotify()];
        let ops =
            Arc::new(RandomOps { world: world.clone(), instances, next_ino: AtomicU64::new(100) });
        let threads = (0..3).map(|number| {
            let ops = ops.clone();
            thread(&world, move |_| {
                for _ in 0..OPERATIONS {
                    ops.one_operation();
                }
                match number {
                    0 if thread_rng().gen_bool(0.2) => ops.instances[0].close(),
                    1 if thread_rng().gen_bool(0.2) => {
                        ops.world.notifier.on_unmount(&ops.world.superblock);
                    }
                    _ => {}
                }
            })
        });
        together(threads.collect());
        world.verify();
        for inotify in &ops.instances {
            assert_ignored_is_last(&inotify.drain());
        }
        world.notifier.on_unmount(&world.superblock);
        for inotify in &ops.instances {
            assert_eq!(inotify.watch_count(), 0);
            assert_ignored_is_last(&inotify.drain());
        }
        assert!(world.superblock.slot().gate().load().is_shut(), "the gate was left open");
        world.verify();
    });
}
