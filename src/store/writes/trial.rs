//! Tries out a commit.

use crate::clock::Timestamp;
use crate::store::write_txn::{Applied, Write, WriteTxn};

/// Writes a row that nobody reads, to find out whether commits work.
#[derive(Debug)]
pub struct Trial {
    pub at: Timestamp,
}

impl Write for Trial {
    type Output = ();
    const GROWS: bool = false;

    fn apply(&self, txn: &mut WriteTxn<'_>) -> Applied<()> {
        txn.set_last_trial(self.at)
    }
}
