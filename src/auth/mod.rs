//! Authentication: password hashes, and the tokens that requests carry instead of passwords.

mod hashing;
mod key;
mod tokens;

pub use hashing::{Cost, Hasher};
pub use key::{SigningKey, load_key, load_or_create_key, random_hex, write_private};
pub use tokens::{Claims, Tokens};
