//! Path resolution: from bytes to a location.

use std::borrow::Cow;

use crate::base::errno::Errno;
use crate::base::error::Result;
use crate::base::kind::InodeKind;
use crate::base::name::Name;
use crate::base::path_limits::PATH_MAX;
use crate::base::sync::{Arc, count_items};
use crate::fs::{FileSystem, Request};
use crate::notify::held_dentry::HeldDentry;
use crate::tree::Dentry;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::current_operations;
use crate::vfs::mounts::mount::Mount;
use crate::vfs::path_arg::PathArg;
use crate::vfs::permission::Access;
use crate::vfs::resolve::confine::Confinement;
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::lookup_flags::LookupFlags;

/// How many symbolic links one look-up follows.
const MAX_LINKS: u32 = 40;
/// A look-up crosses this many mounts, and twice as many as there may be: they can all be on one place,
/// and a path can go through that again and again.
const MIN_CROSSINGS: usize = 4096;

/// The kind of the last component of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastKind {
    /// A name.
    Normal,
    /// `.`
    Dot,
    /// `..`
    DotDot,
    /// There is none: the path is `/`.
    Root,
}

/// The last component of a path, not yet looked up.
#[derive(Debug)]
pub(crate) struct Last {
    /// The directory it is in. Search permission has been checked.
    pub(crate) dir: Location,
    /// The name; empty unless it is normal.
    pub(crate) name: Name,
    /// Whether the path went on with slashes.
    pub(crate) trailing_slash: bool,
    /// The kind of the component.
    pub(crate) kind: LastKind,
}

impl Last {
    /// The name, if the component is one.
    ///
    /// # Errors
    /// `otherwise`.
    pub(crate) fn normal(&self, otherwise: Errno) -> Result<&[u8]> {
        if self.kind == LastKind::Normal { Ok(&self.name) } else { Err(otherwise.into()) }
    }
}

/// Checks a path before anything is looked up.
///
/// # Errors
/// `ENOENT` if it is empty, `ENAMETOOLONG`, `EINVAL` if it contains NUL.
pub(crate) fn check_path(path: &[u8]) -> Result<()> {
    if path.is_empty() {
        return Err(Errno::ENOENT.into());
    }
    if path.len() >= PATH_MAX {
        return Err(Errno::ENAMETOOLONG.into());
    }
    if path.contains(&0) {
        return Err(Errno::EINVAL.into());
    }
    Ok(())
}

/// The state of a path walk.
struct PathWalk<'a> {
    vfs: &'a Vfs,
    cx: &'a Context,
    how: LookupFlags,
    /// The directory that `..` does not leave, and to which `/` leads.
    root: &'a Location,
    // In this order: the dentry goes before the mount, so that an unmount finds it unreferenced.
    here: HeldDentry<'a>,
    mount: Arc<Mount>,
    /// The proof that `here` is below the root.
    confinement: Confinement<'a>,
    /// How many symbolic links were followed.
    links: u32,
    /// How many mounts were crossed, in both directions.
    crossings: usize,
}

/// The end of a walk to the parent: its last component.
struct End {
    name: Name,
    trailing_slash: bool,
    kind: LastKind,
}

/// The result of a step.
enum Step {
    Done,
    /// The component is a symbolic link to follow.
    Link(Vec<u8>),
}

impl Vfs {
    /// The location that a path leads to; a symbolic link at the end is followed with [`LookupFlags::FOLLOW`] only.
    ///
    /// # Errors
    /// See [the module](crate::vfs).
    pub(crate) fn resolve(&self, cx: &Context, path: PathArg<'_>) -> Result<Location> {
        if path.is_object() {
            return self.resolve_object(cx, path);
        }
        check_path(path.bytes)?;
        self.resolve_checked(cx, path)
    }

    /// [`Vfs::resolve`] of a path that [`check_path`] has been asked about, and that is no object.
    #[inline]
    pub(crate) fn resolve_checked(&self, cx: &Context, path: PathArg<'_>) -> Result<Location> {
        let mut walk = PathWalk::begin(self, cx, path)?;
        let ran = walk.run(path.bytes, false);
        // Also after an error: the walk may have left deferred work there.
        current_operations::acts_on(walk.mount.mounted_fs().id());
        ran?;
        walk.finish()
    }

