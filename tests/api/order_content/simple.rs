//! A simple order stays what it was, and takes none of the changes.

use serde_json::{Value, json};

use super::shop::{STATUSES, Shop, id, payment, refund};

const NO_CONTENT: &str = "This order has no content";

fn simple(shop: &Shop, success: bool) -> u64 {
    id(&shop.place(&shop.ann, &json!({ "success": success })))
}

#[test]
fn a_simple_order_prints_its_four_keys_everywhere() {
    let shop = Shop::open();
    shop.pizza();
    for success in [true, false] {
        let placed = shop.create(&shop.ann, &json!({ "success": success }));
        let id = id(&placed.good());
        let expected = format!(
            "{{\"id\":{id},\"user_id\":2,\"success\":{success},\
             \"created_at\":\"2025-10-07T05:58:11\"}}"
        );
        assert_eq!(placed.text(), expected);
        for token in [&shop.ann, &shop.admin] {
            let read = shop.app.read(token, &format!("/orders/{id}"));
            assert_eq!((read.status, read.text()), (200, expected.clone()));
            let status = if success { "completed" } else { "failed" };
            for query in ["", "limit=10", &format!("status={status}"), &format!("q={id}")] {
                let list = shop.app.read(token, &format!("/orders/?{query}"));
                assert!(list.text().contains(&expected), "{query}: {}", list.text());
            }
        }
    }
}

#[test]
fn a_simple_order_takes_none_of_the_changes() {
    let shop = Shop::open();
    for success in [true, false] {
        let id = simple(&shop, success);
        let before = shop.app.read(&shop.admin, &format!("/orders/{id}")).text();
        let own = if success { "completed" } else { "failed" };
        for status in STATUSES.into_iter().filter(|status| *status != own) {
            shop.set_status(&shop.admin, id, status).assert_detail(409, NO_CONTENT);
        }
        for body in [json!({"note": "x"}), json!({"metadata": {"a": "b"}})] {
            shop.update(&shop.admin, id, &body).assert_detail(409, NO_CONTENT);
        }
        shop.pay(id, 1).assert_detail(409, NO_CONTENT);
        shop.refund(id, 1).assert_detail(409, NO_CONTENT);
        assert_eq!(shop.app.read(&shop.admin, &format!("/orders/{id}")).text(), before);
    }
}

#[test]
fn a_simple_order_may_be_asked_to_be_what_it_is() {
    let shop = Shop::open();
    for (success, status) in [(true, "completed"), (false, "failed")] {
        let id = simple(&shop, success);
        let before = shop.app.read(&shop.ann, &format!("/orders/{id}")).text();
        for token in [&shop.ann, &shop.admin] {
            let response = shop.set_status(token, id, status);
            assert_eq!((response.status, response.text()), (200, before.clone()));
            response.assert_header("ETag", "\"1\"");
        }
        shop.set_status(&shop.ben, id, status).assert_detail(404, "Not Found");
    }
}

#[test]
fn the_other_checks_of_a_change_come_first_on_a_simple_order_too() {
    let shop = Shop::open();
    let id = simple(&shop, true);
    for (change, body) in [
        ("status", json!({"status": "canceled"})),
        ("update", json!({"note": "x"})),
        ("payments", payment(1)),
        ("refunds", refund(1)),
    ] {
        shop.change(&shop.ben, id, change, &body).assert_detail(404, "Not Found");
        let request = shop.changing(&shop.admin, id, change, &body).header("If-Match", "\"2\"");
        request.send().assert_detail(412, "Precondition Failed");
        let request = shop.changing(&shop.admin, id, change, &body).header("If-Match", "\"1\"");
        request.send().assert_detail(409, NO_CONTENT);
        shop.change(&shop.admin, id, change, &json!([])).assert_status(422);
    }
    for (change, body) in [("payments", payment(1)), ("refunds", refund(1))] {
        let refused = shop.change(&shop.ann, id, change, &body);
        refused.assert_detail(403, "Admin privileges required");
    }
}

#[test]
fn a_simple_order_is_version_1() {
    let shop = Shop::open();
    let placed = shop.create(&shop.ann, &json!({"success": true}));
    placed.assert_header("ETag", "\"1\"");
    shop.app.read(&shop.ann, "/orders/1").assert_header("ETag", "\"1\"");
}

#[test]
fn a_key_of_a_simple_order_does_not_fit_one_with_content_nor_the_other_way_round() {
    let shop = Shop::open();
    let content = json!({"line_items": [{"name": "Chat"}]});
    let simple = json!({"success": true});
    for (key, first, second) in [("k-1", &simple, &content), ("k-2", &content, &simple)] {
        let placed = shop.create_with_key(&shop.ann, key, first);
        placed.good();
        let refused = shop.create_with_key(&shop.ann, key, second);
        refused.assert_status(422);
        let fault: Value = refused.json()["detail"][0].clone();
        assert_eq!(fault["loc"], json!(["header", "idempotency-key"]), "{fault}");
        let again = shop.create_with_key(&shop.ann, key, first);
        assert_eq!((again.status, again.text()), (200, placed.text()));
        again.assert_header("Idempotent-Replayed", "true");
    }
}
