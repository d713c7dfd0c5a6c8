//! Groups and watches, and the limits of the system that they are made under.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use vfsnotify::Errno;

use super::instance::Instance;
use super::{Group, KernelWorld, Res, credentials, errno, io_errno, switch};
use crate::op::Limit;

/// The limit of the queue, as the system names it.
const QUEUE: &str = "max_queued_events";

/// The limit of watches, as the system names it.
const WATCHES: &str = "max_user_watches";

/// The limit of instances, as the system names it.
const INSTANCES: &str = "max_user_instances";

/// A limit of the queue below this is one that some test has lowered for a moment.
const USUAL: u32 = 1024;

/// How often making a group is tried again while others hold all instances or have lowered a limit.
const RETRIES: u32 = 500;

/// How often it is tried again under a limit of this world's own: seldom, under load, the kernel counts
/// an instance for a moment longer than its close takes.
const RETRIES_LIMITED: u32 = 8;

/// Read while a group or a watch is made under the usual limits, written while a limit is lowered.
#[expect(clippy::disallowed_types, reason = "a test needs no rank for a lock of its own")]
static LIMITS: std::sync::RwLock<()> = std::sync::RwLock::new(());

/// Counts the users that worlds with limits of their own have invented.
static USERS: AtomicU32 = AtomicU32::new(0);

/// Where the system keeps a limit with this name.
fn system_path(name: &str) -> PathBuf {
    Path::new("/proc/sys/fs/inotify").join(name)
}

/// Where the system keeps a limit.
pub(super) fn limit_path(limit: Limit) -> PathBuf {
    system_path(limit_name(limit))
}

/// The name of a limit.
fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::QueuedEvents => QUEUE,
        Limit::UserWatches => WATCHES,
        Limit::UserInstances => INSTANCES,
    }
}

/// The limit that a queue made now would get.
fn queue_limit() -> u32 {
    let text = std::fs::read_to_string(system_path(QUEUE));
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u32::MAX)
}

/// Keeps other processes that run these tests from lowering a limit until the file goes.
fn undisturbed(name: &str) -> io::Result<File> {
    let file = File::open(system_path(name))?;
    rustix::fs::flock(&file, FlockOperation::LockShared)?;
    Ok(file)
}

/// A limit of the system that is set back when this goes.
///
/// The file is locked meanwhile: two processes that lower a limit at once could each take the
/// other's value for the usual one.
struct Lowered {
    /// Where it is, locked.
    file: File,
    /// The former value.
    before: String,
}

impl Lowered {
    /// Sets a limit.
    fn set(name: &str, value: u32) -> io::Result<Lowered> {
        let file = File::options().read(true).write(true).open(system_path(name))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        let mut before = String::new();
        (&file).read_to_string(&mut before)?;
        file.write_at(value.to_string().as_bytes(), 0)?;
        Ok(Lowered { file, before })
    }
}

impl Drop for Lowered {
    fn drop(&mut self) {
        if let Err(error) = self.file.write_at(self.before.as_bytes(), 0) {
            eprintln!("a limit of inotify stays changed, it was {}: {error}", self.before);
        }
    }
}

/// A limit of the system that a call is made under.
#[expect(dead_code, reason = "held for its drop")]
enum Held {
    Lowered(Lowered),
    Usual(File),
}

impl KernelWorld {
    /// Runs a call while the limits named are lowered, if this world has any of them.
    ///
    /// The limits are global to the system, so they are lowered for this one call only, and
    /// meanwhile no other world in this process makes groups or watches.
    fn limited<T>(&self, names: &[&str], call: impl FnOnce() -> Res<T>) -> Res<T> {
        let own = |name: &str| self.limits.get(name);
        // In one order, or two processes would wait for each other.
        let mut names = names.to_vec();
        names.sort_unstable();
        if !names.iter().any(|name| own(name).is_some()) {
            let _usual = LIMITS.read().unwrap_or_else(|poisoned| poisoned.into_inner());
            let _elsewhere = names.iter().map(|name| undisturbed(name)).collect::<Vec<_>>();
            return call();
        }
        let _alone = LIMITS.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A limit that this world leaves as it is must not be lowered by another process meanwhile.
        let hold = |name: &&str| match own(name) {
            Some(value) => Lowered::set(name, *value).map(Held::Lowered),
            None => undisturbed(name).map(Held::Usual),
        };
        let lower = || names.iter().map(hold).collect();
        let lowered: io::Result<Vec<Held>> = self.as_at_first(lower)?;
        let lowered = lowered.map_err(|error| io_errno(&error))?;
        let result = call();
        self.as_at_first(|| drop(lowered))?;
        result
    }

