//! Which characters a string takes, and in what form it is kept.

use serde_json::{Value, json};

use super::fields::STRINGS;
use super::shop::{Shop, assert_fault_at, assert_fault_below, full, id, payment, refund, with};

/// Those of [`STRINGS`] in which a newline is a character like any other.
const NOTES: [&str; 3] = ["/line_items/0/note", "/fulfillment/note", "/note"];
/// Embeddings, overrides and isolates: what makes a text read otherwise than it stands.
const BIDI_CONTROLS: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];
/// The marks, which Unicode counts among the bidi controls too.
const BIDI_MARKS: [char; 3] = ['\u{61c}', '\u{200e}', '\u{200f}'];

#[test]
fn a_control_character_is_refused_in_every_string() {
    let shop = Shop::open();
    for (pointer, _) in STRINGS {
        for control in [
            '\0', '\u{1}', '\u{7}', '\u{8}', '\u{b}', '\u{c}', '\u{1b}', '\u{7f}', '\u{85}',
            '\u{9f}',
        ] {
            let text = format!("a{control}b");
            assert_fault_at(&shop.create(&shop.ann, &with(&full(), pointer, text)), pointer);
        }
    }
}

#[test]
fn a_newline_or_tab_is_refused_but_in_notes() {
    let shop = Shop::open();
    for (pointer, _) in STRINGS {
        for text in ["a\nb", "a\r\nb", "a\rb", "a\tb"] {
            let response = shop.create(&shop.ann, &with(&full(), pointer, text));
            if !NOTES.contains(&pointer) {
                assert_fault_at(&response, pointer);
                continue;
            }
            let expected = text.replace("\r\n", "\n").replace('\r', "\n");
            assert_eq!(response.good().pointer(pointer), Some(&json!(expected)), "{pointer}");
        }
    }
}

#[test]
fn a_note_keeps_its_lines_in_one_form() {
    let shop = Shop::open();
    for pointer in NOTES {
        let order = shop.place(&shop.ann, &with(&full(), pointer, "\r\n a\r\n\rb\n\t c \r\n"));
        assert_eq!(order.pointer(pointer), Some(&json!("a\n\nb\n\t c")), "{pointer}");
    }
}

#[test]
fn a_bidi_control_is_refused_everywhere() {
    let shop = Shop::open();
    for (pointer, _) in STRINGS {
        for control in BIDI_CONTROLS {
            let text = format!("a{control}b");
            assert_fault_at(&shop.create(&shop.ann, &with(&full(), pointer, text)), pointer);
        }
    }
    let id = id(&shop.place(&shop.ann, &full()));
    for control in BIDI_CONTROLS {
        let text = format!("a{control}b");
        let note = json!({ "note": text });
        assert_fault_at(&shop.update(&shop.ann, id, &note), "/note");
        let status = json!({"status": "ready", "note": text});
        assert_fault_at(&shop.change(&shop.admin, id, "status", &status), "/note");
        for (change, pointer, body) in [
            ("payments", "/note", payment(1)),
            ("payments", "/method", payment(1)),
            ("payments", "/reference_id", payment(1)),
            ("refunds", "/note", refund(1)),
        ] {
            let body = with(&body, pointer, text.as_str());
            assert_fault_at(&shop.change(&shop.admin, id, change, &body), pointer);
        }
    }
}

#[test]
fn a_bidi_mark_is_a_bidi_control() {
    let shop = Shop::open();
    for mark in BIDI_MARKS {
        for pointer in ["/note", "/customer/name", "/line_items/0/name"] {
            let text = format!("a{mark}b");
            assert_fault_at(&shop.create(&shop.ann, &with(&full(), pointer, text)), pointer);
        }
    }
}

#[test]
fn right_to_left_and_four_byte_text_is_kept_as_it_is() {
    let shop = Shop::open();
    for text in ["שלום עולם", "مرحبا", "🍕🍝👩‍👩‍👧", "𝔐𝔞𝔯𝔤", "e\u{301}", "日本語", "ﬁ ß İ"]
    {
        for pointer in ["/note", "/customer/name", "/line_items/0/name", "/metadata/table"] {
            let order = shop.place(&shop.ann, &with(&full(), pointer, text));
            assert_eq!(order.pointer(pointer), Some(&json!(text)), "{pointer}");
        }
    }
}

