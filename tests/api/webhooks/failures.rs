//! Receivers that fail, and what becomes of the webhook and of its neighbours.

use std::sync::Arc;

use serde_json::{Value, json};

use support::receiver::{Receiver, Reply};

use super::hooks::{Hooks, event_ids};
use super::names::{Told, Wordy};

const DAY: u64 = 24 * 60 * 60;

#[test]
fn a_410_disables_with_the_cursor_where_it_was() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    receiver.then(Reply::status(410));
    hooks.order();
    let webhook = hooks.wait_until(id, |webhook| webhook["state"] == "disabled");
    assert_eq!((&webhook["cursor"], &webhook["backlog"]), (&json!(0), &json!(1)));
    assert!(webhook["last_error"].as_str().unwrap().contains("410"));
    assert_eq!(webhook["next_attempt_at"], Value::Null);
    hooks.act(id, "enable").good();
    assert_eq!(event_ids(&receiver.wait_for(2)), [1, 1]);
}

/// Moves the clock on and waits for one attempt more.
#[track_caller]
fn fail_again(hooks: &Hooks, id: u64, attempts: usize) -> Value {
    let count = |webhook: &Value| webhook["attempts"].as_array().unwrap().len();
    hooks.wait_until(id, |webhook| count(webhook) >= attempts)
}

#[test]
fn five_days_of_answers_without_success_disable() {
    let mut hooks = Hooks::open();
    let receiver = Receiver::start();
    receiver.usually(Reply::status(500));
    let (id, _) = hooks.hook(&receiver);
    hooks.order();
    fail_again(&hooks, id, 1);
    hooks.app.advance_secs(5 * DAY - 60);
    hooks.admin = hooks.app.admin();
    let webhook = fail_again(&hooks, id, 2);
    assert_eq!(webhook["state"], "enabled");
    hooks.app.advance_secs(3600);
    hooks.admin = hooks.app.admin();
    let webhook = hooks.wait_until(id, |webhook| webhook["state"] == "disabled");
    assert_eq!(webhook["cursor"], 0);
    receiver.usually(Reply::status(200));
    hooks.act(id, "enable").good();
    hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
}

#[test]
fn a_receiver_that_is_not_there_never_disables() {
    let mut hooks = Hooks::open_on(Told::of(&[]), &[]);
    hooks.create(&json!({"url": "http://nowhere.example/"})).good();
    hooks.order();
    fail_again(&hooks, 1, 1);
    for attempts in 2..6 {
        // Within what is kept, in all.
        hooks.app.advance_secs(6 * DAY);
        hooks.admin = hooks.app.admin();
        let webhook = fail_again(&hooks, 1, attempts);
        assert_eq!(webhook["state"], "enabled");
        assert!(webhook["last_error"].as_str().unwrap().contains("no such name"), "{webhook}");
    }
}

#[test]
fn a_receiver_can_ask_for_patience() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    receiver.then(Reply::Status(503, "Retry-After: 600", Vec::new()));
    receiver.then(Reply::status(500));
    let (id, _) = hooks.hook(&receiver);
    hooks.order();
    let webhook = hooks.wait_until(id, |webhook| !webhook["next_attempt_at"].is_null());
    assert_eq!(webhook["next_attempt_at"], "2025-10-07T06:08:11Z");
    // A clock that is set on is noticed.
    hooks.app.advance_secs(600);
    receiver.wait_for(2);
    fail_again(&hooks, id, 2);
    let disabled = hooks.act(id, "disable").good();
    assert_eq!(disabled["failing_since"], "2025-10-07T05:58:11Z");
    assert_eq!(disabled["next_attempt_at"], Value::Null);
}

#[test]
fn one_that_hangs_holds_up_none_of_the_other_seven_and_no_order() {
    let hooks = Hooks::open();
    let hanging = Receiver::start();
    hanging.usually(Reply::Hang);
    hooks.hook(&hanging);
    let receivers: Vec<Receiver> = (0..7).map(|_| Receiver::start()).collect();
    for receiver in &receivers {
        hooks.hook(receiver);
    }
    for _ in 0..10 {
        hooks.order();
    }
    for receiver in &receivers {
        assert_eq!(event_ids(&receiver.wait_for(10)), (1..=10).collect::<Vec<_>>());
    }
    assert_eq!(hanging.wait_for(1).len(), 1);
    // It is disabled and deleted without waiting for it.
    hooks.act(1, "disable").good();
    hooks.act(1, "delete").assert_status(204);
}

