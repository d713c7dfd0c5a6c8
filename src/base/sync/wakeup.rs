//! The wakeup of a queue's readers.

/// A channel that holds at most one token: a queue sends it when it stops being empty.
///
/// Waking never blocks and never runs foreign code; a token that no reader has received stays. The
/// model checkers do not know crossbeam-channel; there it is a flag that a thread can wait for.
#[cfg(not(any(loom, shuttle)))]
mod imp {
    use std::time::Instant;

    use crossbeam_channel::{Receiver, Select, Sender, TryRecvError, bounded};

    /// The receiving end of a [`Wakeup`], for `crossbeam_channel::select!`.
    pub(crate) type ReadyReceiver = Receiver<()>;

    /// See the module.
    #[derive(Clone, Debug)]
    pub(crate) struct Wakeup {
        sender: Sender<()>,
        receiver: Receiver<()>,
    }

    impl Wakeup {
        pub(crate) fn new() -> Self {
            let (sender, receiver) = bounded(1);
            Self { sender, receiver }
        }

        /// Sends a token unless the channel has one already.
        pub(crate) fn wake(&self) {
            // A full channel means that it has the token; both ends live in `self`.
            let _ = self.sender.try_send(());
        }

        /// The channel a program can `select!` on.
        pub(crate) fn receiver(&self) -> &ReadyReceiver {
            &self.receiver
        }

        /// Waits for a token, or until `deadline`, or until `cancel` has a message or is
        /// disconnected. Returns whether it was cancelled.
        pub(crate) fn wait(
            &self,
            deadline: Option<Instant>,
            cancel: Option<&ReadyReceiver>,
        ) -> bool {
            let mut select = Select::new();
            let woken = select.recv(&self.receiver);
            let stop = cancel.map(|cancel| select.recv(cancel));
            let chosen = match deadline {
                None => select.ready(),
                Some(deadline) => match select.ready_deadline(deadline) {
                    Ok(chosen) => chosen,
                    Err(_) => return false,
                },
            };
            if chosen == woken {
                match self.receiver.try_recv() {
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

    use super::super::Arc;
    #[cfg(loom)]
    use loom::sync::{Condvar, Mutex};
    #[cfg(shuttle)]
    use shuttle::sync::{Condvar, Mutex};

    #[derive(Default)]
    struct State {
        token: bool,
        /// The waiters for another event that a cancellation of this one must wake too.
        waiters: Vec<ReadyReceiver>,
    }

    /// Stands in for the receiving end: whether there is a token, and the threads that wait for it.
    #[derive(Clone)]
    pub struct ReadyReceiver(Arc<(Mutex<State>, Condvar)>);

    impl ReadyReceiver {
        pub(crate) fn new() -> Self {
            Self(Arc::new((Mutex::new(State::default()), Condvar::new())))
        }

        fn leave(&self) {
            self.0.0.lock().unwrap().token = true;
            self.0.1.notify_one();
        }

        /// Waits for the token and takes it. If it never comes, the model checker reports a deadlock.
        pub fn take(&self) {
            self.take_unless(|| false);
        }

        /// Takes the token, or returns true once `stopped` is.
        fn take_unless(&self, stopped: impl Fn() -> bool) -> bool {
            let mut state = self.0.0.lock().unwrap();
            while !std::mem::take(&mut state.token) {
                if stopped() {
                    return true;
                }
                state = self.0.1.wait(state).unwrap();
            }
            false
        }

        /// Stands in for the end of all senders: from now on every receiver is ready.
        #[cfg(all(test, loom))]
        pub(crate) fn cancel(&self) {
            let waiters = {
                let mut state = self.0.0.lock().unwrap();
                state.token = true;
                std::mem::take(&mut state.waiters)
            };
            for waiter in waiters {
                // Locked once, so that a thread that is about to wait does so before it is woken.
                drop(waiter.0.0.lock().unwrap());
                waiter.0.1.notify_all();
            }
        }
    }

    impl std::fmt::Debug for ReadyReceiver {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("ReadyReceiver")
        }
    }

    /// See the module.
    #[derive(Clone, Debug)]
    pub(crate) struct Wakeup(ReadyReceiver);

    impl Wakeup {
        pub(crate) fn new() -> Self {
            Self(ReadyReceiver::new())
        }

        pub(crate) fn wake(&self) {
            self.0.leave();
        }

        pub(crate) fn receiver(&self) -> &ReadyReceiver {
            &self.0
        }

        /// Waits for the token, or until it is cancelled. No time passes in a model.
        pub(crate) fn wait(
            &self,
            deadline: Option<Instant>,
            cancel: Option<&ReadyReceiver>,
        ) -> bool {
            if deadline.is_some() {
                return false;
            }
            let Some(cancel) = cancel else { return self.0.take_unless(|| false) };
            cancel.0.0.lock().unwrap().waiters.push(self.0.clone());
            self.0.take_unless(|| cancel.0.0.lock().unwrap().token)
        }
    }
}

pub(crate) use imp::ReadyReceiver;
pub(crate) use imp::Wakeup;
