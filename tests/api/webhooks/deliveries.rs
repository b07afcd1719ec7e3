//! What arrives, in which order, and how it is signed.

use serde_json::{Value, json};

use support::receiver::{Receiver, Reply};

use super::hooks::{Hooks, event_ids, is_signed_by};

const PIZZA: fn() -> Value = || json!({"line_items": [{"name": "Pizza"}]});

#[test]
fn an_event_arrives_as_it_is_in_the_feed_with_its_source() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, secret) = hooks.hook(&receiver);
    hooks.order();
    let got = receiver.wait_for(1).remove(0);
    let feed = hooks.app.read(&hooks.admin, "/events/").good();
    let mut expected = json!({"source": feed["source"]});
    let event = feed["events"][0].as_object().unwrap().clone();
    expected.as_object_mut().unwrap().extend(event);
    assert_eq!(got.json(), expected);
    let source = feed["source"].as_str().unwrap();
    assert_eq!(got.header("webhook-id"), format!("evt_{}_1", &source[..8]));
    assert!(is_signed_by(&got, &secret));
    let webhook = hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    assert_eq!(webhook["cursor"], 1);
    let attempt = &webhook["attempts"][0];
    assert_eq!(attempt["event_id"], 1);
    assert_eq!((&attempt["status"], &attempt["error"]), (&json!(200), &Value::Null));
    assert_eq!(attempt["at"], "2025-10-07T05:58:11.000000Z");
}

#[test]
fn events_arrive_once_and_in_order() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    for _ in 0..40 {
        hooks.order();
    }
    let order = hooks.app.create_order(&hooks.admin, &PIZZA()).good()["id"].clone();
    for status in ["processing", "ready", "completed"] {
        let change = json!({"status": status});
        hooks.post(&format!("/orders/{order}/status"), &change).good();
    }
    let got = receiver.wait_for(44);
    hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    assert_eq!(event_ids(&receiver.got()), (1..=44).collect::<Vec<_>>());
    let kinds: Vec<_> = got[40..].iter().map(|got| got.json()["type"].clone()).collect();
    assert_eq!(kinds, ["order.created", "order.processing", "order.ready", "order.completed"]);
    assert_eq!(got[41].json()["previous_status"], "pending");
}

#[test]
fn what_is_not_wanted_is_passed() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let types = json!(["order.processing"]);
    hooks.create(&json!({"url": receiver.url(), "types": types})).good();
    hooks.order();
    hooks.wait_until(1, |webhook| webhook["cursor"] == 1 && webhook["backlog"] == 0);
    let order = hooks.app.create_order(&hooks.admin, &PIZZA()).good()["id"].clone();
    hooks.post(&format!("/orders/{order}/status"), &json!({"status": "processing"})).good();
    hooks.order();
    hooks.wait_until(1, |webhook| webhook["cursor"] == 4);
    assert_eq!(event_ids(&receiver.got()), [3]);
}

#[test]
fn a_failure_is_tried_again_with_the_same_id_and_nothing_overtakes_it() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, secret) = hooks.hook(&receiver);
    receiver.then(Reply::Status(500, "", b"oh no".to_vec()));
    hooks.order();
    hooks.order();
    let webhook = hooks.wait_until(id, |webhook| !webhook["failing_since"].is_null());
    assert_eq!(webhook["failing_since"], "2025-10-07T05:58:11Z");
    assert_eq!(webhook["last_error"], "it answered 500");
    assert_eq!(webhook["attempts"][0]["answer"], "oh no");
    assert_eq!((&webhook["cursor"], &webhook["backlog"]), (&json!(0), &json!(2)));
    let next = webhook["next_attempt_at"].as_str().unwrap();
    assert!(("2025-10-07T05:58:15Z".."2025-10-07T05:58:18Z").contains(&next), "{next}");
    hooks.app.advance_secs(7);
    let got = receiver.wait_for(3);
    assert_eq!(event_ids(&got), [1, 1, 2]);
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));
    assert_ne!(got[0].header("webhook-timestamp"), got[1].header("webhook-timestamp"));
    assert!(got.iter().all(|got| is_signed_by(got, &secret)));
    let webhook = hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    assert_eq!((&webhook["failing_since"], &webhook["last_error"]), (&Value::Null, &Value::Null));
    assert_eq!(webhook["attempts"].as_array().unwrap().len(), 3);
    assert_eq!(webhook["attempts"][0]["event_id"], 2);
}

