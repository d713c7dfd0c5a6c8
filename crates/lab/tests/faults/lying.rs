//! File systems that break their contract: wrong kinds, numbers that stand for two things, link counts
//! that lie, counts beyond what was asked for, names that cannot be, answers that change.

mod liar;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use vfsnotify::inotify::WatchMask;
use vfsnotify::{Context, Errno, EventMask, InodeKind, OpenFlags, RenameFlags, Vfs};

use lab::faults::operations::table;
use lab::faults::stage::{Setup, Stage, host};
use lab::faults::threads::Worker;
use liar::{Liar, Lie, Tongue};

const RW: OpenFlags = OpenFlags::READ_WRITE;

/// A VFS over a file system that will lie: `/d/f` and `/d/sub` and `/e` are there.
fn vfs_over_a_liar() -> (Vfs, Context, Arc<Tongue>) {
    let liar = Liar::default();
    let tongue = liar.tongue.clone();
    let vfs = Vfs::new(liar).expect("an honest root");
    let cx = vfs.context();
    for dir in ["/d", "/d/sub", "/e"] {
        vfs.mkdir(&cx, dir, 0o755).expect("a directory");
    }
    let file = vfs.open(&cx, "/d/f", RW | OpenFlags::CREATE, 0o644).expect("a file");
    file.write(b"hello").expect("contents");
    (vfs, cx, tongue)
}

/// Ends a VFS, and checks what was said and what was forgotten.
fn end(vfs: Vfs, cx: Context, tongue: &Tongue) {
    tongue.lie.store(Lie::No as usize, Ordering::Relaxed);
    vfs.reap();
    vfs.verify().expect("the invariants");
    drop((vfs, cx));
    assert_eq!(tongue.claims(), [], "each look-up is given back, whatever number it named");
}

fn tell(tongue: &Tongue, lie: Lie) {
    tongue.lie.store(lie as usize, Ordering::Relaxed);
}

#[test]
fn a_number_that_stands_for_another_kind_is_stale() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    let file = vfs.open(&cx, "/d/f", RW, 0).expect("it is there");
    tell(&tongue, Lie::OtherKind);
    let error = vfs.stat(&cx, "/d/f").unwrap_err();
    assert_eq!(error.errno(), Errno::ESTALE);
    assert_eq!(vfs.list(&cx, "/d/f").unwrap_err().errno(), Errno::ESTALE);
    assert_eq!(file.kind(), InodeKind::Regular, "what is open stays what it was");
    tell(&tongue, Lie::No);
    file.pwrite(b"H", 0).expect("it can be written");
    assert!(vfs.stat(&cx, "/d/f").is_ok(), "and it is found again");
    drop(file);
    end(vfs, cx, &tongue);
}

#[test]
fn an_inode_of_another_kind_than_the_call_made_is_refused() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/d", WatchMask::ALL_EVENTS).expect("a watch");
    tell(&tongue, Lie::CreateOtherKind);
    assert_eq!(vfs.mkdir(&cx, "/d/new", 0o755).unwrap_err().errno(), Errno::EIO);
    let flags = RW | OpenFlags::TMPFILE;
    assert_eq!(vfs.open(&cx, "/d", flags, 0o644).unwrap_err().errno(), Errno::EIO);
    tell(&tongue, Lie::CreateOther);
    // The number of a directory that has a name.
    assert_eq!(vfs.mkdir(&cx, "/d/more", 0o755).unwrap_err().errno(), Errno::ESTALE);
    // And of a file it is of another kind.
    let kind = InodeKind::Regular;
    let error = vfs.mknod(&cx, "/d/most", kind, 0o644, 0).unwrap_err();
    assert_eq!(error.errno(), Errno::ESTALE);
    assert_eq!(vfs.link(&cx, "/d/f", "/d/g").unwrap_err().errno(), Errno::ESTALE);
    assert!(inotify.is_empty(), "no event of what failed: {:?}", inotify.drain());
    tell(&tongue, Lie::No);
    for name in ["new", "more", "most", "g"] {
        let path = format!("/d/{name}");
        assert!(vfs.exists(&cx, &path).expect("an answer"), "{name} was made all the same");
    }
    end(vfs, cx, &tongue);
}

#[test]
fn link_counts_that_lie_end_nothing_before_its_time() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/d/f", WatchMask::ALL_EVENTS).expect("a watch");
    for lie in [Lie::NoLinks, Lie::ManyLinks] {
        tell(&tongue, lie);
        // It is looked up again each time, and counted anew.
        vfs.stat(&cx, "/d/f").expect("it is there");
        let file = vfs.open(&cx, "/d/f", RW, 0).expect("it is there");
        file.write(b"x").expect("it can be written");
    }
    assert_eq!(inotify.watch_count(), 1);
    assert!(inotify.drain().iter().all(|event| {
        event.fs_event().is_some_and(|event| !event.mask.contains(EventMask::DELETE_SELF))
    }));
    vfs.unlink(&cx, "/d/f").expect("it has a name");
    end(vfs, cx, &tongue);
}

