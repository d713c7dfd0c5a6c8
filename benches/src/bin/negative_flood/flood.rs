//! The stages of the flood, on one side.

use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::crowd::{CROWD, Felt, Ground, KINDS, with_crowd};
use crate::figures::{Figures, Subject};
use crate::fill::{Filled, fill};
use crate::names::Pattern;
use crate::removal::remove;
use crate::side::{Result, Side};
use crate::watch::{Children, churn, come_and_go, micros};
use benches::Sample;

/// How many files, and names known to be missing, there are in the directory beside.
const ASIDE: usize = 1000;

/// How much of a flood it is.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Negative dentries.
    pub(crate) negatives: usize,
    /// Their names.
    pub(crate) negative: Pattern,
    /// Positive ones.
    pub(crate) positives: usize,
    /// Their names.
    pub(crate) positive: Pattern,
    /// How long the crowd works in each phase.
    pub(crate) phase: Duration,
}

/// One side, with its directories.
#[derive(Debug)]
pub(crate) struct Flood<'a, S: Side> {
    side: &'a S,
    plan: Plan,
    bar: &'a ProgressBar,
    /// The one with all the negative dentries, until it is removed.
    flooded: Option<S::Dir>,
    /// One with as many files and no negative dentries.
    plain: S::Dir,
    /// One that the crowd works in while the flooded one is removed.
    aside: S::Dir,
    children: Children,
    /// The time of each adding of a watch to `flooded` and to `plain` took, in microseconds.
    added: [Sample; 2],
    /// How many negative dentries there were before.
    before: Option<u64>,
}

impl<'a, S: Side> Flood<'a, S> {
    /// Makes the directories.
    pub(crate) fn new(side: &'a S, plan: Plan, bar: &'a ProgressBar) -> Result<Self> {
        Ok(Self {
            flooded: Some(side.mkdir("flooded")?),
            plain: side.mkdir("plain")?,
            aside: side.mkdir("aside")?,
            children: Children::new(&plan.positive, plan.positives),
            added: Default::default(),
            before: side.negatives(),
            side,
            plan,
            bar,
        })
    }

