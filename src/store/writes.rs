//! The writes: each reads and checks, then writes.

use super::batch::{Applied, Batch, Failure, Write};
use super::records::{DeadRecord, PendingRecord, SentRecord};
use crate::clock::Timestamp;
use crate::domain::{
    EmailAddress, MailId, MessageId, NewOrder, Order, Role, User, UserId, Username,
};
use crate::error::Error;

/// Makes a user with a name and an address that nobody has.
#[derive(Debug)]
pub struct CreateUser {
    pub username: Username,
    pub email: EmailAddress,
    pub role: Role,
    pub password_hash: String,
    pub at: Timestamp,
}

impl Write for CreateUser {
    type Output = User;

    fn apply(&self, batch: &mut Batch<'_>) -> Applied<User> {
        if batch.has_username(&Username::fold(self.username.as_str()))? {
            return Err(Error::Refused("Username already registered").into());
        }
        if batch.has_email(&self.email.fold())? {
            return Err(Error::Refused("Email already registered").into());
        }
        let user = User {
            id: batch.next_user_id()?,
            username: self.username.clone(),
            email: self.email.clone(),
            role: self.role,
            created_at: self.at.whole_secs(),
            disabled: false,
            token_generation: 1,
            password_hash: self.password_hash.clone(),
        };
        batch.insert_user(&user)?;
        Ok(user)
    }
}

/// Makes the first admin; gives none when there is a user already.
#[derive(Debug)]
pub struct CreateFirstAdmin {
    pub admin: CreateUser,
    /// Whether the password is the published default, which every start then warns of.
    pub default_password: bool,
}

impl Write for CreateFirstAdmin {
    type Output = Option<User>;

    fn apply(&self, batch: &mut Batch<'_>) -> Applied<Option<User>> {
        if batch.next_user_id()? != UserId(1) {
            return Ok(None);
        }
        let user = self.admin.apply(batch)?;
        if self.default_password {
            batch.set_default_password_user(Some(user.id))?;
        }
        Ok(Some(user))
    }
}

/// Puts a new hash in the place of `old_hash`, unless that was replaced meanwhile.
#[derive(Debug)]
pub struct Rehash {
    pub user: UserId,
    pub old_hash: String,
    pub new_hash: String,
}

impl Write for Rehash {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, batch: &mut Batch<'_>) -> Applied<()> {
        let mut user = batch.require_user(self.user)?;
        if user.password_hash != self.old_hash {
            return Ok(());
        }
        user.password_hash = self.new_hash.clone();
        batch.put_user(&user)
    }
}

/// Places an order and queues its mail.
#[derive(Debug)]
pub struct PlaceOrder {
    pub user: UserId,
    pub order: NewOrder,
    pub message_id: MessageId,
    pub at: Timestamp,
}

impl Write for PlaceOrder {
    type Output = Order;

    fn apply(&self, batch: &mut Batch<'_>) -> Applied<Order> {
        let order = Order {
            id: batch.next_order_id()?,
            user: self.user,
            outcome: self.order.outcome,
            created_at: self.at.whole_secs(),
        };
        batch.insert_order(&order, &self.message_id)?;
        Ok(order)
    }
}

/// What the sender's round has come to, in one write.
#[derive(Debug)]
pub struct MarkMails {
    pub marks: Vec<MailMark>,
    pub at: Timestamp,
}

/// The end of one attempt.
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

/// What is kept of an error's text, in characters.
const MAX_ERROR_CHARS: usize = 500;

impl Write for MarkMails {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, batch: &mut Batch<'_>) -> Applied<()> {
        self.marks.iter().try_for_each(|mark| mark_mail(batch, mark, self.at))
    }
}

/// A mail that is not pending any more stays as it is: somebody else has marked it.
fn mark_mail(batch: &mut Batch<'_>, mark: &MailMark, at: Timestamp) -> Applied<()> {
    let Some(pending) = batch.pending_mail(mark.id)? else { return Ok(()) };
    let PendingRecord::V1 { message_id, due_micros, first_tried_micros, attempts, .. } = pending;
    let first_tried_micros = if attempts == 0 { at.as_micros() } else { first_tried_micros };
    let attempts = attempts.saturating_add(1);
    let shorten = |error: &str| error.chars().take(MAX_ERROR_CHARS).collect::<String>();
    batch.remove_pending(mark.id, Timestamp::from_micros(due_micros))?;
    match &mark.attempt {
        Attempt::Sent => {
            let sent = SentRecord::V1 { message_id, sent_micros: at.as_micros(), attempts };
            batch.insert_sent(mark.id, &sent)
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
            batch.put_pending(mark.id, &record)
        }
        Attempt::Died { error } => {
            let died_micros = at.as_micros();
            let last_error = shorten(error);
            let dead = DeadRecord::V1 { message_id, died_micros, attempts, last_error };
            batch.insert_dead(mark.id, &dead)
        }
    }
}

/// Takes a mail that can't be read out of the sender's way, as far as it is there at all.
#[derive(Debug)]
pub struct BuryMail {
    pub id: MailId,
    /// Where the index has it.
    pub due: Timestamp,
    pub error: String,
    pub at: Timestamp,
}

impl Write for BuryMail {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, batch: &mut Batch<'_>) -> Applied<()> {
        let (message_id, attempts) = match batch.pending_mail(self.id) {
            Ok(Some(PendingRecord::V1 { message_id, attempts, .. })) => (message_id, attempts),
            Ok(None) => return batch.remove_pending(self.id, self.due),
            Err(Failure::Refused(_)) => (String::new(), 0),
            Err(broken) => return Err(broken),
        };
        batch.remove_pending(self.id, self.due)?;
        let (died_micros, last_error) = (self.at.as_micros(), self.error.clone());
        let dead = DeadRecord::V1 { message_id, died_micros, attempts, last_error };
        batch.insert_dead(self.id, &dead)
    }
}
