//! SIGTERM and SIGINT: the first asks for an orderly stop, the second ends the process. SIGHUP
//! asks for new files.

use std::io;
use std::process;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What an exit code after a signal is counted from, as shells do.
const SIGNAL_EXIT: i32 = 128;

/// Gives a channel that names the first signal once it has come. A second one exits at once,
/// with 130 or 143. Each SIGHUP calls `on_hangup`, and ends nothing.
pub fn watch(on_hangup: impl Fn() + Send + 'static) -> io::Result<Receiver<&'static str>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (first, stop) = mpsc::channel();
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut first = Some(first);
        for signal in signals.forever() {
            if signal == SIGHUP {
                on_hangup();
                continue;
            }
            match first.take() {
                // Nobody listens any more when the stop is under way already.
                Some(first) => drop(first.send(name_of(signal))),
                None => process::exit(SIGNAL_EXIT + signal),
            }
        }
    })?;
    Ok(stop)
}

fn name_of(signal: i32) -> &'static str {
    match signal {
        SIGTERM => "SIGTERM",
        SIGINT => "SIGINT",
        _ => "a signal",
    }
}
