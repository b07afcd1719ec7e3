//! A disk in memory that hangs when it is told to.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use orderd::store::Storage;
use redb::backends::InMemoryBackend;
use redb::{Builder, Database, DatabaseError, StorageBackend};

/// A disk in memory whose syncs wait while it hangs.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Gate>);

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    waiting: usize,
    /// The disk hangs from the moment when this is written to it.
    last_words: Option<&'static str>,
}

impl Disk {
    /// Returns once a sync waits.
    pub fn await_a_hanging_sync(&self) {
        let state = self.0.state.lock().unwrap();
        let nobody = |state: &mut State| state.waiting == 0;
        drop(self.0.moved.wait_while(state, nobody).unwrap());
    }

    /// Syncs wait until what this gives is dropped.
    pub fn hang(&self) -> Hanging<'_> {
        self.0.state.lock().unwrap().closed = true;
        Hanging(self)
    }

    /// The same, but only once `words` are written to it.
    pub fn hang_after(&self, words: &'static str) -> Hanging<'_> {
        self.0.state.lock().unwrap().last_words = Some(words);
        Hanging(self)
    }

    fn sync(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        self.0.moved.notify_all();
        let mut state = self.0.moved.wait_while(state, |state| state.closed).unwrap();
        state.waiting -= 1;
    }

    fn look_at(&self, data: &[u8]) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(words) = state.last_words else { return };
        if data.windows(words.len()).any(|it| it == words.as_bytes()) {
            (state.closed, state.last_words) = (true, None);
        }
    }
}

impl Storage for Disk {
    fn open(&self, builder: &Builder) -> Result<Database, DatabaseError> {
        builder.create_with_backend(Backend { pages: InMemoryBackend::new(), disk: self.clone() })
    }

    fn forget_cached(&self) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self) -> Option<u64> {
        None
    }
}

#[derive(Debug)]
struct Backend {
    pages: InMemoryBackend,
    disk: Disk,
}

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        self.pages.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.pages.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.pages.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.disk.sync();
        self.pages.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.disk.look_at(data);
        self.pages.write(offset, data)
    }
}

/// The disk hangs until this is dropped.
pub struct Hanging<'d>(&'d Disk);

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.0.state.lock().unwrap_or_else(PoisonError::into_inner).closed = false;
        self.0.0.moved.notify_all();
    }
}
