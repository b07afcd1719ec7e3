//! The outbox, for admins.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::call::Call;
use super::json;
use super::openapi::{OperationDoc, Tag, response_with_headers, schemas};
use super::query::{Query, next_link};
use crate::domain::{EmailAddress, MAX_ID, Mail, MailId, MailKind, MailState, OrderId};
use crate::error::{Problem, Result};
use crate::http::Response;
use crate::service::RetryFilter;
use crate::store::{MailFilter, MailStatus, PAGE_ROWS};

const DEFAULT_LIMIT: u64 = 100;
/// As little and as much of an error as can be looked for: the shortest is a code, `554`.
const MIN_ERROR_CHARS: usize = 3;
const MAX_ERROR_CHARS: usize = 200;
const LIST_PARAMETERS: [&str; 6] = ["state", "kind", "order_id", "order", "limit", "after"];
/// [`MailKind::NAMES`], as an error tells them.
const KINDS: &str = "'order_success', 'order_failed', 'order_placed', 'order_ready', \
                     'order_canceled' or 'notify'";
const RETRY_PARAMETERS: [&str; 5] = ["error", "died_from", "died_to", "limit", "after"];

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
    #[schema(schema_with = schemas::mail_kind)]
    pub kind: &'static str,
    /// Null where its order has lost the customer's address since.
    #[schema(required)]
    pub to: Option<&'a str>,
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
            kind: mail.kind_name(),
            to: mail.to.as_ref().map(EmailAddress::as_str),
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

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Emails)]
pub struct EmailsBody<'a> {
    pub emails: Vec<EmailBody<'a>>,
    #[schema(schema_with = schemas::next, required)]
    /// What to give as `after` for the next page; null on the last.
    pub next: Option<u64>,
}

/// An email with what it says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailWithText)]
pub struct EmailTextBody<'a> {
    #[serde(flatten)]
    pub email: EmailBody<'a>,
    /// Null where the templates can't say it; then `last_error` says why.
    #[schema(required)]
    pub subject: Option<String>,
    /// Its part in plain text. Null with `subject`.
    #[schema(required)]
    pub text: Option<String>,
}

pub fn list(call: &Call<'_>) -> Result<Response> {
    let mut query = Query::of(call.query, &LIST_PARAMETERS);
    let status = query.choice("state", "'pending', 'sent', 'dead' or 'all'", |text| match text {
        "pending" => Some(Some(MailStatus::Pending)),
        "sent" => Some(Some(MailStatus::Sent)),
        "dead" => Some(Some(MailStatus::Dead)),
        "all" => Some(None),
        _ => None,
    });
    let kind = query
        .choice("kind", KINDS, |text| MailKind::NAMES.into_iter().find(|known| *known == text));
    let order = query.integer("order_id", 1, MAX_ID).map(OrderId);
    let direction = query.direction();
    let limit = query.integer("limit", 1, PAGE_ROWS as u64).unwrap_or(DEFAULT_LIMIT) as usize;
    let after = query.integer("after", 1, MAX_ID).map(MailId);
    query.check()?;
    let status = status.unwrap_or(Some(MailStatus::Pending));
    let filter = MailFilter { status, order, kind };
    let page = call.service().mails(call.cx, &call.caller, &filter, direction, after, limit)?;
    let emails = page.mails.iter().map(EmailBody::from).collect();
    let next = page.next.map(|id| id.0);
    let response = json::response(200, &EmailsBody { emails, next });
    Ok(match next {
        Some(next) => response.header("Link", next_link(call.query, next)),
        None => response,
    })
}

pub fn describe_list() -> OperationDoc {
    OperationDoc::new("list_emails", Tag::Emails, "List emails (admins)")
        .about(
            "A page may be short, or empty, where few emails match; only a `next` of null is the \
             end. Unknown and repeated parameters are 422.",
        )
        .paged(DEFAULT_LIMIT)
        .query("order", schemas::choice(["asc", "desc"]), "Oldest first (`asc`), or newest.")
        .query("state", schemas::mail_states(), "Those in this state; `pending` if absent.")
        .query("kind", schemas::mail_kind(), "Those of this kind.")
        .query("order_id", schemas::id(), "Those of this order.")
        .answers_with::<EmailsBody>(200, response_with_headers("A page of emails", &["Link"]))
        .fails_with(422)
}

