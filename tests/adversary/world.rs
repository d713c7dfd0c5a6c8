//! The stage: a `Vfs` with a guest and a neighbour, each at a root of its own.

use std::cell::Cell;

use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    Context, Credentials, Errno, EventMask, File, MemFs, OpenFlags, Result, TreeConfig, Vfs,
};

use crate::adversary::allocator::{live, take_peak};
use crate::adversary::costs::SMALL_CHANGE;

pub(crate) const GUEST: u32 = 1000;
pub(crate) const NEIGHBOUR: u32 = 2000;

/// How many times as large an attack is as in CI.
pub(crate) fn scale() -> usize {
    let scale = std::env::var("VFSNOTIFY_ADVERSARY_SCALE");
    scale.map_or(1, |scale| scale.parse().expect("VFSNOTIFY_ADVERSARY_SCALE is a number"))
}

/// The limits of the world.
pub(crate) struct Bounds {
    pub(crate) inodes: usize,
    pub(crate) bytes: usize,
    pub(crate) negatives: usize,
    pub(crate) dentries: usize,
    pub(crate) user_files: usize,
    pub(crate) mounts: usize,
    pub(crate) limits: Limits,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            inodes: 1 << 20,
            bytes: 1 << 30,
            negatives: 1 << 20,
            dentries: 1 << 20,
            user_files: 1 << 20,
            mounts: 1000,
            limits: Limits::default(),
        }
    }
}

/// Another user, who must not notice anything.
struct Neighbour {
    cx: Context,
    inotify: Inotify,
    turn: Cell<u64>,
}

pub(crate) struct World {
    pub(crate) vfs: Vfs,
    /// The guest: uid 1000, at a root on a file system of its own.
    pub(crate) cx: Context,
    neighbour: Neighbour,
}

