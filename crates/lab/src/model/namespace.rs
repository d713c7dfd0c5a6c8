//! The model of names: inodes, dentries, mounts, open files, contexts.
//!
//! A dentry is one name, once given, of one inode. It lives while it is a name, is open, is
//! a context's root or current directory, is mounted somewhere, or has a living child; when one dies
//! whose inode has no name left, the inode's watches go with DELETE_SELF and IGNORED, be other
//! dentries of the inode open or not (RULE death-by-any-alias).

use std::collections::{BTreeMap, BTreeSet};

use vfsnotify::{InodeKind, OpenFlags};

use super::case::{CONTEXTS, Setup};
use crate::op::Identity;
use crate::path::There;

/// A dentry as it is reached through a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) mount: u32,
    pub(crate) dentry: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Inode {
    pub(crate) fs: u32,
    pub(crate) kind: InodeKind,
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    /// Names. Of a directory: 1, or 0 once it is removed.
    pub(crate) nlink: u32,
    pub(crate) content: Vec<u8>,
    /// Which pages of the contents take space.
    pub(crate) pages: BTreeSet<usize>,
    pub(crate) target: String,
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
    /// The contents of a fifo.
    pub(crate) piped: Vec<Piped>,
    /// It has no name yet and may get one: opened with O_TMPFILE, not with O_EXCL.
    pub(crate) linkable: bool,
    /// Left behind by a rename. The tree does not know it before it is looked up.
    pub(crate) whiteout: bool,
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
    /// Where the name is in a listing.
    pub(crate) cursor: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Mount {
    /// None for the first.
    pub(crate) on: Option<Place>,
    pub(crate) root: u32,
    pub(crate) fs: u32,
    pub(crate) read_only: bool,
}

/// The unread part of a page in a fifo, and where that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piped {
    pub(crate) end: usize,
    pub(crate) left: Vec<u8>,
}

/// An open file description.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    pub(crate) at: Place,
    pub(crate) flags: OpenFlags,
    pub(crate) position: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) identity: Identity,
    pub(crate) umask: u32,
    pub(crate) root: Place,
    pub(crate) cwd: Place,
}

/// Everything that has, had or needs a name.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) inodes: BTreeMap<u32, Inode>,
    pub(crate) dentries: BTreeMap<u32, Dentry>,
    pub(crate) mounts: BTreeMap<u32, Mount>,
    /// The root of each file system.
    pub(crate) systems: BTreeMap<u32, u32>,
    /// The file systems whose superblock is read-only.
    pub(crate) read_only: BTreeSet<u32>,
    pub(crate) open: BTreeMap<u32, Opened>,
    pub(crate) contexts: Vec<Context>,
    /// Where every context begins.
    pub(crate) first: Place,
    last: u32,
    pub(super) setup: Setup,
}

/// How deep a directory may be to have something made in it.
const DEEPEST: usize = 3;