#[test]
fn a_lone_surrogate_is_no_text() {
    let shop = Shop::open();
    for text in [r"\ud800", r"\udc00", r"\ud83c!"] {
        let body = format!("{{\"line_items\":[{{\"name\":\"a{text}b\"}}]}}");
        let status = shop.create_text(&shop.ann, body).status;
        assert!([400, 422].contains(&status), "{text}: {status}");
    }
    let order = shop.create_text(&shop.ann, r#"{"line_items":[{"name":"\ud83c\udf55"}]}"#).good();
    assert_eq!(order["line_items"][0]["name"], "🍕");
}

#[test]
fn notes_of_changes_follow_the_same_rules() {
    let shop = Shop::open();
    let id = id(&shop.place(&shop.ann, &full()));
    let changes = [
        ("status", json!({"status": "processing"})),
        ("payments", payment(5)),
        ("refunds", refund(1)),
    ];
    for (change, body) in changes {
        for wrong in ["a\u{0}b", "a\u{1b}b", &"x".repeat(501)] {
            let body = with(&body, "/note", wrong);
            assert_fault_at(&shop.change(&shop.admin, id, change, &body), "/note");
        }
        let body = with(&body, "/note", "  a\r\nb\tc ");
        shop.change(&shop.admin, id, change, &body).good();
        let history = shop.order(&shop.admin, id)["history"].clone();
        assert_eq!(history.as_array().unwrap().last().unwrap()["note"], "a\nb\tc", "{change}");
    }
    let longest = "\u{1f355}".repeat(500);
    let body = json!({"status": "ready", "note": longest});
    shop.change(&shop.admin, id, "status", &body).good();
    for (status, none) in [("processing", json!("  ")), ("ready", Value::Null)] {
        let body = json!({"status": status, "note": none});
        shop.change(&shop.admin, id, "status", &body).good();
        let history = shop.order(&shop.admin, id)["history"].clone();
        assert_eq!(history.as_array().unwrap().last().unwrap()["note"], Value::Null);
    }
    let updated = shop.update(&shop.admin, id, &json!({"note": " a\rb\tc "})).good();
    assert_eq!(updated["note"], "a\nb\tc");
    let longest = "\u{1f355}".repeat(2_000);
    assert_eq!(shop.update(&shop.admin, id, &json!({ "note": longest })).good()["note"], longest);
    for wrong in ["a\u{0}b", &"x".repeat(2_001)] {
        assert_fault_at(&shop.update(&shop.admin, id, &json!({ "note": wrong })), "/note");
    }
}

#[test]
fn an_update_reads_its_objects_as_create_does() {
    let shop = Shop::open();
    let id = id(&shop.place(&shop.ann, &full()));
    for (pointer, value) in [
        ("/customer", json!({})),
        ("/customer/email", json!({"email": "ada"})),
        ("/customer/colour", json!({"name": "Ada", "colour": 1})),
        ("/fulfillment/type", json!({"due_at": null})),
        ("/fulfillment/address", json!({"type": "delivery"})),
        ("/fulfillment/due_at", json!({"type": "pickup", "due_at": "2026-11-22T16:07:44"})),
        ("/metadata", json!({"a b": "x"})),
        ("/metadata/a", json!({"a": 5})),
        ("/metadata/a", json!({"a": "x".repeat(501)})),
        ("/metadata/a", json!({"a": "a\nb"})),
        ("/metadata/a", json!({"a": "a\u{202e}b"})),
        ("/note", json!(5)),
    ] {
        let field = pointer.split('/').nth(1).unwrap();
        let response = shop.update(&shop.ann, id, &json!({ field: value }));
        assert_fault_below(&response, pointer);
    }
    assert_eq!(shop.order(&shop.ann, id)["version"], 1);
    let longest = "\u{1f355}".repeat(500);
    let body = json!({"metadata": {"a": format!(" {longest} ")}});
    assert_eq!(shop.update(&shop.ann, id, &body).good()["metadata"], json!({ "a": longest }));
}
