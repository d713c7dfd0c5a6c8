//! A listing that goes on while the directory changes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use vfsnotify::{FileSystem, RenameFlags};

use super::{ME, World};

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    Remove(u8),
    Rename(u8, u8),
    Exchange(u8, u8),
    List(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..24_u8;
    prop_oneof![
        3 => name().prop_map(Step::Add),
        2 => name().prop_map(Step::Remove),
        2 => (name(), name()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (name(), name()).prop_map(|(from, to)| Step::Exchange(from, to)),
        2 => (1..4_usize).prop_map(Step::List),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Names that are there for the whole of a listing are reported once, others at most once
    /// for each time they were there.
    #[test]
    fn a_listing_reports_what_stays_exactly_once(steps in prop::collection::vec(step(), 1..120)) {
        let world = World::new();
        let root = world.root;
        let mut there = BTreeMap::new();
        for at in 0..16_u8 {
            there.insert(at, true);
            world.file(&at.to_string());
        }
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut cursor = 0;
        // The value says whether the name has been there all the time.
        for step in steps {
            match step {
                Step::Add(name) => {
                    let made = world.make(&name.to_string());
                    prop_assert_eq!(made.is_ok(), !there.contains_key(&name));
                    there.entry(name).or_insert(false);
                }
                Step::Remove(name) => {
                    let removed = world.fs.unlink(ME, root, name.to_string().as_bytes());
                    prop_assert_eq!(removed.is_ok(), there.remove(&name).is_some());
                }
                Step::Rename(from, to) => {
                    let (old, new) = (from.to_string(), to.to_string());
                    let moved = world.rename(&old, &new, RenameFlags::empty());
                    prop_assert_eq!(moved.is_ok(), there.contains_key(&from));
                    if moved.is_ok() && from != to {
                        there.remove(&from);
                        there.entry(to).or_insert(false);
                    }
                }
                Step::Exchange(a, b) => {
                    let (old, new) = (a.to_string(), b.to_string());
                    let swapped = world.rename(&old, &new, RenameFlags::EXCHANGE);
                    let both = there.contains_key(&a) && there.contains_key(&b);
                    prop_assert_eq!(swapped.is_ok(), both);
                }
                Step::List(most) => {
                    let (names, last) = world.list(cursor, most);
                    cursor = last;
                    for name in names {
                        *seen.entry(name).or_default() += 1;
                    }
                }
            }
        }
        for name in world.list(cursor, usize::MAX).0 {
            *seen.entry(name).or_default() += 1;
        }
        for (name, always) in there {
            if always {
                prop_assert_eq!(seen.get(&name.to_string()), Some(&1), "{}", name);
            }
        }
    }
}