    /// Does something as the user that the world began with, who may set limits if any user may.
    fn as_at_first<T>(&self, something: impl FnOnce() -> T) -> Res<T> {
        let Some((uid, gid)) = self.users.first().copied() else { return Ok(something()) };
        let now = credentials();
        errno(switch(uid, gid))?;
        let done = something();
        errno(switch(now.0, now.1))?;
        Ok(done)
    }

    /// Makes a group, and waits for its turn while others hold all instances or have lowered a
    /// limit.
    pub(super) fn new_group(&self, flags: CreateFlags) -> Res<Group> {
        let mut tries = 0;
        let fd = loop {
            let made = self.make_group(flags);
            tries += 1;
            let limited = self.limits.contains_key(INSTANCES);
            let may_retry = tries < if limited { RETRIES_LIMITED } else { RETRIES };
            match made {
                Err(Errno::EMFILE) if may_retry => {}
                Ok(None) if may_retry => {}
                other => break other?.ok_or(Errno::EMFILE)?,
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let counted = self.quota_user.is_some();
        Ok(Group { instance: Instance::new(fd, counted), given: super::Given::default() })
    }

    /// Makes a group under the limits of this world, or gives nothing where another program has
    /// just lowered the limit of the queue.
    fn make_group(&self, flags: CreateFlags) -> Res<Option<OwnedFd>> {
        let user = self.quota_user.filter(|_| self.users.is_empty());
        self.limited(&[QUEUE, INSTANCES], || {
            let usual = || self.limits.contains_key(QUEUE) || queue_limit() >= USUAL;
            if !usual() {
                return Ok(None);
            }
            let before = credentials();
            if let Some(user) = user {
                errno(switch(user, before.1))?;
            }
            let made = inotify::init(flags);
            if user.is_some() {
                errno(switch(before.0, before.1))?;
            }
            let made = errno(made)?;
            Ok(Some(made).filter(|_| usual()))
        })
    }

    /// Adds a watch on a whole path.
    pub(super) fn watch(&self, group: &Group, whole: &[u8], mask: u32) -> Res<i32> {
        let fd = group.instance.fd();
        let flags = WatchFlags::from_bits_retain(mask);
        self.limited(&[WATCHES], || errno(inotify::add_watch(fd, whole, flags)))
    }

    /// Sets a limit for this world, or takes it back.
    pub(super) fn limit(&mut self, limit: Limit, value: Option<u32>) {
        let name = limit_name(limit);
        match value {
            Some(value) => self.limits.insert(name, value),
            None => self.limits.remove(name),
        };
        if limit != Limit::QueuedEvents && value.is_some() && self.quota_user.is_none() {
            // A user of its own, so that no other watches and instances count.
            let process = std::process::id() & 0xffff;
            let count = USERS.fetch_add(1, Ordering::Relaxed) & 0xfff;
            self.quota_user = Some(0x2000_0000 | process << 12 | count);
        }
    }
}

impl Group {
    /// Descriptor and mask of every watch.
    pub(super) fn watches(&self) -> Res<Vec<(i32, u32)>> {
        let number = self.instance.fd().as_raw_fd().to_string();
        let text = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(number));
        let text = text.map_err(|error| io_errno(&error))?;
        let field = |line: &str, name: &str| {
            let mut words = line.split_whitespace();
            let word = words.find_map(|word| word.strip_prefix(name));
            word.and_then(|hex| u32::from_str_radix(hex, 16).ok())
        };
        let lines = text.lines().filter(|line| line.starts_with("inotify "));
        let pairs = lines
            .filter_map(|line| Some((field(line, "wd:")?.cast_signed(), field(line, "mask:")?)));
        Ok(pairs.collect())
    }
}
