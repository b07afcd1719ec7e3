//! What was done to an order, entry by entry, and that nobody can fill it up.

use serde_json::{Value, json};

use super::shop::{ADMIN_ID, ANN_ID, Shop, keys, payment, refund, with};

fn entries(shop: &Shop, id: u64) -> usize {
    let order = shop.order(&shop.admin, id);
    let entries = order["history"].as_array().unwrap().len();
    assert_eq!(order["version"], entries + 1, "{order}");
    entries
}

/// Updates the note until the order has so many entries.
fn fill(shop: &Shop, id: u64, count: usize) {
    for number in entries(shop, id)..count {
        shop.update(&shop.admin, id, &json!({ "note": number.to_string() })).good();
    }
    assert_eq!(entries(shop, id), count);
}

fn seat(shop: &Shop, id: u64, number: usize) -> support::response::Response {
    shop.update(&shop.admin, id, &json!({"metadata": {"seat": number.to_string()}}))
}

#[test]
fn every_change_is_an_entry_oldest_first() {
    let shop = Shop::open();
    let id = shop.pizza();
    assert_eq!(shop.order(&shop.admin, id)["history"], json!([]));
    let after = |secs: u64| shop.app.advance_secs(secs);
    after(1);
    shop.update(&shop.ann, id, &json!({"note": "soon", "metadata": {"a": "b"}})).good();
    after(1);
    let step = json!({"status": "processing", "note": "in the oven"});
    shop.change(&shop.admin, id, "status", &step).good();
    after(1);
    shop.change(&shop.admin, id, "payments", &with(&payment(900), "/note", "cash")).good();
    after(1);
    shop.change(&shop.admin, id, "refunds", &with(&refund(100), "/note", "late")).good();
    after(1);
    let end = json!({"status": "canceled", "reason": "inventory", "note": "no dough"});
    shop.change(&shop.admin, id, "status", &end).good();

    let history = shop.order(&shop.admin, id)["history"].clone();
    let at = |secs: u64| format!("2025-10-07T05:58:{}Z", 11 + secs);
    let entry = |version: u64, actor: u64, kind: &str, rest: Value| {
        let mut entry = json!({
            "version": version, "at": at(version - 1), "actor_id": actor, "kind": kind,
        });
        entry.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        entry
    };
    let expected = [
        entry(2, ANN_ID, "update", json!({"fields": ["note", "metadata"]})),
        entry(
            3,
            ADMIN_ID,
            "status",
            json!({"from": "pending", "to": "processing", "note": "in the oven"}),
        ),
        entry(4, ADMIN_ID, "payment", json!({"note": "cash", "amount": 900})),
        entry(
            5,
            ADMIN_ID,
            "refund",
            json!({"reason": "requested_by_customer", "note": "late", "amount": 100}),
        ),
        entry(
            6,
            ADMIN_ID,
            "status",
            json!({
                "from": "processing", "to": "canceled", "reason": "inventory", "note": "no dough",
            }),
        ),
    ];
    for (found, expected) in history.as_array().unwrap().iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(history.as_array().unwrap().len(), expected.len());
}

#[test]
fn keys_that_do_not_apply_are_absent() {
    let shop = Shop::open();
    let id = shop.pizza();
    shop.update(&shop.ann, id, &json!({"note": "soon"})).good();
    shop.pay(id, 900).good();
    shop.refund(id, 100).good();
    shop.set_status(&shop.admin, id, "ready").good();
    shop.set_status(&shop.admin, id, "canceled").good();
    let allowed = |kind: &str| match kind {
        "status" => &["from", "to", "reason", "note"][..],
        "payment" => &["note", "amount"],
        "refund" => &["reason", "note", "amount"],
        _ => &["fields"],
    };
    for token in [&shop.ann, &shop.admin] {
        for entry in shop.order(token, id)["history"].as_array().unwrap() {
            let (first, rest) = (&keys(entry)[..4], &keys(entry)[4..]);
            assert_eq!(first, ["version", "at", "actor_id", "kind"]);
            let allowed = allowed(entry["kind"].as_str().unwrap());
            assert!(rest.iter().all(|key| allowed.contains(key)), "{entry}");
        }
    }
    let ready = shop.order(&shop.admin, id)["history"][3].clone();
    assert!(ready.get("reason").is_none(), "{ready}");
}

