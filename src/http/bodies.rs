//! What answers look like: the encoder's types, apart from the domain's.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::schemas;
use super::response::Response;
use crate::domain::{Mail, MailState, Order, User};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody<'a> {
    #[schema(schema_with = schemas::id)]
    pub id: u64,
    pub username: &'a str,
    pub email: &'a str,
    #[schema(schema_with = schemas::role)]
    pub role: &'static str,
    #[schema(schema_with = schemas::time)]
    pub created_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoggedIn)]
pub struct LoginBody<'a> {
    pub access_token: &'a str,
    #[schema(schema_with = schemas::bearer)]
    pub token_type: &'static str,
    pub user_info: UserBody<'a>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderBody {
    #[schema(schema_with = schemas::id)]
    pub id: u64,
    #[schema(schema_with = schemas::id)]
    pub user_id: u64,
    pub success: bool,
    #[schema(schema_with = schemas::time)]
    pub created_at: String,
}

/// A user as admins see one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub struct AccountBody<'a> {
    #[serde(flatten)]
    pub user: UserBody<'a>,
    pub disabled: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Accounts)]
pub struct AccountsBody<'a> {
    pub users: Vec<AccountBody<'a>>,
    #[schema(schema_with = schemas::next, required)]
    /// What to give as `after` for the next page; null on the last.
    pub next: Option<u64>,
}

/// A mail of the outbox.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Email)]
pub struct EmailBody<'a> {
    #[schema(schema_with = schemas::id)]
    pub id: u64,
    #[schema(schema_with = schemas::id)]
    pub order_id: u64,
    #[schema(schema_with = schemas::id)]
    pub user_id: u64,
    pub to: &'a str,
    pub message_id: &'a str,
    #[schema(schema_with = schemas::mail_state)]
    pub state: &'static str,
    pub attempts: u32,
    #[schema(required)]
    pub last_error: Option<&'a str>,
    /// When it is tried next; null when it is not pending.
    #[schema(schema_with = schemas::time_or_null, required)]
    pub next_attempt_at: Option<String>,
    #[schema(schema_with = schemas::time_or_null, required)]
    pub sent_at: Option<String>,
    #[schema(schema_with = schemas::time_or_null, required)]
    pub died_at: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Emails)]
pub struct EmailsBody<'a> {
    pub emails: Vec<EmailBody<'a>>,
    #[schema(schema_with = schemas::next, required)]
    /// What to give as `after` for the next page; null on the last.
    pub next: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub struct HealthBody<'a> {
    #[schema(schema_with = schemas::health_status)]
    pub status: &'static str,
    /// Seconds since 1970.
    pub timestamp: f64,
    pub version: &'static str,
    pub environment: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<&'a str>,
}

/// Orders, in the order that was asked for.
#[derive(ToSchema)]
#[schema(as = Orders)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct OrdersBody {
    orders: Vec<OrderBody>,
    #[schema(schema_with = schemas::next_where_paged, required = false)]
    next: Option<u64>,
}

#[derive(ToSchema)]
#[schema(as = Liveness)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct LivenessBody {
    #[schema(schema_with = schemas::alive)]
    status: String,
}

#[derive(ToSchema)]
#[schema(as = Welcome)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct WelcomeBody {
    message: String,
    /// Where the documentation is.
    docs: String,
}

#[derive(ToSchema)]
#[schema(as = Error)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct ErrorBody {
    detail: String,
}

#[derive(ToSchema)]
#[schema(as = RateLimited)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct RateLimitedBody {
    error: String,
    detail: String,
}

#[derive(ToSchema)]
#[schema(as = Invalid)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct InvalidBody {
    detail: Vec<FaultBody>,
}

/// What is wrong with one field or parameter.
#[derive(ToSchema)]
#[schema(as = Fault)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct FaultBody {
    /// A word for programs, like `missing`.
    #[schema(rename = "type")]
    kind: String,
    #[schema(schema_with = schemas::location)]
    loc: Vec<String>,
    msg: String,
    /// What was given; passwords are masked.
    #[schema(schema_with = schemas::anything)]
    input: serde_json::Value,
    /// The bounds that were broken, or more about why.
    #[schema(schema_with = schemas::object, required = false)]
    ctx: Option<serde_json::Value>,
}

/// Problem details (RFC 9457).
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct ProblemBody {
    #[schema(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    /// The request's id.
    #[schema(nullable = false)]
    instance: Option<String>,
    #[schema(nullable = false)]
    errors: Option<Vec<FaultBody>>,
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

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness)]
pub struct ReadinessBody<'a> {
    #[schema(schema_with = schemas::readiness)]
    pub status: &'static str,
    pub checks: BTreeMap<&'static str, CheckBody<'a>>,
    /// Mails that wait to be sent.
    pub mail_backlog: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
pub struct CheckBody<'a> {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<&'a str>,
}

/// An answer with that body.
pub fn response(status: u16, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => Response::json(status, bytes),
        Err(why) => {
            log::error!("an answer could not be written: {why}");
            Response::detail(500, "Internal Server Error")
        }
    }
}
