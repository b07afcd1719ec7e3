//! Webhooks at the command line, over kills, and after a restore.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redb::{Database, TableDefinition};
use rustix::process::Signal;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use support::client::Client;
use support::folder::Folder;
use support::process::{Call, Ended, Running};
use support::receiver::{Got, Receiver};

/// Ends tests that hang; right ones never take this long.
const DEADLINE: Duration = Duration::from_secs(120);
const KILLS: usize = 5;
const CLIENTS: usize = 4;

fn run(folder: &Folder, args: &[&str]) -> Ended {
    args.iter().fold(Call::within(folder), |call, arg| call.arg(arg)).run()
}

fn serve(folder: &Folder) -> Running {
    let settings = [("RATE_LIMIT_REQUESTS", "0"), ("LOG_LEVEL", "error"), ("LOG_FILE", "")];
    Call::within(folder).envs(&settings).start()
}

#[track_caller]
fn good(folder: &Folder, args: &[&str]) -> String {
    let ended = run(folder, args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

fn list(folder: &Folder) -> Value {
    serde_json::from_str(&good(folder, &["webhooks", "list", "--json"])).unwrap()
}

#[track_caller]
fn wait_until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "it takes too long");
        thread::yield_now();
    }
}

/// Makes a webhook and gives its secret.
fn add(folder: &Folder, receiver: &Receiver) -> String {
    let told = good(folder, &["webhooks", "add", &receiver.url()]);
    let at = told.find("whsec_").unwrap_or_else(|| panic!("{told}"));
    told[at..].trim().to_owned()
}

/// As a receiver does it, with the library of its language.
#[track_caller]
fn verify(got: &Got, secret: &str) {
    let mut headers = HeaderMap::new();
    for (name, value) in &got.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    }
    Webhook::new(secret).unwrap().verify(&got.body, &headers).unwrap();
}

#[test]
fn webhooks_are_made_listed_and_tried_out_with_and_without_a_server() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"]).code, Some(0));
    let receiver = Receiver::start();
    let secret = add(&folder, &receiver);
    assert_eq!(list(&folder)[0]["state"], "enabled");
    let tried = good(&folder, &["webhooks", "test", "1"]);
    assert!(tried.contains("200"), "{tried}");
    verify(&receiver.wait_for(1)[0], &secret);
    let running = serve(&folder);
    let token = running.token("admin", "Admin123");
    running.ask("POST", "/orders/create", Some(&token), r#"{"success":true}"#).good();
    let got = receiver.wait_for(2).remove(1);
    verify(&got, &secret);
    wait_until(|| list(&folder)[0]["backlog"] == 0);
    let attempts = good(&folder, &["webhooks", "attempts", "1"]);
    assert!(attempts.lines().count() == 2 && attempts.starts_with("AT"), "{attempts}");
    let rotated = good(&folder, &["webhooks", "rotate", "1"]);
    assert!(rotated.contains("whsec_") && !rotated.contains(&secret), "{rotated}");
    good(&folder, &["webhooks", "disable", "1"]);
    let seek = run(&folder, &["webhooks", "seek", "1", "9"]);
    assert_eq!(seek.code, Some(1), "{seek:?}");
    good(&folder, &["webhooks", "seek", "1", "0"]);
    assert_eq!(list(&folder)[0]["backlog"], 1);
    good(&folder, &["webhooks", "delete", "1"]);
    assert_eq!(list(&folder), json!([]));
    let refused = run(&folder, &["webhooks", "add", "http://8.8.8.8/"]);
    assert!(refused.refusal(1).contains("WEBHOOK_NETWORKS"), "{refused:?}");
    running.stop();
}

#[test]
fn a_proxy_of_the_environment_hears_of_no_webhook() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"]).code, Some(0));
    let (receiver, proxy) = (Receiver::start(), Receiver::start());
    add(&folder, &receiver);
    let url = format!("http://{}", proxy.address());
    let names =
        ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy", "https_proxy"];
    let call = Call::within(&folder).env("LOG_FILE", "");
    let running = names.iter().fold(call, |call, name| call.env(name, &url)).start();
    let token = running.token("admin", "Admin123");
    running.ask("POST", "/orders/create", Some(&token), r#"{"success":true}"#).good();
    receiver.wait_for(1);
    good(&folder, &["webhooks", "test", "1"]);
    running.stop();
    assert_eq!((receiver.got().len(), proxy.connections()), (2, 0));
}

#[test]
fn production_sends_to_public_addresses_only() {
    let folder = Folder::new();
    let production = |args: &[&str]| {
        let call = Call::within(&folder).env("ENVIRONMENT", "production");
        args.iter().fold(call, |call, arg| call.arg(arg)).run()
    };
    assert_eq!(production(&["init"]).code, Some(0));
    let refused = production(&["webhooks", "add", "https://10.0.0.1/"]);
    let told = "10.0.0.1 is private, which WEBHOOK_NETWORKS doesn't allow";
    assert!(refused.code == Some(1) && refused.stderr.contains(told), "{refused:?}");
    assert_eq!(production(&["webhooks", "add", "https://8.8.8.8/"]).code, Some(0));
}

