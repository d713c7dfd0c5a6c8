//! The readiness token of a queue.

/// A bell that a queue rings when it stops being empty: a channel that holds at most one token.
///
/// Ringing never blocks and never runs foreign code; a bell that has been rung and not heard
/// stays rung. Under the model checkers, which do not know crossbeam-channel, it is a flag.
#[cfg(not(any(loom, shuttle)))]
mod imp {
    use std::time::Instant;

    use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, bounded};

    /// The receiving end of a [`Doorbell`], for `crossbeam_channel::select!`.
    pub(crate) type ReadyReceiver = Receiver<()>;

    /// See the module.
    #[derive(Clone, Debug)]
    pub(crate) struct Doorbell {
        ring: Sender<()>,
        hear: Receiver<()>,
    }

    impl Doorbell {
        pub(crate) fn new() -> Self {
            let (ring, hear) = bounded(1);
            Self { ring, hear }
        }

        /// Leaves a token unless one is there already.
        pub(crate) fn ring(&self) {
            // A full channel means that the token is there; both ends live in `self`.
            let _ = self.ring.try_send(());
        }

        /// The channel a program can `select!` on.
        pub(crate) fn receiver(&self) -> &ReadyReceiver {
            &self.hear
        }

        /// Waits for a token, or until `deadline`, or until `cancel` has a message or is
        /// disconnected. Returns whether it was cancelled.
        pub(crate) fn wait(
            &self,
            deadline: Option<Instant>,
            cancel: Option<&ReadyReceiver>,
        ) -> bool {
            let mut select = Select::new();
            let bell = select.recv(&self.hear);
            let stop = cancel.map(|cancel| select.recv(cancel));
            let chosen = match deadline {
                None => select.ready(),
                Some(deadline) => match select.ready_deadline(deadline) {
                    Ok(chosen) => chosen,
                    Err(_) => return false,
                },
            };
            if chosen == bell {
                match self.hear.try_recv() {
                    Ok(()) | Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
                }
                return false;
            }
            stop == Some(chosen)
        }
    }
}

#[cfg(any(loom, shuttle))]
mod imp {
    use std::time::Instant;

    use super::super::{Arc, AtomicBool, Ordering, yield_now};

    /// Stands in for the receiving end.
    #[derive(Clone, Debug)]
    pub struct ReadyReceiver(Arc<AtomicBool>);

    impl ReadyReceiver {
        /// Takes the token.
        #[must_use]
        pub fn take(&self) -> bool {
            self.0.swap(false, Ordering::AcqRel)
        }
    }

    /// See the module.
    #[derive(Clone, Debug)]
    pub(crate) struct Doorbell(ReadyReceiver);

    impl Doorbell {
        pub(crate) fn new() -> Self {
            Self(ReadyReceiver(Arc::new(AtomicBool::new(false))))
        }

        pub(crate) fn ring(&self) {
            self.0.0.store(true, Ordering::Release);
        }

        pub(crate) fn receiver(&self) -> &ReadyReceiver {
            &self.0
        }

        pub(crate) fn wait(
            &self,
            deadline: Option<Instant>,
            cancel: Option<&ReadyReceiver>,
        ) -> bool {
            loop {
                if self.0.take() {
                    return false;
                }
                if cancel.is_some_and(ReadyReceiver::take) {
                    return true;
                }
                if deadline.is_some() {
                    return false;
                }
                yield_now();
            }
        }
    }
}

pub(crate) use imp::Doorbell;
pub(crate) use imp::ReadyReceiver;
