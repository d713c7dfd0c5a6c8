//! A small world on a faulty file system, the events of it, and what must be true of it whatever
//! has failed.

use std::collections::BTreeSet;
use std::sync::Arc;

use vfsnotify::inotify::{Inotify, WatchDescriptor, WatchMask};
use vfsnotify::{
    Context, Credentials, InodeKind, IntoPath, MemFs, MountOptions, OpenFlags, Result, Vfs,
    XattrMode,
};

use super::faulty::{Control, FaultyFs};

/// Where the faulty file system is mounted; the root's own is sound.
pub const AT: &str = "/m";
/// Where what is under it is mounted for a moment, to be looked at or changed behind its back.
const BEHIND: &str = "/behind";
/// The unprivileged caller, which owns everything.
const OWNER: u32 = 1000;

/// See the module.
pub struct Stage {
    pub vfs: Vfs,
    /// The caller.
    pub cx: Context,
    pub root: Context,
    pub inner: Arc<MemFs>,
    pub control: Arc<Control>,
    pub group: Inotify,
    watched: Vec<(WatchDescriptor, &'static str)>,
}

/// The caller, and whether the cache knows anything before that.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub privileged: bool,
    pub warm: bool,
}

impl Stage {
    /// ```text
    /// dir/file  dir/sub/deep  other/  file = twin  link -> dir/file  fifo  set_id
    /// ```
    pub fn new(setup: Setup) -> Self {
        Self::on(&host(), setup)
    }

    /// The same on a VFS that has seen others: making one takes longer than all the rest.
    pub fn on(vfs: &Vfs, setup: Setup) -> Self {
        let (vfs, inner) = (vfs.clone(), Arc::new(MemFs::new()));
        let root = vfs.context().with_umask(0);
        from_behind(&vfs, &root, &inner, || furnish(&vfs, &root)).expect("a furnished stage");
        let control = Control::new();
        let fs = FaultyFs { inner: inner.clone(), control: control.clone() };
        vfs.mount_with(&root, AT, Arc::new(fs), MountOptions::default()).expect("a mount");
        let cx = match setup.privileged {
            true => root.clone(),
            false => root.clone().with_credentials(Credentials::new(OWNER, OWNER)),
        };
        let group = vfs.inotify(&root).expect("an instance");
        let mut watched = Vec::new();
        for path in ["/m", "/m/dir", "/m/other", "/m/file"] {
            let wd = vfs.add_watch(&root, &group, path, WatchMask::ALL_EVENTS).expect("a watch");
            watched.push((wd, path));
        }
        let stage = Self { vfs, cx, root, inner, control, group, watched };
        if setup.warm {
            see(&stage.vfs, &stage.root, AT);
        }
        stage.drain_events();
        stage
    }

    /// The events since the last time, without the cookies.
    pub fn drain_events(&self) -> Vec<String> {
        let named = |wd| {
            let known = self.watched.iter().find(|(other, _)| *other == wd);
            known.map_or("another", |(_, path)| path)
        };
        let show = |event: &vfsnotify::inotify::Event| match event.fs_event() {
            Some(event) => {
                let name = String::from_utf8_lossy(event.name.as_bytes()).into_owned();
                // A file without a name has its number for one, and each has another.
                let name = if name.starts_with('#') { "#".to_owned() } else { name };
                let mask = format!("{:?}", event.mask);
                let mask = mask.trim_start_matches("EventMask(").trim_end_matches(')');
                format!("{}:{name} {mask}", named(event.wd))
            }
            None => "overflow".to_owned(),
        };
        self.group.drain().iter().map(show).collect()
    }

    /// The cache says of every name what the file system itself says, and every invariant holds.
    pub fn check(&self) -> std::result::Result<(), String> {
        self.vfs.verify()?;
        let cached = see(&self.vfs, &self.root, AT);
        let truth = from_behind(&self.vfs, &self.root, &self.inner, || {
            Ok(see(&self.vfs, &self.root, BEHIND))
        });
        let truth = truth.map_err(|error| error.to_string())?;
        let differ = cached.iter().zip(&truth).find(|(cached, truth)| cached != truth);
        match differ {
            Some((cached, truth)) => Err(format!("the cache has {cached}, and there is {truth}")),
            None if cached.len() != truth.len() => Err("a name is known too much".to_owned()),
            None => self.vfs.verify(),
        }
    }

