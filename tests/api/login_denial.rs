//! Nobody can lock another out, and no crowd keeps a user from logging in.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use orderd::store::Trial;
use serde_json::json;

use support::app::{ADMIN_PASSWORD, PASSWORD, TestApp};
use support::client::TIMEOUT;
use support::response::Response;

const WRONG: &str = "Wrong1!!";
const HOME: &str = "198.51.100.1";

fn login(app: &TestApp, address: &str, username: &str, password: &str) -> Response {
    let body = json!({"username": username, "password": password});
    app.post("/auth/login").from(address).json(&body).send()
}

/// Nobody waits for the note of where a user has logged in from; whoever writes after it does.
fn settle(app: &TestApp) {
    app.app().store().write(Trial { at: app.clock.now() }).unwrap();
}

/// Empties the bucket of the name, which holds fifty tokens: wrong guesses from fifty addresses.
#[track_caller]
fn guess_till_refused(app: &TestApp, name: &str) {
    let guesses = (1..=50).map(|host| login(app, &format!("192.0.2.{host}"), name, WRONG));
    assert!(guesses.filter(|guess| guess.status == 401).count() >= 49);
}

#[track_caller]
fn assert_refused_for_the_name(response: &Response) {
    let text = "Rate limit exceeded: 50 per 1 minute";
    response.assert_json(429, &json!({"error": text, "detail": text}));
    response.assert_header("Retry-After", "2");
    response.assert_header("RateLimit-Policy", "\"login\";q=50;w=60");
    response.assert_header("RateLimit", "\"login\";r=0;t=2");
}

#[test]
fn many_addresses_can_not_share_out_a_guess() {
    let app = TestApp::limited();
    app.user("ann");
    guess_till_refused(&app, "ann");
    assert_refused_for_the_name(&login(&app, "192.0.2.51", "Ann", WRONG));
    // The right password too: an address that has not proved itself learns nothing.
    assert_refused_for_the_name(&login(&app, "192.0.2.52", "ANN ", PASSWORD));
    app.advance_secs(2);
    login(&app, "192.0.2.52", "ann", PASSWORD).good();
}

#[test]
fn an_unknown_name_is_limited_just_like_a_known_one() {
    let app = TestApp::limited();
    guess_till_refused(&app, "nobody");
    assert_refused_for_the_name(&login(&app, "192.0.2.51", "nobody", WRONG));
}

#[test]
fn five_wrong_guesses_lock_nobody_out() {
    let app = TestApp::limited();
    app.user("ann");
    for host in 1..=5 {
        login(&app, &format!("192.0.2.{host}"), "ann", WRONG).assert_status(401);
    }
    login(&app, "203.0.113.1", "ann", PASSWORD).good();
}

#[test]
fn a_user_is_not_locked_out_from_where_they_have_logged_in_before_even_after_a_restart() {
    let mut app = TestApp::limited();
    app.user("ann");
    login(&app, HOME, "ann", PASSWORD).good();
    app.restart();
    guess_till_refused(&app, "ann");
    login(&app, "192.0.2.51", "ann", PASSWORD).assert_status(429);
    login(&app, HOME, "ann", PASSWORD).good();
    // The known address has its own bucket still.
    for _ in 0..4 {
        login(&app, HOME, "ann", WRONG).assert_status(401);
    }
    let refused = login(&app, HOME, "ann", PASSWORD);
    refused.assert_status(429);
    refused.assert_header("RateLimit-Policy", "\"login\";q=5;w=60");
}

#[test]
fn a_user_is_never_locked_out_on_the_host_itself() {
    let app = TestApp::limited();
    app.user("ann");
    app.advance_secs(60);
    guess_till_refused(&app, "ann");
    login(&app, "192.0.2.51", "ann", PASSWORD).assert_status(429);
    app.login("ann", PASSWORD).good();
    login(&app, "::1", "ann", PASSWORD).good();
}

#[test]
fn where_one_user_logs_in_from_another_may_be_a_stranger() {
    let app = TestApp::limited();
    app.user("ann");
    login(&app, HOME, "admin", ADMIN_PASSWORD).good();
    settle(&app);
    guess_till_refused(&app, "ann");
    login(&app, HOME, "ann", PASSWORD).assert_status(429);
}

#[test]
fn a_wrong_password_makes_no_network_known() {
    let app = TestApp::limited();
    app.user("ann");
    login(&app, HOME, "ann", WRONG).assert_status(401);
    settle(&app);
    guess_till_refused(&app, "ann");
    login(&app, HOME, "ann", PASSWORD).assert_status(429);
}

