//! One order and number of children: all sides, in turn.

use vfsnotify::inotify::WatchDescriptor;

use crate::directory::{Directory, Figures};
use crate::kernel_side::{KernelDirectory, KernelFigures};
use crate::order::Order;
use crate::scan::{Scan, Sweep};
use benches::{Args, Report, Sample};

/// Which directories are measured together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) order: Order,
    pub(crate) children: usize,
    /// Beside the directory without any negative children, one with so many.
    pub(crate) negatives: Option<usize>,
    pub(crate) rounds: usize,
}

/// The five things done to a directory, as the scenarios are called.
pub(crate) const CALLS: [&str; 5] =
    ["first add", "second add", "re-add with no flag lost", "re-add with lost flags", "remove"];

const OURS: &str = "vfsnotify";

/// The largest directory that is made anew for each round; a larger one takes too long.
const MOST_FRESH: usize = 1_000_000;

impl Case {
    /// The name of a scenario.
    fn scenario(&self, call: &str, beside_negatives: bool) -> String {
        let beside = if beside_negatives { ", beside negatives" } else { "" };
        format!("{call}, {}{beside}", self.order.name())
    }

    /// Whether any of its scenarios is asked for.
    pub(crate) fn is_wanted(&self, args: &Args) -> bool {
        CALLS.iter().any(|call| args.wants(&self.scenario(call, false)))
            || (self.negatives.is_some()
                && CALLS.iter().any(|call| args.wants(&self.scenario(call, true))))
    }

    /// Measures, reports, and returns the figures of the directory without negative children.
    pub(crate) fn measure(&self, kernels: &[KernelDirectory], report: &mut Report) -> Figures {
        let (mut ours, mut theirs) =
            (Figures::default(), vec![KernelFigures::default(); kernels.len()]);
        let mut limit = Sample::default();
        let (scan, sweep) = (Scan::new(self.order, self.children), Sweep::default());
        let mut kept: Option<(Directory, WatchDescriptor)> = None;
        for _ in 0..self.rounds {
            if self.children <= MOST_FRESH {
                kept = None;
            }
            let (directory, wd) = if let Some((directory, wd)) = kept {
                let wd = directory.first_add_again(wd, &sweep, &mut ours);
                (directory, wd)
            } else {
                let directory = Directory::new(self.order, self.children, 0);
                let wd = directory.first_add(&sweep, &mut ours);
                (directory, wd)
            };
            for (kernel, figures) in kernels.iter().zip(&mut theirs) {
                kernel.adds(&sweep, figures);
            }
            sweep.run();
            limit.0.push(scan.time());
            let wd = directory.other_calls(wd, &mut ours);
            kept = Some((directory, wd));
        }
        drop(kept);
        self.report_ours(false, &ours, report);
        let (first, again): (Vec<Sample>, Vec<Sample>) =
            theirs.into_iter().map(|figures| (figures.first, figures.again)).unzip();
        self.report_kernel(CALLS[0], &ours.first, kernels, &first, report);
        self.report_kernel(CALLS[3], &ours.lost, kernels, &again, report);
        self.report_limit(&ours, &limit, report);
        if let Some(negatives) = self.negatives {
            self.measure_beside(negatives, &sweep, report);
        }
        ours
    }

    /// Measures a directory that has negative children too in turn with one that has none. Making
    /// them takes so long that there is one of each.
    fn measure_beside(&self, negatives: usize, sweep: &Sweep, report: &mut Report) {
        const ROUNDS: usize = 7;
        let [without, with] =
            [0, negatives].map(|negatives| Directory::new(self.order, self.children, negatives));
        let (mut figures, mut other) = (Figures::default(), Figures::default());
        let wds = [without.first_add(sweep, &mut other), with.first_add(sweep, &mut figures)];
        let [mut wd_without, mut wd_with] = wds;
        for _ in 1..ROUNDS {
            wd_without = without.first_add_again(wd_without, sweep, &mut other);
            wd_with = with.first_add_again(wd_with, sweep, &mut figures);
        }
        with.other_calls(wd_with, &mut figures);
        self.report_ours(true, &figures, report);
        let (scenario, size) = (self.scenario(CALLS[0], true), self.children as u64);
        let ratio = figures.first.over(&other.first);
        report.sample(&scenario, size, OURS, "with / without negatives", "x", &ratio);
    }

    fn report_ours(&self, beside_negatives: bool, figures: &Figures, report: &mut Report) {
        let mut say = |call: &str, what: &str, unit: &str, sample: &Sample| {
            let scenario = self.scenario(call, beside_negatives);
            report.sample(&scenario, self.children as u64, OURS, what, unit, sample);
        };
        let [first, second, remembered, lost, remove] = CALLS;
        say(first, "time per child", "ns", &figures.first);
        say(first, "cpu time per child", "ns", &figures.first_cpu);
        say(second, "time per call", "us", &figures.second);
        say(remembered, "time per call", "us", &figures.remembered);
        say(lost, "time per child", "ns", &figures.lost);
        say(remove, "time per call", "us", &figures.remove);
    }

    /// The kernel beside this crate, for one of the two calls for which it walks.
    fn report_kernel(
        &self,
        call: &str,
        ours: &Sample,
        kernels: &[KernelDirectory],
        theirs: &[Sample],
        report: &mut Report,
    ) {
        let (scenario, size) = (self.scenario(call, false), self.children as u64);
        for (kernel, sample) in kernels.iter().zip(theirs) {
            let what = if kernel.children == self.children {
                "time per child".to_owned()
            } else {
                format!("time per child of {}", kernel.children)
            };
            report.sample(&scenario, size, kernel.side(), &what, "ns", sample);
            let what = format!("{} / vfsnotify", kernel.side());
            report.sample(&scenario, size, OURS, &what, "x", &sample.over(ours));
        }
        if !theirs.is_empty() {
            let ratio = faster_of_each_round(theirs).over(ours);
            report.sample(&scenario, size, OURS, "kernel / vfsnotify", "x", &ratio);
        }
    }

    fn report_limit(&self, ours: &Figures, limit: &Sample, report: &mut Report) {
        let (scenario, size) = (self.scenario(CALLS[0], false), self.children as u64);
        report.sample(&scenario, size, "machine", "plain store scan", "ns", limit);
        let ratio = ours.first.over(limit);
        report.sample(&scenario, size, OURS, "vfsnotify / plain store scan", "x", &ratio);
    }
}

fn faster_of_each_round(sides: &[Sample]) -> Sample {
    let rounds = sides.first().map_or(0, |sample| sample.0.len());
    let fastest = |round: usize| sides.iter().map(|s| s.0[round]).fold(f64::INFINITY, f64::min);
    Sample((0..rounds).map(fastest).collect())
}
