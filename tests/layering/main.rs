//! The layers import only downward, the files of a layer import one another in no circle, and locks and
//! atomics come from one place.
//!
//! The order is that of ARCHITECTURE's "Layers": `base`, `tree`, `notify`, `backend`, `fs`, `vfs`.

/// Reading a crate's imports.
mod source;
/// Splitting its files into tokens.
mod tokens;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use crate::source::Crate;

const LAYERS: [&str; 6] = ["base", "tree", "notify", "backend", "fs", "vfs"];

/// Locks and atomics by the paths under which a file could name them.
const BANNED: [&str; 10] = [
    "std::sync::atomic",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::Condvar",
    "std::sync::Once",
    "std::sync::mpsc",
    "core::sync",
    "parking_lot",
    "loom::",
    "shuttle::",
];

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            into.push(path);
        }
    }
}

/// The code of a file, without its comments and its tests' modules at the end.
fn code(path: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(path).expect("a source file");
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or("").to_owned()))
        .collect()
}

/// Imports upward by tests alone: file, layer, and why. The tests of notify need a back end to watch with, and
/// inotify is the one there is. They stay in notify, since they name what only notify may.
const TESTS_FROM_ABOVE: &[(&str, &str, &str)] = &[
    (
        "notify/hooks.rs",
        "backend",
        "a hook that matches is told from one that does not by its events",
    ),
    ("notify/marks/attach.rs", "backend", "a limit is met by making instances and watches"),
    ("notify/models/loom_ignores.rs", "backend", "an only mark is one of an inotify instance"),
    (
        "notify/tests/fanotify_like.rs",
        "backend",
        "other listeners beside one that combines have inotify instances",
    ),
    (
        "notify/tests/mod.rs",
        "backend",
        "the stage of every unit test of notify has inotify instances",
    ),
    (
        "notify/models/loom_connectors.rs",
        "backend",
        "adds race with unmounts and deaths through inotify",
    ),
    (
        "notify/models/loom_groups.rs",
        "backend",
        "groups are opened and closed as inotify instances",
    ),
    ("notify/models/loom_lifetime.rs", "backend", "a death is told by an inotify event"),
    ("notify/models/loom_marks.rs", "backend", "what a mark reports is read as inotify events"),
    ("notify/models/loom_queue.rs", "backend", "readers wait and are cancelled as inotify's are"),
    ("notify/models/shuttle_claims.rs", "backend", "one-shot marks are inotify's"),
    ("notify/models/shuttle_harness.rs", "backend", "whole operations end in inotify queues"),
    ("notify/models/shuttle_hooks.rs", "backend", "the order of groups is seen in inotify queues"),
    ("notify/models/shuttle_lifetimes.rs", "backend", "instances close beside every operation"),
    (
        "notify/models/shuttle_random.rs",
        "backend",
        "the events of all operations are read as inotify's",
    ),
    ("notify/models/shuttle_walks.rs", "backend", "an adder is a caller of add_watch"),
];

/// Imports that close a circle in their layer, and stay for now: from, to, and why. None does.
const CIRCLES: &[(&str, &str, &str)] = &[];

fn layer(file: &str) -> Option<usize> {
    let first = file.split('/').next()?;
    LAYERS.iter().position(|layer| *layer == first)
}

