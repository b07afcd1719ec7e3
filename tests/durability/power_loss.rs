//! Seeded workloads, cut anywhere, opened again and compared with what was acknowledged.

use std::collections::BTreeSet;

use orderd::clock::Timestamp;
use orderd::domain::event::EventId;
use orderd::domain::{ApiKeyId, OrderId, Outcome, UserId, WebhookId};
use orderd::store::Attempt;

use crate::disk::{Disk, Effect, Fault};
use crate::model::{Model, Step, marks};
use crate::seeds;
use crate::session::{Answer, Session, wait_until};
use crate::webhooks::Change;

/// Lives of one file: each ends in a crash or a clean stop, but for the last.
const MAX_LIVES: usize = 4;
const MAX_STEPS: usize = 25;
const MAX_WEBHOOKS: usize = 4;
/// Fewer than one user may have.
const MAX_KEYS: usize = 20;
/// Runs in which the store is left alone long enough to count as idle.
const ONE_IN_RESTS: u64 = 150;

#[test]
fn nothing_acknowledged_is_lost_wherever_it_is_cut() {
    seeds::run_each(250, |seed| Run::new(seed).all_lives());
}

/// What the steps of one batch touch: no two of them touch the same.
#[derive(Default)]
struct Busy {
    mails: Vec<u64>,
    orders: BTreeSet<OrderId>,
    webhooks: BTreeSet<WebhookId>,
    makes_webhook: bool,
    keys: BTreeSet<ApiKeyId>,
}

