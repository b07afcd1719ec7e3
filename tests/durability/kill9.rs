//! The real binary, killed under load again and again, and compared with a ledger kept outside.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use support::client::Client;
use support::folder::Folder;
use support::process::{Call, Running};

use crate::order;
use crate::seeds;
use crate::session::wait_until;

const CLIENTS: usize = 12;
const ROUNDS: u64 = 3;

/// Every acknowledged order as its response had it, by its id.
type Ledger = Mutex<BTreeMap<u64, Value>>;

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let (folder, ledger) = (Folder::new(), Ledger::default());
    let mut rng = fastrand::Rng::with_seed(seeds::number("DURABILITY_SEED").unwrap_or(1));
    let token = start(&folder).token("admin", "Admin123");
    let limit = seeds::number("DURABILITY_SECS").map(Duration::from_secs);
    let (started, mut round) = (Instant::now(), 0);
    while limit.map_or(round < ROUNDS, |limit| started.elapsed() < limit) {
        let running = start(&folder);
        compare(&running, &token, &ledger);
        let wanted = ledger.lock().unwrap().len() + rng.usize(5..400);
        kill_under_load(running, &token, &ledger, wanted);
        round += 1;
    }
    let running = start(&folder);
    let stored = compare(&running, &token, &ledger);
    wait_until(|| pending_mails(&running, &token) == 0);
    running.stop();
    assert_eq!(mails_by_order(&folder), stored.keys().map(|id| (*id, 1)).collect());
    let check = Call::within(&folder).arg("check").run();
    assert_eq!(check.code, Some(0), "{check:?}");
    println!("{round} kills, {} orders", stored.len());
}

fn start(folder: &Folder) -> Running {
    let settings = [
        ("RATE_LIMIT_REQUESTS", "0"),
        ("MAIL_MAX_PER_SECOND", "0"),
        ("LOG_LEVEL", "error"),
        // One token serves a soak of any length.
        ("ACCESS_TOKEN_EXPIRE_MINUTES", "100000"),
        ("LOG_FILE", ""),
    ];
    Call::within(folder).envs(&settings).start()
}

/// Clients place orders until the process is dead. It is killed once the ledger has `wanted`.
fn kill_under_load(running: Running, token: &str, ledger: &Ledger, wanted: usize) {
    let address = running.address;
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            scope.spawn(move || {
                // It ends with the process, in the middle of whatever it was doing.
                let _ = order_for_ever(address, token, ledger, number);
            });
        }
        wait_until(|| ledger.lock().unwrap().len() >= wanted);
        running.signal(Signal::KILL);
    });
    running.wait();
}

fn order_for_ever(
    address: SocketAddr,
    token: &str,
    ledger: &Ledger,
    number: usize,
) -> io::Result<()> {
    let mut client = Client::try_connect(address)?;
    loop {
        let order = order::place(&mut client, token, "", number.is_multiple_of(2))?.good();
        let id = order["id"].as_u64().unwrap();
        let known = ledger.lock().unwrap().insert(id, order);
        assert_eq!(known, None, "id {id} was given twice");
    }
}

/// Panics unless every acknowledged order is stored once and unchanged; gives all that are
/// stored.
fn compare(running: &Running, token: &str, ledger: &Ledger) -> BTreeMap<u64, Value> {
    let list = running.ask("GET", "/orders/", Some(token), "").good();
    let list = list["orders"].as_array().unwrap();
    let stored: BTreeMap<u64, Value> =
        list.iter().map(|order| (order["id"].as_u64().unwrap(), order.clone())).collect();
    assert_eq!(stored.len(), list.len(), "an order is listed twice");
    let mut ledger = ledger.lock().unwrap();
    for (id, order) in ledger.iter() {
        assert_eq!(stored.get(id), Some(order), "order {id}");
    }
    // What has been seen must stay as well.
    *ledger = stored.clone();
    stored
}

fn pending_mails(running: &Running, token: &str) -> usize {
    let list = running.ask("GET", "/emails/?state=pending&limit=1", Some(token), "").good();
    list["emails"].as_array().unwrap().len()
}

/// How many mails there are for each order. A repeat with the same Message-ID replaces its
/// file, so that two would mean two Message-IDs.
fn mails_by_order(folder: &Folder) -> BTreeMap<u64, usize> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder.join("data/mail")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(rest) = name.strip_prefix("order-").filter(|it| it.ends_with(".eml")) else {
            continue;
        };
        let (id, _) = rest.split_once('-').unwrap();
        *found.entry(id.parse().unwrap()).or_default() += 1;
    }
    found
}
