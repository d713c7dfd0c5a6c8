//! Every operation on names, on every kind of path, here and on the real kernel: the same error
//! numbers and the same events.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::ErrorKind::WouldBlock;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, getegid, geteuid, getgroups};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};

use super::*;
use crate::fs::SetAttr;
use crate::vfs::{Access, Credentials};

/// Things to act on, relative to a directory that has a parent.
const PATHS: [&str; 44] = [
    "f", "f/", "f/.", "f/x", "hl", "d", "d/", "d//", "d/.", "d/..", "d/x", "d/x/", "d/s", "d/s/",
    "d/s/..", "d/new", "d/new/", "e", "e/", "e/.", "e/..", "lf", "lf/", "lf/x", "ld", "ld/",
    "ld/x", "ld/new", "ld/s", "lo", "lo/x", "dn", "dn/", "dn/x", "ldn", "new", "new/", "new/x",
    "new/.", "..", ".", "p", "p/", "",
];

/// What is there: a slash behind is a directory, an arrow a symbolic link, a bar a fifo and an
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

#[derive(Clone, Debug)]
enum Op {
    Mkdir(String),
    Mknod(String),
    Symlink(&'static str, String),
    Unlink(String),
    Rmdir(String),
    Readlink(String),
    Access(String),
    Link(String, String, bool),
    Rename(String, String, u32),
}

/// What an operation came to: an error number or 0, and what was heard.
type Outcome = (i32, Vec<String>);

/// The kernel's side: a directory with an inotify instance.
struct Kernel {
    top: tempfile::TempDir,
    dir: OwnedFd,
    inotify: OwnedFd,
    labels: Vec<(i32, &'static str)>,
}

impl Kernel {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let top = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let top = top.unwrap();
        fs::chmod(top.path(), Mode::from(0o755)).unwrap();
        let base = top.path().join("base");
        std::fs::create_dir(&base).unwrap();
        fs::chmod(&base, Mode::from(0o755)).unwrap();
        std::fs::create_dir(base.join("r")).unwrap();
        fs::chmod(base.join("r"), Mode::from(0o755)).unwrap();
        let dir = File::open(base.join("r")).unwrap().into();
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        let kernel = Self { top, dir, inotify, labels: Vec::new() };
        for entry in TREE {
            kernel.plant(entry);
        }
        kernel
    }

    fn plant(&self, entry: &str) {
        let dir = self.dir.as_fd();
        if let Some((link, target)) = entry.split_once("->") {
            fs::symlinkat(target, dir, link).unwrap();
        } else if let Some((name, old)) = entry.split_once('=') {
            fs::linkat(dir, old, dir, name, AtFlags::empty()).unwrap();
        } else if let Some(name) = entry.strip_suffix('|') {
            fs::mknodat(dir, name, FileType::Fifo, Mode::from(0o644), 0).unwrap();
        } else if entry.ends_with('/') {
            fs::mkdirat(dir, entry, Mode::from(0o755)).unwrap();
        } else {
            let flags = OFlags::CREATE | OFlags::WRONLY;
            drop(fs::openat(dir, entry, flags, Mode::from(0o644)).unwrap());
        }
    }

