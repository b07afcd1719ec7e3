//! Lists of orders: filtered, paged, as JSON or CSV, streamed when they are long.

use std::io;

use super::accept;
use crate::clock::Timestamp;
use crate::domain::{Order, OrderId, Outcome, UserId};
use crate::error::{Error, Problem, Result};
use crate::http::bodies::OrderBody;
use crate::http::call::Call;
use crate::http::query::{MAX_ID, Query};
use crate::http::response::{Body, Response, Stream};
use crate::service::{OrderPages, OrderQuery};
use crate::store::{Direction, PAGE_ROWS};

const PARAMETERS: [&str; 8] =
    ["limit", "after", "order", "success", "created_from", "created_to", "user_id", "format"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
}

/// What is asked for, and how it is wanted.
struct Wanted {
    query: OrderQuery,
    limit: Option<usize>,
    format: Format,
}

pub fn list(call: &Call<'_>) -> Result<Response> {
    let wanted = read_query(call)?;
    let mut pages = call.service().orders(call.cx, &call.caller, &wanted.query)?;
    let response = match wanted.limit {
        Some(limit) => one_page(call, &mut pages, limit, wanted.format)?,
        None => whole_list(pages, wanted.format)?,
    };
    let response = response.header("Vary", "Accept");
    Ok(match wanted.format {
        Format::Json => response.header("Content-Type", "application/json"),
        Format::Csv => response
            .header("Content-Type", "text/csv; charset=utf-8; header=present")
            .header("Content-Disposition", "attachment; filename=\"orders.csv\""),
    })
}

fn read_query(call: &Call<'_>) -> Result<Wanted> {
    let mut query = Query::of(call.query, &PARAMETERS);
    // The role counts before the values (403, then 422).
    if query.text("user_id").is_some() {
        call.caller.require_admin()?;
    }
    let limit = query.integer("limit", 1, PAGE_ROWS as u64).map(|limit| limit as usize);
    let after = query.integer("after", 1, MAX_ID).map(OrderId);
    let direction = query.choice("order", "'asc' or 'desc'", |text| match text {
        "asc" => Some(Direction::Ascending),
        "desc" => Some(Direction::Descending),
        _ => None,
    });
    let outcome = query.boolean("success").map(Outcome::from_success);
    let created_from = query.parsed("created_from", |text| moment(text, DayPart::Start));
    let created_to = query.parsed("created_to", |text| moment(text, DayPart::End));
    let user = query.integer("user_id", 1, MAX_ID).map(UserId);
    let format = query.choice("format", "'json' or 'csv'", |text| match text {
        "json" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        _ => None,
    });
    if let (Some(from), Some(to)) = (created_from, created_to)
        && from > to
    {
        let reason = "It lies before created_from".to_owned();
        let value = query.text("created_to").unwrap_or_default().to_owned();
        query.fault("created_to", Problem::Value { reason }, &value);
    }
    query.check()?;
    let direction = direction.unwrap_or_default();
    let query = OrderQuery { user, outcome, created_from, created_to, direction, after };
    Ok(Wanted { query, limit, format: format.unwrap_or_else(|| accepted_format(call)) })
}

fn accepted_format(call: &Call<'_>) -> Format {
    let accept = call.header("Accept").unwrap_or_default();
    match accept::prefers(accept, ("text", "csv"), ("application", "json")) {
        true => Format::Csv,
        false => Format::Json,
    }
}

/// Which second of a day a date without a time means.
enum DayPart {
    Start,
    End,
}

fn moment(text: &str, part: DayPart) -> std::result::Result<Timestamp, Problem> {
    let reason = "Input should be like 2026-11-22 or 2026-11-22T10:00:00, in UTC";
    let at = Timestamp::parse(text).ok_or_else(|| Problem::Value { reason: reason.to_owned() })?;
    const DAY_SECS: u64 = 86_400;
    Ok(match part {
        DayPart::End if !text.contains('T') => Timestamp::from_secs(at.as_secs() + DAY_SECS - 1),
        _ => at,
    })
}

