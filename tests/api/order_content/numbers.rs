//! Numbers are JSON numbers, read exactly as decimals and judged by their value.

use serde_json::{Value, json};

use super::shop::{Shop, assert_faults, faults, id, payment, place};

/// An order of one line at 1.00 whose field `name` is written like that.
fn line(name: &str, text: &str) -> String {
    let price = if name == "unit_price" { "" } else { "\"unit_price\":100," };
    format!("{{\"currency\":\"EUR\",\"line_items\":[{{\"name\":\"x\",{price}\"{name}\":{text}}}]}}")
}

#[track_caller]
fn assert_taken(shop: &Shop, name: &str, text: &str, printed: &str) {
    let response = shop.create_text(&shop.ann, line(name, text));
    response.assert_status(200);
    let wanted = format!("\"{name}\":{printed},");
    assert!(response.text().contains(&wanted), "{name} {text}: {}", response.text());
}

#[track_caller]
fn assert_refused(shop: &Shop, name: &str, text: &str, kind: &str) {
    let response = shop.create_text(&shop.ann, line(name, text));
    assert_faults(&response, &[(kind, &format!("/line_items/0/{name}"))]);
}

#[test]
fn an_integer_counts_by_its_value() {
    let shop = Shop::open();
    for (text, printed) in [
        ("950", "950"),
        ("950.0", "950"),
        ("9.5e2", "950"),
        ("95000E-2", "950"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("0.001e3", "1"),
        ("1.0000", "1"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("0E999999999", "0"),
        ("1.00000000000000000000000000000000", "1"),
        ("999999999999", "999999999999"),
        ("999999999999.0", "999999999999"),
        ("9.99999999999e11", "999999999999"),
    ] {
        assert_taken(&shop, "unit_price", text, printed);
    }
}

#[test]
fn what_is_no_integer_is_refused() {
    let shop = Shop::open();
    for text in [
        "0.1",
        "1.5",
        "1e-1",
        "1.0000000000000000001",
        "0.99999999999999999999",
        "999999999999.5",
        "1e-400",
        "1e-999999999",
    ] {
        assert_refused(&shop, "unit_price", text, "int_from_float");
    }
    for text in ["true", "false", "\"1\"", "\"\"", "\"x\"", "[]", "[1]", "{}", "\"1e3\""] {
        for name in ["unit_price", "discount"] {
            assert_refused(&shop, name, text, "int_type");
        }
    }
}

#[test]
fn an_integer_has_its_bounds() {
    let shop = Shop::open();
    for text in ["-1", "-1e3", "-9223372036854775808", "-1e30"] {
        for name in ["unit_price", "discount"] {
            assert_refused(&shop, name, text, "greater_than_equal");
        }
    }
    for text in [
        "1000000000000",
        "1e12",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "170141183460469231731687303715884105728",
        "1e40",
        "1e400",
        "1e999999999",
    ] {
        assert_refused(&shop, "unit_price", text, "less_than_equal");
    }
}

#[test]
fn a_fraction_beyond_the_bound_is_refused_whatever_it_is_called() {
    let shop = Shop::open();
    for text in ["-0.5", "1000000000000.5", "-1.0000000000000000001"] {
        let found = faults(&shop.create_text(&shop.ann, line("unit_price", text)));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["loc"], place("/line_items/0/unit_price"));
    }
}

#[test]
fn a_quantity_counts_by_its_value_and_prints_without_needless_decimals() {
    let shop = Shop::open();
    for (text, printed) in [
        ("1", "1"),
        ("2", "2"),
        ("1.5", "1.5"),
        ("1.50", "1.5"),
        ("0.1", "0.1"),
        ("0.001", "0.001"),
        ("1e-3", "0.001"),
        ("1.0000", "1"),
        ("1.2340000", "1.234"),
        ("1e3", "1000"),
        ("12.34e1", "123.4"),
        ("99999.999", "99999.999"),
        ("9.9999999e4", "99999.999"),
        ("0.0010000000000000000000000000000000", "0.001"),
        ("null", "1"),
    ] {
        assert_taken(&shop, "quantity", text, printed);
    }
}

#[test]
fn a_quantity_that_is_none_is_refused() {
    let shop = Shop::open();
    for text in ["0", "-0", "0.0", "-1", "-0.001", "0e10", "-1e30"] {
        assert_refused(&shop, "quantity", text, "greater_than");
    }
    for text in ["100000", "1e5", "1e40", "1e400", "1e999999999", "9223372036854775808"] {
        assert_refused(&shop, "quantity", text, "less_than_equal");
    }
    for text in [
        "1.0005",
        "0.0001",
        "1.0000000000000000001",
        "1e-4",
        "99999.9989",
        "1e-400",
        "1e-999999999",
    ] {
        assert_refused(&shop, "quantity", text, "decimal_max_places");
    }
    for text in ["true", "\"1\"", "\"1.5\"", "[]", "{}", "\"\"", "\"NaN\""] {
        assert_refused(&shop, "quantity", text, "decimal_type");
    }
}

#[test]
fn a_tax_rate_is_a_percentage_with_three_decimals() {
    let shop = Shop::open();
    for (text, printed) in [
        ("0", "0"),
        ("-0", "0"),
        ("7", "7"),
        ("7.0", "7"),
        ("5.5", "5.5"),
        ("8.875", "8.875"),
        ("0.001", "0.001"),
        ("100", "100"),
        ("1e2", "100"),
        ("100.000", "100"),
        ("null", "0"),
    ] {
        assert_taken(&shop, "tax_rate", text, printed);
    }
    for text in ["-1", "-0.001"] {
        assert_refused(&shop, "tax_rate", text, "greater_than_equal");
    }
    for text in ["100.001", "101", "1e400"] {
        assert_refused(&shop, "tax_rate", text, "less_than_equal");
    }
    for text in ["8.8751", "1.0005", "1e-4"] {
        assert_refused(&shop, "tax_rate", text, "decimal_max_places");
    }
    for text in ["true", "\"7\"", "[]", "{}"] {
        assert_refused(&shop, "tax_rate", text, "decimal_type");
    }
}

#[test]
fn what_json_does_not_know_is_no_number() {
    let shop = Shop::open();
    for text in ["NaN", "Infinity", "-Infinity", "01", "+1", ".5", "1.", "1e", "0x10", "1_000"] {
        let response = shop.create_text(&shop.ann, line("unit_price", text));
        assert_eq!(faults(&response)[0]["type"], "json_invalid", "{text}");
    }
}

#[test]
fn a_number_of_endless_length_does_no_harm() {
    let shop = Shop::open();
    let (zeros, nines) = ("0".repeat(50_000), "9".repeat(50_000));
    assert_taken(&shop, "quantity", &format!("1.{zeros}"), "1");
    assert_refused(&shop, "quantity", &format!("1.{zeros}1"), "decimal_max_places");
    assert_refused(&shop, "unit_price", &nines, "less_than_equal");
    assert_refused(&shop, "unit_price", &format!("0.{nines}"), "int_from_float");
    assert_taken(&shop, "unit_price", &format!("1{zeros}e-50000"), "1");
    shop.pizza();
}

#[test]
fn the_total_that_a_client_believes_is_read_like_any_integer() {
    let shop = Shop::open();
    let order = |total: &str| {
        let text = line("quantity", "19").replacen('{', &format!("{{\"total\":{total},"), 1);
        shop.create_text(&shop.ann, text)
    };
    for total in ["1900", "1900.0", "1.9e3", "null"] {
        assert_eq!(order(total).good()["total"], 1900, "{total}");
    }
    for (total, kind) in
        [("1900.5", "int_from_float"), ("\"1900\"", "int_type"), ("true", "int_type")]
    {
        assert_faults(&order(total), &[(kind, "/total")]);
    }
    for total in ["1899", "0", "-1900", "1e400", "9223372036854775808"] {
        let found = faults(&order(total));
        assert_eq!((found.len(), &found[0]["loc"]), (1, &place("/total")), "{total}");
    }
}

#[test]
fn the_amounts_of_payments_and_refunds_are_read_alike() {
    let shop = Shop::open();
    let id = shop.worth(5_000);
    let post = |change: &str, amount: &str| {
        let with =
            if change == "payments" { "\"method\":\"cash\"" } else { "\"reason\":\"other\"" };
        let request = shop.app.post(&format!("/orders/{id}/{change}")).bearer(&shop.admin);
        let request = request.header("Content-Type", "application/json");
        request.body(format!("{{\"amount\":{amount},{with}}}")).send()
    };
    for change in ["payments", "refunds"] {
        for amount in ["1e3", "1000.0", "1"] {
            post(change, amount).good();
        }
        for (amount, kind) in [
            ("0", "greater_than_equal"),
            ("-0", "greater_than_equal"),
            ("-5", "greater_than_equal"),
            ("1.5", "int_from_float"),
            ("1.0000000000000000001", "int_from_float"),
            ("true", "int_type"),
            ("\"1\"", "int_type"),
            ("[]", "int_type"),
        ] {
            assert_faults(&post(change, amount), &[(kind, "/amount")]);
        }
        for amount in ["9223372036854775808", "1e400", "1e999999999"] {
            let status = post(change, amount).status;
            assert!([409, 422].contains(&status), "{change} {amount}: {status}");
        }
    }
    let order = shop.order(&shop.admin, id);
    assert_eq!((&order["amount_paid"], &order["amount_refunded"]), (&json!(2001), &json!(2001)));
}

#[test]
fn a_number_is_told_back_as_it_was_sent() {
    let shop = Shop::open();
    let response = shop.create_text(&shop.ann, line("unit_price", "1.5"));
    assert_eq!(faults(&response)[0]["input"], json!(1.5));
    let id = id(&shop.place(&shop.ann, &json!({"line_items": [{"name": "x"}]})));
    let mut wrong: Value = payment(1);
    wrong["amount"] = json!(-7);
    let response = shop.change(&shop.admin, id, "payments", &wrong);
    assert_eq!(faults(&response)[0]["input"], json!(-7));
}
