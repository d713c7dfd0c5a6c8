//! A file system that lies as it is told to, or at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use vfsnotify::fs::{
    Attr, Caching, DirEntry, FileSystem, Handle, Layer, NewNode, Node, Request, SeekTo, SetAttr,
    Unlinked, WriteData,
};
use vfsnotify::inotify::WatchMask;
use vfsnotify::{Errno, InodeKind, IntoPath, MemFs, Mode, OpenFlags, RenameFlags, Result, Vfs};

/// The subject of its lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Lie {
    No,
    /// Each look-up says another kind.
    OtherKind,
    /// A made object is said to be of another kind.
    CreateOtherKind,
    /// A made or linked object is said to be `/e`.
    CreateOther,
    NoLinks,
    ManyLinks,
    /// A removed name is still found.
    Ghosts,
    LookupRoot,
    LookupParent,
    /// More is moved than was asked for.
    Counts,
    AppendFarOut,
    Sizes,
    Dots,
    NameNul,
    NameSlash,
    NameEmpty,
    NameLong,
    CursorStays,
    CursorGoesRound,
    /// Two entries lead to each other.
    CursorAlternates,
    CursorZero,
    CursorFar,
    CursorFarthest,
    /// Nothing but `.`, for ever.
    DotsWithoutEnd,
    /// The name of an attribute has a NUL in it.
    XattrNul,
    XattrEmpty,
    /// The value of an attribute is longer than any can be.
    XattrLong,
    DoesNotStop,
    TargetNul,
    TargetLong,
    /// About anything, now and then.
    Anything,
}

const INODES: usize = 512;

/// The orders of tests to a [`Liar`], and its memory.
#[derive(Debug)]
pub(crate) struct Tongue {
    pub(crate) lie: AtomicUsize,
    /// Look-ups by the number that was said.
    claims: Vec<AtomicI64>,
    /// Whether a name was asked for that is none.
    nonsense: AtomicBool,
    dice: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Liar {
    inner: MemFs,
    pub(crate) tongue: Arc<Tongue>,
    /// How often a listing was asked to go on that goes round.
    rounds: AtomicU64,
    /// The nodes that were removed, by their names' first byte.
    ghosts: Vec<AtomicU64>,
}

impl Default for Liar {
    fn default() -> Self {
        let tongue = Tongue {
            lie: AtomicUsize::new(Lie::No as usize),
            claims: (0..INODES).map(|_| AtomicI64::new(0)).collect(),
            nonsense: AtomicBool::new(false),
            dice: AtomicU64::new(1),
        };
        let ghosts = (0..256).map(|_| AtomicU64::new(0)).collect();
        Self { inner: MemFs::new(), tongue: Arc::new(tongue), rounds: AtomicU64::new(0), ghosts }
    }
}

impl Tongue {
    /// Numbers whose look-ups were not given back.
    pub(crate) fn claims(&self) -> Vec<(usize, i64)> {
        let claims = self.claims.iter().map(|claim| claim.load(Ordering::Relaxed));
        claims.enumerate().filter(|(_, claim)| *claim != 0).collect()
    }

    /// Whether it was ever given a name that is none.
    pub(crate) fn was_given_nonsense(&self) -> bool {
        self.nonsense.load(Ordering::Relaxed)
    }

    fn is(&self, lie: Lie) -> bool {
        self.lie.load(Ordering::Relaxed) == lie as usize
    }

    /// A number below `sides`, if it lies about anything.
    fn roll(&self, sides: u64) -> Option<u64> {
        if !self.is(Lie::Anything) {
            return None;
        }
        let next = |seed: u64| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99));
        let seed = self.dice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        Some((seed.unwrap_or_default() >> 33) % sides)
    }

    /// True one time of so many, if it lies about anything.
    fn now_and_then(&self, of: u64) -> bool {
        self.roll(of) == Some(0)
    }

    fn fail(&self) -> Result<()> {
        const KINDS: [Errno; 6] = [
            Errno::EIO,
            Errno::ENOENT,
            Errno::EEXIST,
            Errno::ESTALE,
            Errno::ENOTEMPTY,
            Errno::ENOSPC,
        ];
        match self.roll(60).map(|at| KINDS.get(at as usize)) {
            Some(Some(kind)) => Err((*kind).into()),
            _ => Ok(()),
        }
    }
}

const KINDS: [InodeKind; 4] =
    [InodeKind::Regular, InodeKind::Directory, InodeKind::Symlink, InodeKind::Fifo];

