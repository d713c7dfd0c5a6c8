//! The hooks, and the changes that call them: how each is called, and which marks it matches.

use std::sync::Arc;

use vfsnotify::inotify::WatchMask;
use vfsnotify::notify::DentryRef;
use vfsnotify::notify::Notifier;
use vfsnotify::tree::{InodeSpec, SuperblockRef};
use vfsnotify::{EventMask, InodeKind};

/// The argument that hooks are called with.
pub struct Arguments {
    pub dir: DentryRef,
    pub new_dir: DentryRef,
    pub child: DentryRef,
    pub replaced: DentryRef,
    pub dying: DentryRef,
    pub superblock: SuperblockRef,
}

/// The object of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Object,
    Parent,
    NewParent,
    Replaced,
}

/// A one-shot, and all that the hook queues for it, the last of it IGNORED.
#[derive(Debug)]
pub struct Mark {
    pub on: On,
    pub mask: WatchMask,
    pub delivered: &'static [EventMask],
}

const fn mark(on: On, mask: WatchMask, delivered: &'static [EventMask]) -> Mark {
    Mark { on, mask, delivered }
}

/// A hook, or a change that calls hooks: how it is called, and each set of marks with which it is.
pub struct Hook {
    pub name: &'static str,
    pub call: fn(&Arc<Notifier>, Arguments),
    pub marks: &'static [&'static [Mark]],
}

/// The three rows of an event that goes to the object and to its parent: one mark, the other, both.
macro_rules! own_and_parent {
    ($event:ident) => {
        own_and_parent!($event, $event)
    };
    ($event:ident, $parents:ident) => {
        &[
            &[mark(On::Object, WatchMask::$event, &[EventMask::$event, EventMask::IGNORED])],
            &[mark(On::Parent, WatchMask::$parents, &[EventMask::$parents, EventMask::IGNORED])],
            &[
                mark(On::Object, WatchMask::$event, &[EventMask::$event, EventMask::IGNORED]),
                mark(On::Parent, WatchMask::$parents, &[EventMask::$parents, EventMask::IGNORED]),
            ],
        ]
    };
}

const UNMOUNT: &[EventMask] = &[EventMask::UNMOUNT, EventMask::IGNORED];
const DIR_UNMOUNT: &[EventMask] = &[EventMask::UNMOUNT.union(EventMask::ISDIR), EventMask::IGNORED];
const MOVED_FROM: Mark =
    mark(On::Parent, WatchMask::MOVED_FROM, &[EventMask::MOVED_FROM, EventMask::IGNORED]);
const MOVED_TO: Mark =
    mark(On::NewParent, WatchMask::MOVED_TO, &[EventMask::MOVED_TO, EventMask::IGNORED]);
const MOVE_SELF: Mark =
    mark(On::Object, WatchMask::MOVE_SELF, &[EventMask::MOVE_SELF, EventMask::IGNORED]);
const REPLACED: Mark =
    mark(On::Replaced, WatchMask::ATTRIB, &[EventMask::ATTRIB, EventMask::IGNORED]);
const RENAME: &[&[Mark]] = &[
    &[MOVED_FROM],
    &[MOVED_TO],
    &[MOVE_SELF],
    &[REPLACED],
    &[MOVED_FROM, MOVED_TO, MOVE_SELF, REPLACED],
];

/// The end of a reference; it is no function.
pub const DROP: &str = "drop of a DentryRef";

