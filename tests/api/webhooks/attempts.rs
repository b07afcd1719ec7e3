//! Single attempts, at receivers that fail in every way.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::names::{Gate, Told};
use orderd::clock::Timestamp;
use orderd::domain::webhook::{Networks, WebhookUrl};
use orderd::sys::poll::Waker;
use orderd::sys::stop::Stop;
use orderd::webhooks::delivery::{Attempted, Client, Delivery, Outcome, Outgoing};
use orderd::webhooks::resolver::{Names, Resolver, SystemNames};
use orderd::webhooks::trust::Trust;
use support::folder::Folder;
use support::receiver::{Receiver, Reply};
use support::smtp::Certificate;

const AT: u64 = 1_759_816_691;
/// For what answers at once. Tests of time-outs choose a short one.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

fn outgoing(networks: &str, names: Arc<dyn Names>, limit: Duration) -> Outgoing {
    Outgoing {
        networks: networks.parse().unwrap(),
        resolver: Resolver::new(names, Waker::new().unwrap()),
        trust: Trust::new(None),
        limit,
    }
}

fn everywhere(limit: Duration) -> Outgoing {
    outgoing("public,private,loopback", Arc::new(SystemNames), limit)
}

fn delivery() -> Delivery {
    Delivery {
        id: "evt_8f14e45f_7".into(),
        at: Timestamp::from_secs(AT),
        signature: "v1,abc".into(),
        body: b"{\"id\":7}".to_vec(),
    }
}

fn client(outgoing: &Outgoing, url: &str) -> Client {
    Client::new(outgoing, &WebhookUrl::parse(url).unwrap(), &Stop::new())
}

fn attempt(outgoing: &Outgoing, url: &str) -> Attempted {
    client(outgoing, url).deliver(delivery())
}

#[track_caller]
fn assert_failed(attempted: &Attempted, outcome: Outcome, text: &str) {
    assert_eq!(attempted.outcome, outcome, "{attempted:?}");
    assert!(attempted.error.as_ref().is_some_and(|error| error.contains(text)), "{attempted:?}");
}

#[test]
fn a_delivery_arrives_with_its_headers_and_no_others_of_note() {
    let receiver = Receiver::start();
    receiver.usually(Reply::Status(204, "X: y", Vec::new()));
    let attempted = attempt(&everywhere(LONG), &receiver.url());
    assert_eq!((attempted.outcome, attempted.status), (Outcome::Delivered, Some(204)));
    assert_eq!(attempted.error, None);
    let got = receiver.wait_for(1).remove(0);
    assert_eq!(got.line, "POST /hook HTTP/1.1");
    assert_eq!(got.body, b"{\"id\":7}");
    let mut names: Vec<&str> = got.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "webhook-id",
            "webhook-signature",
            "webhook-timestamp"
        ]
    );
    assert_eq!(got.header("host"), receiver.address().to_string());
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("user-agent"), format!("orderd/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(got.header("webhook-id"), "evt_8f14e45f_7");
    assert_eq!(got.header("webhook-timestamp"), AT.to_string());
    assert_eq!(got.header("webhook-signature"), "v1,abc");
}

#[test]
fn one_connection_carries_many_deliveries() {
    let folder = Folder::new();
    let ca_file = folder.join("ca.pem");
    for receiver in [Receiver::start(), Receiver::start_tls(Certificate::Signed)] {
        std::fs::write(&ca_file, receiver.ca_pem.as_deref().unwrap_or_default()).unwrap();
        receiver.usually(Reply::Status(200, "", b"thanks".to_vec()));
        let client = client(&trusting(Some(&ca_file)), &receiver.url());
        for _ in 0..20 {
            let attempted = client.deliver(delivery());
            assert_eq!(attempted.outcome, Outcome::Delivered, "{attempted:?}");
            assert_eq!(attempted.answer.as_deref(), Some("thanks"));
        }
        // As much as is kept of an answer, and no byte more.
        receiver.usually(Reply::Status(200, "", vec![b'a'; 512]));
        for _ in 0..2 {
            assert_eq!(client.deliver(delivery()).answer, Some("a".repeat(512)));
        }
        assert_eq!((receiver.wait_for(22).len(), receiver.connections()), (22, 1));
    }
}

