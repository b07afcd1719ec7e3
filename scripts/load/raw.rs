//! What the disk can do: commits of one small insert, straight into redb, and bare fsyncs.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use redb::{Database, Durability, TableDefinition};

use crate::client::wrong;
use crate::latency::{histogram, millis, nanos};
use crate::options::{self, seconds};
use crate::server::Folder;
use crate::tally::Verdict;

/// The size of an order's row and its mail's row together.
const ROW_BYTES: usize = 100;
const PAGE_BYTES: usize = 4096;
const TABLE: TableDefinition<u64, &[u8]> = TableDefinition::new("rows");

pub fn run(raw: &options::Raw) -> io::Result<Verdict> {
    let folder = Folder::create(&raw.folder, "raw")?;
    let commits = commits(folder.path(), seconds(raw.duration))?;
    let fsyncs = fsyncs(folder.path(), seconds(raw.duration))?;
    for (name, latencies) in [("commit", &commits), ("fsync", &fsyncs)] {
        println!(
            "{name}: {:.0} a second; ms p50 {:.3} p99 {:.3} max {:.3}",
            1e9 / latencies.mean(),
            millis(latencies, 0.5),
            millis(latencies, 0.99),
            millis(latencies, 1.0)
        );
    }
    Ok(Verdict::Right)
}

/// One insert a commit, durable, one after the other; times in nanoseconds.
pub fn commits(folder: &Path, time: Duration) -> io::Result<Histogram<u64>> {
    let database = Database::create(folder.join("raw.redb")).map_err(as_io)?;
    let row = [7; ROW_BYTES];
    let mut key = 0;
    repeat(time, || {
        let mut transaction = database.begin_write().map_err(as_io)?;
        transaction.set_durability(Durability::Immediate).map_err(as_io)?;
        key += 1;
        let mut table = transaction.open_table(TABLE).map_err(as_io)?;
        table.insert(key, row.as_slice()).map_err(as_io)?;
        drop(table);
        transaction.commit().map_err(as_io)
    })
}

/// One page rewritten and synced, one after the other; times in nanoseconds.
pub fn fsyncs(folder: &Path, time: Duration) -> io::Result<Histogram<u64>> {
    let path = folder.join("raw.sync");
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    let mut page = [0; PAGE_BYTES];
    repeat(time, || {
        page[0] = u8::wrapping_add(page[0], 1);
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&page)?;
        file.sync_data()
    })
}

fn repeat(time: Duration, mut act: impl FnMut() -> io::Result<()>) -> io::Result<Histogram<u64>> {
    let mut latencies = histogram(3);
    let deadline = Instant::now() + time;
    let mut before = Instant::now();
    while before < deadline {
        act()?;
        let after = Instant::now();
        latencies.saturating_record(nanos(after - before));
        before = after;
    }
    Ok(latencies)
}

fn as_io(why: impl std::fmt::Display) -> io::Error {
    wrong(why.to_string())
}
