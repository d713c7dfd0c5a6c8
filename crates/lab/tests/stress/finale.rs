//! The end of a round: everything is let go of in some order, and nothing may be left.

use std::sync::Arc;
use std::thread;

use fastrand::Rng;
use vfsnotify::notify::Limits;
use vfsnotify::{Context, Vfs};

use crate::figures::Figures;
use crate::watchdog::Progress;
use crate::worker::Hands;
use crate::world::{NEGATIVES, World, context, own_user};

/// How many threads let go at once.
const THREADS: usize = 3;

/// The action of the end, for the watchdog.
pub(crate) const TITLES: [&str; 6] =
    ["verify", "let go of everything", "end the instances", "unmount", "remove all", "drop"];

/// Something to let go of.
type Burden = Box<dyn Send>;

fn burdens(hands: Vec<Hands>, world: &World) -> Vec<Burden> {
    let mut all: Vec<Burden> = Vec::new();
    for Hands { files, pending, contexts, witness } in hands {
        all.extend(files.into_iter().map(|held| Box::new(held) as Burden));
        all.extend(pending.into_iter().map(|pending| Box::new(pending) as Burden));
        all.extend(contexts.into_iter().map(|cx| Box::new(cx) as Burden));
        // Before the thread's own instance or after it.
        all.push(Box::new(witness.inotify.clone()));
        all.push(Box::new(witness));
    }
    let handed_on = std::iter::from_fn(|| world.files.take());
    all.extend(handed_on.map(|held| Box::new(held) as Burden));
    all
}

/// Lets go of everything, in any order, on several threads at once.
fn let_go(mut all: Vec<Burden>, rng: &mut Rng) {
    rng.shuffle(&mut all);
    let mut shares: Vec<Vec<Burden>> = (0..THREADS).map(|_| Vec::new()).collect();
    for (nth, burden) in all.into_iter().enumerate() {
        shares[nth % THREADS].push(burden);
    }
    thread::scope(|scope| {
        for share in shares {
            scope.spawn(|| share.into_iter().for_each(drop));
        }
    });
}

/// One thing after the other: closed, read to its end, unmounted, removed. Each time what is left is
/// counted.
pub(crate) fn tidy(
    mut world: World,
    mut hands: Vec<Hands>,
    rng: &mut Rng,
    progress: &Progress,
    figures: &mut Figures,
) {
    progress.step(1);
    let witnesses = hands.len();
    let vfs = world.vfs.clone();
    hands.iter_mut().for_each(|hands| hands.witness.stop());
    let_go(burdens(hands, &world), rng);
    assert_eq!(vfs.nr_open_files(), 0, "open files");
    progress.step(2);
    vfs.notifier().set_limits(Limits::default());
    let make = |user| vfs.inotify(&context(&vfs, user));
    world.listeners.end_all(make, |user| vfs.notifier().usage(user));
    figures.delivered.add(world.listeners.delivered());
    for user in (0..witnesses).map(own_user) {
        assert_eq!(vfs.notifier().usage(user), (0, 0), "instances and watches of user {user}");
    }
    let cx = vfs.context();
    progress.step(3);
    unmount_all(&vfs, &cx);
    vfs.reap();
    vfs.verify().expect("every invariant holds after the unmounts");
    figures.mounted += no_mounted_is_left(&world);
    progress.step(4);
    remove_all(&vfs, &cx, "");
    vfs.reap();
    vfs.verify().expect("every invariant holds when all is removed");
    assert_eq!(vfs.tree().live_dentries(), 1, "dentries beside the root");
    assert_eq!(vfs.tree().live_inodes(), 1, "inodes beside the root");
    // Each thread may add one that it saw room for.
    assert!(
        vfs.tree().negatives() <= NEGATIVES + witnesses,
        "{} negatives",
        vfs.tree().negatives()
    );
    let left = world.root_fs.stats();
    assert_eq!((left.inodes, left.bytes), (1, 0));
    progress.step(5);
    let (tree, notifier) = (Arc::downgrade(vfs.tree()), Arc::downgrade(vfs.notifier()));
    drop((cx, vfs));
    let root_fs = world.root_fs.clone();
    drop(world);
    assert!(tree.upgrade().is_none() && notifier.upgrade().is_none(), "something keeps the VFS");
    assert_eq!(Arc::strong_count(&root_fs), 1, "something keeps the file system");
    progress.rest();
}

/// Everything at once, the VFS itself included.
pub(crate) fn abrupt(
    mut world: World,
    hands: Vec<Hands>,
    rng: &mut Rng,
    progress: &Progress,
    figures: &mut Figures,
) {
    progress.step(1);
    figures.delivered.add(world.listeners.delivered());
    let (tree, notifier) = (Arc::downgrade(world.vfs.tree()), Arc::downgrade(world.vfs.notifier()));
    let root_fs = world.root_fs.clone();
    let mut all = burdens(hands, &world);
    all.extend(world.listeners.take_all().into_iter().map(|listener| Box::new(listener) as Burden));
    let mounted: Vec<_> = std::iter::from_fn(|| world.mounted.take()).collect();
    all.push(Box::new(world.vfs.clone()));
    all.push(Box::new(world));
    let_go(all, rng);
    assert!(tree.upgrade().is_none() && notifier.upgrade().is_none(), "something keeps the VFS");
    assert!(mounted.iter().all(|fs| fs.strong_count() == 0), "a file system is left mounted");
    assert_eq!(Arc::strong_count(&root_fs), 1, "something keeps the file system");
    figures.mounted += mounted.len() as u64;
    progress.rest();
}

/// Unmounts all that can be reached, from the top down.
fn unmount_all(vfs: &Vfs, cx: &Context) {
    loop {
        let mounts = vfs.mounts(cx);
        if mounts.len() == 1 {
            return;
        }
        // A mount covered by another one has its turn later.
        let gone = mounts[1..].iter().rev().filter(|mount| vfs.unmount(cx, &mount.path).is_ok());
        assert_ne!(gone.count(), 0, "an unused mount can be unmounted: {mounts:?}");
    }
}

fn no_mounted_is_left(world: &World) -> u64 {
    let mut mounted = 0;
    while let Some(fs) = world.mounted.take() {
        assert_eq!(fs.strong_count(), 0, "an unmounted file system is left behind");
        mounted += 1;
    }
    mounted
}

/// Removes everything below a directory.
fn remove_all(vfs: &Vfs, cx: &Context, dir: &str) {
    let root = if dir.is_empty() { "/" } else { dir };
    for entry in vfs.list(cx, root).expect("the superuser lists anything") {
        if entry.name == b"." || entry.name == b".." {
            continue;
        }
        let name = String::from_utf8(entry.name).expect("names here are letters");
        let path = format!("{dir}/{name}");
        if entry.kind.is_dir() {
            remove_all(vfs, cx, &path);
            vfs.rmdir(cx, &path).expect("an empty directory");
        } else {
            vfs.unlink(cx, &path).expect("a file");
        }
    }
}
