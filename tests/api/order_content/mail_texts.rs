//! What a mail says: its subject, its figures as the currency writes them, and its times.

use serde_json::{Value, json};

use support::app::TestApp;
use support::smtp::{Script, SmtpServer};

use super::shop::{Shop, full, id, pizza, with};

/// Subject and text of the order's mail of that kind.
#[track_caller]
fn mail(shop: &Shop, order: u64, kind: &str) -> (String, String) {
    let list = shop.mails(&format!("order_id={order}&kind={kind}"));
    assert_eq!(list.len(), 1, "{kind} of {order}: {list:?}");
    let one = shop.app.read(&shop.admin, &format!("/emails/{}", list[0]["id"])).good();
    let text = |key: &str| one[key].as_str().expect("a text").to_owned();
    (text("subject"), text("text"))
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no {word:?} in:\n{text}");
    }
}

#[track_caller]
fn assert_is_silent_about(text: &str, words: &[&str]) {
    for word in words {
        assert!(!text.contains(word), "{word:?} in:\n{text}");
    }
}

/// Subjects of an order that was placed, was ready, and was canceled.
fn subjects(shop: &Shop, body: &Value) -> [String; 4] {
    let id = id(&shop.place(&shop.ann, body));
    for status in ["ready", "canceled"] {
        shop.set_status(&shop.admin, id, status).good();
    }
    ["order_placed", "notify", "order_ready", "order_canceled"].map(|kind| mail(shop, id, kind).0)
}

#[test]
fn a_subject_names_the_shop_the_order_and_what_became_of_it() {
    let settings = ["--notify-email=kitchen@shop.example", "--shop-name=Luigi & Sons"];
    let shop = Shop::open_with(&settings);
    let numbered = with(&pizza(), "/reference_id", "A-17");
    assert_eq!(
        subjects(&shop, &numbered),
        [
            "Luigi & Sons: order A-17 is placed",
            "Luigi & Sons: order A-17 is new",
            "Luigi & Sons: order A-17 is ready",
            "Luigi & Sons: order A-17 is canceled",
        ]
    );
    assert_eq!(
        subjects(&shop, &pizza()),
        [
            "Luigi & Sons: order 2 is placed",
            "Luigi & Sons: order 2 is new",
            "Luigi & Sons: order 2 is ready",
            "Luigi & Sons: order 2 is canceled",
        ]
    );
    for (number, kind, state) in
        [(3, "pickup", "is ready"), (4, "delivery", "is ready"), (5, "shipment", "has shipped")]
    {
        let subjects = subjects(&shop, &with(&full(), "/fulfillment/type", kind));
        assert_eq!(subjects[2], format!("Luigi & Sons: order {number} {state}"));
    }
}

#[test]
fn without_a_name_the_shop_is_called_orders() {
    let shop = Shop::open();
    let id = shop.pizza();
    assert_eq!(mail(&shop, id, "order_placed").0, "Orders: order 1 is placed");
}

#[test]
fn a_simple_order_s_mail_keeps_its_subject() {
    let shop = Shop::open_with(&["--shop-name=Luigi"]);
    for (success, kind, subject) in
        [(true, "order_success", "Order Successful"), (false, "order_failed", "Order Failed")]
    {
        let id = id(&shop.place(&shop.ann, &json!({ "success": success })));
        assert_eq!(mail(&shop, id, kind).0, subject);
    }
}

#[test]
fn a_mail_shows_the_shop_the_lines_the_totals_and_the_reference() {
    let settings = ["--notify-email=kitchen@shop.example", "--shop-name=Luigi"];
    let shop = Shop::open_with(&settings);
    let mut body = with(&full(), "/reference_id", "A-17");
    body["prices_include_tax"] = json!(false);
    body["line_items"][0]["quantity"] = json!(2.5);
    body["line_items"].as_array_mut().unwrap().push(json!({
        "name": "Tiramisu", "unit_price": 450, "tax_rate": 19,
    }));
    let order = shop.place(&shop.ann, &body);
    // 23.75 less 0.25 and 4.50; tax 1.76 (7.5 %) and 0.86 (19 %).
    let figures = json!([order["subtotal"], order["tax_total"], order["total"]]);
    assert_eq!(figures, json!([2825, 262, 3062]));
    for kind in ["order_placed", "notify"] {
        let (_, text) = mail(&shop, 1, kind);
        assert_says(&text, &["Luigi", "A-17", "Margherita", "2.5", "Tiramisu", "4.50"]);
        assert_says(&text, &["30.62", "2.62"]);
        assert_says(&text, &["Hauptstr. 1", "10115", "Berlin"]);
    }
}

#[test]
fn money_has_the_decimals_of_its_currency() {
    let shop = Shop::open();
    for (currency, price, shown, wrong) in [
        ("EUR", 950, "9.50", &["950"][..]),
        ("EUR", 5, "0.05", &[]),
        ("USD", 100, "1.00", &[]),
        ("JPY", 957, "957", &["9.57"]),
        ("KRW", 957, "957", &["9.57"]),
        ("KWD", 957, "0.957", &["9.57"]),
        ("TND", 12_345, "12.345", &["123.45"]),
    ] {
        let line = json!({"name": "x", "unit_price": price});
        let body = json!({"currency": currency, "line_items": [line]});
        let id = id(&shop.place(&shop.ann, &body));
        let (_, text) = mail(&shop, id, "order_placed");
        assert_says(&text, &[shown]);
        assert_is_silent_about(&text, wrong);
    }
}

