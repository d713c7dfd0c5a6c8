//! Path resolution a second time: over the plain data of the model, one string after the other as
//! path_resolution(7) tells it, with nothing of the crate's.

use vfsnotify::{Access, Errno, InodeKind};

use super::model::{Loc, Model, Node};

/// How many symbolic links one look-up follows.
const MAX_LINKS: u32 = 40;
const PATH_MAX: usize = 4096;

/// The caller of a walk, and how it walks.
#[derive(Clone, Copy)]
pub(crate) struct Walk<'m> {
    pub(crate) model: &'m Model,
    pub(crate) uid: u32,
    pub(crate) root: &'m Loc,
    pub(crate) start: &'m Loc,
    pub(crate) follow: bool,
    pub(crate) must_be_dir: bool,
    pub(crate) beneath: bool,
    pub(crate) no_symlinks: bool,
}

/// The kind of a path's last component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Name,
    Dot,
    DotDot,
    Root,
}

/// The last component, which was not looked up, and where.
#[derive(Clone, Debug)]
pub(crate) struct Last {
    pub(crate) dir: Loc,
    pub(crate) kind: Kind,
    pub(crate) name: Vec<u8>,
    pub(crate) slash: bool,
}

/// Where a string ends: in the middle of a path, or where the whole path does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Middle,
    Whole,
    Parent,
}

struct State<'m> {
    walk: Walk<'m>,
    here: Loc,
    links: u32,
}

/// The checks of a path before anything is looked up.
pub(crate) fn check_path(path: &[u8]) -> Result<(), Errno> {
    match path {
        b"" => Err(Errno::ENOENT),
        _ if path.len() >= PATH_MAX => Err(Errno::ENAMETOOLONG),
        _ if path.contains(&0) => Err(Errno::EINVAL),
        _ => Ok(()),
    }
}

/// Whether mode bits let a user do this.
pub(crate) fn may(node: &Node, uid: u32, want: Access) -> bool {
    let class = match () {
        () if node.uid == uid => 6,
        // Each user is in the group of the same number alone.
        () if node.gid == uid => 3,
        () => 0,
    };
    let granted = node.mode >> class & 7;
    let exec = want.contains(Access::EXEC) && !node.is_dir() && node.mode & 0o111 == 0;
    granted & want.bits() == want.bits() || (uid == 0 && !exec)
}

impl<'m> Walk<'m> {
    /// The object that a path leads to.
    pub(crate) fn resolve(self, path: &[u8]) -> Result<Loc, Errno> {
        check_path(path)?;
        let mut state = State { walk: self, here: self.start.clone(), links: 0 };
        state.string(path, End::Whole)?;
        if state.walk.must_be_dir && !self.model.node(&state.here).is_dir() {
            return Err(Errno::ENOTDIR);
        }
        Ok(state.here)
    }

    /// The directory that the last component is in. With `follow`, what a link as the last one
    /// leads to is found in the same way.
    pub(crate) fn parent(self, path: &[u8]) -> Result<Last, Errno> {
        check_path(path)?;
        let mut state = State { walk: self, here: self.start.clone(), links: 0 };
        Ok(state.string(path, End::Parent)?.expect("each path has a last component"))
    }
}

