//! Authentication: password hashes, and the tokens and keys that requests carry instead of
//! passwords.

mod api_keys;
mod hashing;
mod key;
mod queue;
mod tokens;

pub use api_keys::{ApiKeys, DrawnApiKey, KnownApiKey, api_key_hash, is_api_key};
pub use hashing::{Cost, Hasher, Verdict};
pub use key::{SigningKey, load_key, load_or_create_key, random_hex, write_private};
pub use queue::Requester;
pub use tokens::{Claims, Tokens};
