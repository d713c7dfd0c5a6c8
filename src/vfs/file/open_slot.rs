//! The place of one open file within the limits: given back when its description ends.

use std::fmt;

use crate::base::error::Result;
use crate::tree::SuperblockId;
use crate::vfs::Vfs;

/// One of the descriptions that there may be. Its drop is the end of an operation.
pub(crate) struct OpenSlot {
    vfs: Vfs,
    /// The user that is charged.
    user: u32,
    /// The file system of the open file: the close frees for it. `None` before it is opened.
    file_system: Option<SuperblockId>,
}

impl OpenSlot {
    /// # Errors
    /// `EMFILE` at the limit of the user, `ENFILE` at that of all.
    pub(crate) fn take(vfs: &Vfs, user: u32) -> Result<Self> {
        vfs.open_files().take(user)?;
        Ok(Self { vfs: vfs.clone(), user, file_system: None })
    }

    pub(crate) fn set_file_system(&mut self, file_system: SuperblockId) {
        self.file_system = Some(file_system);
    }

    pub(crate) fn user(&self) -> u32 {
        self.user
    }

    #[inline]
    pub(crate) fn vfs(&self) -> &Vfs {
        &self.vfs
    }
}

impl Drop for OpenSlot {
    fn drop(&mut self) {
        self.vfs.open_files().give(self.user);
        if let Some(file_system) = self.file_system
            && !std::thread::panicking()
        {
            self.vfs.file_systems().reap_after_operation(file_system);
        }
    }
}

impl fmt::Debug for OpenSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenSlot")
    }
}
