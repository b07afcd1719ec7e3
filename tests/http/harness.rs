//! A server in this process with a small service behind it, and a client that sees bytes.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use orderd::http::reply::{Body, Reply, Stream};
use orderd::http::{Head, Peer, Refusal, Server, Service, Settings};
use orderd::metrics::Metrics;

/// Against hangs only: nothing that is right takes this long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What a refused request is answered, without its date.
pub fn refused(status: u16, phrase: &str, detail: &str) -> String {
    let body = format!("{{\"detail\":\"{detail}\"}}");
    format!(
        "HTTP/1.1 {status} {phrase}\r\nConnection: close\r\nServer: orderd\r\n\
         X-Content-Type-Options: nosniff\r\nContent-Type: application/json\r\n\
         X-Request-Id: test\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

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
            idle_timeout: PATIENCE,
            request_timeout: PATIENCE,
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

    /// A connection of its own gets its answer.
    #[track_caller]
    pub fn assert_serves(&self) {
        let mut client = self.connect();
        client.send(b"GET /constant HTTP/1.1\r\nHost: a\r\n\r\n");
        client.assert_constant();
    }

    /// Takes the server out, to shut it down on another thread.
    pub fn take(&mut self) -> Server {
        self.server.take().unwrap()
    }

    /// The value of one metric, as the exposition shows it.
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
        let deadline = Instant::now() + PATIENCE;
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

    fn answer(&self, head: &Head, request: &mut tiny_http::Request, peer: &Peer) -> Reply {
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

    fn refuse(&self, refusal: Refusal, _: Option<&Head>, _: &Peer) -> Reply {
        Reply::detail(refusal.status(), refusal.text()).header("X-Request-Id", "test")
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
}

pub struct Client {
    pub socket: TcpStream,
    /// What came after the last answer that was read.
    rest: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Up to and with the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| {
            line.split_once(": ").is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        self.head.lines().find(is_it).and_then(|line| line.split_once(": ")).map(|(_, v)| v)
    }
}

impl Client {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Client {
        let socket = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Client { socket, rest: Vec::new() }
    }

    /// Sends as much as the server takes: it may have answered and closed before the end.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    pub fn send_bytewise(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send(&[*byte]);
        }
    }

    #[track_caller]
    pub fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        self.read()
    }

    #[track_caller]
    pub fn assert_constant(&mut self) {
        let answer = self.read();
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"), "{answer:?}");
    }

    /// Reads one answer with a body.
    #[track_caller]
    pub fn read(&mut self) -> Answer {
        self.try_read().unwrap()
    }

    pub fn try_read(&mut self) -> io::Result<Answer> {
        let mut answer = self.read_head()?;
        answer.body = match (answer.header("Content-Length"), answer.header("Transfer-Encoding")) {
            (Some(length), _) => {
                let length = length.parse().map_err(io::Error::other)?;
                self.fill(length)?;
                self.rest.drain(..length).collect()
            }
            (None, Some(_)) => self.read_chunks()?,
            (None, None) => Vec::new(),
        };
        Ok(answer)
    }

    /// Reads an answer that has no body: to a HEAD, or `100 Continue`.
    pub fn read_head(&mut self) -> io::Result<Answer> {
        let end = loop {
            match self.rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => self.fill(self.rest.len() + 1)?,
            }
        };
        let head = String::from_utf8(self.rest.drain(..end).collect()).map_err(io::Error::other)?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(head.clone()))?;
        Ok(Answer { status, head, body: Vec::new() })
    }

    fn read_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                match self.rest.windows(2).position(|bytes| bytes == b"\r\n") {
                    Some(at) => break at,
                    None => self.fill(self.rest.len() + 1)?,
                }
            };
            let size = std::str::from_utf8(&self.rest[..end]).map_err(io::Error::other)?;
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            self.fill(end + 2 + size + 2)?;
            body.extend_from_slice(&self.rest[end + 2..end + 2 + size]);
            self.rest.drain(..end + 2 + size + 2);
            if size == 0 {
                return Ok(body);
            }
        }
    }

    fn fill(&mut self, length: usize) -> io::Result<()> {
        let mut buffer = [0; 65536];
        while self.rest.len() < length {
            match self.socket.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.rest.extend_from_slice(&buffer[..count]),
            }
        }
        Ok(())
    }

    /// Reads all that still comes, up to the close; a reset counts as a failure.
    #[track_caller]
    pub fn read_to_close(&mut self) -> String {
        let mut bytes = std::mem::take(&mut self.rest);
        self.socket.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[track_caller]
    pub fn assert_closed(&mut self) {
        assert_eq!(self.read_to_close(), "");
    }
}

/// Thousands of connections have two ends in this process.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if std::env::var_os("KEEP_DESCRIPTOR_LIMIT").is_none() {
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}
