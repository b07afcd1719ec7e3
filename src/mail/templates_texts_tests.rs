//! What the built-in mails say.

use super::*;
use crate::domain::money::{Amount, Milli};
use crate::domain::order::OrderBody;
use crate::domain::order::content::{Content, Line};
use crate::domain::order::status::{CancelReason, FulfillmentKind};
use crate::domain::{Currency, OrderId};

/// A sample whose content is changed.
fn changed(kind: &str, change: impl FnOnce(&mut Content)) -> Mail {
    let mut mail = sample(kind);
    let OrderBody::Content(content) = &mut mail.order.body else { panic!("{kind} is simple") };
    change(content);
    mail
}

#[test]
fn a_failure_suggests_to_retry_and_both_say_number_and_time() {
    let time_zone = "Europe/Berlin".parse().unwrap();
    let berlin = Templates::load(None, Shop { time_zone, ..Shop::default() }).unwrap();
    for (templates, time) in
        [(built_in(), "2025-10-07 05:58:11 UTC"), (berlin, "2025-10-07 07:58:11 CEST")]
    {
        for kind in ["order_success", "order_failed"] {
            let mut mail = sample(kind);
            mail.order.id = OrderId(4711);
            mail.order.created_at = Timestamp::from_secs(1_759_816_691);
            let texts = templates.render(&mail).unwrap();
            for body in [&texts.text, &texts.html] {
                assert!(body.contains("4711") && body.contains(time), "{body}");
                assert_eq!(body.contains("try again"), kind == "order_failed");
            }
        }
    }
}

#[test]
fn each_kind_has_its_subject_with_the_reference_or_else_the_id() {
    let templates =
        Templates::load(None, Shop { name: "Tony's".into(), ..Shop::default() }).unwrap();
    for (mail, subject) in [
        (sample("order_success"), "Order Successful"),
        (sample("order_failed"), "Order Failed"),
        (sample("order_placed"), "Tony's: order A-17 is placed"),
        (sample("order_ready"), "Tony's: order A-17 has shipped"),
        (bare("order_ready"), "Tony's: order 17 is ready"),
        (sample("order_canceled"), "Tony's: order A-17 is canceled"),
        (sample("notify"), "Tony's: order A-17 is new"),
        (bare("notify"), "Tony's: order 17 is new"),
    ] {
        let texts = templates.render(&mail).unwrap();
        assert_eq!(texts.subject, subject);
    }
}

#[test]
fn both_parts_tell_all_that_was_ordered() {
    let url = Some("https://shop.example/?a=1&b=2".to_owned());
    let templates = Templates::load(None, Shop { url, ..Shop::default() }).unwrap();
    for kind in ["order_placed", "order_ready", "order_canceled", "notify"] {
        let texts = templates.render(&sample(kind)).unwrap();
        assert!(texts.html.contains("https://shop.example/?a&#x3D;1&amp;b&#x3D;2"), "{kind}");
        assert!(texts.text.contains("https://shop.example/?a=1&b=2"), "{kind}");
        for body in [&texts.text, &texts.html] {
            for told in [
                "A-17",
                "2026-11-22 16:07 UTC",
                "Margherita",
                "PZ-01",
                "both cut into eight",
                "1.5\u{a0}kg",
                "9.50\u{a0}EUR each",
                "2.40\u{a0}EUR per kg",
                "Discount \u{2212}1.00\u{a0}EUR",
                "7\u{a0}% tax included",
                "18.00\u{a0}EUR",
                "3.60\u{a0}EUR",
                "22.60\u{a0}EUR",
                "21.60\u{a0}EUR",
                "1.42\u{a0}EUR",
                "partly refunded",
                "15.00\u{a0}EUR",
                "2.00\u{a0}EUR",
                "2026-11-22 17:37 UTC",
                "Invalidenstr. 116",
                "10115 Berlin",
                "DE",
                "please knock",
                "It is a birthday",
            ] {
                assert!(body.contains(told), "{kind}: no {told:?} in {body}");
            }
            // Nobody owes anything for what is canceled.
            assert_eq!(body.contains("6.60\u{a0}EUR"), kind != "order_canceled", "{body}");
            // The shop is told who ordered; the customer's mail may be read over a shoulder.
            for contact in ["ada@example.com", "+49 30 1234567"] {
                assert_eq!(body.contains(contact), kind == "notify", "{kind}: {body}");
            }
            assert!(body.contains("Ada Lovelace"));
        }
    }
}