fn other(kind: InodeKind) -> InodeKind {
    if kind.is_dir() { InodeKind::Regular } else { InodeKind::Directory }
}

impl Liar {
    fn attr(&self, mut attr: Attr) -> Attr {
        let tongue = &self.tongue;
        if tongue.is(Lie::NoLinks) {
            attr.nlink = 0;
        } else if tongue.is(Lie::ManyLinks) {
            attr.nlink = u32::MAX;
        } else if tongue.is(Lie::Sizes) {
            attr.size = u64::MAX;
        }
        if tongue.now_and_then(12) {
            attr.nlink = tongue.roll(3).unwrap_or_default() as u32;
        }
        if tongue.now_and_then(12) {
            attr.kind = KINDS[tongue.roll(4).unwrap_or_default() as usize];
        }
        if tongue.now_and_then(12) {
            attr.ino = tongue.roll(12).unwrap_or_default();
        }
        if tongue.now_and_then(12) {
            attr.size = u64::MAX - tongue.roll(3).unwrap_or_default();
            attr.mode = Mode::all();
        }
        attr.generation = tongue.roll(3).unwrap_or(attr.generation);
        attr
    }

    /// The node that it claims to have found or made. The inner file system forgets at once.
    fn say(&self, node: Node, change: impl FnOnce(&mut Attr)) -> Node {
        self.inner.forget(node.attr.ino, 1);
        let mut attr = self.attr(node.attr);
        change(&mut attr);
        self.tongue.claims[attr.ino as usize % INODES].fetch_add(1, Ordering::Relaxed);
        Node::new(attr)
    }

    fn number_of_e(&self) -> Attr {
        let root = self.inner.root().expect("a root").attr.ino;
        self.inner.forget(root, 1);
        let node = self.inner.lookup(&Request::SUPERUSER, root, b"e").expect("it is there");
        self.inner.forget(node.attr.ino, 1);
        node.attr
    }

    fn made(&self, node: Node) -> Node {
        let (tongue, kind) = (&self.tongue, node.attr.kind);
        let e = tongue.is(Lie::CreateOther).then(|| self.number_of_e());
        self.say(node, |attr| {
            if tongue.is(Lie::CreateOtherKind) {
                attr.kind = other(kind);
            } else if let Some(e) = e {
                attr.ino = e.ino;
            }
        })
    }

    fn remember_ghost(&self, parent: u64, name: &[u8]) {
        if let Ok(node) = self.inner.lookup(&Request::SUPERUSER, parent, name) {
            self.inner.forget(node.attr.ino, 1);
            let kind = u64::from(node.attr.kind.is_dir());
            let first = usize::from(name[0]);
            self.ghosts[first].store(node.attr.ino << 1 | kind, Ordering::Relaxed);
        }
    }

    fn check_name(&self, name: &[u8]) {
        let nonsense = matches!(name, b"" | b"." | b"..")
            || name.len() > 255
            || name.iter().any(|byte| matches!(byte, 0 | b'/'));
        self.tongue.nonsense.fetch_or(nonsense, Ordering::Relaxed);
    }

    fn count(&self, count: usize, len: usize) -> usize {
        if self.tongue.is(Lie::Counts) || self.tongue.now_and_then(8) {
            return if count == len { len + 1 } else { usize::MAX };
        }
        count
    }

    fn lookup_attr(&self, number: u64, like: Attr) -> Node {
        self.tongue.claims[number as usize % INODES].fetch_add(1, Ordering::Relaxed);
        let mut attr = like;
        attr.ino = number;
        Node::new(attr)
    }

    /// How many names it says that are left.
    fn left(&self, unlinked: Unlinked) -> Unlinked {
        let tongue = &self.tongue;
        match tongue.roll(4) {
            _ if tongue.is(Lie::NoLinks) => Unlinked::left(0),
            _ if tongue.is(Lie::ManyLinks) => Unlinked::left(u32::MAX),
            Some(0) => Unlinked::UNKNOWN,
            Some(1) => Unlinked::left(tongue.roll(3).unwrap_or_default() as u32),
            _ => unlinked,
        }
    }
}