#[test]
fn every_status_but_a_2xx_is_a_failure_and_a_redirect_is_not_followed() {
    let receiver = Receiver::start();
    let elsewhere = Receiver::start();
    let location: &'static str =
        Box::leak(format!("Location: {}", elsewhere.url()).into_boxed_str());
    let outgoing = everywhere(LONG);
    for status in [301, 302, 303, 307, 308] {
        receiver.then(Reply::Status(status, location, Vec::new()));
        let attempted = attempt(&outgoing, &receiver.url());
        assert_failed(&attempted, Outcome::Refused, "redirect");
        assert_eq!(attempted.status, Some(status));
    }
    assert!(elsewhere.got().is_empty());
    for status in [400, 401, 404, 429, 500, 503, 599] {
        receiver.then(Reply::status(status));
        let attempted = attempt(&outgoing, &receiver.url());
        assert_failed(&attempted, Outcome::Refused, &status.to_string());
    }
    receiver.then(Reply::status(410));
    assert_failed(&attempt(&outgoing, &receiver.url()), Outcome::Gone, "410");
    for status in [200, 201, 202, 299] {
        receiver.then(Reply::status(status));
        assert_eq!(attempt(&outgoing, &receiver.url()).outcome, Outcome::Delivered);
    }
}

#[test]
fn retry_after_is_read_as_seconds_or_as_a_date() {
    let receiver = Receiver::start();
    for (header, secs) in [
        ("Retry-After: 120", Some(120)),
        ("retry-after: Tue, 07 Oct 2025 05:59:11 GMT", Some(60)),
        ("Retry-After: soon", None),
        ("", None),
    ] {
        receiver.then(Reply::Status(503, header, Vec::new()));
        let attempted = attempt(&everywhere(LONG), &receiver.url());
        assert_eq!(attempted.retry_after, secs.map(Duration::from_secs), "{header}");
    }
}

