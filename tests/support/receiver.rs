//! A small HTTP server that webhooks go to: it keeps what it gets, and fails where it is told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::Value;
use socket2::SockRef;

use super::smtp::Certificate;
use super::smtp::wire::{Wire, certificates};

/// Ends tests that hang; right ones never take this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a request is answered with.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status, header lines without their ends, a body.
    Status(u16, &'static str, Vec<u8>),
    /// Nothing, until the receiver is dropped.
    Hang,
    /// One byte of an endless head after the other.
    Trickle,
    /// The connection is reset.
    Reset,
    /// The connection is closed.
    Close,
    /// These bytes, and the connection is closed.
    Raw(&'static [u8]),
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Got {
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What it was answered with, where it was answered as it should be.
    pub status: Option<u16>,
}

pub struct Receiver {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    /// Vouches for it, where it speaks TLS.
    pub ca_pem: Option<String>,
}

struct Shared {
    got: Mutex<Vec<Got>>,
    changed: Condvar,
    /// What the next requests get; then `usual`.
    script: Mutex<VecDeque<Reply>>,
    usual: Mutex<Reply>,
    connections: AtomicUsize,
    /// Of those, how many have ended here, and how many of them in an error.
    ended: AtomicUsize,
    broken: AtomicUsize,
    is_dropped: AtomicBool,
}

impl Reply {
    pub fn status(status: u16) -> Reply {
        Reply::Status(status, "", Vec::new())
    }
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Receiver {
    /// Answers 200 to everything.
    pub fn start() -> Receiver {
        Receiver::start_on(None, None)
    }

    /// Over TLS, as localhost and 127.0.0.1.
    pub fn start_tls(certificate: Certificate) -> Receiver {
        let (config, ca_pem) = certificates("localhost", certificate);
        Receiver::start_on(Some(config), Some(ca_pem))
    }

    fn start_on(tls: Option<Arc<ServerConfig>>, ca_pem: Option<String>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            got: Mutex::default(),
            changed: Condvar::new(),
            script: Mutex::default(),
            usual: Mutex::new(Reply::status(200)),
            connections: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            broken: AtomicUsize::new(0),
            is_dropped: AtomicBool::new(false),
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let its = Arc::clone(&shared);
        thread::spawn(move || its.accept(&listener, tls.as_ref()));
        Receiver { address, scheme, shared, ca_pem }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("{}://{}/hook", self.scheme, self.address)
    }

    /// What all requests get from now on that the script has nothing for.
    pub fn usually(&self, reply: Reply) {
        *self.shared.usual.lock().unwrap() = reply;
    }

    /// What the next request gets, after those that were scripted before.
    pub fn then(&self, reply: Reply) {
        self.shared.script.lock().unwrap().push_back(reply);
    }

    /// What has come so far.
    pub fn got(&self) -> Vec<Got> {
        self.shared.got.lock().unwrap().clone()
    }

    /// Waits until so many requests have come, and gives all.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Got> {
        let got = self.shared.got.lock().unwrap();
        let (got, late) =
            self.shared.changed.wait_timeout_while(got, DEADLINE, |got| got.len() < count).unwrap();
        assert!(!late.timed_out(), "{} of {count} requests came", got.len());
        got.clone()
    }

    /// How many connections it is done with: it has closed them, or found them closed.
    pub fn ended(&self) -> usize {
        self.shared.ended.load(Ordering::SeqCst)
    }

    #[track_caller]
    pub fn wait_for_ended(&self, count: usize) {
        self.wait_for_count(&self.shared.ended, count);
    }

    /// Waits until so many connections broke amid a request or an answer.
    #[track_caller]
    pub fn wait_for_broken(&self, count: usize) {
        self.wait_for_count(&self.shared.broken, count);
    }

    #[track_caller]
    fn wait_for_count(&self, counter: &AtomicUsize, count: usize) {
        let got = self.shared.got.lock().unwrap();
        let too_few = |_: &mut Vec<Got>| counter.load(Ordering::SeqCst) < count;
        let waited = self.shared.changed.wait_timeout_while(got, DEADLINE, too_few).unwrap();
        assert!(!waited.1.timed_out(), "there never were {count}");
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.is_dropped.store(true, Ordering::SeqCst);
        self.shared.changed.notify_all();
        // Wakes its thread.
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

impl Shared {
    fn accept(self: &Arc<Shared>, listener: &TcpListener, tls: Option<&Arc<ServerConfig>>) {
        for stream in listener.incoming() {
            if self.is_dropped.load(Ordering::SeqCst) {
                return;
            }
            let Ok(stream) = stream else { return };
            self.connections.fetch_add(1, Ordering::SeqCst);
            let (shared, tls) = (Arc::clone(self), tls.cloned());
            thread::spawn(move || {
                let is_whole = shared.converse(stream, tls.as_ref()).is_ok();
                let _got = shared.got.lock().unwrap();
                shared.broken.fetch_add(usize::from(!is_whole), Ordering::SeqCst);
                shared.ended.fetch_add(1, Ordering::SeqCst);
                shared.changed.notify_all();
            });
        }
    }

    fn converse(&self, stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let socket = stream.try_clone()?;
        let wire = match tls {
            Some(config) => Wire::Plain(stream).secured(config),
            None => Wire::Plain(stream),
        };
        let mut wire = BufReader::new(wire);
        while let Some(mut got) = read_request(&mut wire)? {
            let scripted = self.script.lock().unwrap().pop_front();
            let reply = scripted.unwrap_or_else(|| self.usual.lock().unwrap().clone());
            if let Reply::Status(status, ..) = reply {
                got.status = Some(status);
            }
            self.got.lock().unwrap().push(got);
            self.changed.notify_all();
            match reply {
                Reply::Status(status, headers, body) => {
                    let headers =
                        if headers.is_empty() { String::new() } else { format!("{headers}\r\n") };
                    let len = body.len();
                    let head =
                        format!("HTTP/1.1 {status} X\r\nContent-Length: {len}\r\n{headers}\r\n");
                    wire.get_mut().write_all(&[head.into_bytes(), body].concat())?;
                    wire.get_mut().flush()?;
                }
                Reply::Hang => {
                    self.wait_until_dropped();
                    return Ok(());
                }
                Reply::Trickle => {
                    wire.get_mut().write_all(b"HTTP/1.1 200 X\r\nX: ")?;
                    while !self.is_dropped.load(Ordering::SeqCst) {
                        wire.get_mut().write_all(b"x")?;
                        wire.get_mut().flush()?;
                        thread::sleep(Duration::from_millis(10));
                    }
                    return Ok(());
                }
                Reply::Reset => {
                    SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
                    return Ok(());
                }
                Reply::Close => return Ok(()),
                Reply::Raw(bytes) => {
                    wire.get_mut().write_all(bytes)?;
                    wire.get_mut().flush()?;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn wait_until_dropped(&self) {
        let got = self.got.lock().unwrap();
        let hangs = |_: &mut Vec<Got>| !self.is_dropped.load(Ordering::SeqCst);
        drop(self.changed.wait_timeout_while(got, DEADLINE * 2, hangs));
    }
}

/// `None` at the end of the connection.
fn read_request(wire: &mut BufReader<Wire>) -> std::io::Result<Option<Got>> {
    let mut line = String::new();
    if wire.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        if wire.read_line(&mut header)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let line = line.trim_end().to_owned();
    let mut got = Got { line, headers, body: Vec::new(), status: None };
    let len = got.header("content-length").parse().unwrap_or(0);
    got.body.resize(len, 0);
    wire.read_exact(&mut got.body)?;
    Ok(Some(got))
}
