//! The model of names: inodes, dentries, open files.
//!
//! A dentry is one name, once given, of one inode. It lives while it is a name, is open, or has
//! a living child; when one dies whose inode has no name left, the inode's watches go with
//! DELETE_SELF and IGNORED, be other dentries of the inode open or not (8.11).

use std::collections::BTreeMap;

use vfsnotify::{ErrorKind, InodeKind, OpenFlags};

use super::ops::Path;

/// The root, as an inode and as a dentry.
pub(crate) const ROOT: u32 = 0;

#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) kind: InodeKind,
    /// Names. Of a directory: 1, or 0 once it is removed.
    pub(crate) nlink: u32,
    pub(crate) size: u64,
    /// What is in a fifo.
    pub(crate) piped: usize,
    /// It has no name yet and may get one: opened with O_TMPFILE, not with O_EXCL.
    pub(crate) linkable: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Dentry {
    pub(crate) inode: u32,
    /// The dentry of the directory it is in, or was in last; none for the root.
    pub(crate) parent: Option<u32>,
    /// Its name there, or its last one.
    pub(crate) name: String,
    /// Whether it is a name still.
    pub(crate) hashed: bool,
}

/// An open file description.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) dentry: u32,
    pub(crate) flags: OpenFlags,
    pub(crate) position: u64,
}

/// Everything that has, had or needs a name.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) inodes: BTreeMap<u32, Inode>,
    pub(crate) dentries: BTreeMap<u32, Dentry>,
    pub(crate) open: BTreeMap<u32, Opened>,
    last: u32,
}

impl Namespace {
    pub(crate) fn new() -> Self {
        let inode =
            Inode { kind: InodeKind::Directory, nlink: 1, size: 0, piped: 0, linkable: false };
        let root = Dentry { inode: ROOT, parent: None, name: String::new(), hashed: true };
        Self {
            inodes: BTreeMap::from([(ROOT, inode)]),
            dentries: BTreeMap::from([(ROOT, root)]),
            open: BTreeMap::new(),
            last: ROOT,
        }
    }

    pub(crate) fn fresh(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    pub(crate) fn inode(&self, dentry: u32) -> &Inode {
        &self.inodes[&self.dentries[&dentry].inode]
    }

    pub(crate) fn kind(&self, dentry: u32) -> InodeKind {
        self.inode(dentry).kind
    }

    pub(crate) fn is_dir(&self, dentry: u32) -> bool {
        self.kind(dentry).is_dir()
    }

    /// What a name in a directory stands for.
    pub(crate) fn child(&self, dir: u32, name: &str) -> Option<u32> {
        let is_it =
            |dentry: &Dentry| dentry.hashed && dentry.parent == Some(dir) && dentry.name == name;
        self.dentries.iter().find(|(_, dentry)| is_it(dentry)).map(|(id, _)| *id)
    }

    pub(crate) fn has_names(&self, dir: u32) -> bool {
        self.dentries.values().any(|dentry| dentry.hashed && dentry.parent == Some(dir))
    }

    /// Where a path leads. Every symbolic link leads nowhere.
    pub(crate) fn walk(&self, path: &[&str], follow: bool) -> Result<u32, ErrorKind> {
        let mut at = ROOT;
        for (place, name) in path.iter().enumerate() {
            if !self.is_dir(at) {
                return Err(ErrorKind::NotDir);
            }
            at = self.child(at, name).ok_or(ErrorKind::NotFound)?;
            let last = place + 1 == path.len();
            if self.kind(at) == InodeKind::Symlink && (!last || follow) {
                return Err(ErrorKind::NotFound);
            }
        }
        Ok(at)
    }

    /// The directory that the last name of a path is in, and the name; no name for the root.
    pub(crate) fn parent(&self, path: &Path) -> Result<(u32, Option<&'static str>), ErrorKind> {
        let Some((name, way)) = path.names().split_last() else { return Ok((ROOT, None)) };
        let dir = self.walk(way, true)?;
        if !self.is_dir(dir) {
            return Err(ErrorKind::NotDir);
        }
        Ok((dir, Some(*name)))
    }

    /// Whether `above` is `below` or one of the directories it is in.
    pub(crate) fn is_ancestor(&self, above: u32, below: u32) -> bool {
        let mut at = Some(below);
        while let Some(dentry) = at {
            if dentry == above {
                return true;
            }
            at = self.dentries[&dentry].parent;
        }
        false
    }

    pub(crate) fn make_inode(&mut self, kind: InodeKind, nlink: u32) -> u32 {
        let inode = self.fresh();
        self.inodes.insert(inode, Inode { kind, nlink, size: 0, piped: 0, linkable: false });
        inode
    }

    pub(crate) fn make_dentry(&mut self, dir: u32, name: &str, inode: u32, hashed: bool) -> u32 {
        let dentry = self.fresh();
        let parent = Some(dir);
        self.dentries.insert(dentry, Dentry { inode, parent, name: name.to_owned(), hashed });
        dentry
    }

    pub(crate) fn rename(&mut self, dentry: u32, dir: u32, name: &str) {
        let dentry = self.dentries.get_mut(&dentry).expect("a living dentry");
        dentry.parent = Some(dir);
        name.clone_into(&mut dentry.name);
    }

    /// The name goes, what it stood for may stay.
    pub(crate) fn unhash(&mut self, dentry: u32) {
        self.dentries.get_mut(&dentry).expect("a living dentry").hashed = false;
    }

    pub(crate) fn inode_mut(&mut self, dentry: u32) -> &mut Inode {
        self.inodes.get_mut(&self.dentries[&dentry].inode).expect("a dentry has an inode")
    }

    pub(crate) fn is_used(&self, dentry: u32) -> bool {
        self.dentries[&dentry].hashed
            || self.open.values().any(|open| open.dentry == dentry)
            || self.dentries.values().any(|other| other.parent == Some(dentry))
    }

    /// Forgets a dentry that is not used, and its inode with the last one.
    pub(crate) fn bury(&mut self, dentry: u32) {
        let Some(Dentry { inode, .. }) = self.dentries.remove(&dentry) else { return };
        if !self.dentries.values().any(|other| other.inode == inode) {
            self.inodes.remove(&inode);
        }
    }

    /// How many have a fifo open with this access.
    pub(crate) fn ends(&self, inode: u32, access: OpenFlags) -> usize {
        let is_end = |open: &&Opened| {
            self.dentries[&open.dentry].inode == inode
                && open.flags.contains(access)
                && !open.flags.contains(OpenFlags::PATH)
        };
        self.open.values().filter(is_end).count()
    }
}
