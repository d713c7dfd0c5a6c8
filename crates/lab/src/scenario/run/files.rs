//! The operations of a scenario that touch files and names.

use super::super::super::world::{Open, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, Times};
use super::super::Op;
use super::{Runner, Stop, same};

/// The mode of a file that an operation makes, unless it says otherwise.
const FILE_MODE: u32 = 0o644;

/// The errno of a missing name.
const ENOENT: i32 = 2;

/// Reads flags joined by bars with a table of names.
fn named(text: &str, table: &[(&str, u32)]) -> Result<u32, String> {
    text.split('|').filter(|part| !part.is_empty()).try_fold(0, |flags, part| {
        let known = table.iter().find(|(name, _)| *name == part);
        known.map(|(_, bit)| flags | bit).ok_or_else(|| format!("unknown flag {part:?}"))
    })
}

/// Reads the flags of `rename2`.
fn rename_flags(text: &str) -> Result<u32, String> {
    let table = [
        ("NOREPLACE", RENAME_NOREPLACE),
        ("EXCHANGE", RENAME_EXCHANGE),
        ("WHITEOUT", RENAME_WHITEOUT),
    ];
    named(text, &table)
}

/// Reads the flags of `init`.
pub(super) fn init_flags(text: &str) -> Result<u32, String> {
    named(text, &[("NONBLOCK", 0o4000), ("CLOEXEC", 0o2_000_000)])
}

/// Reads the flags of `open`; close-on-exec is always set.
fn open_flags(text: &str) -> Result<Open, String> {
    let parts = text.split('|').filter(|part| !part.is_empty() && *part != "CLOEXEC");
    parts.map(str::trim).try_fold(Open::RDONLY, |flags, part| {
        let known = Open::NAMES.iter().find(|(name, _)| *name == part);
        known.map(|(_, flag)| flags | *flag).ok_or_else(|| format!("unknown flag {part:?}"))
    })
}

/// Which time stamps an operation sets; both if it does not say.
fn times(text: Option<&str>) -> Result<Times, String> {
    match text {
        Some("atime") => Ok(Times::Atime),
        Some("mtime") => Ok(Times::Mtime),
        None | Some("both") => Ok(Times::Both),
        Some("both_explicit") => Ok(Times::BothExplicit),
        Some("none") => Ok(Times::Neither),
        Some(other) => Err(format!("unknown time stamps {other:?}")),
    }
}

/// A user or group id; -1 stands for none.
fn id(op: &Op, at: usize) -> Result<Option<u32>, String> {
    if op.try_int(at) == Some(-1) { Ok(None) } else { op.int(at).map(Some) }
}

/// The mode at argument number `at`, or `default`.
fn mode(op: &Op, at: usize, default: u32) -> Result<u32, String> {
    if op.try_int(at).is_some() { op.int(at) } else { Ok(default) }
}

/// An offset or length; a negative one becomes one that is too large for a file.
fn offset(op: &Op, at: usize) -> u64 {
    op.try_int(at).unwrap_or_default().cast_unsigned()
}

