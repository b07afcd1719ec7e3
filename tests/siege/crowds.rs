//! Cases for the real service alone: those that make it hash, parse and list.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::attack::site::Site;
use support::attack::{self, Stop};
use support::client::{Client, TIMEOUT};

/// The default of `HTTP_MAX_CONNECTIONS`.
pub const MAX_CONNECTIONS: usize = 4096;

/// Enough that a list of them is streamed in pieces.
const ORDERS: usize = 2500;

/// More password checks than may run and wait together.
const LOGINS_AT_ONCE: usize = 24;

pub fn place_orders(site: &Site, token: &str) {
    const AT_ONCE: usize = 50;
    let order = post("/orders/create", Some(token), br#"{"success":true}"#);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut client = site.connect();
                for _ in 0..ORDERS / AT_ONCE {
                    client.send(&order);
                    assert_eq!(client.read().status, 200);
                }
            });
        }
    });
}

/// Runs `case` while clients log in with a wrong password, as fast as they are answered.
pub fn beside_logins(site: &Site, case: impl FnOnce()) {
    let login = post("/auth/login", None, br#"{"username":"admin","password":"Wr0ng!one"}"#);
    let (stop, checked) = (Stop::default(), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _stops = stop.guard();
        for _ in 0..LOGINS_AT_ONCE {
            scope.spawn(|| {
                while !stop.is_said() {
                    // At the cap any connection may have to give way.
                    let Ok(mut client) = Client::try_connect(site.address) else { continue };
                    client.send(&login);
                    let Ok(answer) = client.try_read() else { continue };
                    assert!(matches!(answer.status, 401 | 503), "{answer:?}");
                    checked.fetch_add(usize::from(answer.status == 401), Ordering::Relaxed);
                }
            });
        }
        case();
    });
    assert!(checked.into_inner() > 0, "no password was checked");
}

/// So many clients at once send `count` bodies each, of the largest size. Parsed, a body takes
/// many times its size, and the response repeats it.
pub fn large_trees(site: &Site, clients: usize, count: usize) {
    let items = r#"{"":[]},"#.repeat(8190);
    let body = format!("[{}]", items.trim_end_matches(','));
    let request = post("/auth/login", None, body.as_bytes());
    thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                for _ in 0..count {
                    let Ok(mut client) = Client::try_connect(site.address) else { continue };
                    client.send(&request);
                    let Ok(answer) = client.try_read() else { continue };
                    assert!(matches!(answer.status, 408 | 422 | 503), "{}", answer.head);
                }
            });
        }
    });
}

/// Clients that ask for much and read next to nothing.
pub struct Readers<'s> {
    site: &'s Site,
    requests: Vec<Vec<u8>>,
}

impl Readers<'_> {
    /// Lists as streamed JSON, as streamed CSV and as a whole page.
    pub fn of_lists<'s>(site: &'s Site, token: &str) -> Readers<'s> {
        let targets = ["/orders/", "/orders/?format=csv", "/orders/?limit=1000"];
        let requests = targets.map(|target| get(target, Some(token)).repeat(20));
        Readers { site, requests: requests.into() }
    }

    /// A file of the documentation, compressed as it is stored, and decompressed by the service.
    pub fn of_docs(site: &Site) -> Readers<'_> {
        let large = get(site.names.large, None);
        let mut zipped = large.clone();
        zipped.splice(large.len() - 2.., *b"Accept-Encoding: gzip\r\n\r\n");
        Readers { site, requests: vec![large.repeat(20), zipped.repeat(20)] }
    }

    /// Lets `count` of them read slowly, and replaces each that is cut off; ends after `replaced`
    /// of those.
    pub fn read(&self, count: usize, replaced: usize) {
        let deadline = Instant::now() + TIMEOUT;
        let connect = |n: usize| {
            let mut socket = attack::narrow(self.site, None);
            let _ = socket.write(&self.requests[n % self.requests.len()]);
            socket
        };
        let mut sockets: Vec<TcpStream> = (0..count).map(connect).collect();
        let mut cut = 0;
        while cut < replaced {
            assert!(Instant::now() < deadline, "{cut} cut");
            for (n, socket) in sockets.iter_mut().enumerate() {
                let is_over = match socket.read(&mut [0; 128]) {
                    Ok(read) => read == 0,
                    Err(why) => why.kind() != ErrorKind::WouldBlock,
                };
                if is_over {
                    *socket = connect(n);
                    cut += 1;
                }
            }
            // They are slow.
            thread::sleep(Duration::from_millis(10));
        }
    }
}

fn get(target: &str, token: Option<&str>) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{}\r\n", credentials(token)).into_bytes()
}

fn post(target: &str, token: Option<&str>, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let lines = format!("Content-Length: {length}\r\n{}", credentials(token));
    [format!("POST {target} HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes(), body].concat()
}

fn credentials(token: Option<&str>) -> String {
    token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default()
}
