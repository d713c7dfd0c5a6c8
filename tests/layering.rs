//! The layers import only downward, and locks and atomics come from one place.
//!
//! The order is that of ARCHITECTURE section 1: `base`, `tree`, `notify`, `backend`, `fs`, `vfs`.

use std::fs;
use std::path::{Path, PathBuf};

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

fn layer_of(path: &Path) -> Option<usize> {
    let below = path.strip_prefix("src").ok()?;
    let first = below.components().next()?.as_os_str().to_str()?;
    LAYERS.iter().position(|layer| *layer == first)
}

/// Every `crate::` path of a line that names a layer.
fn named_layers(line: &str) -> Vec<&'static str> {
    let after_crate = line.match_indices("crate::").map(|(at, found)| &line[at + found.len()..]);
    after_crate
        .flat_map(|rest| {
            // `crate::{a::b, c::d}` names several.
            let group = rest.strip_prefix('{').map(|list| list.split(',').collect::<Vec<_>>());
            let heads = group.unwrap_or_else(|| vec![rest]);
            heads.into_iter().filter_map(|head| {
                let word = head.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
                LAYERS.into_iter().find(|layer| *layer == word)
            })
        })
        .collect()
}

#[test]
fn no_layer_imports_from_one_above_it() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let mut arrows = 0;
    for path in &files {
        let Some(own) = layer_of(path) else { continue };
        for (number, line) in code(path) {
            for named in named_layers(&line) {
                arrows += 1;
                let other = LAYERS.iter().position(|layer| *layer == named).expect("a layer");
                assert!(
                    other <= own,
                    "{}:{number}: {} imports from {named}, which is above it",
                    path.display(),
                    LAYERS[own],
                );
            }
        }
    }
    assert!(arrows > 100, "only {arrows} imports were found: the test reads the wrong thing");
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

#[test]
fn the_readers_of_imports_can_see() {
    assert_eq!(named_layers("use crate::tree::dcache::Tree;"), ["tree"]);
    assert_eq!(named_layers("use crate::{base::name, vfs::walk};"), ["base", "vfs"]);
    assert_eq!(named_layers("fn f(x: crate::notify::Victim<'_>) {"), ["notify"]);
    assert!(named_layers("use std::fs;").is_empty());
}
