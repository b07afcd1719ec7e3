//! The load generator: it sends a server many requests at once, checks every response, and
//! reports how long they took. `load suite` and `load growth` start their servers themselves.
//!
//! ```text
//! load create --connections 64 --duration 10 --svg create.svg
//! load mixed --rate 5000 --json
//! load suite --server target/release/orderd --bare target/release/examples/bare
//! ```
//!
//! It shares the machine with the server, so it is made to cost little: one thread, or as many
//! as `--threads` says, each with many connections, and only a `send` and a `recv` for an
//! exchange.

mod alongside;
mod client;
mod connection;
mod engine;
mod export;
mod fill;
mod growth;
mod latency;
mod limits;
mod load;
mod options;
mod plan;
mod raw;
mod readiness;
mod report;
mod request;
mod restarts;
mod run;
mod scenario;
mod server;
mod shape;
mod stream;
mod suite;
mod svg;
mod table;
mod tally;
mod timeline;

use std::fs;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use client::Site;
use engine::drive;
use load::{Load, Opening};
use options::{Aim, Command, Options, Output};
use plan::Plan;
use report::Report;
use scenario::Scenario;
use tally::Verdict;

fn main() -> ExitCode {
    orderd::sys::process::raise_fd_limit();
    match run(Options::parse().command) {
        Ok(Verdict::Right) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("load: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> io::Result<Verdict> {
    let (scenario, aim) = match command {
        Command::Health(aim) => (Scenario::Health, aim),
        Command::Create(aim) => (Scenario::Create, aim),
        Command::Content(aim) => (Scenario::Content, aim),
        Command::Status(aim) => (Scenario::Status, aim),
        Command::Search(aim) => (Scenario::Search, aim),
        Command::Read(aim) => (Scenario::Read, aim),
        Command::Mixed(aim) | Command::Soak(aim) => (Scenario::Mixed, aim),
        Command::Login(aim) => (Scenario::Login, aim),
        Command::Burst(aim) => return burst(&aim),
        Command::Limits(aim) => return limits::check(&aim),
        Command::Raw(raw) => return raw::run(&raw),
        Command::Suite(suite) => return suite::run(&suite),
        Command::Growth(growth) => return growth::run(&growth),
    };
    let site = if scenario == Scenario::Health { Site::at(&aim.url)? } else { aim.site()? };
    let plan = scenario.plan(&site)?;
    show(scenario.name(), &aim.load(&site), &plan, &aim.output)
}

/// Opens all connections at once, with one request on each: how long a new client waits when
/// many come together.
fn burst(aim: &Aim) -> io::Result<Verdict> {
    let site = Site::at(&aim.url)?;
    let load = Load { opening: Opening::Burst, warmup: Duration::ZERO, ..aim.load(&site) };
    show("burst", &load, &plan::health(&site), &aim.output)
}

fn show(name: &str, load: &Load, plan: &Plan, output: &Output) -> io::Result<Verdict> {
    let tally = drive(load, plan, report::progress())?;
    let report = Report { name, load, plan, tally: &tally };
    if output.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    if let Some(path) = &output.svg {
        fs::write(path, svg::draw(&report))?;
    }
    Ok(tally.verdict())
}
