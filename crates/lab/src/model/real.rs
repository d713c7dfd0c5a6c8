//! The crate as a case begins with it.

use std::sync::{Arc, Weak};

use crate::vfs_world::names::path_from;
use vfsnotify::notify::NotifyConfig;
use vfsnotify::{Credentials, Errno, MemFs, Pace, RenameFlags, TreeConfig, Vfs, Yielder};

use super::case::{CONTEXTS, Hint, Setup};
use crate::op::{Op, Step};
use crate::outcome::{Done, Event, Outcome};
use crate::vfs_world::{VfsWorld, limits};
use crate::world::World;

fn system(setup: Setup) -> MemFs {
    let builder = MemFs::builder().size_limit(setup.bytes).inode_limit(setup.inodes);
    builder.root_mode(setup.root_mode).build()
}

/// A world with the limits and the contexts of a case.
pub(crate) fn world(setup: Setup) -> VfsWorld {
    let Setup { caps, files, negatives, .. } = setup;
    let first = Arc::new(system(setup));
    let weak = Arc::downgrade(&first);
    let pace = Pace::default().with_yielder(Yielder::None);
    let vfs = Vfs::builder()
        .tree(
            TreeConfig::default()
                .with_negatives(negatives)
                .with_negatives_per_directory(negatives)
                .with_dentries(setup.dentries()),
        )
        .notify(NotifyConfig::default().with_limits(limits(caps)).with_pace(pace))
        .max_open_files(files)
        .build(first)
        .expect("a VFS");
    let context = |identity: crate::op::Identity| {
        let credentials =
            Credentials::new(identity.uid, identity.gid).with_groups(identity.groups.to_vec());
        vfs.context().with_credentials(credentials).with_user(identity.user)
    };
    let contexts = CONTEXTS.map(context).to_vec();
    VfsWorld::of(vfs, contexts, weak, move || system(setup))
}

/// Inodes and bytes of each file system that there is.
pub(crate) fn space(world: &VfsWorld) -> Vec<(u64, u64)> {
    let alive = world.systems().iter().filter_map(Weak::upgrade);
    alive.map(|fs| (fs.stats().inodes, fs.stats().bytes)).collect()
}

/// Does one operation, and says what the model cannot know of it.
pub(crate) fn apply(world: &mut VfsWorld, step: &Step) -> (Done, Hint) {
    if !step.op.is_quiet() {
        // No rule says which events of children a watch gets before it is ready.
        world.finish_pending();
    }
    let done = world.apply(step);
    let mut hint = Hint::default();
    match (&step.op, &done) {
        (Op::Open { slot, .. }, Ok(Outcome::Done)) => {
            hint.ino = world.file(*slot).map(|file| file.dentry().inode().ino());
        }
        (Op::Rename { flags, .. }, Ok(_)) if flags.contains(RenameFlags::WHITEOUT) => {
            look_up_whiteout(world, step);
        }
        (_, Ok(Outcome::Events(events))) => {
            const UNMOUNT: u32 = 0x2000;
            let unmounts = events.iter().filter(|event: &&Event| event.mask & UNMOUNT != 0);
            hint.unmounted = unmounts.map(|event| event.wd).collect();
        }
        _ => {}
    }
    (done, hint)
}

/// The file system made it: the tree knows it when it is looked up. The way there may be another now.
fn look_up_whiteout(world: &VfsWorld, step: &Step) {
    let Op::Rename { old, .. } = &step.op else { return };
    let superuser = world.context(step.by).clone().with_credentials(Credentials::new(0, 0));
    let old = path_from(world.bases(step).0, old).no_follow();
    match world.vfs().stat(&superuser, old) {
        Ok(_) => {}
        Err(error) => assert_ne!(error.errno(), Errno::EIO, "a look-up of a whiteout"),
    }
}
