use std::time::Instant;

use orderd::clock::Timestamp;
use orderd::domain::{MailId, OrderId};
use orderd::store::{Attempt, MailMark, MarkMails};
use serde_json::{Value, json};

use support::app::{START_SECS, TestApp};
use support::client::TIMEOUT;
use support::response::Response;
use support::smtp::{Fault, Script, SmtpServer, Step};

const NOW: &str = "2025-10-07T05:58:11";

fn mark(app: &TestApp, id: u64, attempt: Attempt) {
    let marks = vec![MailMark { id: MailId(id), order: OrderId(id), attempt }];
    let at = Timestamp::from_secs(START_SECS);
    app.app().store().write(MarkMails { marks, at }).unwrap();
}

fn kill(app: &TestApp, id: u64) {
    mark(app, id, Attempt::Died { error: "550 no such box".into() });
}

fn retry(app: &TestApp, token: &str, id: &str) -> Response {
    app.post(&format!("/emails/{id}/retry")).bearer(token).send()
}

fn app_with(server: &SmtpServer) -> TestApp {
    let port = format!("--smtp-port={}", server.port());
    let settings = ["--rate-limit-requests=0", "--smtp-server=127.0.0.1", &port];
    TestApp::start_with(&[&settings[..], &["--smtp-tls=none"]].concat())
}

/// An app with orders of Ann's, whose mails were tried once and wait.
fn with_mails(app: &TestApp, count: u64) {
    let ann = app.user("ann");
    for _ in 0..count {
        app.create_order(&ann, &json!({"success": true})).good();
    }
    let admin = app.admin();
    let began = Instant::now();
    loop {
        let list = app.read(&admin, "/emails/?state=pending").good();
        let mails = list["emails"].as_array().unwrap();
        if mails.iter().all(|mail| mail["attempts"] == 1) {
            return assert_eq!(mails.len() as u64, count);
        }
        assert!(began.elapsed() < TIMEOUT, "the first attempts were never marked: {list}");
        std::thread::yield_now();
    }
}

fn ids(list: &Value) -> Vec<u64> {
    let mails = list["emails"].as_array().expect("a list");
    mails.iter().map(|mail| mail["id"].as_u64().expect("an id")).collect()
}

fn listed(app: &TestApp, query: &str) -> Vec<u64> {
    ids(&app.read(&app.admin(), &format!("/emails/?{query}")).good())
}

#[test]
fn without_orders_there_are_no_mails() {
    let app = TestApp::start();
    let admin = app.admin();
    for query in ["", "?state=pending", "?state=sent", "?state=dead"] {
        let response = app.read(&admin, &format!("/emails/{query}"));
        response.assert_json(200, &json!({"emails": [], "next": null}));
    }
}

#[test]
fn every_mail_is_in_the_list_of_its_state() {
    let app = TestApp::cut_off();
    with_mails(&app, 3);
    mark(&app, 1, Attempt::Sent);
    kill(&app, 3);
    for (state, id) in [("sent", 1), ("pending", 2), ("dead", 3)] {
        let list = app.read(&app.admin(), &format!("/emails/?state={state}")).good();
        assert_eq!(ids(&list), [id]);
        let mail = &list["emails"][0];
        assert_eq!(mail["state"], state);
        assert_eq!((&mail["order_id"], &mail["user_id"]), (&json!(id), &json!(2)));
        assert_eq!(mail["to"], "ann@example.com");
        assert!(mail["message_id"].as_str().is_some_and(|text| text.contains('@')), "{mail}");
        for (key, of) in [("next_attempt_at", "pending"), ("sent_at", "sent"), ("died_at", "dead")]
        {
            assert_eq!(mail[key].is_string(), state == of, "{key}: {mail}");
        }
    }
}

#[test]
fn a_mail_that_waits_says_why_and_until_when() {
    let app = TestApp::cut_off();
    with_mails(&app, 1);
    let mail = app.read(&app.admin(), "/emails/?state=pending").good()["emails"][0].clone();
    assert!(mail["next_attempt_at"].as_str().unwrap() > NOW, "{mail}");
    assert!(mail["last_error"].as_str().is_some_and(|why| !why.is_empty()), "{mail}");
}

