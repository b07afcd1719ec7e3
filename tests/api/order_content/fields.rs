//! Every field of the content body at its bounds and one past them, and all faults at once.

use serde_json::{Value, json};

use super::shop::{
    Shop, assert_fault_at, assert_fault_below, assert_faults, faults, full, id, pizza, place, with,
};

/// Every string that is free text, and how many characters it has at most.
pub const STRINGS: [(&str, usize); 15] = [
    ("/line_items/0/name", 200),
    ("/line_items/0/sku", 64),
    ("/line_items/0/unit", 12),
    ("/line_items/0/note", 500),
    ("/customer/name", 100),
    ("/customer/phone", 32),
    ("/fulfillment/note", 500),
    ("/fulfillment/address/line1", 100),
    ("/fulfillment/address/line2", 100),
    ("/fulfillment/address/city", 100),
    ("/fulfillment/address/state", 100),
    ("/fulfillment/address/postal_code", 100),
    ("/note", 2000),
    ("/metadata/table", 500),
    ("/reference_id", 64),
];

/// As [`full`], with a number of its own.
fn numbered() -> Value {
    with(&full(), "/reference_id", "A-17")
}

#[test]
fn a_string_is_as_long_as_it_may_be_and_no_longer() {
    let shop = Shop::open();
    for (pointer, max) in STRINGS {
        let longest = "x".repeat(max);
        let order = shop.place(&shop.ann, &with(&full(), pointer, longest.as_str()));
        assert_eq!(order.pointer(pointer), Some(&json!(longest)), "{pointer}");
        let response = shop.create(&shop.ann, &with(&full(), pointer, longest + "y"));
        assert_faults(&response, &[("string_too_long", pointer)]);
        let fault = faults(&response)[0].clone();
        assert_eq!(fault["ctx"], json!({"max_length": max}), "{fault}");
        assert_eq!(fault["msg"], format!("String should have at most {max} characters"));
    }
}

#[test]
fn characters_are_counted_and_not_bytes() {
    let shop = Shop::open();
    for (pointer, max) in STRINGS {
        if pointer == "/reference_id" {
            continue;
        }
        let longest = "\u{1f355}".repeat(max);
        let order = shop.place(&shop.ann, &with(&full(), pointer, longest.as_str()));
        assert_eq!(order.pointer(pointer), Some(&json!(longest)), "{pointer}");
        let response = shop.create(&shop.ann, &with(&full(), pointer, longest + "\u{1f355}"));
        assert_faults(&response, &[("string_too_long", pointer)]);
    }
}

#[test]
fn strings_are_trimmed_before_they_are_counted() {
    let shop = Shop::open();
    for (pointer, max) in STRINGS {
        let longest = "x".repeat(max);
        let padded = format!("   {longest}  ");
        let order = shop.place(&shop.ann, &with(&full(), pointer, padded));
        assert_eq!(order.pointer(pointer), Some(&json!(longest)), "{pointer}");
    }
}

#[test]
fn what_is_no_string_is_told() {
    let shop = Shop::open();
    for (pointer, _) in STRINGS {
        for value in [json!(5), json!(true), json!(1.5), json!(["x"]), json!({"a": "x"})] {
            let response = shop.create(&shop.ann, &with(&numbered(), pointer, value));
            assert_faults(&response, &[("string_type", pointer)]);
        }
    }
    let country = "/fulfillment/address/country";
    for pointer in ["/currency", "/customer/email", country, "/fulfillment/due_at"] {
        for value in [json!(5), json!(false), json!(["EUR"])] {
            let response = shop.create(&shop.ann, &with(&numbered(), pointer, value));
            assert_faults(&response, &[("string_type", pointer)]);
        }
    }
}

#[test]
fn an_optional_string_that_is_empty_after_trimming_is_null() {
    let shop = Shop::open();
    for (pointer, _) in STRINGS {
        if pointer == "/line_items/0/name"
            || pointer == "/fulfillment/address/line1"
            || pointer == "/metadata/table"
        {
            continue;
        }
        for empty in ["", "   "] {
            let order = shop.place(&shop.ann, &with(&full(), pointer, empty));
            assert_eq!(order.pointer(pointer), Some(&Value::Null), "{pointer}");
        }
    }
}

#[test]
fn a_line_needs_a_name() {
    let shop = Shop::open();
    for empty in ["", "  "] {
        let response = shop.create(&shop.ann, &with(&full(), "/line_items/0/name", empty));
        assert_faults(&response, &[("string_too_short", "/line_items/0/name")]);
    }
    let response = shop.create(&shop.ann, &json!({"line_items": [{}]}));
    assert_faults(&response, &[("missing", "/line_items/0/name")]);
    let response = shop.create(&shop.ann, &with(&full(), "/line_items/0/name", Value::Null));
    assert_fault_at(&response, "/line_items/0/name");
}

