//! The cases: hooks as an embedder calls them, and operations of the `Vfs`.

use std::hint::black_box;
use std::io::SeekFrom;

use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::notify::{DentryRef, Notifier, NotifyConfig};
use vfsnotify::tree::InodeSpec;
use vfsnotify::{Context, InodeKind, MemFs, OpenFlags, RenameFlags, Tree, TreeConfig, Vfs};

use crate::measure::Case;

/// All cases. The first does nothing: its count is that of the loop.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = vec![Case::new("nothing", || ())];
    cases.extend(hooks());
    cases.extend(operations());
    cases
}

/// A configuration under which every run is the same.
fn config() -> TreeConfig {
    TreeConfig::default().with_hash_key(1)
}

/// A directory with a file below a root, a watch for `mask` on the directory if there is one, and
/// one on another directory, which keeps the superblock's gate open.
struct Embedded {
    notifier: std::sync::Arc<Notifier>,
    file: DentryRef,
    inotify: Option<Inotify>,
}

impl Embedded {
    fn new(mask: Option<WatchMask>, elsewhere: bool) -> Self {
        let tree = Tree::new(config());
        let notifier = Notifier::new(&tree, NotifyConfig::default()).expect("a notifier");
        let (superblock, root) = notifier.add_superblock(1).expect("a superblock");
        let make = |parent: &DentryRef, name: &[u8], ino, kind, nlink| {
            let inode = tree.make_inode(&superblock, InodeSpec::new(ino, kind, nlink));
            notifier.instantiate(parent.get(), name, inode.expect("an inode")).expect("a dentry")
        };
        let dir = make(&root, b"dir", 2, InodeKind::Directory, 2);
        let other = make(&root, b"other", 3, InodeKind::Directory, 2);
        let file = make(&dir, b"file", 4, InodeKind::Regular, 1);
        let inotify =
            (mask.is_some() || elsewhere).then(|| Inotify::new(&notifier, 0).expect("a group"));
        if let (Some(mask), Some(inotify)) = (mask, &inotify) {
            inotify.add_watch(&dir.inode_ref(), mask).expect("a watch");
        }
        if let (true, Some(inotify)) = (elsewhere, &inotify) {
            inotify.add_watch(&other.inode_ref(), WatchMask::ALL_EVENTS).expect("a watch");
        }
        Self { notifier, file, inotify }
    }
}

fn hooks() -> Vec<Case> {
    let hook = |name, mask, elsewhere| {
        let world = Embedded::new(mask, elsewhere);
        Case::new(name, move || {
            // The whole of it is moved in: the group must live as long as the case.
            let world = black_box(&world);
            world.notifier.hooks().on_modify(black_box(world.file.get()));
        })
    };
    let world = Embedded::new(Some(WatchMask::MODIFY | WatchMask::ACCESS), false);
    let (mut events, mut turn) = (Vec::<Event>::with_capacity(16), false);
    let matching = Case::new("hook: match, queued and drained", move || {
        // Two kinds in turn, so that no event is merged into the one before.
        turn = !turn;
        if turn {
            world.notifier.hooks().on_modify(world.file.get());
        } else {
            world.notifier.hooks().on_access(world.file.get());
        }
        let inotify = world.inotify.as_ref().expect("a group");
        assert_eq!(inotify.drain_into(&mut events, 16), 1);
        events.clear();
    });
    let world = Embedded::new(None, true);
    let one_shot = Case::new("hook: one-shot watch added, fired and drained", move || {
        let inotify = world.inotify.as_ref().expect("a group");
        let inode = world.file.inode_ref();
        inotify.add_watch(&inode, WatchMask::MODIFY | WatchMask::ONESHOT).expect("a watch");
        world.notifier.hooks().on_modify(black_box(world.file.get()));
        // The event, and IGNORED.
        assert_eq!(black_box(inotify.drain()).len(), 2);
    });
    let world = Embedded::new(None, true);
    let groups: Vec<Inotify> = (0..10)
        .map(|_| {
            let group = Inotify::new(&world.notifier, 0).expect("a group");
            let inode = world.file.inode_ref();
            group.add_watch(&inode, WatchMask::MODIFY | WatchMask::ACCESS).expect("a watch");
            group
        })
        .collect();
    let (mut events, mut turn) = (Vec::<Event>::with_capacity(16), false);
    let fan_out = Case::new("hook: match in ten groups, queued and drained", move || {
        turn = !turn;
        if turn {
            world.notifier.hooks().on_modify(world.file.get());
        } else {
            world.notifier.hooks().on_access(world.file.get());
        }
        for group in &groups {
            assert_eq!(group.drain_into(&mut events, 16), 1);
            events.clear();
        }
    });
    vec![
        one_shot,
        fan_out,
        hook("hook: no watch", None, false),
        hook("hook: watch elsewhere", None, true),
        hook("hook: parent watched for another event", Some(WatchMask::OPEN), false),
        matching,
    ]
}

