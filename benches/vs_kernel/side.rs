//! The sides compared: the same small world on the kernel, on the crate's VFS, and on its tree.
//!
//! A directory with two files and a third that is renamed to and fro, a file in another directory,
//! and a number of groups.

use std::sync::Arc;

use vfsnotify::inotify::WatchMask;

use super::hook_side::HookSide;
use super::kernel_side::KernelSide;
use super::vfs_side::VfsSide;
use benches::{KernelDir, KernelInotify, Sample};

/// The files of the directory.
pub(crate) const FILES: [&str; 2] = ["one", "two"];
/// The names of the file that is renamed.
pub(crate) const MOVED: [&str; 2] = ["here", "there"];
/// Room for whatever is read at once.
pub(crate) const BUFFER: usize = 64 * 1024;

/// The watched object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The directory of the files.
    Directory,
    /// One of its files.
    File(usize),
    /// A file of another directory of the same file system.
    Elsewhere,
}

/// One side. Everything here succeeds, or the bench fails.
pub(crate) trait Side: Sync {
    /// An open file, or what else the operations on one take.
    type File<'a>: Copy
    where
        Self: 'a;

    /// How many operations are long enough to be timed, and so short that most rounds are over
    /// before anything interrupts them: less than half a millisecond.
    const CALLS: u32;

    /// An open file of the directory.
    fn file(&self, number: usize) -> Self::File<'_>;

    /// Writes one byte.
    fn write(&self, file: Self::File<'_>);

    /// Reads one byte.
    fn read(&self, file: Self::File<'_>);

    /// Gives the third file its second name, or its first one again.
    fn rename(&self, back: bool);

    /// How many groups there are.
    fn groups(&self) -> usize;

    /// Lets a group watch something; returns the descriptor.
    fn watch(&self, group: usize, target: Target, mask: WatchMask) -> i32;

    /// Removes a watch.
    fn unwatch(&self, group: usize, wd: i32);

    /// Reads once, as read(2) on the descriptor does, and returns how many bytes there were.
    fn take(&self, group: usize, buffer: &mut [u8]) -> usize;

    /// Waits until there is something to be read.
    fn wait(&self, group: usize);

    /// Reads until nothing is left; returns how many events there were.
    fn drain(&self, group: usize) -> usize {
        let mut buffer = vec![0; BUFFER];
        let mut events = 0;
        loop {
            match self.take(group, &mut buffer) {
                0 => return events,
                len => events += events_in(&buffer[..len]),
            }
        }
    }
}

/// How many events these bytes are.
pub(crate) fn events_in(mut bytes: &[u8]) -> usize {
    let mut events = 0;
    while let Some(len) = bytes.get(12..16) {
        let len = u32::from_ne_bytes(len.try_into().expect("four bytes")) as usize;
        bytes = &bytes[16 + len..];
        events += 1;
    }
    events
}

/// The measurement of one side in one round: some figures, the same ones in every round.
pub(crate) trait Measure {
    fn measure<S: Side>(&self, side: &S) -> Vec<f64>;
}

/// All sides.
#[derive(Debug)]
pub(crate) struct Sides {
    pub(crate) kernel: Vec<KernelSide>,
    pub(crate) vfs: VfsSide,
    pub(crate) hook: HookSide,
}

/// The figures of all sides: for each figure the sample of its rounds.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) kernel: Vec<(String, Vec<Sample>)>,
    pub(crate) vfs: Vec<Sample>,
    pub(crate) hook: Vec<Sample>,
}

impl Sides {
    /// The kernel's side in each of these directories, and the crate's, with this many groups each
    /// (fewer where the kernel gives no more).
    pub(crate) fn new(dirs: &[KernelDir], groups: usize) -> Self {
        let kernels: Arc<Vec<KernelInotify>> =
            Arc::new((0..groups).map_while(|_| KernelInotify::new().ok()).collect());
        assert!(!kernels.is_empty(), "the kernel gives no inotify instance");
        let kernel = dirs.iter().map(|dir| KernelSide::new(dir, &kernels)).collect();
        Self { kernel, vfs: VfsSide::new(groups), hook: HookSide::new(groups) }
    }

    /// Lets each side measure once in each round, in turn; the order alternates.
    pub(crate) fn rounds(&self, rounds: usize, measure: &impl Measure) -> Figures {
        let mut figures = Figures::default();
        figures.kernel.extend(self.kernel.iter().map(|side| (side.name.clone(), Vec::new())));
        for round in 0..rounds {
            let mut turns: Vec<usize> = (0..self.kernel.len() + 2).collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for turn in turns {
                match turn {
                    0 => extend(&mut figures.vfs, measure.measure(&self.vfs)),
                    1 => extend(&mut figures.hook, measure.measure(&self.hook)),
                    _ => {
                        let at = turn - 2;
                        extend(&mut figures.kernel[at].1, measure.measure(&self.kernel[at]));
                    }
                }
            }
        }
        figures
    }
}

fn extend(samples: &mut Vec<Sample>, figures: Vec<f64>) {
    samples.resize(figures.len(), Sample::default());
    for (sample, figure) in samples.iter_mut().zip(figures) {
        sample.0.push(figure);
    }
}

impl Figures {
    /// The kernel's samples of one figure.
    pub(crate) fn of_kernel(&self, figure: usize) -> Vec<(String, Sample)> {
        let one = |(side, samples): &(String, Vec<Sample>)| (side.clone(), samples[figure].clone());
        self.kernel.iter().map(one).collect()
    }

    /// The difference of one figure to another of the same round.
    pub(crate) fn of_kernel_above(&self, figure: usize, base: usize) -> Vec<(String, Sample)> {
        let one = |(side, samples): &(String, Vec<Sample>)| {
            (side.clone(), above(&samples[figure], &samples[base]))
        };
        self.kernel.iter().map(one).collect()
    }
}

/// The difference of one sample to another, round by round.
pub(crate) fn above(sample: &Sample, base: &Sample) -> Sample {
    Sample(sample.0.iter().zip(&base.0).map(|(one, two)| one - two).collect())
}
