//! What may be changed of an order after it was placed, by whom, and when.

use serde_json::{Value, json};

use super::shop::{ANN_ID, Post, Shop, assert_faults, bare, full, id, with};

/// The id of an order of Ann's with every field.
fn placed(shop: &Shop) -> u64 {
    id(&shop.place(&shop.ann, &full()))
}

/// Each field with a value that [`full`] doesn't have.
fn changes() -> [(&'static str, Value); 4] {
    [
        ("note", json!("later")),
        ("metadata", json!({"seat": "3"})),
        ("customer", json!({"name": "Grace", "email": null, "phone": null})),
        ("fulfillment", json!({"type": "pickup", "due_at": null, "note": null, "address": null})),
    ]
}

#[test]
fn what_is_named_changes_and_what_is_absent_stays() {
    let shop = Shop::open();
    for (field, value) in changes() {
        let id = placed(&shop);
        let before = shop.order(&shop.ann, id);
        shop.app.advance_secs(1);
        let response = shop.update(&shop.ann, id, &json!({ field: value }));
        let after = response.good();
        let mut expected = with(&with(&bare(&before), &format!("/{field}"), value), "/version", 2);
        expected["updated_at"] = after["updated_at"].clone();
        assert_eq!(after, expected, "{field}");
        assert_ne!(after["updated_at"], before["updated_at"]);
        response.assert_header("ETag", "\"2\"");
        let entry = shop.order(&shop.ann, id)["history"][0].clone();
        assert_eq!(
            entry,
            json!({
                "version": 2, "at": after["updated_at"], "actor_id": ANN_ID, "kind": "update",
                "fields": [field],
            })
        );
    }
}

#[test]
fn null_clears_a_field() {
    let shop = Shop::open();
    for (field, _) in changes() {
        let id = placed(&shop);
        let order = shop.update(&shop.ann, id, &json!({field: null})).good();
        let cleared = if field == "metadata" { json!({}) } else { Value::Null };
        assert_eq!((&order[field], &order["version"]), (&cleared, &json!(2)), "{field}");
    }
    let id = placed(&shop);
    assert_eq!(shop.update(&shop.ann, id, &json!({"note": "  "})).good()["note"], Value::Null);
}

#[test]
fn an_object_replaces_the_whole_of_what_was_there() {
    let shop = Shop::open();
    let id = placed(&shop);
    let order = shop.update(&shop.ann, id, &json!({"customer": {"phone": "1"}})).good();
    assert_eq!(order["customer"], json!({"name": null, "email": null, "phone": "1"}));
    let order = shop.update(&shop.ann, id, &json!({"metadata": {"a": "b"}})).good();
    assert_eq!(order["metadata"], json!({"a": "b"}));
    let order = shop.update(&shop.ann, id, &json!({"metadata": {}})).good();
    assert_eq!(order["metadata"], json!({}));
    let bare = json!({"type": "shipment", "address": {"line1": "x"}});
    let order = shop.update(&shop.ann, id, &json!({"fulfillment": bare})).good();
    assert_eq!(order["fulfillment"]["due_at"], Value::Null);
    assert_eq!(order["fulfillment"]["address"]["city"], Value::Null);
}

#[test]
fn several_fields_are_one_change() {
    let shop = Shop::open();
    let id = placed(&shop);
    let all: Value =
        changes().into_iter().map(|(field, value)| (field.to_owned(), value)).collect();
    let order = shop.update(&shop.ann, id, &all).good();
    assert_eq!(order["version"], 2);
    let history = shop.order(&shop.ann, id)["history"].clone();
    assert_eq!(history.as_array().unwrap().len(), 1);
    let mut fields: Vec<&str> =
        history[0]["fields"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["customer", "fulfillment", "metadata", "note"]);
}

#[test]
fn an_update_that_changes_nothing_is_no_change() {
    let shop = Shop::open();
    let id = placed(&shop);
    let before = shop.order(&shop.ann, id);
    shop.app.advance_secs(1);
    let same = |field: &str| json!({ field: full()[field] });
    let mut bodies = vec![json!({}), same("note"), same("metadata"), same("customer")];
    bodies.push(same("fulfillment"));
    bodies.push(json!({"note": "  hello "}));
    bodies.push(with(&same("fulfillment"), "/fulfillment/due_at", "2026-11-22T17:07:44+01:00"));
    bodies.push(with(&same("fulfillment"), "/fulfillment/due_at", "2026-11-22T16:07:44.9Z"));
    for body in &bodies {
        for token in [&shop.ann, &shop.admin] {
            let response = shop.update(token, id, body);
            assert_eq!(response.good(), bare(&before), "{body}");
            response.assert_header("ETag", "\"1\"");
        }
    }
    assert_eq!(shop.order(&shop.ann, id), before);
    let plain = shop.pizza();
    for body in [
        json!({"note": null}),
        json!({"metadata": {}}),
        json!({"metadata": null}),
        json!({"customer": null, "fulfillment": null}),
    ] {
        assert_eq!(shop.update(&shop.ann, plain, &body).good()["version"], 1, "{body}");
    }
}

#[test]
fn lines_currency_reference_and_all_else_never_change() {
    let shop = Shop::open();
    let id = placed(&shop);
    for (field, value) in [
        ("line_items", full()["line_items"].clone()),
        ("currency", json!("EUR")),
        ("prices_include_tax", json!(true)),
        ("reference_id", json!("A-17")),
        ("total", json!(1400)),
        ("user_id", json!(2)),
        ("status", json!("ready")),
        ("success", json!(true)),
        ("version", json!(1)),
        ("cancel_reason", json!(null)),
    ] {
        let body = json!({"note": "x", field: value});
        let response = shop.update(&shop.admin, id, &body);
        assert_faults(&response, &[("extra_forbidden", &format!("/{field}"))]);
    }
    assert_eq!(shop.order(&shop.ann, id)["version"], 1);
}

#[test]
fn an_owner_updates_while_the_order_is_pending() {
    let shop = Shop::open();
    for status in ["processing", "ready", "completed", "canceled"] {
        let id = placed(&shop);
        shop.set_status(&shop.admin, id, status).good();
        for (field, value) in changes() {
            shop.update(&shop.ann, id, &json!({ field: value })).assert_status(409);
        }
        assert_eq!(shop.update(&shop.ann, id, &json!({})).good()["version"], 2);
        assert_eq!(shop.order(&shop.ann, id)["version"], 2, "{status}");
    }
}

#[test]
fn an_admin_updates_until_it_is_closed_and_metadata_always() {
    let shop = Shop::open();
    for status in ["pending", "processing", "ready"] {
        let id = placed(&shop);
        shop.set_status(&shop.admin, id, status).good();
        for (field, value) in changes() {
            let order = shop.update(&shop.admin, id, &json!({ field: value })).good();
            assert_eq!(order[field], value, "{status}");
        }
    }
    for status in ["completed", "canceled"] {
        let id = placed(&shop);
        shop.set_status(&shop.admin, id, status).good();
        for (field, value) in changes() {
            shop.app.advance_secs(1);
            let response = shop.update(&shop.admin, id, &json!({ field: value }));
            if field == "metadata" {
                let order = response.good();
                assert_eq!((&order[field], &order["version"]), (&value, &json!(3)), "{status}");
            } else {
                response.assert_status(409);
            }
        }
        assert_eq!(shop.update(&shop.admin, id, &json!({})).good()["version"], 3);
        let order = shop.order(&shop.admin, id);
        assert_eq!(order["version"], 3);
        assert_ne!(order["closed_at"], order["updated_at"], "it was closed before that");
    }
}

#[test]
fn an_update_that_names_what_may_not_change_now_changes_nothing_of_it() {
    let shop = Shop::open();
    let id = placed(&shop);
    shop.set_status(&shop.admin, id, "completed").good();
    for (field, value) in changes().into_iter().filter(|(field, _)| *field != "metadata") {
        for value in [value, full()[field].clone(), Value::Null] {
            let body = json!({"metadata": {"seat": "3"}, field: value});
            shop.update(&shop.admin, id, &body).assert_status(409);
        }
    }
    let order = shop.order(&shop.admin, id);
    assert_eq!((&order["metadata"], &order["version"]), (&full()["metadata"], &json!(2)));
}

#[test]
fn the_figures_stay_as_they_were() {
    let shop = Shop::open();
    let id = placed(&shop);
    shop.pay(id, 100).good();
    let before = shop.order(&shop.admin, id);
    let after = shop.update(&shop.ann, id, &json!({"note": null, "fulfillment": null})).good();
    for key in ["line_items", "subtotal", "discount_total", "tax_total", "total", "amount_paid"] {
        assert_eq!(after[key], before[key], "{key}");
    }
}

#[test]
fn of_many_updates_at_once_each_is_a_version_of_its_own() {
    let shop = Shop::open();
    let id = placed(&shop);
    let target = format!("/orders/{id}/update");
    for round in 1..=4 {
        let post = |number: u64| {
            Post::new(&shop.ann, &target, json!({"note": format!("{round}-{number}")}))
        };
        let answers = shop.at_once(&(0..6).map(post).collect::<Vec<_>>());
        let mut versions: Vec<u64> =
            answers.iter().map(|it| it.good()["version"].as_u64().unwrap()).collect();
        versions.sort_unstable();
        let first = 2 + (round - 1) * 6;
        assert_eq!(versions, (first..first + 6).collect::<Vec<_>>());
    }
}
