//! The state: file systems, read from themselves and not through the VFS, and mounts.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use vfsnotify::fs::Attr;
use vfsnotify::fs::{Handle, Request};
use vfsnotify::{Errno, FileSystem, InodeKind, MemFs};

pub(crate) type Ino = u64;
/// The entry that names something: the directory and the name in it.
pub(crate) type Entry = (Ino, Vec<u8>);

/// One inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) kind: InodeKind,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) entries: BTreeMap<Vec<u8>, Ino>,
    pub(crate) target: Vec<u8>,
    /// It has been removed, and an actor may still stand in it.
    pub(crate) dead: bool,
}

impl Node {
    pub(crate) fn is_dir(&self) -> bool {
        self.kind.is_dir()
    }
}

/// One file system.
pub(crate) struct Fs {
    pub(crate) fs: Arc<MemFs>,
    /// The device that guests see; known once an actor has seen it.
    device: Cell<Option<u64>>,
    pub(crate) root: Ino,
    /// Whether its superblock is.
    pub(crate) read_only: bool,
    pub(crate) nodes: BTreeMap<Ino, Node>,
    /// The directory each directory is in, or was in last.
    pub(crate) parents: BTreeMap<Ino, Ino>,
}

impl Fs {
    pub(crate) fn new(fs: Arc<MemFs>, read_only: bool) -> Self {
        let root = fs.root().expect("a root").attr.ino;
        // The look-up that was counted for this.
        fs.forget(root, 1);
        let (nodes, parents) = (BTreeMap::new(), BTreeMap::new());
        let mut new = Self { fs, device: Cell::new(None), root, read_only, nodes, parents };
        new.read();
        new
    }

    /// Reads everything that can be reached; what cannot any more is dead.
    pub(crate) fn read(&mut self) {
        let mut live = BTreeMap::new();
        let mut todo = vec![self.root];
        while let Some(ino) = todo.pop() {
            let mut node =
                self.node(&self.fs.getattr(&Request::SUPERUSER, ino, None).expect("it has a name"));
            match node.kind {
                InodeKind::Symlink => {
                    node.target = self.fs.readlink(&Request::SUPERUSER, ino).expect("a link")
                }
                InodeKind::Directory => {
                    let entries = &mut node.entries;
                    let list = self.fs.readdir(
                        &Request::SUPERUSER,
                        ino,
                        Handle::default(),
                        0,
                        &mut |entry| {
                            entries.insert(entry.name.to_vec(), entry.ino);
                            true
                        },
                    );
                    list.expect("a listing");
                    for child in entries.values() {
                        if !live.contains_key(child) {
                            todo.push(*child);
                        }
                        self.parents.insert(*child, ino);
                    }
                }
                _ => {}
            }
            live.insert(ino, node);
        }
        for (ino, mut old) in std::mem::take(&mut self.nodes) {
            if live.contains_key(&ino) {
                continue;
            }
            // Its mode can still be changed through a handle on it.
            if let Ok(attr) = self.fs.getattr(&Request::SUPERUSER, ino, None) {
                (old.mode, old.uid, old.gid) = (attr.mode.into(), attr.uid, attr.gid);
            }
            old.dead = true;
            old.entries.clear();
            live.insert(ino, old);
        }
        self.nodes = live;
    }

    fn node(&self, attr: &Attr) -> Node {
        Node {
            kind: attr.kind,
            mode: attr.mode.into(),
            uid: attr.uid,
            gid: attr.gid,
            entries: BTreeMap::new(),
            target: Vec::new(),
            dead: false,
        }
    }

    /// Whether a directory is another one or above it.
    pub(crate) fn is_above(&self, above: Ino, below: Ino) -> bool {
        let mut at = below;
        loop {
            if at == above {
                return true;
            }
            match self.parents.get(&at) {
                Some(parent) => at = *parent,
                None => return false,
            }
        }
    }
}

/// Where something is: as seen through a mount, and for what is no directory by which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loc {
    pub(crate) mount: usize,
    pub(crate) ino: Ino,
    pub(crate) entry: Option<Entry>,
}

/// A mount; what was unmounted stays in the list.
pub(crate) struct Mount {
    pub(crate) on: Option<Loc>,
    pub(crate) root: Loc,
    pub(crate) fs: usize,
    pub(crate) read_only: bool,
    pub(crate) gone: bool,
}

/// Everything.
pub(crate) struct Model {
    pub(crate) fs: Vec<Fs>,
    pub(crate) mounts: Vec<Mount>,
}

