//! Waiting for many sockets at once: epoll on Linux, `poll` elsewhere.
//!
//! A socket is watched once: after its event it is silent until it is armed again,
//! so one thread at a time has it, however many wait.

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(any(test, not(target_os = "linux")))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod portable;
mod waker;

#[cfg(target_os = "linux")]
pub use epoll::Poll;
#[cfg(not(target_os = "linux"))]
pub use portable::Poll;
pub use waker::Waker;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    Readable,
    Writable,
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The socket armed with this token is ready, or its other side is gone.
    Ready(u64),
    /// Its [`Waker`] was called.
    ByWaker,
    /// [`Poll::close`] was called.
    Closed,
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// Both kinds of `Poll` keep the same promises.
    macro_rules! promises {
        ($name:ident, $implementation:ident) => {
            mod $name {
                use super::*;
                use $implementation::{Bell, Poll};

                fn poll() -> (Poll, Bell) {
                    let bell = Bell::new().unwrap();
                    (Poll::new(&bell).unwrap(), bell)
                }

                #[test]
                fn bytes_that_came_before_arming_wake() {
                    let (poll, _bell) = poll();
                    let (mut client, server) = pair();
                    client.write_all(b"x").unwrap();
                    poll.add(&server, 7, Interest::Readable).unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                    poll.arm(&server, 7, Interest::Readable).unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                }

                #[test]
                fn a_socket_is_silent_until_it_is_armed_again() {
                    let (poll, _bell) = poll();
                    let (mut client, server) = pair();
                    poll.add(&server, 7, Interest::Readable).unwrap();
                    client.write_all(b"x").unwrap();
                    assert_eq!(poll.wait().unwrap(), Woken::Ready(7));
                    poll.close();
                    assert_eq!(poll.wait().unwrap(), Woken::Closed);
                }

                #[test]
                fn a_ring_wakes_one_wait_whenever_it_came() {
                    let (poll, bell) = poll();
                    bell.ring();
                    assert_eq!(poll.wait().unwrap(), Woken::ByWaker);
                    std::thread::scope(|scope| {
                        let waiting = scope.spawn(|| poll.wait().unwrap());
                        bell.ring();
                        assert_eq!(waiting.join().unwrap(), Woken::ByWaker);
                    });
                    poll.close();
                    assert_eq!(poll.wait().unwrap(), Woken::Closed);
                }

                #[test]
                fn closing_wakes_every_thread() {
                    let (poll, _bell) = poll();
                    std::thread::scope(|scope| {
                        let waiting: Vec<_> =
                            (0..8).map(|_| scope.spawn(|| poll.wait().unwrap())).collect();
                        poll.close();
                        for thread in waiting {
                            assert_eq!(thread.join().unwrap(), Woken::Closed);
                        }
                    });
                }
            }
        };
    }

    #[cfg(target_os = "linux")]
    promises!(with_epoll, epoll);
    promises!(with_poll, portable);

    #[test]
    fn a_waker_rings_once_for_each_time_that_it_is_armed() {
        let waker = Waker::new().unwrap();
        let poll = waker.new_poll().unwrap();
        waker.wake();
        waker.arm();
        waker.wake();
        waker.wake();
        assert_eq!(poll.wait().unwrap(), Woken::ByWaker);
        poll.close();
        assert_eq!(poll.wait().unwrap(), Woken::Closed);
    }
}
