//! A store with users and orders, and senders for it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use orderd::clock::{Clock, Timestamp};
use orderd::config::SmtpTls;
use orderd::domain::order::Actor;
use orderd::domain::{EmailAddress, MessageId, NewOrder, Outcome, Role, UserId, Username};
use orderd::mail::{self, Mailer, Round, Sender, Server, Smtp, Templates, Timeouts, Transport};
use orderd::metrics::Metrics;
use orderd::service::Warning;
use orderd::store::{CreateUser, PlaceOrder, Store};

use crate::relay::addresses;
use support::smtp::SmtpServer;

pub const HOUR: Duration = Duration::from_secs(3600);

/// A store with users, a clock that stands, and the metrics.
pub struct Shop {
    dir: tempfile::TempDir,
    pub clock: Clock,
    pub metrics: Metrics,
    pub store: Store,
    pub warning: Warning,
}

impl Shop {
    pub fn open() -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(Timestamp::from_secs(1_759_816_691));
        let metrics = Metrics::new();
        let store = Store::open(&dir.path().join("shop.redb"), clock.clone(), &metrics).unwrap();
        Shop { dir, clock, metrics, store, warning: Warning::default() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Closes the store and opens its file again, as a restart does.
    pub fn restart(&mut self) {
        self.store.close();
        let path = self.path("shop.redb");
        self.store = Store::open(&path, self.clock.clone(), &self.metrics).unwrap();
    }

    pub fn user(&self, name: &str) -> UserId {
        add_user(&self.store, name, self.clock.now())
    }

    pub fn order(&self, user: UserId, message_id: &str) {
        add_order(&self.store, user, message_id, self.clock.now());
    }

    /// `count` orders of one user, with the Message-IDs `m1@shop.test` and so on.
    pub fn orders(&self, count: usize) {
        let user = self.user("ada");
        for number in 1..=count {
            self.order(user, &format!("m{number}@shop.test"));
        }
    }

    pub fn sender(&self, transport: Transport) -> Sender {
        self.sender_with(transport, Templates::load(None, mail::Shop::default()).unwrap())
    }

    pub fn sender_with(&self, transport: Transport, templates: Templates) -> Sender {
        let mailer = mailer(transport, templates);
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Sender::new(mailer, store, clock, self.metrics.mail.clone(), self.warning.clone())
    }

    /// Pending, sent, dead.
    pub fn counts(&self) -> (u64, u64, u64) {
        let counts = self.store.read().unwrap().counts().unwrap();
        (counts.mails_pending, counts.mails_sent, counts.mails_dead)
    }
}

pub fn add_user(store: &Store, name: &str, at: Timestamp) -> UserId {
    let username = Username::parse(name).unwrap();
    let email = EmailAddress::parse(&format!("{name}@example.com")).unwrap();
    let password_hash = String::new();
    let user = CreateUser { username, email, role: Role::User, password_hash, at };
    store.write(user).unwrap().id
}

/// As fast as it can.
pub fn mailer(transport: Transport, templates: Templates) -> Mailer {
    let addresses = addresses("Orders <orders@shop.test>");
    let templates = Arc::new(templates);
    Mailer { templates, addresses, transport, keep: 720 * HOUR, max_per_second: 0 }
}

pub fn add_order(store: &Store, user: UserId, message_id: &str, at: Timestamp) {
    let by = Actor { user: Some(user), is_admin: false };
    let order = NewOrder::Simple(Outcome::Successful);
    let message_id = MessageId(message_id.to_owned());
    store.write(PlaceOrder { by, order, message_id, notice: None, at, idempotency: None }).unwrap();
}

pub fn to_server(server: &SmtpServer) -> Transport {
    to_port(server.port())
}

pub fn to_port(port: u16) -> Transport {
    let settings = Server {
        host: "127.0.0.1".to_owned(),
        port,
        security: SmtpTls::None,
        ca_file: None,
        credentials: None,
        helo: None,
        timeouts: Timeouts::default(),
    };
    Transport::Smtp(Box::new(Smtp::new(settings).unwrap()))
}

pub fn sent(count: usize) -> Round {
    Round { sent: count, ..Round::default() }
}
