//! The log: one line an event, to stderr and to a file that is rotated.
//!
//! Whoever logs only appends to bounded buffers; a thread for each place writes them out.
//! When the disk or the terminal doesn't keep up, lines are dropped there and counted,
//! and the service goes on.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use env_logger::{Builder, Target};
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use log::LevelFilter;
use parking_lot::{Condvar, Mutex};

use crate::clock::Clock;

/// A log file is rotated when it has grown past this, in bytes.
const ROTATE_BYTES: usize = 10 * 1024 * 1024;
/// Rotated files kept beside the current one.
const KEPT_FILES: usize = 5;
/// Lines that wait to be written, in bytes; what doesn't fit is dropped.
const BUFFER_BYTES: usize = 1024 * 1024;
/// How long lines are gathered before they are written, so that waking the thread and
/// writing twice is paid once for many of them. A process that is killed loses as much.
const GATHERING: Duration = Duration::from_millis(10);
/// How long a stop waits for the last lines.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

static DROPPED_LINES: AtomicU64 = AtomicU64::new(0);

/// Lines lost since the start because nothing took them.
pub fn dropped_lines() -> u64 {
    DROPPED_LINES.load(Ordering::Relaxed)
}

/// Keeps the log's threads; dropping it writes out what waits.
pub struct Logging {
    outlets: Vec<Outlet>,
}

/// A place that lines go to, with a thread of its own: one that takes none stops no other.
struct Outlet {
    pipe: Arc<Pipe>,
    thread: JoinHandle<()>,
}

impl Logging {
    /// Starts the process's log. Fails where the file can't be opened, but for a full disk.
    pub fn start(level: LevelFilter, file: Option<&Path>, clock: Clock) -> io::Result<Logging> {
        let mut outlets = vec![Outlet::open(Box::new(io::stderr()))?];
        if let Some(file) = file.map(open_file).transpose()?.flatten() {
            outlets.push(Outlet::open(Box::new(file))?);
        }
        let pipes = outlets.iter().map(|outlet| outlet.pipe.clone()).collect();
        Builder::new()
            .filter_level(LevelFilter::Off)
            .filter_module("orderd", level)
            .target(Target::Pipe(Box::new(Feed(pipes))))
            .format(move |out, record| writeln!(out, "{}", Line { record, clock: &clock }))
            .try_init()
            .map_err(io::Error::other)?;
        Ok(Logging { outlets })
    }
}

impl Outlet {
    fn open(mut place: Box<dyn Write + Send>) -> io::Result<Outlet> {
        let pipe = Arc::new(Pipe::default());
        let reader = pipe.clone();
        let thread = thread::Builder::new()
            .name("log".into())
            .spawn(move || reader.write_out(&mut *place))?;
        Ok(Outlet { pipe, thread })
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        self.outlets.iter().for_each(|outlet| outlet.pipe.close());
        let started = Instant::now();
        for outlet in &self.outlets {
            while !outlet.thread.is_finished() && started.elapsed() < FLUSH_LIMIT {
                thread::park_timeout(Duration::from_millis(5));
            }
        }
    }
}

/// `2026-11-22T10:00:00.123Z INFO  text`, on one line whatever the text holds.
struct Line<'a> {
    record: &'a log::Record<'a>,
    clock: &'a Clock,
}

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let now = self.clock.now();
        let millis = now.as_micros() / 1000 % 1000;
        write!(f, "{now}.{millis:03}Z {:5} ", self.record.level())?;
        let text = self.record.args().to_string();
        if text.chars().any(char::is_control) {
            return text.chars().try_for_each(|c| match c.is_control() {
                true => write!(f, "{}", c.escape_default()),
                false => write!(f, "{c}"),
            });
        }
        f.write_str(&text)
    }
}

/// What waits between those who log and the thread that writes.
#[derive(Default)]
struct Pipe {
    waiting: Mutex<Waiting>,
    arrivals: Condvar,
}

#[derive(Default)]
struct Waiting {
    text: Vec<u8>,
    dropped: u64,
    closed: bool,
}

impl Pipe {
    fn push(&self, line: &[u8]) {
        let mut waiting = self.waiting.lock();
        if waiting.text.len() + line.len() > BUFFER_BYTES {
            waiting.dropped += 1;
            DROPPED_LINES.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = waiting.text.is_empty();
        waiting.text.extend_from_slice(line);
        if was_empty {
            self.arrivals.notify_one();
        }
    }

    fn close(&self) {
        self.waiting.lock().closed = true;
        self.arrivals.notify_all();
    }

    /// Until closed and empty.
    fn write_out(&self, place: &mut dyn Write) {
        let mut text = Vec::new();
        loop {
            let mut waiting = self.waiting.lock();
            let is_idle = |waiting: &mut Waiting| waiting.text.is_empty() && !waiting.closed;
            self.arrivals.wait_while(&mut waiting, is_idle);
            if waiting.text.is_empty() {
                return;
            }
            self.arrivals.wait_while_for(&mut waiting, |waiting| !waiting.closed, GATHERING);
            text.clear();
            std::mem::swap(&mut text, &mut waiting.text);
            let dropped = std::mem::take(&mut waiting.dropped);
            drop(waiting);
            if dropped > 0 {
                text.extend_from_slice(format!("({dropped} lines were dropped)\n").as_bytes());
            }
            // What a place doesn't take is lost there, and nowhere else.
            if place.write_all(&text).and_then(|()| place.flush()).is_err() {
                let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
                DROPPED_LINES.fetch_add(lines, Ordering::Relaxed);
            }
        }
    }
}

/// The end that `env_logger` writes a whole line to.
struct Feed(Vec<Arc<Pipe>>);

impl Write for Feed {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.iter().for_each(|pipe| pipe.push(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// None where the disk is full: the log is not worth the service.
fn open_file(path: &Path) -> io::Result<Option<FileRotate<AppendCount>>> {
    // The rotation needs a folder to look through.
    let path = std::path::absolute(path)?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let probe = fs::create_dir_all(folder)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(&path));
    match probe {
        Ok(_) => {
            let keep = AppendCount::new(KEPT_FILES);
            let limit = ContentLimit::BytesSurpassed(ROTATE_BYTES);
            Ok(Some(FileRotate::new(path, keep, limit, Compression::None, None)))
        }
        Err(why) if why.kind() == io::ErrorKind::StorageFull => Ok(None),
        Err(why) => Err(why),
    }
}
