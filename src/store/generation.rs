//! Token generations: drawn, not counted. After an older backup was restored, ids are given out
//! again, and a counter would be too; then an old token of one user would fit another.

use std::io;

/// The largest, which a signed 32-bit integer of a client holds.
const LAST: u32 = i32::MAX as u32;

/// A random generation from 1 to 2^31 - 1, other than `old`.
///
/// # Errors
/// The system has no random bytes.
pub(super) fn draw(old: u32) -> io::Result<u32> {
    loop {
        let drawn = getrandom::u32().map_err(io::Error::other)? & LAST;
        if drawn != 0 && drawn != old {
            return Ok(drawn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_differ_and_stay_in_their_range() {
        let mut last = 0;
        for _ in 0..1000 {
            let drawn = draw(last).unwrap();
            assert!((1..=LAST).contains(&drawn) && drawn != last);
            last = drawn;
        }
    }
}