/// A page, and where the next one is, if there is one.
fn one_page(
    call: &Call<'_>,
    pages: &mut OrderPages,
    limit: usize,
    format: Format,
) -> Result<Response> {
    let mut orders = pages.next_page(limit + 1)?;
    let more = orders.len() > limit;
    orders.truncate(limit);
    let next = orders.last().filter(|_| more).map(|order| order.id);
    let mut writer = ListWriter::new(format);
    let mut bytes = Vec::new();
    writer.open(&mut bytes);
    writer.append(&orders, &mut bytes)?;
    writer.close(&mut bytes, Some(next));
    let response = Response::new(200).bytes(bytes);
    Ok(match next {
        Some(next) => response.header("Link", next_link(call.query, next)),
        None => response,
    })
}

/// The same query past `next`, encoded anew and so safe in a header.
fn next_link(query: &str, next: OrderId) -> String {
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "after");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("after", &next.to_string())
        .finish();
    format!("</orders/?{query}>; rel=\"next\"")
}

/// A list that fits one read is sent whole, a longer one piece by piece.
fn whole_list(mut pages: OrderPages, format: Format) -> Result<Response> {
    let mut writer = ListWriter::new(format);
    let mut bytes = Vec::new();
    let first = pages.next_page(PAGE_ROWS)?;
    writer.open(&mut bytes);
    writer.append(&first, &mut bytes)?;
    if first.len() < PAGE_ROWS {
        writer.close(&mut bytes, None);
        return Ok(Response::new(200).bytes(bytes));
    }
    let stream = ListStream { begun: bytes, pages, writer };
    Ok(Response { body: Body::Stream(Box::new(stream)), ..Response::new(200) })
}

struct ListStream {
    /// What was written before there was a stream.
    begun: Vec<u8>,
    pages: OrderPages,
    writer: ListWriter,
}

impl Stream for ListStream {
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let failed = |why: Error| io::Error::other(why.to_string());
        if !self.begun.is_empty() {
            buffer.append(&mut std::mem::take(&mut self.begun));
            return Ok(true);
        }
        let page = self.pages.next_page(PAGE_ROWS).map_err(failed)?;
        self.writer.append(&page, buffer).map_err(failed)?;
        let more = page.len() == PAGE_ROWS;
        if !more {
            self.writer.close(buffer, None);
        }
        Ok(more)
    }

    fn kept_bytes(&self) -> usize {
        self.begun.capacity()
    }
}

/// Writes `{"orders":[…]}`, or CSV as RFC 4180 has it. A CSV cell is a number, a word of
/// ours or a date: there is none that a client could make a formula of.
struct ListWriter {
    format: Format,
    any: bool,
}

impl ListWriter {
    fn new(format: Format) -> ListWriter {
        ListWriter { format, any: false }
    }

    fn open(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(match self.format {
            Format::Json => b"{\"orders\":[",
            Format::Csv => b"id,user_id,success,created_at\r\n",
        });
    }

    fn append(&mut self, orders: &[Order], bytes: &mut Vec<u8>) -> Result<()> {
        for order in orders {
            let body = OrderBody::from(order);
            match self.format {
                Format::Json => {
                    if std::mem::replace(&mut self.any, true) {
                        bytes.push(b',');
                    }
                    serde_json::to_writer(&mut *bytes, &body).map_err(Error::internal)?;
                }
                Format::Csv => {
                    let OrderBody { id, user_id, success, created_at } = body;
                    let line = format!("{id},{user_id},{success},{created_at}\r\n");
                    bytes.extend_from_slice(line.as_bytes());
                }
            }
        }
        Ok(())
    }

    /// `next` is there for a page, and none inside it when the page is the last.
    fn close(&self, bytes: &mut Vec<u8>, next: Option<Option<OrderId>>) {
        if self.format == Format::Csv {
            return;
        }
        let end = match next {
            None => "]}".to_owned(),
            Some(None) => "],\"next\":null}".to_owned(),
            Some(Some(next)) => format!("],\"next\":{next}}}"),
        };
        bytes.extend_from_slice(end.as_bytes());
    }
}
