//! Lines that anybody can cause, as often as they like: a few of each kind are written, the rest
//! is counted. So a flood of them neither fills the disk nor rotates away what the log is kept
//! for.
//!
//! The first lines of a window are written, and at its end one line says how many more there
//! were. While a flood lasts, each window is twice as long as the one before.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use log::Level;
use parking_lot::{Condvar, Mutex};

/// Lines of one kind that are written in a window.
const LINES: u64 = 5;
const FIRST_WINDOW: Duration = Duration::from_secs(1);
/// With this a flood of one kind, for as long as it lasts, writes less than 200 KB a day.
const LONGEST_WINDOW: Duration = Duration::from_secs(600);

static FLOODS: Floods = Floods {
    windows: Mutex::new(Windows { by_kind: BTreeMap::new(), closed: false }),
    changes: Condvar::new(),
};

/// Logs a line that a stranger has caused, or only counts it. `kind` is a word of ours, never
/// one of a client's: the number of kinds has no other bound.
pub fn limited(level: Level, kind: &'static str, line: fmt::Arguments<'_>) {
    if log::log_enabled!(level) && FLOODS.admit(level, kind) {
        log::log!(level, "{line}");
    }
}

/// Writes the sums when they are due, until [`close`] is called, and then what is left.
pub(super) fn write_sums() {
    while let Some(due) = FLOODS.wait() {
        for Sum { level, kind, count, window } in due {
            let secs = window.as_secs_f64();
            log::log!(level, "{count} more like it in {secs:.0} s: {kind}");
        }
    }
}

/// Ends [`write_sums`].
pub(super) fn close() {
    FLOODS.windows.lock().closed = true;
    FLOODS.changes.notify_all();
}

struct Floods {
    windows: Mutex<Windows>,
    changes: Condvar,
}

struct Windows {
    by_kind: BTreeMap<&'static str, Window>,
    closed: bool,
}

struct Window {
    level: Level,
    began: Instant,
    length: Duration,
    written: u64,
    /// Lines that were only counted.
    left_out: u64,
}

/// What a window has left out.
#[derive(Debug, PartialEq, Eq)]
struct Sum {
    level: Level,
    kind: &'static str,
    count: u64,
    window: Duration,
}

impl Floods {
    fn admit(&self, level: Level, kind: &'static str) -> bool {
        let mut windows = self.windows.lock();
        let (is_admitted, is_first_left_out) = windows.admit(level, kind, Instant::now());
        if is_first_left_out {
            self.changes.notify_all();
        }
        is_admitted
    }

    /// Waits for sums that are due. `None` once it is closed and nothing is left.
    fn wait(&self) -> Option<Vec<Sum>> {
        let mut windows = self.windows.lock();
        loop {
            let (now, closed) = (Instant::now(), windows.closed);
            let due = windows.take_due(now);
            if !due.is_empty() {
                return Some(due);
            }
            if closed {
                return None;
            }
            match windows.next_end() {
                Some(end) => drop(self.changes.wait_until(&mut windows, end)),
                None => self.changes.wait(&mut windows),
            }
        }
    }
}

impl Windows {
    /// Whether the line is written; and whether it is the first of its window that is not.
    fn admit(&mut self, level: Level, kind: &'static str, now: Instant) -> (bool, bool) {
        let first = || Window::begin(level, now, FIRST_WINDOW);
        let window = self.by_kind.entry(kind).or_insert_with(first);
        // One that has left something out ends when that is summed up.
        if window.left_out == 0 && now >= window.end() {
            *window = first();
        }
        if window.written < LINES {
            window.written += 1;
            return (true, false);
        }
        window.left_out += 1;
        (false, window.left_out == 1)
    }

    /// Ends the windows whose time is over, or all of them once it is closed.
    fn take_due(&mut self, now: Instant) -> Vec<Sum> {
        let closed = self.closed;
        let windows = self.by_kind.iter_mut().filter(|(_, window)| window.left_out > 0);
        let due = windows.filter(|(_, window)| closed || now >= window.end());
        let sums = due.map(|(kind, window)| {
            let Window { level, left_out: count, .. } = *window;
            let lasted = now.saturating_duration_since(window.began);
            *window = Window::begin(level, now, (2 * window.length).min(LONGEST_WINDOW));
            Sum { level, kind, count, window: lasted }
        });
        sums.collect()
    }

    fn next_end(&self) -> Option<Instant> {
        let waiting = self.by_kind.values().filter(|window| window.left_out > 0);
        waiting.map(Window::end).min()
    }
}

impl Window {
    fn begin(level: Level, began: Instant, length: Duration) -> Window {
        Window { level, began, length, written: 0, left_out: 0 }
    }

    fn end(&self) -> Instant {
        self.began + self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARN: Level = Level::Warn;

    #[test]
    fn a_few_lines_of_a_kind_are_written_and_the_rest_is_summed_up() {
        let mut windows = Windows { by_kind: BTreeMap::new(), closed: false };
        let start = Instant::now();
        let written = (0..417).filter(|_| windows.admit(WARN, "a", start).0).count();
        assert_eq!((written, windows.admit(WARN, "b", start).0), (5, true));
        let before = start + FIRST_WINDOW - Duration::from_millis(1);
        assert!(windows.take_due(before).is_empty());
        assert_eq!(windows.next_end(), Some(start + FIRST_WINDOW));
        let sum = Sum { level: WARN, kind: "a", count: 412, window: FIRST_WINDOW };
        assert_eq!(windows.take_due(start + FIRST_WINDOW), [sum]);
        assert_eq!(windows.next_end(), None);
    }

    #[test]
    fn a_flood_of_a_day_writes_little_and_loses_no_count() {
        let mut windows = Windows { by_kind: BTreeMap::new(), closed: false };
        let (start, mut written, mut sums, mut counted) = (Instant::now(), 0, 0, 0);
        for tenths in 0..864_000 {
            let now = start + Duration::from_millis(100 * tenths);
            for sum in windows.take_due(now) {
                sums += 1;
                counted += sum.count;
            }
            written += u64::from(windows.admit(WARN, "a", now).0);
        }
        windows.closed = true;
        counted += windows.take_due(start).iter().map(|sum| sum.count).sum::<u64>();
        assert_eq!(written + counted, 864_000);
        assert!(written + sums < 1000, "{written} lines and {sums} sums");
    }

    #[test]
    fn after_a_quiet_time_lines_are_written_at_once_again() {
        let mut windows = Windows { by_kind: BTreeMap::new(), closed: false };
        let start = Instant::now();
        for _ in 0..10 {
            windows.admit(WARN, "a", start);
        }
        windows.take_due(start + FIRST_WINDOW);
        let later = start + Duration::from_secs(4);
        assert_eq!((0..10).filter(|_| windows.admit(WARN, "a", later).0).count(), 5);
    }
}
