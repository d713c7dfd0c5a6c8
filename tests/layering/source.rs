//! The imports of a crate's files from one another, by the file that defines the item.
//!
//! Every path counts that begins with `crate`, `super` or `self`, in a `use` or in the code, and what
//! `use` names of a child module. A path is followed through re-exports, private imports and globs to
//! the module that defines its last name. A `pub use` of a `mod.rs` is a re-export, no import.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::tokens::{Token, tokens};

/// A path in the code, and whether only tests are compiled with it.
#[derive(Clone, Debug)]
struct Named {
    path: Vec<String>,
    is_test: bool,
    /// A `pub use`, or one that is `pub` in a part of the crate.
    is_public: bool,
}

#[derive(Debug, Default)]
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    is_test: bool,
    children: BTreeMap<String, usize>,
    /// The items that it defines itself.
    items: BTreeSet<String>,
    /// Names that `use` brings in, and for which paths they stand.
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    named: Vec<Named>,
}

/// One file uses what another defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    /// Below `src`.
    pub(crate) from: String,
    pub(crate) to: String,
    /// Whether only tests are compiled with it.
    pub(crate) is_test: bool,
}

/// A crate's modules.
#[derive(Debug, Default)]
pub(crate) struct Crate {
    src: PathBuf,
    modules: Vec<Module>,
}

const ITEMS: [&str; 9] =
    ["struct", "enum", "fn", "trait", "type", "const", "static", "union", "macro_rules"];

impl Crate {
    /// Reads a crate from the file of its root.
    pub(crate) fn read(src: &Path) -> Self {
        let mut this = Self { src: src.to_owned(), modules: Vec::new() };
        this.read_file(&src.join("lib.rs"), None, false);
        this
    }

    fn read_file(&mut self, file: &Path, parent: Option<usize>, is_test: bool) -> usize {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let tokens = tokens(&text);
        let module = self.add(file, parent, is_test);
        self.scan(module, &tokens, is_test);
        module
    }

    fn add(&mut self, file: &Path, parent: Option<usize>, is_test: bool) -> usize {
        self.modules.push(Module { file: file.to_owned(), parent, is_test, ..Module::default() });
        self.modules.len() - 1
    }

    /// Where the file of a child module is.
    fn child_file(&self, module: usize, name: &str) -> PathBuf {
        let file = &self.modules[module].file;
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a file's name");
        let folder = file.parent().expect("a folder");
        let folder = match stem {
            "mod" | "lib" => folder.to_owned(),
            stem => folder.join(stem),
        };
        let flat = folder.join(format!("{name}.rs"));
        if flat.exists() { flat } else { folder.join(name).join("mod.rs") }
    }

    /// Reads the items of a module.
    fn scan(&mut self, module: usize, tokens: &[Token], is_test: bool) {
        let mut n = 0;
        let mut depth = 0;
        while n < tokens.len() {
            let mut test = is_test;
            while tokens[n] == "#" {
                let open = if tokens.get(n + 1).is_some_and(|t| t == "!") { n + 2 } else { n + 1 };
                if tokens.get(open).is_none_or(|t| t != "[") {
                    break;
                }
                let end = closing(tokens, open);
                test |= is_test_attribute(&tokens[open + 1..end]);
                n = end + 1;
                if n == tokens.len() {
                    return;
                }
            }
            if test && !is_test {
                let end = item_end(tokens, n);
                self.scan(module, &tokens[n..end], true);
                n = end;
                continue;
            }
            match tokens[n].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            n = self.scan_one(module, tokens, n, depth, test);
        }
    }

