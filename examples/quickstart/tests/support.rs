//! Running the examples, and making archives.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A user without privileges, for tests that run as root.
const OTHER_USER: u32 = 65_534;

/// The program of an example, which `cargo test` builds beside the tests.
pub(crate) fn program(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let program = profile.join("examples").join(example);
    assert!(
        program.exists(),
        "{} is missing: `cargo test` builds it, `cargo test --test quickstart` alone does not \
         (`cargo build --examples` first)",
        program.display()
    );
    program
}

/// Where a run of `quickstart` puts its temporary folder. Dropping it checks that nothing is left there.
pub(crate) struct Temporary(TempDir);

impl Temporary {
    pub(crate) fn new() -> Self {
        let dir = temp_dir();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).expect("a mode");
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// `quickstart` with this as the place of its temporary folder.
    pub(crate) fn quickstart(&self) -> Command {
        let mut command = Command::new(program("quickstart"));
        command.env("TMPDIR", self.path());
        command
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let left = fs::read_dir(self.path()).map_or(0, Iterator::count);
        assert!(left == 0 || std::thread::panicking(), "a temporary folder is left");
    }
}

/// Runs `quickstart` to its end and checks that it removed its temporary folder.
pub(crate) fn quickstart(args: &[&Path]) -> Output {
    Temporary::new().quickstart().args(args).output().expect("the example runs")
}

/// The same by a user without privileges.
pub(crate) fn quickstart_unprivileged(args: &[&Path]) -> Output {
    let temporary = Temporary::new();
    let mut command = temporary.quickstart();
    // Where the tests are built need not be a place that other users may look into.
    let dir = temp_dir();
    if rustix::process::geteuid().is_root() {
        open_to_all(&dir);
        let copy = dir.path().join("quickstart");
        fs::copy(program("quickstart"), &copy).expect("a copy of the program");
        command = Command::new(copy);
        command.env("TMPDIR", temporary.path()).uid(OTHER_USER).gid(OTHER_USER);
    }
    command.args(args).output().expect("the example runs")
}

pub(crate) fn open_to_all(dir: &TempDir) {
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// The value of a row of the summary.
pub(crate) fn row<'a>(output: &'a Output, name: &str) -> &'a str {
    let stdout = text(&output.stdout);
    let line = stdout.lines().find(|line| line.split(' ').next() == Some(name));
    line.unwrap_or_else(|| panic!("no row {name} in:\n{stdout}"))[name.len()..].trim()
}

/// Whether a line tells of a name in a directory of the VFS: an event, or a scan where the watch came later.
pub(crate) fn tells(output: &Output, directory: &str, name: &str) -> bool {
    let (start, end) = (format!("{directory}/ "), format!(" {name}"));
    text(&output.stdout).lines().any(|line| line.starts_with(&start) && line.ends_with(&end))
}

/// The lines of standard error. Each says what it is about.
pub(crate) fn complaints<'a>(output: &'a Output, path: &Path) -> Vec<&'a str> {
    let prefix = format!("quickstart: {}: ", path.display());
    let lines = text(&output.stderr).lines();
    lines.map(|line| line.strip_prefix(&prefix).unwrap_or_else(|| panic!("{line}"))).collect()
}

pub(crate) fn temp_dir() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

/// Runs `tar` in a directory; the arguments are separated by spaces.
pub(crate) fn tar(dir: &Path, args: &str) {
    let mut tar = Command::new("tar");
    tar.current_dir(dir).args(args.split(' ')).stdin(Stdio::null());
    let output = tar.output().expect("the tests need a `tar` program");
    assert!(output.status.success(), "tar {args}: {}", text(&output.stderr));
}

/// Whether there is a `tar` program. The tests of archives need one.
pub(crate) fn has_tar() -> bool {
    let has_tar = Command::new("tar").arg("--version").output().is_ok();
    if !has_tar {
        println!("skipped: there is no `tar` program");
    }
    has_tar
}

/// Whether `tar` is GNU tar, which makes formats that others only read.
pub(crate) fn is_gnu_tar() -> bool {
    let version = Command::new("tar").arg("--version").output();
    let is_gnu = version.is_ok_and(|output| output.stdout.starts_with(b"tar (GNU tar)"));
    if !is_gnu {
        println!("skipped: it needs GNU tar to make the archive");
    }
    is_gnu
}

/// A header of the oldest format, written by hand for what no `tar` would write.
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    /// As in the type flag: `0` a file, `1` a hard link, `2` a symbolic link.
    pub(crate) kind: u8,
    pub(crate) target: &'a str,
    pub(crate) mtime: &'a [u8],
    pub(crate) contents: &'a [u8],
}

impl Default for Member<'_> {
    fn default() -> Self {
        Self { name: "file", kind: b'0', target: "", mtime: b"07346545000\0", contents: b"" }
    }
}

/// An archive of these members.
pub(crate) fn members(members: &[Member<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for Member { name, kind, target, mtime, contents } in members {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
        put(0, name.as_bytes());
        put(100, b"0000640\0");
        let size = if *kind == b'0' { contents.len() } else { 0 };
        put(124, format!("{size:011o}\0").as_bytes());
        put(136, mtime);
        put(148, &[b' '; 8]);
        put(156, &[*kind]);
        put(157, target.as_bytes());
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend(*contents);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// Bytes that do not compress.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..len).map(|_| random.u8(..)).collect()
}

pub(crate) fn written(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, bytes).expect("a file");
    path
}
