//! The crate's side as an embedder with a VFS of its own has it: the hooks alone, on references
//! that are resolved already.

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::notify::DentryRef;
use vfsnotify::tree::Dentry;

use super::side::{FILES, MOVED, Side, Target};
use super::vfs_side::take;
use benches::Embedded;

/// The small world in a tree without a file system: its operations are their hooks.
#[derive(Debug)]
pub(crate) struct HookSide {
    world: Embedded,
    dir: DentryRef,
    files: [DentryRef; 2],
    moved: DentryRef,
    elsewhere: DentryRef,
    groups: Vec<Inotify>,
}

impl HookSide {
    pub(crate) fn new(groups: usize) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "small");
        let files = FILES.map(|name| world.file(&dir, name));
        let moved = world.file(&dir, MOVED[0]);
        let aside = world.dir(&world.root, "elsewhere");
        let elsewhere = world.file(&aside, "other");
        let groups = (0..groups).map(|_| world.group()).collect();
        Self { world, dir, files, moved, elsewhere, groups }
    }
}

impl Side for HookSide {
    type File<'a> = Dentry<'a>;

    const CALLS: u32 = 65_536;

    fn file(&self, number: usize) -> Dentry<'_> {
        self.files[number].get()
    }

    #[inline(always)]
    fn write(&self, file: Dentry<'_>) {
        self.world.notifier.hooks().on_modify(file);
    }

    #[inline(always)]
    fn read(&self, file: Dentry<'_>) {
        self.world.notifier.hooks().on_access(file);
    }

    #[inline(always)]
    fn rename(&self, back: bool) {
        let (old, new) = (MOVED[usize::from(back)], MOVED[usize::from(!back)]);
        let (dir, moved) = (self.dir.get(), self.moved.get());
        let replaced =
            self.world.notifier.move_dentry(moved, dir, new.as_bytes()).expect("a rename");
        assert!(replaced.is_none());
        let inode = moved.inode();
        self.world.notifier.hooks().on_rename(
            dir,
            old.as_bytes(),
            dir,
            new.as_bytes(),
            inode,
            None,
        );
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    #[inline(always)]
    fn watch(&self, group: usize, target: Target, mask: WatchMask) -> i32 {
        let dentry = match target {
            Target::Directory => &self.dir,
            Target::File(number) => &self.files[number],
            Target::Elsewhere => &self.elsewhere,
        };
        let wd = self.groups[group].add_watch(&dentry.inode_ref(), mask);
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