impl Namespace {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut names = Self {
            inodes: BTreeMap::new(),
            dentries: BTreeMap::new(),
            mounts: BTreeMap::new(),
            systems: BTreeMap::new(),
            read_only: BTreeSet::new(),
            open: BTreeMap::new(),
            contexts: Vec::new(),
            first: Place { mount: 0, dentry: 0 },
            last: 0,
            setup,
        };
        let fs = names.make_system();
        names.first = names.attach(None, names.systems[&fs], fs, false);
        for identity in CONTEXTS {
            let (root, cwd) = (names.first, names.first);
            names.contexts.push(Context { identity, umask: 0o022, root, cwd });
        }
        names
    }

    pub(crate) fn fresh(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// A new file system with nothing but a root.
    pub(crate) fn make_system(&mut self) -> u32 {
        let fs = self.fresh();
        let mode = self.setup.root_mode;
        let inode = self.make_inode(fs, InodeKind::Directory, mode, (0, 0), 1);
        let dentry = self.fresh();
        let root = Dentry { inode, parent: None, name: String::new(), hashed: true, cursor: 0 };
        self.dentries.insert(dentry, root);
        self.systems.insert(fs, dentry);
        fs
    }

    pub(crate) fn attach(
        &mut self,
        on: Option<Place>,
        root: u32,
        fs: u32,
        read_only: bool,
    ) -> Place {
        let mount = self.fresh();
        self.mounts.insert(mount, Mount { on, root, fs, read_only });
        Place { mount, dentry: root }
    }

    pub(crate) fn inode(&self, dentry: u32) -> &Inode {
        &self.inodes[&self.dentries[&dentry].inode]
    }

    pub(crate) fn inode_mut(&mut self, dentry: u32) -> &mut Inode {
        self.inodes.get_mut(&self.dentries[&dentry].inode).expect("a dentry has an inode")
    }

    pub(crate) fn kind(&self, dentry: u32) -> InodeKind {
        self.inode(dentry).kind
    }

    pub(crate) fn is_dir(&self, dentry: u32) -> bool {
        self.kind(dentry).is_dir()
    }

    /// Whether it is a directory that has been removed.
    pub(crate) fn is_dead(&self, dentry: u32) -> bool {
        self.is_dir(dentry) && self.inode(dentry).nlink == 0
    }

    /// The object that a name in a directory stands for, mounts apart.
    pub(crate) fn child(&self, dir: u32, name: &str) -> Option<u32> {
        let is_it =
            |dentry: &Dentry| dentry.hashed && dentry.parent == Some(dir) && dentry.name == name;
        self.dentries.iter().find(|(_, dentry)| is_it(dentry)).map(|(id, _)| *id)
    }

    /// The names in a directory, in the order of a listing.
    pub(crate) fn children(&self, dir: u32) -> Vec<u32> {
        let is_in = |dentry: &Dentry| dentry.hashed && dentry.parent == Some(dir);
        let all = self.dentries.iter().filter(|(_, dentry)| is_in(dentry));
        let mut all: Vec<u32> = all.map(|(id, _)| *id).collect();
        all.sort_by_key(|id| self.dentries[id].cursor);
        all
    }

    pub(crate) fn has_names(&self, dir: u32) -> bool {
        !self.children(dir).is_empty()
    }

    /// The object seen at a place: the one mounted there, if any.
    pub(crate) fn top(&self, place: Place) -> Place {
        let above = self.mounts.iter().find(|(_, mount)| mount.on == Some(place));
        above.map_or(place, |(id, mount)| self.top(Place { mount: *id, dentry: mount.root }))
    }

    /// Whether anything is mounted on it, by whichever way it is reached.
    pub(crate) fn is_mountpoint(&self, dentry: u32) -> bool {
        self.mounts.values().any(|mount| mount.on.is_some_and(|on| on.dentry == dentry))
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

    pub(crate) fn make_inode(
        &mut self,
        fs: u32,
        kind: InodeKind,
        mode: u32,
        owner: (u32, u32),
        nlink: u32,
    ) -> u32 {
        let inode = Inode {
            fs,
            kind,
            mode,
            owner,
            nlink,
            content: Vec::new(),
            pages: BTreeSet::new(),
            target: String::new(),
            xattrs: BTreeMap::new(),
            piped: Vec::new(),
            linkable: false,
            whiteout: false,
        };
        let id = self.fresh();
        self.inodes.insert(id, inode);
        id
    }

    pub(crate) fn make_dentry(&mut self, dir: u32, name: &str, inode: u32, hashed: bool) -> u32 {
        let dentry = self.fresh();
        let (parent, name, cursor) = (Some(dir), name.to_owned(), u64::from(dentry));
        self.dentries.insert(dentry, Dentry { inode, parent, name, hashed, cursor });
        dentry
    }

    /// Gives a dentry another name. Where that is in a listing is the name's own business, and
    /// the caller's.
    pub(crate) fn rename(&mut self, dentry: u32, dir: u32, name: &str, cursor: u64) {
        let dentry = self.dentries.get_mut(&dentry).expect("a living dentry");
        dentry.parent = Some(dir);
        dentry.cursor = cursor;
        name.clone_into(&mut dentry.name);
    }

    /// The name goes, what it stood for may stay.
    pub(crate) fn unhash(&mut self, dentry: u32) {
        self.dentries.get_mut(&dentry).expect("a living dentry").hashed = false;
    }

    pub(crate) fn is_used(&self, id: u32) -> bool {
        let is_mounted =
            |mount: &Mount| mount.root == id || mount.on.is_some_and(|on| on.dentry == id);
        self.dentries[&id].hashed
            || self.open.values().any(|open| open.at.dentry == id)
            || self.contexts.iter().any(|cx| cx.root.dentry == id || cx.cwd.dentry == id)
            || self.mounts.values().any(is_mounted)
            || self.dentries.values().any(|other| other.parent == Some(id))
    }

    /// Forgets a dentry that is not used, and its inode with the last one.
    pub(crate) fn mark_dead(&mut self, dentry: u32) {
        let Some(Dentry { inode, .. }) = self.dentries.remove(&dentry) else { return };
        if !self.dentries.values().any(|other| other.inode == inode) {
            self.inodes.remove(&inode);
        }
    }

    /// How many have a fifo open with this access.
    pub(crate) fn ends(&self, inode: u32, access: OpenFlags) -> usize {
        let is_end = |open: &&Opened| {
            self.dentries[&open.at.dentry].inode == inode
                && open.flags.contains(access)
                && !open.flags.contains(OpenFlags::PATH)
        };
        self.open.values().filter(is_end).count()
    }

    /// The names below a place, as they are seen.
    pub(crate) fn there(&self, from: Place) -> There {
        let mut there = There { dirs: vec![String::new()], ..There::default() };
        if self.is_dir(from.dentry) {
            self.collect(from, "", 1, &mut there);
        }
        there
    }

    fn collect(&self, dir: Place, way: &str, depth: usize, there: &mut There) {
        for id in self.children(dir.dentry) {
            let name = &self.dentries[&id].name;
            let way = if way.is_empty() { name.clone() } else { format!("{way}/{name}") };
            let seen = self.top(Place { mount: dir.mount, dentry: id });
            if !self.is_dir(seen.dentry) {
                there.files.push(way);
            } else if depth <= DEEPEST && there.dirs.len() < 32 {
                there.dirs.push(way.clone());
                self.collect(seen, &way, depth + 1, there);
            }
        }
    }
}
