//! The sender: takes what is due from the outbox to where mail goes.
//!
//! It claims nothing: it reads due mails, sends them with no transaction open, and marks
//! what came of it in one write. Whatever happens in between, a mail goes out at least
//! once, and its Message-ID lets the receiver drop a repeat.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use log::Level;

use crate::clock::{Clock, Timestamp};
use crate::config::{Config, EmailFrom};
use crate::domain::Mail;
use crate::error::Result;
use crate::metrics;
use crate::store::{Attempt, MailMark, MarkMails, QuarantineMail, Store, UnreadableMail};

use super::letter::Letter;
use super::pace::Pace;
use super::retry::{self, Next};
use super::templates::Templates;
use super::transport::{Delivery, Session, Transport};
use crate::sys::stop::Stop;

/// Mails that a round takes at most: so many would be repeated after a crash.
const MAX_BATCH: u32 = 100;
/// After so long a round takes no further mail, so that its results are soon on disk.
const ROUND_LIMIT: Duration = Duration::from_secs(10);
/// A look at the outbox without being called: the clock may have been set.
const IDLE_REST: Duration = Duration::from_secs(60);
/// Before another round after one that could reach no server or no store.
const TROUBLE_REST: Duration = Duration::from_secs(1);

/// How often files are looked through for old mails.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// What turns a mail of the outbox into one that is delivered.
pub struct Mailer {
    pub templates: Templates,
    pub from: EmailFrom,
    pub transport: Transport,
    /// How long mails in files are kept.
    pub keep: Duration,
    /// 0 = no cap. Holds for [`Sender::run`]; a single step goes as fast as it can.
    pub max_per_second: u32,
}

pub struct Sender {
    office: Arc<Mailer>,
    store: Store,
    clock: Clock,
    metrics: metrics::Mail,
    stop: Stop,
    /// Results that are not on disk yet. Nothing is sent before they are: a store that
    /// takes no marks must not make the same mails go out over and over.
    unmarked: Vec<MailMark>,
}

/// A sender's thread.
pub struct Running {
    stop: Stop,
    store: Store,
    thread: JoinHandle<()>,
}

/// What one round did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Round {
    pub sent: usize,
    /// To be tried again later.
    pub deferred: usize,
    /// Refused for good, or given up.
    pub dead: usize,
    /// Why no session could be opened, or an unreadable mail not be put aside.
    pub trouble: Option<String>,
    /// When the next mail is due that this round didn't take.
    pub next_due: Option<Timestamp>,
}

impl Mailer {
    /// # Errors
    /// One line: a template, the certificates.
    pub fn new(config: &Config) -> std::result::Result<Mailer, String> {
        Ok(Mailer {
            templates: Templates::load(config.templates_dir.as_deref())?,
            from: config.email_from.clone(),
            transport: Transport::new(config)?,
            keep: Duration::from_secs(u64::from(config.mail_keep_days) * 86_400),
            max_per_second: config.mail_max_per_second,
        })
    }
}

impl Sender {
    pub fn new(office: Mailer, store: Store, clock: Clock, metrics: metrics::Mail) -> Sender {
        let office = Arc::new(office);
        Sender { office, store, clock, metrics, stop: Stop::new(), unmarked: Vec::new() }
    }

    /// Runs it in a thread of its own.
    pub fn start(self) -> std::io::Result<Running> {
        let (stop, store) = (self.stop.clone(), self.store.clone());
        let thread = thread::Builder::new().name("mail".into()).spawn(move || self.run())?;
        Ok(Running { stop, store, thread })
    }

    /// One round: what is due now, a bounded number of mails, in one session.
    ///
    /// # Errors
    /// The store can't be read, or takes no marks; these are kept for the next round.
    pub fn step(&mut self) -> Result<Round> {
        self.round(&mut Pace::uncapped())
    }

    fn run(mut self) {
        let mut pace = Pace::new(self.office.max_per_second);
        let mut pruned_at: Option<Duration> = None;
        while !self.stop.is_set() {
            let now = self.clock.uptime();
            if pruned_at.is_none_or(|at| now.saturating_sub(at) >= PRUNE_INTERVAL) {
                pruned_at = Some(now);
                self.prune();
            }
            match catch_unwind(AssertUnwindSafe(|| self.round(&mut pace))) {
                Ok(Ok(round)) => self.rest(&round),
                Ok(Err(error)) => {
                    log::error!("mail: {error}");
                    self.stop.wait(TROUBLE_REST);
                }
                Err(_) => {
                    log::error!("mail: a round panicked");
                    self.stop.wait(TROUBLE_REST);
                }
            }
        }
        if let Err(error) = self.mark() {
            let count = self.unmarked.len();
            log::error!(
                "mail: {count} results are not on disk, those mails may be sent again: {error}"
            );
        }
    }

    fn prune(&self) {
        match self.office.transport.prune(self.clock.now() - self.office.keep) {
            Ok(0) => {}
            Ok(count) => log::info!("mail: {count} old files were removed"),
            Err(why) => log::warn!("mail: old files could not be removed: {why}"),
        }
    }

    fn rest(&self, round: &Round) {
        if round.trouble.is_some() {
            self.stop.wait(TROUBLE_REST);
            return;
        }
        if round.sent + round.deferred + round.dead > 0 {
            return;
        }
        let until_due = round.next_due.map(|due| due.since(self.clock.now()));
        self.store.mail_wakeup().wait(until_due.unwrap_or(IDLE_REST).min(IDLE_REST));
    }

