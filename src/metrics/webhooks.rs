//! Webhooks, by their ids.

use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::families::{Counters, Gauge, Labels, counters};

type Gauges = Family<Labels, Gauge>;

#[derive(Clone, Debug)]
pub struct Webhooks {
    deliveries: Counters,
    backlog: Gauges,
    oldest_seconds: Gauges,
}

impl Webhooks {
    pub(super) fn register(registry: &mut Registry) -> Webhooks {
        let help = "Attempts to deliver an event, by outcome";
        let deliveries = counters(registry, "webhook_deliveries", help);
        let gauges = |registry: &mut Registry, name: &str, help: &str| {
            let family = Gauges::default();
            registry.register(name, help, family.clone());
            family
        };
        let backlog = gauges(registry, "webhook_backlog", "Events past the webhook's cursor");
        let oldest_seconds = gauges(
            registry,
            "webhook_oldest_age_seconds",
            "Age of the first event past the webhook's cursor, in seconds",
        );
        Webhooks { deliveries, backlog, oldest_seconds }
    }

    /// Looks its counter up at each call: beside a delivery that costs nothing.
    pub fn count(&self, webhook: u64, outcome: &str) {
        let labels = vec![("webhook", webhook.to_string()), ("outcome", outcome.to_owned())];
        self.deliveries.get_or_create_owned(&labels).inc();
    }

    /// Only these are shown from now on: each with its backlog, and the age of its oldest event.
    pub fn set_backlogs(&self, backlogs: impl Iterator<Item = (u64, u64, u64)>) {
        self.backlog.clear();
        self.oldest_seconds.clear();
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for (webhook, events, age_seconds) in backlogs {
            let labels = vec![("webhook", webhook.to_string())];
            self.backlog.get_or_create_owned(&labels).set(gauge(events));
            self.oldest_seconds.get_or_create_owned(&labels).set(gauge(age_seconds));
        }
    }
}
