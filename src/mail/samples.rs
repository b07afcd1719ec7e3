//! Sample mails of every kind, to try templates with.

use crate::clock::Timestamp;
use crate::domain::money::{Amount, Milli};
use crate::domain::order::change::{Payment, Refund};
use crate::domain::order::content::{
    Address, Basket, Customer, Details, Fulfillment, Line, Mails, PlacedBy, Reference,
};
use crate::domain::order::status::{CancelReason, FulfillmentKind, RefundReason};
use crate::domain::order::{Content, Entry, EntryKind, OrderBody, Status};
use crate::domain::{
    Country, Currency, EmailAddress, Mail, MailId, MailKind, MailState, MessageId, Order, OrderId,
    Outcome, UserId,
};

/// 2026-11-22T16:07:44.
const PLACED_SECS: u64 = 1_795_363_664;

/// How much a sample order has in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fullness {
    /// Every field that there is.
    Full,
    /// Only what an order can't be without.
    Bare,
}

/// A mail of that kind, as [`Mail::kind_name`] calls it. None where no kind is called so.
pub fn mail(kind: &str, fullness: Fullness) -> Option<Mail> {
    let (kind, body) = match kind {
        "order_success" => (MailKind::Placed, OrderBody::Simple(Outcome::Successful)),
        "order_failed" => (MailKind::Placed, OrderBody::Simple(Outcome::Failed)),
        _ => {
            let kind = MailKind::parse(kind)?;
            (kind, OrderBody::Content(Box::new(content(kind, fullness))))
        }
    };
    let created_at = Timestamp::from_secs(PLACED_SECS);
    let customer = EmailAddress::parse("ada@example.com").ok();
    Some(Mail {
        id: MailId(17),
        kind,
        message_id: MessageId("0123456789abcdef@orders.example".to_owned()),
        order: Order { id: OrderId(17), user: UserId(2), created_at, body },
        queued_at: created_at,
        username: "ada".to_owned(),
        to: customer.clone(),
        customer,
        attempts: 0,
        first_tried: None,
        last_error: None,
        state: MailState::Pending { due: created_at },
    })
}

fn content(kind: MailKind, fullness: Fullness) -> Content {
    let is_full = fullness == Fullness::Full;
    let status = match kind {
        MailKind::Placed | MailKind::Notify => Status::Pending,
        MailKind::Ready => Status::Ready,
        MailKind::Canceled => Status::Canceled,
    };
    let updated_at = Timestamp::from_secs(PLACED_SECS);
    Content {
        basket: if is_full { full_basket() } else { bare_basket() },
        reference: Reference::parse("A-17").filter(|_| is_full),
        details: if is_full { full_details(kind) } else { Details::default() },
        status,
        cancel_reason: (is_full && status == Status::Canceled).then_some(CancelReason::Inventory),
        updated_at,
        closed_at: (status == Status::Canceled).then_some(updated_at),
        placed_by: PlacedBy { user: Some(UserId(2)), is_admin: false, fingerprint: None },
        email_is_admins: false,
        mails: Mails::default(),
        history: if is_full { payments(updated_at) } else { Vec::new() },
    }
}

fn bare_basket() -> Basket {
    Basket { currency: None, prices_include_tax: false, lines: vec![Line::named("Sample")] }
}

fn full_basket() -> Basket {
    let margherita = Line {
        sku: Some("PZ-01".to_owned()),
        quantity: Milli::of_thousandths(2000),
        unit_price: cents(950),
        discount: cents(100),
        tax_rate: Milli::of_thousandths(7000),
        note: Some("One of them without basil,\nboth cut into eight".to_owned()),
        ..Line::named("Margherita")
    };
    let flour = Line {
        quantity: Milli::of_thousandths(1500),
        unit: Some("kg".to_owned()),
        unit_price: cents(240),
        tax_rate: Milli::of_thousandths(7000),
        ..Line::named("Flour, type 00, from the mill at the river")
    };
    let card = Line { quantity: Milli::ONE, ..Line::named("A card with your wishes") };
    Basket {
        currency: Currency::parse("EUR"),
        prices_include_tax: true,
        lines: vec![margherita, flour, card],
    }
}

fn full_details(kind: MailKind) -> Details {
    let due_at = Timestamp::from_secs(PLACED_SECS + 5400).as_secs() / 60 * 60;
    Details {
        note: Some("It is a birthday: please write \u{201c}Ada\u{201d} on the box.".to_owned()),
        metadata: [("table".to_owned(), "12".to_owned())].into(),
        customer: Some(Customer {
            name: Some("Ada Lovelace".to_owned()),
            email: EmailAddress::parse("ada@example.com").ok(),
            phone: Some("+49 30 1234567".to_owned()),
        }),
        fulfillment: Some(Fulfillment {
            kind: match kind {
                MailKind::Ready => FulfillmentKind::Shipment,
                MailKind::Canceled => FulfillmentKind::Pickup,
                MailKind::Placed | MailKind::Notify => FulfillmentKind::Delivery,
            },
            due_at: Some(Timestamp::from_secs(due_at)),
            note: Some("The bell is out of order: please knock.".to_owned()),
            address: Some(Address {
                line1: "Invalidenstr. 116".to_owned(),
                line2: Some("Back building, third floor".to_owned()),
                city: Some("Berlin".to_owned()),
                state: Some("Berlin".to_owned()),
                postal_code: Some("10115".to_owned()),
                country: Country::parse("DE"),
            }),
        }),
    }
}

fn payments(at: Timestamp) -> Vec<Entry> {
    let payment = Payment {
        amount: cents(1500),
        method: "cash".to_owned(),
        reference: None,
        note: None,
        key: None,
    };
    let refund = Refund { amount: cents(200), reason: RefundReason::Other, note: None, key: None };
    let kinds = [EntryKind::Payment(payment), EntryKind::Refund(refund)];
    kinds.into_iter().map(|kind| Entry { at, actor: None, kind }).collect()
}

fn cents(minor_units: u64) -> Amount {
    Amount::new(minor_units).unwrap_or_default()
}
