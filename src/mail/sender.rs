//! The sender: delivers the mails of the outbox that are due.
//!
//! It keeps no list of mails in progress: it reads due mails, sends them with no transaction open, and
//! stores all results in one write. A crash in between sends those mails again, so that each
//! goes out at least once; the receiver knows a repeat by its Message-ID.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use log::Level;

use crate::clock::Clock;
use crate::domain::Mail;
use crate::error::Result;
use crate::metrics;
use crate::service::Warning;
use crate::store::{
    Attempt, MailMark, MailPlace, MarkMails, PassOrders, QuarantineMail, Store, UnreadableMail,
};
use crate::sys::stop::Stop;

use super::delivery::{Delivery, Unopened};
use super::mailer::Mailer;
use super::message::NO_RECIPIENT;
use super::pace::Pace;
use super::refusals::{REFUSED, Refusals};
use super::retry;
use super::round::{self, FAILURE_WAIT, Round};
use super::running::Running;
use super::transport::Session;
use super::unclear::Unclear;

/// Most mails in a round. A crash in the middle of one sends as many again.
const MAX_BATCH: u32 = 100;
/// A round this old starts no further mail, so that its results are soon on disk.
const MAX_ROUND: Duration = Duration::from_secs(10);
/// How often old message files are removed.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// Sends what is due, round after round.
pub struct Sender {
    mailer: Arc<Mailer>,
    store: Store,
    clock: Clock,
    metrics: metrics::Mail,
    stop: Stop,
    /// Results that are not on disk yet. Nothing more is sent until they are: otherwise a
    /// store that takes no writes would have the same mails sent again and again.
    unmarked: Vec<MailMark>,
    refusals: Refusals,
    warning: Warning,
}

impl Sender {
    pub fn new(
        mailer: Mailer,
        store: Store,
        clock: Clock,
        metrics: metrics::Mail,
        warning: Warning,
    ) -> Sender {
        Sender {
            mailer: Arc::new(mailer),
            store,
            clock,
            metrics,
            stop: Stop::new(),
            unmarked: Vec::new(),
            refusals: Refusals::default(),
            warning,
        }
    }

    /// Starts the sender's thread.
    pub fn start(self) -> std::io::Result<Running> {
        let (stop, store) = (self.stop.clone(), self.store.clone());
        let thread = thread::Builder::new().name("mail".into()).spawn(move || self.run())?;
        Ok(Running::new(stop, store, thread))
    }

    /// One round: a bounded number of the mails that are due now, in one session.
    ///
    /// # Errors
    /// The store can't be read, or can't take the results; they are kept for the next round.
    pub fn step(&mut self) -> Result<Round> {
        self.round(&mut Pace::uncapped())
    }

    fn run(mut self) {
        let mut pace = Pace::new(self.mailer.max_per_second);
        let mut pruned_at: Option<Duration> = None;
        while !self.stop.is_set() {
            let now = self.clock.uptime();
            if pruned_at.is_none_or(|at| now.saturating_sub(at) >= PRUNE_INTERVAL) {
                pruned_at = Some(now);
                self.prune();
            }
            match catch_unwind(AssertUnwindSafe(|| self.round(&mut pace))) {
                Ok(Ok(round)) => self.wait_after(&round),
                Ok(Err(error)) => {
                    log::error!("mail: {error}");
                    self.stop.wait(FAILURE_WAIT);
                }
                Err(_) => {
                    log::error!("mail: a round panicked");
                    self.stop.wait(FAILURE_WAIT);
                }
            }
        }
        if let Err(error) = self.mark() {
            let count = self.unmarked.len();
            log::error!(
                "mail: {count} results could not be stored, those mails may be sent again: {error}"
            );
        }
    }

    fn prune(&self) {
        match self.mailer.transport.prune(self.clock.now() - self.mailer.keep) {
            Ok(0) => {}
            Ok(count) => log::info!("mail: {count} old message files removed"),
            Err(why) => log::warn!("mail: can't remove old message files: {why}"),
        }
    }

