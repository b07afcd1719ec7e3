//! Creates beside other work: how much slower backups make them; and an export of all orders:
//! whether it is complete, and how much memory it takes.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Site, wrong};
use crate::engine::drive;
use crate::export::Rows;
use crate::load::{End, Load, Opening, Pace};
use crate::plan::{self, Plan};
use crate::server::Server;
use crate::stream;
use crate::table::{Goal, Table, mebibytes, median, per_second};

const CONNECTIONS: usize = 16;
/// Creates run for so long before the end of the other work is looked for.
const SLICE: Duration = Duration::from_millis(500);
/// Backups follow each other for at least so long; the last one is completed.
const LEAST: Duration = Duration::from_secs(4);
/// Rounds at most, because a backup of many orders takes long.
const MAX_ROUNDS: u32 = 3;
const MIN_RATIO: f64 = 0.9;
const MAX_MEMORY_MIB: f64 = 16.0;

/// Measures all of it; gives what was wrong.
pub fn measure(server: &Server, rounds: u32, table: &mut Table) -> io::Result<Vec<String>> {
    let admin = server.admin()?;
    let plan = Plan::of(vec![plan::create(&admin)]);
    let mut bench = Bench { server, admin, plan, faults: Vec::new() };
    eprintln!("measuring an export");
    bench.export(table)?;
    eprintln!("measuring backups");
    bench.backups(rounds.min(MAX_ROUNDS), table)?;
    Ok(bench.faults)
}

struct Bench<'s> {
    server: &'s Server,
    admin: Site,
    plan: Plan,
    faults: Vec<String>,
}

impl Bench<'_> {
    /// Creates orders for as long as `work` takes; gives how many a second, and the work's result.
    fn creates_during<T: Send>(
        &mut self,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<(f64, T)> {
        let load = Load {
            address: self.admin.address,
            connections: CONNECTIONS,
            threads: 1,
            pace: Pace::Closed,
            end: End::After(SLICE),
            warmup: Duration::ZERO,
            opening: Opening::Kept,
        };
        thread::scope(|scope| {
            let work = scope.spawn(work);
            let (mut answers, mut elapsed) = (0, Duration::ZERO);
            while !work.is_finished() {
                let tally = drive(&load, &self.plan, None)?;
                answers += tally.responses();
                elapsed += tally.elapsed;
                self.faults.extend(tally.faults.first);
            }
            let done = work.join().map_err(|_| wrong("a thread panicked".into()))??;
            Ok((answers as f64 / elapsed.as_secs_f64().max(1e-9), done))
        })
    }

    fn creates_for(&mut self, time: Duration) -> io::Result<f64> {
        let (rate, ()) = self.creates_during(|| {
            thread::sleep(time);
            Ok(())
        })?;
        Ok(rate)
    }

    fn backups(&mut self, rounds: u32, table: &mut Table) -> io::Result<()> {
        let (mut amid, mut alone, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut each_secs, mut size) = (Vec::new(), 0);
        for _ in 0..rounds {
            let admin = self.admin.clone();
            let (rate, made) = self.creates_during(|| Downloads::make(&admin))?;
            // For the same time, so that other programs disturb both equally.
            let other = self.creates_for(made.took)?;
            amid.push(rate);
            alone.push(other);
            ratios.push(rate / other.max(1e-9));
            each_secs.push(made.took.as_secs_f64() / f64::from(made.count));
            size = made.bytes;
        }
        let (each, size) = (median(&each_secs), mebibytes(size));
        table.row("a backup", format!("{each:.2} s"), format!("{size:.0} MiB"), 0.0, Goal::None);
        let what = format!("create, {CONNECTIONS} connections, amid backups");
        let (amid, alone) = (per_second(median(&amid)), per_second(median(&alone)));
        let goal = Goal::AtLeast(MIN_RATIO);
        table.row(what, amid, format!("{alone} without"), median(&ratios), goal);
        Ok(())
    }

    fn export(&mut self, table: &mut Table) -> io::Result<()> {
        // Creates themselves take memory, which must not count for the export.
        self.creates_for(LEAST / 4)?;
        let (stored, newest) = (self.stored()?, self.newest()?);
        let before = self.server.resident_bytes();
        let (server, admin, mut rows) = (self.server, self.admin.clone(), Rows::new(newest));
        let (rate, (took, most)) = self.creates_during(|| {
            let (started, mut most) = (Instant::now(), None);
            stream::get(&admin, "/orders/?format=csv", |piece| {
                most = most.max(server.resident_bytes());
                rows.take(piece)
            })?;
            Ok((started.elapsed(), most))
        })?;
        self.faults.extend(rows.fault(stored));
        let took = format!("{:.2} s", took.as_secs_f64());
        let creates = format!("creates at {}", per_second(rate));
        table.row(format!("export of {stored} orders"), took, creates, 0.0, Goal::None);
        match (before.map(mebibytes), most.map(mebibytes)) {
            (Some(before), Some(most)) => {
                let (measured, beside) = (format!("{most:.1} MiB"), format!("{before:.1} before"));
                let growth = (most - before).max(0.0);
                let goal = Goal::Below(MAX_MEMORY_MIB);
                table.row("memory in the export", measured, beside, growth, goal);
            }
            _ => table.notes.push("memory in the export: this system doesn't say".into()),
        }
        Ok(())
    }

    /// The number of stored orders, from the metrics.
    fn stored(&self) -> io::Result<u64> {
        let response = self.admin.get("/metrics")?.require(200, "GET /metrics")?;
        let text = String::from_utf8_lossy(&response.body);
        let count =
            text.lines().find_map(|line| line.strip_prefix("orderd_orders_stored ")?.parse().ok());
        count.ok_or_else(|| wrong("the metrics don't say how many orders there are".into()))
    }

    fn newest(&self) -> io::Result<u64> {
        let path = "/orders/?order=desc&limit=1";
        let newest = self.admin.get(path)?.require(200, path)?.json()["orders"][0]["id"].as_u64();
        newest.ok_or_else(|| wrong("there is no newest order".into()))
    }
}

/// Backups that were downloaded one after another.
struct Downloads {
    count: u32,
    took: Duration,
    /// Size of the last one.
    bytes: u64,
}

impl Downloads {
    fn make(admin: &Site) -> io::Result<Downloads> {
        let started = Instant::now();
        let mut made = Downloads { count: 0, took: Duration::ZERO, bytes: 0 };
        while made.took < LEAST {
            made.bytes = stream::get(admin, "/admin/backup", |_| Ok(()))?;
            made.count += 1;
            made.took = started.elapsed();
        }
        Ok(made)
    }
}
