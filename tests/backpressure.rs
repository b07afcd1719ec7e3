//! A disk that hangs: writes beyond the bound are turned away, and nothing is lost.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use orderd::clock::{Clock, Timestamp};
use orderd::error::{Error, Unavailable};
use orderd::metrics::Metrics;
use orderd::store::{Medium, Store, Trial};
use redb::backends::InMemoryBackend;
use redb::{Builder, Database, DatabaseError, StorageBackend};

/// A disk in memory whose syncs wait while the gate is closed.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Gate>);

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    waiting: usize,
}

impl Disk {
    fn close(&self) {
        self.0.state.lock().unwrap().closed = true;
    }

    fn open_again(&self) {
        self.0.state.lock().unwrap().closed = false;
        self.0.moved.notify_all();
    }

    fn await_a_hanging_sync(&self) {
        let state = self.0.state.lock().unwrap();
        let nobody = |state: &mut State| state.waiting == 0;
        drop(self.0.moved.wait_while(state, nobody).unwrap());
    }

    fn sync(&self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        self.0.moved.notify_all();
        let mut state = self.0.moved.wait_while(state, |state| state.closed).unwrap();
        state.waiting -= 1;
    }
}

impl Medium for Disk {
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
        self.pages.write(offset, data)
    }
}

fn write(store: &Store) -> Result<(), Error> {
    store.write(Trial { at: Timestamp::from_secs(1) })
}

#[test]
fn while_the_disk_hangs_one_write_too_many_is_turned_away_and_the_others_are_kept() {
    let disk = Disk::default();
    let store = Store::open_on(Box::new(disk.clone()), Clock::system(), &Metrics::new()).unwrap();
    store.limit_writes(2);
    disk.close();
    let hanging: Vec<_> = (0..2)
        .map(|_| {
            let store = store.clone();
            thread::spawn(move || write(&store))
        })
        .collect();
    disk.await_a_hanging_sync();
    while !store.is_queue_full() {
        thread::yield_now();
    }
    let refused = write(&store);
    assert!(matches!(refused, Err(Error::Unavailable(Unavailable::Busy { .. }))), "{refused:?}");
    disk.open_again();
    for thread in hanging {
        thread.join().unwrap().unwrap();
    }
    write(&store).unwrap();
    store.close();
}