#[test]
fn a_deleted_inode_may_be_found_again() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    tell(&tongue, Lie::Ghosts);
    for path in ["/d/f", "/d/sub"] {
        let open = vfs.open(&cx, path, OpenFlags::READ, 0).expect("it is there");
        let remove = |path| match open.kind() {
            InodeKind::Directory => vfs.rmdir(&cx, path),
            _ => vfs.unlink(&cx, path),
        };
        remove(path).expect("it is there");
        // The cache knows that it is gone, and is told to ask again.
        for _ in 0..3 {
            let _ = vfs.stat(&cx, path);
            let _ = vfs.mkdir(&cx, format!("{path}/below"), 0o755);
            let _ = remove(path);
            vfs.verify().expect("the invariants");
        }
    }
    end(vfs, cx, &tongue);
}

#[test]
fn a_directory_inside_itself_is_a_loop() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    let lies = [Lie::LookupRoot, Lie::LookupParent];
    for lie in lies {
        tell(&tongue, lie);
        let error = vfs.stat(&cx, "/d/sub/loop").unwrap_err();
        assert_eq!(error.errno(), Errno::ELOOP);
        assert!(vfs.mkdir(&cx, "/d/sub/loop", 0o755).is_err());
        assert!(vfs.rename(&cx, "/d/f", "/d/sub/loop", RenameFlags::empty()).is_err());
        vfs.verify().expect("the invariants");
    }
    end(vfs, cx, &tongue);
}

/// The reader's buffer was sliced by what the file system said, and the position moved past it.
#[test]
fn counts_beyond_what_was_asked_for_are_refused() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    vfs.mknod(&cx, "/to", InodeKind::Regular, 0o644, 0).expect("a file");
    let file = vfs.open(&cx, "/d/f", RW, 0).expect("it is there");
    let to = vfs.open(&cx, "/to", RW, 0).expect("it is there");
    let appends = vfs.open(&cx, "/to", OpenFlags::WRITE | OpenFlags::APPEND, 0).expect("a file");
    let inotify = vfs.inotify(&cx).expect("an instance");
    vfs.add_watch(&cx, &inotify, "/d/f", WatchMask::ALL_EVENTS).expect("a watch");
    vfs.add_watch(&cx, &inotify, "/to", WatchMask::ALL_EVENTS).expect("a watch");
    tell(&tongue, Lie::Counts);
    let io = |error: vfsnotify::Error| assert_eq!(error.errno(), Errno::EIO);
    io(file.read(&mut [0; 4]).unwrap_err());
    io(file.pread(&mut [0; 4], 0).unwrap_err());
    io(file.readv(&mut [std::io::IoSliceMut::new(&mut [0; 4])]).unwrap_err());
    io(file.write(b"abc").unwrap_err());
    io(file.pwrite(b"abc", 0).unwrap_err());
    io(file.copy_file_range(None, &to, None, 4).unwrap_err());
    io(file.sendfile(None, &to, 4).unwrap_err());
    io(appends.write(b"abc").unwrap_err());
    io(file.seek_data(1).unwrap_err());
    io(file.seek_hole(1).unwrap_err());
    assert_eq!(file.position().expect("a position"), 0);
    assert_eq!(appends.position().expect("a position"), 0);
    assert!(inotify.is_empty(), "{:?}", inotify.drain());
    tell(&tongue, Lie::AppendFarOut);
    io(appends.write(b"abc").unwrap_err());
    drop((file, to, appends));
    end(vfs, cx, &tongue);
}

#[test]
fn sizes_beyond_any_offset_overflow_nothing() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    vfs.mknod(&cx, "/to", InodeKind::Regular, 0o644, 0).expect("a file");
    let file = vfs.open(&cx, "/d/f", RW, 0).expect("it is there");
    let to = vfs.open(&cx, "/to", RW, 0).expect("it is there");
    tell(&tongue, Lie::Sizes);
    assert_eq!(file.stat().expect("attributes").size, u64::MAX);
    assert!(file.seek(std::io::SeekFrom::End(0)).is_err());
    assert!(file.seek(std::io::SeekFrom::End(-1)).is_err());
    assert_eq!(file.copy_file_range(Some(&mut 1), &to, None, usize::MAX / 2).ok(), Some(4));
    let most = i64::MAX as usize - 2;
    assert_eq!(file.sendfile(Some(&mut 2), &to, most).ok(), Some(3));
    let kind = |result: vfsnotify::Result<usize>| result.map_err(|error| error.errno());
    assert_eq!(kind(file.sendfile(Some(&mut 2), &to, most + 1)), Err(Errno::EINVAL));
    assert!(vfs.truncate(&cx, "/d/f", 3).is_ok());
    drop((file, to));
    end(vfs, cx, &tongue);
}

