//! The outbox, for admins: what became of each mail, and another try.

use crate::domain::{Mail, MailId};
use crate::error::{Error, Result};
use crate::service::{Caller, Context, Service};
use crate::store::{MailStatus, RetryMail};

impl Service {
    /// Mails of one state with ids above `after`, `limit` at most.
    pub fn mails(
        &self,
        cx: &Context,
        caller: &Caller,
        shelf: MailStatus,
        after: MailId,
        limit: usize,
    ) -> Result<Vec<Mail>> {
        self.operations.list_emails.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            self.store.read()?.mails(shelf, after, limit)
        })
    }

    /// Has a dead mail tried again, and one that waits tried at once.
    pub fn retry_mail(&self, cx: &Context, caller: &Caller, id: MailId) -> Result<Mail> {
        self.operations.retry_email.run(cx, |notes| {
            caller.note(notes);
            notes.add("mail", id);
            caller.require_admin()?;
            self.store.write(RetryMail { id, at: self.clock.now() })?;
            self.store.read()?.mail(id)?.ok_or(Error::NotFound)
        })
    }
}
