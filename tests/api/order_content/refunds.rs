//! Money that was given back.

use serde_json::{Value, json};

use support::response::Response;

use super::shop::{
    ADMIN_ID, Post, START_Z, Shop, assert_fault_at, assert_faults, payment, refund, with, without,
};

const REPLAYED: &str = "Idempotent-Replayed";
const REASONS: [&str; 4] = ["requested_by_customer", "duplicate", "fraudulent", "other"];

/// 409 that says how much may be given back.
#[track_caller]
fn assert_too_much(response: &Response, refundable: u64) {
    response.assert_status(409);
    let body = response.json();
    assert_eq!(body["refundable"], refundable, "{body}");
    assert!(body["detail"].as_str().is_some_and(|it| it.contains(&refundable.to_string())));
}

#[test]
fn a_refund_is_recorded_with_all_that_was_said_of_it() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    shop.pay(id, 1900).good();
    for (number, reason) in (1..).zip(REASONS) {
        let body = json!({"amount": number, "reason": reason, "note": "was cold"});
        let order = shop.change(&shop.admin, id, "refunds", &body).good();
        assert_eq!(order["version"], number + 2, "{order}");
    }
    let order = shop.order(&shop.admin, id);
    let expected: Vec<Value> = (1..)
        .zip(REASONS)
        .map(|(amount, reason)| {
            json!({
                "at": START_Z, "actor_id": ADMIN_ID, "amount": amount, "reason": reason,
                "note": "was cold",
            })
        })
        .collect();
    assert_eq!(order["refunds"], json!(expected));
    assert_eq!(order["amount_refunded"], 10);
    let entry = &order["history"][4];
    let found = json!([entry["kind"], entry["amount"], entry["reason"], entry["note"]]);
    assert_eq!(found, json!(["refund", 4, "other", "was cold"]));
}

#[test]
fn more_than_was_paid_and_not_yet_refunded_is_refused() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    assert_too_much(&shop.refund(id, 1), 0);
    shop.pay(id, 1000).good();
    assert_too_much(&shop.refund(id, 1001), 1000);
    shop.refund(id, 300).good();
    assert_too_much(&shop.refund(id, 701), 700);
    shop.refund(id, 700).good();
    assert_too_much(&shop.refund(id, 1), 0);
    let order = shop.order(&shop.admin, id);
    assert_eq!((&order["amount_refunded"], &order["version"]), (&json!(1000), &json!(4)));
}

#[test]
fn money_is_given_back_in_every_status() {
    let shop = Shop::open();
    for status in ["pending", "processing", "ready", "completed", "canceled"] {
        let id = shop.worth(1900);
        shop.pay(id, 1900).good();
        shop.set_status(&shop.admin, id, status).good();
        let before = shop.order(&shop.admin, id);
        shop.app.advance_secs(1);
        let order = shop.refund(id, 1900).good();
        assert_eq!(
            (&order["status"], &order["payment_status"]),
            (&json!(status), &json!("refunded"))
        );
        assert_eq!(order["closed_at"], before["closed_at"]);
    }
}

