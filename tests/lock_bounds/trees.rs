//! Trees that are deep, and long paths.

use vfsnotify::inotify::WatchMask;
use vfsnotify::{Errno, File, IntoPath, OpenFlags, PathArg, RenameFlags, lockdep};

use super::{NEW, World, longest};

/// Deeper than any path can say.
const DEPTH: usize = 20_000;

fn open_dir(world: &World, path: impl IntoPath) -> File {
    world.vfs.open(&world.cx, path, OpenFlags::PATH, 0).expect("a directory")
}

/// A chain of directories named `d` below `path`: a handle on each.
fn chain(world: &World, path: &str, depth: usize) -> Vec<File> {
    let mut handles = vec![open_dir(world, path)];
    for _ in 0..depth {
        let last = handles.last().expect("one");
        world.vfs.mkdir(&world.cx, last.at("d"), 0o755).expect("a new directory");
        handles.push(open_dir(world, last.at("d")));
    }
    handles
}

/// Every directory of the chain has been removed and waits for one open file at its end.
#[test]
fn a_chain_of_removed_directories_dies_a_part_at_a_time() {
    let world = World::new();
    world.dir("/top");
    let mut handles = chain(&world, "/top", DEPTH);
    let inotify = world.inotify();
    world.vfs.add_watch(&world.cx, &inotify, &handles[1], WatchMask::DELETE_SELF).expect("a watch");
    let bottom = handles.last().expect("one");
    let file = world.vfs.open(&world.cx, bottom.at("f"), NEW, 0o644).expect("a file");
    world.vfs.unlink(&world.cx, bottom.at("f")).expect("it is there");
    while handles.len() > 1 {
        drop(handles.pop());
        let parent = handles.last().expect("one");
        world.vfs.rmdir(&world.cx, parent.at("d")).expect("it is empty");
    }
    drop(handles);
    world.vfs.reap();
    assert!(world.vfs.tree().live_dentries() > DEPTH, "the file keeps them all");
    world.assert_bounded("removing the chain");

    let before = lockdep::work_done();
    let left = world.vfs.tree().live_dentries();
    file.close();
    let died = left - world.vfs.tree().live_dentries();
    assert!(died > 256 && died <= 9 * 256, "{died} died with the file");
    assert!(lockdep::work_done() - before < 20 * 9 * 256);
    world.vfs.reap();
    assert_eq!(world.vfs.tree().live_dentries(), 2, "the root and /top");
    assert_eq!(inotify.len(), 2, "DELETE_SELF and IGNORED");
    world.assert_bounded("its end");
    world.vfs.verify().expect("the invariants");
}

/// A climb of a deep tree must not keep others from renaming all the way.
#[test]
fn going_up_a_deep_tree_holds_the_rename_lock_for_a_part_of_it() {
    let world = World::new();
    for dir in ["/a", "/b", "/a/x"] {
        world.dir(dir);
    }
    let (one, two) = (chain(&world, "/a", DEPTH), chain(&world, "/b", DEPTH));
    let (deep, other) = (&one[DEPTH], &two[DEPTH]);
    world.assert_bounded("making deep trees");

    let before = lockdep::work_done();
    let too_long = deep.path(&world.cx).expect_err("longer than a path may be");
    assert_eq!(too_long.errno(), Errno::ENAMETOOLONG);
    assert!(lockdep::work_done() - before <= 2048, "no more levels than a path has names");
    let path = one[2000].path(&world.cx).expect("a path");
    assert_eq!(path.len(), 2 + 2 * 2000);
    world.assert_bounded("the path of something deep");

    world.vfs.mkdir(&world.cx, deep.at("e"), 0o755).expect("a new directory");
    let rename = |from: PathArg<'_>, to: PathArg<'_>| {
        world.vfs.rename(&world.cx, from, to, RenameFlags::empty()).map_err(|error| error.errno())
    };
    rename(deep.at("e"), other.at("e")).expect("they are apart");
    rename(other.at("e"), deep.at("f")).expect("and back");
    assert_eq!(
        rename(one[0].at("d"), deep.at("g")),
        Err(Errno::EINVAL),
        "a directory does not come to be inside itself"
    );
    assert_eq!(rename(deep.at("f"), "/a".to_path()), Err(Errno::ENOTEMPTY));
    let exchange = RenameFlags::EXCHANGE;
    let exchanged = world.vfs.rename(&world.cx, deep.at("f"), "/a", exchange);
    assert_eq!(exchanged.expect_err("the same").errno(), Errno::EINVAL);
    world
        .vfs
        .rename(&world.cx, deep.at("f"), "/a/x", exchange)
        .expect("nothing is inside the other");
    let most = longest(&lockdep::longest_holds(), "rename lock");
    assert!(most < 3000, "{most} items under one hold");
    world.assert_bounded("renaming something deep");

    let beneath = one[0].at("d/d/..").beneath();
    world.vfs.open(&world.cx, beneath, OpenFlags::PATH, 0).expect("it is beneath");
    let mut cx = world.cx.clone();
    cx.chdir(&world.vfs, deep).expect("a directory");
    let up = "../".repeat(1000);
    world.vfs.stat(&cx, &up).expect("far below the root");
    world.assert_bounded("walking up");
    world.vfs.verify().expect("the invariants");
}

#[test]
fn a_long_path_is_walked_with_no_lock_held_for_long() {
    let world = World::new();
    let depth = 1000;
    drop(chain(&world, "/", depth));
    world.vfs.symlink(&world.cx, "/".to_owned() + &"d/".repeat(500), "/link").expect("a link");
    let path = "/d".repeat(depth);
    lockdep::reset_longest_holds();
    world.vfs.stat(&world.cx, &path).expect("it is there");
    world.vfs.stat(&world.cx, "/link").expect("it is there");
    world.vfs.stat(&world.cx, "/link/".to_owned() + &"d/../".repeat(400)).expect("it is there");
    let error = world.vfs.stat(&world.cx, path.clone() + "/missing").expect_err("missing");
    assert_eq!(error.errno(), Errno::ENOENT);
    world.assert_bounded("long paths");
}
