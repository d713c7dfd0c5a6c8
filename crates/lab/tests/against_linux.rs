//! Every operation on names, on every kind of path, on the VFS and on the kernel: the same error
//! numbers and the same events.

#![cfg(target_os = "linux")]

use lab::compare::Cookies;
use lab::kernel::KernelWorld;
use lab::kernel::folder::{Folder, base};
use lab::op::{INIT_FLAGS, Mask, Mode, Op};
use lab::outcome::Done;
use lab::random_ops::normal::normal;
use lab::vfs_world::VfsWorld;
use lab::world::World;
use vfsnotify::{Access, InodeKind, RenameFlags};

/// Things to act on, relative to a directory that has a parent.
const PATHS: [&str; 44] = [
    "f", "f/", "f/.", "f/x", "hl", "d", "d/", "d//", "d/.", "d/..", "d/x", "d/x/", "d/s", "d/s/",
    "d/s/..", "d/new", "d/new/", "e", "e/", "e/.", "e/..", "lf", "lf/", "lf/x", "ld", "ld/",
    "ld/x", "ld/new", "ld/s", "lo", "lo/x", "dn", "dn/", "dn/x", "ldn", "new", "new/", "new/x",
    "new/.", "..", ".", "p", "p/", "",
];

/// The existing objects: a slash behind is a directory, an arrow a symbolic link, a bar a fifo and an
/// equals sign a further name.
const TREE: [&str; 14] = [
    "f",
    "hl=f",
    "d/",
    "d/x",
    "d/s/",
    "e/",
    "lf->f",
    "ld->d",
    "lo->lo",
    "dn->nowhere",
    "ldn->d/new",
    "p|",
    "e2/",
    "e2/full",
];

const WATCHED: [&str; 11] = ["..", ".", "f", "d", "d/x", "d/s", "e", "lf", "ld", "p", "e2"];

/// The group that watches.
const GROUP: usize = 0;

/// The operation that makes one of the things to act on.
fn plant(entry: &str) -> Op {
    if let Some((link, target)) = entry.split_once("->") {
        Op::Symlink { target: target.into(), path: link.into() }
    } else if let Some((name, old)) = entry.split_once('=') {
        Op::Link { old: old.into(), new: name.into(), follow: false }
    } else if let Some(name) = entry.strip_suffix('|') {
        Op::Mknod { path: name.into(), kind: InodeKind::Fifo, mode: Mode(0o644), rdev: 0 }
    } else if entry.ends_with('/') {
        Op::Mkdir { path: entry.into(), mode: Mode(0o755) }
    } else {
        Op::Mknod { path: entry.into(), kind: InodeKind::Regular, mode: Mode(0o644), rdev: 0 }
    }
}

/// A mode and an owner for what a path names.
type Attributes = (&'static str, u32, u32);

/// Fills a world: a directory with a parent in which everything happens, and watches on it.
fn furnish(world: &mut dyn World, attributes: &[Attributes]) {
    let mkdir = |path: &str| Op::Mkdir { path: path.into(), mode: Mode(0o755) };
    let mut ops = vec![mkdir("base"), mkdir("base/r"), Op::Chdir { path: "base/r".into() }];
    ops.extend(TREE.map(plant));
    for (path, mode, owner) in attributes {
        let owner = (Some(*owner), None);
        ops.push(Op::Chown { path: (*path).into(), owner, follow: false });
        ops.push(Op::Chmod { path: (*path).into(), mode: Mode(*mode), follow: true });
    }
    ops.push(Op::Init { group: GROUP, flags: INIT_FLAGS, queue: None });
    let mask = Mask(0xfff | 0x0200_0000);
    let watch = |path: &str| Op::AddWatch { group: GROUP, path: path.into(), mask };
    ops.extend(WATCHED.map(watch));
    for op in ops {
        let done = world.apply(&op.clone().into());
        assert!(done.is_ok(), "{}: {op:?} gives {done:?}", world.name());
    }
}

/// The result of an operation, and the events it makes.
fn run(world: &mut dyn World, op: &Op, user: Option<u32>) -> (Done, Done) {
    let op = op.clone();
    let op = user.map_or(op.clone(), |uid| Op::As { uid, op: Box::new(op) });
    let mut cookies = Cookies::default();
    let done = normal(world.apply(&op.into()), &mut cookies);
    (done, normal(world.apply(&Op::Drain { group: GROUP }.into()), &mut cookies))
}

/// Runs each operation on both sides, on a fresh tree after each that did something.
fn compare(ops: Vec<Op>, attributes: &[Attributes], user: Option<u32>) {
    let folder = match Folder::new(&base()) {
        Ok(folder) => folder,
        Err(error) => {
            println!("skipped: no world in {}: {error}", base().display());
            return;
        }
    };
    let fresh = || {
        let mut kernel = KernelWorld::new(folder.path()).expect("a directory");
        let mut ours = VfsWorld::beside_kernel();
        furnish(&mut kernel, attributes);
        furnish(&mut ours, attributes);
        (kernel, ours)
    };
    let (mut kernel, mut ours) = fresh();
    let (mut count, mut wrong) = (0, Vec::new());
    for op in ops {
        let theirs = run(&mut kernel, &op, user);
        let outcome = run(&mut ours, &op, user);
        count += 1;
        if outcome != theirs {
            wrong.push(format!("{op:?}\n  Linux {theirs:?}\n  ours  {outcome:?}"));
        }
        if theirs.0.is_ok() || outcome.0.is_ok() {
            ours.vfs().verify().expect("the invariants");
            (kernel, ours) = fresh();
        }
    }
    let some = wrong.len().min(40);
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong[..some].join("\n"));
}