/// A `Vfs` with directories `/a/b/c/d/e/f` and a file in the root and at each depth used below.
fn stage() -> (Vfs, Context) {
    let vfs = Vfs::builder().tree(config()).build(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    let mut path = String::new();
    for name in ["a", "b", "c", "d", "e"] {
        make_file(&vfs, &cx, &format!("{path}/file"));
        path = format!("{path}/{name}");
        vfs.mkdir(&cx, &path, 0o755).expect("a directory");
    }
    make_file(&vfs, &cx, DEEP);
    (vfs, cx)
}

/// A path of six names.
const DEEP: &str = "/a/b/c/d/e/file";

fn make_file(vfs: &Vfs, cx: &Context, path: &str) {
    let flags = OpenFlags::WRITE | OpenFlags::CREATE;
    vfs.open(cx, path, flags, 0o644).expect("a file").write(b"some bytes").expect("a write");
}

/// A case of one operation on a stage of its own.
fn on_stage(name: &'static str, call: impl Fn(&Vfs, &Context) + 'static) -> Case {
    let (vfs, cx) = stage();
    Case::new(name, move || call(black_box(&vfs), black_box(&cx)))
}

fn operations() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.push(on_stage("stat, one name", |vfs, cx| {
        black_box(vfs.stat(cx, "/file").expect("it is there"));
    }));
    cases.push(on_stage("stat, six names", |vfs, cx| {
        black_box(vfs.stat(cx, DEEP).expect("it is there"));
    }));
    cases.push(on_stage("stat of a missing name, one name", |vfs, cx| {
        black_box(vfs.stat(cx, "/none").expect_err("it is not there"));
    }));
    cases.push(on_stage("stat of a missing name, six names", |vfs, cx| {
        black_box(vfs.stat(cx, "/a/b/c/d/e/none").expect_err("it is not there"));
    }));
    cases.push(on_stage("open and close, one name", |vfs, cx| {
        black_box(vfs.open(cx, "/file", OpenFlags::READ, 0).expect("it opens")).close();
    }));
    cases.push(on_stage("open and close, six names", |vfs, cx| {
        black_box(vfs.open(cx, DEEP, OpenFlags::READ, 0).expect("it opens")).close();
    }));
    for (name, path) in [
        ("create and unlink, one name", "/new"),
        ("create and unlink, three names", "/a/b/new"),
        ("create and unlink, six names", "/a/b/c/d/e/new"),
    ] {
        cases.push(on_stage(name, move |vfs, cx| {
            let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
            vfs.open(cx, path, flags, 0o644).expect("it is new").close();
            vfs.unlink(cx, path).expect("it is there");
        }));
    }
    for (name, path) in [
        ("mkdir and rmdir, one name", "/new"),
        ("mkdir and rmdir, two names", "/a/new"),
        ("mkdir and rmdir, six names", "/a/b/c/d/e/new"),
    ] {
        cases.push(on_stage(name, move |vfs, cx| {
            vfs.mkdir(cx, path, 0o755).expect("it is new");
            vfs.rmdir(cx, path).expect("it is empty");
        }));
    }
    for (name, here, there) in [
        ("rename there and back, one name", "/file", "/moved"),
        ("rename there and back, six names", DEEP, "/a/b/c/d/e/moved"),
    ] {
        cases.push(on_stage(name, move |vfs, cx| {
            vfs.rename(cx, here, there, RenameFlags::empty()).expect("there");
            vfs.rename(cx, there, here, RenameFlags::empty()).expect("and back");
        }));
    }
    cases.extend(open_file_operations());
    cases.push(watch_and_remove());
    cases
}

fn open_file_operations() -> Vec<Case> {
    let file_case = |name, user, call: fn(&vfsnotify::File, &mut [u8])| {
        let (vfs, cx) = stage();
        let cx =
            if user { cx.with_credentials(vfsnotify::Credentials::new(1000, 1000)) } else { cx };
        vfs.chmod(&vfs.context(), DEEP, 0o666).expect("a change of mode");
        let file = vfs.open(&cx, DEEP, OpenFlags::READ_WRITE, 0).expect("it opens");
        file.pwrite(&[7; 4096], 0).expect("a write");
        let mut buffer = vec![0; 4096];
        Case::new(name, move || call(&file, &mut buffer))
    };
    let (vfs, cx) = stage();
    for number in 0..1000 {
        make_file(&vfs, &cx, &format!("/a/{number}"));
    }
    let directory = vfs.open(&cx, "/a", OpenFlags::DIRECTORY, 0).expect("a directory");
    vec![
        file_case("pread of 4 KiB", false, |file, buffer| {
            black_box(file.pread(buffer, 0).expect("a read"));
        }),
        file_case("fstat", false, |file, _| {
            black_box(file.stat().expect("its attributes"));
        }),
        file_case("pwrite of 4 KiB", false, |file, buffer| {
            black_box(file.pwrite(buffer, 0).expect("a write"));
        }),
        file_case("pwrite of 512 bytes as an ordinary user", true, |file, buffer| {
            black_box(file.pwrite(&buffer[..512], 0).expect("a write"));
        }),
        Case::new("readdir of 1,000 names", move || {
            directory.seek(SeekFrom::Start(0)).expect("a rewind");
            while !black_box(directory.read_dir(1 << 16).expect("a listing")).is_empty() {}
        }),
    ]
}

fn watch_and_remove() -> Case {
    let (vfs, cx) = stage();
    let inotify = vfs.inotify(&cx).expect("a group");
    Case::new("add_watch and its removal, six names", move || {
        let watch = vfs.add_watch(&cx, &inotify, DEEP, WatchMask::MODIFY).expect("a watch");
        inotify.rm_watch(watch).expect("it is there");
        black_box(inotify.drain());
    })
}
