//! Measures everything in one run, on servers of its own, and prints a table of ratios.
//!
//! Two things that are compared are measured alternately, for a few rounds, and the median of
//! the rounds' ratios counts, because others may use the machine at the same time.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use crate::client::Site;
use crate::engine::drive;
use crate::latency::millis;
use crate::limits;
use crate::load::{End, Load, Opening, Pace};
use crate::options::{Aim, Output, Suite, seconds};
use crate::plan::{self, Plan};
use crate::raw;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::server::{ADMIN_PASSWORD, Folder, Limiter, Server};
use crate::svg;
use crate::table::{Goal, Table, mebibytes, median, per_second};
use crate::tally::{Tally, Verdict};

const WARMUP: Duration = Duration::from_millis(300);
/// So many connections that their creates share commits.
const CROWD: usize = 64;
const BURST: usize = 1000;
/// Connections that log in: each password hash takes a whole core.
const LOGINS: usize = 2;

pub fn run(options: &Suite) -> io::Result<Verdict> {
    let folder = Folder::create(&options.folder, "suite")?;
    let bare = Server::start_bare(&options.bare, &folder)?;
    let server = Server::start(&options.server, &folder, Limiter::Off)?;
    let admin = server.admin()?;
    let mut bench = Bench { options, table: Table::default(), faults: Vec::new() };
    let idle = server.resident_bytes();
    bench.note_load();
    bench.health(&admin, &bare.site)?;
    drop(bare);
    let top = bench.creates(&admin)?;
    bench.contents(&admin)?;
    bench.statuses(&admin)?;
    bench.one_connection(&admin, &folder)?;
    bench.half_rate(&admin, &folder, top / 2.0)?;
    bench.others(&admin)?;
    bench.memory(idle, &server);
    server.stop()?;
    bench.start(&folder)?;
    bench.limits()?;
    bench.finish()
}

struct Bench<'o> {
    options: &'o Suite,
    table: Table,
    faults: Vec<String>,
}

