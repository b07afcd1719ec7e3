//! The seeds that a test runs, from the environment.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant, SystemTime};

/// Runs seeds from 0 to `count`, or those that the environment asks for. Prints the seed that
/// failed.
pub fn run_each(count: u64, run: impl Fn(u64)) {
    if let Some(seed) = number("DURABILITY_SEED") {
        return run(seed);
    }
    let Some(secs) = number("DURABILITY_SECS") else {
        return (0..count).for_each(|seed| run_one(seed, &run));
    };
    let started = Instant::now();
    let first = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    let mut seeds = (first..).take_while(|_| started.elapsed() < Duration::from_secs(secs));
    let runs = seeds.by_ref().inspect(|seed| run_one(*seed, &run)).count();
    println!("{runs} runs from seed {first}");
}

fn run_one(seed: u64, run: &impl Fn(u64)) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
        eprintln!("seed {seed} failed; run it alone with DURABILITY_SEED={seed}");
        resume_unwind(panic);
    }
}

pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