#[test]
fn no_layer_imports_from_one_above_it() {
    let imports = Crate::read(Path::new("src")).imports();
    assert!(imports.len() > 500, "only {} imports were found", imports.len());
    let mut used = BTreeSet::new();
    let mut wrong = Vec::new();
    for import in &imports {
        let (Some(own), Some(other)) = (layer(&import.from), layer(&import.to)) else { continue };
        if other <= own {
            continue;
        }
        let above = LAYERS[other];
        let exempt = TESTS_FROM_ABOVE
            .iter()
            .find(|(file, layer, _)| import.from == *file && *layer == above);
        match exempt {
            Some((file, layer, _)) if import.is_test => _ = used.insert((*file, *layer)),
            _ => {
                wrong.push(format!("{} imports from {}, which is above it", import.from, import.to))
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (file, layer, _) in TESTS_FROM_ABOVE {
        assert!(used.contains(&(*file, *layer)), "{file} imports nothing of {layer}: take it out");
    }
}

#[test]
fn the_files_of_a_layer_import_one_another_in_no_circle() {
    let mut uses = Uses::new();
    for import in Crate::read(Path::new("src")).imports() {
        let same = layer(&import.from).is_some_and(|own| layer(&import.to) == Some(own));
        if same && !import.is_test {
            uses.entry(import.from).or_default().insert(import.to);
        }
    }
    for (from, to, _) in CIRCLES {
        let is_there = uses.get(*from).is_some_and(|all| all.contains(*to));
        assert!(
            is_there && way(&uses, to, from).is_some(),
            "{from} -> {to} closes no circle: take it out"
        );
    }
    for (from, to, _) in CIRCLES {
        uses.get_mut(*from).expect("it was there").remove(*to);
    }
    // Each circle once: from the first of its files.
    let circles: Vec<String> = uses
        .iter()
        .flat_map(|(from, all)| all.iter().map(move |to| (from, to)))
        .filter_map(|(from, to)| Some((from, way(&uses, to, from)?)))
        .filter(|(from, way)| way.iter().all(|file| file >= from))
        .map(|(from, way)| format!("{from} -> {}", way.join(" -> ")))
        .collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

/// Which files of its layer a file uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// A shortest way from one file to another along what they use.
fn way(uses: &Uses, from: &str, to: &str) -> Option<Vec<String>> {
    let mut came = BTreeMap::from([(from.to_owned(), None)]);
    let mut next = VecDeque::from([from.to_owned()]);
    while let Some(file) = next.pop_front() {
        if file == to {
            let mut way = vec![file];
            while let Some(Some(before)) = came.get(way.last()?) {
                way.push(String::clone(before));
            }
            way.reverse();
            return Some(way);
        }
        for other in uses.get(&file).into_iter().flatten() {
            if !came.contains_key(other) {
                came.insert(other.clone(), Some(file.clone()));
                next.push_back(other.clone());
            }
        }
    }
    None
}

#[test]
fn locks_and_atomics_come_from_sync_alone() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let mut in_sync = 0;
    for path in &files {
        let is_sync = path.starts_with("src/base/sync");
        // A model test must start its threads somewhere.
        let is_model = path.components().any(|part| part.as_os_str() == "models");
        for (number, line) in code(path) {
            let found = BANNED.iter().find(|banned| line.contains(*banned));
            match found {
                Some(_) if is_sync => in_sync += 1,
                Some(banned) if !is_model && !is_model_test(path, number) => {
                    panic!("{}:{number}: {banned} is named outside base::sync", path.display())
                }
                _ => {}
            }
        }
    }
    assert!(in_sync >= 4, "base::sync names only {in_sync} of them: the test is blind");
}

/// Whether a line is in a module that only the model checkers compile.
fn is_model_test(path: &Path, number: usize) -> bool {
    let text = fs::read_to_string(path).expect("a source file");
    text.lines().enumerate().take(number).any(|(_, line)| {
        line.contains("cfg(all(test, loom))") || line.contains("cfg(all(test, shuttle))")
    })
}

/// Each way to import is seen in a crate made for it.
#[test]
fn each_way_to_import_is_seen() {
    let src = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layering");
    let _ = fs::remove_dir_all(&src);
    let files = [
        ("lib.rs", "mod low;\nmod high;\npub use high::Thing as Renamed;\npub use low::*;\n"),
        (
            "low/mod.rs",
            "mod a;\npub mod b;\nmod c;\nmod d;\nmod e;\npub(crate) use a::A;\n#[cfg(test)]\nmod tests;",
        ),
        (
            "low/a.rs",
            "use {crate::low::b::B, std::fs};\n/* use crate::high; */ // crate::high::Thing\npub struct A;",
        ),
        ("low/b.rs", "use super::A;\npub enum B { X }\nconst S: &str = \"crate::high::Thing\";"),
        (
            "low/c.rs",
            "fn f(x: &crate::Renamed) -> char { '\\'' }\nmod inner { use super::super::b; }",
        ),
        (
            "low/d.rs",
            "#[cfg(any(feature = \"x\", test))]\nuse crate::b::B;\n#[cfg(all(test, not(loom)))]\nmod tests { use super::super::c; }",
        ),
        (
            "low/e.rs",
            "use self::super::b::B as Other;\nstruct E { #[cfg(test)] tally: crate::low::a::A, rest: u8 }",
        ),
        ("low/tests.rs", "use crate::high::*;"),
        ("high/mod.rs", "pub struct Thing;"),
    ];
    for (file, text) in files {
        let path = src.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
        fs::write(path, text).expect("a file is written");
    }
    let read = Crate::read(&src);
    assert_eq!(read.files().len(), files.len());
    let seen: Vec<(String, String, bool)> =
        read.imports().into_iter().map(|i| (i.from, i.to, i.is_test)).collect();
    let expected = [
        ("low/a.rs", "low/b.rs", false),
        ("low/b.rs", "low/a.rs", false),
        ("low/c.rs", "high/mod.rs", false),
        ("low/c.rs", "low/b.rs", false),
        ("low/d.rs", "low/b.rs", false),
        ("low/d.rs", "low/c.rs", true),
        ("low/e.rs", "low/a.rs", true),
        ("low/e.rs", "low/b.rs", false),
        ("low/tests.rs", "high/mod.rs", true),
    ];
    let expected = expected.map(|(from, to, test)| (from.to_owned(), to.to_owned(), test));
    assert_eq!(seen, expected);
}