#[test]
fn an_order_has_1_to_100_lines() {
    let shop = Shop::open();
    let lines = |count: usize| json!({"line_items": vec![json!({"name": "x"}); count]});
    for count in [1, 2, 99, 100] {
        let order = shop.place(&shop.ann, &lines(count));
        assert_eq!(order["line_items"].as_array().unwrap().len(), count);
    }
    assert_faults(&shop.create(&shop.ann, &lines(0)), &[("too_short", "/line_items")]);
    assert_faults(&shop.create(&shop.ann, &lines(101)), &[("too_long", "/line_items")]);
    for value in [json!({}), json!("x"), json!(1), json!(true)] {
        let response = shop.create(&shop.ann, &json!({ "line_items": value }));
        assert_faults(&response, &[("list_type", "/line_items")]);
    }
}

#[test]
fn what_is_no_object_is_told_where_it_stands() {
    let shop = Shop::open();
    for pointer in ["/line_items/0", "/customer", "/fulfillment", "/fulfillment/address"] {
        for value in [json!(5), json!("x"), json!([]), json!(true)] {
            let response = shop.create(&shop.ann, &with(&full(), pointer, value));
            assert_fault_at(&response, pointer);
        }
    }
    for value in [json!(5), json!("x"), json!([]), json!(false)] {
        let response = shop.create(&shop.ann, &with(&full(), "/metadata", value));
        assert_faults(&response, &[("dict_type", "/metadata")]);
    }
}

#[test]
fn prices_include_tax_is_a_strict_boolean() {
    let shop = Shop::open();
    for value in [json!(1), json!(0), json!("true"), json!("yes"), json!([]), json!(1.0)] {
        let response = shop.create(&shop.ann, &with(&pizza(), "/prices_include_tax", value));
        assert_faults(&response, &[("bool_type", "/prices_include_tax")]);
    }
    for value in [true, false] {
        let order = shop.place(&shop.ann, &with(&pizza(), "/prices_include_tax", value));
        assert_eq!(order["prices_include_tax"], value);
    }
}

#[test]
fn a_currency_is_an_active_code_in_upper_case() {
    let shop = Shop::open();
    for code in ["EUR", "USD", "GBP", "CHF", "JPY", "KWD", "TND", "XOF", "XAF", "XPF", "XCD", "VES"]
    {
        let order = shop.place(&shop.ann, &with(&pizza(), "/currency", code));
        assert_eq!(order["currency"], code);
    }
    assert_eq!(shop.place(&shop.ann, &with(&pizza(), "/currency", " EUR "))["currency"], "EUR");
    let withdrawn = ["DEM", "FRF", "ITL", "HRK", "LTL", "SLL", "ZWL", "VEF"];
    let no_money = ["XAU", "XAG", "XPT", "XPD", "XTS", "XXX"];
    let funds = ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI"];
    let unknown = ["eur", "Eur", "ZZZ", "EU", "EURO", "€", "978", "E R"];
    for code in withdrawn.into_iter().chain(no_money).chain(funds).chain(unknown) {
        let response = shop.create(&shop.ann, &with(&pizza(), "/currency", code));
        assert_fault_at(&response, "/currency");
    }
}

#[test]
fn a_price_needs_a_currency() {
    let shop = Shop::open();
    for body in [with(&pizza(), "/currency", Value::Null), with(&pizza(), "/currency", "")] {
        assert_fault_at(&shop.create(&shop.ann, &body), "/currency");
    }
    let second = json!({"line_items": [{"name": "a"}, {"name": "b", "unit_price": 1}]});
    assert_fault_at(&shop.create(&shop.ann, &second), "/currency");
    let free = json!({"line_items": [{"name": "a", "unit_price": 0, "quantity": 3}]});
    assert_eq!(shop.place(&shop.ann, &free)["currency"], Value::Null);
    assert_eq!(shop.place(&shop.ann, &with(&free, "/currency", "EUR"))["currency"], "EUR");
    assert_eq!(shop.place(&shop.ann, &with(&free, "/currency", " "))["currency"], Value::Null);
}

#[test]
fn a_customer_has_at_least_one_of_its_fields() {
    let shop = Shop::open();
    for (key, value) in [("name", "Ada"), ("email", "ada@example.com"), ("phone", "+49 30 1")] {
        let order = shop.place(&shop.ann, &with(&pizza(), "/customer", json!({ key: value })));
        let mut expected = json!({"name": null, "email": null, "phone": null});
        expected[key] = json!(value);
        assert_eq!(order["customer"], expected);
    }
    for nobody in [json!({}), json!({"name": null}), json!({"name": " ", "email": "", "phone": ""})]
    {
        let response = shop.create(&shop.ann, &with(&pizza(), "/customer", nobody));
        assert_fault_at(&response, "/customer");
    }
}

