//! Downloads of backups, step by step, and databases that are large enough to make them slow.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use orderd::clock::Timestamp;
use orderd::domain::{EmailAddress, MessageId, Outcome, Role, UserId, Username};
use orderd::store::{CreateUser, PlaceOrder, SetPassword, Store};
use socket2::{Domain, Socket, Type};

use super::client::{Client, TIMEOUT};

/// More than the socket buffers of [`Download`] and of its server hold together.
pub const LARGE_BYTES: usize = 8 << 20;

/// A client that reads a backup as slowly as it likes.
pub struct Download(Client);

impl Download {
    /// Asks, and reads nothing yet. With HTTP/1.0 the body ends with the connection.
    pub fn ask(address: SocketAddr, token: &str) -> Download {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // By itself the system lets the service send megabytes ahead.
        socket.set_recv_buffer_size(64 << 10).unwrap();
        socket.connect_timeout(&address.into(), TIMEOUT).unwrap();
        let mut client = Client::over(socket.into()).unwrap();
        let head = format!("Host: shop\r\nAuthorization: Bearer {token}\r\n\r\n");
        client.try_send(format!("GET /admin/backup HTTP/1.0\r\n{head}")).unwrap();
        Download(client)
    }

    /// Reads the head, and the part of the body that came with it; gives the status.
    pub fn status(&mut self) -> u16 {
        self.0.read_head().status
    }

    /// The rest of the body.
    ///
    /// # Errors
    /// The connection broke.
    pub fn rest(mut self) -> io::Result<Vec<u8>> {
        self.0.try_read_to_close()
    }
}

/// Adds a user with a row of [`LARGE_BYTES`], so that a backup's download goes on for as long as
/// its client likes; gives that user.
pub fn enlarge(store: &Store) -> UserId {
    let user = CreateUser {
        username: Username::parse("large").unwrap(),
        email: EmailAddress::parse("large@example.com").unwrap(),
        role: Role::User,
        password_hash: "x".repeat(LARGE_BYTES),
        at: Timestamp::EPOCH,
    };
    store.write(user).unwrap().id
}

/// Replaces the large row. Its old pages are free then, unless a transaction still reads them.
pub fn write_over(store: &Store, user: UserId) {
    let hash = "y".repeat(LARGE_BYTES);
    store.write(SetPassword { user, hash, replaces: None }).unwrap();
}

/// Gives the first user so many orders that a backup takes a while to make.
pub fn fill(store: &Store) {
    // Fewer than the service lets write at once, so that it refuses none on a slow disk.
    const THREADS: usize = 6;
    const ORDERS_EACH: usize = 2000;
    let place = || {
        for _ in 0..ORDERS_EACH {
            let message_id = MessageId("m@example.com".into());
            let (user, at) = (UserId(1), Timestamp::EPOCH);
            let place = PlaceOrder::simple(user, Outcome::Successful, message_id, at);
            store.write(place).unwrap();
        }
    };
    thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(place))));
}

/// The names of the files in `folder` that were made for downloads.
pub fn leftovers(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("download")).collect()
}
