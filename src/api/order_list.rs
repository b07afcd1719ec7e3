//! Lists of orders: filtered, paged, as JSON or CSV, streamed when they are long.

use std::io;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Content;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::call::Call;
use super::openapi::{AFTER, OperationDoc, Tag, response_with_headers, schemas};
use super::orders::OrderBody;
use super::query::Query;
use super::{accept, json};
use crate::domain::{MAX_ID, Order, OrderId, Outcome, UserId};
use crate::error::{Error, Result};
use crate::http::{Body, Field, Response, Stream};
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
    Ok(response.header("Vary", "Accept"))
}

pub fn describe_list() -> OperationDoc {
    let mut lists = response_with_headers("The orders", &["Link", "Vary", "Content-Disposition"]);
    let csv = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("`id,user_id,success,created_at`, as RFC 4180 has it"));
    lists.content.insert("text/csv".to_owned(), Content::new(Some(csv)).into());
    let limit = schemas::integer(1, PAGE_ROWS as u64);
    OperationDoc::new("list_orders", Tag::Orders, "List orders")
        .about(
            "The caller's own; all of them for an admin. Without `limit` the whole list, streamed. \
             Unknown and repeated parameters are 422.",
        )
        .query("limit", limit, "A page of at most so many, with `next`.")
        .query("after", schemas::id(), AFTER)
        .query("order", schemas::choice(["asc", "desc"]), "Oldest first (`asc`), or newest.")
        .query("success", schemas::lax_bool(), "Only such orders.")
        .query(
            "created_from",
            schemas::moment(),
            "From this moment or day on; UTC where it has no offset.",
        )
        .query(
            "created_to",
            schemas::moment(),
            "Up to this moment or day, included; UTC where it has no offset.",
        )
        .query("user_id", schemas::id(), "Only this user's (admins; 403 for others).")
        .query("format", schemas::choice(["json", "csv"]), "Instead of `Accept`.")
        .answers_with::<OrdersBody>(200, lists)
        .fails_with(403)
        .fails_with(422)
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
    let (created_from, created_to) = query.period("created_from", "created_to");
    let user = query.integer("user_id", 1, MAX_ID).map(UserId);
    let format = query.choice("format", "'json' or 'csv'", |text| match text {
        "json" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        _ => None,
    });
    query.check()?;
    let direction = direction.unwrap_or_default();
    let query = OrderQuery { user, outcome, created_from, created_to, direction, after };
    Ok(Wanted { query, limit, format: format.unwrap_or_else(|| accepted_format(call)) })
}

fn accepted_format(call: &Call<'_>) -> Format {
    let accept = call.header(Field::Accept).unwrap_or_default();
    match accept::prefers(accept, ("text", "csv"), ("application", "json")) {
        true => Format::Csv,
        false => Format::Json,
    }
}

/// Orders, in the order that was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = Orders)]
pub struct OrdersBody {
    orders: Vec<OrderBody>,
    /// Present only where a `limit` was given; null on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::next_where_paged, required = false)]
    next: Option<Option<u64>>,
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
    let response = match format {
        Format::Json => {
            let orders = orders.iter().map(OrderBody::from).collect();
            json::response(200, &OrdersBody { orders, next: Some(next.map(|id| id.0)) })
        }
        Format::Csv => whole(&orders, format)?,
    };
    Ok(match next {
        Some(next) => response.header("Link", next_link(call.query, next)),
        None => response,
    })
}

/// The same query past `next`, encoded anew and so safe in a header; relative, so that it stays
/// behind the prefix that a proxy may have taken off the path.
fn next_link(query: &str, next: OrderId) -> String {
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "after");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(kept)
        .append_pair("after", &next.to_string())
        .finish();
    format!("<?{query}>; rel=\"next\"")
}

/// A list that fits one read is sent whole, a longer one piece by piece.
fn whole_list(mut pages: OrderPages, format: Format) -> Result<Response> {
    let first = pages.next_page(PAGE_ROWS)?;
    if first.len() < PAGE_ROWS {
        return whole(&first, format);
    }
    let (mut writer, mut begun) = (ListWriter::new(format), Vec::new());
    writer.open(&mut begun);
    writer.append(&first, &mut begun)?;
    let stream = ListStream { begun, pages, writer };
    Ok(Response { body: Body::Stream(Box::new(stream)), ..list_response(format) })
}

/// A list in that format, still without its body.
fn list_response(format: Format) -> Response {
    match format {
        Format::Json => Response::new(200).header("Content-Type", "application/json"),
        Format::Csv => Response::new(200)
            .header("Content-Type", "text/csv; charset=utf-8; header=present")
            .header("Content-Disposition", "attachment; filename=\"orders.csv\""),
    }
}

/// A list that is all there.
fn whole(orders: &[Order], format: Format) -> Result<Response> {
    let (mut writer, mut bytes) = (ListWriter::new(format), Vec::new());
    writer.open(&mut bytes);
    writer.append(orders, &mut bytes)?;
    writer.close(&mut bytes);
    Ok(list_response(format).bytes(bytes))
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
            self.writer.close(buffer);
        }
        Ok(more)
    }

    fn kept_bytes(&self) -> usize {
        self.begun.capacity()
    }
}

/// Writes an [`OrdersBody`] without `next` in pieces, or CSV as RFC 4180 has it. A CSV cell is
/// a number, a word of ours or a date: there is none that a client could make a formula of.
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

    fn close(&self, bytes: &mut Vec<u8>) {
        match self.format {
            Format::Json => bytes.extend_from_slice(b"]}"),
            Format::Csv => {}
        }
    }
}
