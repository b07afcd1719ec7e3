//! Counts the responses of each route, with every metric's handle looked up in advance.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::routes::ROUTES;
use crate::metrics::{Counter, Histogram, Http, Metrics};

/// The statuses of our responses. Another one counts as well, but is looked up each time.
const STATUSES: [u16; 23] = [
    200, 204, 304, 307, 400, 401, 403, 404, 405, 408, 409, 410, 412, 413, 415, 417, 422, 429, 431,
    500, 501, 503, 505,
];

/// The meters of all routes, in their order.
pub struct Meters {
    metrics: Arc<Metrics>,
    meters: Vec<Meter>,
}

struct Meter {
    /// Made at the first answer of a status: most never are.
    by_status: [OnceLock<Counter>; STATUSES.len()],
    /// None for pages and their files: how long they take is never a question.
    seconds: Option<Histogram>,
}

impl Meters {
    pub fn new(metrics: &Arc<Metrics>) -> Meters {
        let meters = ROUTES.iter().map(|route| Meter {
            by_status: [const { OnceLock::new() }; STATUSES.len()],
            seconds: route
                .operation
                .map(|_| metrics.http.duration(route.method.as_str(), route.pattern)),
        });
        Meters { meters: meters.collect(), metrics: metrics.clone() }
    }

    /// Counts an answer of the route at `index`.
    pub fn count(&self, index: usize, status: u16, elapsed: Duration) {
        let (route, meter) = (&ROUTES[index], &self.meters[index]);
        let counter = || self.http().requests(route.method.as_str(), route.pattern, status);
        match STATUSES.iter().position(|known| *known == status) {
            Some(place) => meter.by_status[place].get_or_init(counter).inc(),
            None => counter().inc(),
        };
        if let Some(seconds) = &meter.seconds {
            seconds.observe(elapsed.as_secs_f64());
        }
    }

    /// Counts an answer to a path that no route has. Both labels are of a few values.
    pub fn count_unmatched(&self, method: &str, status: u16) {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = known.into_iter().find(|known| *known == method).unwrap_or("other");
        self.http().requests(method, "unmatched", status).inc();
    }

    /// Counts what the front door rejected before there was a request.
    pub fn count_rejected(&self, status: u16) {
        self.http().requests("unread", "unmatched", status).inc();
    }

    fn http(&self) -> &Http {
        &self.metrics.http
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_status_counts_under_its_own_name_and_spoils_no_other() {
        let metrics = Arc::new(Metrics::new());
        let meters = Meters::new(&metrics);
        for status in [299, 500, 505, 299, 500, 500] {
            meters.count(0, status, Duration::ZERO);
        }
        let (method, pattern) = (ROUTES[0].method.as_str(), ROUTES[0].pattern);
        let counted = |status| metrics.http.requests(method, pattern, status).get();
        assert_eq!([299, 500, 505].map(counted), [2, 3, 1]);
    }
}