#[test]
fn of_a_huge_answer_512_bytes_are_kept() {
    let receiver = Receiver::start();
    let outgoing = everywhere(LONG);
    receiver.then(Reply::Status(200, "", vec![b'a'; 8 << 20]));
    let attempted = attempt(&outgoing, &receiver.url());
    assert_eq!(attempted.outcome, Outcome::Delivered);
    assert_eq!(attempted.answer.unwrap(), "a".repeat(512));
    receiver.then(Reply::Status(500, "", "\u{e4}".repeat(1000).into_bytes()));
    assert_eq!(attempt(&outgoing, &receiver.url()).answer.unwrap(), "\u{e4}".repeat(256));
    receiver.then(Reply::Status(200, "", vec![0xff; 1000]));
    assert!(attempt(&outgoing, &receiver.url()).answer.unwrap().len() <= 512);
    receiver.then(Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ncut"));
    let attempted = attempt(&outgoing, &receiver.url());
    assert_eq!((attempted.outcome, attempted.answer.as_deref()), (Outcome::Delivered, Some("cut")));
}

#[test]
fn a_receiver_that_hangs_or_trickles_is_left_at_the_deadline() {
    let receiver = Receiver::start();
    let outgoing = everywhere(SHORT);
    for reply in [Reply::Hang, Reply::Trickle] {
        receiver.then(reply);
        let attempted = attempt(&outgoing, &receiver.url());
        assert_failed(&attempted, Outcome::TimedOut, "no answer within 0.3 s");
        // It was left, and has not given up by itself.
        assert_eq!(receiver.ended(), 0);
    }
    // The next one is answered: a late byte of the first belongs to no other.
    let client = client(&everywhere(LONG), &receiver.url());
    assert_eq!(client.deliver(delivery()).outcome, Outcome::Delivered);
}

/// The receiver was there: that counts, though this attempt has not connected.
#[test]
fn a_receiver_that_hangs_on_a_connection_that_was_kept_is_one_that_was_reached() {
    let receiver = Receiver::start();
    receiver.then(Reply::status(200));
    receiver.then(Reply::Hang);
    let client = client(&everywhere(SHORT), &receiver.url());
    // On a slow machine the first one may be late, too.
    let first = client.deliver(delivery()).outcome;
    assert!([Outcome::Delivered, Outcome::TimedOut].contains(&first), "{first:?}");
    assert_failed(&client.deliver(delivery()), Outcome::TimedOut, "no answer within 0.3 s");
}

#[test]
fn what_is_no_answer_is_a_failure_and_no_time_out() {
    let receiver = Receiver::start();
    let outgoing = everywhere(LONG);
    for reply in [
        Reply::Reset,
        Reply::Close,
        Reply::Raw(b"SSH-2.0-OpenSSH\r\n"),
        Reply::Raw(b"HTTP/1.1 abc\r\n\r\n"),
        Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    ] {
        receiver.then(reply.clone());
        let attempted = attempt(&outgoing, &receiver.url());
        assert_eq!((attempted.outcome, attempted.status), (Outcome::Failed, None), "{reply:?}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let attempted = attempt(&outgoing, &format!("http://{closed}/"));
    assert_failed(&attempted, Outcome::Failed, "refused");
}

#[test]
fn a_head_without_end_is_no_answer() {
    let receiver = Receiver::start();
    let head = [&b"HTTP/1.1 200 OK\r\nX: "[..], &[b'x'; 100_000]].concat();
    receiver.then(Reply::Raw(Box::leak(head.into_boxed_slice())));
    let attempted = attempt(&everywhere(LONG), &receiver.url());
    assert_eq!(attempted.outcome, Outcome::Failed, "{attempted:?}");
}

#[test]
fn a_stop_cuts_the_attempt_under_way() {
    let receiver = Receiver::start();
    receiver.usually(Reply::Hang);
    let stop = Stop::new();
    let url = WebhookUrl::parse(&receiver.url()).unwrap();
    let client = Client::new(&everywhere(Duration::from_secs(600)), &url, &stop);
    let attempted = thread::scope(|scope| {
        let attempt = scope.spawn(|| client.deliver(delivery()));
        receiver.wait_for(1);
        stop.set();
        attempt.join().unwrap()
    });
    assert_eq!((attempted.outcome, receiver.ended()), (Outcome::Cut, 0));
    // By the stop, and not by a time that was over.
    let error = attempted.error.unwrap_or_default();
    assert!(error.contains("aborted"), "{error}");
}

/// More than all buffers between the two hold: whoever reads it all has read without a bound.
#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    let receiver = Receiver::start();
    receiver.then(Reply::Status(200, "", vec![b'a'; 128 << 20]));
    let attempted = attempt(&everywhere(LONG), &receiver.url());
    assert_eq!(attempted.outcome, Outcome::Delivered);
    receiver.wait_for_broken(1);
}

#[test]
fn a_kept_connection_that_the_receiver_has_closed_is_not_used_again() {
    let receiver = Receiver::start();
    let client = client(&everywhere(LONG), &receiver.url());
    receiver.then(Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    assert_eq!(client.deliver(delivery()).outcome, Outcome::Delivered);
    receiver.wait_for_ended(1);
    let attempted = client.deliver(delivery());
    assert_eq!(attempted.outcome, Outcome::Delivered, "{attempted:?}");
    assert_eq!(receiver.connections(), 2);
}

#[test]
fn a_name_is_reached_at_its_permitted_addresses_alone() {
    let receiver = Receiver::start();
    let url = format!("http://inside.example:{}/", receiver.address().port());
    for address in [
        "127.0.0.1",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00:ec2::254",
    ] {
        let outgoing = outgoing("public", Told::of(&[&[address]]), LONG);
        let attempted = attempt(&outgoing, &url);
        assert_failed(&attempted, Outcome::Failed, "WEBHOOK_NETWORKS");
    }
    assert_eq!(receiver.connections(), 0);
    // Of several addresses the permitted one is taken, wherever it stands.
    let names = Told::of(&[&["169.254.169.254", "0.0.0.0", "127.0.0.1"]]);
    let attempted = attempt(&outgoing("loopback", names, LONG), &url);
    assert_eq!(attempted.outcome, Outcome::Delivered, "{attempted:?}");
}

#[test]
fn a_name_that_changes_its_mind_between_two_attempts_is_checked_again() {
    let receiver = Receiver::start();
    let url = format!("http://rebound.example:{}/", receiver.address().port());
    let names = Told::of(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let outgoing = outgoing("loopback", names, LONG);
    // Without a kept connection each attempt looks the name up again.
    receiver
        .usually(Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    let client = client(&outgoing, &url);
    assert_eq!(client.deliver(delivery()).outcome, Outcome::Delivered);
    assert_failed(&client.deliver(delivery()), Outcome::Failed, "WEBHOOK_NETWORKS");
    assert_eq!(receiver.connections(), 1);
}

#[test]
fn a_dead_address_leaves_time_for_a_living_one() {
    let receiver = Receiver::start();
    let url = format!("http://two.example:{}/", receiver.address().port());
    // Nobody listens on 127.0.0.2 at that port: it refuses.
    let names = Told::of(&[&["127.0.0.2", "127.0.0.1"]]);
    let attempted = attempt(&outgoing("loopback", names, LONG), &url);
    assert_eq!(attempted.outcome, Outcome::Delivered, "{attempted:?}");
}

/// Its connections that wait to be accepted are as many as it takes: the system drops what comes.
#[cfg(target_os = "linux")]
#[test]
fn an_address_that_never_answers_leaves_time_for_a_living_one() {
    let receiver = Receiver::start();
    let silent = SocketAddr::from(([127, 0, 0, 2], receiver.address().port()));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&silent.into()).unwrap();
    socket.listen(0).unwrap();
    let connect = || TcpStream::connect_timeout(&silent, SHORT);
    let mut waiting = Vec::new();
    while let Ok(stream) = connect() {
        waiting.push(stream);
    }
    let names = Told::of(&[&["127.0.0.2", "127.0.0.1"]]);
    let url = format!("http://two.example:{}/", receiver.address().port());
    let attempted = attempt(&outgoing("loopback", names, Duration::from_secs(4)), &url);
    assert_eq!(attempted.outcome, Outcome::Delivered, "{attempted:?}");
    // Alone it is no receiver that was reached.
    let names = Told::of(&[&["127.0.0.2"]]);
    let attempted = attempt(&outgoing("loopback", names, SHORT), &url);
    assert_eq!(attempted.outcome, Outcome::Failed, "{attempted:?}");
}

#[test]
fn of_many_addresses_the_first_few_are_tried() {
    let receiver = Receiver::start();
    let url = format!("http://many.example:{}/", receiver.address().port());
    // Nobody listens on the others at that port; those of 10/8 are not permitted.
    let outcome = |others: &str, count: usize| {
        let found = [vec![others; count], vec!["127.0.0.1"]].concat();
        let names = Told::of(&[&found]);
        attempt(&outgoing("loopback", names, LONG), &url)
    };
    assert_eq!(outcome("127.0.0.2", 7).outcome, Outcome::Delivered);
    assert_failed(&outcome("127.0.0.2", 8), Outcome::Failed, "refused");
    assert_eq!(outcome("10.0.0.1", 63).outcome, Outcome::Delivered);
    assert_failed(&outcome("10.0.0.1", 64), Outcome::Failed, "WEBHOOK_NETWORKS");
}

#[test]
fn http_goes_to_private_and_loopback_addresses_only() {
    let names = Told::of(&[&["203.0.114.1"]]);
    let attempted = attempt(&outgoing("public", names, LONG), "http://shop.example/");
    assert_failed(&attempted, Outcome::Failed, "https");
}

#[test]
fn a_name_without_addresses_is_a_failure_that_says_so() {
    let attempted = attempt(&outgoing("public", Told::of(&[]), LONG), "https://nowhere.example/");
    assert_failed(&attempted, Outcome::Failed, "nowhere.example can't be looked up: no such name");
    let attempted =
        attempt(&outgoing("public", Told::of(&[&[]]), LONG), "https://nowhere.example/");
    assert_failed(&attempted, Outcome::Failed, "no address");
}

#[test]
fn a_name_server_that_hangs_costs_an_attempt_its_time_and_no_more() {
    let receiver = Receiver::start();
    let url = format!("http://slow.example:{}/", receiver.address().port());
    let gate = Arc::new(Gate::default());
    let mut outgoing = outgoing("loopback", gate.clone(), SHORT);
    assert_failed(&attempt(&outgoing, &url), Outcome::Failed, "takes too long");
    gate.open();
    outgoing.limit = LONG;
    assert_eq!(attempt(&outgoing, &url).outcome, Outcome::Delivered);
}

fn trusting(ca_file: Option<&Path>) -> Outgoing {
    Outgoing { trust: Trust::new(ca_file.map(Path::to_owned)), ..everywhere(LONG) }
}

#[test]
fn a_certificate_is_checked_against_the_file_and_the_host() {
    let folder = Folder::new();
    let ca_file = folder.join("ca.pem");
    for (certificate, is_good) in [
        (Certificate::Signed, true),
        (Certificate::SelfSigned, true),
        (Certificate::Expired, false),
        (Certificate::NotYetValid, false),
    ] {
        let receiver = Receiver::start_tls(certificate);
        std::fs::write(&ca_file, receiver.ca_pem.as_ref().unwrap()).unwrap();
        let attempted = attempt(&trusting(Some(&ca_file)), &receiver.url());
        let expected = if is_good { Outcome::Delivered } else { Outcome::Failed };
        assert_eq!(attempted.outcome, expected, "{certificate:?} {attempted:?}");
        assert_eq!(receiver.got().len(), usize::from(is_good));
    }
    let receiver = Receiver::start_tls(Certificate::Signed);
    let stranger = Receiver::start_tls(Certificate::SelfSigned);
    std::fs::write(&ca_file, stranger.ca_pem.as_ref().unwrap()).unwrap();
    assert_failed(
        &attempt(&trusting(Some(&ca_file)), &receiver.url()),
        Outcome::Failed,
        "certificate",
    );
    std::fs::write(&ca_file, receiver.ca_pem.as_ref().unwrap()).unwrap();
    let names = Told::of(&[&["127.0.0.1"]]);
    let url = format!("https://other.example:{}/", receiver.address().port());
    let other = Outgoing { trust: Trust::new(Some(ca_file)), ..outgoing("loopback", names, LONG) };
    assert_failed(&attempt(&other, &url), Outcome::Failed, "certificate");
    assert!(receiver.got().is_empty());
}

#[test]
fn a_receiver_that_speaks_no_tls_is_a_failure() {
    let plain = Receiver::start();
    let folder = Folder::new();
    let ca_file = folder.join("ca.pem");
    let other = Receiver::start_tls(Certificate::Signed);
    std::fs::write(&ca_file, other.ca_pem.as_ref().unwrap()).unwrap();
    let url = plain.url().replace("http://", "https://");
    let mut outgoing = trusting(Some(&ca_file));
    outgoing.limit = Duration::from_secs(2);
    let attempted = attempt(&outgoing, &url);
    assert_ne!(attempted.outcome, Outcome::Delivered);
    assert_eq!(attempted.status, None);
}

#[test]
fn the_words_for_networks_are_those_of_the_setting() {
    assert_eq!("public,private,loopback".parse(), Ok(Networks::everywhere()));
    assert_eq!("public".parse(), Ok(Networks::public()));
}
