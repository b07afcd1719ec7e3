//! The socket's server.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::http::handler::{Deferred, Handler, Outcome, Peer};
use crate::http::head::Head;
use crate::http::protocol::encoder::{Encoder, ResponseFraming};
use crate::http::protocol::framing::{self, Persistence, RequestFraming};
use crate::http::protocol::head_scanner::HeadScanner;
use crate::http::rejection::Rejection;
use crate::http::response::Response;
use crate::http::upload::Upload;
use crate::sys::files::named_beside;
use crate::sys::permits::Permits;
use crate::sys::stop::Stop;

/// Connections at once; one more is closed unanswered.
const MAX_CONNECTIONS: usize = 8;
/// For a client that sends nothing, or takes nothing.
const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_HEAD_BYTES: usize = 16 << 10;
const MAX_BODY_BYTES: usize = 64 << 10;
const READ_BYTES: usize = 16 << 10;

/// A listening socket. Its file goes when this is stopped.
pub struct LocalServer {
    path: PathBuf,
    thread: JoinHandle<()>,
    stop: Stop,
}

impl LocalServer {
    /// Listens at `path`, mode 0600, in the place of what an earlier process left there. Only
    /// who holds the database's lock may do so.
    ///
    /// # Errors
    /// The socket can't be made, or its path is too long for one (about 100 bytes).
    pub fn start(path: &Path, handler: Arc<dyn Handler>) -> io::Result<LocalServer> {
        let listener = bind_private(path)?;
        let stop = Stop::new();
        let seen = stop.clone();
        let thread = thread::Builder::new()
            .name("local-socket".into())
            .spawn(move || accept(&listener, &handler, &seen))?;
        Ok(LocalServer { path: path.to_owned(), thread, stop })
    }

    /// Stops listening. Connections that are open go on until their response is sent.
    pub fn stop(self) {
        self.stop.set();
        // Ends the accept.
        let woken = UnixStream::connect(&self.path);
        let _ = fs::remove_file(&self.path);
        if woken.is_ok() {
            let _ = self.thread.join();
        }
    }
}

/// The socket is made in a folder that only its owner can enter, and moved to its place once
/// its mode is right: at no moment can others open it.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let folder = named_beside(path, ".new");
    let _ = fs::remove_dir_all(&folder);
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let unfinished = folder.join("s");
    let bound = UnixListener::bind(&unfinished).and_then(|listener| {
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
        fs::rename(&unfinished, path)?;
        Ok(listener)
    });
    let _ = fs::remove_dir_all(&folder);
    bound
}

fn accept(listener: &UnixListener, handler: &Arc<dyn Handler>, stop: &Stop) {
    let permits = Permits::new(MAX_CONNECTIONS);
    for stream in listener.incoming() {
        if stop.is_set() {
            return;
        }
        let stream = match stream {
            Ok(stream) => stream,
            Err(why) => {
                log::warn!("the local socket can't accept: {why}");
                // Out of descriptors, most likely: it comes back as soon as there is one.
                if stop.wait(Duration::from_millis(100)) {
                    return;
                }
                continue;
            }
        };
        let Some(permit) = permits.take() else { continue };
        let handler = Arc::clone(handler);
        let spawned = thread::Builder::new().name("local".into()).spawn(move || {
            let _permit = permit;
            serve(stream, &*handler);
        });
        if let Err(why) = spawned {
            log::warn!("no thread for a local connection: {why}");
        }
    }
}

/// Serves one connection until its client closes it, or something is wrong with it.
pub fn serve(stream: UnixStream, handler: &dyn Handler) {
    let mut connection = match Connection::new(stream) {
        Ok(connection) => connection,
        Err(why) => return log::warn!("a local connection can't be served: {why}"),
    };
    // A client that has gone, or takes nothing, ends it.
    while let Ok(true) = connection.serve_next(handler) {}
}

struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
    encoder: Encoder,
}

