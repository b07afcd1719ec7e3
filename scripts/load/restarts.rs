//! How long a start takes after a server was killed: while it was idle, and under load.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::engine::drive;
use crate::load::{End, Load, Opening, Pace};
use crate::options::Growth;
use crate::plan::{self, Plan};
use crate::server::{Folder, Limiter, Server};
use crate::table::{Goal, Table, median};

const CONNECTIONS: usize = 64;
/// How long a server is under load before it is killed.
const LOADED: Duration = Duration::from_secs(3);
/// Long enough for the store to find itself idle and make the next start quick.
const IDLE: Duration = Duration::from_secs(2);

/// Kills servers on that store and starts them again, as often as there are rounds.
pub fn measure(options: &Growth, folder: &Folder, table: &mut Table) -> io::Result<()> {
    eprintln!("killing servers");
    for (what, rest, most) in [
        ("start after a kill while idle", IDLE, 50.0),
        ("after one under load", Duration::ZERO, 500.0),
    ] {
        let mut starts = Vec::new();
        for _ in 0..options.rounds {
            kill_after_load(&options.server, folder, rest)?;
            let server = Server::start(&options.server, folder, Limiter::Off)?;
            starts.push(server.ready_after.as_secs_f64() * 1e3);
            server.stop()?;
        }
        let start = median(&starts);
        table.row(what, format!("{start:.1} ms"), "", start, Goal::Below(most));
    }
    Ok(())
}

/// Creates orders, and kills the server: in the middle of it, or after it has rested.
fn kill_after_load(binary: &Path, folder: &Folder, rest: Duration) -> io::Result<()> {
    let server = Server::start(binary, folder, Limiter::Off)?;
    let admin = server.admin()?;
    let create = Plan::of(vec![plan::create(&admin)]);
    let load = Load {
        address: admin.address,
        connections: CONNECTIONS,
        threads: 1,
        pace: Pace::Closed,
        // In the middle of it: it would go on for as long again.
        end: End::After(if rest.is_zero() { LOADED * 2 } else { LOADED }),
        warmup: Duration::ZERO,
        opening: Opening::Kept,
    };
    thread::scope(|scope| {
        let driving = scope.spawn(|| drive(&load, &create, None));
        if rest.is_zero() {
            thread::sleep(LOADED);
        } else {
            // What it measured is of no interest here.
            let _ = driving.join();
            thread::sleep(rest);
        }
        server.kill()
    })
}
