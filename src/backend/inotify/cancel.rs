//! Waits that another thread can cancel.

use crate::base::sync::ReadyReceiver;

/// A token that ends waits, once a [`Canceller`] cancels it. It stays cancelled: every later wait with
/// it ends at once too.
///
/// ```
/// # use vfsnotify::doc::*;
/// # let (vfs, _, inotify) = new_vfs()?;
/// let (canceller, cancel) = Cancel::new();
/// canceller.cancel(); // the guest thread is killed: its blocking read returns
/// let error = inotify.read_wait(&mut [0; 64], None, Some(&cancel)).unwrap_err();
/// assert_eq!(error.errno(), Errno::EINTR);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cancel(pub(super) ReadyReceiver);

/// Cancels a [`Cancel`]: by [`Canceller::cancel`], or when its last clone is dropped.
///
/// ```
/// # use vfsnotify::doc::*;
/// # let (vfs, _, inotify) = new_vfs()?;
/// let (canceller, cancel) = Cancel::new();
/// drop(canceller);
/// let error = inotify.wait(None, Some(&cancel)).unwrap_err();
/// assert_eq!(error.errno(), Errno::EINTR);
/// # Ok::<(), Error>(())
/// ```
#[cfg(not(any(loom, shuttle)))]
#[derive(Clone, Debug)]
pub struct Canceller(crossbeam_channel::Sender<()>);

#[cfg(not(any(loom, shuttle)))]
impl Cancel {
    /// A token, and its canceller.
    #[must_use]
    pub fn new() -> (Canceller, Self) {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        (Canceller(sender), Self(receiver))
    }
}

#[cfg(not(any(loom, shuttle)))]
impl Canceller {
    /// Ends all waits with the token, later ones included. A second call does nothing. Never blocks.
    pub fn cancel(&self) {
        // A full channel has been cancelled already; a disconnected one has no waits.
        let _ = self.0.try_send(());
    }
}

#[cfg(all(test, loom))]
impl Cancel {
    /// A token, and its canceller.
    pub(crate) fn for_model() -> (ReadyReceiver, Self) {
        let token = ReadyReceiver::new();
        (token.clone(), Self(token))
    }
}
