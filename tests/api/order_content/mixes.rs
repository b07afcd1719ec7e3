//! The two bodies of `POST /orders/create`, and every mix of them.

use serde_json::{Value, json};

use super::shop::{Shop, assert_faults, faults, full, pizza, place, with, without};

/// The names of the content body, in its order.
const NAMES: [&str; 10] = [
    "line_items",
    "currency",
    "prices_include_tax",
    "total",
    "reference_id",
    "customer",
    "fulfillment",
    "note",
    "metadata",
    "user_id",
];

fn whole() -> Value {
    let body = with(&with(&full(), "/reference_id", "A-17"), "/total", 1400);
    with(&body, "/user_id", 2)
}

fn not_both(name: &str, input: &Value) -> Value {
    json!({
        "type": "value_error", "loc": ["body", name],
        "msg": "Give line_items or success, not both", "input": input,
    })
}

#[test]
fn each_field_of_the_content_body_is_a_fault_beside_success() {
    let shop = Shop::open();
    for name in NAMES {
        let value = whole()[name].clone();
        let body = json!({"success": true, name: value});
        let found = faults(&shop.create(&shop.ann, &body));
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        for key in ["type", "loc", "msg", "input"] {
            assert_eq!(found[0][key], not_both(name, &value)[key], "{name}");
        }
    }
    assert_eq!(shop.listed(&shop.ann, ""), [] as [u64; 0]);
}

#[test]
fn both_bodies_at_once_give_one_fault_for_each_field() {
    let shop = Shop::open();
    for success in [json!(true), json!(false), json!("yes")] {
        let found = faults(&shop.create(&shop.ann, &with(&whole(), "/success", success)));
        let mut places: Vec<String> = found.iter().map(|it| it["loc"].to_string()).collect();
        let mut expected = NAMES.map(|name| place(&format!("/{name}")).to_string());
        places.sort_unstable();
        expected.sort_unstable();
        assert_eq!(places, expected);
        for fault in found {
            assert_eq!(fault["msg"], "Give line_items or success, not both", "{fault}");
        }
    }
}

#[test]
fn beside_success_a_field_is_one_fault_however_wrong_it_is() {
    let shop = Shop::open();
    for (name, value) in [
        ("note", json!(5)),
        ("line_items", json!([])),
        ("currency", json!("eur")),
        ("total", json!({})),
    ] {
        let response = shop.create(&shop.ann, &json!({"success": true, name: value}));
        assert_faults(&response, &[("value_error", &format!("/{name}"))]);
    }
}

#[test]
fn beside_success_null_is_the_same_as_absent() {
    let shop = Shop::open();
    let mut body = json!({"success": true});
    for name in NAMES {
        body[name] = Value::Null;
    }
    let order = shop.place(&shop.ann, &body);
    assert_eq!(
        order,
        json!({
            "id": 1, "user_id": 2, "success": true, "created_at": "2025-10-07T05:58:11",
        })
    );
}

#[test]
fn beside_lines_a_success_of_null_is_the_same_as_absent() {
    let shop = Shop::open();
    let order = shop.place(&shop.ann, &with(&pizza(), "/success", Value::Null));
    assert_eq!((&order["status"], &order["total"]), (&json!("pending"), &json!(1900)));
    let response = shop.create(&shop.ann, &json!({"success": null, "note": "x"}));
    assert_faults(&response, &[("missing", "/line_items")]);
}

#[test]
fn a_simple_body_ignores_what_is_unknown_as_before() {
    let shop = Shop::open();
    let body = json!({
        "success": false, "colour": "red", "quantity": 2, "status": "pending", "Note": "x",
        "subtotal": 5, "lineItems": [], "id": 9,
    });
    let order = shop.place(&shop.ann, &body);
    assert_eq!(order.as_object().unwrap().len(), 4, "{order}");
}

#[test]
fn a_field_of_content_without_lines_misses_them() {
    let shop = Shop::open();
    for name in NAMES.into_iter().skip(1) {
        let body = json!({name: whole()[name]});
        let found = faults(&shop.create(&shop.ann, &body));
        let missing = json!({
            "type": "missing", "loc": ["body", "line_items"], "msg": "Field required",
            "input": body,
        });
        assert!(found.contains(&missing), "{name}: {found:?}");
    }
    let response = shop.create(&shop.ann, &without(&whole(), "/line_items"));
    assert_faults(&response, &[("missing", "/line_items")]);
}

#[test]
fn a_body_with_neither_misses_success_as_ever() {
    let shop = Shop::open();
    for body in [json!({}), json!({"colour": "red"}), json!({"note": null, "currency": null})] {
        shop.create(&shop.ann, &body).assert_invalid(&[json!({
            "type": "missing", "loc": ["body", "success"], "msg": "Field required", "input": body,
        })]);
    }
    let missing =
        json!({"type": "missing", "loc": ["body"], "msg": "Field required", "input": null});
    shop.create_text(&shop.ann, "").assert_invalid(&[missing]);
}

#[test]
fn an_unknown_field_of_the_content_body_is_a_fault_at_any_depth() {
    let shop = Shop::open();
    let two = with(&full(), "/line_items", json!([{"name": "a"}, full()["line_items"][0]]));
    for pointer in [
        "/colour",
        "/line_items/0/colour",
        "/line_items/1/subtotal",
        "/line_items/1/Name",
        "/customer/colour",
        "/fulfillment/colour",
        "/fulfillment/address/colour",
        "/status",
        "/id",
    ] {
        for value in [json!("red"), json!(5), json!([1]), json!(null)] {
            shop.create(&shop.ann, &with(&two, pointer, value.clone())).assert_invalid(&[json!({
                "type": "extra_forbidden", "loc": place(pointer),
                "msg": "Extra inputs are not permitted", "input": value,
            })]);
        }
    }
    assert_eq!(shop.listed(&shop.ann, ""), [] as [u64; 0]);
}

#[test]
fn an_unknown_field_that_is_called_a_password_comes_back_masked() {
    let shop = Shop::open();
    for pointer in ["/password", "/customer/old_password"] {
        let response = shop.create(&shop.ann, &with(&full(), pointer, "leaked"));
        assert_faults(&response, &[("extra_forbidden", pointer)]);
        assert_eq!(faults(&response)[0]["input"], "**********");
        assert!(!response.text().contains("leaked"));
    }
}

#[test]
fn of_a_repeated_key_the_last_counts() {
    let shop = Shop::open();
    let text = r#"{"line_items":5,"note":"a","line_items":[{"name":"x","name":"y"}],"note":"b"}"#;
    let order = shop.create_text(&shop.ann, text).good();
    assert_eq!((&order["note"], &order["line_items"][0]["name"]), (&json!("b"), &json!("y")));
}

#[test]
fn a_fault_of_the_content_body_is_a_problem_to_whoever_asks_for_one() {
    let shop = Shop::open();
    let body = with(&pizza(), "/currency", "eur");
    let request = shop.app.post("/orders/create").bearer(&shop.ann).json(&body);
    let response = request.header("Accept", "application/problem+json").send();
    response.assert_status(422);
    response.assert_header("Content-Type", "application/problem+json");
    let problem: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(problem["errors"][0]["loc"], place("/currency"), "{problem}");
}
