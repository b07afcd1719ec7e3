use std::io;

use crate::domain::{NewOrder, Order, Outcome};
use crate::error::{Error, Result};
use crate::http::bodies::{OrderBody, reply};
use crate::http::call::Call;
use crate::http::reply::{Body, Reply, Stream};
use crate::service::OrderPages;

pub fn create(call: &Call<'_>) -> Result<Reply> {
    let mut fields = call.fields()?;
    let success = fields.lax_bool("success");
    fields.check()?;
    let Some(success) = success else {
        return Err(Error::Internal("a field is absent without a fault".into()));
    };
    let new = NewOrder { outcome: Outcome::from_success(success) };
    let order = call.service().place(call.cx, &call.caller, new)?;
    Ok(reply(200, &OrderBody::from(&order)))
}

/// A list that fits one page is sent whole, a longer one page by page.
pub fn list(call: &Call<'_>) -> Result<Reply> {
    let mut pages = call.service().orders(call.cx, &call.caller)?;
    let first = pages.next_page()?;
    let mut list = OrderList { pages, next: first, begun: false };
    let mut bytes = Vec::new();
    let more = list.append(&mut bytes)?;
    let answer = Reply::json(200, bytes);
    Ok(match (more, answer.body) {
        (true, Body::Bytes(begun)) => {
            let body = Body::Stream(Box::new(Begun { bytes: begun.into_owned(), rest: list }));
            Reply { body, ..answer }
        }
        (_, body) => Reply { body, ..answer },
    })
}

/// `{"orders":[…]}`, written a page at a time.
struct OrderList {
    pages: OrderPages,
    next: Vec<Order>,
    begun: bool,
}

impl OrderList {
    /// Appends the next page; false when it was the last.
    fn append(&mut self, bytes: &mut Vec<u8>) -> Result<bool> {
        if !self.begun {
            bytes.extend_from_slice(b"{\"orders\":[");
        }
        for order in &self.next {
            if std::mem::replace(&mut self.begun, true) {
                bytes.push(b',');
            }
            serde_json::to_writer(&mut *bytes, &OrderBody::from(order)).map_err(Error::internal)?;
        }
        self.begun = true;
        let full = !self.next.is_empty();
        self.next = if full { self.pages.next_page()? } else { Vec::new() };
        if self.next.is_empty() {
            bytes.extend_from_slice(b"]}");
        }
        Ok(!self.next.is_empty())
    }
}

/// A list whose first page is there already.
struct Begun {
    bytes: Vec<u8>,
    rest: OrderList,
}

impl Stream for Begun {
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        if !self.bytes.is_empty() {
            buffer.append(&mut self.bytes);
            return Ok(true);
        }
        self.rest.append(buffer).map_err(|why| io::Error::other(why.to_string()))
    }
}
