//! The orders: their content, and every index row of them.

use redb::{ReadableTable, ReadableTableMetadata};

use super::{Check, has, value};
use crate::domain::money::Amount;
use crate::domain::order::words::words_of;
use crate::domain::order::{Content, EntryKind, Status};
use crate::domain::{Order, OrderId, UserId};
use crate::error::Result;
use crate::store::records::OrderRecord;
use crate::store::schema::{ReadTables, hour_of};

/// How many index rows the orders have. Where each of them is there and the table has as many, no
/// row of it leads anywhere else.
#[derive(Default)]
struct IndexRows {
    by_user: u64,
    open: u64,
    by_reference: u64,
    words: u64,
}

impl Check {
    pub(super) fn orders(&mut self, tables: &ReadTables) -> Result<()> {
        let mut rows = IndexRows::default();
        let mut last_mark = 0;
        for row in tables.orders.iter()? {
            let (id, record) = row?;
            let id = id.value();
            let Some(record) = self.decoded::<OrderRecord<'_>>("order", id, record.value()) else {
                continue;
            };
            let mark = record.mail_mark(id).0;
            self.require(mark >= last_mark, || {
                format!("order {id} has an older mail than the one before")
            });
            last_mark = mark;
            self.mails_of_order(tables, id, &record)?;
            let Ok(order) = record.into_order(id) else {
                self.fault(format!("order {id} can't be read"));
                continue;
            };
            self.order(tables, &order)?;
            rows.by_user += 1;
            if let Some(content) = order.content() {
                self.content(id, content);
                self.content_index(tables, &order, content, &mut rows)?;
            }
        }
        for (name, expected, found) in [
            ("orders_by_user", rows.by_user, tables.orders_by_user.len()?),
            ("orders_open", rows.open, tables.orders_open.len()?),
            ("orders_by_reference", rows.by_reference, tables.orders_by_reference.len()?),
            ("order_words", rows.words, tables.order_words.len()?),
        ] {
            self.require(expected == found, || {
                format!("{found} rows in {name}, {expected} expected")
            });
        }
        Ok(())
    }

    fn order(&mut self, tables: &ReadTables, order: &Order) -> Result<()> {
        let Order { id: OrderId(id), user: UserId(user), created_at, .. } = *order;
        let known = has(&tables.users, user)?;
        self.require(known, || format!("order {id} is of user {user}, who is not there"));
        let range = value(&tables.orders_by_hour, hour_of(created_at))?;
        let in_hour = range.is_some_and(|(least, largest)| (least..=largest).contains(&id));
        self.require(in_hour, || format!("order {id} is not found by its time"));
        let indexed = has(&tables.orders_by_user, (user, id))?;
        self.require(indexed, || format!("order {id} is not among those of user {user}"));
        Ok(())
    }

    fn content(&mut self, id: u64, content: &Content) {
        let basket = &content.basket;
        let costs = basket.lines.iter().any(|line| line.unit_price > Amount::ZERO);
        self.require(basket.currency.is_some() || !costs, || format!("order {id} has no currency"));
        let total = basket.totals().map(|(_, totals)| totals.total);
        // A sum that is too large for an amount would count as nothing there.
        let paid: i128 = content.payments().map(|(_, payment)| payment.amount.wide()).sum();
        let refunded: i128 = content.refunds().map(|(_, refund)| refund.amount.wide()).sum();
        let adds_up = total.is_ok_and(|total| refunded <= paid && paid <= total.wide());
        self.require(adds_up, || format!("the sums of order {id} are wrong"));
        let mut steps = content.history.iter().filter_map(|entry| match entry.kind {
            EntryKind::Status { from, to, .. } => Some((from, to)),
            _ => None,
        });
        let reached = steps.try_fold(Status::Pending, |at, (from, to)| {
            (at == from && from.next().contains(&to)).then_some(to)
        });
        self.require(reached == Some(content.status), || {
            format!("order {id} can't have become {}", content.status.as_str())
        });
        let is_closed = !content.status.is_open();
        self.require(is_closed == content.closed_at.is_some(), || {
            format!(
                "order {id} is {} and was closed at {:?}",
                content.status.as_str(),
                content.closed_at
            )
        });
    }

    fn content_index(
        &mut self,
        tables: &ReadTables,
        order: &Order,
        content: &Content,
        rows: &mut IndexRows,
    ) -> Result<()> {
        let (id, user) = (order.id.0, order.user.0);
        if content.status.is_open() {
            rows.open += 1;
            let found = has(&tables.orders_open, (content.status.code(), id))?;
            self.require(found, || format!("order {id} is not among the open ones"));
        }
        if let Some(reference) = &content.reference {
            rows.by_reference += 1;
            let found = value(&tables.orders_by_reference, (reference.as_str(), user))?;
            self.require(found == Some(id), || format!("order {id} is not found by its reference"));
        }
        for word in words_of(content) {
            rows.words += 1;
            let found = has(&tables.order_words, (word.as_str(), id))?;
            self.require(found, || format!("order {id} is not found by {word:?}"));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "orders_tests.rs"]
mod tests;
