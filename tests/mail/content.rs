//! Mails of orders with content, as they arrive.

use orderd::domain::money::{Amount, Milli};
use orderd::domain::order::change::Patch;
use orderd::domain::order::content::{
    Address, Basket, Customer, Details, Fulfillment, Line, NewContent, Reference,
};
use orderd::domain::order::status::{CancelReason, FulfillmentKind};
use orderd::domain::order::{Actor, Change, Status};
use orderd::domain::{Currency, EmailAddress, MessageId, NewOrder, Order, UserId};
use orderd::mail::{self, Sender, Templates};
use orderd::store::{ChangeOrder, MailFilter, Notice, PlaceOrder, RetryMail};

use crate::shop::{Shop, sent, to_server};
use support::smtp::{Received, Script, SmtpServer};

/// Markup, a template, a header, right-to-left letters and four bytes a letter.
const HOSTILE: &str = "<b>\"'&</b> {{subject}} Bcc: x@y.test שלום 𝕏🍕";

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn admin(shop: &Shop) -> Actor {
    Actor { user: Some(shop.user("boss")), is_admin: true }
}

fn pizza() -> NewContent {
    let line = Line {
        quantity: Milli::of_thousandths(2000),
        unit_price: Amount::new(950).unwrap(),
        ..Line::named("Margherita")
    };
    let currency = Currency::parse("EUR");
    NewContent {
        basket: Basket { currency, prices_include_tax: true, lines: vec![line] },
        reference: Reference::parse("A-17"),
        details: Details {
            customer: Some(Customer {
                email: Some(address("eve@example.com")),
                ..Customer::default()
            }),
            ..Details::default()
        },
        owner: None,
    }
}

/// Places it, and tells the shop.
fn place(shop: &Shop, by: Actor, content: NewContent) -> Order {
    let id = |name: &str| MessageId(format!("{name}@shop.test"));
    let place = PlaceOrder {
        by,
        order: NewOrder::Content(Box::new(content)),
        message_id: id("placed"),
        notice: Some(Notice { to: address("kitchen@shop.test"), message_id: id("notify") }),
        at: shop.clock.now(),
        idempotency: None,
    };
    shop.store.write(place).unwrap().order
}

fn change(shop: &Shop, by: Actor, order: &Order, change: Change) {
    let name = match &change {
        Change::Status { to, .. } => to.as_str(),
        _ => "unused",
    };
    let message_id = MessageId(format!("{name}@shop.test"));
    let (id, at) = (order.id, shop.clock.now());
    shop.store.write(ChangeOrder { id, by, change, condition: None, message_id, at }).unwrap();
}

fn status(to: Status, reason: Option<CancelReason>) -> Change {
    Change::Status { to, reason, note: None }
}

fn sender(shop: &Shop, server: &SmtpServer, time_zone: &str) -> Sender {
    let front = mail::Shop {
        name: "Tony's".to_owned(),
        url: Some("https://tonys.example".to_owned()),
        time_zone: time_zone.parse().unwrap(),
    };
    shop.sender_with(to_server(server), Templates::load(None, front).unwrap())
}

fn head(mail: &Received, names: [&str; 4]) -> [String; 4] {
    names.map(|name| mail.header(name).unwrap_or_default())
}