#[test]
fn a_listing_shows_no_name_that_cannot_be() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    tell(&tongue, Lie::Dots);
    let names: Vec<_> =
        vfs.list(&cx, "/d").expect("a listing").into_iter().map(|e| e.name).collect();
    assert_eq!(names, [&b"sub"[..], b"f"], "without the file system's own dots");
    for lie in [Lie::NameNul, Lie::NameSlash, Lie::NameEmpty, Lie::NameLong] {
        tell(&tongue, lie);
        assert_eq!(vfs.list(&cx, "/d").unwrap_err().errno(), Errno::EIO);
        let dir = vfs.open(&cx, "/d", OpenFlags::DIRECTORY, 0).expect("it is there");
        assert_eq!(dir.read_dir(1000).expect("what comes before it").len(), 3);
        assert_eq!(dir.read_dir(1000).unwrap_err().errno(), Errno::EIO);
    }
    end(vfs, cx, &tongue);
}

/// Each entry was said to be followed by the first: the list grew until memory was gone.
#[test]
fn a_listing_that_goes_round_ends() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    for lie in [Lie::CursorStays, Lie::CursorGoesRound, Lie::CursorAlternates] {
        tell(&tongue, lie);
        assert_eq!(vfs.list(&cx, "/d").unwrap_err().errno(), Errno::EIO, "{lie:?}");
        // So it does for callers that list it themselves, whatever they ask for at a time.
        for budget in [300, 5000, usize::MAX] {
            let dir = vfs.open(&cx, "/d", OpenFlags::DIRECTORY, 0).expect("it is there");
            let pages = std::iter::repeat_with(|| dir.read_dir(budget)).take(2200);
            let mut entries = 0;
            let error = pages
                .map_while(|page| match page {
                    Ok(page) if page.is_empty() => panic!("{lie:?} has no end"),
                    Ok(page) => {
                        entries += page.len();
                        Some(None)
                    }
                    Err(error) => Some(Some(error.errno())),
                })
                .find_map(|error| error);
            assert_eq!(error, Some(Errno::EIO), "{lie:?}, {budget}");
            assert!(entries <= 3 * 700, "{lie:?}, {budget}: {entries} entries");
            assert_eq!(dir.read_dir(budget).unwrap_err().errno(), Errno::EIO, "and it stays so");
        }
    }
    end(vfs, cx, &tongue);
}

/// A cursor near the greatest number was made one that leads to the end, or round; 0 leads to the start.
#[test]
fn a_cursor_that_no_offset_can_carry_ends_the_listing() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    for lie in [Lie::CursorZero, Lie::CursorFar, Lie::CursorFarthest] {
        tell(&tongue, lie);
        assert_eq!(vfs.list(&cx, "/d").unwrap_err().errno(), Errno::EIO, "{lie:?}");
        let dir = vfs.open(&cx, "/d", OpenFlags::DIRECTORY, 0).expect("it is there");
        let page = dir.read_dir(1000).expect("what comes before it");
        assert_eq!(page.iter().map(|entry| entry.cursor).collect::<Vec<_>>(), [1, 2, 9]);
        assert_eq!(dir.position().expect("a position"), 9);
        assert_eq!(dir.read_dir(1000).unwrap_err().errno(), Errno::EIO, "{lie:?}");
    }
    end(vfs, cx, &tongue);
}

/// A listing of nothing but dots, which are left out, held the directory's lock for ever.
#[test]
fn dots_without_end_end_the_listing() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    tell(&tongue, Lie::DotsWithoutEnd);
    assert_eq!(vfs.list(&cx, "/d").unwrap_err().errno(), Errno::EIO);
    end(vfs, cx, &tongue);
}

/// A NUL in the name of an attribute makes two of it where the names are handed on.
#[test]
fn an_attributes_name_that_cannot_be_is_not_listed() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    for lie in [Lie::XattrNul, Lie::XattrEmpty] {
        tell(&tongue, lie);
        assert_eq!(vfs.listxattr(&cx, "/d/f").unwrap_err().errno(), Errno::EIO, "{lie:?}");
    }
    end(vfs, cx, &tongue);
}

/// The kernel has no room for more than 64 KiB, and neither has what a guest is given.
#[test]
fn an_attributes_value_that_is_too_long_is_not_handed_on() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    let file = vfs.open(&cx, "/d/f", RW, 0).expect("it is there");
    tell(&tongue, Lie::XattrLong);
    assert_eq!(vfs.getxattr(&cx, "/d/f", "user.a").unwrap_err().errno(), Errno::E2BIG);
    assert_eq!(file.getxattr(&cx, "user.a").unwrap_err().errno(), Errno::E2BIG);
    drop(file);
    end(vfs, cx, &tongue);
}