    /// Reads what begins at a token, and returns the place behind it.
    fn scan_one(&mut self, module: usize, t: &[Token], n: usize, depth: i32, test: bool) -> usize {
        let next = |k: usize| t.get(n + k).map_or("", String::as_str);
        let is_start = n == 0 || t[n - 1] != "::";
        match t[n].as_str() {
            "mod" if is_name(next(1)) && next(2) == ";" => {
                let file = self.child_file(module, next(1));
                let child = self.read_file(&file, Some(module), test);
                self.modules[module].children.insert(next(1).to_owned(), child);
                n + 3
            }
            "mod" if is_name(next(1)) && next(2) == "{" => {
                let end = closing(t, n + 2);
                let file = self.modules[module].file.clone();
                let child = self.add(&file, Some(module), test);
                self.modules[module].children.insert(next(1).to_owned(), child);
                self.scan(child, &t[n + 3..end], test);
                end + 1
            }
            // Not `use<'a>`, what a type captures.
            "use" if is_start && next(1) != "<" => {
                let end = n + t[n..].iter().position(|t| t == ";").expect("the end of an import");
                let is_public = n > 0 && (t[n - 1] == "pub" || t[n - 1] == ")");
                self.use_tree(module, &t[n + 1..end], &[], is_public, test);
                end + 1
            }
            "crate" | "super" | "self" if is_start && next(1) == "::" => {
                let mut path = vec![t[n].clone()];
                let mut k = n + 1;
                while t.get(k).is_some_and(|t| t == "::")
                    && t.get(k + 1).is_some_and(|t| is_name(t))
                {
                    path.push(t[k + 1].clone());
                    k += 2;
                }
                let named = Named { path, is_test: test, is_public: false };
                self.modules[module].named.push(named);
                k
            }
            word if depth == 0 && ITEMS.contains(&word) => {
                let name = if next(1) == "!" { next(2) } else { next(1) };
                self.modules[module].items.insert(name.to_owned());
                n + 1
            }
            _ => n + 1,
        }
    }

    /// Takes in what a `use` names.
    fn use_tree(
        &mut self,
        module: usize,
        t: &[Token],
        before: &[String],
        public: bool,
        test: bool,
    ) {
        let mut path = before.to_vec();
        let mut n = 0;
        while n < t.len() && (is_name(&t[n]) || t[n] == "::") && t[n] != "as" {
            if t[n] != "::" {
                path.push(t[n].clone());
            }
            n += 1;
        }
        let named = |path| Named { path, is_test: test, is_public: public };
        match t.get(n).map(String::as_str) {
            Some("{") => {
                let inner = &t[n + 1..closing(t, n)];
                let (mut start, mut depth) = (0, 0);
                for k in 0..=inner.len() {
                    let token = inner.get(k).map_or(",", String::as_str);
                    depth += i32::from(token == "{") - i32::from(token == "}");
                    if token == "," && depth == 0 {
                        if start < k {
                            self.use_tree(module, &inner[start..k], &path, public, test);
                        }
                        start = k + 1;
                    }
                }
            }
            Some("*") => {
                self.modules[module].globs.push(path.clone());
                self.modules[module].named.push(named(path));
            }
            alias => {
                // `a::{self}` is `a`.
                if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                let name = match alias {
                    Some("as") => t[n + 1].clone(),
                    _ => path.last().expect("a name").clone(),
                };
                self.modules[module].imports.insert(name, path.clone());
                self.modules[module].named.push(named(path));
            }
        }
    }