/// The message without its transfer encoding (RFC 2045, 6.7).
fn decoded(mail: &Received) -> String {
    let text = mail.text().replace("=\r\n", "").replace("=\n", "");
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, left @ ..] = rest {
        rest = left;
        let code = left.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'=', Some(byte)) => {
                bytes.push(byte);
                rest = &left[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn each_step_of_an_order_is_one_mail_and_the_shop_hears_of_a_new_one() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    let mut sender = sender(&shop, &server, "UTC");
    let boss = admin(&shop);
    let order = place(&shop, boss, pizza());
    change(&shop, boss, &order, status(Status::Ready, None));
    change(&shop, boss, &order, status(Status::Processing, None));
    change(&shop, boss, &order, status(Status::Ready, None));
    change(&shop, boss, &order, status(Status::Canceled, Some(CancelReason::Staff)));
    assert_eq!(sender.step().unwrap().sent, 4);
    assert_eq!(sender.step().unwrap().sent, 0, "each kind once");

    let mut got = server.wait_for(4);
    got.sort_by_key(|mail| mail.header("Message-ID"));
    let told: Vec<_> =
        got.iter().map(|mail| head(mail, ["Message-ID", "To", "Reply-To", "Subject"])).collect();
    let (eve, kitchen) = ("<eve@example.com>", "<kitchen@shop.test>");
    assert_eq!(
        told,
        [
            ["<canceled@shop.test>", eve, "<hello@shop.test>", "Tony's: order A-17 is canceled"],
            ["<notify@shop.test>", kitchen, eve, "Tony's: order A-17 is new"],
            ["<placed@shop.test>", eve, "<hello@shop.test>", "Tony's: order A-17 is placed"],
            ["<ready@shop.test>", eve, "<hello@shop.test>", "Tony's: order A-17 is ready"],
        ]
    );
    for mail in &got {
        let text = decoded(mail);
        assert!(text.contains("Margherita") && text.contains("19.00\u{a0}EUR"), "{text}");
        assert_eq!(mail.header("Date").as_deref(), Some("Tue, 7 Oct 2025 05:58:11 +0000"));
    }
}

#[test]
fn a_users_word_for_an_address_makes_nobody_a_relay() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    let ada = Actor { user: Some(shop.user("ada")), is_admin: false };
    place(&shop, ada, pizza());
    assert_eq!(sender(&shop, &server, "UTC").step().unwrap().sent, 2);
    for mail in server.wait_for(2) {
        let is_notice = mail.to == ["kitchen@shop.test"];
        assert!(is_notice || mail.to == ["ada@example.com"], "{:?}", mail.to);
        let reply_to = if is_notice { "<ada@example.com>" } else { "<hello@shop.test>" };
        assert_eq!(mail.header("Reply-To").as_deref(), Some(reply_to));
    }
}

#[test]
fn times_are_the_shops_and_the_date_of_a_mail_is_when_it_was_queued() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    let boss = admin(&shop);
    let mut content = pizza();
    content.details.fulfillment = Some(Fulfillment {
        kind: FulfillmentKind::Pickup,
        // In winter.
        due_at: Some(orderd::clock::Timestamp::from_secs(1_767_225_600)),
        note: None,
        address: None,
    });
    let order = place(&shop, boss, content);
    shop.clock.advance(crate::shop::HOUR);
    change(&shop, boss, &order, status(Status::Ready, None));
    sender(&shop, &server, "Europe/Berlin").step().unwrap();
    let mails = server.wait_for(3);
    let ready = mails.iter().find(|it| it.header("Message-ID").unwrap().contains("ready")).unwrap();
    assert_eq!(ready.header("Date").as_deref(), Some("Tue, 7 Oct 2025 06:58:11 +0000"));
    let text = decoded(ready);
    assert!(text.contains("2025-10-07 07:58 CEST"), "{text}");
    assert!(text.contains("2026-01-01 01:00 CET"), "{text}");
}

#[test]
fn an_attempt_that_is_repeated_sends_the_same_bytes() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    place(&shop, admin(&shop), pizza());
    server.fail(support::smtp::Step::Content, support::smtp::Fault::HangUp);
    let mut sender = sender(&shop, &server, "UTC");
    sender.step().unwrap();
    server.heal();
    shop.clock.advance(std::time::Duration::from_secs(30));
    assert_eq!(sender.step().unwrap().sent, 2);
    let got = server.wait_for(3);
    let first = got[0].header("Message-ID");
    let same: Vec<_> = got.iter().filter(|mail| mail.header("Message-ID") == first).collect();
    assert_eq!(same.len(), 2);
    assert_eq!(same[0].text(), same[1].text());
}

