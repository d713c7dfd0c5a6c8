//! The crate's side with everything that a program calls: its VFS over its file system in memory.

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{Context, Errno, File, InodeKind, MemFs, OpenFlags, RenameFlags, TreeConfig, Vfs};

use super::side::{FILES, MOVED, Side, Target};

/// Where the directories are: as far from the root as those of the kernel's side.
pub(crate) const BASE: &str = "/dev/shm/bench";

/// A VFS whose limits are out of the way, with the directories down to [`BASE`].
pub(crate) fn roomy_vfs() -> (Vfs, Context) {
    let limits = Limits::default()
        .with_max_queued_events(1 << 20)
        .with_max_user_instances(1 << 20)
        .with_max_user_watches(1 << 30);
    let tree = TreeConfig::default()
        .with_negatives(1 << 30)
        .with_negatives_per_directory(1 << 30)
        .with_dentries(1 << 30);
    let vfs = Vfs::builder()
        .tree(tree)
        .notify(NotifyConfig::default().with_limits(limits))
        .build(MemFs::new())
        .expect("an empty file system");
    let cx = vfs.context();
    for (at, _) in BASE.match_indices('/').skip(1) {
        vfs.mkdir(&cx, &BASE[..at], 0o755).expect("a directory");
    }
    vfs.mkdir(&cx, BASE, 0o755).expect("a directory");
    (vfs, cx)
}

/// The small world in a VFS.
#[derive(Debug)]
pub(crate) struct VfsSide {
    vfs: Vfs,
    cx: Context,
    path: String,
    elsewhere: String,
    paths: [String; 2],
    dir: File,
    files: [File; 2],
    groups: Vec<Inotify>,
}

impl VfsSide {
    pub(crate) fn new(groups: usize) -> Self {
        let (vfs, cx) = roomy_vfs();
        let path = format!("{BASE}/small");
        let aside = format!("{BASE}/elsewhere");
        for dir in [&path, &aside] {
            vfs.mkdir(&cx, dir, 0o755).expect("a directory");
        }
        let elsewhere = format!("{aside}/other");
        let paths = FILES.map(|name| format!("{path}/{name}"));
        for file in [&format!("{path}/{}", MOVED[0]), &elsewhere] {
            vfs.mknod(&cx, file, InodeKind::Regular, 0o644, 0).expect("a new file");
        }
        let make = |path: &String| {
            let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
            let file = vfs.open(&cx, path, flags, 0o644).expect("a new file");
            assert_eq!(file.pwrite(b"x", 0), Ok(1));
            file
        };
        let files = [make(&paths[0]), make(&paths[1])];
        let dir = vfs.open(&cx, &path, OpenFlags::PATH, 0).expect("an open directory");
        let groups = (0..groups).map(|_| vfs.inotify(&cx).expect("a group")).collect();
        Self { vfs, cx, path, elsewhere, paths, dir, files, groups }
    }
}

impl Side for VfsSide {
    type File<'a> = &'a File;

    const CALLS: u32 = 4096;

    fn file(&self, number: usize) -> &File {
        &self.files[number]
    }

    #[inline(always)]
    fn write(&self, file: &File) {
        assert!(matches!(file.pwrite(b"y", 0), Ok(1)));
    }

    #[inline(always)]
    fn read(&self, file: &File) {
        assert!(matches!(file.pread(&mut [0; 1], 0), Ok(1)));
    }

    #[inline(always)]
    fn rename(&self, back: bool) {
        let (old, new) = (MOVED[usize::from(back)], MOVED[usize::from(!back)]);
        let (old, new) = (self.dir.at(old), self.dir.at(new));
        self.vfs.rename(&self.cx, old, new, RenameFlags::empty()).expect("a rename");
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    #[inline(always)]
    fn watch(&self, group: usize, target: Target, mask: WatchMask) -> i32 {
        let path = match target {
            Target::Directory => &self.path,
            Target::File(number) => &self.paths[number],
            Target::Elsewhere => &self.elsewhere,
        };
        let wd = self.vfs.add_watch(&self.cx, &self.groups[group], path, mask);
        wd.expect("a watch").as_raw()
    }

    fn unwatch(&self, group: usize, wd: i32) {
        self.groups[group].rm_watch(WatchDescriptor::from_raw(wd)).expect("the watch is there");
    }

    #[inline(always)]
    fn take(&self, group: usize, buffer: &mut [u8]) -> usize {
        take(&self.groups[group], buffer)
    }

    fn wait(&self, group: usize) {
        self.groups[group].wait(None, None).expect("a wait");
    }
}

/// Reads once, into the bytes that the kernel would give.
#[inline(always)]
pub(crate) fn take(group: &Inotify, buffer: &mut [u8]) -> usize {
    match group.read(buffer) {
        Ok(len) => len,
        Err(error) if error.errno() == Errno::EAGAIN => 0,
        Err(error) => panic!("a read from a group: {error}"),
    }
}
