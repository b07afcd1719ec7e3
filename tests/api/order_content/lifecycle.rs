//! The life cycle: which status follows which, who may say so, and what it leaves.

use serde_json::{Value, json};

use super::shop::{
    ADMIN_ID, ANN_ID, Post, STATUSES, Shop, assert_fault_at, assert_faults, bare, faults, id,
    pizza, with,
};

const FORBIDDEN: &str = "Admin privileges required";
const REASONS: [&str; 6] = ["customer", "inventory", "fraud", "declined", "staff", "other"];

fn is_allowed(from: &str, to: &str) -> bool {
    match from {
        "pending" => ["processing", "ready", "completed", "canceled"].contains(&to),
        "processing" => ["ready", "completed", "canceled"].contains(&to),
        "ready" => ["completed", "canceled", "processing"].contains(&to),
        _ => false,
    }
}

fn is_closed(status: &str) -> bool {
    ["completed", "canceled", "failed"].contains(&status)
}

#[test]
fn every_pair_of_the_table_is_allowed_and_no_other() {
    let shop = Shop::open();
    // Nothing leads an order with content to `failed`: what follows it is in `simple.rs`.
    for from in STATUSES.into_iter().filter(|from| *from != "failed") {
        for to in STATUSES {
            let id = shop.pizza_in(from);
            let before = shop.order(&shop.admin, id);
            assert_eq!(before["status"], from);
            shop.app.advance_secs(1);
            let response = shop.set_status(&shop.admin, id, to);
            let after = shop.order(&shop.admin, id);
            if is_allowed(from, to) {
                assert_eq!(response.good(), bare(&after), "{from} to {to}");
                assert_moved(&before, &after, to);
            } else {
                if from == to {
                    assert_eq!(response.good(), bare(&before), "{from} to {to}");
                } else {
                    let text = format!("An order that is {from} can't become {to}");
                    response.assert_detail(409, &text);
                }
                assert_eq!(after, before, "{from} to {to}");
            }
        }
    }
}

#[track_caller]
fn assert_moved(before: &Value, after: &Value, to: &str) {
    assert_eq!(after["status"], to);
    assert_eq!(after["success"], !["failed", "canceled"].contains(&to));
    assert_eq!(after["version"].as_u64(), before["version"].as_u64().map(|it| it + 1));
    assert_eq!(after["created_at"], before["created_at"]);
    assert_ne!(after["updated_at"], before["updated_at"]);
    let closed_at = if is_closed(to) { after["updated_at"].clone() } else { Value::Null };
    assert_eq!(after["closed_at"], closed_at);
    let entry = after["history"].as_array().unwrap().last().unwrap();
    assert_eq!((&entry["from"], &entry["to"]), (&before["status"], &after["status"]));
    assert_eq!((&entry["version"], &entry["at"]), (&after["version"], &after["updated_at"]));
    assert_eq!((&entry["kind"], &entry["actor_id"]), (&json!("status"), &json!(ADMIN_ID)));
}

#[test]
fn a_payment_is_asked_for_by_no_transition() {
    let shop = Shop::open();
    for paid in [0, 500, 1900] {
        for path in [&["processing", "ready", "completed"][..], &["completed"], &["canceled"]] {
            let id = shop.pizza();
            if paid > 0 {
                shop.pay(id, paid).good();
            }
            for status in path {
                assert_eq!(shop.set_status(&shop.admin, id, status).good()["amount_paid"], paid);
            }
        }
    }
}

#[test]
fn an_owner_cancels_a_pending_order_and_does_nothing_else() {
    let shop = Shop::open();
    for reason in [json!({}), json!({"reason": "customer"}), json!({"reason": null})] {
        let id = shop.pizza();
        let body = with(&reason, "/status", "canceled");
        let order = shop.change(&shop.ann, id, "status", &body).good();
        assert_eq!((&order["status"], &order["success"]), (&json!("canceled"), &json!(false)));
        let entry = shop.order(&shop.ann, id)["history"][0].clone();
        assert_eq!((&entry["actor_id"], &entry["to"]), (&json!(ANN_ID), &json!("canceled")));
    }
    let id = shop.pizza();
    for status in ["processing", "ready", "completed", "failed"] {
        shop.set_status(&shop.ann, id, status).assert_detail(403, FORBIDDEN);
    }
    assert_eq!(shop.order(&shop.ann, id)["version"], 1);
}

#[test]
fn an_owner_cancels_nothing_that_is_past_pending() {
    let shop = Shop::open();
    for status in ["processing", "ready", "completed"] {
        let id = shop.pizza_in(status);
        shop.set_status(&shop.ann, id, "canceled").assert_detail(403, FORBIDDEN);
        for other in STATUSES.into_iter().filter(|other| *other != status) {
            shop.set_status(&shop.ann, id, other).assert_detail(403, FORBIDDEN);
        }
        assert_eq!(shop.order(&shop.ann, id)["status"], status);
    }
}

#[test]
fn an_owner_gives_no_reason_but_customer() {
    let shop = Shop::open();
    let id = shop.pizza();
    for reason in REASONS.into_iter().filter(|reason| *reason != "customer") {
        let body = json!({"status": "canceled", "reason": reason});
        assert_fault_at(&shop.change(&shop.ann, id, "status", &body), "/reason");
    }
    assert_eq!(shop.order(&shop.ann, id)["status"], "pending");
}

