//! The command line.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::client::Site;
use crate::load::{End, Load, Opening, Pace};

/// Load tests for orderd. Exits with 1 when an answer was wrong.
#[derive(Debug, Parser)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// GET /health
    Health(Aim),
    /// POST /orders/create
    Create(Aim),
    /// Place orders of three lines, with a customer
    Content(Aim),
    /// Start to work on orders that are placed for it first; ends with the last of them. Nobody
    /// else may place orders meanwhile
    Status(Aim),
    /// GET /orders/?q=: a customer with many orders, and one order by its reference
    Search(Aim),
    /// A user's own account, orders, and one order
    Read(Aim),
    /// Nine reads to one create
    Mixed(Aim),
    /// POST /auth/login; keep the connections few, each hash takes a core
    Login(Aim),
    /// Opens all connections at once, one request on each
    Burst(Aim),
    /// Checks that exactly as many requests pass the limiter as it allows
    Limits(Aim),
    /// The mixed load, for long; give a --duration within the life of a token
    Soak(Aim),
    /// Commits of one insert, straight into redb, and bare fsyncs: what the disk can do
    Raw(Raw),
    /// Everything, against servers of its own; prints the table of ratios
    Suite(Suite),
    /// Compares a store of many orders with one of a thousand
    Growth(Growth),
}

/// The server, and how hard and for how long it is driven.
#[derive(Debug, Args)]
pub struct Aim {
    /// The server
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub url: String,
    /// A user who may create others
    #[arg(long, default_value = "admin")]
    pub username: String,
    /// Their password
    #[arg(long, env = "ADMIN_PASSWORD", hide_env_values = true, default_value = "Admin123")]
    pub password: String,
    /// Connections, kept alive
    #[arg(long, short, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub connections: u32,
    /// Threads of the generator
    #[arg(long, short, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// Seconds to measure for
    #[arg(long, short, default_value_t = 10.0)]
    pub duration: f64,
    /// Seconds to run before that
    #[arg(long, default_value_t = 0.5)]
    pub warmup: f64,
    /// Stop after so many requests instead
    #[arg(long, short = 'n')]
    pub count: Option<u64>,
    /// Requests a second, sent on time however slow the answers are; waiting counts as latency
    #[arg(long, short)]
    pub rate: Option<f64>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Output {
    /// The result as JSON
    #[arg(long)]
    pub json: bool,
    /// A picture of latency over time
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Raw {
    /// On whose disk
    #[arg(long, default_value = ".")]
    pub folder: PathBuf,
    /// Seconds for each of the two
    #[arg(long, short, default_value_t = 3.0)]
    pub duration: f64,
}

/// The servers that a comparison starts itself.
#[derive(Debug, Args)]
pub struct Suite {
    /// The binary to test
    #[arg(long, default_value = "target/release/orderd")]
    pub server: PathBuf,
    /// The bare loop on the library to compare with
    #[arg(long, default_value = "target/release/examples/bare")]
    pub bare: PathBuf,
    /// Where to put the stores; on the disk that is to be measured
    #[arg(long, default_value = "target")]
    pub folder: PathBuf,
    /// Seconds for each measurement
    #[arg(long, short, default_value_t = 3.0)]
    pub duration: f64,
    /// Times that each pair is measured, in turn; the median counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Threads of the generator
    #[arg(long, short, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub threads: u32,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Debug, Args)]
pub struct Growth {
    /// Orders to compare with a thousand
    #[arg(default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub orders: u64,
    /// The binary to test
    #[arg(long, default_value = "target/release/orderd")]
    pub server: PathBuf,
    /// Where to put the stores
    #[arg(long, default_value = "target")]
    pub folder: PathBuf,
    /// Times that each pair is measured, in turn; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// The table as JSON
    #[arg(long)]
    pub json: bool,
}

impl Aim {
    /// The server, with a token for the user.
    pub fn site(&self) -> io::Result<Site> {
        Site::at(&self.url)?.login(&self.username, &self.password)
    }

    pub fn load(&self, site: &Site) -> Load {
        let end = match self.count {
            Some(count) => End::Count(count),
            None => End::After(seconds(self.duration)),
        };
        let warmup = if self.count.is_some() { Duration::ZERO } else { seconds(self.warmup) };
        Load {
            address: site.address,
            connections: self.connections as usize,
            threads: self.threads.min(self.connections) as usize,
            pace: self.rate.map_or(Pace::Closed, |rate| Pace::Open { per_second: rate.max(0.001) }),
            end,
            warmup,
            opening: Opening::Kept,
        }
    }
}

/// A negative or huge number counts as 0.
pub fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}
