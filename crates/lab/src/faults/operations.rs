//! Every operation of the VFS that may call a file system, and how to call it.

use std::io::{IoSlice, IoSliceMut, SeekFrom};
use std::sync::Arc;

use vfsnotify::inotify::WatchMask;
use vfsnotify::{
    Access, FallocateFlags, File, InodeKind, IntoPath, MemFs, MountOptions, OpenFlags, RenameFlags,
    Result, TimeSetting, XattrMode,
};

use super::faulty::FaultyFs;
use super::stage::Stage;

/// An operation.
pub struct Op {
    pub name: &'static str,
    /// The public functions that this is a call of.
    pub covers: &'static [&'static str],
    /// The files open before.
    pub files: &'static [(&'static str, OpenFlags)],
    pub run: Run,
    /// The events that may come although it failed: it consists of steps, and those that were done were
    /// done.
    pub partial: &'static [&'static str],
}

type Run = fn(&Stage, &[File]) -> Result<()>;

const R: OpenFlags = OpenFlags::READ;
const W: OpenFlags = OpenFlags::WRITE;
const RW: OpenFlags = OpenFlags::READ_WRITE;
const DIR: OpenFlags = OpenFlags::READ.union(OpenFlags::DIRECTORY);
const EMPTY: RenameFlags = RenameFlags::empty();

impl Op {
    fn with(mut self, files: &'static [(&'static str, OpenFlags)]) -> Self {
        self.files = files;
        self
    }

    fn partly(mut self, partial: &'static [&'static str]) -> Self {
        self.partial = partial;
        self
    }
}