#[test]
fn a_cancellation_gives_its_reason_in_words_and_never_a_suspicion() {
    let templates = built_in();
    let mut told = std::collections::BTreeSet::new();
    for reason in CancelReason::ALL {
        let mail = changed("order_canceled", |content| content.cancel_reason = Some(*reason));
        let texts = templates.render(&mail).unwrap();
        let line = texts.text.lines().find(|line| line.starts_with("  Reason")).unwrap();
        assert!(!texts.text.contains("fraud") && !texts.html.contains("fraud"));
        told.insert(line.to_owned());
    }
    assert_eq!(told.len(), CancelReason::ALL.len());
    let silent = templates.render(&bare("order_canceled")).unwrap();
    assert!(!silent.text.contains("Reason") && !silent.html.contains("Reason"));
}

#[test]
fn an_order_is_ready_in_words_that_fit_its_way_to_the_customer() {
    let templates = built_in();
    for (kind, words) in [
        (FulfillmentKind::Pickup, "ready to be picked up"),
        (FulfillmentKind::Delivery, "ready to be delivered"),
        (FulfillmentKind::Shipment, "on its way"),
    ] {
        let mail = changed("order_ready", |content| {
            content.details.fulfillment.as_mut().unwrap().kind = kind;
        });
        let texts = templates.render(&mail).unwrap();
        for body in [&texts.text, &texts.html] {
            assert!(body.contains(words), "{kind:?}: {body}");
        }
        assert_eq!(texts.subject.ends_with("has shipped"), kind == FulfillmentKind::Shipment);
    }
}

#[test]
fn money_is_written_as_each_currency_has_it() {
    let templates = built_in();
    for (code, price, total) in [
        ("EUR", "9.50\u{a0}EUR", "22.60\u{a0}EUR"),
        ("JPY", "950\u{a0}JPY", "2260\u{a0}JPY"),
        ("KWD", "0.950\u{a0}KWD", "2.260\u{a0}KWD"),
    ] {
        let mail =
            changed("order_placed", |content| content.basket.currency = Currency::parse(code));
        let texts = templates.render(&mail).unwrap();
        for body in [&texts.text, &texts.html] {
            assert!(body.contains(&format!("{price} each")), "{body}");
            // Before the discount of a hundred.
            assert!(body.contains(total), "{body}");
        }
    }
}

#[test]
fn an_order_without_prices_speaks_of_no_money() {
    let templates = built_in();
    for kind in ["order_placed", "order_ready", "order_canceled", "notify"] {
        let texts = templates.render(&bare(kind)).unwrap();
        for body in [&texts.text, &texts.html] {
            assert!(body.contains("Sample"), "{kind}");
            for word in ["Total", "Payment", "paid", "Amount", "EUR", "0.00"] {
                assert!(!body.contains(word), "{kind}: {word:?} in {body}");
            }
        }
    }
}

#[test]
fn tax_on_top_is_in_the_sum_and_tax_inside_is_told_beside_it() {
    let templates = built_in();
    let inside = templates.render(&sample("order_placed")).unwrap().text;
    assert!(inside.contains("\n  Tax included ") && !inside.contains("\n  Tax  "), "{inside}");
    let on_top = changed("order_placed", |content| content.basket.prices_include_tax = false);
    let on_top = templates.render(&on_top).unwrap().text;
    assert!(on_top.contains("\n  Tax  ") && !on_top.contains(" included"), "{on_top}");
    assert!(on_top.contains("23.11\u{a0}EUR"), "{on_top}");
}

#[test]
fn the_text_part_fits_a_terminal_and_leaves_no_gaps() {
    let templates = built_in();
    for kind in MailKind::NAMES {
        for mail in [sample(kind), bare(kind)] {
            let text = templates.render(&mail).unwrap().text;
            for line in text.lines() {
                assert!(line.chars().count() <= 78, "{kind}: {line}");
                assert_eq!(line, line.trim_end(), "{kind}");
            }
            assert!(!text.contains("\n\n\n"), "{kind}: {text}");
        }
    }
}

/// What no field may do to a mail: become markup, open a line of its own, or hide another.
const HOSTILE: &str =
    "<script>alert(1)</script>\" onload=\"x' & {{subject}} \u{202e}\u{5d0}\u{5d1} 𝕏🍕";

