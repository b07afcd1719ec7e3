//! `Idempotency-Key` with content: a repeat is known by the order and not by how it is written.

use serde_json::{Value, json};

use support::app::PASSWORD;
use support::response::Response;

use super::shop::{ANN_ID, BEN_ID, Post, Shop, assert_fault_at, full, id, pizza, with, without};

const REPLAYED: &str = "Idempotent-Replayed";
const DAY_SECS: u64 = 86_400;

#[track_caller]
fn assert_new(response: &Response, id: u64) {
    assert_eq!(response.good()["id"], id);
    response.assert_no_header(REPLAYED);
}

#[track_caller]
fn assert_replayed(response: &Response, id: u64) -> Value {
    let order = response.good();
    assert_eq!(order["id"], id, "{order}");
    response.assert_header(REPLAYED, "true");
    order
}

#[track_caller]
fn assert_reused(response: &Response) {
    response.assert_status(422);
    let fault = response.json()["detail"][0].clone();
    assert_eq!(fault["loc"], json!(["header", "idempotency-key"]), "{fault}");
    response.assert_no_header(REPLAYED);
}

fn text_with_key(shop: &Shop, key: &str, body: &str) -> Response {
    let request = shop.app.post("/orders/create").bearer(&shop.ann);
    request.header("Idempotency-Key", key).body(body).send()
}

#[test]
fn a_repeat_gives_the_same_order_and_makes_no_second() {
    let shop = Shop::open();
    let body = with(&full(), "/reference_id", "A-17");
    let first = shop.create_with_key(&shop.ann, "k", &body);
    assert_new(&first, 1);
    for _ in 0..3 {
        let again = shop.create_with_key(&shop.ann, "k", &body);
        assert_replayed(&again, 1);
        assert_eq!(again.text(), first.text());
        again.assert_header("ETag", "\"1\"");
    }
    assert_eq!(shop.listed(&shop.ann, ""), [1]);
    assert_eq!(shop.mails("order_id=1").len(), 1);
}

#[test]
fn a_repeat_gives_the_order_as_it_is_now() {
    let shop = Shop::open();
    assert_new(&shop.create_with_key(&shop.ann, "k", &full()), 1);
    let changed = json!({"note": "later", "customer": {"name": "Grace"}, "metadata": null});
    shop.update(&shop.ann, 1, &changed).good();
    shop.pay(1, 400).good();
    shop.set_status(&shop.admin, 1, "ready").good();
    let response = shop.create_with_key(&shop.ann, "k", &full());
    let order = assert_replayed(&response, 1);
    response.assert_header("ETag", "\"4\"");
    assert_eq!(order, super::shop::bare(&shop.order(&shop.ann, 1)));
    assert_eq!((&order["status"], &order["note"]), (&json!("ready"), &json!("later")));
    let now = with(&with(&full(), "/note", "later"), "/customer", json!({"name": "Grace"}));
    assert_reused(&shop.create_with_key(&shop.ann, "k", &now));
}

#[test]
fn another_order_under_the_key_is_refused() {
    let shop = Shop::open();
    let body = with(&full(), "/reference_id", "A-17");
    assert_new(&shop.create_with_key(&shop.ann, "k", &body), 1);
    let line = body["line_items"][0].clone();
    for (pointer, value) in [
        ("/line_items/0/name", json!("Marinara")),
        ("/line_items/0/sku", json!(null)),
        ("/line_items/0/quantity", json!(1.501)),
        ("/line_items/0/unit", json!("g")),
        ("/line_items/0/unit_price", json!(951)),
        ("/line_items/0/discount", json!(26)),
        ("/line_items/0/tax_rate", json!(7.501)),
        ("/line_items/0/note", json!("basil")),
        ("/line_items", json!([line, line])),
        ("/currency", json!("USD")),
        ("/prices_include_tax", json!(false)),
        ("/reference_id", json!("A-18")),
        ("/customer/name", json!("ada lovelace")),
        ("/customer", json!(null)),
        ("/fulfillment/due_at", json!("2026-11-22T16:07:45Z")),
        ("/fulfillment/address/city", json!("Bonn")),
        ("/fulfillment", json!(null)),
        ("/note", json!("hello!")),
        ("/metadata/table", json!("8")),
        ("/metadata", json!({})),
    ] {
        assert_reused(&shop.create_with_key(&shop.ann, "k", &with(&body, pointer, value)));
    }
    assert_reused(&shop.create_with_key(&shop.ann, "k", &json!({"success": true})));
    assert_eq!(shop.listed(&shop.ann, ""), [1]);
}

#[test]
fn total_blanks_and_the_form_of_a_number_or_time_make_no_difference() {
    let shop = Shop::open();
    let body = with(&full(), "/total", 1400);
    assert_new(&shop.create_with_key(&shop.ann, "k", &body), 1);
    for (pointer, value) in [
        ("/total", json!(null)),
        ("/note", json!("  hello ")),
        ("/line_items/0/name", json!("Margherita  ")),
        ("/customer/email", json!(" ada@example.com ")),
        ("/metadata/table", json!(" 7 ")),
        ("/reference_id", json!("")),
        ("/fulfillment/due_at", json!("2026-11-22T17:07:44+01:00")),
        ("/fulfillment/due_at", json!("2026-11-22T16:07:44.000Z")),
    ] {
        assert_replayed(&shop.create_with_key(&shop.ann, "k", &with(&body, pointer, value)), 1);
    }
    let text = body.to_string();
    for (from, to) in [
        ("\"unit_price\":950", "\"unit_price\":9.5e2"),
        ("\"quantity\":1.5", "\"quantity\":1.500"),
        ("\"quantity\":1.5", "\"quantity\":15e-1"),
        ("\"tax_rate\":7.5", "\"tax_rate\":7.5000"),
        ("\"total\":1400", "\"total\":1.4e3"),
        ("{\"line_items\"", "{ \"user_id\" : 2.0 , \"line_items\""),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        assert_replayed(&text_with_key(&shop, "k", &text.replacen(from, to, 1)), 1);
    }
}