#[test]
fn a_dead_mail_says_what_killed_it() {
    let app = TestApp::cut_off();
    with_mails(&app, 1);
    kill(&app, 1);
    let mail = app.read(&app.admin(), "/emails/?state=dead").good()["emails"][0].clone();
    assert_eq!((&mail["last_error"], &mail["died_at"]), (&json!("550 no such box"), &json!(NOW)));
    assert_eq!(mail["attempts"], 2);
}

#[test]
fn a_mail_that_left_is_listed_as_sent() {
    let app = TestApp::start();
    let admin = app.admin();
    app.create_order(&admin, &json!({"success": false})).good();
    let began = Instant::now();
    while listed(&app, "state=sent") != [1] {
        assert!(began.elapsed() < TIMEOUT, "it was never sent");
        std::thread::yield_now();
    }
    let mail = app.read(&admin, "/emails/?state=sent").good()["emails"][0].clone();
    assert_eq!((&mail["sent_at"], &mail["to"]), (&json!(NOW), &json!("admin@example.com")));
    assert_eq!((&mail["attempts"], &mail["last_error"]), (&json!(1), &Value::Null));
    assert!(listed(&app, "state=pending").is_empty());
}

#[test]
fn pages_of_mails_give_each_one_once() {
    let app = TestApp::cut_off();
    with_mails(&app, 5);
    for id in 1..=5 {
        kill(&app, id);
    }
    let admin = app.admin();
    for limit in [1, 2, 5, 1000] {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let target = format!("/emails/?state=dead&limit={limit}{after}");
            let page = app.read(&admin, &target).good();
            let here = ids(&page);
            assert!(!here.is_empty() && here.len() <= limit, "{page}");
            all.extend(here);
            if page["next"].is_null() {
                break;
            }
            assert_eq!(page["next"].as_u64(), all.last().copied());
            after = format!("&after={}", page["next"]);
        }
        assert_eq!(all, [1, 2, 3, 4, 5], "by {limit}");
    }
    assert!(listed(&app, "state=dead&after=5").is_empty());
}

#[test]
fn a_parameter_of_the_mail_list_that_makes_no_sense_is_refused() {
    let app = TestApp::start();
    let admin = app.admin();
    for (query, name, input) in [
        ("state=lost", "state", "lost"),
        ("state=", "state", ""),
        ("kind=order_successful", "kind", "order_successful"),
        ("order_id=0", "order_id", "0"),
        ("order=oldest", "order", "oldest"),
        ("state=sent&state=dead", "state", "dead"),
        ("limit=0", "limit", "0"),
        ("limit=1001", "limit", "1001"),
        ("after=x", "after", "x"),
        ("after=0", "after", "0"),
        ("user_id=2", "user_id", "2"),
    ] {
        app.read(&admin, &format!("/emails/?{query}")).assert_bad_parameter(name, input);
    }
}

#[test]
fn only_an_admin_sees_and_retries_mails() {
    let app = TestApp::start();
    let ann = app.user("ann");
    app.create_order(&ann, &json!({"success": true})).good();
    app.read(&ann, "/emails/").assert_detail(403, "Admin privileges required");
    retry(&app, &ann, "1").assert_detail(403, "Admin privileges required");
    app.get("/emails/").send().assert_detail(401, "Not authenticated");
    app.post("/emails/1/retry").send().assert_detail(401, "Not authenticated");
}

#[test]
fn a_dead_mail_is_tried_again_under_its_message_id() {
    let app = TestApp::cut_off();
    with_mails(&app, 1);
    kill(&app, 1);
    let admin = app.admin();
    let dead = app.read(&admin, "/emails/?state=dead").good()["emails"][0].clone();
    let retried = retry(&app, &admin, "1").good();
    assert_eq!(retried["state"], "pending");
    assert_eq!(retried["message_id"], dead["message_id"]);
    assert!(retried["died_at"].is_null() && retried["next_attempt_at"].is_string(), "{retried}");
    assert!(listed(&app, "state=dead").is_empty());
    assert_eq!(listed(&app, "state=pending"), [1]);
}

