//! A sequence of operations, the conditions it runs under, and what two worlds give for it.

use super::super::world::{Limit, Open, World};
use super::apply::{State, apply};
use super::profile::Profile;
use super::result::OpResult;
use super::{CHILDREN, GROUPS, Mask, Mode, Op, SLOTS};

/// What a sequence is about besides its operations. Most have none of these: each makes a run longer
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

    /// What makes them so before anything is there.
    fn before(self) -> Vec<Op> {
        let limits = [(Limit::UserWatches, 6), (Limit::UserInstances, 4)];
        let limits = limits.map(|(limit, value)| Op::Limit { limit, value });
        if self.quotas { limits.to_vec() } else { Vec::new() }
    }

    /// What makes them so in the small tree.
    fn after(self) -> Vec<Op> {
        let mut ops = Vec::new();
        if self.users {
            let modes = [("d", 0o777), ("d/e", 0o1777), ("d/a", 0o606), ("e/a", 0o666)];
            ops.extend(
                modes.map(|(path, mode)| Op::Chmod { path: path.to_owned(), mode: Mode(mode) }),
            );
            let path = "a".to_owned();
            ops.push(Op::Chown { path, uid: Some(OTHER_USERS[0]), gid: None });
        }
        if self.short_queue {
            let group = GROUPS - 1;
            let watch =
                |path: &str| Op::AddWatch { group, path: path.to_owned(), mask: Mask(0xfff) };
            ops.push(Op::Init { group, queue: Some(6) });
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
    /// What it is about besides.
    pub conditions: Conditions,
    /// What was chosen.
    pub ops: Vec<Op>,
}

impl Sequence {
    /// All of it: the conditions, the small tree with groups and watches, the operations as far as
    /// the worlds can do them, a drain of every group after each unmount, the end of every child, a close of every file and a drain of every
    /// group.
    pub fn whole(&self, profile: &Profile) -> Vec<Op> {
        let mut all = self.conditions.before();
        all.extend(small_tree());
        all.extend(self.conditions.after());
        for op in self.ops.iter().filter_map(|op| self.conditions.under(op)) {
            let is_unmount = matches!(op, Op::Umount { .. });
            all.push(op);
            if is_unmount {
                // Whole, so that its events can be compared in any order.
                all.extend((0..GROUPS).map(|group| Op::Drain { group }));
            }
        }
        all.extend((0..CHILDREN).map(|_| Op::Exit));
        all.extend((0..SLOTS).map(|slot| Op::Close { slot }));
        all.extend((0..GROUPS).map(|group| Op::Drain { group }));
        all.retain(|op| profile.can(op));
        all
    }

    /// Runs all of it in a fresh world; one result for each operation of [`Sequence::whole`].
    pub fn run(&self, profile: &Profile, world: &mut dyn World) -> Vec<OpResult> {
        let mut state = State::default();
        self.whole(profile).iter().map(|op| apply(op, world, &mut state)).collect()
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
            text += &format!("  {op:?} -> {result:?}\n");
        }
        let (op, a, b) = (&whole[at], &results.0[at], &results.1[at]);
        Some(format!("{text}{op:?} differs:\n  {}: {a:?}\n  {}: {b:?}", left.name(), right.name()))
    }
}

/// The small tree, the groups, the first watches and open files that every sequence starts with.
fn small_tree() -> Vec<Op> {
    let mut ops = Vec::new();
    for path in ["d", "d/d", "d/e", "e", "e/d"] {
        ops.push(Op::Mkdir { path: path.to_owned(), mode: Mode(0o755) });
    }
    let open = |slot, path: &str, flags| Op::Open {
        slot,
        path: path.to_owned(),
        flags,
        mode: Mode(0o644),
    };
    for (path, len) in [("a", 10), ("d/a", 20), ("e/a", 30), ("d/e/a", 40)] {
        ops.push(open(0, path, Open::CREAT | Open::RDWR));
        ops.push(Op::Write { slot: 0, len });
    }
    ops.push(open(1, "d", Open::DIRECTORY));
    ops.push(Op::Link { old: "a".to_owned(), new: "d/b".to_owned() });
    ops.push(Op::Symlink { target: "d".to_owned(), path: "c".to_owned() });
    ops.extend((0..GROUPS).map(|group| Op::Init { group, queue: None }));
    for (group, path) in [(0, "."), (0, "d"), (1, "d/e"), (1, "a"), (1, "d")] {
        ops.push(Op::AddWatch { group, path: path.to_owned(), mask: Mask(0xfff) });
    }
    ops
}