#[test]
fn an_order_without_a_currency_is_told_too() {
    let shop = Shop::open_with(&["--notify-email=kitchen@shop.example"]);
    let id = id(&shop.place(&shop.ann, &json!({"line_items": [{"name": "Chat"}]})));
    for kind in ["order_placed", "notify"] {
        assert_says(&mail(&shop, id, kind).1, &["Chat"]);
    }
}

#[test]
fn times_are_those_of_the_shop() {
    let due = |shop: &Shop| {
        let body = with(&full(), "/fulfillment/due_at", "2026-11-22T16:07:44Z");
        let id = id(&shop.place(&shop.ann, &body));
        mail(shop, id, "order_placed").1
    };
    for (zone, shown, placed) in [
        ("UTC", "16:07", "05:58"),
        ("Europe/Berlin", "17:07", "07:58"),
        ("Asia/Kolkata", "21:37", "11:28"),
        ("America/New_York", "11:07", "01:58"),
    ] {
        let shop = Shop::open_with(&[&format!("--time-zone={zone}")]);
        let text = due(&shop);
        assert_says(&text, &[shown, placed]);
        if zone != "UTC" {
            assert_is_silent_about(&text, &["16:07", "05:58"]);
        }
        assert_eq!(shop.order(&shop.ann, 1)["fulfillment"]["due_at"], "2026-11-22T16:07:44Z");
    }
}

#[test]
fn a_mail_is_rendered_from_the_order_as_it_is() {
    let shop = Shop::open();
    let id = id(&shop.place(&shop.ann, &full()));
    assert_says(&mail(&shop, id, "order_placed").1, &["Hauptstr. 1"]);
    let moved = with(&full()["fulfillment"], "/address/line1", "Nebenweg 9");
    shop.update(&shop.ann, id, &json!({ "fulfillment": moved })).good();
    let (_, text) = mail(&shop, id, "order_placed");
    assert_says(&text, &["Nebenweg 9"]);
    assert_is_silent_about(&text, &["Hauptstr. 1"]);
}

#[test]
fn what_a_customer_writes_stays_text() {
    let server = SmtpServer::start(Script::default());
    let port = format!("--smtp-port={}", server.port());
    let app = TestApp::start_with(&[
        "--rate-limit-requests=0",
        "--smtp-server=127.0.0.1",
        &port,
        "--smtp-tls=none",
        "--shop-name=Luigi",
    ]);
    let ann = app.user("ann");
    let hostile = "<script>alert(1)</script>{{order_id}}{{{shop}}}";
    let mut body = with(&full(), "/line_items/0/name", hostile);
    body["fulfillment"]["address"]["line1"] = json!("<img src=x onerror=alert(2)>");
    app.create_order(&ann, &body).good();
    let received = server.wait_for(1)[0].clone();
    assert_eq!(received.to, ["ann@example.com"]);
    assert_eq!(received.header("Subject").as_deref(), Some("Luigi: order 1 is placed"));
    let unfolded = received.text().replace("=\r\n", "");
    let html = unfolded.split("text/html").nth(1).expect("a part of HTML");
    assert!(!html.contains("<script>") && !html.contains("<img src=x"), "{html}");
    assert!(html.contains("&lt;script&gt;"), "{html}");
    let admin = app.admin();
    let mail = app.read(&admin, "/emails/?state=all").good()["emails"][0]["id"].clone();
    let one = app.read(&admin, &format!("/emails/{mail}")).good();
    let text = one["text"].as_str().unwrap();
    assert!(
        text.contains(hostile),
        "no template of the customer's is run, no text escaped: {text}"
    );
}

#[test]
fn the_mails_arrive_at_whom_the_list_names() {
    let server = SmtpServer::start(Script::default());
    let port = format!("--smtp-port={}", server.port());
    let settings = [
        "--smtp-server=127.0.0.1",
        &port,
        "--smtp-tls=none",
        "--notify-email=kitchen@shop.example",
    ];
    let shop = Shop::open_with(&settings);
    let stranger = json!({"name": "Ada", "email": "stranger@elsewhere.example"});
    let id = id(&shop.place(&shop.ann, &with(&pizza(), "/customer", stranger)));
    shop.set_status(&shop.admin, id, "ready").good();
    let received = server.wait_for(3);
    let mut found: Vec<(String, String)> =
        received.iter().map(|it| (it.to.join(","), it.header("Subject").unwrap())).collect();
    found.sort_unstable();
    let expected = [
        ("ann@example.com", "Orders: order 1 is placed"),
        ("ann@example.com", "Orders: order 1 is ready"),
        ("kitchen@shop.example", "Orders: order 1 is new"),
    ];
    let expected = expected.map(|(to, subject)| (to.to_owned(), subject.to_owned()));
    assert_eq!(found, expected);
    assert!(!server.commands().iter().any(|it| it.contains("RCPT") && it.contains("stranger")));
}
