//! The sender's thread, as whoever stops it holds it.

use std::thread::JoinHandle;

use crate::store::Store;
use crate::sys::stop::Stop;

pub struct Running {
    stop: Stop,
    store: Store,
    thread: JoinHandle<()>,
}

impl Running {
    pub(super) fn new(stop: Stop, store: Store, thread: JoinHandle<()>) -> Running {
        Running { stop, store, thread }
    }

    /// Lets the mail under way finish, stores the results, and ends the thread.
    pub fn stop(self) {
        self.stop.set();
        self.store.mail_wakeup().notify();
        if self.thread.join().is_err() {
            log::error!("mail: the sender's thread panicked");
        }
    }
}
