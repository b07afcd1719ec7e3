//! Lists of orders: filtered, paged, as JSON or CSV, streamed when they are long.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Content;
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::accept;
use super::call::Call;
use super::inputs::text::reference;
use super::json;
use super::openapi::{AFTER, OperationDoc, Tag, order_schemas, response_with_headers, schemas};
use super::order_body::OrderBody;
use super::order_stream::{Columns, Format, ListStream, list_response, whole};
use super::query::{Query, next_link};
use crate::domain::order::Status;
use crate::domain::order::words::Search;
use crate::domain::{MAX_ID, Order, OrderId, UserId};
use crate::error::{Error, Problem, Result};
use crate::http::{Body, Field, Response};
use crate::service::{OrderPage, OrderPages, OrderQuery};
use crate::store::{Direction, OrderFilter, PAGE_ROWS};

const PARAMETERS: [&str; 12] = [
    "limit",
    "after",
    "order",
    "success",
    "created_from",
    "created_to",
    "user_id",
    "status",
    "reference_id",
    "q",
    "format",
    "columns",
];

/// Longest `q`, in characters.
const MAX_SEARCH_CHARS: usize = 64;

/// A page ends early where its orders print to more, about. An order with content may be large.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// What a simple order prints to, about.
const SIMPLE_ORDER_BYTES: usize = 100;

/// What is asked for, and how it is wanted.
struct Wanted {
    query: OrderQuery,
    limit: Option<usize>,
    format: Format,
}

pub fn list(call: &Call<'_>) -> Result<Response> {
    let wanted = read_query(call)?;
    let pages = call.service().orders(call.cx, &call.caller, wanted.query)?;
    let response = match wanted.limit {
        Some(limit) => one_page(call, pages, limit, wanted.format)?,
        None => whole_list(pages, wanted.format)?,
    };
    Ok(response.header("Vary", "Accept"))
}

pub fn describe_list() -> OperationDoc {
    let mut lists = response_with_headers("The orders", &["Link", "Vary", "Content-Disposition"]);
    let csv = ObjectBuilder::new().schema_type(Type::String).description(Some(
        "`id,user_id,success,created_at`, or the `columns` that are asked for, as RFC 4180 has it",
    ));
    lists.content.insert("text/csv".to_owned(), Content::new(Some(csv)).into());
    let limit = schemas::integer(1, PAGE_ROWS as u64);
    OperationDoc::new("list_orders", Tag::Orders, "List orders")
        .about(
            "The caller's own; all of them for an admin. Without `limit` the whole list, streamed. \
             With it, one call looks at no more than 10,000 orders and gives about 1 MB: a page may \
             be short or empty, and only a missing `next` means the end. Unknown and repeated \
             parameters are 422.",
        )
        .query("limit", limit, "A page of at most so many, with `next`.")
        .query("after", schemas::id(), AFTER)
        .query("order", schemas::choice(["asc", "desc"]), "Oldest first (`asc`), or newest.")
        .query("success", schemas::lax_bool(), "Only such orders, by their present status.")
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
        .query("status", order_schemas::status_list(), "Only these, separated by commas.")
        .query("reference_id", order_schemas::reference(), "Only the order with this reference.")
        .query(
            "q",
            order_schemas::search(MAX_SEARCH_CHARS),
            "Every word of it begins a word of the customer's name, email or phone, or of the \
             reference, or is the order's id.",
        )
        .query("format", schemas::choice(["json", "csv"]), "Instead of `Accept`.")
        .query("columns", schemas::choice(["full"]), "More columns, in CSV.")
        .answers_with::<OrdersBody<'_>>(200, lists)
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
    let success = query.boolean("success");
    let (created_from, created_to) = query.period("created_from", "created_to");
    let user = query.integer("user_id", 1, MAX_ID).map(UserId);
    let statuses = query.parsed("status", statuses);
    let reference = query.parsed("reference_id", reference);
    let search = query.parsed("q", search);
    let format = query.choice("format", "'json' or 'csv'", |text| match text {
        "json" => Some(false),
        "csv" => Some(true),
        _ => None,
    });
    let columns = query.choice("columns", "'full'", |text| match text {
        "full" => Some(Columns::Full),
        _ => None,
    });
    query.check()?;
    let direction = direction.unwrap_or_default();
    let filter =
        OrderFilter { user, success, created_from, created_to, statuses, reference, search };
    let query = OrderQuery { filter, direction, after };
    let format = match format.unwrap_or_else(|| prefers_csv(call)) {
        true => Format::Csv(columns.unwrap_or(Columns::Simple)),
        false => Format::Json,
    };
    Ok(Wanted { query, limit, format })
}

fn statuses(text: &str) -> std::result::Result<Vec<Status>, Problem> {
    let expected =
        "'pending', 'processing', 'ready', 'completed', 'canceled' or 'failed', or a list of them";
    let mut statuses = Vec::new();
    for word in text.split(',') {
        let status = Status::parse(word).ok_or(Problem::NotOneOf { expected })?;
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    Ok(statuses)
}

fn search(text: &str) -> std::result::Result<Search, Problem> {
    match text.trim().chars().count() {
        0 => return Err(Problem::TooShort { min: 1 }),
        1..=MAX_SEARCH_CHARS => {}
        _ => return Err(Problem::TooLong { max: MAX_SEARCH_CHARS }),
    }
    let reason = "Input should have a letter or a digit";
    Search::parse(text).ok_or_else(|| Problem::Value { reason: reason.to_owned() })
}

fn prefers_csv(call: &Call<'_>) -> bool {
    let accept = call.header(Field::Accept).unwrap_or_default();
    accept::prefers(accept, ("text", "csv"), ("application", "json"))
}

/// Orders, in the order that was asked for.
#[derive(Serialize, ToSchema)]
#[schema(as = Orders)]
pub struct OrdersBody<'a> {
    orders: Vec<OrderBody<'a>>,
    /// Present only where a `limit` was given; null on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::next_where_paged, required = false)]
    next: Option<Option<u64>>,
}

/// A page, and where the next one is, if there is one.
fn one_page(call: &Call<'_>, pages: OrderPages, limit: usize, format: Format) -> Result<Response> {
    let mut bytes = 0;
    let OrderPage { orders, next } = pages.page(limit, |order| {
        bytes += printed_bytes(order)?;
        Ok(bytes <= MAX_PAGE_BYTES)
    })?;
    let response = match format {
        Format::Json => {
            let orders = orders.iter().map(OrderBody::from).collect();
            json::response(200, &OrdersBody { orders, next: Some(next.map(|id| id.0)) })
        }
        Format::Csv(_) => whole(&orders, format)?,
    };
    Ok(match next {
        Some(next) => response.header("Link", next_link(call.query, next.0)),
        None => response,
    })
}

fn printed_bytes(order: &Order) -> Result<usize> {
    match order.content() {
        None => Ok(SIMPLE_ORDER_BYTES),
        Some(_) => {
            serde_json::to_vec(&OrderBody::from(order)).map(|it| it.len()).map_err(Error::internal)
        }
    }
}

/// A list that fits one read is sent whole, a longer one piece by piece.
fn whole_list(mut pages: OrderPages, format: Format) -> Result<Response> {
    let first = pages.next_piece(PAGE_ROWS)?;
    if pages.is_over() {
        return whole(&first, format);
    }
    let stream = ListStream::begin(&first, pages, format)?;
    Ok(Response { body: Body::Stream(Box::new(stream)), ..list_response(format) })
}