#[test]
fn an_update_is_refused_from_the_50th_entry_on() {
    let shop = Shop::open();
    let id = shop.pizza();
    fill(&shop, id, 49);
    shop.update(&shop.ann, id, &json!({"note": "the last"})).good();
    assert_eq!(entries(&shop, id), 50);
    for token in [&shop.ann, &shop.admin] {
        for body in [
            json!({"note": "one more"}),
            json!({"customer": {"name": "Ada"}}),
            json!({"fulfillment": {"type": "pickup"}}),
        ] {
            shop.update(token, id, &body).assert_status(409);
        }
    }
    shop.update(&shop.ann, id, &json!({"metadata": {"seat": "3"}})).assert_status(409);
    assert_eq!(entries(&shop, id), 50);
}

#[test]
fn an_admin_s_metadata_is_refused_from_the_55th_entry_on() {
    let shop = Shop::open();
    let id = shop.pizza();
    fill(&shop, id, 50);
    let both = json!({"note": "x", "metadata": {"seat": "0"}});
    shop.update(&shop.admin, id, &both).assert_status(409);
    for number in 1..=5 {
        seat(&shop, id, number).good();
    }
    assert_eq!(entries(&shop, id), 55);
    seat(&shop, id, 6).assert_status(409);
    let order = shop.order(&shop.admin, id);
    assert_eq!((&order["metadata"], &order["version"]), (&json!({"seat": "5"}), &json!(56)));
}

#[test]
fn metadata_of_a_closed_order_has_the_same_bound() {
    let shop = Shop::open();
    let id = shop.pizza_in("completed");
    for number in 1..55 {
        seat(&shop, id, number).good();
    }
    assert_eq!(entries(&shop, id), 55);
    seat(&shop, id, 99).assert_status(409);
}

#[test]
fn a_move_back_to_processing_is_refused_from_the_50th_entry_on() {
    let shop = Shop::open();
    let id = shop.pizza();
    for _ in 0..24 {
        shop.set_status(&shop.admin, id, "ready").good();
        shop.set_status(&shop.admin, id, "processing").good();
    }
    fill(&shop, id, 48);
    shop.set_status(&shop.admin, id, "ready").good();
    shop.set_status(&shop.admin, id, "processing").good();
    assert_eq!(entries(&shop, id), 50);
    // A step forward always fits, and from there none leads back.
    shop.set_status(&shop.admin, id, "ready").good();
    shop.set_status(&shop.admin, id, "processing").assert_status(409);
    assert_eq!(shop.order(&shop.admin, id)["status"], "ready");
    shop.set_status(&shop.admin, id, "completed").good();
    assert_eq!(entries(&shop, id), 52);
    let just = shop.pizza();
    fill(&shop, just, 49);
    shop.set_status(&shop.admin, just, "ready").good();
    shop.set_status(&shop.admin, just, "processing").assert_status(409);
    assert_eq!(entries(&shop, just), 50);
}

#[test]
fn nobody_fills_an_order_up_so_that_it_is_stuck() {
    let shop = Shop::open();
    for end in ["completed", "canceled"] {
        let id = shop.pizza();
        fill(&shop, id, 50);
        for number in 1..=5 {
            seat(&shop, id, number).good();
        }
        for _ in 0..20 {
            shop.pay(id, 1).good();
            shop.refund(id, 1).good();
        }
        for status in ["processing", "ready", end] {
            shop.set_status(&shop.admin, id, status).good();
        }
        assert_eq!(entries(&shop, id), 98);
        seat(&shop, id, 6).assert_status(409);
        let order = shop.order(&shop.ann, id);
        assert_eq!(order["history"].as_array().unwrap().len(), 98);
    }
    let id = shop.pizza();
    fill(&shop, id, 50);
    shop.set_status(&shop.ann, id, "canceled").good();
    assert_eq!(entries(&shop, id), 51);
}

#[test]
fn payments_and_refunds_count_among_the_entries() {
    let shop = Shop::open();
    let id = shop.pizza();
    for _ in 0..20 {
        shop.pay(id, 1).good();
        shop.refund(id, 1).good();
    }
    fill(&shop, id, 50);
    shop.update(&shop.ann, id, &json!({"note": "one more"})).assert_status(409);
}
