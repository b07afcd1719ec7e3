//! How many serving threads run at once.
//!
//! There are as many threads as requests may wait for a password hash, or for a write other
//! than an order, at the same time: far more than cores. If all of them waited for
//! connections, each request would wake another one, and the cores would be busy switching
//! between them. So only a few wait; the others are parked, and one is unparked when all that
//! run block in the handler.
//!
//! Invariant: while a thread is parked, at least one other runs outside the handler.

use parking_lot::{Condvar, Mutex};

/// The serving threads, counted by what they do.
pub struct ThreadPool {
    state: Mutex<State>,
    unparked: Condvar,
    /// With more than these running, one parks.
    max_running: usize,
}

#[derive(Default)]
struct State {
    /// Threads outside the handler that are not parked.
    running: usize,
    parked: usize,
    /// Threads that were unparked and are not awake yet; they count as running already.
    wakeups: usize,
    is_closed: bool,
}

/// A thread's membership. It ends when this is dropped, however the thread ends.
pub struct Membership<'p>(&'p ThreadPool);

/// The time in which a thread may block.
pub struct Blocking<'p>(&'p ThreadPool);

impl ThreadPool {
    /// A pool of `threads`, all running, of which `max_running` may go on outside the handler.
    /// Each of them holds a [`Membership`]: one that left and still counted would keep others
    /// parked.
    pub fn new(threads: usize, max_running: usize) -> ThreadPool {
        let state = State { running: threads, ..State::default() };
        let max_running = max_running.max(1);
        ThreadPool { state: Mutex::new(state), unparked: Condvar::new(), max_running }
    }

    /// The membership of the calling thread, one of those that `new` has counted as running.
    pub fn membership(&self) -> Membership<'_> {
        Membership(self)
    }

    /// Says that this thread may block until the guard is dropped. Unparks another one if
    /// nobody else runs.
    pub fn block_in_place(&self) -> Blocking<'_> {
        self.leave();
        Blocking(self)
    }

    /// One less runs; if nobody is left, another is unparked.
    fn leave(&self) {
        let mut state = self.state.lock();
        state.running -= 1;
        if state.running == 0 && state.parked > 0 {
            state.parked -= 1;
            state.running += 1;
            state.wakeups += 1;
            self.unparked.notify_one();
        }
    }

    /// Parks this thread while enough others run.
    pub fn park_if_enough(&self) {
        let mut state = self.state.lock();
        if state.running <= self.max_running || state.is_closed {
            return;
        }
        state.running -= 1;
        state.parked += 1;
        self.unparked.wait_while(&mut state, |state| state.wakeups == 0 && !state.is_closed);
        match state.wakeups.checked_sub(1) {
            Some(wakeups) => state.wakeups = wakeups,
            None => {
                state.parked -= 1;
                state.running += 1;
            }
        }
    }

    /// Unparks everyone, for good.
    pub fn close(&self) {
        self.state.lock().is_closed = true;
        self.unparked.notify_all();
    }
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Drop for Blocking<'_> {
    fn drop(&mut self) {
        self.0.state.lock().running += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Threads that run, and threads that are parked.
    fn counts(pool: &ThreadPool) -> (usize, usize) {
        let state = pool.state.lock();
        (state.running, state.parked)
    }

    fn await_parked(pool: &ThreadPool, count: usize) {
        while pool.state.lock().parked < count {
            thread::yield_now();
        }
    }

    #[test]
    fn the_last_one_that_runs_unparks_another() {
        let pool = ThreadPool::new(3, 1);
        thread::scope(|scope| {
            let parked: Vec<_> = (0..2).map(|_| scope.spawn(|| pool.park_if_enough())).collect();
            await_parked(&pool, 2);
            let first = pool.block_in_place();
            assert_eq!(pool.state.lock().running, 1);
            let second = pool.block_in_place();
            assert_eq!(counts(&pool), (1, 0));
            for thread in parked {
                thread.join().unwrap();
            }
            let third = pool.block_in_place();
            assert_eq!(pool.state.lock().running, 0);
            drop((first, second, third));
            assert_eq!(pool.state.lock().running, 3);
        });
    }

    #[test]
    fn the_last_one_to_leave_unparks_another() {
        let pool = ThreadPool::new(2, 1);
        let membership = pool.membership();
        let after = thread::scope(|scope| {
            scope.spawn(|| pool.park_if_enough());
            await_parked(&pool, 1);
            drop(membership);
            let after = counts(&pool);
            pool.close();
            after
        });
        assert_eq!(after, (1, 0));
    }

    #[test]
    fn nobody_parks_while_too_few_run() {
        let pool = ThreadPool::new(2, 2);
        pool.park_if_enough();
        assert_eq!(pool.state.lock().running, 2);
    }

    #[test]
    fn closing_unparks_everyone() {
        let pool = ThreadPool::new(4, 1);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| pool.park_if_enough());
            }
            await_parked(&pool, 3);
            pool.close();
        });
        assert_eq!(counts(&pool), (4, 0));
    }
}
