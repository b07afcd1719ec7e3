//! Idempotency keys, seen by clients and by the mail server: many clients retry the same orders
//! while the real binary is killed, until each of them has a response for every order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use support::client::Client;
use support::folder::Folder;
use support::process::{Call, Running};
use support::response::Response;
use support::smtp::{Received, Script, SmtpServer};

use crate::order;
use crate::seeds;
use crate::session::wait_until;

const THREADS: usize = 64;
const KEYS: usize = 1000;
/// The server is killed when so many responses have come. At the first of these numbers there
/// still are orders that nobody has placed.
const KILLS_AT: [usize; 4] = [100, 1000, 3000, 20_000];
/// Ends tests that hang; right ones never take this long.
const DEADLINE: Duration = Duration::from_secs(120);

/// What all threads have heard.
#[derive(Default)]
struct Heard {
    /// The number of servers that were started.
    servers: usize,
    answers: usize,
    /// By key: the order, and how many responses did not say that they were a repeat.
    orders: BTreeMap<usize, (Value, usize)>,
    refused: usize,
    broken: usize,
}

#[derive(Default)]
struct Crowd {
    heard: Mutex<Heard>,
    /// Signalled when a server was started, or is to be killed.
    changed: Condvar,
}

/// One thread's client.
struct Retrier<'a> {
    crowd: &'a Crowd,
    address: SocketAddr,
    token: &'a str,
    connected: Option<Client>,
    /// The number of the server that it last tried to reach.
    server: usize,
}

#[test]
fn retries_through_kills_end_with_one_order_and_one_message_id_for_each_key() {
    let (folder, smtp) = (Folder::new(), SmtpServer::start(Script::default()));
    let (_reserved, address) = reserve_port();
    let seed = seeds::number("DURABILITY_SEED").unwrap_or(1);
    let start = || start(&folder, address, smtp.port());
    let (mut running, crowd) = (start(), Crowd::default());
    let token = running.token("admin", "Admin123");
    let running = thread::scope(|scope| {
        crowd.announce();
        for thread in 0..THREADS as u64 {
            let rng = fastrand::Rng::with_seed(seed.wrapping_mul(THREADS as u64) + thread);
            let retrier = Retrier::new(&crowd, address, &token);
            scope.spawn(move || retrier.place_all(rng));
        }
        for answers in KILLS_AT {
            drop(crowd.wait_while(|heard| heard.answers < answers));
            running.signal(Signal::KILL);
            running.wait();
            // They connect while the new one still opens its database.
            crowd.announce();
            running = start();
        }
        running
    });
    let heard = crowd.heard.into_inner().unwrap();
    heard.check();
    compare_list(&running, &token, &heard);
    wait_until(|| pending_mails(&running, &token) == 0);
    running.stop();
    compare_mails(&smtp.received(), &heard);
    let check = Call::within(&folder).arg("check").run();
    assert_eq!(check.code, Some(0), "{check:?}");
}

/// A port for all servers of the test. The socket is bound to it and doesn't listen, so that the
/// system gives the port to nobody else between two servers.
fn reserve_port() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

fn start(folder: &Folder, address: SocketAddr, smtp_port: u16) -> Running {
    let settings = [
        ("PORT", &*address.port().to_string()),
        ("RATE_LIMIT_REQUESTS", "0"),
        ("SMTP_SERVER", "127.0.0.1"),
        ("SMTP_PORT", &*smtp_port.to_string()),
        ("SMTP_TLS", "none"),
        ("MAIL_MAX_PER_SECOND", "0"),
        ("LOG_LEVEL", "error"),
        ("LOG_FILE", ""),
    ];
    Call::within(folder).envs(&settings).start()
}

impl Crowd {
    fn announce(&self) {
        self.heard.lock().unwrap().servers += 1;
        self.changed.notify_all();
    }

    #[track_caller]
    fn wait_while(&self, holds: impl Fn(&Heard) -> bool) -> MutexGuard<'_, Heard> {
        let heard = self.heard.lock().unwrap();
        let waited = self.changed.wait_timeout_while(heard, DEADLINE, |heard| holds(heard));
        let (heard, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "{} answers, {} servers", heard.answers, heard.servers);
        heard
    }
}

impl<'a> Retrier<'a> {
    fn new(crowd: &'a Crowd, address: SocketAddr, token: &'a str) -> Retrier<'a> {
        Retrier { crowd, address, token, connected: None, server: 0 }
    }

    /// Tries every key until it succeeds; each client has another order of keys.
    fn place_all(mut self, mut rng: fastrand::Rng) {
        let mut keys: Vec<usize> = (0..KEYS).collect();
        rng.shuffle(&mut keys);
        for key in keys {
            let started = Instant::now();
            while !self.try_once(key) {
                assert!(started.elapsed() < DEADLINE, "no success for key {key}");
            }
        }
    }

    fn try_once(&mut self, key: usize) -> bool {
        let header = format!("Idempotency-Key: key-{key}\r\n");
        let token = self.token;
        let Some(client) = self.client() else { return false };
        match order::place(client, token, &header, is_success(key)) {
            Ok(response) => {
                let placed = placed(key, &response);
                let mut heard = self.crowd.heard.lock().unwrap();
                let is_good = heard.note(key, placed);
                if KILLS_AT.contains(&heard.answers) {
                    self.crowd.changed.notify_all();
                }
                is_good
            }
            Err(_) => {
                self.connected = None;
                self.crowd.heard.lock().unwrap().broken += 1;
                drop(self.crowd.wait_while(|heard| heard.servers <= self.server));
                false
            }
        }
    }

    /// None where nobody listens yet.
    fn client(&mut self) -> Option<&mut Client> {
        if self.connected.is_none() {
            self.server = self.crowd.heard.lock().unwrap().servers;
            self.connected = Client::try_connect(self.address).ok();
        }
        self.connected.as_mut()
    }
}

