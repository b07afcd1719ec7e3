//! The janitor: closes what has outlived its deadline while it was parked.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::serving::{Responder, Shared};

/// Between two rounds; a deadline is kept to within this.
const ROUND: Duration = Duration::from_millis(200);

/// Makes rounds until the other end of `stop` is dropped.
pub fn run(shared: Arc<Shared>, stop: &Receiver<()>) {
    let mut responder = Responder::new(shared);
    while stop.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
        sweep(&mut responder, Instant::now());
    }
}

/// One round.
fn sweep(responder: &mut Responder, now: Instant) {
    let shared = Arc::clone(&responder.shared);
    for mut connection in shared.parking.take_all(|connection| connection.is_overdue(now)) {
        let next_step = responder.expire(&mut connection);
        shared.settle(connection, next_step);
    }
}