#[test]
fn whatever_a_field_holds_a_mail_keeps_its_shape() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    let hostile = || Some(HOSTILE.to_owned());
    let mut content = pizza();
    content.reference = Reference::parse("<b>\"'&{{subject}}=?utf-8?Q?x?=");
    let line = Line {
        sku: hostile(),
        unit: Some("𝕏<i>".to_owned()),
        note: Some(format!("{HOSTILE}\n.\n\nBcc: x@y.test")),
        ..Line::named(HOSTILE)
    };
    content.basket.lines.push(line);
    content.details = Details {
        note: hostile(),
        metadata: [("a".to_owned(), HOSTILE.to_owned())].into(),
        customer: Some(Customer {
            name: hostile(),
            email: Some(address("eve@example.com")),
            phone: Some("+49<i>30".to_owned()),
        }),
        fulfillment: Some(Fulfillment {
            kind: FulfillmentKind::Delivery,
            due_at: None,
            note: hostile(),
            address: Some(Address {
                line1: HOSTILE.to_owned(),
                city: hostile(),
                ..Address::default()
            }),
        }),
    };
    place(&shop, admin(&shop), content);
    assert_eq!(sender(&shop, &server, "UTC").step().unwrap().sent, 2);
    for mail in server.wait_for(2) {
        let raw = mail.text();
        let (head, _) = raw.split_once("\r\n\r\n").or_else(|| raw.split_once("\n\n")).unwrap();
        assert!(head.is_ascii() && !head.contains("Bcc"), "{head}");
        assert_eq!(mail.to.len(), 1);
        assert!(raw.lines().all(|line| line.len() <= 998));
        let whole = decoded(&mail);
        let (text, html) = whole.split_once("<!DOCTYPE html>").unwrap();
        assert!(text.contains(HOSTILE), "{text}");
        assert!(html.contains("&lt;b&gt;&quot;&#x27;&amp;&lt;/b&gt; {{subject}}"), "{html}");
        assert!(!html.contains("<b>") && !html.contains("<i>"), "{html}");
        assert!(html.contains("שלום 𝕏🍕"));
    }
}

#[test]
fn a_mail_whose_order_has_lost_its_address_dies_and_is_sent_once_there_is_one() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    let boss = admin(&shop);
    let order = place(&shop, boss, pizza());
    let with_customer =
        |customer| Change::Update(Patch { customer: Some(customer), ..Patch::default() });
    change(&shop, boss, &order, with_customer(None));
    let mut sender = sender(&shop, &server, "UTC");
    let round = sender.step().unwrap();
    assert_eq!((round.sent, round.dead), (1, 1), "the shop has its mail");
    let got = server.wait_for(1);
    assert_eq!(got[0].to, ["kitchen@shop.test"]);
    assert_eq!(got[0].header("Reply-To"), None, "the account is the shop's own");

    let of_order = MailFilter { order: Some(order.id), ..MailFilter::default() };
    let mails = || shop.store.read().unwrap().mails(&of_order, Default::default(), None, 10);
    let dead = mails().unwrap().mails.into_iter().find(|mail| mail.to.is_none()).unwrap();
    assert_eq!(dead.state.as_str(), "dead");
    assert!(dead.last_error.unwrap().contains("no email address"));

    let email = Some(address("new@example.com"));
    change(&shop, boss, &order, with_customer(Some(Customer { email, ..Customer::default() })));
    shop.store.write(RetryMail { id: dead.id, at: shop.clock.now() }).unwrap();
    assert_eq!(sender.step().unwrap(), sent(1));
    assert_eq!(server.wait_for(2)[1].to, ["new@example.com"]);
}

#[test]
fn orders_without_mail_hold_up_none_of_those_behind_them() {
    let shop = Shop::open();
    let server = SmtpServer::start(Script::default());
    let boss = admin(&shop);
    let kiosk = |shop: &Shop| {
        let mut content = pizza();
        (content.reference, content.details) = (None, Details::default());
        let order = NewOrder::Content(Box::new(content));
        let (message_id, at) = (MessageId("kiosk@shop.test".into()), shop.clock.now());
        let place = PlaceOrder { by: boss, order, message_id, notice: None, at, idempotency: None };
        shop.store.write(place).unwrap();
    };
    let mut sender = sender(&shop, &server, "UTC");
    (0..3).for_each(|_| kiosk(&shop));
    let round = sender.step().unwrap();
    assert!(round.has_passed && round.sent == 0, "{round:?}");
    assert_eq!(sender.step().unwrap(), sent(0), "they are not passed twice");
    kiosk(&shop);
    shop.order(UserId(1), "m1@shop.test");
    assert_eq!(sender.step().unwrap().sent, 1);
    assert_eq!(shop.counts(), (0, 1, 0));
}