#[test]
fn a_customer_s_email_is_an_address() {
    let shop = Shop::open();
    let order = shop.place(&shop.ann, &with(&full(), "/customer/email", "  ada@example.org "));
    assert_eq!(order["customer"]["email"], "ada@example.org");
    let long = format!("{}@example.com", "x".repeat(250));
    for email in
        ["ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\r\nBcc: x@y.zz", &long]
    {
        let response = shop.create(&shop.ann, &with(&full(), "/customer/email", email));
        assert_faults(&response, &[("value_error", "/customer/email")]);
        let message = faults(&response)[0]["msg"].clone();
        let start = "value is not a valid email address: ";
        assert!(message.as_str().unwrap().starts_with(start), "{message}");
    }
}

#[test]
fn metadata_has_up_to_20_keys_of_40_characters() {
    let shop = Shop::open();
    let many = |count: usize| -> Value {
        (0..count).map(|number| (format!("key-{number}"), json!("x"))).collect()
    };
    let order = shop.place(&shop.ann, &with(&pizza(), "/metadata", many(20)));
    assert_eq!(order["metadata"], many(20));
    let response = shop.create(&shop.ann, &with(&pizza(), "/metadata", many(21)));
    assert_fault_at(&response, "/metadata");
    for key in ["a", "A.b-c_9", "__proto__", "constructor", "..", &"k".repeat(40)] {
        let metadata = json!({ key: "x" });
        let order = shop.place(&shop.ann, &with(&pizza(), "/metadata", metadata.clone()));
        assert_eq!(order["metadata"], metadata);
    }
    for key in ["", "a b", " a", "ä", "a/b", "a:b", "$a", "a\n", &"k".repeat(41)] {
        let response = shop.create(&shop.ann, &with(&pizza(), "/metadata", json!({ key: "x" })));
        assert_fault_below(&response, "/metadata");
    }
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_fields() {
    let shop = Shop::open();
    let body = json!({
        "metadata": {"table": 7},
        "note": "x".repeat(2001),
        "fulfillment": {"type": "drone", "due_at": 5, "address": {"line1": "x"}},
        "customer": {"name": 1, "email": "ada"},
        "reference_id": "a b",
        "prices_include_tax": "no",
        "currency": "eur",
        "line_items": [
            {"quantity": "2", "unit_price": -1, "tax_rate": 101},
            {"name": "", "sku": 5, "discount": 1.5},
        ],
    });
    let expected = [
        "/line_items/0/name",
        "/line_items/0/quantity",
        "/line_items/0/unit_price",
        "/line_items/0/tax_rate",
        "/line_items/1/name",
        "/line_items/1/sku",
        "/line_items/1/discount",
        "/currency",
        "/prices_include_tax",
        "/reference_id",
        "/customer/name",
        "/customer/email",
        "/fulfillment/type",
        "/fulfillment/due_at",
        "/note",
        "/metadata/table",
    ];
    let found = faults(&shop.create(&shop.ann, &body));
    let places: Vec<Value> = found.iter().map(|it| it["loc"].clone()).collect();
    assert_eq!(places, expected.map(place));
}

#[test]
fn of_many_faults_16_are_told() {
    let shop = Shop::open();
    let body = json!({"line_items": vec![json!({"name": 5, "note": 6}); 50]});
    let found = faults(&shop.create(&shop.ann, &body));
    assert_eq!(found.len(), 16);
    assert_eq!(found[15]["loc"], place("/line_items/7/note"));
}

#[test]
fn a_user_is_named_by_a_number() {
    let shop = Shop::open();
    for (value, kind) in [
        (json!("2"), "int_type"),
        (json!(true), "int_type"),
        (json!(2.5), "int_from_float"),
        (json!(0), "greater_than_equal"),
        (json!(-1), "greater_than_equal"),
        (json!(9_223_372_036_854_775_808_u64), "less_than_equal"),
    ] {
        let response = shop.create(&shop.admin, &with(&pizza(), "/user_id", value));
        assert_faults(&response, &[(kind, "/user_id")]);
    }
    let text = pizza().to_string().replacen('{', "{\"user_id\":2e0,", 1);
    assert_eq!(id(&shop.create_text(&shop.admin, text).good()), 1);
    assert_eq!(shop.listed(&shop.ann, ""), [1]);
}
