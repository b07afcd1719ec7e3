//! What is printed of an order that was placed, and where.

use serde_json::{Value, json};

use super::shop::{ADDED, START, START_Z, Shop, bare, full, id, ids, pizza, with};

#[test]
fn an_order_is_printed_with_all_that_it_is() {
    let shop = Shop::open();
    let response = shop.create(&shop.ann, &with(&pizza(), "/reference_id", "A-17"));
    let line = json!({
        "name": "Margherita", "sku": null, "quantity": 2, "unit": null, "unit_price": 950,
        "discount": 0, "tax_rate": 7, "note": null, "subtotal": 1900, "tax": 124, "total": 1900,
    });
    let expected = json!({
        "id": 1, "user_id": 2, "success": true, "created_at": START, "status": "pending",
        "version": 1, "reference_id": "A-17", "currency": "EUR", "prices_include_tax": true,
        "line_items": [line], "subtotal": 1900, "discount_total": 0, "tax_total": 124,
        "total": 1900, "payment_status": "unpaid", "amount_paid": 0, "amount_refunded": 0,
        "customer": null, "fulfillment": null, "note": null, "metadata": {},
        "cancel_reason": null, "updated_at": START_Z, "closed_at": null,
    });
    response.assert_json(200, &expected);
    assert_eq!(response.text(), expected.to_string(), "the keys in the contract's order");
}

#[test]
fn what_is_absent_has_its_default() {
    let shop = Shop::open();
    let order = shop.place(&shop.ann, &json!({"line_items": [{"name": "Chat"}]}));
    let line = json!({
        "name": "Chat", "sku": null, "quantity": 1, "unit": null, "unit_price": 0, "discount": 0,
        "tax_rate": 0, "note": null, "subtotal": 0, "tax": 0, "total": 0,
    });
    let expected = json!({
        "id": 1, "user_id": 2, "success": true, "created_at": START, "status": "pending",
        "version": 1, "reference_id": null, "currency": null, "prices_include_tax": false,
        "line_items": [line], "subtotal": 0, "discount_total": 0, "tax_total": 0, "total": 0,
        "payment_status": "paid", "amount_paid": 0, "amount_refunded": 0, "customer": null,
        "fulfillment": null, "note": null, "metadata": {}, "cancel_reason": null,
        "updated_at": START_Z, "closed_at": null,
    });
    assert_eq!(order, expected);
}

#[test]
fn null_is_the_same_as_absent_in_every_optional_field() {
    let shop = Shop::open();
    let nulls = json!({
        "line_items": [{
            "name": "Chat", "sku": null, "quantity": null, "unit": null, "unit_price": null,
            "discount": null, "tax_rate": null, "note": null,
        }],
        "currency": null, "prices_include_tax": null, "total": null, "reference_id": null,
        "customer": null, "fulfillment": null, "note": null, "metadata": null, "user_id": null,
    });
    let absent = shop.place(&shop.ann, &json!({"line_items": [{"name": "Chat"}]}));
    let null = shop.place(&shop.ann, &nulls);
    assert_eq!(null, with(&absent, "/id", 2));
    let partly = json!({
        "line_items": [{"name": "Chat"}],
        "customer": {"name": "Ada", "email": null, "phone": null},
        "fulfillment": {"type": "pickup", "due_at": null, "note": null, "address": null},
    });
    let partly = shop.place(&shop.ann, &partly);
    assert_eq!(partly["customer"], json!({"name": "Ada", "email": null, "phone": null}));
    let pickup = json!({"type": "pickup", "due_at": null, "note": null, "address": null});
    assert_eq!(partly["fulfillment"], pickup);
    let address = json!({
        "line1": "Hauptstr. 1", "line2": null, "city": null, "state": null, "postal_code": null,
        "country": null,
    });
    let there = json!({"type": "delivery", "due_at": null, "note": null, "address": address});
    let body = with(&pizza(), "/fulfillment", there.clone());
    assert_eq!(shop.place(&shop.ann, &body)["fulfillment"], there);
}

#[test]
fn every_field_comes_back_as_it_was_given() {
    let shop = Shop::open();
    let order = shop.place(&shop.ann, &full());
    for key in ["currency", "prices_include_tax", "customer", "fulfillment", "note", "metadata"] {
        assert_eq!(order[key], full()[key], "{key}");
    }
    for (key, value) in full()["line_items"][0].as_object().unwrap() {
        assert_eq!(&order["line_items"][0][key], value, "{key}");
    }
    // 1,425 less 25 is 1,400, and 7.5 % inside of it 97.67.
    let figures = json!([order["subtotal"], order["discount_total"], order["tax_total"]]);
    assert_eq!((figures, &order["total"]), (json!([1425, 25, 98]), &json!(1400)));
}

