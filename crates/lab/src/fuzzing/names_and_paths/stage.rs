//! The stage: a jail with strange links in it, secrets around it, and the actors.

use std::collections::BTreeSet;
use std::sync::Arc;

use vfsnotify::inotify::Inotify;
use vfsnotify::{Context, Credentials, Errno, File, MemFs, OpenFlags, Vfs};

use super::model::{Entry, Fs, Ino, Loc, Model, Mount};
use super::predict::{Caller, Effect};
use crate::outcome::Stat;

/// An actor: a context and its handles.
pub(crate) struct Actor {
    pub(crate) cx: Context,
    pub(crate) uid: u32,
    pub(crate) root: Loc,
    pub(crate) cwd: Loc,
    pub(crate) jailed: bool,
    pub(crate) inotify: Inotify,
}

/// Something that was opened.
pub(crate) struct Handle {
    pub(crate) file: File,
    pub(crate) loc: Loc,
    /// Opened by an actor in the jail: no actor there has another.
    pub(crate) jailed: bool,
}

pub(crate) struct Stage {
    pub(crate) vfs: Vfs,
    pub(crate) model: Model,
    pub(crate) actors: Vec<Actor>,
    pub(crate) handles: [Option<Handle>; 4],
    /// The objects that no actor in the jail may ever see: file system and number.
    secrets: BTreeSet<(usize, Ino)>,
}

/// The place of an entry that has gone, in a `Loc` that outlives it.
const NOWHERE: Ino = Ino::MAX;

impl Stage {
    pub(crate) fn new() -> Self {
        let fs = Arc::new(MemFs::new());
        let vfs = Vfs::new(Arc::clone(&fs)).expect("a VFS");
        let outside = vfs.context().with_umask(0);
        let dir = |path: &str, mode| vfs.mkdir(&outside, path, mode).expect("a directory");
        let file = |path: &str| {
            let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCL;
            drop(vfs.open(&outside, path, flags, 0o644).expect("a file"));
        };
        let link = |target: &str, path: &str| vfs.symlink(&outside, target, path).expect("a link");
        for path in ["/jail", "/jail/inner", "/jail/share", "/jail/m", "/vault", "/vault/out"] {
            dir(path, 0o755);
        }
        for path in ["/srv", "/jail/priv"] {
            dir(path, 0o700);
        }
        for path in ["/jail/a", "/jail/a/b", "/jail/a/b/c", "/srv/share", "/srv/share/a"] {
            dir(path, 0o777);
        }
        for path in ["/secret", "/vault/secret", "/vault/out/secret", "/srv/secret"] {
            file(path);
        }
        for path in ["/jail/f", "/jail/a/f", "/jail/priv/f", "/srv/share/f"] {
            file(path);
        }
        link("a/b", "/jail/c");
        link("../../../..", "/jail/up");
        link("loop", "/jail/loop");
        link("/a", "/jail/abs");
        link("/../../vault/", "/jail/esc");
        link(".", "/jail/s");
        link(".", "/jail/a/s");
        link("../up/../secret", "/jail/a/deep");

        let mut model = Model::new(fs);
        model.device_of(0, vfs.stat(&outside, "/").expect("the root").device);
        vfs.bind_mount(&outside, "/srv/share", "/jail/share").expect("a bind mount");
        let shared = |path: &str| vfs.stat(&outside, path).expect("it is there").ino;
        let place = |path| Loc { mount: 0, ino: shared(path), entry: None };
        let secrets = ["/", "/secret", "/vault", "/vault/secret", "/vault/out"]
            .into_iter()
            .chain(["/vault/out/secret", "/srv", "/srv/secret"])
            .map(|path| (0, shared(path)))
            .collect();
        let on = {
            let jail = &model.fs[0].nodes[&place("/jail").ino];
            Loc { mount: 0, ino: jail.entries[&b"share"[..]], entry: None }
        };
        let root = Loc { mount: 1, ..place("/srv/share") };
        model.mounts.push(Mount { on: Some(on), root, fs: 0, read_only: false, gone: false });
        let jail = place("/jail");
        let top = model.mounts[0].root.clone();
        let mut stage =
            Self { vfs, model, actors: Vec::new(), handles: Default::default(), secrets };
        stage.join(outside.clone(), 0, top, false);
        let jailed = outside.with_root(&stage.vfs, "/jail").expect("the jail");
        stage.join(jailed.clone(), 0, jail.clone(), true);
        let user = jailed.with_credentials(Credentials::new(1000, 1000));
        stage.join(user, 1000, jail, true);
        stage
    }

