//! What crowds and hostile clients do to a server: `tests/http` lets them loose on the
//! transport with a test service behind it, `tests/siege` on the whole service.

pub mod malformed;
pub mod site;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use super::client::{Client, TIMEOUT};
use malformed::{TABLE, assert_refused};
use site::Site;

/// So many clients ask at once, `rounds` times; each must get every one of its responses.
#[track_caller]
pub fn burst(site: &Site, clients: usize, rounds: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..clients).map(|_| site.connect()).collect();
    for _ in 0..rounds {
        ask_all(site, &mut clients);
    }
    clients
}

#[track_caller]
pub fn ask_all(site: &Site, clients: &mut [Client]) {
    for client in &mut *clients {
        site.ask(client);
    }
    for client in clients {
        site.assert_answered(client);
    }
}

/// Clients that come one after the other, each asking once and staying connected.
#[track_caller]
pub fn newcomers(site: &Site, count: usize) -> Vec<Client> {
    let arrive = |_| {
        let mut client = site.connect();
        site.ask(&mut client);
        site.assert_answered(&mut client);
        client
    };
    (0..count).map(arrive).collect()
}

/// What a slow client sends first, and then again and again.
pub type Slow = (&'static [u8], &'static [u8]);

pub const SLOW_HEAD: Slow = (b"GET /constant HTTP/1.1\r\n", b"A: b\r\n");
pub const SLOW_BODY: Slow =
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", b"x");
pub const SLOW_CHUNKS: Slow =
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n");

/// Lets `count` slow clients of each kind in, and replaces each that the server closes. Ends
/// when `enough` is true, which is asked all the while with the number of those replaced.
pub fn slow_clients(
    site: &Site,
    kinds: &[Slow],
    count: usize,
    mut enough: impl FnMut(usize) -> bool,
) {
    let (stop, replaced) = (Stop::default(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _stops = stop.guard();
        for kind in kinds {
            scope.spawn(|| trickle(site, count, *kind, &stop, &replaced));
        }
        while !enough(replaced.load(Ordering::Relaxed)) {
            thread::yield_now();
        }
    });
}

/// Sends a little on each of `count` connections until told to stop, and replaces each that the
/// server closes.
fn trickle(site: &Site, count: usize, kind: Slow, stop: &Stop, replaced: &AtomicUsize) {
    let (first, again) = (site.aim(kind.0), kind.1);
    let connect = || {
        let mut socket = TcpStream::connect_timeout(&site.address, TIMEOUT).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.write(&first);
        socket
    };
    let mut sockets: Vec<TcpStream> = (0..count).map(|_| connect()).collect();
    while !stop.is_said() {
        for socket in &mut sockets {
            let mut answer = [0; 1024];
            let is_over = socket.read(&mut answer).is_ok() || socket.write(again).is_err();
            if is_over {
                *socket = connect();
                replaced.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Tells threads to end. A guard tells them even where a test panics: without it the scope
/// would wait for them for ever.
#[derive(Default)]
pub struct Stop(AtomicBool);

pub struct Stops<'s>(&'s Stop);

impl Stop {
    pub fn guard(&self) -> Stops<'_> {
        Stops(self)
    }

    pub fn is_said(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Each of so many HTTP/2 clients is told that the version is not supported.
#[track_caller]
pub fn http2_prefaces(site: &Site, count: usize) {
    for mut client in say_http2(site, count) {
        assert_eq!(client.read().status, 505);
    }
}

pub fn say_http2(site: &Site, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| site.connect()).collect();
    for client in &mut clients {
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    }
    clients
}

#[track_caller]
pub fn endless_header(site: &Site) {
    let mut client = site.connect();
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\nA: ");
    for _ in 0..64 {
        client.send([b'x'; 1024]);
    }
    assert_eq!(client.read().status, 431);
    client.assert_closed();
}

/// A client that asks for a large response 1,000 times, and never reads.
pub fn greedy_pipeliner(site: &Site) -> Client {
    let mut greedy = site.connect();
    greedy.socket.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    // The service may stop reading, or close.
    let _ = greedy.try_send(site.aim(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").repeat(1000));
    greedy
}

/// A client with this address of its own on the loopback network, which is all local on Linux.
#[track_caller]
pub fn connect_from(site: &Site, address: IpAddr) -> Client {
    Client::over(socket_from(site, Some(address), |_| {}).into()).unwrap()
}

fn socket_from(site: &Site, address: Option<IpAddr>, prepare: impl FnOnce(&Socket)) -> Socket {
    let socket = Socket::new(Domain::for_address(site.address), Type::STREAM, None).unwrap();
    if let Some(address) = address {
        socket.bind(&SocketAddr::new(address, 0).into()).unwrap();
    }
    prepare(&socket);
    socket.connect_timeout(&site.address.into(), TIMEOUT).unwrap();
    socket
}

/// A connection with small buffers, so that what is not read waits in the service and not in
/// the system.
pub fn narrow(site: &Site, address: Option<IpAddr>) -> TcpStream {
    let socket = socket_from(site, address, |socket| {
        socket.set_recv_buffer_size(2048).unwrap();
        socket.set_tcp_mss(536).unwrap();
    });
    socket.set_nonblocking(true).unwrap();
    socket.into()
}

/// So many connections from one address. Each asks for `target` until the responses are more
/// than its buffers hold, and reads none of them.
pub fn unread(site: &Site, address: IpAddr, count: usize, target: &str) -> Vec<TcpStream> {
    let requests = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").repeat(2000);
    let ask = |_| {
        let mut socket = narrow(site, Some(address));
        // The rest finds no room once the service has stopped reading.
        let _ = socket.write(requests.as_bytes());
        socket
    };
    (0..count).map(ask).collect()
}

/// Sends every malformed request of the table, at once and then a byte at a time.
#[track_caller]
pub fn malformed(site: &Site) {
    for row in TABLE {
        let bytes = site.aim(row.bytes);
        let mut client = site.connect();
        client.send(&bytes);
        assert_refused(&mut client, row.answer, &format!("whole: {}", bytes.escape_ascii()));
        let mut client = site.connect();
        client.send_bytewise(&bytes);
        assert_refused(&mut client, row.answer, &format!("bytewise: {}", bytes.escape_ascii()));
    }
}

/// Clients that announce a body of the largest size and send only `sent` bytes of it.
pub fn partial_bodies(site: &Site, count: usize, sent: usize) -> Vec<Client> {
    let head = site.aim(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65536\r\n\r\n");
    let begin = |_| {
        let mut client = site.connect();
        client.send(&head);
        // Short of memory, the service may stop reading.
        let _ = client.try_send(vec![b'x'; sent]);
        client
    };
    (0..count).map(begin).collect()
}

/// Thousands of connections need as many descriptors, and where both ends are in this process
/// twice as many. Not where `KEEP_DESCRIPTOR_LIMIT` is set.
pub fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if std::env::var_os("KEEP_DESCRIPTOR_LIMIT").is_none() {
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

/// Waits until `is_so`; panics with `what` where that takes too long.
#[track_caller]
pub fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        thread::yield_now();
    }
}
