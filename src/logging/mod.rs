//! The log: one line for each event, to stderr and to a rotated file.
//!
//! A thread that logs only appends to bounded buffers. Each output has a buffer and a thread
//! of its own that writes it out. When the disk or the terminal is too slow, lines are dropped
//! for that output and counted, and the service goes on.

mod file;
mod flood;
mod line;

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use env_logger::{Builder, Target};
use log::{Level, LevelFilter};
use parking_lot::{Condvar, Mutex};

use crate::clock::Clock;
use crate::config::LogFormat;

pub use flood::limited;

use file::LogFile;
use line::{Line, PRIORITY_BYTES};

/// Size of an output's buffer, in bytes. Lines that don't fit are dropped.
const BUFFER_BYTES: usize = 1024 * 1024;
/// How long lines are collected before they are written, so that many share one wake-up and
/// one write. A process that is killed loses the lines of this time.
const COLLECT_TIME: Duration = Duration::from_millis(10);
/// Longest wait for the last lines at a stop.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

static DROPPED_LINES: AtomicU64 = AtomicU64::new(0);

/// Lines dropped since the start, in all outputs.
pub fn dropped_lines() -> u64 {
    DROPPED_LINES.load(Ordering::Relaxed)
}

/// Changes which lines are written from now on, in all outputs.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}

/// What the log is to be.
pub struct LogSettings<'a> {
    pub level: LevelFilter,
    pub format: LogFormat,
    /// Beside stderr.
    pub file: Option<&'a Path>,
    /// Stderr leads to systemd's journal: its lines begin with their priority.
    pub has_journal: bool,
}

/// Owns the log's threads. Dropping it writes out what is in the buffers.
pub struct Logging {
    outputs: Vec<Output>,
    /// Writes the sums of what was left out.
    sums: Option<JoinHandle<()>>,
}

/// Stderr or the file, with a thread of its own: a slow output doesn't hold up the other.
struct Output {
    buffer: Arc<Buffer>,
    thread: JoinHandle<()>,
}

impl Logging {
    /// Starts the process's log.
    ///
    /// # Errors
    /// The file can't be opened; a full disk is no error.
    pub fn start(settings: LogSettings<'_>, clock: Clock) -> io::Result<Logging> {
        let format = settings.format;
        let style = Style { format, has_priority: settings.has_journal, clock: clock.clone() };
        let mut outputs = vec![Output::open(Sink::Stderr, style.clone())?];
        let file = settings.file.map(LogFile::open).transpose()?;
        let rotation = file.as_ref().map_or(Ok(()), LogFile::try_rotation);
        if let Some(file) = file {
            let style = Style { has_priority: false, ..style };
            outputs.push(Output::open(Sink::File(file), style)?);
        }
        let buffers = outputs.iter().map(|output| output.buffer.clone()).collect();
        Builder::new()
            .filter_level(LevelFilter::Off)
            .filter_module("orderd", LevelFilter::Trace)
            .target(Target::Pipe(Box::new(Tee(buffers))))
            .format(move |out, record| writeln!(out, "{}", Line::of(record, format, &clock)))
            .try_init()
            .map_err(io::Error::other)?;
        // Asked before a line is made, and changed while the service runs.
        set_level(settings.level);
        if let Err(why) = rotation {
            log::warn!("the log's folder can't be written to, so that it can't be rotated: {why}");
        }
        let sums = thread::Builder::new().name("log-sums".into()).spawn(flood::write_sums)?;
        Ok(Logging { outputs, sums: Some(sums) })
    }

    /// Has the file opened again by its name. It may be called when the log has ended.
    pub fn reopener(&self) -> impl Fn() + Send + 'static {
        let buffers: Vec<_> = self.outputs.iter().map(|output| output.buffer.clone()).collect();
        move || buffers.iter().for_each(|buffer| buffer.reopen())
    }
}

/// Where an output's lines go.
enum Sink {
    Stderr,
    File(LogFile),
}

impl Sink {
    fn write_all(&mut self, text: &[u8]) -> io::Result<()> {
        match self {
            Sink::Stderr => io::stderr().write_all(text),
            Sink::File(file) => file.write_all(text),
        }
    }

