//! A server in this process with a small service behind it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use orderd::http::{
    Body, Field, Handler, Head, Outcome, Peer, Rejection, Response, Server, Settings, Stream,
    Timeouts,
};
use orderd::metrics::Metrics;
use orderd::sys::poll::Waker;

use support::attack::raise_descriptor_limit;
use support::attack::site::{Site, TEST_SERVICE};
use support::client::{Client, TIMEOUT};

pub struct TestServer {
    server: Option<Server>,
    pub address: SocketAddr,
    pub metrics: Arc<Metrics>,
    pub gate: Arc<Gate>,
}

impl TestServer {
    pub fn start() -> TestServer {
        TestServer::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Settings)) -> TestServer {
        raise_descriptor_limit();
        let mut settings = Settings {
            threads: 8,
            max_connections: 4096,
            max_connections_per_client: 4096,
            max_body_bytes: 65536,
            max_head_bytes: 16384,
            timeouts: Timeouts { idle: TIMEOUT, request: TIMEOUT },
            trusted_proxies: Vec::new(),
            temp_dir: std::env::temp_dir(),
        };
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (gate, metrics) = (Arc::new(Gate::default()), Arc::new(Metrics::new()));
        let handler = Arc::new(TestService { gate: Arc::clone(&gate) });
        let (waker, counted) = (Waker::new().unwrap(), Arc::clone(&metrics));
        let server = Server::start(listener, settings, handler, &waker, counted).unwrap();
        let address = server.local_addr();
        TestServer { server: Some(server), address, metrics, gate }
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// This server, as `support::attack` takes it.
    pub fn site(&self) -> Site {
        Site { address: self.address, names: &TEST_SERVICE }
    }

    /// Panics unless a new connection gets its response.
    #[track_caller]
    pub fn assert_serves(&self) {
        self.site().assert_serves();
    }

    /// Takes the server out, to shut it down on another thread.
    pub fn take(&mut self) -> Server {
        self.server.take().unwrap()
    }

    /// The value of one metric, 0 where it is not there.
    #[track_caller]
    pub fn metric(&self, name: &str) -> i64 {
        let text = self.metrics.render().text;
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|r| r.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    }

    /// Waits until a metric has reached a value.
    #[track_caller]
    pub fn await_metric(&self, name: &str, reached: impl Fn(i64) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !reached(self.metric(name)) {
            assert!(Instant::now() < deadline, "{name} stays at {}", self.metric(name));
            std::thread::yield_now();
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.gate.open();
        if let Some(server) = self.server.take() {
            server.shutdown(Duration::from_millis(500));
        }
    }
}

/// Holds `/gated` requests back until it is opened.
#[derive(Default)]
pub struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let closed = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(closed, |is_open| !*is_open).unwrap());
    }
}

struct TestService {
    gate: Arc<Gate>,
}

impl Handler for TestService {
    fn respond_unrouted(&self, head: &Head) -> Option<Response> {
        (head.target() == "/missing").then(|| Response::detail(404, "Not Found"))
    }

    fn respond(&self, head: &Head, body: &[u8], peer: &Peer) -> Outcome {
        Outcome::Response(self.response(head, body, peer))
    }

    fn reject(&self, rejection: Rejection, _: Option<&Head>, _: &Peer) -> Response {
        Response::detail(rejection.status(), rejection.text()).header("X-Request-Id", "test")
    }
}

impl TestService {
    fn response(&self, head: &Head, body: &[u8], peer: &Peer) -> Response {
        match head.target() {
            "/constant" => Response::json(200, b"{}".to_vec()),
            "/echo" => Response::new(200).bytes(body.to_vec()),
            "/unread" => Response::json(200, b"{}".to_vec()),
            "/peer" => Response::new(200).bytes(peer.to_string().into_bytes()),
            "/panic" => panic!("asked to"),
            "/gated" => {
                self.gate.pass();
                Response::json(200, b"{}".to_vec())
            }
            "/large" => Response::new(200).bytes(vec![b'x'; 1 << 20]),
            "/nothing" => Response::new(204),
            "/bad-header" => Response::new(200).header("X-Bad", "a\r\nb: c"),
            "/stream" => stream(Pieces { left: 5, fails: false }),
            "/long-stream" => stream(Pieces { left: 2000, fails: false }),
            "/panic-later" => stream(Panicking { began: false }),
            "/cut" => stream(Pieces { left: 5, fails: true }),
            other => match other.strip_prefix("/header/").and_then(Field::by_name) {
                Some(field) => {
                    let value = head.field(field).unwrap_or_default();
                    Response::new(200).bytes(value.to_owned().into_bytes())
                }
                None => Response::detail(404, "Not Found"),
            },
        }
    }
}

fn stream(pieces: impl Stream + 'static) -> Response {
    Response { status: 200, headers: Vec::new(), body: Body::Stream(Box::new(pieces)) }
}

/// Pieces of 1,000 bytes; it may fail at the last.
struct Pieces {
    left: usize,
    fails: bool,
}

impl Stream for Pieces {
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        self.left -= 1;
        if self.left == 0 && self.fails {
            return Err(io::Error::other("asked to"));
        }
        buffer.extend_from_slice(&[b'x'; 1000]);
        Ok(self.left > 0)
    }

    fn kept_bytes(&self) -> usize {
        0
    }
}

/// A stream that panics after its first piece.
struct Panicking {
    began: bool,
}

impl Stream for Panicking {
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        assert!(!self.began, "asked to");
        self.began = true;
        buffer.extend_from_slice(&[b'x'; 1000]);
        Ok(true)
    }

    fn kept_bytes(&self) -> usize {
        0
    }
}
