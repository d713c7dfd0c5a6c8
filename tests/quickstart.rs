//! The quickstart example as a user runs it: what it prints and how it ends; and its recursive watch.

#[path = "../examples/quickstart/tree_watch.rs"]
mod tree_watch;
#[path = "quickstart/watching.rs"]
mod watching;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

/// The example's program, which `cargo test` builds beside the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let program = profile.join("examples/quickstart");
    assert!(
        program.exists(),
        "{} is missing: `cargo test` builds it, `cargo test --test quickstart` alone does not \
         (`cargo build --example quickstart` first)",
        program.display()
    );
    program
}

fn quickstart(args: &[&Path]) -> Output {
    Command::new(program()).args(args).output().expect("the example runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// The value of a row of the summary.
fn row<'a>(output: &'a Output, name: &str) -> &'a str {
    let stdout = text(&output.stdout);
    let line = stdout.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("no row {name} in:\n{stdout}"))[name.len()..].trim()
}

fn entry(kind: EntryType, path: &str, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o640);
    header.set_mtime(1_000_000_000);
    header.set_size(size);
    // As bytes: `set_path` refuses what the test is about.
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_cksum();
    header
}

fn add(archive: &mut Builder<Vec<u8>>, path: &str, contents: &[u8]) {
    let header = entry(EntryType::Regular, path, contents.len() as u64);
    archive.append(&header, contents).expect("an entry");
}

fn add_link(archive: &mut Builder<Vec<u8>>, kind: EntryType, path: &str, target: &str) {
    let mut header = entry(kind, path, 0);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    archive.append(&header, &[][..]).expect("an entry");
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..len).map(next).collect()
}

fn written(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, bytes).expect("a file");
    path
}

fn temp_dir() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

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
fn every_kind_of_entry_is_unpacked_and_heard() {
    let (dir, long) = (temp_dir(), "l".repeat(220));
    let mut archive = Builder::new(Vec::new());
    archive.append(&entry(EntryType::Directory, "t/empty/", 0), &[][..]).expect("an entry");
    add(&mut archive, "t/file", b"contents");
    add_link(&mut archive, EntryType::Link, "t/hard", "t/file");
    // GNU tar leaves the file alone.
    add_link(&mut archive, EntryType::Link, "t/file", "t/file");
    add_link(&mut archive, EntryType::Symlink, "t/soft", "file");
    let mut header = entry(EntryType::Regular, "", 1);
    archive.append_data(&mut header, format!("t/{long}"), &b"x"[..]).expect("a long name");
    let archive = gzipped(&archive.into_inner().expect("memory"));

    let output = quickstart(&[&written(&dir, "all.tar.gz", &archive)]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let counts = row(&output, "unpacked");
    assert!(counts.starts_with("2 directories, 2 files (9 B), 1 symbolic links, 1 hard links"));
    for name in ["empty", "file", "hard", "soft", &long] {
        let told = |line: &str| line.starts_with("/unpacked/t/ ") && line.ends_with(name);
        assert!(text(&output.stdout).lines().any(told), "{name} is missing");
    }
}

#[test]
fn whoever_wins_the_race_every_name_is_known_in_the_end() {
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
fn a_truncated_archive_ends_with_one_line_and_leaves_what_was_complete() {
    let dir = temp_dir();
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, "first", b"complete");
    add(&mut archive, "second", &noise(100_000));
    let plain = archive.into_inner().expect("memory");
    let packed = gzipped(&plain);
    for (name, bytes) in [("cut.tar", &plain[..50_000]), ("cut.tgz", &packed[..50_000])] {
        let output = quickstart(&[&written(&dir, name, bytes)]);
        assert_eq!(output.status.code(), Some(1));
        let stderr = text(&output.stderr);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains("the archive is broken: second: "), "{stderr}");
        assert!(row(&output, "unpacked").contains(" 1 files (8 B)"));
        assert!(row(&output, "picture").starts_with("2 names"), "only `unpacked` and `first`");
    }
}

#[test]
fn a_damaged_checksum_is_found() {
    let dir = temp_dir();
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, "file", b"contents");
    let mut packed = gzipped(&archive.into_inner().expect("memory"));
    let crc = packed.len() - 5;
    packed[crc] ^= 1;
    let output = quickstart(&[&written(&dir, "crc.crate", &packed)]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr).lines().count(), 1);
    assert!(row(&output, "unpacked").contains(" 1 files"));
}

#[test]
fn what_is_no_archive_ends_with_one_line() {
    let dir = temp_dir();
    let missing = dir.path().join("missing.tar");
    let empty = written(&dir, "empty.tar", b"");
    let noise = written(&dir, "noise.tar", &noise(5000));
    for path in [&missing, &empty, &noise] {
        let output = quickstart(&[Path::new("--quiet"), path]);
        assert_eq!(output.status.code(), Some(1));
        let stderr = text(&output.stderr);
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with(&format!("quickstart: {}: ", path.display())), "{stderr}");
    }
}

#[test]
fn nothing_gets_out_of_the_directory_that_an_archive_is_unpacked_to() {
    let dir = temp_dir();
    let absolute = dir.path().join("absolute");
    let absolute = absolute.to_str().expect("UTF-8");
    let mut archive = Builder::new(Vec::new());
    add(&mut archive, "../evil", b"x");
    add(&mut archive, "sub/../../evil", b"x");
    add(&mut archive, absolute, b"x");
    add_link(&mut archive, EntryType::Symlink, "up", "..");
    add(&mut archive, "up/evil", b"x");
    add_link(&mut archive, EntryType::Symlink, "root", "/");
    add(&mut archive, "root/evil", b"x");
    add_link(&mut archive, EntryType::Link, "hard", "../evil");
    add(&mut archive, "good", b"x");
    let archive = written(&dir, "evil.tar", &archive.into_inner().expect("memory"));

    let output = quickstart(&[&archive]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().count(), 6, "{stderr}");
    assert!(stderr.lines().all(|line| line.contains(": refused: ")), "{stderr}");
    // The directory itself, the two symbolic links, and the good file.
    assert!(row(&output, "picture").starts_with("4 names"), "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains(" evil\n"));
    assert!(!Path::new(absolute).exists());
    assert!(!Path::new("../evil").exists() && !dir.path().join("evil").exists());
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut running = Command::new(program())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example runs");
    drop(running.stdout.take());
    let output = running.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
}
