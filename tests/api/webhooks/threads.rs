//! The threads that deliver, without the app around them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Database, TableDefinition};

use orderd::api::delivery_body;
use orderd::clock::{Clock, Timestamp};
use orderd::domain::event::{Event, Source};
use orderd::domain::webhook::{Networks, NewWebhook, WebhookSecret, WebhookUrl};
use orderd::domain::{EmailAddress, MessageId, Order, Outcome, Role, UserId, Username, WebhookId};
use orderd::error::Result;
use orderd::metrics::Metrics;
use orderd::service::Warning;
use orderd::store::{CreateUser, CreateWebhook, PlaceOrder, Store};
use orderd::sys::poll::Waker;
use orderd::sys::stop::Stop;
use orderd::webhooks::delivery::{ATTEMPT, Outgoing};
use orderd::webhooks::endpoint::{Deliverer, Endpoint, Step};
use orderd::webhooks::resolver::{Resolver, SystemNames};
use orderd::webhooks::runner::Runner;
use orderd::webhooks::trust::Trust;
use support::app::START_SECS;
use support::folder::Folder;
use support::receiver::Receiver;

use super::hooks::event_ids;

const AT: Timestamp = Timestamp::EPOCH;

fn panics_once(source: Source, event: &Event, order: &Order) -> Result<Vec<u8>> {
    static HAS_PANICKED: AtomicBool = AtomicBool::new(false);
    assert!(HAS_PANICKED.swap(true, Ordering::SeqCst), "the first event");
    delivery_body(source, event, order)
}

fn deliverer(store: &Store, metrics: &Metrics) -> Deliverer {
    Deliverer {
        store: store.clone(),
        clock: Clock::fixed(Timestamp::from_secs(START_SECS)),
        outgoing: Outgoing {
            networks: Networks::everywhere(),
            resolver: Resolver::new(Arc::new(SystemNames), Waker::new().unwrap()),
            trust: Trust::new(None),
            limit: ATTEMPT,
        },
        metrics: metrics.webhooks.clone(),
        warning: Warning::default(),
        render: panics_once,
        stop: Stop::new(),
    }
}

/// A store with a webhook to that receiver, and two events.
fn store_with_events(path: &Path, receiver: &Receiver, metrics: &Metrics) -> Store {
    let store = Store::open(path, Clock::system(), metrics).unwrap();
    let (username, email) = (Username::parse("ann").unwrap(), EmailAddress::parse("a@b.example"));
    let (email, password_hash) = (email.unwrap(), "$scrypt$".to_owned());
    let user = CreateUser { username, email, role: Role::User, password_hash, at: AT };
    store.write(user).unwrap();
    let url = WebhookUrl::parse(&receiver.url()).unwrap();
    let (new, secret) = (
        NewWebhook { url, types: None, description: None },
        WebhookSecret::new([7; WebhookSecret::BYTES]),
    );
    store.write(CreateWebhook { new, secret, at: AT, trouble: None }).unwrap();
    for _ in 0..2 {
        let message_id = MessageId("m@example.com".into());
        let place = PlaceOrder::simple(UserId(1), Outcome::Successful, message_id, AT);
        store.write(place).unwrap();
    }
    store
}

#[test]
fn a_step_that_panics_costs_its_webhook_no_event() {
    let (folder, receiver, metrics) = (Folder::new(), Receiver::start(), Metrics::new());
    let store = store_with_events(&folder.join("a.redb"), &receiver, &metrics);
    let running = Runner::new(deliverer(&store, &metrics)).start().unwrap();
    assert_eq!(event_ids(&receiver.wait_for(2)), [1, 2]);
    running.stop();
    store.close();
}

#[test]
fn who_delivers_to_a_webhook_that_cannot_be_read_has_nothing_to_do() {
    let (folder, receiver, metrics) = (Folder::new(), Receiver::start(), Metrics::new());
    let path = folder.join("a.redb");
    store_with_events(&path, &receiver, &metrics).close();
    let database = Database::open(&path).unwrap();
    let write = database.begin_write().unwrap();
    let webhooks = TableDefinition::<u64, &[u8]>::new("webhooks");
    write.open_table(webhooks).unwrap().insert(1, [0xff; 3].as_slice()).unwrap();
    write.commit().unwrap();
    drop(database);
    let store = Store::open(&path, Clock::system(), &metrics).unwrap();
    let mut endpoint = Endpoint::new(WebhookId(1), deliverer(&store, &metrics));
    assert_eq!(endpoint.step().unwrap(), Step::Ended);
    store.close();
}