#[test]
fn after_a_rotation_both_secrets_sign_for_a_day_and_a_second_one_drops_the_oldest() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, first) = hooks.hook(&receiver);
    let rotate = || hooks.act(id, "rotate").good()["secret"].as_str().unwrap().to_owned();
    let second = rotate();
    assert_ne!(first, second);
    hooks.order();
    let got = receiver.wait_for(1).remove(0);
    assert!(is_signed_by(&got, &first) && is_signed_by(&got, &second));
    let third = rotate();
    hooks.order();
    let got = receiver.wait_for(2).remove(1);
    assert!(!is_signed_by(&got, &first) && is_signed_by(&got, &second));
    let signatures: Vec<&str> = got.header("webhook-signature").split(' ').collect();
    assert_eq!(signatures.len(), 2);
    let new_alone = standardwebhooks::Webhook::new(&third).unwrap();
    let at = got.header("webhook-timestamp").parse().unwrap();
    assert_eq!(signatures[0], new_alone.sign(got.header("webhook-id"), at, &got.body).unwrap());
    let order_later = |secs: u64, count: usize| {
        hooks.app.advance_secs(secs);
        hooks.app.create_order(&hooks.app.admin(), &json!({"success": true})).good();
        receiver.wait_for(count).remove(count - 1)
    };
    let got = order_later(24 * 60 * 60 - 1, 3);
    assert!(is_signed_by(&got, &third) && is_signed_by(&got, &second));
    let got = order_later(1, 4);
    assert!(is_signed_by(&got, &third) && !is_signed_by(&got, &second));
}

#[test]
fn a_webhook_can_go_back_and_skip() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    for _ in 0..3 {
        hooks.order();
    }
    receiver.wait_for(3);
    hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    hooks.post(&format!("/webhooks/{id}/seek"), &json!({"after": 1})).good();
    assert_eq!(event_ids(&receiver.wait_for(5)), [1, 2, 3, 2, 3]);
    hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    hooks.act(id, "disable").good();
    hooks.order();
    hooks.order();
    let skipped = hooks.post(&format!("/webhooks/{id}/seek"), &json!({"after": 5})).good();
    assert_eq!(skipped["backlog"], 0);
    hooks.act(id, "enable").good();
    hooks.order();
    assert_eq!(event_ids(&receiver.wait_for(6))[5], 6);
}

#[test]
fn a_disabled_webhook_goes_on_where_it_stopped() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    hooks.order();
    receiver.wait_for(1);
    hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    assert_eq!(hooks.act(id, "disable").good()["state"], "disabled");
    hooks.order();
    hooks.order();
    assert_eq!(hooks.get(id)["backlog"], 2);
    hooks.act(id, "enable").good();
    assert_eq!(event_ids(&receiver.wait_for(3)), [1, 2, 3]);
}

/// Its thread ends with the one, and must be there again with the other, however soon.
#[test]
fn a_webhook_that_is_enabled_while_its_thread_ends_goes_on_at_once() {
    const TIMES: u64 = 100;
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    for event in 1..=TIMES {
        // This ends it, too.
        receiver.then(Reply::status(410));
        hooks.order();
        hooks.wait_until(id, |webhook| webhook["state"] == "disabled");
        hooks.act(id, "enable").good();
        hooks.act(id, "disable").good();
        hooks.act(id, "enable").good();
        hooks.wait_until(id, |webhook| webhook["cursor"] == event);
    }
    let mut ids = event_ids(&receiver.got());
    ids.dedup();
    assert_eq!(ids, (1..=TIMES).collect::<Vec<_>>());
}

