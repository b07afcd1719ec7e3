//! Fills a store with orders directly, its server stopped: a million over HTTP would take
//! longer and show nothing more.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use orderd::clock::Clock;
use orderd::domain::money::{Amount, Milli};
use orderd::domain::order::content::{Basket, Customer, Details, Line, NewContent};
use orderd::domain::{Currency, MailId, MessageId, NewOrder, OrderId, Outcome, UserId};
use orderd::metrics::Metrics;
use orderd::store::{Attempt, MailMark, MarkMails, PlaceOrder, Store};

use crate::client::wrong;

/// Threads that place orders, so that these share commits.
const THREADS: usize = 256;
const STACK_BYTES: usize = 128 * 1024;
/// Mails marked in one write.
const MARKS: u64 = 1000;

/// One order of so many has content.
const CONTENT: u64 = 5;
/// Customers in turn, so few that a store of a thousand orders has a page of each.
const CUSTOMERS: [&str; 4] = ["Ann", "Bob", "Cem", "Dana"];

/// Adds `count` orders of `user`, a fifth of them with content, their mails sent. The store must
/// be there, and closed.
pub fn fill(database: &Path, user: UserId, count: u64) -> io::Result<()> {
    let clock = Clock::system();
    let store = Store::open(database, clock.clone(), &Metrics::new());
    let store = store.map_err(|why| wrong(why.to_string()))?;
    let before =
        store.read().and_then(|it| it.last_order_id()).map_err(|e| wrong(e.to_string()))?;
    place(&store, &clock, user, count)?;
    let first = before.0 + 1;
    for from in (first..first + count).step_by(MARKS as usize) {
        let ids = from..(from + MARKS).min(first + count);
        let sent = |id| MailMark { id: MailId(id), order: OrderId(id), attempt: Attempt::Sent };
        let marks = ids.map(sent).collect();
        let write = MarkMails { marks, at: clock.now() };
        store.write(write).map_err(|why| wrong(why.to_string()))?;
    }
    store.close();
    Ok(())
}

fn place(store: &Store, clock: &Clock, user: UserId, count: u64) -> io::Result<()> {
    let left = AtomicU64::new(count);
    let take = |left: u64| left.checked_sub(1);
    let work = || {
        while let Ok(left) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            let message_id = MessageId(format!("{:032x}@localhost", fastrand::u128(..)));
            let outcome = Outcome::from_success(fastrand::bool());
            let mut write = PlaceOrder::simple(user, outcome, message_id, clock.now());
            if left.is_multiple_of(CONTENT) {
                write.order = NewOrder::Content(Box::new(content(left / CONTENT)));
            }
            store.write(write).map_err(|why| wrong(why.to_string()))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let workers: Vec<_> = (0..THREADS).map(spawn).collect::<io::Result<_>>()?;
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| wrong("a thread panicked".into()))?)
    })
}

/// The order of a customer, three lines long.
fn content(number: u64) -> NewContent {
    let line = |name, cents| Line {
        quantity: Milli::of_thousandths(2000),
        unit_price: Amount::new(cents).unwrap_or_default(),
        ..Line::named(name)
    };
    let lines = vec![line("Margherita", 950), line("Salad", 650), line("Water", 300)];
    let name = CUSTOMERS[number as usize % CUSTOMERS.len()];
    let customer = Customer {
        name: Some(format!("{name} Lee")),
        phone: Some(format!("+49 30 {number}")),
        ..Customer::default()
    };
    NewContent {
        basket: Basket { currency: Currency::parse("EUR"), prices_include_tax: true, lines },
        reference: None,
        details: Details { customer: Some(customer), ..Details::default() },
        owner: None,
    }
}
