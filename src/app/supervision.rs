//! What the supervisor that has started the service hears of it.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::Supervisor;
use crate::sys::notify::Notifier;
use crate::sys::stop::Stop;

/// Tells systemd when the service is ready and when it stops, and keeps its watchdog quiet for as
/// long as the service answers. Without a supervisor all of it does nothing.
pub struct Supervision {
    notifier: Option<Arc<Notifier>>,
    watchdog: Option<(Stop, JoinHandle<()>)>,
}

impl Supervision {
    /// Says that the service listens at `address`.
    pub fn begin(supervisor: &Supervisor, address: SocketAddr) -> Supervision {
        let notifier = supervisor.notify_socket.as_ref().and_then(|socket| {
            let made = Notifier::to(socket);
            made.inspect_err(|why| log::warn!("the supervisor can't be told anything: {why}")).ok()
        });
        let notifier = notifier.map(Arc::new);
        tell(notifier.as_deref(), &format!("READY=1\nSTATUS=listening on http://{address}"));
        let interval = supervisor.watchdog.filter(|_| notifier.is_some());
        let watchdog = interval.zip(notifier.clone()).and_then(|(interval, notifier)| {
            let started = watch(notifier, interval, reachable(address));
            started.inspect_err(|why| log::warn!("no thread for the watchdog: {why}")).ok()
        });
        Supervision { notifier, watchdog }
    }

    /// Says that the service stops.
    pub fn end(self) {
        tell(self.notifier.as_deref(), "STOPPING=1");
        if let Some((stop, thread)) = self.watchdog {
            stop.set();
            let _ = thread.join();
        }
    }
}

fn tell(notifier: Option<&Notifier>, message: &str) {
    if let Some(notifier) = notifier
        && let Err(why) = notifier.send(message)
    {
        log::warn!("the supervisor did not take a message: {why}");
    }
}

/// Asks the service as a client does, twice in each interval. Where no answer comes the supervisor
/// hears nothing, and starts the service again when the interval is over.
fn watch(
    notifier: Arc<Notifier>,
    interval: Duration,
    address: SocketAddr,
) -> io::Result<(Stop, JoinHandle<()>)> {
    let stop = Stop::new();
    let seen = stop.clone();
    let thread = thread::Builder::new().name("watchdog".into()).spawn(move || {
        while !seen.wait(interval / 4) {
            match is_answered(address, interval / 8) {
                Ok(true) => tell(Some(&notifier), "WATCHDOG=1"),
                Ok(false) => log::error!("the service's own request was not answered well"),
                Err(why) => log::error!("the service does not answer its own request: {why}"),
            }
        }
    })?;
    Ok((stop, thread))
}

const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const WELL: &[u8] = b"HTTP/1.1 200";

/// Whether the service says that it is alive. Each step may take `patience`.
fn is_answered(address: SocketAddr, patience: Duration) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(REQUEST)?;
    let mut start = [0; WELL.len()];
    stream.read_exact(&mut start)?;
    Ok(start == WELL)
}

/// Where a listener on all addresses is reached from this host.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn only_a_200_is_an_answer() {
        for (said, well) in [
            (&b"HTTP/1.1 200 OK\r\n\r\n"[..], Some(true)),
            (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", Some(false)),
            (b"HTTP", None),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; REQUEST.len()]).unwrap();
                stream.write_all(said).unwrap();
            });
            assert_eq!(is_answered(address, Duration::from_secs(30)).ok(), well);
            server.join().unwrap();
        }
    }
}
