//! Making, changing and removing webhooks.

use serde_json::{Value, json};

use support::app::TestApp;
use support::receiver::Receiver;

use super::hooks::Hooks;
use super::names::{Gate, Told};

#[test]
fn a_webhook_is_made_at_the_end_of_the_feed_and_shows_its_secret_once() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    hooks.order();
    let body = json!({"url": receiver.url(), "description": " The kitchen "});
    let made = hooks.create(&body).good();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    let mut expected = json!({
        "id": 1, "url": receiver.url(), "types": null, "description": "The kitchen",
        "state": "enabled", "created_at": "2025-10-07T05:58:11Z", "cursor": 1, "backlog": 0,
        "failing_since": null, "next_attempt_at": null, "last_error": null, "secret": secret,
    });
    assert_eq!(made, expected);
    expected.as_object_mut().unwrap().remove("secret");
    let list = hooks.app.read(&hooks.admin, "/webhooks/");
    assert_eq!(list.good(), json!({"webhooks": [expected]}));
    expected["attempts"] = json!([]);
    assert_eq!(hooks.get(1), expected);
    let secret = &secret[6..];
    assert!(!list.text().contains(secret));
}

#[test]
fn types_are_kept_without_repeats_and_may_be_cleared() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let types = json!(["order.ready", "order.created", "order.ready"]);
    let made = hooks.create(&json!({"url": receiver.url(), "types": types})).good();
    assert_eq!(made["types"], json!(["order.ready", "order.created"]));
    let update = |body: &Value| hooks.post("/webhooks/1/update", body).good();
    assert_eq!(update(&json!({"description": "x"}))["types"], made["types"]);
    let cleared = update(&json!({"types": null, "description": null}));
    assert_eq!((&cleared["types"], &cleared["description"]), (&Value::Null, &Value::Null));
    assert!(cleared.get("secret").is_none());
}

#[test]
fn a_ninth_webhook_is_a_conflict_and_ids_are_not_given_again() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    for id in 1..=8 {
        assert_eq!(hooks.hook(&receiver).0, id);
    }
    hooks.create(&json!({"url": receiver.url()})).assert_status(409);
    hooks.act(8, "delete").assert_status(204);
    hooks.act(8, "delete").assert_status(404);
    assert_eq!(hooks.hook(&receiver).0, 9);
}

#[test]
fn only_admins_have_webhooks() {
    let hooks = Hooks::open();
    let user = hooks.app.user("ann");
    for (method, target) in [
        ("GET", "/webhooks/"),
        ("GET", "/webhooks/1"),
        ("POST", "/webhooks/create"),
        ("POST", "/webhooks/1/update"),
        ("POST", "/webhooks/1/enable"),
        ("POST", "/webhooks/1/disable"),
        ("POST", "/webhooks/1/delete"),
        ("POST", "/webhooks/1/rotate"),
        ("POST", "/webhooks/1/seek"),
        ("POST", "/webhooks/1/test"),
    ] {
        hooks.app.request(method, target).send().assert_status(401);
        hooks.app.request(method, target).bearer(&user).send().assert_status(403);
    }
}

#[test]
fn one_that_is_not_there_is_404() {
    let hooks = Hooks::open();
    for action in ["enable", "disable", "delete", "rotate", "test"] {
        hooks.act(7, action).assert_status(404);
    }
    hooks.post("/webhooks/7/update", &json!({})).assert_status(404);
    hooks.post("/webhooks/7/seek", &json!({"after": 0})).assert_status(404);
    hooks.app.read(&hooks.admin, "/webhooks/7").assert_status(404);
}

#[test]
fn a_name_is_held_against_the_networks_when_the_webhook_is_made_and_when_it_is_changed() {
    let names = Told::of(&[&["10.0.0.1", "127.0.0.1"]]);
    let hooks = Hooks::open_on(names, &["--webhook-networks=public"]);
    let refused = hooks.create(&json!({"url": "https://inside.example/"}));
    refused.assert_status(422);
    let fault = &refused.json()["detail"][0];
    assert_eq!(fault["loc"], json!(["body", "url"]));
    assert!(fault["msg"].as_str().unwrap().contains("WEBHOOK_NETWORKS"), "{fault}");
    assert_eq!(hooks.app.read(&hooks.admin, "/webhooks/").good(), json!({"webhooks": []}));
    hooks.create(&json!({"url": "https://8.8.8.8/"})).good();
    let refused = hooks.post("/webhooks/1/update", &json!({"url": "https://inside.example/"}));
    refused.assert_status(422);
    assert_eq!(hooks.get(1)["url"], "https://8.8.8.8/");
}

#[test]
fn a_name_without_addresses_is_taken_and_told_of() {
    let hooks = Hooks::open_on(Told::of(&[]), &[]);
    let made = hooks.create(&json!({"url": "https://nowhere.example/"})).good();
    let error = made["last_error"].as_str().unwrap();
    assert_eq!(error, "nowhere.example can't be looked up: no such name");
    assert_eq!(made["state"], "enabled");
}

#[test]
fn a_name_server_that_hangs_holds_no_thread_and_the_webhook_is_taken() {
    let gate = std::sync::Arc::new(Gate::default());
    // Five threads in all.
    let hooks = Hooks::open_on(gate.clone(), &["--http-threads=1"]);
    let body = json!({"url": "https://slow.example/"}).to_string();
    let request = format!(
        "POST /webhooks/create HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        hooks.admin,
        body.len(),
    );
    let mut waiting: Vec<_> = (0..7).map(|_| hooks.app.connect()).collect();
    waiting.iter_mut().for_each(|client| client.send(&request));
    hooks.app.get("/health").send().good();
    for client in &mut waiting {
        let made = client.read().good();
        assert!(made["last_error"].as_str().unwrap().contains("takes too long"), "{made}");
    }
    gate.open();
}

#[test]
fn without_a_feed_none_is_made_or_enabled_and_those_there_stand_still() {
    let receiver = Receiver::start();
    let mut hooks = Hooks::open();
    hooks.hook(&receiver);
    hooks.hook(&receiver);
    hooks.act(2, "disable").good();
    let Hooks { app, .. } = hooks;
    let app = app.restart_with(&["--rate-limit-requests=0", "--events-keep-days=0"]);
    hooks = Hooks { admin: app.admin(), app };
    hooks.create(&json!({"url": receiver.url()})).assert_status(409);
    hooks.act(2, "enable").assert_status(409);
    let first = hooks.get(1);
    assert_eq!(first["state"], "enabled");
    assert!(first["last_error"].as_str().unwrap().contains("EVENTS_KEEP_DAYS"), "{first}");
    hooks.order();
    let app: TestApp = hooks.app.restart_with(&["--rate-limit-requests=0"]);
    hooks = Hooks { admin: app.admin(), app };
    // One id was passed over: what happened meanwhile is lost, and told.
    let first = hooks.wait_until(1, |webhook| webhook["backlog"] == 0);
    assert!(first["last_error"].as_str().unwrap().contains("lost"), "{first}");
    hooks.order();
    assert_eq!(receiver.wait_for(1)[0].json()["id"], 2);
    assert!(hooks.act(1, "enable").good()["last_error"].is_null());
}
