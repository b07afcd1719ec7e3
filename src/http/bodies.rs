//! What answers look like: the wire's types, apart from the domain's.

use std::collections::BTreeMap;

use serde::Serialize;

use super::reply::Reply;
use crate::domain::{Mail, MailState, Order, User};

#[derive(Debug, Serialize)]
pub struct UserBody<'a> {
    pub id: u64,
    pub username: &'a str,
    pub email: &'a str,
    pub role: &'static str,
    pub created_at: String,
}

#[derive(Debug, Serialize)]
pub struct LoginBody<'a> {
    pub access_token: &'a str,
    pub token_type: &'static str,
    pub user_info: UserBody<'a>,
}

#[derive(Debug, Serialize)]
pub struct OrderBody {
    pub id: u64,
    pub user_id: u64,
    pub success: bool,
    pub created_at: String,
}

/// A user as admins see one.
#[derive(Debug, Serialize)]
pub struct AccountBody<'a> {
    #[serde(flatten)]
    pub user: UserBody<'a>,
    pub disabled: bool,
}

#[derive(Debug, Serialize)]
pub struct AccountsBody<'a> {
    pub users: Vec<AccountBody<'a>>,
    /// What to give as `after` for the next page; null on the last.
    pub next: Option<u64>,
}

/// A mail of the outbox.
#[derive(Debug, Serialize)]
pub struct EmailBody<'a> {
    pub id: u64,
    pub order_id: u64,
    pub user_id: u64,
    pub to: &'a str,
    pub message_id: &'a str,
    pub state: &'static str,
    pub attempts: u32,
    pub last_error: Option<&'a str>,
    /// When it is tried next; null when it is not pending.
    pub next_attempt_at: Option<String>,
    pub sent_at: Option<String>,
    pub died_at: Option<String>,
}

#[derive(Debug, Serialize)]
pub struct EmailsBody<'a> {
    pub emails: Vec<EmailBody<'a>>,
    /// What to give as `after` for the next page; null on the last.
    pub next: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct HealthBody<'a> {
    pub status: &'static str,
    pub timestamp: f64,
    pub version: &'static str,
    pub environment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

impl<'a> From<&'a User> for UserBody<'a> {
    fn from(user: &'a User) -> UserBody<'a> {
        UserBody {
            id: user.id.0,
            username: user.username.as_str(),
            email: user.email.as_str(),
            role: user.role.as_str(),
            created_at: user.created_at.to_string(),
        }
    }
}

impl<'a> From<&'a User> for AccountBody<'a> {
    fn from(user: &'a User) -> AccountBody<'a> {
        AccountBody { user: UserBody::from(user), disabled: user.disabled }
    }
}

impl<'a> From<&'a Mail> for EmailBody<'a> {
    fn from(mail: &'a Mail) -> EmailBody<'a> {
        let (mut next_attempt_at, mut sent_at, mut died_at) = (None, None, None);
        match mail.state {
            MailState::Pending { due } => next_attempt_at = Some(due.to_string()),
            MailState::Sent { at } => sent_at = Some(at.to_string()),
            MailState::Dead { at } => died_at = Some(at.to_string()),
        }
        EmailBody {
            id: mail.id.0,
            order_id: mail.order.id.0,
            user_id: mail.order.user.0,
            to: mail.to.as_str(),
            message_id: &mail.message_id.0,
            state: mail.state.as_str(),
            attempts: mail.attempts,
            last_error: mail.last_error.as_deref(),
            next_attempt_at,
            sent_at,
            died_at,
        }
    }
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> OrderBody {
        OrderBody {
            id: order.id.0,
            user_id: order.user.0,
            success: order.outcome.is_success(),
            created_at: order.created_at.to_string(),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct ReadinessBody<'a> {
    pub status: &'static str,
    pub checks: BTreeMap<&'static str, CheckBody<'a>>,
    /// Mails that wait to be sent.
    pub mail_backlog: u64,
}

#[derive(Debug, Serialize)]
pub struct CheckBody<'a> {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a str>,
}

/// An answer with that body.
pub fn reply(status: u16, body: &impl Serialize) -> Reply {
    match serde_json::to_vec(body) {
        Ok(bytes) => Reply::json(status, bytes),
        Err(why) => {
            log::error!("an answer could not be written: {why}");
            Reply::detail(500, "Internal Server Error")
        }
    }
}
