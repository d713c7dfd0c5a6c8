//! The tags of a group that are in use, and the next one.

use std::collections::BTreeMap;

/// The tags in use, as runs. There is one run in ordinary use, so it costs nothing. Every operation takes O(log
/// runs), whatever tags a guest takes.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// From the first tag of each run to its last. Runs neither touch nor overlap.
    runs: BTreeMap<i32, i32>,
    /// The last tag that was allocated.
    last: i32,
}

impl Tags {
    /// The next free tag after the last one, wrapping around to 1 (RULE descriptor-order). It counts as the
    /// last one from then on, taken or not, so it is not reused soon. `None` if every tag is in use.
    pub(crate) fn next(&mut self) -> Option<i32> {
        let after = self.last.checked_add(1).unwrap_or(1).max(1);
        let tag = self.free_from(after).or_else(|| self.free_from(1))?;
        self.last = tag;
        Some(tag)
    }

    /// Sets the next tag to this one, or the next free one after it.
    pub(crate) fn set_next(&mut self, tag: i32) {
        self.last = tag - 1;
    }

    /// The first free tag from this one on.
    fn free_from(&self, tag: i32) -> Option<i32> {
        match self.runs.range(..=tag).next_back() {
            Some((_, end)) if *end >= tag => end.checked_add(1),
            _ => Some(tag),
        }
    }

    /// The first tag in use from this one on.
    pub(crate) fn used_from(&self, tag: i32) -> Option<i32> {
        match self.runs.range(..=tag).next_back() {
            Some((_, end)) if *end >= tag => Some(tag),
            _ => self.runs.range(tag..).next().map(|(start, _)| *start),
        }
    }

    /// Marks a free tag as used.
    pub(crate) fn take(&mut self, tag: i32) {
        let mut end = tag;
        if let Some(next) = tag.checked_add(1)
            && let Some(after) = self.runs.remove(&next)
        {
            end = after;
        }
        match self.runs.range_mut(..tag).next_back() {
            Some((_, before)) if *before == tag - 1 => *before = end,
            _ => {
                self.runs.insert(tag, end);
            }
        }
    }

    /// Marks a used tag as free.
    pub(crate) fn release(&mut self, tag: i32) {
        let Some((start, end)) = self.runs.range(..=tag).next_back() else { return };
        let (start, end) = (*start, *end);
        if end < tag {
            return;
        }
        if start == tag {
            self.runs.remove(&start);
        } else {
            self.runs.insert(start, tag - 1);
        }
        if end > tag {
            self.runs.insert(tag + 1, end);
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn tags_wrap_around_and_skip_tags_in_use() {
        let mut tags = Tags::default();
        for wanted in 1..=3 {
            assert_eq!(tags.next(), Some(wanted));
            tags.take(wanted);
        }
        tags.release(2);
        assert_eq!(tags.next(), Some(4), "a tag is not reused at once");
        tags.set_next(1);
        assert_eq!(tags.next(), Some(2));
        tags.take(2);
        assert_eq!(tags.next(), Some(4));
        tags.set_next(i32::MAX);
        assert_eq!(tags.next(), Some(i32::MAX));
        tags.take(i32::MAX);
        assert_eq!(tags.next(), Some(4), "wrapped around to 1");
    }

    #[test]
    fn runs_agree_with_a_set() {
        let (mut tags, mut set) = (Tags::default(), BTreeSet::new());
        let mut seed = 7_u64;
        for _ in 0..5000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let tag = (seed >> 40) as i32 % 60 + 1;
            if set.insert(tag) {
                tags.take(tag);
            } else {
                set.remove(&tag);
                tags.release(tag);
            }
            for from in 1..=62 {
                assert_eq!(tags.used_from(from), set.range(from..).next().copied());
                let free = (from..).find(|tag| !set.contains(tag));
                assert_eq!(tags.free_from(from), free);
            }
        }
    }
}
