//! A hash index that grows without a stall: linear hashing, one bucket split per insert.
//!
//! The index owns only the heads of the chains. The caller stores the nodes, their hashes and their
//! links, so an entry costs four bytes here. No step allocates, copies or frees anything of the size of
//! the table: heads come in pages of 1024, and an insert or a removal touches one chain to change it
//! and one chain to split or merge it.

use crate::base::paged_vec::PagedVec;
use crate::base::slot_index::Ix;
use crate::base::sync::count_items;

/// The storage of an index's nodes: the slots of an arena.
pub(crate) trait Chained {
    /// A node's slot.
    type Slot;
    /// The hash of a node.
    fn hash(&self, node: Ix<Self::Slot>) -> u32;
    /// The node after it in its chain.
    fn next(&self, node: Ix<Self::Slot>) -> Option<Ix<Self::Slot>>;
    /// Links a node to another.
    fn set_next(&mut self, node: Ix<Self::Slot>, next: Option<Ix<Self::Slot>>);
}

/// The heads of the chains.
#[derive(Debug)]
pub(crate) struct ChainIndex<T> {
    heads: PagedVec<Option<Ix<T>>>,
    /// Buckets below `split` have been split in this round; the round ends at `1 << level`.
    level: u32,
    split: usize,
    len: usize,
}

impl<T> Default for ChainIndex<T> {
    fn default() -> Self {
        Self { heads: PagedVec::default(), level: 0, split: 0, len: 0 }
    }
}