#[test]
fn a_refund_has_its_fields_and_no_others() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    shop.pay(id, 1900).good();
    let post = |body: &Value| shop.change(&shop.admin, id, "refunds", body);
    for name in ["/amount", "/reason"] {
        assert_faults(&post(&without(&refund(1), name)), &[("missing", name)]);
        assert_fault_at(&post(&with(&refund(1), name, Value::Null)), name);
    }
    for (pointer, value, kind) in [
        ("/amount", json!(0), "greater_than_equal"),
        ("/amount", json!(0.5), "int_from_float"),
        ("/amount", json!(true), "int_type"),
        ("/reason", json!("boredom"), "literal_error"),
        ("/reason", json!("Other"), "literal_error"),
        ("/reason", json!("customer"), "literal_error"),
        ("/note", json!("x".repeat(501)), "string_too_long"),
        ("/note", json!(5), "string_type"),
        ("/method", json!("cash"), "extra_forbidden"),
        ("/reference_id", json!("T-1"), "extra_forbidden"),
    ] {
        assert_faults(&post(&with(&refund(1), pointer, value)), &[(kind, pointer)]);
    }
    post(&with(&refund(1), "/note", "\u{1f355}".repeat(500))).good();
    for none in [Value::Null, json!("  ")] {
        post(&with(&refund(1), "/note", none)).good();
    }
    let order = shop.order(&shop.admin, id);
    assert_eq!(order["amount_refunded"], 3);
    assert_eq!(
        (&order["refunds"][1]["note"], &order["refunds"][2]["note"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn an_order_takes_20_refunds() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    shop.pay(id, 1900).good();
    for number in 1..=20 {
        assert_eq!(shop.refund(id, 1).good()["amount_refunded"], number);
    }
    for _ in 0..2 {
        shop.refund(id, 1).assert_status(409);
    }
    let order = shop.order(&shop.admin, id);
    assert_eq!(order["refunds"].as_array().unwrap().len(), 20);
    assert_eq!((&order["amount_refunded"], &order["version"]), (&json!(20), &json!(22)));
}

#[test]
fn a_repeat_of_a_key_gives_nothing_back_twice() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    shop.pay(id, 1900).good();
    let post = |body: &Value| {
        let request = shop.changing(&shop.admin, id, "refunds", body);
        request.header("Idempotency-Key", "k").send()
    };
    post(&refund(1900)).assert_no_header(REPLAYED);
    for _ in 0..3 {
        let again = post(&refund(1900));
        again.assert_header(REPLAYED, "true");
        assert_eq!(again.good()["amount_refunded"], 1900);
    }
    let noted = with(&refund(1900), "/note", "x");
    for body in [refund(1), with(&refund(1900), "/reason", "other"), noted] {
        post(&body).assert_status(422);
    }
    let other = shop.changing(&shop.admin, id, "payments", &payment(1900));
    other.header("Idempotency-Key", "k").send().assert_status(422);
    assert_eq!(shop.order(&shop.admin, id)["refunds"].as_array().unwrap().len(), 1);
}

#[test]
fn of_many_refunds_at_once_no_more_is_given_back_than_was_paid() {
    let shop = Shop::open();
    for _ in 0..6 {
        let id = shop.worth(1000);
        shop.pay(id, 1000).good();
        let target = format!("/orders/{id}/refunds");
        let post = |_| Post::new(&shop.admin, &target, refund(400));
        let answers = shop.at_once(&(0..6).map(post).collect::<Vec<_>>());
        assert_eq!(answers.iter().filter(|it| it.status == 200).count(), 2);
        for refused in answers.iter().filter(|it| it.status != 200) {
            assert_too_much(refused, 200);
        }
        assert_eq!(shop.order(&shop.admin, id)["amount_refunded"], 800);
    }
}

#[test]
fn an_owner_sees_what_was_paid_and_given_back_without_the_notes() {
    let shop = Shop::open();
    let id = shop.worth(1000);
    let body = with(&payment(600), "/note", "knows the boss");
    shop.change(&shop.admin, id, "payments", &with(&body, "/reference_id", "T-1")).good();
    let body = with(&refund(100), "/note", "was rude");
    shop.change(&shop.admin, id, "refunds", &body).good();
    let body = json!({"status": "canceled", "reason": "fraud", "note": "third time"});
    shop.change(&shop.admin, id, "status", &body).good();
    let (owners, admins) = (shop.order(&shop.ann, id), shop.order(&shop.admin, id));
    let text = owners.to_string();
    for note in ["knows the boss", "was rude", "third time"] {
        assert!(!text.contains(note), "{text}");
        assert!(admins.to_string().contains(note), "{admins}");
    }
    for list in ["history", "payments", "refunds"] {
        let (own, all) = (owners[list].as_array().unwrap(), admins[list].as_array().unwrap());
        assert_eq!(own.len(), all.len(), "{list}");
        for (own, all) in own.iter().zip(all) {
            assert!(own["note"].is_null(), "{own}");
            for (key, value) in all.as_object().unwrap().iter().filter(|(key, _)| *key != "note") {
                assert_eq!(&own[key], value, "{key} of {list}");
            }
        }
    }
}
