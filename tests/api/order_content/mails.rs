//! Which mails an order with content sends, and to whom.

use serde_json::{Value, json};

use super::shop::{ANN_ID, Post, Shop, id, pizza, with};

/// What a stranger whom a plain user named must never get.
const STRANGER: &str = "stranger@elsewhere.example";
/// Whom an admin named.
const GUEST: &str = "guest@elsewhere.example";
const ANN: &str = "ann@example.com";
const NOTIFIED: &str = "kitchen@shop.example";

/// A shop that hears of its orders.
fn notified() -> Shop {
    Shop::open_with(&["--notify-email=kitchen@shop.example"])
}

/// Kind and recipient of each mail of an order, oldest first.
#[track_caller]
fn sent(shop: &Shop, id: u64) -> Vec<(String, String)> {
    let mails = shop.mails(&format!("order_id={id}"));
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    assert!(mails.iter().all(|mail| mail["order_id"] == id), "{mails:?}");
    mails.iter().map(|mail| (text(&mail["kind"]), text(&mail["to"]))).collect()
}

/// The same in any order.
#[track_caller]
fn assert_sent(shop: &Shop, id: u64, expected: &[(&str, &str)]) {
    let mut found = sent(shop, id);
    let mut expected: Vec<(String, String)> =
        expected.iter().map(|(kind, to)| ((*kind).to_owned(), (*to).to_owned())).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// From whoever has the token, for whom the body says, with that customer's address.
fn placed(shop: &Shop, token: &str, user: Option<u64>, email: Option<&str>) -> u64 {
    let body = with(&pizza(), "/customer", json!({"name": "Ada", "email": email}));
    id(&shop.place(token, &with(&body, "/user_id", json!(user))))
}

#[test]
fn an_order_that_is_placed_tells_its_user_and_the_shop() {
    let shop = notified();
    let id = shop.pizza();
    assert_sent(&shop, id, &[("order_placed", ANN), ("notify", NOTIFIED)]);
}

#[test]
fn without_an_address_of_the_shop_it_hears_nothing() {
    let shop = Shop::open();
    assert_sent(&shop, shop.pizza(), &[("order_placed", ANN)]);
}

#[test]
fn a_simple_order_sends_what_it_sent_before() {
    let shop = notified();
    for (success, kind) in [(true, "order_success"), (false, "order_failed")] {
        let id = id(&shop.place(&shop.ann, &json!({ "success": success })));
        assert_sent(&shop, id, &[(kind, ANN)]);
    }
}

#[test]
fn ready_and_canceled_tell_the_customer_and_no_other_status_does() {
    let shop = notified();
    let id = shop.pizza();
    let first = [("order_placed", ANN), ("notify", NOTIFIED)];
    shop.set_status(&shop.admin, id, "processing").good();
    assert_sent(&shop, id, &first);
    shop.set_status(&shop.admin, id, "ready").good();
    let then = [&first[..], &[("order_ready", ANN)]].concat();
    assert_sent(&shop, id, &then);
    shop.set_status(&shop.admin, id, "completed").good();
    assert_sent(&shop, id, &then);
    let id = shop.pizza();
    shop.set_status(&shop.ann, id, "canceled").good();
    assert_sent(&shop, id, &[&first[..], &[("order_canceled", ANN)]].concat());
    let id = shop.pizza_in("completed");
    assert_sent(&shop, id, &first);
}

#[test]
fn each_mail_is_sent_once_an_order_at_most() {
    let shop = notified();
    let id = shop.pizza();
    for status in ["ready", "ready", "processing", "ready", "processing", "ready", "canceled"] {
        shop.set_status(&shop.admin, id, status).good();
    }
    shop.set_status(&shop.admin, id, "canceled").good();
    assert_sent(
        &shop,
        id,
        &[
            ("order_placed", ANN),
            ("notify", NOTIFIED),
            ("order_ready", ANN),
            ("order_canceled", ANN),
        ],
    );
}

#[test]
fn other_changes_and_repeats_send_nothing() {
    let shop = notified();
    let first = shop.create_with_key(&shop.ann, "k", &pizza()).good();
    let id = id(&first);
    for _ in 0..3 {
        shop.create_with_key(&shop.ann, "k", &pizza()).good();
    }
    shop.update(&shop.ann, id, &json!({"note": "x"})).good();
    shop.pay(id, 900).good();
    shop.refund(id, 100).good();
    shop.pay(id, 90_000).assert_status(409);
    shop.set_status(&shop.ben, id, "canceled").assert_status(404);
    assert_eq!(sent(&shop, id).len(), 2);
    assert_eq!(shop.mails("").len(), 2);
}

#[test]
fn an_address_that_a_plain_user_wrote_gets_no_mail() {
    let shop = notified();
    let id = placed(&shop, &shop.ann, None, Some(STRANGER));
    for status in ["ready", "canceled"] {
        shop.set_status(&shop.admin, id, status).good();
    }
    assert_sent(
        &shop,
        id,
        &[
            ("order_placed", ANN),
            ("notify", NOTIFIED),
            ("order_ready", ANN),
            ("order_canceled", ANN),
        ],
    );
    let own = placed(&shop, &shop.ann, Some(ANN_ID), Some(STRANGER));
    assert_sent(&shop, own, &[("order_placed", ANN), ("notify", NOTIFIED)]);
}

#[test]
fn an_address_that_an_admin_wrote_gets_the_mails() {
    let shop = Shop::open();
    let for_ann = placed(&shop, &shop.admin, Some(ANN_ID), Some(GUEST));
    let own = placed(&shop, &shop.admin, None, Some(GUEST));
    for id in [for_ann, own] {
        shop.set_status(&shop.admin, id, "ready").good();
        shop.set_status(&shop.admin, id, "canceled").good();
        let kinds = ["order_placed", "order_ready", "order_canceled"];
        assert_sent(&shop, id, &kinds.map(|kind| (kind, GUEST)));
    }
}

#[test]
fn without_an_address_the_user_s_account_gets_the_mails() {
    let shop = Shop::open();
    let id = placed(&shop, &shop.admin, Some(ANN_ID), None);
    shop.set_status(&shop.admin, id, "ready").good();
    assert_sent(&shop, id, &[("order_placed", ANN), ("order_ready", ANN)]);
}

#[test]
fn an_admin_s_own_order_without_an_address_sends_no_customer_mail() {
    let shop = notified();
    for body in [pizza(), with(&pizza(), "/customer", json!({"name": "Walk-in"}))] {
        let id = id(&shop.place(&shop.admin, &body));
        for status in ["ready", "canceled"] {
            shop.set_status(&shop.admin, id, status).good();
        }
        assert_sent(&shop, id, &[("notify", NOTIFIED)]);
    }
}

#[test]
fn who_wrote_the_address_last_decides_the_next_mail() {
    let shop = Shop::open();
    let customer = |email: &str| json!({"customer": {"name": "Ada", "email": email}});
    // A plain user wrote it, then an admin another.
    let id = placed(&shop, &shop.ann, None, Some(STRANGER));
    shop.await_mails();
    shop.update(&shop.admin, id, &customer(GUEST)).good();
    shop.set_status(&shop.admin, id, "ready").good();
    assert_sent(&shop, id, &[("order_placed", ANN), ("order_ready", GUEST)]);
    // An admin wrote it, then the owner another.
    let id = placed(&shop, &shop.admin, Some(ANN_ID), Some(GUEST));
    shop.await_mails();
    shop.update(&shop.ann, id, &customer(STRANGER)).good();
    shop.set_status(&shop.admin, id, "ready").good();
    assert_sent(&shop, id, &[("order_placed", GUEST), ("order_ready", ANN)]);
    // And the owner the admin's again, which is now the owner's.
    let id = placed(&shop, &shop.admin, Some(ANN_ID), Some(GUEST));
    shop.await_mails();
    shop.update(&shop.ann, id, &customer(STRANGER)).good();
    shop.update(&shop.ann, id, &customer(GUEST)).good();
    shop.set_status(&shop.admin, id, "ready").good();
    assert_sent(&shop, id, &[("order_placed", GUEST), ("order_ready", ANN)]);
    // An admin took it out.
    let id = placed(&shop, &shop.admin, Some(ANN_ID), Some(GUEST));
    shop.await_mails();
    shop.update(&shop.admin, id, &json!({"customer": null})).good();
    shop.set_status(&shop.admin, id, "ready").good();
    assert_sent(&shop, id, &[("order_placed", GUEST), ("order_ready", ANN)]);
}

#[test]
fn an_address_that_stays_keeps_its_writer() {
    let shop = Shop::open();
    let id = placed(&shop, &shop.ann, None, Some(STRANGER));
    let phone = json!({"customer": {"name": "Ada", "email": STRANGER, "phone": "+49 30 1"}});
    shop.update(&shop.admin, id, &phone).good();
    shop.set_status(&shop.admin, id, "ready").good();
    assert_sent(&shop, id, &[("order_placed", ANN), ("order_ready", ANN)]);

    let id = placed(&shop, &shop.admin, Some(ANN_ID), Some(GUEST));
    let phone = json!({"customer": {"name": "Ada King", "email": GUEST, "phone": "+49 30 1"}});
    shop.update(&shop.ann, id, &phone).good();
    shop.update(&shop.ann, id, &json!({"note": "x"})).good();
    shop.set_status(&shop.admin, id, "ready").good();
    assert_sent(&shop, id, &[("order_placed", GUEST), ("order_ready", GUEST)]);
}

#[test]
fn a_mail_that_waits_goes_to_nobody_once_its_order_has_lost_the_address() {
    let no_server = ["--smtp-server=127.0.0.1", "--smtp-port=1", "--smtp-tls=none"];
    let shop = Shop::open_with(&no_server);
    let id = placed(&shop, &shop.admin, None, Some(GUEST));
    assert_sent(&shop, id, &[("order_placed", GUEST)]);
    shop.update(&shop.admin, id, &json!({"customer": {"name": "Ada"}})).good();
    let mails = shop.mails(&format!("order_id={id}"));
    assert_eq!((mails.len(), &mails[0]["to"]), (1, &Value::Null), "{mails:?}");
}

#[test]
fn a_plain_user_s_address_is_not_taken_for_a_guest_s_after_a_restart() {
    let mut shop = Shop::open();
    let anns = placed(&shop, &shop.ann, None, Some(STRANGER));
    let admins = placed(&shop, &shop.admin, Some(ANN_ID), Some(GUEST));
    shop.app.restart();
    for (id, to) in [(anns, ANN), (admins, GUEST)] {
        shop.set_status(&shop.admin, id, "ready").good();
        let ready = sent(&shop, id).into_iter().find(|(kind, _)| kind == "order_ready").unwrap();
        assert_eq!(ready.1, to);
    }
    assert!(shop.mails("").iter().all(|mail| mail["to"] != STRANGER));
}

#[test]
fn of_many_moves_to_ready_at_once_one_sends_a_mail() {
    let shop = notified();
    for _ in 0..4 {
        let id = shop.pizza();
        let target = format!("/orders/{id}/status");
        let post = |_| Post::new(&shop.admin, &target, json!({"status": "ready"}));
        for answer in shop.at_once(&(0..6).map(post).collect::<Vec<_>>()) {
            answer.good();
        }
        let expected = [("order_placed", ANN), ("notify", NOTIFIED), ("order_ready", ANN)];
        assert_sent(&shop, id, &expected);
    }
}

#[test]
fn a_mail_has_its_order_s_user_and_an_id_of_its_own() {
    let shop = notified();
    shop.place(&shop.ben, &pizza());
    let ids: Vec<u64> = (0..3).map(|_| shop.pizza()).collect();
    shop.set_status(&shop.admin, ids[0], "ready").good();
    let mails = shop.mails("");
    assert_eq!(mails.len(), 9);
    let mut numbers: Vec<u64> = mails.iter().map(id).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    numbers.dedup();
    assert_eq!(numbers.len(), 9, "{numbers:?}");
    let last = mails.last().unwrap();
    let found = json!([last["order_id"], last["kind"], last["user_id"]]);
    assert_eq!(found, json!([ids[0], "order_ready", ANN_ID]));
    let mut message_ids: Vec<&str> =
        mails.iter().map(|mail| mail["message_id"].as_str().unwrap()).collect();
    message_ids.sort_unstable();
    message_ids.dedup();
    assert_eq!(message_ids.len(), 9);
}