/// An entry that did not fit was left out, and a smaller one behind it was taken.
#[test]
fn a_listing_that_does_not_stop_when_it_is_told_to_loses_nothing() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    let long = format!("/d/{}", "n".repeat(200));
    vfs.mkdir(&cx, &long, 0o755).expect("a directory");
    vfs.mkdir(&cx, "/d/s", 0o755).expect("a directory");
    tell(&tongue, Lie::DoesNotStop);
    let dir = vfs.open(&cx, "/d", OpenFlags::DIRECTORY, 0).expect("it is there");
    let mut names = Vec::new();
    loop {
        let page = dir.read_dir(250).expect("a page");
        if page.is_empty() {
            break;
        }
        names.extend(page.into_iter().map(|entry| entry.name.len()));
    }
    assert_eq!(names, [1, 2, 3, 1, 200, 1]);
    drop(dir);
    end(vfs, cx, &tongue);
}

/// A name with a NUL reached the file system, as a component of a link's target.
#[test]
fn a_symlink_target_that_no_call_could_make_leads_nowhere() {
    let (vfs, cx, tongue) = vfs_over_a_liar();
    vfs.symlink(&cx, "d", "/link").expect("a link");
    for lie in [Lie::TargetNul, Lie::TargetLong] {
        tell(&tongue, lie);
        assert_eq!(vfs.stat(&cx, "/link/f").unwrap_err().errno(), Errno::EIO);
        let flags = RW | OpenFlags::CREATE;
        assert_eq!(vfs.open(&cx, "/link", flags, 0o644).unwrap_err().errno(), Errno::EIO);
        // Nor is it handed on to a caller that would go by it.
        assert_eq!(vfs.readlink(&cx, "/link").unwrap_err().errno(), Errno::EIO);
    }
    assert!(!tongue.was_given_nonsense());
    end(vfs, cx, &tongue);
}

/// A directory in use that was looked up again was moved to where it was, found doubtful again, and so
/// on for ever; changes failed with `ESTALE`.
#[test]
fn a_file_system_that_wants_to_be_asked_each_time_works_as_any_other() {
    let (worker, vfs) = (Worker::new(), host());
    for op in table() {
        let delivered = [false, true].map(|distrust| {
            let run = op.run;
            let (files, vfs) = (op.files, vfs.clone());
            worker.run(op.name, move || {
                let stage = Stage::on(&vfs, Setup { privileged: true, warm: true });
                stage.control.distrust(distrust);
                let open = |(path, flags): &(&str, _)| {
                    stage.vfs.open(&stage.cx, path, *flags, 0o644).expect("a file")
                };
                let files: Vec<_> = files.iter().map(open).collect();
                let mut inside = stage.cx.clone();
                inside.chdir(&stage.vfs, "/m/dir").expect("it is there");
                stage.drain_events();
                let done = run(&stage, &files).map_err(|error| error.errno());
                let delivered = stage.drain_events();
                stage.check().expect("the cache agrees");
                drop((files, inside));
                stage.end().expect("nothing is left");
                (done, delivered)
            })
        });
        assert_eq!(delivered[0], delivered[1], "{}", op.name);
    }
}

/// Whatever it says: no panic, no hang, sound invariants, and look-ups that balance.
#[test]
fn a_file_system_that_says_anything_corrupts_nothing() {
    let worker = Worker::new();
    for seed in 0..150 {
        worker.run(&format!("seed {seed}"), move || liar::say_anything(seed));
    }
}

/// A writer that had found nothing to strip was not told of set-id bits that a failed chmod had set.
#[test]
fn set_id_bits_that_a_failed_change_of_mode_has_set_are_stripped_by_the_next_write() {
    use lab::faults::faulty::{Call, Fault, When};
    for fault in [Fault::Error(Errno::EIO), Fault::Panic] {
        let stage = Stage::new(Setup { privileged: false, warm: true });
        let Stage { vfs, cx, control, .. } = &stage;
        let file = vfs.open(cx, "/m/file", RW, 0).expect("it is there");
        file.write(b"x").expect("contents");
        control.arm_call(Call::Setattr, fault, When::After);
        let failed = lab::faults::threads::caught(|| vfs.chmod(cx, "/m/file", 0o6755));
        assert!(!matches!(failed, lab::faults::threads::Outcome::Done(Ok(()))));
        assert!(control.disarm().is_some());
        assert_eq!(vfs.stat(cx, "/m/file").expect("it is there").mode, 0o6755, "it had been set");
        file.write(b"x").expect("contents");
        assert_eq!(vfs.stat(cx, "/m/file").expect("it is there").mode, 0o755);
        drop(file);
        stage.end().expect("nothing is left");
    }
}
