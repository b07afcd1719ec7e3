//! What belongs to one request, whichever operation it calls.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;

use log::Level;

use crate::error::Error;
use crate::logging;

use super::limit::{LimitState, Spent};

#[derive(Debug)]
pub struct Context {
    pub request_id: String,
    pub client: IpAddr,
    /// The tightest limit that the request has met.
    limit_state: Cell<Option<LimitState>>,
    /// The token that the request has taken from its route's limit.
    spent: Cell<Option<Spent>>,
    /// An operation has already logged the request's outcome.
    logged: Cell<bool>,
}

impl Context {
    pub fn new(request_id: String, client: IpAddr) -> Context {
        Context {
            request_id,
            client,
            limit_state: Cell::new(None),
            spent: Cell::new(None),
            logged: Cell::new(false),
        }
    }

    /// For operations of the command line and of the service's own threads.
    pub fn local() -> Context {
        Context::new("-".into(), IpAddr::from([127, 0, 0, 1]))
    }

    /// Logs a request that was rejected before it reached an operation. Anybody can cause any
    /// number of them, so that most of a flood are only counted.
    pub fn log_refusal(&self, what: fmt::Arguments<'_>, why: &Error) {
        if !self.logged.get() {
            let (client, request) = (self.client, &self.request_id);
            let line = format_args!("{what} refused client={client} request={request}: {why}");
            logging::limited(Level::Warn, why.kind().as_str(), line);
        }
    }

    pub(super) fn mark_logged(&self) {
        self.logged.set(true);
    }

    pub fn limit_state(&self) -> Option<LimitState> {
        self.limit_state.get()
    }

    pub(super) fn note_spent(&self, spent: Spent) {
        self.spent.set(Some(spent));
    }

    /// What is given back can't be given back again.
    pub(super) fn take_spent(&self) -> Option<Spent> {
        self.spent.take()
    }

    /// Keeps the tighter of the states that the request has met.
    pub(super) fn meet_limit(&self, state: LimitState) {
        let tighter = match self.limit_state.get() {
            Some(met) if !state.is_tighter_than(&met) => met,
            _ => state,
        };
        self.limit_state.set(Some(tighter));
    }

    /// Forgets a limit that has given its token back: `state` is the one from before.
    pub(super) fn restore_limit_state(&self, state: LimitState) {
        self.limit_state.set(Some(state));
    }
}
