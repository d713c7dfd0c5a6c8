//! A program with a VFS of its own: it keeps its dentries in a `Tree` and reports what happens itself,
//! under its own locks.
//!
//! The store here is a server's, as `nfsd` is one: it takes its directory's lock, makes the
//! directory, and reports it *with the lock still held*. In Linux a one-shot watch that fires
//! there removes itself inside the hook, and a change that takes that same lock while a watch is
//! added would deadlock. Here neither a hook nor a watch ever takes a lock of the embedder's.
//!
//! `cargo run --release --example bring_your_own_vfs`

#![expect(clippy::disallowed_types, reason = "an embedder has locks of its own")]

/// A part of the other example.
mod quickstart {
    pub(crate) mod output;
}

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use quickstart::output::Output;
use vfsnotify::inotify::{Event, Inotify, WatchMask};
use vfsnotify::notify::{DentryRef, Lookup, Notifier, NotifyConfig};
use vfsnotify::tree::{InodeSpec, SuperblockRef};
use vfsnotify::{Errno, EventMask, InodeKind, Result, Tree, TreeConfig};

/// The embedder's own file system: one directory with files of bytes, behind one lock.
struct Server {
    tree: Arc<Tree>,
    notifier: Arc<Notifier>,
    superblock: SuperblockRef,
    root: DentryRef,
    /// The embedder's directory lock, and what it guards: names to inode numbers and contents.
    directory: Mutex<Directory>,
}

#[derive(Default)]
struct Directory {
    files: BTreeMap<Vec<u8>, (u64, Vec<u8>)>,
    last_ino: u64,
}

impl Server {
    fn new() -> Result<Self> {
        let tree = Tree::new(TreeConfig::default());
        let notifier = Notifier::new(&tree, NotifyConfig::default())?;
        let (superblock, root) = notifier.add_superblock(1)?;
        let directory = Mutex::new(Directory { last_ino: 1, ..Directory::default() });
        Ok(Self { tree, notifier, superblock, root, directory })
    }

    /// Makes a directory or a file; the hook runs under the directory's lock, as in `nfsd`.
    fn make(&self, name: &[u8], kind: InodeKind) -> Result<()> {
        let mut directory = self.directory.lock().expect("no panic under the lock");
        let ino = directory.last_ino + 1;
        let nlink = if kind.is_dir() { 2 } else { 1 };
        let inode = self.tree.make_inode(&self.superblock, InodeSpec::new(ino, kind, nlink))?;
        self.notifier.hooks().create(self.root.get(), name, inode)?;
        directory.last_ino = ino;
        directory.files.insert(name.to_vec(), (ino, Vec::new()));
        Ok(())
    }

    fn find(&self, name: &[u8]) -> Result<DentryRef> {
        match self.notifier.lookup(self.root.get(), name)? {
            Lookup::Positive(dentry) => Ok(dentry),
            // The cache has all names of this store.
            Lookup::Negative | Lookup::Unknown => Err(Errno::ENOENT.into()),
        }
    }

    fn append(&self, name: &[u8], data: &[u8]) -> Result<()> {
        // A real server keeps the dentry with its open file.
        let dentry = self.find(name)?;
        self.notifier.hooks().on_open(dentry.get());
        if let Some((_, contents)) =
            self.directory.lock().expect("no panic under the lock").files.get_mut(name)
        {
            contents.extend_from_slice(data);
        }
        self.notifier.hooks().on_modify(dentry.get());
        self.notifier.hooks().on_close(dentry.get(), true);
        Ok(())
    }

    /// The names change under the lock, and the events of a rename are reported under it.
    fn rename(&self, old: &[u8], new: &[u8]) -> Result<()> {
        let mut directory = self.directory.lock().expect("no panic under the lock");
        // Dropped by an early return too: no reference is given back by hand.
        let dentry = self.find(old)?;
        self.notifier.hooks().rename(dentry.get(), self.root.get(), new)?;
        if let Some(file) = directory.files.remove(old) {
            directory.files.insert(new.to_vec(), file);
        }
        Ok(())
    }

    /// The reference that `remove` is given ends before the directory is told DELETE: was it the last beside the
    /// name, DELETE_SELF comes first, as in Linux.
    fn remove(&self, name: &[u8]) -> Result<()> {
        let mut directory = self.directory.lock().expect("no panic under the lock");
        self.notifier.hooks().remove(self.find(name)?)?;
        directory.files.remove(name);
        Ok(())
    }

    /// Frees what operations deferred, with no lock held.
    fn idle(&self, output: &mut Output) {
        self.notifier.reap(|_superblock, ino, _lookups| {
            output.line(format_args!("  (inode {ino} is free)"));
        });
    }
}

fn show(output: &mut Output, title: &str, events: &[Event]) {
    output.line(title);
    for event in events {
        match event {
            Event::Fs(event) => {
                let (wd, mask, name) = (event.wd, event.mask, &event.name);
                output.line(format_args!("  {wd:?} {mask:?} {}", String::from_utf8_lossy(name)));
            }
            Event::Overflow { lost } => {
                output.line(format_args!("  {lost} events were lost"));
            }
        }
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut output = Output::default();
    let server = Arc::new(Server::new()?);
    let inotify = Inotify::new(&server.notifier, 0)?;

    let root = server.root.inode_ref();
    inotify.add_watch(&root, WatchMask::ALL_EVENTS)?;
    server.make(b"notes", InodeKind::Regular)?;
    server.append(b"notes", b"remember the milk")?;
    server.rename(b"notes", b"shopping")?;
    server.remove(b"shopping")?;
    show(&mut output, "A file's life, seen by a watch on its directory:", &inotify.drain());
    server.idle(&mut output);

    // The case of the mail thread: the one-shot fires inside `make`, under the directory's lock,
    // from eight threads at once, while another adds and removes watches all the time.
    let oneshot = Inotify::new(&server.notifier, 0)?;
    oneshot.add_watch(&root, WatchMask::CREATE | WatchMask::ONESHOT)?;
    thread::scope(|scope| {
        for thread in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for n in 0..200 {
                    let name = format!("dir-{thread}-{n}");
                    server.make(name.as_bytes(), InodeKind::Directory).expect("a new name");
                }
            });
        }
        let other = Inotify::new(&server.notifier, 0).expect("an instance");
        for _ in 0..200 {
            let wd = other.add_watch(&root, WatchMask::OPEN).expect("a watch");
            other.rm_watch(wd).expect("it is there");
        }
    });
    let events = oneshot.drain();
    show(&mut output, "A one-shot under eight threads that make directories:", &events);
    assert_eq!(events.len(), 2, "one event, and IGNORED");
    let masks: Vec<EventMask> =
        events.iter().filter_map(|event| Some(event.fs_event()?.mask)).collect();
    assert_eq!(masks, [EventMask::CREATE | EventMask::ISDIR, EventMask::IGNORED]);
    output.line("No deadlock, one event, and the watch is gone.");
    Ok(output.finish()?)
}
