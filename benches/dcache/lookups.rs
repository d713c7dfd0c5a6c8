//! Looking names up in a directory that has many.

use std::time::Instant;
use vfsnotify::notify::{DentryRef, Lookup};

use super::names::{Name, Shuffle, name};
use benches::{Args, Embedded, Report, interleave};

/// A directory with as many files as negative dentries.
#[derive(Debug)]
struct Directory {
    world: Embedded,
    dir: DentryRef,
    names: usize,
}

impl Directory {
    fn new(names: usize) -> Self {
        let world = Embedded::default();
        let dir = world.dir(&world.root, "dir");
        let text = |name: Name| String::from_utf8(name.to_vec()).expect("letters and digits");
        for number in 0..names {
            let missing = name(b"negative-", number);
            world.notifier.remember_missing(dir.get(), &missing).expect("a negative dentry");
            let file = world.file(&dir, &text(name(b"positive-", number)));
            drop(file);
        }
        Self { world, dir, names }
    }

    /// Nanoseconds of looking a name up, over `calls` names of this kind in random order. `check`
    /// sees the answer, and gives back what came with it.
    fn time(&self, word: &[u8; 9], calls: usize, mut check: impl FnMut(Lookup)) -> f64 {
        let mut shuffle = Shuffle::new(calls as u64);
        let names: Vec<Name> = (0..calls).map(|_| name(word, shuffle.below(self.names))).collect();
        let dir = self.dir.get();
        let start = Instant::now();
        for name in &names {
            check(self.world.notifier.lookup(dir, name).expect("a directory"));
        }
        start.elapsed().as_nanos() as f64 / calls as f64
    }

    fn hit(&self, calls: usize) -> f64 {
        self.time(b"positive-", calls, |found| match found {
            Lookup::Positive(file) => drop(file),
            other => panic!("a file that is there: {other:?}"),
        })
    }

    fn cached_miss(&self, calls: usize) -> f64 {
        self.time(b"negative-", calls, |found| assert!(matches!(found, Lookup::Negative)))
    }

    fn new_miss(&self, calls: usize) -> f64 {
        self.time(b"unknown--", calls, |found| assert!(matches!(found, Lookup::Unknown)))
    }
}

/// Measures directories of these sizes.
pub(crate) fn measure(args: &Args, report: &mut Report, sizes: &[usize], calls: usize) {
    for &size in sizes {
        let directory = Directory::new(size);
        let samples = interleave(
            args.pick(3, 7),
            &mut [&mut || directory.hit(calls), &mut || directory.cached_miss(calls), &mut || {
                directory.new_miss(calls)
            }],
        );
        for (what, sample) in ["hit", "cached miss", "new miss"].into_iter().zip(&samples) {
            let what = format!("time per look-up, {what}");
            report.sample("look-up", 2 * size as u64, "vfsnotify", &what, "ns", sample);
        }
    }
}
