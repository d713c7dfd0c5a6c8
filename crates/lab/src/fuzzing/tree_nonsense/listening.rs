//! Acts on groups and watches, and hooks.

use arbitrary::Arbitrary;
use vfsnotify::EventMask;
use vfsnotify::inotify::{Inotify, WatchMask};
use vfsnotify::notify::EventPath;

use super::acts::AnyName;
use super::pools::{Pools, keep, pick, take};

/// An act; each byte is a place in a pool.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Act {
    NewGroup { notifier: u8 },
    CloseGroup { group: u8 },
    AddWatch { group: u8, inode: u8, mask: u32 },
    WatchAll { group: u8, inode: u8, flags: u8 },
    StartWatch { group: u8, inode: u8, flags: u8 },
    StepWatch { pending: u8 },
    WaitForWatch { pending: u8 },
    DropPending { pending: u8 },
    RemoveWatch { group: u8, watch: u8 },
    Drain { group: u8 },
    Hook { notifier: u8, which: u8, one: u8, two: u8, name: AnyName, bits: u32 },
}

/// A mask that is accepted, with flags.
fn mask(flags: u8) -> WatchMask {
    let some = [WatchMask::ONESHOT, WatchMask::EXCL_UNLINK, WatchMask::MASK_ADD];
    let chosen = some.into_iter().enumerate().filter(|(at, _)| flags >> at & 1 == 1);
    chosen.fold(WatchMask::ALL_EVENTS, |mask, (_, flag)| mask | flag)
}

impl Act {
    pub(super) fn run(self, pools: &mut Pools) {
        // Nothing is done where a pool is empty.
        let _ = self.on_groups(pools);
    }

    fn on_groups(self, pools: &mut Pools) -> Option<()> {
        match self {
            Self::NewGroup { notifier } => {
                let group = Inotify::new(pick(&pools.notifiers, notifier)?, 0).ok()?;
                keep(&mut pools.groups, group);
            }
            Self::CloseGroup { group } => pick(&pools.groups, group)?.close(),
            Self::AddWatch { group, inode, mask } => {
                let mask = WatchMask::from_bits_retain(mask);
                let inode = pick(&pools.inodes, inode)?;
                let watch = pick(&pools.groups, group)?.add_watch(inode, mask).ok()?;
                keep(&mut pools.watches, watch);
            }
            Self::WatchAll { group, inode, flags } => {
                let inode = pick(&pools.inodes, inode)?;
                let watch = pick(&pools.groups, group)?.add_watch(inode, mask(flags)).ok()?;
                keep(&mut pools.watches, watch);
            }
            Self::StartWatch { group, inode, flags } => {
                let inode = pick(&pools.inodes, inode)?;
                let started = pick(&pools.groups, group)?.start_watch(inode, mask(flags)).ok()?;
                keep(&mut pools.pending, started);
            }
            Self::StepWatch { pending } => {
                let mut pending_watch = take(&mut pools.pending, pending)?;
                pending_watch.step();
                keep(&mut pools.pending, pending_watch);
            }
            Self::WaitForWatch { pending } => {
                let watch = take(&mut pools.pending, pending)?.wait().ok()?;
                keep(&mut pools.watches, watch);
            }
            Self::DropPending { pending } => drop(take(&mut pools.pending, pending)?),
            Self::RemoveWatch { group, watch } => {
                let _ = pick(&pools.groups, group)?.rm_watch(*pick(&pools.watches, watch)?);
            }
            Self::Drain { group } => drop(pick(&pools.groups, group)?.drain()),
            Self::Hook { notifier, which, one, two, name, bits } => {
                let hooks = pick(&pools.notifiers, notifier)?.hooks();
                let (one, two) = (pick(&pools.dentries, one)?, pick(&pools.dentries, two)?);
                let (one, two, name) = (one.get(), two.get(), name.bytes());
                let through = EventPath::through(one, pick(&pools.mounts, which / 10)?);
                match which % 10 {
                    0 => hooks.on_open(through),
                    1 => hooks.on_close(one, bits & 1 == 1),
                    2 => hooks.on_access(one),
                    3 => hooks.on_modify(through),
                    4 => hooks.on_attrib(one, EventMask::from_bits_retain(bits)),
                    5 => hooks.on_create(one, name, two.inode()),
                    6 => hooks.on_link(one.inode(), two, name),
                    7 => hooks.on_delete(one, name, two.inode()),
                    8 => hooks.on_link_count(one.inode()),
                    _ => hooks.on_rename(one, name, two, b"new", one.inode(), Some(two.inode())),
                }
            }
        }
        Some(())
    }
}
