//! An answer, or one that waits for its order to be on disk.

use std::time::Instant;

use super::cors::Grant;
use super::response::Response;
use super::routes::Render;
use crate::service::{Context, Placing};

/// What a request comes to.
pub enum Answer {
    Now(Response),
    /// Nothing waits for it but the connection: see [`super::Service::complete`].
    Later(Box<Pending>),
}

/// An answer whose order is on its way to the disk.
pub struct Pending {
    pub(super) placing: Placing,
    pub(super) render: Render,
    pub(super) errand: Errand,
    /// In the route table.
    pub(super) endpoint: usize,
}

/// What of a request is needed once more when its answer is there.
pub(super) struct Errand {
    pub cx: Context,
    pub started: Instant,
    /// The client asks for errors as problem details.
    pub wants_problem: bool,
    pub grant: Grant,
}

impl Pending {
    /// Whether the order is on disk, or refused.
    pub fn is_ready(&self) -> bool {
        self.placing.is_ready()
    }
}
