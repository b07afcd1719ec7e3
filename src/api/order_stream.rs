//! Lists of orders as bytes: JSON or CSV, whole or in pieces.

use std::io;

use super::order_body::OrderBody;
use super::order_csv::{self, FULL_HEADER, SIMPLE_HEADER};
use crate::domain::Order;
use crate::error::{Error, Result};
use crate::http::{Response, Stream};
use crate::service::OrderPages;
use crate::store::PAGE_ROWS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv(Columns),
}

/// The columns of a CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    /// Those of the old service.
    Simple,
    Full,
}

/// A list in that format, still without its body.
pub fn list_response(format: Format) -> Response {
    match format {
        Format::Json => Response::new(200).header("Content-Type", "application/json"),
        Format::Csv(_) => Response::new(200)
            .header("Content-Type", "text/csv; charset=utf-8; header=present")
            .header("Content-Disposition", "attachment; filename=\"orders.csv\""),
    }
}

/// A list that is all there.
pub fn whole(orders: &[Order], format: Format) -> Result<Response> {
    let (mut writer, mut bytes) = (ListWriter::new(format), Vec::new());
    writer.open(&mut bytes);
    writer.append(orders, &mut bytes)?;
    writer.close(&mut bytes);
    Ok(list_response(format).bytes(bytes))
}

pub struct ListStream {
    /// What was written before there was a stream.
    begun: Vec<u8>,
    pages: OrderPages,
    writer: ListWriter,
}

impl ListStream {
    /// A list of the first orders and all that follow.
    pub fn begin(first: &[Order], pages: OrderPages, format: Format) -> Result<ListStream> {
        let (mut writer, mut begun) = (ListWriter::new(format), Vec::new());
        writer.open(&mut begun);
        writer.append(first, &mut begun)?;
        Ok(ListStream { begun, pages, writer })
    }
}

impl Stream for ListStream {
    fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let failed = |why: Error| io::Error::other(why.to_string());
        if !self.begun.is_empty() {
            buffer.append(&mut std::mem::take(&mut self.begun));
            return Ok(true);
        }
        let piece = self.pages.next_piece(PAGE_ROWS).map_err(failed)?;
        self.writer.append(&piece, buffer).map_err(failed)?;
        let more = !self.pages.is_over();
        if !more {
            self.writer.close(buffer);
        }
        Ok(more)
    }

    fn kept_bytes(&self) -> usize {
        self.begun.capacity()
    }
}

/// Writes an [`OrdersBody`](super::order_list::OrdersBody) without `next` in pieces, or CSV.
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
            Format::Csv(Columns::Simple) => SIMPLE_HEADER.as_bytes(),
            Format::Csv(Columns::Full) => FULL_HEADER.as_bytes(),
        });
    }

    fn append(&mut self, orders: &[Order], bytes: &mut Vec<u8>) -> Result<()> {
        for order in orders {
            match self.format {
                Format::Json => {
                    if std::mem::replace(&mut self.any, true) {
                        bytes.push(b',');
                    }
                    let body = OrderBody::from(order);
                    serde_json::to_writer(&mut *bytes, &body).map_err(Error::internal)?;
                }
                Format::Csv(Columns::Simple) => order_csv::simple_line(order, bytes),
                Format::Csv(Columns::Full) => order_csv::full_line(order, bytes),
            }
        }
        Ok(())
    }

    fn close(&self, bytes: &mut Vec<u8>) {
        match self.format {
            Format::Json => bytes.extend_from_slice(b"]}"),
            Format::Csv(_) => {}
        }
    }
}
