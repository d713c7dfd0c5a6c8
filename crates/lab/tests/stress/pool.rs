//! Things that threads hand each other.

use crossbeam_channel::{Receiver, Sender, unbounded};

/// A channel to both ends of which every thread has access.
#[derive(Debug)]
pub(crate) struct Pool<T>(Sender<T>, Receiver<T>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        let (sender, receiver) = unbounded();
        Self(sender, receiver)
    }
}

impl<T> Pool<T> {
    pub(crate) fn put(&self, value: T) {
        self.0.send(value).expect("the other end is here");
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.1.try_recv().ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.1.len()
    }
}