#[test]
fn an_order_is_the_same_in_create_in_lists_and_by_its_id_which_adds_its_history() {
    let shop = Shop::open();
    let placed = shop.place(&shop.ann, &full());
    for token in [&shop.ann, &shop.admin] {
        let read = shop.order(token, 1);
        for added in ADDED {
            assert_eq!(read[added], json!([]), "{added}");
        }
        assert_eq!(bare(&read), placed);
        for query in ["", "?limit=5", "?status=pending", "?q=ada", "?order=desc&limit=1"] {
            let list = shop.app.read(token, &format!("/orders/{query}")).good();
            assert_eq!(list["orders"], json!([placed]), "{query}");
        }
    }
}

#[test]
fn changes_answer_with_the_order_as_lists_have_it() {
    let shop = Shop::open();
    let id = shop.pizza();
    let answers = [
        shop.update(&shop.ann, id, &json!({"note": "soon"})),
        shop.pay(id, 900),
        shop.refund(id, 100),
        shop.set_status(&shop.admin, id, "ready"),
    ];
    for (version, answer) in (2..).zip(&answers) {
        let order = answer.good();
        assert_eq!(order["version"], version, "{order}");
        assert!(ADDED.iter().all(|added| order.get(added).is_none()), "{order}");
    }
    let last = answers.last().unwrap().good();
    assert_eq!(bare(&shop.order(&shop.admin, id)), last);
    assert_eq!(shop.app.orders(&shop.admin).good()["orders"], json!([last]));
}

#[test]
fn simple_orders_and_those_with_content_share_one_sequence_of_ids() {
    let shop = Shop::open();
    let simple = json!({"success": true});
    let bodies = [&simple, &pizza(), &simple, &pizza()];
    let placed: Vec<Value> = bodies.iter().map(|body| shop.place(&shop.ann, body)).collect();
    assert_eq!(placed.iter().map(id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(ids(&shop.app.orders(&shop.ann).good()), [1, 2, 3, 4]);
    assert_eq!(ids(&shop.app.orders(&shop.ben).good()), [] as [u64; 0]);
}

#[test]
fn a_refused_order_leaves_no_trace() {
    let shop = Shop::open();
    let mut wrong = with(&full(), "/reference_id", "A-17");
    wrong["line_items"][0]["discount"] = json!(9_999_999);
    shop.create(&shop.ann, &wrong).assert_status(422);
    assert_eq!(shop.listed(&shop.admin, ""), [] as [u64; 0]);
    assert!(shop.mails("").is_empty());
    let placed = shop.place(&shop.ann, &with(&full(), "/reference_id", "A-17"));
    assert_eq!(placed["id"], 1);
}

#[test]
fn an_order_and_all_that_was_done_to_it_outlive_a_restart() {
    let mut shop = Shop::open();
    let id = shop.pizza();
    shop.update(&shop.ann, id, &json!({"metadata": {"table": "7"}})).good();
    shop.pay(id, 1900).good();
    shop.refund(id, 100).good();
    let reason = json!({"status": "canceled", "reason": "fraud", "note": "third time"});
    shop.change(&shop.admin, id, "status", &reason).good();
    let before = shop.order(&shop.admin, id);
    shop.app.restart();
    assert_eq!(shop.order(&shop.admin, id), before);
    assert_eq!(shop.listed(&shop.ann, "status=canceled"), [id]);
}

#[test]
fn only_create_is_limited_and_it_counts_the_caller() {
    let shop = Shop::open_with(&["--rate-limit-orders=2"]);
    for number in 1..=2 {
        let body = with(&with(&pizza(), "/user_id", 2), "/note", number.to_string());
        let response = shop.create(&shop.admin, &body);
        response.good();
        assert!(response.header("RateLimit").is_some(), "{:?}", response.headers);
    }
    shop.create(&shop.admin, &pizza()).assert_status(429);
    let id = id(&shop.place(&shop.ann, &pizza()));
    for note in 0..10 {
        shop.update(&shop.ann, id, &json!({"note": note.to_string()})).good();
        shop.pay(id, 1).good();
        shop.refund(id, 1).good();
    }
    shop.set_status(&shop.admin, id, "ready").good();
    shop.app.read(&shop.admin, "/orders/counts").good();
}

#[test]
fn a_body_of_hostile_size_or_form_is_refused_as_ever() {
    let shop = Shop::open();
    let response = shop.create_text(&shop.ann, "{\"line_items\":[{\"name\":\"x\"}]");
    response.assert_status(422);
    assert_eq!(response.json()["detail"][0]["type"], "json_invalid");
    let request = shop.app.post("/orders/create").bearer(&shop.ann);
    let response = request.header("Content-Type", "text/plain").body(pizza().to_string()).send();
    response.assert_detail(415, "Unsupported Media Type");
    shop.create(&shop.ann, &with(&pizza(), "/note", "x".repeat(70_000)))
        .assert_detail(413, "Content Too Large");
    shop.app.create_order("nonsense", &pizza()).assert_status(401);
}
