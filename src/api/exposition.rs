//! The metrics as they are served: rendered at most once a second, for all who ask.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::metrics::{Metrics, Rendering};
use crate::service::Service;

/// How old a rendering may be that is served.
pub const MAX_AGE: Duration = Duration::from_secs(1);
/// How long those wait who ask while the first rendering is made.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The last rendering.
pub struct Exposition {
    max_age: Duration,
    last: Mutex<Option<Made>>,
    /// Held by the thread that renders. The others serve what was there before: if the disk
    /// hangs, it takes one thread, not all.
    rendering: Mutex<()>,
}

#[derive(Clone)]
struct Made {
    at: Duration,
    rendering: Arc<Rendering>,
}

impl Exposition {
    pub fn new(max_age: Duration) -> Exposition {
        Exposition { max_age, last: Mutex::default(), rendering: Mutex::default() }
    }

    /// The metrics of the last second.
    ///
    /// # Errors
    /// There are none yet, and another thread takes too long to make the first.
    pub fn get(&self, service: &Service, metrics: &Metrics) -> Result<Arc<Rendering>> {
        let last = self.last();
        if let Some(fresh) = last.clone().filter(|made| self.is_fresh(made, service)) {
            return Ok(fresh.rendering);
        }
        let wait = if last.is_some() { Duration::ZERO } else { FIRST_WAIT };
        let Some(_right) = self.rendering.try_lock_for(wait) else {
            let last = last.or_else(|| self.last());
            return last.map(|made| made.rendering).ok_or_else(|| Error::busy("no metrics yet"));
        };
        // Another thread may have made it meanwhile.
        if let Some(fresh) = self.last().filter(|made| self.is_fresh(made, service)) {
            return Ok(fresh.rendering);
        }
        if let Err(why) = service.sample(metrics) {
            log::warn!("the store's metrics are out of date: {why}");
        }
        let rendering = Arc::new(metrics.render());
        let made = Made { at: service.uptime(), rendering: Arc::clone(&rendering) };
        *self.last.lock() = Some(made);
        Ok(rendering)
    }

    fn last(&self) -> Option<Made> {
        self.last.lock().clone()
    }

    fn is_fresh(&self, made: &Made, service: &Service) -> bool {
        service.uptime().saturating_sub(made.at) < self.max_age
    }
}
