//! Extracts an archive into a temporary folder by the `tar` program of the machine.
//!
//! `tar` knows the formats and the compressions, strips what is absolute, and keeps `..` and symbolic
//! links from leading out of the folder. GNU tar and bsdtar are meant.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{self, Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::failure::printable;

/// How often a running `tar` is looked at.
const POLL: Duration = Duration::from_millis(2);

/// The lines with which GNU tar closes after others that say what was wrong.
const CLOSING: [&str; 2] = [
    "tar: Exiting with failure status due to previous errors",
    "tar: Error is not recoverable: exiting now",
];

/// Options that not every `tar` has, and that its `--help` lists then.
///
/// The first lets a directory without write permission come before what is in it, and the second takes
/// owners by number, as the VFS has no names for them.
const OPTIONAL: [&str; 3] = ["--delay-directory-restore", "--numeric-owner", "--xattrs"];

/// An extracted archive; the temporary folder goes with it.
#[derive(Debug)]
pub(crate) struct Extracted {
    folder: Option<TempDir>,
    /// The messages of `tar`, line by line.
    pub(crate) messages: Vec<String>,
    /// Whether `tar` extracted everything.
    pub(crate) is_complete: bool,
}

impl Extracted {
    /// Extracts `archive`, or as much of it as `tar` can. Setting `stop` kills `tar`.
    ///
    /// Fails if there is no temporary folder, or no `tar`.
    pub(crate) fn new(archive: &Path, stop: &AtomicBool) -> io::Result<Self> {
        // No other user gets at what is extracted: the mode is 0700.
        let folder = tempfile::Builder::new().prefix("quickstart-").tempdir()?;
        let mut new = Self { folder: Some(folder), messages: Vec::new(), is_complete: false };
        fs::create_dir(new.tree())?;
        // A file, since a pipe that is read after the end of `tar` may fill up before.
        let messages = new.holder().join("messages");
        let status = run_tar(archive, &new.tree(), File::create(&messages)?, stop)?;
        let said = fs::read(&messages)?;
        let said = String::from_utf8_lossy(&said);
        // GNU tar only warns where it cannot set an extended attribute.
        new.is_complete = status.success() && !said.contains(": Cannot ");
        new.messages = said.lines().filter(|line| !CLOSING.contains(line)).map(printable).collect();
        if !new.is_complete && new.messages.is_empty() {
            new.messages.push(format!("tar: {status}"));
        }
        Ok(new)
    }

    /// Where the contents are.
    pub(crate) fn tree(&self) -> PathBuf {
        self.holder().join("tree")
    }

    fn holder(&self) -> &Path {
        self.folder.as_ref().expect("only `remove` and `drop` take it").path()
    }

    /// Removes the temporary folder.
    pub(crate) fn remove(mut self) -> io::Result<()> {
        let Some(folder) = self.folder.take() else { return Ok(()) };
        let text = format!("cannot remove {}", folder.path().display());
        let removed = remove_tree(folder.path()).and_then(|()| folder.close());
        removed.map_err(|error| io::Error::new(error.kind(), format!("{text}: {error}")))
    }
}

impl Drop for Extracted {
    /// On the way out after an error or a panic, which is what is reported.
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take() {
            let _ = remove_tree(folder.path());
        }
    }
}

/// Runs `tar`, with its messages in English.
fn run_tar(
    archive: &Path,
    into: &Path,
    messages: File,
    stop: &AtomicBool,
) -> io::Result<ExitStatus> {
    let tar = || {
        let mut tar = Command::new("tar");
        tar.stdin(Stdio::null()).env("LC_ALL", "C").env_remove("TAR_OPTIONS");
        tar
    };
    let help = tar().arg("--help").output().map_err(|error| {
        let why = format!("an archive needs the program `tar`, and it cannot be run: {error}");
        io::Error::new(error.kind(), why)
    })?;
    let help = String::from_utf8_lossy(&help.stdout);
    let mut tar = tar();
    tar.arg("-x").arg("-p");
    tar.args(OPTIONAL.iter().filter(|option| help.contains(**option)));
    if help.contains("--xattrs-include") && rustix::process::geteuid().is_root() {
        // GNU tar alone leaves all but `user.` out.
        tar.arg("--xattrs-include=*");
    }
    if help.contains("bsdtar") {
        // An immutable file could not be removed again.
        tar.arg("--no-fflags");
    }
    // From the root: GNU tar takes `host:file` for a file of another machine, and `-` is its input.
    tar.arg("-f").arg(path::absolute(archive)?).arg("-C").arg(into);
    let mut tar = tar.stdout(Stdio::null()).stderr(messages).spawn()?;
    loop {
        if let Some(status) = tar.try_wait()? {
            return Ok(status);
        }
        if stop.load(Ordering::Relaxed) {
            tar.kill()?;
            return tar.wait();
        }
        thread::sleep(POLL);
    }
}

/// Empties the folder `holder/tree`, however deep it is and whatever its modes are, and removes it.
///
/// Each directory is moved up into `holder` first, so no path gets too long and only one directory is
/// open at a time. `fs::remove_dir_all` needs permission for each, and a file descriptor a level.
fn remove_tree(holder: &Path) -> io::Result<()> {
    let (mut waiting, mut moved) = (vec![holder.join("tree")], 0_u64);
    while let Some(directory) = waiting.pop() {
        open_up(&directory)?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            // To move a directory elsewhere changes its `..`.
            open_up(&entry.path())?;
            moved += 1;
            let to = holder.join(moved.to_string());
            fs::rename(entry.path(), &to)?;
            waiting.push(to);
        }
        fs::remove_dir(&directory)?;
    }
    Ok(())
}

fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))
}