    fn set(&self, path: &str, mode: u32, owner: u32) {
        let owner = Uid::from_raw(owner);
        fs::chownat(&self.dir, path, Some(owner), None, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        fs::chmodat(&self.dir, path, Mode::from(mode), AtFlags::empty()).unwrap();
    }

    fn watch(&mut self) {
        for path in WATCHED {
            let whole = self.top.path().join("base/r").join(path);
            let flags = WatchFlags::ALL_EVENTS | WatchFlags::DONT_FOLLOW;
            self.labels.push((inotify::add_watch(&self.inotify, whole, flags).unwrap(), path));
        }
    }

    fn run(&self, op: &Op) -> Outcome {
        let dir = self.dir.as_fd();
        let mode = Mode::from(0o755);
        let done = match op {
            Op::Mkdir(path) => fs::mkdirat(dir, path, mode),
            Op::Mknod(path) => fs::mknodat(dir, path, FileType::RegularFile, mode, 0),
            Op::Symlink(target, path) => fs::symlinkat(*target, dir, path),
            Op::Unlink(path) => fs::unlinkat(dir, path, AtFlags::empty()),
            Op::Rmdir(path) => fs::unlinkat(dir, path, AtFlags::REMOVEDIR),
            Op::Readlink(path) => fs::readlinkat(dir, path, Vec::new()).map(drop),
            // access(2) goes by the real ids, which stay those of root.
            Op::Access(path) => fs::statat(dir, path, AtFlags::empty()).map(drop),
            Op::Link(old, new, follow) => {
                let flags = if *follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
                fs::linkat(dir, old, dir, new, flags)
            }
            Op::Rename(old, new, flags) => {
                let flags = fs::RenameFlags::from_bits_retain(*flags);
                fs::renameat_with(dir, old, dir, new, flags)
            }
        };
        (done.map_or_else(Errno::raw_os_error, |()| 0), self.heard())
    }

    fn heard(&self) -> Vec<String> {
        let mut buf = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buf);
        let mut scribe = Scribe::default();
        loop {
            match reader.next() {
                Ok(event) => {
                    let label = self.labels.iter().find(|(wd, _)| *wd == event.wd()).unwrap().1;
                    let name = event.file_name().map_or(&b""[..], |name| name.to_bytes());
                    scribe.write(label, event.events().bits(), name, event.cookie());
                }
                Err(error) => {
                    assert_eq!(std::io::Error::from(error).kind(), WouldBlock);
                    return scribe.lines;
                }
            }
        }
    }
}

/// Writes events down so that two sides can be compared.
#[derive(Default)]
struct Scribe {
    lines: Vec<String>,
    cookies: Vec<u32>,
}

impl Scribe {
    fn write(&mut self, label: &str, mask: u32, name: &[u8], cookie: u32) {
        if cookie != 0 && !self.cookies.contains(&cookie) {
            self.cookies.push(cookie);
        }
        let cookie = self.cookies.iter().position(|known| *known == cookie);
        let mask = bits(EventMask::from_bits_retain(mask));
        self.lines.push(format!("{label}:{mask} {} {cookie:?}", name.escape_ascii()));
    }
}

/// This side, with the same tree.
struct Ours {
    vfs: Vfs,
    cx: Context,
    inotify: Inotify,
    labels: Vec<(WatchDescriptor, &'static str)>,
}

impl Ours {
    fn new() -> Self {
        let owner = Credentials::new(geteuid().as_raw(), getegid().as_raw());
        let fs = MemFs::builder().root_owner(owner.uid, owner.gid).build();
        let vfs = Vfs::new(fs).unwrap();
        let mut cx = vfs.context().with_credentials(owner).with_umask(0);
        vfs.mkdir(&cx, "/base", 0o755).unwrap();
        vfs.mkdir(&cx, "/base/r", 0o755).unwrap();
        cx.chdir(&vfs, "/base/r").unwrap();
        for entry in TREE {
            if let Some((link, target)) = entry.split_once("->") {
                vfs.symlink(&cx, target, link).unwrap();
            } else if let Some((name, old)) = entry.split_once('=') {
                vfs.link(&cx, old, name, false).unwrap();
            } else if let Some(name) = entry.strip_suffix('|') {
                vfs.mknod(&cx, name, InodeKind::Fifo, 0o644, 0).unwrap();
            } else if entry.ends_with('/') {
                vfs.mkdir(&cx, entry, 0o755).unwrap();
            } else {
                vfs.mknod(&cx, entry, InodeKind::Regular, 0o644, 0).unwrap();
            }
        }
        let inotify = Inotify::new(vfs.notifier(), 0).unwrap();
        Self { vfs, cx, inotify, labels: Vec::new() }
    }

    fn set(&self, path: &str, mode: u32, owner: u32) {
        let at = self.vfs.resolve(&self.cx, None, path.as_bytes(), Lookup::NO_FOLLOW).unwrap();
        let change = SetAttr { mode: Some(mode), uid: Some(owner), ..SetAttr::default() };
        at.fs().setattr(at.ino(), &change).unwrap();
    }

    fn watch(&mut self) {
        for path in WATCHED {
            let found = self.vfs.resolve(&self.cx, None, path.as_bytes(), Lookup::NO_FOLLOW);
            let inode = found.unwrap().dentry.inode_ref();
            let wd = self.inotify.add_watch_on(&inode, WatchMask::ALL_EVENTS).unwrap();
            self.labels.push((wd, path));
        }
    }

