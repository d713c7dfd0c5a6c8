//! The real kernel: the same operations by system calls, while it walks.

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::WatchFlags;
use rustix::fs::{CWD, Mode, OFlags};

use crate::stage::{FreshNames, Operation, Round, Stage, VARIETY, names, some_of};
use benches::{KernelDir, KernelInotify};

/// A directory of the kernel's with many files.
#[derive(Debug)]
pub(crate) struct KernelStage {
    base: KernelDir,
    path: PathBuf,
    children: usize,
    inotify: KernelInotify,
}

/// A path that needs no work on the way to the kernel.
fn c_path(path: PathBuf) -> CString {
    CString::new(path.into_os_string().into_vec()).expect("a path without NUL")
}

fn is_missing(path: &CString) -> bool {
    rustix::fs::stat(path.as_c_str()).is_err_and(|errno| errno == rustix::io::Errno::NOENT)
}

impl KernelStage {
    pub(crate) fn new(base: KernelDir, children: usize) -> Self {
        let path = base.files("watched", children);
        let inotify = KernelInotify::new().expect("an inotify instance");
        Self { base, path, children, inotify }
    }

    fn children_paths(&self) -> Round<CString> {
        let path = |number: usize| c_path(self.path.join(number.to_string()));
        Round::new(some_of(self.children).map(path).collect())
    }

    fn lookups(&self) -> Vec<Operation<'_>> {
        let mut there = self.children_paths();
        let missing = |number| c_path(self.path.join(format!("missing-{number}")));
        let mut missing = Round::new((0..VARIETY).map(missing).collect::<Vec<_>>());
        (0..VARIETY).for_each(|_| assert!(is_missing(missing.next()), "a name that is there"));
        let mut fresh = FreshPaths::new(&self.path, "never-there-");
        vec![
            Operation::new(names::HIT, move || {
                rustix::fs::stat(there.next().as_c_str()).expect("a file");
            }),
            Operation::new(names::CACHED_MISS, move || {
                assert!(is_missing(missing.next()), "a name that is there");
            }),
            Operation::new(names::NEW_MISS, move || {
                assert!(is_missing(fresh.next()), "a name that is there");
            }),
        ]
    }

    fn changes(&self) -> Vec<Operation<'_>> {
        let mut fresh = FreshPaths::new(&self.path, "new-file-");
        let [mut from, mut to] = ["renamed-back", "renamed-to"].map(|name| self.path.join(name));
        std::fs::File::create(&from).expect("a file");
        vec![
            Operation::new(names::CREATE, move || {
                let path = fresh.next().as_c_str();
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let file = rustix::fs::openat(CWD, path, flags, Mode::RUSR | Mode::WUSR);
                drop(file.expect("a new file"));
                rustix::fs::unlink(path).expect("the file is there");
            }),
            Operation::new(names::RENAME, move || {
                rustix::fs::rename(&from, &to).expect("a rename");
                std::mem::swap(&mut from, &mut to);
            }),
        ]
    }
}

/// [`FreshNames`] in a directory, ready for a system call.
struct FreshPaths {
    names: FreshNames,
    path: CString,
}

impl FreshPaths {
    fn new(dir: &Path, prefix: &str) -> Self {
        let names = FreshNames::new(&format!("{}/{prefix}", dir.display()));
        Self { names, path: CString::default() }
    }

    fn next(&mut self) -> &CString {
        let name = self.names.next().to_vec();
        self.path = CString::new(name).expect("a path without NUL");
        &self.path
    }
}

impl Stage for KernelStage {
    fn side(&self) -> &str {
        &self.base.side
    }

    fn children(&self) -> usize {
        self.children
    }

    fn add(&self) -> i32 {
        self.inotify.add(&self.path, WatchFlags::MODIFY).expect("a watch")
    }

    fn remove(&self, wd: i32) -> usize {
        self.inotify.remove(wd).expect("the watch is there");
        // The last one is IN_IGNORED.
        self.inotify.drain() - 1
    }

    fn operations(&self) -> Vec<Operation<'_>> {
        let written = self.path.join((self.children / 2).to_string());
        let written = std::fs::File::options().write(true).open(written).expect("a file");
        let mut opened = self.children_paths();
        let mut operations = vec![
            Operation::delivered(names::WRITE, move || {
                assert_eq!(written.write_at(b"x", 0).expect("a write"), 1);
            }),
            Operation::new(names::OPEN, move || {
                let flags = OFlags::RDONLY | OFlags::CLOEXEC;
                let file = rustix::fs::openat(CWD, opened.next().as_c_str(), flags, Mode::empty());
                drop(file.expect("a file"));
            }),
        ];
        operations.extend(self.lookups());
        operations.extend(self.changes());
        operations
    }
}
