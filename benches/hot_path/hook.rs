//! The hooks under test: a read, a write, and an open with its close.

use std::sync::Arc;

use vfsnotify::inotify::WatchMask;
use vfsnotify::notify::Notifier;
use vfsnotify::tree::Dentry;

/// One call of an embedder's: one hook, or two that belong together.
pub(crate) trait Hook {
    /// Its name in the report.
    const NAME: &'static str;
    /// How many hooks one call is; a match queues one event for each.
    const HOOKS: u32;
    /// The mask with which a watch is told of it.
    const MASK: WatchMask;

    fn call(notifier: &Arc<Notifier>, dentry: Dentry<'_>);
}

#[derive(Debug)]
pub(crate) struct Read;

impl Hook for Read {
    const NAME: &'static str = "read hook";
    const HOOKS: u32 = 1;
    const MASK: WatchMask = WatchMask::ACCESS;

    #[inline(always)]
    fn call(notifier: &Arc<Notifier>, dentry: Dentry<'_>) {
        notifier.hooks().on_access(dentry);
    }
}

#[derive(Debug)]
pub(crate) struct Write;

impl Hook for Write {
    const NAME: &'static str = "write hook";
    const HOOKS: u32 = 1;
    const MASK: WatchMask = WatchMask::MODIFY;

    #[inline(always)]
    fn call(notifier: &Arc<Notifier>, dentry: Dentry<'_>) {
        notifier.hooks().on_modify(dentry);
    }
}

#[derive(Debug)]
pub(crate) struct OpenClose;

impl Hook for OpenClose {
    const NAME: &'static str = "open and close hooks";
    const HOOKS: u32 = 2;
    const MASK: WatchMask = WatchMask::OPEN.union(WatchMask::CLOSE_WRITE);

    #[inline(always)]
    fn call(notifier: &Arc<Notifier>, dentry: Dentry<'_>) {
        notifier.hooks().on_open(dentry);
        notifier.hooks().on_close(dentry, true);
    }
}