#[test]
fn a_few_networks_are_remembered_for_each_user_the_last_ones() {
    let app = TestApp::limited();
    app.user("ann");
    let host = |number| format!("198.51.100.{number}");
    for number in 1..=9 {
        login(&app, &host(number), "ann", PASSWORD).good();
        app.advance_secs(60);
        settle(&app);
    }
    guess_till_refused(&app, "ann");
    login(&app, &host(1), "ann", PASSWORD).assert_status(429);
    login(&app, &host(2), "ann", PASSWORD).good();
    login(&app, &host(9), "ann", PASSWORD).good();
    assert!(app.app().store().check().unwrap().is_sound());
}

#[test]
fn only_failures_spend_from_the_bucket_of_a_name() {
    let app = TestApp::limited();
    app.user("ann");
    for host in 1..=60 {
        let response = login(&app, &format!("192.0.2.{host}"), "ann", PASSWORD);
        response.good();
        response.assert_header("RateLimit", "\"login\";r=4;t=12");
    }
}

#[test]
fn a_good_login_is_told_what_failures_have_left_of_the_tighter_bucket() {
    let app = TestApp::limited();
    app.user("ann");
    for host in 1..=47 {
        login(&app, &format!("192.0.2.{host}"), "ann", WRONG).assert_status(401);
    }
    let response = login(&app, "192.0.2.48", "ann", PASSWORD);
    response.good();
    response.assert_header("RateLimit-Policy", "\"login\";q=50;w=60");
    response.assert_header("RateLimit", "\"login\";r=3;t=2");
}

#[test]
fn the_failures_of_one_name_leave_the_others_alone() {
    let app = TestApp::limited();
    app.user("ann");
    guess_till_refused(&app, "admin");
    login(&app, "192.0.2.77", "ann", PASSWORD).good();
}

#[test]
fn a_site_that_cycles_its_networks_is_refused_and_nobody_else_is() {
    let app = TestApp::limited();
    app.user("ann");
    login(&app, "2001:db8:1:ffff::1", "ann", PASSWORD).good();
    settle(&app);
    app.advance_secs(60);
    let cycled = (0..250).map(|net| {
        login(&app, &format!("2001:db8:1:{:x}::1", net * 256), &format!("x{net}"), WRONG)
    });
    let passed = cycled.filter(|response| response.status == 401).count();
    assert_eq!(passed, 160);
    login(&app, "2001:db8:1:aaaa::1", "ann", PASSWORD).assert_status(429);
    // A neighbour from whose network a user has logged in shares no bucket.
    login(&app, "2001:db8:1:ffff::2", "ann", PASSWORD).good();
    login(&app, "2001:db8:2::1", "ann", PASSWORD).good();
    login(&app, "192.0.2.1", "ann", PASSWORD).good();
}

#[test]
fn one_56_has_eight_times_the_tokens_of_one_64() {
    let app = TestApp::limited();
    let network = |net: u32| format!("2001:db8:1:{net:x}::1");
    for net in 0..40 {
        login(&app, &network(net), &format!("x{net}"), WRONG).assert_status(401);
    }
    let refused = login(&app, &network(40), "x", WRONG);
    refused.assert_status(429);
    refused.assert_header("RateLimit-Policy", "\"login\";q=40;w=60");
    login(&app, &network(256), "x", WRONG).assert_status(401);
}

#[test]
fn a_crowd_that_checks_passwords_keeps_no_known_user_out_and_what_it_is_refused_is_free() {
    // Of eight threads, two may wait for a hash while a third one is computed.
    let app = TestApp::start_costly(&["--trusted-proxies=127.0.0.1", "--http-threads=8"]);
    login(&app, HOME, "admin", ADMIN_PASSWORD).good();
    settle(&app);
    let (address, done, refused) = (app.address(), AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for host in 1..=6 {
            let (done, refused) = (&done, &refused);
            scope.spawn(move || {
                let body = json!({"username": format!("x{host}"), "password": WRONG}).to_string();
                let request = format!(
                    "POST /auth/login HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.{host}\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let mut client = support::client::Client::connect(address);
                while !done.load(Ordering::Relaxed) {
                    client.send(&request);
                    if client.read().status == 503 {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let began = Instant::now();
        while refused.load(Ordering::Relaxed) < 40 {
            assert!(began.elapsed() < TIMEOUT, "the queue never fills");
            thread::yield_now();
        }
        let statuses =
            (0..4).map(|_| login(&app, HOME, "admin", ADMIN_PASSWORD).status).collect::<Vec<_>>();
        done.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [200; 4]);
    });
    // Forty refusals would have taken every token of the crowd.
    let has_tokens = |host: &u32| {
        login(&app, &format!("192.0.2.{host}"), &format!("x{host}"), WRONG).status == 401
    };
    assert!((1..=6).any(|host| has_tokens(&host)), "what was not looked at has cost tokens");
}