pub fn get(call: &Call<'_>) -> Result<Response> {
    let id = MailId(call.path_id("email_id")?);
    let mail = call.service().mail(call.cx, &call.caller, id)?;
    let texts = call.backend.templates.render(&mail);
    let texts = texts.inspect_err(|why| log::warn!("mail={id}: {why}")).ok();
    let (subject, text) = texts.map(|texts| (texts.subject, texts.text)).unzip();
    Ok(json::response(200, &EmailTextBody { email: EmailBody::from(&mail), subject, text }))
}

pub fn describe_get() -> OperationDoc {
    OperationDoc::new("get_email", Tag::Emails, "Get an email (admins)")
        .about("With its subject and text as they would be now: of the order as it is.")
        .answers::<EmailTextBody>("The email")
}

pub fn retry(call: &Call<'_>) -> Result<Response> {
    let id = MailId(call.path_id("email_id")?);
    let mail = call.service().retry_mail(call.cx, &call.caller, id)?;
    Ok(json::response(200, &EmailBody::from(&mail)))
}

pub fn describe_retry() -> OperationDoc {
    OperationDoc::new("retry_email", Tag::Emails, "Send a dead email again (admins)")
        .answers::<EmailBody>("The email")
        .fails_with(409)
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Retried)]
pub struct RetriedBody {
    /// How many emails are due again.
    pub retried: usize,
    #[schema(schema_with = schemas::next, required)]
    /// What to give as `after` to go on; null where all were looked at.
    pub next: Option<u64>,
}

pub fn retry_many(call: &Call<'_>) -> Result<Response> {
    let mut query = Query::of(call.query, &RETRY_PARAMETERS);
    let error = query.parsed("error", |text| match text.chars().count() {
        MIN_ERROR_CHARS..=MAX_ERROR_CHARS => Ok(text.to_owned()),
        0..MIN_ERROR_CHARS => Err(Problem::TooShort { min: MIN_ERROR_CHARS }),
        _ => Err(Problem::TooLong { max: MAX_ERROR_CHARS }),
    });
    let (died_from, died_to) = query.period("died_from", "died_to");
    let limit = query.integer("limit", 1, PAGE_ROWS as u64).map_or(PAGE_ROWS, |it| it as usize);
    let after = MailId(query.integer("after", 1, MAX_ID).unwrap_or(0));
    query.check()?;
    let filter = RetryFilter { error, died_from, died_to };
    let retried = call.service().retry_mails(call.cx, &call.caller, &filter, after, limit)?;
    let next = retried.next.map(|id| id.0);
    Ok(json::response(200, &RetriedBody { retried: retried.count, next }))
}

pub fn describe_retry_many() -> OperationDoc {
    let error = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(MIN_ERROR_CHARS))
        .max_length(Some(MAX_ERROR_CHARS));
    OperationDoc::new("retry_emails", Tag::Emails, "Send dead emails again (admins)")
        .about(
            "Those that meet all conditions; all dead ones without any. One call makes at most \
             `limit` due and looks at no more than 10,000: where `next` isn't null, give it as \
             `after` and go on. Unknown and repeated parameters are 422.",
        )
        .query("error", error, "What `last_error` has in it, in any case.")
        .query("died_from", schemas::moment(), "Died from this second or day on, UTC.")
        .query("died_to", schemas::moment(), "Died up to this second or day, included, UTC.")
        .query("limit", schemas::integer(1, PAGE_ROWS as u64), "At most so many; 1000 if absent.")
        .query("after", schemas::id(), "Only those with greater ids: `next` of the call before.")
        .answers::<RetriedBody>("How many are due again")
        .fails_with(422)
}
