//! Drives many connections from few threads, and counts what comes back.
//!
//! Closed: each connection sends its next request when it has its answer. Open: requests
//! are due at a fixed rate, whatever the server does; one that finds no free connection
//! waits, and its latency counts from when it was due, so a slow moment isn't left out.

use std::collections::VecDeque;
use std::io;
use std::net::Shutdown;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::force::{End, Load, Opening, Pace};
use crate::line::{Ending, Line, Progress, State};
use crate::plan::Plan;
use crate::readiness::{Interest, Readiness};
use crate::tally::Tally;

/// After the end, how long answers are waited for.
const GRACE: Duration = Duration::from_secs(10);
/// An answer that takes longer is a fault.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Past so many faults a thread gives up.
const MAX_FAULTS: u64 = 1000;
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// How far it has come: answers so far, and the part of the whole that is over, 0 to 1.
pub type Watcher = Box<dyn FnMut(u64, f64)>;

/// What the threads share.
struct Shared<'l> {
    load: &'l Load,
    plan: &'l Plan,
    started: Instant,
    /// Requests sent, where their number is the bound.
    sent: AtomicU64,
    answers: AtomicU64,
}

/// Runs the load to its end. Fails where it could not be driven at all.
pub fn drive(load: &Load, plan: &Plan, watch: Option<Watcher>) -> io::Result<Tally> {
    let shared = Shared {
        load,
        plan,
        started: Instant::now(),
        sent: AtomicU64::new(0),
        answers: AtomicU64::new(0),
    };
    thread::scope(|scope| {
        let shared = &shared;
        let share = |index: usize| {
            load.connections / load.threads + usize::from(index < load.connections % load.threads)
        };
        let workers: Vec<_> = (0..load.threads)
            .map(|index| scope.spawn(move || Worker::new(shared, share(index), index)?.run()))
            .collect();
        if let Some(mut watch) = watch {
            while !workers.iter().all(|worker| worker.is_finished()) {
                thread::sleep(LONGEST_WAIT);
                watch(shared.answers.load(Ordering::Relaxed), shared.part());
            }
        }
        let mut total = Tally::new(plan.exchanges.len(), shared.measured_from());
        for worker in workers {
            let tally = worker.join().map_err(|_| io::Error::other("a thread panicked"))??;
            total.absorb(tally);
        }
        Ok(total)
    })
}

impl Shared<'_> {
    fn measured_from(&self) -> Instant {
        self.started + self.load.warmup
    }

    fn deadline(&self) -> Option<Instant> {
        match self.load.end {
            End::After(time) => Some(self.measured_from() + time),
            End::Count(_) => None,
        }
    }

    /// Whether one more request may be sent; it then must be.
    fn take_turn(&self) -> bool {
        match self.load.end {
            End::After(_) => true,
            End::Count(count) => self.sent.fetch_add(1, Ordering::Relaxed) < count,
        }
    }

    fn part(&self) -> f64 {
        match self.load.end {
            End::After(time) => {
                self.started.elapsed().as_secs_f64() / (self.load.warmup + time).as_secs_f64()
            }
            End::Count(count) => self.answers.load(Ordering::Relaxed) as f64 / count.max(1) as f64,
        }
    }
}

struct Worker<'l> {
    shared: &'l Shared<'l>,
    lines: Vec<Line>,
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

/// When a thread's requests are due.
struct Schedule {
    next: Instant,
    interval: Duration,
}