    /// Ends everything: nothing may be left, of the file system's and of the crate's own.
    pub fn end(self) -> std::result::Result<(), String> {
        let Self { vfs, cx, root, inner, control, group, .. } = self;
        drop(cx);
        vfs.unmount(&root, AT).map_err(|error| format!("something is still in use: {error}"))?;
        vfs.reap();
        let (lookups, handles, broken) = control.balance();
        if !lookups.is_empty() || handles != 0 || broken != 0 {
            return Err(format!(
                "look-ups left {lookups:?}, handles left {handles}, promises broken {broken}"
            ));
        }
        let live = (vfs.tree().live_dentries(), vfs.tree().live_inodes());
        if live != (3, 3) {
            return Err(format!("(dentries, inodes) are {live:?}, not only the host's three"));
        }
        if Arc::strong_count(&inner) != 1 {
            return Err("the file system was not let go".to_owned());
        }
        let named = from_behind(&vfs, &root, &inner, || inodes(&vfs, &root));
        let named = named.map_err(|error| error.to_string())?;
        if inner.stats().inodes != named as u64 {
            let kept = inner.stats().inodes;
            return Err(format!("{kept} inodes are kept, and {named} have names"));
        }
        vfs.verify()?;
        drop(group);
        if vfs.notifier().usage(0) != (0, 0) {
            return Err("watches are still charged".to_owned());
        }
        vfs.verify()
    }
}

/// A VFS to have stages on: it has a root and two places to mount on, which are its own.
pub fn host() -> Vfs {
    let vfs = Vfs::new(MemFs::new()).expect("a sound file system");
    let root = vfs.context();
    for place in [AT, BEHIND] {
        vfs.mkdir(&root, place, 0o755).expect("a place");
    }
    vfs
}

/// Does something with the file system itself, past what is faulty and past what is cached.
fn from_behind<T>(
    vfs: &Vfs,
    root: &Context,
    inner: &Arc<MemFs>,
    act: impl FnOnce() -> Result<T>,
) -> Result<T> {
    vfs.mount_with(root, BEHIND, inner.clone(), MountOptions::default())?;
    let done = act();
    vfs.unmount(root, BEHIND)?;
    done
}

/// Makes what is on the stage.
fn furnish(vfs: &Vfs, root: &Context) -> Result<()> {
    let mut cx = root.clone();
    cx.chdir(vfs, BEHIND)?;
    for dir in ["dir", "dir/sub", "other"] {
        vfs.mkdir(&cx, dir, 0o755)?;
    }
    let flags = OpenFlags::WRITE | OpenFlags::CREATE;
    for file in ["file", "dir/file", "dir/sub/deep", "set_id"] {
        vfs.open(&cx, file, flags, 0o644)?.write(b"hello")?;
    }
    vfs.link(&cx, "file", "twin")?;
    vfs.symlink(&cx, "dir/file", "link")?;
    vfs.mknod(&cx, "fifo", InodeKind::Fifo, 0o644, 0)?;
    vfs.setxattr(&cx, "file", "user.a", b"value", XattrMode::Set)?;
    let everything =
        [".", "dir", "dir/sub", "other", "file", "dir/file", "dir/sub/deep", "fifo", "set_id"];
    for path in everything.into_iter().chain(["link"]) {
        vfs.chown(&cx, path.no_follow(), Some(OWNER), Some(OWNER))?;
    }
    vfs.chmod(&cx, "set_id", 0o6755)
}

/// Every name that an operation uses in a directory.
fn names(dir: &str) -> &'static [&'static str] {
    match dir {
        "" => &["dir", "file", "other", "twin", "link", "fifo", "set_id", "moved"],
        "/dir" => &["file", "sub", "new", "moved", "none"],
        _ => &["deep", "new", "moved"],
    }
}

/// The tree below a path: for each name in each directory its object.
fn see(vfs: &Vfs, cx: &Context, at: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut dirs = vec![String::new()];
    while let Some(dir) = dirs.pop() {
        for name in names(&dir) {
            let path = format!("{dir}/{name}");
            match vfs.stat(cx, format!("{at}{path}").no_follow()) {
                Ok(stat) => {
                    let attr = stat.attr;
                    let what = (attr.ino, attr.kind, attr.nlink, attr.mode, attr.size);
                    seen.push(format!("{path} {what:?}"));
                    if attr.kind == InodeKind::Directory {
                        dirs.push(path);
                    }
                }
                Err(error) => seen.push(format!("{path} {:?}", error.errno())),
            }
        }
    }
    seen
}

/// How many inodes have names.
fn inodes(vfs: &Vfs, cx: &Context) -> Result<usize> {
    let mut numbers = BTreeSet::new();
    let mut dirs = vec![format!("{BEHIND}/")];
    while let Some(dir) = dirs.pop() {
        numbers.insert(vfs.stat(cx, &dir)?.attr.ino);
        for entry in vfs.list(cx, &dir)? {
            numbers.insert(entry.ino);
            if entry.kind == InodeKind::Directory {
                dirs.push(format!("{dir}{}/", String::from_utf8_lossy(&entry.name)));
            }
        }
    }
    Ok(numbers.len())
}
