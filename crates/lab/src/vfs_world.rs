//! The crate's own VFS as a world.
//!
//! [`names`], [`files`], [`places`] and [`groups`] make the call that an operation stands for, on objects of the
//! crate; [`VfsWorld`] has the tables that say which objects an operation means. The stress and the
//! path oracle have objects of their own and make the calls directly.

pub mod files;
pub mod groups;
pub mod names;
pub mod places;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use vfsnotify::inotify::{Inotify, PendingWatch};
use vfsnotify::notify::Limits;
use vfsnotify::{Context, Credentials, Errno, File, IntoPath, MemFs, Result, TreeConfig, Vfs};

use super::kernel;
use super::op::{Caps, GroupId, Limit, Op, PendingId, Slot, Step};
use super::outcome::{Done, Outcome};
use super::world::World;
use groups::Group;
use names::path_from;

/// Where the root of a world of [`VfsWorld::new`] is: not at the root of the VFS, so that `..` leads
/// somewhere.
const ROOT: &str = "/world";

/// The tables of a process: descriptors, and its contexts.
#[derive(Clone)]
struct Tables {
    files: BTreeMap<Slot, File>,
    groups: BTreeMap<GroupId, Group>,
    contexts: Vec<Context>,
}

/// A VFS with a table of everything that operations speak of.
pub struct VfsWorld {
    vfs: Vfs,
    tables: Tables,
    parents: Vec<Tables>,
    pending: BTreeMap<PendingId, PendingWatch>,
    /// Each context as it is at first, and again after [`Op::Leave`].
    first: Vec<Context>,
    /// Makes the file systems that are mounted.
    system: Box<dyn Fn() -> MemFs>,
    /// The further groups of every user.
    groups: Vec<u32>,
    /// The file systems there were. The last unmount of one drops it.
    systems: Vec<Weak<MemFs>>,
}

impl VfsWorld {
    /// A fresh world in a small cache, in which calls are made as this user.
    pub fn new((uid, gid): (u32, u32)) -> Self {
        // Far fewer than a sequence makes: dentries are reclaimed all the time, and no event may tell.
        let tree = TreeConfig::default().with_dentries(8);
        let fs = Arc::new(MemFs::new());
        let weak = Arc::downgrade(&fs);
        let vfs = Vfs::builder().tree(tree).build(fs).expect("an empty file system");
        let root = vfs.context().with_umask(0);
        vfs.mkdir(&root, ROOT, 0o755).expect("a root for the world");
        vfs.chown(&root, ROOT, Some(uid), Some(gid)).expect("an owner for it");
        let mut cx = root.with_credentials(Credentials::new(uid, gid));
        cx.chdir(&vfs, ROOT).expect("a current directory");
        Self::of(vfs, vec![cx], weak, || MemFs::builder().root_mode(0o1777).build())
    }

    /// A fresh world in which calls are made as this process makes them, to compare with the kernel.
    pub fn beside_kernel() -> Self {
        let mut world = Self::new(kernel::credentials());
        world.groups = kernel::groups();
        let identity = world.context(0).credentials().clone().with_groups(world.groups.clone());
        let cx = world.context(0).clone().with_credentials(identity);
        (world.tables.contexts[0], world.first[0]) = (cx.clone(), cx);
        world
    }

    /// A world on a VFS, with contexts for [`Step::by`], the file system at its root, and what makes
    /// those that are mounted.
    pub fn of(
        vfs: Vfs,
        contexts: Vec<Context>,
        root: Weak<MemFs>,
        system: impl Fn() -> MemFs + 'static,
    ) -> Self {
        let first = contexts.clone();
        let tables = Tables { files: BTreeMap::new(), groups: BTreeMap::new(), contexts };
        let (parents, pending, groups) = (Vec::new(), BTreeMap::new(), Vec::new());
        let (system, systems) = (Box::new(system), vec![root]);
        Self { vfs, tables, parents, pending, first, system, groups, systems }
    }

    /// The VFS, for checks of its invariants.
    pub fn vfs(&self) -> &Vfs {
        &self.vfs
    }

    /// A context.
    pub fn context(&self, by: usize) -> &Context {
        &self.tables.contexts[by]
    }

    /// The open file in a place.
    pub fn file(&self, slot: Slot) -> Option<&File> {
        self.tables.files.get(&slot)
    }

    /// The group in a place.
    pub fn group(&self, group: GroupId) -> Option<&Inotify> {
        self.tables.groups.get(&group).map(|group| &group.inotify)
    }

    /// The file systems that have been mounted, the first root's among them.
    pub fn systems(&self) -> &[Weak<MemFs>] {
        &self.systems
    }

    /// Brings every watch that is begun to where it is ready.
    pub fn finish_pending(&mut self) {
        self.pending.values_mut().for_each(|pending| while !pending.step() {});
    }

