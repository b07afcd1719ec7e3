//! What `GET /health` warns of: whoever finds it sets it.

use std::sync::Arc;

use parking_lot::Mutex;

/// One thing that needs an operator. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Warning(Arc<Mutex<Option<&'static str>>>);

impl Warning {
    /// True where that is news.
    pub fn set(&self, warning: Option<&'static str>) -> bool {
        let mut current = self.0.lock();
        std::mem::replace(&mut *current, warning) != warning
    }

    pub fn get(&self) -> Option<&'static str> {
        *self.0.lock()
    }
}
