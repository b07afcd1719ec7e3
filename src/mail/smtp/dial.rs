//! From a name to a TCP connection: every address of the name gets its try, none waits for
//! another to give up (RFC 8305).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// An attempt that takes longer than this no longer holds up the next (RFC 8305, 5).
const NEXT_AFTER: Duration = Duration::from_millis(250);
/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// How the last session went, and with which address: it decides who is tried first.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Option<(IpAddr, Went)>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    Well,
    /// It was connected to, and no session came of it.
    Badly,
}

impl Memory {
    pub fn note_success(&self, address: IpAddr) {
        *self.0.lock() = Some((address, Went::Well));
    }

    pub fn note_failure(&self, address: IpAddr) {
        *self.0.lock() = Some((address, Went::Badly));
    }

    /// The addresses in the order of their tries: the families in turns, what worked first, what
    /// failed last.
    fn sorted(&self, addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
        let mut sorted = in_turns(addresses);
        if let Some((ip, went)) = *self.0.lock() {
            sorted.sort_by_key(|address| match (address.ip() == ip, went) {
                (true, Went::Well) => 0,
                (false, _) => 1,
                (true, Went::Badly) => 2,
            });
        }
        sorted.truncate(MAX_ADDRESSES);
        sorted
    }
}

/// Looks the name up, and connects to one of its addresses. The caller bounds the time.
///
/// # Errors
/// The first address's error where all failed; that of the lookup.
pub(super) async fn dial(host: &str, port: u16, memory: &Memory) -> io::Result<TcpStream> {
    let addresses = memory.sorted(tokio::net::lookup_host((host, port)).await?);
    connect_first(addresses).await
}

/// Each attempt has all of the caller's time: it begins when the one before it has failed or is
/// late, and goes on beside the later ones. Whichever connects first is taken.
async fn connect_first(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = JoinSet::new();
    let mut waiting = addresses.into_iter();
    let mut first_error = None;
    while let Some(address) = waiting.next() {
        attempts.spawn(connect(address));
        // The last one is waited for below, however long it takes.
        if waiting.len() == 0 {
            break;
        }
        if let Ok(Some(ended)) = tokio::time::timeout(NEXT_AFTER, attempts.join_next()).await {
            match ended? {
                Ok(stream) => return Ok(stream),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
    }
    while let Some(ended) = attempts.join_next().await {
        match ended? {
            Ok(stream) => return Ok(stream),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| io::Error::other("the name has no address")))
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await;
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {error}"));
    let stream = stream.map_err(named)?;
    // A message's last dot is written by itself: without this it waits for the server's delayed
    // acknowledgement, 40 ms for every message.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One family after the other, each in its own order, the first address's family first.
fn in_turns(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let addresses: Vec<SocketAddr> = addresses.into_iter().collect();
    let Some(first) = addresses.first() else { return addresses };
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.iter().partition(|address| address.is_ipv6() == first.is_ipv6());
    let mut in_turns = Vec::with_capacity(addresses.len());
    for at in 0..one.len().max(other.len()) {
        in_turns.extend(one.get(at).into_iter().chain(other.get(at)));
    }
    in_turns
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// An address that never answers: its accept queue is full, so that the system drops every
    /// further SYN. The listener and what fills its queue have to be kept.
    fn dead() -> (tokio::net::TcpListener, Vec<std::net::TcpStream>, SocketAddr) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, NEXT_AFTER) {
            queued.push(stream);
        }
        (listener, queued, address)
    }

    #[test]
    fn a_dead_address_does_not_keep_a_living_one_from_being_reached() {
        let runtime = runtime();
        let _within = runtime.enter();
        let (_dead, _queued, silent) = dead();
        let (_listener, living) = listener();
        // One that refuses, and one that stays silent for minutes.
        let unbound = listener().1;
        let addresses = vec![silent, unbound, silent, living];
        // Against a hang: one attempt after the other would take minutes.
        let bounded =
            async { tokio::time::timeout(NEXT_AFTER * 240, connect_first(addresses)).await };
        let stream = runtime.block_on(bounded).expect("it must not wait for the silent one");
        assert_eq!(stream.unwrap().peer_addr().unwrap(), living);
    }

    #[test]
    fn where_all_refuse_the_first_is_named() {
        let (one, other) = (listener().1, listener().1);
        let error = runtime().block_on(connect_first(vec![one, other])).unwrap_err();
        assert!(error.to_string().starts_with(&one.to_string()), "{error}");
        assert!(runtime().block_on(connect_first(Vec::new())).is_err());
    }

    #[test]
    fn families_take_turns_and_memory_decides_who_is_first() {
        let addresses = |texts: &[&str]| {
            texts.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 25)).collect::<Vec<_>>()
        };
        let found = addresses(&["::1", "::2", "::3", "10.0.0.1", "10.0.0.2"]);
        let memory = Memory::default();
        let turns = ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"];
        assert_eq!(memory.sorted(found.clone()), addresses(&turns));
        memory.note_success("10.0.0.2".parse().unwrap());
        assert_eq!(memory.sorted(found.clone())[0], addresses(&["10.0.0.2"])[0]);
        memory.note_failure("::1".parse().unwrap());
        assert_eq!(memory.sorted(found.clone())[4], addresses(&["::1"])[0]);
        let many = (0..50).map(|port| SocketAddr::new("::1".parse().unwrap(), port));
        assert_eq!(memory.sorted(many).len(), MAX_ADDRESSES);
    }
}
