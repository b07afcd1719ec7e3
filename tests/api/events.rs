//! The feed, `GET /events/`: what it holds, how it is read on, waited for, and ended.

use std::net::Shutdown;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use support::app::{ADMIN_PASSWORD, START_SECS, TestApp};
use support::client::{Client, TIMEOUT};
use support::response::Response;

use crate::keys;
use crate::order_content::shop::{ADMIN_ID, ANN_ID, Shop, pizza};

fn read(shop: &Shop, query: &str) -> Response {
    shop.app.read(&shop.admin, &format!("/events/?{query}"))
}

fn types(page: &Value) -> Vec<&str> {
    page["events"].as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap()).collect()
}

/// A request for events that waits, on a connection of its own.
fn wait(shop: &Shop, query: &str) -> Client {
    wait_with(shop, &shop.admin, query)
}

fn wait_with(shop: &Shop, token: &str, query: &str) -> Client {
    let mut client = shop.app.connect();
    client.send(format!(
        "GET /events/?{query} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    ));
    client
}

#[track_caller]
fn await_waiters(app: &TestApp, count: usize) {
    let began = Instant::now();
    let line = format!("orderd_event_waiters {count}\n");
    while !app.get("/metrics").send().text().contains(&line) {
        assert!(began.elapsed() < TIMEOUT, "there never are {count} waiters");
        thread::yield_now();
    }
}

/// Two orders, one of them with a whole life.
fn shop_with_events() -> Shop {
    let shop = Shop::open();
    let id = shop.pizza();
    shop.update(&shop.ann, id, &json!({"note": "ring"})).good();
    shop.pay(id, 1900).good();
    shop.set_status(&shop.admin, id, "processing").good();
    shop.create(&shop.ann, &json!({"success": true})).good();
    shop.set_status(&shop.admin, id, "ready").good();
    shop.set_status(&shop.admin, id, "completed").good();
    shop.refund(id, 100).good();
    shop
}

#[test]
fn every_change_is_one_event_in_the_order_of_the_commits_with_its_order_as_it_is_now() {
    let shop = shop_with_events();
    let page = read(&shop, "").good();
    let expected = [
        "order.created",
        "order.updated",
        "order.payment_recorded",
        "order.processing",
        "order.created",
        "order.ready",
        "order.completed",
        "order.refund_recorded",
    ];
    assert_eq!(types(&page), expected);
    let events = page["events"].as_array().unwrap();
    for (event, id) in events.iter().zip(1..) {
        assert_eq!(event["id"], id);
        assert!(event["timestamp"].as_str().unwrap().ends_with(".000000Z"), "{event}");
    }
    assert_eq!(page["next"], 8);
    let placed = &events[0];
    assert_eq!((&placed["version"], &placed["actor_id"]), (&json!(1), &json!(ANN_ID)));
    assert_eq!(placed["previous_status"], Value::Null);
    assert_eq!(placed["data"]["order"]["status"], "completed");
    assert_eq!(placed["data"]["order"]["version"], 7);
    let ready = &events[5];
    assert_eq!((&ready["previous_status"], &ready["version"]), (&json!("processing"), &json!(5)));
    assert_eq!(ready["actor_id"], ADMIN_ID);
    let simple = shop.order(&shop.ann, 2);
    assert_eq!(events[4]["data"]["order"], simple);
}

#[test]
fn what_changes_nothing_and_what_is_refused_makes_no_event() {
    let shop = Shop::open();
    let id = shop.pizza();
    shop.update(&shop.ann, id, &json!({})).good();
    shop.set_status(&shop.admin, id, "pending").good();
    shop.set_status(&shop.ann, id, "ready").assert_status(403);
    shop.pay(id, 5000).assert_status(409);
    shop.create(&shop.ann, &json!({"line_items": []})).assert_status(422);
    shop.create_with_key(&shop.ann, "k", &pizza()).good();
    shop.create_with_key(&shop.ann, "k", &pizza()).good();
    assert_eq!(types(&read(&shop, "").good()), ["order.created", "order.created"]);
}

#[test]
fn pages_lead_on_and_filters_look_past_what_they_leave_out() {
    let shop = shop_with_events();
    let mut after = 0;
    for expected in [1, 2, 3, 4, 5, 6, 7, 8] {
        let page = read(&shop, &format!("after={after}&limit=1")).good();
        assert_eq!(page["events"][0]["id"], expected);
        after = page["next"].as_u64().unwrap();
    }
    assert_eq!(read(&shop, &format!("after={after}")).good()["events"], json!([]));
    let ready = read(&shop, "types=order.ready,order.completed").good();
    assert_eq!(types(&ready), ["order.ready", "order.completed"]);
    assert_eq!(ready["next"], 8, "the last that was looked at");
    let second = read(&shop, "order_id=2").good();
    assert_eq!((types(&second), &second["next"]), (vec!["order.created"], &json!(8)));
    let none = read(&shop, "order_id=2&types=order.ready").good();
    assert_eq!((&none["events"], &none["next"]), (&json!([]), &json!(8)));
}

#[test]
fn a_limit_of_0_gives_the_position_whatever_else_is_asked() {
    let shop = shop_with_events();
    for query in ["limit=0", "limit=0&after=99", "limit=0&wait=30", "limit=0&source=other"] {
        let page = read(&shop, query).good();
        assert_eq!((&page["events"], &page["next"]), (&json!([]), &json!(8)), "{query}");
    }
}

#[test]
fn the_feed_is_for_admins_and_reads_its_parameters_strictly() {
    let shop = shop_with_events();
    shop.app.read(&shop.ann, "/events/").assert_status(403);
    shop.app.get("/events/").send().assert_status(401);
    for query in [
        "after=-1",
        "after=x",
        "limit=1001",
        "wait=31",
        "types=order.lost",
        "types=",
        "order_id=0",
        "x=1",
    ] {
        read(&shop, query).assert_status(422);
    }
}

#[test]
fn what_is_not_there_is_gone_and_says_where_to_begin() {
    let shop = shop_with_events();
    let source = read(&shop, "").good()["source"].clone();
    for query in ["after=9", "source=8f14e45f-ceea-467a-9575-0ec26c2b1d3e", "source="] {
        let gone = read(&shop, query);
        gone.assert_status(410);
        let body = gone.json();
        assert_eq!((&body["oldest"], &body["source"]), (&json!(1), &source), "{query}");
    }
    let source = source.as_str().unwrap();
    read(&shop, &format!("source={source}&after=8")).good();
}

#[test]
fn a_wait_ends_with_the_next_event_and_with_its_time() {
    let shop = shop_with_events();
    let mut waiting = wait(&shop, "after=8&wait=30");
    await_waiters(&shop.app, 1);
    shop.pizza();
    let page = waiting.read().good();
    assert_eq!((types(&page), &page["next"]), (vec!["order.created"], &json!(9)));
    await_waiters(&shop.app, 0);
    let page = wait(&shop, "after=9&wait=1").read().good();
    assert_eq!((&page["events"], &page["next"]), (&json!([]), &json!(9)));
    // Nothing to wait for: there is something already.
    assert_eq!(wait(&shop, "after=0&wait=30").read().good()["next"], 9);
}

#[test]
fn a_client_that_hangs_up_frees_its_place() {
    let shop = Shop::open();
    let mut socket = std::net::TcpStream::connect(shop.app.address()).unwrap();
    let token = &shop.admin;
    let request = format!(
        "GET /events/?wait=30 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
    await_waiters(&shop.app, 1);
    socket.shutdown(Shutdown::Both).unwrap();
    drop(socket);
    await_waiters(&shop.app, 0);
}

#[test]
fn two_hundred_and_fifty_six_wait_and_one_more_is_told_to_come_back() {
    let shop = Shop::open();
    let waiting: Vec<Client> = (0..256).map(|_| wait(&shop, "wait=30")).collect();
    await_waiters(&shop.app, 256);
    let refused = read(&shop, "wait=30");
    refused.assert_status(503);
    refused.assert_header("Retry-After", "1");
    // Without a wait it needs no place.
    read(&shop, "").good();
    shop.pizza();
    for mut client in waiting {
        assert_eq!(client.read().good()["next"], 1);
    }
    await_waiters(&shop.app, 0);
}

#[test]
fn a_stop_answers_those_who_wait_with_their_position() {
    let mut shop = shop_with_events();
    let mut waiting = wait(&shop, "after=8&wait=30");
    await_waiters(&shop.app, 1);
    shop.app.stop();
    let response = waiting.read();
    response.assert_header("Connection", "close");
    assert_eq!(response.good()["next"], 8);
}

#[test]
fn who_may_not_read_any_more_hears_nothing_of_what_comes() {
    let shop = Shop::open();
    let mut waiting = wait(&shop, "wait=30");
    await_waiters(&shop.app, 1);
    let body = json!({"old_password": ADMIN_PASSWORD, "new_password": "Another1!"});
    shop.app.post("/auth/password").bearer(&shop.admin).json(&body).send().assert_status(204);
    shop.pizza();
    waiting.read().assert_status(401);
}

#[test]
fn a_key_that_ends_while_it_waits_hears_nothing_of_what_comes() {
    let shop = Shop::open();
    let (id, ended) = keys::key(&shop.app, &shop.admin, "kitchen");
    let (_, other) = keys::key(&shop.app, &shop.admin, "hall");
    let mut waiting = [&ended, &other].map(|key| wait_with(&shop, key, "wait=30"));
    await_waiters(&shop.app, 2);
    keys::revoke(&shop.app, &shop.admin, id).assert_status(204);
    shop.pizza();
    waiting[0].read().assert_status(401);
    assert_eq!(waiting[1].read().good()["next"], 1);
}

/// Upkeep looks for old rows at the start.
#[track_caller]
fn restart_and_prune(shop: &mut Shop) {
    shop.app.restart();
    shop.admin = shop.app.admin();
    let began = Instant::now();
    while read(shop, "").status != 410 {
        assert!(began.elapsed() < TIMEOUT, "nothing is pruned");
        thread::yield_now();
    }
}

#[test]
fn old_events_are_gone_and_never_silently() {
    let mut shop = shop_with_events();
    shop.app.advance_secs(31 * 86_400);
    restart_and_prune(&mut shop);
    assert_eq!(read(&shop, "").json()["oldest"], 9);
    read(&shop, "after=7").assert_status(410);
    assert_eq!(read(&shop, "after=8").good()["events"], json!([]));
    let id = shop.app.create_order(&shop.admin, &json!({"success": true})).good()["id"].clone();
    let page = read(&shop, "after=8").good();
    assert_eq!((&page["next"], &page["events"][0]["data"]["order"]["id"]), (&json!(9), &id));
    assert!(shop.app.app().store().check().unwrap().is_sound());
}

/// Times never fall: all later events have the time of then, and get old like others.
#[test]
fn a_clock_that_was_once_ahead_keeps_no_event_for_ever() {
    const DAY: u64 = 86_400;
    let mut shop = Shop::open();
    shop.app.place(ANN_ID, true, START_SECS + 3650 * DAY);
    let id = shop.pizza();
    shop.set_status(&shop.admin, id, "processing").good();
    let times = |page: &Value| {
        let events = page["events"].as_array().unwrap();
        events.iter().map(|it| it["timestamp"].clone()).collect::<Vec<_>>()
    };
    let then = "2035-10-05T05:58:11.000000Z";
    assert_eq!(times(&read(&shop, "").good()), [then; 3]);
    shop.app.advance_secs(20 * DAY);
    shop.admin = shop.app.admin();
    shop.set_status(&shop.admin, id, "ready").good();
    shop.app.advance_secs(11 * DAY);
    restart_and_prune(&mut shop);
    // What is young stays, though its time is the same.
    assert_eq!(read(&shop, "").json()["oldest"], 4);
    shop.set_status(&shop.admin, id, "completed").good();
    let kept = read(&shop, "after=3").good();
    assert_eq!(
        (types(&kept), times(&kept)),
        (vec!["order.ready", "order.completed"], vec![then.into(); 2])
    );
    let check = shop.app.app().store().check().unwrap();
    assert!(check.is_sound(), "{:?}", check.faults);
}

#[test]
fn without_a_feed_there_is_none_and_turned_on_again_it_has_a_gap_that_it_tells_of() {
    let folder = support::folder::Folder::new();
    let path = folder.path().to_owned();
    let begin = |days: &str| {
        let copy = support::folder::Folder::new();
        for name in ["orders.redb"] {
            if path.join(name).exists() {
                std::fs::copy(path.join(name), copy.join(name)).unwrap();
            }
        }
        let days = format!("--events-keep-days={days}");
        TestApp::start_in(copy, &["--rate-limit-requests=0", &days])
    };
    let keep = |mut app: TestApp| {
        app.stop();
        std::fs::copy(app.folder().join("orders.redb"), path.join("orders.redb")).unwrap();
    };
    let place = |app: &TestApp| app.create_order(&app.admin(), &json!({"success": true})).good();
    let events = |app: &TestApp, query: &str| app.read(&app.admin(), &format!("/events/?{query}"));
    let app = begin("30");
    place(&app);
    keep(app);
    let app = begin("0");
    place(&app);
    events(&app, "").assert_status(404);
    keep(app);
    let app = begin("30");
    assert_eq!(events(&app, "limit=0").good()["next"], 2);
    for lost in [0, 1] {
        events(&app, &format!("after={lost}")).assert_status(410);
    }
    place(&app);
    let page = events(&app, "after=2").good();
    assert_eq!(
        (&page["events"][0]["id"], &page["events"][0]["data"]["order"]["id"]),
        (&json!(3), &json!(3))
    );
    assert!(app.app().store().check().unwrap().is_sound());
}
