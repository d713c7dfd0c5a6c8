//! A sequence of operations, the conditions it runs under, and what two worlds give for it.

use vfsnotify::{LookupFlags, OpenFlags};

use super::normal::normal;
use super::profile::Profile;
use super::{CHILDREN, GROUPS, SLOTS};
use crate::compare::Cookies;
use crate::op::{Data, INIT_FLAGS, Limit, Mask, Mode, Op, Slot, Step};
use crate::outcome::{Done, Outcome, Stat};
use crate::path::Path;
use crate::world::World;

/// The traits of a sequence besides its operations. Most have none of these: each makes a run longer
/// or another thing less likely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a condition of its own")]
pub struct Conditions {
    /// The last group has a queue that soon overflows.
    pub short_queue: bool,
    /// The user has few watches and instances.
    pub quotas: bool,
    /// Some calls are made by other users, who may do something in the tree.
    pub users: bool,
    /// File systems are mounted and unmounted.
    pub mounts: bool,
    /// There are children.
    pub children: bool,
}

impl Conditions {
    /// Every condition at once.
    pub const ALL: Conditions =
        Conditions { short_queue: true, quotas: true, users: true, mounts: true, children: true };

    /// An operation as it is under these conditions, if it is one at all.
    fn under(self, op: &Op) -> Option<Op> {
        let wanted = match op {
            Op::As { op, .. } if !self.users => return self.under(op),
            Op::As { op, .. } => self.under(op).is_some(),
            Op::MountTmpfs { .. } | Op::MountBind { .. } | Op::Umount { .. } => self.mounts,
            Op::Fork | Op::Exit | Op::Chdir { .. } => self.children,
            _ => true,
        };
        Some(op.clone()).filter(|_| wanted)
    }

    /// The operations that make them so before anything is there.
    fn before(self) -> Vec<Op> {
        let limits = [(Limit::UserWatches, 6), (Limit::UserInstances, 4)];
        let limits = limits.map(|(limit, value)| Op::Limit { limit, value: Some(value) });
        if self.quotas { limits.to_vec() } else { Vec::new() }
    }

    /// The operations that make them so in the small tree.
    fn after(self) -> Vec<Op> {
        let mut ops = Vec::new();
        if self.users {
            let modes = [("d", 0o777), ("d/e", 0o1777), ("d/a", 0o606), ("e/a", 0o666)];
            ops.extend(modes.map(|(path, mode)| Op::Chmod {
                path: path.into(),
                mode: Mode(mode),
                follow: true,
            }));
            let (path, owner) = (Path::from("a"), (Some(OTHER_USERS[0]), None));
            ops.push(Op::Chown { path, owner, follow: true });
        }
        if self.short_queue {
            let group = GROUPS - 1;
            let watch = |path: &str| Op::AddWatch { group, path: path.into(), mask: Mask(0xfff) };
            ops.push(Op::CloseGroup { group });
            ops.push(Op::Init { group, flags: INIT_FLAGS, queue: Some(6) });
            ops.extend([".", "d", "d/e"].map(watch));
        }
        ops
    }
}

/// The users that calls are made as.
pub const OTHER_USERS: [u32; 2] = [1000, 1001];

/// Operations, and the conditions they run under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Its other traits.
    pub conditions: Conditions,
    /// The choice.
    pub ops: Vec<Op>,
}

impl Sequence {
    /// All of it: the conditions, the small tree with groups and watches, the operations as far as
    /// the worlds can do them, a drain of every group after each unmount, the end of every child, a
    /// close of every file and a drain of every group.
    pub fn whole(&self, profile: &Profile) -> Vec<Op> {
        let mut all = self.conditions.before();
        all.extend(small_tree());
        all.extend(self.conditions.after());
        let mut children = 0;
        for op in self.ops.iter().filter_map(|op| self.conditions.under(op)) {
            if !profile.can(&op) || !fits(&op, &mut children) {
                continue;
            }
            match op {
                // The group that was in its place is gone before, and so does not count.
                Op::Init { group, .. } => all.extend([Op::CloseGroup { group }, op]),
                Op::Umount { .. } => {
                    all.push(op);
                    // Whole, so that its events can be compared in any order.
                    all.extend((0..GROUPS).map(|group| Op::Drain { group }));
                }
                op => all.push(op),
            }
        }
        all.extend((0..children).map(|_| Op::Exit));
        all.extend((0..SLOTS).map(|slot| Op::Close { slot }));
        all.extend((0..GROUPS).map(|group| Op::Drain { group }));
        all.retain(|op| profile.can(op));
        all
    }

    /// Runs all of it in a fresh world; one result for each operation of [`Sequence::whole`].
    pub fn run(&self, profile: &Profile, world: &mut dyn World) -> Vec<Done> {
        let (mut openers, mut cookies) = (Openers::default(), Cookies::default());
        let run = |op: Op| normal(openers.apply(op, world), &mut cookies);
        self.whole(profile).into_iter().map(run).collect()
    }

