//! What all operations share.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use parking_lot::Mutex;

use crate::auth::{ApiKeys, Hasher, Tokens};
use crate::clock::{Clock, Timestamp};
use crate::config::Config;
use crate::domain::EmailAddress;
use crate::domain::webhook::Networks;
use crate::limiter::Rate;
use crate::metrics::{Business, Gauge, Metrics};
use crate::store::{BackupLock, Store};

use super::limits::Limits;
use super::operation::Operations;
use super::trial::LastTrial;
use super::waiters::Waiters;
use super::warning::Warning;

/// The name of a backup's file beside the database, while a download is being made.
pub const DOWNLOAD_FILE: &str = "orders.download";

/// The operations' dependencies, shared by all serving threads. Each file of this room adds
/// the operations of one kind.
pub struct Service {
    pub(super) store: Store,
    pub(super) hasher: Hasher,
    pub(super) tokens: Tokens,
    pub(super) api_keys: ApiKeys,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) operations: Operations,
    pub(super) counters: Business,
    /// The part of a Message-ID after the `@`.
    pub(super) mail_domain: String,
    /// Who hears of each order with content.
    pub(super) notify: Option<EmailAddress>,
    pub(super) environment: &'static str,
    pub(super) started_at: Timestamp,
    pub(super) keep_keys: Duration,
    pub(super) waiters: Waiters,
    pub(super) last_trial: LastTrial,
    /// Where a backup is until it has been sent.
    pub(super) download_path: PathBuf,
    pub(super) download_lock: BackupLock,
    pub(super) check_lock: Mutex<()>,
    pub(super) last_backup: Gauge,
    /// Absolute, so that it means the same to whoever reads it elsewhere.
    pub(super) database_path: PathBuf,
    /// Descriptors other than connections, where the system doesn't count them.
    pub(super) other_fds: OnceLock<Option<u64>>,
    pub(super) mail_warning: Warning,
    pub(super) webhook_warning: Warning,
    /// Where webhooks may go.
    pub(super) webhook_networks: Networks,
}

impl Service {
    pub fn new(
        config: &Config,
        store: Store,
        hasher: Hasher,
        tokens: Tokens,
        clock: Clock,
        metrics: &Metrics,
    ) -> Service {
        let rate = Rate { requests: config.rate_limit_requests, window: config.rate_window() };
        let orders = Rate { requests: config.orders_per_window(), ..rate };
        Service {
            limits: Limits::new(rate, orders, store.clone(), clock.clone(), metrics),
            operations: Operations::new(metrics),
            counters: metrics.business.clone(),
            mail_domain: config.email_from.domain().to_owned(),
            notify: config.notify_email.clone(),
            environment: config.environment.as_str(),
            started_at: clock.now(),
            keep_keys: Duration::from_secs(u64::from(config.idempotency_keep_hours) * 3600),
            waiters: Waiters::default(),
            last_trial: LastTrial::default(),
            download_path: config.beside_database(DOWNLOAD_FILE),
            download_lock: BackupLock::default(),
            check_lock: Mutex::default(),
            last_backup: metrics.sampled.last_backup_seconds.clone(),
            database_path: std::path::absolute(config.database_path())
                .unwrap_or_else(|_| config.database_path().to_owned()),
            other_fds: OnceLock::new(),
            mail_warning: Warning::default(),
            webhook_warning: Warning::default(),
            webhook_networks: config.networks_of_webhooks(),
            store,
            hasher,
            tokens,
            api_keys: ApiKeys::default(),
            clock,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}
