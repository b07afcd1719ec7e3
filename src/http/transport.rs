//! What the serving threads, the front door and the janitor share.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::connection::{Connection, NextStep};
use super::connection_limits::ConnectionLimits;
use super::handler::{Handler, Peer};
use super::head::Head;
use super::parking::Parking;
use super::rejection::Rejection;
use super::response::Response;
use super::settings::Settings;
use super::thread_pool::ThreadPool;
use crate::metrics::{Counter, Metrics};
use crate::sys::poll::Waker;

/// One for each server. Every thread of the transport holds it.
pub struct Transport {
    pub handler: Arc<dyn Handler>,
    pub settings: Settings,
    pub limits: Arc<ConnectionLimits>,
    pub parking: Parking,
    pub pool: ThreadPool,
    pub metrics: Arc<Metrics>,
    /// Set once: no connection is kept after its present response.
    is_stopping: AtomicBool,
    /// One for each [`Rejection`], in their order.
    rejections: Vec<Counter>,
}

impl Transport {
    /// # Errors
    /// The process has no descriptor left.
    pub fn new(
        settings: Settings,
        handler: Arc<dyn Handler>,
        waker: &Waker,
        metrics: Arc<Metrics>,
    ) -> io::Result<Transport> {
        let limits = ConnectionLimits::new(&settings, Arc::clone(&metrics));
        let rejections = Rejection::ALL
            .map(|why| metrics.connections.refused(why.reason(), why.status()))
            .into();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Transport {
            parking: Parking::new(limits.max(), waker, Arc::clone(&metrics))?,
            limits: Arc::new(limits),
            pool: ThreadPool::new(settings.threads, cores + 2),
            is_stopping: AtomicBool::new(false),
            handler,
            settings,
            metrics,
            rejections,
        })
    }

    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    pub fn begin_stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Counts a rejection and makes its response.
    pub fn reject(&self, rejection: Rejection, head: Option<&Head>, peer: &Peer) -> Response {
        self.rejections[rejection as usize].inc();
        // The front door and the janitor ask too, and no request may cost them their thread.
        let response =
            catch_unwind(AssertUnwindSafe(|| self.handler.reject(rejection, head, peer)));
        response.unwrap_or_else(|_| {
            self.metrics.connections.panics.inc();
            Response::detail(rejection.status(), rejection.text())
        })
    }

    /// Takes a connection over from a thread that has done what it could.
    pub fn proceed(&self, connection: Box<Connection>, next: NextStep) {
        match next {
            NextStep::Park(interest) => self.parking.park(connection, interest),
            NextStep::Defer => self.parking.deferrals().park(connection),
            NextStep::Close(reason) => connection.close(reason),
        }
    }
}