#[test]
fn an_admin_s_reason_is_kept_and_shown_as_why_it_was_canceled() {
    let shop = Shop::open();
    for reason in REASONS {
        let id = shop.pizza_in("processing");
        let body = json!({"status": "canceled", "reason": reason, "note": "so it is"});
        let order = shop.change(&shop.admin, id, "status", &body).good();
        assert_eq!(order["cancel_reason"], reason);
        let entry = shop.order(&shop.admin, id)["history"][1].clone();
        assert_eq!((&entry["reason"], &entry["note"]), (&json!(reason), &json!("so it is")));
    }
    for (reason, kind) in [(json!("boredom"), "literal_error"), (json!("Fraud"), "literal_error")] {
        let body = json!({"status": "canceled", "reason": reason});
        let response = shop.change(&shop.admin, shop.pizza(), "status", &body);
        assert_faults(&response, &[(kind, "/reason")]);
    }
}

#[test]
fn a_reason_goes_with_canceled_only() {
    let shop = Shop::open();
    let id = shop.pizza();
    for status in STATUSES.into_iter().filter(|status| *status != "canceled") {
        let body = json!({"status": status, "reason": "customer"});
        for token in [&shop.admin, &shop.ann] {
            assert_fault_at(&shop.change(token, id, "status", &body), "/reason");
        }
        let body = json!({"status": "pending", "reason": null, "note": null});
        shop.change(&shop.admin, id, "status", &body).good();
    }
    assert_eq!(shop.order(&shop.admin, id)["version"], 1);
}

#[test]
fn the_six_names_are_taken_and_no_other() {
    let shop = Shop::open();
    let id = shop.pizza();
    for status in ["shipped", "Pending", "cancelled", "open"] {
        let response = shop.set_status(&shop.admin, id, status);
        assert_faults(&response, &[("literal_error", "/status")]);
        let message = faults(&response)[0]["msg"].as_str().unwrap().to_owned();
        assert!(STATUSES.iter().all(|name| message.contains(&format!("'{name}'"))), "{message}");
    }
    for status in [json!(5), json!(null), json!([]), json!(true)] {
        let response = shop.change(&shop.admin, id, "status", &json!({ "status": status }));
        assert_fault_at(&response, "/status");
    }
    let missing = shop.change(&shop.admin, id, "status", &json!({}));
    assert_faults(&missing, &[("missing", "/status")]);
    let extra = json!({"status": "ready", "version": 1});
    let extra = shop.change(&shop.admin, id, "status", &extra);
    assert_faults(&extra, &[("extra_forbidden", "/version")]);
    let longer = json!({"status": "ready", "note": "x".repeat(501)});
    let longer = shop.change(&shop.admin, id, "status", &longer);
    assert_faults(&longer, &[("string_too_long", "/note")]);
    let number = json!({"status": "ready", "note": 5});
    let number = shop.change(&shop.admin, id, "status", &number);
    assert_faults(&number, &[("string_type", "/note")]);
}

#[test]
fn a_status_that_is_so_already_is_no_error_for_anyone_who_sees_the_order() {
    let shop = Shop::open();
    for status in ["pending", "processing", "ready", "completed", "canceled"] {
        let id = shop.pizza_in(status);
        let before = shop.order(&shop.admin, id);
        for token in [&shop.ann, &shop.admin] {
            let body = json!({"status": status, "note": "again"});
            let response = shop.change(token, id, "status", &body);
            assert_eq!(response.good(), bare(&before));
            response.assert_header("ETag", &format!("\"{}\"", before["version"]));
        }
        let body = json!({"status": status});
        let stale = shop.changing(&shop.admin, id, "status", &body).header("If-Match", "\"77\"");
        stale.send().good();
        assert_eq!(shop.order(&shop.admin, id), before);
    }
    let id = shop.pizza_in("pending");
    shop.change(&shop.admin, id, "status", &json!({"status": "canceled", "reason": "fraud"}))
        .good();
    let again = json!({"status": "canceled", "reason": "customer"});
    assert_eq!(shop.change(&shop.admin, id, "status", &again).good()["cancel_reason"], "fraud");
}

#[test]
fn an_admin_s_own_order_is_an_admin_s() {
    let shop = Shop::open();
    let id = id(&shop.place(&shop.admin, &pizza()));
    shop.set_status(&shop.admin, id, "processing").good();
    let body = json!({"status": "canceled", "reason": "staff"});
    assert_eq!(shop.change(&shop.admin, id, "status", &body).good()["cancel_reason"], "staff");
}

#[test]
fn of_many_at_once_one_changes_the_status_and_none_is_an_error() {
    let shop = Shop::open();
    for _ in 0..6 {
        let id = shop.pizza();
        let target = format!("/orders/{id}/status");
        let post = |_| Post::new(&shop.admin, &target, json!({"status": "processing"}));
        for answer in shop.at_once(&(0..6).map(post).collect::<Vec<_>>()) {
            assert_eq!(answer.good()["version"], 2);
        }
        let order = shop.order(&shop.admin, id);
        assert_eq!(order["history"].as_array().unwrap().len(), 1, "{order}");
    }
}

#[test]
fn of_a_cancellation_and_an_acceptance_at_once_one_wins() {
    let shop = Shop::open();
    for _ in 0..8 {
        let id = shop.pizza();
        let target = format!("/orders/{id}/status");
        let cancel = Post::new(&shop.ann, &target, json!({"status": "canceled"}));
        let accept = Post::new(&shop.admin, &target, json!({"status": "processing"}));
        let answers = shop.at_once(&[cancel, accept]);
        let statuses = [answers[0].status, answers[1].status];
        assert!(matches!(statuses, [200, 409] | [403, 200]), "{statuses:?}");
        assert_eq!(shop.order(&shop.ann, id)["version"], 2);
    }
}
