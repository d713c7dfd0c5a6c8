//! Every operation, with every call that it makes to the file system failing in turn.
//!
//! The rule for a file system that fails although it has made the change: the operation has failed,
//! there is no event, and the cache agrees with the file system from then on. What an operation
//! did before the call that failed (a file made and not opened) was done, and was reported.

use std::sync::Arc;

use vfsnotify::{Errno, File, MemFs, Result, Vfs};

use lab::faults::faulty::{Call, Control, ERRORS, Fault, FaultyFs, When};
use lab::faults::operations::{Op, table};
use lab::faults::stage::{Setup, Stage, host};
use lab::faults::threads::{Outcome, Worker, caught};

/// How one run is to fail.
#[derive(Clone, Copy, Debug)]
struct Plan {
    nth: usize,
    fault: Fault,
    when: When,
}

/// The operation as it is without a fault: the events of it, and how many calls it makes.
struct Baseline {
    delivered: Vec<String>,
    calls: usize,
}

/// The state of a worker.
struct Scene {
    stage: Stage,
    files: Vec<File>,
}

fn set(vfs: &Vfs, op: &Op, setup: Setup) -> Arc<Scene> {
    let stage = Stage::on(vfs, setup);
    let open = |(path, flags): &(&str, _)| {
        stage.vfs.open(&stage.cx, path, *flags, 0o644).expect("a file to begin with")
    };
    let files = op.files.iter().map(open).collect();
    stage.drain_events();
    Arc::new(Scene { stage, files })
}

fn call(scene: &Arc<Scene>, op: &Op, worker: &Worker) -> Outcome<Result<()>> {
    let (run, scene) = (op.run, Arc::clone(scene));
    worker.run(op.name, move || {
        let outcome = caught(|| run(&scene.stage, &scene.files));
        drop(scene);
        outcome
    })
}

/// Without a fault.
fn baseline(vfs: &Vfs, op: &Op, setup: Setup, worker: &Worker) -> Baseline {
    let scene = set(vfs, op, setup);
    scene.stage.control.arm(usize::MAX, Fault::Panic, When::Before);
    let done = call(&scene, op, worker).done();
    scene.stage.control.disarm();
    if let Err(error) = done {
        panic!("{} with {setup:?} fails by itself: {error}", op.name);
    }
    let baseline =
        Baseline { delivered: scene.stage.drain_events(), calls: scene.stage.control.calls() };
    finish(scene).unwrap_or_else(|wrong| panic!("{} without a fault: {wrong}", op.name));
    baseline
}

/// Drops everything, and checks that nothing is left.
fn finish(scene: Arc<Scene>) -> std::result::Result<(), String> {
    // A mount that an operation made and could not unmount.
    let _ = scene.stage.vfs.unmount(&scene.stage.root, "/m/other");
    scene.stage.check()?;
    end(scene)
}

fn end(scene: Arc<Scene>) -> std::result::Result<(), String> {
    let Scene { stage, files } = Arc::into_inner(scene).ok_or("a worker keeps the scene")?;
    drop(files);
    stage.end()
}

/// The result of the operation, against the events of it.
fn judge(
    op: &Op,
    baseline: &Baseline,
    struck: usize,
    done: &Outcome<Result<()>>,
    delivered: &[String],
) -> std::result::Result<(), String> {
    let whole = delivered == baseline.delivered;
    let fits = match done {
        // The error was of a kind that the operation can do without.
        Outcome::Done(Ok(())) => whole,
        // It was done already.
        Outcome::Panicked if struck == Call::Forget as usize => whole,
        Outcome::Panicked if struck == Call::Release as usize => {
            delivered.iter().all(|event| baseline.delivered.contains(event))
        }
        Outcome::Done(Err(_)) | Outcome::Panicked => {
            delivered.iter().all(|event| op.partial.contains(&event.as_str()))
        }
    };
    if fits { Ok(()) } else { Err(format!("{done:?} was delivered as {delivered:?}")) }
}

