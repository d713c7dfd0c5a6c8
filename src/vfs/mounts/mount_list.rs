//! The public list of mounts, as /proc/mounts has it.

use std::collections::HashMap;

use crate::base::sync::Arc;
use crate::notify::ancestor_query::ClimbBudget;
use crate::vfs::Vfs;
use crate::vfs::context::Context;
use crate::vfs::mounts::mount::Mount;
use crate::vfs::resolve::location::Location;
use crate::vfs::resolve::path_of::{Names, Reached};

/// One line of [`Vfs::mounts`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MountInfo {
    /// A number that no other mount of this VFS ever has.
    pub id: u64,
    /// The mount it is on; `None` for the first.
    pub parent: Option<u64>,
    /// Where it is, seen from the caller's root.
    pub path: Vec<u8>,
    /// The file system it shows: equal for two mounts of one file system.
    pub superblock: crate::tree::SuperblockId,
    /// Whether it refuses changes, because the mount or its superblock is read-only.
    pub read_only: bool,
}

impl Vfs {
    /// The mounts that can be reached from the caller's root, each after the one it is on.
    ///
    /// Mounts that come and go meanwhile may or may not be among them. None is busy because of this,
    /// but what it is on. A mount whose path would be longer than one may be (4095 bytes) is left out.
    ///
    /// Takes the mount table's lock for reading for a bounded time, again and again; O(mounts times
    /// depth), where no depth counts for more than the 2048 names of a path. The result takes up to
    /// 4 KiB for each mount.
    ///
    /// ```
    /// use vfsnotify::{MemFs, Vfs};
    /// let vfs = Vfs::new(MemFs::new())?;
    /// let cx = vfs.context();
    /// vfs.mkdir(&cx, "/m", 0o755)?;
    /// vfs.mount(&cx, "/m", MemFs::new())?;
    /// let paths: Vec<_> = vfs.mounts(&cx).into_iter().map(|mount| mount.path).collect();
    /// assert_eq!(paths, [&b"/"[..], b"/m"]);
    /// # Ok::<(), vfsnotify::Error>(())
    /// ```
    #[must_use]
    pub fn mounts(&self, cx: &Context) -> Vec<MountInfo> {
        if !Arc::ptr_eq(cx.root().dentry.tree(), self.tree()) {
            // A context of another VFS reaches none.
            return Vec::new();
        }
        let (first, end) = {
            let table = self.mount_table().read();
            (describe(table.first()), table.next_id())
        };
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let (some, last) = self.mount_table().read().batch(after);
            if last.is_none() {
                break;
            }
            keys.extend(some);
            after = last;
        }
        // One that came meanwhile may have been seen although the one it is on was not.
        keys.retain(|(id, _)| *id < end);
        // A mount is younger than the one it is on.
        keys.sort_unstable_by_key(|(id, _)| *id);
        let others = keys.into_iter().filter_map(|(id, key)| {
            let table = self.mount_table().read();
            table.get(key).filter(|mount| mount.id() == id).map(|mount| describe(mount))
        });
        let (mut infos, mut places) = (Vec::new(), HashMap::new());
        for (mut info, on) in std::iter::once(first).chain(others) {
            let Some(path) = self.mount_path(cx, info.id, on, &infos, &places) else { continue };
            info.path = path;
            places.insert(info.id, infos.len());
            infos.push(info);
        }
        infos
    }

    /// The path of a mount: that of the mount that it is on, which has been found before, and the names in
    /// that. So the mounts on the way are not gone through again for each.
    fn mount_path(
        &self,
        cx: &Context,
        id: u64,
        on: Option<Location>,
        infos: &[MountInfo],
        places: &HashMap<u64, usize>,
    ) -> Option<Vec<u8>> {
        let root = cx.root();
        if id == root.mount.id() {
            return (root.dentry.get() == root.mount.root().get()).then(|| b"/".to_vec());
        }
        let on = on?;
        let mut names = Names::default();
        match self.names_up(&on, root, &mut names, &mut ClimbBudget::default()) {
            Reached::Root => names.into_path(b"/"),
            Reached::MountRoot => {
                let place = *places.get(&on.mount.id())?;
                names.into_path(&infos.get(place)?.path)
            }
            Reached::Outside | Reached::TooLong => None,
        }
    }
}

/// The line of a mount, but for its path, and what it is on. That does not make it busy.
fn describe(mount: &Mount) -> (MountInfo, Option<Location>) {
    let info = MountInfo {
        id: mount.id(),
        parent: mount.on().map(|on| on.mount.id()),
        path: Vec::new(),
        superblock: mount.mounted_fs().superblock().id(),
        read_only: mount.is_read_only(),
    };
    (info, mount.on().cloned().map(Location::from))
}
