//! The janitor: deals with parked connections that have outlived their deadlines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::responder::Responder;
use super::transport::Transport;
use crate::sys::stop::Stop;

/// Between two rounds; a deadline is kept to within this.
const ROUND: Duration = Duration::from_millis(200);

/// Makes rounds until it is stopped.
pub fn run(transport: Arc<Transport>, stop: &Stop) {
    let mut responder = Responder::new(transport);
    while !stop.wait(ROUND) {
        sweep(&mut responder, Instant::now());
    }
}

/// One round.
fn sweep(responder: &mut Responder, now: Instant) {
    let transport = Arc::clone(&responder.transport);
    for mut connection in transport.parking.take_all(|connection| connection.is_overdue(now)) {
        let next = responder.expire(&mut connection);
        transport.proceed(connection, next);
    }
    transport.parking.deferrals().collect_for_others();
}
