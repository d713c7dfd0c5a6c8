//! The output and the exit status of `quickstart`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{
    Member, Temporary, complaints, has_tar, is_gnu_tar, members, noise, open_to_all, quickstart,
    quickstart_unprivileged, row, tar, tells, temp_dir, text, written,
};

#[test]
fn with_no_argument_it_watches_its_own_sources_being_unpacked() {
    let output = quickstart(&[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    let stdout = text(&output.stdout);
    assert!(stdout.starts_with("/ CREATE,ISDIR unpacked\n"), "{stdout}");
    assert!(stdout.contains(" lib.rs\n"), "{stdout}");
    assert!(row(&output, "unpacked").contains(" files ("));
    assert!(row(&output, "picture").ends_with("as in the VFS"));
}

#[test]
fn an_event_is_printed_for_each_name_of_an_archive() {
    if !has_tar() {
        return;
    }
    let dir = temp_dir();
    fs::create_dir_all(dir.path().join("t/empty")).expect("a directory");
    written(&dir, "t/file", b"contents");
    fs::hard_link(dir.path().join("t/file"), dir.path().join("t/hard")).expect("a link");
    std::os::unix::fs::symlink("file", dir.path().join("t/soft")).expect("a link");
    let long = "l".repeat(220);
    written(&dir, &format!("t/{long}"), b"x");
    // A colon is in the names of files of other machines for GNU tar, and a dash begins an option.
    for name in ["all.tar.gz", "a:b.crate", "-x"] {
        tar(dir.path(), "-czf all.tar.gz t");
        if name != "all.tar.gz" {
            fs::rename(dir.path().join("all.tar.gz"), dir.path().join(name)).expect("a name");
        }
        let temporary = Temporary::new();
        let mut command = temporary.quickstart();
        let output = command.current_dir(dir.path()).args(["--", name]).output();
        let output = output.expect("the example runs");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let counts = row(&output, "unpacked");
        assert!(counts.starts_with("2 directories, 2 files (9 B), 1 symbolic links, 1 hard links"));
        for name in ["empty", "file", "hard", "soft", &long] {
            assert!(tells(&output, "/unpacked/t", name), "{name} is missing");
        }
    }
}

#[test]
fn every_name_is_known_in_the_end_with_and_without_overflows() {
    for queue in ["16384", "16", "1"] {
        for race in [None, Some(Path::new("--race"))] {
            let mut args = vec![Path::new("--quiet"), Path::new("--queue"), Path::new(queue)];
            args.extend(race);
            // It compares what it knows with what there is, and fails if they differ.
            let output = quickstart(&args);
            assert!(output.status.success(), "{}", text(&output.stderr));
            assert!(row(&output, "picture").ends_with("as in the VFS"));
            let is_lost = !row(&output, "lost").starts_with("0 events");
            assert!(!is_lost || queue != "16384", "{}", row(&output, "lost"));
        }
    }
}

#[test]
fn a_damaged_archive_is_reported_and_leaves_what_was_complete() {
    if !has_tar() {
        return;
    }
    let dir = temp_dir();
    written(&dir, "first", b"complete");
    written(&dir, "second", &noise(1_000_000));
    tar(dir.path(), "-cf whole.tar first second");
    tar(dir.path(), "-czf whole.tgz first second");
    let plain = fs::read(dir.path().join("whole.tar")).expect("an archive");
    let packed = fs::read(dir.path().join("whole.tgz")).expect("an archive");
    let mut wrong_sum = packed.clone();
    let at = wrong_sum.len() - 5;
    wrong_sum[at] ^= 1;
    let damaged = [
        ("cut.tar", &plain[..500_000]),
        ("cut.tgz", &packed[..500_000]),
        ("sum.crate", &wrong_sum[..]),
    ];
    for (name, bytes) in damaged {
        // bsdtar does not look at the checksum of gzip.
        if name == "sum.crate" && !is_gnu_tar() {
            continue;
        }
        let path = written(&dir, name, bytes);
        let output = quickstart(&[&path]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(!complaints(&output, &path).is_empty(), "{name}");
        assert!(tells(&output, "/unpacked", "first"), "{name}");
    }
}

#[test]
fn a_file_that_is_no_archive_is_reported() {
    if !has_tar() {
        return;
    }
    let dir = temp_dir();
    let missing = dir.path().join("missing.tar");
    let empty = written(&dir, "empty.tar", b"");
    let noise = written(&dir, "noise.tar", &noise(5000));
    for path in [&missing, &empty, &noise, Path::new("/dev/null")] {
        let output = quickstart(&[Path::new("--quiet"), path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(!complaints(&output, path).is_empty(), "{}", path.display());
    }
}

#[test]
fn a_machine_without_tar_is_told_so() {
    let (dir, nothing) = (temp_dir(), temp_dir());
    let archive = written(&dir, "file.tar", &members(&[Member::default()]));
    let run = |arg: Option<&Path>| {
        let temporary = Temporary::new();
        let mut command = temporary.quickstart();
        command.env("PATH", nothing.path()).args(arg).output().expect("the example runs")
    };
    let output = run(Some(&archive));
    assert_eq!(output.status.code(), Some(1));
    let complaints = complaints(&output, &archive);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].contains("`tar`"), "{complaints:?}");
    assert_eq!(text(&output.stdout), "");
    for arg in [None, Some(dir.path())] {
        let output = run(arg);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

#[test]
fn nothing_leaves_the_directory_that_an_archive_is_unpacked_to() {
    if !has_tar() {
        return;
    }
    let dir = temp_dir();
    let absolute = dir.path().join("absolute");
    let absolute = absolute.to_str().expect("UTF-8");
    let file = |name| Member { name, contents: b"x", ..Member::default() };
    let link = |name, target| Member { name, target, kind: b'2', ..Member::default() };
    let archive = members(&[
        file("../evil"),
        file("sub/../../evil"),
        file(absolute),
        link("up", ".."),
        file("up/evil"),
        link("root", dir.path().to_str().expect("UTF-8")),
        file("root/evil"),
        Member { name: "hard", target: "../outside", kind: b'1', ..Member::default() },
        file("good"),
    ]);
    let archive = written(&dir, "evil.tar", &archive);
    written(&dir, "outside", b"secret");
    let output = quickstart(&[&archive]);
    // Some of it cannot be extracted; what can is below the directory, under names that are safe.
    assert_eq!(output.status.code(), Some(1));
    assert!(!complaints(&output, &archive).is_empty());
    assert!(tells(&output, "/unpacked", "good"));
    let mut left: Vec<_> = fs::read_dir(dir.path())
        .expect("a directory")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["evil.tar", "outside"]);
}

#[test]
fn directories_without_permissions_are_copied_and_removed() {
    let dir = temp_dir();
    open_to_all(&dir);
    fs::create_dir_all(dir.path().join("a/b")).expect("a directory");
    written(&dir, "a/b/file", b"contents");
    if !is_gnu_tar() {
        return;
    }
    tar(dir.path(), "-c --mode=0 -f closed.tar a");
    let archive = dir.path().join("closed.tar");
    let output = quickstart_unprivileged(&[&archive]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(row(&output, "unpacked").starts_with("2 directories, 1 files (8 B)"));
}

#[test]
fn a_path_that_is_too_long_is_reported() {
    if !is_gnu_tar() {
        return;
    }
    let dir = temp_dir();
    written(&dir, "file", b"");
    written(&dir, "kept", b"");
    // Extracted from its own directory it has 4091 bytes, and from the root more than 4095.
    let long = format!("{}{}", format!("{}/", "n".repeat(250)).repeat(16), "f".repeat(75));
    tar(dir.path(), &format!("-c --transform s,^file$,{long}, -f long.tar file kept"));
    let archive = dir.path().join("long.tar");
    let output = quickstart(&[Path::new("--quiet"), &archive]);
    assert_eq!(output.status.code(), Some(1));
    let complaints = complaints(&output, &archive);
    assert_eq!(complaints, [format!("{long}: file name too long (ENAMETOOLONG)")]);
    assert!(row(&output, "unpacked").starts_with("16 directories, 1 files"));
}

#[test]
fn a_signal_kills_tar_and_removes_the_temporary_folder() {
    let (dir, temporary) = (temp_dir(), Temporary::new());
    let archive = written(&dir, "file.tar", &members(&[Member::default()]));
    let slow = "#!/bin/sh\n[ \"$1\" = --help ] || exec /bin/sleep 600\n";
    let slow = written(&dir, "tar", slow.as_bytes());
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o755)).expect("a mode");
    for (signal, status) in [(Signal::HUP, 129), (Signal::INT, 130), (Signal::TERM, 143)] {
        let mut command = temporary.quickstart();
        let mut running = command.env("PATH", dir.path()).arg(&archive).spawn().expect("it runs");
        let start = Instant::now();
        while fs::read_dir(temporary.path()).expect("a directory").count() == 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "there is no temporary folder");
            std::thread::sleep(Duration::from_millis(1));
        }
        let pid = Pid::from_child(&running);
        kill_process(pid, signal).expect("it is running");
        assert_eq!(running.wait().expect("it ends").code(), Some(status));
        assert_eq!(fs::read_dir(temporary.path()).expect("a directory").count(), 0);
    }
}
