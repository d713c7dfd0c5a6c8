//! A reference to a dentry for the length of an operation.

use std::fmt;

use crate::base::slot_index::Ix;
use crate::base::sync::Arc;
use crate::notify::{DentryRef, Notifier};
use crate::tree::dentry::DentrySlot;
use crate::tree::{Dentry, RawDentryRef};

/// A reference to a dentry, for the length of an operation: as a [`DentryRef`], but it borrows the notifier instead of
/// counting it.
pub(crate) struct HeldDentry<'a> {
    notifier: &'a Arc<Notifier>,
    index: Ix<DentrySlot>,
}

impl<'a> HeldDentry<'a> {
    /// Takes over a reference that was counted.
    pub(crate) fn new(notifier: &'a Arc<Notifier>, dentry: RawDentryRef) -> Self {
        Self { notifier, index: dentry.into_index() }
    }

    /// One more reference to a dentry.
    pub(crate) fn of(notifier: &'a Arc<Notifier>, dentry: Dentry<'_>) -> Self {
        Self::new(notifier, dentry.reference())
    }

    pub(crate) fn index(&self) -> Ix<DentrySlot> {
        self.index
    }

    /// The borrowed form, for hooks.
    pub(crate) fn get(&self) -> Dentry<'a> {
        self.notifier.tree().dentry_at(self.index)
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.get().is_dir()
    }

    /// The same reference as a handle that counts the notifier.
    pub(crate) fn into_ref(self) -> DentryRef {
        let (notifier, index) = (self.notifier, self.index);
        // The handle has the reference now.
        std::mem::forget(self);
        DentryRef::new(notifier, RawDentryRef::counted(index))
    }
}

impl Drop for HeldDentry<'_> {
    fn drop(&mut self) {
        self.notifier.put(RawDentryRef::counted(self.index));
    }
}

impl fmt::Debug for HeldDentry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
