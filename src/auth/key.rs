//! The key that signs tokens, and the file that it is kept in.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::sys::files::{
    DATA_FOLDER_MODE, create_private, folder_of, make_folder, named_beside, real_path,
    sync_folder_of,
};

/// The bytes that tokens are signed with.
#[derive(Clone)]
pub struct SigningKey(Vec<u8>);

impl SigningKey {
    /// The text's bytes are the key, so that any JWT library can be given the same text.
    pub fn from_text(text: &str) -> SigningKey {
        SigningKey(text.as_bytes().to_vec())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the key is long only by its length: it has very few different bytes, or repeats
    /// a shorter text. No random key is so, in whatever alphabet it is written.
    pub fn is_monotonous(&self) -> bool {
        let mut different = self.0.clone();
        different.sort_unstable();
        different.dedup();
        different.len() < LEAST_DIFFERENT
            || (1..=self.0.len() / 2)
                .any(|period| self.0[period..] == self.0[..self.0.len() - period])
    }
}

/// Fewer different bytes than this no random key has: of 32 decimal digits, the poorest alphabet,
/// about one key in seventeen million.
const LEAST_DIFFERENT: usize = 6;

/// Reads the key file; none where there is no file.
///
/// # Errors
/// It can't be read, or is too short.
pub fn load_key(path: &Path) -> io::Result<Option<SigningKey>> {
    match fs::read_to_string(path) {
        Ok(text) if text.trim().len() >= 32 => Ok(Some(SigningKey::from_text(text.trim()))),
        Ok(_) => {
            let why = "is too short to be a key; delete it to have a new one made";
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        }
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// Reads the key file, or creates one with 64 random hex characters that only its owner may
/// read. It is synced before the key is used, so that tokens stay valid after a crash.
pub fn load_or_create_key(path: &Path) -> io::Result<SigningKey> {
    if let Some(key) = load_key(path)? {
        return Ok(key);
    }
    let text = random_hex::<32>()?;
    write_private(path, &text)?;
    Ok(SigningKey::from_text(&text))
}

/// Writes a file of mode 0600 and syncs it and its folder. The file appears only when whole;
/// where the path is a link, it appears there.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let path = real_path(path);
    make_folder(folder_of(&path), DATA_FOLDER_MODE)?;
    let unfinished = named_beside(&path, ".new");
    let mut file = create_private(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    sync_folder_of(&path)
}

/// `BYTES` random bytes of the system's generator, as hex.
pub fn random_hex<const BYTES: usize>() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_few_letters_or_of_one_text_again_and_again_is_monotonous() {
        let made = random_hex::<32>().unwrap();
        for good in
            [made.as_str(), "27182818284590452353602874713526", "correct horse battery staple"]
        {
            assert!(!SigningKey::from_text(good).is_monotonous(), "{good}");
        }
        for bad in
            [&"x".repeat(32), &"abc".repeat(20), &"0123456789abcdef".repeat(2), "aaaaaaaaaaab"]
        {
            assert!(SigningKey::from_text(bad).is_monotonous(), "{bad}");
        }
    }

    #[test]
    fn a_key_touches_no_file_of_a_like_name() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("orders.new");
        fs::write(&other, "somebody's").unwrap();
        let path = folder.path().join("orders.key");
        let key = load_or_create_key(&path).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "somebody's");
        assert_eq!(load_or_create_key(&path).unwrap().as_bytes(), key.as_bytes());
    }
}
