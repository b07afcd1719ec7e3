//! The well-behaved client: asks `GET /health` all the while, and measures.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use support::attack::Stop;
use support::client::{Client, PATIENCE};

/// Between two questions: a watcher must not be a flood of its own.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, Default)]
pub struct Slowest {
    /// On a connection of its own each, with the time to connect.
    pub fresh: Duration,
    /// On one that is kept, or was until it had to give way.
    pub kept: Duration,
    /// Connections that were closed instead of an answer, as any idle one may be that has to
    /// give way. Each was asked for anew, and the time goes on.
    pub broken: usize,
}

impl Slowest {
    pub fn longer(&self) -> Duration {
        self.fresh.max(self.kept)
    }
}

pub struct Watch {
    seen: Arc<Seen>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    stop: Stop,
    slowest: Mutex<Slowest>,
    answers: Mutex<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Fresh,
    Kept,
}

impl Watch {
    pub fn start(address: SocketAddr) -> Watch {
        let seen = Arc::new(Seen::default());
        let watch = |habit| {
            let seen = Arc::clone(&seen);
            thread::spawn(move || watch(address, habit, &seen))
        };
        let threads = vec![watch(Habit::Fresh), watch(Habit::Kept)];
        Watch { seen, threads }
    }

    /// Since it was last asked.
    #[track_caller]
    pub fn take_slowest(&self) -> Slowest {
        assert!(!self.threads.iter().any(JoinHandle::is_finished), "a watcher has failed");
        std::mem::take(&mut self.seen.slowest.lock().unwrap())
    }

    /// Returns how many answers came. Each was good.
    #[track_caller]
    pub fn stop(&self) -> usize {
        drop(self.seen.stop.guard());
        *self.seen.answers.lock().unwrap()
    }
}

fn watch(address: SocketAddr, habit: Habit, seen: &Seen) {
    let mut kept = None;
    while !seen.stop.is_said() {
        let asked = Instant::now();
        let mut broken = 0;
        let client = loop {
            match ask(address, kept.take()) {
                Ok(client) => break client,
                Err(why) => assert!(asked.elapsed() < PATIENCE, "no health: {why}"),
            }
            broken += 1;
        };
        let took = asked.elapsed();
        kept = (habit == Habit::Kept).then_some(client);
        seen.write_down(habit, took, broken);
        thread::sleep(PAUSE);
    }
}

/// One healthy answer, on `kept` or a connection of its own.
fn ask(address: SocketAddr, kept: Option<Client>) -> io::Result<Client> {
    let mut client = kept.map_or_else(|| Client::try_connect(address), Ok)?;
    client.send(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.try_read()?;
    assert!(answer.text().starts_with(r#"{"status":"healthy","#), "{answer:?}");
    Ok(client)
}

impl Seen {
    fn write_down(&self, habit: Habit, took: Duration, broken: usize) {
        let mut slowest = self.slowest.lock().unwrap();
        let slot = match habit {
            Habit::Fresh => &mut slowest.fresh,
            Habit::Kept => &mut slowest.kept,
        };
        *slot = took.max(*slot);
        slowest.broken += broken;
        *self.answers.lock().unwrap() += 1;
    }
}
