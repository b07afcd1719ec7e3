//! Orders as lines of CSV (RFC 4180).

use crate::domain::Order;
use crate::domain::money::Amount;

pub const SIMPLE_HEADER: &str = "id,user_id,success,created_at\r\n";

pub const FULL_HEADER: &str = "id,user_id,created_at,status,reference_id,currency,subtotal,\
    discount_total,tax_total,total,payment_status,amount_paid,amount_refunded,customer_name,\
    customer_email,customer_phone\r\n";

/// A cell is a number, a word of ours or a date: there is none that a client could make a formula
/// of.
pub fn simple_line(order: &Order, bytes: &mut Vec<u8>) {
    let (id, user, success) = (order.id, order.user, order.status().is_success());
    let line = format!("{id},{user},{success},{}\r\n", order.created_at);
    bytes.extend_from_slice(line.as_bytes());
}

/// Money in minor units; empty where there is none, as everywhere in a simple order.
pub fn full_line(order: &Order, bytes: &mut Vec<u8>) {
    let (id, user, status) = (order.id, order.user, order.status().as_str());
    let mut cells = vec![id.to_string(), user.to_string(), order.created_at.to_string()];
    cells.push(status.to_owned());
    match order.content() {
        None => cells.resize(FULL_HEADER.split(',').count(), String::new()),
        Some(content) => {
            let (_, totals) = content.totals();
            let money = |amount: Amount| amount.to_string();
            let customer = content.details.customer.clone().unwrap_or_default();
            cells.extend([
                content.reference.as_ref().map_or_else(String::new, |it| text(it.as_str())),
                content.basket.currency.map_or_else(String::new, |it| it.to_string()),
                money(totals.subtotal),
                money(totals.discount),
                money(totals.tax),
                money(totals.total),
                content.payment_status(totals.total).as_str().to_owned(),
                money(content.amount_paid()),
                money(content.amount_refunded()),
                customer.name.map_or_else(String::new, |name| text(&name)),
                customer.email.map_or_else(String::new, |email| text(email.as_str())),
                customer.phone.map_or_else(String::new, |phone| text(&phone)),
            ]);
        }
    }
    bytes.extend_from_slice(cells.join(",").as_bytes());
    bytes.extend_from_slice(b"\r\n");
}

/// A cell of text that a client has chosen. A spreadsheet takes one that begins so for a formula,
/// unless it has an apostrophe before it.
fn text(text: &str) -> String {
    let harmless = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match harmless.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{}\"", harmless.replace('"', "\"\"")),
        false => harmless,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be_and_never_a_formula() {
        for (given, cell) in [
            ("Ann", "Ann"),
            ("Ann, Lee", "\"Ann, Lee\""),
            ("5\" disk", "\"5\"\" disk\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("+49 30", "'+49 30"),
            ("-1", "'-1"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(text(given), cell);
        }
    }
}
