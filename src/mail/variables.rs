//! What a template may name. `templates/README.md` is the same list for whoever writes one.
//!
//! Every name is always there: what an order lacks is null, false or an empty list, so that a
//! template may ask for it. A simple order has no lines, and null for all of its money.

use serde::Serialize;

use super::money;
use super::shop::Shop;
use crate::domain::Mail;
use crate::domain::money::{Amount, Milli};
use crate::domain::order::content::{Address, Content, Customer, Fulfillment, Line, Recipient};
use crate::domain::order::status::{CancelReason, FulfillmentKind, PaymentStatus};
use crate::domain::order::totals::LineTotals;
use crate::domain::{Currency, Order};

#[derive(Serialize)]
pub struct Variables<'a> {
    /// The first four are those of the first templates.
    order_id: u64,
    ordered_at: String,
    username: &'a str,
    /// Empty within the subject's own template.
    pub subject: &'a str,
    kind: &'static str,
    /// How the mail greets whom it goes to.
    addressee: Option<&'a str>,
    shop: ShopVariables<'a>,
    order: OrderVariables<'a>,
    lines: Vec<LineVariables<'a>>,
    totals: TotalsVariables,
    payment: PaymentVariables,
    fulfillment: FulfillmentVariables<'a>,
    customer: CustomerVariables<'a>,
    metadata: Vec<PairVariables<'a>>,
}

#[derive(Serialize)]
struct ShopVariables<'a> {
    name: &'a str,
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct OrderVariables<'a> {
    id: u64,
    /// The reference, else the id.
    number: String,
    reference: Option<&'a str>,
    placed_at: String,
    status: &'static str,
    note: Option<&'a str>,
    cancel_reason: Option<&'static str>,
    cancel_words: Option<&'static str>,
    /// Whether anything has a price, and so whether there is money to show.
    has_prices: bool,
}

#[derive(Serialize)]
struct LineVariables<'a> {
    name: &'a str,
    sku: Option<&'a str>,
    note: Option<&'a str>,
    /// With its unit.
    quantity: String,
    unit: Option<&'a str>,
    unit_price: Option<String>,
    subtotal: Option<String>,
    discount: Option<String>,
    tax_rate: Option<String>,
    tax: Option<String>,
    total: Option<String>,
}

#[derive(Default, Serialize)]
struct TotalsVariables {
    subtotal: Option<String>,
    discount: Option<String>,
    tax: Option<String>,
    tax_included: bool,
    total: Option<String>,
}

#[derive(Default, Serialize)]
struct PaymentVariables {
    status: Option<&'static str>,
    words: Option<&'static str>,
    paid: Option<String>,
    refunded: Option<String>,
    due: Option<String>,
}

#[derive(Default, Serialize)]
struct FulfillmentVariables<'a> {
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    is_pickup: bool,
    is_delivery: bool,
    is_shipment: bool,
    due_at: Option<String>,
    note: Option<&'a str>,
    /// Its lines, as they stand on an envelope.
    address: Vec<String>,
}

#[derive(Default, Serialize)]
struct CustomerVariables<'a> {
    name: Option<&'a str>,
    email: Option<&'a str>,
    phone: Option<&'a str>,
}

#[derive(Serialize)]
struct PairVariables<'a> {
    name: &'a str,
    value: &'a str,
}

impl<'a> Variables<'a> {
    pub fn of(mail: &'a Mail, shop: &'a Shop) -> Variables<'a> {
        let Mail { order, username, .. } = mail;
        let content = order.content();
        let details = content.map(|content| &content.details);
        let customer = details.and_then(|details| details.customer.as_ref());
        let fulfillment = details.and_then(|details| details.fulfillment.as_ref());
        let metadata = details.iter().flat_map(|details| &details.metadata);
        Variables {
            order_id: order.id.0,
            ordered_at: shop.time_zone.show(order.created_at),
            username,
            subject: "",
            kind: mail.kind_name(),
            addressee: addressee(mail, customer),
            shop: ShopVariables { name: &shop.name, url: shop.url.as_deref() },
            order: OrderVariables::of(order, shop),
            lines: content.map(lines).unwrap_or_default(),
            totals: content.map(TotalsVariables::of).unwrap_or_default(),
            payment: content.map(PaymentVariables::of).unwrap_or_default(),
            fulfillment: fulfillment
                .map(|it| FulfillmentVariables::of(it, shop))
                .unwrap_or_default(),
            customer: customer.map(CustomerVariables::of).unwrap_or_default(),
            metadata: metadata.map(|(name, value)| PairVariables { name, value }).collect(),
        }
    }
}

/// The customer's name; else that of the account, but only where that is whom the mail goes to:
/// the one who typed an order in is not its customer.
fn addressee<'a>(mail: &'a Mail, customer: Option<&'a Customer>) -> Option<&'a str> {
    let name = customer.and_then(|customer| customer.name.as_deref());
    let goes_to_account = match mail.order.content() {
        Some(content) => content.recipient(mail.order.user) == Recipient::Owner,
        None => true,
    };
    name.or(goes_to_account.then_some(mail.username.as_str()))
}

