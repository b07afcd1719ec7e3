//! The requests that are sent, and the right responses to them.

use std::io;
use std::ops::Range;

use serde_json::{Value, json};

use crate::client::Site;
use crate::request::Request;
use crate::shape::Shape;

/// Exchanges, and the order in which every connection repeats them.
pub struct Plan {
    pub exchanges: Vec<Exchange>,
    /// Indexes of `exchanges`.
    pub cycle: Vec<usize>,
}

pub struct Exchange {
    pub name: &'static str,
    pub request: Request,
    pub shape: Shape,
    pub numbers: Numbers,
}

/// What is known of the first number in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    Any,
    /// It is higher in each response on the same connection.
    Rising,
}

impl Plan {
    /// One after the other.
    pub fn of(exchanges: Vec<Exchange>) -> Plan {
        Plan { cycle: (0..exchanges.len()).collect(), exchanges }
    }

    /// The index of the exchange that a connection sends after `sent` others.
    pub fn exchange(&self, sent: usize) -> usize {
        self.cycle[sent % self.cycle.len()]
    }
}

impl Exchange {
    pub fn get(name: &'static str, site: &Site, path: &str, shape: &str) -> Exchange {
        let request = Request::Same(site.request("GET", path, None));
        Exchange { name, request, shape: Shape::of(shape), numbers: Numbers::Any }
    }

    pub fn post(
        name: &'static str,
        site: &Site,
        path: &str,
        body: &Value,
        shape: &str,
    ) -> Exchange {
        let request = Request::Same(site.request("POST", path, Some(body)));
        Exchange { name, request, shape: Shape::of(shape), numbers: Numbers::Any }
    }
}

pub fn health(site: &Site) -> Plan {
    let shape = r#"{"status":"healthy","timestamp":#.#,"version":"*","environment":"*"}"#;
    Plan::of(vec![Exchange::get("health", site, "/health", shape)])
}

/// The bare loop on the library answers anything with this.
pub fn constant(site: &Site) -> Plan {
    Plan::of(vec![Exchange::get("constant", site, "/health", r#"{"status":"healthy"}"#)])
}

/// Creates an order. Ids rise, also among those of one connection.
pub fn create(site: &Site) -> Exchange {
    let shape = r#"{"id":#,"user_id":#,"success":true,"created_at":"*"}"#;
    let create = Exchange::post("create", site, "/orders/create", &json!({"success": true}), shape);
    Exchange { numbers: Numbers::Rising, ..create }
}

/// Creates an order with content.
pub fn content(site: &Site, order: &Value) -> Exchange {
    let shape = r#"{"id":#,"user_id":#,"success":true,"created_at":"*","status":"pending",*"closed_at":null}"#;
    let create = Exchange::post("content", site, "/orders/create", order, shape);
    Exchange { numbers: Numbers::Rising, ..create }
}

/// An order of three lines, with a customer.
pub fn pizzas() -> Value {
    let line = |name: &str, price: u32| json!({"name": name, "quantity": 2, "unit_price": price, "tax_rate": 7});
    json!({
        "currency": "EUR",
        "prices_include_tax": true,
        "line_items": [line("Margherita", 950), line("Salad", 650), line("Water", 300)],
        "customer": {"name": "Ann Lee", "email": "ann@example.com", "phone": "+49 30 1234"},
        "fulfillment": {"type": "pickup"},
    })
}

/// Starts to work on each of these orders.
pub fn start(site: &Site, orders: Range<u64>) -> Exchange {
    let body = json!({"status": "processing"});
    let bytes = site.request("POST", "/orders/{id}/status", Some(&body));
    Exchange {
        name: "status",
        request: Request::for_each(orders, &bytes),
        shape: Shape::of(r#"{"id":#,*"status":"processing",*"#),
        numbers: Numbers::Any,
    }
}

/// `GET /orders/{id}` of a simple order, if the server has it.
pub fn one(site: &Site, id: u64) -> io::Result<Option<Exchange>> {
    let path = format!("/orders/{id}");
    let shape = r#"{"id":#,"user_id":#,"success":*,"created_at":"*"}"#;
    let known = site.get(&path)?.status == 200;
    Ok(known.then(|| Exchange::get("order", site, &path, shape)))
}

/// A page of 50, if the server has pages. A server with pages rejects a limit of 0; one without
/// them sends all orders.
pub fn page(site: &Site) -> Option<Exchange> {
    let known = site.get("/orders/?limit=0").is_ok_and(|response| response.status == 422);
    known.then(|| listed("page", site, "/orders/?limit=50"))
}

/// A page that isn't empty.
pub fn listed(name: &'static str, site: &Site, path: &str) -> Exchange {
    Exchange::get(name, site, path, r#"{"orders":[{"id":#,*}],"next":*}"#)
}
