//! Compares costs with many orders stored to those with a thousand. Then measures, with many:
//! creates during backups, an export, and starts after a kill.

use std::io;
use std::path::Path;
use std::time::Duration;

use orderd::domain::UserId;

use crate::alongside;
use crate::client::Site;
use crate::engine::drive;
use crate::fill::fill;
use crate::load::{End, Load, Opening, Pace};
use crate::options::Growth;
use crate::plan::{self, Exchange, Plan};
use crate::restarts;
use crate::server::{Folder, Limiter, Server};
use crate::table::{Goal, Table, median};
use crate::tally::Verdict;

const FEW: u64 = 1000;
/// The first user is the admin, who sees all orders.
const USER: UserId = UserId(1);
const CONNECTIONS: usize = 64;
/// Few, so that a small store stays small.
const CREATES: u64 = 6000;
const READS: u64 = 20_000;
const MAX_RATIO: f64 = 1.25;

/// Costs in microseconds, one figure for each round; empty where the server has no such route.
#[derive(Default)]
struct Costs {
    create: Vec<f64>,
    one: Vec<f64>,
    page: Vec<f64>,
    open: Vec<f64>,
    found: Vec<f64>,
    start: Vec<f64>,
    faults: Vec<String>,
}

pub fn run(options: &Growth) -> io::Result<Verdict> {
    let (mut few, mut many) = (Costs::default(), Costs::default());
    eprintln!("filling a store with {} orders", options.orders);
    let grown = filled(options, options.orders)?;
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        // A new one each time: creating makes it grow.
        few.measure(&options.server, &filled(options, FEW)?, FEW)?;
        many.measure(&options.server, &grown, options.orders)?;
    }
    let mut table = Table::default();
    let pairs = [
        ("create", &many.create, &few.create),
        ("one order", &many.one, &few.one),
        ("a page of 50", &many.page, &few.page),
        ("50 open ones", &many.open, &few.open),
        ("50 found by name", &many.found, &few.found),
        ("start", &many.start, &few.start),
    ];
    for (what, many, few) in pairs {
        match median(few) > 0.0 {
            true => add(&mut table, what, options.orders, median(many), median(few)),
            false => table.notes.push(format!("{what}: skipped, this server doesn't know it")),
        }
    }
    // Before the backups, because pages that are freed during one are not reused, and the file
    // grows.
    restarts::measure(options, &grown, &mut table)?;
    let server = Server::start(&options.server, &grown, Limiter::Off)?;
    let amiss = alongside::measure(&server, options.rounds, &mut table)?;
    server.stop()?;
    let faults = [few.faults, many.faults, amiss].concat();
    table.notes.extend(faults.iter().map(|fault| format!("wrong: {fault}")));
    if options.json {
        println!("{}", table.json())
    } else {
        print!("{}", table.text())
    }
    Ok(if faults.is_empty() { Verdict::Right } else { Verdict::Wrong })
}

fn add(table: &mut Table, what: &str, orders: u64, many: f64, few: f64) {
    let measured = format!("{many:.0} µs");
    let yardstick = format!("{few:.0} µs at {FEW}");
    let goal = Goal::Below(MAX_RATIO);
    table.row(format!("{what}, {orders} orders"), measured, yardstick, many / few, goal);
}

/// A store with the first admin and so many orders, closed.
fn filled(options: &Growth, orders: u64) -> io::Result<Folder> {
    let folder = Folder::create(&options.folder, &format!("grow-{orders}"))?;
    Server::start(&options.server, &folder, Limiter::Off)?.stop()?;
    fill(&folder.database(), USER, orders)?;
    Ok(folder)
}

/// `GET /orders/{id}` of the first simple order from `id` on.
fn simple(site: &Site, id: u64) -> io::Result<Option<Exchange>> {
    let is_simple = |id: &u64| {
        site.get(&format!("/orders/{id}")).is_ok_and(|order| order.json()["status"].is_null())
    };
    plan::one(site, (id..).find(is_simple).unwrap_or(id))
}

impl Costs {
    fn measure(&mut self, binary: &Path, folder: &Folder, orders: u64) -> io::Result<()> {
        let server = Server::start(binary, folder, Limiter::Off)?;
        self.start.push(server.ready_after.as_secs_f64() * 1e6);
        let admin = server.admin()?;
        if let Some(one) = simple(&admin, orders / 2)? {
            let cost = self.cost(&admin, one, READS)?;
            self.one.push(cost);
        }
        if let Some(page) = plan::page(&admin) {
            let cost = self.cost(&admin, page, READS)?;
            self.page.push(cost);
        }
        let open = plan::listed("open", &admin, "/orders/?status=pending&limit=50");
        let cost = self.cost(&admin, open, READS)?;
        self.open.push(cost);
        let found = plan::listed("found", &admin, "/orders/?q=ann&limit=50");
        let cost = self.cost(&admin, found, READS)?;
        self.found.push(cost);
        let cost = self.cost(&admin, plan::create(&admin), CREATES)?;
        self.create.push(cost);
        server.stop()
    }

    /// The cost of one exchange: microseconds in which the whole machine does nothing else.
    fn cost(&mut self, site: &Site, exchange: Exchange, count: u64) -> io::Result<f64> {
        let load = Load {
            address: site.address,
            connections: CONNECTIONS,
            threads: 1,
            pace: Pace::Closed,
            end: End::Count(count),
            warmup: Duration::ZERO,
            opening: Opening::Kept,
        };
        let tally = drive(&load, &Plan::of(vec![exchange]), None)?;
        let cost = 1e6 / tally.per_second();
        self.faults.extend(tally.faults.first);
        Ok(cost)
    }
}
