//! The same operations on the crate.

use std::sync::{Arc, Weak};

use vfsnotify::inotify::{Inotify, PendingWatch};
use vfsnotify::notify::{Limits, NotifyConfig};
use vfsnotify::{
    Access, At, Context, Credentials, Errno, File, InodeKind, MemFs, Metadata, MountOptions,
    OpenHow, Pace, RenameFlags, TimeSetting, TreeConfig, Vfs, Yielder,
};

use super::files::data;
use super::ops::{
    CONTEXTS, Caps, GROUPS, Heard, Hint, Op, Outcome, PENDING, SLOTS, Setup, Stat, Step,
};

pub(super) type Done<T = Outcome> = vfsnotify::Result<T>;

/// A VFS with the handles that a case works on.
pub(crate) struct Real {
    pub(crate) vfs: Vfs,
    pub(crate) contexts: Vec<Context>,
    pub(crate) groups: [Option<Inotify>; GROUPS],
    pub(crate) slots: [Option<File>; SLOTS],
    pub(crate) pending: [Option<PendingWatch>; PENDING],
    /// The file systems that were mounted. Whoever unmounts one for good lets go of it.
    pub(crate) systems: Vec<Weak<MemFs>>,
    setup: Setup,
}

fn limits(caps: Caps) -> Limits {
    Limits {
        max_queued_events: caps.events,
        max_user_instances: caps.instances,
        max_user_watches: caps.watches,
        max_object_marks: caps.object_marks,
        ..Limits::default()
    }
}

fn system(setup: Setup) -> Arc<MemFs> {
    let builder = MemFs::builder().size_limit(setup.bytes).inode_limit(setup.inodes);
    Arc::new(builder.root_mode(setup.root_mode).build())
}

pub(super) fn time(set: bool) -> Option<TimeSetting> {
    set.then_some(TimeSetting::Now)
}

pub(super) fn stat(found: &Metadata) -> Outcome {
    let attr = found.attr;
    let is_dir = attr.kind.is_dir();
    Outcome::Stat(Stat {
        kind: attr.kind,
        mode: attr.mode,
        owner: (attr.uid, attr.gid),
        nlink: attr.nlink,
        size: if is_dir { 0 } else { attr.size },
        blocks: attr.blocks,
    })
}

impl Real {
    pub(crate) fn new(setup: Setup) -> Self {
        let Setup { caps, files, negatives, .. } = setup;
        let first = system(setup);
        let systems = vec![Arc::downgrade(&first)];
        let pace = Pace::default().with_yielder(Yielder::None);
        let vfs = Vfs::builder()
            .tree(TreeConfig {
                negatives,
                negatives_per_directory: negatives,
                dentries: setup.dentries(),
                ..TreeConfig::default()
            })
            .notify(NotifyConfig { limits: limits(caps), pace })
            .max_open_files(files)
            .build(first)
            .expect("a VFS");
        let mut real = Self {
            vfs,
            contexts: Vec::new(),
            groups: Default::default(),
            slots: Default::default(),
            pending: Default::default(),
            systems,
            setup,
        };
        real.contexts = (0..CONTEXTS.len()).map(|by| real.fresh_context(by)).collect();
        real
    }

    /// Whether dentries go before the most that a case makes are cached.
    pub(crate) fn reclaims(&self) -> bool {
        self.setup.dentries() < 1000
    }

    fn fresh_context(&self, by: usize) -> Context {
        let who = CONTEXTS[by];
        let credentials = Credentials::new(who.uid, who.gid).with_groups(who.groups.to_vec());
        self.vfs.context().with_credentials(credentials).with_user(who.user)
    }

    /// Inodes and bytes of each file system that there is.
    pub(crate) fn space(&self) -> Vec<(u64, u64)> {
        let alive = self.systems.iter().filter_map(Weak::upgrade);
        alive.map(|fs| (fs.stats().inodes, fs.stats().bytes)).collect()
    }

    /// Does one operation.
    pub(crate) fn apply(&mut self, step: &Step) -> (Result<Outcome, Errno>, Hint) {
        if !step.op.is_quiet() {
            // Nobody says what a watch that is not ready hears of children.
            self.pending.iter_mut().flatten().for_each(|pending| while !pending.step() {});
        }
        let mut hint = Hint::default();
        let done = match &step.op {
            Op::Open { slot, path, flags, mode } => {
                let how = OpenHow { mode: *mode, ..OpenHow::new(*flags) };
                let opened = self.vfs.open_with(self.cx(step), self.at(step), path.text(), how);
                opened.map(|file| {
                    hint.ino = Some(file.dentry().inode().ino());
                    self.slots[*slot] = Some(file);
                    Outcome::Done
                })
            }
            _ => self.act(step),
        };
        if let Ok(Outcome::Events(events)) = &done {
            const UNMOUNT: u32 = 0x2000;
            let unmounts = events.iter().filter(|event: &&Heard| event.mask & UNMOUNT != 0);
            hint.unmounted = unmounts.map(|event| event.wd).collect();
        }
        (done.map_err(|error| error.errno()), hint)
    }

    pub(super) fn cx(&self, step: &Step) -> &Context {
        &self.contexts[step.by]
    }

