//! Rows that can't be read, and what becomes of webhooks.

use serde_json::json;

use crate::damage::{EVENTS, ORDERS, spoil};
use support::receiver::Receiver;

use super::hooks::{Hooks, event_ids};

#[test]
fn an_event_that_cannot_be_read_is_told_as_lost_and_those_behind_it_arrive() {
    let mut hooks = Hooks::open();
    let receiver = Receiver::start();
    let (id, _) = hooks.hook(&receiver);
    hooks.act(id, "disable").good();
    let pizza = json!({"line_items": [{"name": "Pizza"}]});
    let order = hooks.app.create_order(&hooks.admin, &pizza).good()["id"].clone();
    let update = |note: &str| {
        hooks.post(&format!("/orders/{order}/update"), &json!({ "note": note })).good();
    };
    update("ring");
    update("knock");
    hooks.order();
    hooks.order();
    spoil(&mut hooks.app, EVENTS, 2);
    spoil(&mut hooks.app, ORDERS, 2);
    hooks.act(id, "enable").good();
    assert_eq!(event_ids(&receiver.wait_for(3)), [1, 3, 5]);
    let webhook = hooks.wait_until(id, |webhook| webhook["backlog"] == 0);
    let told = webhook["last_error"].as_str().unwrap();
    assert!(told.starts_with("events 2 to 4") && told.ends_with("lost to it"), "{told}");
}
