use std::net::SocketAddr;
use std::thread;

use serde_json::{Value, json};

use support::app::{PASSWORD, TestApp};
use support::client::Client;
use support::response::Response;

const REPLAYED: &str = "Idempotent-Replayed";
const DAY_SECS: u64 = 86_400;

fn place(app: &TestApp, token: &str, key: &str, body: &Value) -> Response {
    app.post("/orders/create").bearer(token).header("Idempotency-Key", key).json(body).send()
}

fn order() -> Value {
    json!({"success": true})
}

/// The numbers of orders and of mails, whatever state these are in.
fn counts(app: &TestApp) -> (u64, u64) {
    let counts = app.app().store().read().unwrap().counts().unwrap();
    (counts.orders, counts.mails_pending + counts.mails_sent + counts.mails_dead)
}

#[track_caller]
fn assert_placed(response: &Response, id: u64) {
    assert_eq!(response.good()["id"], id);
    response.assert_no_header(REPLAYED);
}

#[track_caller]
fn assert_replayed(response: &Response, first: &Response) {
    response.assert_status(200);
    assert_eq!(response.text(), first.text());
    response.assert_header(REPLAYED, "true");
}

#[test]
fn a_repeat_gives_the_first_answer_and_no_second_order_or_mail() {
    let app = TestApp::start();
    let token = app.user("ann");
    let first = place(&app, &token, "k-1", &order());
    assert_placed(&first, 1);
    app.advance_secs(60);
    for _ in 0..3 {
        assert_replayed(&place(&app, &token, "k-1", &order()), &first);
    }
    assert_eq!(counts(&app), (1, 1));
    assert_placed(&place(&app, &token, "k-2", &order()), 2);
    assert_placed(&place(&app, &token, "K-1", &order()), 3);
}

#[test]
fn without_a_key_every_order_is_a_new_one() {
    let app = TestApp::start();
    let token = app.admin();
    for id in 1..=2 {
        assert_placed(&app.create_order(&token, &order()), id);
    }
}

#[test]
fn a_key_is_the_same_in_quotes_and_bare() {
    let app = TestApp::start();
    let token = app.admin();
    let first = place(&app, &token, "\"8e03978e-40d5\"", &order());
    assert_placed(&first, 1);
    assert_replayed(&place(&app, &token, "8e03978e-40d5", &order()), &first);
    assert_replayed(&place(&app, &token, "  8e03978e-40d5 ", &order()), &first);
}

#[test]
fn a_key_belongs_to_its_user() {
    let app = TestApp::start();
    let (ann, ben) = (app.user("ann"), app.user("ben"));
    assert_placed(&place(&app, &ann, "k", &order()), 1);
    let second = place(&app, &ben, "k", &json!({"success": false}));
    assert_placed(&second, 2);
    assert_replayed(&place(&app, &ben, "k", &json!({"success": false})), &second);
}

#[test]
fn the_order_counts_and_not_how_it_was_written() {
    let app = TestApp::start();
    let token = app.admin();
    let first = place(&app, &token, "k", &order());
    assert_placed(&first, 1);
    for body in [json!({"success": 1}), json!({"comment": "x", "success": "yes"})] {
        assert_replayed(&place(&app, &token, "k", &body), &first);
    }
}

#[test]
fn a_key_with_another_order_is_refused_and_places_none() {
    let app = TestApp::start();
    let token = app.admin();
    let first = place(&app, &token, "k", &order());
    let refused = place(&app, &token, "k", &json!({"success": false}));
    refused.assert_status(422);
    let fault = &refused.json()["detail"][0];
    assert_eq!(fault["loc"], json!(["header", "idempotency-key"]), "{fault}");
    refused.assert_no_header(REPLAYED);
    assert_replayed(&place(&app, &token, "k", &order()), &first);
    assert_eq!(counts(&app), (1, 1));
}

#[test]
fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::start();
    let first = place(&app, &app.user("ann"), "k", &order());
    assert_placed(&first, 1);
    app.advance_secs(DAY_SECS - 1);
    let token = app.token("ann", PASSWORD);
    assert_replayed(&place(&app, &token, "k", &order()), &first);
    app.advance_secs(2);
    let token = app.token("ann", PASSWORD);
    let second = place(&app, &token, "k", &json!({"success": false}));
    assert_placed(&second, 2);
    assert_replayed(&place(&app, &token, "k", &json!({"success": false})), &second);
    assert_eq!(counts(&app), (2, 2));
}

