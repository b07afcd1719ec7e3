//! What a run has shown, as text and as JSON, and the bar while it runs.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::engine::Watcher;
use crate::latency::millis;
use crate::load::{Load, Pace};
use crate::plan::Plan;
use crate::tally::Tally;

const BAR_CELLS: usize = 30;

/// One run, with what it was asked to do.
pub struct Report<'r> {
    pub name: &'r str,
    pub load: &'r Load,
    pub plan: &'r Plan,
    pub tally: &'r Tally,
}

impl Report<'_> {
    pub fn title(&self) -> String {
        let pace = match self.load.pace {
            Pace::Closed => String::new(),
            Pace::Open { per_second } => format!(", {per_second:.0} a second"),
        };
        format!("{}, {} connections{pace}", self.name, self.load.connections)
    }

    pub fn text(&self) -> String {
        let tally = self.tally;
        let mut text = format!("{}\n", self.title());
        // Writing into a `String` can't fail.
        let _ = writeln!(
            text,
            "  {} answers in {:.1} s, {:.0} a second; {} wrong, {} rejected",
            tally.responses(),
            tally.elapsed.as_secs_f64(),
            tally.per_second(),
            tally.faults.count,
            tally.rejected
        );
        let _ = writeln!(
            text,
            "  {:<10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "ms", "count", "p50", "p90", "p99", "p99.9", "max"
        );
        let rows = self.by_name();
        for (name, latencies) in &rows {
            let _ = writeln!(text, "  {}", row(name, latencies));
        }
        if rows.len() > 1 {
            let _ = writeln!(text, "  {}", row("all", &tally.overall()));
        }
        for fault in &tally.faults.first {
            let _ = writeln!(text, "  wrong: {fault}");
        }
        text
    }

    pub fn json(&self) -> Value {
        let rows: serde_json::Map<String, Value> = self
            .by_name()
            .into_iter()
            .map(|(name, latencies)| (name.to_owned(), summary(&latencies)))
            .collect();
        json!({
            "scenario": self.name,
            "connections": self.load.connections,
            "threads": self.load.threads,
            "rate": match self.load.pace {
                Pace::Closed => None,
                Pace::Open { per_second } => Some(per_second),
            },
            "seconds": self.tally.elapsed.as_secs_f64(),
            "answers": self.tally.responses(),
            "per_second": self.tally.per_second(),
            "wrong": self.tally.faults.count,
            "faults": self.tally.faults.first,
            "rejected": self.tally.rejected,
            "latency_ms": summary(&self.tally.overall()),
            "exchanges": rows,
        })
    }

    /// Exchanges of one name count as one.
    fn by_name(&self) -> Vec<(&'static str, Histogram<u64>)> {
        let mut rows: Vec<(&'static str, Histogram<u64>)> = Vec::new();
        for (exchange, latencies) in self.plan.exchanges.iter().zip(&self.tally.latencies) {
            match rows.iter_mut().find(|(name, _)| *name == exchange.name) {
                // All have the same bounds.
                Some((_, sum)) => drop(sum.add(latencies)),
                None => rows.push((exchange.name, latencies.clone())),
            }
        }
        rows
    }
}

fn row(name: &str, latencies: &Histogram<u64>) -> String {
    let mut text = format!("{name:<10}{:>10}", latencies.len());
    for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
        let _ = write!(text, "{:>10.3}", millis(latencies, quantile));
    }
    text
}

fn summary(latencies: &Histogram<u64>) -> Value {
    json!({
        "count": latencies.len(),
        "p50": millis(latencies, 0.5),
        "p90": millis(latencies, 0.9),
        "p99": millis(latencies, 0.99),
        "p999": millis(latencies, 0.999),
        "max": millis(latencies, 1.0),
    })
}

/// A progress bar, where stderr is a terminal.
pub fn progress() -> Option<Watcher> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    Some(Box::new(|answers, part| {
        let part = part.clamp(0.0, 1.0);
        let full = (part * BAR_CELLS as f64) as usize;
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR_CELLS - full));
        let mut err = std::io::stderr().lock();
        // The bar is for someone who looks; without one nothing is lost.
        let _ = write!(err, "\r  {bar} {:3.0}%  {answers} answers ", part * 100.0);
        if part >= 1.0 {
            let _ = write!(err, "\r\x1b[K");
        }
        let _ = err.flush();
    }))
}
