//! Every scenario file, on the VFS, and on the real kernel where it has inotify.

use std::path::{Path, PathBuf};

use lab::kernel::KernelWorld;
use lab::scenario::Scenario;
use lab::scenario::run::{Outcome, run, run_both};
use lab::vfs_world::VfsWorld;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the scenario files")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "jsonl"))
        .collect();
    files.sort();
    files
}

/// Runs all scenarios, prints what is skipped, and fails with a list of what failed.
fn run_all(mut one: impl FnMut(&Scenario) -> Outcome) -> usize {
    let (mut passed, mut failed) = (0, Vec::new());
    for file in files() {
        for scenario in Scenario::load(&file).expect("a scenario file") {
            match one(&scenario) {
                Outcome::Passed => passed += 1,
                Outcome::Skipped(why) => println!("skipped {}: {why}", scenario.id),
                Outcome::Failed(why) => {
                    failed.push(format!("{}: {}: {why}", file.display(), scenario.id));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
    passed
}

#[test]
fn the_vfs_does_what_every_scenario_says() {
    let passed = run_all(|scenario| {
        let mut world = VfsWorld::new((0, 0));
        let outcome = run(scenario, &mut world);
        let vfs = world.vfs().clone();
        drop(world);
        if let Err(broken) = vfs.verify() {
            return Outcome::Failed(format!("an invariant is broken afterwards: {broken}"));
        }
        outcome
    });
    assert!(passed >= 150, "only {passed} scenarios ran");
}

#[test]
fn the_vfs_and_the_kernel_give_the_same_events_for_every_scenario() {
    let base = Path::new("/dev/shm");
    if let Err(error) = KernelWorld::new(base) {
        println!("skipped: no world in {}: {error}", base.display());
        return;
    }
    let passed = run_all(|scenario| {
        let mut kernel = KernelWorld::new(base).expect("a directory");
        let mut ours = VfsWorld::beside_kernel();
        run_both(scenario, &mut kernel, &mut ours, true)
    });
    assert!(passed >= 150, "only {passed} scenarios ran");
}