#[test]
fn a_mail_that_waits_is_due_at_once_when_retried() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("451 4.7.1 Later"));
    let app = app_with(&server);
    with_mails(&app, 1);
    let admin = app.admin();
    let waiting = app.read(&admin, "/emails/").good()["emails"][0].clone();
    server.heal();
    assert_eq!(retry(&app, &admin, "1").good()["message_id"], waiting["message_id"]);
    // The clock stands still, so nothing else makes it due.
    let id = server.wait_for(1)[0].header("Message-ID").unwrap();
    assert_eq!(id, format!("<{}>", waiting["message_id"].as_str().unwrap()));
}

#[test]
fn a_mail_that_was_sent_is_not_sent_again() {
    let app = TestApp::cut_off();
    with_mails(&app, 1);
    mark(&app, 1, Attempt::Sent);
    let refused = retry(&app, &app.admin(), "1");
    refused.assert_status(409);
    assert!(refused.json()["detail"].is_string());
    assert_eq!(listed(&app, "state=sent"), [1]);
}

#[test]
fn a_mail_that_is_not_there_is_not_found() {
    let app = TestApp::start();
    let admin = app.admin();
    retry(&app, &admin, "1").assert_detail(404, "Not Found");
    for (id, kind) in [("x", "int_parsing"), ("0", "greater_than_equal")] {
        let response = retry(&app, &admin, id);
        response.assert_status(422);
        let fault = response.json()["detail"][0].clone();
        assert_eq!((&fault["type"], &fault["loc"]), (&kind.into(), &json!(["path", "email_id"])));
    }
}

fn retry_many(app: &TestApp, query: &str) -> (u64, Value) {
    let retried = app.post(&format!("/emails/retry{query}")).bearer(&app.admin()).send().good();
    (retried["retried"].as_u64().expect("a number"), retried["next"].clone())
}

/// Five dead mails of Ann's, the last two a day later and for another reason.
fn with_dead_mails() -> TestApp {
    let app = TestApp::cut_off();
    with_mails(&app, 5);
    for id in 1..=3 {
        mark(&app, id, Attempt::Died { error: "RCPT TO: 554 5.7.1 Relay access denied".into() });
    }
    let marks = [4, 5].map(|id| MailMark {
        id: MailId(id),
        order: OrderId(id),
        attempt: Attempt::Died { error: "RCPT TO: 550 5.1.1 No such user".into() },
    });
    let at = Timestamp::from_secs(START_SECS + 86_400);
    app.app().store().write(MarkMails { marks: marks.to_vec(), at }).unwrap();
    app
}

#[test]
fn dead_mails_are_retried_together_by_what_killed_them_and_when() {
    for (query, retried) in [
        ("", vec![1, 2, 3, 4, 5]),
        ("?error=relay%20ACCESS", vec![1, 2, 3]),
        ("?error=5.1.1", vec![4, 5]),
        ("?error=5.9.9", vec![]),
        ("?died_to=2025-10-07", vec![1, 2, 3]),
        ("?died_to=2025-10-07T05:58:11", vec![1, 2, 3]),
        ("?died_to=2025-10-07T05:58:10", vec![]),
        ("?died_from=2025-10-08", vec![4, 5]),
        ("?died_from=2025-10-08&error=5.7.1", vec![]),
        ("?after=2", vec![3, 4, 5]),
    ] {
        let app = with_dead_mails();
        assert_eq!(retry_many(&app, query), (retried.len() as u64, Value::Null), "{query}");
        let dead: Vec<u64> = (1..=5).filter(|id| !retried.contains(id)).collect();
        assert_eq!(listed(&app, "state=dead"), dead, "{query}");
        assert_eq!(listed(&app, "state=pending"), retried, "{query}");
    }
}

