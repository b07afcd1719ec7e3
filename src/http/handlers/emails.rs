//! The outbox, for admins.

use crate::domain::MailId;
use crate::error::Result;
use crate::http::bodies::{EmailBody, EmailsBody, response};
use crate::http::call::Call;
use crate::http::query::{MAX_ID, Query};
use crate::http::response::Response;
use crate::store::{MailStatus, PAGE_ROWS};

const DEFAULT_LIMIT: u64 = 100;

pub fn list(call: &Call<'_>) -> Result<Response> {
    let mut query = Query::of(call.query, &["state", "limit", "after"]);
    let shelf = query.choice("state", "'pending', 'sent' or 'dead'", |text| match text {
        "pending" => Some(MailStatus::Pending),
        "sent" => Some(MailStatus::Sent),
        "dead" => Some(MailStatus::Dead),
        _ => None,
    });
    let limit = query.integer("limit", 1, PAGE_ROWS as u64).unwrap_or(DEFAULT_LIMIT) as usize;
    let after = query.integer("after", 1, MAX_ID).unwrap_or(0);
    query.check()?;
    let shelf = shelf.unwrap_or(MailStatus::Pending);
    let found = call.service().mails(call.cx, &call.caller, shelf, MailId(after), limit + 1)?;
    let more = found.len() > limit;
    let page = &found[..found.len().min(limit)];
    let body = EmailsBody {
        emails: page.iter().map(EmailBody::from).collect(),
        next: page.last().filter(|_| more).map(|mail| mail.id.0),
    };
    Ok(response(200, &body))
}

pub fn retry(call: &Call<'_>) -> Result<Response> {
    let id = MailId(call.path_id("email_id")?);
    let mail = call.service().retry_mail(call.cx, &call.caller, id)?;
    Ok(response(200, &EmailBody::from(&mail)))
}
