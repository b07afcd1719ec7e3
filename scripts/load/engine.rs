//! Drives many connections from few threads, and counts what comes back.
//!
//! Closed pace: each connection sends its next request when it has its response. Open pace:
//! requests are due at a fixed rate, whatever the server does. One that finds no free connection
//! waits, and its latency counts from when it was due, so that slow moments count in full.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use crate::connection::{Connection, Ending, Progress, State};
use crate::load::{Load, Opening, Pace};
use crate::plan::Plan;
use crate::readiness::{Interest, Readiness};
use crate::run::{Run, Schedule};
use crate::tally::Tally;

/// How long responses are waited for after the end.
const GRACE: Duration = Duration::from_secs(10);
/// A response that takes longer is a fault.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Past so many faults a thread gives up.
const MAX_FAULTS: u64 = 1000;
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Is told how many responses have come, and how much of the run is over, 0 to 1.
pub type Watcher = Box<dyn FnMut(u64, f64)>;

/// Runs the load to its end. Fails where it could not be driven at all.
pub fn drive(load: &Load, plan: &Plan, watch: Option<Watcher>) -> io::Result<Tally> {
    let run = Run::new(load, plan);
    thread::scope(|scope| {
        let run = &run;
        let share = |index: usize| {
            load.connections / load.threads + usize::from(index < load.connections % load.threads)
        };
        let workers: Vec<_> = (0..load.threads)
            .map(|index| scope.spawn(move || Worker::new(run, share(index), index)?.run()))
            .collect();
        if let Some(mut watch) = watch {
            while !workers.iter().all(|worker| worker.is_finished()) {
                thread::sleep(LONGEST_WAIT);
                watch(run.responses(), run.part());
            }
        }
        let mut total = Tally::new(plan.exchanges.len(), run.measured_from());
        for worker in workers {
            let tally = worker.join().map_err(|_| io::Error::other("a thread panicked"))??;
            total.absorb(tally);
        }
        Ok(total)
    })
}

struct Worker<'l> {
    run: &'l Run<'l>,
    connections: Vec<Connection>,
    readiness: Readiness,
    schedule: Option<Schedule>,
    /// Connections without a request, for an open pace.
    idle: VecDeque<usize>,
    waiting: usize,
    /// Connections that will not be used again.
    closed: usize,
    is_over: bool,
    looked_at: Instant,
    tally: Tally,
}

