//! Money that was taken elsewhere: its bounds, its sums, its keys.

use serde_json::{Value, json};

use support::app::{ADMIN_PASSWORD, PASSWORD};
use support::response::Response;

use super::shop::{
    ADMIN_ID, Post, START_Z, Shop, assert_fault_at, assert_faults, bare, faults, payment, refund,
    with, without,
};

const REPLAYED: &str = "Idempotent-Replayed";

fn pay_with_key(shop: &Shop, id: u64, key: &str, body: &Value) -> Response {
    let request = shop.changing(&shop.admin, id, "payments", body);
    request.header("Idempotency-Key", key).send()
}

fn due(amount: u64) -> Value {
    json!({"detail": format!("{amount} is due"), "due": amount})
}

#[test]
fn a_payment_is_recorded_with_all_that_was_said_of_it() {
    let shop = Shop::open();
    let id = shop.pizza();
    let body = json!({
        "amount": 900, "method": " card ", "reference_id": "T-1", "note": "with a tip",
    });
    let order = shop.change(&shop.admin, id, "payments", &body).good();
    assert_eq!((&order["amount_paid"], &order["version"]), (&json!(900), &json!(2)));
    assert_eq!(order["payment_status"], "partially_paid");
    shop.app.advance_secs(2);
    shop.pay(id, 1000).good();
    let order = shop.order(&shop.admin, id);
    let first = json!({
        "at": START_Z, "actor_id": ADMIN_ID, "amount": 900, "method": "card",
        "reference_id": "T-1", "note": "with a tip",
    });
    let second = json!({
        "at": "2025-10-07T05:58:13Z", "actor_id": ADMIN_ID, "amount": 1000, "method": "cash",
        "reference_id": null, "note": null,
    });
    assert_eq!(order["payments"], json!([first, second]));
    assert_eq!(order["updated_at"], "2025-10-07T05:58:13Z");
    for (entry, (version, amount)) in
        order["history"].as_array().unwrap().iter().zip([(2, 900), (3, 1000)])
    {
        assert_eq!((&entry["kind"], &entry["version"]), (&json!("payment"), &json!(version)));
        assert_eq!((&entry["amount"], &entry["actor_id"]), (&json!(amount), &json!(ADMIN_ID)));
    }
}

#[test]
fn more_than_is_due_is_refused_with_what_is_due() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    shop.pay(id, 1901).assert_json(409, &due(1900));
    shop.pay(id, 900).good();
    shop.pay(id, 1001).assert_json(409, &due(1000));
    shop.pay(id, 1000).good();
    shop.pay(id, 1).assert_json(409, &due(0));
    assert_eq!(shop.order(&shop.admin, id)["amount_paid"], 1900);
    let free = shop.worth(0);
    shop.pay(free, 1).assert_json(409, &due(0));
    let dear = shop.worth(999_999_999_999);
    shop.pay(dear, 999_999_999_999).good();
}

#[test]
fn a_refund_does_not_reopen_what_is_due() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    shop.pay(id, 1900).good();
    shop.refund(id, 1900).good();
    shop.pay(id, 1).assert_json(409, &due(0));
}

#[test]
fn a_payment_has_its_fields_and_no_others() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    let post = |body: &Value| shop.change(&shop.admin, id, "payments", body);
    for name in ["/amount", "/method"] {
        assert_faults(&post(&without(&payment(1), name)), &[("missing", name)]);
    }
    for (pointer, value, kind) in [
        ("/amount", json!(0), "greater_than_equal"),
        ("/amount", json!(1.5), "int_from_float"),
        ("/amount", json!("1"), "int_type"),
        ("/method", json!(""), "string_too_short"),
        ("/method", json!("  "), "string_too_short"),
        ("/method", json!("x".repeat(41)), "string_too_long"),
        ("/method", json!(5), "string_type"),
        ("/method", json!("a\nb"), "value_error"),
        ("/reference_id", json!("x".repeat(65)), "string_too_long"),
        ("/reference_id", json!(5), "string_type"),
        ("/note", json!("x".repeat(501)), "string_too_long"),
        ("/note", json!([]), "string_type"),
        ("/reason", json!("other"), "extra_forbidden"),
        ("/at", json!(null), "extra_forbidden"),
    ] {
        assert_faults(&post(&with(&payment(1), pointer, value)), &[(kind, pointer)]);
    }
    for pointer in ["/amount", "/method"] {
        assert_fault_at(&post(&with(&payment(1), pointer, Value::Null)), pointer);
    }
    assert_eq!(faults(&post(&json!({"colour": 1}))).len(), 3);
    let longest = json!({
        "amount": 1, "method": "\u{1f355}".repeat(40), "reference_id": "x".repeat(64),
        "note": "\u{1f355}".repeat(500),
    });
    post(&longest).good();
    post(&json!({"amount": 1, "method": "x", "reference_id": null, "note": null})).good();
    post(&json!({"amount": 1, "method": "x", "reference_id": " ", "note": ""})).good();
    post(&json!({"amount": 1, "method": "x", "reference_id": " T-1 "})).good();
    let order = shop.order(&shop.admin, id);
    let references: Vec<&Value> =
        order["payments"].as_array().unwrap().iter().map(|it| &it["reference_id"]).collect();
    assert_eq!(references[1..], [&Value::Null, &Value::Null, &json!("T-1")]);
    assert_eq!(order["amount_paid"], 4);
}