impl<'a> OrderVariables<'a> {
    fn of(order: &'a Order, shop: &Shop) -> OrderVariables<'a> {
        let content = order.content();
        let reference =
            content.and_then(|content| content.reference.as_ref()).map(|it| it.as_str());
        let cancel_reason = content.and_then(|content| content.cancel_reason);
        OrderVariables {
            id: order.id.0,
            number: reference.map_or_else(|| order.id.to_string(), str::to_owned),
            reference,
            placed_at: shop.time_zone.show_minutes(order.created_at),
            status: order.status().as_str(),
            note: content.and_then(|content| content.details.note.as_deref()),
            cancel_reason: cancel_reason.map(CancelReason::as_str),
            cancel_words: cancel_reason.map(cancel_words),
            has_prices: content.is_some_and(|content| content.basket.currency.is_some()),
        }
    }
}

fn lines(content: &Content) -> Vec<LineVariables<'_>> {
    let (figures, _) = content.totals();
    let lines = content.basket.lines.iter().zip(figures);
    lines.map(|(line, figures)| LineVariables::of(line, figures, content.basket.currency)).collect()
}

impl<'a> LineVariables<'a> {
    fn of(line: &'a Line, totals: LineTotals, currency: Option<Currency>) -> LineVariables<'a> {
        let show = |amount| currency.map(|currency| money::show(amount, currency));
        LineVariables {
            name: &line.name,
            sku: line.sku.as_deref(),
            note: line.note.as_deref(),
            quantity: match &line.unit {
                Some(unit) => format!("{}\u{a0}{unit}", line.quantity),
                None => line.quantity.to_string(),
            },
            unit: line.unit.as_deref(),
            unit_price: show(line.unit_price),
            subtotal: show(totals.subtotal),
            discount: negative(line.discount, currency),
            tax_rate: (line.tax_rate > Milli::default())
                .then(|| format!("{}\u{a0}%", line.tax_rate)),
            tax: positive(totals.tax, currency),
            total: show(totals.total),
        }
    }
}

impl TotalsVariables {
    fn of(content: &Content) -> TotalsVariables {
        let (_, totals) = content.totals();
        let currency = content.basket.currency;
        let show = |amount| currency.map(|currency| money::show(amount, currency));
        TotalsVariables {
            subtotal: show(totals.subtotal),
            discount: negative(totals.discount, currency),
            tax: positive(totals.tax, currency),
            tax_included: content.basket.prices_include_tax,
            total: show(totals.total),
        }
    }
}

impl PaymentVariables {
    fn of(content: &Content) -> PaymentVariables {
        let currency = content.basket.currency;
        let (_, totals) = content.totals();
        let status = content.payment_status(totals.total);
        let (paid, refunded) = (content.amount_paid(), content.amount_refunded());
        PaymentVariables {
            status: Some(status.as_str()),
            words: Some(payment_words(status)),
            paid: positive(paid, currency),
            refunded: positive(refunded, currency),
            // A refund doesn't reopen it, and of a canceled order nothing is due.
            due: positive(totals.total.less(paid), currency)
                .filter(|_| content.status.is_success()),
        }
    }
}

impl<'a> FulfillmentVariables<'a> {
    fn of(fulfillment: &'a Fulfillment, shop: &Shop) -> FulfillmentVariables<'a> {
        let kind = fulfillment.kind;
        FulfillmentVariables {
            kind: Some(kind.as_str()),
            is_pickup: kind == FulfillmentKind::Pickup,
            is_delivery: kind == FulfillmentKind::Delivery,
            is_shipment: kind == FulfillmentKind::Shipment,
            due_at: fulfillment.due_at.map(|at| shop.time_zone.show_minutes(at)),
            note: fulfillment.note.as_deref(),
            address: fulfillment.address.as_ref().map(address).unwrap_or_default(),
        }
    }
}

impl<'a> CustomerVariables<'a> {
    fn of(customer: &'a Customer) -> CustomerVariables<'a> {
        CustomerVariables {
            name: customer.name.as_deref(),
            email: customer.email.as_ref().map(|email| email.as_str()),
            phone: customer.phone.as_deref(),
        }
    }
}

/// The lines of an address; what is absent leaves no empty one.
fn address(address: &Address) -> Vec<String> {
    let city = [&address.postal_code, &address.city].map(|part| part.as_deref());
    let city = city.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let country = address.country.as_ref().map(|country| country.as_str().to_owned());
    let (line2, state) = (address.line2.clone(), address.state.clone());
    let lines = [Some(address.line1.clone()), line2, Some(city), state, country];
    lines.into_iter().flatten().filter(|line| !line.is_empty()).collect()
}

fn positive(amount: Amount, currency: Option<Currency>) -> Option<String> {
    currency.filter(|_| amount > Amount::ZERO).map(|currency| money::show(amount, currency))
}

fn negative(amount: Amount, currency: Option<Currency>) -> Option<String> {
    let currency = currency.filter(|_| amount > Amount::ZERO)?;
    Some(money::show_negative(amount, currency))
}

fn payment_words(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Unpaid => "not paid yet",
        PaymentStatus::PartiallyPaid => "partly paid",
        PaymentStatus::Paid => "paid",
        PaymentStatus::PartiallyRefunded => "partly refunded",
        PaymentStatus::Refunded => "refunded",
    }
}

/// For the customer, who need not hear what somebody suspected.
fn cancel_words(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Customer => "at the customer's request",
        CancelReason::Inventory => "not everything is available",
        CancelReason::Fraud => "the order did not pass our checks",
        CancelReason::Declined => "the payment was declined",
        CancelReason::Staff => "a mistake on our side",
        CancelReason::Other => "other reasons",
    }
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