    /// The object that an empty path starts from. No directory is searched, and nothing that is mounted there covers it.
    #[cold]
    pub(crate) fn resolve_object(&self, cx: &Context, path: PathArg<'_>) -> Result<Location> {
        let object = self.check_start(cx, path)?;
        current_operations::acts_on(object.mount.mounted_fs().id());
        if path.flags.contains(LookupFlags::DIRECTORY) && !object.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        Ok(object.clone())
    }

    /// The directory that the last component of a path is in, and that component.
    ///
    /// With [`LookupFlags::FOLLOW`], a symbolic link as the last component, without a trailing slash, is
    /// followed, and what it names is found the same way: the result names something that is no
    /// symbolic link, or nothing.
    ///
    /// # Errors
    /// See [the module](crate::vfs); `ENOENT` for an object, which has no name.
    pub(crate) fn resolve_parent(&self, cx: &Context, path: PathArg<'_>) -> Result<Last> {
        check_path(path.bytes)?;
        let mut walk = PathWalk::begin(self, cx, path)?;
        let ran = walk.run(path.bytes, true);
        current_operations::acts_on(walk.mount.mounted_fs().id());
        let End { name, trailing_slash, kind } = ran?;
        Ok(Last { dir: walk.finish()?, name, trailing_slash, kind })
    }

    /// Where a path starts, if it is relative.
    ///
    /// # Errors
    /// `EINVAL` for flags that there are not, and for a context or an open file of another VFS.
    #[inline]
    fn check_start<'a>(&self, cx: &'a Context, path: PathArg<'a>) -> Result<&'a Location> {
        let start = path.start(cx);
        // The root counts even where the path does not begin there: it is what `..` does not leave.
        let is_own = |at: &Location| Arc::ptr_eq(at.dentry.tree(), self.tree());
        if !path.flags.is_valid() || !is_own(start) || !is_own(cx.root()) {
            return Err(Errno::EINVAL.into());
        }
        Ok(start)
    }
}

impl<'a> PathWalk<'a> {
    fn begin(vfs: &'a Vfs, cx: &'a Context, path: PathArg<'a>) -> Result<Self> {
        let start = vfs.check_start(cx, path)?;
        let is_absolute = path.bytes[0] == b'/';
        let root = if path.flags.intersects(LookupFlags::SCOPED) { start } else { cx.root() };
        if is_absolute && path.flags.contains(LookupFlags::IN_ROOT) && !root.is_dir() {
            // The walk checks what it looks into, and "/" looks into nothing.
            return Err(Errno::ENOTDIR.into());
        }
        let from = if is_absolute { root } else { start };
        let dentry = from.dentry.get();
        Ok(Self {
            vfs,
            cx,
            how: path.flags,
            root,
            mount: from.mount.clone(),
            here: HeldDentry::of(vfs.notifier(), dentry),
            confinement: Confinement::new(vfs, root, &from.mount, dentry.index),
            links: 0,
            crossings: 0,
        })
    }