#[test]
fn after_a_restore_webhooks_wait_until_they_are_enabled() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"]).code, Some(0));
    let receiver = Receiver::start();
    add(&folder, &receiver);
    good(&folder, &["backup", "b.redb"]);
    let restored = good(&folder, &["restore", "b.redb", "--force"]);
    assert!(restored.contains("the webhook is disabled"), "{restored}");
    assert_eq!(list(&folder)[0]["state"], "disabled");
    let running = serve(&folder);
    let token = running.token("admin", "Admin123");
    running.ask("POST", "/orders/create", Some(&token), r#"{"success":true}"#).good();
    assert_eq!(list(&folder)[0]["backlog"], 1);
    assert!(receiver.got().is_empty());
    good(&folder, &["webhooks", "enable", "1"]);
    receiver.wait_for(1);
    running.stop();
}

/// Which tells the operator of it, and is told to remove it.
#[test]
fn a_webhook_that_cannot_be_read_costs_itself_and_is_told_of_once() {
    let folder = Folder::new();
    assert_eq!(run(&folder, &["init"]).code, Some(0));
    let (spoilt, old, new) = (Receiver::start(), Receiver::start(), Receiver::start());
    add(&folder, &spoilt);
    add(&folder, &old);
    let webhooks = TableDefinition::<u64, &[u8]>::new("webhooks");
    let database = Database::open(folder.join("data/orders.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(webhooks).unwrap().insert(1, [0xff; 3].as_slice()).unwrap();
    write.commit().unwrap();
    drop(database);
    let running = serve(&folder);
    let token = running.token("admin", "Admin123");
    let health = || running.ask("GET", "/health", None, "").good();
    wait_until(|| health()["warning"].as_str().is_some_and(|it| it.contains("webhook")));
    add(&folder, &new);
    running.ask("POST", "/orders/create", Some(&token), r#"{"success":true}"#).good();
    old.wait_for(1);
    new.wait_for(1);
    let ids: Vec<_> = list(&folder).as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, [2, 3]);
    running.ask("GET", "/metrics", None, "").assert_status(200);
    let check = run(&folder, &["check"]);
    assert!(check.code == Some(1) && check.stdout.contains("webhook 1"), "{check:?}");
    good(&folder, &["webhooks", "delete", "1"]);
    wait_until(|| health()["warning"].is_null());
    assert_eq!(run(&folder, &["check"]).code, Some(0));
    let log = running.stop().stderr;
    assert_eq!(log.matches("webhook 1 can't be read").count(), 1, "{log}");
    assert!(spoilt.got().is_empty());
}

/// Orders come in while the server is killed again and again. A repeat is the event that was not
/// marked yet, under the same id.
#[test]
fn every_event_arrives_once_and_in_order_over_kills() {
    let folder = Folder::new();
    let receiver = Receiver::start();
    assert_eq!(run(&folder, &["init"]).code, Some(0));
    let secret = add(&folder, &receiver);
    for _ in 0..KILLS {
        let running = serve(&folder);
        kill_amid_deliveries(running, &receiver);
    }
    let running = serve(&folder);
    wait_until(|| list(&folder)[0]["backlog"] == 0);
    let token = running.token("admin", "Admin123");
    let feed = running.ask("GET", "/events/?limit=0", Some(&token), "").good();
    let last = feed["next"].as_u64().unwrap();
    running.stop();
    let (mut seen, mut repeats) = (0, 0);
    for got in receiver.got() {
        verify(&got, &secret);
        let event = got.json();
        let id = event["id"].as_u64().unwrap();
        let source = event["source"].as_str().unwrap();
        assert_eq!(got.header("webhook-id"), format!("evt_{}_{id}", &source[..8]));
        match id == seen {
            true => repeats += 1,
            false => assert_eq!(id, seen + 1, "after {seen}"),
        }
        seen = id;
    }
    assert_eq!(seen, last);
    assert!(repeats <= KILLS, "{repeats}");
    assert_eq!(run(&folder, &["check"]).code, Some(0));
}

fn kill_amid_deliveries(running: Running, receiver: &Receiver) {
    let (address, token) = (running.address, running.token("admin", "Admin123"));
    let (wanted, placed) = (receiver.got().len() + 40, AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            // It ends with the process, in the middle of whatever it was doing.
            scope.spawn(|| drop(order_for_ever(address, &token, &placed)));
        }
        wait_until(|| receiver.got().len() >= wanted);
        running.signal(Signal::KILL);
    });
    running.wait();
    assert!(placed.load(Ordering::Relaxed) > 0);
}

fn order_for_ever(address: SocketAddr, token: &str, placed: &AtomicUsize) -> io::Result<()> {
    let mut client = Client::try_connect(address)?;
    loop {
        client.try_send(format!(
            "POST /orders/create HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{{\"success\":true}}"
        ))?;
        client.try_read()?;
        placed.fetch_add(1, Ordering::Relaxed);
    }
}