    fn reopen(&mut self) {
        let Sink::File(file) = self else { return };
        match file.reopen() {
            Ok(()) => log::info!("the log was opened again"),
            Err(why) => log::error!("the log can't be opened again: {why}"),
        }
    }
}

impl Output {
    fn open(mut sink: Sink, style: Style) -> io::Result<Output> {
        let buffer = Arc::new(Buffer::new(style));
        let writer = buffer.clone();
        let thread =
            thread::Builder::new().name("log".into()).spawn(move || writer.write_out(&mut sink))?;
        Ok(Output { buffer, thread })
    }
}

impl Drop for Logging {
    fn drop(&mut self) {
        flood::close();
        // It waits for nothing but its turn; the last sums go into the buffers.
        let _ = self.sums.take().map(JoinHandle::join);
        self.outputs.iter().for_each(|output| output.buffer.close());
        let started = Instant::now();
        for output in &self.outputs {
            while !output.thread.is_finished() && started.elapsed() < FLUSH_LIMIT {
                thread::park_timeout(Duration::from_millis(5));
            }
        }
    }
}

/// What the lines of one output look like.
#[derive(Clone)]
struct Style {
    format: LogFormat,
    has_priority: bool,
    clock: Clock,
}

impl Style {
    /// The part of a line that the output shows.
    fn shown<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        let hidden = if self.has_priority { 0 } else { PRIORITY_BYTES };
        line.get(hidden..).unwrap_or(line)
    }

    fn dropped(&self, count: u64) -> Vec<u8> {
        let text = format_args!("{count} lines were dropped");
        let (level, format, clock) = (Level::Warn, self.format, &self.clock);
        let line = format!("{}\n", Line { level, text: &text, format, clock });
        self.shown(line.as_bytes()).to_vec()
    }
}

/// The lines between the threads that log and the one that writes.
struct Buffer {
    style: Style,
    lines: Mutex<Lines>,
    arrivals: Condvar,
}

#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    dropped: u64,
    reopen: bool,
    closed: bool,
}

impl Buffer {
    fn new(style: Style) -> Buffer {
        Buffer { style, lines: Mutex::default(), arrivals: Condvar::new() }
    }

    fn push(&self, line: &[u8]) {
        let line = self.style.shown(line);
        let mut lines = self.lines.lock();
        if lines.text.len() + line.len() > BUFFER_BYTES {
            lines.dropped += 1;
            DROPPED_LINES.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let was_empty = lines.text.is_empty();
        lines.text.extend_from_slice(line);
        if was_empty {
            self.arrivals.notify_one();
        }
    }

    fn reopen(&self) {
        self.lines.lock().reopen = true;
        self.arrivals.notify_all();
    }

    fn close(&self) {
        self.lines.lock().closed = true;
        self.arrivals.notify_all();
    }

    /// Writes lines until the buffer is closed and empty.
    fn write_out(&self, sink: &mut Sink) {
        let mut text = Vec::new();
        loop {
            let mut lines = self.lines.lock();
            let is_idle =
                |lines: &mut Lines| lines.text.is_empty() && !lines.reopen && !lines.closed;
            self.arrivals.wait_while(&mut lines, is_idle);
            if std::mem::take(&mut lines.reopen) {
                drop(lines);
                sink.reopen();
                continue;
            }
            if lines.text.is_empty() {
                return;
            }
            self.arrivals.wait_while_for(&mut lines, |lines| !lines.closed, COLLECT_TIME);
            text.clear();
            std::mem::swap(&mut text, &mut lines.text);
            let dropped = std::mem::take(&mut lines.dropped);
            drop(lines);
            if dropped > 0 {
                text.extend(self.style.dropped(dropped));
            }
            // Lines that this output doesn't take are dropped; the other still gets them.
            if sink.write_all(&text).is_err() {
                let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
                DROPPED_LINES.fetch_add(lines, Ordering::Relaxed);
            }
        }
    }
}

/// Copies each line of `env_logger` to all buffers. It writes a whole line at a time.
struct Tee(Vec<Arc<Buffer>>);

impl Write for Tee {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.iter().for_each(|buffer| buffer.push(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