    /// Goes through a path; with `parent`, up to its last component.
    fn run(&mut self, path: &[u8], parent: bool) -> Result<End> {
        let mut path = Cow::Borrowed(path);
        let mut at = 0;
        loop {
            if at == 0 && path.first() == Some(&b'/') {
                self.jump_to_root()?;
            }
            // Find the next component, and whether it is the last.
            at += slashes(&path[at..]);
            if at == path.len() {
                let kind = LastKind::Root;
                return Ok(End { name: Name::EMPTY, trailing_slash: false, kind });
            }
            self.check_search()?;
            let len = path[at..].iter().position(|byte| *byte == b'/');
            let end = len.map_or(path.len(), |len| at + len);
            let after = end + slashes(&path[end..]);
            let (last, trailing_slash) = (after == path.len(), after > end);
            let name = &path[at..end];
            let kind = match name {
                b"." => LastKind::Dot,
                b".." => LastKind::DotDot,
                _ => LastKind::Normal,
            };
            if last && parent && (kind != LastKind::Normal || !self.follows(trailing_slash)) {
                let name = if kind == LastKind::Normal { name.into() } else { Name::EMPTY };
                return Ok(End { name, trailing_slash, kind });
            }
            if last && trailing_slash && kind == LastKind::Normal {
                // And so does every link that the name leads to.
                self.how |= LookupFlags::DIRECTORY | LookupFlags::FOLLOW;
            }
            // Go there; a symbolic link takes the place of what was read of the path.
            let step = match kind {
                LastKind::Normal if last && parent => match self.peek_link(name)? {
                    Some(target) => Step::Link(target),
                    None => return Ok(End { name: name.into(), trailing_slash, kind }),
                },
                LastKind::Normal => {
                    let follow = !last || trailing_slash || self.how.contains(LookupFlags::FOLLOW);
                    self.enter(name, follow)?
                }
                LastKind::DotDot => self.go_up()?,
                _ => Step::Done,
            };
            match step {
                Step::Done if last => {
                    return Ok(End { name: Name::EMPTY, trailing_slash: false, kind });
                }
                Step::Done => at = after,
                Step::Link(mut target) => {
                    if !last {
                        if !target.is_empty() {
                            target.push(b'/');
                        }
                        target.extend_from_slice(&path[after..]);
                    }
                    path = Cow::Owned(target);
                    at = 0;
                }
            }
        }
    }

    /// Whether a walk to the parent follows a link as the last component.
    fn follows(&self, trailing_slash: bool) -> bool {
        self.how.contains(LookupFlags::FOLLOW) && !trailing_slash
    }

    /// Begins again at the root, for an absolute path or link.
    fn jump_to_root(&mut self) -> Result<()> {
        if self.how.contains(LookupFlags::BENEATH) {
            return Err(Errno::EXDEV.into());
        }
        if self.how.contains(LookupFlags::NO_XDEV) && !Arc::ptr_eq(&self.mount, &self.root.mount) {
            return Err(Errno::EXDEV.into());
        }
        self.mount = self.root.mount.clone();
        self.here = HeldDentry::of(self.vfs.notifier(), self.root.dentry.get());
        self.confinement.begin_at_root();
        Ok(())
    }

    /// The directory may be looked into.
    fn check_search(&self) -> Result<()> {
        let here = self.here.get();
        if !here.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        self.cx.check_dentry(self.mount.fs(), here, Access::EXEC)
    }