    fn wait_after(&self, round: &Round) {
        match round.next(self.clock.now()) {
            round::Next::Round => {}
            round::Next::Pause(time) => drop(self.stop.wait(time)),
            round::Next::Wait(time) => self.store.mail_wakeup().wait(time),
        }
    }

    fn round(&mut self, pace: &mut Pace) -> Result<Round> {
        self.mark()?;
        if let Some(pause) = self.refusals.pause_left(self.clock.uptime()) {
            return Ok(Round { pause: Some(pause), ..Round::default() });
        }
        let due = self.store.read()?.due_mails(self.clock.now(), self.batch())?;
        let mut round = Round { next_due: due.next_due, ..Round::default() };
        if let Some(up_to) = due.passed {
            self.store.write(PassOrders { up_to, at: self.clock.now() })?;
            round.has_passed = true;
        }
        self.quarantine(due.spoilt, &mut round);
        let (mails, lost): (Vec<_>, Vec<_>) = due.mails.into_iter().partition(|it| it.to.is_some());
        self.give_up(&lost, &mut round);
        if mails.is_empty() {
            self.mark()?;
            return Ok(round);
        }
        let mailer = Arc::clone(&self.mailer);
        match mailer.transport.open(&self.stop) {
            Ok(session) => self.send(session, &mails, pace, &mut round),
            Err(_) if self.stop.is_set() => {}
            Err(why) => self.defer(&mails, why, &mut round),
        }
        self.tell_of_refusals();
        self.mark()?;
        Ok(round)
    }

    /// Mails of about two seconds, so that a low cap doesn't keep results in memory for long.
    fn batch(&self) -> usize {
        let capped = self.mailer.max_per_second.saturating_mul(2);
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
        let mut unclear = Unclear::default();
        for mail in mails {
            if start.elapsed() > MAX_ROUND || !pace.wait(&self.stop) {
                break;
            }
            let attempt = AssertUnwindSafe(|| self.mailer.deliver(&mut session, mail));
            let Ok(delivery) = catch_unwind(attempt) else {
                let text = "the sender panicked".to_owned();
                self.record(mail, Delivery::Deferred { text }, Level::Error, round);
                return self.settle(unclear, round);
            };
            match delivery {
                Delivery::Unclear { code, text } => unclear.refuse(mail, code, text),
                decided => {
                    unclear.note_other(mail, session.is_broken());
                    if session.is_broken() && matches!(decided, Delivery::Refused { .. }) {
                        self.refusals.pause(self.clock.uptime());
                    }
                    self.record(mail, decided, Level::Warn, round);
                }
            }
            let is_paused = self.refusals.pause_left(self.clock.uptime()).is_some();
            if is_paused || unclear.is_enough() {
                break;
            }
            // A session that broke after it had sent something says nothing about the others:
            // they stay due for the next round's session. One that broke before defers them all.
            if session.is_broken() && round.sent > 0 {
                break;
            }
        }
        session.close();
        self.settle(unclear, round);
    }

    /// Decides about the unclear refusals, once the session has shown what others get.
    fn settle(&mut self, unclear: Unclear<'_>, round: &mut Round) {
        for (mail, code, text) in unclear.refused() {
            let is_dead = unclear.is_recipients_own(mail, &self.refusals);
            self.note_refusal(mail);
            let delivery = match (is_dead, text.clone()) {
                (true, text) => Delivery::Rejected { code: *code, text },
                (false, text) => Delivery::Refused { text },
            };
            self.record(mail, delivery, Level::Warn, round);
        }
    }

    /// Their orders have lost the customer's address since. Once there is one again, an admin can
    /// have them retried.
    fn give_up(&mut self, mails: &[Mail], round: &mut Round) {
        for mail in mails {
            let delivery = Delivery::Undeliverable { text: NO_RECIPIENT.to_owned() };
            self.record(mail, delivery, Level::Warn, round);
        }
    }