impl World {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let tree = TreeConfig::default()
            .with_negatives(bounds.negatives)
            .with_negatives_per_directory(bounds.negatives)
            .with_dentries(bounds.dentries);
        let notify = NotifyConfig::default().with_limits(bounds.limits);
        let vfs = Vfs::builder()
            .tree(tree)
            .notify(notify)
            .max_user_open_files(bounds.user_files)
            .max_mounts(bounds.mounts)
            .build(MemFs::new())
            .expect("a VFS");
        let guest = MemFs::builder()
            .inode_limit(bounds.inodes as u64)
            .size_limit(bounds.bytes as u64)
            .root_owner(GUEST, GUEST);
        let cx = admit(&vfs, "/guest", guest.build(), GUEST);
        let other = MemFs::builder().root_owner(NEIGHBOUR, NEIGHBOUR).build();
        let neighbour = admit(&vfs, "/neighbour", other, NEIGHBOUR);
        let inotify = vfs.inotify(&neighbour).expect("an instance");
        let mask = WatchMask::CREATE | WatchMask::CLOSE_WRITE | WatchMask::DELETE;
        vfs.add_watch(&neighbour, &inotify, "/", mask).expect("a watch");
        let neighbour = Neighbour { cx: neighbour, inotify, turn: Cell::new(0) };
        let world = Self { vfs, cx, neighbour };
        // All that is made with the first use.
        (0..200).for_each(|_| world.the_neighbour_works());
        world
    }

    /// The neighbour makes a file and is told of it, its quotas are as they were, and it gets another
    /// instance and another watch.
    pub(crate) fn the_neighbour_works(&self) {
        let (vfs, Neighbour { cx, inotify, turn }) = (&self.vfs, &self.neighbour);
        let name = format!("/n{}", turn.replace(turn.get() + 1) % 8);
        let file = vfs
            .open(cx, &name, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL, 0o600)
            .expect("the neighbour makes a file");
        assert_eq!(file.write(b"x").expect("the neighbour writes"), 1);
        file.close();
        let second = vfs.inotify(cx).expect("the neighbour gets a second instance");
        vfs.add_watch(cx, &second, &name, WatchMask::DELETE_SELF).expect("and a watch");
        assert_eq!(vfs.notifier().usage(NEIGHBOUR), (2, 2), "the neighbour's quotas");
        vfs.unlink(cx, &name).expect("the neighbour removes its file");
        let expected = [EventMask::CREATE, EventMask::CLOSE_WRITE, EventMask::DELETE];
        let delivered: Vec<EventMask> =
            inotify.drain().iter().map(|event| event.fs_event().expect("no loss").mask).collect();
        assert_eq!(delivered, expected, "what the neighbour is told");
        assert_eq!(second.len(), 2, "DELETE_SELF and IGNORED");
        drop(second);
        assert_eq!(vfs.notifier().usage(NEIGHBOUR), (1, 1), "the neighbour's quotas");
        assert!(!vfs.exists(cx, &name).expect("the neighbour looks"));
    }

    /// Lets the neighbour work now and then.
    pub(crate) fn tick(&self, step: usize) {
        if step.is_multiple_of(512) {
            self.the_neighbour_works();
        }
    }

    pub(crate) fn inotify(&self) -> Inotify {
        self.vfs.inotify(&self.cx).expect("an instance")
    }

    pub(crate) fn open(&self, path: impl vfsnotify::IntoPath, flags: OpenFlags) -> Result<File> {
        self.vfs.open(&self.cx, path, flags, 0o600)
    }

    /// Makes an empty file.
    pub(crate) fn create(&self, path: impl vfsnotify::IntoPath) -> Result<()> {
        self.open(path, OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL).map(File::close)
    }

    pub(crate) fn mkdir(&self, path: impl vfsnotify::IntoPath) {
        self.vfs.mkdir(&self.cx, path, 0o700).expect("a directory");
    }

    /// Runs an attack and cleans up after it, twice.
    ///
    /// `build` returns what the guest holds on to, `tear` takes it down. Meanwhile the process has
    /// taken at most `allowed.most` bytes, and not less than half of that; afterwards `allowed.kept`
    /// bytes may stay, and the second time nothing is added to them.
    pub(crate) fn attack<Booty>(
        &self,
        name: &str,
        allowed: Allowed,
        build: impl Fn(&Self) -> Booty,
        tear: impl Fn(&Self, Booty),
    ) {
        let most = allowed.most + SMALL_CHANGE;
        let mut left = [0; 2];
        let before = live();
        for left in &mut left {
            take_peak();
            let booty = build(self);
            let peak = bytes(take_peak() - before);
            self.the_neighbour_works();
            tear(self, booty);
            self.vfs.reap();
            self.the_neighbour_works();
            *left = bytes(live() - before);
            println!("{name}: {peak} bytes of {most} allowed, {left} kept");
            assert!(peak <= most, "{name}: {peak} bytes were taken, {most} are allowed");
            assert!(peak * 2 >= most, "{name}: {most} are allowed, and {peak} were taken");
        }
        let kept = allowed.kept + SMALL_CHANGE;
        assert!(left[0] <= kept, "{name}: {} bytes are left, {kept} may be", left[0]);
        let more = left[1].saturating_sub(left[0]);
        assert!(more <= SMALL_CHANGE / 4, "{name}: the second time {more} bytes more are left");
        self.vfs.verify().expect("every invariant holds");
    }
}

fn bytes(count: isize) -> usize {
    usize::try_from(count).unwrap_or(0)
}

/// The memory that an attack may take, and that may stay afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed {
    pub(crate) most: usize,
    pub(crate) kept: usize,
}

/// Gives a context a file system of its own as root.
fn admit(vfs: &Vfs, path: &str, fs: MemFs, uid: u32) -> Context {
    let host = vfs.context();
    vfs.mkdir(&host, path, 0o755).expect("a mountpoint");
    vfs.mount(&host, path, fs).expect("a mount");
    let cx = vfs.context().with_root(vfs, path).expect("a root");
    cx.with_credentials(Credentials::new(uid, uid))
}

/// The error of something that must fail.
#[track_caller]
pub(crate) fn refusal<T>(result: Result<T>) -> Errno {
    match result {
        Ok(_) => panic!("it went well"),
        Err(error) => error.errno(),
    }
}

/// A name of this length, with a number in front.
pub(crate) fn long_name(number: usize, len: usize) -> String {
    let mut name = format!("{number}-");
    while name.len() < len {
        name.push('n');
    }
    name
}
