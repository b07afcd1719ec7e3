//! Changes the outbox: the sender marks mails, an admin retries them.

use crate::clock::Timestamp;
use crate::domain::MailId;
use crate::error::Error;
use crate::store::records::{DeadRecord, PendingRecord, SentRecord};
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
    let Some(pending) = txn.pending_mail(mark.id)? else { return Ok(()) };
    let PendingRecord::V1 { message_id, due_micros, first_tried_micros, attempts, .. } = pending;
    let first_tried_micros = if attempts == 0 { at.as_micros() } else { first_tried_micros };
    let attempts = attempts.saturating_add(1);
    let shorten = |error: &str| error.chars().take(MAX_ERROR_CHARS).collect::<String>();
    txn.remove_pending(mark.id, Timestamp::from_micros(due_micros))?;
    match &mark.attempt {
        Attempt::Sent => {
            let sent = SentRecord::V1 { message_id, sent_micros: at.as_micros(), attempts };
            txn.insert_sent(mark.id, &sent)
        }
        Attempt::Deferred { due, error } => {
            let last_error = Some(shorten(error));
            let due_micros = due.as_micros();
            let record = PendingRecord::V1 {
                message_id,
                due_micros,
                first_tried_micros,
                attempts,
                last_error,
            };
            txn.put_pending(mark.id, &record)
        }
        Attempt::Died { error } => {
            let died_micros = at.as_micros();
            let last_error = shorten(error);
            let dead = DeadRecord::V1 { message_id, died_micros, attempts, last_error };
            txn.insert_dead(mark.id, &dead)
        }
    }
}

/// Makes a mail dead that can't be read, so that the sender does not meet it again. Where only
/// its row in the index is left, that is removed.
#[derive(Debug)]
pub struct QuarantineMail {
    pub id: MailId,
    /// When it is due by the index.
    pub due: Timestamp,
    pub error: String,
    pub at: Timestamp,
}

impl Write for QuarantineMail {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let (message_id, attempts) = match txn.pending_mail(self.id) {
            Ok(Some(PendingRecord::V1 { message_id, attempts, .. })) => (message_id, attempts),
            Ok(None) => return txn.remove_pending(self.id, self.due),
            Err(Failure::Refused(_)) => (String::new(), 0),
            Err(broken) => return Err(broken),
        };
        txn.remove_pending(self.id, self.due)?;
        let (died_micros, last_error) = (self.at.as_micros(), self.error.clone());
        let dead = DeadRecord::V1 { message_id, died_micros, attempts, last_error };
        txn.insert_dead(self.id, &dead)
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
        let message_id = if let Some(pending) = txn.pending_mail(self.id)? {
            if txn.is_fresh(self.id)? {
                return Ok(());
            }
            let PendingRecord::V1 { message_id, due_micros, .. } = pending;
            txn.remove_pending(self.id, Timestamp::from_micros(due_micros))?;
            message_id
        } else if txn.is_sent(self.id)? {
            return Err(Error::Conflict("The email was sent already").into());
        } else {
            let dead = txn.take_dead(self.id)?.ok_or(Error::NotFound)?;
            let DeadRecord::V1 { message_id, .. } = dead;
            message_id
        };
        txn.queue_again(self.id, &message_id, self.at)
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
            if let Some(DeadRecord::V1 { message_id, .. }) = txn.take_dead(*id)? {
                txn.queue_again(*id, &message_id, self.at)?;
                count += 1;
            }
        }
        Ok(count)
    }
}
