//! The numbers that openat2(2) takes and refuses, as on the kernel beside. What they do is in `error_order`.

#![cfg(target_os = "linux")]

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use vfsnotify::{Errno, IntoPath, MemFs, OpenFlags, Vfs};

/// The flags, the mode, and how the path is looked up.
type How = (u64, u64, u64);

const O_CREAT: u64 = 0o100;
const O_PATH: u64 = 0o10_000_000;
/// The flag that the kernel answers by `EAGAIN`, or not at all, and the crate does not know.
const RESOLVE_CACHED: u64 = 0x20;

/// Every bit alone, and beside flags that make it right or wrong.
fn all() -> Vec<How> {
    let bits = |count: u32| (0..count).map(|bit| 1_u64 << bit);
    let mut all: Vec<How> = vec![(0, 0, 0), (1 << 32, 0, 0), (1 << 63, 0, 0)];
    for base in [0, 1, 2, 3, O_CREAT, O_PATH, 0o20_200_002, 0o20_200_000] {
        all.extend(bits(32).map(|bit| (base | bit, 0, 0)));
        all.extend(bits(32).map(|bit| (base, bit, 0)));
        all.extend(bits(32).map(|bit| (base, 0, bit)));
    }
    all.extend((0..32).map(|resolve| (0, 0, resolve)));
    all.retain(|(_, _, resolve)| *resolve != RESOLVE_CACHED);
    all
}

#[test]
fn numbers_that_linux_refuses_are_refused() {
    let top = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    let dir = std::fs::File::open(top.path()).expect("a folder");
    let vfs = Vfs::new(MemFs::new()).expect("a VFS");
    let cx = vfs.context();
    for how @ (flags, mode, resolve) in all() {
        // Each made object is removed, so that each call finds the same; a directory, since all flags open one.
        for name in ["d", "new"] {
            let _ = std::fs::create_dir(top.path().join("d"));
            let _ = vfs.mkdir(&cx, "/d", 0o755);
            let theirs = match (u32::try_from(flags), u32::try_from(mode)) {
                (Ok(flags), Ok(mode)) => openat2(
                    &dir,
                    name,
                    OFlags::from_bits_retain(flags),
                    Mode::from_bits_retain(mode),
                    ResolveFlags::from_bits_retain(resolve),
                )
                .map(drop)
                .map_err(|error| error.raw_os_error()),
                // The wrapper has no numbers as great as these.
                _ => Err(Errno::EINVAL.raw_os_error()),
            };
            let ours = OpenFlags::from_openat2(flags, mode, resolve)
                .and_then(|(flags, mode, lookup)| {
                    vfs.open(&cx, name.with_flags(lookup), flags, mode).map(drop)
                })
                .map_err(|error| error.raw_os_error());
            assert_eq!(ours, theirs, "{name}: {how:x?}");
            let _ = std::fs::remove_file(top.path().join("new"));
            let _ = vfs.unlink(&cx, "/new");
        }
    }
}
