//! The well-behaved client: it asks for `GET /health` all the while, and measures the time.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use support::attack::Stop;
use support::client::{Client, TIMEOUT};

/// Between two requests, so that the watcher is no flood itself.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, Debug, Default)]
pub struct Slowest {
    /// On a new connection for each request, the time to connect included.
    pub fresh: Duration,
    /// On a connection that is kept until the service closes it.
    pub kept: Duration,
    /// Connections that were closed in place of a response, as the service may do with an idle
    /// one under pressure. The watcher then asks again, and the time runs on.
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

    /// The slowest since this was last called.
    #[track_caller]
    pub fn take_slowest(&self) -> Slowest {
        assert!(!self.threads.iter().any(JoinHandle::is_finished), "a watcher has failed");
        std::mem::take(&mut self.seen.slowest.lock().unwrap())
    }

    /// Gives the number of responses; each was right.
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
                Err(why) => assert!(asked.elapsed() < TIMEOUT, "no health: {why}"),
            }
            broken += 1;
        };
        let took = asked.elapsed();
        kept = (habit == Habit::Kept).then_some(client);
        seen.write_down(habit, took, broken);
        thread::sleep(PAUSE);
    }
}

/// Gets one right response, on `kept` or on a new connection; gives the connection.
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
        let longest = match habit {
            Habit::Fresh => &mut slowest.fresh,
            Habit::Kept => &mut slowest.kept,
        };
        *longest = took.max(*longest);
        slowest.broken += broken;
        *self.answers.lock().unwrap() += 1;
    }
}
