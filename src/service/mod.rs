//! The operations. Each takes its [`Caller`], and is authorised, logged and measured
//! here, once.

mod accounts;
mod backups;
mod limits;
mod operation;
mod orders;
mod outbox;
mod readiness;
mod system;

use std::cell::Cell;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::auth::{Hasher, Tokens};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Role, UserId};
use crate::error::{Error, Result, Unauthenticated};
use crate::metrics::{Gauge, Metrics};
use crate::store::{BackupLock, Store};

pub use accounts::{FirstAdmin, Login, Seed};
pub use backups::{DOWNLOAD_FILE, Download};
pub use limits::{Limit, LimitStanding, Limits};
pub use operation::Notes;
pub use orders::{OrderPages, OrderQuery, PendingOrder};
pub use readiness::Readiness;
pub use system::Health;

use operation::Operations;

/// Everything that the operations stand on. Shared by all serving threads.
pub struct Service {
    store: Store,
    hasher: Hasher,
    tokens: Tokens,
    clock: Clock,
    limits: Limits,
    operations: Operations,
    counters: crate::metrics::Business,
    /// What the Message-IDs end in.
    mail_domain: String,
    environment: &'static str,
    keep_keys: Duration,
    last_trial: readiness::LastTrial,
    /// Where a backup lies until it is sent.
    download_path: PathBuf,
    download_lock: BackupLock,
    last_backup: Gauge,
}

/// Who wants it done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody has proved who they are.
    Anonymous,
    User {
        id: UserId,
        role: Role,
    },
    /// Whoever runs the command line on this host.
    Operator,
}

/// What belongs to one request and to no operation.
#[derive(Debug)]
pub struct Context {
    pub request_id: String,
    pub client: IpAddr,
    /// The tightest bucket that the request has met.
    standing: Cell<Option<LimitStanding>>,
    /// An operation has told the log how the request went.
    logged: Cell<bool>,
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
        Service {
            limits: Limits::new(config, clock.clone(), metrics),
            operations: Operations::new(metrics),
            counters: metrics.business.clone(),
            mail_domain: config.email_from.domain().to_owned(),
            environment: config.environment.as_str(),
            keep_keys: Duration::from_secs(u64::from(config.idempotency_keep_hours) * 3600),
            last_trial: readiness::LastTrial::default(),
            download_path: config.beside_database(DOWNLOAD_FILE),
            download_lock: BackupLock::default(),
            last_backup: metrics.gauges.last_backup_seconds.clone(),
            store,
            hasher,
            tokens,
            clock,
        }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl Caller {
    pub fn require_user(&self) -> Result<UserId> {
        match self {
            Caller::User { id, .. } => Ok(*id),
            Caller::Anonymous | Caller::Operator => {
                Err(Error::Unauthenticated(Unauthenticated::Missing))
            }
        }
    }

    pub fn require_admin(&self) -> Result<()> {
        match self {
            Caller::Operator | Caller::User { role: Role::Admin, .. } => Ok(()),
            Caller::User { .. } => Err(Error::Forbidden("Admin privileges required")),
            Caller::Anonymous => Err(Error::Unauthenticated(Unauthenticated::Missing)),
        }
    }

    /// Tells the log who it was.
    fn note(&self, notes: &mut Notes) {
        match self {
            Caller::User { id, .. } => notes.add("by", id),
            Caller::Operator => notes.add("by", "operator"),
            Caller::Anonymous => {}
        }
    }

    /// Whether the caller sees what belongs to others.
    pub fn sees_all(&self) -> bool {
        self.require_admin().is_ok()
    }
}

impl Context {
    pub fn new(request_id: String, client: IpAddr) -> Context {
        Context { request_id, client, standing: Cell::new(None), logged: Cell::new(false) }
    }

    /// For what the command line and the threads inside do.
    pub fn local() -> Context {
        Context::new("-".into(), IpAddr::from([127, 0, 0, 1]))
    }

    /// Logs a request that was refused ahead of any operation.
    pub fn log_refusal(&self, what: std::fmt::Arguments<'_>, why: &Error) {
        if !self.logged.get() {
            log::warn!("{what} refused client={} request={}: {why}", self.client, self.request_id);
        }
    }

    pub fn standing(&self) -> Option<LimitStanding> {
        self.standing.get()
    }

    /// Keeps the tighter of the bucket that was met before and this one.
    pub fn meet(&self, standing: LimitStanding) {
        let tighter = match self.standing.get() {
            Some(met) if !standing.is_tighter_than(&met) => met,
            _ => standing,
        };
        self.standing.set(Some(tighter));
    }

    /// Goes back to where the caller stood before a bucket that has refunded its token.
    pub fn restore(&self, standing: LimitStanding) {
        self.standing.set(Some(standing));
    }
}