impl<T> ChainIndex<T> {
    /// How many nodes are in it.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn bucket(&self, hash: u32) -> usize {
        let bucket = hash as usize & ((1 << self.level) - 1);
        if bucket < self.split { hash as usize & ((1 << (self.level + 1)) - 1) } else { bucket }
    }

    fn head(&self, bucket: usize) -> Option<Ix<T>> {
        *self.heads.get(bucket)
    }

    fn set_head(&mut self, bucket: usize, node: Option<Ix<T>>) {
        *self.heads.get_mut(bucket) = node;
    }

    /// Finds the first node with this hash that `matches`.
    pub(crate) fn find(
        &self,
        nodes: &impl Chained<Slot = T>,
        hash: u32,
        mut matches: impl FnMut(Ix<T>) -> bool,
    ) -> Option<Ix<T>> {
        if self.heads.len() == 0 {
            return None;
        }
        let mut next = self.head(self.bucket(hash));
        while let Some(node) = next {
            count_items(1);
            if nodes.hash(node) == hash && matches(node) {
                return Some(node);
            }
            next = nodes.next(node);
        }
        None
    }

    /// Inserts a node and returns how many nodes were touched, which is bounded by the longest
    /// chain and not by the size of the index.
    pub(crate) fn insert(&mut self, nodes: &mut impl Chained<Slot = T>, node: Ix<T>) -> usize {
        if self.heads.len() == 0 {
            self.heads.push(None);
        }
        let bucket = self.bucket(nodes.hash(node));
        nodes.set_next(node, self.head(bucket));
        self.set_head(bucket, Some(node));
        self.len += 1;
        1 + if self.len > self.heads.len() { self.split_one(nodes) } else { 0 }
    }

    fn split_one(&mut self, nodes: &mut impl Chained<Slot = T>) -> usize {
        let mut touched = 0;
        let mut rest = self.head(self.split);
        let (mut stay, mut go) = (None, None);
        while let Some(node) = rest {
            rest = nodes.next(node);
            let list = if nodes.hash(node) >> self.level & 1 == 0 { &mut stay } else { &mut go };
            nodes.set_next(node, *list);
            *list = Some(node);
            touched += 1;
        }
        count_items(touched);
        self.set_head(self.split, stay);
        self.heads.push(go);
        self.split += 1;
        if self.split == 1 << self.level {
            self.split = 0;
            self.level += 1;
        }
        touched
    }

    /// Removes a node that is in the index.
    pub(crate) fn remove(&mut self, nodes: &mut impl Chained<Slot = T>, node: Ix<T>) {
        let after = nodes.next(node);
        self.relink(nodes, node, after);
        self.len -= 1;
        // The table shrinks when it is a quarter full, so that alternating inserts and removals do not
        // split and merge at every turn; four merges keep up with one removal.
        for _ in 0..4 {
            if self.heads.len() > 1 && self.len < self.heads.len() / 4 {
                self.merge_one(nodes);
            }
        }
    }

    /// Redirects the link to `node` to `to`.
    fn relink(&mut self, nodes: &mut impl Chained<Slot = T>, node: Ix<T>, to: Option<Ix<T>>) {
        let bucket = self.bucket(nodes.hash(node));
        let mut before = self.head(bucket);
        if before == Some(node) {
            return self.set_head(bucket, to);
        }
        while let Some(at) = before {
            count_items(1);
            let next = nodes.next(at);
            if next == Some(node) {
                return nodes.set_next(at, to);
            }
            before = next;
        }
        debug_assert!(false, "node {node} is not in the index");
    }

    fn merge_one(&mut self, nodes: &mut impl Chained<Slot = T>) {
        if self.split == 0 {
            self.level -= 1;
            self.split = 1 << self.level;
        }
        self.split -= 1;
        let mut rest = self.heads.pop().flatten();
        while let Some(node) = rest {
            count_items(1);
            rest = nodes.next(node);
            nodes.set_next(node, self.head(self.split));
            self.set_head(self.split, Some(node));
        }
    }

    /// Takes the first node of the first chain that has one, at or after `*bucket`, out of the
    /// index; looks at no more than `most` buckets.
    pub(crate) fn pop_any(
        &mut self,
        nodes: &mut impl Chained<Slot = T>,
        bucket: &mut usize,
        most: usize,
    ) -> Option<Ix<T>> {
        for _ in 0..most {
            count_items(1);
            if *bucket >= self.heads.len() {
                *bucket = 0;
                return None;
            }
            if let Some(head) = self.head(*bucket) {
                let next = nodes.next(head);
                self.set_head(*bucket, next);
                self.len -= 1;
                return Some(head);
            }
            *bucket += 1;
        }
        None
    }

    /// How many buckets there are.
    #[cfg(test)]
    pub(crate) fn buckets(&self) -> usize {
        self.heads.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash and the next node; numbered from 1.
    struct Node(u32, Option<Ix<Node>>);

    #[derive(Default)]
    struct Nodes(Vec<Node>);

    fn nth(n: u32) -> Ix<Node> {
        Ix::from_word(n + 1).unwrap()
    }

    impl Chained for Nodes {
        type Slot = Node;
        fn hash(&self, node: Ix<Node>) -> u32 {
            self.0[node.word() as usize - 1].0
        }
        fn next(&self, node: Ix<Node>) -> Option<Ix<Node>> {
            self.0[node.word() as usize - 1].1
        }
        fn set_next(&mut self, node: Ix<Node>, next: Option<Ix<Node>>) {
            self.0[node.word() as usize - 1].1 = next;
        }
    }

    fn spread(n: u32) -> u32 {
        let h = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((h ^ (h >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32) as u32
    }

    #[test]
    fn a_node_is_found_until_it_is_removed() {
        let mut nodes = Nodes::default();
        let mut index = ChainIndex::default();
        for n in 0..5000 {
            nodes.0.push(Node(spread(n), None));
            index.insert(&mut nodes, nth(n));
        }
        for n in 0..5000 {
            assert_eq!(index.find(&nodes, spread(n), |found| found == nth(n)), Some(nth(n)));
        }
        for n in 0..4990 {
            index.remove(&mut nodes, nth(n));
            assert_eq!(index.find(&nodes, spread(n), |found| found == nth(n)), None);
        }
        for n in 4990..5000 {
            assert_eq!(index.find(&nodes, spread(n), |found| found == nth(n)), Some(nth(n)));
        }
        assert_eq!(index.len(), 10);
        assert!(index.buckets() <= 44, "{} buckets for 10 nodes", index.buckets());
    }

    #[test]
    fn an_insert_touches_one_chain_however_large_the_index_is() {
        let mut nodes = Nodes::default();
        let mut index = ChainIndex::default();
        let mut worst = 0;
        for n in 0..300_000 {
            nodes.0.push(Node(spread(n), None));
            worst = worst.max(index.insert(&mut nodes, nth(n)));
        }
        assert!(worst < 24, "one insert touched {worst} entries");
    }

    #[test]
    fn everything_can_be_popped() {
        let mut nodes = Nodes::default();
        let mut index = ChainIndex::default();
        for n in 0..100 {
            nodes.0.push(Node(spread(n), None));
            index.insert(&mut nodes, nth(n));
        }
        let mut bucket = 0;
        let mut popped = 0;
        while index.len() > 0 {
            if index.pop_any(&mut nodes, &mut bucket, 8).is_some() {
                popped += 1;
            }
        }
        assert_eq!(popped, 100);
    }
}