    fn find(&self, name: &[u8]) -> Result<Option<HeldDentry<'a>>> {
        self.vfs.file_systems().find(
            self.cx.request(),
            self.mount.mounted_fs(),
            self.here.get(),
            name,
        )
    }

    /// One component down.
    fn enter(&mut self, name: &[u8], follow: bool) -> Result<Step> {
        let found = self.find(name)?.ok_or(Errno::ENOENT)?;
        let (child, mount) = self.down(found)?;
        let dentry = child.get();
        if follow && dentry.inode().kind() == InodeKind::Symlink {
            return Ok(Step::Link(self.read_link(&mount, dentry)?));
        }
        self.confinement.step_down(&self.mount);
        self.confinement.cross_down(&self.mount, &mount);
        (self.here, self.mount) = (child, mount);
        Ok(Step::Done)
    }

    /// The target of what a name stands for, if that is a symbolic link.
    fn peek_link(&mut self, name: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(found) = self.find(name)? else { return Ok(None) };
        let (child, mount) = self.down(found)?;
        let dentry = child.get();
        if dentry.inode().kind() != InodeKind::Symlink {
            return Ok(None);
        }
        self.read_link(&mount, dentry).map(Some)
    }

    fn read_link(&mut self, mount: &Mount, link: Dentry<'_>) -> Result<Vec<u8>> {
        if self.links >= MAX_LINKS || self.how.contains(LookupFlags::NO_SYMLINKS) {
            return Err(Errno::ELOOP.into());
        }
        self.links += 1;
        link_target(mount.fs(), self.cx.request(), link.inode().ino())
    }

    /// The walk goes from one mount to another.
    fn count_crossing(&mut self) -> Result<()> {
        if self.how.contains(LookupFlags::NO_XDEV) {
            return Err(Errno::EXDEV.into());
        }
        count_items(1);
        self.crossings += 1;
        if self.crossings > MIN_CROSSINGS
            && self.crossings > MIN_CROSSINGS + 2 * self.vfs.mount_table().read().most()
        {
            return Err(Errno::ELOOP.into());
        }
        Ok(())
    }

    /// The topmost root of what is mounted on a place that was found in this mount.
    fn down(&mut self, place: HeldDentry<'a>) -> Result<(HeldDentry<'a>, Arc<Mount>)> {
        let (mut place, mut mount) = (place, self.mount.clone());
        while place.get().page.is_mounted_on(place.index()) {
            let above = self.vfs.mount_table().read().mounted_on(&mount, place.index());
            let Some(above) = above else { break };
            self.count_crossing()?;
            place = HeldDentry::of(self.vfs.notifier(), above.root().get());
            mount = above;
        }
        Ok((place, mount))
    }

    /// One component up: from the root of a mount to the place it is on, from there to the parent,
    /// and through whatever is mounted on that. At the caller's root it goes nowhere, but for what
    /// has been mounted on the root since.
    fn go_up(&mut self) -> Result<Step> {
        let (mut mount, mut dentry) = (self.mount.clone(), self.here.index());
        let mut left = None;
        loop {
            let on = match mount.on() {
                _ if self.root.is_at(&mount, dentry) => None,
                _ if mount.root().get().index != dentry => break,
                // The very first root has none: it is its own parent.
                on => on.cloned(),
            };
            let Some(on) = on else { return self.stay() };
            self.count_crossing()?;
            // The mount that was left references the place.
            dentry = on.dentry.get().index;
            left = Some(std::mem::replace(&mut mount, on.mount.clone()));
        }
        let Some(parent) = self.vfs.tree().parent_of(dentry) else { return self.stay() };
        let parent = HeldDentry::new(self.vfs.notifier(), parent);
        self.confinement.step_up(&mount, left.as_deref(), parent.index())?;
        self.mount = mount;
        self.go_down(parent)
    }

    /// There is no way up: the walk stays where it is. As on Linux, that is a step all the same,
    /// into what has been mounted there since.
    fn stay(&mut self) -> Result<Step> {
        if self.how.contains(LookupFlags::BENEATH) {
            return Err(Errno::EXDEV.into());
        }
        let here = HeldDentry::of(self.vfs.notifier(), self.here.get());
        self.go_down(here)
    }

    /// Goes to a place in the mount, and through what is mounted there.
    fn go_down(&mut self, place: HeldDentry<'a>) -> Result<Step> {
        let (here, mount) = self.down(place)?;
        self.confinement.cross_down(&self.mount, &mount);
        (self.here, self.mount) = (here, mount);
        Ok(Step::Done)
    }

    /// The location the walk has come to.
    fn finish(mut self) -> Result<Location> {
        if self.how.contains(LookupFlags::DIRECTORY) && !self.here.is_dir() {
            return Err(Errno::ENOTDIR.into());
        }
        let scoped = self.how.intersects(LookupFlags::SCOPED);
        if scoped && !self.confinement.is_confined(&self.mount, self.here.index())? {
            return Err(Errno::EXDEV.into());
        }
        Ok(Location::reached(self.here, self.mount))
    }
}

/// The target of a symbolic link, from the file system.
///
/// # Errors
/// Those of the file system; `EIO` for a target that no caller could have made: it is the file system that is
/// wrong.
pub(crate) fn link_target(fs: &dyn FileSystem, request: &Request, ino: u64) -> Result<Vec<u8>> {
    let target = fs.readlink(request, ino)?;
    if target.len() >= PATH_MAX || target.contains(&0) {
        return Err(Errno::EIO.into());
    }
    Ok(target)
}

/// How many slashes a path begins with.
fn slashes(path: &[u8]) -> usize {
    path.iter().take_while(|byte| **byte == b'/').count()
}