    /// The module that defines what a path names; `None` if that is of another crate.
    fn resolve(&self, module: usize, path: &[String], fuel: usize) -> Option<usize> {
        let fuel = fuel.checked_sub(1)?;
        let mut at = module;
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (at, rest) = (0, &path[1..]),
            "self" | "super" => {
                while let Some(first @ ("self" | "super")) = rest.first().map(String::as_str) {
                    at = if first == "self" { at } else { self.modules[at].parent? };
                    rest = &rest[1..];
                }
            }
            first if self.modules[at].children.contains_key(first) => {}
            first => {
                // A name that another `use` of the module brings in.
                let known = self.modules[at].imports.get(first)?;
                if known.as_slice() == path || known.first()? == first {
                    return None;
                }
                let whole: Vec<String> = known.iter().chain(&path[1..]).cloned().collect();
                return self.resolve(at, &whole, fuel);
            }
        }
        while let Some((name, after)) = rest.split_first() {
            let here = &self.modules[at];
            if let Some(child) = here.children.get(name) {
                (at, rest) = (*child, after);
                continue;
            }
            if here.items.contains(name) {
                return Some(at);
            }
            if let Some(known) = here.imports.get(name) {
                let whole: Vec<String> = known.iter().chain(after).cloned().collect();
                return self.resolve(at, &whole, fuel);
            }
            let by_glob = here.globs.iter().find_map(|glob| {
                let of = self.resolve(at, glob, fuel)?;
                let has = |module: &Module| {
                    module.items.contains(name)
                        || module.children.contains_key(name)
                        || module.imports.contains_key(name)
                };
                if of == at || !has(&self.modules[of]) {
                    return None;
                }
                let whole: Vec<String> = [&["self".to_owned()], rest].concat();
                self.resolve(of, &whole, fuel)
            });
            return Some(by_glob.unwrap_or(at));
        }
        Some(at)
    }

    fn name_of(&self, module: usize) -> String {
        let below = self.modules[module].file.strip_prefix(&self.src).expect("a file of the crate");
        below.to_str().expect("a readable name").replace('\\', "/")
    }

    /// The files.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        (0..self.modules.len()).map(|module| self.name_of(module)).collect()
    }

    /// The items of other files that each file uses.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (number, module) in self.modules.iter().enumerate() {
            let from = self.name_of(number);
            let is_mod = from.ends_with("mod.rs") || from == "lib.rs";
            for named in &module.named {
                if is_mod && named.is_public {
                    continue;
                }
                let Some(to) = self.resolve(number, &named.path, 32) else { continue };
                let to = self.name_of(to);
                if to != from {
                    let is_test = named.is_test || module.is_test;
                    imports.insert(Import { from: from.clone(), to, is_test });
                }
            }
        }
        imports
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Where the bracket at `open` is closed.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (n, token) in tokens.iter().enumerate().skip(open) {
        depth += i32::from(matches!(token.as_str(), "{" | "(" | "["));
        depth -= i32::from(matches!(token.as_str(), "}" | ")" | "]"));
        if depth == 0 {
            return n;
        }
    }
    panic!("a bracket is not closed: {:?}", &tokens[open..tokens.len().min(open + 20)]);
}

/// Whether an attribute leaves its item to tests: `test`, `cfg(test)`, `cfg(all(test, ..))`, or the
/// `cfg` of a model checker.
fn is_test_attribute(attribute: &[Token]) -> bool {
    let words: Vec<&str> = attribute.iter().map(String::as_str).collect();
    match words[..] {
        ["test"] | ["cfg", "(", "test" | "loom" | "shuttle", ")"] => true,
        ["cfg", "(", "all", "(", ref all @ ..] => {
            let mut depth = 0;
            all.iter().any(|word| {
                depth += i32::from(*word == "(") - i32::from(*word == ")");
                depth == 0 && matches!(*word, "test" | "loom" | "shuttle")
            })
        }
        _ => false,
    }
}

/// Where the item, field or statement that begins at `start` ends.
fn item_end(tokens: &[Token], start: usize) -> usize {
    const KEYWORDS: [&str; 12] = [
        "fn",
        "impl",
        "struct",
        "enum",
        "mod",
        "use",
        "const",
        "static",
        "trait",
        "type",
        "unsafe",
        "macro_rules",
    ];
    let mut n = start;
    if tokens[n] == "pub" {
        n += 1;
        if tokens[n] == "(" {
            n = closing(tokens, n) + 1;
        }
    }
    let is_item = KEYWORDS.contains(&tokens[n].as_str());
    let is_use = tokens[n] == "use";
    while n < tokens.len() {
        match tokens[n].as_str() {
            ";" => return n + 1,
            "," if !is_item => return n + 1,
            "}" | ")" | "]" => return n,
            "{" if !is_use => {
                let end = closing(tokens, n) + 1;
                // `Struct { .. },` in a statement goes on.
                return if tokens.get(end).is_some_and(|t| t == ";") { end + 1 } else { end };
            }
            "{" | "(" | "[" => n = closing(tokens, n),
            _ => {}
        }
        n += 1;
    }
    n
}