struct Run {
    seed: u64,
    rng: fastrand::Rng,
    disk: Disk,
    model: Model,
    /// Every step has a second of its own.
    second: u64,
    has_opened: bool,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut rng = fastrand::Rng::with_seed(seed);
        let disk = Disk::new(rng.u64(..));
        Run { seed, rng, disk, model: Model::default(), second: 1_700_000_000, has_opened: false }
    }

    fn all_lives(mut self) {
        let lives = self.rng.usize(1..=MAX_LIVES);
        for life in 0..lives {
            self.life(life);
            self.disk = self.disk.after_restart();
        }
        self.disk.make_room();
        let session = Session::open(&self.disk).unwrap();
        self.model.reconcile(&session.store);
        self.steps(&session, 3);
        self.model.reconcile(&session.store);
        session.store.close();
        self.check_file();
    }

    /// Opens, works until a fault has ended it or it has done enough, and dies or stops.
    fn life(&mut self, life: usize) {
        self.disk.make_room();
        if self.rng.u8(0..4) == 0 {
            self.schedule_fault();
        }
        if self.rng.u8(0..4) == 0 {
            self.disk.forgo_cache();
        }
        let opened = Session::open(&self.disk);
        self.disk.unschedule();
        let session = match opened {
            Ok(session) => session,
            Err(why) => {
                assert!(self.disk.has_failed(), "it doesn't open, and no fault has come: {why}");
                if !self.has_opened {
                    // A file that was not made whole never gets its name, and is thrown away.
                    self.disk = Disk::new(self.rng.u64(..));
                }
                return;
            }
        };
        self.has_opened = true;
        if !self.disk.is_gone() {
            self.after_failure(&session);
            self.schedule_fault();
            let count = self.rng.usize(1..=MAX_STEPS);
            self.steps(&session, count);
            if life == 0 && self.seed.is_multiple_of(ONE_IN_RESTS) {
                self.rest();
                self.steps(&session, 3);
            }
        }
        match self.rng.u8(0..4) {
            0 => {}
            1 => self.disk.kill(),
            _ => self.disk.cut_power(),
        }
        session.store.close();
    }

    /// Most often early: a life has a few hundred operations.
    fn schedule_fault(&mut self) {
        let nth = 1 + (self.rng.f64().powi(2) * 500.0) as u64;
        let effect = match self.rng.u8(0..6) {
            0 => Effect::Kill,
            1 | 2 => Effect::Error,
            3 => Effect::Full,
            _ => Effect::PowerCut,
        };
        self.disk.schedule(Fault { kind: None, nth, effect });
        // Two at once: the way back fails too.
        if effect == Effect::Error && self.rng.bool() {
            self.disk.schedule(Fault { nth: nth + self.rng.u64(1..20), kind: None, effect });
        }
    }

    fn steps(&mut self, session: &Session, count: usize) {
        for _ in 0..count {
            if self.disk.is_gone() {
                return;
            }
            let failed = match self.rng.u8(0..3) {
                0 => self.together(session),
                _ => self.alone(session),
            };
            if failed && !self.disk.is_gone() {
                self.after_failure(session);
            }
        }
    }

    fn alone(&mut self, session: &Session) -> bool {
        let step = self.next_step(&mut Busy::default());
        is_failure(&session.take(&step, &mut self.model))
    }

    fn together(&mut self, session: &Session) -> bool {
        let mut busy = Busy::default();
        let count = self.rng.usize(2..7);
        let steps: Vec<Step> = (0..count).map(|_| self.next_step(&mut busy)).collect();
        let answers = session.take_together(&steps, &mut self.model);
        answers.iter().any(is_failure)
    }

    /// Whoever looks now sees what must be there for ever. A disk that failed once takes
    /// the next write, or the one after when the way back has failed as well.
    fn after_failure(&mut self, session: &Session) {
        self.disk.make_room();
        self.disk.unschedule();
        let mut step = self.next_user();
        while is_failure(&session.take(&step, &mut self.model)) {
            let told = session.store.trouble();
            assert!(told.is_some(), "it refuses writes and says that all is well");
            step = self.next_user();
        }
        assert_eq!(session.store.trouble(), None);
        self.model.reconcile(&session.store);
    }

    /// A step that touches nothing of `busy`, and adds its own there.
    fn next_step(&mut self, busy: &mut Busy) -> Step {
        let at = self.next_moment();
        let free: Vec<u64> = self.model.pending().filter(|id| !busy.mails.contains(id)).collect();
        match self.rng.u8(0..16) {
            10..15 => self.next_of_webhooks(at, busy),
            15 => self.next_of_keys(at, busy),
            0 => self.next_user(),
            1 => Step::CreateUser { name: format!("u{}", self.rng.u8(0..9)), at },
            2..5 if !free.is_empty() => {
                let count = self.rng.usize(1..=free.len().min(5));
                let ids = self.rng.choose_multiple(free, count);
                busy.mails.extend(&ids);
                Step::Mark { marks: marks(&ids, &self.next_attempt(at)), at }
            }
            5 => match self.rng.choice(self.model.with_content().collect::<Vec<_>>()) {
                Some(order) if busy.orders.insert(order) => Step::Change { order, at },
                _ => self.next_order(at),
            },
            _ => self.next_order(at),
        }
    }

    /// Mostly a delivery: of three, one fails.
    fn next_of_webhooks(&mut self, at: Timestamp, busy: &mut Busy) -> Step {
        let known: Vec<WebhookId> = self.model.webhooks.ids().collect();
        let has_room = known.len() < MAX_WEBHOOKS && !busy.makes_webhook;
        if has_room && self.rng.u8(0..4) < 4 - known.len().min(3) as u8 {
            busy.makes_webhook = true;
            return Step::CreateWebhook { at };
        }
        let free = known.into_iter().filter(|id| !busy.webhooks.contains(id));
        let Some(id) = self.rng.choice(free.collect::<Vec<_>>()) else {
            return self.next_order(at);
        };
        busy.webhooks.insert(id);
        let change = match self.rng.u8(0..16) {
            0 => return Step::DeleteWebhook { id },
            1 => Change::Update,
            2 => Change::Disable,
            3..5 => Change::Enable,
            5 => Change::Rotate,
            6 => Change::Seek(EventId(self.rng.u64(0..=self.model.last_event().0))),
            _ => {
                let status = self.rng.choice([200, 200, 200, 200, 500, 410]).unwrap_or(200);
                return Step::Deliver { id, status };
            }
        };
        Step::ChangeWebhook { id, change, at }
    }

    fn next_of_keys(&mut self, at: Timestamp, busy: &mut Busy) -> Step {
        let known = self.model.keys.values().map(|key| key.id);
        let free: Vec<ApiKeyId> = known.filter(|id| !busy.keys.contains(id)).collect();
        match self.rng.choice(free) {
            Some(id) if self.rng.u8(0..3) == 0 || self.model.keys.len() >= MAX_KEYS => {
                busy.keys.insert(id);
                Step::RevokeKey { id, at }
            }
            _ => match self.rng.choice(self.model.users.keys().copied()) {
                Some(user) => Step::CreateKey { user: UserId(user), at },
                None => self.next_user(),
            },
        }
    }

    fn next_order(&mut self, at: Timestamp) -> Step {
        let users = self.model.users.keys().copied();
        let Some(user) = self.rng.choice(users).map(UserId) else { return self.next_user() };
        match self.rng.u8(0..3) {
            0 => Step::PlaceContent { user, at },
            _ => Step::Place { user, outcome: Outcome::from_success(self.rng.bool()), at },
        }
    }

    fn next_user(&mut self) -> Step {
        let at = self.next_moment();
        Step::CreateUser { name: format!("user{}", at.as_secs()), at }
    }

    fn next_attempt(&mut self, at: Timestamp) -> Attempt {
        match self.rng.u8(0..3) {
            0 => Attempt::Sent,
            1 => Attempt::Died { error: "550 no such user".into() },
            _ => Attempt::Deferred { due: at, error: "451 later".into() },
        }
    }

    fn next_moment(&mut self) -> Timestamp {
        self.second += 1;
        Timestamp::from_secs(self.second)
    }

    /// Until the store has made its next start quick, which takes two syncs.
    fn rest(&self) {
        let before = self.disk.counts().syncs;
        wait_until(|| self.disk.counts().syncs >= before + 2 || self.disk.is_gone());
    }

    /// What the library thinks of the file that is left.
    fn check_file(&self) {
        let mut database = Session::open_file(self.disk.image());
        assert!(database.check_integrity().unwrap(), "the file had to be repaired");
    }
}

fn is_failure(answer: &Answer) -> bool {
    matches!(answer, Answer::Busy | Answer::Unknown)
}