impl Runner<'_> {
    /// Operations on files and names.
    pub(super) fn files(&mut self, op: &Op) -> Result<(), Stop> {
        let path = op.path(0);
        match op.kind.name {
            "create" => {
                let flags = Open::CREAT | Open::EXCL | Open::WRONLY;
                let handle = self.world.open(path, flags, mode(op, 1, FILE_MODE)?)?;
                self.world.close(handle)?;
            }
            "put" => {
                let flags = Open::CREAT | Open::TRUNC | Open::WRONLY;
                let handle = self.world.open(path, flags, FILE_MODE)?;
                if !op.text(1).is_empty() {
                    self.world.write(handle, op.path(1))?;
                }
                self.world.close(handle)?;
            }
            "mknod" => self.world.mknod(path, FILE_MODE)?,
            "mkfifo" => self.world.mkfifo(path, FILE_MODE)?,
            "mksock" => self.world.mksock(path, FILE_MODE)?,
            "mkdir" => self.world.mkdir(path, mode(op, 1, 0o755)?)?,
            "symlink" => self.world.symlink(path, op.path(1))?,
            "link" => self.world.link(path, op.path(1))?,
            "unlink" => self.world.unlink(path)?,
            "rmdir" => self.world.rmdir(path)?,
            "rename" => self.world.rename(path, op.path(1))?,
            "rename2" => self.world.rename2(path, op.path(1), op.flags(2, rename_flags)?)?,
            "truncate" => self.world.truncate(path, offset(op, 1))?,
            "chmod" => self.world.chmod(path, op.int(1)?)?,
            "chown" => self.world.chown(path, id(op, 1)?, id(op, 2)?)?,
            "lchown" => self.world.lchown(path, id(op, 1)?, id(op, 2)?)?,
            "utimens" => {
                let follow = op.try_bool(2).unwrap_or(true);
                self.world.utimens(path, times(op.try_text(1))?, follow)?;
            }
            "setxattr" => self.world.setxattr(path, op.path(1), op.path(2))?,
            "getxattr" => {
                self.world.getxattr(path, op.path(1))?;
            }
            "removexattr" => self.world.removexattr(path, op.path(1))?,
            "stat" => {
                self.world.stat(path)?;
            }
            "stat_enoent" => match self.world.stat(path) {
                Ok(_) => return Err(Stop::Fail("it exists".to_owned())),
                Err(ENOENT) => {}
                Err(errno) => return Err(Stop::Errno(errno)),
            },
            "readlink" => {
                self.world.readlink(path)?;
            }
            "listdir" => {
                self.world.listdir(path)?;
            }
            "chdir" => self.world.chdir(path)?,
            "mount_tmpfs" => self.world.mount_tmpfs(path)?,
            "mount_bind" => self.world.mount_bind(path, op.path(1))?,
            "umount" => self.world.umount(path)?,
            "open" => {
                let flags = open_flags(op.text(2))?;
                let handle = self.world.open(op.path(1), flags, mode(op, 3, FILE_MODE)?)?;
                self.names.handles.insert(op.text(0).to_owned(), handle);
            }
            _ => self.descriptors(op)?,
        }
        Ok(())
    }

    /// Operations on open files.
    fn descriptors(&mut self, op: &Op) -> Result<(), Stop> {
        let handle = self.handle(op, 0)?;
        match op.kind.name {
            "close" | "close_range" => {
                self.names.handles.remove(op.text(0));
                match op.kind.name {
                    "close" => self.world.close(handle)?,
                    _ => self.world.close_range(handle)?,
                }
            }
            "dup" => {
                let second = self.world.dup(handle)?;
                self.names.handles.insert(op.text(1).to_owned(), second);
            }
            "dup2_over" => self.world.dup2_over(handle, self.handle(op, 1)?)?,
            "read" => {
                let got = self.world.read(handle, op.int(1)?)?;
                if op.try_int(2).is_some() {
                    same(got.len(), op.int(2)?)?;
                }
            }
            "pread" => {
                self.world.pread(handle, op.int(1)?, offset(op, 2))?;
            }
            "write" => {
                self.world.write(handle, op.path(1))?;
            }
            "pwrite" => {
                self.world.pwrite(handle, op.path(1), offset(op, 2))?;
            }
            "writev" => {
                self.world.writev(handle, &op.texts(1))?;
            }
            "lseek" => {
                self.world.lseek(handle, op.int(1)?)?;
            }
            "fsync" => self.world.fsync(handle)?,
            "ftruncate" => self.world.ftruncate(handle, offset(op, 1))?,
            "fallocate" => self.world.fallocate(handle, offset(op, 1), offset(op, 2))?,
            "fchmod" => self.world.fchmod(handle, op.int(1)?)?,
            "futimens" => self.world.futimens(handle, times(op.try_text(1))?)?,
            "getdents" => {
                self.world.getdents(handle)?;
            }
            "sendfile" => {
                let input = self.handle(op, 1)?;
                self.world.sendfile(handle, input, op.int(2)?)?;
            }
            "copy_file_range" => {
                let out = self.handle(op, 1)?;
                self.world.copy_file_range(handle, out, op.int(2)?)?;
            }
            "splice_in" => {
                self.world.splice_in(handle, op.path(1))?;
            }
            "splice_out" => {
                self.world.splice_out(handle, op.int(1)?)?;
            }
            "mmap_store" => self.world.mmap_store(handle, op.path(1))?,
            "linkat_fd" => self.world.linkat_fd(handle, op.path(1))?,
            other => return Err(Stop::Fail(format!("{other} is not run by this runner"))),
        }
        Ok(())
    }
}
