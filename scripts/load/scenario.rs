//! What a run repeats: a plan for each kind of load, and what the server is given for it first.

use std::io;
use std::ops::Range;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Site, wrong};
use crate::engine::drive;
use crate::load::{End, Load, Opening, Pace};
use crate::plan::{self, Exchange, Plan};

/// The number of orders that the reading user has.
const READ_ORDERS: usize = 20;
/// Orders that are placed to have their status changed, once each.
const WAITING_ORDERS: u64 = 20_000;
const CONNECTIONS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    Health,
    Create,
    /// Orders of three lines, with a customer.
    Content,
    /// From `pending` to `processing`.
    Status,
    Search,
    Read,
    Mixed,
    Login,
}

impl Scenario {
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Health => "health",
            Scenario::Create => "create",
            Scenario::Content => "content",
            Scenario::Status => "status",
            Scenario::Search => "search",
            Scenario::Read => "read",
            Scenario::Mixed => "mixed",
            Scenario::Login => "login",
        }
    }

    /// Prepares the server, where that is needed, and gives the plan.
    pub fn plan(self, site: &Site) -> io::Result<Plan> {
        match self {
            Scenario::Health => Ok(plan::health(site)),
            Scenario::Create => Ok(Plan::of(vec![plan::create(site)])),
            Scenario::Content => Ok(Plan::of(vec![plan::content(site, &plan::pizzas())])),
            Scenario::Status => Ok(Plan::of(vec![plan::start(site, waiting(site)?)])),
            Scenario::Search => search(site),
            Scenario::Read => Ok(Plan::of(reads(&site.newcomer()?)?)),
            Scenario::Mixed => mixed(site),
            Scenario::Login => login(site),
        }
    }
}

/// Places orders with content; gives their ids, which follow each other as long as nobody else
/// places any meanwhile. They are over the counter: mails that are still made of them would take
/// part in what is measured.
fn waiting(site: &Site) -> io::Result<Range<u64>> {
    let mut order = plan::pizzas();
    order["customer"] = json!({"name": "Ann Lee", "phone": "+49 30 1234"});
    let first = place(site, &order)?;
    let load = Load {
        address: site.address,
        connections: CONNECTIONS,
        threads: 1,
        pace: Pace::Closed,
        end: End::Count(WAITING_ORDERS),
        warmup: Duration::ZERO,
        opening: Opening::Kept,
    };
    let tally = drive(&load, &Plan::of(vec![plan::content(site, &order)]), None)?;
    match tally.faults.first.into_iter().next() {
        Some(fault) => Err(wrong(fault)),
        None => Ok(first..place(site, &order)? + 1),
    }
}

/// Places an order, and gives its id.
fn place(site: &Site, body: &Value) -> io::Result<u64> {
    let made = site.post("/orders/create", body)?.require(200, "POST /orders/create")?;
    made.json()["id"].as_u64().ok_or_else(|| wrong("an order without an id".into()))
}

/// What a counter looks for: a customer with many orders, and one order by its reference.
fn search(site: &Site) -> io::Result<Plan> {
    let reference = format!("load-{:012x}", fastrand::u64(..) >> 16);
    let mut body = plan::pizzas();
    body["reference_id"] = json!(reference);
    place(site, &body)?;
    Ok(Plan::of(vec![
        plan::listed("customer", site, "/orders/?q=ann&order=desc&limit=50"),
        plan::listed("reference", site, &format!("/orders/?q={reference}&limit=50")),
    ]))
}

/// Reads a user's own account and orders; also one order and a page of orders, where the server
/// has these routes.
fn reads(reader: &Site) -> io::Result<Vec<Exchange>> {
    let mut id = 0;
    for _ in 0..READ_ORDERS {
        id = place(reader, &json!({"success": true}))?;
    }
    let me = r#"{"id":#,"username":"*","email":"*","role":"user","created_at":"*"}"#;
    let mut reads = vec![
        Exchange::get("me", reader, "/auth/me", me),
        Exchange::get("list", reader, "/orders/", r#"{"orders":[{"id":#,*"}]}"#),
    ];
    reads.extend(plan::one(reader, id)?);
    reads.extend(plan::page(reader));
    Ok(reads)
}

/// Nine reads to one create. The creating user is another one, so that the reader's list stays
/// short.
fn mixed(site: &Site) -> io::Result<Plan> {
    let mut exchanges = reads(&site.newcomer()?)?;
    let mut cycle: Vec<usize> = (0..exchanges.len()).cycle().take(9).collect();
    cycle.push(exchanges.len());
    exchanges.push(plan::create(site));
    Ok(Plan { exchanges, cycle })
}

fn login(site: &Site) -> io::Result<Plan> {
    let (username, password) = site.register()?;
    let body = json!({"username": username, "password": password});
    let anonymous = Site { token: None, ..site.clone() };
    let shape = r#"{"access_token":"*","token_type":"bearer","user_info":{"id":#,*}}"#;
    Ok(Plan::of(vec![Exchange::post("login", &anonymous, "/auth/login", &body, shape)]))
}