#[test]
fn a_stop_cuts_the_attempt_under_way_which_counts_as_not_made() {
    let mut hooks = Hooks::open();
    let receiver = Receiver::start();
    receiver.then(Reply::Hang);
    let (id, _) = hooks.hook(&receiver);
    hooks.order();
    receiver.wait_for(1);
    hooks.app.restart();
    assert_eq!(event_ids(&receiver.wait_for(2)), [1, 1]);
    let webhook = hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    assert_eq!(webhook["attempts"].as_array().unwrap().len(), 1, "{webhook}");
}

#[test]
fn what_changed_under_an_attempt_is_not_undone_by_its_outcome() {
    let hooks = Hooks::open();
    let (old, new) = (Receiver::start(), Receiver::start());
    let (id, _) = hooks.hook(&old);
    old.usually(Reply::Hang);
    hooks.order();
    old.wait_for(1);
    // The attempt is under way: it ends when its receiver is gone.
    hooks.post(&format!("/webhooks/{id}/update"), &json!({"url": new.url()})).good();
    drop(old);
    assert_eq!(event_ids(&new.wait_for(1)), [1]);
    let webhook = hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    assert_eq!(webhook["failing_since"], Value::Null);
}

/// As above, but it goes to another place in the feed meanwhile, or is disabled.
#[test]
fn what_has_skipped_or_ended_under_an_attempt_is_not_failing_after_it() {
    for (action, body, state) in
        [("seek", json!({"after": 1}), "enabled"), ("disable", json!({}), "disabled")]
    {
        let hooks = Hooks::open();
        let receiver = Receiver::start();
        let (id, _) = hooks.hook(&receiver);
        receiver.usually(Reply::Hang);
        hooks.order();
        receiver.wait_for(1);
        hooks.post(&format!("/webhooks/{id}/{action}"), &body).good();
        drop(receiver);
        let count = |webhook: &Value| webhook["attempts"].as_array().unwrap().len();
        let webhook = hooks.wait_until(id, |webhook| count(webhook) == 1);
        assert_eq!((&webhook["state"], &webhook["failing_since"]), (&json!(state), &Value::Null));
        assert_eq!(webhook["last_error"], Value::Null);
    }
}

#[test]
fn a_seek_begins_anew_and_so_does_another_url() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    for (action, body) in [
        ("seek", json!({"after": 0})),
        ("update", json!({"url": format!("{}?again", receiver.url())})),
    ] {
        receiver.then(Reply::Status(503, "Retry-After: 3600", Vec::new()));
        hooks.order();
        hooks.wait_until(id, |webhook| !webhook["failing_since"].is_null());
        // It is tried at once, though its time has not come.
        hooks.post(&format!("/webhooks/{id}/{action}"), &body).good();
        hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    }
}

#[test]
fn what_went_wrong_is_kept_in_500_characters() {
    let hooks = Hooks::open_on(Arc::new(Wordy), &[]);
    let assert_500 = |error: &Value| assert_eq!(error.as_str().unwrap().chars().count(), 500);
    assert_500(&hooks.create(&json!({"url": "http://wordy.example/"})).good()["last_error"]);
    let update = json!({"url": "http://wordy.example/other"});
    assert_500(&hooks.post("/webhooks/1/update", &update).good()["last_error"]);
    hooks.order();
    let webhook = fail_again(&hooks, 1, 1);
    assert_500(&webhook["last_error"]);
    assert_500(&webhook["attempts"][0]["error"]);
}

#[test]
fn what_is_no_longer_kept_is_told_and_not_skipped_unnoticed() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    hooks.act(id, "disable").good();
    for _ in 0..5 {
        hooks.order();
    }
    let up_to = orderd::domain::event::EventId(3);
    hooks.app.app().store().write(orderd::store::PruneEvents { up_to }).unwrap();
    hooks.act(id, "enable").good();
    assert_eq!(event_ids(&receiver.wait_for(2)), [4, 5]);
    let webhook = hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    let told = "events 1 to 3 were no longer kept or can't be read, and are lost to it";
    assert_eq!(webhook["last_error"], told);
    hooks.order();
    hooks.wait_until(id, |webhook| webhook["cursor"] == 6);
    assert_eq!(hooks.get(id)["last_error"], told);
    let update = hooks.post(&format!("/webhooks/{id}/update"), &json!({"description": "x"})).good();
    assert_eq!(update["last_error"], Value::Null);
}