impl Bench<'_> {
    fn load(&self, site: &Site, connections: usize) -> Load {
        Load {
            address: site.address,
            connections,
            threads: (self.options.threads as usize).min(connections),
            pace: Pace::Closed,
            end: End::After(seconds(self.options.duration)),
            warmup: WARMUP,
            opening: Opening::Kept,
        }
    }

    fn drive(&mut self, load: &Load, plan: &Plan) -> io::Result<Tally> {
        let tally = drive(load, plan, None)?;
        self.faults.extend(tally.faults.first.iter().cloned());
        Ok(tally)
    }

    fn rate(&mut self, site: &Site, connections: usize, plan: &Plan) -> io::Result<f64> {
        Ok(self.drive(&self.load(site, connections), plan)?.per_second())
    }

    /// Notes how busy the machine is, because that changes the figures.
    fn note_load(&mut self) {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        self.table.notes.push(format!("{cores} cores, load average {load} at the start"));
    }

    /// Measures two things alternately; gives the medians of both, and of their ratio.
    fn compare(
        &mut self,
        what: &str,
        mut first: impl FnMut(&mut Self) -> io::Result<f64>,
        mut second: impl FnMut(&mut Self) -> io::Result<f64>,
    ) -> io::Result<(f64, f64, f64)> {
        eprintln!("measuring {what}");
        let (mut firsts, mut seconds, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            let (one, other) = (first(self)?, second(self)?);
            firsts.push(one);
            seconds.push(other);
            ratios.push(one / other.max(1e-9));
        }
        Ok((median(&firsts), median(&seconds), median(&ratios)))
    }

    fn health(&mut self, server: &Site, bare: &Site) -> io::Result<()> {
        let (health, constant) = (plan::health(server), plan::constant(bare));
        for (connections, goal) in [(32, Goal::AtLeast(0.8)), (128, Goal::None)] {
            let what = format!("health, {connections} connections");
            let (rate, yardstick, ratio) = self.compare(
                &what,
                |it| it.rate(server, connections, &health),
                |it| it.rate(bare, connections, &constant),
            )?;
            let yardstick = format!("bare loop {}", per_second(yardstick));
            self.table.row(what, per_second(rate), yardstick, ratio, goal);
        }
        Ok(())
    }

    /// Gives the creates a second.
    fn creates(&mut self, admin: &Site) -> io::Result<f64> {
        let (create, health) = (Scenario::Create.plan(admin)?, plan::health(admin));
        let what = format!("create, {CROWD} connections");
        let (rate, yardstick, ratio) = self.compare(
            &what,
            |it| it.rate(admin, CROWD, &create),
            |it| it.rate(admin, CROWD, &health),
        )?;
        let yardstick = format!("health {}", per_second(yardstick));
        self.table.row(what, per_second(rate), yardstick, ratio, Goal::AtLeast(0.5));
        Ok(rate)
    }

    fn contents(&mut self, admin: &Site) -> io::Result<()> {
        let (content, create) = (Scenario::Content.plan(admin)?, Scenario::Create.plan(admin)?);
        let what = format!("create with content, {CROWD} connections");
        let (rate, yardstick, ratio) = self.compare(
            &what,
            |it| it.rate(admin, CROWD, &content),
            |it| it.rate(admin, CROWD, &create),
        )?;
        let yardstick = format!("create {}", per_second(yardstick));
        self.table.row(what, per_second(rate), yardstick, ratio, Goal::AtLeast(0.5));
        Ok(())
    }

    /// Each round has orders of its own to change.
    fn statuses(&mut self, admin: &Site) -> io::Result<()> {
        let create = Scenario::Create.plan(admin)?;
        let what = format!("status changes, {CROWD} connections");
        let (rate, yardstick, ratio) = self.compare(
            &what,
            |it| it.rate(admin, CROWD, &Scenario::Status.plan(admin)?),
            |it| it.rate(admin, CROWD, &create),
        )?;
        let yardstick = format!("create {}", per_second(yardstick));
        self.table.row(what, per_second(rate), yardstick, ratio, Goal::AtLeast(0.7));
        Ok(())
    }

    fn one_connection(&mut self, admin: &Site, folder: &Folder) -> io::Result<()> {
        let create = Scenario::Create.plan(admin)?;
        let time = seconds(self.options.duration);
        let (rate, yardstick, ratio) = self.compare(
            "create, 1 connection",
            |it| it.rate(admin, 1, &create),
            |_| Ok(1e9 / raw::commits(folder.path(), time)?.mean()),
        )?;
        let yardstick = format!("redb {}", per_second(yardstick));
        let goal = Goal::AtLeast(0.5);
        self.table.row("create, 1 connection", per_second(rate), yardstick, ratio, goal);
        Ok(())
    }

    fn half_rate(&mut self, admin: &Site, folder: &Folder, rate: f64) -> io::Result<()> {
        let create = Scenario::Create.plan(admin)?;
        let pace = Pace::Open { per_second: rate.max(1.0) };
        let load = Load { pace, ..self.load(admin, CROWD) };
        let time = seconds(self.options.duration) / 3;
        let mut picture = String::new();
        let (p99, fsync, ratio) = self.compare(
            "create at half of that rate",
            |it| {
                let tally = it.drive(&load, &create)?;
                let report = Report { name: "create", load: &load, plan: &create, tally: &tally };
                picture = svg::draw(&report);
                Ok(millis(&tally.overall(), 0.99))
            },
            |_| Ok(millis(&raw::fsyncs(folder.path(), time)?, 0.5)),
        )?;
        let what = format!("p99 at {}", per_second(rate));
        let yardstick = format!("fsync {fsync:.3} ms");
        self.table.row(what, format!("{p99:.3} ms"), yardstick, ratio, Goal::Below(5.0));
        match &self.options.output.svg {
            Some(path) => fs::write(path, picture),
            None => Ok(()),
        }
    }

    fn others(&mut self, admin: &Site) -> io::Result<()> {
        let scenarios = [
            (Scenario::Search, CROWD),
            (Scenario::Read, CROWD),
            (Scenario::Mixed, CROWD),
            (Scenario::Login, LOGINS),
        ];
        for (scenario, connections) in scenarios {
            let what = format!("{}, {connections} connections", scenario.name());
            eprintln!("measuring {what}");
            let plan = scenario.plan(admin)?;
            let tally = self.drive(&self.load(admin, connections), &plan)?;
            self.inform(what, &tally);
        }
        eprintln!("measuring a burst");
        let load =
            Load { opening: Opening::Burst, warmup: Duration::ZERO, ..self.load(admin, BURST) };
        let tally = self.drive(&load, &plan::health(admin))?;
        self.inform(format!("burst of {BURST} connections"), &tally);
        Ok(())
    }

    fn inform(&mut self, what: String, tally: &Tally) {
        let latency = format!("p99 {:.2} ms", millis(&tally.overall(), 0.99));
        self.table.row(what, per_second(tally.per_second()), latency, 0.0, Goal::None);
    }

    fn memory(&mut self, idle: Option<u64>, server: &Server) {
        let figures = [
            ("memory, idle", idle, 15.0),
            ("memory, loaded", server.resident_bytes(), 64.0),
            ("memory, at most", server.peak_bytes(), 64.0),
        ];
        for (what, bytes, most) in figures {
            match bytes.map(mebibytes) {
                Some(size) => {
                    self.table.row(what, format!("{size:.1} MiB"), "", size, Goal::Below(most));
                }
                None => self.table.notes.push(format!("{what}: this system doesn't say")),
            }
        }
    }

    /// Measures starts after a clean stop, with everything stored that the run has made.
    fn start(&mut self, folder: &Folder) -> io::Result<()> {
        let size = mebibytes(fs::metadata(&self.options.server)?.len());
        self.table.row("binary", format!("{size:.1} MiB"), "", size, Goal::Below(10.0));
        let mut starts = Vec::new();
        for _ in 0..self.options.rounds {
            let server = Server::start(&self.options.server, folder, Limiter::Off)?;
            starts.push(server.ready_after.as_secs_f64() * 1e3);
            server.stop()?;
        }
        let stored = mebibytes(fs::metadata(folder.database())?.len());
        let (start, goal) = (median(&starts), Goal::Below(50.0));
        let yardstick = format!("{stored:.0} MiB stored");
        self.table.row("ready after start", format!("{start:.1} ms"), yardstick, start, goal);
        Ok(())
    }

    fn limits(&mut self) -> io::Result<()> {
        eprintln!("checking the limiter");
        let folder = Folder::create(&self.options.folder, "limits")?;
        let server = Server::start(&self.options.server, &folder, Limiter::On)?;
        let aim = Aim {
            url: format!("http://{}", server.site.address),
            username: "admin".into(),
            password: ADMIN_PASSWORD.into(),
            connections: CROWD as u32,
            threads: 1,
            duration: 0.0,
            warmup: 0.0,
            count: None,
            rate: None,
            output: Output { json: false, svg: None },
        };
        if limits::check(&aim)? == Verdict::Wrong {
            self.faults.push("the limiter let through too many, or too few".into());
        }
        server.stop()
    }

    fn finish(mut self) -> io::Result<Verdict> {
        self.table.notes.extend(self.faults.iter().map(|fault| format!("wrong: {fault}")));
        match self.options.output.json {
            true => println!("{}", self.table.json()),
            false => print!("{}", self.table.text()),
        }
        Ok(if self.faults.is_empty() { Verdict::Right } else { Verdict::Wrong })
    }
}