impl State<'_> {
    fn last(&self, kind: Kind, name: &[u8], slash: bool) -> Option<Last> {
        Some(Last { dir: self.here.clone(), kind, name: name.to_vec(), slash })
    }

    /// Goes through one string: the path itself, or the target of a link.
    fn string(&mut self, string: &[u8], end: End) -> Result<Option<Last>, Errno> {
        if string.starts_with(b"/") {
            if self.walk.beneath {
                return Err(Errno::EXDEV);
            }
            self.here = self.walk.root.clone();
        }
        let names: Vec<&[u8]> =
            string.split(|byte| *byte == b'/').filter(|name| !name.is_empty()).collect();
        let Some((final_name, before)) = names.split_last() else {
            return Ok(self.last(Kind::Root, b"", false));
        };
        for name in before {
            self.search()?;
            self.component(name, true, End::Middle)?;
        }
        self.search()?;
        let kind = match *final_name {
            b"." => Kind::Dot,
            b".." => Kind::DotDot,
            _ => Kind::Name,
        };
        let slash = string.ends_with(b"/");
        match end {
            End::Middle => self.component(final_name, true, End::Middle),
            End::Whole => {
                if slash && kind == Kind::Name {
                    (self.walk.must_be_dir, self.walk.follow) = (true, true);
                }
                self.component(final_name, self.walk.follow, End::Whole)
            }
            End::Parent => {
                if kind == Kind::Name && self.walk.follow && !slash {
                    let found = self.walk.model.child(&self.here, final_name)?;
                    let found = found.map(|found| self.walk.model.top(found));
                    if let Some(target) = found.and_then(|found| self.target(&found)) {
                        self.count_link()?;
                        return self.string(&target, End::Parent);
                    }
                }
                let name = if kind == Kind::Name { *final_name } else { b"" };
                Ok(self.last(kind, name, slash))
            }
        }
    }

    /// The current place is a directory that may be searched.
    fn search(&self) -> Result<(), Errno> {
        let node = self.walk.model.node(&self.here);
        if !node.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        if !may(node, self.walk.uid, Access::EXEC) {
            return Err(Errno::EACCES);
        }
        Ok(())
    }

    fn target(&self, found: &Loc) -> Option<Vec<u8>> {
        let node = self.walk.model.node(found);
        (node.kind == InodeKind::Symlink).then(|| node.target.clone())
    }

    fn count_link(&mut self) -> Result<(), Errno> {
        self.links += 1;
        if self.links > MAX_LINKS || self.walk.no_symlinks {
            return Err(Errno::ELOOP);
        }
        Ok(())
    }

    fn component(&mut self, name: &[u8], follow: bool, end: End) -> Result<Option<Last>, Errno> {
        match name {
            b"." => {}
            b".." => self.up()?,
            _ => {
                let model = self.walk.model;
                let found = model.child(&self.here, name)?.ok_or(Errno::ENOENT)?;
                let found = model.top(found);
                if follow && let Some(target) = self.target(&found) {
                    self.count_link()?;
                    return self.string(&target, end);
                }
                self.here = found;
            }
        }
        Ok(None)
    }

    /// `..`: through the roots of mounts to the place they are on, then to the parent, then through
    /// whatever is mounted there. At the caller's root it goes nowhere but through such mounts.
    fn up(&mut self) -> Result<(), Errno> {
        let (model, root) = (self.walk.model, self.scope().clone());
        let mut at = self.here.clone();
        let mut at_root = at == root;
        while !at_root && at == model.mounts[at.mount].root {
            match &model.mounts[at.mount].on {
                Some(on) => {
                    at_root = *on == root;
                    at = on.clone();
                }
                None => at_root = true,
            }
        }
        if at_root {
            if self.walk.beneath {
                return Err(Errno::EXDEV);
            }
            self.here = model.top(self.here.clone());
            return Ok(());
        }
        let parent = model.fs_of(&at).parents[&at.ino];
        let parent = Loc { mount: at.mount, ino: parent, entry: None };
        // A caller in a directory that was moved out of a bind mount, or out of the root, goes no
        // further up: what is there is none of his.
        let mount = &model.mounts[at.mount];
        let inside = model.fs_of(&at).is_above(mount.root.ino, parent.ino);
        if !inside || !model.is_below(&root, &parent) {
            return Err(Errno::ENOENT);
        }
        self.here = model.top(parent);
        Ok(())
    }

    /// The directory that `..` does not leave.
    fn scope(&self) -> &Loc {
        if self.walk.beneath { self.walk.start } else { self.walk.root }
    }
}
