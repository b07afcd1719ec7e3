//! The janitor: deals with parked connections that have outlived their deadlines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::responder::Responder;
use super::transport::Transport;
use crate::metrics::CloseReason;
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
    // One with news is left to the thread that the news wakes.
    let is_mine = |connection: &Connection| connection.is_overdue(now) && !connection.has_news();
    for mut connection in transport.parking.take_all(is_mine) {
        let next = responder.expire(&mut connection);
        transport.proceed(connection, next);
    }
    for abandoned in transport.parking.deferrals().take_abandoned() {
        abandoned.close(CloseReason::Client);
    }
    transport.parking.deferrals().collect_for_others();
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::http::connection::Stage;
    use crate::http::outgoing::{After, Outgoing};
    use crate::http::worker::tests::{connect, transport};
    use crate::sys::poll::Interest;
    use crate::sys::socket;

    fn responder() -> Responder {
        Responder::new(Arc::new(transport(|settings| {
            settings.max_connections = 2;
            settings.max_connections_per_client = 2;
        })))
    }

    fn has_news(responder: &Responder, slot: usize) -> Option<bool> {
        responder.transport.parking.look(slot, Connection::has_news)
    }

    #[test]
    fn an_overdue_connection_is_closed_unless_something_has_come() {
        let mut responder = responder();
        let parking = &responder.transport.parking;
        let (mut asking, connection) = connect(&responder.transport, Duration::ZERO);
        parking.park(connection, Interest::Readable);
        let (_quiet, connection) = connect(&responder.transport, Duration::ZERO);
        parking.park(connection, Interest::Readable);
        asking.write_all(b"G").unwrap();
        while has_news(&responder, 0) == Some(false) {}
        sweep(&mut responder, Instant::now());
        assert_eq!([0, 1].map(|slot| has_news(&responder, slot)), [Some(true), None]);
    }

    /// Parks a connection that is overdue with a response, its socket full.
    fn park_unread(responder: &Responder) -> TcpStream {
        let (client, mut connection) = connect(&responder.transport, Duration::ZERO);
        while let Ok(Some(_)) = socket::send_now(&connection.socket, &[b'x'; 1 << 16]) {}
        let outgoing = Outgoing::new(vec![b'x'], 0, None, After::Keep);
        connection.enter(Stage::Responding(Box::new(outgoing)), Duration::ZERO);
        responder.transport.parking.park(connection, Interest::Writable);
        client
    }

    #[test]
    fn a_slow_reader_is_cut_unless_it_has_read_meanwhile() {
        let mut responder = responder();
        let mut reading = park_unread(&responder);
        let _stalled = park_unread(&responder);
        while has_news(&responder, 0) == Some(false) {
            reading.read_exact(&mut [0; 1 << 14]).unwrap();
        }
        sweep(&mut responder, Instant::now());
        assert_eq!([0, 1].map(|slot| has_news(&responder, slot)), [Some(true), None]);
    }
}
