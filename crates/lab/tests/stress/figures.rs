//! The counts of a run, to be printed, and to show that it did something.

use crate::listener::Delivered;
use crate::operations::TITLES;
use crate::worker::Tally;

/// From how many operations on each kind of operation must have succeeded once.
const ENOUGH: u64 = 50_000;

/// The sums of all rounds.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) rounds: u64,
    tally: Tally,
    pub(crate) delivered: Delivered,
    /// Events of the threads' own files that came as they must.
    pub(crate) witnessed: u64,
    pub(crate) witness_watches: u64,
    pub(crate) mounted: u64,
    pub(crate) yields: u64,
}

impl Figures {
    pub(crate) fn count(&mut self, tally: &Tally) {
        self.tally.resize(tally.len(), (0, 0));
        for (sum, one) in self.tally.iter_mut().zip(tally) {
            *sum = (sum.0 + one.0, sum.1 + one.1);
        }
    }

    fn operations(&self) -> u64 {
        self.tally.iter().map(|(done, failed)| done + failed).sum()
    }

    /// Prints everything.
    pub(crate) fn print(&self, threads: usize) {
        let Delivered { events, lost, pairs, oneshots } = self.delivered;
        let failed: u64 = self.tally.iter().map(|(_, failed)| failed).sum();
        println!("threads: {threads}, rounds: {}", self.rounds);
        println!("operations: {}, of which {failed} failed, as they may", self.operations());
        println!("events of shared instances: {events}, lost to overflows: {lost}");
        println!("renames with both events: {pairs}, one-shots fired: {oneshots}");
        println!("events of the threads' own files, each as it must be: {}", self.witnessed);
        println!("watches on their directories: {}", self.witness_watches);
        println!("file systems mounted: {}, yields of walks: {}", self.mounted, self.yields);
        for (title, (done, failed)) in TITLES.iter().zip(&self.tally) {
            println!("  {title}: {done} done, {failed} failed");
        }
    }

    /// A run that never gets far shows nothing.
    pub(crate) fn check(&self) {
        assert!(
            self.witnessed > 0 && self.witness_watches > 0,
            "no thread got events of its own files"
        );
        if self.operations() < ENOUGH {
            println!("too few operations to ask that each has succeeded");
            return;
        }
        for (title, (done, _)) in TITLES.iter().zip(&self.tally) {
            assert_ne!(*done, 0, "\"{title}\" never succeeded");
        }
        let Delivered { events, lost, pairs, oneshots } = self.delivered;
        assert!(events > 0 && lost > 0 && pairs > 0 && oneshots > 0, "{:?}", self.delivered);
        assert_ne!(self.mounted, 0, "nothing was mounted");
    }
}
