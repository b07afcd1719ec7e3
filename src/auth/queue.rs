//! Who waits for a password hash, and who gives way when too many do.

use std::cmp::Reverse;
use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};

use crate::domain::Network;
use crate::error::{Error, Result};

/// All addresses of one site share the places of one client: most sites have a /48.
const SITE_BITS: u32 = 48;

/// Who asks for a hash.
#[derive(Clone, Copy, Debug)]
pub struct Requester {
    pub client: Network,
    /// They are logged in, or the user whom they claim to be has logged in from there before.
    pub is_known: bool,
    /// What the client may still ask for: those who have asked for little go ahead.
    pub tokens_left: u32,
}

/// Admits one caller at a time, in the order of their arrival.
///
/// When the queue is full, a newcomer takes the place of the waiting caller of the lowest
/// priority, if that is lower than its own. So neither one client nor many that have asked
/// before keep out a user who comes from where they always do, or a stranger who asks once.
pub(super) struct Queue {
    max_waiting: usize,
    callers: Mutex<Callers>,
    changed: Condvar,
}

#[derive(Default)]
struct Callers {
    last_number: u64,
    /// The site of the one who is served.
    served: Option<Network>,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    number: u64,
    site: Network,
    priority: Priority,
}

/// The larger gives way later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Priority {
    is_known: bool,
    /// How many callers of the same site were there before.
    before: Reverse<usize>,
    tokens_left: u32,
}

/// The right to compute a hash, given back when dropped.
pub(super) struct Permit<'a>(&'a Queue);

impl Queue {
    pub fn new(max_waiting: usize) -> Queue {
        Queue { max_waiting, callers: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits until it is the caller's turn.
    ///
    /// # Errors
    /// `Unavailable` where the queue is full, or where the caller has to give way.
    pub fn acquire(&self, requester: &Requester) -> Result<Permit<'_>> {
        let mut callers = self.callers.lock();
        let waiting = callers.new_waiting(requester);
        let number = waiting.number;
        if callers.len() > self.max_waiting {
            callers.make_room_for(waiting.priority)?;
            self.changed.notify_all();
        }
        callers.waiting.push_back(waiting);
        self.changed.wait_while(&mut callers, |callers| callers.must_wait(number));
        match callers.waiting.pop_front_if(|first| first.number == number) {
            Some(Waiting { site, .. }) => {
                callers.served = Some(site);
                Ok(Permit(self))
            }
            None => Err(busy()),
        }
    }

    /// Callers that wait.
    pub fn waiting(&self) -> usize {
        self.callers.lock().waiting.len()
    }

    /// Whether another caller would be rejected, or take the place of one that waits.
    pub fn is_full(&self) -> bool {
        self.callers.lock().len() > self.max_waiting
    }
}

impl Callers {
    /// Those who are served or wait.
    fn len(&self) -> usize {
        usize::from(self.served.is_some()) + self.waiting.len()
    }

    fn new_waiting(&mut self, requester: &Requester) -> Waiting {
        let Requester { client, is_known, tokens_left } = *requester;
        let site = client.site(SITE_BITS).unwrap_or(client);
        let sites = self.waiting.iter().map(|it| it.site).chain(self.served);
        let before = Reverse(sites.filter(|it| *it == site).count());
        self.last_number += 1;
        let priority = Priority { is_known, before, tokens_left };
        Waiting { number: self.last_number, site, priority }
    }

    /// Of those with the lowest priority, the last to come leaves.
    fn make_room_for(&mut self, newcomer: Priority) -> Result<()> {
        let rank = |it: &Waiting| (it.priority, Reverse(it.number));
        let last = (0..self.waiting.len()).min_by_key(|at| rank(&self.waiting[*at]));
        match last {
            Some(at) if self.waiting[at].priority < newcomer => {
                self.waiting.remove(at);
                Ok(())
            }
            _ => Err(busy()),
        }
    }

