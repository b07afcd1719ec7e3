//! Keeps the feed: on or off, how far back, and whose history it is.

use crate::domain::event::{EventId, Source};
use crate::error::Error;
use crate::store::write_txn::{Applied, Write, WriteTxn};

/// Turns the feed on or off, where it isn't so already.
#[derive(Debug)]
pub struct SetFeed {
    pub is_on: bool,
}

impl Write for SetFeed {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        txn.set_feed(self.is_on)
    }
}

/// Removes the events up to this one. Choose few at a time, so that no order waits for long.
#[derive(Debug)]
pub struct PruneEvents {
    pub up_to: EventId,
}

impl Write for PruneEvents {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        if self.up_to > txn.last_event_id()? {
            return Err(Error::Internal("events of the future were to be removed".into()).into());
        }
        txn.remove_events(self.up_to)
    }
}

/// Begins another history: a restored store gives ids again.
#[derive(Debug)]
pub struct RenewSource;

impl Write for RenewSource {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(Error::internal)?;
        txn.set_source(Source(u128::from_be_bytes(bytes)))
    }
}
