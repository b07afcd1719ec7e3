//! `GET /emails/` with its filters, and one mail by its id.

use serde_json::{Value, json};

use support::app::TestApp;

use super::shop::{Shop, id};

const KINDS: [&str; 6] =
    ["order_success", "order_failed", "order_placed", "order_ready", "order_canceled", "notify"];

/// Orders 1 to 4 of Ann's, with at least one mail of every kind.
fn shop() -> Shop {
    let shop = Shop::open_with(&["--notify-email=kitchen@shop.example"]);
    shop.place(&shop.ann, &json!({"success": true}));
    shop.place(&shop.ann, &json!({"success": false}));
    shop.pizza();
    shop.pizza_in("ready");
    shop.set_status(&shop.admin, 3, "canceled").good();
    shop
}

fn listed(shop: &Shop, query: &str) -> Vec<u64> {
    let list = shop.app.read(&shop.admin, &format!("/emails/?{query}")).good();
    list["emails"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn mails_are_found_by_their_kind_and_order() {
    let shop = shop();
    let all = shop.mails("");
    assert_eq!(all.len(), 8);
    for kind in KINDS {
        let expected: Vec<u64> = all.iter().filter(|it| it["kind"] == kind).map(id).collect();
        assert!(!expected.is_empty(), "{kind}");
        assert_eq!(listed(&shop, &format!("state=all&kind={kind}")), expected, "{kind}");
        for order in 1..=5 {
            let expected: Vec<u64> = all
                .iter()
                .filter(|it| it["kind"] == kind && it["order_id"] == order)
                .map(id)
                .collect();
            let query = format!("state=all&kind={kind}&order_id={order}");
            assert_eq!(listed(&shop, &query), expected, "{query}");
        }
    }
    for order in 1..=5 {
        let expected: Vec<u64> = all.iter().filter(|it| it["order_id"] == order).map(id).collect();
        assert_eq!(listed(&shop, &format!("state=all&order_id={order}")), expected, "{order}");
    }
}

#[test]
fn the_newest_come_first_when_asked_for() {
    let shop = shop();
    let mut all = listed(&shop, "state=all");
    assert_eq!(listed(&shop, "state=all&order=asc"), all);
    all.reverse();
    assert_eq!(listed(&shop, "state=all&order=desc"), all);
    let mut of_one = listed(&shop, "state=all&order_id=4");
    assert_eq!(of_one.len(), 3);
    of_one.reverse();
    assert_eq!(listed(&shop, "state=all&order_id=4&order=desc"), of_one);
}

#[test]
fn pages_lead_on_by_link_and_by_next() {
    let shop = shop();
    for query in
        ["state=all", "state=all&order=desc", "state=all&kind=notify", "state=all&order_id=4"]
    {
        let whole = listed(&shop, query);
        for limit in [1, 2, 3, 100] {
            let mut target = format!("/emails/?{query}&limit={limit}");
            let mut walked: Vec<u64> = Vec::new();
            loop {
                let response = shop.app.read(&shop.admin, &target);
                let page = response.good();
                walked.extend(page["emails"].as_array().unwrap().iter().map(id));
                assert!(walked.len() <= whole.len(), "{target}");
                let Some(link) = response.header("Link") else {
                    assert_eq!(page["next"], Value::Null, "{target}");
                    break;
                };
                let next = link.strip_prefix("<?").unwrap().strip_suffix(">; rel=\"next\"");
                target = format!("/emails/?{}", next.unwrap());
                let by_number = format!("/emails/?{query}&limit={limit}&after={}", page["next"]);
                let by_number = shop.app.read(&shop.admin, &by_number).good();
                assert_eq!(by_number, shop.app.read(&shop.admin, &target).good(), "{target}");
            }
            assert_eq!(walked, whole, "{query} by {limit}");
        }
    }
}

#[test]
fn a_state_goes_with_the_other_filters() {
    let app = TestApp::cut_off();
    let ann = app.user("ann");
    for _ in 0..2 {
        app.create_order(&ann, &super::shop::pizza()).good();
    }
    let admin = app.admin();
    let count = |query: &str| {
        let list = app.read(&admin, &format!("/emails/?{query}")).good();
        list["emails"].as_array().unwrap().len()
    };
    for (query, expected) in [
        ("", 2),
        ("state=pending&kind=order_placed", 2),
        ("state=pending&order_id=2", 1),
        ("state=sent&order_id=2", 0),
        ("state=dead&kind=order_placed", 0),
        ("state=all&kind=notify", 0),
        ("kind=order_placed&order_id=1", 1),
    ] {
        assert_eq!(count(query), expected, "{query}");
    }
}

#[test]
fn a_parameter_that_makes_no_sense_is_refused() {
    let shop = Shop::open();
    for (query, name, input) in [
        ("kind=order_lost", "kind", "order_lost"),
        ("kind=", "kind", ""),
        ("kind=notify,order_ready", "kind", "notify,order_ready"),
        ("order_id=0", "order_id", "0"),
        ("order_id=x", "order_id", "x"),
        ("order_id=9223372036854775808", "order_id", "9223372036854775808"),
        ("order=up", "order", "up"),
        ("state=every", "state", "every"),
        ("kind=notify&kind=notify", "kind", "notify"),
        ("order_id=1&order_id=2", "order_id", "2"),
        ("status=all", "status", "all"),
    ] {
        let response = shop.app.read(&shop.admin, &format!("/emails/?{query}"));
        response.assert_bad_parameter(name, input);
    }
}

#[test]
fn one_mail_adds_its_subject_and_text_to_what_the_list_has() {
    let shop = shop();
    for mail in shop.mails("") {
        // Its state may move on between the two.
        let one = shop.app.read(&shop.admin, &format!("/emails/{}", mail["id"])).good();
        for key in ["id", "order_id", "user_id", "to", "kind", "message_id"] {
            assert_eq!(one[key], mail[key], "{key}");
        }
        for key in ["subject", "text"] {
            assert!(one[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {one}");
            assert!(mail.get(key).is_none(), "{key}: {mail}");
        }
    }
}

#[test]
fn one_mail_is_for_admins_and_has_to_be_there() {
    let shop = shop();
    shop.app.read(&shop.ann, "/emails/1").assert_detail(403, "Admin privileges required");
    shop.app.get("/emails/1").send().assert_detail(401, "Not authenticated");
    shop.app.read(&shop.admin, "/emails/99").assert_detail(404, "Not Found");
    for (id, kind) in [("x", "int_parsing"), ("0", "greater_than_equal")] {
        let response = shop.app.read(&shop.admin, &format!("/emails/{id}"));
        response.assert_status(422);
        let fault = response.json()["detail"][0].clone();
        assert_eq!((&fault["type"], &fault["loc"]), (&kind.into(), &json!(["path", "email_id"])));
    }
    shop.app.post("/emails/1").bearer(&shop.admin).send().assert_status(405);
}

#[test]
fn a_mail_of_content_is_retried_like_any_other() {
    let app = TestApp::cut_off();
    let ann = app.user("ann");
    app.create_order(&ann, &super::shop::pizza()).good();
    let admin = app.admin();
    let mail = app.read(&admin, "/emails/?state=all").good()["emails"][0].clone();
    let retried = app.post(&format!("/emails/{}/retry", mail["id"])).bearer(&admin).send().good();
    for key in ["id", "kind", "message_id", "to"] {
        assert_eq!(retried[key], mail[key], "{key}");
    }
}