    /// False once the caller is the next, or has left the queue.
    fn must_wait(&self, number: u64) -> bool {
        let is_next = self.waiting.front().is_some_and(|first| first.number == number);
        let is_here = self.waiting.iter().any(|it| it.number == number);
        is_here && !(is_next && self.served.is_none())
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.callers.lock().served = None;
        self.0.changed.notify_all();
    }
}

fn busy() -> Error {
    Error::busy("too many passwords are being checked")
}

#[cfg(test)]
mod tests {
    use std::thread::{self, Scope, ScopedJoinHandle};

    use super::*;

    fn requester(client: &str, is_known: bool, tokens_left: u32) -> Requester {
        Requester { client: Network::of(client.parse().unwrap()), is_known, tokens_left }
    }

    /// A thread that waits in the queue; gives whether it was served.
    fn wait<'s>(
        scope: &'s Scope<'s, '_>,
        queue: &'s Queue,
        requester: Requester,
    ) -> ScopedJoinHandle<'s, bool> {
        let last = queue.callers.lock().last_number;
        let thread = scope.spawn(move || queue.acquire(&requester).is_ok());
        while queue.callers.lock().last_number == last {
            thread::yield_now();
        }
        thread
    }

    #[test]
    fn callers_are_served_in_the_order_of_their_arrival() {
        let queue = Queue::new(3);
        let served = Mutex::new(Vec::new());
        let permit = queue.acquire(&requester("192.0.2.9", false, 0)).unwrap();
        thread::scope(|scope| {
            for number in 1..=3 {
                let (queue, served) = (&queue, &served);
                scope.spawn(move || {
                    let _permit = queue.acquire(&requester("192.0.2.1", number == 3, 0)).unwrap();
                    served.lock().push(number);
                });
                while queue.waiting() < number {
                    thread::yield_now();
                }
            }
            assert!(queue.is_full());
            drop(permit);
        });
        assert_eq!(*served.lock(), [1, 2, 3]);
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn past_the_queue_a_caller_is_told_to_come_back() {
        let queue = Queue::new(0);
        let ann = requester("192.0.2.1", true, 5);
        let permit = queue.acquire(&ann).unwrap();
        assert!(matches!(queue.acquire(&ann).map(drop), Err(Error::Unavailable(_))));
        drop(permit);
        assert!(queue.acquire(&ann).is_ok());
    }

    /// Fills a queue of three with `first` in turn; gives who of them and of `last` is served.
    fn served(first: [Requester; 3], last: Requester) -> [bool; 4] {
        let queue = Queue::new(3);
        let permit = queue.acquire(&requester("203.0.113.1", false, 0)).unwrap();
        thread::scope(|scope| {
            let [a, b, c] = first.map(|requester| wait(scope, &queue, requester));
            let d = wait(scope, &queue, last);
            drop(permit);
            [a, b, c, d].map(|thread| thread.join().unwrap())
        })
    }

    #[test]
    fn one_client_can_not_fill_the_queue() {
        let greedy = requester("192.0.2.1", false, 9);
        let other = requester("192.0.2.2", false, 0);
        assert_eq!(served([greedy; 3], other), [true, true, false, true]);
        assert_eq!(served([greedy; 3], greedy), [true, true, true, false]);
        let site = [1, 2, 3].map(|net| requester(&format!("2001:db8:1:{net}::1"), false, 9));
        let elsewhere = requester("2001:db8:2::1", false, 0);
        assert_eq!(served(site, elsewhere), [true, true, false, true]);
    }

    #[test]
    fn many_clients_that_have_asked_before_give_way_to_one_that_asks_once() {
        let crowd = [1, 2, 3].map(|host| requester(&format!("192.0.2.{host}"), false, 4 - host));
        let once = requester("198.51.100.1", false, 4);
        assert_eq!(served(crowd, once), [true, true, false, true]);
        let again = requester("198.51.100.1", false, 1);
        assert_eq!(served(crowd, again), [true, true, true, false]);
    }

    #[test]
    fn strangers_give_way_to_who_is_known() {
        let crowd = [1, 2, 3].map(|host| requester(&format!("192.0.2.{host}"), false, 4));
        let known = requester("192.0.2.3", true, 0);
        assert_eq!(served(crowd, known), [true, true, false, true]);
        let mut with_known = crowd;
        with_known[2] = known;
        assert_eq!(served(with_known, crowd[0]), [true, true, true, false]);
    }
}