#[test]
fn an_order_takes_20_payments() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    for number in 1..=20 {
        assert_eq!(shop.pay(id, 1).good()["amount_paid"], number);
    }
    for _ in 0..2 {
        shop.pay(id, 1).assert_status(409);
    }
    let order = shop.order(&shop.admin, id);
    assert_eq!((&order["amount_paid"], &order["version"]), (&json!(20), &json!(21)));
    assert_eq!(order["payments"].as_array().unwrap().len(), 20);
    shop.refund(id, 20).good();
}

#[test]
fn a_completed_order_is_paid_and_a_canceled_one_is_not() {
    let shop = Shop::open();
    for status in ["pending", "processing", "ready", "completed"] {
        let id = shop.pizza_in(status);
        let order = shop.pay(id, 1900).good();
        assert_eq!((&order["status"], &order["payment_status"]), (&json!(status), &json!("paid")));
        let closed = ["completed"].contains(&status);
        assert_eq!(order["closed_at"].is_string(), closed, "{order}");
    }
    let id = shop.pizza_in("canceled");
    shop.pay(id, 1).assert_status(409);
    assert_eq!(shop.order(&shop.admin, id)["payments"], json!([]));
}

#[test]
fn the_status_of_payment_follows_what_was_paid_and_given_back() {
    let shop = Shop::open();
    // Total, paid, refunded.
    for (total, paid, refunded, expected) in [
        (0, 0, 0, "paid"),
        (1000, 0, 0, "unpaid"),
        (1000, 1, 0, "partially_paid"),
        (1000, 999, 0, "partially_paid"),
        (1000, 1000, 0, "paid"),
        (1000, 1000, 1, "partially_refunded"),
        (1000, 1000, 999, "partially_refunded"),
        (1000, 1000, 1000, "refunded"),
        (1000, 400, 100, "partially_refunded"),
        (1000, 400, 400, "refunded"),
        (1, 1, 1, "refunded"),
    ] {
        let id = shop.worth(total);
        if paid > 0 {
            shop.pay(id, paid).good();
        }
        if refunded > 0 {
            shop.refund(id, refunded).good();
        }
        let order = shop.order(&shop.ann, id);
        assert_eq!(order["payment_status"], expected, "{total} {paid} {refunded}");
        let figures = json!([order["total"], order["amount_paid"], order["amount_refunded"]]);
        assert_eq!(figures, json!([total, paid, refunded]));
    }
}

#[test]
fn what_was_paid_after_a_refund_counts_gross() {
    let shop = Shop::open();
    let id = shop.worth(1000);
    shop.pay(id, 400).good();
    shop.refund(id, 400).good();
    let order = shop.pay(id, 600).good();
    assert_eq!((&order["amount_paid"], &order["amount_refunded"]), (&json!(1000), &json!(400)));
    assert_eq!(order["payment_status"], "partially_refunded");
    shop.pay(id, 1).assert_json(409, &due(0));
}