pub const HOOKS: &[Hook] = &[
    Hook {
        name: "on_open",
        call: |notifier, with| notifier.hooks().on_open(with.child.get()),
        marks: own_and_parent!(OPEN),
    },
    Hook {
        name: "on_close",
        call: |notifier, with| notifier.hooks().on_close(with.child.get(), true),
        marks: own_and_parent!(CLOSE_WRITE),
    },
    Hook {
        name: "on_access",
        call: |notifier, with| notifier.hooks().on_access(with.child.get()),
        marks: own_and_parent!(ACCESS),
    },
    Hook {
        name: "on_modify",
        call: |notifier, with| notifier.hooks().on_modify(with.child.get()),
        marks: own_and_parent!(MODIFY),
    },
    Hook {
        name: "on_attrib",
        call: |notifier, with| notifier.hooks().on_attrib(with.child.get(), EventMask::ATTRIB),
        marks: own_and_parent!(ATTRIB),
    },
    Hook {
        name: "on_create",
        call: |notifier, with| {
            notifier.hooks().on_create(with.dir.get(), b"n", with.child.get().inode())
        },
        marks: &[&[mark(On::Parent, WatchMask::CREATE, &[EventMask::CREATE, EventMask::IGNORED])]],
    },
    Hook {
        name: "on_delete",
        call: |notifier, with| {
            notifier.hooks().on_delete(with.dir.get(), b"n", with.child.get().inode())
        },
        marks: &[&[mark(On::Parent, WatchMask::DELETE, &[EventMask::DELETE, EventMask::IGNORED])]],
    },
    Hook {
        name: "on_link",
        call: |notifier, with| {
            notifier.hooks().on_link(with.child.get().inode(), with.dir.get(), b"n");
        },
        marks: own_and_parent!(ATTRIB, CREATE),
    },
    Hook {
        name: "on_link_count",
        call: |notifier, with| notifier.hooks().on_link_count(with.child.get().inode()),
        marks: &[&[mark(On::Object, WatchMask::ATTRIB, &[EventMask::ATTRIB, EventMask::IGNORED])]],
    },
    Hook {
        name: "on_rename",
        call: |notifier, with| {
            notifier.hooks().on_rename(
                with.dir.get(),
                b"child",
                with.new_dir.get(),
                b"replaced",
                with.child.get().inode(),
                Some(with.replaced.get().inode()),
            );
        },
        marks: RENAME,
    },
    Hook {
        name: DROP,
        // The inode has lost its names; the next dentry of it that ends reports that.
        call: |_notifier, with| {
            with.child.get().inode().set_nlink(0);
            drop(with.dying);
        },
        marks: &[&[mark(
            On::Object,
            WatchMask::DELETE_SELF,
            &[EventMask::DELETE_SELF, EventMask::IGNORED],
        )]],
    },
    Hook {
        name: "on_unmount",
        call: |notifier, with| notifier.on_unmount(&with.superblock),
        marks: &[
            &[mark(On::Object, WatchMask::OPEN, UNMOUNT)],
            &[mark(On::Parent, WatchMask::OPEN, DIR_UNMOUNT)],
            &[
                mark(On::Object, WatchMask::OPEN, UNMOUNT),
                mark(On::Parent, WatchMask::OPEN, DIR_UNMOUNT),
            ],
        ],
    },
    Hook {
        name: "create",
        call: |notifier, with| {
            let spec = InodeSpec::new(1001, InodeKind::Regular, 1);
            let inode = notifier.tree().make_inode(&with.superblock, spec).expect("an inode");
            notifier.hooks().create(with.dir.get(), b"n", inode).expect("a new name");
        },
        marks: &[&[mark(On::Parent, WatchMask::CREATE, &[EventMask::CREATE, EventMask::IGNORED])]],
    },
    Hook {
        name: "link",
        call: |notifier, with| {
            let inode = with.child.inode_ref();
            notifier.hooks().link(with.dir.get(), b"n", inode).expect("a new name");
        },
        marks: own_and_parent!(ATTRIB, CREATE),
    },
    Hook {
        name: "remove",
        call: |notifier, with| notifier.hooks().remove(with.child).expect("it has a name"),
        marks: own_and_parent!(ATTRIB, DELETE),
    },
    Hook {
        name: "rename",
        call: |notifier, with| {
            let renamed =
                notifier.hooks().rename(with.child.get(), with.new_dir.get(), b"replaced");
            renamed.expect("it can move");
        },
        marks: RENAME,
    },
    Hook {
        name: "exchange",
        call: |notifier, with| {
            let exchanged = notifier.hooks().exchange(with.child.get(), with.replaced.get());
            exchanged.expect("both have names");
        },
        marks: &[&[MOVED_FROM], &[MOVED_TO], &[MOVE_SELF], &[MOVED_FROM, MOVED_TO, MOVE_SELF]],
    },
];
