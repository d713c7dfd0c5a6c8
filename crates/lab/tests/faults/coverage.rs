//! No operation is missing from the table.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lab::faults::operations::table;

/// Operations that call no file system, and why each it is not in the table.
const LEFT_OUT: &[(&str, &str)] = &[
    ("Vfs::new", "a call of build"),
    ("Vfs::builder", "makes a value"),
    ("Vfs::context", "makes a value"),
    ("Vfs::notifier", "a getter"),
    ("Vfs::tree", "a getter"),
    ("Vfs::verify", "looks at the crate's own state"),
    ("Vfs::inotify", "counts; `limits` reaches its limit"),
    ("Vfs::mounts", "looks at the crate's own state"),
    ("Vfs::nr_open_files", "a getter"),
    ("File::at", "makes a value"),
    ("File::dup", "counts"),
    ("File::id", "a getter"),
    ("File::kind", "a getter"),
    ("File::dentry", "a getter"),
    ("File::flags", "a getter"),
    ("File::position", "a getter"),
    ("File::path", "looks at the crate's own state"),
    ("File::shown_path", "looks at the crate's own state"),
    ("Context::with_credentials", "makes a value"),
    ("Context::with_umask", "makes a value"),
    ("Context::with_user", "makes a value"),
    ("Context::with_process", "makes a value"),
    ("Context::credentials", "a getter"),
    ("Context::umask", "a getter"),
    ("Context::user", "a getter"),
    ("Context::pid", "a getter"),
    ("VfsBuilder::tree", "stores a value"),
    ("VfsBuilder::tree_limits", "stores a value"),
    ("VfsBuilder::notify", "stores a value"),
    ("VfsBuilder::clock", "stores a value"),
    ("VfsBuilder::max_open_files", "stores a value"),
    ("VfsBuilder::max_user_open_files", "stores a value"),
    ("VfsBuilder::max_mounts", "stores a value"),
    ("VfsBuilder::mount_options", "stores a value"),
];

/// Operations with a test of their own.
const ELSEWHERE: [(&str, &str); 1] = [("VfsBuilder::build", "sweep")];

/// The types whose methods are operations.
const TYPES: [&str; 4] = ["Vfs", "File", "Context", "VfsBuilder"];

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a source folder") {
        let path = entry.expect("an entry").path();
        match path.file_name().and_then(|name| name.to_str()) {
            Some("tests") => {}
            _ if path.is_dir() => sources(&path, into),
            Some(name) if name.ends_with(".rs") => into.push(path),
            _ => {}
        }
    }
}

/// The public methods of the types that are of interest, in one file.
fn methods(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut of = None;
    for line in text.lines() {
        if line.starts_with("impl") {
            let name = line.strip_prefix("impl ").unwrap_or("").trim_end_matches(" {");
            of = TYPES.into_iter().find(|known| *known == name);
        } else if line.starts_with('}') {
            of = None;
        }
        if let Some(of) = of
            && let Some(rest) = line.trim_start().strip_prefix("pub fn ")
        {
            let name = rest.split(['(', '<']).next().expect("a name");
            found.insert(format!("{of}::{name}"));
        }
    }
    found
}

#[test]
fn every_public_operation_is_in_the_table_or_left_out_with_a_reason() {
    let mut files = Vec::new();
    sources(&lab::repository().join("src/vfs"), &mut files);
    let mut there = BTreeSet::new();
    for file in files {
        there.extend(methods(&fs::read_to_string(file).expect("a source file")));
    }
    assert!(there.len() > 80, "only {} operations: the test is blind", there.len());
    let mut known: BTreeSet<String> =
        table().iter().flat_map(|op| op.covers).map(|name| (*name).to_owned()).collect();
    for (name, _) in LEFT_OUT.iter().chain(&ELSEWHERE) {
        assert!(known.insert((*name).to_owned()), "{name} is left out and in the table");
    }
    let missing: Vec<_> = there.difference(&known).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
    let gone: Vec<_> = known.difference(&there).collect();
    assert!(gone.is_empty(), "in the table, and nowhere else: {gone:?}");
}

#[test]
fn the_reader_of_methods_can_see() {
    let text = "impl Vfs {\n    pub fn one(&self) {}\n    fn two() {}\n}\nimpl Drop for Vfs {\n    \
                pub fn three() {}\n}\nimpl File {\n    pub fn four<T>() {}\n}\n";
    let found: Vec<_> = methods(text).into_iter().collect();
    assert_eq!(found, ["File::four", "Vfs::one"]);
}
