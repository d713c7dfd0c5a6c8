//! Threads that call any operation at all, at random: what no other model thought of.

use shuttle::rand::{Rng, thread_rng};

use super::shuttle_harness::{VfsWorld, check, thread, together};
use crate::base::errno::Errno;
use crate::base::sync::{Arc, Mutex, rank};
use crate::inotify::{Inotify, PendingWatch, WatchDescriptor, WatchMask};
use crate::notify::Limits;
use crate::notify::models::shuttle_random::assert_ignored_is_last;
use crate::{File, InodeKind, MemFs, MountInfo, OpenFlags, RenameFlags};

/// How many operations each thread does.
const OPERATIONS: usize = 6;

/// The errors with which a random call may fail.
const REFUSALS: [Errno; 15] = [
    Errno::EBUSY,
    Errno::EXDEV,
    Errno::EEXIST,
    Errno::EINVAL,
    Errno::EISDIR,
    Errno::ENOSPC,
    Errno::ENOTDIR,
    Errno::ENOTEMPTY,
    Errno::ENOENT,
    Errno::EPERM,
    Errno::ESHUTDOWN,
    Errno::ESTALE,
    Errno::EMFILE,
    Errno::ELOOP,
    Errno::ENFILE,
];

struct RandomCalls {
    world: Arc<VfsWorld>,
    instances: [Inotify; 2],
    /// Objects that one thread leaves for another to use, or to drop.
    files: Mutex<Vec<File>, { rank::LEAF }>,
    pending: Mutex<Vec<PendingWatch>, { rank::LEAF }>,
}

fn any<T: Copy>(of: &[T]) -> T {
    of[thread_rng().gen_range(0..of.len())]
}

fn path() -> &'static str {
    any(&["/a", "/b", "/a/f", "/a/g", "/b/f", "/b/d", "/b/d/f", "/a/d"])
}

impl RandomCalls {
    fn one_operation(&self) {
        let VfsWorld { vfs, cx, .. } = &*self.world;
        let done = match thread_rng().gen_range(0..22) {
            0 => vfs.mkdir(cx, path(), 0o755),
            1 => vfs.mknod(cx, path(), any(&[InodeKind::Regular, InodeKind::Fifo]), 0o644, 0),
            2 => vfs.rmdir(cx, path()),
            3 => vfs.unlink(cx, path()),
            4 | 5 => {
                let flags = [RenameFlags::empty(), RenameFlags::EXCHANGE, RenameFlags::NOREPLACE];
                vfs.rename(cx, path(), path(), any(&flags))
            }
            6 => vfs.link(cx, path(), path()),
            7 => vfs.symlink(cx, path(), path()),
            8 | 9 => self.open(),
            10 => self.with_file(),
            11 => {
                let file = self.files.lock().pop();
                drop(file);
                Ok(())
            }
            12 => vfs.chmod(cx, path(), 0o700),
            13 => vfs.truncate(cx, path(), 1),
            14 => vfs.mount(cx, any(&["/a", "/b", "/b/d"]), MemFs::new()),
            15 => vfs.unmount(cx, any(&["/a", "/b", "/b/d"])),
            16 | 17 => self.watch(),
            18 => {
                let pending = self.pending.lock().pop();
                match pending {
                    Some(mut pending) if any(&[true, false]) => {
                        pending.step();
                        Ok(())
                    }
                    Some(pending) => pending.wait().map(drop),
                    None => Ok(()),
                }
            }
            19 => {
                let wd = WatchDescriptor::from_raw(thread_rng().gen_range(1..4));
                any(&[&self.instances[0], &self.instances[1]]).rm_watch(wd)
            }
            20 => vfs.list(cx, path()).map(drop),
            _ => vfs.inotify(cx).map(drop),
        };
        if let Err(error) = done {
            assert!(REFUSALS.contains(&error.errno()), "{error}");
        }
    }

    fn open(&self) -> crate::Result<()> {
        let ways = [
            OpenFlags::READ,
            OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::NONBLOCK,
            OpenFlags::READ_WRITE | OpenFlags::TRUNC | OpenFlags::NONBLOCK,
        ];
        match self.world.open(path(), any(&ways)) {
            Ok(file) => self.files.lock().push(file),
            // A fifo without a reader.
            Err(error) if error.errno() == Errno::ENXIO => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn with_file(&self) -> crate::Result<()> {
        let Some(file) = self.files.lock().last().map(File::dup) else { return Ok(()) };
        // It may be a directory, or not open for this: then it is refused.
        let _ = if any(&[true, false]) { file.write(b"x") } else { file.read(&mut [0; 4]) };
        Ok(())
    }

    fn watch(&self) -> crate::Result<()> {
        let VfsWorld { vfs, cx, .. } = &*self.world;
        let mut mask = any(&[WatchMask::MODIFY, WatchMask::ALL_EVENTS, WatchMask::DELETE_SELF]);
        mask.set(WatchMask::ONESHOT, any(&[true, false]));
        let inotify = any(&[&self.instances[0], &self.instances[1]]);
        let pending = vfs.start_watch(cx, inotify, path(), mask)?;
        if any(&[true, false]) {
            return pending.wait().map(drop);
        }
        self.pending.lock().push(pending);
        Ok(())
    }
}

/// Fails, among others, without the claim of a one-shot, if `next_ino` in `fs/memfs/inode_table.rs` loads and
/// stores, and (over the budget) if `admit_negative` in `negative_budget.rs` leaves the counting to its caller.
#[test]
fn shuttle_every_invariant_holds_after_any_calls_of_the_vfs() {
    check(|| {
        let limits = Limits { max_user_watches: 3, max_user_instances: 3, ..Limits::default() };
        let world = VfsWorld::with_limits(limits, 4);
        let instances = [world.inotify(), world.inotify()];
        let (files, pending) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let calls = Arc::new(RandomCalls { world: world.clone(), instances, files, pending });
        let threads = (0..3).map(|number| {
            let calls = calls.clone();
            thread(&world, move |_| {
                for _ in 0..OPERATIONS {
                    calls.one_operation();
                }
                if number == 0 && thread_rng().gen_bool(0.2) {
                    calls.instances[0].close();
                }
            })
        });
        together(threads.collect());
        let RandomCalls { instances, files, pending, .. } =
            Arc::into_inner(calls).expect("all are done");
        world.vfs.verify().unwrap();
        let files = std::mem::take(&mut *files.lock());
        drop(files);
        let pending = std::mem::take(&mut *pending.lock());
        drop(pending);
        for inotify in &instances {
            assert_ignored_is_last(&inotify.drain());
        }
        drop(instances);
        take_mounts_off(&world);
        VfsWorld::end(world);
    });
}

/// Unmounts everything, as nothing is in use any more. One may hide another, whose path leads nowhere
/// or to what hides it: that one goes first.
fn take_mounts_off(world: &VfsWorld) {
    loop {
        let mounts = world.vfs.mounts(&world.cx);
        if mounts.len() == 1 {
            return;
        }
        let off = |mount: &&MountInfo| world.vfs.unmount(&world.cx, &mount.path).is_ok();
        assert!(
            mounts.iter().rev().any(|mount| off(&mount)),
            "nothing can be unmounted: {mounts:?}"
        );
    }
}