impl<'l> Worker<'l> {
    fn new(shared: &'l Shared<'l>, connections: usize, index: usize) -> io::Result<Worker<'l>> {
        let load = shared.load;
        let schedule = match load.pace {
            Pace::Closed => None,
            Pace::Open { per_second } => {
                let interval = Duration::from_secs_f64(load.threads as f64 / per_second);
                let next = shared.started + interval.mul_f64(index as f64 / load.threads as f64);
                Some(Schedule { next, interval })
            }
        };
        let mut worker = Worker {
            shared,
            lines: Vec::with_capacity(connections),
            readiness: Readiness::new()?,
            schedule,
            idle: VecDeque::new(),
            waiting: 0,
            closed: 0,
            is_over: false,
            looked_at: shared.started,
            tally: Tally::new(shared.plan.exchanges.len(), shared.measured_from()),
        };
        for index in 0..connections {
            let line = Line::open(load.address, index)?;
            worker.readiness.watch(&line.socket, index, Interest::Connected)?;
            worker.lines.push(line);
        }
        Ok(worker)
    }

    fn run(mut self) -> io::Result<Tally> {
        let mut ready = Vec::new();
        loop {
            let now = Instant::now();
            self.look_at_the_clock(now);
            self.send_what_is_due(now);
            if self.is_done(now) {
                return Ok(self.tally);
            }
            self.readiness.wait(self.patience(), &mut ready)?;
            for index in &ready {
                self.move_on(*index)?;
            }
        }
    }

    /// Ends the sending at the deadline; a few times a second looks for answers that are lost.
    fn look_at_the_clock(&mut self, now: Instant) {
        if self.tally.faults.count > MAX_FAULTS {
            self.is_over = true;
        }
        self.is_over |= self.is_past_the_end(now);
        if now.duration_since(self.looked_at) < LONGEST_WAIT * 5 {
            return;
        }
        self.looked_at = now;
        for index in 0..self.lines.len() {
            if let State::Waiting { due, .. } = self.lines[index].state
                && now.duration_since(due) > ANSWER_LIMIT
                && self.schedule.is_none()
            {
                self.lose(index, "no answer in time".into());
            }
        }
    }

    /// What was due before the deadline is still sent after it, and a burst is over when
    /// every connection had its turn.
    fn is_past_the_end(&self, now: Instant) -> bool {
        let Some(deadline) = self.shared.deadline() else { return false };
        let next = self.schedule.as_ref().map_or(now, |schedule| schedule.next);
        self.shared.load.opening == Opening::Kept && now >= deadline && next >= deadline
    }

    fn is_done(&mut self, now: Instant) -> bool {
        let unanswered = self.waiting;
        if self.is_over && unanswered == 0 {
            return true;
        }
        let limit = self.shared.deadline().map(|deadline| deadline + GRACE);
        if limit.is_none_or(|limit| now < limit) {
            return false;
        }
        self.tally.fault(format!("{unanswered} requests had no answer at the end"));
        true
    }

    fn patience(&self) -> Duration {
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
            let is_in_time = self.shared.deadline().is_none_or(|deadline| due < deadline);
            if due > now || !is_in_time {
                return;
            }
            let Some(index) = self.idle.pop_front() else { return };
            schedule.next += schedule.interval;
            self.send(index, due);
        }
    }

    fn move_on(&mut self, index: usize) -> io::Result<()> {
        let line = &mut self.lines[index];
        match line.state {
            State::Connecting => {
                if let Err(why) = line.connected() {
                    self.tally.fault(format!("connecting failed: {why}"));
                    self.retire(index);
                    return Ok(());
                }
                self.readiness.watch(&line.socket, index, Interest::Readable)?;
                let due = match self.shared.load.opening {
                    Opening::Burst => self.shared.measured_from(),
                    Opening::Kept => Instant::now(),
                };
                self.offer(index, due);
            }
            State::Idle => match line.receive(None) {
                Progress::Left => {
                    self.idle.retain(|idle| *idle != index);
                    self.reopen(index);
                }
                Progress::Partial => {}
                _ => self.lose(index, "bytes that nobody asked for".into()),
            },
            State::Waiting { exchange, due } => {
                match line.receive(Some(&self.shared.plan.exchanges[exchange])) {
                    Progress::Answered(ending) => self.count(index, exchange, due, ending),
                    Progress::Partial => {}
                    Progress::Failed(why) => self.lose(index, why),
                    Progress::Left => self.lose(index, "the server closed".into()),
                }
            }
            State::Closed => {}
        }
        Ok(())
    }

    fn count(&mut self, index: usize, exchange: usize, due: Instant, ending: Ending) {
        let now = Instant::now();
        self.waiting -= 1;
        self.shared.answers.fetch_add(1, Ordering::Relaxed);
        match ending {
            Ending::TurnedAway => self.tally.turned_away += 1,
            Ending::Right | Ending::RightAndLast => self.tally.record(exchange, due, now),
        }
        if self.shared.load.opening == Opening::Burst {
            return self.retire(index);
        }
        if ending == Ending::RightAndLast {
            return self.reopen(index);
        }
        self.is_over |= self.is_past_the_end(now);
        self.offer(index, now);
    }

    /// A free connection: to be used at once, or when something is due.
    fn offer(&mut self, index: usize, due: Instant) {
        match self.schedule {
            Some(_) => self.idle.push_back(index),
            None => self.send(index, due),
        }
    }

    fn send(&mut self, index: usize, due: Instant) {
        if self.is_over || !self.shared.take_turn() {
            self.is_over = true;
            return;
        }
        let line = &mut self.lines[index];
        let exchange = self.shared.plan.exchange(line.turn);
        self.waiting += 1;
        if let Err(why) = line.send(&self.shared.plan.exchanges[exchange], exchange, due) {
            self.lose(index, why.to_string());
        }
    }

    /// A connection that has shown a fault is replaced.
    fn lose(&mut self, index: usize, why: String) {
        if matches!(self.lines[index].state, State::Waiting { .. }) {
            self.waiting -= 1;
        }
        self.tally.fault(why);
        match self.shared.load.opening {
            Opening::Burst => self.retire(index),
            Opening::Kept => self.reopen(index),
        }
    }

    /// When the last connection is done with, so is all.
    fn retire(&mut self, index: usize) {
        // It may be closed on the other side, or never have been open.
        let _ = self.lines[index].socket.shutdown(Shutdown::Both);
        self.lines[index].state = State::Closed;
        self.closed += 1;
        self.is_over |= self.closed == self.lines.len();
    }

    fn reopen(&mut self, index: usize) {
        let turn = self.lines[index].turn;
        let opened = Line::open(self.shared.load.address, turn).and_then(|line| {
            self.readiness.watch(&line.socket, index, Interest::Connected)?;
            Ok(line)
        });
        match opened {
            Ok(line) => self.lines[index] = line,
            Err(why) => {
                self.tally.fault(format!("connecting again failed: {why}"));
                self.retire(index);
            }
        }
    }
}