#[test]
fn a_restart_goes_on_where_it_stopped() {
    let mut hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    hooks.order();
    receiver.wait_for(1);
    hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    hooks.app.restart();
    hooks.order();
    receiver.wait_for(2);
    hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    assert_eq!(event_ids(&receiver.got()), [1, 2]);
}

#[test]
fn a_test_is_sent_at_once_moves_nothing_and_gives_what_came_of_it() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, secret) = hooks.hook(&receiver);
    hooks.act(id, "disable").good();
    let before = hooks.get(id);
    receiver.then(Reply::Status(418, "", b"short and stout".to_vec()));
    let attempt = hooks.act(id, "test").good();
    assert_eq!(attempt["event_id"], Value::Null);
    assert_eq!((&attempt["status"], &attempt["answer"]), (&json!(418), &json!("short and stout")));
    assert_eq!(attempt["error"], "it answered 418");
    let got = receiver.wait_for(1).remove(0);
    let source = hooks.app.read(&hooks.admin, "/events/?limit=0").good()["source"].clone();
    assert_eq!(
        got.json(),
        json!({"source": source, "id": null, "type": "webhook.test",
               "timestamp": "2025-10-07T05:58:11.000000Z", "data": {}})
    );
    assert!(got.header("webhook-id").starts_with("evt_test_"));
    assert!(is_signed_by(&got, &secret));
    assert_eq!(hooks.get(id), before);
    assert_eq!(hooks.act(id, "test").good()["error"], Value::Null);
    let ids: Vec<_> =
        receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_stop_cuts_the_test_under_way_and_says_so() {
    let mut hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    receiver.usually(Reply::Hang);
    let mut waiting = hooks.app.connect();
    waiting.send(test_request(&hooks, id));
    receiver.wait_for(1);
    hooks.app.stop();
    waiting.read().assert_status(503);
    assert_eq!(receiver.ended(), 0);
}

fn test_request(hooks: &Hooks, id: u64) -> String {
    format!(
        "POST /webhooks/{id}/test HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 0\r\n\r\n",
        hooks.admin,
    )
}

/// Each test has a thread of its own, which a receiver can hold.
#[test]
fn eight_tests_run_at_once_and_a_ninth_is_told_to_come_back() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    receiver.usually(Reply::Hang);
    let mut waiting: Vec<_> = (0..8).map(|_| hooks.app.connect()).collect();
    waiting.iter_mut().for_each(|client| client.send(test_request(&hooks, id)));
    receiver.wait_for(8);
    hooks.act(id, "test").assert_status(503);
    drop(receiver);
    for client in &mut waiting {
        assert!(client.read().good()["error"].is_string());
    }
}

#[test]
fn the_last_hundred_attempts_are_kept() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    for _ in 0..103 {
        hooks.order();
    }
    let webhook = hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    let attempts = webhook["attempts"].as_array().unwrap();
    let ids: Vec<u64> = attempts.iter().map(|it| it["event_id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (4..=103).rev().collect::<Vec<_>>());
    // No more are there, either.
    let check = hooks.app.app().store().check().unwrap();
    assert!(check.is_sound(), "{:?}", check.faults);
}

#[test]
fn metrics_tell_of_deliveries_and_of_what_waits() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    hooks.order();
    hooks.wait_until(id, |webhook| !webhook["attempts"].as_array().unwrap().is_empty());
    hooks.act(id, "disable").good();
    hooks.order();
    hooks.app.advance_secs(5);
    let text = hooks.app.get("/metrics").send().text();
    for line in [
        "orderd_webhook_deliveries_total{webhook=\"1\",outcome=\"delivered\"} 1\n",
        "orderd_webhook_backlog{webhook=\"1\"} 1\n",
        "orderd_webhook_oldest_age_seconds{webhook=\"1\"} 5\n",
    ] {
        assert!(text.contains(line), "{line} {text}");
    }
    hooks.act(id, "delete").assert_status(204);
    let text = hooks.app.get("/metrics").send().text();
    assert!(!text.contains("orderd_webhook_backlog{"), "{text}");
}