/// Between two looks at a response that may take long, such as one to a long poll.
const LOOK: Duration = Duration::from_millis(20);

/// Waits until it is due. One without a deadline is waited for by itself, when it is finished.
fn wait_for(deferred: &dyn Deferred) {
    let Some(deadline) = deferred.deadline() else { return };
    while !deferred.is_ready() && Instant::now() < deadline {
        thread::sleep(LOOK);
    }
}

impl Connection {
    fn new(stream: UnixStream) -> io::Result<Connection> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Connection {
            stream,
            input: Vec::new(),
            encoder: Encoder::new(Clock::system(), TIMEOUT),
        })
    }

    /// Reads a request and responds; false when the connection is over.
    fn serve_next(&mut self, handler: &dyn Handler) -> io::Result<bool> {
        let mut head = Head::default();
        let upload = match self.read_request(&mut head)? {
            Some(Ok(upload)) => upload,
            Some(Err(rejection)) => {
                let response = handler.reject(rejection, None, &Peer::Local);
                self.send(response, ResponseFraming::last())?;
                return Ok(false);
            }
            None => return Ok(false),
        };
        let framing = ResponseFraming::of(&upload.framing);
        let response = match handler.respond(&upload.head, &upload.body, &Peer::Local) {
            Outcome::Response(response) => response,
            // This thread has nothing else to do than to wait for it.
            Outcome::Deferred(deferred) => {
                wait_for(&*deferred);
                deferred.finish()
            }
        };
        let framing = framing.for_body(&response.body);
        self.send(response, framing)?;
        Ok(framing.persistence != Persistence::Close)
    }

    /// `None` when the client has closed before it began.
    fn read_request(&mut self, head: &mut Head) -> io::Result<Option<Result<Upload, Rejection>>> {
        let Some(framing) = self.read_head(head)? else { return Ok(None) };
        let framing = match framing {
            Ok(framing) => framing,
            Err(rejection) => return Ok(Some(Err(rejection))),
        };
        let mut upload = Upload::new(framing, std::mem::take(head));
        loop {
            match upload.take(&mut self.input, MAX_BODY_BYTES) {
                Ok(true) => return Ok(Some(Ok(upload))),
                Ok(false) if !self.read()? => return Ok(Some(Err(Rejection::Incomplete))),
                Ok(false) => {}
                Err(rejection) => return Ok(Some(Err(rejection))),
            }
        }
    }

    fn read_head(
        &mut self,
        head: &mut Head,
    ) -> io::Result<Option<Result<RequestFraming, Rejection>>> {
        let mut scanner = HeadScanner::default();
        loop {
            match scanner.advance(&self.input, MAX_HEAD_BYTES) {
                Ok(Some(length)) => {
                    let checked = framing::check(&self.input[..length], head);
                    self.input.drain(..length);
                    return Ok(Some(checked));
                }
                Ok(None) if self.read()? => {}
                Ok(None) if self.input.is_empty() => return Ok(None),
                Ok(None) => return Ok(Some(Err(Rejection::Incomplete))),
                Err(rejection) => return Ok(Some(Err(rejection))),
            }
        }
    }

    /// Appends what comes; false at the end.
    fn read(&mut self) -> io::Result<bool> {
        let start = self.input.len();
        self.input.resize(start + READ_BYTES, 0);
        let read = self.stream.read(&mut self.input[start..]);
        self.input.truncate(start + read.as_ref().map_or(0, |count| *count));
        Ok(read? > 0)
    }

    fn send(&mut self, response: Response, framing: ResponseFraming) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut stream = self.encoder.encode(response, framing, &mut bytes);
        self.stream.write_all(&bytes)?;
        while let Some(body) = &mut stream {
            bytes.clear();
            // After an error the last chunk is missing, and the client sees that it was cut.
            let more = body.next(&mut bytes)?;
            self.stream.write_all(&bytes)?;
            if !more {
                stream = None;
            }
        }
        self.stream.flush()
    }
}
