//! What `GET /orders/` finds by status and reference.

use serde_json::{Value, json};

use super::shop::{BEN_ID, STATUSES, Shop, id, pizza, with};

/// An order in each status, in the order of [`STATUSES`]: Ann's, and the last one simple; then a
/// simple one of hers that succeeded. Their ids are 1 to 7.
fn shop() -> Shop {
    let shop = Shop::open();
    for status in STATUSES.into_iter().filter(|status| *status != "failed") {
        shop.pizza_in(status);
    }
    shop.place(&shop.ann, &json!({"success": false}));
    assert_eq!(id(&shop.place(&shop.ann, &json!({"success": true}))), 7);
    shop
}

#[test]
fn a_status_finds_the_orders_that_are_in_it() {
    let shop = shop();
    for (query, expected) in [
        ("status=pending", &[1][..]),
        ("status=processing", &[2]),
        ("status=ready", &[3]),
        ("status=completed", &[4, 7]),
        ("status=canceled", &[5]),
        ("status=failed", &[6]),
        ("status=pending,ready", &[1, 3]),
        ("status=ready,pending", &[1, 3]),
        ("status=pending%2Cready", &[1, 3]),
        ("status=completed,failed", &[4, 6, 7]),
        ("status=pending,canceled,failed", &[1, 5, 6]),
        ("status=pending,processing,ready,completed,canceled,failed", &[1, 2, 3, 4, 5, 6, 7]),
        ("status=completed&success=true", &[4, 7]),
        ("status=completed&success=false", &[]),
        ("status=pending&success=false", &[]),
    ] {
        for token in [&shop.admin, &shop.ann] {
            assert_eq!(shop.listed(token, query), expected, "{query}");
            let backwards: Vec<u64> = expected.iter().rev().copied().collect();
            assert_eq!(shop.listed(token, &format!("{query}&order=desc")), backwards, "{query}");
        }
        assert_eq!(shop.listed(&shop.ben, query), [] as [u64; 0], "{query}");
    }
}

#[test]
fn success_follows_the_present_status() {
    let shop = shop();
    assert_eq!(shop.listed(&shop.admin, "success=true"), [1, 2, 3, 4, 7]);
    assert_eq!(shop.listed(&shop.admin, "success=false"), [5, 6]);
    shop.set_status(&shop.ann, 1, "canceled").good();
    assert_eq!(shop.listed(&shop.admin, "success=false"), [1, 5, 6]);
    assert_eq!(shop.listed(&shop.ann, "success=true"), [2, 3, 4, 7]);
    assert_eq!(shop.listed(&shop.ann, "success=false&limit=2"), [1, 5]);
}

#[test]
fn a_list_follows_every_change_of_status() {
    let shop = Shop::open();
    let id = shop.pizza();
    let mut before = "pending";
    for status in ["processing", "ready", "processing", "ready", "completed"] {
        shop.set_status(&shop.admin, id, status).good();
        assert_eq!(shop.listed(&shop.admin, &format!("status={status}")), [id]);
        assert_eq!(shop.listed(&shop.admin, &format!("status={before}")), [] as [u64; 0]);
        before = status;
    }
}

#[test]
fn a_status_goes_with_the_other_filters() {
    let shop = Shop::open();
    for (token, note) in [(&shop.ann, "a"), (&shop.ben, "b"), (&shop.ann, "c"), (&shop.ben, "d")] {
        shop.place(token, &with(&pizza(), "/note", note));
        shop.app.advance_secs(60);
    }
    shop.set_status(&shop.admin, 3, "ready").good();
    for (query, expected) in [
        ("status=pending&user_id=2", &[1][..]),
        ("status=pending&user_id=3", &[2, 4]),
        ("status=pending,ready&user_id=2", &[1, 3]),
        ("status=pending&created_from=2025-10-07T05:59:00", &[2, 4]),
        ("status=pending&created_to=2025-10-07T06:00:00", &[1, 2]),
        ("status=ready&created_to=2025-10-07T05:59:00", &[]),
        ("status=pending&after=2", &[4]),
        ("status=pending&order=desc&after=4", &[2, 1]),
        ("status=pending&limit=2", &[1, 2]),
        ("status=pending&user_id=9", &[]),
    ] {
        assert_eq!(shop.listed(&shop.admin, query), expected, "{query}");
    }
    let refused = shop.app.read(&shop.ann, "/orders/?status=pending&user_id=3");
    refused.assert_detail(403, "Admin privileges required");
}

