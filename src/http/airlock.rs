//! The way into the library: one private pair of sockets for each serving thread.
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

use crate::sys::socket;

/// One pair. Whoever gets an error from [`Airlock::pass`] replaces it.
pub struct Airlock {
    entry: UnixStream,
    /// The library's side. The names of its types are private.
    exit: Box<dyn Iterator<Item = Option<Request>> + Send>,
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
        let mut airlock = Airlock { entry, exit: Box::new(exit.map(Result::ok)) };
        airlock.verify(&nonce()?, capacity)?;
        Ok(airlock)
    }

    /// Sends a canonical request through. After an error the pair is useless.
    ///
    /// The caller must end the request with [`release`]: dropped, it would answer itself.
    pub fn pass(&mut self, canonical: &[u8]) -> io::Result<Request> {
        if socket::send_whole_now(&self.entry, canonical)? {
            let request = self.exit.next().flatten();
            return request.ok_or_else(|| io::Error::other("the HTTP library refused a request"));
        }
        Err(io::Error::other("a request did not fit into the airlock"))
    }

    fn verify(&mut self, nonce: &str, capacity: usize) -> io::Result<()> {
        let head = format!("PUT /{nonce} HTTP/1.1\r\nContent-Length: ");
        let body = capacity.saturating_sub(head.len() + 16);
        let mut request = format!("{head}{body}\r\n\r\n").into_bytes();
        request.resize(request.len() + body, b'x');
        let mut passed = self.pass(&request)?;
        let is_own = passed.url().strip_prefix('/') == Some(nonce);
        let read = io::copy(passed.as_reader(), &mut io::sink());
        release(passed);
        if !is_own || read? != body as u64 {
            return Err(io::Error::other("the airlock's two ends don't belong together"));
        }
        Ok(())
    }
}

/// Ends a request without an answer of the library's own; the rest of its body is skipped.
pub fn release(request: Request) {
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

    fn open(parent: &Path, capacity: usize) -> Airlock {
        Airlock::open(parent, capacity, 1).unwrap().remove(0)
    }

    #[test]
    fn requests_pass_one_after_the_other_and_leave_no_trace() {
        let parent = tempfile::tempdir().unwrap();
        let mut airlock = open(parent.path(), 140_000);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
        for body in ["", "hello"] {
            let length = body.len();
            let text = format!("POST /a HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
            let mut request = airlock.pass(text.as_bytes()).unwrap();
            let mut found = String::new();
            request.as_reader().read_to_string(&mut found).unwrap();
            assert_eq!((request.url(), found.as_str()), ("/a", body));
            release(request);
        }
    }

    #[test]
    fn a_body_that_nobody_read_is_skipped() {
        let parent = tempfile::tempdir().unwrap();
        let mut airlock = open(parent.path(), 140_000);
        let text =
            format!("POST /a HTTP/1.1\r\nContent-Length: 50000\r\n\r\n{}", "x".repeat(50000));
        release(airlock.pass(text.as_bytes()).unwrap());
        assert_eq!(airlock.pass(b"GET /b HTTP/1.1\r\n\r\n").unwrap().url(), "/b");
    }

    #[test]
    fn what_does_not_fit_or_is_not_http_is_an_error() {
        let parent = tempfile::tempdir().unwrap();
        assert!(Airlock::open(parent.path(), 10_000_000, 1).is_err());
        let mut airlock = open(parent.path(), 1000);
        assert!(airlock.pass(b"nonsense\r\n\r\n").is_err());
    }
}
