//! Walks in a root while directories move in and out of it, and mounts come and go in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use vfsnotify::{Context, Errno, File, MemFs, Metadata, OpenFlags, RenameFlags, Vfs};

/// How many paths each thread walks.
const WALKS: u64 = 10_000;

/// `/jail` with directories that move to `/vault` and back, and `/boxed`, a bind mount of it.
fn namespace() -> (Vfs, Context) {
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let host = vfs.context();
    for path in [
        "/jail",
        "/jail/a",
        "/jail/a/b",
        "/jail/a/b/c",
        "/jail/x",
        "/jail/m",
        "/vault",
        "/vault/y",
        "/vault/secret",
        "/boxed",
    ] {
        vfs.mkdir(&host, path, 0o755).expect("a directory");
    }
    for (path, target) in [
        ("/jail/a/stay", "."),
        ("/jail/a/b/up", ".."),
        ("/jail/a/b/top", "/a"),
        ("/jail/x/up", ".."),
    ] {
        vfs.symlink(&host, target, path).expect("a link");
    }
    vfs.bind_mount(&host, "/jail", "/boxed").expect("a mount");
    (vfs, host)
}

/// One round of moves and mounts. Each may fail, since the others run beside it.
fn stir(vfs: &Vfs, host: &Context, round: usize) {
    let rename = |from, to, flags| drop(vfs.rename(host, from, to, flags));
    match round % 6 {
        0 => rename("/jail/a", "/vault/a", RenameFlags::empty()),
        1 => rename("/vault/a", "/jail/a", RenameFlags::empty()),
        2 => rename("/jail/x", "/vault/y", RenameFlags::EXCHANGE),
        3 => {
            let _ = vfs.bind_mount(host, "/jail/a/b", "/jail/m");
            let _ = vfs.mount(host, "/boxed/a/b/c", MemFs::new());
        }
        4 => rename("/jail/a/b", "/jail/x/b", RenameFlags::empty()),
        _ => {
            for from in ["/jail/x/b", "/vault/y/b"] {
                rename(from, "/jail/a/b", RenameFlags::NOREPLACE);
            }
            let _ = vfs.unmount(host, "/jail/m");
            let _ = vfs.unmount(host, "/boxed/a/b/c");
        }
    }
}

/// A path, made up from a number: into directories that move, and up again.
fn path(mut seed: u64, absolute: bool) -> String {
    const PARTS: [&str; 12] =
        ["a", "a/b", "a/b/..", "a/stay", "x/b", "m", "c", "c/..", "b/up", "..", "../..", "top/b"];
    let mut path = String::from(if seed.is_multiple_of(3) && absolute { "/" } else { "./" });
    let parts = 1 + seed % 4;
    for _ in 0..parts {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        path.push_str(PARTS[(seed >> 33) as usize % PARTS.len()]);
        path.push('/');
    }
    path + [".", "..", "../..", "../secret"][(seed >> 50) as usize % 4]
}

/// Walks with a made up path; how many came to something.
struct Walker<'a> {
    vfs: &'a Vfs,
    cx: &'a Context,
    /// Walks begin here too, and by way of the host, beneath it. Not those of the host itself, whose root
    /// is everything.
    handle: Option<&'a File>,
    /// Device and number of what no walk may come to.
    outside: &'a [(u64, u64)],
}

impl Walker<'_> {
    fn walk(&self, seed: u64) -> usize {
        let Self { vfs, cx, .. } = self;
        let path = path(seed, self.handle.is_some());
        let mut found = vec![vfs.stat(cx, &path)];
        if let Some(handle) = self.handle {
            found.push(vfs.stat(cx, handle.at(&path)));
            let below = handle.at(&path).beneath();
            let opened = vfs.open(&vfs.context(), below, OpenFlags::PATH, 0);
            found.push(opened.and_then(|file| file.stat()));
        }
        found.into_iter().filter(|found| self.is_inside(&path, found)).count()
    }

    fn is_inside(&self, path: &str, found: &vfsnotify::Result<Metadata>) -> bool {
        match found {
            Ok(found) => {
                assert!(!self.outside.contains(&(found.device, found.ino)), "{path}");
                true
            }
            Err(error) => {
                let expected =
                    [Errno::ENOENT, Errno::ENOTDIR, Errno::EXDEV, Errno::ELOOP, Errno::EAGAIN];
                assert!(expected.contains(&error.errno()), "{path}: {error:?}");
                false
            }
        }
    }
}

#[test]
fn no_walk_comes_out_of_a_root_while_directories_move_and_mounts_come_and_go() {
    let (vfs, host) = namespace();
    let number = |path| vfs.stat(&host, path).expect("it is there");
    let outside =
        ["/vault", "/vault/secret", "/"].map(number).map(|found| (found.device, found.ino));
    let root = |path| host.clone().with_root(&vfs, path).expect("a root");
    let (jail, boxed) = (root("/jail"), root("/boxed"));
    let at = |cx: &Context, path: &str| {
        let mut cx = cx.clone();
        cx.chdir(&vfs, path).expect("it is there");
        cx
    };
    let open = |cx, path| vfs.open(cx, path, OpenFlags::PATH, 0).expect("a handle");
    let places = [
        (at(&jail, "/a/b"), Some(open(&jail, "/"))),
        (at(&boxed, "/a/b"), Some(open(&jail, "/a/b"))),
        (at(&jail, "/"), Some(open(&boxed, "/"))),
        // It may go to `/`, but not out of the bind mount in any other way.
        (at(&host, "/boxed/a/b"), None),
    ];
    let walkers = places.each_ref().map(|(cx, handle)| Walker {
        vfs: &vfs,
        cx,
        handle: handle.as_ref(),
        outside: &outside[..if handle.is_some() { 3 } else { 2 }],
    });
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for offset in [0, 3] {
            let (vfs, host, stop) = (&vfs, &host, &stop);
            scope.spawn(move || {
                let rounds = (offset..).take_while(|_| !stop.load(Ordering::Relaxed));
                rounds.for_each(|round| stir(vfs, host, round));
            });
        }
        let walks = |(walker, seed): (&'_ Walker<'_>, u64)| {
            (0..WALKS).map(|n| walker.walk(n << 2 | seed)).sum::<usize>()
        };
        let walkers: Vec<_> =
            walkers.iter().zip(0..).map(|each| scope.spawn(move || walks(each))).collect();
        let ends: Vec<_> = walkers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        stop.store(true, Ordering::Relaxed);
        let found: Vec<_> = ends.into_iter().map(|end| end.expect("no walk came out")).collect();
        println!("of {WALKS} paths each, walks came to something: {found:?}");
        assert!(found.iter().all(|found| *found > 0));
    });
    drop(places);
    vfs.verify().expect("every invariant holds");
}