fn hostile() -> Mail {
    let mut mail = changed("notify", |content| {
        let line = Line {
            sku: Some(HOSTILE.into()),
            note: Some(format!("{HOSTILE}\r\n.\r\nBcc: x")),
            unit: Some("<b>kg".into()),
            quantity: Milli::of_thousandths(99_999_999),
            unit_price: Amount::new(1).unwrap(),
            ..Line::named(HOSTILE)
        };
        content.basket.lines = vec![line];
        content.details.note = Some(HOSTILE.into());
        let customer = content.details.customer.as_mut().unwrap();
        (customer.name, customer.phone) = (Some(HOSTILE.into()), Some("<i>".into()));
        let fulfillment = content.details.fulfillment.as_mut().unwrap();
        fulfillment.note = Some(HOSTILE.into());
        let address = fulfillment.address.as_mut().unwrap();
        (address.line1, address.city) = (HOSTILE.into(), Some(HOSTILE.into()));
    });
    mail.username = HOSTILE.into();
    mail
}

#[test]
fn every_value_is_escaped_in_html_and_none_in_the_text() {
    let name = HOSTILE.replace('\u{202e}', "");
    let shop = Shop { name, ..Shop::default() };
    let templates = Templates::load(None, shop).unwrap();
    for kind in [MailKind::Placed, MailKind::Ready, MailKind::Canceled, MailKind::Notify] {
        let texts = templates.render(&Mail { kind, ..hostile() }).unwrap();
        for markup in ["<script", "<b>", "<i>", "onload=\"", "x' &"] {
            assert!(!texts.html.contains(markup), "{kind:?}: {markup} in {}", texts.html);
        }
        assert!(texts.html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        assert!(texts.html.contains("{{subject}}"), "a value is no template");
        assert!(texts.text.contains("<script>alert(1)</script>\" onload=\"x' & {{subject}}"));
        assert!(texts.html.contains("𝕏🍕") && texts.text.contains("𝕏🍕"));
        assert!(!texts.subject.contains('\n') && !texts.text.contains('\r'));
    }
}

/// As large as a request may be, of the character whose escape is the longest.
#[test]
fn the_largest_order_there_can_be_still_fits_a_mail() {
    let mail = changed("notify", |content| {
        let line = Line { note: Some("'".repeat(1100)), ..Line::named(&"'".repeat(200)) };
        content.basket.lines = vec![line; 100];
    });
    built_in().render(&mail).unwrap();
}

#[test]
fn whoever_typed_an_order_in_is_not_greeted_for_its_customer() {
    let templates = built_in();
    let greeting = |change: &dyn Fn(&mut Content)| {
        let mail = changed("order_placed", change);
        templates.render(&mail).unwrap().text.lines().next().unwrap().to_owned()
    };
    assert_eq!(greeting(&|_| {}), "Hello Ada Lovelace,");
    let nameless = |content: &mut Content| {
        content.details.customer.as_mut().unwrap().name = None;
    };
    assert_eq!(greeting(&nameless), "Hello ada,");
    assert_eq!(
        greeting(&|content| {
            nameless(content);
            content.email_is_admins = true;
        }),
        "Hello,"
    );
}

/// Templates stand alone, so what they have in common is in each of them.
#[test]
fn what_the_mails_of_content_have_in_common_is_the_same_in_all_of_them() {
    let file = |name: &str| {
        let (stem, ending) = name.split_once('.').unwrap();
        let files = FILES.iter().find(|files| files.stem == stem).unwrap();
        if ending == "html" { files.html } else { files.text }
    };
    let part = |name: &str, from: &str, to: &str| {
        let (_, rest) = file(name).split_once(from).unwrap_or_else(|| panic!("{name}: {from}"));
        rest.split_once(to).unwrap_or_else(|| panic!("{name}: {to}")).0.to_owned()
    };
    for (ending, from, to) in [
        (".html", "margin-top:24px", "<p class=\"foot\""),
        (".html", ".headline, .value", "</style>"),
        (".txt", "{{#each lines}}", "{{wrap shop.name}}"),
    ] {
        let first = part(&format!("order_placed{ending}"), from, to);
        for stem in ["order_ready", "order_canceled", "notify"] {
            assert_eq!(part(&format!("{stem}{ending}"), from, to), first, "{stem}{ending}");
        }
    }
}
