//! Listings while the directory changes.

use super::*;

fn full(count: usize) -> MemFsWorld {
    let world = MemFsWorld::new();
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
fn an_entry_has_its_kind() {
    let world = MemFsWorld::new();
    let dir = world.dir(world.root, "d");
    let mut seen = Vec::new();
    let mut emit = |entry: crate::fs::DirEntry<'_>| {
        seen.push((entry.ino, entry.kind, entry.name.to_vec()));
        true
    };
    world.fs.readdir(ME, world.root, NO, 0, &mut emit).unwrap();
    assert_eq!(seen, [(dir, InodeKind::Directory, b"d".to_vec())]);
}

#[test]
fn a_program_that_renames_entries_as_it_lists_them_comes_to_an_end() {
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
        // Then renamed, and exchanged with another.
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
    world.fs.readdir(ME, world.root, NO, 0, &mut emit).unwrap();
    assert_eq!((seen, world.names(world.root).len()), (40, 80));
}
