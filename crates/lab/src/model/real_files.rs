//! Operations on open files, on the crate.

use std::io::{IoSliceMut, SeekFrom};

use vfsnotify::{DirEntryBuf, File};

use super::files::data;
use super::ops::{Op, Outcome, Step};
use super::real::{Done, Real, stat, time};

pub(super) fn names(entries: &[DirEntryBuf]) -> Outcome {
    let text = |entry: &DirEntryBuf| String::from_utf8_lossy(&entry.name).into_owned();
    Outcome::Names(entries.iter().map(text).collect())
}

fn filled(len: usize, read: impl FnOnce(&mut [u8]) -> Done<usize>) -> Done {
    let mut buf = vec![0; len];
    let count = read(&mut buf)?;
    buf.truncate(count);
    Ok(Outcome::Data(buf))
}

impl Op {
    /// Whether it works on a handle.
    pub(super) fn is_of_slot(&self) -> bool {
        self.first_slot().is_some()
    }

    fn first_slot(&self) -> Option<usize> {
        match self {
            Self::Copy { from: slot, .. }
            | Self::Send { from: slot, .. }
            | Self::LinkFile(slot, _)
            | Self::Read(slot, _)
            | Self::Pread { slot, .. }
            | Self::Readv(slot, _)
            | Self::Write(slot, _)
            | Self::Pwrite { slot, .. }
            | Self::ReadDir { slot, .. }
            | Self::Seek(slot, _)
            | Self::TruncateFile(slot, _)
            | Self::Allocate { slot, .. }
            | Self::ChmodFile(slot, _)
            | Self::ChownFile(slot, _)
            | Self::UtimensFile { slot, .. }
            | Self::StatFile(slot) => Some(*slot),
            _ => None,
        }
    }
}

impl Real {
    pub(super) fn on_slot(&self, step: &Step) -> Done {
        let slot = step.op.first_slot();
        let Some(file) = slot.and_then(|slot| self.slots[slot].as_ref()) else {
            return Ok(Outcome::Done);
        };
        match &step.op {
            Op::Copy { to, len, offsets, .. } => {
                let (mut from_offset, mut to_offset) = *offsets;
                let Some(to) = &self.slots[*to] else { return Ok(Outcome::Done) };
                let offsets = (from_offset.as_mut(), to_offset.as_mut());
                return file.copy_file_range(offsets.0, to, offsets.1, *len).map(Outcome::Count);
            }
            Op::Send { to, len, offset, .. } => {
                let mut offset = *offset;
                let Some(to) = &self.slots[*to] else { return Ok(Outcome::Done) };
                return file.sendfile(offset.as_mut(), to, *len).map(Outcome::Count);
            }
            _ => {}
        }
        self.on_file(step, file)
    }

    fn on_file(&self, step: &Step, file: &File) -> Done {
        let cx = self.cx(step);
        match &step.op {
            Op::LinkFile(_, path) => {
                self.vfs.link_file(cx, file, self.at(step), path.text())?;
            }
            Op::Read(_, len) => return filled(*len, |buf| file.read(buf)),
            Op::Pread { len, offset, .. } => return filled(*len, |buf| file.pread(buf, *offset)),
            // In two pieces, so that a short one shows.
            Op::Readv(_, len) => {
                return filled(*len, |buf| {
                    let (one, two) = buf.split_at_mut(len / 2);
                    file.readv(&mut [IoSliceMut::new(one), IoSliceMut::new(two)])
                });
            }
            Op::Write(_, len) => return file.write(&data(*len)).map(Outcome::Count),
            Op::Pwrite { len, offset, .. } => {
                return file.pwrite(&data(*len), *offset).map(Outcome::Count);
            }
            Op::ReadDir { budget, .. } => return Ok(names(&file.read_dir(*budget)?)),
            Op::Seek(_, offset) => drop(file.seek(SeekFrom::Start(*offset))?),
            Op::TruncateFile(_, len) => file.truncate(*len)?,
            Op::Allocate { flags, offset, len, .. } => file.fallocate(*flags, *offset, *len)?,
            Op::ChmodFile(_, mode) => file.chmod(cx, *mode)?,
            Op::ChownFile(_, (uid, gid)) => file.chown(cx, *uid, *gid)?,
            Op::UtimensFile { atime, mtime, .. } => {
                file.utimens(cx, time(*atime), time(*mtime))?;
            }
            Op::StatFile(_) => return file.stat().map(|found| stat(&found)),
            op => unreachable!("{op:?} is not of one open file"),
        }
        Ok(Outcome::Done)
    }
}