#[test]
fn a_reference_is_found_exactly() {
    let shop = Shop::open();
    let numbered = |reference: &str| with(&pizza(), "/reference_id", reference);
    for (token, reference) in [
        (&shop.ann, "A-17"),
        (&shop.ann, "A-170"),
        (&shop.ben, "A-17"),
        (&shop.ann, "a-17"),
        (&shop.ann, "50%+&=#"),
    ] {
        shop.place(token, &numbered(reference));
    }
    shop.place(&shop.ann, &json!({"success": true}));
    for (query, admins, anns) in [
        ("reference_id=A-17", &[1, 3][..], &[1][..]),
        ("reference_id=A-170", &[2], &[2]),
        ("reference_id=a-17", &[4], &[4]),
        ("reference_id=A-1", &[], &[]),
        ("reference_id=17", &[], &[]),
        ("reference_id=50%25%2B%26%3D%23", &[5], &[5]),
        ("reference_id=A-17&user_id=3", &[3], &[]),
        ("reference_id=A-17&order=desc", &[3, 1], &[1]),
        ("reference_id=A-17&status=pending", &[1, 3], &[1]),
        ("reference_id=A-17&status=ready", &[], &[]),
        ("reference_id=A-17&success=true&limit=1", &[1], &[1]),
    ] {
        assert_eq!(shop.listed(&shop.admin, query), admins, "{query}");
        if !query.contains("user_id") {
            assert_eq!(shop.listed(&shop.ann, query), anns, "{query}");
        }
    }
    shop.set_status(&shop.ann, 1, "canceled").good();
    assert_eq!(shop.listed(&shop.ann, "reference_id=A-17"), [1]);
    assert_eq!(shop.listed(&shop.admin, "reference_id=A-17&status=canceled"), [1]);
}

#[test]
fn a_value_that_makes_no_sense_is_refused() {
    let shop = Shop::open();
    let (long, longer) = ("x".repeat(65), "x".repeat(100));
    for (name, values) in [
        ("status", &["", "lost", "Pending", "pending,", ",pending", "pending;ready"][..]),
        ("reference_id", &["", &long, &longer]),
        ("q", &["", " ", &long, "--", "+()", "\u{2764}"]),
        ("columns", &["", "some", "FULL", "full,id"]),
    ] {
        for value in values {
            let encoded = super::shop::percent(value);
            let format = if name == "columns" { "&format=csv" } else { "" };
            let response = shop.app.read(&shop.ann, &format!("/orders/?{name}={encoded}{format}"));
            response.assert_status(422);
            let fault = response.json()["detail"][0].clone();
            assert_eq!(fault["loc"], json!(["query", name]), "{value:?}: {fault}");
        }
    }
    let unknown = shop.app.read(&shop.ann, "/orders/?status=lost").json()["detail"][0].clone();
    assert_eq!((&unknown["type"], &unknown["input"]), (&json!("literal_error"), &json!("lost")));
}

#[test]
fn repeated_and_unknown_parameters_are_refused() {
    let shop = Shop::open();
    for (query, name, input) in [
        ("status=pending&status=ready", "status", "ready"),
        ("reference_id=a&reference_id=a", "reference_id", "a"),
        ("q=a&q=b", "q", "b"),
        ("Status=pending", "Status", "pending"),
        ("reference=A-17", "reference", "A-17"),
        ("payment_status=paid", "payment_status", "paid"),
    ] {
        let response = shop.app.read(&shop.admin, &format!("/orders/?{query}"));
        response.assert_bad_parameter(name, input);
    }
}

#[test]
fn a_list_has_the_bodies_of_both_kinds() {
    let shop = Shop::open();
    let placed: Vec<Value> = [pizza(), json!({"success": true}), pizza()]
        .iter()
        .map(|body| shop.place(&shop.ben, body))
        .collect();
    for query in ["", "?limit=3", "?user_id=3"] {
        let list = shop.app.read(&shop.admin, &format!("/orders/{query}")).good();
        assert_eq!(list["orders"], json!(placed), "{query}");
    }
    assert_eq!(placed[1].as_object().unwrap().len(), 4);
    assert_eq!(placed[0]["user_id"], BEN_ID);
}