    fn run(&self, op: &Op) -> Outcome {
        let (vfs, cx) = (&self.vfs, &self.cx);
        let done = match op {
            Op::Mkdir(path) => vfs.mkdir(cx, path, 0o755),
            Op::Mknod(path) => vfs.mknod(cx, path, InodeKind::Regular, 0o755, 0),
            Op::Symlink(target, path) => vfs.symlink(cx, target, path),
            Op::Unlink(path) => vfs.unlink(cx, path),
            Op::Rmdir(path) => vfs.rmdir(cx, path),
            Op::Readlink(path) => vfs.readlink(cx, path).map(drop),
            Op::Access(path) => vfs.access(cx, path, Access::empty()),
            Op::Link(old, new, follow) => vfs.link(cx, old, new, *follow),
            Op::Rename(old, new, flags) => {
                vfs.rename(cx, old, new, RenameFlags::from_bits_retain(*flags))
            }
        };
        let mut scribe = Scribe::default();
        for event in self.inotify.drain() {
            let event = event.happened().unwrap();
            let label = self.labels.iter().find(|(wd, _)| *wd == event.wd).unwrap().1;
            scribe.write(label, event.mask.bits(), &event.name, event.cookie);
        }
        (done.map_or_else(|error| error.raw_os_error(), |()| 0), scribe.lines)
    }
}

/// Runs each operation on both sides, on a fresh tree after each that did something.
fn compare(ops: Vec<Op>, prepare: impl Fn(&Kernel, &Ours), user: Option<u32>) {
    let fresh = || {
        let (mut kernel, mut ours) = (Kernel::new(), Ours::new());
        prepare(&kernel, &ours);
        kernel.watch();
        ours.watch();
        if let Some(user) = user {
            let groups = getgroups().unwrap().into_iter().map(|group| group.as_raw());
            let who = Credentials::new(user, user).with_groups(groups);
            ours.cx = ours.cx.clone().with_credentials(who);
        }
        (kernel, ours)
    };
    let (mut kernel, mut ours) = fresh();
    let (mut count, mut wrong) = (0, Vec::new());
    for op in ops {
        let theirs = match user {
            Some(user) => as_user(user, || kernel.run(&op)),
            None => kernel.run(&op),
        };
        let outcome = ours.run(&op);
        count += 1;
        if outcome != theirs {
            wrong.push(format!("{op:?}\n  Linux {theirs:?}\n  ours  {outcome:?}"));
        }
        if theirs.0 == 0 || outcome.0 == 0 {
            ours.vfs.verify().unwrap();
            (kernel, ours) = fresh();
        }
    }
    let some = wrong.len().min(40);
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong[..some].join("\n"));
}

/// Runs on behalf of another user: the effective ids of this thread only.
fn as_user<T>(user: u32, act: impl FnOnce() -> T) -> T {
    let ids = |uid: u32| (Uid::from_raw(uid), Gid::from_raw(uid));
    let (uid, gid) = ids(user);
    set_thread_res_gid(None, gid, None).unwrap();
    set_thread_res_uid(None, uid, None).unwrap();
    let done = act();
    let (uid, gid) = ids(0);
    set_thread_res_uid(None, uid, None).unwrap();
    set_thread_res_gid(None, gid, None).unwrap();
    done
}

/// The paths, and two whose last or middle name is too long.
fn paths() -> Vec<String> {
    let long = "n".repeat(256);
    let longer = [format!("d/{long}"), format!("{long}/x"), "x/".repeat(2048)];
    PATHS.iter().map(|path| path.to_string()).chain(longer).collect()
}

fn of_one(path: String) -> Vec<Op> {
    vec![
        Op::Mkdir(path.clone()),
        Op::Mknod(path.clone()),
        Op::Symlink("t", path.clone()),
        Op::Symlink("", path.clone()),
        Op::Unlink(path.clone()),
        Op::Rmdir(path.clone()),
        Op::Readlink(path.clone()),
        Op::Access(path),
    ]
}

fn of_two(paths: &[String], links: bool, flags: &[u32]) -> Vec<Op> {
    let mut ops = Vec::new();
    for (old, new) in paths.iter().flat_map(|old| paths.iter().map(move |new| (old, new))) {
        let follows: &[bool] = if links { &[false, true] } else { &[] };
        let link = |follow: &bool| Op::Link(old.clone(), new.clone(), *follow);
        ops.extend(follows.iter().map(link));
        ops.extend(flags.iter().map(|flags| Op::Rename(old.clone(), new.clone(), *flags)));
    }
    ops
}

#[test]
fn one_path() {
    compare(paths().into_iter().flat_map(of_one).collect(), |_, _| (), None);
}

#[test]
fn links_and_plain_renames() {
    compare(of_two(&paths(), true, &[0]), |_, _| (), None);
}

#[test]
fn renames_with_flags() {
    compare(of_two(&paths(), false, &[1, 2, 4]), |_, _| (), None);
    let wrong = [3, 6, 7, 8].map(|flags| Op::Rename("none".into(), "new".into(), flags));
    compare(wrong.into(), |_, _| (), None);
}

/// The same without privilege, in a tree of mixed owners and modes. Links apart: whether Linux
/// protects them is a sysctl.
#[test]
fn without_privilege() {
    if !geteuid().is_root() {
        eprintln!("not run: it takes root to act as two users");
        return;
    }
    let trees: [&[(&str, u32, u32)]; 5] = [
        &[],
        &[(".", 0o777, 0), ("d", 0o777, 0), ("e", 0o755, 0), ("d/s", 0o755, 1000)],
        &[(".", 0o1777, 0), ("d", 0o1777, 1000), ("f", 0o644, 1000), ("e", 0o755, 1000)],
        &[(".", 0o777, 0), ("d", 0o722, 0), ("e", 0o577, 1000)],
        &[(".", 0o733, 0), ("d", 0o1755, 1000), ("d/s", 0o000, 0), ("..", 0o711, 1000)],
    ];
    for tree in trees {
        let prepare = |kernel: &Kernel, ours: &Ours| {
            for (path, mode, owner) in tree {
                kernel.set(path, *mode, *owner);
                ours.set(path, *mode, *owner);
            }
        };
        compare(paths().into_iter().flat_map(of_one).collect(), prepare, Some(1000));
        let few = ["f", "d", "d/x", "d/s", "d/new", "e", "lf", "new", "e2", "e2/full"];
        let few = few.map(String::from);
        compare(of_two(&few, false, &[0, 2]), prepare, Some(1000));
    }
}
