//! What `GET /health` says of the mail: the sender sets it.

use std::sync::Arc;

use parking_lot::Mutex;

/// Why mail doesn't go out. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MailWarning(Arc<Mutex<Option<&'static str>>>);

impl MailWarning {
    /// True where that is news.
    pub fn set(&self, warning: Option<&'static str>) -> bool {
        let mut current = self.0.lock();
        std::mem::replace(&mut *current, warning) != warning
    }

    pub fn get(&self) -> Option<&'static str> {
        *self.0.lock()
    }
}