impl Model {
    pub(crate) fn new(fs: Arc<MemFs>) -> Self {
        let mut model = Self { fs: vec![Fs::new(fs, false)], mounts: Vec::new() };
        let root = Loc { mount: 0, ino: model.fs[0].root, entry: None };
        model.mounts.push(Mount { on: None, root, fs: 0, read_only: false, gone: false });
        model
    }

    pub(crate) fn fs_of(&self, loc: &Loc) -> &Fs {
        &self.fs[self.mounts[loc.mount].fs]
    }

    /// The device of a file system: the one that is seen, if none was before.
    pub(crate) fn device_of(&self, fs: usize, seen: u64) -> u64 {
        if let Some(device) = self.fs[fs].device.get() {
            return device;
        }
        let is_mounted = |fs| self.mounts.iter().any(|mount| !mount.gone && mount.fs == fs);
        let has = |fs: usize| self.fs[fs].device.get() == Some(seen) && is_mounted(fs);
        assert!(!(0..self.fs.len()).any(has), "two file systems with the device {seen}");
        self.fs[fs].device.set(Some(seen));
        seen
    }

    pub(crate) fn node(&self, loc: &Loc) -> &Node {
        &self.fs_of(loc).nodes[&loc.ino]
    }

    /// The mount on a place, and on that, or the place itself.
    pub(crate) fn top(&self, mut loc: Loc) -> Loc {
        while let Some(above) =
            self.mounts.iter().find(|mount| !mount.gone && mount.on.as_ref() == Some(&loc))
        {
            loc = above.root.clone();
        }
        loc
    }

    /// Whether something is mounted on a name, through whatever mount.
    pub(crate) fn is_mountpoint(&self, child: &Loc) -> bool {
        self.mounts.iter().any(|mount| {
            mount.on.as_ref().is_some_and(|on| {
                !mount.gone
                    && self.mounts[on.mount].fs == self.mounts[child.mount].fs
                    && (on.ino, &on.entry) == (child.ino, &child.entry)
            })
        })
    }

    /// The object that a name stands for in a directory, mounts apart.
    pub(crate) fn child(&self, dir: &Loc, name: &[u8]) -> Result<Option<Loc>, Errno> {
        let node = self.node(dir);
        if node.dead {
            return Ok(None);
        }
        if name.len() > 255 {
            return Err(Errno::ENAMETOOLONG);
        }
        Ok(node.entries.get(name).map(|ino| {
            let is_dir = self.fs_of(dir).nodes[ino].is_dir();
            let entry = (!is_dir).then(|| (dir.ino, name.to_vec()));
            Loc { mount: dir.mount, ino: *ino, entry }
        }))
    }

    /// Whether a directory is below another one, through mounts.
    pub(crate) fn is_below(&self, above: &Loc, below: &Loc) -> bool {
        let mut at = below;
        while at.mount != above.mount {
            match &self.mounts[at.mount].on {
                Some(on) => at = on,
                None => return false,
            }
        }
        self.fs_of(above).is_above(above.ino, at.ino)
    }

    /// The path of something from a root; `None` if it is not below it, has no name any more,
    /// or the path is too long for one.
    pub(crate) fn path_of(&self, root: &Loc, of: &Loc) -> Option<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut at = of.clone();
        loop {
            let mount = &self.mounts[at.mount];
            if at == *root {
                break;
            }
            if at == mount.root {
                at = mount.on.clone()?;
                continue;
            }
            let fs = self.fs_of(&at);
            let (parent, name) = match &at.entry {
                Some((parent, name)) => (*parent, name.clone()),
                None => {
                    let parent = *fs.parents.get(&at.ino)?;
                    let named = |(_, ino): &(&Vec<u8>, &Ino)| **ino == at.ino;
                    let entries = &fs.nodes.get(&parent)?.entries;
                    (parent, entries.iter().find(named)?.0.clone())
                }
            };
            // The directory may have been removed, with what is mounted from it still in use.
            if fs.nodes.get(&parent)?.entries.get(&name) != Some(&at.ino) {
                return None;
            }
            names.push(name);
            at = Loc { mount: at.mount, ino: parent, entry: None };
        }
        let mut path = Vec::new();
        for name in names.iter().rev() {
            path.push(b'/');
            path.extend(name);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        // A longer one is refused.
        (path.len() < 4096).then_some(path)
    }
}