    pub(super) fn at(&self, step: &Step) -> At<'_> {
        step.at.and_then(|slot| self.slots[slot].as_ref()).map_or(At::Cwd, At::Dir)
    }

    fn act(&mut self, step: &Step) -> Done {
        match &step.op {
            Op::Dup { from, to } => {
                if let Some(file) = &self.slots[*from]
                    && from != to
                {
                    self.slots[*to] = Some(file.dup());
                }
            }
            Op::Close(slot) => {
                if let Some(file) = self.slots[*slot].take() {
                    file.close();
                }
            }
            Op::Chdir(path) => {
                let vfs = self.vfs.clone();
                self.contexts[step.by].chdir(&vfs, path.text())?;
            }
            Op::Fchdir(slot) => {
                if let Some(file) = &self.slots[*slot] {
                    self.contexts[step.by].fchdir(&self.vfs, file)?;
                }
            }
            Op::Chroot(path) => {
                let jailed = self.cx(step).clone().with_root(&self.vfs, path.text())?;
                self.replace_context(step.by, jailed);
            }
            Op::Leave => self.replace_context(step.by, self.fresh_context(step.by)),
            Op::Umask(umask) => {
                self.replace_context(step.by, self.cx(step).clone().with_umask(*umask));
            }
            Op::Mount { path, read_only } => {
                let fs = system(self.setup);
                let weak = Arc::downgrade(&fs);
                let options = MountOptions::default().read_only(*read_only);
                self.vfs.mount_with(self.cx(step), path.text(), fs, options)?;
                self.systems.push(weak);
            }
            Op::Bind { from, to, read_only } => {
                let options = MountOptions::default().read_only(*read_only);
                let (from, to) = (from.text(), to.text());
                self.vfs.bind_mount_with(self.cx(step), from, to, options)?;
            }
            Op::Unmount(path) => self.vfs.unmount(self.cx(step), path.text())?,
            Op::SetCaps(caps) => self.vfs.notifier().set_limits(limits(*caps)),
            op if op.is_quiet() => return self.on_watches(step),
            op if op.is_of_slot() => return self.on_slot(step),
            _ => return self.on_names(step),
        }
        Ok(Outcome::Done)
    }

    /// What a context leaves that is merely dropped dies with the next reaping.
    fn replace_context(&mut self, by: usize, cx: Context) {
        self.contexts[by] = cx;
        self.vfs.reap();
    }

    fn on_names(&self, step: &Step) -> Done {
        let (vfs, cx, at) = (&self.vfs, self.cx(step), self.at(step));
        match &step.op {
            Op::Mkdir(path, mode) => vfs.mkdirat(cx, at, path.text(), *mode)?,
            Op::Mknod(path, kind, mode) => {
                let rdev = if *kind == InodeKind::CharDevice { 0x103 } else { 0 };
                vfs.mknodat(cx, at, path.text(), *kind, *mode, rdev)?;
            }
            Op::Symlink { target, path } => {
                vfs.symlinkat(cx, target.text(), at, path.text())?;
            }
            Op::Link { old, new, follow } => {
                vfs.linkat(cx, (at, old.text()), (at, new.text()), *follow)?;
            }
            Op::Unlink(path) => vfs.unlinkat(cx, at, path.text())?,
            Op::Rmdir(path) => vfs.rmdirat(cx, at, path.text())?,
            Op::Rename(old, new, flags) => {
                vfs.renameat(cx, (at, old.text()), (at, new.text()), *flags)?;
                if flags.contains(RenameFlags::WHITEOUT) {
                    // The file system made it: the tree knows it when it is looked up. The way
                    // there may be another now.
                    let superuser = cx.clone().with_credentials(Credentials::new(0, 0));
                    let _ = vfs.statat(&superuser, at, old.text(), false);
                }
            }
            Op::Stat { path, follow } => {
                return vfs.statat(cx, at, path.text(), *follow).map(|found| stat(&found));
            }
            Op::ReadLink(path) => return vfs.readlinkat(cx, at, path.text()).map(Outcome::Data),
            Op::Access(path, want) => {
                vfs.accessat(cx, at, path.text(), Access::from_bits_retain(*want), true)?;
            }
            Op::List(path) => {
                let entries = vfs.listat(cx, at, path.text())?;
                return Ok(super::real_files::names(&entries));
            }
            Op::Truncate(path, len) => vfs.truncate(cx, path.text(), *len)?,
            Op::Chmod(path, mode) => vfs.chmodat(cx, at, path.text(), *mode, true)?,
            Op::Chown { path, owner: (uid, gid), follow } => {
                vfs.chownat(cx, at, path.text(), *uid, *gid, *follow)?;
            }
            Op::Utimens { path, atime, mtime, follow } => {
                vfs.utimensat(cx, at, path.text(), time(*atime), time(*mtime), *follow)?;
            }
            Op::SetXattr { path, name, len, mode, follow } => {
                vfs.setxattrat(cx, at, path.text(), name, &data(*len), *mode, *follow)?;
            }
            Op::GetXattr { path, name, follow } => {
                return vfs.getxattrat(cx, at, path.text(), name, *follow).map(Outcome::Data);
            }
            Op::RemoveXattr { path, name, follow } => {
                vfs.removexattrat(cx, at, path.text(), name, *follow)?;
            }
            op => unreachable!("{op:?} is done elsewhere"),
        }
        Ok(Outcome::Done)
    }
}
