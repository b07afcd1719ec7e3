//! Removes old sent mails.

use crate::clock::Timestamp;
use crate::domain::MailId;
use crate::store::snapshot::PAGE_ROWS;
use crate::store::write_txn::{Applied, Write, WriteTxn, readable};

/// Goes through the next [`PAGE_ROWS`] sent mails and removes those that were sent before a moment.
/// One that can't be read stays, and stops none.
#[derive(Debug)]
pub struct PruneSent {
    pub after: MailId,
    pub sent_before: Timestamp,
    pub now: Timestamp,
}

/// The result of one [`PruneSent`], [`ForgetKeys`](super::ForgetKeys) or
/// [`PruneApiKeys`](super::PruneApiKeys); `Id` is of what it goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned<Id> {
    pub removed: usize,
    /// Where the next one has to begin; none when nothing old can be left.
    pub next: Option<Id>,
}

impl Write for PruneSent {
    type Output = Pruned<MailId>;
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<Pruned<MailId>> {
        let rows = txn.sent_mails(self.after, PAGE_ROWS)?;
        let mut pruned = Pruned { removed: 0, next: rows.last().map(|(id, _)| *id) };
        let mut last = MailId(0);
        for (id, sent) in rows {
            let Some(sent) = sent else { continue };
            if sent.at < self.sent_before {
                txn.remove_sent(id)?;
                (pruned.removed, last) = (pruned.removed + 1, id);
            } else if readable(txn.order(sent.mail.order))?
                .is_some_and(|it| (self.sent_before..=self.now).contains(&it.created_at))
            {
                // A mail is sent after its order was placed, and later orders are younger. An
                // order of the future says only that a clock was wrong.
                pruned.next = None;
                break;
            }
        }
        if pruned.removed > 0 {
            txn.note_pruned(self.sent_before, last)?;
        }
        Ok(pruned)
    }
}