impl Drop for Retrier<'_> {
    /// Wakes the others, so that a thread that has panicked ends the test at once.
    fn drop(&mut self) {
        self.crowd.changed.notify_all();
    }
}

impl Heard {
    /// Whether the order is placed; all clients must be told the same one.
    fn note(&mut self, key: usize, placed: Option<(Value, usize)>) -> bool {
        let Some((placed, firsts)) = placed else {
            self.refused += 1;
            return false;
        };
        self.answers += 1;
        let (order, known) = self.orders.entry(key).or_insert_with(|| (placed.clone(), 0));
        assert_eq!(*order, placed, "key {key}");
        *known += firsts;
        true
    }

    /// Every client has a response for every key. At most one of a key's was no repeat: none
    /// where a kill cut that one off.
    fn check(&self) {
        assert_eq!((self.answers, self.orders.len()), (THREADS * KEYS, KEYS));
        for (key, (order, firsts)) in &self.orders {
            assert!(*firsts <= 1, "key {key} was placed {firsts} times: {order}");
            assert_eq!(order["success"], is_success(*key), "key {key}");
        }
        let firsts: usize = self.orders.values().map(|(_, firsts)| firsts).sum();
        let (lost, kills) = (KEYS - firsts, KILLS_AT.len());
        assert!(self.broken >= kills, "the kills have met nobody");
        assert!(lost <= kills * THREADS, "{lost} first answers are missing");
        println!(
            "{kills} kills, {} connections broken, {} refusals, {lost} first answers lost",
            self.broken, self.refused
        );
    }
}

/// The order, and 1 where it was placed by this very request, 0 where that was a repeat. None
/// where the service was too busy.
fn placed(key: usize, response: &Response) -> Option<(Value, usize)> {
    if response.status == 503 {
        return None;
    }
    assert_eq!(response.status, 200, "key {key}: {response:?}");
    let firsts = match response.header("Idempotent-Replayed") {
        None => 1,
        Some("true") => 0,
        Some(other) => panic!("Idempotent-Replayed: {other}"),
    };
    Some((response.json(), firsts))
}

fn is_success(key: usize) -> bool {
    key.is_multiple_of(2)
}

fn compare_list(running: &Running, token: &str, heard: &Heard) {
    let (mut listed, mut target) = (Vec::new(), "/orders/?limit=70".to_owned());
    loop {
        let page = running.ask("GET", &target, Some(token), "").good();
        listed.extend(page["orders"].as_array().unwrap().iter().cloned());
        assert!(listed.len() <= KEYS, "more orders than keys");
        let Some(next) = page["next"].as_u64() else { break };
        target = format!("/orders/?limit=70&after={next}");
    }
    let mut answered: Vec<Value> = heard.orders.values().map(|(order, _)| order.clone()).collect();
    answered.sort_by_key(|order| order["id"].as_u64());
    assert_eq!(listed, answered);
}

fn pending_mails(running: &Running, token: &str) -> usize {
    let list = running.ask("GET", "/emails/?state=pending&limit=1", Some(token), "").good();
    list["emails"].as_array().unwrap().len()
}

/// Each order has at least one mail, and all mails of one order have the same Message-ID.
fn compare_mails(received: &[Received], heard: &Heard) {
    let mut ids: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for mail in received {
        let id = mail.header("Message-ID").expect("a Message-ID");
        ids.entry(order_of(mail)).or_default().insert(id);
    }
    let orders = heard.orders.values().map(|(order, _)| order["id"].as_u64().unwrap());
    assert!(ids.keys().copied().eq(orders.collect::<BTreeSet<_>>()), "mails of other orders");
    let distinct: BTreeSet<&String> = ids.values().flatten().collect();
    assert_eq!(distinct.len(), KEYS);
    assert!(ids.values().all(|ids| ids.len() == 1), "an order has two Message-IDs");
    println!("{} mails with {} Message-IDs", received.len(), distinct.len());
}

/// The order's id, from the mail's text.
fn order_of(mail: &Received) -> u64 {
    let text = mail.text();
    let line = text.lines().find_map(|line| line.strip_prefix("  Order   "));
    line.unwrap_or_else(|| panic!("no order in {text}")).trim().parse().unwrap()
}
