//! Which mails are due.

use std::iter::Peekable;
use std::ops::RangeInclusive;

use super::{MAX_LOOKED_AT, Snapshot};
use crate::clock::Timestamp;
use crate::domain::mail::MAX_RETRY_DELAY;
use crate::domain::{Mail, MailId, OrderId};
use crate::error::{Error, Result};
use crate::store::records::{OrderPrefix, decode};
use crate::store::schema::{self, meta};
use crate::store::writes::MailPlace;

/// Mails that are due.
#[derive(Debug, Default)]
pub struct DueMails {
    pub mails: Vec<Mail>,
    pub spoilt: Vec<UnreadableMail>,
    /// When the next mail after these is due.
    pub next_due: Option<Timestamp>,
    /// The last of the orders at the front that have no mail.
    pub passed: Option<OrderId>,
}

/// A mail that is due and can't be read.
#[derive(Debug)]
pub struct UnreadableMail {
    pub place: MailPlace,
    pub error: Error,
}

/// A pending mail, as it is found: when it is due, in µs since 1970, and where it is. Sorted by
/// both.
type Due = (u64, Place);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Own(u64),
    Order(u64),
}

impl Snapshot {
    /// Pending mails that are due at `now`, the longest due first, `limit` at most. A mail that
    /// can't be read does not stop the others. Mails that were never tried are due since their
    /// orders were placed; among each other they come by id.
    ///
    /// One that is due later than any attempt puts it off was marked while the clock was ahead: it
    /// counts as due, and comes first, since what it is given next is right again.
    pub fn due_mails(&self, now: Timestamp, limit: usize) -> Result<DueMails> {
        let due = self.open(schema::MAILS_DUE)?;
        let horizon = (now + MAX_RETRY_DELAY).as_micros();
        let mut found = DueMails { passed: self.orders_without_mail()?, ..DueMails::default() };
        let own = |(at, id): (u64, u64)| (at, Place::Own(id));
        for row in due.range((horizon.saturating_add(1), 0)..)?.take(limit) {
            self.take_due(own(row?.0.value()), &mut found)?;
        }
        let in_time = due.range(..=(horizon, u64::MAX))?;
        let mut tried = in_time.map(|row| Ok(own(row?.0.value()))).peekable();
        let orders = self.open(schema::ORDERS)?;
        let fresh = orders.range::<u64>(self.fresh_orders()?)?.take(MAX_LOOKED_AT);
        let mut fresh = fresh.filter_map(|row| match row {
            Ok((id, record)) => fresh_due(id.value(), record.value(), now).map(Ok),
            Err(why) => Some(Err(why.into())),
        });
        let mut fresh = fresh.by_ref().peekable();
        while let Some((at, place)) = take_earlier(&mut tried, &mut fresh)? {
            if at > now.as_micros() || found.mails.len() + found.spoilt.len() >= limit {
                found.next_due = Some(Timestamp::from_micros(at));
                break;
            }
            self.take_due((at, place), &mut found)?;
        }
        Ok(found)
    }

    fn take_due(&self, (at, place): Due, found: &mut DueMails) -> Result<()> {
        let mail = match place {
            Place::Own(id) => self.pending_mail(MailId(id)),
            Place::Order(order) => self.fresh_mail(OrderId(order)),
        };
        match mail {
            Ok(mail) => found.mails.push(mail),
            Err(error @ Error::Internal(_)) => {
                let due = Timestamp::from_micros(at);
                let place = match place {
                    Place::Own(id) => MailPlace::Own { id: MailId(id), due },
                    Place::Order(order) => MailPlace::Order(OrderId(order)),
                };
                found.spoilt.push(UnreadableMail { place, error });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The orders whose rows may still hold their first mail. Not all of them have one.
    pub(super) fn fresh_orders(&self) -> Result<RangeInclusive<u64>> {
        let table = self.open(schema::META)?;
        let taken = table.get(meta::MAILS_TAKEN_UP_TO)?;
        let first = taken.map_or(0, |row| row.value()).saturating_add(1);
        Ok(first..=self.last_order_id()?.0)
    }

    /// The last of those at the front of them that have no mail.
    fn orders_without_mail(&self) -> Result<Option<OrderId>> {
        let orders = self.open(schema::ORDERS)?;
        let mut last = None;
        for row in orders.range::<u64>(self.fresh_orders()?)?.take(MAX_LOOKED_AT) {
            let (id, record) = row?;
            let id = id.value();
            match decode::<OrderPrefix<'_>>(record.value()) {
                Ok(record) if record.first_mail(id).is_none() => last = Some(OrderId(id)),
                _ => break,
            }
        }
        Ok(last)
    }
}

/// Since when a fresh mail is due; none where the order has no mail. It counts as due where its
/// order seems to come from the future, because the clock was set back, and where its row can't be
/// read.
fn fresh_due(id: u64, record: &[u8], now: Timestamp) -> Option<Due> {
    let Ok(record) = decode::<OrderPrefix<'_>>(record) else { return Some((0, Place::Order(id))) };
    record.first_mail(id)?;
    Some((record.created_at().min(now).as_micros(), Place::Order(id)))
}

/// The next of two sorted lists, whichever is due earlier.
fn take_earlier(
    one: &mut Peekable<impl Iterator<Item = Result<Due>>>,
    other: &mut Peekable<impl Iterator<Item = Result<Due>>>,
) -> Result<Option<Due>> {
    let is_one = match (one.peek(), other.peek()) {
        (Some(Ok(one)), Some(Ok(other))) => one <= other,
        (_, Some(Err(_))) => false,
        (head, _) => head.is_some(),
    };
    if is_one { one.next() } else { other.next() }.transpose()
}