impl<'l> Worker<'l> {
    fn new(run: &'l Run<'l>, connections: usize, index: usize) -> io::Result<Worker<'l>> {
        let load = run.load;
        let schedule = match load.pace {
            Pace::Closed => None,
            Pace::Open { per_second } => Some(Schedule::of_thread(index, run, per_second)),
        };
        let mut worker = Worker {
            run,
            connections: Vec::with_capacity(connections),
            readiness: Readiness::new()?,
            schedule,
            idle: VecDeque::new(),
            waiting: 0,
            closed: 0,
            is_over: false,
            looked_at: run.started,
            tally: Tally::new(run.plan.exchanges.len(), run.measured_from()),
        };
        for index in 0..connections {
            let connection = Connection::open(load.address, index)?;
            worker.readiness.watch(&connection.socket, index, Interest::Connected)?;
            worker.connections.push(connection);
        }
        Ok(worker)
    }

    fn run(mut self) -> io::Result<Tally> {
        let mut ready = Vec::new();
        loop {
            let now = Instant::now();
            self.check_time(now);
            self.send_what_is_due(now);
            if self.is_done(now) {
                return Ok(self.tally);
            }
            self.readiness.wait(self.timeout(), &mut ready)?;
            for index in &ready {
                self.advance(*index)?;
            }
        }
    }

    /// Ends the sending at the deadline, and a few times a second looks for responses that are
    /// overdue.
    fn check_time(&mut self, now: Instant) {
        if self.tally.faults.count > MAX_FAULTS {
            self.is_over = true;
        }
        self.is_over |= self.is_past_the_end(now);
        if now.duration_since(self.looked_at) < LONGEST_WAIT * 5 {
            return;
        }
        self.looked_at = now;
        for index in 0..self.connections.len() {
            if let State::Waiting { due, .. } = self.connections[index].state
                && now.duration_since(due) > RESPONSE_TIMEOUT
                && self.schedule.is_none()
            {
                self.lose(index, "no answer in time".into());
            }
        }
    }

    /// A request that was due before the deadline is still sent after it. A burst is over when
    /// every connection has sent one.
    fn is_past_the_end(&self, now: Instant) -> bool {
        let Some(deadline) = self.run.deadline() else { return false };
        let next = self.schedule.as_ref().map_or(now, |schedule| schedule.next);
        self.run.load.opening == Opening::Kept && now >= deadline && next >= deadline
    }

    fn is_done(&mut self, now: Instant) -> bool {
        let unanswered = self.waiting;
        if self.is_over && unanswered == 0 {
            return true;
        }
        let limit = self.run.deadline().map(|deadline| deadline + GRACE);
        if limit.is_none_or(|limit| now < limit) {
            return false;
        }
        self.tally.fault(format!("{unanswered} requests had no answer at the end"));
        true
    }

    fn timeout(&self) -> Duration {
        match &self.schedule {
            Some(schedule) if !self.idle.is_empty() && !self.is_over => {
                schedule.next.saturating_duration_since(Instant::now()).min(LONGEST_WAIT)
            }
            _ => LONGEST_WAIT,
        }
    }

    fn send_what_is_due(&mut self, now: Instant) {
        while !self.is_over {
            let Some(schedule) = &mut self.schedule else { return };
            let due = schedule.next;
            let is_in_time = self.run.deadline().is_none_or(|deadline| due < deadline);
            if due > now || !is_in_time {
                return;
            }
            let Some(index) = self.idle.pop_front() else { return };
            schedule.next += schedule.interval;
            self.send(index, due);
        }
    }

    fn advance(&mut self, index: usize) -> io::Result<()> {
        let connection = &mut self.connections[index];
        match connection.state {
            State::Connecting => {
                if let Err(why) = connection.connected() {
                    self.tally.fault(format!("connecting failed: {why}"));
                    self.retire(index);
                    return Ok(());
                }
                self.readiness.watch(&connection.socket, index, Interest::Readable)?;
                let due = match self.run.load.opening {
                    Opening::Burst => self.run.measured_from(),
                    Opening::Kept => Instant::now(),
                };
                self.offer(index, due);
            }
            State::Idle => match connection.receive(None) {
                Progress::Closed => {
                    self.idle.retain(|idle| *idle != index);
                    self.reopen(index);
                }
                Progress::Partial => {}
                _ => self.lose(index, "bytes that nobody asked for".into()),
            },
            State::Waiting { exchange, due } => {
                match connection.receive(Some(&self.run.plan.exchanges[exchange])) {
                    Progress::Answered(ending) => self.count(index, exchange, due, ending),
                    Progress::Partial => {}
                    Progress::Failed(why) => self.lose(index, why),
                    Progress::Closed => self.lose(index, "the server closed".into()),
                }
            }
            State::Closed => {}
        }
        Ok(())
    }

    fn count(&mut self, index: usize, exchange: usize, due: Instant, ending: Ending) {
        let now = Instant::now();
        self.waiting -= 1;
        self.run.count_response();
        match ending {
            Ending::Rejected => self.tally.rejected += 1,
            Ending::Right | Ending::RightAndLast => self.tally.record(exchange, due, now),
        }
        if self.run.load.opening == Opening::Burst {
            return self.retire(index);
        }
        if ending == Ending::RightAndLast {
            return self.reopen(index);
        }
        self.is_over |= self.is_past_the_end(now);
        self.offer(index, now);
    }

    /// Uses a free connection: at once, or in an open pace when the next request is due.
    fn offer(&mut self, index: usize, due: Instant) {
        match self.schedule {
            Some(_) => self.idle.push_back(index),
            None => self.send(index, due),
        }
    }

    fn send(&mut self, index: usize, due: Instant) {
        if self.is_over || !self.run.take_request() {
            self.is_over = true;
            return;
        }
        let connection = &mut self.connections[index];
        let exchange = self.run.plan.exchange(connection.sent);
        let Some(request) = self.run.plan.exchanges[exchange].request.bytes() else {
            self.is_over = true;
            return;
        };
        self.waiting += 1;
        if let Err(why) = connection.send(&request, exchange, due) {
            self.lose(index, why.to_string());
        }
    }

    /// Counts a fault, and replaces the connection that it happened on.
    fn lose(&mut self, index: usize, why: String) {
        if matches!(self.connections[index].state, State::Waiting { .. }) {
            self.waiting -= 1;
        }
        self.tally.fault(why);
        match self.run.load.opening {
            Opening::Burst => self.retire(index),
            Opening::Kept => self.reopen(index),
        }
    }

    /// Closes a connection for good. After the last one the run is over.
    fn retire(&mut self, index: usize) {
        // It may be closed on the other side, or never have been open.
        let _ = self.connections[index].socket.shutdown(Shutdown::Both);
        self.connections[index].state = State::Closed;
        self.closed += 1;
        self.is_over |= self.closed == self.connections.len();
    }

    fn reopen(&mut self, index: usize) {
        let sent = self.connections[index].sent;
        let opened = Connection::open(self.run.load.address, sent).and_then(|connection| {
            self.readiness.watch(&connection.socket, index, Interest::Connected)?;
            Ok(connection)
        });
        match opened {
            Ok(connection) => self.connections[index] = connection,
            Err(why) => {
                self.tally.fault(format!("connecting again failed: {why}"));
                self.retire(index);
            }
        }
    }
}
