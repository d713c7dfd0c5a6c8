//! Operations as they stand in a file, checked against their signatures.

use serde_json::Value;

use crate::compare::{Wanted, parse_mask};

/// The arguments of an operation and its capabilities.
///
/// In the signature each word is one argument: `s` text, `i` integer, `b` boolean, `m` mask or
/// flags (text or integer), `v` events, `o` an operation, `O` a list of operations; `?` marks it
/// optional, `*` takes any number of it, and a lone `*` takes anything.
#[derive(Debug)]
pub struct OpKind {
    /// The name.
    pub name: &'static str,
    /// The arguments.
    signature: &'static str,
    /// The capability that the operation needs, or nothing.
    pub needs: &'static str,
}

/// Shortens the table below.
const fn op(name: &'static str, signature: &'static str, needs: &'static str) -> OpKind {
    OpKind { name, signature, needs }
}

/// Every operation of the format.
static OPS: [OpKind; 80] = [
    op("create", "s i?", ""),
    op("put", "s s", ""),
    op("mknod", "s", ""),
    op("mkfifo", "s", ""),
    op("mksock", "s", ""),
    op("mkdir", "s i?", ""),
    op("symlink", "s s", ""),
    op("link", "s s", ""),
    op("unlink", "s", ""),
    op("rmdir", "s", ""),
    op("rename", "s s", ""),
    op("rename2", "s s m", ""),
    op("open", "s s s i?", ""),
    op("close", "s", ""),
    op("close_range", "s", ""),
    op("dup", "s s", ""),
    op("dup2_over", "s s", ""),
    op("read", "s i i?", ""),
    op("pread", "s i i", ""),
    op("write", "s s", ""),
    op("pwrite", "s s i", ""),
    op("writev", "s s*", ""),
    op("lseek", "s i", ""),
    op("fsync", "s", ""),
    op("truncate", "s i", ""),
    op("ftruncate", "s i", ""),
    op("fallocate", "s i i", "fallocate"),
    op("chmod", "s i", ""),
    op("fchmod", "s i", ""),
    op("chown", "s i i", ""),
    op("lchown", "s i i", ""),
    op("utimens", "s s? b?", ""),
    op("futimens", "s s?", ""),
    op("setxattr", "s s s", "xattr"),
    op("getxattr", "s s", "xattr"),
    op("removexattr", "s s", "xattr"),
    op("stat", "s", ""),
    op("stat_enoent", "s", ""),
    op("readlink", "s", ""),
    op("listdir", "s", ""),
    op("getdents", "s", ""),
    op("sendfile", "s s i", "sendfile"),
    op("copy_file_range", "s s i", "copy_file_range"),
    op("splice_in", "s s", "splice"),
    op("splice_out", "s i b?", "splice"),
    op("mmap_store", "s s", "mmap"),
    op("linkat_fd", "s s", "proc_self_fd"),
    op("chdir", "s", ""),
    op("fork", "O", "fork"),
    op("repeat", "i O", ""),
    op("err", "s o", ""),
    op("as_uid", "i o", "permissions"),
    op("on_object", "s o", "proc_self_fd"),
    op("mount_tmpfs", "s", "mount"),
    op("mount_bind", "s s", "bind_mount"),
    op("umount", "s", "umount"),
    op("init", "s m?", ""),
    op("init_err", "m", ""),
    op("add_watch", "s s m s?", ""),
    op("add_watch_fd", "s s m s?", "proc_self_fd"),
    op("add_watch_on", "s s m", ""),
    op("rm_watch", "s", ""),
    op("rm_wd", "s i", ""),
    op("close_group", "s", ""),
    op("wd", "s i", ""),
    op("same_wd", "s s", ""),
    op("diff_wd", "s s", ""),
    op("drain", "v s?", ""),
    op("discard", "s?", ""),
    op("read_events", "i v s?", ""),
    op("read_err", "i s s?", ""),
    op("fionread", "i s?", ""),
    op("poll", "b s?", ""),
    op("fdinfo_mask", "s m", "fdinfo"),
    op("fdinfo_count", "i s?", "fdinfo"),
    op("fan_init", "*", "fanotify"),
    op("fan_init_err", "*", "fanotify"),
    op("fan_mark", "*", "fanotify"),
    op("dnotify", "*", "dnotify"),
    op("dn_signals", "*", "dnotify"),
];

/// One operation, checked against its signature.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its kind.
    pub kind: &'static OpKind,
    /// Its arguments as they stand in the file.
    args: Vec<Value>,
    /// The operations inside (of `err`, `as_uid`, `on_object`, `repeat` and `fork`).
    inner: Vec<Call>,
}

