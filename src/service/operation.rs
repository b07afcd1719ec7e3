//! The one place where operations are logged and measured.

use std::fmt::Write;
use std::time::Instant;

use log::Level;

use crate::error::{Error, Result};
use crate::logging;
use crate::metrics::{self, Metrics};

use super::context::Context;

/// Every operation, with the handles of its metrics.
pub(super) struct Operations {
    pub login: Operation,
    pub log_out: Operation,
    pub register: Operation,
    pub get_me: Operation,
    pub change_password: Operation,
    pub set_password: Operation,
    pub set_disabled: Operation,
    pub get_user: Operation,
    pub update_user: Operation,
    pub list_users: Operation,
    pub create_key: Operation,
    pub list_keys: Operation,
    pub revoke_key: Operation,
    pub create_order: Operation,
    pub get_order: Operation,
    pub list_orders: Operation,
    pub count_orders: Operation,
    pub set_order_status: Operation,
    pub update_order: Operation,
    pub record_payment: Operation,
    pub record_refund: Operation,
    pub read_events: Operation,
    pub list_emails: Operation,
    pub get_email: Operation,
    pub retry_email: Operation,
    pub retry_emails: Operation,
    pub back_up: Operation,
    pub list_webhooks: Operation,
    pub get_webhook: Operation,
    pub create_webhook: Operation,
    pub update_webhook: Operation,
    pub enable_webhook: Operation,
    pub disable_webhook: Operation,
    pub rotate_webhook: Operation,
    pub seek_webhook: Operation,
    pub delete_webhook: Operation,
    pub test_webhook: Operation,
    pub status: Operation,
    pub check: Operation,
    pub set_log_level: Operation,
}

pub(super) struct Operation {
    name: &'static str,
    meter: metrics::Operation,
    /// Whether strangers can begin it.
    is_public: bool,
}

/// What an operation adds to its log line: ids, counts; never a secret or a name.
#[derive(Default)]
pub struct Notes(String);

impl Operations {
    pub fn new(metrics: &Metrics) -> Operations {
        let operation = |name| Operation { name, meter: metrics.operation(name), is_public: false };
        Operations {
            login: Operation { is_public: true, ..operation("login") },
            log_out: operation("log_out"),
            register: operation("register"),
            get_me: operation("get_me"),
            change_password: operation("change_password"),
            set_password: operation("set_password"),
            set_disabled: operation("set_disabled"),
            get_user: operation("get_user"),
            update_user: operation("update_user"),
            list_users: operation("list_users"),
            create_key: operation("create_key"),
            list_keys: operation("list_keys"),
            revoke_key: operation("revoke_key"),
            create_order: operation("create_order"),
            get_order: operation("get_order"),
            list_orders: operation("list_orders"),
            count_orders: operation("count_orders"),
            set_order_status: operation("set_order_status"),
            update_order: operation("update_order"),
            record_payment: operation("record_payment"),
            record_refund: operation("record_refund"),
            read_events: operation("read_events"),
            list_emails: operation("list_emails"),
            get_email: operation("get_email"),
            retry_email: operation("retry_email"),
            retry_emails: operation("retry_emails"),
            back_up: operation("back_up"),
            list_webhooks: operation("list_webhooks"),
            get_webhook: operation("get_webhook"),
            create_webhook: operation("create_webhook"),
            update_webhook: operation("update_webhook"),
            enable_webhook: operation("enable_webhook"),
            disable_webhook: operation("disable_webhook"),
            rotate_webhook: operation("rotate_webhook"),
            seek_webhook: operation("seek_webhook"),
            delete_webhook: operation("delete_webhook"),
            test_webhook: operation("test_webhook"),
            status: operation("status"),
            check: operation("check"),
            set_log_level: operation("set_log_level"),
        }
    }
}

/// An operation under way: when it began, and what it has noted so far.
pub(super) struct OperationSpan {
    started: Instant,
    pub notes: Notes,
}

impl OperationSpan {
    pub fn begin() -> OperationSpan {
        OperationSpan { started: Instant::now(), notes: Notes::default() }
    }
}

impl Operation {
    /// Runs, counts and logs it.
    pub fn run<T>(&self, cx: &Context, act: impl FnOnce(&mut Notes) -> Result<T>) -> Result<T> {
        let mut span = OperationSpan::begin();
        let result = act(&mut span.notes);
        self.end(cx, span, result)
    }

    /// Counts it, and logs one line: info after success, a warning when the caller was
    /// refused, an error when the fault is ours.
    pub fn end<T>(&self, cx: &Context, span: OperationSpan, result: Result<T>) -> Result<T> {
        let elapsed = span.started.elapsed();
        self.meter.record(result.as_ref().err().map(Error::kind), elapsed);
        let (name, millis, Notes(notes)) = (self.name, elapsed.as_secs_f64() * 1e3, span.notes);
        let request = &cx.request_id;
        cx.mark_logged();
        match &result {
            Ok(_) => log::info!("{name} ok {millis:.1} ms{notes} request={request}"),
            // Nobody was looked at, nothing was spent, and anybody can cause it at any rate.
            Err(why) if self.is_public && matches!(why, Error::Unavailable(_)) => {
                let line =
                    format_args!("{name} failed {millis:.1} ms{notes} request={request}: {why}");
                logging::limited(Level::Error, "busy", line);
            }
            Err(why) if why.is_ours() => {
                log::error!("{name} failed {millis:.1} ms{notes} request={request}: {why}");
            }
            Err(why) => log::warn!("{name} refused {millis:.1} ms{notes} request={request}: {why}"),
        }
        result
    }
}

impl Notes {
    pub fn add(&mut self, name: &str, value: impl std::fmt::Display) {
        // Writing into a `String` can't fail.
        let _ = write!(self.0, " {name}={value}");
    }
}