#[test]
fn a_retry_of_many_is_bounded_and_says_where_to_go_on() {
    let app = with_dead_mails();
    assert_eq!(retry_many(&app, "?limit=2"), (2, json!(2)));
    assert_eq!(retry_many(&app, "?limit=2&after=2"), (2, json!(4)));
    assert_eq!(retry_many(&app, "?limit=2&after=4"), (1, Value::Null));
    assert_eq!(retry_many(&app, ""), (0, Value::Null));
}

#[test]
fn a_retry_of_many_is_strict_and_for_admins() {
    let app = TestApp::start();
    let admin = app.admin();
    for (query, name, input) in [
        ("error=", "error", ""),
        ("error=55", "error", "55"),
        ("died_from=2025-10-08&died_to=2025-10-07", "died_to", "2025-10-07"),
        ("died_from=yesterday", "died_from", "yesterday"),
        ("limit=0", "limit", "0"),
        ("limit=1001", "limit", "1001"),
        ("after=x", "after", "x"),
        ("state=dead", "state", "dead"),
        ("eror=5.7.1", "eror", "5.7.1"),
        ("error=554&error=550", "error", "550"),
    ] {
        let response = app.post(&format!("/emails/retry?{query}")).bearer(&admin).send();
        response.assert_bad_parameter(name, input);
    }
    let ann = app.user("ann");
    let retry = |token: &str| app.post("/emails/retry").bearer(token).send();
    retry(&ann).assert_detail(403, "Admin privileges required");
    app.post("/emails/retry").send().assert_detail(401, "Not authenticated");
}

#[test]
fn health_warns_while_the_mail_server_refuses_us_and_stays_healthy() {
    let server = SmtpServer::start(Script::default());
    server.fail(Step::Rcpt, Fault::Reply("554 5.7.1 <shop.example>: Relay access denied"));
    let app = app_with(&server);
    assert!(app.get("/health").send().good().get("warning").is_none());
    for name in ["ann", "bob", "cyd", "dan"] {
        app.create_order(&app.user(name), &json!({"success": true})).good();
    }
    let began = Instant::now();
    let warned = loop {
        let health = app.get("/health").send().good();
        if health.get("warning").is_some() {
            break health;
        }
        assert!(began.elapsed() < TIMEOUT, "it never warned");
        std::thread::yield_now();
    };
    assert_eq!(warned["status"], "healthy");
    assert!(!warned.to_string().contains("shop.example"), "the server's words are for admins");
    assert_eq!(listed(&app, "state=dead"), [] as [u64; 0]);
    assert_eq!(listed(&app, "state=pending"), [1, 2, 3, 4]);
}

/// An app whose mails wait, with an order of Ann's that has content, a simple one of hers, and the
/// mail that tells the shop of the first.
fn with_kinds() -> TestApp {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = format!("--smtp-port={}", listener.local_addr().unwrap().port());
    drop(listener);
    let server = ["--rate-limit-requests=0", "--smtp-server=127.0.0.1", &port, "--smtp-tls=none"];
    let shop = ["--notify-email=kitchen@shop.example", "--shop-name=Tony's"];
    let app = TestApp::start_with(&[&server[..], &shop[..]].concat());
    let ann = app.user("ann");
    let content = json!({
        "line_items": [{"name": "Margherita", "quantity": 2, "unit_price": 950}],
        "currency": "EUR", "reference_id": "A-17",
    });
    app.create_order(&ann, &content).good();
    app.create_order(&ann, &json!({"success": false})).good();
    app
}

fn kinds(list: &Value) -> Vec<&str> {
    let mails = list["emails"].as_array().expect("a list");
    mails.iter().map(|mail| mail["kind"].as_str().expect("a kind")).collect()
}

