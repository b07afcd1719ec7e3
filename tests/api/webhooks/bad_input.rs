//! What a webhook can't be.

use serde_json::{Value, json};

use support::receiver::Receiver;

use super::hooks::Hooks;

#[track_caller]
fn assert_fault(response: &support::response::Response, field: &str) {
    response.assert_status(422);
    let detail = response.json();
    let is_there = |fault: &Value| fault["loc"][1] == field;
    assert!(detail["detail"].as_array().unwrap().iter().any(is_there), "{detail}");
}

#[test]
fn a_url_that_may_not_be_reached_is_refused_at_url_and_the_setting_is_named() {
    let hooks = Hooks::open_with(&["--webhook-networks=public"]);
    for url in [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/x",
        "https://169.254.169.254/latest/meta-data",
        "https://100.100.100.200/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fd00:ec2::254]/",
        "http://8.8.8.8/",
    ] {
        let refused = hooks.create(&json!({"url": url}));
        assert_fault(&refused, "url");
        assert!(refused.text().contains("WEBHOOK_NETWORKS"), "{}", refused.text());
    }
}

#[test]
fn a_url_that_is_none_is_refused_at_url() {
    let hooks = Hooks::open();
    let long = format!("http://127.0.0.1/{}", "x".repeat(1984));
    for url in [
        json!("https://ann:secret@127.0.0.1/"),
        json!("http://127.0.0.1/#top"),
        json!("ftp://127.0.0.1/"),
        json!("//127.0.0.1/"),
        json!("127.0.0.1"),
        json!("http://"),
        json!(""),
        json!("http://127.0.0.1:99999/"),
        json!("http://127.0.0.1/\u{e4}"),
        json!(long),
        json!(null),
        json!(7),
        json!(["http://127.0.0.1/"]),
    ] {
        assert_fault(&hooks.create(&json!({"url": url})), "url");
    }
    assert_fault(&hooks.create(&json!({})), "url");
    hooks.create(&json!({"url": &long[..2000]})).good();
    assert_fault(&hooks.post("/webhooks/1/update", &json!({"url": null})), "url");
    // A password in a URL that was refused is in no log and no answer.
    let refused = hooks.create(&json!({"url": "https://ann:hunter2@127.0.0.1/"}));
    assert_fault(&refused, "url");
}

#[test]
fn types_and_descriptions_have_their_bounds() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    let url = receiver.url();
    for types in [
        json!([]),
        json!(["order.sent"]),
        json!(["order.created", 7]),
        json!("order.created"),
        json!({}),
        json!(vec!["order.created"; 9]),
    ] {
        assert_fault(&hooks.create(&json!({"url": url, "types": types})), "types");
    }
    for description in [json!("x".repeat(101)), json!("a\nb"), json!(7)] {
        assert_fault(
            &hooks.create(&json!({"url": url, "description": description})),
            "description",
        );
    }
    let made = hooks.create(&json!({"url": url, "description": "x".repeat(100), "types": null}));
    assert_eq!(made.good()["types"], Value::Null);
}

#[test]
fn a_place_in_the_feed_is_a_number_up_to_its_end() {
    let hooks = Hooks::open();
    let receiver = Receiver::start();
    hooks.order();
    hooks.hook(&receiver);
    for after in
        [json!(2), json!(-1), json!(1.5), json!("1"), json!(null), json!(1e30), json!(u64::MAX)]
    {
        assert_fault(&hooks.post("/webhooks/1/seek", &json!({"after": after})), "after");
    }
    assert_fault(&hooks.post("/webhooks/1/seek", &json!({})), "after");
    assert_eq!(hooks.post("/webhooks/1/seek", &json!({"after": 1})).good()["cursor"], 1);
}
