//! The outbox, for admins: what became of each mail, and another try.

use crate::clock::Timestamp;
use crate::domain::{Mail, MailId};
use crate::error::{Error, Result};
use crate::store::{DeadMails, Direction, MailFilter, MailPage, RetryMail, RetryMails};

use super::caller::Caller;
use super::context::Context;
use super::state::Service;
use super::warning::Warning;

/// Which dead mails are retried together: those that meet every condition.
#[derive(Clone, Debug, Default)]
pub struct RetryFilter {
    /// What the last error has in it, whatever the case of its letters.
    pub error: Option<String>,
    /// Seconds in which they died, both included.
    pub died_from: Option<Timestamp>,
    pub died_to: Option<Timestamp>,
}

/// What a retry of many has done.
#[derive(Debug)]
pub struct Retried {
    pub count: usize,
    /// The last mail that was looked at, where there are more.
    pub next: Option<MailId>,
}

impl RetryFilter {
    fn takes(&self, died: Timestamp, error: &str) -> bool {
        let died = died.whole_secs();
        let holds = |part: &String| error.to_lowercase().contains(&part.to_lowercase());
        self.error.as_ref().is_none_or(holds)
            && self.died_from.is_none_or(|from| died >= from)
            && self.died_to.is_none_or(|to| died <= to)
    }
}

impl Service {
    /// What the sender warns through.
    pub fn mail_warning(&self) -> &Warning {
        &self.mail_warning
    }

    /// Mails past `after` that match, `limit` at most.
    pub fn mails(
        &self,
        cx: &Context,
        caller: &Caller,
        filter: &MailFilter,
        direction: Direction,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<MailPage> {
        self.operations.list_emails.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            self.store.read()?.mails(filter, direction, after, limit)
        })
    }

    /// One mail.
    pub fn mail(&self, cx: &Context, caller: &Caller, id: MailId) -> Result<Mail> {
        self.operations.get_email.run(cx, |notes| {
            caller.note(notes);
            notes.add("mail", id);
            caller.require_admin()?;
            self.store.read()?.mail(id)?.ok_or(Error::NotFound)
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

    /// Makes dead mails due again: of those with ids above `after` that the filter takes, the
    /// first `limit`. One call looks at no more than [`MAX_LOOKED_AT`](crate::store::MAX_LOOKED_AT).
    pub fn retry_mails(
        &self,
        cx: &Context,
        caller: &Caller,
        filter: &RetryFilter,
        after: MailId,
        limit: usize,
    ) -> Result<Retried> {
        self.operations.retry_emails.run(cx, |notes| {
            caller.note(notes);
            caller.require_admin()?;
            let takes = |died, error: &str| filter.takes(died, error);
            let DeadMails { ids, next } = self.store.read()?.dead_mails(after, limit, takes)?;
            let count = self.store.write(RetryMails { ids, at: self.clock.now() })?;
            notes.add("mails", count);
            Ok(Retried { count, next })
        })
    }
}
