//! The airlock: the way through the library, one private pair of sockets for each serving
//! thread.
//!
//! The thread writes a complete, canonical request into one end and takes a
//! `tiny_http::Request` out of the other. Both happen on the same thread, so the request
//! must fit into the sockets' buffers: [`Airlock::open`] checks that the largest does.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use tiny_http::{Listener, Request, Server, SslContextWrap};

use super::head::Head;
use super::protocol::framing::BodyLength;
use crate::sys::socket;

/// Most bytes by which a canonical request, without its body, is longer than the head that
/// it was made of: a `Content-Length` in place of another length or coding.
pub const MAX_GROWTH_BYTES: usize = 64;

/// One pair. Whoever gets an error from [`Airlock::pass`] replaces it.
pub struct Airlock {
    entry: UnixStream,
    /// The library's side. The names of its types are private.
    exit: Box<dyn Iterator<Item = Option<Request>> + Send>,
    /// The request that is passed, as the library reads it.
    canonical: Vec<u8>,
}

impl Airlock {
    /// Opens `count` pairs through a socket in a fresh private directory under `parent`, which
    /// is gone afterwards. Fails unless the ends of each belong together and a request of
    /// `capacity` bytes fits in.
    pub fn open(parent: &Path, capacity: usize, count: usize) -> io::Result<Vec<Airlock>> {
        let folder = Folder::create(parent.join(format!("orderd-{}", nonce()?)))?;
        let listener = UnixListener::bind(folder.socket())?;
        // Where the receiver's buffer counts, the accepted end has the listener's.
        socket::enlarge_buffers(&listener, capacity);
        let listener = Listener::Unix(listener);
        (0..count).map(|_| Airlock::connect(&listener, &folder.socket(), capacity)).collect()
    }

    fn connect(listener: &Listener, path: &Path, capacity: usize) -> io::Result<Airlock> {
        let entry = UnixStream::connect(path)?;
        socket::enlarge_buffers(&entry, capacity);
        entry.set_nonblocking(true)?;
        let plain = SslContextWrap::build_ssl_capabilities(None).map_err(io::Error::other)?;
        let exit = Server::accept_connection(listener, &plain)?
            .ok_or_else(|| io::Error::other("the HTTP library took no connection"))?;
        let exit = Box::new(exit.map(Result::ok));
        let mut airlock = Airlock { entry, exit, canonical: Vec::new() };
        airlock.verify(&nonce()?, capacity)?;
        Ok(airlock)
    }

    /// Passes a request through the library; returns its body as it came out.
    ///
    /// # Errors
    /// The library rejected the request, or gave out another one. The pair is then useless.
    pub fn pass(&mut self, head: &Head, length: BodyLength, body: &[u8]) -> io::Result<Vec<u8>> {
        write_canonical(head, length, body, &mut self.canonical);
        let mut request = self.exchange()?;
        let is_own = request.url() == head.target();
        let body = read_body(&mut request);
        release(request);
        if !is_own {
            return Err(io::Error::other("another request came out than went in"));
        }
        body
    }

    /// Sends the canonical request in and takes it out. The caller must [`release`] it.
    fn exchange(&mut self) -> io::Result<Request> {
        if socket::send_whole_now(&self.entry, &self.canonical)? {
            let request = self.exit.next().flatten();
            return request.ok_or_else(|| io::Error::other("the HTTP library refused a request"));
        }
        Err(io::Error::other("a request did not fit into the airlock"))
    }

    /// A stranger may have connected to the socket, too: what goes in must come out.
    fn verify(&mut self, nonce: &str, capacity: usize) -> io::Result<()> {
        let mut head = Head::default();
        head.begin("PUT", &format!("/{nonce}"));
        let body = vec![b'x'; capacity.saturating_sub(nonce.len() + MAX_GROWTH_BYTES)];
        let length = BodyLength::Exactly(body.len() as u64);
        let passed = self.pass(&head, length, &body);
        // It was as large as a request may be, which few are: each thread would keep that much.
        self.canonical.truncate(MAX_GROWTH_BYTES);
        self.canonical.shrink_to_fit();
        match passed {
            Ok(passed) if passed == body => Ok(()),
            Ok(_) => Err(io::Error::other("the airlock's two ends don't belong together")),
            Err(why) => Err(why),
        }
    }
}

/// Writes the request for the library over `canonical`: HTTP/1.1, its first line, its body
/// and the body's length. No other field goes in: the handler reads those in the [`Head`].
pub fn write_canonical(head: &Head, length: BodyLength, body: &[u8], canonical: &mut Vec<u8>) {
    canonical.clear();
    let mut put = |text: &str| canonical.extend_from_slice(text.as_bytes());
    for part in [head.method(), " ", head.target(), " HTTP/1.1\r\n"] {
        put(part);
    }
    if length != BodyLength::None {
        for part in ["Content-Length: ", &body.len().to_string(), "\r\n"] {
            put(part);
        }
    }
    put("\r\n");
    canonical.extend_from_slice(body);
}

