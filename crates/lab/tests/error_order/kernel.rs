//! The kernel's side: a tmpfs in a mount namespace of the thread's own.

use std::path::Path;

use lab::kernel::KernelWorld;
use lab::op::Op;
use nix::sched::{CloneFlags, unshare};
use rustix::mount::{self, MountFlags, MountPropagationFlags};
use rustix::thread::set_thread_groups;

use crate::calls::{Mounted, plant};

/// A world with the tree in it, mounted so. Leaves the thread in a mount namespace of its own.
///
/// # Errors
/// If the thread may not mount.
pub(crate) fn world(top: &Path, mounted: Mounted) -> Result<KernelWorld, String> {
    let step =
        |what: &str, done: rustix::io::Result<()>| done.map_err(|error| format!("{what}: {error}"));
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| format!("unshare: {error}"))?;
    step("give up the further groups", set_thread_groups(&[]))?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    step("make / private", mount::mount_change("/", private))?;
    step("mount", mount::mount("none", top, "tmpfs", MountFlags::empty(), c"mode=755"))?;
    let mut world = KernelWorld::new(top).map_err(|error| format!("a world: {error}"))?;
    crate::enter_fresh_tree(&mut world, 1);
    plant(&mut world);
    match mounted {
        Mounted::Writable => {}
        Mounted::ReadOnlyBind => {
            let flags = MountFlags::BIND | MountFlags::RDONLY;
            step("bind", mount::mount_bind(top, top))?;
            step("remount the bind", mount::mount_remount(top, flags, ""))?;
        }
        Mounted::ReadOnlySuperblock => {
            step("remount", mount::mount_remount(top, MountFlags::RDONLY, ""))?;
        }
    }
    // By the path: through what is mounted there now.
    let tree = world.root().join("tree1");
    let path = tree.as_os_str().as_encoded_bytes().into();
    crate::calls::must(&mut world, Op::Chdir { path });
    Ok(world)
}
