//! The bodies of orders, of their changes and of webhooks: read without a panic, within their
//! bounds, with figures that add up, and the same again when written by another hand.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orderd::api::json;
use orderd::api::order_changes::{PaymentRequest, RefundRequest, StatusRequest, UpdateRequest};
use orderd::api::order_request::OrderRequest;
use orderd::api::webhook_setup::{CreateRequest, UpdateRequest as WebhookUpdate};
use orderd::domain::NewOrder;
use orderd::domain::money::{Amount, MAX_AMOUNT};
use orderd::domain::order::content::{Details, NewContent};
use orderd_fuzz::bodies::read;
use serde_json::Value;

const MAX_LINES: usize = 100;
const MAX_NAME_CHARS: usize = 200;
const MAX_NOTE_CHARS: usize = 2000;
const MAX_PAIRS: usize = 20;

fuzz_target!(|data: &[u8]| {
    let Ok(Some(body)) = json::parse(data) else { return };
    if let Some(OrderRequest(NewOrder::Content(content))) = read(Some(&body), data) {
        check_figures(&content);
        check_bounds(&content);
        check_again(&body, &content);
    }
    if let Some(payment) = read::<PaymentRequest>(Some(&body), data) {
        assert!((1..=MAX_AMOUNT).contains(&payment.amount.0.get()));
    }
    read::<RefundRequest>(Some(&body), data);
    read::<StatusRequest>(Some(&body), data);
    read::<UpdateRequest>(Some(&body), data);
    read::<CreateRequest>(Some(&body), data);
    read::<WebhookUpdate>(Some(&body), data);
});

/// An order that was taken has figures, and they are sums of those of its lines.
fn check_figures(content: &NewContent) {
    let (lines, order) = content.basket.totals().expect("an order without figures was taken");
    let sum = |figures: &mut dyn Iterator<Item = Amount>| -> u64 { figures.map(Amount::get).sum() };
    assert_eq!(order.total.get(), sum(&mut lines.iter().map(|line| line.total)));
    assert_eq!(order.tax.get(), sum(&mut lines.iter().map(|line| line.tax)));
    let net = order.subtotal.get() - order.discount.get();
    let tax = if content.basket.prices_include_tax { 0 } else { order.tax.get() };
    assert_eq!(order.total.get(), net + tax);
}

fn check_bounds(content: &NewContent) {
    assert!((1..=MAX_LINES).contains(&content.basket.lines.len()));
    for line in &content.basket.lines {
        assert!((1..=MAX_NAME_CHARS).contains(&line.name.chars().count()));
        assert!(!line.name.chars().any(char::is_control));
    }
    let Details { note, metadata, .. } = &content.details;
    assert!(note.as_ref().is_none_or(|note| note.chars().count() <= MAX_NOTE_CHARS));
    assert!(metadata.len() <= MAX_PAIRS);
}

/// Numbers are read from the text of the body; in another notation they are the same. (The parser
/// holds some long ones only nearly: those are refused.)
fn check_again(body: &Value, content: &NewContent) {
    let text = body.to_string();
    if let Some(OrderRequest(NewOrder::Content(again))) = read(Some(body), text.as_bytes()) {
        assert_eq!(*again, *content, "{text}");
    }
}