#[test]
fn how_long_a_key_is_kept_is_a_setting() {
    let app = TestApp::start_with(&["--rate-limit-requests=0", "--idempotency-keep-hours=1"]);
    assert_placed(&place(&app, &app.admin(), "k", &order()), 1);
    app.advance_secs(3601);
    assert_placed(&place(&app, &app.admin(), "k", &order()), 2);
}

#[test]
fn a_key_outlives_a_restart() {
    let mut app = TestApp::start();
    let token = app.admin();
    let first = place(&app, &token, "k", &order());
    app.restart();
    assert_replayed(&place(&app, &token, "k", &order()), &first);
}

#[test]
fn a_request_that_was_refused_leaves_its_key_free() {
    let app = TestApp::start();
    let token = app.admin();
    place(&app, &token, "k", &json!({"success": "maybe"})).assert_status(422);
    place(&app, "nonsense", "k", &order()).assert_status(401);
    assert_placed(&place(&app, &token, "k", &json!({"success": false})), 1);
}

#[test]
fn a_request_that_was_limited_leaves_its_key_free() {
    let app = TestApp::limited();
    let token = app.admin();
    for number in 0..5 {
        place(&app, &token, &format!("k-{number}"), &order()).good();
    }
    place(&app, &token, "late", &order()).assert_status(429);
    app.advance_secs(60);
    assert_placed(&place(&app, &token, "late", &json!({"success": false})), 6);
}

#[test]
fn a_key_has_1_to_255_visible_characters() {
    let app = TestApp::start();
    let token = app.admin();
    let longest = "x".repeat(255);
    let first = place(&app, &token, &longest, &order());
    assert_placed(&first, 1);
    assert_replayed(&place(&app, &token, &format!("\"{longest}\""), &order()), &first);
    assert_placed(&place(&app, &token, "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", &order()), 2);
    let (long, quoted) = ("x".repeat(256), format!("\"{}\"", "x".repeat(256)));
    for key in ["", " ", "\"\"", "a b", "\" \"", &long, &quoted] {
        let response = place(&app, &token, key, &order());
        response.assert_status(422);
        let detail = response.json()["detail"].clone();
        assert_eq!(detail[0]["loc"], json!(["header", "idempotency-key"]), "{key:?}: {detail}");
    }
    assert_eq!(counts(&app), (2, 2));
}

#[test]
fn a_key_that_can_not_be_told_from_another_is_refused() {
    let app = TestApp::start();
    let token = app.admin();
    for key in ["k\u{e9}y", "a\tb", "k\u{7f}"] {
        let response = place(&app, &token, key, &order());
        assert!([400, 422].contains(&response.status), "{key:?}: {}", response.status);
    }
    let twice = app.post("/orders/create").bearer(&token).header("Idempotency-Key", "a");
    let response = twice.header("idempotency-key", "b").json(&order()).send();
    assert!([400, 422].contains(&response.status), "{}", response.status);
    assert_eq!(counts(&app), (0, 0));
}

/// One order on a connection of its own.
fn place_apart(address: SocketAddr, token: &str, key: &str, body: &Value) -> Response {
    let mut client = Client::connect(address);
    let body = body.to_string();
    client.send(format!(
        "POST /orders/create HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    client.read()
}

#[test]
fn many_at_once_with_one_key_place_one_order_and_one_mail() {
    const THREADS: usize = 12;
    const KEYS: u64 = 8;
    let app = TestApp::start();
    let (address, token) = (app.address(), app.user("ann"));
    for round in 0..KEYS {
        let key = format!("key-{round}");
        let answers: Vec<Response> = thread::scope(|scope| {
            let place = || place_apart(address, &token, &key, &order());
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(place)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let fresh = answers.iter().filter(|it| it.header(REPLAYED).is_none()).count();
        assert_eq!(fresh, 1, "{key}");
        for answer in &answers {
            answer.assert_status(200);
            assert_eq!(answer.text(), answers[0].text());
        }
        assert_eq!(counts(&app), (round + 1, round + 1));
    }
}

#[test]
fn of_two_orders_at_once_with_one_key_one_is_placed_and_the_other_refused() {
    let app = TestApp::start();
    let (address, token) = (app.address(), app.user("ann"));
    for round in 1..=8 {
        let key = format!("key-{round}");
        let answers = thread::scope(|scope| {
            let place = |success: bool| {
                let (token, key) = (&token, &key);
                scope
                    .spawn(move || place_apart(address, token, key, &json!({ "success": success })))
            };
            [place(true), place(false)].map(|thread| thread.join().unwrap().status)
        });
        assert!(matches!(answers, [200, 422] | [422, 200]), "{answers:?}");
        assert_eq!(counts(&app), (round, round));
    }
}