/// The paths, and two whose last or middle name is too long.
fn paths() -> Vec<String> {
    let long = "n".repeat(256);
    let longer = [format!("d/{long}"), format!("{long}/x"), "x/".repeat(2048)];
    PATHS.iter().map(|path| path.to_string()).chain(longer).collect()
}

fn of_one(path: String) -> Vec<Op> {
    let link = |target: &str| Op::Symlink { target: target.into(), path: path.clone().into() };
    let path = || path.clone().into();
    vec![
        Op::Mkdir { path: path(), mode: Mode(0o755) },
        Op::Mknod { path: path(), kind: InodeKind::Regular, mode: Mode(0o755), rdev: 0 },
        link("t"),
        link(""),
        Op::Unlink { path: path() },
        Op::Rmdir { path: path() },
        Op::Readlink { path: path() },
        Op::Access { path: path(), want: Access::empty(), follow: true },
        Op::Stat { path: path(), follow: true },
    ]
}

fn rename(old: &str, new: &str, flags: u32) -> Op {
    let flags = RenameFlags::from_bits_retain(flags);
    Op::Rename { old: old.into(), new: new.into(), flags }
}

fn of_two(paths: &[String], links: bool, flags: &[u32]) -> Vec<Op> {
    let mut ops = Vec::new();
    for (old, new) in paths.iter().flat_map(|old| paths.iter().map(move |new| (old, new))) {
        let follows: &[bool] = if links { &[false, true] } else { &[] };
        let link = |follow: &bool| Op::Link {
            old: old.as_str().into(),
            new: new.as_str().into(),
            follow: *follow,
        };
        ops.extend(follows.iter().map(link));
        ops.extend(flags.iter().map(|flags| rename(old, new, *flags)));
    }
    ops
}

#[test]
fn one_path() {
    compare(paths().into_iter().flat_map(of_one).collect(), &[], None);
}

#[test]
fn links_and_plain_renames() {
    compare(of_two(&paths(), true, &[0]), &[], None);
}

#[test]
fn renames_with_flags() {
    compare(of_two(&paths(), false, &[1, 2, 4]), &[], None);
    let wrong = [3, 6, 7, 8].map(|flags| rename("none", "new", flags));
    compare(wrong.into(), &[], None);
}

/// The same without privilege, in a tree of mixed owners and modes. Links apart: whether Linux
/// protects them is a sysctl.
#[test]
fn without_privilege() {
    if lab::kernel::credentials().0 != 0 {
        eprintln!("not run: it takes root to act as two users");
        return;
    }
    let trees: [&[Attributes]; 5] = [
        &[],
        &[(".", 0o777, 0), ("d", 0o777, 0), ("e", 0o755, 0), ("d/s", 0o755, 1000)],
        &[(".", 0o1777, 0), ("d", 0o1777, 1000), ("f", 0o644, 1000), ("e", 0o755, 1000)],
        &[(".", 0o777, 0), ("d", 0o722, 0), ("e", 0o577, 1000)],
        &[(".", 0o733, 0), ("d", 0o1755, 1000), ("d/s", 0o000, 0), ("..", 0o711, 1000)],
    ];
    for tree in trees {
        compare(paths().into_iter().flat_map(of_one).collect(), tree, Some(1000));
        let few = ["f", "d", "d/x", "d/s", "d/new", "e", "lf", "new", "e2", "e2/full"];
        let few = few.map(String::from);
        compare(of_two(&few, false, &[0, 2]), tree, Some(1000));
    }
}
