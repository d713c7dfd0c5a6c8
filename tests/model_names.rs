//! Each guarantee that a model can show has one of its name, and every model is run.
//!
//! The models are compiled for loom and shuttle only; this reads their sources, so that a row that
//! lost its model is noticed by an ordinary `cargo test`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rows of the README's table that models show. G11, G12 and G14 are about limits, cost and
/// `unsafe`: other tests show them.
const ROWS: [u32; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13];

/// The sources below a folder of this name, wherever it is.
fn model_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            model_files(&path, into);
        } else if path.components().any(|part| part.as_os_str() == "models") {
            into.push(path);
        }
    }
}

/// The names of the tests in a source: functions with `#[test]` in the line above.
fn tests_of(text: &str) -> Vec<&str> {
    let mut tests = Vec::new();
    let mut is_test = false;
    for line in text.lines() {
        let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        match name {
            Some(name) if is_test => tests.push(name),
            _ => {}
        }
        is_test = line == "#[test]";
    }
    tests
}

/// The row that a model says it is about: `loom_g7_...` or `shuttle_g7_...`.
fn row_of(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("loom_g").or_else(|| name.strip_prefix("shuttle_g"))?;
    rest.split_once('_')?.0.parse().ok()
}

#[test]
fn each_guarantee_that_models_show_has_a_model_of_its_name() {
    let mut files = Vec::new();
    model_files(Path::new("src"), &mut files);
    let mut rows = BTreeSet::new();
    let mut models = 0;
    for path in &files {
        let text = fs::read_to_string(path).expect("a source file");
        let checker = match path.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with("loom_") => "loom_",
            Some(name) if name.starts_with("shuttle_") => "shuttle_",
            _ => {
                assert!(tests_of(&text).is_empty(), "{}: a model that never runs", path.display());
                continue;
            }
        };
        let module = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let front = fs::read_to_string(path.with_file_name("mod.rs")).expect("a front page");
        assert!(front.contains(&format!("mod {module};")), "{} is no module", path.display());
        for name in tests_of(&text) {
            // CI chooses the tests by this prefix.
            assert!(name.starts_with(checker), "{}: {name} is never run", path.display());
            rows.extend(row_of(name));
            models += 1;
        }
    }
    let missing: Vec<_> = ROWS.iter().filter(|row| !rows.contains(row)).collect();
    assert!(missing.is_empty(), "no model is named after the rows {missing:?}");
    assert!(models > 60, "only {models} models were found: the test reads the wrong thing");
}

#[test]
fn the_reader_of_models_can_see() {
    let text = "#[test]\nfn loom_g7_a_thing() {\n}\nfn helper() {}\n#[test]\nfn shuttle_b() {}\n";
    assert_eq!(tests_of(text), ["loom_g7_a_thing", "shuttle_b"]);
    assert_eq!(row_of("loom_g7_a_thing"), Some(7));
    assert_eq!(row_of("shuttle_g13_more"), Some(13));
    assert_eq!(row_of("shuttle_b"), None);
    assert_eq!(row_of("loom_gate_is_open"), None);
}
