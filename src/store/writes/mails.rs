//! Changes the outbox: the sender marks mails, an admin retries them.

use crate::clock::Timestamp;
use crate::domain::{MailId, OrderId};
use crate::error::Error;
use crate::store::records::{DeadMail, MailIdentity, PendingMail, SentMail};
use crate::store::write_txn::{Applied, Failure, Write, WriteTxn};

/// The results of all attempts of one round of the sender.
#[derive(Debug)]
pub struct MarkMails {
    pub marks: Vec<MailMark>,
    pub at: Timestamp,
}

/// The result of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailMark {
    pub id: MailId,
    /// The order that it tells of.
    pub order: OrderId,
    pub attempt: Attempt,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    Sent,
    /// To be tried again from `due` on.
    Deferred {
        due: Timestamp,
        error: String,
    },
    /// Never to be tried again by itself.
    Died {
        error: String,
    },
}

/// How much of an error's text is kept, in characters.
const MAX_ERROR_CHARS: usize = 500;

impl Write for MarkMails {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        self.marks.iter().try_for_each(|mark| mark_mail(txn, mark, self.at))
    }
}

/// A mail that is not pending any more stays as it is: it was marked meanwhile.
fn mark_mail(txn: &mut WriteTxn<'_>, mark: &MailMark, at: Timestamp) -> Applied<()> {
    let Some(pending) = take_pending(txn, mark, at)? else { return Ok(()) };
    let PendingMail { mail, first_tried, attempts, .. } = pending;
    let attempts = attempts.saturating_add(1);
    let shorten = |error: &str| error.chars().take(MAX_ERROR_CHARS).collect::<String>();
    match &mark.attempt {
        Attempt::Sent => {
            // The address of the order or of its user may change; this is where it went.
            let to = txn.recipient(&mail)?;
            let mail = MailIdentity { to, ..mail };
            txn.insert_sent(mark.id, &SentMail { mail, at, attempts })
        }
        Attempt::Deferred { due, error } => {
            let (last_error, first_tried) = (Some(shorten(error)), first_tried.or(Some(at)));
            let deferred = PendingMail { mail, due: *due, first_tried, attempts, last_error };
            txn.put_pending(mark.id, &deferred)
        }
        Attempt::Died { error } => {
            let last_error = shorten(error);
            txn.insert_dead(mark.id, &DeadMail { mail, at, attempts, last_error })
        }
    }
}

/// Takes the mail out of whichever row it is in.
fn take_pending(
    txn: &mut WriteTxn<'_>,
    mark: &MailMark,
    at: Timestamp,
) -> Applied<Option<PendingMail>> {
    if let Some(pending) = txn.pending_mail(mark.id)? {
        txn.remove_pending(mark.id, pending.due)?;
        return Ok(Some(pending));
    }
    match txn.fresh_mail(mark.order)? {
        Some((id, fresh)) if id == mark.id => {
            txn.take_fresh(mark.order, at)?;
            Ok(Some(fresh))
        }
        _ => Ok(None),
    }
}

/// Makes a mail dead that can't be read, so that the sender does not meet it again. Where only
/// its row in the index is left, that is removed.
#[derive(Debug)]
pub struct QuarantineMail {
    pub place: MailPlace,
    pub error: String,
    pub at: Timestamp,
}

/// The row that a pending mail is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailPlace {
    /// One of its own, due then by the index.
    Own { id: MailId, due: Timestamp },
    /// That of its order.
    Order(OrderId),
}

impl Write for QuarantineMail {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let last_error = self.error.clone();
        let (id, due) = match self.place {
            MailPlace::Own { id, due } => (id, due),
            MailPlace::Order(order) => return self.quarantine_fresh(txn, order),
        };
        let (mail, attempts) = match txn.pending_mail(id) {
            Ok(Some(PendingMail { mail, attempts, .. })) => (mail, attempts),
            Ok(None) => return txn.remove_pending(id, due),
            Err(Failure::Refused(_)) => (MailIdentity::unreadable(OrderId(id.0)), 0),
            Err(broken) => return Err(broken),
        };
        txn.remove_pending(id, due)?;
        txn.insert_dead(id, &DeadMail { mail, at: self.at, attempts, last_error })
    }
}

impl QuarantineMail {
    fn quarantine_fresh(&self, txn: &mut WriteTxn<'_>, order: OrderId) -> Applied<()> {
        let fresh = txn.fresh_mail(order);
        let (at, last_error) = (self.at, self.error.clone());
        match fresh {
            // It was taken meanwhile.
            Ok(None) => Ok(()),
            Ok(Some((id, PendingMail { mail, attempts, .. }))) => {
                txn.take_fresh(order, at)?;
                txn.insert_dead(id, &DeadMail { mail, at, attempts, last_error })
            }
            Err(Failure::Refused(_)) => {
                txn.take_fresh(order, at)?;
                txn.bury(order, last_error, at)
            }
            Err(broken) => Err(broken),
        }
    }
}

/// Passes over orders that have no mail, up to this one, so that the sender does not look at them
/// again.
#[derive(Debug)]
pub struct PassOrders {
    pub up_to: OrderId,
    pub at: Timestamp,
}

impl Write for PassOrders {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        txn.take_fresh(self.up_to, self.at)
    }
}

/// Makes a dead mail pending again, and a pending one due at once. One that was never tried is due
/// already and stays as it is.
#[derive(Debug)]
pub struct RetryMail {
    pub id: MailId,
    pub at: Timestamp,
}

impl Write for RetryMail {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let mail = if let Some(pending) = txn.pending_mail(self.id)? {
            txn.remove_pending(self.id, pending.due)?;
            pending.mail
        } else if txn.is_sent(self.id)? {
            return Err(Error::conflict("The email was sent already").into());
        } else if let Some(dead) = txn.take_dead(self.id)? {
            dead.mail
        } else if txn.is_fresh(self.id)? {
            return Ok(());
        } else {
            return Err(Error::NotFound.into());
        };
        txn.queue(self.id, mail, self.at)
    }
}

/// Makes those of the mails that are dead pending again, and tells how many they are.
#[derive(Debug)]
pub struct RetryMails {
    pub ids: Vec<MailId>,
    pub at: Timestamp,
}

impl Write for RetryMails {
    type Output = usize;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<usize> {
        let mut count = 0;
        for id in &self.ids {
            if let Some(dead) = txn.take_dead(*id)? {
                txn.queue(*id, dead.mail, self.at)?;
                count += 1;
            }
        }
        Ok(count)
    }
}
