//! A server in this process with a small service behind it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use orderd::http::reply::{Body, Reply, Stream};
use orderd::http::{Answer, Head, Peer, Refusal, Server, Service, Settings};
use orderd::metrics::Metrics;

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
            idle_timeout: TIMEOUT,
            request_timeout: TIMEOUT,
            trusted_proxies: Vec::new(),
            temp_dir: std::env::temp_dir(),
        };
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (gate, metrics) = (Arc::new(Gate::default()), Arc::new(Metrics::new()));
        let service = Arc::new(TestService { gate: Arc::clone(&gate) });
        let server = Server::start(listener, settings, service, Arc::clone(&metrics)).unwrap();
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
        let text = self.metrics.render();
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

impl Service for TestService {
    fn turn_away(&self, head: &Head) -> Option<Reply> {
        (head.target() == "/missing").then(|| Reply::detail(404, "Not Found"))
    }

    fn answer(&self, head: &Head, request: &mut tiny_http::Request, peer: &Peer) -> Answer {
        Answer::Now(self.reply(head, request, peer))
    }

    fn refuse(&self, refusal: Refusal, _: Option<&Head>, _: &Peer) -> Reply {
        Reply::detail(refusal.status(), refusal.text()).header("X-Request-Id", "test")
    }
}

impl TestService {
    fn reply(&self, head: &Head, request: &mut tiny_http::Request, peer: &Peer) -> Reply {
        let url = request.url().to_owned();
        match url.as_str() {
            "/constant" => Reply::json(200, b"{}".to_vec()),
            "/echo" => {
                let mut body = Vec::new();
                request.as_reader().read_to_end(&mut body).unwrap();
                Reply::new(200).bytes(body)
            }
            // What the library gets to see of a head.
            "/fields" => {
                let names =
                    ["Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade"];
                let field =
                    |name| Some(format!("{name}: {};", request.headers().get(name)?.as_str()));
                let fields = names.into_iter().filter_map(field);
                Reply::new(200).bytes(fields.collect::<String>().into_bytes())
            }
            "/unread" => Reply::json(200, b"{}".to_vec()),
            "/peer" => Reply::new(200).bytes(peer.address.to_string().into_bytes()),
            "/panic" => panic!("asked to"),
            "/gated" => {
                self.gate.pass();
                Reply::json(200, b"{}".to_vec())
            }
            "/large" => Reply::new(200).bytes(vec![b'x'; 1 << 20]),
            "/nothing" => Reply::new(204),
            "/bad-header" => Reply::new(200).header("X-Bad", "a\r\nb: c"),
            "/stream" => stream(Pieces { left: 5, fails: false }),
            "/long-stream" => stream(Pieces { left: 2000, fails: false }),
            "/cut" => stream(Pieces { left: 5, fails: true }),
            _ => match url.strip_prefix("/header/") {
                Some(name) => {
                    let value = head.field(name).unwrap_or_default();
                    Reply::new(200).bytes(value.to_owned().into_bytes())
                }
                None => Reply::detail(404, "Not Found"),
            },
        }
    }
}

fn stream(pieces: Pieces) -> Reply {
    Reply { status: 200, headers: Vec::new(), body: Body::Stream(Box::new(pieces)) }
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