    /// No session could be opened. For each of the mails this counts as an attempt.
    fn defer(&mut self, mails: &[Mail], why: Unopened, round: &mut Round) {
        let Unopened { text, is_refusal } = why;
        log::warn!("mail: no session, {} mails deferred: {text}", mails.len());
        if is_refusal {
            self.refusals.pause(self.clock.uptime());
        }
        let delivery = match (is_refusal, text.clone()) {
            (true, text) => Delivery::Refused { text },
            (false, text) => Delivery::Deferred { text },
        };
        for mail in mails {
            self.record(mail, delivery.clone(), Level::Debug, round);
        }
        round.failure = Some(text);
    }

    /// Tells `/health`, the metrics and the log when a spell of refusals begins or ends.
    fn tell_of_refusals(&self) {
        let is_spell = self.refusals.is_spell();
        self.metrics.refusing.set(i64::from(is_spell));
        if !self.warning.set(is_spell.then_some(REFUSED)) {
            return;
        }
        match is_spell {
            true => log::error!("mail: {REFUSED}; mails wait, and are tried now and then"),
            false => log::info!("mail: the mail server takes our mail again"),
        }
    }

    /// Counts and logs the result of an attempt, and keeps it to be stored. A deferral is
    /// logged at `level`.
    fn record(&mut self, mail: &Mail, delivery: Delivery, level: Level, round: &mut Round) {
        let attempts = mail.attempts.saturating_add(1);
        let is_refusal = matches!(delivery, Delivery::Refused { .. });
        if is_refusal {
            self.note_refusal(mail);
            self.refusals.judge(self.clock.uptime());
        }
        let attempt = retry::attempt(mail, attempts, delivery, self.clock.now());
        let (id, order) = (mail.id, mail.order.id);
        match &attempt {
            Attempt::Sent => {
                log::info!("mail sent mail={id} order={order} attempts={attempts}");
                self.metrics.sent.inc();
                self.refusals.end();
                round.sent += 1;
            }
            Attempt::Deferred { due, error } => {
                log::log!(
                    level,
                    "mail deferred mail={id} order={order} attempts={attempts} until={due}: {error}"
                );
                let counter =
                    if is_refusal { &self.metrics.refused } else { &self.metrics.deferred };
                counter.inc();
                round.deferred += 1;
            }
            Attempt::Died { error } => {
                log::error!("mail dead mail={id} order={order} attempts={attempts}: {error}");
                self.metrics.died.inc();
                round.dead += 1;
            }
        }
        self.unmarked.push(MailMark { id, order, attempt });
    }

    fn note_refusal(&mut self, mail: &Mail) {
        if let Some(to) = &mail.to {
            self.refusals.note(to);
        }
    }

    /// Stores all results in one write. If it fails, they are kept for the next try.
    fn mark(&mut self) -> Result<()> {
        if self.unmarked.is_empty() {
            return Ok(());
        }
        let marks = MarkMails { marks: self.unmarked.clone(), at: self.clock.now() };
        self.store.write(marks)?;
        self.unmarked.clear();
        Ok(())
    }

    /// Moves mails whose rows can't be read out of the queue. Each has a write of its own, so
    /// that one that can't be moved doesn't hold up the others.
    fn quarantine(&mut self, unreadable: Vec<UnreadableMail>, round: &mut Round) {
        for UnreadableMail { place, error } in unreadable {
            match place {
                MailPlace::Own { id, .. } => log::error!("mail dead mail={id}: {error}"),
                MailPlace::Order(order) => log::error!("mail dead order={order}: {error}"),
            }
            let write = QuarantineMail { place, error: error.to_string(), at: self.clock.now() };
            match self.store.write(write) {
                Ok(()) => {
                    self.metrics.died.inc();
                    round.dead += 1;
                }
                Err(error) => round.failure = Some(error.to_string()),
            }
        }
    }
}