fn read_body(request: &mut Request) -> io::Result<Vec<u8>> {
    let Some(length) = request.body_length().filter(|length| *length > 0) else {
        return Ok(Vec::new());
    };
    let mut body = Vec::with_capacity(length);
    request.as_reader().read_to_end(&mut body)?;
    Ok(body)
}

/// Ends a request without a response of the library's own; the rest of its body is skipped.
/// Dropped, it would write a 500 into the pair.
fn release(request: Request) {
    drop(request.into_writer());
}

/// A directory that only its owner can enter, removed with what it holds.
struct Folder(PathBuf);

impl Folder {
    fn create(path: PathBuf) -> io::Result<Folder> {
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Folder(path))
    }

    fn socket(&self) -> PathBuf {
        self.0.join("s")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.socket());
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// 64 random bits in hex: short, because a socket's path has little room.
fn nonce() -> io::Result<String> {
    let bits = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(format!("{bits:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::protocol::framing::check;

    fn open(parent: &Path, capacity: usize) -> Airlock {
        Airlock::open(parent, capacity, 1).unwrap().remove(0)
    }

    fn head(method: &str, target: &str) -> Head {
        let mut head = Head::default();
        head.begin(method, target);
        head
    }

    #[test]
    fn requests_pass_one_after_the_other_and_leave_no_trace() {
        let parent = tempfile::tempdir().unwrap();
        let mut airlock = open(parent.path(), 140_000);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        assert!(airlock.canonical.capacity() < 1000, "an idle thread keeps a buffer");
        for body in [b"".as_slice(), b"hello", &[b'x'; 50_000]] {
            let length = BodyLength::Exactly(body.len() as u64);
            assert_eq!(airlock.pass(&head("POST", "/a"), length, body).unwrap(), body);
        }
    }

    #[test]
    fn what_does_not_fit_or_is_not_http_is_an_error() {
        let parent = tempfile::tempdir().unwrap();
        assert!(Airlock::open(parent.path(), 10_000_000, 1).is_err());
        let mut airlock = open(parent.path(), 1000);
        assert!(airlock.pass(&head("GET", "/a b"), BodyLength::None, b"").is_err());
    }

    /// A nonce of its own was sent by each; an end that was crossed would show the other's.
    #[test]
    fn ends_that_do_not_belong_together_are_found() {
        let parent = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (open(parent.path(), 1000), open(parent.path(), 1000));
        std::mem::swap(&mut one.exit, &mut other.exit);
        write_canonical(&head("GET", "/b"), BodyLength::None, b"", &mut other.canonical);
        assert!(socket::send_whole_now(&other.entry, &other.canonical).unwrap());
        assert!(one.pass(&head("GET", "/a"), BodyLength::None, b"").is_err());
    }

    #[test]
    fn a_canonical_request_is_its_first_line_and_its_body() {
        let mut head = head("POST", "/x?y");
        head.keep("authorization", [b"Bearer z".as_slice()].into_iter());
        let mut canonical = b"left over".to_vec();
        write_canonical(&head, BodyLength::Chunked, b"hi", &mut canonical);
        assert_eq!(canonical, b"POST /x?y HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
        write_canonical(&head, BodyLength::None, b"", &mut canonical);
        assert_eq!(canonical, b"POST /x?y HTTP/1.1\r\n\r\n");
    }

    /// The airlock's buffers are made for this.
    #[test]
    fn a_canonical_request_outgrows_its_head_by_little() {
        for head in ["GET / HTTP/1.1\r\nHost:a\r\n", "GET / HTTP/1.0\r\n"] {
            for (line, length) in [
                ("Content-Length:99999\r\n", BodyLength::Exactly(99_999)),
                ("Transfer-Encoding:chunked\r\n", BodyLength::Chunked),
                ("A:b\r\n", BodyLength::None),
            ] {
                if length == BodyLength::Chunked && head.contains("1.0") {
                    continue;
                }
                let text = format!("{head}{line}\r\n");
                let (mut head, mut canonical) = (Head::default(), Vec::new());
                check(text.as_bytes(), &mut head).unwrap();
                let body = vec![b'x'; if length == BodyLength::None { 0 } else { 99_999 }];
                write_canonical(&head, length, &body, &mut canonical);
                assert!(canonical.len() - body.len() <= text.len() + MAX_GROWTH_BYTES, "{text}");
            }
        }
    }

    #[test]
    fn each_pair_is_verified_with_a_nonce_of_its_own() {
        let parent = tempfile::tempdir().unwrap();
        let (one, other) = (open(parent.path(), 1000), open(parent.path(), 1000));
        assert!(one.canonical.starts_with(b"PUT /"));
        assert_ne!(one.canonical, other.canonical);
    }

    #[test]
    fn a_nonce_that_comes_with_another_body_is_not_believed() {
        let parent = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (open(parent.path(), 1000), open(parent.path(), 1000));
        std::mem::swap(&mut one.exit, &mut other.exit);
        let length = BodyLength::Exactly(2);
        write_canonical(&head("PUT", "/nonce"), length, b"no", &mut other.canonical);
        assert!(socket::send_whole_now(&other.entry, &other.canonical).unwrap());
        assert!(one.verify("nonce", 1000).is_err());
    }
}