    /// Where the paths of a step start.
    pub fn bases(&self, step: &Step) -> names::Bases<'_> {
        let base = |slot: Option<Slot>| slot.and_then(|slot| self.file(slot));
        (base(step.at), base(step.new_at))
    }

    /// Ends the world: no invariant may be broken, and nothing may be left behind.
    pub fn end(self) -> std::result::Result<(), String> {
        let vfs = self.vfs.clone();
        vfs.verify()?;
        drop(self);
        vfs.reap();
        vfs.verify()?;
        match vfs.nr_open_files() {
            0 => Ok(()),
            open => Err(format!("{open} open files are left")),
        }
    }

    /// Puts an open file in a place, and closes the one that was there.
    fn keep(&mut self, slot: Slot, file: File) -> Outcome {
        if let Some(old) = self.tables.files.insert(slot, file) {
            old.close();
        }
        Outcome::Done
    }

    fn act(&mut self, step: &Step) -> Result<Outcome> {
        match &step.op {
            Op::From { slot, op } => {
                self.act(&Step { at: Some(*slot), op: (**op).clone(), ..step.clone() })
            }
            Op::Open { slot, .. } => {
                let at = self.bases(step).0;
                let file = names::open(&self.vfs, self.context(step.by), at, &step.op)?;
                Ok(self.keep(*slot, file))
            }
            Op::Close { slot } => {
                Ok(self.tables.files.remove(slot).map_or(Outcome::Nothing, |file| {
                    file.close();
                    Outcome::Done
                }))
            }
            Op::Dup { from, to } => {
                let Some(file) = self.file(*from).map(File::dup) else {
                    return Ok(Outcome::Nothing);
                };
                Ok(self.keep(*to, file))
            }
            Op::Dup2Over { from, to } => match (self.file(*from), self.file(*to)) {
                (Some(file), Some(_)) => {
                    let file = file.dup();
                    Ok(self.keep(*to, file))
                }
                _ => Ok(Outcome::Nothing),
            },
            Op::Chdir { .. }
            | Op::Fchdir { .. }
            | Op::Chroot { .. }
            | Op::Leave
            | Op::Umask { .. }
            | Op::As { .. }
            | Op::Fork
            | Op::Exit => self.on_context(step),
            Op::MountTmpfs { .. } | Op::MountBind { .. } | Op::Umount { .. } => {
                self.on_mounts(step)
            }
            Op::Limit { limit, value } => {
                self.limit(*limit, *value);
                Ok(Outcome::Done)
            }
            Op::Limits { caps } => {
                self.vfs.notifier().set_limits(limits(*caps));
                Ok(Outcome::Done)
            }
            op if op.is_quiet() => self.on_groups(step),
            op => match files::first_slot(op) {
                Some(slot) => self.on_files(step, slot),
                None => names::call(&self.vfs, self.context(step.by), self.bases(step), op),
            },
        }
    }

    fn on_files(&self, step: &Step, slot: Slot) -> Result<Outcome> {
        let Some(file) = self.file(slot) else { return Ok(Outcome::Nothing) };
        match step.op {
            Op::Sendfile { out, .. } | Op::CopyFileRange { out, .. } => match self.file(out) {
                Some(out) => files::between(file, out, &step.op),
                None => Ok(Outcome::Nothing),
            },
            _ => files::call(&self.vfs, self.context(step.by), self.bases(step).0, file, &step.op),
        }
    }

    fn on_context(&mut self, step: &Step) -> Result<Outcome> {
        let (vfs, by) = (self.vfs.clone(), step.by);
        match &step.op {
            Op::Chdir { .. } | Op::Fchdir { .. } | Op::Chroot { .. } | Op::Umask { .. } => {
                let Tables { files, contexts, .. } = &mut self.tables;
                let file = match &step.op {
                    Op::Fchdir { slot } if !files.contains_key(slot) => {
                        return Ok(Outcome::Nothing);
                    }
                    Op::Fchdir { slot } => files.get(slot),
                    _ => None,
                };
                places::enter(&vfs, &mut contexts[by], file, &step.op)?;
                if matches!(step.op, Op::Chroot { .. } | Op::Umask { .. }) {
                    // A dropped context leaves references that the next reaping puts.
                    vfs.reap();
                }
            }
            Op::Leave => {
                self.tables.contexts[by] = self.first[by].clone();
                vfs.reap();
            }
            Op::As { uid, op } => {
                let before = self.context(by).credentials().clone();
                let identity = Credentials::new(*uid, *uid).with_groups(self.groups.clone());
                self.become_user(by, identity);
                let done = self.act(&Step { op: (**op).clone(), ..step.clone() });
                self.become_user(by, before);
                return done;
            }
            Op::Fork => self.parents.push(self.tables.clone()),
            Op::Exit => {
                let Some(parent) = self.parents.pop() else { return Ok(Outcome::Nothing) };
                drop(std::mem::replace(&mut self.tables, parent));
            }
            op => unreachable!("{op:?} is not of a context"),
        }
        Ok(Outcome::Done)
    }

    fn become_user(&mut self, by: usize, identity: Credentials) {
        let user = identity.uid;
        let cx = self.context(by).clone();
        self.tables.contexts[by] = cx.with_credentials(identity).with_user(user);
    }

    fn on_mounts(&mut self, step: &Step) -> Result<Outcome> {
        let mut weak = None;
        let system = || {
            let fs = Arc::new((self.system)());
            weak = Some(Arc::downgrade(&fs));
            fs
        };
        let done = places::mount(&self.vfs, self.context(step.by), system, &step.op)?;
        self.systems.extend(weak);
        Ok(done)
    }

    fn on_groups(&mut self, step: &Step) -> Result<Outcome> {
        match &step.op {
            Op::Init { group, flags, queue } => {
                if queue.is_some() {
                    self.limit(Limit::QueuedEvents, *queue);
                }
                let made = groups::make(&self.vfs, self.context(step.by), *flags);
                if queue.is_some() {
                    self.limit(Limit::QueuedEvents, None);
                }
                let old = self.tables.groups.insert(*group, Group::new(made?));
                // One that a watch is being added to lives until that is done, as on Linux.
                if let Some(old) = old.filter(|_| !self.pending.is_empty()) {
                    old.inotify.close();
                }
            }
            Op::BadInit { flags } => {
                groups::make(&self.vfs, self.context(step.by), *flags)?;
            }
            Op::CloseGroup { group } => {
                let closed = self.tables.groups.remove(group);
                return Ok(closed.map_or(Outcome::Nothing, |_| Outcome::Done));
            }
            Op::AddWatchOn { slot, mask, .. } => {
                let file = match slot {
                    None => None,
                    Some(slot) => match self.file(*slot) {
                        Some(file) => Some(file),
                        None => return Ok(Outcome::Nothing),
                    },
                };
                return groups::add_watch_on(file, *mask);
            }
            Op::StepWatch { pending } => {
                if let Some(pending) = self.pending.get_mut(pending) {
                    pending.step();
                }
            }
            Op::WaitWatch { pending } => {
                let Some(pending) = self.pending.remove(pending) else {
                    return Ok(Outcome::Nothing);
                };
                return pending.wait().map(|wd| Outcome::Wd(wd.as_raw()));
            }
            Op::DropWatch { pending } => drop(self.pending.remove(pending)),
            op => {
                let group = op.group().expect("the others are all of a group");
                // Out of the table, so that a file can be looked at beside it.
                let Some(mut own) = self.tables.groups.remove(&group) else {
                    return Ok(Outcome::Nothing);
                };
                let done = self.on_group(step, &mut own);
                self.tables.groups.insert(group, own);
                return done;
            }
        }
        Ok(Outcome::Done)
    }

    fn on_group(&mut self, step: &Step, group: &mut Group) -> Result<Outcome> {
        let cx = self.context(step.by);
        match &step.op {
            Op::AddWatchFile { slot, mask, .. } => match self.file(*slot) {
                Some(file) => group.add_watch(&self.vfs, cx, file.to_path(), *mask),
                None => Ok(Outcome::Nothing),
            },
            Op::StartWatch { pending, path, mask, .. } => {
                let at = self.bases(step).0;
                let new = group.start_watch(&self.vfs, cx, path_from(at, path), *mask)?;
                self.pending.insert(*pending, new);
                Ok(Outcome::Done)
            }
            Op::AddWatch { path, mask, .. } => {
                group.add_watch(&self.vfs, cx, path_from(self.bases(step).0, path), *mask)
            }
            op => group.call(op),
        }
    }

    fn limit(&self, limit: Limit, value: Option<u32>) {
        let notifier = self.vfs.notifier();
        let (mut limits, usual) = (notifier.limits(), Limits::default());
        match limit {
            Limit::QueuedEvents => {
                let value = value.map(|value| value as usize);
                limits.max_queued_events = value.unwrap_or(usual.max_queued_events);
            }
            Limit::UserWatches => {
                limits.max_user_watches = value.unwrap_or(usual.max_user_watches);
            }
            Limit::UserInstances => {
                limits.max_user_instances = value.unwrap_or(usual.max_user_instances);
            }
        }
        notifier.set_limits(limits);
    }
}

/// All limits as the crate takes them.
pub fn limits(caps: Caps) -> Limits {
    Limits::default()
        .with_max_queued_events(caps.events)
        .with_max_user_instances(caps.instances)
        .with_max_user_watches(caps.watches)
        .with_max_object_marks(caps.object_marks)
}

impl World for VfsWorld {
    fn name(&self) -> &str {
        "the VFS"
    }

    fn lacks(&self, capability: &str) -> Option<&'static str> {
        match capability {
            "mmap" => Some("the VFS maps no memory"),
            "fanotify" | "sb_marks" | "fan_rename" | "evictable" => {
                Some("the fanotify back end is not there yet")
            }
            "dnotify" => Some("the dnotify back end is not there yet"),
            _ => None,
        }
    }

    fn apply(&mut self, step: &Step) -> Done {
        self.act(step).map_err(|error| error.errno())
    }
}

/// An error of the table of descriptors.
pub(crate) fn refused<T>(errno: Errno) -> Result<T> {
    Err(errno.into())
}