    fn round(&mut self, pace: &mut Pace) -> Result<Round> {
        self.mark()?;
        let due = self.store.read()?.due_mails(self.clock.now(), self.batch())?;
        let mut round = Round { next_due: due.next_due, ..Round::default() };
        self.bury(due.spoilt, &mut round);
        if due.mails.is_empty() {
            return Ok(round);
        }
        let office = Arc::clone(&self.office);
        match office.transport.open(&self.stop) {
            Ok(session) => self.send(session, &due.mails, pace, &mut round),
            Err(_) if self.stop.is_set() => {}
            Err(why) => self.defer(&due.mails, why, &mut round),
        }
        self.mark()?;
        Ok(round)
    }

    /// About two seconds' worth, so that a slow pace doesn't keep results in memory.
    fn batch(&self) -> usize {
        let capped = self.office.max_per_second.saturating_mul(2);
        let batch = if capped == 0 { MAX_BATCH } else { capped.min(MAX_BATCH) };
        batch as usize
    }

    fn send(
        &mut self,
        mut session: Session<'_>,
        mails: &[Mail],
        pace: &mut Pace,
        round: &mut Round,
    ) {
        let start = Instant::now();
        for mail in mails {
            if start.elapsed() > ROUND_LIMIT || !pace.wait(&self.stop) {
                break;
            }
            let attempt = AssertUnwindSafe(|| deliver(&self.office, &mut session, mail));
            let Ok(delivery) = catch_unwind(attempt) else {
                let text = "a fault of ours: it panicked".to_owned();
                self.settle(mail, Delivery::Deferred { text }, Level::Error, round);
                return;
            };
            self.settle(mail, delivery, Level::Warn, round);
            // A session that worked and then broke says nothing about the rest: they are
            // due still, and get a new one. One that never worked defers them all.
            if session.is_over() && round.sent > 0 {
                break;
            }
        }
        session.close();
    }

    /// No session, so none of them is tried; for each of them it counts as an attempt.
    fn defer(&mut self, mails: &[Mail], why: String, round: &mut Round) {
        log::warn!("mail: no session, {} mails wait: {why}", mails.len());
        for mail in mails {
            let delivery = Delivery::Deferred { text: why.clone() };
            self.settle(mail, delivery, Level::Debug, round);
        }
        round.trouble = Some(why);
    }

    /// Keeps the result of an attempt to be marked, counts it and logs it; `level` is how
    /// loud a deferral is.
    fn settle(&mut self, mail: &Mail, delivery: Delivery, level: Level, round: &mut Round) {
        let attempts = mail.attempts.saturating_add(1);
        let attempt = self.attempt(mail, attempts, delivery);
        let id = mail.id;
        match &attempt {
            Attempt::Sent => {
                log::info!("mail sent mail={id} order={id} attempts={attempts}");
                self.metrics.sent.inc();
                round.sent += 1;
            }
            Attempt::Deferred { due, error } => {
                log::log!(
                    level,
                    "mail deferred mail={id} order={id} attempts={attempts} until={due}: {error}"
                );
                self.metrics.deferred.inc();
                round.deferred += 1;
            }
            Attempt::Died { error } => {
                log::error!("mail dead mail={id} order={id} attempts={attempts}: {error}");
                self.metrics.died.inc();
                round.dead += 1;
            }
        }
        self.unmarked.push(MailMark { id, attempt });
    }

    fn attempt(&self, mail: &Mail, attempts: u32, delivery: Delivery) -> Attempt {
        let error = match delivery {
            Delivery::Delivered => return Attempt::Sent,
            Delivery::Rejected { text, .. } => return Attempt::Died { error: text },
            Delivery::Deferred { text } => text,
        };
        // Without the system's chance the spread is poor, and everything else is right.
        let random = getrandom::u64().unwrap_or(mail.id.0);
        let now = self.clock.now();
        match retry::next(mail.first_tried.unwrap_or(now), attempts, now, random) {
            Next::At(due) => Attempt::Deferred { due, error },
            Next::Exhausted => Attempt::Died { error: format!("given up: {error}") },
        }
    }

    /// Writes the results down, all in one write; on failure they stay for the next time.
    fn mark(&mut self) -> Result<()> {
        if self.unmarked.is_empty() {
            return Ok(());
        }
        let marks = MarkMails { marks: self.unmarked.clone(), at: self.clock.now() };
        self.store.write(marks)?;
        self.unmarked.clear();
        Ok(())
    }

    /// Puts rows that can't be read out of the way, each in its own write: one that can't
    /// even be moved keeps no other from it.
    fn bury(&mut self, spoilt: Vec<UnreadableMail>, round: &mut Round) {
        for UnreadableMail { id, due, error } in spoilt {
            log::error!("mail dead mail={id} order={id}: {error}");
            let bury = QuarantineMail { id, due, error: error.to_string(), at: self.clock.now() };
            match self.store.write(bury) {
                Ok(()) => {
                    self.metrics.died.inc();
                    round.dead += 1;
                }
                Err(error) => round.trouble = Some(error.to_string()),
            }
        }
    }
}

fn deliver(office: &Mailer, session: &mut Session<'_>, mail: &Mail) -> Delivery {
    match Letter::of(mail).write(&office.from, &office.templates) {
        Ok(message) => session.send(&message),
        Err(text) => Delivery::Deferred { text },
    }
}

impl Running {
    /// Lets the mail under way finish, marks what was sent, and ends the thread.
    pub fn stop(self) {
        self.stop.set();
        self.store.mail_wakeup().notify();
        if self.thread.join().is_err() {
            log::error!("mail: the sender's thread panicked");
        }
    }
}