#[test]
fn mails_are_found_by_kind_order_and_state_in_both_directions() {
    let app = with_kinds();
    let admin = app.admin();
    let all = ["order_placed", "notify", "order_failed"];
    for (query, expected) in [
        ("", &all[..]),
        ("state=all", &all[..]),
        ("state=all&order=asc", &all[..]),
        ("order=desc", &["order_failed", "notify", "order_placed"]),
        ("kind=notify", &["notify"]),
        ("kind=order_success", &[]),
        ("order_id=1", &["order_placed", "notify"]),
        ("order_id=1&order=desc", &["notify", "order_placed"]),
        ("order_id=1&kind=order_placed", &["order_placed"]),
        ("order_id=2&state=all", &["order_failed"]),
        ("order_id=99", &[]),
        ("state=sent&kind=notify", &[]),
    ] {
        let list = app.read(&admin, &format!("/emails/?{query}")).good();
        assert_eq!(kinds(&list), expected, "{query}");
        assert!(list["next"].is_null(), "{query}: {list}");
    }
    let died = Attempt::Died { error: "no".into() };
    let marks = vec![MailMark { id: MailId(3), order: OrderId(2), attempt: died }];
    let at = Timestamp::from_secs(START_SECS);
    app.app().store().write(MarkMails { marks, at }).unwrap();
    assert_eq!(kinds(&app.read(&admin, "/emails/?state=all").good()), all);
    assert_eq!(kinds(&app.read(&admin, "/emails/").good()), all[..2]);
    let notice = app.read(&admin, "/emails/?kind=notify").good()["emails"][0].clone();
    assert_eq!((&notice["to"], &notice["order_id"]), (&json!("kitchen@shop.example"), &json!(1)));
}

#[test]
fn a_page_of_mails_links_to_the_next_one_with_the_same_question() {
    let app = with_kinds();
    let admin = app.admin();
    let mut target = "/emails/?state=all&order=desc&limit=1".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = app.read(&admin, &target);
        let list = page.json();
        seen.extend(kinds(&list).into_iter().map(str::to_owned));
        let Some(link) = page.header("Link") else {
            assert!(list["next"].is_null());
            break;
        };
        assert!(list["next"].is_u64());
        let query =
            link.strip_prefix("<?").and_then(|it| it.strip_suffix(">; rel=\"next\"")).unwrap();
        assert!(query.starts_with("state=all&order=desc&limit=1&after="), "{query}");
        target = format!("/emails/?{query}");
    }
    assert_eq!(seen, ["order_failed", "notify", "order_placed"]);
}

#[test]
fn one_mail_has_its_text_as_its_order_is_now() {
    let app = with_kinds();
    let admin = app.admin();
    let mail = |id: u64| app.read(&admin, &format!("/emails/{id}"));
    let listed = || app.read(&admin, "/emails/?kind=order_placed").good()["emails"][0].clone();
    // The sender may try it between two of the calls.
    let (placed, listed) = loop {
        let before = listed();
        let placed = mail(1).good();
        if listed() == before {
            break (placed, before);
        }
    };
    assert_eq!(placed["kind"], "order_placed");
    assert_eq!(placed["subject"], "Tony's: order A-17 is placed");
    let text = placed["text"].as_str().unwrap();
    assert!(text.contains("Margherita") && text.contains("not paid yet"), "{text}");
    for (name, value) in listed.as_object().unwrap() {
        assert_eq!(&placed[name], value, "{name}");
    }
    let payment = json!({"amount": 1900, "method": "cash"});
    app.post("/orders/1/payments").bearer(&admin).json(&payment).send().good();
    let text = mail(1).good()["text"].as_str().unwrap().to_owned();
    assert!(!text.contains("not paid yet") && text.contains("19.00\u{a0}EUR"), "{text}");
    assert_eq!(mail(3).good()["subject"], "Order Failed");

    mail(99).assert_detail(404, "Not Found");
    let ann = app.token("ann", support::app::PASSWORD);
    app.read(&ann, "/emails/1").assert_detail(403, "Admin privileges required");
    app.get("/emails/1").send().assert_detail(401, "Not authenticated");
}
