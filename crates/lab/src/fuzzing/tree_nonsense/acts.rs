//! Acts on names and objects.

use arbitrary::Arbitrary;
use vfsnotify::notify::{Lookup, Pruning};
use vfsnotify::tree::InodeSpec;
use vfsnotify::{Errno, InodeKind};

use super::listening;
use super::pools::{Pools, keep, pick, take};

/// A name, valid or not.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct AnyName(u8);

impl AnyName {
    pub(super) fn bytes(self) -> &'static [u8] {
        const LONG: [u8; 300] = [b'n'; 300];
        match self.0 % 32 {
            0 => b"",
            1 => b".",
            2 => b"..",
            3 => b"a/b",
            4 => b"a\0",
            5 => &LONG[..255],
            6 => &LONG[..256],
            7 => &LONG,
            8..14 => b"a",
            14..20 => b"b",
            20..26 => b"c",
            _ => b"f",
        }
    }
}

/// An act; each byte is a place in a pool.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Act {
    AddSuperblock {
        tree: u8,
        ino: u8,
    },
    MakeInode {
        tree: u8,
        superblock: u8,
        ino: u8,
        kind: u8,
        nlink: u8,
    },
    Instantiate {
        tree: u8,
        dir: u8,
        name: AnyName,
        inode: u8,
    },
    InstantiateUnnamed {
        tree: u8,
        dir: u8,
        name: AnyName,
        inode: u8,
    },
    Lookup {
        tree: u8,
        dir: u8,
        name: AnyName,
    },
    RememberMissing {
        tree: u8,
        dir: u8,
        name: AnyName,
    },
    ForgetMissing {
        tree: u8,
        dir: u8,
        name: AnyName,
    },
    DirectoryDentry {
        tree: u8,
        inode: u8,
    },
    Unhash {
        tree: u8,
        dentry: u8,
        remember: bool,
    },
    Rename {
        tree: u8,
        dentry: u8,
        dir: u8,
        name: AnyName,
    },
    Exchange {
        tree: u8,
        one: u8,
        two: u8,
    },
    /// Within one tree, so that it is not refused.
    RenameInside {
        dentry: u8,
        dir: u8,
        name: AnyName,
    },
    ExchangeInside {
        one: u8,
        two: u8,
    },
    DentryById {
        tree: u8,
        id: u8,
    },
    InodeById {
        tree: u8,
        id: u8,
    },
    InodeOf {
        dentry: u8,
    },
    Parent {
        dentry: u8,
    },
    SetNlink {
        inode: u8,
        nlink: u8,
    },
    Drop {
        dentry: u8,
    },
    Remove {
        notifier: u8,
        dentry: u8,
    },
    DropInode {
        inode: u8,
    },
    DropSuperblock {
        superblock: u8,
    },
    BeginPruning {
        dentry: u8,
    },
    Prune {
        pruning: u8,
        steps: u8,
    },
    EndPruning {
        pruning: u8,
    },
    Reap {
        notifier: u8,
        steps: u8,
    },
    Unmount {
        notifier: u8,
        superblock: u8,
    },
    Listen(listening::Act),
}

const KINDS: [InodeKind; 4] =
    [InodeKind::Directory, InodeKind::Regular, InodeKind::Directory, InodeKind::Fifo];

impl Act {
    /// Does it; whether it fails is its own business.
    pub(super) fn run(self, pools: &mut Pools) {
        if let Self::Listen(act) = self {
            act.run(pools);
        } else if self.on_objects(pools).is_none() {
            self.on_names(pools);
        }
    }

    /// An act that makes and ends objects; `None` if it is something else, or a pool is empty.
    fn on_objects(self, pools: &mut Pools) -> Option<()> {
        match self {
            Self::AddSuperblock { tree, ino } => {
                let added = pick(&pools.notifiers, tree)?.add_superblock(u64::from(ino % 8));
                if let Ok((superblock, root)) = added {
                    keep(&mut pools.superblocks, superblock);
                    pools.keep_dentry(root);
                }
            }
            Self::MakeInode { tree, superblock, ino, kind, nlink } => {
                let superblock = pick(&pools.superblocks, superblock)?;
                let kind = *pick(&KINDS, kind)?;
                let spec = InodeSpec::new(u64::from(ino % 16), kind, u32::from(nlink));
                let made = pick(&pools.trees, tree)?.make_inode(superblock, spec);
                made.into_iter().for_each(|inode| drop(keep(&mut pools.inodes, inode)));
            }
            Self::DentryById { tree, id } => {
                let found = pick(&pools.notifiers, tree)?.dentry(*pick(&pools.dentry_ids, id)?);
                found.into_iter().for_each(|dentry| pools.keep_dentry(dentry));
            }
            Self::InodeById { tree, id } => {
                let found = pick(&pools.trees, tree)?.inode(*pick(&pools.inode_ids, id)?);
                found.into_iter().for_each(|inode| drop(keep(&mut pools.inodes, inode)));
            }
            Self::InodeOf { dentry } => {
                let inode = pick(&pools.dentries, dentry)?.inode_ref();
                keep(&mut pools.inodes, inode);
            }
            Self::SetNlink { inode, nlink } => {
                pick(&pools.inodes, inode)?.get().set_nlink(u32::from(nlink % 3));
            }
            Self::Drop { dentry } => drop(take(&mut pools.dentries, dentry)?),
            Self::Remove { notifier, dentry } => {
                let dentry = take(&mut pools.dentries, dentry)?;
                let _ = pick(&pools.notifiers, notifier)?.hooks().remove(dentry);
            }
            Self::DropInode { inode } => drop(take(&mut pools.inodes, inode)?),
            Self::DropSuperblock { superblock } => drop(take(&mut pools.superblocks, superblock)?),
            Self::BeginPruning { dentry } => {
                let below = Pruning::below(pick(&pools.dentries, dentry)?.clone());
                keep(&mut pools.prunings, below);
            }
            Self::Prune { pruning, steps } => {
                let mut pruning = take(&mut pools.prunings, pruning)?;
                (0..steps % 32).take_while(|_| pruning.step()).for_each(drop);
                keep(&mut pools.prunings, pruning);
            }
            Self::EndPruning { pruning } => {
                let root = take(&mut pools.prunings, pruning)?.into_root();
                pools.keep_dentry(root);
            }
            Self::Reap { notifier, steps } => {
                let notifier = pick(&pools.notifiers, notifier)?;
                (0..steps % 32).take_while(|_| notifier.reap_step(|_, _, _| {})).for_each(drop);
            }
            Self::Unmount { notifier, superblock } => {
                let superblock = pick(&pools.superblocks, superblock)?;
                pick(&pools.notifiers, notifier)?.on_unmount(superblock);
            }
            _ => return None,
        }
        Some(())
    }

