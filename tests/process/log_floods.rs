//! What a flood of refused requests does to the log.

use support::client::Client;
use support::folder::Folder;
use support::process::Call;

const REFUSALS: u64 = 2000;
const LOGINS: usize = 20;

#[test]
fn a_flood_of_refusals_is_summed_up_and_no_failed_login_is_left_out() {
    let folder = Folder::new();
    let mut running = Call::within(&folder).env("RATE_LIMIT_REQUESTS", "0").start();
    let mut client = Client::connect(running.address);
    for number in 0..REFUSALS {
        client.get("/auth/me").assert_status(401);
        if number % (REFUSALS / LOGINS as u64) == 0 {
            let body = r#"{"username":"nobody","password":"x"}"#;
            running.ask("POST", "/auth/login", None, body).assert_status(401);
        }
    }
    // The sums of what was left out come also when the flood is over.
    running.await_log("more like it in");
    running.stop();
    let log = folder.read_text("logs/app.log");
    let has = |text: &'static str| log.lines().filter(move |line| line.contains(text));
    assert_eq!(has("login refused").count(), LOGINS, "{log}");
    let written = has("GET /auth/me refused").count() as u64;
    assert!((5..200).contains(&written), "{written} lines");
    let summed = has("more like it in").map(|line| {
        assert!(line.ends_with(": unauthenticated"), "{line}");
        let mut words = line.split(' ').skip_while(|word| word.parse::<u64>().is_err());
        words.next().unwrap().parse::<u64>().unwrap()
    });
    assert_eq!(written + summed.sum::<u64>(), REFUSALS);
}

#[test]
fn what_a_proxy_is_set_up_wrongly_for_is_told_once() {
    let folder = Folder::new();
    let ask = |trusted: &str, forwarded: &str, told: &str| {
        let running = Call::within(&folder).env("TRUSTED_PROXIES", trusted).start();
        for _ in 0..3 {
            let mut client = Client::connect(running.address);
            client.send(format!(
                "GET /health HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: {forwarded}\r\n\r\n"
            ));
            client.read().assert_status(200);
        }
        running.stop();
        let log = folder.read_text("logs/app.log");
        assert_eq!(log.lines().filter(|line| line.contains(told)).count(), 1, "{log}");
    };
    ask("", "192.0.2.1", "which TRUSTED_PROXIES doesn't name");
    ask("127.0.0.1", "192.0.2.1, unknown", "has \"unknown\", which is no address");
}
