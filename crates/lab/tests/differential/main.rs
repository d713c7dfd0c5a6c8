//! The same random operations on the real kernel and on the VFS: results, errnos and event
//! streams must be equal.
//!
//! 256 cases by default. `VFSNOTIFY_CASES=200000 cargo test --release --test differential` runs
//! more, `VFSNOTIFY_BASE=/var/tmp` puts the kernel's side on another file system than tmpfs, and
//! `scripts/long/differential` does both in several processes. The fuzz target `vs_kernel` makes the same
//! sequences from a fuzzer's bytes.

mod strategy;

use std::cell::Cell;
use std::time::Instant;

use lab::kernel::KernelWorld;
use lab::kernel::folder::{Folder, base};
use lab::random_ops::profile::Profile;
use lab::vfs_world::VfsWorld;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use strategy::sequences;

fn cases() -> u32 {
    std::env::var("VFSNOTIFY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}

fn config() -> Config {
    Config {
        cases: cases(),
        max_shrink_iters: 4000,
        failure_persistence: None,
        ..Config::default()
    }
}

#[test]
fn random_operations_give_what_the_kernel_gives() {
    let made = Folder::new(&base())
        .and_then(|folder| KernelWorld::new(folder.path()).map(|world| (folder, world)));
    let (folder, kernel) = match made {
        Ok(made) => made,
        Err(error) => {
            println!("skipped: no world in {}: {error}", base().display());
            return;
        }
    };
    let profile = Profile::of(&[&kernel, &VfsWorld::beside_kernel()]);
    drop(kernel);
    println!("left out here: {:?}", profile.lacking());
    let (start, ran) = (Instant::now(), Cell::new(0_u32));
    let outcome = TestRunner::new(config()).run(&sequences(), |sequence| {
        let mut kernel = KernelWorld::new(folder.path())
            .map_err(|error| TestCaseError::reject(format!("no kernel world: {error}")))?;
        let mut ours = VfsWorld::beside_kernel();
        if let Some(difference) = sequence.difference(&profile, &mut kernel, &mut ours) {
            return Err(TestCaseError::fail(difference));
        }
        ours.vfs().verify().map_err(TestCaseError::fail)?;
        ran.set(ran.get() + 1);
        if ran.get() % 1_000 == 0 {
            println!("{} cases, {:?}", ran.get(), start.elapsed());
        }
        Ok(())
    });
    println!("{} cases in {:?} against {}", ran.get(), start.elapsed(), base().display());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Without a kernel: the same sequences leave no invariant broken, and nothing behind.
#[test]
fn random_operations_keep_every_invariant_and_leave_nothing_behind() {
    let outcome = TestRunner::new(config()).run(&sequences(), |sequence| {
        let mut world = VfsWorld::new((0, 0));
        sequence.run(&Profile::default(), &mut world);
        world.end().map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
