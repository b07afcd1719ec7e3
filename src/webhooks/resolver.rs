//! From a name to its addresses, in bounded time and with a bounded number of threads: the
//! system's look-up can't be stopped, and one that hangs holds its thread.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::sys::dial::STOP_CHECK;
use crate::sys::poll::Waker;
use crate::sys::stop::Stop;

/// Most look-ups at once. While so many hang, further names count as unresolved.
const MAX_LOOKUPS: usize = 16;
/// Most addresses of a name.
const MAX_ADDRESSES: usize = 64;

/// What knows the addresses of names. It may take as long as it likes.
pub trait Names: Send + Sync + 'static {
    fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's own.
pub struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// Looks names up, each in a thread of its own, and no name twice at once.
#[derive(Clone)]
pub struct Resolver {
    names: Arc<dyn Names>,
    under_way: Arc<Mutex<HashMap<String, Lookup>>>,
    /// Called when a look-up has ended.
    waker: Waker,
}

/// A look-up that has begun. Clones share it.
#[derive(Clone)]
pub struct Lookup(Arc<Answer>);

#[derive(Default)]
struct Answer {
    found: Mutex<Option<Result<Vec<IpAddr>, String>>>,
    changed: Condvar,
}

/// Why there are no addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    Failed(String),
    Late,
    Stopped,
}

impl Resolver {
    pub fn new(names: Arc<dyn Names>, waker: Waker) -> Resolver {
        Resolver { names, under_way: Arc::default(), waker }
    }

    /// Begins to look the name up, or joins a look-up of it that is under way.
    pub fn begin(&self, name: &str) -> Lookup {
        let mut under_way = self.under_way.lock();
        if let Some(lookup) = under_way.get(name) {
            return lookup.clone();
        }
        let lookup = Lookup(Arc::default());
        if under_way.len() >= MAX_LOOKUPS {
            lookup.end(Err("too many look-ups of names hang".into()));
            return lookup;
        }
        under_way.insert(name.to_owned(), lookup.clone());
        drop(under_way);
        let (this, name, answer) = (self.clone(), name.to_owned(), lookup.clone());
        let spawned = thread::Builder::new().name("lookup".into()).spawn({
            let name = name.clone();
            move || this.run(&name, &answer)
        });
        if let Err(why) = spawned {
            self.under_way.lock().remove(&name);
            lookup.end(Err(why.to_string()));
        }
        lookup
    }

    fn run(&self, name: &str, lookup: &Lookup) {
        let found = self.names.addresses(name).map_err(|why| why.to_string());
        self.under_way.lock().remove(name);
        lookup.end(found.map(|mut addresses| {
            addresses.truncate(MAX_ADDRESSES);
            addresses
        }));
        self.waker.wake();
    }
}

impl Lookup {
    /// One whose result is known.
    pub fn known(addresses: Vec<IpAddr>) -> Lookup {
        let lookup = Lookup(Arc::default());
        lookup.end(Ok(addresses));
        lookup
    }

    pub fn is_ready(&self) -> bool {
        self.0.found.lock().is_some()
    }

    /// # Errors
    /// It failed, isn't there at `until`, or the stop is set.
    pub fn wait(&self, until: Instant, stop: &Stop) -> Result<Vec<IpAddr>, Unresolved> {
        let mut found = self.0.found.lock();
        loop {
            if let Some(found) = &*found {
                return found.clone().map_err(Unresolved::Failed);
            }
            if stop.is_set() {
                return Err(Unresolved::Stopped);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Unresolved::Late);
            }
            self.0.changed.wait_for(&mut found, left.min(STOP_CHECK));
        }
    }

    fn end(&self, result: Result<Vec<IpAddr>, String>) {
        *self.0.found.lock() = Some(result);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Hangs until the lock is free.
    struct Hanging {
        gate: Arc<Mutex<()>>,
        asked: Arc<AtomicUsize>,
    }

    impl Names for Hanging {
        fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            drop(self.gate.lock());
            Ok(vec![IpAddr::from([127, 0, 0, 1])])
        }
    }

    #[test]
    fn a_name_that_hangs_is_late_and_takes_one_thread_however_often_it_is_asked_for() {
        let (gate, asked) = (Arc::new(Mutex::new(())), Arc::new(AtomicUsize::new(0)));
        let names = Hanging { gate: Arc::clone(&gate), asked: Arc::clone(&asked) };
        let resolver = Resolver::new(Arc::new(names), Waker::new().unwrap());
        let held = gate.lock();
        let lookups: Vec<Lookup> = (0..50).map(|_| resolver.begin("hangs.example")).collect();
        for lookup in &lookups {
            let late = lookup.wait(Instant::now(), &Stop::new());
            assert_eq!(late, Err(Unresolved::Late));
        }
        let stop = Stop::new();
        stop.set();
        let far = Instant::now() + Duration::from_secs(600);
        assert_eq!(lookups[0].wait(far, &stop), Err(Unresolved::Stopped));
        let others: Vec<Lookup> =
            (0..50).map(|at| resolver.begin(&format!("{at}.example"))).collect();
        let refused = others.iter().filter(|lookup| lookup.is_ready()).count();
        assert_eq!(refused, 50 - (MAX_LOOKUPS - 1));
        drop(held);
        let found = lookups[49].wait(far, &Stop::new());
        assert_eq!(found, Ok(vec![IpAddr::from([127, 0, 0, 1])]));
        others.iter().for_each(|lookup| drop(lookup.wait(far, &Stop::new())));
        assert_eq!(asked.load(Ordering::SeqCst), MAX_LOOKUPS);
        assert!(resolver.begin("next.example").wait(far, &Stop::new()).is_ok());
    }
}
