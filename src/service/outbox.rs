//! The outbox, for admins: what became of each mail, and another try.

use crate::domain::{Mail, MailId};
use crate::error::{Error, Result};
use crate::store::{MailStatus, RetryMail};

use super::caller::Caller;
use super::context::Context;
use super::state::Service;

impl Service {
    /// Mails of one status with ids above `after`, `limit` at most.
    pub fn mails(
        &self,
        cx: &Context,
        caller: &Caller,
        status: MailStatus,
        after: MailId,
        limit: usize,
    ) -> Result<Vec<Mail>> {
        self.operations.list_emails.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            self.store.read()?.mails(status, after, limit)
        })
    }

    /// Makes a dead mail due again, and a pending one due at once.
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
