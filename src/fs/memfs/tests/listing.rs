//! Listings while the directory changes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn full(count: usize) -> World {
    let world = World::new();
    for at in 0..count {
        world.file(&format!("f{at:03}"));
    }
    world
}

#[test]
fn a_listing_goes_on_after_any_cursor() {
    let world = full(100);
    let all = world.names(world.root);
    assert_eq!(all.len(), 100);
    assert!(all.is_sorted());
    for most in [1, 7, 31, 32, 33, 100, 200] {
        let (mut names, mut cursor) = (Vec::new(), 0);
        loop {
            let (some, last) = world.list(world.root, cursor, most);
            if some.is_empty() {
                break;
            }
            assert!(some.len() <= most && last > cursor && last > 2);
            names.extend(some);
            cursor = last;
        }
        assert_eq!(names, all);
    }
    assert!(world.list(world.root, u64::MAX, 1).0.is_empty());
}

#[test]
fn an_entry_says_what_it_is() {
    let world = World::new();
    let dir = world.dir(world.root, "d");
    let mut seen = Vec::new();
    let mut emit = |entry: crate::fs::DirEntry<'_>| {
        seen.push((entry.ino, entry.kind, entry.name.to_vec()));
        true
    };
    world.fs.readdir(world.root, 0, &mut emit).unwrap();
    assert_eq!(seen, [(dir, InodeKind::Directory, b"d".to_vec())]);
}

#[test]
fn a_program_that_changes_what_it_lists_comes_to_an_end() {
    let world = full(70);
    let root = world.root;
    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        let (names, last) = world.list(root, cursor, 1);
        let Some(name) = names.first() else { break };
        cursor = last;
        seen.push(name.clone());
        // Rewritten in the usual way: a new file is renamed over the old one.
        world.file("new");
        world.rename((root, "new"), (root, name), PLAIN).unwrap();
        // And given another name, and exchanged with another.
        world.rename((root, name), (root, &format!("{name}.old")), PLAIN).unwrap();
        if seen.len() > 1 {
            let first = format!("{}.old", seen[0]);
            let this = format!("{name}.old");
            world.rename((root, &this), (root, &first), RenameFlags::EXCHANGE).unwrap();
        }
        assert!(seen.len() <= 70);
    }
    assert_eq!(seen, (0..70).map(|at| format!("f{at:03}")).collect::<Vec<_>>());
}

#[test]
fn one_call_ends_although_every_entry_adds_another() {
    let world = full(40);
    let mut seen = 0;
    let mut emit = |entry: crate::fs::DirEntry<'_>| {
        seen += 1;
        world.file(&format!("again{}", entry.cursor));
        true
    };
    world.fs.readdir(world.root, 0, &mut emit).unwrap();
    assert_eq!((seen, world.names(world.root).len()), (40, 80));
}

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
                    let made = world.make(root, &name.to_string(), InodeKind::Regular);
                    prop_assert_eq!(made.is_ok(), !there.contains_key(&name));
                    there.entry(name).or_insert(false);
                }
                Step::Remove(name) => {
                    let removed = world.fs.unlink(root, name.to_string().as_bytes());
                    prop_assert_eq!(removed.is_ok(), there.remove(&name).is_some());
                }
                Step::Rename(from, to) => {
                    let (old, new) = (from.to_string(), to.to_string());
                    let moved = world.rename((root, &old), (root, &new), PLAIN);
                    prop_assert_eq!(moved.is_ok(), there.contains_key(&from));
                    if moved.is_ok() && from != to {
                        there.remove(&from);
                        there.entry(to).or_insert(false);
                    }
                }
                Step::Exchange(a, b) => {
                    let (old, new) = (a.to_string(), b.to_string());
                    let swapped = world.rename((root, &old), (root, &new), RenameFlags::EXCHANGE);
                    let both = there.contains_key(&a) && there.contains_key(&b);
                    prop_assert_eq!(swapped.is_ok(), both);
                }
                Step::List(most) => {
                    let (names, last) = world.list(root, cursor, most);
                    cursor = last;
                    for name in names {
                        *seen.entry(name).or_default() += 1;
                    }
                }
            }
        }
        for name in world.list(root, cursor, usize::MAX).0 {
            *seen.entry(name).or_default() += 1;
        }
        for (name, always) in there {
            if always {
                prop_assert_eq!(seen.get(&name.to_string()), Some(&1), "{}", name);
            }
        }
    }
}
