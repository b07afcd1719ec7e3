//! How an order reaches its customer: the kinds, the time, the address.

use serde_json::{Value, json};

use super::shop::{Shop, assert_fault_at, assert_faults, faults, full, pizza, with, without};

fn delivered(fulfillment: Value) -> Value {
    with(&pizza(), "/fulfillment", fulfillment)
}

#[test]
fn the_three_kinds_are_taken_and_no_other() {
    let shop = Shop::open();
    for kind in ["pickup", "delivery", "shipment"] {
        let order = shop.place(&shop.ann, &with(&full(), "/fulfillment/type", kind));
        assert_eq!(order["fulfillment"]["type"], kind);
    }
    for kind in [json!("drone"), json!("Pickup"), json!("pickup,delivery")] {
        let response = shop.create(&shop.ann, &with(&full(), "/fulfillment/type", kind));
        assert_faults(&response, &[("literal_error", "/fulfillment/type")]);
        let fault = faults(&response)[0].clone();
        let expected = "'pickup', 'delivery' or 'shipment'";
        assert_eq!(fault["ctx"], json!({ "expected": expected }), "{fault}");
        assert_eq!(fault["msg"], format!("Input should be {expected}"));
    }
    for kind in [json!(5), json!(true), json!([])] {
        let response = shop.create(&shop.ann, &with(&full(), "/fulfillment/type", kind));
        assert_fault_at(&response, "/fulfillment/type");
    }
    let response = shop.create(&shop.ann, &without(&full(), "/fulfillment/type"));
    assert_faults(&response, &[("missing", "/fulfillment/type")]);
}

#[test]
fn an_address_is_needed_but_for_pickup() {
    let shop = Shop::open();
    for kind in ["delivery", "shipment"] {
        for fulfillment in [json!({"type": kind}), json!({"type": kind, "address": null})] {
            let response = shop.create(&shop.ann, &delivered(fulfillment));
            assert_fault_at(&response, "/fulfillment/address");
        }
    }
    let order = shop.place(&shop.ann, &delivered(json!({"type": "pickup"})));
    assert_eq!(order["fulfillment"]["address"], Value::Null);
}

#[test]
fn an_address_with_pickup_is_kept() {
    let shop = Shop::open();
    let order = shop.place(&shop.ann, &with(&full(), "/fulfillment/type", "pickup"));
    assert_eq!(order["fulfillment"]["address"], full()["fulfillment"]["address"]);
}

#[test]
fn an_address_needs_its_first_line() {
    let shop = Shop::open();
    for kind in ["pickup", "delivery", "shipment"] {
        let body = with(&full(), "/fulfillment/type", kind);
        for line in [Value::Null, json!(""), json!("  ")] {
            let body = with(&body, "/fulfillment/address/line1", line);
            assert_fault_at(&shop.create(&shop.ann, &body), "/fulfillment/address/line1");
        }
        let response = shop.create(&shop.ann, &without(&body, "/fulfillment/address/line1"));
        assert_faults(&response, &[("missing", "/fulfillment/address/line1")]);
    }
    let bare = json!({"type": "delivery", "address": {"line1": "Hauptstr. 1"}});
    let order = shop.place(&shop.ann, &delivered(bare));
    let expected = json!({
        "line1": "Hauptstr. 1", "line2": null, "city": null, "state": null, "postal_code": null,
        "country": null,
    });
    assert_eq!(order["fulfillment"]["address"], expected);
}

#[test]
fn a_country_is_a_code_in_upper_case() {
    let shop = Shop::open();
    let at = "/fulfillment/address/country";
    for code in ["DE", "US", "GB", "JP", "AX", "SS", "BQ", "TW"] {
        let order = shop.place(&shop.ann, &with(&full(), at, code));
        assert_eq!(order.pointer(at), Some(&json!(code)));
    }
    for code in ["de", "De", "UK", "XX", "ZZ", "AN", "DEU", "D", "276", "Germany", "D "] {
        assert_fault_at(&shop.create(&shop.ann, &with(&full(), at, code)), at);
    }
    for none in ["", "  "] {
        let order = shop.place(&shop.ann, &with(&full(), at, none));
        assert_eq!(order.pointer(at), Some(&Value::Null));
    }
    assert_eq!(shop.place(&shop.ann, &with(&full(), at, " DE ")).pointer(at), Some(&json!("DE")));
}

