//! Waits that are ended from outside.

use crate::base::sync::ReadyReceiver;

/// Ends waits from outside, once it is cancelled by a [`Canceller`]. It stays cancelled: every later
/// wait with it ends at once too.
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

/// What cancels a [`Cancel`]: by [`Canceller::cancel`], or by the drop of its last clone.
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
    /// A token, and what cancels it.
    #[must_use]
    pub fn new() -> (Canceller, Self) {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        (Canceller(sender), Self(receiver))
    }
}

#[cfg(not(any(loom, shuttle)))]
impl Canceller {
    /// Ends all waits with the token, those that come later included. Again it does nothing; it never
    /// waits.
    pub fn cancel(&self) {
        // A full channel has been cancelled already; one without receivers has no waits.
        let _ = self.0.try_send(());
    }
}

#[cfg(all(test, loom))]
impl Cancel {
    /// A token, and what cancels it.
    pub(crate) fn for_model() -> (ReadyReceiver, Self) {
        let token = ReadyReceiver::new();
        (token.clone(), Self(token))
    }
}
