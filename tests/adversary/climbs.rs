//! `..` in deep trees, and neighbours that move directories all the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vfsnotify::{Context, Errno, MemFs, OpenFlags, RenameFlags, Vfs, lockdep};

use crate::adversary::world::scale;

/// Items that one component of a path may cost: a level up, or a name among a few.
const COMPONENT: u64 = 4;

/// A VFS with a chain of directories in `/jail`, a place to watch from, and a context at its end whose root
/// is `/jail`.
fn deep_jail(depth: usize) -> (Vfs, Context) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    vfs.mkdir(&vfs.context(), "/jail", 0o777).expect("a directory");
    let mut deep = vfs.context().with_root(&vfs, "/jail").expect("the jail");
    for _ in 0..depth {
        vfs.mkdir(&deep, "d", 0o755).expect("a directory");
        deep.chdir(&vfs, "d").expect("it is there");
    }
    (vfs, deep)
}

/// The items that a call did, and its result. Items are counted where the lock order is checked.
fn counted<T>(call: impl FnOnce() -> T) -> (u64, T) {
    let before = lockdep::work_done();
    let result = call();
    (lockdep::work_done() - before, result)
}

/// The longest path that goes up and down.
fn up_and_down() -> String {
    let mut path = "../d/".repeat(4090 / 5);
    path.push('.');
    path
}

#[test]
fn going_up_costs_the_length_of_the_path_and_the_depth_once() {
    let depth = 3000 * scale();
    let (vfs, deep) = deep_jail(depth);
    let own = vfs.stat(&deep, ".").expect("it is there").ino;
    let path = up_and_down();
    let components = path.split('/').count() as u64;
    let most = depth as u64 + components * COMPONENT;
    let check = |name: &str, (items, found): (u64, vfsnotify::Result<u64>)| {
        assert_eq!(found.expect("it is there"), own, "{name}");
        println!("{name}: {items} items of {most} allowed");
        assert!(items <= most, "{name}: {items} items, {most} are allowed");
    };
    let stat = |cx: &Context, path: &str| vfs.stat(cx, path).map(|found| found.ino);
    check("from the current directory", counted(|| stat(&deep, &path)));
    let dir = vfs.open(&deep, ".", OpenFlags::PATH, 0).expect("a handle");
    let from_dir = || vfs.stat(&deep, dir.at(&path)).map(|found| found.ino);
    check("from a handle", counted(from_dir));
    let above = vfs.open(&deep, "../..", OpenFlags::PATH, 0).expect("a handle");
    let below = format!("d/d/{}", &path[10..]);
    let beneath = || {
        let found = vfs.open(&deep, above.at(&below).beneath(), OpenFlags::PATH, 0)?;
        found.stat().map(|found| found.ino)
    };
    check("beneath a handle", counted(beneath));
    // From the root there is nothing to be shown.
    let (items, _) = counted(|| stat(&deep, &format!("/{}.", "d/../".repeat(800))));
    assert!(items <= 1600 * COMPONENT, "from the root: {items} items");
    // Through forty links, each as long as a path may be.
    for n in 0..40 {
        let target = match n {
            0 => path.clone(),
            _ => format!("{}l{}", "../d/".repeat(810), n - 1),
        };
        vfs.symlink(&deep, &target, format!("l{n}")).expect("a link");
    }
    let (items, found) = counted(|| stat(&deep, "l39"));
    assert_eq!(found.expect("it is there"), own);
    let most = depth as u64 + 40 * components * COMPONENT;
    assert!(items <= most, "forty links: {items} items, {most} are allowed");
}

#[test]
fn going_up_in_a_bind_mount_and_out_of_mounts_in_it_costs_the_depth_once() {
    let depth = 3000 * scale();
    let (vfs, deep) = deep_jail(depth);
    let host = vfs.context();
    vfs.mkdir(&host, "/bound", 0o755).expect("a directory");
    vfs.bind_mount(&host, "/jail", "/bound").expect("a mount");
    let mut inside = host.clone();
    inside.chdir(&vfs, "/bound").expect("it is there");
    for _ in 0..depth {
        inside.chdir(&vfs, "d").expect("it is there");
    }
    drop(deep);
    vfs.mkdir(&inside, "m", 0o755).expect("a directory");
    vfs.mount(&inside, "m", MemFs::new()).expect("a mount");
    for path in [up_and_down(), format!("{}.", "m/../".repeat(800))] {
        let most = depth as u64 + path.split('/').count() as u64 * COMPONENT;
        let (items, found) = counted(|| vfs.stat(&inside, &path));
        found.expect("it is there");
        println!("in a bind mount: {items} items of {most} allowed");
        assert!(items <= most, "{items} items, {most} are allowed");
    }
}

/// Each move makes what the walk has shown worthless. It ends all the same, with its result or with
/// `EAGAIN`.
#[test]
fn a_neighbour_that_moves_directories_all_the_time_costs_a_bounded_number_of_climbs() {
    let depth = 3000 * scale();
    let (vfs, deep) = deep_jail(depth);
    let host = vfs.context();
    for path in ["/x", "/y", "/x/moved"] {
        vfs.mkdir(&host, path, 0o755).expect("a directory");
    }
    let path = up_and_down();
    let components = path.split('/').count() as u64;
    let most = (16 * depth as u64).max(65_536 + depth as u64) + components * COMPONENT;
    let stop = AtomicBool::new(false);
    let mut ends = [0; 2];
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for (from, to) in [("/x/moved", "/y/moved"), ("/y/moved", "/x/moved")] {
                    vfs.rename(&host, from, to, RenameFlags::empty()).expect("a move");
                }
            }
        });
        for _ in 0..20 {
            let (items, found) = counted(|| vfs.stat(&deep, &path));
            assert!(items <= most, "{items} items, {most} are allowed");
            match found {
                Ok(_) => ends[0] += 1,
                Err(error) => {
                    assert_eq!(error.errno(), Errno::EAGAIN);
                    ends[1] += 1;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("beside a neighbour that moves directories: {ends:?} found and refused");
    vfs.stat(&deep, &path).expect("when it is quiet");
    vfs.verify().expect("every invariant holds");
}

/// Mounts on one place, one on the other, are gone through at each name and each `..`.
#[test]
fn a_path_through_stacked_mounts_again_and_again_is_refused() {
    let mounts = 1000 * scale();
    let vfs = Vfs::builder().max_mounts(mounts + 1).build(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    vfs.mkdir(&cx, "/m", 0o755).expect("a directory");
    vfs.mkdir(&cx, "/n", 0o755).expect("a directory");
    for _ in 0..mounts {
        vfs.bind_mount(&cx, "/n", "/m").expect("a mount");
    }
    let (items, refused) = counted(|| vfs.stat(&cx, "/m/..".repeat(600)));
    assert_eq!(refused.expect_err("too many").errno(), Errno::ELOOP);
    let most = 4096 + 2 * (mounts + 1) as u64 + 1200 * COMPONENT;
    assert!(items <= most, "{items} items, {most} are allowed");
    vfs.stat(&cx, "/m/../m").expect("a few times through it is fine");
    let (items, list) = counted(|| vfs.mounts(&cx));
    assert_eq!(list.len(), mounts + 1);
    assert!(list[1..].iter().all(|mount| mount.path == b"/m"));
    let most = 10 * mounts as u64;
    assert!(items <= most, "a list: {items} items, {most} are allowed");
}