#[test]
fn a_due_time_prints_in_utc_and_whole_seconds() {
    let shop = Shop::open();
    for (given, printed) in [
        ("2026-11-22T16:07:44Z", "2026-11-22T16:07:44Z"),
        ("2026-11-22T17:07:44+01:00", "2026-11-22T16:07:44Z"),
        ("2026-11-22T08:37:44-07:30", "2026-11-22T16:07:44Z"),
        ("2026-11-22T16:07:44+00:00", "2026-11-22T16:07:44Z"),
        ("2026-11-22T16:07:44-00:00", "2026-11-22T16:07:44Z"),
        ("2026-11-22T16:07:44.000Z", "2026-11-22T16:07:44Z"),
        ("2026-11-22T16:07:44.25Z", "2026-11-22T16:07:44Z"),
        ("2026-11-22T16:07:44.123456789+00:00", "2026-11-22T16:07:44Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z"),
        ("2028-02-29T23:59:59-00:01", "2028-03-01T00:00:59Z"),
        ("  2026-11-22T16:07:44Z ", "2026-11-22T16:07:44Z"),
    ] {
        let order = shop.place(&shop.ann, &with(&full(), "/fulfillment/due_at", given));
        assert_eq!(order["fulfillment"]["due_at"], printed, "{given}");
    }
    for none in ["", "  "] {
        let order = shop.place(&shop.ann, &with(&full(), "/fulfillment/due_at", none));
        assert_eq!(order["fulfillment"]["due_at"], Value::Null);
    }
}

#[test]
fn a_due_time_that_is_none_is_refused() {
    let shop = Shop::open();
    for given in [
        json!("2026-11-22T16:07:44"),
        json!("2026-11-22T16:07Z"),
        json!("2026-11-22"),
        json!("16:07:44Z"),
        json!("tomorrow"),
        json!("2026-02-29T12:00:00Z"),
        json!("2026-13-01T12:00:00Z"),
        json!("2026-11-22T25:00:00Z"),
        json!("2026-11-22T12:60:00Z"),
        json!("2026-11-22T12:00:00+25:00"),
        json!("2026-11-22T12:00:00+0100"),
        json!("2026-11-22T12:00:00+1"),
        json!("2026-11-22T12:00:00.Z"),
        json!("2026-11-22T12:00:00Z[Europe/Berlin]"),
        json!("2026-11-22T12:00:00 CET"),
        json!("26-11-22T12:00:00Z"),
        json!("+02026-11-22T12:00:00Z"),
        json!("1795881600"),
        json!(1_795_881_600),
        json!(true),
        json!([]),
    ] {
        let response = shop.create(&shop.ann, &with(&full(), "/fulfillment/due_at", given));
        assert_fault_at(&response, "/fulfillment/due_at");
    }
}

#[test]
fn all_faults_of_a_fulfillment_are_told_at_once() {
    let shop = Shop::open();
    let wrong = json!({
        "type": "shipment", "due_at": "now", "note": "x".repeat(501),
        "address": {"city": "x".repeat(101), "country": "de"},
    });
    let found = faults(&shop.create(&shop.ann, &delivered(wrong)));
    let places: Vec<String> = found.iter().map(|it| it["loc"].to_string()).collect();
    for at in ["due_at", "note", "address\",\"line1", "address\",\"city", "address\",\"country"] {
        let at = format!("[\"body\",\"fulfillment\",\"{at}\"]");
        assert!(places.contains(&at), "{at}: {places:?}");
    }
    assert_eq!(places.len(), 5, "{places:?}");
}