    /// An act that finds and changes names; `None` if it is something else, or a pool is empty.
    fn on_names(self, pools: &mut Pools) -> Option<()> {
        let found = match self {
            Self::Instantiate { tree, dir, name, inode } => {
                let (dir, inode) = (pick(&pools.dentries, dir)?, pick(&pools.inodes, inode)?);
                let notifier = pick(&pools.notifiers, tree)?;
                // The upper bits of the place say with which events.
                match tree >> 6 {
                    0 => notifier.hooks().create(dir.get(), name.bytes(), inode.clone()).ok(),
                    1 => notifier.hooks().link(dir.get(), name.bytes(), inode.clone()).ok(),
                    _ => notifier.instantiate(dir.get(), name.bytes(), inode.clone()).ok(),
                }
            }
            Self::InstantiateUnnamed { tree, dir, name, inode } => {
                let (dir, inode) = (pick(&pools.dentries, dir)?, pick(&pools.inodes, inode)?);
                let notifier = pick(&pools.notifiers, tree)?;
                notifier.instantiate_unnamed(dir.get(), name.bytes(), inode.clone()).ok()
            }
            Self::Lookup { tree, dir, name } => {
                let dir = pick(&pools.dentries, dir)?;
                match pick(&pools.notifiers, tree)?.lookup(dir.get(), name.bytes()) {
                    Ok(Lookup::Positive(dentry)) => Some(dentry),
                    _ => None,
                }
            }
            Self::RememberMissing { tree, dir, name } => {
                let dir = pick(&pools.dentries, dir)?;
                let _ = pick(&pools.notifiers, tree)?.remember_missing(dir.get(), name.bytes());
                None
            }
            Self::ForgetMissing { tree, dir, name } => {
                let dir = pick(&pools.dentries, dir)?;
                let _ = pick(&pools.notifiers, tree)?.forget_missing(dir.get(), name.bytes());
                None
            }
            Self::DirectoryDentry { tree, inode } => {
                pick(&pools.notifiers, tree)?.directory_dentry(pick(&pools.inodes, inode)?)
            }
            Self::Unhash { tree, dentry, remember } => {
                let dentry = pick(&pools.dentries, dentry)?;
                pick(&pools.notifiers, tree)?.unhash(dentry.get(), remember).ok()?
            }
            Self::Rename { tree, dentry, dir, name } => {
                let (dentry, dir) = (pick(&pools.dentries, dentry)?, pick(&pools.dentries, dir)?);
                let notifier = pick(&pools.notifiers, tree)?;
                notifier.move_dentry(dentry.get(), dir.get(), name.bytes()).ok()?
            }
            Self::RenameInside { dentry, dir, name } => {
                let (dentry, dir) = (pick(&pools.dentries, dentry)?, pick(&pools.dentries, dir)?);
                let renamed =
                    dentry.notifier().hooks().rename(dentry.get(), dir.get(), name.bytes());
                let itself = dentry == dir && dentry.get().is_dir();
                assert!(!itself || renamed.is_err(), "{dentry:?} is in itself");
                None
            }
            Self::Exchange { tree, one, two } => {
                let (one, two) = (pick(&pools.dentries, one)?, pick(&pools.dentries, two)?);
                let _ = pick(&pools.notifiers, tree)?.exchange_dentries(one.get(), two.get());
                None
            }
            Self::ExchangeInside { one, two } => {
                let (one, two) = (pick(&pools.dentries, one)?, pick(&pools.dentries, two)?);
                let exchanged = one.notifier().hooks().exchange(one.get(), two.get());
                let kind = exchanged.map_err(|error| error.errno());
                assert_ne!(kind, Err(Errno::EIO));
                None
            }
            Self::Parent { dentry } => pick(&pools.dentries, dentry)?.parent(),
            _ => return None,
        };
        found.into_iter().for_each(|dentry| pools.keep_dentry(dentry));
        Some(())
    }
}