/// One run with one fault.
fn fail(
    vfs: &Vfs,
    op: &Op,
    setup: Setup,
    plan: Plan,
    baseline: &Baseline,
    (first, second): (&Worker, &Worker),
) -> std::result::Result<bool, String> {
    let scene = set(vfs, op, setup);
    scene.stage.control.arm(plan.nth, plan.fault, plan.when);
    let done = call(&scene, op, first);
    let Some(struck) = scene.stage.control.disarm() else { return Err("no call failed".into()) };
    if (struck, plan.fault) == (Call::Lookup as usize, Fault::Error(Errno::ENOENT)) {
        // That is no failure but an answer, and a lie, which is believed.
        scene.stage.vfs.verify()?;
        return end(scene).map(|()| false);
    }
    let changed = scene.stage.control.has_changed();
    let delivered = scene.stage.drain_events();
    judge(op, baseline, struck, &done, &delivered)?;
    scene.stage.vfs.verify()?;
    // From another thread and without a fault it works, unless it was done already.
    let again = call(&scene, op, second).done();
    let failed_cleanly = !changed && !matches!(done, Outcome::Done(Ok(())));
    if failed_cleanly {
        if let Err(error) = again {
            return Err(format!("it fails again, without a fault: {error}"));
        }
        let now = scene.stage.drain_events();
        if now != baseline.delivered {
            return Err(format!("{delivered:?}, and the second time {now:?}"));
        }
    }
    let swallowed = matches!(done, Outcome::Done(Ok(())));
    // On the thread that has seen the fault: it is in no operation any more, and frees what is dead.
    first.run(op.name, move || finish(scene))?;
    Ok(swallowed)
}

/// The faults that are tried at one call: all of them, or a choice that goes round.
fn faults(turn: usize, all: bool) -> Vec<(Fault, When)> {
    let choice = |when: When| {
        let turn = turn + when as usize;
        let kinds = if all { ERRORS.to_vec() } else { vec![ERRORS[turn % ERRORS.len()]] };
        kinds.into_iter().map(Fault::Error).chain([Fault::Panic]).map(move |fault| (fault, when))
    };
    choice(When::Before).chain(choice(When::After)).collect()
}

fn sweep(setup: Setup) {
    let all = std::env::var("VFSNOTIFY_FAULTS").is_ok_and(|faults| faults == "all");
    let workers = (Worker::new(), Worker::new());
    let mut vfs = host();
    let mut wrong = Vec::new();
    let (mut runs, mut calls, mut swallowed) = (0, 0, 0);
    for (turn, op) in table().iter().enumerate() {
        let baseline = baseline(&vfs, op, setup, &workers.0);
        calls += baseline.calls;
        for nth in 1..=baseline.calls {
            for (fault, when) in faults(turn + nth, all) {
                let plan = Plan { nth, fault, when };
                runs += 1;
                match fail(&vfs, op, setup, plan, &baseline, (&workers.0, &workers.1)) {
                    Ok(ok) => swallowed += usize::from(ok),
                    Err(what) => {
                        wrong.push(format!("{} with {plan:?}: {what}", op.name));
                        vfs = host();
                    }
                }
            }
        }
    }
    println!("{setup:?}: {calls} calls, {runs} runs, {swallowed} of them did without the call");
    assert!(wrong.is_empty(), "{} of {runs}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls > 200 && swallowed * 2 < runs, "{calls} calls: the sweep sees too little");
}

#[test]
fn a_failed_operation_of_the_superuser_leaves_nothing_behind() {
    sweep(Setup { privileged: true, warm: true });
}

#[test]
fn a_failed_operation_of_an_ordinary_user_with_a_cold_cache_leaves_nothing_behind() {
    sweep(Setup { privileged: false, warm: false });
}

#[test]
fn a_vfs_whose_file_system_fails_at_once_is_not_made() {
    for (fault, when) in faults(0, true) {
        let inner = Arc::new(MemFs::new());
        let control = Control::new();
        let fs = FaultyFs { inner: inner.clone(), control: control.clone() };
        control.arm(1, fault, when);
        match caught(|| Vfs::builder().build(fs)) {
            Outcome::Done(made) => drop(made.expect_err("its root cannot be had")),
            Outcome::Panicked => {}
        }
        assert_eq!(control.balance(), (Vec::new(), 0, 0));
        assert_eq!(Arc::strong_count(&inner), 1);
    }
}

#[test]
fn a_vfs_that_goes_gives_all_look_ups_back() {
    let stage = Stage::new(Setup { privileged: true, warm: true });
    let Stage { vfs, cx, root, control, inner, .. } = stage;
    let open = vfs.open(&cx, "/m/dir/file", vfsnotify::OpenFlags::READ, 0).expect("a file");
    vfs.unlink(&cx, "/m/dir/file").expect("it has a name");
    let inodes = inner.stats().inodes;
    drop((vfs, cx, root));
    assert!(!control.balance().0.is_empty(), "an open file keeps the VFS");
    drop(open);
    assert_eq!(control.balance(), (Vec::new(), 0, 0));
    assert_eq!(inner.stats().inodes, inodes - 1, "the file without a name is gone");
}