    /// An actor that stands at its root.
    pub(crate) fn join(&mut self, cx: Context, uid: u32, root: Loc, jailed: bool) {
        let inotify = self.vfs.inotify(&cx).expect("an instance");
        let cwd = root.clone();
        self.actors.push(Actor { cx, uid, root, cwd, jailed, inotify });
    }

    pub(crate) fn caller(&self, actor: usize) -> Caller<'_> {
        let Actor { uid, root, .. } = &self.actors[actor];
        Caller { model: &self.model, uid: *uid, root }
    }

    fn name_of(&self, loc: &Loc) -> (usize, Ino) {
        (self.model.mounts[loc.mount].fs, loc.ino)
    }

    /// Whether it is on the first file system.
    pub(crate) fn is_of_first(&self, loc: &Loc) -> bool {
        self.name_of(loc).0 == 0
    }

    pub(crate) fn is_secret(&self, loc: &Loc) -> bool {
        self.secrets.contains(&self.name_of(loc))
    }

    /// Compares where an operation led with where it had to, and sees that no secret was shown.
    pub(crate) fn compare(
        &self,
        actor: usize,
        got: &Result<Stat, Errno>,
        wanted: &Result<Loc, Errno>,
    ) {
        if let Ok(got) = got {
            self.no_secret(actor, got.device, got.ino);
        }
        let got = got.as_ref().map(|got| (got.device, got.ino)).map_err(|kind| *kind);
        let expected = wanted.as_ref().map_err(|kind| *kind);
        let device = |loc| self.model.device_of(self.name_of(loc).0, got.map_or(0, |got| got.0));
        let expected = expected.map(|loc| (device(loc), loc.ino));
        assert_eq!(got, expected, "actor: {actor}, wanted: {wanted:?}");
    }

    /// No actor in the jail is shown what is outside. That is all on the first file system.
    pub(crate) fn no_secret(&self, actor: usize, device: u64, ino: Ino) {
        let shown = device == self.model.device_of(0, device) && self.secrets.contains(&(0, ino));
        assert!(!shown || !self.actors[actor].jailed, "{actor} was shown a secret: {ino}");
    }

    /// Reads the file systems again and sees that just this has changed.
    pub(crate) fn changed(&mut self, effect: &Effect) {
        let mut expected: Vec<_> = self
            .model
            .fs
            .iter()
            .map(|fs| {
                let entries = fs.nodes.iter().filter(|(_, node)| node.is_dir() && !node.dead);
                entries.map(|(ino, node)| (*ino, node.entries.clone())).collect()
            })
            .collect::<Vec<std::collections::BTreeMap<_, _>>>();
        self.model.fs.iter_mut().for_each(Fs::read);
        let mut entry = |fs: usize, (dir, name): &Entry, ino: Option<Ino>| {
            let entries = expected[fs].get_mut(dir).expect("a directory");
            match ino {
                Some(ino) => entries.insert(name.clone(), ino),
                None => entries.remove(name),
            }
        };
        match effect {
            Effect::Nothing => {}
            Effect::Made(fs, at, further) => {
                let made = self.model.fs[*fs].nodes[&at.0].entries.get(&at.1).copied();
                let made = made.expect("what was made is there");
                assert!(further.is_none_or(|ino| ino == made));
                entry(*fs, at, Some(made));
            }
            Effect::Gone(fs, at) => {
                entry(*fs, at, None);
                self.rename_held(*fs, at, None);
            }
            Effect::Moved { fs, from, to, exchange } => {
                let moved = entry(*fs, from, None);
                let replaced = entry(*fs, to, moved);
                if *exchange {
                    entry(*fs, from, replaced);
                    self.rename_held(*fs, from, Some((NOWHERE, b"on the way".to_vec())));
                    self.rename_held(*fs, to, Some(from.clone()));
                    let way = (NOWHERE, b"on the way".to_vec());
                    self.rename_held(*fs, &way, Some(to.clone()));
                } else {
                    self.rename_held(*fs, to, None);
                    self.rename_held(*fs, from, Some(to.clone()));
                }
            }
        }
        for (fs, expected) in self.model.fs.iter().zip(expected) {
            for (ino, node) in fs.nodes.iter().filter(|(_, node)| node.is_dir() && !node.dead) {
                let before = expected.get(ino).cloned().unwrap_or_default();
                assert_eq!(node.entries, before, "directory {ino} after {effect:?}");
            }
        }
    }

    /// A handle of a name that was moved, or taken away, is known by another now.
    fn rename_held(&mut self, fs: usize, from: &Entry, to: Option<Entry>) {
        let to = to.unwrap_or((NOWHERE, Vec::new()));
        let of: Vec<usize> = self.model.mounts.iter().map(|mount| mount.fs).collect();
        let held = self.handles.iter_mut().flatten().map(|handle| &mut handle.loc);
        let roots = self.model.mounts.iter_mut().map(|mount| &mut mount.root);
        for loc in held.chain(roots) {
            if of[loc.mount] == fs && loc.entry.as_ref() == Some(from) {
                loc.entry = Some(to.clone());
            }
        }
    }

    /// Whether anything but the mount table holds a mount.
    pub(crate) fn is_busy(&self, mount: usize) -> bool {
        let held = self.handles.iter().flatten().map(|handle| &handle.loc);
        let stands = self.actors.iter().flat_map(|actor| [&actor.root, &actor.cwd]);
        let on = self.model.mounts.iter().filter(|mount| !mount.gone);
        let on = on.filter_map(|mount| mount.on.as_ref());
        held.chain(stands).chain(on).any(|loc| loc.mount == mount)
    }

    /// The mounts and open files that every actor sees, by path.
    pub(crate) fn check_paths(&self) {
        for (number, actor) in self.actors.iter().enumerate() {
            let live = self.model.mounts.iter().filter(|mount| !mount.gone);
            let wanted: Vec<Vec<u8>> =
                live.filter_map(|mount| self.model.path_of(&actor.root, &mount.root)).collect();
            let seen = self.vfs.mounts(&actor.cx);
            let seen: Vec<Vec<u8>> = seen.into_iter().map(|mount| mount.path).collect();
            assert_eq!(seen, wanted, "the mounts that {number} sees");
            for handle in self.handles.iter().flatten() {
                let wanted = self.model.path_of(&actor.root, &handle.loc);
                let path = handle.file.path(&actor.cx).ok();
                assert_eq!(path, wanted, "the path of {:?} for {number}", handle.loc);
                let shown = handle.file.shown_path(&actor.cx);
                if let Some(path) = wanted {
                    assert_eq!(shown, Ok(path));
                } else if actor.jailed {
                    self.no_name_from_outside(&shown.unwrap_or_default());
                }
            }
            let first = format!(" sdev:{:x} ", self.model.device_of(0, 0));
            for info in actor.inotify.watches() {
                if info.to_string().contains(&first) {
                    self.no_secret(number, self.model.device_of(0, 0), info.ino);
                }
            }
        }
    }

    /// A path that is shown in the jail has no directory in it that is outside.
    fn no_name_from_outside(&self, shown: &[u8]) {
        let fs = &self.model.fs[0];
        let root = &fs.nodes[&fs.root].entries;
        let first = shown.split(|byte| *byte == b'/').find(|name| !name.is_empty());
        let Some(ino) = first.and_then(|name| root.get(name)) else { return };
        // The jail may have a name like that too; then it must be that one which is meant.
        let jail = &fs.nodes[&self.actors[1].root.ino];
        let own = first.and_then(|name| jail.entries.get(name));
        assert!(own.is_some(), "{ino} is shown: {}", String::from_utf8_lossy(shown));
    }
}
