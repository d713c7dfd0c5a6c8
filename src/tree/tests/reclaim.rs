//! The budget for positive dentries.

use super::*;
use crate::tree::reclaim::Candidates;

/// How far a cache of one page of slots can exceed its budget: each creation moves the CLOCK hand over
/// 256 of 4096 slots, and all candidates may be in the last of them.
const LAG: usize = 16;

/// A tree with a small budget, and a reclaimable file system in it.
struct Cache {
    tree: Arc<Tree>,
    file_system: (SuperblockRef, DeferringRef),
}

impl Cache {
    fn new(dentries: usize) -> Self {
        let tree = Tree::new(TreeConfig { dentries, ..TreeConfig::default() });
        let file_system = tree.add_reclaimable_superblock(1).unwrap();
        Self { tree, file_system }
    }

    /// Looks up `count` files of a file system, as if they were found there; returns the referenced
    /// ones.
    fn look_up(
        &self,
        (superblock, root): &(SuperblockRef, DeferringRef),
        inos: std::ops::Range<u64>,
    ) -> Vec<DeferringRef> {
        let make = |ino: u64| {
            let spec = InodeSpec { ino, kind: InodeKind::Regular, nlink: 1 };
            let inode = self.tree.make_inode(superblock, spec).unwrap();
            self.tree.instantiate(root.get(), ino.to_string().as_bytes(), inode).unwrap()
        };
        inos.map(make).collect()
    }

    /// The same one after the other: each is unreferenced when the next is looked up.
    fn flood(&self, of: &(SuperblockRef, DeferringRef), inos: std::ops::Range<u64>) {
        for ino in inos {
            drop(self.look_up(of, ino..ino + 1));
        }
    }

    fn is_cached(&self, (_, root): &(SuperblockRef, DeferringRef), ino: u64) -> bool {
        let found = self.tree.lookup(root.get(), ino.to_string().as_bytes()).unwrap();
        matches!(found, Known::Positive(_))
    }

    fn count_cached(
        &self,
        of: &(SuperblockRef, DeferringRef),
        inos: std::ops::Range<u64>,
    ) -> usize {
        inos.filter(|ino| self.is_cached(of, *ino)).count()
    }

    fn verify(&self) {
        self.tree.free_all_dead();
        self.tree.verify().unwrap();
    }
}

#[test]
fn a_flood_of_names_keeps_to_the_budget() {
    let cache = Cache::new(100);
    for ino in 2..5000 {
        cache.flood(&cache.file_system, ino..ino + 1);
        assert!(cache.tree.live_dentries() <= 101 + LAG, "{}", cache.tree.live_dentries());
    }
    cache.verify();
    assert!(cache.tree.live_inodes() <= 101 + LAG, "the inodes go with the dentries");
    assert!(cache.tree.live_dentries() > 90, "no more than must go");
}

#[test]
fn a_referenced_dentry_and_the_directories_above_it_stay() {
    let cache = Cache::new(10);
    let (superblock, root) = &cache.file_system;
    let mut dir = root.clone();
    for ino in 2..8 {
        let spec = InodeSpec { ino, kind: InodeKind::Directory, nlink: 2 };
        let inode = cache.tree.make_inode(superblock, spec).unwrap();
        dir = cache.tree.instantiate(dir.get(), b"d", inode).unwrap();
    }
    cache.flood(&cache.file_system, 10..2000);
    let mut at = Some(dir.clone());
    let mut depth = 0;
    while let Some(here) = at {
        assert!(here.get().is_hashed());
        depth += 1;
        at = here.parent();
    }
    assert_eq!(depth, 7);
    drop(dir);
    cache.flood(&cache.file_system, 2000..3000);
    cache.verify();
    assert!(matches!(cache.tree.lookup(root.get(), b"d").unwrap(), Known::Unknown));
}

/// A file system with less than the average share loses nothing to its neighbours, however many names
/// they look up and however old its own are.
#[test]
fn a_file_system_below_the_average_share_loses_nothing_to_a_flood_in_another() {
    let cache = Cache::new(1000);
    let small = cache.tree.add_reclaimable_superblock(1).unwrap();
    cache.flood(&small, 2..300);
    cache.flood(&cache.file_system, 2..20_000);
    assert_eq!(cache.count_cached(&small, 2..300), 298);
    assert!(cache.tree.live_dentries() <= 1002 + LAG, "{}", cache.tree.live_dentries());
    // A third file system lowers the average.
    let third = cache.tree.add_reclaimable_superblock(1).unwrap();
    cache.flood(&third, 2..20_000);
    assert_eq!(cache.count_cached(&small, 2..300), 298);
    let shares = [&cache.file_system, &third].map(|of| cache.count_cached(of, 2..20_000));
    assert!(shares.iter().all(|share| (200..=600).contains(share)), "{shares:?}");
    cache.verify();
}

#[test]
fn a_name_that_is_looked_up_again_and_again_stays() {
    let cache = Cache::new(100);
    cache.flood(&cache.file_system, 2..12);
    for ino in 100..3000 {
        assert_eq!(cache.count_cached(&cache.file_system, 2..12), 10, "before {ino}");
        cache.flood(&cache.file_system, ino..ino + 1);
    }
    cache.verify();
}

/// A tree has no file system to ask again: a program with a VFS of its own keeps its names.
#[test]
fn a_superblock_that_is_not_reclaimable_loses_nothing_and_does_not_count() {
    let cache = Cache::new(50);
    let own = cache.tree.add_superblock(1).unwrap();
    cache.flood(&own, 2..1000);
    cache.flood(&cache.file_system, 2..1000);
    assert_eq!(cache.count_cached(&own, 2..1000), 998);
    assert!(cache.count_cached(&cache.file_system, 2..1000) > 40, "a budget of its own");
    let all = Candidates { recent: true, for_directory: false, may_exceed_share: &|_| true };
    assert!(cache.tree.reclaim_dentries(20_000, 1000, all) > 40);
    assert_eq!(cache.count_cached(&own, 2..1000), 998);
    cache.verify();
}

#[test]
fn the_count_is_exact_when_superblocks_and_dentries_go() {
    let cache = Cache::new(1000);
    let other = cache.tree.add_reclaimable_superblock(1).unwrap();
    let held = cache.look_up(&other, 2..100);
    for dentry in &held {
        cache.tree.unhash(dentry.get(), false).unwrap();
    }
    drop(held);
    cache.flood(&other, 200..210);
    cache.tree.free_all_dead();
    assert_eq!(cache.tree.reclaimable_dentries(), 1 + 1 + 10);
    let root = other.1.get().inode().dir();
    let all = cache.tree.dentries.all();
    let gone = all.filter(|dentry| cache.tree.prune_dentry(*dentry, |link| link.dir() == root));
    assert_eq!(gone.count(), 10);
    drop(other);
    cache.tree.free_all_dead();
    assert_eq!(cache.tree.reclaimable_dentries(), 1);
    cache.verify();
}
