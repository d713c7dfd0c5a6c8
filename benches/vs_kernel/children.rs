//! Directories with many children, on the kernel's file systems.
//!
//! The kernel keeps a directory's children in a list, the newest first. Files made one after the
//! other lie one after the other in memory too; files that were moved in, in random order, do not.

use std::cell::RefCell;
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::fs::{linkat, mknodat, open, renameat, statvfs, unlinkat};

use benches::{Args, KernelDir};

/// How the order of the children is to that of their places in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Creation,
    Random,
}

impl Order {
    pub(crate) const BOTH: [Self; 2] = [Self::Creation, Self::Random];

    /// As a scenario says it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Creation => "creation order",
            Self::Random => "random order",
        }
    }
}

/// How many names one file gets: an ext4 allows 65000.
const LINKS: usize = 50_000;

/// The name of a child, the same on all sides.
pub(crate) fn child(number: usize) -> String {
    format!("{number:07}")
}

/// How many children the largest directory has in memory, and on a disk.
const MILLION: usize = 1_000_000;
const FEWER: usize = 100_000;

/// The directories of one of the kernel's file systems; those with many children are made when they
/// are first asked for.
#[derive(Debug)]
pub(crate) struct Forest {
    pub(crate) dir: KernelDir,
    /// How many children its largest directory has.
    pub(crate) most: usize,
    made: RefCell<HashSet<PathBuf>>,
}

impl Forest {
    /// One for each directory of the arguments that can be used.
    pub(crate) fn all(args: &Args) -> Vec<Self> {
        let forest = |dir| {
            let most = args.pick(20_000, most(&dir));
            Self { dir, most, made: RefCell::default() }
        };
        KernelDir::all(args).into_iter().map(forest).collect()
    }

    /// Its name in records.
    pub(crate) fn side(&self) -> &str {
        &self.dir.side
    }

    /// Whether its largest directory is smaller than it would be with more room.
    pub(crate) fn lacks_room(&self) -> bool {
        is_tmpfs(&self.dir) && self.most < MILLION
    }

    /// A directory with this many names, the same for all callers. A walk looks at names only, so
    /// they are links to a few files: an ext4 is slow in making a file while it remembers those
    /// that were removed within the last minutes.
    pub(crate) fn names(&self, count: usize, order: Order) -> PathBuf {
        let files = self.dir.path().join(files_name(count));
        if order == Order::Creation && self.made.borrow().contains(&files) {
            return files;
        }
        self.made(&format!("names, {}, {count}", order.name()), |path| {
            self.link_names(path, count, order);
        })
    }

    /// A directory with this many files, made one after the other, the same for all callers.
    pub(crate) fn files(&self, count: usize) -> PathBuf {
        self.made(&files_name(count), |path| {
            let dir = open_dir(path);
            for number in 0..count {
                make_file(&dir, &child(number));
            }
        })
    }

    /// Removes a directory that is not asked for again: a tmpfs has room for a few million names
    /// only.
    pub(crate) fn remove(&self, path: &Path) {
        assert!(self.made.borrow_mut().remove(path), "one of its own");
        std::fs::remove_dir_all(path).expect("the directory is there");
    }

    /// A directory in which this many names are known not to exist: names in that order that were
    /// removed, whose dentries keep their places in the list.
    pub(crate) fn negatives(&self, count: usize, order: Order) -> PathBuf {
        self.made(&format!("negatives, {}, {count}", order.name()), |path| {
            self.link_names(path, count, order);
            let dir = open_dir(path);
            for number in 0..count {
                unlinkat(&dir, child(number), AtFlags::empty()).expect("the name is there");
            }
        })
    }

    fn made(&self, name: &str, fill: impl FnOnce(&Path)) -> PathBuf {
        let path = self.dir.subdir(name);
        if self.made.borrow_mut().insert(path.clone()) {
            fill(&path);
        }
        path
    }

    fn link_names(&self, path: &Path, count: usize, order: Order) {
        match order {
            Order::Creation => link_names(path, count),
            Order::Random => {
                let aside = self.dir.subdir("aside");
                link_names(&aside, count);
                let (aside, dir) = (open_dir(&aside), open_dir(path));
                for number in shuffled(count) {
                    let name = child(number);
                    renameat(&aside, &name, &dir, &name).expect("a rename");
                }
            }
        }
    }
}

fn files_name(count: usize) -> String {
    format!("files, {count}")
}

fn is_tmpfs(dir: &KernelDir) -> bool {
    dir.side == "linux tmpfs"
}

/// How many children the largest directory can have: a tmpfs holds a million as easily as memory
/// does, if it has room for two such directories and some more.
fn most(dir: &KernelDir) -> usize {
    let room = statvfs(dir.path()).map_or(0, |statvfs| statvfs.f_favail);
    if is_tmpfs(dir) && room > 23 * MILLION as u64 / 10 { MILLION } else { FEWER }
}

fn open_dir(path: &Path) -> OwnedFd {
    open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).expect("a directory")
}

fn make_file(dir: &OwnedFd, name: &str) {
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(dir, name, FileType::RegularFile, mode, 0).expect("a new file");
}

/// Makes the names, each of the first ones of so many a file of its own.
fn link_names(path: &Path, count: usize) {
    let dir = open_dir(path);
    for number in 0..count {
        match number % LINKS {
            0 => make_file(&dir, &child(number)),
            past => {
                let first = child(number - past);
                linkat(&dir, first, &dir, child(number), AtFlags::empty()).expect("a new name");
            }
        }
    }
}

/// The numbers below `count` in an order that is random and always the same.
pub(crate) fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    let mut seed = 12_345_u64;
    for at in (1..count).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        numbers.swap(at, (seed >> 33) as usize % (at + 1));
    }
    numbers
}
