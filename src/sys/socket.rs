//! Client sockets: what the standard library's sockets can't do.

use std::io;
#[cfg(not(target_os = "linux"))]
use std::net::SocketAddr;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};

/// What a read brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Bytes(usize),
    /// Nothing has come.
    Nothing,
    /// The other side has sent all that it will send.
    End,
    /// The connection is broken.
    Broken,
}

/// Appends to `buffer` what has come, at most about `limit` bytes, without waiting.
pub fn receive(socket: &TcpStream, buffer: &mut Vec<u8>, limit: usize) -> Received {
    buffer.reserve(limit.max(1));
    match recv(socket, spare_capacity(buffer), RecvFlags::DONTWAIT) {
        Ok((0, _)) => Received::End,
        Ok((count, _)) => Received::Bytes(count),
        Err(Errno::AGAIN | Errno::INTR) => Received::Nothing,
        Err(_) => Received::Broken,
    }
}

/// Whether nothing has come that was not read, not even the end.
pub fn is_quiet(socket: &TcpStream) -> bool {
    let peeked = recv(socket, &mut [0u8; 1], RecvFlags::DONTWAIT | RecvFlags::PEEK);
    peeked.is_err()
}

/// Whether the other side has closed its end, with nothing before that which was not read.
pub fn has_hung_up(socket: &TcpStream) -> bool {
    match recv(socket, &mut [0u8; 1], RecvFlags::DONTWAIT | RecvFlags::PEEK) {
        Ok((count, _)) => count == 0,
        Err(Errno::AGAIN | Errno::INTR) => false,
        Err(_) => true,
    }
}

/// Whether a send would find room. Where that can't be told: no.
pub fn is_writable(socket: &TcpStream) -> bool {
    let mut watched = [PollFd::new(socket, PollFlags::OUT)];
    poll(&mut watched, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// Makes room for `bytes` in a socket's buffers, as far as the system allows.
pub fn enlarge_buffers(socket: impl AsFd, bytes: usize) {
    let _ = sockopt::set_socket_send_buffer_size(&socket, bytes);
    let _ = sockopt::set_socket_recv_buffer_size(&socket, bytes);
}

/// Sends what the socket takes without waiting: `None` when it takes nothing now.
pub fn send_now(socket: &TcpStream, bytes: &[u8]) -> io::Result<Option<usize>> {
    match send(socket, bytes, SendFlags::DONTWAIT) {
        Ok(count) => Ok(Some(count)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Connections that may wait to be accepted, as far as the system allows.
const BACKLOG: i32 = 4096;

/// Prepares a listener. What is set here is inherited by every connection: without
/// `TCP_NODELAY` an answer of some kilobytes waits 40 ms for an acknowledgement.
pub fn prepare_listener(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(false)?;
    // The standard library asks for 128. Whoever comes while so many wait is not heard, and
    // knocks again after a second.
    rustix::net::listen(listener, BACKLOG)?;
    Ok(sockopt::set_tcp_nodelay(listener, true)?)
}

/// Ends a thread's `accept` on the listener, for good.
///
/// Linux wakes it by the shutdown alone; elsewhere one more connection does.
pub fn stop_listening(listener: &TcpListener) {
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
    #[cfg(not(target_os = "linux"))]
    if let Ok(address) = listener.local_addr() {
        let _ = TcpStream::connect_timeout(&reachable(address), Duration::from_secs(1));
    }
}

#[cfg(not(target_os = "linux"))]
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Says that nothing more will be sent. What the client still sends can be read.
pub fn finish_sending(socket: &TcpStream) {
    let _ = socket.shutdown(Shutdown::Write);
}

/// Makes the close that follows a reset, so that a cut answer can't look whole.
pub fn reset_on_close(socket: &TcpStream) {
    let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO));
}

/// Why `accept` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptError {
    /// That client is gone; the next may be there.
    Passing,
    /// Out of descriptors or of the kernel's memory: something must be closed first.
    Exhausted,
    /// The listener itself is at its end.
    Listener,
}

/// Sorts a failed `accept` by what can be done about it.
pub fn accept_error(error: &io::Error) -> AcceptError {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => AcceptError::Exhausted,
        Some(Errno::INVAL | Errno::BADF | Errno::NOTSOCK | Errno::OPNOTSUPP) => {
            AcceptError::Listener
        }
        _ => AcceptError::Passing,
    }
}

/// Writes all of `bytes` without waiting; false when only a part, or nothing, found room.
pub fn send_whole_now(socket: impl AsFd, bytes: &[u8]) -> io::Result<bool> {
    match send(socket, bytes, SendFlags::DONTWAIT) {
        Ok(count) => Ok(count == bytes.len()),
        Err(Errno::AGAIN | Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_finds_room_to_wait_in() {
        let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
        let crowd = allowed.trim().parse::<usize>().unwrap().min(500);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        prepare_listener(&listener).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |_| TcpStream::connect_timeout(&address, Duration::from_secs(20));
        let waiting: Vec<_> = (0..crowd).map(connect).collect::<io::Result<_>>().unwrap();
        assert_eq!(waiting.len(), crowd);
    }
}