    /// Runs it in two fresh worlds and gives the first difference, with what led to it.
    pub fn difference(
        &self,
        profile: &Profile,
        left: &mut dyn World,
        right: &mut dyn World,
    ) -> Option<String> {
        let results = (self.run(profile, left), self.run(profile, right));
        let at = results.0.iter().zip(&results.1).position(|(a, b)| a != b)?;
        let mut text = String::new();
        let whole = self.whole(profile);
        for (op, result) in whole.iter().zip(&results.0).take(at) {
            text += &format!("  {op:?} -> {}\n", shown(result));
        }
        let (op, a, b) = (&whole[at], shown(&results.0[at]), shown(&results.1[at]));
        Some(format!("{text}{op:?} differs:\n  {}: {a}\n  {}: {b}", left.name(), right.name()))
    }
}

fn shown(done: &Done) -> String {
    match done {
        Ok(outcome) => format!("{outcome:?}"),
        Err(errno) => errno.name().to_owned(),
    }
}

/// Whether an operation has its place where it stands: children go only so deep, and only a child
/// changes its directory, so that the root of the world is come back to.
fn fits(op: &Op, children: &mut usize) -> bool {
    match op {
        Op::Fork if *children == CHILDREN => false,
        Op::Fork => {
            *children += 1;
            true
        }
        Op::Exit if *children == 0 => false,
        Op::Exit => {
            *children -= 1;
            true
        }
        Op::Chdir { .. } => *children > 0,
        Op::As { op, .. } => fits(op, children),
        _ => true,
    }
}

/// The opener of each file.
///
/// Linux looks at the writer before it leaves or takes set-id bits. The VFS looks at the opener of
/// the file, since a write there takes no credentials. So each write is made by the opener. Users are
/// privileged (none here) or named.
#[derive(Clone, Debug, Default)]
struct Openers {
    files: [Option<u32>; SLOTS],
    parents: Vec<[Option<u32>; SLOTS]>,
}

impl Openers {
    /// Does an operation as the user that must do it.
    fn apply(&mut self, op: Op, world: &mut dyn World) -> Done {
        let (caller, inner) = match &op {
            Op::As { uid, op } => (Some(*uid), &**op),
            op => (None, op),
        };
        let writer = inner.written().map_or(caller, |slot| self.files[slot]);
        if let Op::Sendfile { out, input, .. } = *inner
            && is_same_file(world, (out, input))
        {
            return Ok(Outcome::Nothing);
        }
        let inner = inner.clone();
        let op = match writer {
            Some(uid) => Op::As { uid, op: Box::new(inner.clone()) },
            None if caller.is_some() => inner.clone(),
            None => op,
        };
        let done = world.apply(&Step::from(op));
        if matches!(done, Ok(Outcome::Done)) {
            self.note(&inner, caller);
        }
        done
    }

    fn note(&mut self, op: &Op, caller: Option<u32>) {
        match op {
            Op::Open { slot, .. } => self.files[*slot] = caller,
            Op::Dup { from, to } | Op::Dup2Over { from, to } => self.files[*to] = self.files[*from],
            Op::Fork => self.parents.push(self.files),
            Op::Exit => self.files = self.parents.pop().unwrap_or_default(),
            _ => {}
        }
    }
}

/// Whether two places are of one file. Within one file the kernel sends pages, not bytes: what was
/// written shows in what is still to be written, by the page and the file system.
fn is_same_file(world: &mut dyn World, slots: (Slot, Slot)) -> bool {
    let mut inode = |slot| match world.apply(&Op::Fstat { slot }.into()) {
        Ok(Outcome::Stat(Stat { device, ino, .. })) => Some((device, ino)),
        _ => None,
    };
    inode(slots.0) == inode(slots.1)
}

/// The small tree, the groups, the first watches and open files that every sequence starts with.
fn small_tree() -> Vec<Op> {
    let mut ops = Vec::new();
    for path in ["d", "d/d", "d/e", "e", "e/d"] {
        ops.push(Op::Mkdir { path: path.into(), mode: Mode(0o755) });
    }
    let open = |slot, path: &str, flags| Op::Open {
        slot,
        path: path.into(),
        flags,
        mode: Mode(0o644),
        resolve: LookupFlags::empty(),
    };
    for (path, len) in [("a", 10), ("d/a", 20), ("e/a", 30), ("d/e/a", 40)] {
        ops.push(open(0, path, OpenFlags::CREATE | OpenFlags::READ_WRITE));
        ops.push(Op::Write { slot: 0, data: Data::of_len(len) });
    }
    ops.push(open(1, "d", OpenFlags::DIRECTORY));
    ops.push(Op::Link { old: "a".into(), new: "d/b".into(), follow: false });
    ops.push(Op::Symlink { target: "d".into(), path: "c".into() });
    let init = |group| Op::Init { group, flags: INIT_FLAGS, queue: None };
    ops.extend((0..GROUPS).map(init));
    for (group, path) in [(0, "."), (0, "d"), (1, "d/e"), (1, "a"), (1, "d")] {
        ops.push(Op::AddWatch { group, path: path.into(), mask: Mask(0xfff) });
    }
    ops
}