fn op(name: &'static str, covers: &'static [&'static str], run: Run) -> Op {
    Op { name, covers, files: &[], run, partial: &[] }
}

/// A second faulty file system, which obeys the same control.
fn another(stage: &Stage) -> FaultyFs {
    FaultyFs { inner: Arc::new(MemFs::new()), control: stage.control.clone() }
}

/// All of them.
pub fn table() -> Vec<Op> {
    let mut all = names();
    all.extend(from_directories());
    all.extend(attributes());
    all.extend(of_objects());
    all.extend(opening());
    all.extend(contents());
    all.extend(others());
    all
}

fn names() -> Vec<Op> {
    vec![
        op("mkdir", &["Vfs::mkdir"], |s, _| s.vfs.mkdir(&s.cx, "/m/dir/new", 0o755)),
        op("mknod", &["Vfs::mknod"], |s, _| {
            s.vfs.mknod(&s.cx, "/m/dir/new", InodeKind::Regular, 0o644, 0)
        }),
        op("symlink", &["Vfs::symlink"], |s, _| s.vfs.symlink(&s.cx, "dir", "/m/other/new")),
        op("readlink", &["Vfs::readlink"], |s, _| s.vfs.readlink(&s.cx, "/m/link").map(drop)),
        op("link", &["Vfs::link"], |s, _| s.vfs.link(&s.cx, "/m/file", "/m/dir/new")),
        op("link of what a link leads to", &["Vfs::link"], |s, _| {
            s.vfs.link(&s.cx, "/m/link".follow(), "/m/other/new")
        }),
        op("unlink", &["Vfs::unlink"], |s, _| s.vfs.unlink(&s.cx, "/m/dir/file")),
        op("unlink of one name of two", &["Vfs::unlink"], |s, _| s.vfs.unlink(&s.cx, "/m/twin")),
        op("unlink of what is open", &["Vfs::unlink"], |s, _| s.vfs.unlink(&s.cx, "/m/dir/file"))
            .with(&[("/m/dir/file", R)]),
        op("rmdir", &["Vfs::rmdir"], |s, _| s.vfs.rmdir(&s.cx, "/m/other")),
        op("rename", &["Vfs::rename"], |s, _| {
            s.vfs.rename(&s.cx, "/m/dir/file", "/m/dir/moved", EMPTY)
        }),
        op("rename to another directory", &["Vfs::rename"], |s, _| {
            s.vfs.rename(&s.cx, "/m/dir/file", "/m/other/moved", EMPTY)
        }),
        op("rename of a directory", &["Vfs::rename"], |s, _| {
            s.vfs.rename(&s.cx, "/m/dir/sub", "/m/moved", EMPTY)
        }),
        op("rename over a file", &["Vfs::rename"], |s, _| {
            s.vfs.rename(&s.cx, "/m/dir/file", "/m/file", EMPTY)
        }),
        op("rename over a directory", &["Vfs::rename"], |s, _| {
            s.vfs.rename(&s.cx, "/m/dir/sub", "/m/other", EMPTY)
        }),
        op("exchange", &["Vfs::rename"], |s, _| {
            s.vfs.rename(&s.cx, "/m/dir/file", "/m/other", RenameFlags::EXCHANGE)
        }),
        op("rename with a whiteout", &["Vfs::rename"], |s, _| {
            s.vfs.rename(&s.cx, "/m/dir/file", "/m/dir/moved", RenameFlags::WHITEOUT)
        })
        // The whiteout is given its owner when the rename has been reported.
        .partly(&["/m/dir:file MOVED_FROM", "/m/dir:moved MOVED_TO"]),
    ]
}

fn from_directories() -> Vec<Op> {
    const AT_DIR: &[(&str, OpenFlags)] = &[("/m/dir", DIR), ("/m/other", DIR)];
    let all = vec![
        op("mkdir from a directory", &["Vfs::mkdir"], |s, f| {
            s.vfs.mkdir(&s.cx, f[0].at("sub/new"), 0o755)
        }),
        op("mknod from a directory", &["Vfs::mknod"], |s, f| {
            s.vfs.mknod(&s.cx, f[0].at("new"), InodeKind::Fifo, 0o644, 0)
        }),
        op("symlink from a directory", &["Vfs::symlink"], |s, f| {
            s.vfs.symlink(&s.cx, "file", f[0].at("new"))
        }),
        op("readlink from a directory", &["Vfs::readlink"], |s, f| {
            s.vfs.readlink(&s.cx, f[0].at("../link")).map(drop)
        }),
        op("link from a directory", &["Vfs::link"], |s, f| {
            s.vfs.link(&s.cx, f[0].at("file"), f[1].at("new"))
        }),
        op("unlink from a directory", &["Vfs::unlink"], |s, f| {
            s.vfs.unlink(&s.cx, f[0].at("sub/deep"))
        }),
        op("rmdir from a directory", &["Vfs::rmdir"], |s, f| {
            s.vfs.rmdir(&s.cx, f[0].at("../other"))
        }),
        op("rename from a directory", &["Vfs::rename"], |s, f| {
            s.vfs.rename(&s.cx, f[0].at("sub"), f[1].at("moved"), EMPTY)
        }),
        op("access from a directory", &["Vfs::access"], |s, f| {
            s.vfs.access(&s.cx, f[0].at("sub/deep"), Access::WRITE)
        }),
        op("stat from a directory", &["Vfs::stat"], |s, f| {
            s.vfs.stat(&s.cx, f[0].at("../link")).map(drop)
        }),
        op("chmod from a directory", &["Vfs::chmod"], |s, f| {
            s.vfs.chmod(&s.cx, f[0].at("file"), 0o600)
        }),
        op("chown from a directory", &["Vfs::chown"], |s, f| {
            s.vfs.chown(&s.cx, f[0].at("file").no_follow(), None, Some(1000))
        }),
        op("utimens from a directory", &["Vfs::utimens"], |s, f| {
            let now = Some(TimeSetting::Now);
            s.vfs.utimens(&s.cx, f[0].at("file"), now, now)
        }),
        op("getxattr from a directory", &["Vfs::getxattr"], |s, f| {
            s.vfs.getxattr(&s.cx, f[0].at("../file"), "user.a").map(drop)
        }),
        op("setxattr from a directory", &["Vfs::setxattr"], |s, f| {
            s.vfs.setxattr(&s.cx, f[0].at("file"), "user.b", b"x", XattrMode::Create)
        }),
        op("listxattr from a directory", &["Vfs::listxattr"], |s, f| {
            s.vfs.listxattr(&s.cx, f[0].at("../file")).map(drop)
        }),
        op("removexattr from a directory", &["Vfs::removexattr"], |s, f| {
            s.vfs.removexattr(&s.cx, f[0].at("../file"), "user.a")
        }),
        op("start_watch from a directory", &["Vfs::start_watch"], |s, f| {
            let mask = WatchMask::DELETE_SELF;
            let watch = s.vfs.start_watch(&s.cx, &s.group, f[0].at("sub/deep"), mask)?;
            s.group.rm_watch(watch.wait()?)
        }),
        op("list from a directory", &["Vfs::list"], |s, f| {
            s.vfs.list(&s.cx, f[0].at("../other")).map(drop)
        })
        .partly(LISTING),
        op("open from a directory", &["Vfs::open"], |s, f| {
            s.vfs.open(&s.cx, f[0].at("sub/deep"), R, 0).map(drop)
        }),
    ];
    all.into_iter().map(|op| op.with(AT_DIR)).collect()
}

fn attributes() -> Vec<Op> {
    const FILE: &[(&str, OpenFlags)] = &[("/m/file", RW)];
    vec![
        op("stat", &["Vfs::stat"], |s, _| s.vfs.stat(&s.cx, "/m/link").map(drop)),
        op("stat of a link itself", &["Vfs::stat"], |s, _| {
            s.vfs.stat(&s.cx, "/m/link".no_follow()).map(drop)
        }),
        op("access", &["Vfs::access"], |s, _| s.vfs.access(&s.cx, "/m/dir/sub/deep", Access::READ)),
        op("exists", &["Vfs::exists"], |s, _| s.vfs.exists(&s.cx, "/m/dir/none").map(drop)),
        op("chmod", &["Vfs::chmod"], |s, _| s.vfs.chmod(&s.cx, "/m/dir/file", 0o600)),
        op("chmod of a directory", &["Vfs::chmod"], |s, _| s.vfs.chmod(&s.cx, "/m/dir", 0o700)),
        op("chown", &["Vfs::chown"], |s, _| s.vfs.chown(&s.cx, "/m/file", Some(1000), Some(1000))),
        op("chown of a link itself", &["Vfs::chown"], |s, _| {
            s.vfs.chown(&s.cx, "/m/link".no_follow(), None, Some(1000))
        }),
        op("utimens", &["Vfs::utimens"], |s, _| {
            s.vfs.utimens(&s.cx, "/m/file", None, Some(TimeSetting::Now))
        }),
        op("truncate", &["Vfs::truncate"], |s, _| s.vfs.truncate(&s.cx, "/m/file", 2)),
        op("truncate of a set-id file", &["Vfs::truncate"], |s, _| {
            s.vfs.truncate(&s.cx, "/m/set_id", 2)
        }),
        op("getxattr", &["Vfs::getxattr"], |s, _| {
            s.vfs.getxattr(&s.cx, "/m/file", "user.a").map(drop)
        }),
        op("setxattr", &["Vfs::setxattr"], |s, _| {
            s.vfs.setxattr(&s.cx, "/m/file", "user.a", b"new", XattrMode::Replace)
        }),
        op("listxattr", &["Vfs::listxattr"], |s, _| s.vfs.listxattr(&s.cx, "/m/file").map(drop)),
        op("removexattr", &["Vfs::removexattr"], |s, _| {
            s.vfs.removexattr(&s.cx, "/m/file", "user.a")
        }),
        op("File::stat", &["File::stat"], |_, f| f[0].stat().map(drop)).with(FILE),
        op("File::chmod", &["File::chmod"], |s, f| f[0].chmod(&s.cx, 0o600)).with(FILE),
        op("File::chown", &["File::chown"], |s, f| f[0].chown(&s.cx, None, Some(1000))).with(FILE),
        op("File::utimens", &["File::utimens"], |s, f| {
            f[0].utimens(&s.cx, Some(TimeSetting::Now), None)
        })
        .with(FILE),
        op("File::getxattr", &["File::getxattr"], |s, f| f[0].getxattr(&s.cx, "user.a").map(drop))
            .with(FILE),
        op("File::setxattr", &["File::setxattr"], |s, f| {
            f[0].setxattr(&s.cx, "user.b", b"x", XattrMode::Create)
        })
        .with(FILE),
        op("File::listxattr", &["File::listxattr"], |s, f| f[0].listxattr(&s.cx).map(drop))
            .with(FILE),
        op("File::removexattr", &["File::removexattr"], |s, f| f[0].removexattr(&s.cx, "user.a"))
            .with(FILE),
    ]
}

/// Operations on what a handle holds, which only names it.
fn of_objects() -> Vec<Op> {
    const HANDLES: &[(&str, OpenFlags)] =
        &[("/m/file", OpenFlags::PATH), ("/m/other", OpenFlags::PATH)];
    let all = vec![
        op("stat of an object", &["Vfs::stat"], |s, f| s.vfs.stat(&s.cx, &f[0]).map(drop)),
        op("statfs of an object", &["Vfs::statfs"], |s, f| s.vfs.statfs(&s.cx, &f[0]).map(drop)),
        op("access to an object", &["Vfs::access"], |s, f| {
            s.vfs.access(&s.cx, &f[0], Access::WRITE)
        }),
        op("chmod of an object", &["Vfs::chmod"], |s, f| s.vfs.chmod(&s.cx, &f[0], 0o600)),
        op("chown of an object", &["Vfs::chown"], |s, f| {
            s.vfs.chown(&s.cx, &f[0], None, Some(1000))
        }),
        op("utimens of an object", &["Vfs::utimens"], |s, f| {
            s.vfs.utimens(&s.cx, &f[0], Some(TimeSetting::Now), None)
        }),
        op("getxattr of an object", &["Vfs::getxattr"], |s, f| {
            s.vfs.getxattr(&s.cx, &f[0], "user.a").map(drop)
        }),
        op("setxattr of an object", &["Vfs::setxattr"], |s, f| {
            s.vfs.setxattr(&s.cx, &f[0], "user.b", b"x", XattrMode::Create)
        }),
        op("truncate of an object", &["Vfs::truncate"], |s, f| s.vfs.truncate(&s.cx, &f[0], 1)),
        op("list of an object", &["Vfs::list"], |s, f| s.vfs.list(&s.cx, &f[1]).map(drop))
            .partly(LISTING),
        op("reopen", &["File::reopen"], |s, f| f[0].reopen(&s.cx, R).map(drop)),
        op("reopen that cuts", &["File::reopen"], |s, f| {
            f[0].reopen(&s.cx, W | OpenFlags::TRUNC).map(drop)
        })
        .partly(&[
            "/m:file OPEN",
            "/m/file: OPEN",
            "/m:file CLOSE_WRITE",
            "/m/file: CLOSE_WRITE",
        ]),
        op("reopen of a directory for a file without a name", &["File::reopen"], |s, f| {
            f[1].reopen(&s.cx, RW | OpenFlags::TMPFILE).map(drop)
        }),
    ];
    let mut all: Vec<_> = all.into_iter().map(|op| op.with(HANDLES)).collect();
    all.push(
        op("set_status", &["File::set_status"], |s, f| {
            f[0].set_status(&s.cx, OpenFlags::NOATIME | OpenFlags::DIRECT)
        })
        .with(&[("/m/file", R)]),
    );
    all
}

/// The events that may come of a listing that fails on the way.
const LISTING: &[&str] = &[
    "/m:other OPEN | ISDIR",
    "/m/other: OPEN | ISDIR",
    "/m:other ACCESS | ISDIR",
    "/m/other: ACCESS | ISDIR",
    "/m:other CLOSE_NOWRITE | ISDIR",
    "/m/other: CLOSE_NOWRITE | ISDIR",
];

fn opening() -> Vec<Op> {
    const UNNAMED: &[(&str, OpenFlags)] = &[("/m/dir", RW.union(OpenFlags::TMPFILE))];
    vec![
        op("open", &["Vfs::open", "File::close"], |s, _| {
            s.vfs.open(&s.cx, "/m/link", R, 0).map(File::close)
        }),
        op("open of a directory", &["Vfs::open"], |s, _| {
            s.vfs.open(&s.cx, "/m/dir/sub", DIR, 0).map(drop)
        }),
        op("open that makes a file", &["Vfs::open"], |s, _| {
            s.vfs.open(&s.cx, "/m/dir/new", W | OpenFlags::CREATE, 0o644).map(drop)
        })
        // The file is there even if it could not be opened.
        .partly(&["/m/dir:new CREATE"]),
        op("open that makes no file", &["Vfs::open"], |s, _| {
            s.vfs.open(&s.cx, "/m/dir/file", W | OpenFlags::CREATE, 0o644).map(drop)
        }),
        op("open that must make a file", &["Vfs::open"], |s, _| {
            let flags = W | OpenFlags::CREATE | OpenFlags::EXCL;
            s.vfs.open(&s.cx, "/m/other/new", flags, 0o644).map(drop)
        })
        .partly(&["/m/other:new CREATE"]),
        op("open that cuts", &["Vfs::open"], |s, _| {
            s.vfs.open(&s.cx, "/m/dir/file", W | OpenFlags::TRUNC, 0).map(drop)
        })
        // It was open when it could not be cut.
        .partly(&["/m/dir:file OPEN", "/m/dir:file CLOSE_WRITE"]),
        op("open of a file without a name", &["Vfs::open"], |s, _| {
            s.vfs.open(&s.cx, "/m/dir", RW | OpenFlags::TMPFILE, 0o644).map(drop)
        }),
        op("open of a fifo", &["Vfs::open"], |s, _| s.vfs.open(&s.cx, "/m/fifo", RW, 0).map(drop)),
        op("open of a name only", &["Vfs::open"], |s, _| {
            s.vfs.open(&s.cx, "/m/dir/sub/deep", OpenFlags::PATH, 0).map(drop)
        }),
        op("link of an open file", &["Vfs::link"], |s, f| s.vfs.link(&s.cx, &f[0], "/m/other/new"))
            .with(&[("/m/file", R)]),
        op("link of a file without a name", &["Vfs::link"], |s, f| {
            s.vfs.link(&s.cx, &f[0], "/m/other/new")
        })
        .with(UNNAMED),
        op("list", &["Vfs::list"], |s, _| s.vfs.list(&s.cx, "/m/other").map(drop)).partly(LISTING),
        op("read_dir", &["File::read_dir"], |_, f| f[0].read_dir(10_000).map(drop))
            .with(&[("/m/dir", DIR)])
            // The dots need no file system.
            .partly(&["/m:dir ACCESS | ISDIR", "/m/dir: ACCESS | ISDIR"]),
    ]
}

fn contents() -> Vec<Op> {
    const FILE: &[(&str, OpenFlags)] = &[("/m/file", RW)];
    const APPENDS: &[(&str, OpenFlags)] = &[("/m/file", W.union(OpenFlags::APPEND))];
    const TWO: &[(&str, OpenFlags)] = &[("/m/file", R), ("/m/dir/file", W)];
    vec![
        op("read", &["File::read"], |_, f| f[0].read(&mut [0; 3]).map(drop)).with(FILE),
        op("pread", &["File::pread"], |_, f| f[0].pread(&mut [0; 3], 1).map(drop)).with(FILE),
        op("readv", &["File::readv"], |_, f| {
            let mut buf = [0; 3];
            f[0].readv(&mut [IoSliceMut::new(&mut buf)]).map(drop)
        })
        .with(FILE),
        op("preadv", &["File::preadv"], |_, f| {
            let mut buf = [0; 3];
            f[0].preadv(&mut [IoSliceMut::new(&mut buf)], 1).map(drop)
        })
        .with(FILE),
        op("write", &["File::write"], |_, f| f[0].write(b"ab").map(drop)).with(FILE),
        op("write that appends", &["File::write"], |_, f| f[0].write(b"ab").map(drop))
            .with(APPENDS),
        op("write to a set-id file", &["File::write"], |_, f| f[0].write(b"ab").map(drop))
            .with(&[("/m/set_id", W)])
            .partly(&["/m:set_id ATTRIB"]),
        op("pwrite", &["File::pwrite"], |_, f| f[0].pwrite(b"ab", 3).map(drop)).with(FILE),
        op("writev", &["File::writev"], |_, f| {
            f[0].writev(&[IoSlice::new(b"a"), IoSlice::new(b"b")]).map(drop)
        })
        .with(FILE),
        op("pwritev", &["File::pwritev"], |_, f| {
            f[0].pwritev(&[IoSlice::new(b"a"), IoSlice::new(b"b")], 2).map(drop)
        })
        .with(FILE),
        op("File::truncate", &["File::truncate"], |_, f| f[0].truncate(1)).with(FILE),
        op("fallocate", &["File::fallocate"], |_, f| {
            f[0].fallocate(FallocateFlags::empty(), 0, 100)
        })
        .with(FILE),
        op("fallocate in a set-id file", &["File::fallocate"], |_, f| {
            f[0].fallocate(FallocateFlags::KEEP_SIZE, 0, 100)
        })
        .with(&[("/m/set_id", W)])
        .partly(&["/m:set_id ATTRIB"]),
        op("seek", &["File::seek"], |_, f| f[0].seek(SeekFrom::End(-1)).map(drop)).with(FILE),
        op("seek_data", &["File::seek_data"], |_, f| f[0].seek_data(1).map(drop)).with(FILE),
        op("seek_hole", &["File::seek_hole"], |_, f| f[0].seek_hole(1).map(drop)).with(FILE),
        op("copy_file_range", &["File::copy_file_range"], |_, f| {
            f[0].copy_file_range(Some(&mut 0), &f[1], Some(&mut 0), 4).map(drop)
        })
        .with(TWO),
        op("sendfile", &["File::sendfile"], |_, f| f[0].sendfile(Some(&mut 0), &f[1], 4).map(drop))
            .with(TWO),
        op("splice_to", &["File::splice_to"], |_, f| f[0].splice_to(&mut [0; 2]).map(drop))
            .with(FILE),
        op("splice_from", &["File::splice_from"], |_, f| f[0].splice_from(b"ab").map(drop))
            .with(FILE),
        op("fsync", &["File::fsync"], |_, f| f[0].fsync()).with(FILE),
        op("fdatasync", &["File::fdatasync"], |_, f| f[0].fdatasync()).with(FILE),
        op("File::statfs", &["File::statfs"], |_, f| f[0].statfs().map(drop)).with(FILE),
    ]
}

fn others() -> Vec<Op> {
    vec![
        op("statfs", &["Vfs::statfs"], |s, _| s.vfs.statfs(&s.cx, "/m/dir/sub").map(drop)),
        op("with_root", &["Context::with_root"], |s, _| {
            s.cx.clone().with_root(&s.vfs, "/m/dir/sub").map(drop)
        }),
        op("chdir", &["Context::chdir"], |s, _| s.cx.clone().chdir(&s.vfs, "/m/dir/sub")),
        op("chdir to an open directory", &["Context::chdir"], |s, f| {
            s.cx.clone().chdir(&s.vfs, &f[0])
        })
        .with(&[("/m/dir", DIR)]),
        op("add_watch", &["Vfs::add_watch"], |s, _| {
            let mask = WatchMask::DELETE_SELF;
            s.group.rm_watch(s.vfs.add_watch(&s.cx, &s.group, "/m/dir/sub", mask)?)
        }),
        op("start_watch", &["Vfs::start_watch"], |s, _| {
            let mask = WatchMask::DELETE_SELF;
            let watch = s.vfs.start_watch(&s.cx, &s.group, "/m/link", mask)?;
            s.group.rm_watch(watch.wait()?)
        }),
        op("add_watch of an open directory", &["Vfs::add_watch"], |s, f| {
            let mask = WatchMask::DELETE_SELF;
            s.group.rm_watch(s.vfs.add_watch(&s.cx, &s.group, &f[0], mask)?)
        })
        .with(&[("/m/dir/sub", DIR)]),
        op("start_watch of an open directory", &["Vfs::start_watch"], |s, f| {
            let mask = WatchMask::DELETE_SELF;
            let watch = s.vfs.start_watch(&s.cx, &s.group, &f[0], mask)?;
            s.group.rm_watch(watch.wait()?)
        })
        .with(&[("/m/dir/sub", DIR)]),
        op("mount and unmount", &["Vfs::mount", "Vfs::unmount"], |s, _| {
            s.vfs.mount(&s.root, "/m/other", another(s))?;
            s.vfs.unmount(&s.root, "/m/other")
        }),
        op("mount_with", &["Vfs::mount_with"], |s, _| {
            let options = MountOptions::default().read_only(true);
            s.vfs.mount_with(&s.root, "/m/other", Arc::new(another(s)), options)?;
            s.vfs.mkdir(&s.root, "/m/other/new", 0o755).expect_err("it is read-only");
            s.vfs.unmount(&s.root, "/m/other")
        }),
        op("bind_mount", &["Vfs::bind_mount"], |s, _| {
            s.vfs.bind_mount(&s.root, "/m/dir/sub", "/m/other")?;
            s.vfs.unmount(&s.root, "/m/other")
        }),
        op("bind_mount_with", &["Vfs::bind_mount_with"], |s, _| {
            s.vfs.bind_mount_with(&s.root, "/m/dir", "/m/other", MountOptions::default())?;
            s.vfs.unmount(&s.root, "/m/other")
        }),
        op("reap", &["Vfs::reap"], |s, f| {
            s.vfs.unlink(&s.cx, "/m/dir/file")?;
            drop(f[0].dup());
            s.vfs.reap();
            Ok(())
        })
        .with(&[("/m/dir/sub/deep", R)])
        .partly(&["/m/dir:file DELETE"]),
    ]
}
