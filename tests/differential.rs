//! The same random operations on the real kernel and on the VFS: results, errnos and event
//! streams must be equal.
//!
//! 256 cases by default. `VFSNOTIFY_CASES=200000 cargo test --release --test differential` runs
//! more, `VFSNOTIFY_BASE=/var/tmp` puts the kernel's side on another file system than tmpfs.

mod common;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Instant;

use common::kernel::{KernelWorld, credentials};
use common::random_ops::strategy::{Profile, operations};
use common::random_ops::{difference, run_sequence};
use common::vfs_world::VfsWorld;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

fn base() -> PathBuf {
    std::env::var_os("VFSNOTIFY_BASE").map_or_else(|| PathBuf::from("/dev/shm"), PathBuf::from)
}

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
    let base = base();
    let kernel = match KernelWorld::new(&base) {
        Ok(kernel) => kernel,
        Err(error) => {
            println!("skipped: no world in {}: {error}", base.display());
            return;
        }
    };
    let profile = Profile::of(&[&kernel, &VfsWorld::new(credentials())]);
    drop(kernel);
    let (start, ran) = (Instant::now(), Cell::new(0_u32));
    let outcome = TestRunner::new(config()).run(&operations(profile), |ops| {
        let mut kernel = KernelWorld::new(&base)
            .map_err(|error| TestCaseError::reject(format!("no kernel world: {error}")))?;
        let mut ours = VfsWorld::new(credentials());
        if let Some(difference) = difference(&ops, &mut kernel, &mut ours) {
            return Err(TestCaseError::fail(difference));
        }
        ours.vfs().verify().map_err(TestCaseError::fail)?;
        ran.set(ran.get() + 1);
        if ran.get() % 1_000 == 0 {
            println!("{} cases, {:?}", ran.get(), start.elapsed());
        }
        Ok(())
    });
    println!("{} cases in {:?} against {}", ran.get(), start.elapsed(), base.display());
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Without a kernel: the same sequences leave no invariant broken, and nothing behind.
#[test]
fn random_operations_keep_every_invariant_and_leave_nothing_behind() {
    let outcome = TestRunner::new(config()).run(&operations(Profile::ALL), |ops| {
        let mut world = VfsWorld::new((0, 0));
        run_sequence(&ops, &mut world);
        let vfs = world.vfs().clone();
        vfs.verify().map_err(TestCaseError::fail)?;
        drop(world);
        vfs.reap();
        vfs.verify().map_err(TestCaseError::fail)?;
        if vfs.nr_open_files() != 0 {
            return Err(TestCaseError::fail("open files are left"));
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
