//! The requests that are sent, and the right responses to them.

use std::io;

use serde_json::json;

use crate::client::Site;
use crate::shape::Shape;

/// The number of orders that the reading user has.
const READ_ORDERS: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    Health,
    Create,
    /// Orders of three lines, with a customer.
    Content,
    Read,
    Mixed,
    Login,
}

/// Exchanges, and the order in which every connection repeats them.
pub struct Plan {
    pub exchanges: Vec<Exchange>,
    /// Indexes of `exchanges`.
    pub cycle: Vec<usize>,
}

pub struct Exchange {
    pub name: &'static str,
    pub request: Vec<u8>,
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

impl Scenario {
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Health => "health",
            Scenario::Create => "create",
            Scenario::Content => "content",
            Scenario::Read => "read",
            Scenario::Mixed => "mixed",
            Scenario::Login => "login",
        }
    }

    /// Prepares the server, where that is needed, and gives the plan.
    pub fn plan(self, site: &Site) -> io::Result<Plan> {
        match self {
            Scenario::Health => Ok(health(site)),
            Scenario::Create => Ok(Plan::of(vec![create(site)])),
            Scenario::Content => Ok(Plan::of(vec![content(site)])),
            Scenario::Read => Ok(Plan::of(reads(&site.newcomer()?)?)),
            Scenario::Mixed => mixed(site),
            Scenario::Login => login(site),
        }
    }
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
        let request = site.request("GET", path, None);
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
    Exchange {
        name: "create",
        request: site.request("POST", "/orders/create", Some(&json!({"success": true}))),
        shape: Shape::of(r#"{"id":#,"user_id":#,"success":true,"created_at":"*"}"#),
        numbers: Numbers::Rising,
    }
}

/// Creates an order of three lines, with a customer.
pub fn content(site: &Site) -> Exchange {
    let line = |name: &str, price: u32| json!({"name": name, "quantity": 2, "unit_price": price, "tax_rate": 7});
    let body = json!({
        "currency": "EUR",
        "prices_include_tax": true,
        "line_items": [line("Margherita", 950), line("Salad", 650), line("Water", 300)],
        "customer": {"name": "Ann Lee", "email": "ann@example.com", "phone": "+49 30 1234"},
        "fulfillment": {"type": "pickup"},
    });
    Exchange {
        name: "content",
        request: site.request("POST", "/orders/create", Some(&body)),
        shape: Shape::of(
            r#"{"id":#,"user_id":#,"success":true,"created_at":"*","status":"pending",*"closed_at":null}"#,
        ),
        numbers: Numbers::Rising,
    }
}

/// Reads a user's own account and orders; also one order and a page of orders, where the server
/// has these routes.
fn reads(reader: &Site) -> io::Result<Vec<Exchange>> {
    let mut id = 0;
    for _ in 0..READ_ORDERS {
        let made = reader.post("/orders/create", &json!({"success": true}))?;
        id = made.require(200, "POST /orders/create")?.json()["id"].as_u64().unwrap_or_default();
    }
    let me = r#"{"id":#,"username":"*","email":"*","role":"user","created_at":"*"}"#;
    let mut reads = vec![
        Exchange::get("me", reader, "/auth/me", me),
        Exchange::get("list", reader, "/orders/", r#"{"orders":[{"id":#,*"}]}"#),
    ];
    reads.extend(one(reader, id)?);
    reads.extend(page(reader));
    Ok(reads)
}

/// `GET /orders/{id}`, if the server has it.
pub fn one(site: &Site, id: u64) -> io::Result<Option<Exchange>> {
    let path = format!("/orders/{id}");
    let shape = r#"{"id":#,"user_id":#,"success":*,"created_at":"*"}"#;
    let known = site.get(&path)?.status == 200;
    Ok(known.then(|| Exchange::get("order", site, &path, shape)))
}

/// A page of 50, if the server has pages. A server with pages rejects a limit of 0; one without
/// them sends all orders.
pub fn page(site: &Site) -> Option<Exchange> {
    let shape = r#"{"orders":[{"id":#,*"}],"next":*}"#;
    let known = site.get("/orders/?limit=0").is_ok_and(|response| response.status == 422);
    known.then(|| Exchange::get("page", site, "/orders/?limit=50", shape))
}

/// Nine reads to one create. The creating user is another one, so that the reader's list stays
/// short.
fn mixed(site: &Site) -> io::Result<Plan> {
    let mut exchanges = reads(&site.newcomer()?)?;
    let mut cycle: Vec<usize> = (0..exchanges.len()).cycle().take(9).collect();
    cycle.push(exchanges.len());
    exchanges.push(create(site));
    Ok(Plan { exchanges, cycle })
}

fn login(site: &Site) -> io::Result<Plan> {
    let (username, password) = site.register()?;
    let body = json!({"username": username, "password": password});
    let anonymous = Site { token: None, ..site.clone() };
    Ok(Plan::of(vec![Exchange {
        name: "login",
        request: anonymous.request("POST", "/auth/login", Some(&body)),
        shape: Shape::of(r#"{"access_token":"*","token_type":"bearer","user_info":{"id":#,*}}"#),
        numbers: Numbers::Any,
    }]))
}