#[test]
fn a_repeat_of_a_key_records_nothing_and_gives_the_order_as_it_is_now() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    let first = pay_with_key(&shop, id, "k", &payment(900));
    first.assert_no_header(REPLAYED);
    assert_eq!(first.good()["amount_paid"], 900);
    shop.pay(id, 100).good();
    shop.set_status(&shop.admin, id, "completed").good();
    for key in ["k", "\"k\""] {
        let again = pay_with_key(&shop, id, key, &payment(900));
        again.assert_header(REPLAYED, "true");
        assert_eq!(again.good(), bare(&shop.order(&shop.admin, id)));
        again.assert_header("ETag", "\"4\"");
    }
    let spaced = json!({"amount": 900.0, "method": " cash ", "note": "", "reference_id": null});
    pay_with_key(&shop, id, "k", &spaced).assert_header(REPLAYED, "true");
    assert_eq!(shop.order(&shop.admin, id)["amount_paid"], 1000);
}

#[test]
fn another_body_or_kind_under_a_key_is_refused() {
    let shop = Shop::open();
    let id = shop.worth(1900);
    pay_with_key(&shop, id, "k", &payment(900)).good();
    let refused = |response: Response| {
        response.assert_status(422);
        let fault = response.json()["detail"][0].clone();
        assert_eq!(fault["loc"], json!(["header", "idempotency-key"]), "{fault}");
        response.assert_no_header(REPLAYED);
    };
    for (pointer, value) in [
        ("/amount", json!(901)),
        ("/method", json!("card")),
        ("/note", json!("x")),
        ("/reference_id", json!("T-1")),
    ] {
        refused(pay_with_key(&shop, id, "k", &with(&payment(900), pointer, value)));
    }
    let other = shop.changing(&shop.admin, id, "refunds", &refund(900));
    refused(other.header("Idempotency-Key", "k").send());
    assert_eq!(shop.order(&shop.admin, id)["version"], 2);
}

#[test]
fn a_key_belongs_to_its_order() {
    let shop = Shop::open();
    let (one, other) = (shop.worth(1000), shop.worth(1000));
    for (id, amount) in [(one, 100), (other, 200)] {
        let response = pay_with_key(&shop, id, "k", &payment(amount));
        response.assert_no_header(REPLAYED);
        assert_eq!(response.good()["amount_paid"], amount);
    }
}

#[test]
fn a_key_lives_as_long_as_its_entry_and_is_never_printed() {
    let mut shop = Shop::open();
    let id = shop.worth(1000);
    pay_with_key(&shop, id, "seldom-seen", &payment(100)).good();
    shop.app.advance_secs(40 * 86_400);
    shop.app.restart();
    shop.admin = shop.app.token("admin", ADMIN_PASSWORD);
    shop.ann = shop.app.token("ann", PASSWORD);
    pay_with_key(&shop, id, "seldom-seen", &payment(100)).assert_header(REPLAYED, "true");
    for token in [&shop.admin, &shop.ann] {
        for target in ["/orders/1", "/orders/"] {
            let text = shop.app.read(token, target).text();
            assert!(!text.contains("seldom-seen"), "{text}");
        }
    }
}

#[test]
fn a_refused_payment_leaves_its_key_free() {
    let shop = Shop::open();
    let id = shop.worth(1000);
    pay_with_key(&shop, id, "k", &payment(1001)).assert_status(409);
    pay_with_key(&shop, id, "k", &payment(0)).assert_status(422);
    let response = pay_with_key(&shop, id, "k", &payment(1000));
    response.assert_no_header(REPLAYED);
    response.good();
}

#[test]
fn of_many_payments_at_once_no_more_is_taken_than_is_due() {
    let shop = Shop::open();
    for _ in 0..6 {
        let id = shop.worth(1000);
        let target = format!("/orders/{id}/payments");
        let post = |_| Post::new(&shop.admin, &target, payment(300));
        let answers = shop.at_once(&(0..6).map(post).collect::<Vec<_>>());
        let taken = answers.iter().filter(|it| it.status == 200).count();
        assert_eq!(taken, 3);
        for refused in answers.iter().filter(|it| it.status != 200) {
            refused.assert_json(409, &due(100));
        }
        let post = |_| Post::new(&shop.admin, &target, payment(50)).header("Idempotency-Key", "k");
        let answers = shop.at_once(&(0..6).map(post).collect::<Vec<_>>());
        assert!(answers.iter().all(|it| it.status == 200));
        assert_eq!(answers.iter().filter(|it| it.header(REPLAYED).is_none()).count(), 1);
        assert_eq!(shop.order(&shop.admin, id)["amount_paid"], 950);
    }
}