impl Call {
    /// Checks and keeps one operation.
    pub(super) fn parse(value: &Value) -> Result<Call, String> {
        let list = value.as_array().ok_or_else(|| format!("{value} is no operation"))?;
        let (first, args) = list.split_first().ok_or("an operation is empty")?;
        let name = first.as_str().ok_or_else(|| format!("{first} is no name"))?;
        let kind = OPS.iter().find(|kind| kind.name == name);
        let kind = kind.ok_or_else(|| format!("unknown operation {name:?}"))?;
        let mut op = Call { kind, args: args.to_vec(), inner: Vec::new() };
        let inside = |error| format!("{name}: {error}");
        if kind.signature != "*" {
            op.check().map_err(inside)?;
        }
        Ok(op)
    }

    /// Checks the arguments against the signature and parses inner operations.
    fn check(&mut self) -> Result<(), String> {
        let mut args = self.args.iter();
        for word in self.kind.signature.split(' ') {
            let many = word.ends_with('*');
            let optional = many || word.ends_with('?');
            loop {
                let Some(arg) = args.next() else {
                    if optional {
                        break;
                    }
                    return Err(format!("wants {} arguments", self.kind.signature));
                };
                let fits = match word.as_bytes()[0] {
                    b's' => arg.is_string(),
                    b'i' => arg.is_i64(),
                    b'b' => arg.is_boolean(),
                    b'm' => arg.is_string() || arg.is_u64(),
                    b'v' => is_events(arg),
                    b'o' => {
                        self.inner.push(Call::parse(arg)?);
                        true
                    }
                    _ => {
                        let list = arg.as_array().ok_or("wants a list of operations")?;
                        self.inner = list.iter().map(Call::parse).collect::<Result<_, _>>()?;
                        true
                    }
                };
                if !fits {
                    return Err(format!("wants {}, not {arg}", self.kind.signature));
                }
                if !many {
                    break;
                }
            }
        }
        match args.next() {
            Some(extra) => Err(format!("wants {}, {extra} is too much", self.kind.signature)),
            None => Ok(()),
        }
    }

    /// The operations inside.
    pub fn inner(&self) -> &[Call] {
        &self.inner
    }

    /// The text argument number `at`, if it is there.
    pub fn try_text(&self, at: usize) -> Option<&str> {
        self.args.get(at).and_then(Value::as_str)
    }

    /// The text argument number `at`; empty where the signature makes that impossible.
    pub fn text(&self, at: usize) -> &str {
        self.try_text(at).unwrap_or_default()
    }

    /// The path at argument number `at`.
    pub fn path(&self, at: usize) -> &[u8] {
        self.text(at).as_bytes()
    }

    /// The integer argument number `at`, if it is there.
    pub fn try_int(&self, at: usize) -> Option<i64> {
        self.args.get(at).and_then(Value::as_i64)
    }

    /// The integer argument number `at`, converted; an error if it does not fit.
    pub fn int<T: TryFrom<i64>>(&self, at: usize) -> Result<T, String> {
        let value = self.try_int(at).unwrap_or_default();
        T::try_from(value).map_err(|_| format!("{self}: {value} does not fit"))
    }

    /// The boolean argument number `at`, if it is there.
    pub fn try_bool(&self, at: usize) -> Option<bool> {
        self.args.get(at).and_then(Value::as_bool)
    }

    /// The texts from argument number `at` on.
    pub fn texts(&self, at: usize) -> Vec<&[u8]> {
        let rest = self.args.get(at..).unwrap_or_default();
        rest.iter().filter_map(Value::as_str).map(str::as_bytes).collect()
    }

    /// The inotify mask at argument number `at`.
    pub fn mask(&self, at: usize) -> Result<u32, String> {
        self.flags(at, parse_mask)
    }

    /// The flags at argument number `at`: a number, or text that `parse` understands.
    pub fn flags(&self, at: usize, parse: fn(&str) -> Result<u32, String>) -> Result<u32, String> {
        match self.try_text(at) {
            Some(text) => parse(text),
            None => self.int(at),
        }
    }

    /// The wanted events at argument number `at`.
    pub fn wanted(&self, at: usize) -> Result<Vec<Wanted>, String> {
        let list = self.args.get(at).and_then(Value::as_array);
        list.into_iter().flatten().map(wanted).collect()
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kind.name)?;
        self.args.iter().try_for_each(|arg| write!(f, " {arg}"))
    }
}

/// Whether a value is a list of inotify or fanotify events (each is looked at again when compared).
pub(super) fn is_events(value: &Value) -> bool {
    let full = |event: &Value| event.as_array().is_some_and(|parts| parts.len() >= 3);
    value.as_array().is_some_and(|events| events.iter().all(full))
}

/// One wanted event: `[watch, name, mask, cookie label?]`.
pub(super) fn wanted(value: &Value) -> Result<Wanted, String> {
    let parts: Option<Vec<&str>> =
        value.as_array().and_then(|parts| parts.iter().map(Value::as_str).collect());
    match parts.as_deref() {
        Some([watch, name, mask, rest @ ..]) if rest.len() < 2 => Ok(Wanted {
            watch: (*watch).to_owned(),
            name: (*name).to_owned(),
            mask: parse_mask(mask)?,
            cookie: rest.first().map(|label| (*label).to_owned()),
        }),
        _ => Err(format!("{value} is no event")),
    }
}
