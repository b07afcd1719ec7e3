//! How many serving threads are at work at once.
//!
//! There are as many threads as requests may wait for a password hash, or for a write other
//! than an order, at the same time: far more than cores. If all of them waited for
//! connections, each request would wake another one, and they would spend their time taking
//! turns. So only a few wait; the others rest, and one is called when those at work are all
//! inside the service.
//!
//! Invariant: while a thread rests, at least one other is at work outside the service.

use std::sync::{Condvar, Mutex, MutexGuard};

/// The serving threads, by what they are about.
pub struct ThreadPool {
    state: Mutex<State>,
    called: Condvar,
    /// More than these outside the service, and one goes to rest.
    enough: usize,
}

#[derive(Default)]
struct State {
    /// At work, and not inside the service.
    outside: usize,
    resting: usize,
    /// Called from their rest and not awake yet; they count as outside already.
    calls: usize,
    is_closed: bool,
}

/// A thread's membership. It ends when this is dropped, however the thread comes to its end.
pub struct Member<'c>(&'c ThreadPool);

/// A thread's time inside the service.
pub struct Inside<'c>(&'c ThreadPool);

impl ThreadPool {
    /// A thread_pool of `threads`, all at work, of whom `enough` may stay outside the service. Each
    /// of them holds a [`Member`]: one that left and still counted would keep others at rest.
    pub fn new(threads: usize, enough: usize) -> ThreadPool {
        let state = State { outside: threads, ..State::default() };
        ThreadPool { state: Mutex::new(state), called: Condvar::new(), enough: enough.max(1) }
    }

    /// The membership of this thread, which counts since the thread_pool was made.
    pub fn member(&self) -> Member<'_> {
        Member(self)
    }

    /// Says that this thread goes into the service, where it may block, until the guard is
    /// dropped. Calls another one to its place if nobody is left.
    pub fn enter(&self) -> Inside<'_> {
        self.step_away();
        Inside(self)
    }

    /// One less outside the service; if nobody is left there, another is called.
    fn step_away(&self) {
        let mut state = self.lock();
        state.outside -= 1;
        if state.outside == 0 && state.resting > 0 {
            state.resting -= 1;
            state.outside += 1;
            state.calls += 1;
            self.called.notify_one();
        }
    }

    /// Rests while there are enough others.
    pub fn rest(&self) {
        let mut state = self.lock();
        if state.outside <= self.enough || state.is_closed {
            return;
        }
        state.outside -= 1;
        state.resting += 1;
        while state.calls == 0 && !state.is_closed {
            state = self.called.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        match state.calls.checked_sub(1) {
            Some(calls) => state.calls = calls,
            None => {
                state.resting -= 1;
                state.outside += 1;
            }
        }
    }

    /// Nobody rests any more.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.called.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        self.0.step_away();
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.lock().outside += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Those outside the service and those at rest.
    fn counts(thread_pool: &ThreadPool) -> (usize, usize) {
        let state = thread_pool.lock();
        (state.outside, state.resting)
    }

    #[test]
    fn the_last_one_outside_calls_another() {
        let thread_pool = ThreadPool::new(3, 1);
        thread::scope(|scope| {
            let resting: Vec<_> = (0..2).map(|_| scope.spawn(|| thread_pool.rest())).collect();
            while thread_pool.lock().resting < 2 {
                thread::yield_now();
            }
            let first = thread_pool.enter();
            assert_eq!(thread_pool.lock().outside, 1);
            let second = thread_pool.enter();
            assert_eq!(counts(&thread_pool), (1, 0));
            for thread in resting {
                thread.join().unwrap();
            }
            let third = thread_pool.enter();
            assert_eq!(thread_pool.lock().outside, 0);
            drop((first, second, third));
            assert_eq!(thread_pool.lock().outside, 3);
        });
    }

    #[test]
    fn the_last_one_to_leave_calls_another() {
        let thread_pool = ThreadPool::new(2, 1);
        let member = thread_pool.member();
        let after = thread::scope(|scope| {
            scope.spawn(|| thread_pool.rest());
            while thread_pool.lock().resting < 1 {
                thread::yield_now();
            }
            drop(member);
            let after = counts(&thread_pool);
            thread_pool.close();
            after
        });
        assert_eq!(after, (1, 0));
    }

    #[test]
    fn nobody_rests_while_there_are_too_few() {
        let thread_pool = ThreadPool::new(2, 2);
        thread_pool.rest();
        assert_eq!(thread_pool.lock().outside, 2);
    }

    #[test]
    fn closing_wakes_everyone() {
        let thread_pool = ThreadPool::new(4, 1);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| thread_pool.rest());
            }
            while thread_pool.lock().resting < 3 {
                thread::yield_now();
            }
            thread_pool.close();
        });
        assert_eq!(counts(&thread_pool), (4, 0));
    }
}
