//! Proving who is asking: password hashes, and the tokens that spare them.

mod hashing;
mod key;
mod tokens;

pub use hashing::{Cost, Hasher};
pub use key::{SigningKey, load_or_create_key, random_hex, write_private};
pub use tokens::{Claims, Tokens};