    fn subject(&self) -> Subject<'a> {
        Subject { side: self.side.name(), size: self.plan.negatives as u64 }
    }

    fn show(&self, what: &str) {
        self.bar.reset();
        self.bar.set_message(format!("{}: {what}", self.side.name()));
        self.bar.tick();
    }

    fn flooded(&self) -> Result<&S::Dir> {
        Ok(self.flooded.as_ref().ok_or("the directory has been removed")?)
    }

    fn ground<'b>(&'b self, dir: &'b S::Dir, negatives: usize) -> Ground<'b, S> {
        let Plan { positive, negative, .. } = &self.plan;
        Ground { side: self.side, dir, positive, negative, negatives }
    }

    fn files(&self, dir: &S::Dir, count: usize) -> Result<Filled> {
        let mut names = self.plan.positive.names();
        fill(self.side, count, self.bar, |number| self.side.create(dir, names.get(number)))
    }

    fn missing(&self, dir: &S::Dir, count: usize) -> Result<Filled> {
        let mut names = self.plan.negative.names();
        fill(self.side, count, self.bar, |number| self.side.miss(dir, names.get(number)))
    }

    /// Fills the directories.
    pub(crate) fn fill(&self, figures: &mut Figures) -> Result {
        self.show("files");
        self.files(&self.aside, ASIDE)?;
        self.missing(&self.aside, ASIDE)?;
        let flooded = self.flooded()?;
        let positive = self.files(flooded, self.plan.positives)?;
        self.files(&self.plain, self.plan.positives)?;
        self.show("negative dentries");
        let negative = self.missing(flooded, self.plan.negatives)?;
        let (of, name) = (self.subject(), self.plan.negative.len());
        self.report_filled(figures, "negative dentries", &negative);
        figures.value("filling the directory, negative dentries", of, "name", "B", name as f64);
        self.report_filled(figures, "positive dentries, with inode", &positive);
        Ok(())
    }

    fn report_filled(&self, figures: &mut Figures, what: &str, filled: &Filled) {
        let (of, section) = (self.subject(), format!("filling the directory, {what}"));
        figures.value(&section, of, "count", "", filled.count as f64);
        figures.value(&section, of, "memory each", "B", filled.bytes_each());
        self.report_done(figures, &section, "insert", filled);
    }

    fn report_done(&self, figures: &mut Figures, section: &str, what: &str, filled: &Filled) {
        let of = self.subject();
        figures.value(section, of, &format!("{what}s"), "1/s", filled.rate());
        let mut time = |label: &str, time| figures.value(section, of, label, "us", micros(time));
        time(&format!("longest {what}"), filled.longest);
        time("longest gap of an empty loop", filled.gap.0);
        time(&format!("longest 16 {what}s, cpu"), filled.longest_cpu);
        time("longest gap of an empty loop, cpu", filled.gap.1);
    }

    /// Whether the negative dentries are there; `None` if it is not known.
    pub(crate) fn keeps_negatives(&self) -> Option<bool> {
        let kept = self.side.negatives()?.saturating_sub(self.before?);
        Some(kept >= self.plan.negatives as u64 / 10 * 9)
    }

    /// Fails unless there are exactly as many negative dentries as were made and not removed: a
    /// name that the crowd makes and removes is known to be missing too. Not for the kernel, where
    /// others make some.
    pub(crate) fn expect_negatives(&self) -> Result {
        // A directory that was removed leaves its own name behind.
        let flooded = self.flooded.as_ref().map_or(1, |_| self.plan.negatives);
        let right = self.before.map(|before| before + (flooded + ASIDE + CROWD) as u64);
        let now = self.side.negatives();
        if now == right {
            return Ok(());
        }
        Err(format!("there are {now:?} negative dentries, and not {right:?}").into())
    }

    /// Adds a watch to the flooded directory and to the plain one, and removes it again.
    pub(crate) fn add_watch(&mut self) -> Result {
        self.show("add_watch");
        let dirs = [self.flooded.as_ref(), Some(&self.plain)];
        for (dir, added) in dirs.into_iter().zip(&mut self.added) {
            let dir = dir.ok_or("the directory has been removed")?;
            added.0.push(micros(come_and_go(self.side, dir, &mut self.children)?));
        }
        Ok(())
    }

    /// The time of adding a watch.
    pub(crate) fn report_add_watch(&self, figures: &mut Figures) {
        let (of, section) = (self.subject(), "add_watch, nobody else at work");
        let [flooded, plain] = &self.added;
        figures.value(section, of, "first, in the flooded directory", "us", flooded.0[0]);
        figures.value(section, of, "first, without negative dentries", "us", plain.0[0]);
        figures.sample(section, of, "in the flooded directory", "us", flooded);
        figures.sample(section, of, "without negative dentries", "us", plain);
        figures.sample(section, of, "flooded over plain", "x", &flooded.over(plain));
    }

    fn report_felt(&self, figures: &mut Figures, section: &str, felt: &Felt) {
        let of = self.subject();
        figures.value(section, of, "operations", "1/s", felt.rate());
        for kind in KINDS {
            figures.latency(section, of, kind.name(), &felt.kinds[kind as usize].wall);
        }
        figures.value(section, of, "longest 16 operations, cpu", "us", micros(felt.longest_cpu));
    }

    /// The crowd at work for one phase, in a directory where nothing else happens.
    fn undisturbed(&self, dir: &S::Dir, negatives: usize) -> Result<Felt> {
        let wait = || {
            thread::sleep(self.plan.phase);
            Ok(())
        };
        Ok(with_crowd(&self.ground(dir, negatives), true, wait)?.0)
    }

    /// The crowd at work in the flooded directory: before, while and after a watch comes and goes.
    pub(crate) fn crowd(&mut self, figures: &mut Figures) -> Result {
        let (of, negatives) = (self.subject(), self.plan.negatives);
        self.show("ten threads at work");
        let before = self.undisturbed(self.flooded()?, negatives)?;
        self.show("ten threads at work, and a watch");
        let mut children = self.children.clone();
        let (during, added) = {
            let ground = self.ground(self.flooded()?, negatives);
            let watch = || churn(self.side, ground.dir, &mut children, self.plan.phase);
            with_crowd(&ground, true, watch)?
        };
        self.children = children;
        self.show("ten threads at work, after it");
        let after = self.undisturbed(self.flooded()?, negatives)?;

        let section = |name: &str| format!("ten threads in the directory, {name}");
        self.report_felt(figures, &section("before"), &before);
        let while_watched = section("while a watch comes and goes");
        self.report_felt(figures, &while_watched, &during);
        let watches = added.0.len() as f64 / during.time.as_secs_f64();
        figures.value(&while_watched, of, "watches", "1/s", watches);
        figures.sample(&while_watched, of, "add_watch", "us", &added);
        let over_before = during.rate() / before.rate();
        figures.value(&while_watched, of, "operations over before", "x", over_before);
        self.report_felt(figures, &section("after"), &after);
        let over_before = after.rate() / before.rate();
        figures.value(&section("after"), of, "operations over before", "x", over_before);
        Ok(())
    }

    /// Removes the flooded directory while the crowd works in another one.
    pub(crate) fn remove(&mut self, figures: &mut Figures) -> Result {
        self.show("ten threads elsewhere");
        let quiet = self.undisturbed(&self.aside, ASIDE)?;
        self.show("removing the directory");
        let flooded = self.flooded.take().ok_or("the directory has been removed")?;
        let Plan { positive, positives, .. } = &self.plan;
        let memory = self.side.memory();
        let removal = || remove(self.side, flooded, positive, *positives, self.bar);
        let (felt, removed) = with_crowd(&self.ground(&self.aside, ASIDE), false, removal)?;
        self.side.tidy();
        let given_back = memory.saturating_sub(self.side.memory());

        self.report_felt(figures, "ten threads elsewhere, before the removal", &quiet);
        self.report_felt(figures, "ten threads elsewhere, during the removal", &felt);
        let (of, section) = (self.subject(), "removing the directory");
        self.report_done(figures, section, "unlink", &removed.files);
        for (what, (wall, cpu)) in [
            ("rmdir", removed.rmdir),
            ("freeing it", removed.free),
            ("longest step of freeing it", removed.longest_step),
        ] {
            figures.value(section, of, what, "us", micros(wall));
            figures.value(section, of, &format!("{what}, cpu"), "us", micros(cpu));
        }
        figures.value(section, of, "resident memory given back", "B", given_back as f64);
        Ok(())
    }
}
