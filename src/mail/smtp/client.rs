//! Sessions with one server, and the runtime that they need.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::mail::delivery::Unopened;
use crate::sys::stop::Stop;

use super::connect::Connector;
use super::server::Server;
use super::session::SmtpSession;
use super::step::StepRunner;
use super::transcript::Transcript;

/// Threads for name lookups. One that hangs keeps its thread until the system gives up.
const LOOKUP_THREADS: usize = 4;

pub struct Smtp {
    connector: Connector,
    runtime: Runtime,
}

impl Smtp {
    /// Loads the trusted certificates and makes the runtime; connects to nothing.
    ///
    /// # Errors
    /// One line: a CA file that can't be used, or no certificates on the system.
    pub fn new(server: Server) -> Result<Smtp, String> {
        let connector = Connector::new(server)?;
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(LOOKUP_THREADS)
            .build()
            .map_err(|error| format!("mail: no runtime: {error}"))?;
        Ok(Smtp { connector, runtime })
    }

    /// Shows all further sessions.
    pub fn show_to(&mut self, transcript: Transcript) {
        self.connector.transcript = transcript;
    }

    /// Connects, and goes on until the first MAIL FROM can be sent. A stop ends it at once.
    ///
    /// # Errors
    /// The step and the reason.
    pub fn open(&self, stop: &Stop) -> Result<SmtpSession<'_>, Unopened> {
        let runner = StepRunner::new(stop, Duration::ZERO);
        let connected = self.runtime.block_on(self.connector.connect(&runner));
        let dialogue = connected
            .map_err(|error| Unopened { is_refusal: error.is_refusal(), text: error.text })?;
        let timeouts = self.connector.server.timeouts;
        let runner = StepRunner::new(stop, timeouts.stop);
        Ok(SmtpSession::new(&self.runtime, timeouts, runner, dialogue))
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        // A name lookup that hangs in its thread must not hold up the end.
        if let Ok(empty) = Builder::new_current_thread().build() {
            std::mem::replace(&mut self.runtime, empty).shutdown_background();
        }
    }
}