impl Layer for Liar {
    type Inner = MemFs;
    fn inner(&self) -> &MemFs {
        &self.inner
    }
    fn root(&self) -> Result<Node> {
        self.inner.root().map(|node| self.say(node, |_| {}))
    }
    fn lookup(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Node> {
        self.check_name(name);
        self.tongue.fail()?;
        let root = self.inner.getattr(request, 1, None)?;
        if self.tongue.is(Lie::LookupRoot) && name == b"loop" {
            return Ok(self.lookup_attr(1, root));
        }
        if self.tongue.is(Lie::LookupParent) && name == b"loop" {
            return Ok(self.lookup_attr(parent, root));
        }
        if self.tongue.is(Lie::Ghosts) {
            let ghost = self.ghosts[usize::from(name[0])].load(Ordering::Relaxed);
            if ghost != 0 {
                let kind = if ghost & 1 == 1 { InodeKind::Directory } else { InodeKind::Regular };
                let mut attr = Attr::new(0, kind, root.mode);
                attr.nlink = 1;
                return Ok(self.lookup_attr(ghost >> 1, attr));
            }
        }
        let node = self.inner.lookup(request, parent, name)?;
        let kind = node.attr.kind;
        Ok(self.say(node, |attr| {
            if self.tongue.is(Lie::OtherKind) && name == b"f" {
                attr.kind = other(kind);
            }
        }))
    }
    fn forget(&self, ino: u64, lookups: u64) {
        self.tongue.claims[ino as usize % INODES].fetch_sub(lookups as i64, Ordering::Relaxed);
    }
    fn caching(&self) -> Caching {
        Caching::default().with_entries(false)
    }
    fn revalidate(&self, _: &Request, _: u64, name: &[u8], _: Option<u64>) -> bool {
        let tongue = &self.tongue;
        let misleading = [Lie::OtherKind, Lie::NoLinks, Lie::ManyLinks, Lie::Ghosts];
        let is_misled =
            misleading.iter().any(|lie| tongue.is(*lie)) && matches!(name, b"f" | b"sub");
        !is_misled && !tongue.now_and_then(3)
    }
    fn getattr(&self, request: &Request, ino: u64, handle: Option<Handle>) -> Result<Attr> {
        self.tongue.fail()?;
        Ok(self.attr(self.inner.getattr(request, ino, handle)?))
    }
    fn setattr(
        &self,
        request: &Request,
        ino: u64,
        handle: Option<Handle>,
        change: &SetAttr,
    ) -> Result<Attr> {
        Ok(self.attr(self.inner.setattr(request, ino, handle, change)?))
    }
    fn readlink(&self, request: &Request, ino: u64) -> Result<Vec<u8>> {
        Ok(match self.tongue.roll(8) {
            Some(0) => b"d\0f".to_vec(),
            Some(1) => vec![b'x'; 10_000],
            Some(2) => b"../../d/./..//".to_vec(),
            _ if self.tongue.is(Lie::TargetNul) => b"d\0f".to_vec(),
            _ if self.tongue.is(Lie::TargetLong) => vec![b'x'; 5000],
            _ => self.inner.readlink(request, ino)?,
        })
    }
    fn create(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new: &NewNode<'_>,
    ) -> Result<Node> {
        self.check_name(name);
        self.tongue.fail()?;
        let node = self.inner.create(request, parent, name, new)?;
        if let Err(error) = self.tongue.fail() {
            self.inner.forget(node.attr.ino, 1);
            return Err(error);
        }
        Ok(self.made(node))
    }
    fn tmpfile(&self, request: &Request, parent: u64, new: &NewNode<'_>) -> Result<Node> {
        self.inner.tmpfile(request, parent, new).map(|node| self.made(node))
    }
    fn link(&self, request: &Request, ino: u64, parent: u64, name: &[u8]) -> Result<Node> {
        self.check_name(name);
        self.inner.link(request, ino, parent, name).map(|node| self.made(node))
    }
    fn unlink(&self, request: &Request, parent: u64, name: &[u8]) -> Result<Unlinked> {
        self.remember_ghost(parent, name);
        self.tongue.fail()?;
        let unlinked = self.inner.unlink(request, parent, name)?;
        self.tongue.fail()?;
        Ok(self.left(unlinked))
    }
    fn rmdir(&self, request: &Request, parent: u64, name: &[u8]) -> Result<()> {
        self.remember_ghost(parent, name);
        self.tongue.fail()?;
        self.inner.rmdir(request, parent, name)?;
        self.tongue.fail()
    }
    fn rename(
        &self,
        request: &Request,
        parent: u64,
        name: &[u8],
        new_parent: u64,
        new_name: &[u8],
        flags: RenameFlags,
    ) -> Result<Unlinked> {
        self.check_name(new_name);
        self.tongue.fail()?;
        let unlinked = self.inner.rename(request, parent, name, new_parent, new_name, flags)?;
        self.tongue.fail()?;
        Ok(self.left(unlinked))
    }
    fn read(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        buf: &mut [u8],
    ) -> Result<usize> {
        let count = self.inner.read(request, ino, handle, offset, buf)?;
        Ok(self.count(count, buf.len()))
    }
    fn write(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        data: WriteData<'_>,
    ) -> Result<usize> {
        let count = self.inner.write(request, ino, handle, offset, data)?;
        Ok(self.count(count, data.len()))
    }
    fn append(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        data: WriteData<'_>,
    ) -> Result<(u64, usize)> {
        let (at, count) = self.inner.append(request, ino, handle, data)?;
        let far = self.tongue.is(Lie::AppendFarOut) || self.tongue.now_and_then(4);
        Ok((if far { u64::MAX } else { at }, self.count(count, data.len())))
    }
    fn seek(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        offset: u64,
        to: SeekTo,
    ) -> Result<u64> {
        let found = self.inner.seek(request, ino, handle, offset, to)?;
        let lies = self.tongue.is(Lie::Counts) || self.tongue.now_and_then(3);
        Ok(match to {
            SeekTo::Hole if lies => u64::MAX,
            SeekTo::Data if lies => 0,
            _ => found,
        })
    }
    fn readdir(
        &self,
        request: &Request,
        ino: u64,
        handle: Handle,
        cursor: u64,
        emit: &mut dyn FnMut(DirEntry<'_>) -> bool,
    ) -> Result<()> {
        let tongue = &self.tongue;
        let kind = InodeKind::Regular;
        let bad: &[&[u8]] = match tongue.lie.load(Ordering::Relaxed) {
            lie if lie == Lie::Dots as usize => &[b".", b".."],
            lie if lie == Lie::NameNul as usize => &[b"ok", b"a\0b"],
            lie if lie == Lie::NameSlash as usize => &[b"ok", b"a/b"],
            lie if lie == Lie::NameEmpty as usize => &[b"ok", b""],
            lie if lie == Lie::NameLong as usize => &[b"ok", &[b'n'; 256]],
            lie if lie == Lie::Anything as usize && tongue.now_and_then(4) => &[b"..", b"a/b"],
            _ => &[],
        };
        for (at, name) in bad.iter().enumerate().skip(cursor as usize) {
            if !emit(DirEntry::new(ino, kind, name, at as u64 + 1)) {
                return Ok(());
            }
        }
        let far = match tongue.lie.load(Ordering::Relaxed) {
            lie if lie == Lie::CursorZero as usize => Some(0),
            lie if lie == Lie::CursorFar as usize => Some(DirEntry::MAX_CURSOR + 1),
            lie if lie == Lie::CursorFarthest as usize => Some(u64::MAX),
            _ => None,
        };
        if let Some(far) = far {
            // Not for ever, either.
            if self.rounds.fetch_add(1, Ordering::Relaxed) > 4_000 {
                return Ok(());
            }
            if cursor < 7 && !emit(DirEntry::new(ino, kind, b"ok", 7)) {
                return Ok(());
            }
            emit(DirEntry::new(ino, kind, b"far", far));
            return Ok(());
        }
        if tongue.is(Lie::DotsWithoutEnd) {
            // Not for ever: the test fails all the same.
            let dot = DirEntry::new(ino, kind, b".", 1);
            let listed = (0..1_000_000).take_while(|_| emit(dot)).count();
            assert!(listed < 1_000_000, "the listing was not stopped");
            return Ok(());
        }
        // Its own entries come after those, and so do their cursors.
        let skipped = bad.len() as u64;
        let cursor = cursor.saturating_sub(skipped);
        let round = tongue.is(Lie::CursorGoesRound);
        let alternates = tongue.is(Lie::CursorAlternates);
        let goes_on = round || alternates || tongue.is(Lie::CursorStays);
        // Not for ever: a caller that does not find out gets a list that is too long.
        if goes_on && self.rounds.fetch_add(1, Ordering::Relaxed) > 4_000 {
            return Ok(());
        }
        if goes_on || tongue.now_and_then(20) {
            let name = [b'n'; 200];
            let mut at = cursor;
            for _ in 0..1000 {
                at = match at {
                    at if round => 1 + at % 700,
                    7 if alternates => 9,
                    _ => 7,
                };
                if !emit(DirEntry::new(ino, kind, &name, at)) {
                    return Ok(());
                }
            }
            return Ok(());
        }
        let stubborn = tongue.is(Lie::DoesNotStop) || tongue.now_and_then(4);
        self.inner.readdir(request, ino, handle, cursor, &mut |entry| {
            let mut shown = entry;
            shown.cursor += skipped;
            emit(shown) || stubborn
        })
    }
    fn getxattr(&self, request: &Request, ino: u64, name: &[u8]) -> Result<Vec<u8>> {
        if self.tongue.is(Lie::XattrLong) {
            return Ok(vec![b'x'; 65_537]);
        }
        self.inner.getxattr(request, ino, name)
    }
    fn listxattr(&self, _: &Request, _: u64) -> Result<Vec<Vec<u8>>> {
        let name: &[u8] = match self.tongue.lie.load(Ordering::Relaxed) {
            lie if lie == Lie::XattrNul as usize => b"user.a\0b",
            lie if lie == Lie::XattrEmpty as usize => b"",
            _ => return Err(Errno::EOPNOTSUPP.into()),
        };
        Ok(vec![b"user.ok".to_vec(), name.to_vec()])
    }
}

const NAMES: [&str; 8] = ["a", "b", "f", "d", "e", "l", "d/f", "d/e"];

/// Does operations at random on a file system that lies at random.
pub(super) fn say_anything(seed: u64) {
    let liar = Liar::default();
    let tongue = liar.tongue.clone();
    let vfs = Vfs::new(liar).expect("an honest root");
    let mut cx = vfs.context();
    for dir in ["/d", "/d/e", "/e", "/e/d"] {
        vfs.mkdir(&cx, dir, 0o755).expect("a directory");
    }
    vfs.symlink(&cx, "d/f", "/l").expect("a link");
    let group = vfs.inotify(&cx).expect("an instance");
    tongue.dice.store(seed * 77 + 5, Ordering::Relaxed);
    tongue.lie.store(Lie::Anything as usize, Ordering::Relaxed);
    let mut files = Vec::new();
    for step in 0..60 {
        let roll = |sides| tongue.roll(sides).unwrap_or_default();
        let path = || {
            let at = ["", "/d", "/e"][roll(3) as usize];
            format!("{at}/{}", NAMES[roll(NAMES.len() as u64) as usize])
        };
        let (one, two) = (path(), path());
        let flags = OpenFlags::READ_WRITE;
        // Most fail, and none may do worse.
        match roll(16) {
            0 | 1 => drop(vfs.mkdir(&cx, &one, 0o755)),
            2 => files.extend(vfs.open(&cx, &one, flags | OpenFlags::CREATE, 0o644)),
            3 => files.extend(vfs.open(&cx, &one, OpenFlags::READ, 0)),
            4 => drop(vfs.unlink(&cx, &one)),
            5 => drop(vfs.rmdir(&cx, &one)),
            6 => drop(vfs.rename(&cx, &one, &two, RenameFlags::empty())),
            7 => drop(vfs.rename(&cx, &one, &two, RenameFlags::EXCHANGE)),
            8 => drop(vfs.link(&cx, one.follow(), &two)),
            9 => drop(vfs.add_watch(&cx, &group, &one, WatchMask::ALL_EVENTS)),
            10 => drop(cx.chdir(&vfs, &one)),
            11 => drop(vfs.list(&cx, &one)),
            12 => drop(vfs.open(&cx, &one, flags | OpenFlags::TMPFILE, 0o644)),
            13 => {
                for file in &files {
                    let file: &vfsnotify::File = file;
                    drop(file.write(b"some"));
                    drop(file.read(&mut [0; 7]));
                    drop(file.seek_hole(0));
                    let _ = file.shown_path(&cx);
                }
            }
            14 => files.clear(),
            _ => drop(vfs.chmod(&cx, &one, 0o7777)),
        }
        vfs.verify().unwrap_or_else(|wrong| panic!("step {step} of seed {seed}: {wrong}"));
    }
    assert!(!tongue.was_given_nonsense(), "seed {seed}: a name that is none");
    tongue.lie.store(Lie::No as usize, Ordering::Relaxed);
    drop(files);
    cx.chdir(&vfs, "/").expect("the root is honest");
    vfs.reap();
    vfs.verify().expect("the invariants");
    drop((cx, vfs));
    assert_eq!(tongue.claims(), [], "seed {seed}");
}
