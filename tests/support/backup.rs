//! Downloads of backups, step by step, and databases for which they take a while.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use orderd::clock::Timestamp;
use orderd::domain::{EmailAddress, MessageId, NewOrder, Outcome, Role, UserId, Username};
use orderd::store::{CreateUser, PlaceOrder, SetPassword, Store};
use socket2::{Domain, Socket, Type};

use super::client::{Client, PATIENCE};

/// More than the sockets of a narrow client and of its server take together.
pub const LARGE_BYTES: usize = 8 << 20;

/// A client that takes a backup, as slowly as it likes.
pub struct Download(Client);

impl Download {
    /// Asks, and takes nothing yet. HTTP/1.0, so that the body is what comes until the close.
    pub fn ask(address: SocketAddr, token: &str) -> Download {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // By itself the system lets the service send megabytes ahead.
        socket.set_recv_buffer_size(64 << 10).unwrap();
        socket.connect_timeout(&address.into(), PATIENCE).unwrap();
        let mut client = Client::over(socket.into()).unwrap();
        let head = format!("Host: shop\r\nAuthorization: Bearer {token}\r\n\r\n");
        client.try_send(format!("GET /admin/backup HTTP/1.0\r\n{head}")).unwrap();
        Download(client)
    }

    /// The status; the head is taken, and as much as came with it.
    pub fn status(&mut self) -> u16 {
        self.0.read_head().status
    }

    /// The rest of the body.
    ///
    /// # Errors
    /// It did not come whole.
    pub fn rest(mut self) -> io::Result<Vec<u8>> {
        self.0.try_read_to_close()
    }
}

/// Makes the database large, so that its backup is under way for as long as a client likes.
/// Gives the user whose row it is.
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

/// Writes the large row anew; what it held before is free then, unless somebody reads it.
pub fn write_over(store: &Store, user: UserId) {
    let hash = "y".repeat(LARGE_BYTES);
    store.write(SetPassword { user, hash, replaces: None }).unwrap();
}

/// Gives the first user so many orders that a backup takes a while to make.
pub fn fill(store: &Store) {
    // Fewer than the service may let write at once: a slow disk turns nobody away.
    const THREADS: usize = 6;
    const ORDERS_EACH: usize = 2000;
    let place = || {
        for _ in 0..ORDERS_EACH {
            let order = NewOrder { outcome: Outcome::Successful };
            let message_id = MessageId("m@example.com".into());
            let (user, at) = (UserId(1), Timestamp::EPOCH);
            let place = PlaceOrder { user, order, message_id, at, idempotency: None };
            store.write(place).unwrap();
        }
    };
    thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(place))));
}

/// What lies in `folder` of a backup that was made for a client.
pub fn leftovers(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("download")).collect()
}
