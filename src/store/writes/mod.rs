//! The writes: each reads and checks, then writes.

mod accounts;
mod mails;
mod orders;
mod pruning;
#[cfg(test)]
mod tests;
mod trial;

pub use accounts::{
    CreateFirstAdmin, CreateUser, EndTokens, Rehash, RememberNetwork, SetDisabled, SetPassword,
};
pub use mails::{Attempt, MailMark, MarkMails, QuarantineMail, RetryMail, RetryMails};
pub use orders::{ForgetKeys, Idempotency, PlaceOrder, Placed};
pub use pruning::PruneSent;
pub use trial::Trial;