#[test]
fn a_default_that_is_spelt_out_makes_no_difference() {
    let shop = Shop::open();
    let short = json!({"line_items": [{"name": "Chat"}]});
    let long = json!({
        "user_id": ANN_ID, "metadata": {}, "note": null, "fulfillment": null, "customer": null,
        "reference_id": " ", "total": 0, "prices_include_tax": false, "currency": null,
        "line_items": [{
            "note": "", "tax_rate": 0, "discount": 0, "unit_price": 0, "unit": null,
            "quantity": 1, "sku": null, "name": "Chat",
        }],
    });
    assert_new(&shop.create_with_key(&shop.ann, "a", &short), 1);
    assert_replayed(&shop.create_with_key(&shop.ann, "a", &long), 1);
    assert_new(&shop.create_with_key(&shop.ann, "b", &long), 2);
    assert_replayed(&shop.create_with_key(&shop.ann, "b", &short), 2);
    for (thousand, key) in [("1000", "c"), ("1e3", "d")] {
        let body = |number: &str| {
            format!(
                "{{\"currency\":\"EUR\",\"line_items\":[{{\"name\":\"x\",\"unit_price\":{number}}}]}}"
            )
        };
        let placed = id(&text_with_key(&shop, key, &body(thousand)).good());
        for same in ["1000", "1e3", "1000.0"] {
            assert_replayed(&text_with_key(&shop, key, &body(same)), placed);
        }
        assert_reused(&text_with_key(&shop, key, &body("1001")));
    }
}

#[test]
fn the_total_is_checked_before_the_key() {
    let shop = Shop::open();
    assert_new(&shop.create_with_key(&shop.ann, "k", &pizza()), 1);
    let wrong = shop.create_with_key(&shop.ann, "k", &with(&pizza(), "/total", 1));
    assert_fault_at(&wrong, "/total");
    assert_replayed(&shop.create_with_key(&shop.ann, "k", &with(&pizza(), "/total", 1900)), 1);
}

#[test]
fn a_key_counts_for_the_caller_and_not_for_whom_the_order_is() {
    let shop = Shop::open();
    let for_ann = with(&pizza(), "/user_id", ANN_ID);
    assert_new(&shop.create_with_key(&shop.admin, "k", &for_ann), 1);
    assert_new(&shop.create_with_key(&shop.ann, "k", &pizza()), 2);
    assert_replayed(&shop.create_with_key(&shop.admin, "k", &for_ann), 1);
    let for_ben = with(&pizza(), "/user_id", BEN_ID);
    assert_reused(&shop.create_with_key(&shop.admin, "k", &for_ben));
    assert_reused(&shop.create_with_key(&shop.admin, "k", &pizza()));
}

#[test]
fn a_repeat_comes_before_the_reference() {
    let shop = Shop::open();
    let body = with(&pizza(), "/reference_id", "A-17");
    assert_new(&shop.create_with_key(&shop.ann, "k", &body), 1);
    assert_replayed(&shop.create_with_key(&shop.ann, "k", &body), 1);
    shop.create_with_key(&shop.ann, "other", &body).assert_status(409);
    assert_new(&shop.create_with_key(&shop.ann, "other", &without(&body, "/reference_id")), 2);
}

#[test]
fn a_key_outlives_a_restart_and_is_forgotten_after_a_day() {
    let mut shop = Shop::open();
    assert_new(&shop.create_with_key(&shop.ann, "k", &full()), 1);
    shop.app.restart();
    assert_replayed(&shop.create_with_key(&shop.ann, "k", &full()), 1);
    shop.app.advance_secs(DAY_SECS - 1);
    let ann = shop.app.token("ann", PASSWORD);
    assert_replayed(&shop.create_with_key(&ann, "k", &full()), 1);
    shop.app.advance_secs(2);
    let ann = shop.app.token("ann", PASSWORD);
    assert_new(&shop.create_with_key(&ann, "k", &pizza()), 2);
}

#[test]
fn a_refused_order_leaves_its_key_free() {
    let shop = Shop::open();
    let taken = with(&pizza(), "/reference_id", "A-17");
    shop.place(&shop.ann, &taken);
    shop.create_with_key(&shop.ann, "k", &taken).assert_status(409);
    shop.create_with_key(&shop.ann, "k", &with(&pizza(), "/note", 5)).assert_status(422);
    shop.create_with_key(&shop.ann, "k", &with(&pizza(), "/user_id", 3)).assert_status(403);
    assert_new(&shop.create_with_key(&shop.ann, "k", &full()), 2);
}

#[test]
fn many_at_once_with_one_key_place_one_order() {
    let shop = Shop::open();
    for round in 1..=8 {
        let key = format!("key-{round}");
        let body = with(&full(), "/reference_id", format!("R-{round}"));
        let post = |_| {
            Post::new(&shop.ann, "/orders/create", body.clone()).header("Idempotency-Key", &key)
        };
        let answers = shop.at_once(&(0..6).map(post).collect::<Vec<_>>());
        let fresh = answers.iter().filter(|it| it.header(REPLAYED).is_none()).count();
        assert_eq!(fresh, 1, "{key}");
        for answer in &answers {
            assert_eq!(answer.good(), answers[0].good());
        }
        assert_eq!(shop.listed(&shop.ann, "").len(), round);
    }
}
